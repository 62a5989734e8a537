"""Many incidents out of few: rows of real ones copied by SQL, with ids, keys and people of their own.

A copy has every row of its original in every table and index. What is kept as text in the events of
a stored one is emptied, as erasure does it; their hashes are the original's. SQLite alone.
"""

import sqlite3
from contextlib import closing
from enum import StrEnum
from pathlib import Path


class Copies(StrEnum):
    """What the copies are to be."""

    STORED = "stored"
    """Long over."""
    WAITING = "waiting"
    """With an open question and its wakes."""
    LISTED = "listed"
    """For analysts to look at, of every customer: one in twenty is open, and nothing is due of it."""


FIELDS = {
    "incident": {
        "id": "c.id",
        "name": "c.name",
        "received": "c.at",
        "updated": "c.at",
    },
    "alert": {"incident_id": "c.id", "alert_id": "t.alert_id || c.tail"},
    "event": {"stream": "c.id", "key": "t.key || c.tail", "at": "c.at"},
    "effect": {
        "stream": "c.id",
        "key": "t.key || c.tail",
        "lane": "replace(replace(t.lane, c.original, c.id), c.person, c.object_id)",
        "surface": "replace(t.surface, c.person, c.object_id)",
        "ordered_at": "c.at",
    },
    "surface": {
        "incident_id": "c.id",
        "name": "replace(t.name, c.person, c.object_id)",
        "conversation_id": "t.conversation_id || c.tail",
        "shown_at": "c.at",
        "posted_at": "c.at",
    },
    "handle": {
        "incident_id": "c.id",
        "token": "t.token || c.tail",
        "surface": "replace(t.surface, c.person, c.object_id)",
        "person": "replace(t.person, c.person, c.object_id)",
        "conversation_id": "t.conversation_id || c.tail",
    },
    "source_ref": {"incident_id": "c.id", "source_id": "t.source_id || c.tail"},
    "entity_key": {
        "incident_id": "c.id",
        "key": "CASE WHEN t.key LIKE 'oid:%' THEN replace(t.key, c.person, c.object_id)"
        " ELSE t.key || c.tail END",
        "last_seen": "c.at",
    },
}
"""What differs in a copy, by table and column: `t` is the original's row, `c` says which copy."""

_STORED = {
    "incident": {"status": "'resolved'", "state": "'{}'"},
    "alert": {"document": "'{}'"},
    "event": dict.fromkeys(("payload", "facts", "actor", "answer", "reasons", "salt"), "NULL"),
    "effect": {
        "status": "'done'",
        "due": "c.at",
        "done_at": "c.at",
        "owner": "NULL",
        "lease_until": "NULL",
        "waits_for": "NULL",
    },
}
_STATE = "replace(replace(t.state, c.original, c.id), c.person, c.object_id)"
_WAITING = {
    "incident": {"state": _STATE},
    "effect": {"payload": "replace(t.payload, c.person, c.object_id)"},
}
_SEEN = {
    "status": "CASE WHEN c.n % 20 THEN 'resolved' ELSE t.status END",
    "severity": "CASE c.n / 20 % 4 WHEN 0 THEN 'high' WHEN 1 THEN 'low' ELSE 'medium' END",
    "owner": "CASE c.n / 20 % 10 WHEN 0 THEN :owner END",
}
_LISTED = {
    "incident": {
        **_SEEN,
        "state": f"json_set({_STATE}, '$.name', c.name, '$.customer', c.customer"
        + "".join(f", '$.{name}', {value}" for name, value in _SEEN.items())
        + ")",
    },
    "event": _STORED["event"],
    "effect": _STORED["effect"],
}
_DIFFERS = {Copies.STORED: _STORED, Copies.WAITING: _WAITING, Copies.LISTED: _LISTED}
ORIGIN = {"incident": "id", "event": "stream", "effect": "stream"}
"""The column that names the incident, where it is not `incident_id`."""

PEOPLE = 1000
"""Whom stored incidents concern, a minute apart; a waiting one concerns somebody of its own."""

_ORIGINALS = """
CREATE TEMP TABLE original AS
SELECT row_number() OVER (ORDER BY i.id) - 1 AS number, i.id AS id, i.customer_id AS customer,
    substr(s.name, 8) AS person
FROM incident AS i
JOIN surface AS s ON s.customer_id = i.customer_id AND s.incident_id = i.id
    AND s.name LIKE 'person:%'
GROUP BY i.id
"""
_CUSTOMERS = """
CREATE TEMP TABLE whose AS
SELECT row_number() OVER (ORDER BY customer_id) - 1 AS number, customer_id AS id,
    json_extract(document, '$.prefix') AS prefix
FROM customer WHERE current AND role != 'provider'
"""
_COPIES = """
CREATE TEMP TABLE copies AS
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :count)
SELECT n, printf('-%08d', n) AS tail, printf('01900000-0000-7000-8000-%012x', n) AS id,
    printf('00000000-0000-4000-9000-%012x', n % :people) AS object_id,
    strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || (:minutes * n) || ' minutes') AS at,
    iif(:listed, w.id, o.customer) AS customer,
    iif(:listed, w.prefix || '-' || (:after + n), 'COPY-' || n) AS name,
    o.id AS original, o.person AS person
FROM number JOIN original AS o ON o.number = n % (SELECT count(*) FROM original)
JOIN whose AS w ON w.number = n / 7 % (SELECT count(*) FROM whose)
"""

LISTED_AFTER = 1_000_000
"""What is listed is numbered from here on, of whichever customer: CONTOSO-1000001."""


def fill(database: Path, incidents: int, copies: Copies, owner: str | None = None) -> None:
    """Copy until so many are there; of those listed, every tenth is the `owner`'s. Nobody has the
    database open. Every wake is put off by a day."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000;"
            "PRAGMA temp_store=MEMORY"
        )
        db.execute("BEGIN")
        db.execute(
            "UPDATE effect SET due = datetime(due, '+1 day') || '.000000' WHERE lane IS NULL"
        )
        (present,) = db.execute("SELECT count(*) FROM incident").fetchone()
        if incidents > present:
            indexes = _without_indexes(db)
            _copy(db, incidents - present, copies, owner)
            for statement in indexes:
                db.execute(statement)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=WAL")


_INDEXES = """
SELECT name, sql FROM sqlite_schema
WHERE type = 'index' AND sql IS NOT NULL AND sql NOT LIKE 'CREATE UNIQUE%'
"""


def _without_indexes(db: sqlite3.Connection) -> list[str]:
    """Take them off and say how they are made again: sorted once, they take a fraction of the time
    that row after row in every place of each of them takes."""
    found = db.execute(_INDEXES).fetchall()
    for name, _ in found:
        db.execute(f"DROP INDEX {name}")
    return [statement for _, statement in found]


def _copy(db: sqlite3.Connection, count: int, copies: Copies, owner: str | None) -> None:
    waiting = copies is Copies.WAITING
    db.execute(_ORIGINALS)
    db.execute(_CUSTOMERS)
    db.execute(
        _COPIES,
        {
            "count": count,
            "people": count + 1 if waiting else PEOPLE,
            "minutes": 0 if waiting else 1,
            "listed": copies is Copies.LISTED,
            "after": LISTED_AFTER,
        },
    )
    for table, differs in FIELDS.items():
        names = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
        if table == "effect":
            names.remove("id")  # given anew, in order
        fields = {"customer_id": "c.customer", **differs, **_DIFFERS[copies].get(table, {})}
        values = ", ".join(fields.get(name, f"t.{name}") for name in names)
        origin = ORIGIN.get(table, "incident_id")
        db.execute(f"CREATE TEMP TABLE t AS SELECT *, rowid AS place FROM main.{table}")
        db.execute(f"CREATE INDEX temp.t_of ON t ({origin}, place)")
        db.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM copies AS c"
            f" CROSS JOIN t ON t.{origin} = c.original ORDER BY c.n, t.place",
            {"owner": owner},
        )
        db.execute("DROP TABLE temp.t")

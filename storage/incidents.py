"""Incidents and their event log: a row becomes an `Incident`, an event and its state are saved as one.

The order of use, inside one transaction: `seen` (stop if so) → `load` → decide → `record`; where
the incident is known, `load_for` is the first two in one.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, insert, select, update
from sqlmodel import col

from storage import chain
from storage.codec import (
    alert_from_json,
    alert_to_json,
    event_from_json,
    event_to_json,
    facts_from_json,
    facts_to_json,
    incident_from_json,
    incident_to_json,
    reasons_from_json,
    reasons_to_json,
)
from storage.engine import Head, Tx
from storage.tables import (
    AlertRow,
    CounterRow,
    EntityKeyRow,
    EventRow,
    IncidentRow,
    MessageRow,
    SourceRefRow,
)
from triage.events import Event, Facts
from triage.incident import Incident, IncidentType, Reason, Status
from triage.report import Alert, Source

OVER = (Status.RESOLVED, Status.MERGED)

_OPEN = (
    select(col(IncidentRow.id))
    .where(col(IncidentRow.status).not_in(OVER))
    .order_by(col(IncidentRow.id))
)


def open_ids(tx: Tx) -> list[str]:
    """The incidents that are not over, oldest first."""
    return list(tx.session.run(_OPEN).scalars())


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered when this event came the first time."""

    stream: str
    answer: str


@dataclass(frozen=True, slots=True)
class Erased:
    """An event whose words were erased; its hashes are still in the chain."""

    kind: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event with all that `decide` was given, and what it said."""

    seq: int
    key: str
    at: datetime
    event: Event | Erased
    facts: Facts
    profile_version: int | None
    provider_version: int | None
    rules: str | None
    actor: str | None
    answer: str | None
    reasons: tuple[Reason, ...]
    effect_keys: tuple[str, ...]


class OvertakenError(Exception):
    """Somebody else recorded an event of the incident since it was loaded: decide again."""


# --- finding -------------------------------------------------------------------------------------

_SEEN = select(col(EventRow.stream), col(EventRow.answer)).where(
    col(EventRow.key) == bindparam("key")
)

_STATE = select(col(IncidentRow.version), col(IncidentRow.chain), col(IncidentRow.state)).where(
    col(IncidentRow.id) == bindparam("id")
)
_HELD_STATE = _STATE.with_for_update(key_share=True)

_STATE_AND_ANSWER = (
    select(
        col(IncidentRow.version),
        col(IncidentRow.chain),
        col(IncidentRow.state),
        col(EventRow.stream),
        col(EventRow.answer),
    )
    .outerjoin(
        EventRow,
        and_(
            col(EventRow.customer_id) == col(IncidentRow.customer_id),
            col(EventRow.key) == bindparam("key"),
        ),
    )
    .where(col(IncidentRow.id) == bindparam("id"))
)

_REF = select(col(SourceRefRow.incident_id)).where(
    col(SourceRefRow.source) == bindparam("source"),
    col(SourceRefRow.source_id) == bindparam("source_id"),
)

_ABOUT = select(col(EntityKeyRow.incident_id)).where(
    col(EntityKeyRow.key).in_(bindparam("keys", expanding=True)),
    col(EntityKeyRow.last_seen) >= bindparam("since"),
)
_RELATED = (
    select(col(IncidentRow.id))
    .where(col(IncidentRow.id).in_(_ABOUT), col(IncidentRow.status).not_in(OVER))
    .order_by(col(IncidentRow.received).desc(), col(IncidentRow.id).desc())
    .limit(1)
)


_NAMED = select(col(IncidentRow.id)).where(col(IncidentRow.name) == bindparam("name"))


def named(tx: Tx, name: str) -> str | None:
    """The incident of this name, as people write it, in any case of letters."""
    return tx.session.run(_NAMED, {"name": name.upper()}).scalar()


def seen(tx: Tx, key: str) -> StoredAnswer | None:
    """The answer an event was given, if it has come before."""
    found = tx.session.run(_SEEN, {"key": key}).one_or_none()
    return StoredAnswer(found.stream, found.answer or "") if found else None


def load(tx: Tx, incident_id: str) -> Incident | None:
    """Where others write beside this unit, they wait for it before they load the incident too."""
    state = _HELD_STATE if tx.beside is not None else _STATE
    row = tx.session.run(state, {"id": incident_id}).one_or_none()
    return _loaded(tx, incident_id, row) if row else None


def load_for(tx: Tx, incident_id: str, key: str) -> tuple[Incident, StoredAnswer | None] | None:
    """`load`, and what the event with this key was answered, if it has come before.

    One look where nobody writes beside this unit; else the answer is looked for once the incident
    is held, for whoever held it may have given it.
    """
    if tx.beside is not None:
        incident = load(tx, incident_id)
        return (incident, seen(tx, key)) if incident else None
    row = tx.session.run(_STATE_AND_ANSWER, {"id": incident_id, "key": key}).one_or_none()
    if row is None:
        return None
    answered = StoredAnswer(row.stream, row.answer or "") if row.stream else None
    return _loaded(tx, incident_id, row), answered


def _loaded(tx: Tx, incident_id: str, row: Row[*tuple[Any, ...]]) -> Incident:
    tx.heads[incident_id] = Head(row.version, row.chain)
    return incident_from_json(row.state)


def hold(tx: Tx, incident_id: str) -> None:
    """As `load` does: whoever changes what belongs to an incident takes the incident first."""
    if tx.beside is not None:
        tx.session.run(_HELD_STATE, {"id": incident_id})


def find_by_ref(tx: Tx, source: Source, source_id: str) -> str | None:
    """The incident a source's own id stands for."""
    return tx.session.run(_REF, {"source": source, "source_id": source_id}).scalar()


def find_related(tx: Tx, keys: Iterable[str], since: datetime) -> str | None:
    """The newest incident that is not over and shares one of the keys, seen since then."""
    wanted = {"keys": list(keys), "since": since}
    return tx.session.run(_RELATED, wanted).scalar() if wanted["keys"] else None


_LATEST_ABOUT = (
    select(col(IncidentRow.state))
    .where(col(IncidentRow.id).in_(_ABOUT), col(IncidentRow.type) != IncidentType.RESTRICTED)
    .order_by(
        col(IncidentRow.status).in_(OVER),
        col(IncidentRow.received).desc(),
        col(IncidentRow.id).desc(),
    )
    .limit(bindparam("limit"))
)


_RECEIVED = (
    select(col(IncidentRow.state))
    .where(
        col(IncidentRow.received) > bindparam("since"),
        col(IncidentRow.received) <= bindparam("until"),
    )
    .order_by(col(IncidentRow.received), col(IncidentRow.id))
    .limit(bindparam("limit"))
)


def received_between(tx: Tx, since: datetime, until: datetime, limit: int) -> list[Incident]:
    """What came in after `since` and not after `until`, oldest first."""
    wanted = {"since": since, "until": until, "limit": limit}
    return [incident_from_json(state) for state in tx.session.run(_RECEIVED, wanted).scalars()]


def latest_about(tx: Tx, object_id: str, since: datetime, limit: int) -> list[Incident]:
    """The newest incidents this person is concerned by, or was asked about by an analyst, open ones
    first; never a restricted one, of which nobody concerned may learn."""
    keys = [f"oid:{object_id.lower()}", asked_key(object_id)]
    wanted = {"keys": keys, "since": since, "limit": limit}
    return [incident_from_json(state) for state in tx.session.run(_LATEST_ABOUT, wanted).scalars()]


_SUSPECT = (
    select(col(EntityKeyRow.key))
    .where(
        col(EntityKeyRow.key).in_(bindparam("keys", expanding=True)),
        col(EntityKeyRow.incident_id) != bindparam("besides"),
    )
    .distinct()
)


_SUSPECTING = select(col(EntityKeyRow.incident_id)).where(col(EntityKeyRow.key) == bindparam("key"))


def suspecting(tx: Tx, object_id: str) -> list[str]:
    """The incidents that keep this account suspect, closed or not."""
    return list(tx.session.run(_SUSPECTING, {"key": suspect_key(object_id)}).scalars())


def suspect_key(object_id: str) -> str:
    """What stands for an account as long as an incident makes it suspect, closed or not."""
    return f"suspect:{object_id.lower()}"


_FORGET = (
    delete(EntityKeyRow)
    .where(
        col(EntityKeyRow.incident_id) == bindparam("of_incident"),
        col(EntityKeyRow.key).in_(bindparam("keys", expanding=True)),
    )
    .execution_options(synchronize_session=False)
)


def suspect(
    tx: Tx, incident_id: str, begins: Collection[str], ends: Collection[str], at: datetime
) -> None:
    """Keep of which accounts the suspicion of this incident begins and ends."""
    if begins:
        remember_keys(tx, incident_id, [suspect_key(person) for person in begins], at)
    if ends:
        keys = [suspect_key(person) for person in ends]
        tx.session.run(_FORGET, {"of_incident": incident_id, "keys": keys})


_OPEN_ABOUT = (
    select(col(IncidentRow.id))
    .where(
        col(IncidentRow.id).in_(
            select(col(EntityKeyRow.incident_id)).where(
                col(EntityKeyRow.key).in_(bindparam("keys", expanding=True))
            )
        ),
        col(IncidentRow.id) != bindparam("besides"),
        *(col(IncidentRow.status) != status for status in OVER),
    )
    .order_by(col(IncidentRow.id))
)


def open_about(tx: Tx, object_id: str, besides: str = "") -> list[str]:
    """The incidents that are not over and concern this person, or in which an analyst asked them or
    gave them a task."""
    keys = [f"oid:{object_id.lower()}", asked_key(object_id), tasked_key(object_id)]
    wanted = {"keys": keys, "besides": besides}
    return list(tx.session.run(_OPEN_ABOUT, wanted).scalars())


def asked_key(object_id: str) -> str:
    """What `remember_keys` is given for somebody whom an analyst has asked or given a task: what
    they write belongs to the incident, whether they are concerned or not."""
    return f"asked:{object_id.lower()}"


def tasked_key(object_id: str) -> str:
    """What `remember_keys` is given for whoever has a task, wherever its card stands: the incident
    looks anew once their account comes under suspicion."""
    return f"tasked:{object_id.lower()}"


def code_key(code: str) -> str:
    """What `remember_keys` is given for a case code."""
    return f"code:{code.upper()}"


_BY_CODE = (
    select(col(IncidentRow.state))
    .where(
        col(IncidentRow.id).in_(
            select(col(EntityKeyRow.incident_id)).where(col(EntityKeyRow.key) == bindparam("key"))
        )
    )
    .order_by(col(IncidentRow.received).desc(), col(IncidentRow.id).desc())
)


def with_code(tx: Tx, code: str) -> list[Incident]:
    """The incidents a case code stands for, newest first: several, once one became part of
    another, or in the rare case that a code was given twice."""
    return [
        incident_from_json(state)
        for state in tx.session.run(_BY_CODE, {"key": code_key(code)}).scalars()
    ]


_IS_ABOUT = select(col(EntityKeyRow.key)).where(
    col(EntityKeyRow.incident_id) == bindparam("incident_id"),
    col(EntityKeyRow.key) == bindparam("key"),
)


def is_about(tx: Tx, incident_id: str, object_id: str) -> bool:
    """Whether this person is concerned, as every report of the incident has ever told."""
    wanted = {"incident_id": incident_id, "key": f"oid:{object_id.lower()}"}
    return tx.session.run(_IS_ABOUT, wanted).scalar() is not None


def at_risk(tx: Tx, object_ids: Collection[str], besides: str | None) -> frozenset[str]:
    """Whose account another incident makes suspect: also a closed one, until the account is safe."""
    if not object_ids:
        return frozenset()
    keys = [suspect_key(id_) for id_ in object_ids]
    found = set(tx.session.run(_SUSPECT, {"keys": keys, "besides": besides or ""}).scalars())
    return frozenset(id_ for id_ in object_ids if suspect_key(id_) in found)


# --- recording -----------------------------------------------------------------------------------

_COUNT_UP = (
    update(CounterRow)
    .where(col(CounterRow.name) == "incident")
    .values(value=col(CounterRow.value) + 1)
    .returning(col(CounterRow.value))
    .execution_options(synchronize_session=False)
)


def next_number(tx: Tx) -> int:
    """The number of the customer's next incident; one that is rolled back is used again."""
    number = tx.session.run(_COUNT_UP).scalar()
    if number is None:
        number = 1
        tx.session.add(CounterRow(customer_id=tx.customer, name="incident", value=number))
    return number


_LAST_NUMBER = select(col(CounterRow.value)).where(col(CounterRow.name) == "incident")


def last_number(tx: Tx) -> int:
    """The number of the customer's latest incident; 0 before the first."""
    return tx.session.run(_LAST_NUMBER).scalar() or 0


def record(
    tx: Tx,
    *,
    incident: Incident,
    event: Event,
    key: str,
    at: datetime,
    actor: str | None,
    facts: Facts,
    profile_version: int,
    provider_version: int | None,
    rules: str,
    answer: str,
    reasons: Sequence[Reason],
    effect_keys: Sequence[str],
) -> None:
    """Save an incident as an event has made it, and the event with it.

    The incident is a new one, or was loaded in this transaction. A second event with the same key
    is refused by the database; `seen` finds it before.
    """
    head = tx.heads.get(incident.id)
    appended = _append(
        tx,
        {
            "stream": incident.id,
            "seq": head.version + 1 if head else 1,
            "key": key,
            "kind": event.kind,
            "at": at,
            "profile_version": profile_version,
            "provider_version": provider_version,
            "rules": rules,
            "effect_keys": json.dumps(list(effect_keys)),
            "payload": event_to_json(event),
            "facts": facts_to_json(facts),
            "actor": actor,
            "answer": answer,
            "reasons": reasons_to_json(tuple(reasons)),
        },
        after=head,
    )
    _save(tx, incident, appended, at, over=head)
    tx.heads[incident.id] = appended


_CHANGING = ("status", "type", "severity", "owner", "version", "chain", "state", "updated")
_INSERT_INCIDENT = insert(IncidentRow)
_UPDATE_INCIDENT = (
    update(IncidentRow)
    .where(
        col(IncidentRow.id) == bindparam("of_incident"),
        col(IncidentRow.version) == bindparam("over_version"),
    )
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
    .returning(col(IncidentRow.id))
    .execution_options(synchronize_session=False)
)


def _save(tx: Tx, incident: Incident, head: Head, at: datetime, over: Head | None) -> None:
    changing = {
        "status": incident.status,
        "type": incident.type,
        "severity": incident.severity,
        "owner": incident.holder,
        "version": head.version,
        "chain": head.hash,
        "state": incident_to_json(incident),
        "updated": at,
    }
    if over is None:
        fixed = {
            "customer_id": tx.customer,
            "id": incident.id,
            "name": incident.name,
            "received": incident.received,
        }
        tx.session.run(_INSERT_INCIDENT, fixed | changing)
        return
    wanted = {"of_incident": incident.id, "over_version": over.version}
    new = {f"new_{name}": value for name, value in changing.items()}
    if tx.session.run(_UPDATE_INCIDENT, wanted | new).scalar() is None:
        raise OvertakenError(f"{incident.name} is no longer at version {over.version}")


_INSERT_EVENT = insert(EventRow)


def _append(tx: Tx, event: dict[str, Any], after: Head | None) -> Head:
    owned = {"customer_id": tx.customer, **event}
    appended = chain.sealed(owned, after.hash if after else chain.START)
    tx.session.run(_INSERT_EVENT, appended)
    return Head(appended["seq"], appended["hash"])


def desk(customer_id: str) -> str:
    """The stream of what belongs to no incident: installs, commands, profiles, refusals."""
    return f"desk:{customer_id}"


_DESK_END = (
    select(col(EventRow.seq), col(EventRow.hash))
    .where(col(EventRow.stream) == bindparam("stream"))
    .order_by(col(EventRow.seq).desc())
    .limit(1)
)


def record_desk(
    tx: Tx, *, key: str, kind: str, payload: dict[str, Any], at: datetime, actor: str | None
) -> bool:
    """Append to the customer's desk; False when this key was recorded before."""
    tx.hold("desk")
    if seen(tx, key):
        return False
    stream = desk(tx.customer)
    end = tx.session.run(_DESK_END, {"stream": stream}).one_or_none()
    _append(
        tx,
        {
            "stream": stream,
            "seq": end.seq + 1 if end else 1,
            "key": key,
            "kind": kind,
            "at": at,
            "effect_keys": "[]",
            "payload": json.dumps(payload, ensure_ascii=False, sort_keys=True),
            "actor": actor,
        },
        after=Head(end.seq, end.hash) if end else None,
    )
    _count_desk(tx, end.seq + 1 if end else 1)
    return True


_COUNT_DESK = (
    update(CounterRow)
    .where(col(CounterRow.name) == "desk")
    .values(value=bindparam("seq"))
    .returning(col(CounterRow.value))
    .execution_options(synchronize_session=False)
)


def _count_desk(tx: Tx, seq: int) -> None:
    """Beside the stream, so that it shows when the end of it is cut off."""
    if tx.session.run(_COUNT_DESK, {"seq": seq}).scalar() is None:
        tx.session.add(CounterRow(customer_id=tx.customer, name="desk", value=seq))


MOST_LOOKED_BACK = 500
"""Desk entries looked through when counting: enough for an hour, and never the whole desk."""

_LATEST_DESK = (
    select(col(EventRow.kind), col(EventRow.actor), col(EventRow.at))
    .where(col(EventRow.stream) == bindparam("stream"))
    .order_by(col(EventRow.seq).desc())
    .limit(MOST_LOOKED_BACK)
)


def count_desk(tx: Tx, kind: str, actor: str, since: datetime) -> int:
    """How often this was recorded of somebody lately, at the customer's desk."""
    latest = tx.session.run(_LATEST_DESK, {"stream": desk(tx.customer)})
    return sum(row.kind == kind and row.actor == actor and row.at >= since for row in latest)


# --- what stands beside the state ----------------------------------------------------------------


def add_ref(tx: Tx, incident_id: str, source: Source, source_id: str) -> bool:
    """Register what a source calls the incident; False when the id leads elsewhere already."""
    known = find_by_ref(tx, source, source_id)
    if known is None:
        tx.session.add(
            SourceRefRow(
                customer_id=tx.customer,
                source=source,
                source_id=source_id,
                incident_id=incident_id,
            )
        )
    return known in (None, incident_id)


_FORGET_REF = (
    delete(SourceRefRow)
    .where(
        col(SourceRefRow.source) == bindparam("of_source"),
        col(SourceRefRow.source_id) == bindparam("of_id"),
    )
    .execution_options(synchronize_session=False)
)


def forget_ref(tx: Tx, source: Source, source_id: str) -> None:
    """What a source calls an incident leads nowhere any more, so that another may be called so."""
    tx.session.run(_FORGET_REF, {"of_source": source, "of_id": source_id})


_MOVE_REFS = (
    update(SourceRefRow)
    .where(col(SourceRefRow.incident_id) == bindparam("of_incident"))
    .values(incident_id=bindparam("to_incident"))
    .execution_options(synchronize_session=False)
)


_KEYS_OF = select(col(EntityKeyRow.key), col(EntityKeyRow.last_seen)).where(
    col(EntityKeyRow.incident_id) == bindparam("incident_id")
)


def move_identity(tx: Tx, incident_id: str, to: str) -> None:
    """Whatever a case that was merged is recognised by leads to the one that goes on: what sources
    call it, and who and what it is about."""
    tx.session.run(_MOVE_REFS, {"of_incident": incident_id, "to_incident": to})
    seen: dict[datetime, list[str]] = {}
    for row in tx.session.run(_KEYS_OF, {"incident_id": incident_id}):
        if row.key.startswith("suspect:"):
            continue  # it has its own suspicions, of what it was told
        seen.setdefault(row.last_seen, []).append(row.key)
    for at, keys in seen.items():
        remember_keys(tx, to, keys, at)


_ALERTS = select(col(AlertRow.alert_id)).where(
    col(AlertRow.source) == bindparam("source"),
    col(AlertRow.alert_id).in_(bindparam("ids", expanding=True)),
)
_INSERT_ALERT = insert(AlertRow)
_TELL_ANEW = (
    update(AlertRow)
    .where(
        col(AlertRow.source) == bindparam("of_source"), col(AlertRow.alert_id) == bindparam("told")
    )
    .values(incident_id=bindparam("of_incident"), document=bindparam("says"))
    .execution_options(synchronize_session=False)
)


def remember_alerts(tx: Tx, incident_id: str, source: Source, told: Iterable[Alert]) -> None:
    """Keep whole alerts, as last reported; an alert that moved follows its incident."""
    documents = {alert.id: alert_to_json(alert) for alert in told}
    known = set(tx.session.run(_ALERTS, {"source": source, "ids": list(documents)}).scalars().all())
    born, changed = [], []
    for alert_id, says in documents.items():
        if alert_id in known:
            row = {"of_source": source, "told": alert_id, "of_incident": incident_id, "says": says}
            changed.append(row)
            continue
        born.append(
            {
                "customer_id": tx.customer,
                "source": source,
                "alert_id": alert_id,
                "incident_id": incident_id,
                "document": says,
            }
        )
    if born:
        tx.session.run(_INSERT_ALERT, born)
    if changed:
        tx.session.run(_TELL_ANEW, changed)


_KEYS = select(col(EntityKeyRow.key)).where(
    col(EntityKeyRow.incident_id) == bindparam("incident_id"),
    col(EntityKeyRow.key).in_(bindparam("keys", expanding=True)),
)
_INSERT_KEY = insert(EntityKeyRow)
_SEEN_AGAIN = (
    update(EntityKeyRow)
    .where(
        col(EntityKeyRow.incident_id) == bindparam("of_incident"),
        col(EntityKeyRow.key).in_(bindparam("keys", expanding=True)),
        col(EntityKeyRow.last_seen) < bindparam("at"),
    )
    .values(last_seen=bindparam("at"))
    .execution_options(synchronize_session=False)
)


def remember_keys(tx: Tx, incident_id: str, keys: Collection[str], at: datetime) -> None:
    """Keep what the incident is recognised by, for `find_related` and `at_risk`."""
    wanted = {"incident_id": incident_id, "keys": list(keys)}
    known = tx.session.run(_KEYS, wanted).scalars().all()
    if known:
        tx.session.run(_SEEN_AGAIN, {"of_incident": incident_id, "keys": list(known), "at": at})
    seen = {"customer_id": tx.customer, "incident_id": incident_id, "last_seen": at}
    born = [{"key": key, **seen} for key in sorted(set(keys) - set(known))]
    if born:
        tx.session.run(_INSERT_KEY, born)


def remember_message(tx: Tx, incident_id: str, author: str, text: str, at: datetime) -> None:
    """Keep what somebody wrote, beside the state; `author` is an object id."""
    tx.session.add(
        MessageRow(
            customer_id=tx.customer, incident_id=incident_id, author=author, text=text, at=at
        )
    )


@dataclass(frozen=True, slots=True)
class Message:
    author: str
    text: str
    at: datetime


_ALERTS_OF = (
    select(col(AlertRow.document))
    .where(col(AlertRow.incident_id) == bindparam("incident_id"))
    .order_by(col(AlertRow.source), col(AlertRow.alert_id))
)
_MESSAGES_OF = (
    select(MessageRow)
    .where(col(MessageRow.incident_id) == bindparam("incident_id"))
    .order_by(col(MessageRow.id))
)


def alerts(tx: Tx, incident_id: str) -> list[Alert]:
    """Every alert of an incident, whole."""
    documents = tx.session.run(_ALERTS_OF, {"incident_id": incident_id}).scalars()
    return [alert_from_json(document) for document in documents]


def messages(tx: Tx, incident_id: str) -> list[Message]:
    """What people wrote, in order."""
    rows = tx.session.scalars(_MESSAGES_OF, {"incident_id": incident_id})
    return [Message(row.author, row.text, row.at) for row in rows]


# --- reading the log -----------------------------------------------------------------------------

_STREAM = (
    select(EventRow).where(col(EventRow.stream) == bindparam("stream")).order_by(col(EventRow.seq))
)


def history(tx: Tx, incident_id: str) -> list[StoredEvent]:
    """Everything that happened to an incident, in order: enough to replay it."""
    return [_stored(row) for row in tx.session.scalars(_STREAM, {"stream": incident_id})]


def _stored(row: EventRow) -> StoredEvent:
    return StoredEvent(
        seq=row.seq,
        key=row.key,
        at=row.at,
        event=event_from_json(row.payload) if row.payload else Erased(row.kind),
        facts=facts_from_json(row.facts) if row.facts else Facts(),
        profile_version=row.profile_version,
        provider_version=row.provider_version,
        rules=row.rules,
        actor=row.actor,
        answer=row.answer,
        reasons=reasons_from_json(row.reasons) if row.reasons else (),
        effect_keys=tuple(json.loads(row.effect_keys)),
    )


def verify(tx: Tx, stream: str) -> chain.Broken | None:
    """Where a stream was tampered with; None when it is whole (`chain.broken`).

    An incident's stream ends with the event its state was saved with; a desk's with the one that
    was counted last, from the first on that was counted.
    """
    rows = tx.session.scalars(_STREAM, {"stream": stream})
    return chain.broken((row.model_dump() for row in rows), _head(tx, stream))


_COUNTED = select(col(CounterRow.value)).where(col(CounterRow.name) == "desk")
_LAST_HASH = select(col(EventRow.hash)).where(
    col(EventRow.stream) == bindparam("stream"), col(EventRow.seq) == bindparam("seq")
)


def desk_count(tx: Tx) -> int | None:
    """How many events the desk has, as counted beside them; None before any was counted."""
    return tx.session.run(_COUNTED).scalar()


def _head(tx: Tx, stream: str) -> tuple[int, str] | None:
    if stream == desk(tx.customer):
        seq = desk_count(tx)
        found = tx.session.run(_LAST_HASH, {"stream": stream, "seq": seq}).scalar()
        return None if seq is None else (seq, found or "")
    head = tx.session.run(_STATE, {"id": stream}).one_or_none()
    return (head.version, head.chain) if head else None


NOTHING_SAID: dict[str, Any] = {
    **dict.fromkeys(chain.ERASABLE),
    "effect_keys": case(
        (col(EventRow.hash).startswith(chain.SECOND), chain.NO_KEYS),
        else_=col(EventRow.effect_keys),
    ),
}
"""An event after erasure; where its chain needs the keys of its effects, they stay."""

_ERASE = (
    update(EventRow)
    .where(col(EventRow.stream) == bindparam("of_stream"))
    .values(NOTHING_SAID)
    .execution_options(synchronize_session=False)
)


def erase(tx: Tx, incident_id: str) -> None:
    """Remove what was said and by whom from an incident's events; `verify` still holds."""
    tx.session.run(_ERASE, {"of_stream": incident_id})

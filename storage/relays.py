"""What the customer's people write in the thread of a case, or about it in their own chat with us,
until the analysts read it in their thread.

Each message is heard once, whatever Teams delivers twice. Whoever posts takes all that waits, and
an edit or a deletion finds the post that carries the message.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from storage.engine import Tx
from storage.tables import RelayRow


@dataclass(frozen=True, slots=True)
class Origin:
    """A message as Teams knows it."""

    conversation_id: str
    activity_id: str

    @property
    def in_chat(self) -> bool:
        """In somebody's own chat: a thread names its root."""
        return ROOT not in self.conversation_id


ROOT = ";messageid="
"""Stands in the name of every thread, before its root."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote; `text` is None once they deleted it. Of files the names alone."""

    author: str
    """Object id."""
    name: str
    text: str | None
    files: tuple[str, ...] = ()
    edited: bool = False
    in_chat: bool = False
    """Written in their own chat, which nobody else of the customer reads."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message, and where it stands."""

    origin: Origin
    words: Words


_UNIQUE = ["customer_id", "conversation_id", "activity_id"]
_HEAR = (
    sqlite.insert(RelayRow)
    .on_conflict_do_nothing(index_elements=_UNIQUE)
    .returning(col(RelayRow.id))
)
_HEAR_BESIDE = (
    postgresql.insert(RelayRow)
    .on_conflict_do_nothing(index_elements=_UNIQUE)
    .returning(col(RelayRow.id))
)


def hear(
    tx: Tx,
    incident_id: str,
    origin: Origin,
    words: Words,
    *,
    at: datetime,
    revised_at: datetime | None = None,
) -> bool:
    """Keep a message for the analysts; whether it was heard for the first time."""
    row = {
        "customer_id": tx.customer,
        "incident_id": incident_id,
        "conversation_id": origin.conversation_id,
        "activity_id": origin.activity_id,
        "author": words.author,
        "name": words.name,
        "text": words.text,
        "files": json.dumps(words.files),
        "at": at,
        "revised_at": revised_at,
        "carried_by": None,
    }
    statement = _HEAR if tx.beside is None else _HEAR_BESIDE
    return tx.session.run(statement, row).scalar() is not None


_REVISE = (
    update(RelayRow)
    .where(
        col(RelayRow.conversation_id) == bindparam("in_conversation"),
        col(RelayRow.activity_id) == bindparam("known_as"),
        col(RelayRow.author) == bindparam("by"),
        or_(col(RelayRow.revised_at).is_(None), col(RelayRow.revised_at) < bindparam("changed_at")),
    )
    .values(text=bindparam("says"), files=bindparam("named"), revised_at=bindparam("changed_at"))
    .returning(col(RelayRow.carried_by))
    .execution_options(synchronize_session=False)
)


def revise(tx: Tx, origin: Origin, words: Words, at: datetime) -> str | None:
    """Follow an edit or a deletion by its author; what came later already stands. The key of the
    effect whose post has the message, where one has taken it."""
    new = {
        "in_conversation": origin.conversation_id,
        "known_as": origin.activity_id,
        "by": words.author,
        "says": words.text,
        "named": json.dumps(words.files),
        "changed_at": at,
    }
    found: str | None = tx.session.run(_REVISE, new).scalar()
    return found


_CASE_OF = select(col(RelayRow.incident_id)).where(
    col(RelayRow.conversation_id) == bindparam("in_conversation"),
    col(RelayRow.activity_id) == bindparam("known_as"),
)


def case_of(tx: Tx, origin: Origin) -> str | None:
    """The incident that a message was heard for."""
    known = {"in_conversation": origin.conversation_id, "known_as": origin.activity_id}
    found: str | None = tx.session.run(_CASE_OF, known).scalar()
    return found


MOST_IN_A_POST = 15

_COLUMNS = (
    col(RelayRow.author),
    col(RelayRow.name),
    col(RelayRow.text),
    col(RelayRow.files),
    col(RelayRow.revised_at),
    col(RelayRow.conversation_id),
    col(RelayRow.activity_id),
)
_WAITING = (
    select(col(RelayRow.id))
    .where(
        col(RelayRow.incident_id) == bindparam("incident_id"), col(RelayRow.carried_by).is_(None)
    )
    .order_by(col(RelayRow.id))
    .limit(MOST_IN_A_POST)
)
_TAKE = (
    update(RelayRow)
    .where(col(RelayRow.id).in_(bindparam("ids", expanding=True)))
    .values(carried_by=bindparam("taken_by"))
    .execution_options(synchronize_session=False)
)
_CARRIED = (
    select(*_COLUMNS)
    .where(
        col(RelayRow.incident_id) == bindparam("incident_id"),
        col(RelayRow.carried_by) == bindparam("taken_by"),
    )
    .order_by(col(RelayRow.id))
)


def take(tx: Tx, incident_id: str, effect_key: str) -> Sequence[Words]:
    """What an effect posts: at its first try all that waits, at most MOST_IN_A_POST; and the same
    again at each further one. Empty where another has posted it."""
    taken = carried(tx, incident_id, effect_key)
    if taken:
        return taken
    waiting = list(tx.session.run(_WAITING, {"incident_id": incident_id}).scalars())
    if waiting:
        tx.session.run(_TAKE, {"ids": waiting, "taken_by": effect_key})
    return carried(tx, incident_id, effect_key)


_GIVE_BACK = (
    update(RelayRow)
    .where(
        col(RelayRow.incident_id) == bindparam("of_incident"),
        col(RelayRow.carried_by) == bindparam("taken_by"),
    )
    .values(carried_by=None)
    .execution_options(synchronize_session=False)
)


def give_back(tx: Tx, incident_id: str, effect_key: str) -> None:
    """An effect could not post what it took: the next one does."""
    tx.session.run(_GIVE_BACK, {"of_incident": incident_id, "taken_by": effect_key})


def carried(tx: Tx, incident_id: str, effect_key: str) -> Sequence[Words]:
    """What stands in the post of an effect, as it is to be read now."""
    wanted = {"incident_id": incident_id, "taken_by": effect_key}
    return [
        Words(
            row.author,
            row.name,
            row.text,
            tuple(json.loads(row.files)),
            bool(row.revised_at),
            Origin(row.conversation_id, row.activity_id).in_chat,
        )
        for row in tx.session.run(_CARRIED, wanted)
    ]

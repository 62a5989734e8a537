"""Erasing people from the records: after a case's time is over, or because somebody asks for it.

What is left verifies: of an event the hashes stay, of a case that it was, when, and how it was
decided. Whatever mentions somebody by object id, UPN, SID, Teams id or full name is found by its
text, wherever it stands, so that nothing depends on who wrote it where.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, or_, select, update
from sqlmodel import col

from storage import incidents, profiles, relays
from storage.codec import incident_from_json, incident_to_json
from storage.engine import Tx
from storage.tables import (
    AlertRow,
    BindingRow,
    ConversationRow,
    CustomerRow,
    EffectRow,
    EntityKeyRow,
    EventRow,
    HandleRow,
    IncidentRow,
    MessageRow,
    PaceRow,
    PersonRow,
    QuarantineRow,
    RelayRow,
    RememberedRow,
    SignInRow,
    SurfaceRow,
)
from triage.forgetting import without_people
from triage.incident import IncidentType, TaskState

ERASURES = ("cases_erased", "person_erased")
"""What the desk records of an erasure, with the names of the cases."""

# --- who it is -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody, by everything that names them in the records."""

    upn: str
    object_ids: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    """SIDs, Teams ids, full names, and the ids of their chats with us."""

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.upn}) | self.object_ids | self.others


_PEOPLE = select(PersonRow).where(col(PersonRow.upn) == bindparam("upn"))


_CHATS = select(col(ConversationRow.conversation_id)).where(
    col(ConversationRow.whose).in_(bindparam("ids", expanding=True))
)


def subject(tx: Tx, upn: str) -> Subject:
    """Whom a UPN belongs to, as the roster knows them; also who is in no roster has a UPN."""
    rows = tx.session.scalars(_PEOPLE, {"upn": upn.lower()}).all()
    others = {name for row in rows for name in (row.sid, row.mri, _full(row.name)) if name}
    ids = frozenset(row.object_id for row in rows)
    chats = tx.session.run(_CHATS, {"ids": sorted(ids)}).scalars()
    return Subject(upn.lower(), ids, frozenset({*others, *chats}))


def _full(name: str) -> str | None:
    """A name of one word is everybody's: it finds the wrong people."""
    return name if len(name.split()) > 1 else None


def _mentions(who: Subject, *columns: Any) -> ColumnElement[bool]:
    """In any case, and also where JSON has written the name in escapes."""
    written = {form for name in who.names for form in (name, json.dumps(name)[1:-1])}
    return or_(
        *(col(column).icontains(form, autoescape=True) for column in columns for form in written)
    )


def mentions(text: str, who: Subject) -> bool:
    return any(name.lower() in text.lower() for name in who.names)


# --- where somebody is mentioned -----------------------------------------------------------------

_SAID = (
    EventRow.payload,
    EventRow.facts,
    EventRow.actor,
    EventRow.answer,
    EventRow.reasons,
    EventRow.effect_keys,
)


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    name: str
    is_over: bool
    """Closed, with no open task, and it holds nobody's account suspect any more."""
    is_restricted: bool
    """Nobody concerned may learn of it: the named lead answers for it."""
    is_at_work: bool = False
    """Something of it is still to be carried out, and what it came to would be lost."""


def cases_of(tx: Tx, who: Subject) -> list[Case]:
    """Every case whose record mentions somebody, in any part of it."""
    parts = (
        select(col(EventRow.stream)).where(_mentions(who, *_SAID)),
        select(col(IncidentRow.id)).where(_mentions(who, IncidentRow.state)),
        select(col(AlertRow.incident_id)).where(_mentions(who, AlertRow.document)),
        select(col(MessageRow.incident_id)).where(
            _mentions(who, MessageRow.author, MessageRow.text)
        ),
        select(col(RelayRow.incident_id)).where(
            _mentions(who, RelayRow.author, RelayRow.name, RelayRow.text, RelayRow.files)
        ),
        select(col(EntityKeyRow.incident_id)).where(_mentions(who, EntityKeyRow.key)),
        select(col(SurfaceRow.incident_id)).where(_mentions(who, SurfaceRow.name)),
        select(col(EffectRow.stream)).where(_mentions(who, EffectRow.payload, EffectRow.key)),
    )
    found = {id_ for part in parts for id_ in tx.session.run(part).scalars()}
    suspecting = set(tx.session.run(_SUSPECTING).scalars())
    at_work = set(tx.session.run(_AT_WORK).scalars())
    waiting = suspecting | _with_open_task(tx, found)
    named = tx.session.run(_NAMED, {"ids": sorted(found)})
    return [
        Case(
            row.id,
            row.name,
            row.status in incidents.OVER and row.id not in waiting,
            row.type == IncidentType.RESTRICTED,
            row.id in at_work,
        )
        for row in named
    ]


def _with_open_task(tx: Tx, ids: Iterable[str]) -> set[str]:
    """A task outlives the closing of its case, and somebody still has to answer it."""
    states = tx.session.run(_STATES, {"ids": sorted(ids)}).scalars()
    return {
        state["id"]
        for state in map(json.loads, states)
        if any(task["state"] == TaskState.OPEN for task in state.get("tasks", ()))
    }


_SUSPECTING = select(col(EntityKeyRow.incident_id)).where(
    col(EntityKeyRow.key).startswith(incidents.suspect_key(""))
)
"""The cases that keep an account suspect: also closed, they are at work."""

_AT_WORK = (
    select(col(EffectRow.stream))
    .where(
        col(EffectRow.done_at).is_(None),
        col(EffectRow.status) != "blocked",
        col(EffectRow.kind) != "wake",
    )
    .distinct()
)
"""The cases of which something is under way or about to be: not what waits for an installation that
may never come, nor for a time at which a closed case does nothing any more."""

_NAMED = (
    select(
        col(IncidentRow.id), col(IncidentRow.name), col(IncidentRow.status), col(IncidentRow.type)
    )
    .where(col(IncidentRow.id).in_(bindparam("ids", expanding=True)))
    .order_by(col(IncidentRow.received), col(IncidentRow.id))
)


def in_profile(tx: Tx, who: Subject) -> bool:
    """Whether the customer itself has written this person into its current profile."""
    found = select(col(CustomerRow.version)).where(
        col(CustomerRow.current), _mentions(who, CustomerRow.document)
    )
    return tx.session.run(found).scalar() is not None


# --- a case --------------------------------------------------------------------------------------

_BELONGS_TO_A_CASE = (
    (AlertRow, AlertRow.incident_id),
    (MessageRow, MessageRow.incident_id),
    (RelayRow, RelayRow.incident_id),
    (EntityKeyRow, EntityKeyRow.incident_id),
    (HandleRow, HandleRow.incident_id),
    (SurfaceRow, SurfaceRow.incident_id),
    (SignInRow, SignInRow.incident_id),
    (EffectRow, EffectRow.stream),
)
_STATE = select(col(IncidentRow.state)).where(col(IncidentRow.id) == bindparam("id"))
_EMPTY = (
    update(IncidentRow)
    .where(col(IncidentRow.id) == bindparam("of_incident"))
    .values(state=bindparam("left"))
    .execution_options(synchronize_session=False)
)


def erase_case(tx: Tx, incident_id: str) -> None:
    """Remove who and what a case was about from everything that belongs to it."""
    incidents.hold(tx, incident_id)
    incidents.erase(tx, incident_id)
    for row, of in _BELONGS_TO_A_CASE:
        tx.session.run(delete(row).where(col(of) == incident_id))
    state = tx.session.run(_STATE, {"id": incident_id}).scalar_one()
    left = incident_to_json(without_people(incident_from_json(state)))
    tx.session.run(_EMPTY, {"of_incident": incident_id, "left": left})


# --- a person ------------------------------------------------------------------------------------


def erase_person(tx: Tx, who: Subject) -> list[str]:
    """Remove somebody from the customer's records: the names of the cases that were erased for it.

    No case of theirs may be open, and the current profile must not name them.
    """
    erased = cases_of(tx, who)
    for each in erased:
        erase_case(tx, each.id)
    ids = who.object_ids
    tx.session.run(delete(PersonRow).where(_mentions(who, PersonRow.object_id, PersonRow.upn)))
    tx.session.run(delete(ConversationRow).where(col(ConversationRow.whose).in_(sorted(ids))))
    tx.session.run(delete(HandleRow).where(col(HandleRow.person).in_(sorted(ids))))
    tx.session.run(
        delete(QuarantineRow).where(_mentions(who, QuarantineRow.raw, QuarantineRow.field))
    )
    tx.session.run(
        delete(RememberedRow).where(_mentions(who, RememberedRow.fact, RememberedRow.by_name))
    )
    tx.session.run(
        update(BindingRow)
        .where(_mentions(who, BindingRow.bound_by))
        .values(bound_by="erased")
        .execution_options(synchronize_session=False)
    )
    tx.session.run(delete(PaceRow).where(_mentions(who, PaceRow.bucket)))
    tx.session.run(
        delete(EffectRow).where(
            _mentions(who, EffectRow.payload, EffectRow.key, EffectRow.lane, EffectRow.waits_for)
        )
    )
    erase_at_desk(tx, who)
    _erase_in_old_profiles(tx, who)
    return [each.name for each in erased]


def erase_at_desk(tx: Tx, who: Subject) -> None:
    """What the desk has recorded of somebody: commands, refused clicks, wrong codes."""
    tx.session.run(
        update(EventRow)
        .where(
            col(EventRow.stream) == incidents.desk(tx.customer),
            col(EventRow.kind).not_in(ERASURES),  # who erased what stays told, for it is checked
            _mentions(who, *_SAID),
        )
        .values(incidents.NOTHING_SAID)
        .execution_options(synchronize_session=False)
    )


def _erase_in_old_profiles(tx: Tx, who: Subject) -> None:
    """Versions of before are kept for their events, without the person; their text goes."""
    rows = tx.session.scalars(
        select(CustomerRow).where(
            col(CustomerRow.current).is_(False),
            _mentions(who, CustomerRow.document, CustomerRow.toml),
        )
    ).all()
    for row in rows:
        row.document = _without(row.document, who)
        row.toml = profiles.ERASED
    tx.session.flush()


def _without(document: str, who: Subject) -> str:
    profile = json.loads(document)
    for kind in ("contacts", "people", "analysts"):
        listed = profile.get(kind, [])
        if kind in profile:
            profile[kind] = [entry for entry in listed if entry["upn"].lower() != who.upn]
    text = json.dumps(profile, ensure_ascii=False, separators=(",", ":"))
    for name in sorted(who.names, key=len, reverse=True):
        text = re.sub(re.escape(name), "erased", text, flags=re.IGNORECASE)
    return text


# --- what its time is over for -------------------------------------------------------------------

MOST_AT_ONCE = 50
"""Cases erased in one transaction: others write too."""

_PAST = (
    select(col(IncidentRow.id), col(IncidentRow.name))
    .where(
        col(IncidentRow.status).in_(incidents.OVER),
        col(IncidentRow.updated) < bindparam("before"),
        exists().where(
            col(EventRow.customer_id) == col(IncidentRow.customer_id),
            col(EventRow.stream) == col(IncidentRow.id),
            col(EventRow.salt).is_not(None),
        ),
        col(IncidentRow.id).not_in(_SUSPECTING),
        col(IncidentRow.id).not_in(_AT_WORK),
    )
    .order_by(col(IncidentRow.updated))
    .limit(MOST_AT_ONCE)
)

KEPT_AT_DESK = ("profile_saved", *ERASURES, "person_exported")
"""What tells of the records themselves, and of nobody whom they are about."""


def erase_past(tx: Tx, before: datetime) -> list[str]:
    """Erase what was closed, refused or recorded before then; the names of the cases, at most
    MOST_AT_ONCE: when it is as many, there may be more."""
    found = list(tx.session.run(_PAST, {"before": before}))
    for row in found:
        erase_case(tx, row.id)
    tx.session.run(delete(QuarantineRow).where(col(QuarantineRow.at) < before))
    tx.session.run(
        delete(EffectRow).where(
            col(EffectRow.stream) == incidents.desk(tx.customer), col(EffectRow.done_at) < before
        )
    )
    tx.session.run(
        update(EventRow)
        .where(
            col(EventRow.stream) == incidents.desk(tx.customer),
            col(EventRow.at) < before,
            col(EventRow.salt).is_not(None),
            col(EventRow.kind).not_in(KEPT_AT_DESK),
        )
        .values(incidents.NOTHING_SAID)
        .execution_options(synchronize_session=False)
    )
    return [row.name for row in found]


# --- what there is of somebody -------------------------------------------------------------------

_EVENTS_OF = (
    select(EventRow)
    .where(col(EventRow.actor).in_(bindparam("ids", expanding=True)))
    .order_by(col(EventRow.at), col(EventRow.stream), col(EventRow.seq))
)
_STATES = select(col(IncidentRow.state)).where(
    col(IncidentRow.id).in_(bindparam("ids", expanding=True))
)
_WRITTEN = (
    select(MessageRow)
    .where(col(MessageRow.author).in_(bindparam("ids", expanding=True)))
    .order_by(col(MessageRow.id))
)


_RELAYED = (
    select(RelayRow)
    .where(
        col(RelayRow.author).in_(bindparam("ids", expanding=True)),
        col(RelayRow.conversation_id).contains(relays.ROOT, autoescape=True),
    )
    .order_by(col(RelayRow.id))
)
"""In threads: what they wrote in their own chat is among the `_WRITTEN`."""


_RESTRICTED = select(col(IncidentRow.id)).where(col(IncidentRow.type) == IncidentType.RESTRICTED)


def kept_of(tx: Tx, who: Subject, cases: Sequence[Case]) -> dict[str, Any]:
    """What the records hold of somebody, for them to read: who they are to us, the cases they were
    concerned by, what they were asked, did and wrote. Nobody else's words, and no analyst's."""
    ids = sorted(who.object_ids)
    restricted = set(tx.session.run(_RESTRICTED).scalars())
    states = tx.session.run(_STATES, {"ids": [each.id for each in cases]}).scalars()
    return {
        "person": [
            _plain(row, leave_out=("customer_id",))
            for row in tx.session.scalars(_PEOPLE, {"upn": who.upn})
        ],
        "cases": [_case(json.loads(state), ids) for state in states],
        "did": [
            {"at": row.at, "stream": row.stream, "what": row.kind, "said": _loaded(row.payload)}
            for row in tx.session.scalars(_EVENTS_OF, {"ids": ids})
            if row.stream not in restricted
        ],
        "wrote": [
            {"at": row.at, "case": row.incident_id, "text": row.text}
            for written in (_WRITTEN, _RELAYED)
            for row in tx.session.scalars(written, {"ids": ids})
            if row.incident_id not in restricted
        ],
    }


def _case(state: dict[str, Any], ids: Iterable[str]) -> dict[str, Any]:
    questions = [q for q in state.get("questions", []) if q["person"]["object_id"] in ids]
    closed = state.get("closed") or {}
    return {
        "id": state["id"],
        "name": state["name"],
        "received": state["received"],
        "types": state["types"],
        "status": state["status"],
        "disposition": closed.get("disposition"),
        "closed": closed.get("at"),
        "asked": [
            {
                "at": q["asked_at"],
                "kind": q["kind"],
                "words": q.get("words"),
                "route": q["route"],
                "answers": q["replies"],
            }
            for q in questions
        ],
        "tasks": [
            {
                "at": task["asked_at"],
                "what": task["what"],
                "due": task["due"],
                "state": task["state"],
                "why": task.get("why"),
            }
            for task in state.get("tasks", ())
            if task["person"]["object_id"] in ids
        ],
    }


def _plain(row: PersonRow, leave_out: tuple[str, ...]) -> dict[str, Any]:
    return {k: v for k, v in row.model_dump().items() if k not in leave_out}


def _loaded(payload: str | None) -> Any:
    return json.loads(payload) if payload else None

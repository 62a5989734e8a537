"""Effects as rows: ordered once, carried out in the order of their lane, never lost.

    waiting ──claim──▶ claimed ──finish──▶ done
       ▲                 │ ├────fail────▶ failed
       ├─retry, unclaim──┘ └───block────▶ blocked
       ├─────────release_blocked────────────┤
       └─────put_back: failed or blocked────┘

Of a customer who is removed, what is not over is cancelled.

A lane is whatever must not be overtaken: a conversation, or the target of a containment. Only its
head can be claimed: the oldest effect that is not over. A claim is a lease; when it runs out,
because a process died, the effect can be claimed again, and the former owner finds itself fenced
out: `finish`, `fail`, `retry` and `block` then return False and change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.codec import effect_from_json, effect_to_json
from storage.due import Due
from storage.engine import Tx
from storage.isolation import UnitSession
from storage.tables import EffectRow, SurfaceRow
from triage.actions import Target
from triage.effects import (
    ANALYST_THREAD,
    CUSTOMER_THREAD,
    ChangeShift,
    Contain,
    Effect,
    KeepRetention,
    LookForAbsence,
    Page,
    PostDigest,
    PostHandover,
    ReadRoster,
    Relay,
    Say,
    TellAnalysts,
    Wake,
)

THREADS = (CUSTOMER_THREAD, ANALYST_THREAD)
"""The surfaces that are threads of their own: the first Show of one creates it."""

SHOW = "show"
"""The kind of an effect that shows a surface; it has no payload, for it shows the newest view."""

NOT_OVER = ("waiting", "claimed", "blocked")


class Urgency(IntEnum):
    """What goes first where many effects are due."""

    CONTAINMENT = 0
    """A response action, or somebody's pager."""
    PEOPLE = 1
    """Somebody has just done something, or the case is grave."""
    ROUTINE = 2
    UPDATE = 3
    """A card that stands is brought up to date: while it waits, it takes in what follows."""


@dataclass(frozen=True, slots=True)
class ClaimedEffect:
    id: int
    stream: str
    key: str
    kind: str
    attempt: int
    """1 the first time. At a later one the work may be done already: look first."""
    effect: Effect | None
    """What was ordered; None for a Show."""
    surface: str | None
    """The surface to show, for a Show."""
    remote_id: str | None
    lane: str | None
    spoken_to: str | None
    """Whose tenant hears it; None where Teams does not."""


@dataclass(frozen=True, slots=True)
class Show:
    """A surface that has something new to show, in the lane of its conversation."""

    surface: str
    lane: str
    revision: int


# --- lanes ---------------------------------------------------------------------------------------


def place_lane(incident_id: str, place: str) -> str:
    """The lane of a thread of the incident, or of a person's chat ("person:" and an object id)."""
    kind, _, object_id = place.partition(":")
    return f"chat:{object_id}" if kind == "person" else f"place:{incident_id}:{place}"


def surface_lane(incident_id: str, surface: str) -> str:
    """Surfaces in one conversation share a lane, so that a root comes before what follows it."""
    kind, _, which = surface.partition(":")
    match kind:
        case "source":
            return surface
        case "approval" | "task":
            return place_lane(incident_id, CUSTOMER_THREAD)
        case "manager" | "owner":
            return place_lane(incident_id, f"person:{which.partition(':')[0]}")
        case _:
            return place_lane(incident_id, surface)


def target_lane(target: Target) -> str:
    return f"target:{target.kind}:{target.id}"


def _lane(stream: str, effect: Effect) -> str | None:
    match effect:
        case Say():
            return place_lane(stream, effect.place)
        case Relay():
            return place_lane(stream, ANALYST_THREAD)
        case Contain():
            return target_lane(effect.target)
        case ReadRoster():
            return f"roster:{effect.conversation_id}"
        case LookForAbsence(person=person):
            return f"absence:{person}"
        case Page(alarm=alarm):
            return f"page:{alarm}"
        case Wake() | PostDigest() | TellAnalysts() | KeepRetention():
            return None
        case ChangeShift() | PostHandover():
            return None
    assert_never(effect)


def _spoken_to(tx: Tx, wanted: Effect | Show, analysts: str | None) -> str | None:
    match wanted:
        case Say(place=place) | Show(surface=place):
            if place.startswith("source:"):
                return None
            return analysts if place == ANALYST_THREAD else tx.customer
        case TellAnalysts() | Relay() | PostHandover():
            return analysts
        case ReadRoster() | PostDigest():
            return tx.customer
        case Contain() | LookForAbsence() | Page() | Wake() | KeepRetention() | ChangeShift():
            return None
    assert_never(wanted)


# --- ordering ------------------------------------------------------------------------------------


def show_is_pending() -> ColumnElement[bool]:
    """Of a surface: one is ordered, and will read the newest view. One that is being carried out
    has read its view already; another one follows it."""
    return exists().where(
        col(EffectRow.customer_id) == col(SurfaceRow.customer_id),
        col(EffectRow.stream) == col(SurfaceRow.incident_id),
        col(EffectRow.surface) == col(SurfaceRow.name),
        or_(col(EffectRow.status) == "waiting", col(EffectRow.status) == "blocked"),
    )


_UNIQUE = ["customer_id", "key"]
_INSERT_NEW = sqlite.insert(EffectRow).on_conflict_do_nothing(index_elements=_UNIQUE)
_INSERT_NEW_BESIDE = postgresql.insert(EffectRow).on_conflict_do_nothing(index_elements=_UNIQUE)
_KNOWN_KEYS = select(col(EffectRow.key)).where(
    col(EffectRow.key).in_(bindparam("keys", expanding=True))
)


_with_stream, _slow = aliased(EffectRow), aliased(EffectRow)
_SLOW = (
    select(col(_slow.id))
    .where(
        col(_slow.lane).in_(
            select(col(_with_stream.lane)).where(
                col(_with_stream.stream) == bindparam("of_stream"),
                col(_with_stream.done_at).is_(None),
            )
        ),
        col(_slow.done_at).is_(None),
        col(_slow.urgency) > bindparam("at_most"),
    )
    .with_for_update(skip_locked=True)  # whoever claims one holds it, and waits for our incident
)
_HURRY = (
    update(EffectRow)
    .where(col(EffectRow.id) == bindparam("effect_id"))
    .values(urgency=bindparam("at_most"))
    .execution_options(synchronize_session=False)
)


def order(
    tx: Tx,
    stream: str,
    wanted: Sequence[Effect | Show],
    now: datetime,
    *,
    urgency: Urgency = Urgency.ROUTINE,
    analysts: str | None = None,
) -> None:
    """Add what is to be done, in this order, but for what was ordered before.

    What is urgent takes along what is ahead of it in its lanes, and what is pending of its incident;
    what is new, the updates. `analysts` says whose tenant the analysts' threads are in.
    """
    born: dict[str, Any] = {
        "customer_id": tx.customer,
        "stream": stream,
        "status": "waiting",
        "urgency": urgency,
        "opens": False,
        "attempts": 0,
        "due": now,
        "ordered_at": now,
    }
    rows = [born | _ordered(tx, stream, each, urgency, analysts) for each in wanted]
    if rows and tx.beside is None:
        tx.session.run(_INSERT_NEW, rows)
    elif rows:
        _order_beside(tx, rows)
    if urgency < Urgency.ROUTINE or any(map(_says_something_new, rows)):
        slow = tx.session.run(_SLOW, {"of_stream": stream, "at_most": urgency}).scalars().all()
        if slow:
            tx.session.run(_HURRY, [{"effect_id": id_, "at_most": urgency} for id_ in slow])
            tx.hurried.extend(slow)


def wake_all(session: UnitSession, wanted: Sequence[tuple[str, str, Wake]], now: datetime) -> None:
    """Order wakes of incidents of several customers: customer, incident, wake. Where others carry
    effects out, their sweep finds these."""
    rows = [
        {
            "customer_id": customer,
            "stream": incident_id,
            "status": "waiting",
            "urgency": Urgency.PEOPLE,
            "opens": False,
            "attempts": 0,
            "due": wake.at,
            "ordered_at": now,
            "key": wake.key,
            "kind": wake.kind,
            "surface": None,
            "lane": None,
            "spoken_to": None,
            "payload": effect_to_json(wake),
        }
        for customer, incident_id, wake in wanted
    ]
    if rows:
        beside = session.connection().dialect.name == "postgresql"
        session.run(_INSERT_NEW_BESIDE if beside else _INSERT_NEW, rows)


def _says_something_new(row: dict[str, Any]) -> bool:
    return bool(row["lane"]) and row["urgency"] < Urgency.UPDATE


def _order_beside(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Where others order too. In a lane, ids go up as the units that give them are committed: hence
    its hold. The lanes of an incident's own places are held with the incident."""
    lanes = {row["lane"] for row in rows if not (row["lane"] or "place:").startswith("place:")}
    tx.hold(*(f"lane:{lane}" for lane in lanes))
    known = tx.session.run(_KNOWN_KEYS, {"keys": [row["key"] for row in rows]}).scalars().all()
    new = [row for row in rows if row["key"] not in known]
    tx.ordered.extend(row["key"] for row in new)
    if new:
        tx.session.run(_INSERT_NEW_BESIDE, new)


_Timed = Wake | PostDigest | KeepRetention | ChangeShift
"""Born with a due time of its own."""


def _ordered(
    tx: Tx, stream: str, wanted: Effect | Show, urgency: Urgency, analysts: str | None
) -> dict[str, Any]:
    if isinstance(wanted, Show):
        is_new = wanted.revision == 1
        return {
            "urgency": urgency if is_new or urgency < Urgency.ROUTINE else Urgency.UPDATE,
            "key": f"show:{stream}:{wanted.surface}:{wanted.revision}",
            "kind": SHOW,
            "surface": wanted.surface,
            "lane": wanted.lane,
            "spoken_to": _spoken_to(tx, wanted, analysts),
            "opens": is_new and wanted.surface in THREADS,
            "payload": "null",
        }
    due = {"due": wanted.at} if isinstance(wanted, _Timed) else {}
    first = {"urgency": Urgency.CONTAINMENT} if isinstance(wanted, Contain | Page) else {}
    return {
        "key": wanted.key,
        "kind": wanted.kind,
        "surface": None,
        "lane": _lane(stream, wanted),
        "spoken_to": _spoken_to(tx, wanted, analysts),
        "payload": effect_to_json(wanted),
        **due,
        **first,
    }


# --- claiming ------------------------------------------------------------------------------------

_ahead = aliased(EffectRow)


def ready(now: Any) -> ColumnElement[bool]:
    """Can be claimed: its time has come, or its owner's lease is over; and nothing is before it."""
    return and_(or_(time_has_come(now), lease_is_over(now)), head_of_lane())


def time_has_come(now: Any) -> ColumnElement[bool]:
    return and_(col(EffectRow.status) == "waiting", col(EffectRow.due) <= now)


def lease_is_over(now: Any) -> ColumnElement[bool]:
    return and_(col(EffectRow.status) == "claimed", col(EffectRow.lease_until) <= now)


def head_of_lane() -> ColumnElement[bool]:
    return ~exists().where(
        col(_ahead.customer_id) == col(EffectRow.customer_id),
        col(_ahead.lane) == col(EffectRow.lane),
        col(_ahead.id) < col(EffectRow.id),
        col(_ahead.done_at).is_(None),
    )


_READY = (
    select(
        col(EffectRow.id),
        col(EffectRow.stream),
        col(EffectRow.key),
        col(EffectRow.kind),
        col(EffectRow.attempts),
        col(EffectRow.payload),
        col(EffectRow.surface),
        col(EffectRow.remote_id),
        col(EffectRow.lane),
        col(EffectRow.spoken_to),
    )
    .where(ready(bindparam("now")))
    .order_by(col(EffectRow.due), col(EffectRow.id))
    .with_for_update(skip_locked=True)  # two may reach for it at once; SQLite has one writer
)
DUE: tuple[SQLColumnExpression[Any], ...] = (
    col(EffectRow.customer_id),
    col(EffectRow.id).label("effect_id"),
    col(EffectRow.urgency),
    col(EffectRow.lane),
    col(EffectRow.stream),
    col(EffectRow.surface),
    col(EffectRow.spoken_to),
    col(EffectRow.opens),
)
"""The columns of a `Due`."""

_READY_AMONG = (
    select(*DUE)
    .where(
        or_(
            col(EffectRow.key).in_(bindparam("keys", expanding=True)),
            col(EffectRow.id).in_(bindparam("ids", expanding=True)),
        ),
        ready(bindparam("now")),
    )
    .order_by(col(EffectRow.urgency), col(EffectRow.id))
)


def ready_among(tx: Tx, now: datetime) -> list[Due]:
    """Which of the effects that this transaction has ordered, or made more urgent, can be claimed
    now: what is urgent first."""
    wanted = {"keys": tx.ordered, "ids": tx.hurried, "now": now}
    return [Due(*row) for row in tx.session.run(_READY_AMONG, wanted)]


_lane_of = aliased(EffectRow)
_NEXT_IN_LANE = (
    select(*DUE)
    .where(
        col(EffectRow.lane)
        == select(col(_lane_of.lane))
        .where(col(_lane_of.id) == bindparam("effect_id"))
        .scalar_subquery(),
        ready(bindparam("now")),
    )
    .limit(1)
)


def next_in_lane(tx: Tx, effect_id: int, now: datetime) -> Due | None:
    """What can be claimed now in the lane of an effect, which is over."""
    found = tx.session.run(_NEXT_IN_LANE, {"effect_id": effect_id, "now": now}).one_or_none()
    return Due(*found) if found else None


_READY_BY_ID = _READY.where(col(EffectRow.id) == bindparam("effect_id"))
_NEXT = _READY.limit(1)
_TAKE = (
    update(EffectRow)
    .where(col(EffectRow.id) == bindparam("effect_id"))
    .values(
        status="claimed",
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        attempts=bindparam("attempt"),
    )
    .execution_options(synchronize_session=False)
)


def claim(
    tx: Tx, effect_id: int | None, owner: str, now: datetime, lease: timedelta
) -> ClaimedEffect | None:
    """Take an effect, or with None the next one; None when it is not there to be taken."""
    wanted = {"now": now} if effect_id is None else {"now": now, "effect_id": effect_id}
    statement = _NEXT if effect_id is None else _READY_BY_ID
    row = tx.session.run(statement, wanted).one_or_none()
    if row is None:
        return None
    attempt = row.attempts + 1
    taken = {"effect_id": row.id, "by": owner, "until": now + lease, "attempt": attempt}
    tx.session.run(_TAKE, taken)
    return ClaimedEffect(
        id=row.id,
        stream=row.stream,
        key=row.key,
        kind=row.kind,
        attempt=attempt,
        effect=None if row.kind == SHOW else effect_from_json(row.payload),
        surface=row.surface,
        remote_id=row.remote_id,
        lane=row.lane,
        spoken_to=row.spoken_to,
    )


_ANOTHER_OPENS = (
    select(col(EffectRow.id))
    .where(
        col(EffectRow.status) == "claimed",
        col(EffectRow.opens),
        col(EffectRow.id) != bindparam("effect_id"),
    )
    .limit(1)
)
_OPENS = (
    update(EffectRow)
    .where(col(EffectRow.id) == bindparam("effect_id"))
    .values(opens=True)
    .execution_options(synchronize_session=False)
)


def may_open(tx: Tx, effect_id: int) -> bool:
    """Whether a claimed effect may create the conversation it needs: a customer's are created one
    after another, so that a process that dies repeats no more than one. Where another is on its
    way, this one is to be unclaimed; it is not due before that one is over."""
    tx.hold("opens")
    tx.session.run(_OPENS, {"effect_id": effect_id})
    return tx.session.run(_ANOTHER_OPENS, {"effect_id": effect_id}).scalar() is None


# --- what came of it -----------------------------------------------------------------------------


def _settle(**values: Any) -> ReturningUpdate[int]:
    return (
        update(EffectRow)
        .where(
            col(EffectRow.id) == bindparam("effect_id"),
            col(EffectRow.owner) == bindparam("by"),
            col(EffectRow.status) == "claimed",
        )
        .values(owner=None, lease_until=None, **values)
        .returning(col(EffectRow.id))
        .execution_options(synchronize_session=False)
    )


_FINISH = _settle(
    status="done", remote_id=bindparam("remote"), done_at=bindparam("now"), last_error=None
)
_FAIL = _settle(status="failed", last_error=bindparam("error"), done_at=bindparam("now"))
_RETRY = _settle(
    status="waiting",
    due=bindparam("at"),
    last_error=bindparam("error"),
    attempts=col(EffectRow.attempts) - bindparam("forgiven"),
)
_UNCLAIM = _settle(status="waiting", due=bindparam("at"), attempts=col(EffectRow.attempts) - 1)
_BLOCK = _settle(status="blocked", last_error=bindparam("error"), waits_for=bindparam("what"))


def finish(tx: Tx, effect_id: int, owner: str, remote_id: str | None, now: datetime) -> bool:
    """It is done, and `remote_id` is what the other side calls the result."""
    return _settled(tx, _FINISH, effect_id, owner, remote=remote_id, now=now)


def fail(tx: Tx, effect_id: int, owner: str, error: str, now: datetime) -> bool:
    """It will never be done; its lane moves on."""
    return _settled(tx, _FAIL, effect_id, owner, error=error, now=now)


def retry(
    tx: Tx, effect_id: int, owner: str, *, due: datetime, error: str, counts_as_attempt: bool
) -> bool:
    """Try again at `due`; its lane waits. Patience the other side asked for is no attempt."""
    forgiven = 0 if counts_as_attempt else 1
    return _settled(tx, _RETRY, effect_id, owner, at=due, error=error, forgiven=forgiven)


def unclaim(tx: Tx, effect_id: int, owner: str, due: datetime) -> bool:
    """It cannot be begun before `due`: as if nobody had claimed it."""
    return _settled(tx, _UNCLAIM, effect_id, owner, at=due)


def block(tx: Tx, effect_id: int, owner: str, *, waits_for: str, error: str) -> bool:
    """Wait, with its lane, for `release_blocked(waits_for)`: "person:…" or "channel:…"."""
    return _settled(tx, _BLOCK, effect_id, owner, what=waits_for, error=error)


MOST_TRIES = 8
"""How often an effect that cannot even be prepared is tried."""

_SET_ASIDE = (
    update(EffectRow)
    .where(
        col(EffectRow.id) == bindparam("effect_id"),
        or_(
            col(EffectRow.status) == "waiting",
            and_(
                col(EffectRow.status) == "claimed", col(EffectRow.lease_until) <= bindparam("now")
            ),
        ),
    )
    .values(
        attempts=col(EffectRow.attempts) + 1,
        status=case((col(EffectRow.attempts) + 1 >= MOST_TRIES, "failed"), else_="waiting"),
        due=bindparam("at"),
        owner=None,
        lease_until=None,
        last_error=bindparam("error"),
        done_at=case((col(EffectRow.attempts) + 1 >= MOST_TRIES, bindparam("now"))),
    )
    .execution_options(synchronize_session=False)
)


def set_aside(tx: Tx, effect_id: int, error: str, now: datetime) -> None:
    """A fault of ours kept it from being prepared: try later, so that it stands in nobody's way,
    and after a while never; `across.stuck` lists it. What another owner has claimed meanwhile is
    theirs."""
    at = now + timedelta(minutes=1)
    tx.session.run(_SET_ASIDE, {"effect_id": effect_id, "at": at, "error": error, "now": now})


def _settled(
    tx: Tx, statement: ReturningUpdate[int], effect_id: int, owner: str, **values: Any
) -> bool:
    wanted = {"effect_id": effect_id, "by": owner, **values}
    return tx.session.run(statement, wanted).scalar() is not None


_RELEASE = (
    update(EffectRow)
    .where(col(EffectRow.status) == "blocked", col(EffectRow.waits_for) == bindparam("what"))
    .values(status="waiting", due=bindparam("now"), waits_for=None)
    .returning(col(EffectRow.id))
    .execution_options(synchronize_session=False)
)


def release_blocked(tx: Tx, waits_for: str, now: datetime) -> list[int]:
    """What waited for this can be tried again: the app was installed."""
    return release(tx.session, waits_for, now)


def release(session: UnitSession, waits_for: str, now: datetime) -> list[int]:
    return sorted(session.run(_RELEASE, {"what": waits_for, "now": now}).scalars())


_CANCEL = (
    update(EffectRow)
    .where(col(EffectRow.status).in_(("waiting", "blocked", "failed")))
    .values(
        status="cancelled",
        last_error=bindparam("why"),
        waits_for=None,
        done_at=func.coalesce(col(EffectRow.done_at), bindparam("now")),
    )
    .returning(col(EffectRow.id))
    .execution_options(synchronize_session=False)
)
_CANCEL_CLAIMED = (
    update(EffectRow)
    .where(col(EffectRow.id) == bindparam("effect_id"), col(EffectRow.owner) == bindparam("by"))
    .values(
        status="cancelled", last_error=bindparam("why"), lease_until=None, done_at=bindparam("now")
    )
    .execution_options(synchronize_session=False)
)


def cancel_open(tx: Tx, why: str, now: datetime) -> int:
    """Nothing that waits is done any more, nor what failed tried again; how much it was. What is
    being carried out at this moment ends by itself."""
    return len(tx.session.run(_CANCEL, {"why": why, "now": now}).all())


def cancel(tx: Tx, effect_id: int, owner: str, why: str, now: datetime) -> None:
    """What was claimed is not to be done."""
    wanted = {"effect_id": effect_id, "by": owner, "why": why, "now": now}
    tx.session.run(_CANCEL_CLAIMED, wanted)


_beside = aliased(EffectRow)
_PUT_BACK = (
    update(EffectRow)
    .where(
        col(EffectRow.id).in_(bindparam("ids", expanding=True)),
        col(EffectRow.status).in_(("failed", "blocked")),
        ~exists().where(
            col(_beside.customer_id) == col(EffectRow.customer_id),
            col(_beside.lane) == col(EffectRow.lane),
            col(_beside.done_at).is_(None),
            col(_beside.status) == "claimed",
        ),
    )
    .values(
        status="waiting",
        due=bindparam("now"),
        attempts=1,  # all but the first are granted anew; whoever looks first at a second one, does
        waits_for=None,
        done_at=None,
    )
    .returning(col(EffectRow.id))
    .execution_options(synchronize_session=False)
)


def put_back(tx: Tx, effect_ids: Sequence[int], now: datetime) -> list[int]:
    """Have what failed or is blocked tried again at once: an operator asked for it. Which were;
    what has another of its lane under way stays for later."""
    found = tx.session.run(_PUT_BACK, {"ids": list(effect_ids), "now": now})
    return sorted(found.scalars())


_REMOTE = select(col(EffectRow.remote_id)).where(col(EffectRow.key) == bindparam("known_as"))


def remote_id(tx: Tx, key: str) -> str | None:
    """What the other side calls the result of an effect; None where there is none."""
    found: str | None = tx.session.run(_REMOTE, {"known_as": key}).scalar()
    return found

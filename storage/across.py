"""The queries that see every customer: the sweep, inbound look-ups, the provider's lists. Beside
them only `pace` does, for a tenant is spoken to on behalf of many.

An inbound look-up goes by what Teams or a source has proved: a tenant together with a handle or
a conversation, or an intake key. What belongs to one tenant is not found from another.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Executable,
    FromClause,
    Select,
    TextClause,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import aliased
from sqlmodel import col

from storage import carried, profiles
from storage.codec import (
    UnreadableStateError,
    incident_from_json,
    provider_from_json,
    stop_from_json,
)
from storage.credentials import Kind
from storage.due import Due
from storage.effects import (
    DUE,
    NOT_OVER,
    head_of_lane,
    lease_is_over,
    release,
    time_has_come,
    wake_all,
)
from storage.engine import AcrossTx
from storage.incidents import OVER, code_key
from storage.pace import DIFFER, TENANT
from storage.tables import (
    ConversationRow,
    CustomerRow,
    DutyRow,
    EffectRow,
    EntityKeyRow,
    EventRow,
    HandleRow,
    IncidentRow,
    IntakeCredentialRow,
    InvitationRow,
    PaceRow,
    PersonRow,
    SignInRow,
    SurfaceRow,
)
from triage.assigning import HANDOVER
from triage.customer import Customer, Provider, Stop
from triage.duty import Mark
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD, Wake
from triage.incident import Incident, IncidentType, Status
from triage.report import Severity, Source

# --- the sweep -----------------------------------------------------------------------------------


def _first_head(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """The first effect that is not over, in the order of lanes: the head of its own."""
    row = _following
    return (
        select(col(row.id))
        .where(col(row.lane).is_not(None), col(row.done_at).is_(None), *conditions)
        .order_by(col(row.customer_id), col(row.lane), col(row.id))
        .limit(1)
        .scalar_subquery()
    )


_following, _found = aliased(EffectRow), aliased(EffectRow)
_heads = select(_first_head().label("id")).cte("head", recursive=True)
_heads = _heads.union_all(
    select(
        func.coalesce(
            _first_head(
                col(_following.customer_id) == col(_found.customer_id),
                col(_following.lane) > col(_found.lane),
            ),
            _first_head(col(_following.customer_id) > col(_found.customer_id)),
        )
    ).select_from(_heads.join(_found, col(_found.id) == _heads.c.id))
)
_head = select(_heads.c.id)
"""The head of every lane, from lane to lane through the index, however many wait in each: to ask
all that is due whether it is a head takes as long as there are effects."""

_in_order = aliased(EffectRow)
_head_of_each = select(
    select(col(_in_order.id))
    .ext(postgresql.distinct_on(col(_in_order.customer_id), col(_in_order.lane)))
    .where(col(_in_order.lane).is_not(None), col(_in_order.done_at).is_(None))
    .order_by(col(_in_order.customer_id), col(_in_order.lane), col(_in_order.id))
    .subquery("head")
    .c.id
)
"""The same for PostgreSQL: one pass, whatever its planner believes of the table."""


def _in_no_lane(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(col(EffectRow.lane).is_(None), *conditions)


MOST_OF_A_TENANT = 8
"""Heads of one tenant that are told of at a time, of each urgency, and as many that create
a conversation: nobody fills the list."""
MOST_AT_A_SWEEP = 32
"""The same for a sweep, which is dearer: what has no room yet is kept in mind."""

_lane_pace, _tenant_pace = aliased(PaceRow), aliased(PaceRow)
_opener = aliased(EffectRow)
_waits_to_open = and_(
    col(EffectRow.opens),
    col(EffectRow.customer_id).in_(
        select(col(_opener.customer_id)).where(
            col(_opener.status) == "claimed",
            col(_opener.opens),
            col(_opener.id).not_in(bindparam("in_flight", (), expanding=True)),
        )
    ),
)
"""A customer's conversations are created one after another."""

_now: BindParameter[datetime] = bindparam("now")
_can_be_begun = or_(and_(time_has_come(_now), ~_waits_to_open), lease_is_over(_now))


def _with_pace(begun: FromClause) -> FromClause:
    """What may be begun, with its row and the pace of its lane and of the tenant that hears it."""
    return (
        begun.join(EffectRow, col(EffectRow.id) == begun.c.id)
        .outerjoin(
            _lane_pace,
            and_(
                col(_lane_pace.customer_id) == col(EffectRow.customer_id),
                col(_lane_pace.bucket) == col(EffectRow.lane),
            ),
        )
        .outerjoin(
            _tenant_pace,
            and_(
                col(_tenant_pace.customer_id) == col(EffectRow.spoken_to),
                col(_tenant_pace.bucket) == TENANT,
            ),
        )
    )


def _has_room(pace: type[PaceRow]) -> ColumnElement[bool]:
    """A hold from the far future is none: the clock was set back, and the claim looks for itself."""
    return or_(
        col(pace.free_at).is_(None),
        col(pace.free_at) <= _now,
        col(pace.at) > bindparam("set_back"),
    )


_no_lane = select(col(EffectRow.id))
_turn = func.row_number().over(
    partition_by=(
        func.coalesce(col(EffectRow.spoken_to), col(EffectRow.customer_id)),
        col(EffectRow.urgency),
        col(EffectRow.opens),
    ),
    order_by=(col(EffectRow.due), col(EffectRow.id)),
)


def _due_in_turn(heads: Select[int], *conditions: ColumnElement[bool] | TextClause) -> Executable:
    begun = union_all(
        heads,
        _no_lane.where(_in_no_lane(time_has_come(_now))),
        _no_lane.where(_in_no_lane(lease_is_over(_now))),
    ).subquery("begun")
    ready = (
        select(*DUE, col(EffectRow.due), _turn.label("turn"))
        .select_from(_with_pace(begun))
        .where(_can_be_begun, _has_room(_lane_pace), _has_room(_tenant_pace), *conditions)
        .subquery("ready")
    )
    return (
        select(*list(ready.c)[: len(DUE)])
        .where(or_(ready.c.spoken_to.is_(None), ready.c.turn <= bindparam("most")))
        .order_by(ready.c.urgency, ready.c.turn, ready.c.due, ready.c.effect_id)
        .limit(bindparam("limit"))
    )


_DUE = _due_in_turn(_head)


def due(tx: AcrossTx, now: datetime, limit: int, in_flight: Collection[int] = ()) -> list[Due]:
    """What can be begun now: what is urgent first, then tenant by tenant in turn, and of each
    tenant what is due longest.

    What creates a conversation is told of behind what the asker itself has `in_flight`, and has to
    wait for it; behind another's it is not due.
    """
    wanted = _asks(now, limit, in_flight, MOST_OF_A_TENANT)
    return [Due(*row) for row in tx.session.run(_DUE, wanted)]


def _asks(now: datetime, limit: int, in_flight: Collection[int], most: int) -> dict[str, Any]:
    return {
        "now": now,
        "set_back": now + DIFFER,
        "limit": limit,
        "in_flight": [*in_flight],
        "most": most,
    }


_UNCARRIED = _due_in_turn(_head_of_each, carried.HAS_NO_JOB)


def promote(
    tx: AcrossTx,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    in_flight: Collection[int],
    admit: carried.Admit,
) -> bool:
    """PostgreSQL: make jobs of what `due` would tell of and has none, as far as it is admitted.
    False, and nothing is done, where another replica is at it."""
    connection = tx.session.connection()
    if not carried.sweep_alone(connection):
        return False
    carried.drop_abandoned(connection, now, lease)
    wanted = _asks(now, limit, in_flight, MOST_AT_A_SWEEP)
    found = [Due(*row) for row in tx.session.run(_UNCARRIED, wanted)]
    carried.defer(connection, found, admit)
    return True


def _later(a: Any, b: Any) -> Any:
    """The later of two moments; `b` may be missing."""
    return case((b > a, b), else_=a)


_has_room_at = _later(
    _later(col(EffectRow.due), col(_lane_pace.free_at)), col(_tenant_pace.free_at)
)
_waiting = union_all(
    _head,
    _no_lane.where(
        _in_no_lane(col(EffectRow.status) == "waiting", col(EffectRow.due) <= bindparam("until"))
    ),
).subquery("waiting")
_falls_due = and_(
    col(EffectRow.status) == "waiting", col(EffectRow.due) <= bindparam("until"), ~_waits_to_open
)
_NEXT_DUE = select(func.min(case((_falls_due, _has_room_at)))).select_from(_with_pace(_waiting))
"""The condition stands inside, so that no planner begins with everything that is due."""
_NEXT_LEASE = select(func.min(col(EffectRow.lease_until))).where(
    col(EffectRow.status) == "claimed", col(EffectRow.lease_until) <= bindparam("until")
)

EVER = datetime.max.replace(tzinfo=UTC)


def next_due(tx: AcrossTx, until: datetime = EVER) -> datetime | None:
    """When `due` will next find something of what falls due by `until`: a waiting head whose pace
    has room, which may be later than that, or a lease that ends."""
    wanted = {"until": until}
    found = (
        tx.session.run(_NEXT_DUE, wanted).scalar(),
        tx.session.run(_NEXT_LEASE, wanted).scalar(),
    )
    return min((at for at in found if at is not None), default=None)


_WORK_WAITS = (
    select(col(EffectRow.id))
    .where(
        col(EffectRow.status) == "waiting",
        col(EffectRow.kind).not_in(("keep_retention", "change_shift")),
    )
    .limit(1)
)


def work_waits(tx: AcrossTx) -> bool:
    """Whether anything waits besides the daily look for what is kept too long and the next change
    of shifts, which always do."""
    return tx.session.run(_WORK_WAITS).scalar() is not None


def release_blocked(tx: AcrossTx, waits_for: str, now: datetime) -> list[int]:
    """As `effects.release_blocked`, for what waits in every customer: the provider's own team."""
    return release(tx.session, waits_for, now)


LOOKS_BACK = timedelta(days=7)
"""What was ordered longer ago is history: nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """An effect that is not getting on, and why."""

    customer_id: str
    effect_id: int
    stream: str
    kind: str
    status: str
    since: datetime
    attempts: int
    last_error: str | None
    incident: str | None = None
    """The incident's name, where it belongs to one."""
    surface: str | None = None
    waits_for: str | None = None


_overdue = or_(
    and_(col(EffectRow.status) == "waiting", col(EffectRow.due) <= bindparam("before")),
    and_(col(EffectRow.status) == "claimed", col(EffectRow.lease_until) <= bindparam("before")),
)
_STUCK = (
    select(EffectRow, col(IncidentRow.name))
    .outerjoin(
        IncidentRow,
        and_(
            col(IncidentRow.customer_id) == col(EffectRow.customer_id),
            col(IncidentRow.id) == col(EffectRow.stream),
        ),
    )
    .where(
        or_(
            col(EffectRow.status).in_(("failed", "blocked")),
            and_(_overdue, head_of_lane()),
        ),
        col(EffectRow.ordered_at) >= bindparam("since"),
    )
    .order_by(col(EffectRow.id))
)


def stuck(
    tx: AcrossTx,
    now: datetime,
    patience: timedelta = timedelta(minutes=5),
    back: timedelta = LOOKS_BACK,
) -> list[Stuck]:
    """What has failed, is blocked, or has been due for longer than `patience`; of the last days.

    What only waits behind another one is not named: that one is.
    """
    rows = tx.session.execute(_STUCK, {"before": now - patience, "since": now - back})
    return [
        Stuck(
            customer_id=row.customer_id,
            effect_id=row.id,
            stream=row.stream,
            kind=row.kind,
            status=row.status,
            since=row.done_at or row.due,
            attempts=row.attempts,
            last_error=row.last_error,
            incident=name,
            surface=row.surface,
            waits_for=row.waits_for,
        )
        for row, name in rows
    ]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not over, in numbers: whose it is, is not among them."""

    effects: dict[tuple[str, str], int]
    """By kind and status; failed ones as far back as `stuck` looks."""
    oldest_due: datetime | None
    """Since when the oldest that could be carried out now has been due."""
    incidents: dict[tuple[str, str], int]
    """Open ones, by status and severity."""
    stopped: int = 0
    """Customers whose response actions are stopped; the provider counts where all are."""


_EFFECTS_NOT_OVER = (
    select(col(EffectRow.kind), col(EffectRow.status), func.count())
    .where(
        or_(
            col(EffectRow.status).in_(NOT_OVER),
            and_(col(EffectRow.status) == "failed", col(EffectRow.ordered_at) >= bindparam("back")),
        )
    )
    .group_by(col(EffectRow.kind), col(EffectRow.status))
)
_OLDEST_DUE = (
    select(col(EffectRow.due))
    .where(
        col(EffectRow.status) == "waiting",
        col(EffectRow.due) <= bindparam("now"),
        head_of_lane(),
    )
    .order_by(col(EffectRow.due))
    .limit(1)
)
_OPEN_INCIDENTS = (
    select(col(IncidentRow.status), col(IncidentRow.severity), func.count())
    .where(col(IncidentRow.status).in_([s for s in Status if s not in OVER]))
    .group_by(col(IncidentRow.status), col(IncidentRow.severity))
)


def backlog(tx: AcrossTx, now: datetime) -> Backlog:
    """For monitoring. It costs what is not over, however much was ever done."""
    effects = tx.session.execute(_EFFECTS_NOT_OVER, {"back": now - LOOKS_BACK})
    incidents = tx.session.execute(_OPEN_INCIDENTS)
    return Backlog(
        effects={(kind, status): count for kind, status, count in effects},
        oldest_due=tx.session.scalar(_OLDEST_DUE, {"now": now}),
        incidents={(status, severity): count for status, severity, count in incidents},
        stopped=len(stops(tx)),
    )


# --- inbound -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handle:
    """What a token on a card stands for."""

    token: str
    customer_id: str
    incident_id: str
    surface: str
    person: str | None
    conversation_id: str | None
    expires: datetime


@dataclass(frozen=True, slots=True)
class Press:
    """A handle, and by whose hand it came: what our own records call them, where they know them."""

    handle: Handle
    upn: str | None
    """None too for whoever is from outside: they are no contact of the customer's, whatever the
    profile says."""
    name: str | None


_onboarded = aliased(CustomerRow)
_HANDLE = (
    select(
        col(HandleRow.token),
        col(HandleRow.customer_id),
        col(HandleRow.incident_id),
        col(HandleRow.surface),
        col(HandleRow.person),
        col(HandleRow.conversation_id),
        col(HandleRow.expires),
        col(PersonRow.upn),
        col(PersonRow.name),
        col(PersonRow.outside),
        col(CustomerRow.role),
        col(CustomerRow.document),
        col(CustomerRow.stopped),
    )
    .join(
        CustomerRow,
        and_(col(CustomerRow.customer_id) == col(HandleRow.customer_id), col(CustomerRow.current)),
    )
    .outerjoin(
        PersonRow,
        and_(
            col(PersonRow.customer_id) == col(HandleRow.customer_id),
            col(PersonRow.tenant_id) == col(HandleRow.tenant_id),
            col(PersonRow.object_id) == bindparam("object_id"),
        ),
    )
    .where(
        col(HandleRow.token) == bindparam("token"),
        col(HandleRow.tenant_id) == bindparam("tenant_id"),
        exists().where(
            col(_onboarded.current), col(_onboarded.tenant_id) == bindparam("onboarded")
        ),
    )
)


def find_press(tx: AcrossTx, tenant_id: str, token: str, object_id: str) -> Press | None:
    """A handle of this tenant, while the tenant is onboarded, and who of it pressed; whether it has
    expired is for the caller to look at. The profile of its customer is known from then on."""
    wanted = {
        "token": token,
        "tenant_id": tenant_id,
        "onboarded": tenant_id.lower(),
        "object_id": object_id.lower(),
    }
    row = tx.session.run(_HANDLE, wanted).one_or_none()
    if row is None:
        return None
    handle = Handle(
        token=row.token,
        customer_id=row.customer_id,
        incident_id=row.incident_id,
        surface=row.surface,
        person=row.person,
        conversation_id=row.conversation_id,
        expires=row.expires,
    )
    tx.profiles[handle.customer_id] = profiles.decoded(row.role, row.document, row.stopped)
    return Press(handle, None if row.outside else row.upn, row.name)


_LINK = select(HandleRow).where(
    col(HandleRow.token) == bindparam("token"), col(HandleRow.surface).startswith("verify:")
)
_SIGN_IN = select(col(SignInRow.customer_id)).where(col(SignInRow.sha256) == bindparam("sha256"))


def find_link(tx: AcrossTx, token: str) -> Handle | None:
    """What a link to a page of ours stands for. A browser proves no tenant: the link is the secret,
    and it gives away nothing before somebody has signed in."""
    row = tx.session.scalars(_LINK, {"token": token}).one_or_none()
    if row is None:
        return None
    return Handle(
        token=row.token,
        customer_id=row.customer_id,
        incident_id=row.incident_id,
        surface=row.surface,
        person=row.person,
        conversation_id=None,
        expires=row.expires,
    )


def customer_of_sign_in(tx: AcrossTx, sha256: str) -> str | None:
    """Whose sign-in it is that a browser brings back."""
    return tx.session.run(_SIGN_IN, {"sha256": sha256}).scalar()


@dataclass(frozen=True, slots=True)
class FoundConversation:
    """Whose conversation it is. A thread of an incident says which surface opened it."""

    customer_id: str
    kind: str
    """personal, channel or thread."""
    whose: str
    """The person's object id, the channel's id, or the incident's id."""
    surface: str | None = None


_CONVERSATION = select(ConversationRow).where(
    col(ConversationRow.tenant_id) == bindparam("tenant_id"),
    col(ConversationRow.conversation_id) == bindparam("conversation_id"),
)
_THREAD = (
    select(SurfaceRow)
    .where(
        col(SurfaceRow.tenant_id) == bindparam("tenant_id"),
        col(SurfaceRow.conversation_id) == bindparam("conversation_id"),
    )
    # By the root of the thread: what is asked and given there has cards of its own in it.
    .order_by(col(SurfaceRow.name).in_((CUSTOMER_THREAD, ANALYST_THREAD)).desc())
    .limit(1)
)


def find_conversation(
    tx: AcrossTx, tenant_id: str, conversation_id: str
) -> FoundConversation | None:
    """A chat, channel or incident thread of this tenant."""
    wanted = {"tenant_id": tenant_id, "conversation_id": conversation_id}
    known = tx.session.scalars(_CONVERSATION, wanted).first()
    if known is not None:
        return FoundConversation(known.customer_id, known.kind, known.whose)
    thread = tx.session.scalars(_THREAD, wanted).first()
    if thread is not None:
        return FoundConversation(thread.customer_id, "thread", thread.incident_id, thread.name)
    return None


@dataclass(frozen=True, slots=True)
class Coded:
    """A case by its code: what the provider's analysts may know of every customer."""

    customer_id: str
    name: str
    received: datetime


_CODED = (
    select(col(IncidentRow.customer_id), col(IncidentRow.name), col(IncidentRow.received))
    .join(
        EntityKeyRow,
        and_(
            col(EntityKeyRow.customer_id) == col(IncidentRow.customer_id),
            col(EntityKeyRow.incident_id) == col(IncidentRow.id),
        ),
    )
    .where(
        col(EntityKeyRow.customer_id).in_(
            select(col(CustomerRow.customer_id)).where(col(CustomerRow.current))
        ),
        col(EntityKeyRow.key) == bindparam("key"),
    )
    .order_by(col(IncidentRow.received).desc())
    .limit(5)
)


def with_code(tx: AcrossTx, code: str) -> list[Coded]:
    """The newest cases of any customer that a case code stands for."""
    found = tx.session.run(_CODED, {"key": code_key(code)})
    return [Coded(row.customer_id, row.name, row.received) for row in found]


@dataclass(frozen=True, slots=True)
class NamedCase:
    """A case of any customer, as an analyst names it."""

    customer_id: str
    incident_id: str
    name: str


_NAMED = (
    select(col(IncidentRow.customer_id), col(IncidentRow.id), col(IncidentRow.name))
    .where(
        col(IncidentRow.customer_id).in_(
            select(col(CustomerRow.customer_id)).where(
                col(CustomerRow.current), col(CustomerRow.role) != "provider"
            )
        ),
        col(IncidentRow.name).in_(bindparam("names", expanding=True)),
    )
    .order_by(col(IncidentRow.received).desc())
    .limit(bindparam("limit"))
)
_DOCUMENTS = select(col(CustomerRow.document)).where(
    col(CustomerRow.current), col(CustomerRow.role) != "provider"
)


def cases_named(tx: AcrossTx, number: int, prefix: str | None, limit: int) -> list[NamedCase]:
    """The cases CONTOSO-42 may be, or 42 alone, at the customers that are onboarded."""
    names = [f"{p}-{number}" for p in ([prefix] if prefix else sorted(prefixes(tx)))]
    found = tx.session.run(_NAMED, {"names": names, "limit": limit})
    return [NamedCase(row.customer_id, row.id, row.name) for row in found]


def prefixes(tx: AcrossTx) -> frozenset[str]:
    """What the customers' cases begin with."""
    found = tx.session.run(_DOCUMENTS, {}).scalars()
    return frozenset(str(json.loads(document)["prefix"]) for document in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which cases an analyst wants to see; what is empty rules nothing out."""

    statuses: tuple[Status, ...] = ()
    """Without them, every case that is not over."""
    customers: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    types: tuple[IncidentType, ...] = ()
    owner: str | None = None
    unowned: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of cases, the gravest and newest first, and how many there are in all."""

    cases: tuple[tuple[Incident, Customer], ...]
    count: int


_rank = case(
    {s: rank for rank, s in enumerate(reversed(Severity))}, value=col(IncidentRow.severity)
)


def listed(tx: AcrossTx, wanted: Listing, limit: int, offset: int) -> Listed:
    """Through one index, which holds all that is asked for; only what is shown is read whole. They
    are counted apart: a window over all of them would be dearer than both."""
    conditions = _of(wanted)
    counted = select(func.count()).select_from(IncidentRow).where(*conditions)
    count = tx.session.run(counted, {}).scalar() or 0
    ids = (
        select(col(IncidentRow.customer_id), col(IncidentRow.id))
        .where(*conditions)
        .order_by(_rank, col(IncidentRow.received).desc(), col(IncidentRow.id))
        .limit(limit)
        .offset(offset)
    )
    shown = [case_of(tx, *key) for key in tx.session.run(ids, {}).all()]
    return Listed(tuple(found for found in shown if found), count)


def _of(wanted: Listing) -> list[ColumnElement[bool]]:
    statuses = wanted.statuses or tuple(s for s in Status if s not in OVER)
    whose = select(col(CustomerRow.customer_id)).where(
        col(CustomerRow.current), col(CustomerRow.role) != "provider"
    )
    if wanted.customers:  # named outright, they would be gone through with all they ever had
        whose = whose.where(col(CustomerRow.customer_id).in_(wanted.customers))
    conditions: list[ColumnElement[bool]] = [
        col(IncidentRow.status).in_(statuses),
        col(IncidentRow.customer_id).in_(whose),
    ]
    if wanted.severities:
        conditions.append(col(IncidentRow.severity).in_(wanted.severities))
    if wanted.types:
        conditions.append(col(IncidentRow.type).in_(wanted.types))
    if wanted.owner is not None:
        conditions.append(col(IncidentRow.owner) == wanted.owner)
    if wanted.unowned:
        conditions.append(col(IncidentRow.owner).is_(None))
    return conditions


def customers_called(tx: AcrossTx) -> dict[str, str]:
    """The customers that are onboarded, by their id and by what their cases begin with, in lower
    case."""
    found = tx.session.run(_CALLED, {}).all()
    ids = {row.customer_id.lower(): row.customer_id for row in found}
    return {str(json.loads(r.document)["prefix"]).lower(): r.customer_id for r in found} | ids


_CALLED = select(col(CustomerRow.customer_id), col(CustomerRow.document)).where(
    col(CustomerRow.current), col(CustomerRow.role) != "provider"
)

_CASE_OF_THREAD = (
    select(col(IncidentRow.customer_id), col(IncidentRow.id), col(IncidentRow.name))
    .join(
        SurfaceRow,
        and_(
            col(SurfaceRow.customer_id) == col(IncidentRow.customer_id),
            col(SurfaceRow.incident_id) == col(IncidentRow.id),
        ),
    )
    .where(
        col(SurfaceRow.tenant_id) == bindparam("tenant_id"),
        col(SurfaceRow.conversation_id) == bindparam("conversation_id"),
        col(SurfaceRow.name) == ANALYST_THREAD,
    )
    .limit(1)
)


def case_of_thread(tx: AcrossTx, tenant_id: str, conversation_id: str) -> NamedCase | None:
    """Whose analysts' thread it is, in the provider's tenant."""
    wanted = {"tenant_id": tenant_id, "conversation_id": conversation_id}
    row = tx.session.run(_CASE_OF_THREAD, wanted).first()
    return NamedCase(row.customer_id, row.id, row.name) if row else None


_stronger = aliased(IntakeCredentialRow)
_KEY = select(col(IntakeCredentialRow.customer_id)).where(
    col(IntakeCredentialRow.kind) == Kind.BEARER,
    col(IntakeCredentialRow.source) == bindparam("source"),
    col(IntakeCredentialRow.value) == bindparam("sha256"),
    ~exists().where(
        col(_stronger.customer_id) == col(IntakeCredentialRow.customer_id),
        col(_stronger.source) == col(IntakeCredentialRow.source),
        col(_stronger.kind) != Kind.BEARER,
    ),
)
_IDENTITY = select(col(IntakeCredentialRow.customer_id)).where(
    col(IntakeCredentialRow.kind) == Kind.IDENTITY,
    col(IntakeCredentialRow.source) == bindparam("source"),
    col(IntakeCredentialRow.value) == bindparam("object_id"),
    exists().where(
        col(CustomerRow.customer_id) == col(IntakeCredentialRow.customer_id),
        col(CustomerRow.current),
        col(CustomerRow.tenant_id) == bindparam("tenant_id"),
    ),
)
_REFERENCE = select(col(IntakeCredentialRow.customer_id), col(IntakeCredentialRow.source)).where(
    col(IntakeCredentialRow.kind) == Kind.SIGNATURE,
    col(IntakeCredentialRow.value) == bindparam("reference"),
)


def customer_of_key(tx: AcrossTx, source: Source, sha256: str) -> str | None:
    """Whose intake key it is, by its hash. Where the source has something stronger than keys, they
    open nothing any more."""
    return tx.session.run(_KEY, {"source": source, "sha256": sha256}).scalar()


def customer_of_identity(
    tx: AcrossTx, source: Source, tenant_id: str, object_id: str
) -> str | None:
    """Whose source an identity is: registered for it, and of that customer's own tenant."""
    wanted = {"source": source, "tenant_id": tenant_id, "object_id": object_id}
    return tx.session.run(_IDENTITY, wanted).scalar()


def whose_secret(tx: AcrossTx, reference: str) -> tuple[str, Source] | None:
    """Which customer's source signs with the secret that stands there."""
    found = tx.session.run(_REFERENCE, {"reference": reference}).first()
    return (found.customer_id, Source(found.source)) if found else None


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom a code invites, while its customer is onboarded."""

    customer_id: str
    role: str
    tenant_id: str
    used_in: str | None
    """The channel it was used in; None while it was not."""


_INVITED = (
    select(
        col(InvitationRow.customer_id),
        col(CustomerRow.role),
        col(CustomerRow.tenant_id),
        col(InvitationRow.used_in),
    )
    .join(
        CustomerRow,
        and_(
            col(CustomerRow.customer_id) == col(InvitationRow.customer_id),
            col(CustomerRow.current),
        ),
    )
    .where(col(InvitationRow.sha256) == bindparam("sha256"))
)


def find_invited(tx: AcrossTx, sha256: str) -> Invited | None:
    """Whom a code invites, by its hash. Whether it may be used here and now is for the caller."""
    row = tx.session.run(_INVITED, {"sha256": sha256}).one_or_none()
    return Invited(row.customer_id, row.role, row.tenant_id, row.used_in) if row else None


# --- who has what --------------------------------------------------------------------------------

_OPEN = tuple(status for status in Status if status not in OVER)
_MARKS = select(DutyRow).where(col(DutyRow.customer_id) == bindparam("provider"))
_ONBOARDED = col(IncidentRow.customer_id).in_(
    select(col(CustomerRow.customer_id)).where(
        col(CustomerRow.current), col(CustomerRow.role) != "provider"
    )
)
_HELD_COUNTS = (
    select(col(IncidentRow.owner), func.count())
    .where(
        col(IncidentRow.owner).in_(bindparam("owners", expanding=True)),
        col(IncidentRow.status).in_(_OPEN),
        _ONBOARDED,
    )
    .group_by(col(IncidentRow.owner))
)
_HOLDERS = (
    select(col(IncidentRow.owner))
    .where(col(IncidentRow.status).in_(_OPEN), col(IncidentRow.owner).is_not(None), _ONBOARDED)
    .distinct()
)
_CHANGES_HANDS = exists().where(
    col(EffectRow.customer_id) == col(IncidentRow.customer_id),
    col(EffectRow.stream) == col(IncidentRow.id),
    col(EffectRow.surface).is_(None),
    col(EffectRow.kind) == "wake",
    col(EffectRow.status).in_(("waiting", "claimed")),
    col(EffectRow.key).contains(f":{HANDOVER}:"),
)
_IS_HELD = and_(
    col(IncidentRow.owner).in_(bindparam("owners", expanding=True)),
    col(IncidentRow.status).in_(_OPEN),
    _ONBOARDED,
    ~_CHANGES_HANDS,
)
_HELD = (
    select(IncidentRow)
    .where(_IS_HELD)
    .order_by(col(IncidentRow.received), col(IncidentRow.id))
    .limit(bindparam("limit"))
)
_HELD_IN_ALL = select(func.count()).select_from(IncidentRow).where(_IS_HELD)
_SOUGHT = (
    select(col(IncidentRow.customer_id), col(IncidentRow.id))
    .where(
        col(IncidentRow.status).in_(_OPEN),
        col(IncidentRow.owner).is_(None),
        col(IncidentRow.state).contains('"kind":"seeking"'),
        _ONBOARDED,
    )
    .order_by(col(IncidentRow.received), col(IncidentRow.id))
    .limit(bindparam("limit"))
)
_REFUSED = _SOUGHT.where(
    or_(
        ~col(IncidentRow.state).contains('"escalated_by":[]'),
        ~col(IncidentRow.state).contains('"passed":[]'),
    )
)


def marks(tx: AcrossTx, provider: str) -> dict[str, Mark]:
    """What the provider's analysts last said of themselves."""
    rows = tx.session.scalars(_MARKS, {"provider": provider})
    return {row.object_id: Mark(row.on_duty, row.until) for row in rows}


def open_cases(tx: AcrossTx, holders: Collection[str]) -> dict[str, int]:
    """How many cases each of these analysts has that are not over."""
    found = tx.session.run(_HELD_COUNTS, {"owners": list(holders)})
    return {row[0]: row[1] for row in found if row[0]}


def holders(tx: AcrossTx) -> list[str]:
    """Whoever has a case that is not over."""
    return [owner for owner in tx.session.run(_HOLDERS).scalars() if owner]


def held_by(tx: AcrossTx, holders: Sequence[str], limit: int) -> list[Incident]:
    """What is open of these and does not change hands already, oldest first; but for what cannot be
    read, which must not hold up the rest."""
    rows = tx.session.scalars(_HELD, {"owners": holders, "limit": limit})
    return [case for row in rows if (case := _readable(row.state)) is not None]


def held_in_all(tx: AcrossTx, holders: Sequence[str]) -> int:
    """How many cases that is without a limit."""
    return int(tx.session.run(_HELD_IN_ALL, {"owners": holders}).scalar_one())


def _readable(state: str) -> Incident | None:
    try:
        return incident_from_json(state)
    except (UnreadableStateError, ValueError, TypeError, LookupError):  # `vouch audit` names it
        return None


def sought(tx: AcrossTx, limit: int) -> list[tuple[str, str]]:
    """Open cases that an analyst is sought for, oldest first: customer and incident."""
    found = tx.session.run(_SOUGHT, {"limit": limit})
    return [(row.customer_id, row.id) for row in found]


def refused(tx: AcrossTx, limit: int) -> list[tuple[str, str]]:
    """Those of them that somebody gave away, or did not take in time."""
    found = tx.session.run(_REFUSED, {"limit": limit})
    return [(row.customer_id, row.id) for row in found]


_ONE = (
    select(col(IncidentRow.state), CustomerRow)
    .join(CustomerRow, col(CustomerRow.customer_id) == col(IncidentRow.customer_id))
    .where(
        col(IncidentRow.customer_id) == bindparam("customer"),
        col(IncidentRow.id) == bindparam("incident"),
        col(CustomerRow.current),
    )
)


def case_of(tx: AcrossTx, customer: str, incident: str) -> tuple[Incident, Customer] | None:
    """A case and its customer's profile; None of a customer who is not onboarded any more, and of
    what cannot be read."""
    row = tx.session.execute(_ONE, {"customer": customer, "incident": incident}).one_or_none()
    if row is None:
        return None
    state, of = row
    profile = profiles.decoded(of.role, of.document, of.stopped)
    found = _readable(state)
    return (found, profile) if found and isinstance(profile, Customer) else None


def wake(tx: AcrossTx, wanted: Sequence[tuple[str, str, Wake]], now: datetime) -> None:
    """Have cases of several customers look again: customer, incident, wake."""
    wake_all(tx.session, wanted, now)


# --- who there is --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Onboarded:
    id: str
    role: str
    version: int
    tenant_id: str


_CURRENT = (
    select(CustomerRow).where(col(CustomerRow.current)).order_by(col(CustomerRow.customer_id))
)
_OF_TENANT = (
    select(col(CustomerRow.customer_id))
    .where(col(CustomerRow.current), col(CustomerRow.tenant_id) == bindparam("tenant_id"))
    .order_by(col(CustomerRow.customer_id))
)
_PROVIDER = _CURRENT.where(col(CustomerRow.role) == "provider")


_STOPS = select(col(CustomerRow.customer_id), col(CustomerRow.stopped)).where(
    col(CustomerRow.current), col(CustomerRow.stopped).is_not(None)
)
_STOPS_ALL = _STOPS.where(col(CustomerRow.role) == "provider")


def stops(tx: AcrossTx) -> dict[str, Stop]:
    """Whose response actions are stopped, by customer; under the provider's id, everybody's."""
    found = tx.session.run(_STOPS).all()
    return {row.customer_id: stop_from_json(row.stopped) for row in found if row.stopped}


def stop_of_all(tx: AcrossTx) -> Stop | None:
    """The kill switch of every customer, also of one who came after it was pulled."""
    row = tx.session.run(_STOPS_ALL).first()
    return stop_from_json(row.stopped) if row and row.stopped else None


def customers(tx: AcrossTx) -> list[Onboarded]:
    """Everybody with a profile, the provider among them."""
    return [
        Onboarded(row.customer_id, row.role, row.version, row.tenant_id)
        for row in tx.session.scalars(_CURRENT)
    ]


_WHOSE = union(
    select(col(EventRow.customer_id)),
    select(col(IncidentRow.customer_id)),
    select(col(CustomerRow.customer_id)),
)


def whose(tx: AcrossTx) -> list[str]:
    """Everybody with a record, also where the profile is gone: a check must not go by the profiles."""
    return sorted(tx.session.scalars(_WHOSE))


def find_customers_by_tenant(tx: AcrossTx, tenant_id: str) -> list[str]:
    """Whose profile names this tenant; the provider's own may be among them."""
    return list(tx.session.run(_OF_TENANT, {"tenant_id": tenant_id.lower()}).scalars())


def provider(tx: AcrossTx) -> Provider | None:
    """The provider's profile, once there is one."""
    row = tx.session.scalars(_PROVIDER).first()
    return provider_from_json(row.document) if row else None

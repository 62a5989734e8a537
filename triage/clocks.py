"""Service levels: a clock for each promise of the customer's profile, and when it runs.

                 begins, and runs while                      is kept by
    acknowledge  the case is handed over and nobody's        an analyst who takes or closes it
    contact      somebody of the customer is to be reached   a card sent, an answer, a call recorded
    contain      the score asks for what is not done yet     the last containment it asks for
    resolve      always                                      the closing

Contain and resolve stand still while the customer is waited for: an approval they can see is open,
or a question on a card is. The target follows the priority. A clock stops once, and stays as it
was; a case that is reopened has new ones. Settling looks at every clock: a Wake only brings a
moment to look, so one that comes early, late or twice does no harm. Why: decision page 10.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from triage import ladder, paging, worktime
from triage.actions import LOOKING
from triage.authority import is_thread_guarded
from triage.containing import was_denied
from triage.customer import Customer, Due, Targets
from triage.draft import Draft
from triage.incident import (
    ActionState,
    ApprovalState,
    Band,
    Clock,
    Incident,
    Kept,
    Paused,
    Promise,
    Question,
    Route,
    Spared,
    Ticking,
)
from triage.phrases import Phrase, phrase
from triage.priority import Level
from triage.tasking import hides

WARNS_AT = 0.75
"""Of the time that a promise has."""

MOST_CLOCKS = 12
"""That the state carries: of three generations; the event log holds all."""


def settle(draft: Draft) -> None:
    """Let every clock begin, stand, run or stop, as the case now is."""
    level = ladder.level(draft)
    for promise in Promise:
        clock = current(draft.incident, promise)
        if clock is None and _is_needed(draft, promise) and not draft.incident.is_over:
            _look_at(draft, _begun(draft, promise, level), level)
        elif clock is not None and not _has_stopped(clock):
            _look_at(draft, clock, level)


def _begun(draft: Draft, promise: Promise, level: Level) -> Clock:
    now = draft.now
    clock = _aimed(draft, Clock(promise, draft.incident.reopened, now, now, Paused(now)), level)
    draft.set(clocks=(*draft.incident.clocks, clock)[-MOST_CLOCKS:])
    return clock


def current(incident: Incident, promise: Promise) -> Clock | None:
    mine = (c for c in incident.clocks if c.promise is promise)
    return next((c for c in mine if c.generation == incident.reopened), None)


def nobody_was_reached(draft: Draft) -> None:
    """What was sent did not arrive, and nothing else did: the contact is yet to be made."""
    clock = current(draft.incident, Promise.CONTACT)
    if clock and isinstance(clock.state, Kept) and not _is_done(draft, clock):
        _put(draft, clock, replace(clock, state=Ticking()))


def elapsed(clock: Clock, now: datetime) -> timedelta:
    """How long it has run, without what it stood still."""
    match clock.state:
        case Ticking():
            until = now
        case Paused(since):
            until = since
        case Kept(at) | Spared(at):
            until = at
        case _:
            assert_never(clock.state)
    return max(until - clock.counts_from, timedelta())


def _has_stopped(clock: Clock) -> bool:
    return isinstance(clock.state, Kept | Spared)


# --- one clock -----------------------------------------------------------------------------------


def _look_at(draft: Draft, before: Clock, level: Level) -> None:
    clock = _judged(draft, before)
    clock = _moved(draft, clock)
    clock = _judged(draft, _aimed(draft, clock, level))
    _put(draft, before, _warned(draft, clock))


def _put(draft: Draft, before: Clock, clock: Clock) -> None:
    if clock == before:
        return
    draft.set(clocks=tuple(clock if c == before else c for c in draft.incident.clocks))
    if isinstance(clock.state, Ticking) and clock.due and not clock.missed:
        for at in (warns_at(clock, clock.due), clock.due):
            if at > draft.now:
                draft.wake(f"clock:{clock.promise}:{at.isoformat()}", at)


def _moved(draft: Draft, clock: Clock) -> Clock:
    if _is_done(draft, clock):
        return replace(_resumed(draft, clock), state=Kept(draft.now))
    if draft.incident.is_over:
        return replace(_resumed(draft, clock), state=Spared(draft.now))
    waits = waits_for_customer(draft.incident, draft.customer, clock.promise)
    if _is_needed(draft, clock.promise) and not waits:
        return _resumed(draft, clock)
    return clock if isinstance(clock.state, Paused) else replace(clock, state=Paused(draft.now))


def _resumed(draft: Draft, clock: Clock) -> Clock:
    if not isinstance(clock.state, Paused):
        return clock
    stood = max(draft.now - clock.state.since, timedelta())
    return replace(clock, state=Ticking(), counts_from=clock.counts_from + stood)


def _aimed(draft: Draft, clock: Clock, level: Level) -> Clock:
    """Due as the case's priority now asks; one that is missed stays what it was."""
    if clock.missed or _has_stopped(clock):
        return clock
    target = target_of(draft.customer, level, clock.promise)
    due = worktime.due(draft.customer.calendar, clock.counts_from, target)
    return clock if due == clock.due else replace(clock, due=due)


def target_of(customer: Customer, level: Level, promise: Promise) -> int | Due:
    """The profile's names for a priority are those of its deadlines."""
    match level:
        case Level.P1 | Level.P2:
            targets: Targets = customer.sla.high
        case Level.P3:
            targets = customer.sla.medium
        case Level.P4:
            targets = customer.sla.low
    match promise:
        case Promise.ACKNOWLEDGE:
            return targets.acknowledge
        case Promise.CONTACT:
            return targets.contact
        case Promise.CONTAIN:
            return targets.contain
        case Promise.RESOLVE:
            return targets.resolve


def _judged(draft: Draft, clock: Clock) -> Clock:
    """Missed once its time is over. Who was to take the case is rung for."""
    if not isinstance(clock.state, Ticking) or clock.missed or not _is_past(draft, clock.due):
        return clock
    _tell(draft, clock, "missed", phrase(f"timeline.missed.{clock.promise}", due=clock.due))
    if clock.promise is Promise.ACKNOWLEDGE:
        paging.nobody_took_it(draft)
    return replace(clock, missed=True)


def _warned(draft: Draft, clock: Clock) -> Clock:
    if not isinstance(clock.state, Ticking) or clock.due is None or clock.missed or clock.warned:
        return clock
    if not _is_past(draft, warns_at(clock, clock.due)):
        return clock
    promise = phrase(f"promise.{clock.promise}")
    _tell(draft, clock, "warned", phrase("timeline.clock_warned", promise=promise, due=clock.due))
    return replace(clock, warned=True)


def warns_at(clock: Clock, due: datetime) -> datetime:
    return clock.counts_from + (due - clock.counts_from) * WARNS_AT


def _is_past(draft: Draft, at: datetime | None) -> bool:
    return at is not None and at <= draft.now


def _tell(draft: Draft, clock: Clock, what: str, says: Phrase) -> None:
    draft.note(says)
    draft.tell_analysts(f"clock:{clock.promise}:{what}", says)


# --- what is promised ----------------------------------------------------------------------------


def _is_needed(draft: Draft, promise: Promise) -> bool:
    incident = draft.incident
    match promise:
        case Promise.ACKNOWLEDGE:
            return incident.handed_over is not None and incident.owner is None
        case Promise.CONTACT:
            return _is_somebody_to_be_reached(incident)
        case Promise.CONTAIN:
            return _is_something_to_be_contained(incident)
        case Promise.RESOLVE:
            return True


def _is_somebody_to_be_reached(incident: Incident) -> bool:
    """Asked now, or to be called or found. A question held for the morning is the customer's wish."""
    return (
        any(q.state.state == "open" or ladder.is_climbing(q) for q in incident.questions)
        or any(c.done_at is None for c in incident.calls)
        or any(a.state is ApprovalState.OPEN for a in incident.approvals)
    )


def _is_something_to_be_contained(incident: Incident) -> bool:
    """What the customer said no to is not ours to do."""
    asks = incident.decision is not None and incident.decision.band is Band.CONTAIN
    return asks and any(
        a.kind not in LOOKING
        and a.state not in (ActionState.DONE, ActionState.ALREADY_DONE)
        and not was_denied(incident, a)
        for a in incident.actions
    )


def _is_done(draft: Draft, clock: Clock) -> bool:
    incident, since = draft.incident, clock.since
    match clock.promise:
        case Promise.ACKNOWLEDGE:
            by_analyst = incident.closed is not None and incident.closed.by is not None
            return incident.owner is not None or by_analyst
        case Promise.CONTACT:
            known = (*incident.heard, *incident.questions)
            return any(_has_reached(incident, q, since) for q in known) or _was_approval_seen(
                draft, since
            )
        case Promise.CONTAIN:
            return _was_contained(incident, since)
        case Promise.RESOLVE:
            return incident.closed is not None


def _was_contained(incident: Incident, since: datetime) -> bool:
    """The last that is asked for is done (domain.md section 6, time to contain)."""
    done = any(
        a.kind not in LOOKING and a.state is ActionState.DONE and a.at is not None and a.at >= since
        for a in incident.actions
    )
    return done and not _is_something_to_be_contained(incident)


def _has_reached(incident: Incident, question: Question, since: datetime) -> bool:
    """The card arrived, or a helper was asked, or there is a word that cannot be an intruder's."""
    on_card = question.route is Route.CARD and question.was_sent
    arrived = on_card and question.state.state != "unreachable" and question.asked_at >= since
    helped = any(s.person and s.skipped is None and s.at >= since for s in question.steps)
    trusted = on_card and not incident.is_tainted(question.person.object_id)
    spoke = any(r.at >= since and (trusted or r.recorded_by) for r in question.replies)
    return arrived or helped or spoke


def _was_approval_seen(draft: Draft, since: datetime) -> bool:
    guarded = is_thread_guarded(draft.incident, draft.customer)
    return any(
        (a.at is not None and a.by is not None and a.at >= since)
        or (a.asked_at >= since and not guarded)
        for a in draft.incident.approvals
    )


def waits_for_customer(incident: Incident, customer: Customer, promise: Promise) -> bool:
    """An approval they can see, what they are to do themselves, or a question on the card of
    somebody, before which we can neither contain nor close; a task of theirs that they can see, until it is overdue, before we close."""
    if promise in (Promise.ACKNOWLEDGE, Promise.CONTACT):
        return False
    approvals = any(a.state is ApprovalState.OPEN for a in incident.approvals)
    theirs = any(a.advised and a.state is ActionState.PROPOSED for a in incident.actions)
    asked = any(q.state.state == "open" and q.route is Route.CARD for q in incident.questions)
    tasks = (t for t in incident.open_tasks if not t.overdue)
    if promise is Promise.RESOLVE and any(not hides(incident, customer, t) for t in tasks):
        return True
    return asked or ((approvals or theirs) and not is_thread_guarded(incident, customer))

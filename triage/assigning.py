"""Whose case it is before anybody has taken it: it is given to an analyst who is on duty.

    wanted ──▶ given to one ──taken──▶ owned
      │           │  ▲        │           │
      │           └──┘ not taken in time: the next one, at last the pager
      │              ▲────────┴───────────┘ a shift ends
      └──▶ nobody is on duty: the pager at once, and whoever comes next

Giving is not taking: until it is taken, the clock to acknowledge runs and the pager rings when it
is over. Only what was woken for it knows who is on duty (`Facts.duty`); everything else orders
such a wake, so that no click waits for the count. Sources: domain.md section 1, nonstop cover;
Azure-Sentinel's Incident-Assignment-Shifts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage import clocks, ladder, paging, worktime
from triage.authority import may_command
from triage.customer import Analyst, Provider
from triage.draft import Draft
from triage.duty import AtWork, Duty
from triage.events import Event, Woke
from triage.incident import (
    Assignment,
    Entry,
    Incident,
    Kept,
    Party,
    Promise,
    Seeking,
    Why,
)
from triage.phrases import Phrase, phrase
from triage.taps import whose_turn

ENOUGH = timedelta(hours=1)
"""What must be left of a shift for whoever is given a case."""

ASSIGN, TAKEN, HANDOVER, UNTOLD = "assign", "taken", "handover", "untold"
"""What wakes for it are called; after the last two stands who leaves, and last for whom the handover
card suggests it. UNTOLD: that card, of the moment between the two, is seen by nobody."""

MOST_GIVEN = 10
"""Times it was given to somebody that the state carries."""

WAKES = (ASSIGN, TAKEN, HANDOVER, UNTOLD)


# --- the rule ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody on duty who may have the case."""

    analyst: Analyst
    at_work: AtWork
    named: bool
    """For this customer."""


@dataclass(frozen=True, slots=True)
class Choice:
    candidate: Candidate
    why: Why


def choose(candidates: Iterable[Candidate], now: datetime) -> Choice | None:
    """Who is given a case.

    - of those with an hour of their shift left, first whoever is named for the customer
    - of these whoever has the least open cases, then whoever is on duty longest
    - where nobody has an hour, whoever is on duty longest
    """
    able = list(candidates)
    enough = [c for c in able if c.at_work.until - now >= ENOUGH]
    if not enough:
        longest = min(able, key=_by_time, default=None)
        return Choice(longest, Why.LONGEST) if longest else None
    named = [c for c in enough if c.named]
    chosen = min(named or enough, key=lambda c: (c.at_work.open_cases, *_by_time(c)))
    return Choice(chosen, Why.NAMED if named else Why.LEAST)


def _by_time(candidate: Candidate) -> tuple[float, str]:
    return -candidate.at_work.until.timestamp(), candidate.analyst.object_id


def candidates(
    incident: Incident, provider: Provider, duty: Duty, passed: Iterable[str] = ()
) -> list[Candidate]:
    """Everybody on duty but for those who had it, and whoever the case is about."""
    out = {each.lower() for each in passed}
    return [
        Candidate(analyst, at_work, incident.customer in analyst.customers)
        for analyst in provider.analysts
        if (at_work := duty.at_work.get(analyst.object_id.lower())) is not None
        and analyst.object_id.lower() not in out
        and may_command(incident, provider, analyst.object_id) is None
    ]


def reason(incident: Incident) -> Phrase | None:
    """To whom a case that nobody has taken was given, and why."""
    given = incident.assignment
    if incident.owner is not None or not isinstance(given, Assignment):
        return None
    return _reason(given)


def _reason(given: Assignment) -> Phrase:
    return phrase(
        f"assigned.{given.why}", analyst=given.to_name, count=given.open_cases, until=given.until
    )


# --- a case --------------------------------------------------------------------------------------


def settle(draft: Draft, event: Event) -> None:
    """See that a case that needs an analyst has one, or is on the way to one."""
    duty = draft.known.facts.duty
    if duty is not None:
        draft.set(escalated_by=tuple(filter(duty.has, draft.incident.escalated_by)))
    if not draft.known.provider.shifts or not _is_needed(draft.incident):
        _end(draft)
    elif duty is not None:
        _look(draft, duty, event)
    else:
        _wait(draft)


def untold(draft: Draft, which: str) -> None:
    """Whoever leaves hands it over, unless they have, and took it back: that is theirs."""
    leaver, _, rest = which.partition(":")
    since = datetime.fromisoformat(rest.rpartition(":")[0])
    left = [e.at for e in draft.timeline if e.says.key == _LEFT]
    if all(at < since for at in left):
        leave(draft, leaver)


_LEFT = "why.shift_over"


def leave(draft: Draft, which: str) -> None:
    """The shift of whoever has it ends, and they are not on duty otherwise: it is nobody's, and an
    analyst must look, also where it was handed to none before."""
    incident, duty = draft.incident, draft.known.facts.duty
    leaver, _, _ = which.partition(":")
    theirs = incident.owner is not None and incident.owner.lower() == leaver.lower()
    if duty is None or incident.is_over or not theirs or duty.has(leaver):
        return
    draft.hand_over(phrase(_LEFT, analyst=incident.owner_name or leaver))
    draft.set(owner=None, owner_name=None, escalated_by=())


def seek(draft: Draft) -> None:
    """An analyst is wanted, and none who had it before."""
    if draft.known.provider.shifts:
        given = draft.incident.assignment
        passed = given.passed if given is not None else ()
        if isinstance(given, Assignment):
            passed = (*passed, given.to)
        draft.set(assignment=Seeking(since=draft.now, passed=passed))
        draft.wake(f"{ASSIGN}:{draft.now.isoformat()}", draft.now)


def _is_needed(incident: Incident) -> bool:
    """It was handed to the analysts, or waits for their tap on a closing that is proposed."""
    if incident.is_over or incident.owner is not None:
        return False
    proposed = incident.decision is not None and incident.decision.proposal is not None
    waits = proposed and whose_turn(incident) is Party.ANALYST
    return waits or incident.handed_over is not None


def _end(draft: Draft) -> None:
    if draft.incident.assignment is not None:
        draft.set(assignment=None)


def _wait(draft: Draft) -> None:
    """Look for somebody at once, or again where nobody was there and it has become urgent; whoever
    has it has their time from when it became so."""
    match draft.incident.assignment:
        case None:
            seek(draft)
        case Seeking(nobody=True) if _rings(draft):
            seek(draft)
        case Assignment(take_by=None) as given if _rings(draft):
            take_by = _take_by(draft)
            if take_by is not None:
                draft.set(assignment=replace(given, take_by=take_by))
                draft.wake(f"{TAKEN}:{draft.now.isoformat()}", take_by)


def _look(draft: Draft, duty: Duty, event: Event) -> None:
    """Somebody who is on duty; it stays with whoever has it, and still has the time to take it."""
    given = draft.incident.assignment
    passed = tuple(filter(duty.has, given.passed)) if given is not None else ()
    suggested, is_untold = _suggested(event), _is_called(event, UNTOLD)
    if isinstance(given, Assignment):
        late = given.take_by is not None and given.take_by <= draft.now
        if duty.has(given.to) and not late:
            if is_untold and (given.to, given.why) == (suggested, Why.HANDED):
                _call(draft, given)
            return
        passed = (*passed, given.to) if late else ()  # another shift may be asked anew
    out = *passed, *draft.incident.escalated_by
    able = candidates(draft.incident, draft.known.provider, duty, out)
    handed = next((c for c in able if c.analyst.object_id == suggested), None)
    choice = Choice(handed, Why.HANDED) if handed else choose(able, draft.now)
    if choice is not None:
        _give(draft, choice, passed, is_told=handed is not None and not is_untold)
    elif isinstance(given, Assignment) and duty.has(given.to):
        draft.set(assignment=replace(given, take_by=None))
        if _rings(draft):
            paging.nobody_took_it(draft)
    else:
        _nobody(draft, duty, passed)


def _give(draft: Draft, choice: Choice, passed: tuple[str, ...], *, is_told: bool) -> None:
    """`is_told`: the handover card has called them."""
    analyst, at_work = choice.candidate.analyst, choice.candidate.at_work
    take_by = _take_by(draft) if _presses(draft) else None
    given = Assignment(
        to=analyst.object_id,
        to_name=analyst.name,
        at=draft.now,
        why=choice.why,
        open_cases=at_work.open_cases,
        until=at_work.until,
        take_by=take_by,
        passed=passed,
    )
    draft.set(assignment=given)
    draft.note(_reason(given))
    _remember(draft, _reason(given))
    if take_by is not None:
        draft.wake(f"{TAKEN}:{draft.now.isoformat()}", take_by)
    if not is_told:
        _call(draft, given)


def _call(draft: Draft, given: Assignment) -> None:
    who = (given.to, given.to_name)
    draft.tell_analysts(f"assigned:{draft.now.isoformat()}", _reason(given), mentions=(who,))


def _remember(draft: Draft, says: Phrase) -> None:
    """For the story of the case; the timeline forgets."""
    draft.set(given=(*draft.incident.given, Entry(draft.now, says))[-MOST_GIVEN:])


def _take_by(draft: Draft) -> datetime | None:
    """When the promise to acknowledge warns, counted from now."""
    target = clocks.target_of(draft.customer, ladder.level(draft), Promise.ACKNOWLEDGE)
    due = worktime.due(draft.customer.calendar, draft.now, target)
    return due and draft.now + (due - draft.now) * clocks.WARNS_AT


def _nobody(draft: Draft, duty: Duty, passed: tuple[str, ...]) -> None:
    """Nobody on duty is an alarm, once, unless the case waits for others as it is."""
    given = draft.incident.assignment
    if isinstance(given, Seeking) and given.nobody:
        draft.set(assignment=replace(given, passed=passed))
        return
    draft.set(assignment=Seeking(since=draft.now, passed=passed, nobody=True))
    if _rings(draft):
        if duty.at_work:
            paging.nobody_took_it(draft)
        else:
            paging.nobody_on_duty(draft)
            _remember(draft, phrase("timeline.nobody_on_duty"))


def _presses(draft: Draft) -> bool:
    """It was handed to the analysts, and nobody has ever taken it, or it waits for them."""
    clock = clocks.current(draft.incident, Promise.ACKNOWLEDGE)
    acknowledged = clock is not None and isinstance(clock.state, Kept)
    waits = not acknowledged or whose_turn(draft.incident) is Party.ANALYST
    return waits and draft.incident.handed_over is not None


def _rings(draft: Draft) -> bool:
    return _presses(draft) and draft.incident.paged_at is None


def _suggested(event: Event) -> str | None:
    """Object ids have no colon."""
    if not isinstance(event, Woke) or not _is_called(event, HANDOVER, UNTOLD):
        return None
    return event.name.rpartition(":")[2]


def _is_called(event: Event, *names: str) -> bool:
    return isinstance(event, Woke) and event.name.partition(":")[0] in names

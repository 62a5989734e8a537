"""Whose turn it was and for how long, and how many taps a case cost: so that later work can cut both.

Counted by role and never by person: nobody is ranked (domain.md section 3, privacy). It is kept with
the incident, event by event, so that the log gives it again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from triage.customer import Provider
from triage.events import Event
from triage.incident import (
    ActionState,
    ApprovalState,
    Incident,
    Party,
    ResponseAction,
    Route,
    Steps,
    Turn,
)


def stepped(
    before: Steps, incident: Incident, event: Event, provider: Provider, now: datetime
) -> Steps:
    """The steps with an event in them that counts: the tap that it was, if it was one, and where the
    turn passed on, how long it had been whose it was."""
    steps, tapped, turn = before, _tapped(incident, event, provider), whose_turn(incident)
    if tapped is not None:
        steps = replace(steps, taps=_more(steps.taps, tapped, 1))
    last = steps.turn
    if turn is (last.whose if last else None):
        return steps
    if last is not None:
        seconds = max(0, round((now - last.since).total_seconds()))
        steps = replace(steps, waited=_more(steps.waited, last.whose, seconds))
    return replace(steps, turn=Turn(turn, now) if turn else None)


def _tapped(incident: Incident, event: Event, provider: Provider) -> Party | None:
    """The role of whoever pressed or wrote; what machines tell is no tap."""
    by = getattr(event, "by", None)  # an event of a person names them so, whatever it is
    if not isinstance(by, str):
        return None
    if provider.analyst(by) is not None:
        return Party.ANALYST
    return Party.PERSON if incident.affects(by) else Party.CUSTOMER


def whose_turn(incident: Incident) -> Party | None:
    """Whom the case waits for; None once it is over.

    - the customer, while a decision is asked of them, or an action is left to them
    - the machine, while a closing is held
    - the person who was asked in Teams
    - the machine, while something is being done
    - the customer, while one of theirs has a task to do, and is not overdue with it
    - else the analysts
    """
    if incident.is_over:
        return None
    if any(a.state is ApprovalState.OPEN for a in incident.approvals) or left_to_them(incident):
        return Party.CUSTOMER
    if incident.closing is not None:
        return Party.MACHINE
    if asked_now(incident):
        return Party.PERSON
    if any(a.state in (ActionState.ORDERED, ActionState.UNDOING) for a in incident.actions):
        return Party.MACHINE
    if any(not t.overdue for t in incident.open_tasks):
        return Party.CUSTOMER
    return Party.ANALYST


def left_to_them(incident: Incident) -> tuple[ResponseAction, ...]:
    """What the customer is to do themselves, and nobody has done yet."""
    told = (a for a in incident.actions if a.advised and a.state is ActionState.PROPOSED)
    return () if incident.is_over else tuple(told)


def asked_now(incident: Incident) -> tuple[str, ...]:
    """The names of those with a question open in Teams."""
    return tuple(
        q.person.name
        for q in incident.questions
        if q.state.state == "open" and q.route is Route.CARD
    )


def waited(steps: Steps, party: Party) -> timedelta:
    return timedelta(seconds=dict(steps.waited).get(party, 0))


def taps(steps: Steps, party: Party) -> int:
    return dict(steps.taps).get(party, 0)


def _more(
    counts: tuple[tuple[Party, int], ...], party: Party, more: int
) -> tuple[tuple[Party, int], ...]:
    known = dict(counts)
    return tuple(sorted((known | {party: known.get(party, 0) + more}).items()))

"""The root card of a case in the customer's thread."""

from datetime import datetime

from triage import authority
from triage.containing import describe
from triage.context import concerned
from triage.customer import Customer
from triage.incident import ApprovalState, Incident, Open, Party, Route, Status
from triage.phrases import Phrase, phrase
from triage.surfaces.task import tasks_of
from triage.surfaces.threads import (
    MOST_SEEN,
    already_done,
    goes_on,
    headline,
    more_alerts,
    outcome,
    shown_action,
    shown_clocks,
    visible,
    what_was_said,
)
from triage.taps import asked_now, left_to_them, whose_turn
from triage.views import Button, Callee, CustomerThread


def customer_thread(incident: Incident, customer: Customer) -> CustomerThread:
    """The root card; where the affected person can read it, a placeholder that helps nobody."""
    if authority.is_thread_guarded(incident, customer):
        return _placeholder(incident)
    closed = incident.closed
    return CustomerThread(
        name=incident.name,
        code=incident.code,
        severity=incident.severity,
        status=incident.status,
        headline=headline(incident),
        placeholder=False,
        known=(
            *_seen(incident),
            *_expected(incident),
            *already_done(incident),
            *concerned(incident, customer),
            *what_was_said(incident),
        ),
        doing=_doing(incident),
        turn=_turn(incident, customer),
        needed=_needed(incident),
        until=_next_due(incident),
        actions=tuple(map(shown_action, visible(incident.actions))),
        clocks=shown_clocks(incident, customer, plain=True),
        outcome=outcome(incident),
        recommendation=closed.recommendation if closed else None,
        recommendation_accepted_by=incident.recommendation_accepted_by,
        recommendation_discussed_by=incident.recommendation_discussed_by,
        tasks=tasks_of(incident),
        analyst=_analyst_on_it(incident),
        buttons=_customer_buttons(incident),
    )


def _analyst_on_it(incident: Incident) -> Callee | None:
    if incident.is_over or not incident.owner_name or not incident.owner_upn:
        return None
    return Callee(incident.owner_name, incident.owner_upn)


def _placeholder(incident: Incident) -> CustomerThread:
    """Not even the status: whether something is being contained is what an intruder wants to know."""
    return CustomerThread(
        name=incident.name,
        code=incident.code,
        severity=incident.severity,
        status=incident.status if incident.is_over else Status.TRIAGING,
        headline=phrase("headline.placeholder"),
        placeholder=True,
        known=(),
        doing=(),
        turn=phrase("turn.analysts"),
        needed=phrase("needed.told_otherwise"),
        until=None,
        outcome=_placeholder_outcome(incident),
    )


def _placeholder_outcome(incident: Incident) -> tuple[Phrase, ...]:
    over = phrase("outcome.placeholder") if incident.closed else None
    says = goes_on(incident) or over
    return (says,) if says else ()


def _seen(incident: Incident) -> tuple[Phrase, ...]:
    """The latest alerts, in the source's words, and how many more there are."""
    return (
        *(
            phrase("known.alert", title=n.title, at=n.at or incident.received)
            for n in incident.alerts[-MOST_SEEN:]
        ),
        *more_alerts(incident),
    )


def _expected(incident: Incident) -> tuple[Phrase, ...]:
    """What the customer said beforehand, where it counts."""
    reasons = incident.decision.reasons if incident.decision else ()
    return tuple(r.says for r in reasons if r.rule == "sign.expected_fact")


def _doing(incident: Incident) -> tuple[Phrase, ...]:
    """Each person once a way, however much they are asked."""
    if incident.is_over:
        return ()
    asked = {
        q.person.object_id: q.person
        for q in incident.questions
        if q.state.state == "open" and q.route is not Route.PHONE
    }
    phoned = {c.person.object_id: c.person for c in incident.calls if c.done_at is None}
    lines = [phrase("doing.asking", person=person.name) for person in asked.values()]
    lines += [
        phrase(
            "doing.calling" if incident.is_tainted(person.object_id) else "doing.phoning",
            person=person.name,
        )
        for person in phoned.values()
    ]
    if incident.owner_name:
        lines.append(phrase("doing.owned", analyst=incident.owner_name))
    return tuple(lines)


def _turn(incident: Incident, customer: Customer) -> Phrase:
    match whose_turn(incident):
        case None:
            return goes_on(incident) or phrase("turn.nobody")
        case Party.CUSTOMER:
            return phrase("turn.customer", customer=customer.name)
        case Party.PERSON:
            return phrase("turn.person", person=asked_now(incident)[0])
        case Party.MACHINE if incident.closing is not None:
            return phrase("turn.closing")
        case _:
            return phrase("turn.analysts")


def _needed(incident: Incident) -> Phrase:
    opened = [a for a in incident.approvals if a.state is ApprovalState.OPEN]
    actions = [a for a in (incident.action(o.action) for o in opened) if a is not None]
    theirs = left_to_them(incident)
    if theirs and not actions:
        which = "needed.act" if len(theirs) == 1 else "needed.acts"
        return phrase(which, action=describe(theirs[0]), count=len(theirs))
    if len(actions) > 1:
        return phrase("needed.approvals", count=len(actions), action=describe(actions[0]))
    if actions:
        return phrase("needed.approval", action=describe(actions[0]))
    tasks = incident.open_tasks
    if tasks and not incident.is_over:
        return phrase("needed.task", person=tasks[0].person.name, what=tasks[0].what)
    return phrase("needed.nothing")


def _next_due(incident: Incident) -> datetime | None:
    approvals = [a.due for a in incident.approvals if a.state is ApprovalState.OPEN]
    questions = [q.state.due for q in incident.questions if isinstance(q.state, Open)]
    calls = [c.due for c in incident.calls if c.done_at is None]
    held = [incident.closing.until] if incident.closing else []
    tasks = [] if incident.is_over else [t.due for t in incident.open_tasks]
    return min(approvals or questions or calls or held or tasks, default=None)


def _customer_buttons(incident: Incident) -> tuple[Button, ...]:
    if incident.closing is not None:
        return (Button.KEEP_OPEN,)
    closed = incident.closed
    if closed and closed.recommendation and not incident.recommendation_accepted_by:
        discussed = incident.recommendation_discussed_by is not None
        return (Button.ACCEPT,) if discussed else (Button.ACCEPT, Button.DISCUSS)
    return ()

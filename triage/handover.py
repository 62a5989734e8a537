"""The handover card: what is open of an analyst whose shift ends, for whom each case waits, and who
gets it. Source: domain.md section 1, nonstop cover.
"""

from collections.abc import Sequence

from triage.customer import Customer, Provider
from triage.effects import PostHandover
from triage.incident import ApprovalState, Incident, Open, Party, Route
from triage.phrases import Phrase, phrase
from triage.surfaces.threads import headline
from triage.taps import whose_turn
from triage.views import CaseLine, Handover


def handover(
    order: PostHandover, cases: Sequence[tuple[Incident, Customer, str | None]], provider: Provider
) -> Handover:
    """A line for each case: as it stands now, its customer, and the object id of who gets it."""
    found = {to: provider.analyst(to) for _, _, to in cases if to}
    getting = {to: analyst for to, analyst in found.items() if analyst is not None}
    lines = [
        CaseLine(
            name=incident.name,
            severity=incident.severity,
            customer=customer.name,
            headline=headline(incident),
            waits=waits(incident, customer),
            whose=getting[to].name if to in getting else phrase("label.nobody"),
        )
        for incident, customer, to in cases
    ]
    called = tuple((analyst.upn, analyst.name) for analyst in getting.values())
    return Handover(analyst=order.name, at=order.at, lines=tuple(lines), mention=called)


def waits(incident: Incident, customer: Customer) -> Phrase:
    """For whom or what a case waits, and until when."""
    match whose_turn(incident):
        case Party.CUSTOMER:
            due = [a.due for a in incident.approvals if a.state is ApprovalState.OPEN]
            if due:
                return phrase("waits.approval", customer=customer.name, until=min(due))
            return phrase("waits.customer", customer=customer.name)
        case Party.PERSON:
            return _waits_for_person(incident)
        case Party.MACHINE if incident.closing is not None:
            return phrase("waits.closing", until=incident.closing.until)
        case Party.MACHINE:
            return phrase("waits.machine")
        case Party.ANALYST:
            return _waits_for_analyst(incident)
        case None:
            return phrase("waits.over")


def _waits_for_person(incident: Incident) -> Phrase:
    asked = [
        (q.state.due, q.person.name)
        for q in incident.questions
        if isinstance(q.state, Open) and q.route is Route.CARD
    ]
    due, person = min(asked)
    return phrase("waits.person", person=person, until=due)


def _waits_for_analyst(incident: Incident) -> Phrase:
    calls = [(c.due, c.person.name) for c in incident.calls if c.done_at is None]
    if calls:
        due, person = min(calls)
        return phrase("waits.call", person=person, until=due)
    return phrase("waits.analyst")

"""Whether a case code is ours: what people are told who check that a card, or a call, is genuine.

    asked in this case                       yes: who asks, and since when
    asked, and the account may be in an      yes, from the security team; nothing else
    attacker's hands, or was never to be
    told anything in Teams
    anybody else, or a restricted case       no: as if there were no such case

The case itself is never told: a code may be tried by whoever sits at somebody's keyboard.
"""

from collections.abc import Iterable

from triage.customer import Customer
from triage.incident import Incident, IncidentType, Route
from triage.phrases import Phrase, phrase


def vouched_to_person(
    found: Iterable[Incident], customer: Customer, object_id: str
) -> Phrase | None:
    """What somebody is told of the cases their code stands for; None where none has asked them."""
    for incident in found:
        asked = [q for q in incident.questions if q.person.object_id == object_id and q.was_sent]
        if not asked or IncidentType.RESTRICTED in incident.types:
            continue
        if incident.is_tainted(object_id) or any(q.route is not Route.CARD for q in asked):
            return phrase("code.yours_neutral")
        return phrase("code.yours", sender=customer.name, at=max(q.asked_at for q in asked))
    return None


def vouched_to_team(found: Iterable[Incident]) -> Phrase | None:
    """What the customer's security team is told, in its channel."""
    for incident in found:
        if IncidentType.RESTRICTED not in incident.types:
            return phrase("code.team", name=incident.name, at=incident.received)
    return None

"""Talk to an analyst: somebody concerned asks for one on their card, and writes in their own chat.

Their words go over the bridge like any others about the case; an analyst answers by `send`, which
shows the words first. Through a suspect account nobody is written to: it is phoned.
"""

from triage.authority import hearers
from triage.customer import Customer
from triage.draft import Draft
from triage.incident import Assignment, Incident, Person
from triage.phrases import phrase


def begin(draft: Draft, person: Person) -> None:
    """The analysts hear of it, once, where the case goes on; what is said then is not waited for."""
    draft.set(talking=(*draft.incident.talking, person.object_id))
    if draft.incident.merged is not None:
        return
    suspect = "_tainted" if draft.incident.is_tainted(person.object_id) else ""
    why = phrase(f"why.talk{suspect}", person=person.name)
    draft.hand_over(why)
    draft.tell_analysts(f"talk:{person.object_id}", why, mentions=_who_has(draft.incident))


def _who_has(incident: Incident) -> tuple[tuple[str, str], ...]:
    if incident.owner and incident.owner_name:
        return ((incident.owner, incident.owner_name),)
    given = incident.assignment
    return ((given.to, given.to_name),) if isinstance(given, Assignment) else ()


def is_begun(incident: Incident, person: Person) -> bool:
    return person.object_id in incident.talking


def may_begin(incident: Incident, customer: Customer, person: Person) -> bool:
    """Where an analyst will answer: not in a case for its named lead, nor through an account that is
    suspect, nor in a case that is closed, which is nobody's work. What is said on the card of one that
    was merged is heard where it goes on."""
    answered = person.object_id in dict(hearers(incident, customer))
    return answered and incident.closed is None and not is_begun(incident, person)

"""Talk to an analyst: somebody concerned asks for one on their card, and writes in their own chat.

Their words go over the bridge like any others about the case; an analyst answers by `send`, which
shows the words first. Through a suspect account nobody is written to: it is phoned.
"""

from triage.authority import hearers
from triage.customer import Customer
from triage.draft import Draft
from triage.incident import Incident, Person
from triage.phrases import phrase


def begin(draft: Draft, person: Person) -> None:
    """The analysts hear of it, once; what is said then is not waited for."""
    suspect = "_tainted" if draft.incident.is_tainted(person.object_id) else ""
    why = phrase(f"why.talk{suspect}", person=person.name)
    draft.set(talking=(*draft.incident.talking, person.object_id))
    draft.hand_over(why)
    draft.tell_analysts(f"talk:{person.object_id}", why)


def is_begun(incident: Incident, person: Person) -> bool:
    return person.object_id in incident.talking


def may_begin(incident: Incident, customer: Customer, person: Person) -> bool:
    """Where an analyst could answer: not in a case for its named lead, nor through an account that
    is suspect."""
    answered = person.object_id in dict(hearers(incident, customer))
    return answered and incident.merged is None and not is_begun(incident, person)

"""Tasks that analysts give to the customer's people: `task @ines replace LAPTOP-7 by friday`.

What is written becomes an event and a preview of what the customer will read; whether it may be
done is decided in `triage/tasking.py`, already for the preview.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from bot.replies import MOST_NAMED
from dialogs import dates
from dialogs.commands import GiveTask
from storage import incidents, people
from storage.engine import Tx
from triage import tasking
from triage.customer import Analyst, Contact, Customer, Provider, Role
from triage.draft import Known
from triage.events import Facts, TaskGiven, TaskWithdrawn
from triage.incident import Incident
from triage.phrases import Phrase, phrase
from triage.secrecy import reminder
from triage.surfaces.threads import headline

ROLES = {
    "it": Role.IT,
    "app": Role.APPLICATION_OWNER,
    "application": Role.APPLICATION_OWNER,
    "security": Role.SECURITY,
}
"""What a role is called in the command; `owner` is whoever the case's app or device belongs to."""
OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Order:
    """A command on its way to a case, and who wrote it when."""

    command: GiveTask
    by: Analyst
    at: datetime


def asked(
    tx: Tx, incident: Incident, customer: Customer, provider: Provider, order: Order
) -> Phrase | tuple[TaskGiven, tuple[Phrase, ...]]:
    """What is to happen, with what is shown before it; or why it cannot."""
    command, by = order.command, order.by
    found = _whom(incident, customer, command)
    if isinstance(found, Phrase):
        return found
    contact, role = found
    text = _without_name(contact, command)
    if not text:
        return phrase("form.task")
    due = dates.moment(command.by, customer.calendar, order.at).astimezone(UTC)
    about = tasking.about(incident, text)
    given = TaskGiven(contact.upn, role, text, due, by.object_id, by.name, about)
    helpers = people.helpers(tx, [contact.upn], customer)
    at_risk = incidents.at_risk(tx, {p.object_id for p in helpers.values()}, incident.id)
    known = Known(customer, provider, Facts(helpers=helpers, at_risk=at_risk))
    refused = tasking.why_not_give(incident, known, given, order.at)
    if refused is not None:
        return refused
    in_thread = tasking.is_in_thread(incident, customer, helpers.get(contact.upn.lower()))
    by_default = () if command.by else (phrase("confirm.task_no_day"),)
    return given, (
        phrase("confirm.task", name=incident.name, person=contact.name, customer=customer.name),
        phrase("confirm.task_says", text=text, due=due),
        *reminder(text),
        *by_default,
        phrase("confirm.task_also", to=contact.upn, headline=headline(incident), about=given.about),
        phrase("task.in_thread" if in_thread else "task.in_chat", person=contact.name),
    )


def withdrawn(incident: Incident, number: int | None, by: Analyst) -> TaskWithdrawn | list[Phrase]:
    """The task of that number, or the only one; else all there are, with their numbers."""
    numbered = {n: t for n, t in enumerate(incident.tasks, 1) if t.state in tasking.WITHDRAWABLE}
    if number is None and len(numbered) == 1:
        (number,) = numbered
    if number in numbered:
        return TaskWithdrawn(numbered[number].id, by.object_id, by.name)
    listed = [
        phrase("task.numbered", number=n, person=t.person.name, what=t.what)
        for n, t in numbered.items()
    ]
    return [phrase("task.which" if listed else "task.none_open"), *listed]


def _whom(
    incident: Incident, customer: Customer, command: GiveTask
) -> tuple[Contact, Role | None] | Phrase:
    """A role, or one of the contacts: by address, by full name, by part of it."""
    written = command.whom
    wanted, head = written.lower(), f"{written} {command.text} ".lower()
    if wanted == OWNER or wanted in ROLES:
        role = ROLES.get(wanted)
        owner = tasking.owner_of(incident, customer, role)
        if owner is None:
            return phrase("task.nobody_in_role", role=written, customer=customer.name)
        return owner, role or tasking.role_of(owner)
    contacts = customer.contacts
    full = [
        c for c in contacts if head.startswith(tuple(f"{c.name.lower()}{end}" for end in " :,"))
    ]
    exact = full or [c for c in contacts if wanted == c.upn.lower()]
    found = exact or [
        c for c in contacts if wanted in (*c.name.lower().split(), c.upn.lower().partition("@")[0])
    ]
    match found:
        case [one]:
            return one, tasking.role_of(one)
        case _:
            names = ", ".join(c.name for c in (found or contacts)[:MOST_NAMED])
            key = "command.several_people" if found else "task.nobody"
            return phrase(key, written=written, names=names)


def _without_name(contact: Contact, command: GiveTask) -> str:
    """`task ines costa replace …`: the rest of the name is no part of the task."""
    whom, words = command.whom, command.text.split()
    for part in contact.name.split()[1:]:
        if (
            words
            and whom.lower() == contact.name.lower().split()[0]
            and (words[0].lower().strip(":,") == part.lower())
        ):
            words = words[1:]
    said = " ".join(words)
    return said[:1].upper() + said[1:]

"""Call tasks: an analyst must phone somebody, and the pager rings when nobody does.

Source: experience.md, the analyst: nobody is left alone at 03:00.
"""

from dataclasses import replace
from datetime import timedelta

from triage import paging
from triage.authority import contacts, is_thread_guarded
from triage.customer import Contact, Customer, StandingRule
from triage.draft import Draft
from triage.incident import CallTask, Incident, Open, Question
from triage.paging import Need
from triage.phrases import phrase
from triage.views import Callee

CALL_WITHIN = timedelta(minutes=15)


def call(draft: Draft, question: Question) -> None:
    """A call task with the number the customer vouches for, and where that number comes from."""
    if any(c.question == question.id and c.done_at is None for c in draft.incident.calls):
        return
    number, source = number_of(draft.customer, question.person.upn) or (None, None)
    due = question.state.due if isinstance(question.state, Open) else draft.now + CALL_WITHIN
    task = CallTask(
        id=f"c{len(draft.incident.calls) + 1}",
        person=question.person,
        question=question.id,
        number=number,
        number_source=source,
        due=due,
    )
    draft.put_call(task)
    draft.wake(f"call:{task.id}", due)


def number_of(customer: Customer, upn: str) -> tuple[str, str] | None:
    """The number that the customer vouches for, and where it comes from. One without a source is
    not called."""
    for known in (customer.facts_about(upn), customer.contact(upn)):
        if known and known.phone and known.phone_source:
            return known.phone, known.phone_source
    return None


def reachable_by_phone(
    incident: Incident, customer: Customer, rule: StandingRule | None = None
) -> tuple[Contact, ...]:
    """Who may decide for the customer, and has a number that it vouches for."""
    able = contacts(incident, customer, rule)
    return tuple(c for c in able if number_of(customer, c.upn) is not None)


def callees(incident: Incident, customer: Customer) -> tuple[Callee, ...]:
    """Whom of the customer an analyst may call or write to in Teams.

    - nobody while the customer is not to hear of the case: it is restricted, in shadow mode or over
    - nobody while a suspect account may read along: there the vouched number is called
    - who may decide for the customer or has a task, then who is concerned, by the address the
      roster has
    - never a suspect account, and nobody from outside
    """
    if incident.is_over or customer.shadow or is_thread_guarded(incident, customer):
        return ()
    deciding = [Callee(c.name, c.upn) for c in contacts(incident, customer)]
    deciding += [
        Callee(t.person.name, t.person.upn)
        for t in incident.open_tasks
        if not incident.is_tainted(t.person.object_id)
    ]
    concerned = [
        Callee(p.name, p.upn)
        for p in incident.concerned
        if p.upn and not p.outside and not incident.is_tainted(p.object_id)
    ]
    return tuple({c.upn.lower(): c for c in (*deciding, *concerned)}.values())


def name_of(incident: Incident, customer: Customer, upn: str) -> str | None:
    """Somebody of the customer who has to do with the case; None for anybody else."""
    contact = customer.contact(upn)
    if contact is not None:
        return contact.name
    return next((p.name for p in incident.involved if p.upn.lower() == upn.lower()), None)


def end(draft: Draft, task: CallTask) -> None:
    """It was made, or is no longer needed; an alarm about it ends."""
    draft.put_call(replace(task, done_at=draft.now))
    if task.paged_at is not None:
        paging.resolve(draft, Need.CALL, task.id)


def overdue(draft: Draft, call_id: str) -> None:
    """Nobody has called in time: ring whoever is on call, once."""
    task = next((c for c in draft.incident.calls if c.id == call_id), None)
    if task is None or task.done_at or task.paged_at or task.due > draft.now:
        return
    draft.put_call(replace(task, paged_at=draft.now))
    draft.note(phrase("timeline.paged_call", person=task.person.name))
    paging.ring(draft, Need.CALL, task.id)

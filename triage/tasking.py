"""Tasks for the customer's IT and application owners: who is asked for what, and what they answer.

    given by an analyst ──────────▶ open ──▶ done ⇄ cannot
    recommended at the end ──▶ suggested ──accepted──▶ open      (withdrawn when the case reopens)
    open ─due─▶ one reminder ─a day, or the time it had─▶ the analysts are told

The card stands in the customer's thread where its owner reads that, and mentions them; else in
their own chat. Sources: experience.md, the customer's security team; design.md section 4, rule 11.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from triage.authority import is_thread_guarded, may_command
from triage.customer import Contact, Customer, Role
from triage.draft import Draft, Known
from triage.events import CloseOrdered, Event, TaskAnswered, TaskGiven, Woke
from triage.globs import fits
from triage.incident import (
    Incident,
    IncidentType,
    Person,
    Task,
    TaskAnswer,
    TaskState,
)
from triage.phrases import Moment, Phrase, phrase
from triage.secrecy import asks_for_one

MOST_TASKS = 12
"""Of one case, so that its state stays small."""

REMINDED_FOR = timedelta(days=1)
"""How long after the reminder the analysts are told, at the latest."""

FARTHEST = timedelta(days=365)
"""So that a day and a month say which one is meant."""

RECOMMENDED_WITHIN = timedelta(days=21)
END_OF_DAY = time(17)
"""By the customer's clock, where a day alone is named."""

WAKE = "task"

_ROLES = (Role.IT, Role.APPLICATION_OWNER, Role.SECURITY)
"""By which somebody is given a task, the likeliest first."""


# --- whose it is ---------------------------------------------------------------------------------


def owner_of(incident: Incident, customer: Customer, role: Role | None = None) -> Contact | None:
    """Whose task it is where nobody is named; of a role, if one is.

    - nobody who is affected themselves
    - whoever owns an app of the case, then whoever owns a device of it
    - else somebody of IT, else of the security team
    """
    may = [c for c in customer.contacts if not incident.affects("", c.upn)]
    if role is not None:
        may = [c for c in may if role in c.roles]
    for name in names_of(incident):
        owners = (c for c in may if any(fits(name, owned) for owned in c.owns))
        if (owner := next(owners, None)) is not None:
            return owner
    for each in (role,) if role is not None else (Role.IT, Role.SECURITY):
        if (first := next((c for c in may if each in c.roles), None)) is not None:
            return first
    return None


def names_of(incident: Incident) -> tuple[str, ...]:
    """What of the case may be owned by somebody: its apps, by name and by id, and its devices."""
    apps = (name for app in incident.apps for name in (app.name, app.app_id))
    return tuple(name for name in (*apps, *(d.name for d in incident.devices)) if name)


def about(incident: Incident, text: str) -> str | None:
    """The app or device that a task is about: the one it names as a whole word, the longest first,
    or the only one there is."""
    named = [
        n for n in (*(a.name for a in incident.apps), *(d.name for d in incident.devices)) if n
    ]
    said = (n for n in sorted(named, key=len, reverse=True) if _names(text, n))
    return next(said, named[0] if len(named) == 1 else None)


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None


def role_of(contact: Contact) -> Role | None:
    return next((r for r in _ROLES if r in contact.roles), None)


def to_look_up(incident: Incident | None, event: Event, customer: Customer) -> tuple[str, ...]:
    """The UPNs of those who may get a task by an event."""
    if isinstance(event, TaskGiven):
        return (event.to,)
    if incident is None or not isinstance(event, CloseOrdered | Woke):
        return ()
    owner = owner_of(incident, customer)
    return (owner.upn,) if owner else ()


def is_in_thread(incident: Incident, customer: Customer, person: Person | None) -> bool:
    return person is not None and bool(_stands_in_thread(incident, customer, person))


def _stands_in_thread(incident: Incident, customer: Customer, person: Person) -> bool | None:
    """Where its card reaches somebody: in the thread, in their own chat (False), or nowhere (None).
    A case that has no thread yet gets one for it, while it is open."""
    may_have_thread = incident.threaded or not incident.is_over
    hides = is_thread_guarded(incident, customer)
    if person.reads_thread and not person.outside and may_have_thread and not hides:
        return True
    if person.why_not_asked is None and customer.may_write_to(person.upn):
        return False
    return None


def hides(incident: Incident, customer: Customer, task: Task) -> bool:
    """Whether its card tells nothing: the case turned out to be for its named lead alone, the account
    came under suspicion, here or elsewhere, or the thread came to hide the case."""
    if incident.type is IncidentType.RESTRICTED or incident.is_tainted(task.person.object_id):
        return True
    return task.in_thread and is_thread_guarded(incident, customer)


# --- given by an analyst -------------------------------------------------------------------------


def why_not_give(
    incident: Incident, known: Known, event: TaskGiven, now: datetime
) -> Phrase | None:
    """Why this analyst may not give this task to that person; None when they may.

    - they may command, and the case is neither for its named lead alone, nor in shadow mode, nor
      part of another one
    - a contact of the customer gets it, who is neither affected nor suspect themselves
    - whom the roster knows, and a card reaches
    - it asks for no secret: nobody asks for one in our name
    - by a time that is to come, within a year
    """
    customer = known.customer
    refused = may_command(incident, known.provider, event.by)
    if refused is not None:
        return refused
    if incident.type is IncidentType.RESTRICTED:
        return phrase("refused.restricted")
    if customer.shadow:
        return phrase("refused.shadow")
    if incident.merged is not None:
        return phrase("outcome.merged", name=incident.merged.name)
    contact, person = customer.contact(event.to), known.facts.helpers.get(event.to.lower())
    if contact is None:
        return phrase("refused.task_no_contact")
    if incident.affects(person.object_id if person else "", contact.upn):
        return phrase("refused.task_affected", person=contact.name)
    if person is None or _stands_in_thread(incident, customer, person) is None:
        return phrase("refused.task_unreachable", person=contact.name)
    if person.object_id in known.facts.at_risk:
        return phrase("refused.task_affected", person=contact.name)
    if asks_for_one(event.what):
        return phrase("refused.asks_for_secret")
    if event.due <= now:
        return phrase("refused.task_past")
    if event.due > now + FARTHEST:
        return phrase("refused.task_far")
    return phrase("refused.task_many") if len(incident.tasks) >= MOST_TASKS else None


def give(draft: Draft, event: TaskGiven, person: Person) -> None:
    in_thread = _stands_in_thread(draft.incident, draft.customer, person)
    task = Task(
        id=_next_id(draft.incident),
        what=phrase("task.said", text=event.what),
        person=person,
        role=event.role,
        asked_at=draft.now,
        due=event.due,
        in_thread=bool(in_thread),
        about=event.about,
        by_name=event.by_name,
    )
    draft.put_task(task)
    draft.note(phrase("timeline.task_given", by=event.by_name, person=person.name, what=task.what))
    _begin(draft, task)


def _next_id(incident: Incident) -> str:
    return f"t{len(incident.tasks) + 1}"


def _begin(draft: Draft, task: Task) -> None:
    draft.wake(_wake(task, "due"), task.due)


def _wake(task: Task, step: str) -> str:
    """Of this due: one that is opened again has another, and is reminded of again."""
    return f"{WAKE}:{task.id}:{step}:{task.due:%Y-%m-%dT%H%M}"


# --- recommended at the end ----------------------------------------------------------------------


def recommend(incident: Incident, customer: Customer, what: Phrase, now: datetime) -> Phrase:
    """One recommendation, with an owner and a date (experience.md, the customer's thread)."""
    owner = owner_of(incident, customer)
    return phrase(
        "recommend.owned",
        what=what,
        owner=owner.name if owner else customer.name,
        by_date=now + RECOMMENDED_WITHIN,
    )


def suggest(draft: Draft, recommendation: Phrase | None) -> None:
    """What is recommended reaches whoever is to do it, where the customer hears of the case at all;
    once, however often the case is closed."""
    incident, customer = draft.incident, draft.customer
    owner = owner_of(incident, customer)
    what, by_date = _parts(recommendation)
    if owner is None or what is None or by_date is None or not incident.threaded:
        return
    if is_thread_guarded(incident, customer) or customer.shadow:
        return
    if any(t.what == what and t.state is not TaskState.WITHDRAWN for t in incident.tasks):
        return
    person = draft.known.facts.helpers.get(owner.upn.lower())
    trusted = person is not None and person.object_id not in draft.known.facts.at_risk
    in_thread = _stands_in_thread(incident, customer, person) if person and trusted else None
    if person is None or in_thread is None or len(incident.tasks) >= MOST_TASKS:
        says = phrase("say.task_not_suggested", person=owner.name, what=what)
        draft.tell_analysts("task:suggested", says)
        return
    draft.put_task(
        Task(
            id=_next_id(incident),
            what=what,
            person=person,
            role=role_of(owner),
            asked_at=draft.now,
            due=_end_of_day(by_date, customer),
            in_thread=in_thread,
            state=TaskState.SUGGESTED,
        )
    )


def _end_of_day(at: datetime, customer: Customer) -> datetime:
    there = ZoneInfo(customer.zone)
    return datetime.combine(at.astimezone(there).date(), END_OF_DAY, there).astimezone(UTC)


def _parts(recommendation: Phrase | None) -> tuple[Phrase | None, datetime | None]:
    args = recommendation.args if recommendation else {}
    what, by_date = args.get("what"), args.get("by_date")
    return (
        what if isinstance(what, Phrase) else None,
        by_date.at if isinstance(by_date, Moment) else None,
    )


def accept(draft: Draft, by_name: str) -> None:
    """The recommendation is accepted, by its owner or for them: from now on it is a task."""
    draft.set(recommendation_accepted_by=by_name)
    draft.note(phrase("timeline.recommendation_accepted", by=by_name))
    for task in draft.incident.tasks:
        declined = task.state is TaskState.CANNOT and task.by_name is None
        if task.state is TaskState.SUGGESTED or declined:
            _open(draft, task)


def _open(draft: Draft, task: Task) -> None:
    """Accepted after its time, it has as long again as what is recommended has."""
    in_time = task.due if task.due > draft.now else None
    opened = replace(
        task,
        state=TaskState.OPEN,
        asked_at=draft.now,
        due=in_time or _end_of_day(draft.now + RECOMMENDED_WITHIN, draft.customer),
        at=None,
        answered_by=None,
        why=None,
        reminded_at=None,
        overdue=False,
    )
    draft.put_task(opened)
    _begin(draft, opened)


def withdraw_suggested(draft: Draft) -> None:
    for task in draft.incident.tasks:
        if task.state is TaskState.SUGGESTED:
            draft.put_task(replace(task, state=TaskState.WITHDRAWN, at=draft.now))


# --- needed no more ------------------------------------------------------------------------------


def withdraw_all(draft: Draft) -> None:
    """The case is for its named lead alone, or goes on as another one: nobody here waits for them."""
    withdraw_suggested(draft)
    for task in draft.incident.open_tasks:
        withdraw(draft, task)


WITHDRAWABLE = (TaskState.SUGGESTED, TaskState.OPEN, TaskState.CANNOT)


def withdraw(draft: Draft, task: Task, by_name: str | None = None) -> None:
    """Whoever could read its card hears it, and the analysts, where none of them did it."""
    person, hidden = task.person, hides(draft.incident, draft.customer, task)
    draft.put_task(replace(task, state=TaskState.WITHDRAWN, at=draft.now))
    says = phrase("say.task_withdrawn", name=draft.incident.name, what=task.what)
    if task.in_thread and not hidden:
        draft.tell_customer(f"task:{task.id}:over", says, ((person.object_id, person.name),))
    elif not hidden and person.object_id not in draft.known.facts.at_risk:
        draft.tell_person(person.object_id, f"task:{task.id}:over", says)
    key = "timeline.task_withdrawn_by" if by_name else "timeline.task_withdrawn"
    told = phrase(key, by=by_name, person=person.name, what=task.what)
    draft.note(told)
    if by_name is None:
        draft.tell_analysts(f"task:{task.id}:over", told)


# --- answered ------------------------------------------------------------------------------------


def why_not_answer(draft: Draft, task: Task | None, event: TaskAnswered) -> Phrase | None:
    """Why this person's answer to a task does not count; None where it does.

    - the task is there, was not withdrawn, and the case is not for its named lead alone
    - it is theirs, or they have the role it was given by, or stand in for its owner
    - they are not affected by the incident, and their own account is not under suspicion
    - whoever cannot, or wants to discuss it, says why
    """
    incident, facts = draft.incident, draft.known.facts
    restricted = incident.type is IncidentType.RESTRICTED
    if task is None or task.state is TaskState.WITHDRAWN or restricted:
        return phrase("refused.task_over")
    if not _may_answer(draft.customer, task, event):
        return phrase("refused.not_task_owner", person=task.person.name)
    if incident.affects(event.by, event.by_upn) or event.by in facts.concerned:
        return phrase("refused.account_suspect")
    if incident.is_tainted(event.by) or event.by in facts.at_risk:
        return phrase("refused.account_suspect")
    if event.answer in (TaskAnswer.CANNOT, TaskAnswer.DISCUSS) and not event.words:
        return phrase("refused.task_say_why")
    return None


def _may_answer(customer: Customer, task: Task, event: TaskAnswered) -> bool:
    if event.by == task.person.object_id:
        return True
    owner, answers = customer.contact(task.person.upn), customer.contact(event.by_upn)
    stands_in = owner is not None and (owner.delegate or "").lower() == event.by_upn.lower()
    has_role = answers is not None and task.role in answers.roles
    return bool(event.by_upn) and (stands_in or has_role)


def is_known(task: Task, event: TaskAnswered) -> bool:
    """Whether the answer tells nothing new."""
    match event.answer:
        case TaskAnswer.ACCEPT:
            return task.state in (TaskState.OPEN, TaskState.DONE)
        case TaskAnswer.DONE:
            return task.state is TaskState.DONE
        case TaskAnswer.CANNOT:
            return task.state is TaskState.CANNOT and task.why == event.words
        case TaskAnswer.DISCUSS:
            return False


def answer(draft: Draft, task: Task, event: TaskAnswered) -> None:
    """It is on both root cards, and the analysts hear of it."""
    by = event.by_name
    match event.answer:
        case TaskAnswer.ACCEPT if task.state is TaskState.SUGGESTED:
            accept(draft, by)
            return
        case TaskAnswer.ACCEPT:
            _open(draft, task)
            says = phrase("timeline.task_will_do", by=by, what=task.what)
            draft.note(says)
            draft.tell_analysts(f"task:{task.id}:{draft.now.isoformat()}", says)
            return
        case TaskAnswer.DONE:
            done = replace(task, state=TaskState.DONE, at=draft.now, answered_by=by, why=None)
            says = phrase("timeline.task_done", by=by, what=task.what)
        case TaskAnswer.CANNOT:
            done = replace(
                task, state=TaskState.CANNOT, at=draft.now, answered_by=by, why=event.words
            )
            says = phrase("timeline.task_cannot", by=by, what=task.what, why=event.words)
        case TaskAnswer.DISCUSS:
            done = replace(task, discussed_by=by)
            says = phrase("timeline.task_discuss", by=by, what=task.what, text=event.words)
    draft.put_task(done)
    draft.tell_analysts(f"task:{task.id}:{draft.now.isoformat()}", says)
    if event.answer is TaskAnswer.DONE or draft.incident.is_over:
        draft.note(says)
    else:
        draft.hand_over(says)


# --- not answered --------------------------------------------------------------------------------


def woke(draft: Draft, which: str) -> None:
    """Its time is over, or that after the reminder."""
    task_id, _, step = which.partition(":")
    step = step.partition(":")[0]
    task = draft.incident.task(task_id)
    if task is None or task.state is not TaskState.OPEN or task.overdue or task.due > draft.now:
        return
    if step == "due" and task.reminded_at is None and _remind(draft, task):
        return
    if step == "due" or task.reminded_at is not None:
        _overdue(draft, task)


def _remind(draft: Draft, task: Task) -> bool:
    """Once, where it still reaches them."""
    person = task.person
    suspect = person.object_id in draft.known.facts.at_risk
    if suspect or hides(draft.incident, draft.customer, task):
        return False
    says = phrase("say.task_due", name=draft.incident.name, what=task.what)
    if task.in_thread:
        draft.tell_customer(f"task:{task.id}", says, ((person.object_id, person.name),))
    else:
        draft.tell_person(person.object_id, f"task:{task.id}", says)
    draft.put_task(replace(task, reminded_at=draft.now))
    draft.note(phrase("timeline.reminded", person=person.name))
    had = task.due - task.asked_at
    draft.wake(_wake(task, "overdue"), draft.now + min(REMINDED_FOR, had))
    return True


def _overdue(draft: Draft, task: Task) -> None:
    draft.put_task(replace(task, overdue=True))
    key = "why.task_overdue" if task.reminded_at else "why.task_not_reminded"
    _tell_on(draft, task, phrase(key, person=task.person.name, what=task.what))


def unreachable(draft: Draft, person: str, why: str) -> None:
    """Their card did not reach them: an analyst sees to it."""
    for task in draft.incident.tasks:
        waits = task.state in (TaskState.OPEN, TaskState.SUGGESTED)
        if waits and task.person.object_id == person and not task.in_thread:
            says = phrase("why.task_undelivered", person=task.person.name, what=task.what, why=why)
            _tell_on(draft, task, says)


def _tell_on(draft: Draft, task: Task, why: Phrase) -> None:
    if draft.incident.is_over:
        draft.note(why)
    else:
        draft.hand_over(why)
    draft.tell_analysts(f"task:{task.id}:{why.key}", why)

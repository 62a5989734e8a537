"""The card of a task, and what the threads tell of tasks."""

from typing import assert_never

from triage.customer import Customer
from triage.incident import Incident, Task, TaskAnswer, TaskState
from triage.phrases import Phrase, phrase
from triage.surfaces.threads import headline
from triage.tasking import hides
from triage.views import TaskCard


def task_card(incident: Incident, customer: Customer, task: Task) -> TaskCard:
    hidden = hides(incident, customer, task)
    return TaskCard(
        task=task.id,
        name=incident.name,
        code=incident.code,
        person=None if task.in_thread else task.person.object_id,
        language=None if task.in_thread else task.person.language,
        zone=None if task.in_thread else task.person.zone,
        sender=customer.name,
        owner=(task.person.upn, task.person.name),
        what=phrase("asks.hidden") if hidden else task.what,
        because=() if hidden else (headline(incident), _task_by(task)),
        about=None if hidden else task.about,
        due=task.due,
        state=TaskState.WITHDRAWN if hidden else task.state,
        outcome=(phrase("needed.told_otherwise"),) if hidden else _task_outcome(task),
        choices=() if hidden else _task_choices(task),
        hidden=hidden,
    )


def _task_by(task: Task) -> Phrase:
    if task.by_name is None:
        return phrase("task.recommended")
    return phrase("asked_by.analyst", by=task.by_name)


def _task_outcome(task: Task) -> tuple[Phrase, ...]:
    lines = []
    if task.at is not None:
        match task.state:
            case TaskState.DONE:
                lines = [phrase("task.done", by=task.answered_by, at=task.at)]
            case TaskState.CANNOT:
                lines = [phrase("task.cannot", by=task.answered_by, why=task.why)]
            case TaskState.WITHDRAWN:
                lines = [phrase("task.withdrawn", at=task.at)]
    if task.discussed_by is not None:
        lines.append(phrase("label.discussed_by", by=task.discussed_by))
    return tuple(lines)


def _task_choices(task: Task) -> tuple[TaskAnswer, ...]:
    """A wrong tap is set right by the other one."""
    match task.state:
        case TaskState.SUGGESTED:
            return (TaskAnswer.ACCEPT, TaskAnswer.CANNOT, TaskAnswer.DISCUSS)
        case TaskState.OPEN:
            return (TaskAnswer.DONE, TaskAnswer.CANNOT, TaskAnswer.DISCUSS)
        case TaskState.DONE:
            return (TaskAnswer.CANNOT,)
        case TaskState.CANNOT:
            return (TaskAnswer.ACCEPT, TaskAnswer.DONE, TaskAnswer.DISCUSS)
        case TaskState.WITHDRAWN:
            return ()
        case _:
            assert_never(task.state)


def tasks_of(incident: Incident) -> tuple[Phrase, ...]:
    """Each as it stands; what is only recommended stands with the recommendation."""
    hides = (TaskState.SUGGESTED, TaskState.WITHDRAWN)
    return tuple(_task_stands(t) for t in incident.tasks if t.state not in hides)


def _task_stands(task: Task) -> Phrase:
    by, what = task.answered_by, task.what
    match task.state:
        case TaskState.DONE:
            return phrase("task.stands_done", by=by, at=task.at, what=what)
        case TaskState.CANNOT:
            return phrase("task.stands_cannot", by=by, why=task.why, what=what)
        case _ if task.overdue:
            who = task.person.name
            return phrase("task.stands_overdue", person=who, due=task.due, what=what)
        case _:
            return phrase("task.stands_open", person=task.person.name, due=task.due, what=what)

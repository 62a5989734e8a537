"""What somebody of the customer is to do: what, why, by when, and what they say to it."""

from dataclasses import dataclass

from cards.clicks import Click, Unreadable, button
from cards.elements import Card, at, mention
from cards.forms import form, in_words
from cards.layout import banner, buttons, footer, heading, section, text, whole
from cards.text import outside
from cards.wording import Reader, label, name_of, say
from triage.incident import TaskAnswer, TaskState
from triage.phrases import Moment
from triage.views import Button, TaskCard

WORDS = "words"
MAX_WORDS = 500
LONGEST = 600
"""Characters of what is to be done: all that its preview showed (`cards/confirm.py`)."""

_STYLES = {
    TaskState.SUGGESTED: "accent",
    TaskState.OPEN: "warning",
    TaskState.DONE: "good",
    TaskState.CANNOT: "attention",
    TaskState.WITHDRAWN: "emphasis",
}
_SAYS_WHY = (TaskAnswer.CANNOT, TaskAnswer.DISCUSS)


@dataclass(frozen=True, slots=True)
class Said:
    answer: TaskAnswer
    words: str | None


def read(click: Click) -> Said | Unreadable:
    answer = next((a for a in TaskAnswer if a == click.choice), None)
    if answer is None or not click.on:
        return Unreadable("no answer of ours")
    words = click.inputs.get(f"{WORDS}_{answer}", "").strip()[:MAX_WORDS]
    return Said(answer, words if answer in _SAYS_WHY and words else None)


def render(view: TaskCard, handle: str, reader: Reader) -> Card:
    if view.hidden:
        return _hidden(view, reader)
    asks = view.state in (TaskState.SUGGESTED, TaskState.OPEN)
    return whole(
        [
            banner(
                outside(view.name),
                name_of("task_state", view.state, reader),
                _STYLES[view.state],
            ),
            heading(say(view.what, reader, LONGEST), size="large"),
            *([text(_whom(view, reader))] if asks else []),
            *(text(say(line, reader, LONGEST), weight="bolder") for line in view.outcome),
            *_about(view, reader),
            *section(label("label.task_why", reader), [text(say(p, reader)) for p in view.because]),
            *buttons([_button(view, each, handle, reader) for each in view.choices]),
            footer(view.code, reader),
        ],
        summary=summary(view, reader),
        speak=summary(view, reader),
        mentions=[mention(view.owner[0], outside(view.owner[1]))] if _mentions(view) else (),
    )


def summary(view: TaskCard, reader: Reader) -> str:
    """What the lock screen shows: who asks for what, and by when."""
    if view.hidden or view.state not in (TaskState.SUGGESTED, TaskState.OPEN):
        said = view.outcome[0] if view.outcome else view.what
        return f"{outside(view.name)}: {say(said, reader)}"
    return label("task.summary", reader, sender=view.sender, what=view.what, at=Moment(view.due))


def _hidden(view: TaskCard, reader: Reader) -> Card:
    said = [say(p, reader) for p in (view.what, *view.outcome)]
    told = f"{outside(view.name)}: {said[0]}"
    return whole([heading(outside(view.name)), *map(text, said)], summary=told, speak=told)


def _mentions(view: TaskCard) -> bool:
    return view.person is None and view.state in (TaskState.SUGGESTED, TaskState.OPEN)


_HERE = "§"


def _whom(view: TaskCard, reader: Reader) -> str:
    """The mention's `<at>` is ours and stands outside every escaped text; in one's own chat a name
    is enough."""
    name = outside(view.owner[1])
    key = "task.please_accept" if view.state is TaskState.SUGGESTED else "task.please"
    before, _, after = label(key, reader, person=_HERE, at=Moment(view.due)).partition(_HERE)
    return f"{before}{at(name) if _mentions(view) else name}{after}"


def _about(view: TaskCard, reader: Reader) -> list[object]:
    about = f"{label('label.task_about', reader)}: {outside(view.about)}" if view.about else None
    return [text(about)] if about else []


def _button(view: TaskCard, answer: TaskAnswer, handle: str, reader: Reader) -> object:
    undoes = answer is TaskAnswer.CANNOT and view.state is TaskState.DONE
    title = label("button.task_undone" if undoes else f"button.task_{answer}", reader)
    if answer not in _SAYS_WHY:
        return button(title, handle, Button.TASK, on=view.task, choice=answer)
    send = button(
        label("button.task_send", reader),
        handle,
        Button.TASK,
        on=view.task,
        choice=answer,
        takes_inputs=True,
    )
    said = in_words(
        f"{WORDS}_{answer}",
        f"label.task_{answer}",
        MAX_WORDS,
        reader,
        missing="label.task_words_missing",
    )
    return form(title, [said], send)

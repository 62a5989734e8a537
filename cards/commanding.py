"""More… on an analyst's card: the commands that have no button of their own, with the words they take.

What is sent back is the command as it would be written in the thread of the case.
"""

from cards.clicks import Click, Unreadable, button
from cards.elements import ShowCard
from cards.forms import form, in_words, one_of
from cards.wording import Reader, label
from triage.views import Button

WHAT, ABOUT = "what", "about"
MAX_WORDS = 500

COMMANDS = {
    "ask": "does.ask",
    "note": "does.note",
    "task": "does.task",
    "assign": "does.assign",
    "escalate": "does.escalate",
    "merge into": "does.merge",
    "remember": "does.remember",
}
"""What the command begins with, and the sentence that says what it does and takes."""


def more(title: str, handle: str, reader: Reader) -> ShowCard:
    choices = [(label(key, reader), word) for word, key in COMMANDS.items()]
    what = one_of(WHAT, "label.command", choices, reader, missing="label.command_missing")
    about = in_words(ABOUT, "label.command_words", MAX_WORDS, reader, missing=None)
    run = button(label("button.run", reader), handle, Button.COMMAND, takes_inputs=True)
    return form(title, [what, about], run)


def read(click: Click) -> str | Unreadable:
    """The command, as it is written."""
    word = click.inputs.get(WHAT, "")
    if word not in COMMANDS:
        return Unreadable("no command of this card")
    return f"{word} {click.inputs.get(ABOUT, '')[:MAX_WORDS]}".strip()

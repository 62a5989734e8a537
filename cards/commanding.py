"""More… on an analyst's card: the commands that have no button of their own, with the words they take.

What is sent back is the command as it would be written in the thread of the case.
"""

from cards.clicks import Click, Unreadable, button
from cards.elements import AdaptiveCard, InputChoice, InputChoiceSet, InputText, ShowCard
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


def form(title: str, handle: str, reader: Reader) -> ShowCard:
    choices = [InputChoice(title=label(key, reader), value=word) for word, key in COMMANDS.items()]
    return ShowCard(
        title=title,
        card=AdaptiveCard(
            body=[
                InputChoiceSet(
                    id=WHAT,
                    label=label("label.command", reader),
                    choices=choices,
                    placeholder=label("label.command_missing", reader),
                    is_required=True,
                    error_message=label("label.command_missing", reader),
                ),
                InputText(
                    id=ABOUT,
                    label=label("label.command_words", reader),
                    is_multiline=True,
                    max_length=MAX_WORDS,
                ),
            ],
            actions=[
                button(label("button.run", reader), handle, Button.COMMAND, takes_inputs=True)
            ],
        ),
    )


def read(click: Click) -> str | Unreadable:
    """The command, as it is written."""
    word = click.inputs.get(WHAT, "")
    if word not in COMMANDS:
        return Unreadable("no command of this card")
    return f"{word} {click.inputs.get(ABOUT, '')[:MAX_WORDS]}".strip()

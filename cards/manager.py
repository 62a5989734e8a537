"""The card of somebody who is asked to reach one of their people by voice, and to tell what they say.

A manager forwards nothing and guesses nothing: the card holds what to ask, and the answers.
"""

from cards.clicks import button
from cards.elements import Card, TextBlock
from cards.layout import buttons, fixed, heading, row, small, text, whole, wide
from cards.text import outside
from cards.wording import Reader, label, say
from triage.views import Button, ManagerCard

NO_VOICE = "no_voice"
"""The choice that stands for "I could not reach them"."""

MOST_CHARACTERS = 60
"""Of any one text from outside, as on the person's own card."""


def render(view: ManagerCard, handle: str, reader: Reader) -> Card:
    said = [say(p, reader, MOST_CHARACTERS) for p in view.says]
    code = small(label("label.case_code", reader, code=view.code), wrap=False, spacing="none")
    return whole(
        [
            row(wide(heading(outside(view.sender, MOST_CHARACTERS))), fixed(code)),
            *(text(line, spacing="medium") for line in said),
            *_asking(view, handle, reader),
        ],
        summary=summary(view, reader),
        speak=" ".join([f"{outside(view.sender, MOST_CHARACTERS)}:", *said]),
    )


def summary(view: ManagerCard, reader: Reader) -> str:
    """What the lock screen shows; once nothing is needed, that."""
    if view.question is None:
        return say(view.says[0], reader)
    return label("manager.summary", reader, sender=view.sender, asked=view.asked)


def _asking(view: ManagerCard, handle: str, reader: Reader) -> list[object]:
    if view.question is None or view.ask is None:
        return []
    choices = [(choice.id, say(choice.says, reader)) for choice in view.choices]
    return [
        small(label("manager.ask_them", reader, asked=view.asked), spacing="medium"),
        *([text(say(view.happened, reader, MOST_CHARACTERS))] if view.happened else []),
        TextBlock(say(view.ask, reader, MOST_CHARACTERS), weight="bolder", spacing="small"),
        small(label("manager.said", reader, asked=view.asked), spacing="medium"),
        *buttons(
            [
                button(title, handle, Button.ATTEST, on=view.question, choice=id_)
                for id_, title in [*choices, (NO_VOICE, label("manager.no_voice", reader))]
            ],
            spacing="small",
        ),
        small(label("label.never_passwords", reader), separator=True, spacing="large"),
    ]

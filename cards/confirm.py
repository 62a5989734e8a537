"""The card that shows an analyst what a command will do, before it does it."""

from collections.abc import Sequence

from cards.clicks import Click, button
from cards.elements import Card
from cards.layout import buttons, heading, small, text, whole
from cards.wording import Reader, label, say
from triage.phrases import Moment, Phrase
from triage.views import Button

LONGEST = 600
"""Characters of what was written that are shown: all that will be said."""
COMMAND = "command"
"""What was written: read again when it is confirmed, and decided on then."""


def render(
    says: Sequence[Phrase], command: str, handle: str, until: Moment, reader: Reader
) -> Card:
    title, *more = (say(p, reader, LONGEST) for p in says)
    return whole(
        [
            heading(title),
            *(text(line) for line in more),
            *buttons(
                [
                    button(
                        label("button.do_it", reader),
                        handle,
                        Button.DO_IT,
                        carrying={COMMAND: command},
                    ),
                    button(label("button.cancel", reader), handle, Button.CANCEL),
                ],
                spacing="medium",
            ),
            small(label("confirm.until", reader, until=until)),
        ],
        summary=title,
        speak=title,
    )


def over(says: Phrase, reader: Reader) -> Card:
    """What became of it, in the place of the buttons."""
    said = say(says, reader)
    return whole([text(said)], summary=said, speak=said)


def command_of(click: Click) -> str:
    return click.inputs.get(COMMAND, "")

"""Cards whose buttons each carry a whole command: a choice where a command may mean several things,
and the list of cases.

Whoever may press one could have written what it carries; it is read and decided on like any other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cards.clicks import Click, button
from cards.confirm import COMMAND
from cards.elements import Card, Execute
from cards.layout import buttons, case_line, heading, name_or_phrase, text, whole
from cards.wording import Reader, say
from triage.phrases import Phrase
from triage.views import Button, CaseLine


@dataclass(frozen=True, slots=True)
class Option:
    title: str | Phrase
    """A name from outside, or what we call it."""
    command: str
    back: str | None = None
    """The command for where one comes from."""


@dataclass(frozen=True, slots=True)
class Row:
    """A case of a list, and the command that shows it."""

    case: CaseLine
    opens: Option


def choice(asks: Phrase, options: Sequence[Option], handle: str, reader: Reader) -> Card:
    asked = say(asks, reader)
    named = [_button(option, number, handle, reader) for number, option in enumerate(options, 1)]
    spoken = " ".join([asked, *(f"{n.title}." for n in named)])
    return whole(
        [heading(asked), *buttons(named, spacing="medium")],
        summary=asked,
        speak=spoken,
    )


def listing(
    counted: Phrase, rows: Sequence[Row], pages: Sequence[Option], handle: str, reader: Reader
) -> Card:
    """A case a row, opened by a tap; below, the pages before and after."""
    said = say(counted, reader)
    numbered = [_button(row.opens, number, handle, reader) for number, row in enumerate(rows, 1)]
    last = len(rows) + 1
    turned = [_button(page, number, handle, reader) for number, page in enumerate(pages, last)]
    lines = [f"{row.case.name}, {say(row.case.headline, reader)}" for row in rows]
    return whole(
        [
            heading(said),
            *(
                case_line(row.case, reader, between=" · ", select_action=opens)
                for row, opens in zip(rows, numbered, strict=True)
            ),
            *buttons(turned, spacing="medium"),
        ],
        summary=said,
        speak=" ".join([said, *(f"{line}." for line in lines)]),
    )


def read_out(says: Iterable[str], back: Option | None, handle: str, reader: Reader) -> Card:
    """What a tapped command was answered with, and the way back to the list it came from."""
    first, *more = says
    return whole(
        [
            text(first, weight="bolder"),
            *map(text, more),
            *buttons([_button(back, 1, handle, reader)] if back else [], spacing="medium"),
        ],
        summary=first,
        speak=" ".join([first, *more]),
    )


def _button(option: Option, number: int, handle: str, reader: Reader) -> Execute:
    said = name_or_phrase(option.title, reader)
    carrying = {COMMAND: option.command} | ({BACK: option.back} if option.back else {})
    return button(said, handle, Button.RUN, choice=str(number), carrying=carrying)


BACK = "back"


def back_of(click: Click) -> str | None:
    return click.inputs.get(BACK) or None

"""A form that opens on a card by a tap: something to choose, some words, and the button that sends them."""

from collections.abc import Iterable, Sequence

from cards.elements import AdaptiveCard, Execute, InputChoice, InputChoiceSet, InputText, ShowCard
from cards.wording import Reader, label


def form(title: str, inputs: Sequence[object], send: Execute) -> ShowCard:
    """What opens under a button of this title."""
    return ShowCard(title=title, card=AdaptiveCard(body=list(inputs), actions=[send]))


def one_of(
    field: str, named: str, choices: Iterable[tuple[str, str]], reader: Reader, *, missing: str
) -> InputChoiceSet:
    """Something that must be chosen: titles, each with its value. `named` is the key of its label,
    `missing` that of what is said where nothing was chosen."""
    return InputChoiceSet(
        id=field,
        label=label(named, reader),
        choices=[InputChoice(title=title, value=value) for title, value in choices],
        placeholder=label(missing, reader),
        is_required=True,
        error_message=label(missing, reader),
    )


def in_words(
    field: str, named: str, most: int, reader: Reader, *, missing: str | None, lines: bool = True
) -> InputText:
    """At most so many characters, over several lines unless told otherwise; required where `missing`
    is the key of what is said without them."""
    return InputText(
        id=field,
        label=label(named, reader),
        is_multiline=lines or None,
        max_length=most,
        is_required=True if missing else None,
        error_message=label(missing, reader) if missing else None,
    )

"""What a command may come to, before anything is done."""

from dataclasses import dataclass

from bot.rota import Leaving
from cards.choosing import Option
from cards.sending import Preview
from triage.events import Later
from triage.phrases import Phrase

MOST_NAMED = 5
"""Cases, people or actions that an answer offers to choose from."""


Deed = Later | Leaving
"""What is done: to a case, or with all that is open of whoever leaves."""


@dataclass(frozen=True, slots=True)
class AskFirst:
    """What is shown before it is done: it cannot be taken back."""

    says: tuple[Phrase, ...]
    event: Deed
    preview: Preview | None = None
    """Of words that are sent: it says all there is to say."""


@dataclass(frozen=True, slots=True)
class Choose:
    """More than one thing may be meant: each is offered as the whole command."""

    asks: Phrase
    options: tuple[Option, ...]


Reply = list[Phrase] | AskFirst | Choose | Later
"""Something to read, something to tap, or what is to happen."""

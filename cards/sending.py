"""Send to customer: an analyst's words, as they will stand in the customer's thread, before they do.

The preview is for the analyst alone and lives nowhere: its button carries the words, and whoever
presses it says them.
"""

from dataclasses import dataclass

from cards.clicks import Click, Unreadable, button
from cards.elements import AdaptiveCard, Card, Container, InputText, ShowCard, TextBlock
from cards.layout import heading, small, whole
from cards.wording import Reader, label, say
from triage.phrases import Phrase
from triage.views import Button

WORDS = "words"
MAX_WORDS = 600
"""Characters: what a message in a thread shows of somebody's words (`dialogs/thread.py`)."""


@dataclass(frozen=True, slots=True)
class Preview:
    says: Phrase
    """As it will be said."""
    words: str
    draft: str
    """Names this one preview."""
    customer: str
    case: str


def written(title: str, handle: str, reader: Reader) -> ShowCard:
    """Where the words are written, on the case's card."""
    preview = button(label("button.preview", reader), handle, Button.DRAFT, takes_inputs=True)
    return ShowCard(
        title=title,
        card=AdaptiveCard(
            body=[
                InputText(
                    id=WORDS,
                    label=label("label.words", reader),
                    is_multiline=True,
                    max_length=MAX_WORDS,
                    is_required=True,
                    error_message=label("label.words_missing", reader),
                )
            ],
            actions=[preview],
        ),
    )


def read(click: Click) -> str | Unreadable:
    """The words of a draft or of its preview."""
    words = click.inputs.get(WORDS, "").strip()
    return words[:MAX_WORDS] if words else Unreadable("no words")


def render(preview: Preview, handle: str, reader: Reader, theirs: Reader) -> Card:
    """`theirs` is how the customer reads it."""
    title = label("label.send_to", reader, customer=preview.customer, case=preview.case)
    shown = say(preview.says, theirs, MAX_WORDS)
    send = button(
        label("button.send", reader),
        handle,
        Button.SEND,
        on=preview.draft,
        carrying={WORDS: preview.words},
    )
    return whole(
        [
            heading(title),
            Container(items=[TextBlock(shown, wrap=True)], style="emphasis"),
            small(label("label.send_where", reader)),
        ],
        actions=[send, button(label("button.discard", reader), handle, Button.DISCARD)],
        summary=title,
        speak=title,
    )

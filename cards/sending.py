"""Send to customer: an analyst's words, as they will stand in the customer's thread, before they do.

The preview is for the analyst alone and lives nowhere: its button carries the words, and whoever
presses it says them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cards.clicks import Click, Unreadable, button
from cards.confirm import COMMAND
from cards.elements import Card, Container, InputChoice, InputChoiceSet, ShowCard, TextBlock
from cards.forms import form, in_words
from cards.layout import heading, lines, small, whole
from cards.text import outside
from cards.wording import Reader, label, say
from triage.phrases import Moment, Phrase
from triage.secrecy import reminder
from triage.views import Button

WORDS, TO = "words", "to"
MOST_HEARERS = 10
MAX_WORDS = 600
"""Characters: what a message in a thread shows of somebody's words (`dialogs/thread.py`)."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an analyst wrote, and to whom."""

    words: str
    to: str | None
    """The object id of somebody concerned; None for the customer's thread."""


@dataclass(frozen=True, slots=True)
class Preview:
    says: Phrase
    """As it will be said."""
    written: Written
    person: str | None
    """The name of whoever it goes to; None for the thread."""
    draft: str
    """Names this one preview."""
    customer: str
    case: str


def written(
    title: str, handle: str, reader: Reader, hearers: Sequence[tuple[str, str]]
) -> ShowCard:
    """Where the words are written, on the case's card."""
    preview = button(label("button.preview", reader), handle, Button.DRAFT, takes_inputs=True)
    said = in_words(WORDS, "label.words", MAX_WORDS, reader, missing="label.words_missing")
    return form(title, [*_to(hearers, reader), said], preview)


def _to(hearers: Sequence[tuple[str, str]], reader: Reader) -> list[object]:
    """To the thread, unless somebody is chosen."""
    if not hearers:
        return []
    choices = [InputChoice(title=outside(name), value=id_) for id_, name in hearers[:MOST_HEARERS]]
    named = label("label.to", reader)
    thread = label("label.to_thread", reader)
    return [InputChoiceSet(id=TO, label=named, choices=choices, placeholder=thread)]


def read(click: Click) -> Written | Unreadable:
    """The words of a draft or of its preview."""
    words = click.inputs.get(WORDS, "").strip()
    to = click.inputs.get(TO) or None
    return Written(words[:MAX_WORDS], to) if words else Unreadable("no words")


def render(preview: Preview, handle: str, reader: Reader, theirs: Reader) -> Card:
    """`theirs` is how the customer reads it."""
    carried = {WORDS: preview.written.words, TO: preview.written.to or ""}
    send = button(
        label("button.send", reader),
        handle,
        Button.SEND,
        on=preview.draft,
        carrying=carried,
    )
    discard = button(label("button.discard", reader), handle, Button.DISCARD)
    return _shown(preview, reader, theirs, [send, discard])


def render_command(
    preview: Preview,
    command: str,
    handle: str,
    *,
    until: Moment,
    reader: Reader,
    theirs: Reader,
) -> Card:
    """The same, of what was written as a command: a card that asks first."""
    send = button(label("button.send", reader), handle, Button.DO_IT, carrying={COMMAND: command})
    discard = button(label("button.discard", reader), handle, Button.CANCEL)
    return _shown(
        preview, reader, theirs, [send, discard], small(label("confirm.until", reader, until=until))
    )


def _shown(
    preview: Preview, reader: Reader, theirs: Reader, actions: Sequence[object], *more: object
) -> Card:
    to = preview.person or preview.customer
    title = label("label.send_to", reader, customer=to, case=preview.case)
    where = "label.send_where" if preview.person is None else "label.send_where_person"
    shown = say(preview.says, theirs, MAX_WORDS)
    return whole(
        [
            heading(title),
            Container(items=[TextBlock(shown, wrap=True)], style="emphasis"),
            *lines(reminder(preview.written.words), reader),
            small(label(where, reader)),
            *more,
        ],
        actions=actions,
        summary=title,
        speak=title,
    )

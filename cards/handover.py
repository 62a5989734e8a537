"""What is open of an analyst whose shift ends, in the analysts' channel."""

from cards.elements import Card, TextBlock, at, mention
from cards.layout import case_line, heading, small, whole
from cards.text import outside
from cards.wording import Reader, label
from triage.phrases import Moment
from triage.views import Handover

MOST_LINES = 50


def render(view: Handover, reader: Reader) -> Card:
    left = len(view.lines) - MOST_LINES
    return whole(
        [
            heading(summary(view, reader), size="large"),
            *_called(view, reader),
            *(case_line(line, reader, between=" → ") for line in view.lines[:MOST_LINES]),
            *([small(label("label.more", reader, count=left))] if left > 0 else []),
        ],
        summary=summary(view, reader),
        speak=summary(view, reader),
        mentions=[mention(upn, outside(name)) for upn, name in view.mention],
    )


def summary(view: Handover, reader: Reader) -> str:
    return label(
        "label.handover",
        reader,
        analyst=view.analyst,
        count=len(view.lines),
        at=Moment(view.at),
    )


def _called(view: Handover, reader: Reader) -> list[object]:
    """The mentions; their `<at>` is ours and stands outside every escaped text."""
    if not view.mention:
        return [TextBlock(label("handover.nobody", reader), weight="bolder", color="attention")]
    names = ", ".join(at(outside(name)) for _, name in view.mention)
    return [TextBlock(f"{names}: {label('handover.called', reader)}")]

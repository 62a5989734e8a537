"""What is open of an analyst whose shift ends, in the analysts' channel."""

from cards.elements import Card, TextBlock, at, mention
from cards.layout import fixed, heading, row, small, whole, wide
from cards.text import outside
from cards.wording import Reader, label, name_of, say
from triage.phrases import Moment
from triage.views import Handover, HandoverLine

MOST_LINES = 50


def render(view: Handover, reader: Reader) -> Card:
    left = len(view.lines) - MOST_LINES
    return whole(
        [
            heading(summary(view, reader), size="large"),
            *_called(view, reader),
            *(_line(line, reader) for line in view.lines[:MOST_LINES]),
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


def _line(line: HandoverLine, reader: Reader) -> object:
    name = TextBlock(outside(line.name), weight="bolder", wrap=False)
    severity = small(name_of("severity", line.severity, reader), wrap=False, spacing="none")
    to = outside(line.to) if line.to else label("label.nobody", reader)
    what = f"{outside(line.customer)}: {say(line.headline, reader)}"
    return row(
        fixed(name, severity),
        wide(
            TextBlock(what),
            small(f"{say(line.waits, reader)} → {to}", spacing="none"),
        ),
        separator=True,
        spacing="medium",
    )

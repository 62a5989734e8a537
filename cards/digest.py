"""The day's digest in the customer's channel: what came in, and what became of it."""

from cards.elements import Card, TextBlock
from cards.layout import fixed, heading, row, small, whole, wide
from cards.text import outside
from cards.wording import Reader, label, name_of, say
from triage.phrases import Moment
from triage.views import Digest, DigestLine

MOST_LINES = 40


def render(view: Digest, reader: Reader) -> Card:
    left = len(view.lines) - MOST_LINES
    return whole(
        [
            heading(label("label.digest", reader, at=Moment(view.at)), size="large"),
            *(_line(line, reader) for line in view.lines[:MOST_LINES]),
            *([small(label("label.more", reader, count=left))] if left > 0 else []),
        ],
        summary=summary(view, reader),
        speak=summary(view, reader),
    )


def summary(view: Digest, reader: Reader) -> str:
    return label("label.digest_summary", reader, count=len(view.lines))


def _line(line: DigestLine, reader: Reader) -> object:
    name = TextBlock(outside(line.name), weight="bolder", wrap=False)
    severity = small(name_of("severity", line.severity, reader), wrap=False, spacing="none")
    became = say(line.outcome, reader) if line.outcome else name_of("status", line.status, reader)
    became = became[:1].upper() + became[1:]
    thread = f" {label('label.has_thread', reader)}" if line.has_thread else ""
    return row(
        fixed(name, severity),
        wide(TextBlock(say(line.headline, reader)), small(f"{became}.{thread}", spacing="none")),
        separator=True,
        spacing="medium",
    )

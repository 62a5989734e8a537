"""The pieces all cards are laid out with, so that they look like one family."""

from collections.abc import Iterable, Sequence
from typing import Any

from cards.elements import (
    ActionSet,
    AdaptiveCard,
    Card,
    Column,
    ColumnSet,
    Container,
    Fact,
    FactSet,
    TextBlock,
    card_json,
    msteams,
)
from cards.text import outside
from cards.wording import Reader, clock, label, name_of, place_of, say
from triage.incident import Status
from triage.phrases import Phrase
from triage.report import Severity
from triage.views import CaseLine, ShownClock, ThreadAction

HEADLINE = 80
"""Characters of any one text from outside in a headline: it is read first, and on a lock screen."""

MOST_ROWS = 10
"""Rows of one kind a card shows; the rest is counted. Keeps every card readable, and under 80 KB."""

_SEVERITY_LOOKS = {
    Severity.HIGH: ("attention", "attention"),
    Severity.MEDIUM: ("warning", "warning"),
    Severity.LOW: ("accent", "accent"),
    Severity.INFORMATIONAL: ("emphasis", "default"),
}
_STATE_COLOR = {
    "done": "good",
    "already_done": "good",
    "undone": "default",
    "failed": "attention",
    "refused": "attention",
    "ordered": "accent",
    "undoing": "accent",
}


def whole(
    body: Sequence[object],
    *,
    actions: Sequence[object] = (),
    summary: str,
    speak: str,
    mentions: Iterable[dict[str, Any]] = (),
) -> Card:
    """The finished card: full width, with what is spoken, and what an old client shows instead."""
    return card_json(
        AdaptiveCard(
            body=list(body),
            actions=list(actions) or None,
            speak=speak,
            fallback_text=summary,
            msteams=msteams(mentions),
        )
    )


def heading(text: str, *, size: str = "medium") -> TextBlock:
    return TextBlock(text, weight="bolder", size=size, style="heading")


def small(text: str, **fields: Any) -> TextBlock:
    return TextBlock(text, **{"size": "small", "is_subtle": True, "spacing": "small", **fields})


def row(*columns: Column, **fields: Any) -> ColumnSet:
    return ColumnSet(columns=list(columns), **fields)


def fixed(*items: object, **fields: Any) -> Column:
    return Column(items=list(items), width="auto", **fields)


def wide(*items: object, **fields: Any) -> Column:
    return Column(items=list(items), width="stretch", **fields)


def banner(left: str, right: str, style: str, *, color: str | None = None) -> Container:
    """The coloured top of a card. Its words say what its colour says, to those who see no colour."""
    return Container(
        items=[
            row(
                wide(TextBlock(left, weight="bolder", color=color)),
                fixed(TextBlock(right, weight="bolder", wrap=False)),
            )
        ],
        style=style,
        bleed=True,
    )


def case_banner(severity: Severity, name: str, status: Status, reader: Reader) -> Container:
    style, color = _SEVERITY_LOOKS[severity]
    return banner(
        f"{name_of('severity', severity, reader)} · {outside(name)}",
        name_of("status", status, reader),
        style,
        color=color,
    )


def case_line(line: CaseLine, reader: Reader, *, between: str, **fields: Any) -> Container:
    """`between` stands between what the case waits for and whose it is."""
    severity = name_of("severity", line.severity, reader)
    whose = name_or_phrase(line.whose, reader)
    return Container(
        items=[
            TextBlock(f"{outside(line.name)} · {severity}", weight="bolder"),
            TextBlock(f"{outside(line.customer)}: {say(line.headline, reader)}", spacing="none"),
            small(f"{say(line.waits, reader)}{between}{whose}", spacing="none"),
        ],
        separator=True,
        spacing="medium",
        **fields,
    )


def name_or_phrase(of: str | Phrase, reader: Reader) -> str:
    """A name comes from outside."""
    return say(of, reader) if isinstance(of, Phrase) else outside(of)


def section(title: str, items: Sequence[object], **fields: Any) -> list[object]:
    """A titled part of a card; nothing where there is nothing in it."""
    if not items:
        return []
    named = TextBlock(title, size="small", weight="bolder", is_subtle=True, style="heading")
    return [Container(items=[named, *items], **{"spacing": "medium", **fields})]


def text(said: str, **fields: Any) -> TextBlock:
    return TextBlock(said, **{"spacing": "small", **fields})


def lines(phrases: Iterable[Phrase], reader: Reader, most: int = MOST_ROWS) -> list[object]:
    said = [say(p, reader) for p in phrases]
    shown: list[object] = [text(line) for line in said[:most]]
    return shown + rest(len(said), reader, most)


def rest(count: int, reader: Reader, most: int = MOST_ROWS) -> list[object]:
    """How many rows are not shown."""
    if count <= most:
        return []
    return [small(label("label.more", reader, count=count - most))]


def actions_rows(actions: Sequence[ThreadAction], reader: Reader) -> list[object]:
    shown = [_action_row(action, reader) for action in actions[:MOST_ROWS]]
    return [*shown, *rest(len(actions), reader)]


def _action_row(action: ThreadAction, reader: Reader) -> ColumnSet:
    state = name_of("state", action.state, reader)
    if action.at is not None:
        state = f"{state}, {clock(action.at, reader)}"
    what: list[object] = [TextBlock(say(action.says, reader))]
    if action.rehearsed:
        what.append(small(f"({label('label.rehearsed', reader)})", spacing="none"))
    told = TextBlock(
        state,
        weight="bolder",
        color=_STATE_COLOR.get(action.state),
        horizontal_alignment="right",
    )
    return row(wide(*what), wide(told), spacing="small")


def clock_facts(clocks: Sequence[ShownClock], reader: Reader) -> list[object]:
    """Each promise and how it stands, in few bytes."""
    facts = [Fact(title=say(c.promise, reader), value=say(c.stands, reader)) for c in clocks]
    return [FactSet(facts=facts)] if facts else []


def buttons(actions: Sequence[object], **fields: Any) -> list[object]:
    return [ActionSet(actions=list(actions), **fields)] if actions else []


def footer(code: str, reader: Reader) -> TextBlock:
    """What the service desk asks for, and whose clock the times are on."""
    case = label("label.case_code", reader, code=code)
    times = label("label.times", reader, place=place_of(reader))
    return small(f"{case} · {times}", spacing="large", separator=True)

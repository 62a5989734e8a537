"""The root card of an incident in the customer's channel: always the present state."""

from cards.clicks import button
from cards.elements import Card, Container, TextBlock
from cards.layout import (
    HEADLINE,
    actions_rows,
    buttons,
    case_banner,
    clock_facts,
    footer,
    heading,
    lines,
    section,
    small,
    text,
    whole,
)
from cards.reaching import teams_links
from cards.text import outside
from cards.wording import Reader, day_and_clock, label, name_of, say
from triage.phrases import Phrase
from triage.views import Button, CustomerThread


def render(view: CustomerThread, handle: str, reader: Reader) -> Card:
    body = _placeholder(view, reader) if view.placeholder else _full(view, handle, reader)
    return whole(body, summary=summary(view, reader), speak=_spoken(view, reader))


def summary(view: CustomerThread, reader: Reader) -> str:
    """What the lock screen shows: how grave, which case, what happened."""
    if view.placeholder:
        return f"{outside(view.name)}: {say(view.headline, reader)}"
    severity = name_of("severity", view.severity, reader)
    return f"{severity}: {outside(view.name)}. {say(view.headline, reader, HEADLINE)}"


def _spoken(view: CustomerThread, reader: Reader) -> str:
    if view.placeholder:
        return summary(view, reader)
    return f"{summary(view, reader)} {say(view.turn, reader)} {say(view.needed, reader)}"


def _placeholder(view: CustomerThread, reader: Reader) -> list[object]:
    """The affected person reads here: neither how grave it is, nor what is known or done."""
    return [
        heading(outside(view.name)),
        TextBlock(say(view.headline, reader)),
        *lines((view.needed, *view.outcome), reader),
        small(label("label.case_code", reader, code=view.code)),
    ]


def _full(view: CustomerThread, handle: str, reader: Reader) -> list[object]:
    return [
        case_banner(view.severity, view.name, view.status, reader),
        heading(say(view.headline, reader, HEADLINE), size="large"),
        *_outcome(view, reader),
        *_recommendation(view, handle, reader),
        _turn(view, reader),
        *section(label("label.known", reader), lines(view.known, reader)),
        *section(label("label.doing", reader), lines(view.doing, reader)),
        *section(label("label.tasks", reader), lines(view.tasks, reader)),
        *section(label("label.actions", reader), actions_rows(view.actions, reader)),
        *section(label("label.promised", reader), clock_facts(view.clocks, reader)),
        *_other_buttons(view, handle, reader),
        footer(view.code, reader),
    ]


def _turn(view: CustomerThread, reader: Reader) -> Container:
    """Whose turn it is and what is needed, where the eye falls first."""
    told: list[object] = [
        TextBlock(say(view.turn, reader), weight="bolder"),
        text(say(view.needed, reader)),
    ]
    if view.until is not None:
        until = f"{label('label.until', reader)} {day_and_clock(view.until, reader)}"
        told.append(text(until, weight="bolder"))
    theirs = view.turn.key == "turn.customer"
    return Container(items=told, style="warning" if theirs else "emphasis", spacing="medium")


def _outcome(view: CustomerThread, reader: Reader) -> list[object]:
    return section(label("label.outcome", reader), lines(view.outcome, reader), style="good")


def _recommendation(view: CustomerThread, handle: str, reader: Reader) -> list[object]:
    if view.recommendation is None:
        return []
    shown: list[object] = [text(say(view.recommendation, reader))]
    if view.recommendation_accepted_by:
        accepted = label("label.accepted_by", reader, by=view.recommendation_accepted_by)
        shown.append(text(accepted, weight="bolder", color="good"))
    elif view.recommendation_discussed_by:
        discussed = label("label.discussed_by", reader, by=view.recommendation_discussed_by)
        shown.append(text(discussed, weight="bolder"))
    answers = [b for b in view.buttons if b in _ANSWERS]
    shown += buttons([_pressable(b, handle, reader) for b in answers], spacing="medium")
    return section(label("label.recommendation", reader), shown, style="accent")


_ANSWERS = (Button.ACCEPT, Button.DISCUSS)


def _other_buttons(view: CustomerThread, handle: str, reader: Reader) -> list[object]:
    others = [b for b in view.buttons if b not in _ANSWERS or view.recommendation is None]
    pressable = [_pressable(b, handle, reader) for b in others]
    reach = teams_links(view.analyst, view.name, reader) if view.analyst else []
    return buttons([*pressable, *reach], spacing="medium")


def _pressable(pressed: Button, handle: str, reader: Reader) -> object:
    return button(say(Phrase(f"button.{pressed}"), reader), handle, pressed)

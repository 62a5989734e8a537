"""A decision asked for in the customer's thread: what, until when, and what follows."""

from cards.clicks import button
from cards.elements import Card, at, mention
from cards.layout import banner, buttons, heading, section, text, whole
from cards.text import outside
from cards.wording import Reader, label, name_of, say
from triage.incident import ApprovalState
from triage.phrases import Moment
from triage.views import ApprovalCard, Button

_STYLES = {
    ApprovalState.OPEN: "warning",
    ApprovalState.APPROVED: "good",
    ApprovalState.DENIED: "attention",
    ApprovalState.EXPIRED: "emphasis",
    ApprovalState.WITHDRAWN: "emphasis",
}


def render(view: ApprovalCard, handle: str, reader: Reader) -> Card:
    if view.hidden:
        return _hidden(view, reader)
    is_open = view.state is ApprovalState.OPEN
    asks = label("label.asks", reader, asks=view.asks) if is_open else say(view.asks, reader)
    return whole(
        [
            _header(view, reader),
            heading(asks, size="large"),
            *(_asking(view, handle, reader) if is_open else _decided(view, reader)),
        ],
        summary=summary(view, reader),
        speak=_spoken(view, reader),
        mentions=[mention(upn, outside(name)) for upn, name in view.mention] if is_open else (),
    )


def _hidden(view: ApprovalCard, reader: Reader) -> Card:
    """Neither what was asked, nor what became of it."""
    said = [say(p, reader) for p in (view.asks, view.outcome) if p is not None]
    told = f"{outside(view.name)}: {said[0]}"
    return whole([heading(outside(view.name)), *map(text, said)], summary=told, speak=told)


def summary(view: ApprovalCard, reader: Reader) -> str:
    """What the lock screen shows: "Isolate LAPTOP-7? Reply by 10:23"."""
    if view.state is ApprovalState.OPEN:
        return label("label.asks_reply_by", reader, asks=view.asks, at=Moment(view.due))
    return f"{say(view.asks, reader)}. {_how_it_ended(view, reader)}"


def _how_it_ended(view: ApprovalCard, reader: Reader) -> str:
    return (
        say(view.outcome, reader) if view.outcome else name_of("approval_state", view.state, reader)
    )


def _spoken(view: ApprovalCard, reader: Reader) -> str:
    if view.state is not ApprovalState.OPEN:
        return summary(view, reader)
    return " ".join(
        (summary(view, reader) + ".", say(view.consequence, reader), say(view.on_silence, reader))
    )


def _header(view: ApprovalCard, reader: Reader) -> object:
    state = name_of("approval_state", view.state, reader)
    return banner(outside(view.name), state, _STYLES[view.state])


def _asking(view: ApprovalCard, handle: str, reader: Reader) -> list[object]:
    reply_by = label("label.reply_by", reader, at=Moment(view.due))
    return [
        text(reply_by, weight="bolder"),
        *([text(say(view.signed, reader), weight="bolder")] if view.signed else []),
        *_who(view, reader),
        text(say(view.asked_by, reader)),
        *section(label("label.because", reader), [text(say(p, reader)) for p in view.because]),
        *section(label("label.consequence", reader), [text(say(view.consequence, reader))]),
        *section(label("label.on_silence", reader), [text(say(view.on_silence, reader))]),
        *buttons(
            [
                button(label(f"button.{pressed}", reader), handle, pressed, on=view.approval)
                for pressed in (Button.APPROVE, Button.DENY)
            ],
            spacing="medium",
        ),
    ]


def _who(view: ApprovalCard, reader: Reader) -> list[object]:
    """The mentions; their `<at>` is ours and stands outside every escaped text."""
    if not view.mention:
        return []
    names = ", ".join(at(outside(name)) for _, name in view.mention)
    before, _, after = label("label.for_approval", reader, names=_HERE).partition(_HERE)
    return [text(f"{before}{names}{after}")]


_HERE = "§"


def _decided(view: ApprovalCard, reader: Reader) -> list[object]:
    return [text(_how_it_ended(view, reader))]

"""What a button of ours sends back, written and read in one place.

A card carries no identity and no secret: an opaque handle, which button it was, what it was on, and
the choice. Whatever comes back is a claim, checked against the stored handle and the actor.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cards.elements import Execute, Submit
from cards.text import shortened
from triage.views import Button

HANDLE, BUTTON, ON, CHOICE = "handle", "button", "on", "choice"
MAX_ID = 200
MAX_INPUT = 2_000
MAX_TITLE = 50


@dataclass(frozen=True, slots=True)
class Click:
    handle: str
    button: Button
    on: str | None
    """The question, approval or action it was pressed on."""
    choice: str | None
    inputs: Mapping[str, str]
    """What was typed or chosen beside it, by the input's id; each card reads its own."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """No button of ours sends this."""

    why: str


def button(
    title: str,
    handle: str,
    pressed: Button,
    *,
    on: str | None = None,
    choice: str | None = None,
    takes_inputs: bool = False,
    carrying: Mapping[str, str] | None = None,
) -> Execute:
    """A button, with a fallback that sends the same from clients that know only Submit. What it is
    `carrying` comes back as an input does."""
    title = shortened(title, MAX_TITLE)
    sent: dict[str, str | None] = {**(carrying or {})}
    sent |= {HANDLE: handle, BUTTON: pressed.value, ON: on, CHOICE: choice}
    data = {name: value for name, value in sent.items() if value is not None}
    inputs = None if takes_inputs else "none"
    return Execute(
        id=".".join(part for part in (pressed.value, on, choice) if part),
        title=title,
        verb=pressed.value,
        data=data,
        associated_inputs=inputs,
        fallback=Submit(title=title, data=data, associated_inputs=inputs),
    )


def read(fields: Mapping[str, object]) -> Click | Unreadable:
    """A click from the fields of an Execute or a Submit."""
    handle = fields.get(HANDLE)
    if not isinstance(handle, str) or not 0 < len(handle) <= MAX_ID:
        return Unreadable("no handle")
    pressed = next((b for b in Button if b.value == fields.get(BUTTON)), None)
    if pressed is None:
        return Unreadable("no button of ours")
    on, choice = fields.get(ON), fields.get(CHOICE)
    if not (_is_id(on) and _is_id(choice)):
        return Unreadable("what it was pressed on is not readable")
    return Click(handle, pressed, _text(on), _text(choice), _inputs(fields))


def _is_id(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= MAX_ID)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _inputs(fields: Mapping[str, object]) -> dict[str, str]:
    own = {HANDLE, BUTTON, ON, CHOICE}
    return {
        name: value[:MAX_INPUT]
        for name, value in fields.items()
        if name not in own and isinstance(value, str)
    }

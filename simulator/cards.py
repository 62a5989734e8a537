"""Finding the button somebody pressed in an Adaptive Card, and what pressing it sends."""

from collections.abc import Iterator
from typing import Any, Literal

from simulator.errors import Json

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
Manner = Literal["execute", "submit"]

_HOLDING = (
    "body",
    "items",
    "columns",
    "rows",
    "cells",
    "inlines",
    "selectAction",
    "inlineAction",
    "actions",
    "card",
)
"""Where a card holds elements or actions, in reading order. `data` and `fallback` are not among
them: what looks like an action there is none a person could press."""


def cards_of(activity: Json) -> list[Json]:
    """The Adaptive Cards attached to a message."""
    attachments = activity.get("attachments")
    if not isinstance(attachments, list):
        return []
    found = (item for item in attachments if isinstance(item, dict))
    contents = (item.get("content") for item in found if item.get("contentType") == CARD_TYPE)
    return [content for content in contents if isinstance(content, dict)]


def actions_of(part: Any) -> Iterator[Json]:
    """Every action of a card in reading order, those of nested cards after the one showing them."""
    if isinstance(part, list):
        for item in part:
            yield from actions_of(item)
    if isinstance(part, dict):
        if str(part.get("type", "")).startswith("Action."):
            yield part
        for key in _HOLDING:
            yield from actions_of(part.get(key))


def find_action(cards: list[Json], wanted: str | int) -> Json | None:
    """By id, else by title, else by index (which may be written as text)."""
    actions = list(actions_of(cards))
    for key in ("id", "title"):
        for action in actions:
            if action.get(key) == wanted:
                return action
    index = int(wanted) if str(wanted).isdecimal() else len(actions)
    return actions[index] if index < len(actions) else None


def manner_of(action: Json) -> Manner | None:
    """How a current client sends this action; None where it sends nothing to the bot."""
    match action.get("type"):
        case "Action.Execute":
            return "execute"
        case "Action.Submit":
            return "submit"
    return None


def executed(action: Json, inputs: Json) -> Json:
    """What an invoke carries of an Action.Execute."""
    told: Json = {key: action[key] for key in ("id", "verb") if key in action}
    return {"type": "Action.Execute", **told, "data": _merged(action.get("data"), inputs)}


def submitted(action: Json, inputs: Json) -> Any:
    """What a submit carries; a client too old for Action.Execute sends its fallback's data.

    None where there is nothing such a client could press.
    """
    if action.get("type") == "Action.Execute":
        action = action.get("fallback") or {}
    if not isinstance(action, dict) or action.get("type") != "Action.Submit":
        return None
    return _merged(action.get("data"), inputs)


def _merged(data: Any, inputs: Json) -> Any:
    """Inputs win over data of the same name; data that is no object goes as it is."""
    if data is None or isinstance(data, dict):
        return {**(data or {}), **inputs}
    return data

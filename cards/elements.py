"""Adaptive Cards 1.5: the classes of the `adaptivecards` package made strict, and those it lacks.

The package (0.4.1) drops unknown keyword arguments without a word, mixes spellings, knows neither
actions nor inputs, and renders only the outermost level. Here every class takes the names of the
published schema in snake case (`is_subtle`, `horizontal_alignment`), refuses what it does not know
and misses what it needs, and holds what is inside it as plain JSON values.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from adaptivecards import adaptivecard, baseobject, containers, elements
from adaptivecards.baseobject import PropertyType

Card = dict[str, Any]
"""An Adaptive Card as JSON: the wire's own shape."""

MAX_BYTES = 80 * 1024
"""Teams refuses messages of about 100 KB, counted as UTF-16 (platform.md section 2)."""


class CardTooLargeError(Exception):
    """A card that Teams would refuse: whoever built it must cap what it shows."""


class _Strict:
    """Mixed in before a class of the package: only known fields, of their type, none missing."""

    _data: dict[str, Any]
    needs: ClassVar[frozenset[str]] = frozenset()
    takes: ClassVar[Mapping[str, PropertyType]] = {}
    """Every field by its name in snake case; the nearest class's where several have one."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.takes = {
            _snake(field.key_name): field
            for each in reversed(cls.__mro__)
            for field in vars(each).values()
            if isinstance(field, PropertyType)
        }

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        for name, value in fields.items():
            if value is None:
                continue
            field = self.takes.get(name)
            if field is None:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            if not isinstance(value, field.type):
                raise TypeError(f"{field.key_name} cannot be a {type(value).__name__}")
            self._data[field.key_name] = value if isinstance(value, str) else _plain(value)
        missing = [name for name in self.needs if fields.get(name) is None]
        if missing:
            raise TypeError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")


def _plain(value: Any) -> Any:
    """What is inside is plain already: a card is built from the innermost outwards."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.render() if isinstance(value, baseobject.BareObject) else value


def _snake(key: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", key)


_CAPITAL = re.compile("[A-Z]")


# --- actions -------------------------------------------------------------------------------------


class _Action(_Strict, baseobject.BareObject):
    action_type: ClassVar[str]
    title = PropertyType(type=str)
    id = PropertyType(type=str)
    style = PropertyType(type=str)
    tooltip = PropertyType(type=str)
    mode = PropertyType(type=str)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._data = {"type": self.action_type, **self._data}


class Submit(_Action):
    action_type = "Action.Submit"
    needs = frozenset({"title", "data"})
    data = PropertyType(type=dict)
    associated_inputs = PropertyType(type=str, key_name="associatedInputs")


class Execute(_Action):
    """Always with a Submit that carries the same data, for clients that know no Execute."""

    action_type = "Action.Execute"
    needs = frozenset({"title", "verb", "data", "fallback"})
    verb = PropertyType(type=str)
    data = PropertyType(type=dict)
    associated_inputs = PropertyType(type=str, key_name="associatedInputs")
    fallback = PropertyType(type=Submit)


class OpenUrl(_Action):
    action_type = "Action.OpenUrl"
    needs = frozenset({"title", "url"})
    url = PropertyType(type=str)


class ShowCard(_Action):
    action_type = "Action.ShowCard"
    needs = frozenset({"title", "card"})
    card = PropertyType(type=baseobject.BareObject)


class ToggleVisibility(_Action):
    action_type = "Action.ToggleVisibility"
    needs = frozenset({"title", "target_elements"})
    target_elements = PropertyType(type=list, key_name="targetElements")


# --- elements ------------------------------------------------------------------------------------


class TextBlock(_Strict, elements.TextBlock):
    needs = frozenset({"text"})
    style = PropertyType(type=str)

    def __init__(self, text: str, **fields: Any) -> None:
        super().__init__(**{"text": text, "wrap": True, **fields})


class Container(_Strict, containers.Container):
    needs = frozenset({"items"})
    select_action = PropertyType(type=_Action, key_name="selectAction")


class Column(_Strict, containers.Column):
    needs = frozenset({"items"})
    select_action = PropertyType(type=_Action, key_name="selectAction")


class ColumnSet(_Strict, containers.ColumnSet):
    needs = frozenset({"columns"})
    select_action = PropertyType(type=_Action, key_name="selectAction")


class ActionSet(_Strict, containers.ActionSet):
    needs = frozenset({"actions"})


class FactSet(_Strict, containers.FactSet):
    needs = frozenset({"facts"})


class Fact(_Strict, containers.Fact):
    needs = frozenset({"title", "value"})


# --- inputs --------------------------------------------------------------------------------------


class _Input(_Strict, baseobject.Element):
    label = PropertyType(type=str)
    is_required = PropertyType(type=bool, key_name="isRequired")
    error_message = PropertyType(type=str, key_name="errorMessage")
    placeholder = PropertyType(type=str)
    value = PropertyType(type=str)


class InputText(_Input):
    element_type = "Input.Text"
    needs = frozenset({"id", "label"})
    is_multiline = PropertyType(type=bool, key_name="isMultiline")
    max_length = PropertyType(type=int, key_name="maxLength")


class InputChoiceSet(_Input):
    element_type = "Input.ChoiceSet"
    needs = frozenset({"id", "label", "choices"})
    choices = PropertyType(type=list)
    style = PropertyType(type=str)


class InputChoice(_Strict, baseobject.BareObject):
    needs = frozenset({"title", "value"})
    title = PropertyType(type=str)
    value = PropertyType(type=str)


# --- the card ------------------------------------------------------------------------------------


class Refresh(_Strict, baseobject.BareObject):
    needs = frozenset({"action", "user_ids"})
    action = PropertyType(type=Execute)
    user_ids = PropertyType(type=list, key_name="userIds")


class AdaptiveCard(_Strict, adaptivecard.AdaptiveCard):
    needs = frozenset({"body"})
    refresh = PropertyType(type=Refresh)
    msteams = PropertyType(type=dict)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.set_data("version", "1.5")


def mention(upn: str, name: str) -> dict[str, Any]:
    """An entry of `msteams.entities`; `<at>name</at>` stands in the text where it belongs."""
    return {"type": "mention", "text": at(name), "mentioned": {"id": upn, "name": name}}


def at(name: str) -> str:
    return f"<at>{name}</at>"


def msteams(mentions: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """What Teams alone reads of a card: the full width of the message, and who is mentioned."""
    entities = list(mentions)
    return {"width": "Full", **({"entities": entities} if entities else {})}


def card_json(card: AdaptiveCard) -> Card:
    """The card as plain JSON values, small enough for Teams."""
    plain: Card = card.render()
    size = len(json.dumps(plain, ensure_ascii=False).encode("utf-16-le"))
    if size > MAX_BYTES:
        raise CardTooLargeError(f"a card of {size} bytes; Teams takes about {MAX_BYTES}")
    return plain

"""The shape of scenarios/*.json, and the placeholders their payloads may hold."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from simulator.cards import Manner
from simulator.errors import Json

_TIME = re.compile(r"@(now|start)(?:([+-])(\d+)([smhd]))?")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_RUN = "{@run}"
_LIKE = "@like"


class ScenarioPart(BaseModel):
    """Camel case on disk, and nothing that is not known."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class Report(ScenarioPart):
    """A source hands an incident to the bot's intake."""

    do: Literal["incident"]
    customer: str
    source: str
    payload: Json


class Say(ScenarioPart):
    """A person writes: in `channel` a new thread, else in their chat with the bot."""

    do: Literal["message"]
    user: str
    text: str
    channel: str | None = None
    mention_bot: bool = False


class Click(ScenarioPart):
    """A person presses a button of the newest card: in a thread of `channel`, else in their chat."""

    do: Literal["click"]
    user: str
    action: str | int
    inputs: Json = {}
    as_: Manner | None = Field(default=None, alias="as")
    channel: str | None = None


class Toggle(ScenarioPart):
    """A person blocks or unblocks the bot, installs or removes the app."""

    do: Literal["block", "unblock", "install", "uninstall"]
    user: str


Deed = Annotated[Report | Say | Click | Toggle, Field(discriminator="do")]


class Step(ScenarioPart):
    """What a visitor may let happen after the start, by one press of a button on the page."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    summary: str = ""
    do: list[Deed] = Field(min_length=1)


class Scenario(ScenarioPart):
    """A story to play: what starts it, a hint how to go on, and steps to play when one likes."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    summary: str
    hint: str = ""
    start: list[Deed] = Field(min_length=1)
    steps: list[Step] = []

    @model_validator(mode="before")
    @classmethod
    def _put_parts_in(cls, told: Any) -> Any:
        """`parts` name what payloads share; a part may be like those that stand before it."""
        if not isinstance(told, dict) or not isinstance(told.get("parts"), dict):
            return told
        parts: dict[str, Any] = {}
        for name, part in told["parts"].items():
            parts[name] = _assembled(part, parts)
        return {key: _assembled(value, parts) for key, value in told.items() if key != "parts"}


def _assembled(value: Any, parts: dict[str, Any]) -> Any:
    """The value, with every `{"@like": name, ...}` become that part, and what else it says."""
    if isinstance(value, list):
        return [_assembled(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    own = {key: _assembled(item, parts) for key, item in value.items() if key != _LIKE}
    if _LIKE not in value:
        return own
    if value[_LIKE] not in parts:
        raise ValueError(f"there is no part {value[_LIKE]!r} before this")
    return parts[value[_LIKE]] | own


def read_scenarios(folder: Path) -> dict[str, Scenario]:
    """All scenarios of a folder, ordered by file name."""
    files = sorted(folder.glob("*.json"))
    read = [Scenario.model_validate_json(file.read_bytes()) for file in files]
    return {scenario.id: scenario for scenario in read}


@dataclass(frozen=True, slots=True)
class Moment:
    """When a step is played, in a run begun at `start`; `run` tells runs apart in ids."""

    now: datetime
    start: datetime
    run: str


def filled(value: Any, moment: Moment) -> Any:
    """The value with its placeholders filled in, all the way down; keys are left alone."""
    if isinstance(value, dict):
        return {key: filled(item, moment) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, moment) for item in value]
    return _filled_text(value, moment) if isinstance(value, str) else value


def _filled_text(text: str, moment: Moment) -> str:
    found = _TIME.fullmatch(text)
    return _time(found, moment) if found else text.replace(_RUN, moment.run)


def _time(found: re.Match[str], moment: Moment) -> str:
    base = moment.now if found[1] == "now" else moment.start
    if found[2]:
        shift = timedelta(**{_UNIT[found[4]]: int(found[3])})
        base = base + shift if found[2] == "+" else base - shift
    return base.isoformat(timespec="milliseconds").replace("+00:00", "Z")

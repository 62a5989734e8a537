"""The bot's clock, where whoever started the bot lets it be moved: what the page's time-lapse does.

The simulated Teams goes by the same clock, so that its stamps and the bot's words agree; tokens
keep to the real one, as the bot's checks do.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from simulator.changes import Change, Changes
from simulator.errors import Json, RefusedError
from simulator.world import utc_now

MOST_MOMENTS = 60
"""Due moments passed over, where nothing shows in Teams, on the way to one where something does."""

PATIENCE = aiohttp.ClientTimeout(total=120)


class ClockControl(BaseModel):
    """Where the bot's clock can be moved, and the token for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    token: str


class Advance(BaseModel):
    """Some minutes, or to the next moment at which something shows in Teams."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: int | None = Field(default=None, ge=1)
    to: Literal["next"] | None = None


class _Moved(BaseModel):
    """One jump, as the control tells it."""

    model_config = ConfigDict(alias_generator=to_camel)

    lead_seconds: float


class BotClock:
    """Tells the bot's time, and moves it on where it can be moved."""

    def __init__(self, control: ClockControl | None, changes: Changes) -> None:
        self._control = control
        self._changes = changes
        self._lead = timedelta(0)

    def now(self) -> datetime:
        return utc_now() + self._lead

    def view(self) -> Json | None:
        """None where nobody can move it: it is the real time then."""
        if self._control is None:
            return None
        return {"now": self.now().isoformat(), "leadSeconds": round(self._lead.total_seconds())}

    async def advance(self, wanted: Advance) -> None:
        if self._control is None:
            raise RefusedError(409, "NoClockControl", "This bot's clock cannot be moved.")
        if wanted.to is None:
            await self._move(self._control, wanted)
            return
        for passed in range(MOST_MOMENTS):
            jumped_at = await self._move(self._control, wanted)
            if jumped_at is None and not passed:
                raise RefusedError(409, "NothingDue", "Nothing is waiting for its time.")
            if jumped_at is None or any(map(_shows, self._changes.since(jumped_at))):
                return

    async def _move(self, control: ClockControl, wanted: Advance) -> int | None:
        """Follows every jump as it is made, so that what is posted then is stamped with it; the
        revision at the last one, or None where none was made."""
        jumped_at = None
        async for jump in _jumps(control, wanted):
            self._lead = timedelta(seconds=jump.lead_seconds)
            self._changes.note("clock")
            jumped_at = self._changes.revision
        return jumped_at


def _shows(change: Change) -> bool:
    return change.kind in {"message", "edit", "pager", "reload"}


async def _jumps(control: ClockControl, wanted: Advance) -> AsyncIterator[_Moved]:
    headers = {"Authorization": f"Bearer {control.token}"}
    body = wanted.model_dump(exclude_none=True)
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as session,
            session.post(f"{control.url}/advance", json=body, headers=headers) as answer,
        ):
            if answer.status != 200:
                raise RefusedError(answer.status, "ClockRefused", await answer.text())
            async for line in answer.content:
                yield _Moved.model_validate_json(line)
    except (TimeoutError, aiohttp.ClientError) as error:
        raise RefusedError(502, "ClockUnreachable", "The bot's clock does not answer.") from error

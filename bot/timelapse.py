"""The demo's time-lapse: Vouch's clock jumps from one due moment to the next, and at each of them
everything due is done before it jumps again. Vouch itself knows only that it is given a clock.
"""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.app import Vouch
from bot.clock import ShiftedClock
from storage import across
from storage.dispatch import Dispatcher

FURTHEST = 7 * 24 * 60
"""Minutes of one jump."""


class Advance(BaseModel):
    """How far: some minutes, or to the next moment at which something falls due."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: int | None = Field(default=None, ge=1, le=FURTHEST)
    to: Literal["next"] | None = None


class TimeLapse:
    """Runs what is due for a Vouch started without dispatching, and moves its clock.

    While the clock jumps, nothing else dispatches: what happens at a moment is over before the next
    one comes.
    """

    def __init__(self, vouch: Vouch, clock: ShiftedClock, poll: float) -> None:
        self._vouch = vouch
        self._clock = clock
        self._poll = poll
        self._turn = asyncio.Lock()
        self._go_on()

    def _go_on(self) -> None:
        conductor = self._vouch.conductor
        self._dispatcher = Dispatcher(
            self._vouch.store, self._clock.now, conductor.run_effect, self._poll
        )
        conductor.on_work = self._dispatcher.notify
        self._work = asyncio.create_task(self._dispatcher.run())

    async def pause(self) -> None:
        """What is in flight is finished, and nothing more is started."""
        self._dispatcher.stop()
        await self._work

    async def moves(self, wanted: Advance) -> AsyncGenerator[timedelta, None]:
        """Jumps, and tells the clock's lead after each jump, before what is due then is done.

        Tells nothing where the next due moment is wanted and nothing waits.
        """
        async with self._turn:
            await self.pause()
            try:
                until = self._clock.now() + timedelta(minutes=wanted.minutes or FURTHEST)
                while True:
                    await self._do_what_is_due()
                    due = await self._vouch.store.read_across(across.next_due)
                    if wanted.to == "next":
                        works = await self._vouch.store.read_across(across.work_waits)
                        if due is None or not works:
                            return
                        until = due
                    arrived = due is None or due >= until
                    self._clock.move_to(until if due is None else min(due, until))
                    yield self._clock.lead
                    if arrived:
                        await self._do_what_is_due()
                        return
            finally:
                self._go_on()

    async def _do_what_is_due(self) -> None:
        await self._dispatcher.drain(self._clock.now(), self._clock.move_to)


class Remote:
    """`POST /advance` for whoever holds the token: one JSON line for every jump, as it is made."""

    def __init__(self, lapse: TimeLapse, token: str) -> None:
        self._lapse = lapse
        self._expected = f"Bearer {token}"

    async def advance(self, request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not secrets.compare_digest(given.encode(), self._expected.encode()):
            return _refusal(HTTPStatus.UNAUTHORIZED, "send the token of this demo")
        try:
            wanted = Advance.model_validate_json(await request.read())
        except ValidationError:
            return _refusal(HTTPStatus.BAD_REQUEST, _HOW)
        if (wanted.minutes is None) == (wanted.to is None):
            return _refusal(HTTPStatus.BAD_REQUEST, _HOW)
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        async with aclosing(self._lapse.moves(wanted)) as moves:
            async for lead in moves:
                line = {"leadSeconds": lead.total_seconds()}
                await answer.write(json.dumps(line).encode() + b"\n")
        return answer


_HOW = f'say {{"minutes": 1 to {FURTHEST}}} or {{"to": "next"}}'


def _refusal(status: HTTPStatus, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)


@asynccontextmanager
async def time_lapse(
    vouch: Vouch, clock: ShiftedClock, poll: float, door: socket.socket, token: str
) -> AsyncIterator[TimeLapse]:
    """Dispatches for `vouch`, and listens at `door` for orders to move its clock."""
    lapse = TimeLapse(vouch, clock, poll)
    app = web.Application()
    app.router.add_post("/advance", Remote(lapse, token).advance)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.SockSite(runner, door).start()
        yield lapse
    finally:
        await runner.cleanup()
        await lapse.pause()

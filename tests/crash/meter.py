"""What the simulated Teams itself knows of the bot's calls: when each came, was done, was answered.

A simulator with realistic slowness, half before a call is carried out and half after; nothing that
Teams lacks. It also loses an answer now and then: carried out, and the connection breaks.
"""

import asyncio
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic
from typing import Any, Literal
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.faults import CONNECTOR
from simulator.server import Simulator, SimulatorConfig
from tests.story.house import Seen

Json = dict[str, Any]

WRITES_DOWN = 0.5
"""Seconds from an answer's leaving the simulator until a living process has surely written it down:
read, decided, and committed with its group. A process killed within them may ask again. Time in
which it waited for a processor that somebody else had is not counted. Measured inside processes
that had just started, with 16 calls in flight on two cores: half within 14 to 25 ms, one in 200
later than 213 to 357 ms, the last of some thousands at 401 to 607 ms, waits included."""

NAMED = re.compile(r"CONTOSO-\d+")
Does = Literal["create", "send", "edit", "other"]


@dataclass(eq=False)
class Call:
    """One call of the bot's; times are of this machine's monotonic clock."""

    does: Does
    """Opens a thread; posts a message; replaces one; anything else."""
    activity: Json
    conversation: str
    begun: float
    message: str = ""
    by: int | None = None
    """The process that made it; None where it was gone before anybody looked."""
    carried_out: bool = False
    answered: float | None = None
    """When its answer left; None where nobody was there any more to hear it."""
    starved: float = 0.0
    """How long the bot had waited for a processor by then."""
    lost: bool = False
    """The connection broke on the way back."""

    @cached_property
    def text(self) -> str:
        """The words on what it brought."""
        return Seen(self.conversation, self.message, self.activity, 0).text


@dataclass(slots=True)
class Slowness:
    """Seconds a call takes, and the share of answers that are lost."""

    least: float = 0.0
    most: float = 0.0
    lost: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def half(self) -> float:
        return self.chance.uniform(self.least, self.most) / 2

    def loses(self) -> bool:
        return self.chance.random() < self.lost


class Metered(Simulator):
    """A simulated Teams that notes every call."""

    def __init__(self, config: SimulatorConfig) -> None:
        super().__init__(config)
        self.calls: list[Call] = []
        self.threads: dict[tuple[str, str], list[Call]] = defaultdict(list)
        """By channel and the name of the incident: how each thread came to be."""
        self.looked_into: dict[str, float] = {}
        """Chats whose members the bot was told, and when it last was."""
        self.open = 0
        """Calls that are not answered yet, to whatever of Microsoft."""
        self.slowness = Slowness()
        self.heard_at = monotonic()
        self.whose: Callable[[int], int | None] = lambda port: None
        """The process that has this port on its side of a connection; whoever starts it sets this."""
        self.starved: Callable[[int | None], float] = lambda pid: 0.0
        """Seconds that it has waited for a processor; likewise."""
        self._by: WeakKeyDictionary[asyncio.BaseTransport, int | None] = WeakKeyDictionary()

    def _microsoft(self) -> web.Application:
        app = super()._microsoft()
        app.middlewares.insert(0, self._note)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.open += 1
        self.heard_at = monotonic()
        try:
            if CONNECTOR not in request.path:
                return await self._slowly(request, handler)
            return await self._noted(request, handler)
        except ConnectionResetError:
            return web.Response()  # whoever asked died before all of it was said
        finally:
            self.open -= 1

    async def _noted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        begun = monotonic()
        told = await _body(request)
        call = Call(
            _does(request, told),
            _activity(told),
            request.match_info.get("conversation", ""),
            begun,
            request.match_info.get("activity", ""),
            by=self._caller(request),
        )
        self.calls.append(call)
        response = await self._slowly(request, handler, call)
        transport = request.transport
        if transport is None or transport.is_closing():
            return response
        if call.does in {"create", "send"} and self.slowness.loses():
            call.lost = True
            transport.abort()
            return response
        call.answered, call.starved = monotonic(), self.starved(call.by)
        if request.path.endswith("/pagedmembers"):
            self.looked_into[call.conversation] = call.answered
        return response

    def _caller(self, request: web.Request) -> int | None:
        """Asked of the machine once for a connection."""
        transport = request.transport
        if transport is None:
            return None
        if transport not in self._by:
            self._by[transport] = self.whose(transport.get_extra_info("peername")[1])
        return self._by[transport]

    async def _slowly(
        self, request: web.Request, handler: Handler, call: Call | None = None
    ) -> web.StreamResponse:
        await asyncio.sleep(self.slowness.half())
        response = await handler(request)
        if call is not None and response.status < 300:
            call.carried_out = True
            self._note_answer(call, response)
        await asyncio.sleep(self.slowness.half())
        return response

    def _note_answer(self, call: Call, response: web.StreamResponse) -> None:
        """What a message is called, and where a new thread is."""
        if call.does not in {"create", "send"}:
            return
        assert isinstance(response, web.Response)
        assert isinstance(response.body, bytes)
        told = json.loads(response.body)
        call.message = told["activityId"] if call.does == "create" else told["id"]
        if call.does == "create":
            call.conversation = told["id"]
            named = NAMED.search(call.text)
            self.threads[_channel(call), named[0] if named else ""].append(call)


def _channel(call: Call) -> str:
    return call.conversation.partition(";")[0]


def _does(request: web.Request, told: Json) -> Does:
    if request.method == "PUT":
        return "edit"
    if request.method != "POST":
        return "other"
    if request.path.endswith("/activities"):
        return "send"
    return "create" if told.get("isGroup") else "other"


async def _body(request: web.Request) -> Json:
    text = await request.read()
    told: Json = json.loads(text) if text else {}
    return told


def _activity(told: Json) -> Json:
    activity: Json = told.get("activity") or told
    return activity

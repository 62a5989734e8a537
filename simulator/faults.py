"""Faults on demand for the calls a bot makes: throttling, refusal, outage, slowness, lost answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.errors import refusal

Kind = Literal["throttle", "blocked", "bad_gateway", "slow", "lost_answer"]
CONNECTOR = "/emea/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One order for trouble; what is left None matches anything.

    Without a `path` only the Bot Connector is troubled; with one, any call whose path holds it.
    A `conversation` that is a channel stands for its threads too.
    """

    n: int = 0
    kind: Kind
    times: int = 1
    tenant: str | None = None
    conversation: str | None = None
    method: str | None = None
    path: str | None = None
    retry_after: int = 1
    seconds: float = 2

    def matches(self, request: web.Request) -> bool:
        return (
            (self.path or CONNECTOR) in request.path
            and self.method in {None, request.method}
            and self.tenant in {None, request.match_info.get("tenant")}
            and self._in_conversation(request.match_info.get("conversation", ""))
        )

    def _in_conversation(self, conversation: str) -> bool:
        wanted = self.conversation
        return wanted is None or conversation == wanted or conversation.startswith(f"{wanted};")


class Faults:
    """The orders still open. Each is used `times` times, oldest first, one per call."""

    def __init__(self) -> None:
        self._open: list[Fault] = []
        self._numbers = count(1)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._open)

    def order(self, fault: Fault) -> Fault:
        numbered = replace(fault, n=next(self._numbers))
        self._open.append(numbered)
        return numbered

    def clear(self) -> None:
        self._open.clear()

    def take(self, request: web.Request) -> Fault | None:
        """The fault that strikes this call, counted as used."""
        for index, fault in enumerate(self._open):
            if fault.matches(request):
                self._use(index, fault)
                return fault
        return None

    def _use(self, index: int, fault: Fault) -> None:
        if fault.times > 1:
            self._open[index] = replace(fault, times=fault.times - 1)
        else:
            del self._open[index]

    @web.middleware
    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self.take(request)
        if fault is None:
            return await handler(request)
        match fault.kind:
            case "throttle":
                wait = {"Retry-After": str(fault.retry_after)}
                return refusal(429, "Throttled", "Too many requests.", wait)
            case "blocked":
                return refusal(403, "ConversationBlockedByUser", "User blocked the bot.")
            case "bad_gateway":
                return refusal(502, "BadGateway", "The service is not there right now.")
            case "slow":
                await asyncio.sleep(fault.seconds)
                return await handler(request)
            case "lost_answer":
                return await _answer_nobody(request, handler)


async def _answer_nobody(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The call is carried out; its caller sees only a connection that breaks."""
    response = await handler(request)
    if request.transport:
        request.transport.abort()
    return response

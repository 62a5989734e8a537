"""What the bot called, in order, with the answers it got."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.world import utc_now

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call and the status it was answered with, even where the answer was lost."""

    n: int
    at: str
    method: str
    path: str
    status: int
    tenant: str | None
    conversation: str | None
    bytes: int


class Journal:
    """The last calls, numbered from 1."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._n = 0

    def since(self, n: int) -> Iterator[Call]:
        return (call for call in self._calls if call.n > n)

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Outermost, so that it sees the answer as the bot does; a cancelled call has status 0."""
        at, status = utc_now().isoformat(), 0
        try:
            response = await handler(request)
            status = response.status
        finally:
            self._write(request, at, status)
        return response

    def _write(self, request: web.Request, at: str, status: int) -> None:
        self._n += 1
        found = request.match_info
        call = Call(
            n=self._n,
            at=at,
            method=request.method,
            path=request.path,
            status=status,
            tenant=found.get("tenant"),
            conversation=found.get("conversation"),
            bytes=request.content_length or 0,
        )
        self._calls.append(call)

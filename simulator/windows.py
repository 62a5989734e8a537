"""Teams' limits on how often one bot may call, held exactly where calls arrive; off until asked for.

Per thread to send: 7 in 1 s, 8 in 2 s, 60 in 30 s, 1,800 in an hour; to read, twice that. Per tenant:
50 in 1 s. A call that is refused counts as none.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.errors import refusal
from simulator.faults import CONNECTOR


@dataclass(frozen=True, slots=True)
class Window:
    """So many calls in so many seconds, wherever those begin."""

    most: int
    seconds: float


SENDING = (Window(7, 1), Window(8, 2), Window(60, 30), Window(1_800, 3_600))
READING = tuple(Window(2 * it.most, it.seconds) for it in SENDING)
TENANT = (Window(50, 1),)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What calls are counted for."""

    scope: str
    id: str
    windows: tuple[Window, ...]


class Windows:
    """What was let in lately, and how many calls were refused, by what was full."""

    def __init__(self) -> None:
        self.enforced = False
        self.refused: Counter[str] = Counter()
        self._now = time.monotonic
        self._calls: defaultdict[Bucket, deque[float]] = defaultdict(_calls)

    def enforce(self, enforced: bool = True, now: Callable[[], float] | None = None) -> None:
        """`now` in seconds, where time is not the machine's."""
        self.enforced, self._now = enforced, now or self._now

    @web.middleware
    async def hold(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        full = self._full(request) if self.enforced else None
        if full is None:
            return await handler(request)
        bucket, wait = full
        self.refused[bucket.scope] += 1
        after = {"Retry-After": str(max(1, ceil(wait)))}
        return refusal(429, "Throttled", f"Too many requests for this {bucket.scope}.", after)

    def _full(self, request: web.Request) -> tuple[Bucket, float] | None:
        """The bucket without room and how long that lasts; else the call is counted in each."""
        now, buckets = self._now(), list(_buckets(request))
        for bucket in buckets:
            wait = _wait(self._calls[bucket], bucket.windows, now)
            if wait > 0:
                return bucket, wait
        for bucket in buckets:
            self._calls[bucket].append(now)
        return None


def _calls() -> deque[float]:
    return deque(maxlen=max(window.most for window in READING))


def _buckets(request: web.Request) -> Iterator[Bucket]:
    if not request.path.startswith(CONNECTOR):
        return
    yield Bucket("tenant", request.match_info.get("tenant", ""), TENANT)
    conversation = request.match_info.get("conversation")
    if conversation is not None:
        windows = READING if request.method == "GET" else SENDING
        yield Bucket("thread", conversation, windows)


def _wait(calls: deque[float], windows: tuple[Window, ...], now: float) -> float:
    """Seconds until no window is full."""
    return max(
        (calls[-it.most] + it.seconds - now for it in windows if len(calls) >= it.most), default=0
    )

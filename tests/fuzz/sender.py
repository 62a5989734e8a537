"""The sender's process: draws requests, sends several at once, and looks whether those that were
refused have left a trace. Reads a `World` and how much to send from stdin, writes a `Sent` to stdout.
"""

import asyncio
import json
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import aiohttp
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.attempts import Attempt, World, attempts

AT_ONCE = 16
NO_ANSWER = 599


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it."""

    statuses: dict[str, dict[str, int]]
    """How often each status was answered, by route."""
    trusted: int
    """Requests that carried a credential that is good for their route."""
    refused: int
    """Requests that were refused in a batch of nothing but refused ones, held against the records
    before and after."""
    faults: list[str]
    """What must not be: an answer of 500, none at all, or a trace of a refused request."""
    seconds: float

    @property
    def requests(self) -> int:
        return sum(sum(it.values()) for it in self.statuses.values())


class Sender:
    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop
        self._records = sqlite3.connect(f"file:{world.database}?mode=ro", uri=True)
        self.session = loop.run_until_complete(_session())
        self.statuses: dict[str, Counter[int]] = {}
        self.trusted = self.refused = 0
        self.faults: list[str] = []

    @property
    def requests(self) -> int:
        return sum(it.total() for it in self.statuses.values())

    def send(self, batch: list[Attempt]) -> None:
        """All of a batch at once; then, at once, what was refused of it, which changes nothing."""
        before = self._changes()
        refused = [it for it, status in self._all(batch) if status >= 400]
        if len(refused) < len(batch):
            before = self._changes()
            again = self._all(refused)
            if any(status < 400 for _, status in again):
                return  # what was taken in meanwhile has made it acceptable
        self.refused += len(refused)
        if self._changes() != before:
            self.faults.append(f"a trace of one of {refused[:3]!r}")

    def _all(self, batch: list[Attempt]) -> list[tuple[Attempt, int]]:
        statuses = self._loop.run_until_complete(self._at_once(batch))
        for it, status in zip(batch, statuses, strict=True):
            self.statuses.setdefault(it.route, Counter())[status] += 1
            self.trusted += it.trusted
            if status in {500, NO_ANSWER}:
                self.faults.append(f"{status}: {it!r} {it.body[:2000]!r}")
        return list(zip(batch, statuses, strict=True))

    async def _at_once(self, batch: list[Attempt]) -> list[int]:
        return list(await asyncio.gather(*map(self._one, batch)))

    async def _one(self, it: Attempt) -> int:
        """A connection may be closed, behind an answer of 400, while the next request leaves on it:
        as every client does, that one is sent again on another."""
        for _ in range(3):
            try:
                return await self._status(it)
            except aiohttp.ClientConnectionError:
                continue
            except (aiohttp.ClientError, TimeoutError):
                break
        return NO_ANSWER

    async def _status(self, it: Attempt) -> int:
        url = f"{self._world.url}{it.path}"
        async with self.session.request(
            it.method, url, data=BytesIO(it.body), headers=dict(it.headers)
        ) as response:
            await response.read()
            return response.status

    def _changes(self) -> int:
        """Rows of any table, but the quarantine, that were ever inserted, changed or deleted."""
        (found,) = self._records.execute("SELECT sum(changes) FROM fuzz_change").fetchone()
        return int(found)

    def close(self) -> None:
        self._loop.run_until_complete(self.session.close())
        self._records.close()


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=AT_ONCE),
        timeout=aiohttp.ClientTimeout(total=30),
        skip_auto_headers=("User-Agent",),
    )


def send(world: World, requests: int, seconds: float, number: int) -> Sent:
    """At least so many, or as many as the time allows."""
    began = time.monotonic()
    loop = asyncio.new_event_loop()
    sender = Sender(world, loop)

    @seed(number)
    @settings(
        max_examples=10**9,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(attempts(world), min_size=AT_ONCE, max_size=AT_ONCE))
    def draw_and_send(batch: list[Attempt]) -> None:
        if sender.requests >= requests or time.monotonic() - began > seconds:
            raise _EnoughError
        sender.send(batch)
        if sender.faults:
            raise _EnoughError

    with closing(sender):
        with suppress(_EnoughError):
            draw_and_send()
        told = {route: {str(s): n for s, n in it.items()} for route, it in sender.statuses.items()}
        spent = time.monotonic() - began
        return Sent(told, sender.trusted, sender.refused, sender.faults[:5], spent)


class _EnoughError(BaseException):
    """Ends the run; no exception that Hypothesis would look into."""


def main() -> None:
    told: dict[str, Any] = json.load(sys.stdin)
    world = World(**told.pop("world"))
    json.dump(asdict(send(world, **told)), sys.stdout)


if __name__ == "__main__":
    main()

"""The load generator: a process of its own, so that its work is never counted as a bot's."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import aiohttp

from bench.answering import Answering, Command

PING_EVERY = 0.002
PATIENCE = aiohttp.ClientTimeout(total=60)


class Load:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def turns(
        self, url: str, token: str, bodies: list[str], in_flight: int, others: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Every body once, so many at a time; how long each took, in milliseconds. Where there are
        other servers, they take turns."""
        waiting, latencies = deque(bodies), list[float]()
        statuses: Counter[int] = Counter()
        places = cycle([url, *others])

        async def work() -> None:
            while waiting:
                body = waiting.popleft()
                began = time.perf_counter()
                statuses[await self._post(next(places), token, body)] += 1
                latencies.append((time.perf_counter() - began) * 1000)

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return {
            "seconds": time.perf_counter() - began,
            "latencies": latencies,
            "statuses": statuses,
        }

    async def paced(
        self, url: str, token: str, bodies: list[str], per_second: float
    ) -> dict[str, Any]:
        """Every body once, each at its time, whether or not the ones before are done; when each was
        sent, and how long it took in milliseconds."""
        sent: list[float] = []
        latencies: list[float] = []
        began = time.perf_counter()

        async def one(number: int, body: str) -> int:
            await asyncio.sleep(began + number / per_second - time.perf_counter())
            sent.append(time.time())
            posted = time.perf_counter()
            status = await self._post(url, token, body)
            latencies.append((time.perf_counter() - posted) * 1000)
            return status

        statuses = await asyncio.gather(*(one(n, body) for n, body in enumerate(bodies)))
        return {"sent": sent, "latencies": latencies, "statuses": Counter(statuses)}

    async def pauses(
        self, url: str, ping: str, token: str, bodies: list[str], seconds: float
    ) -> dict[str, Any]:
        """The longest that another request waits while these are being answered."""
        longest, statuses = 0.0, asyncio.create_task(self._all(url, token, bodies))
        until = time.perf_counter() + seconds
        while not statuses.done() or time.perf_counter() < until:
            began = time.perf_counter()
            async with self._session.get(ping, timeout=PATIENCE) as response:
                await response.read()
            longest = max(longest, time.perf_counter() - began)
            await asyncio.sleep(PING_EVERY)
        return {"longest": longest, "statuses": Counter(await statuses)}

    async def _all(self, url: str, token: str, bodies: list[str]) -> list[int]:
        return await asyncio.gather(*(self._post(url, token, body) for body in bodies))

    async def _post(self, url: str, token: str, body: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self._session.post(
            url, data=body.encode(), headers=headers, timeout=PATIENCE
        ) as response:
            await response.read()
            return response.status


async def main(answering: Answering) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        load = Load(session)
        commands: dict[str, Command] = {
            "turns": load.turns,
            "paced": load.paced,
            "pauses": load.pauses,
        }
        answering.start({}, commands)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

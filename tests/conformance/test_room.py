"""Who is in flight beside whom: nobody slow takes all there is, and what is urgent goes first."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from storage import effects
from storage.carrier import Carrier
from storage.dispatch import AT_ONCE, Dispatcher
from storage.engine import Store
from tests.storage.records import CONTOSO, FABRIKAM, ME, a_say, a_wake, begin
from triage.actions import ActionKind, Target, TargetKind
from triage.effects import Contain, Effect, Say

PATIENCE = 20.0
"""Seconds for what must happen; a test that waits so long has failed."""
LEASE = timedelta(seconds=60)
SELDOM = 5.0
"""Seconds between two looks that nothing asked for: too few of them fit into our patience."""


def now() -> datetime:
    return datetime.now(UTC)


class Slow:
    """Claims what it is given and keeps it in flight until it, or everything, is let go."""

    def __init__(self, store: Store, address: str) -> None:
        self.begun: list[str] = []
        self.in_flight: set[str] = set()
        self.let_go = asyncio.Event()
        self.store = store
        self._address = address
        self._changed = asyncio.Condition()
        self._over: set[str] = set()

    async def run(self, customer: str, effect_id: int) -> None:
        claimed = await self.store.write(
            customer, lambda tx: effects.claim(tx, effect_id, ME, now(), LEASE)
        )
        if claimed is None:
            return
        async with self._changed:
            self.begun.append(claimed.key)
            self.in_flight.add(claimed.key)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._may_end(claimed.key))
            self.in_flight.remove(claimed.key)
        await self.store.write(customer, lambda tx: effects.finish(tx, effect_id, ME, "r", now()))

    def _may_end(self, key: str) -> bool:
        return self.let_go.is_set() or key in self._over

    async def end(self, key: str) -> None:
        async with self._changed:
            self._over.add(key)
            self._changed.notify_all()

    async def end_all(self) -> None:
        self.let_go.set()
        async with self._changed:
            self._changed.notify_all()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with self._changed, asyncio.timeout(PATIENCE):
            await self._changed.wait_for(reached)

    async def order(
        self,
        *wanted: Effect | effects.Show,
        customer: str = CONTOSO,
        stream: str | None = None,
    ) -> None:
        of = stream or f"{customer}-incident-1"
        await self.store.write(customer, lambda tx: effects.order(tx, of, wanted, now()))

    @asynccontextmanager
    async def at_work(self, poll: float = 0.05) -> AsyncIterator[Dispatcher | Carrier]:
        working = self._dispatcher(poll)
        task = asyncio.create_task(working.run())
        try:
            yield working
        finally:
            working.stop()
            await self.end_all()
            await task

    def _dispatcher(self, poll: float) -> Dispatcher | Carrier:
        if self.store.shared:
            return Carrier(self.store, self._address, now, self.run, poll=poll, lease=LEASE)
        return Dispatcher(self.store, now, self.run, poll=poll)


@pytest.fixture
async def slow(store: Store, address: str) -> Slow:
    for customer in (CONTOSO, FABRIKAM, *"abcdefghijklmnopqrstuvwxyz"):
        await store.write(customer, begin())
    return Slow(store, address)


def says(name: str, count: int) -> list[Say]:
    return [a_say(f"{name}{n}", f"person:{name}{n}") for n in range(count)]


def isolate(key: str) -> Contain:
    return Contain(key, "a1", ActionKind.ISOLATE_DEVICE, Target(TargetKind.DEVICE, key, "LAPTOP-7"))


async def test_one_slow_tenant_takes_half_of_what_is_in_flight_and_no_more(slow: Slow) -> None:
    await slow.order(*says("c", 50))
    async with slow.at_work() as working:
        await slow.until(lambda: len(slow.begun) == AT_ONCE // 2)

        await slow.order(*says("f", 1), customer=FABRIKAM)
        working.notify()
        await slow.until(lambda: "f0" in slow.begun)

        assert len(slow.begun) == AT_ONCE // 2 + 1


async def test_four_slow_tenants_leave_room_for_a_fifth(slow: Slow) -> None:
    for customer in "abcd":
        await slow.order(*says(customer, 20), customer=customer)
    async with slow.at_work() as working:
        await slow.until(lambda: {key[0] for key in slow.begun} == set("abcd"))

        await slow.order(*says("e", 1), customer="e")
        working.notify()
        await slow.until(lambda: "e0" in slow.begun)


async def test_six_hundred_that_wait_are_not_begun_before_another_s_first(slow: Slow) -> None:
    for batch in range(6):
        await slow.order(*says(f"c{batch}-", 100))
    await slow.order(*says("f", 1), customer=FABRIKAM)
    async with slow.at_work():
        await slow.until(lambda: "f0" in slow.begun)

        assert slow.begun.index("f0") <= AT_ONCE // 2
        await slow.end_all()
        await slow.until(lambda: len(slow.begun) == 601)

    assert len(set(slow.begun)) == 601


async def test_what_found_no_room_is_begun_as_soon_as_there_is_some(slow: Slow) -> None:
    async with slow.at_work(SELDOM) as working, asyncio.timeout(PATIENCE):
        await slow.order(*says("c", 30))
        working.notify()
        await slow.until(lambda: len(slow.begun) == AT_ONCE // 2)
        for n in range(30 - AT_ONCE // 2):
            await slow.end(slow.begun[n])
            await slow.until(lambda n=n: len(slow.begun) > AT_ONCE // 2 + n)  # type: ignore[misc]

    assert Counter(slow.begun) == Counter(f"c{n}" for n in range(30))


async def test_containment_does_not_wait_for_a_slow_teams(slow: Slow) -> None:
    for customer in "abcdefghijklmnopqrstuvwxyz":
        await slow.order(*says(customer, 1), customer=customer)
    async with slow.at_work() as working:
        await slow.until(lambda: len(slow.begun) == AT_ONCE)

        await slow.order(isolate("isolate"))
        working.notify()
        await slow.until(lambda: "isolate" in slow.begun)

        assert len(slow.begun) == AT_ONCE + 1


async def test_a_customer_s_threads_are_created_one_after_another_and_at_once(slow: Slow) -> None:
    """No thread waits for the next look that nothing asked for."""
    async with slow.at_work(SELDOM) as working, asyncio.timeout(PATIENCE):
        for n in range(20):
            thread = effects.Show("customer", f"thread {n}", 1)
            await slow.order(thread, stream=f"i{n}")
            working.notify()
        for n in range(20):
            await slow.until(lambda n=n: len(slow.begun) > n)  # type: ignore[misc]
            assert len(slow.in_flight) == 1
            await slow.end(slow.begun[n])


async def test_timers_do_not_wait_for_one_another_by_customer(slow: Slow) -> None:
    await slow.order(*(a_wake(f"w{n}", now()) for n in range(50)))
    async with slow.at_work():
        await slow.until(lambda: len(slow.begun) == AT_ONCE)

"""The dispatcher: everything due is run, a bounded number at once, and a crash delays only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from storage import dispatch, effects
from storage.dispatch import Dispatcher
from storage.engine import Store
from tests.storage.records import (
    CONTOSO,
    LEASE,
    ME,
    NOW,
    SOON,
    a_say,
    a_wake,
    begin,
    claim,
    opened,
    ordered,
)

ONE = f"{CONTOSO}-incident-1"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        yield store


class Hand:
    """Claims what it is given, and finishes it, as the conductor does."""

    def __init__(self, store: Store) -> None:
        self.now = NOW
        self.done: list[str] = []
        self.worked = asyncio.Event()
        self.at_once = self.most_at_once = 0
        self._store = store

    def move_to(self, when: datetime) -> None:
        self.now = max(self.now, when)

    async def run(self, customer: str, effect_id: int) -> None:
        claimed = await claim(self._store, effect_id, now=self.now)
        if claimed is None:
            return
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        await self._store.write(
            customer, lambda tx: effects.finish(tx, effect_id, ME, "r", self.now)
        )
        self.at_once -= 1
        self.done.append(claimed.key)
        self.worked.set()


def dispatcher(
    store: Store, hand: Hand, run: Callable[[str, int], Awaitable[None]] | None = None
) -> Dispatcher:
    return Dispatcher(store, lambda: hand.now, run or hand.run, poll=60)


async def test_what_is_due_is_run_and_a_lane_in_its_order(store: Store) -> None:
    hand = Hand(store)
    await ordered(store, *(a_say(key) for key in "abc"), a_wake("later", SOON))

    await dispatcher(store, hand).drain(NOW, hand.move_to)

    assert hand.done == ["a", "b", "c"]


async def test_time_is_jumped_to_what_is_due_next(store: Store) -> None:
    hand = Hand(store)
    for minutes in (30, 10, 20):
        await ordered(store, a_wake(f"{minutes}", NOW + timedelta(minutes=minutes)))

    await dispatcher(store, hand).drain(NOW + timedelta(minutes=25), hand.move_to)

    assert hand.done == ["10", "20"]
    assert hand.now == NOW + timedelta(minutes=25)


async def test_no_more_run_at_once_than_there_is_room_for(store: Store) -> None:
    hand = Hand(store)
    await ordered(store, *(a_wake(f"{n}", NOW) for n in range(100)))

    await dispatcher(store, hand).drain(NOW, hand.move_to)

    assert len(hand.done) == 100
    assert 1 < hand.most_at_once <= dispatch.AT_ONCE


async def test_an_order_that_arrives_later_is_noticed(store: Store) -> None:
    hand = Hand(store)
    working = dispatcher(store, hand)
    task = asyncio.create_task(working.run())
    await asyncio.sleep(0)

    await ordered(store, a_say("a"))
    working.notify()
    await hand.worked.wait()
    working.stop()
    await task

    assert hand.done == ["a"]


async def test_what_a_dead_process_had_claimed_is_taken_over(store: Store) -> None:
    hand = Hand(store)
    [id_] = await ordered(store, a_say("a"))
    await claim(store, id_, "a process that died")

    await dispatcher(store, hand).drain(NOW + LEASE, hand.move_to)

    assert hand.done == ["a"]
    assert hand.now == NOW + LEASE


async def test_a_crash_in_one_effect_stops_no_other_and_is_made_good(store: Store) -> None:
    hand = Hand(store)
    crashed: list[int] = []

    async def run(customer: str, effect_id: int) -> None:
        if not crashed:
            crashed.append(effect_id)
            await claim(store, effect_id, now=hand.now)
            raise ValueError("a bug")
        await hand.run(customer, effect_id)

    await ordered(store, a_say("a", "person:ann"), a_say("b", "person:bob"))
    await dispatcher(store, hand, run).drain(NOW + LEASE, hand.move_to)

    assert hand.done == ["b", "a"]


async def test_stopping_finishes_what_is_in_flight(store: Store) -> None:
    hand = Hand(store)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def run(customer: str, effect_id: int) -> None:
        begun.set()
        await go_on.wait()
        await hand.run(customer, effect_id)

    await ordered(store, a_say("a"))
    working = dispatcher(store, hand, run)
    task = asyncio.create_task(working.run())
    await begun.wait()
    working.stop()
    go_on.set()
    await task

    assert hand.done == ["a"]


async def test_a_customer_s_threads_are_created_one_after_another(store: Store) -> None:
    hand, claims = Hand(store), list[int]()
    for n in range(20):
        thread = effects.Show("customer", f"thread {n}", 1)
        await store.write(CONTOSO, partial(effects.order, stream=f"i{n}", wanted=[thread], now=NOW))

    async def run(customer: str, effect_id: int) -> None:
        claims.append(effect_id)
        await hand.run(customer, effect_id)

    await dispatcher(store, hand, run).drain(NOW, hand.move_to)

    assert (len(hand.done), hand.most_at_once) == (20, 1)
    assert len(claims) == 20, "none was claimed in vain"

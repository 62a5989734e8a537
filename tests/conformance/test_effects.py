"""Effects: ordered once, in their lanes, run by whoever is there, and taken over from the dead."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from storage import across, effects
from storage.carrier import Carrier
from storage.dispatch import AT_ONCE, Dispatcher
from storage.engine import Store, Tx
from storage.tables import EffectRow
from tests.storage.records import CONTOSO, ME, OTHER, a_say, a_wake, begin, show
from triage.effects import Effect

PATIENCE = 20.0
LEASE = timedelta(seconds=1)


def now() -> datetime:
    return datetime.now(UTC)


class Hand:
    """Claims what it is given and finishes it, as the conductor does, a moment later."""

    def __init__(self, store: Store, address: str, owner: str = ME, lag: float = 0.0) -> None:
        self.store = store
        self.owner = owner
        self.lag = lag
        self.clock: Callable[[], datetime] = now
        self.done: list[str] = []
        self.lanes: set[str] = set()
        self.most_at_once = 0
        self.hook: Callable[[effects.ClaimedEffect], None] = lambda _: None
        self.dispatcher: Dispatcher | Carrier
        if store.shared:
            self.dispatcher = Carrier(store, address, self._now, self.run, poll=0.05, lease=LEASE)
        else:
            self.dispatcher = Dispatcher(store, self._now, self.run, poll=0.05)

    def _now(self) -> datetime:
        return self.clock()

    async def run(self, customer: str, effect_id: int) -> None:
        at = self.clock()
        claimed = await self.store.write(
            customer, lambda tx: effects.claim(tx, effect_id, self.owner, at, LEASE)
        )
        if claimed is None:
            return
        self.lanes.add(claimed.key)
        self.most_at_once = max(self.most_at_once, len(self.lanes))
        self.hook(claimed)
        await asyncio.sleep(self.lag)
        self.lanes.discard(claimed.key)
        held = await self.store.write(
            customer, lambda tx: effects.finish(tx, effect_id, self.owner, "r", self.clock())
        )
        if held:
            self.done.append(claimed.key)
        self.dispatcher.notify()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.dispatcher.run())
        try:
            yield
        finally:
            self.dispatcher.stop()
            await task

    async def order(self, *wanted: Effect) -> None:
        await self.store.write(
            CONTOSO, lambda tx: effects.order(tx, f"{CONTOSO}-incident-1", wanted, self.clock())
        )
        self.dispatcher.notify()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.done) < count:  # noqa: ASYNC110 - another process may be the one
                await asyncio.sleep(0.01)


@pytest.fixture
async def hand(store: Store, address: str) -> Hand:
    await store.write(CONTOSO, begin())
    return Hand(store, address)


def lane_of(n: int) -> str:
    return f"person:{n}"


async def test_what_is_ordered_is_done_and_a_lane_in_its_order(hand: Hand) -> None:
    async with hand.working():
        await hand.order(*(a_say(f"{n}") for n in range(8)))
        await hand.until(8)

    assert hand.done == [f"{n}" for n in range(8)]


async def test_what_was_ordered_while_nobody_worked_is_done(hand: Hand) -> None:
    await hand.order(a_say("a"), a_wake("w", now() - timedelta(hours=1)))

    async with hand.working():
        await hand.until(2)

    assert sorted(hand.done) == ["a", "w"]


async def test_lanes_run_beside_each_other_and_not_without_bound(hand: Hand) -> None:
    hand.lag = 0.02
    async with hand.working():
        await hand.order(*(a_say(f"{n}", lane_of(n)) for n in range(60)))
        await hand.until(60)

    assert 1 < hand.most_at_once <= AT_ONCE


async def test_an_effect_ordered_twice_is_done_once(hand: Hand) -> None:
    async with hand.working():
        await asyncio.gather(*(hand.order(a_say("a"), a_say(f"b{n % 2}")) for n in range(12)))
        await hand.until(3)
        await hand.order(a_say("last", "person:z"))
        await hand.until(4)

    assert sorted(hand.done) == ["a", "b0", "b1", "last"]


async def test_a_timer_runs_when_it_is_due_and_not_before(hand: Hand) -> None:
    due = now() + timedelta(seconds=0.6)
    async with hand.working():
        await hand.order(a_wake("w", due))
        await asyncio.sleep(0.3)
        assert hand.done == []
        await hand.until(1)

    assert now() >= due


async def test_a_clock_that_jumps_ahead_makes_due_and_one_that_jumps_back_loses_nothing(
    hand: Hand,
) -> None:
    async with hand.working():
        await hand.order(a_wake("tomorrow", now() + timedelta(days=1)))
        hand.clock = lambda: now() + timedelta(days=1, seconds=1)
        await hand.until(1)
        hand.clock = lambda: now() - timedelta(days=1)
        await hand.order(a_say("in the past"))
        await hand.until(2)

    assert hand.done == ["tomorrow", "in the past"]


async def test_what_a_dead_owner_had_claimed_is_taken_over_when_its_lease_is_over(
    hand: Hand, store: Store
) -> None:
    await hand.order(a_say("a"), a_say("b"))
    died = now()
    await store.write(CONTOSO, lambda tx: effects.claim(tx, None, "the dead one", died, LEASE))

    async with hand.working():
        await hand.until(2)

    assert hand.done == ["a", "b"]
    assert now() >= died + LEASE


async def test_whoever_lost_its_lease_is_fenced_out(hand: Hand, store: Store) -> None:
    await hand.order(a_say("a"))
    since = now()
    taken = await store.write(CONTOSO, lambda tx: effects.claim(tx, None, OTHER, since, LEASE))
    assert taken

    async with hand.working():
        await hand.until(1)
    late = await store.write(
        CONTOSO, lambda tx: effects.finish(tx, taken.id, OTHER, "r", since + 2 * LEASE)
    )

    assert not late


async def test_what_another_has_claimed_is_not_set_aside_by_whoever_failed_to(
    hand: Hand, store: Store
) -> None:
    await hand.order(a_say("a"))
    at = now()
    held = await store.write(CONTOSO, lambda tx: effects.claim(tx, None, OTHER, at, LEASE))
    assert held

    await store.write(CONTOSO, lambda tx: effects.set_aside(tx, held.id, "Fault", at))

    assert await store.write(CONTOSO, lambda tx: effects.finish(tx, held.id, OTHER, "r", at))


async def test_only_one_of_many_who_reach_for_it_has_it(hand: Hand, store: Store) -> None:
    await hand.order(a_say("a"))
    at = now()

    taken = await asyncio.gather(
        *(
            store.write(CONTOSO, lambda tx, n=n: effects.claim(tx, None, f"p{n}", at, LEASE))  # type: ignore[misc]
            for n in range(12)
        )
    )

    assert [claimed.key for claimed in taken if claimed] == ["a"]


async def test_patience_that_was_asked_for_delays_its_lane_alone(hand: Hand, store: Store) -> None:
    """429: the other side says when to come again."""
    await hand.order(a_say("a"), a_say("b"))
    at = now()
    taken = await store.write(CONTOSO, lambda tx: effects.claim(tx, None, ME, at, LEASE))
    assert taken
    again = at + timedelta(seconds=2)
    await store.write(
        CONTOSO,
        lambda tx: effects.retry(tx, taken.id, ME, due=again, error="429", counts_as_attempt=False),
    )

    async with hand.working():
        await hand.order(a_say("c", "person:c"))
        await hand.until(1)
        assert hand.done == ["c"]
        await hand.until(3)

    assert hand.done == ["c", "a", "b"]
    assert now() >= again


async def test_a_crash_in_one_effect_stops_no_other_and_is_made_good(hand: Hand) -> None:
    crashed: list[str] = []

    def crash(claimed: effects.ClaimedEffect) -> None:
        if claimed.key == "a" and not crashed:
            crashed.append("a")
            raise ValueError("a bug")

    hand.hook = crash
    async with hand.working():
        await hand.order(a_say("a", "person:a"), a_say("b", "person:b"))
        await hand.until(2)

    assert hand.done == ["b", "a"]


async def test_stopping_finishes_what_is_in_flight(hand: Hand) -> None:
    hand.lag = 0.3
    async with hand.working():
        await hand.order(a_say("a"), a_say("b"))
        async with asyncio.timeout(PATIENCE):
            while not hand.lanes:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    assert hand.done == ["a"]


async def test_what_waited_for_an_installation_goes_out_when_it_is_there(
    hand: Hand, store: Store
) -> None:
    await hand.order(a_say("a"))
    at = now()
    taken = await store.write(CONTOSO, lambda tx: effects.claim(tx, None, ME, at, LEASE))
    assert taken
    await store.write(
        CONTOSO, lambda tx: effects.block(tx, taken.id, ME, waits_for="team:t", error="no")
    )

    async with hand.working():
        await asyncio.sleep(0.2)
        assert hand.done == []
        await store.write_across(lambda tx: across.release_blocked(tx, "team:t", now()))
        hand.dispatcher.notify()
        await hand.until(1)


async def test_a_surface_never_misses_its_newest_view(hand: Hand, store: Store) -> None:
    """A view that is wanted while an older one is being shown is shown after it."""
    incident = f"{CONTOSO}-incident-1"

    def pending(tx: Tx) -> list[str]:
        waiting = select(col(EffectRow.key)).where(col(EffectRow.status) == "waiting")
        return list(tx.session.scalars(waiting))

    async with hand.working():
        for n in range(40):
            await store.write(CONTOSO, show(incident, f"digest {n}"))
            hand.dispatcher.notify()
            await asyncio.sleep(0.004)
        async with asyncio.timeout(PATIENCE):
            while await store.read(CONTOSO, pending):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    shown = [int(key.rpartition(":")[2]) for key in hand.done]
    assert shown == sorted(shown)
    assert len(shown) <= 40

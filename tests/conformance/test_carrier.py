"""PostgreSQL alone: jobs go with their transaction, and procrastinate's faults only delay."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from storage import effects
from storage.dispatch import AT_ONCE
from storage.engine import Store, Tx
from tests.conformance.test_effects import LEASE, PATIENCE, Hand, now
from tests.databases import rows
from tests.storage.records import CONTOSO, FABRIKAM, ME, OTHER, a_say, a_wake, begin, show
from triage.effects import Contain

ONE = f"{CONTOSO}-incident-1"
SLOW = 3600.0
"""Between two sweeps: what happens without one was deferred at once."""


@pytest.fixture
async def store(on_postgres: str) -> AsyncIterator[Store]:
    store = Store.open(on_postgres)
    await store.write(CONTOSO, begin())
    yield store
    await store.close()


@pytest.fixture
def hand(store: Store, on_postgres: str) -> Hand:
    return Hand(store, on_postgres)


async def executed(store: Store, statement: str) -> None:
    await store.write_across(lambda tx: tx.session.connection().exec_driver_sql(statement))


def jobs(address: str) -> list[tuple[Any, ...]]:
    return rows(address, "SELECT queueing_lock, lock, priority FROM procrastinate_jobs ORDER BY id")


async def ready(hand: Hand) -> None:
    """A first effect was done: the worker is there, and the first sweep is over."""
    await hand.order(a_say("first", "person:first"))
    await hand.until(1)
    hand.dispatcher._poll = SLOW
    await asyncio.sleep(0.1)


async def test_an_effect_is_carried_without_waiting_for_a_sweep(hand: Hand) -> None:
    async with hand.working():
        await ready(hand)
        await hand.order(*(a_say(f"{n}") for n in range(5)))
        await hand.until(6)

    assert hand.done[1:] == [f"{n}" for n in range(5)]


async def test_jobs_are_thrown_away_when_they_are_done(hand: Hand, on_postgres: str) -> None:
    async with hand.working():
        await hand.order(*(a_say(f"{n}", f"person:{n}") for n in range(5)))
        await hand.until(5)

    assert jobs(on_postgres) == []


async def test_a_job_goes_with_the_transaction_that_orders(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    def order_and_fail(tx: Tx) -> None:
        effects.order(tx, ONE, [a_say("never")], now())
        tx.session.flush()
        raise ValueError("not like this")

    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="not like this"):
        await store.write(CONTOSO, order_and_fail)
    assert jobs(on_postgres) == []

    await hand.order(a_say("a"), a_say("behind it"), a_wake("later", now() + timedelta(hours=1)))

    assert [lock for _, lock, _ in jobs(on_postgres)] == [f"{CONTOSO}:place:{ONE}:customer"]


async def test_a_surface_has_one_job_that_waits_and_containment_goes_first(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    from triage.actions import ActionKind, Target, TargetKind

    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    await store.write(CONTOSO, show(ONE, "one"))
    await store.write(CONTOSO, show(ONE, "two"))
    target = Target(TargetKind.DEVICE, "d1", "LAPTOP-7")
    await hand.order(Contain("c", "a1", ActionKind.ISOLATE_DEVICE, target))

    waiting = jobs(on_postgres)
    assert [lock for lock, *_ in waiting[:-1]] == [f"show:{CONTOSO}:{ONE}:customer"]
    assert [priority for *_, priority in waiting] == [-2, 0]


async def test_what_somebody_waits_for_goes_before_routine_and_after_containment(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    answer = a_say("answer", "person:b")

    await store.write(
        CONTOSO,
        lambda tx: effects.order(tx, ONE, [answer], now(), urgency=effects.Urgency.PEOPLE),
    )

    assert [priority for *_, priority in jobs(on_postgres)] == [-1]


async def test_a_job_that_waits_becomes_as_urgent_as_its_effect(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    """And so does what is ahead of it in its lane: nothing urgent stands behind routine."""
    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    await hand.order(a_say("ahead of it", "person:b"), a_say("elsewhere", "person:c"))
    assert [priority for *_, priority in jobs(on_postgres)] == [-2, -2]

    urgent = a_say("urgent", "person:b")
    await store.write(
        CONTOSO,
        lambda tx: effects.order(tx, "another", [urgent], now(), urgency=effects.Urgency.PEOPLE),
    )

    assert sorted((priority, lock) for _, lock, priority in jobs(on_postgres)) == [
        (-2, f"{CONTOSO}:chat:c"), (-1, f"{CONTOSO}:chat:b"),
    ]  # fmt: skip
    async with hand.working():
        await hand.until(3)


async def test_no_more_jobs_wait_of_a_tenant_than_it_may_have_in_flight(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    await hand.order(*(a_say(f"{n}", f"person:{n}") for n in range(100)))
    await store.write(FABRIKAM, begin())
    other = a_say("other", "person:x")
    await store.write(
        FABRIKAM, lambda tx: effects.order(tx, f"{FABRIKAM}-incident-1", [other], now())
    )

    assert len(jobs(on_postgres)) == AT_ONCE // 2
    await hand.dispatcher._sweep_once()  # type: ignore[union-attr]
    assert [lock for _, lock, _ in jobs(on_postgres)][AT_ONCE // 2] == f"{FABRIKAM}:chat:x"


async def test_a_job_that_waits_already_refuses_no_order(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    """Whoever worked the lane off has shown the first view; the job for it is still there."""
    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    await store.write(CONTOSO, show(ONE, "one"))
    shown = await store.write(CONTOSO, lambda tx: effects.claim(tx, None, ME, now(), LEASE))
    assert shown
    await store.write(CONTOSO, lambda tx: effects.finish(tx, shown.id, ME, "r", now()))

    def order_both(tx: Tx) -> None:
        show(ONE, "two")(tx)
        effects.order(tx, ONE, [a_say("beside it", "person:b")], now())

    await store.write(CONTOSO, order_both)

    assert [lock for _, lock, _ in jobs(on_postgres)] == [
        f"{CONTOSO}:place:{ONE}:customer", f"{CONTOSO}:chat:b",
    ]  # fmt: skip
    async with hand.working():
        await hand.until(2)


async def test_a_fault_of_procrastinate_delays_and_loses_nothing(hand: Hand, store: Store) -> None:
    with capture_logs() as logs:
        async with hand.working():
            await hand.order(a_say("a", "person:a"))
            await hand.until(1)
            await executed(store, "ALTER TABLE procrastinate_jobs RENAME TO gone")
            await hand.order(a_say("b", "person:b"))
            await asyncio.sleep(0.3)
            assert hand.done == ["a"]
            await executed(store, "ALTER TABLE gone RENAME TO procrastinate_jobs")
            await hand.until(2)

    assert {"not_deferred", "sweep_failed"} <= {line["event"] for line in logs}


async def test_jobs_that_were_lost_are_made_again(hand: Hand, store: Store) -> None:
    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    await hand.order(a_say("a"))
    await executed(store, "DELETE FROM procrastinate_jobs")

    async with hand.working():
        await hand.until(1)


async def test_a_job_held_by_a_dead_worker_does_not_close_its_lane(
    hand: Hand, store: Store, on_postgres: str
) -> None:
    """It was fetched, and its effect claimed, by somebody who is no more."""
    store.before_commit = hand.dispatcher._defer_ordered  # type: ignore[union-attr]
    await hand.order(a_say("a"), a_say("b"))
    await executed(store, "UPDATE procrastinate_jobs SET status = 'doing'")
    died = now()
    assert await store.write(CONTOSO, lambda tx: effects.claim(tx, None, OTHER, died, LEASE))

    async with hand.working():
        await hand.until(2)

    assert hand.done == ["a", "b"]
    assert LEASE <= now() - died < LEASE + timedelta(seconds=PATIENCE / 2)
    assert jobs(on_postgres) == []


async def test_a_server_that_goes_away_and_comes_back_is_taken_up_again(
    hand: Hand, store: Store
) -> None:
    async with hand.working():
        await hand.order(a_say("a"))
        await hand.until(1)
        await executed(
            store,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await hand.order(a_say("b"))
        await hand.until(2)

    assert hand.done == ["a", "b"]


async def test_two_stores_have_one_database_and_see_each_other(
    store: Store, on_postgres: str
) -> None:
    beside = Store.open(on_postgres)
    hands = [Hand(store, on_postgres, "p1", 0.01), Hand(beside, on_postgres, "p2", 0.01)]
    async with hands[0].working(), hands[1].working():
        for n in range(60):
            await hands[n % 2].order(a_say(f"{n}", f"person:{n % 20}"))
        async with asyncio.timeout(PATIENCE):
            while sum(len(hand.done) for hand in hands) < 60:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    await beside.close()

    done = [key for hand in hands for key in hand.done]
    assert sorted(done, key=int) == [f"{n}" for n in range(60)]
    assert all(hand.done for hand in hands)

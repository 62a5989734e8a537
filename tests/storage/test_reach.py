"""How far response actions reach: never over a cap in any hour, in whatever order they come."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import sleep

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import profiles, reach
from storage.engine import Store, Tx
from tests.databases import ON_POSTGRES
from tests.storage.records import CONTOSO, FABRIKAM, NOW, opened
from triage.actions import ActionKind
from triage.customer import Stop

ISOLATE, SCAN = ActionKind.ISOLATE_DEVICE, ActionKind.SCAN_DEVICE
CAP = 3

PROFILE = """\
role = "customer"
id = "{id}"
name = "Security"
prefix = "{prefix}"
tenant_id = "{tenant}-2c1b-4b53-9b1e-0c5a3f2e9a10"
team_id = "19:team@thread.tacv2"
channel_id = "19:channel@thread.tacv2"
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


async def onboard(store: Store, customer: str, tenant: str) -> None:
    text = PROFILE.format(id=customer, prefix=customer.upper(), tenant=tenant)
    await store.write(customer, lambda tx: profiles.save(tx, text, "a.toml", NOW))


def begin(tx: Tx, key: str, minute: float, action: ActionKind = ISOLATE) -> bool:
    """As a claim does: held, counted, begun or refused."""
    now = NOW + timedelta(minutes=minute)
    reach.hold(tx)
    if reach.reached(tx, action, key, now) >= CAP:
        return False
    reach.begin(tx, action, key, now)
    return True


async def test_what_is_tried_again_takes_one_place(store: Store) -> None:
    def tries(tx: Tx) -> list[bool]:
        return [begin(tx, key, at) for at, key in enumerate("aaaabbcd")]

    assert (await store.write(CONTOSO, tries)).count(True) == 7


async def test_kinds_and_customers_are_counted_apart(store: Store) -> None:
    def full(tx: Tx) -> list[bool]:
        return [begin(tx, key, 0) for key in "abcd"]

    assert await store.write(CONTOSO, full) == [True, True, True, False]
    assert await store.write(CONTOSO, lambda tx: begin(tx, "e", 1, SCAN))
    assert await store.write(FABRIKAM, full) == [True, True, True, False]


ORDERS = st.lists(st.tuples(st.floats(0, 40), st.sampled_from("abcdefghij")), max_size=30)


@settings(
    max_examples=30 if not ON_POSTGRES else 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ORDERS)
async def test_no_order_of_events_reaches_more_targets_in_an_hour_than_the_cap(
    store: Store, orders: list[tuple[float, str]]
) -> None:
    begun: list[tuple[float, str]] = []

    def play(tx: Tx) -> None:
        minute = 0.0
        for pause, key in orders:
            minute += pause
            if begin(tx, key, minute):
                begun.append((minute, key))
        raise _UndoneError

    with pytest.raises(_UndoneError):
        await store.write(CONTOSO, play)

    for end, _ in begun:
        last = {key: at for at, key in begun if at <= end}
        assert sum(end - at < 60 for at in last.values()) <= CAP


class _UndoneError(Exception):
    """Each example begins with nothing reached."""


async def test_a_stop_is_the_customer_s_own_and_read_with_the_profile(store: Store) -> None:
    stop = Stop(NOW, "a wrong feed", "olga")
    await onboard(store, CONTOSO, "7d1f6a0e")
    await onboard(store, FABRIKAM, "7d1f6a0f")
    await store.write(CONTOSO, lambda tx: reach.stop(tx, stop))

    assert (await store.read(CONTOSO, profiles.current)).stopped == stop
    assert (await store.read(FABRIKAM, profiles.current)).stopped is None

    await store.write(CONTOSO, lambda tx: reach.allow(tx, "olga", "mended", NOW))
    assert (await store.read(CONTOSO, profiles.current)).stopped is None


async def test_who_was_stopped_is_stopped_still_when_removed_and_added_again(store: Store) -> None:
    await onboard(store, CONTOSO, "7d1f6a0e")
    stop = Stop(NOW, "the lead said so", "Mia")
    await store.write(CONTOSO, lambda tx: reach.stop(tx, stop))
    await store.write(CONTOSO, profiles.end)

    await onboard(store, CONTOSO, "7d1f6a0f")

    assert (await store.read(CONTOSO, profiles.current)).stopped == stop


@pytest.mark.skipif(not ON_POSTGRES, reason="SQLite has one writer: nobody stops beside a claim")
async def test_a_stop_counts_for_whoever_had_read_the_profile_before_it(store: Store) -> None:
    """Also for who is just then saving a profile: it does not let go on what was stopped."""
    await onboard(store, CONTOSO, "7d1f6a0e")
    read, stopped = Event(), Event()
    stop = Stop(NOW, "the lead said so", "Mia")

    def claim(tx: Tx) -> Stop | None:
        assert profiles.current(tx).stopped is None
        read.set()
        stopped.wait(20)
        reach.hold(tx)
        return profiles.current(tx).stopped

    claiming = asyncio.create_task(store.write(CONTOSO, claim))
    await asyncio.to_thread(read.wait, 20)
    await store.write(CONTOSO, lambda tx: reach.stop(tx, stop))
    stopped.set()

    assert await claiming == stop


@pytest.mark.skipif(not ON_POSTGRES, reason="SQLite has one writer: nobody stops beside a saving")
async def test_a_profile_saved_beside_a_stop_is_stopped(store: Store) -> None:
    await onboard(store, CONTOSO, "7d1f6a0e")
    held = Event()
    stop = Stop(NOW, "the lead said so", "Mia")

    def pull(tx: Tx) -> None:
        reach.stop(tx, stop)
        held.set()
        sleep(0.3)  # the other has begun to save by then

    stopping = asyncio.create_task(store.write(CONTOSO, pull))
    await asyncio.to_thread(held.wait, 20)
    await onboard(store, CONTOSO, "7d1f6a0f")
    await stopping

    assert (await store.read(CONTOSO, profiles.current)).stopped == stop

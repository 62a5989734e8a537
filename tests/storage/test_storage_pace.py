"""The pace: what is taken fits every window where it arrives, whatever the way there takes."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from storage import pace
from storage.engine import AcrossTx, Store
from storage.isolation import UnitSession
from storage.pace import TENANT, Bucket, Permit
from storage.tables import Row
from storage.windows import Window, within
from tests.storage.records import CONTOSO, FABRIKAM, LEASE, NOW, opened

SECOND = timedelta(seconds=1)

THREE_A_SECOND = (within(3, seconds=1),)
FIVE_A_SECOND = (within(5, seconds=1),)

TENANTS = Bucket(CONTOSO, TENANT, FIVE_A_SECOND)


def thread(name: str = "thread", customer: str = CONTOSO) -> Bucket:
    return Bucket(customer, name, THREE_A_SECOND)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


async def take(
    store: Store, *buckets: Bucket, now: datetime = NOW, calls: int = 1
) -> Permit | datetime:
    return await store.write_across(lambda tx: pace.take(tx, buckets, calls, now, LEASE))


async def answered(
    store: Store, taken: Permit | datetime, now: datetime, refused_until: datetime | None = None
) -> None:
    assert isinstance(taken, Permit)
    await store.write_across(lambda tx: pace.answered(tx, taken, now, refused_until))


async def called(store: Store, *buckets: Bucket, now: datetime = NOW, times: int = 1) -> None:
    for _ in range(times):
        await answered(store, await take(store, *buckets, now=now), now)


@pytest.mark.sqlite  # on PostgreSQL another replica may be alive: nothing is taken over at once
async def test_calls_of_a_dead_process_are_over_when_the_next_one_opens_the_file(
    tmp_path: Path,
) -> None:
    died = datetime.now(UTC)
    async with opened(tmp_path) as store:
        for _ in range(3):
            assert isinstance(await take(store, thread(), now=died), Permit)
        assert not isinstance(await take(store, thread(), now=died + 2 * SECOND), Permit)
    async with opened(tmp_path) as store:
        later = datetime.now(UTC) + SECOND
        assert isinstance(await take(store, thread(), now=later), Permit)


async def test_a_full_bucket_says_when_it_has_room(store: Store) -> None:
    await called(store, thread(), times=3)

    assert await take(store, thread()) == NOW + SECOND
    assert isinstance(await take(store, thread(), now=NOW + SECOND), Permit)


async def test_there_must_be_room_in_the_thread_and_in_the_tenant(store: Store) -> None:
    await called(store, thread("a"), TENANTS, times=3)
    await called(store, thread("b"), TENANTS, times=2)

    assert await take(store, thread("b"), TENANTS) == NOW + SECOND
    assert isinstance(await take(store, thread("b")), Permit)


async def test_what_finds_no_room_takes_none(store: Store) -> None:
    await called(store, thread("a"), TENANTS, times=3)
    for _ in range(5):
        assert isinstance(await take(store, thread("a"), TENANTS), datetime)

    await called(store, thread("b"), TENANTS, times=2)


async def test_customers_and_threads_have_room_of_their_own(store: Store) -> None:
    await called(store, thread(), times=3)

    assert isinstance(await take(store, thread("another")), Permit)
    assert isinstance(await take(store, thread(customer=FABRIKAM)), Permit)


async def test_a_call_counts_from_its_answer_on(store: Store) -> None:
    """It has arrived by then; when, nobody knows."""
    await called(store, thread(), times=2)
    slow = await take(store, thread())
    await answered(store, slow, NOW + 5 * SECOND)

    await called(store, thread(), now=NOW + 5 * SECOND, times=2)

    assert await take(store, thread(), now=NOW + 5 * SECOND) == NOW + 6 * SECOND


async def test_calls_under_way_take_room_however_long_they_take(store: Store) -> None:
    for _ in range(3):
        await take(store, thread())

    later = NOW + 30 * SECOND
    assert await take(store, thread(), now=later) == later + SECOND
    assert isinstance(await take(store, thread(), now=NOW + LEASE + SECOND), Permit)


async def test_two_calls_at_once_need_room_for_both(store: Store) -> None:
    await called(store, thread(), times=2)

    assert await take(store, thread(), calls=2) == NOW + SECOND
    both = await take(store, thread(), now=NOW + SECOND, calls=2)
    await answered(store, both, NOW + SECOND)
    await called(store, thread(), now=NOW + SECOND)

    assert isinstance(await take(store, thread(), now=NOW + SECOND), datetime)


async def test_a_process_that_died_leaves_its_calls_counted_until_its_leases_end(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as store:
        await take(store, thread())

    async with opened(tmp_path) as store:
        await called(store, thread(), times=2)
        assert await take(store, thread()) == NOW + SECOND
        await called(store, thread(), now=NOW + LEASE + SECOND, times=3)


# --- refusals ------------------------------------------------------------------------------------


async def test_one_refused_thread_does_not_hold_its_tenant(store: Store) -> None:
    """The thread itself waits, because what was refused stays at its head."""
    refused = await take(store, thread("a"), TENANTS)
    await answered(store, refused, NOW, refused_until=NOW + 9 * SECOND)

    assert isinstance(await take(store, thread("b"), TENANTS), Permit)


async def test_a_second_one_refused_meanwhile_holds_the_tenant(store: Store) -> None:
    for name in ("a", "b"):
        refused = await take(store, thread(name), TENANTS)
        await answered(store, refused, NOW, refused_until=NOW + 9 * SECOND)

    assert await take(store, thread("c"), TENANTS) == NOW + 9 * SECOND
    assert isinstance(
        await take(store, thread("c"), Bucket(FABRIKAM, TENANT, FIVE_A_SECOND)), Permit
    )
    assert isinstance(await take(store, thread("c"), TENANTS, now=NOW + 9 * SECOND), Permit)


async def test_what_was_refused_long_ago_says_nothing_of_the_tenant(store: Store) -> None:
    for name, at in (("a", NOW), ("b", NOW + 10 * SECOND)):
        refused = await take(store, thread(name), TENANTS, now=at)
        await answered(store, refused, at, refused_until=at + 9 * SECOND)

    assert isinstance(await take(store, thread("c"), TENANTS, now=NOW + 10 * SECOND), Permit)


# --- the clock -----------------------------------------------------------------------------------


async def test_a_claim_that_had_to_wait_for_its_turn_frees_nothing(store: Store) -> None:
    await called(store, thread(), now=NOW, times=3)

    early = await take(store, thread(), now=NOW - timedelta(milliseconds=1))

    assert isinstance(early, datetime)
    assert await take(store, thread(), now=NOW) == NOW + SECOND


async def test_what_is_under_way_puts_nothing_off_for_a_whole_lease(store: Store) -> None:
    for _ in range(3):
        assert isinstance(await take(store, thread()), Permit)

    assert await take(store, thread()) == NOW + SECOND


async def test_a_clock_that_was_set_back_costs_one_window_and_no_more(store: Store) -> None:
    await called(store, thread(), times=3)
    yesterday = NOW - timedelta(days=1)

    assert await take(store, thread(), now=yesterday) == yesterday + SECOND
    assert isinstance(await take(store, thread(), now=yesterday + SECOND), Permit)


async def test_a_clock_that_was_set_on_frees_what_was_taken(store: Store) -> None:
    for _ in range(3):
        await take(store, thread())

    await called(store, thread(), now=NOW + timedelta(days=1), times=3)


async def test_the_pace_of_what_fell_silent_is_forgotten(store: Store) -> None:
    await called(store, thread("silent"), times=3)
    await called(store, thread("busy"), now=NOW + 2 * SECOND, times=3)
    await store.write_across(lambda tx: pace.forget(tx, NOW + SECOND))

    assert isinstance(await take(store, thread("silent")), Permit)
    assert isinstance(await take(store, thread("busy"), now=NOW + 2 * SECOND), datetime)


# --- the promise ---------------------------------------------------------------------------------

MS = timedelta(milliseconds=1)


@pytest.fixture(scope="module")
def across() -> Iterator[AcrossTx]:
    """A transaction without a loop around it: Hypothesis calls plain functions."""
    engine = create_engine("sqlite://")
    Row.metadata.create_all(engine, tables=[Row.metadata.tables["pace"]])
    with engine.connect() as connection, UnitSession(connection) as session:
        yield AcrossTx(session)
    engine.dispose()


LANES = st.lists(st.integers(0, 2), min_size=30, max_size=60)
DELAYS = st.tuples(st.integers(0, 900), st.integers(0, 900))
"""On the way there, and on the way back."""

_examples = count()


@settings(max_examples=25, deadline=None)
@given(lanes=LANES, delays=st.lists(DELAYS, min_size=60, max_size=60))
def test_no_window_is_overfilled_where_calls_arrive_however_they_are_delayed(
    across: AcrossTx, lanes: list[int], delays: list[tuple[int, int]]
) -> None:
    """Calls wait in three lanes, each for the one before it; the tenant has room for five."""
    which = next(_examples)
    tenant = Bucket(f"tenant-{which}", TENANT, FIVE_A_SECOND)
    waiting = {lane: [it for it, its in enumerate(lanes) if its == lane] for lane in set(lanes)}
    arrived: dict[int, list[datetime]] = {lane: [] for lane in waiting}
    under_way: list[tuple[datetime, int, Permit]] = []
    now, busy = NOW, set[int]()

    while any(waiting.values()) or under_way:
        next_moments = []
        for lane in sorted(waiting):
            if not waiting[lane] or lane in busy:
                continue
            taken = pace.take(across, [thread(f"{which}:{lane}"), tenant], 1, now, LEASE)
            if isinstance(taken, datetime):
                next_moments.append(taken)
                continue
            there, back = delays[waiting[lane].pop(0)]
            arrived[lane].append(now + there * MS)
            heappush(under_way, (now + (there + back) * MS, lane, taken))
            busy.add(lane)
        if under_way and under_way[0][0] <= min(next_moments, default=under_way[0][0]):
            now, lane, permit = heappop(under_way)
            pace.answered(across, permit, now)
            busy.remove(lane)
        else:
            now = min(next_moments)

    assert all(fits(its, THREE_A_SECOND) for its in arrived.values())
    assert fits([at for its in arrived.values() for at in its], FIVE_A_SECOND)


def fits(arrived: list[datetime], windows: tuple[Window, ...]) -> bool:
    at = sorted(arrived)
    return all(
        later - first >= window.length * MS
        for window in windows
        for first, later in zip(at, at[window.most :], strict=False)
    )

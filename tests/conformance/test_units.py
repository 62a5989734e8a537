"""Units: all or nothing, answered after COMMIT, people first, whoever is cancelled or late."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import col

from storage import incidents, waiting
from storage.checking import check
from storage.engine import Store, StoreBusyError, StoreClosedError, StoreError, Tx, Urgency
from storage.tables import CounterRow, EventRow
from tests.storage.records import CONTOSO, FABRIKAM, NOW, begin, go_on


def note(name: str) -> Callable[[Tx], str]:
    def unit(tx: Tx) -> str:
        tx.session.add(CounterRow(customer_id=tx.customer, name=name, value=1))
        return name

    return unit


def notes(tx: Tx) -> list[str]:
    return list(tx.session.scalars(select(col(CounterRow.name)).order_by(col(CounterRow.name))))


async def test_what_was_answered_is_there(store: Store) -> None:
    assert await store.write(CONTOSO, note("a")) == "a"

    assert await store.read(CONTOSO, notes) == ["a"]
    assert await store.read(FABRIKAM, notes) == []


async def test_what_raises_leaves_nothing_behind(store: Store) -> None:
    def fail(tx: Tx) -> None:
        note("of the failing one")(tx)
        tx.session.flush()
        raise ValueError("not like this")

    with pytest.raises(ValueError, match="not like this"):
        await store.write(CONTOSO, fail)

    assert await store.read(CONTOSO, notes) == []


async def test_records_are_checked_and_what_was_changed_in_them_is_named(
    store: Store, address: str
) -> None:
    one = await store.write(CONTOSO, begin())
    await store.write(CONTOSO, go_on(one, "click"))
    whole = await check(address)
    assert (whole.customers, whole.streams, whole.events, whole.damages) == (1, 1, 2, ())

    second = update(EventRow).where(col(EventRow.stream) == one, col(EventRow.seq) == 2)
    await store.write_across(lambda tx: tx.session.execute(second.values(payload="{}")))

    assert [str(damage) for damage in (await check(address)).damages] == [
        "contoso, CONTOSO-1: what event 2 says was changed"
    ]


async def test_what_the_database_refuses_is_raised_and_harms_nobody_else(store: Store) -> None:
    await store.write(CONTOSO, note("a"))
    others = [asyncio.create_task(store.write(CONTOSO, note(name))) for name in "bcd"]

    with pytest.raises(IntegrityError):
        await store.write(CONTOSO, note("a"))

    await asyncio.gather(*others)
    assert await store.read(CONTOSO, notes) == ["a", "b", "c", "d"]


async def test_stop_iteration_is_an_error_like_any_other(store: Store) -> None:
    def stop(_: Tx) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.write(CONTOSO, stop)


async def test_a_unit_does_not_end_its_transaction(store: Store) -> None:
    for end in ("commit", "rollback", "begin_nested"):

        def unit(tx: Tx, end: str = end) -> None:
            getattr(tx.session, end)()

        with pytest.raises(RuntimeError):
            await store.write(CONTOSO, unit)


async def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        await store.read(CONTOSO, note("a"))


async def test_a_reader_sees_one_moment(store: Store) -> None:
    begun, go = threading.Event(), threading.Event()

    def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
        first = notes(tx)
        begun.set()
        go.wait()
        return first, notes(tx)

    looking = asyncio.create_task(store.read(CONTOSO, look_twice))
    await asyncio.to_thread(begun.wait)
    await store.write(CONTOSO, note("a"))
    go.set()

    assert await looking == ([], [])


async def test_whoever_is_cancelled_takes_nobody_along(store: Store) -> None:
    """Its own unit may be stored all the same: nobody was told."""
    tasks = [asyncio.create_task(store.write(CONTOSO, note(name))) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()

    assert [await tasks[0], await tasks[2]] == ["a", "c"]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    await store.write(CONTOSO, note("d"))
    assert {"a", "c", "d"} <= set(await store.read(CONTOSO, notes))


async def test_too_much_at_once_is_refused_with_a_time_to_come_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "INTAKE_CAPACITY", 2)
    go = threading.Event()
    held = [
        asyncio.create_task(store.write(CONTOSO, lambda _: go.wait(), Urgency.PEOPLE))
        for _ in range(16)
    ]
    await asyncio.sleep(0.1)
    reports = [
        asyncio.create_task(store.write(CONTOSO, note(name), Urgency.INTAKE)) for name in "ab"
    ]
    await asyncio.sleep(0.1)

    with pytest.raises(StoreBusyError) as refused:
        await store.write(CONTOSO, note("c"), Urgency.INTAKE)

    person = asyncio.create_task(store.write(CONTOSO, note("p"), Urgency.PEOPLE))
    go.set()
    await asyncio.gather(*held)
    assert refused.value.retry_after >= 1
    assert [await person, *await asyncio.gather(*reports)] == ["p", "a", "b"]


async def test_closing_finishes_what_was_taken(store: Store, address: str) -> None:
    tasks = [asyncio.create_task(store.write(CONTOSO, note(name))) for name in "abc"]
    await asyncio.sleep(0)
    await store.close()

    assert await asyncio.gather(*tasks) == ["a", "b", "c"]
    with pytest.raises(StoreClosedError):
        await store.write(CONTOSO, note("late"))
    with pytest.raises(StoreClosedError):
        await store.read(CONTOSO, notes)
    again = Store.open(address)
    assert await again.read(CONTOSO, notes) == ["a", "b", "c"]
    await again.close()


async def test_times_come_back_aware_and_the_chain_holds(store: Store) -> None:
    incident_id = await store.write(CONTOSO, begin())
    await store.write(CONTOSO, go_on(incident_id, "next"))

    events = await store.read(CONTOSO, lambda tx: incidents.history(tx, incident_id))
    assert [event.at for event in events] == [NOW, NOW]
    assert all(event.at.utcoffset() is not None for event in events)
    assert await store.read(CONTOSO, lambda tx: incidents.verify(tx, incident_id)) is None


async def test_many_at_once_on_one_incident_are_one_after_another(store: Store) -> None:
    incident_id = await store.write(CONTOSO, begin())

    await asyncio.gather(
        *(store.write(CONTOSO, go_on(incident_id, f"event:{n}")) for n in range(40))
    )

    events = await store.read(CONTOSO, lambda tx: incidents.history(tx, incident_id))
    assert [event.seq for event in events] == list(range(1, 42))
    assert await store.read(CONTOSO, lambda tx: incidents.verify(tx, incident_id)) is None


async def test_incidents_are_numbered_without_a_gap_or_a_double(store: Store) -> None:
    numbers = await asyncio.gather(
        *(store.write(CONTOSO, incidents.next_number) for _ in range(30)),
        *(store.write(FABRIKAM, incidents.next_number) for _ in range(5)),
    )

    assert sorted(numbers[:30]) == list(range(1, 31))
    assert sorted(numbers[30:]) == list(range(1, 6))


async def test_a_desk_has_one_order(store: Store) -> None:
    def told(n: int) -> Callable[[Tx], bool]:
        return lambda tx: incidents.record_desk(
            tx, key=f"k:{n}", kind="told", payload={"n": n}, at=NOW, actor=None
        )

    new = await asyncio.gather(*(store.write(CONTOSO, told(n % 20)) for n in range(40)))

    assert new.count(True) == 20
    desk = incidents.desk(CONTOSO)
    assert await store.read(CONTOSO, lambda tx: incidents.verify(tx, desk)) is None


async def test_a_look_reads_and_does_not_write(store: Store, address: str) -> None:
    look = Store.look(address)
    await store.write(CONTOSO, note("a"))

    assert await look.read(CONTOSO, notes) == ["a"]
    with pytest.raises(StoreError, match="to be looked at only"):
        await look.write(CONTOSO, note("b"))
    await look.close()

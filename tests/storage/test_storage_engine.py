"""The store: what was answered is committed, and one unit's trouble is nobody else's."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import col

from storage import sqlite, waiting
from storage.engine import (
    AcrossTx,
    CommitFailedError,
    Nobody,
    Store,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreInUseError,
    Tx,
    Urgency,
    Within,
)
from storage.isolation import IsolationError
from storage.tables import AlertRow, CounterRow
from tests.databases import url
from tests.storage.records import CONTOSO, FABRIKAM, NOW, opened

pytestmark = pytest.mark.sqlite


@pytest.fixture(autouse=True)
def _one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits behind the first is committed with it, however long that took."""
    monkeypatch.setattr(sqlite, "GROUP_SECONDS", 60)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


def note(name: str) -> Callable[[Tx], str]:
    def unit(tx: Tx) -> str:
        tx.session.add(CounterRow(customer_id=tx.customer, name=name, value=1))
        return name

    return unit


def fail(tx: Tx) -> None:
    note("of the failing one")(tx)
    tx.session.flush()
    raise ValueError("not like this")


def notes(tx: Tx) -> list[str]:
    return list(tx.session.scalars(select(col(CounterRow.name)).order_by(col(CounterRow.name))))


class Held:
    """A unit that keeps the writer busy until it is let go, so that others gather behind it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun = threading.Event()
        self._let_go = threading.Event()
        self.task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._store.write(CONTOSO, self._unit, Urgency.PEOPLE))
        await asyncio.to_thread(self._begun.wait)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go.set()
        await asyncio.wait([self.task])

    def _unit(self, tx: Tx) -> None:
        note("held")(tx)
        tx.session.flush()
        self._begun.set()
        self._let_go.wait()


async def gathered() -> None:
    """Let tasks get as far as waiting for the writer."""
    for _ in range(3):
        await asyncio.sleep(0)


# --- units ---------------------------------------------------------------------------------------


async def test_what_a_unit_returns_arrives_and_stays(store: Store) -> None:
    assert await store.write(CONTOSO, note("a")) == "a"

    assert await store.read(CONTOSO, notes) == ["a"]


async def test_what_a_unit_raises_is_raised_to_its_caller_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="not like this"):
        await store.write(CONTOSO, fail)

    assert await store.read(CONTOSO, notes) == []


async def test_one_units_error_rolls_back_only_itself(store: Store) -> None:
    async with Held(store):
        before = asyncio.create_task(store.write(CONTOSO, note("before")))
        failing = asyncio.create_task(store.write(CONTOSO, fail))
        after = asyncio.create_task(store.write(CONTOSO, note("after")))
        await gathered()

    with pytest.raises(ValueError, match="not like this"):
        await failing
    assert [await before, await after] == ["before", "after"]
    assert await store.read(CONTOSO, notes) == ["after", "before", "held"]


async def test_a_statement_the_database_refuses_fails_its_unit_alone(store: Store) -> None:
    await store.write(CONTOSO, note("a"))
    async with Held(store):
        twice = asyncio.create_task(store.write(CONTOSO, note("a")))
        other = asyncio.create_task(store.write(CONTOSO, note("b")))
        await gathered()

    with pytest.raises(IntegrityError):
        await twice
    assert await other == "b"
    assert await store.read(CONTOSO, notes) == ["a", "b", "held"]


async def test_nothing_is_answered_or_seen_before_commit(store: Store) -> None:
    async with Held(store):
        waiting_one = asyncio.create_task(store.write(CONTOSO, note("a")))
        await gathered()

        assert await store.read(CONTOSO, notes) == []
        assert not waiting_one.done()

    assert await waiting_one == "a"
    assert await store.read(CONTOSO, notes) == ["a", "held"]


async def test_a_unit_cannot_end_the_transaction_it_shares(store: Store) -> None:
    for end in ("commit", "rollback", "begin_nested"):

        def unit(tx: Tx, end: str = end) -> None:
            getattr(tx.session, end)()

        with pytest.raises(RuntimeError):
            await store.write(CONTOSO, unit)


async def test_a_unit_that_raises_stop_iteration_is_an_error_like_any_other(store: Store) -> None:
    def stop(_: Tx) -> None:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await store.write(CONTOSO, stop)


async def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await store.read(CONTOSO, note("a"))


async def test_a_reader_sees_one_moment(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
        first = notes(tx)
        begun.set()
        go_on.wait()
        return first, notes(tx)

    looking = asyncio.create_task(store.read(CONTOSO, look_twice))
    await asyncio.to_thread(begun.wait)
    await store.write(CONTOSO, note("a"))
    go_on.set()

    assert await looking == ([], [])


# --- commits that fail ---------------------------------------------------------------------------


def orphan(tx: AcrossTx) -> None:
    """An alert of no incident, which foreign keys refuse, but only at COMMIT."""
    tx.session.connection().exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    tx.session.add(
        AlertRow(
            customer_id=CONTOSO, source="native", alert_id="1", incident_id="none", document="{}"
        )
    )


async def test_a_failed_commit_fails_the_whole_group(store: Store) -> None:
    async with Held(store) as held:
        beside = asyncio.create_task(store.write(CONTOSO, note("beside")))
        failing = asyncio.create_task(store.write_across(orphan))
        await gathered()

    for task in (held.task, beside, failing):
        with pytest.raises(CommitFailedError, match="FOREIGN KEY"):
            await task
    assert await store.read(CONTOSO, notes) == []
    assert await store.write(CONTOSO, note("after")) == "after"


async def test_an_error_that_ends_the_transaction_fails_the_group_and_not_the_store(
    store: Store,
) -> None:
    def trap(tx: AcrossTx) -> None:
        tx.session.connection().exec_driver_sql(
            "CREATE TRIGGER trap BEFORE INSERT ON counter WHEN new.name = 'trap' "
            "BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END"
        )

    await store.write_across(trap)
    async with Held(store) as held:
        beside = asyncio.create_task(store.write(CONTOSO, note("beside")))
        trapped = asyncio.create_task(store.write(CONTOSO, note("trap")))
        await gathered()

    with pytest.raises(IntegrityError, match="the disk is full"):
        await trapped
    for task in (held.task, beside):
        with pytest.raises(CommitFailedError, match="the disk is full"):
            await task
    assert await store.write(CONTOSO, note("after")) == "after"
    assert await store.read(CONTOSO, notes) == ["after"]


async def test_a_database_locked_from_outside_is_busy_and_not_broken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write_across(
        lambda tx: tx.session.connection().exec_driver_sql("PRAGMA busy_timeout = 20")
    )
    shell = sqlite3.connect(tmp_path / "vouch.sqlite3", isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreBusyError):
        await store.write(CONTOSO, note("a"))
    shell.execute("ROLLBACK")
    shell.close()
    assert await store.write(CONTOSO, note("b")) == "b"


# --- what is looked up first ----------------------------------------------------------------------


async def test_what_is_found_across_customers_is_done_for_one_of_them(store: Store) -> None:
    answer = await store.write_found(lambda _: Within(CONTOSO, note("found")))

    assert answer == "found"
    assert await store.read(CONTOSO, notes) == ["found"]
    assert await store.read(FABRIKAM, notes) == []


async def test_what_is_found_for_one_customer_writes_nothing_of_another(store: Store) -> None:
    def strays(tx: Tx) -> None:
        tx.session.add(CounterRow(customer_id=FABRIKAM, name="stray", value=1))

    with pytest.raises(IsolationError):
        await store.write_found(lambda _: Within(CONTOSO, strays))
    assert await store.read(FABRIKAM, notes) == []


async def test_what_finds_nobody_is_the_answer_and_writes_nothing(store: Store) -> None:
    assert await store.write_found(lambda _: Nobody("nobody's")) == "nobody's"
    assert await store.read(CONTOSO, notes) == []


# --- whose turn it is ----------------------------------------------------------------------------


async def test_people_are_served_before_intake_before_effects(store: Store) -> None:
    served: list[str] = []

    def serve(name: str) -> Callable[[Tx], None]:
        return lambda _: served.append(name)

    async with Held(store):
        tasks = [
            asyncio.create_task(store.write(CONTOSO, serve(urgency.name), urgency))
            for urgency in (Urgency.EFFECTS, Urgency.INTAKE, Urgency.PEOPLE)
        ]
        await gathered()
    await asyncio.gather(*tasks)

    assert served == ["PEOPLE", "INTAKE", "EFFECTS"]


def test_a_flood_of_reports_does_not_keep_effects_from_running() -> None:
    queue: waiting.Waiting[str] = waiting.Waiting()
    for _ in range(100):
        queue.put("report", Urgency.INTAKE)
    queue.put("effect", Urgency.EFFECTS)

    first = [queue.take(wait=False) for _ in range(waiting.BACK_SEAT)]

    assert first.count("effect") == 1


async def test_a_full_store_refuses_reports_and_still_takes_people(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "INTAKE_CAPACITY", 2)
    async with Held(store):
        reports = [
            asyncio.create_task(store.write(CONTOSO, note(name), Urgency.INTAKE)) for name in "ab"
        ]
        await gathered()

        with pytest.raises(StoreBusyError) as refused:
            await store.write(CONTOSO, note("c"), Urgency.INTAKE)
        person = asyncio.create_task(store.write(CONTOSO, note("p"), Urgency.PEOPLE))
        await gathered()

    assert refused.value.retry_after >= 1
    assert [await person, *await asyncio.gather(*reports)] == ["p", "a", "b"]


async def test_nothing_waits_without_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "CAPACITY", 1)
    async with Held(store):
        first = asyncio.create_task(store.write(CONTOSO, note("a"), Urgency.PEOPLE))
        await gathered()
        with pytest.raises(StoreBusyError):
            await store.write(CONTOSO, note("b"), Urgency.PEOPLE)
    await first


# --- who stops waiting ---------------------------------------------------------------------------


async def test_a_waiter_that_is_cancelled_blocks_and_loses_nobody_else(store: Store) -> None:
    async with Held(store):
        tasks = [asyncio.create_task(store.write(CONTOSO, note(name))) for name in "abc"]
        await gathered()
        tasks[1].cancel()
        await gathered()

    assert [await tasks[0], await tasks[2]] == ["a", "c"]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert await store.read(CONTOSO, notes) == ["a", "b", "c", "held"]


async def test_the_first_of_a_group_may_be_cancelled_too(store: Store) -> None:
    async with Held(store) as held:
        other = asyncio.create_task(store.write(CONTOSO, note("a")))
        await gathered()
        held.task.cancel()

    assert await other == "a"
    assert await store.read(CONTOSO, notes) == ["a", "held"]


def test_a_loop_that_is_gone_is_nobodys_trouble(tmp_path: Path) -> None:
    store = Store.open(url(tmp_path))
    done = threading.Event()

    async def leave() -> None:
        asyncio.create_task(store.write(CONTOSO, lambda _: done.wait()))  # noqa: RUF006
        await gathered()

    asyncio.run(leave())
    done.set()

    async def come_back() -> list[str]:
        await store.write(CONTOSO, note("a"))
        found = await store.read(CONTOSO, notes)
        await store.close()
        return found

    assert asyncio.run(come_back()) == ["a"]


# --- opening and closing -------------------------------------------------------------------------


async def test_closing_finishes_what_was_taken(tmp_path: Path) -> None:
    store = Store.open(url(tmp_path))
    held = Held(store)
    async with held:
        tasks = [asyncio.create_task(store.write(CONTOSO, note(name))) for name in "abc"]
        await gathered()
        closing = asyncio.create_task(store.close())
        await gathered()
        with pytest.raises(StoreClosedError):
            await store.write(CONTOSO, note("late"))
    await closing

    assert await asyncio.gather(*tasks) == ["a", "b", "c"]
    async with opened(tmp_path) as again:
        assert await again.read(CONTOSO, notes) == ["a", "b", "c", "held"]


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store.open(url(tmp_path))
    await store.close()
    await store.close()

    with pytest.raises(StoreClosedError):
        await store.read(CONTOSO, notes)


def test_a_second_process_is_refused_by_name_of_the_first(tmp_path: Path) -> None:
    store = Store.open(url(tmp_path))
    program = f"from storage.engine import Store; Store.open({url(tmp_path)!r})"

    second = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert second.returncode != 0
    assert f"StoreInUseError: {tmp_path}/vouch.sqlite3 is in use by process {os.getpid()}" in (
        second.stderr
    )
    asyncio.run(store.close())


async def test_a_store_that_is_closed_may_be_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        async with opened(tmp_path):
            with pytest.raises(StoreInUseError):
                Store.open(url(tmp_path))


@pytest.mark.parametrize("wrong", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/vouch"])
def test_a_database_that_cannot_be_used_is_refused(wrong: str) -> None:
    with pytest.raises(StoreError):
        Store.open(wrong)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "vouch.sqlite3"
    file.write_text("dear diary, " * 1000)

    with pytest.raises(StoreError, match="not a database"):
        Store.open(url(tmp_path))
    assert file.read_text().startswith("dear diary")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        Store.open(url(tmp_path / "nowhere"))


WRITER = """
import asyncio, sys
from storage.engine import Store
from storage.tables import CounterRow

async def main():
    store = Store.open(sys.argv[1])
    async def one(number):
        def unit(tx):
            tx.session.add(CounterRow(customer_id="contoso", name=f"{number:06}", value=1))
        await store.write("contoso", unit)
        sys.stdout.write(f"{number:06}\\n")
        sys.stdout.flush()
    number = 0
    while True:
        await asyncio.gather(*(one(number + n) for n in range(20)))
        number += 20

asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    for turn in range(3):
        folder = tmp_path / str(turn)
        folder.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, url(folder)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        told = [process.stdout.readline().strip() for _ in range(150)]
        process.kill()
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait()
        process.stdout.close()

        assert len(told) >= 150
        assert set(told) <= set(asyncio.run(kept(folder)))


async def kept(folder: Path) -> list[str]:
    async with opened(folder) as store:
        return await store.read(CONTOSO, notes)


HOLDER = """
import sys
from storage.engine import Store

Store.open(sys.argv[1])
print("open", flush=True)
input()
"""


def test_a_process_that_was_killed_leaves_the_file_free(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    with pytest.raises(StoreInUseError):
        Store.open(url(tmp_path))
    process.kill()
    process.communicate()

    assert asyncio.run(kept(tmp_path)) == []


def test_a_time_without_a_zone_is_refused() -> None:
    from storage.tables import UtcDateTime

    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(NOW.replace(tzinfo=None), None)  # type: ignore[arg-type]

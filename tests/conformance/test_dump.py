"""PostgreSQL alone: what docs/operating.md says of backup and restore, with PostgreSQL's own programs."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from subprocess import run

from storage import effects
from storage.checking import check
from storage.engine import Store
from tests.conformance.test_effects import LEASE, Hand, now
from tests.databases import new_database, rows
from tests.postgres import binaries
from tests.storage.records import CONTOSO, a_say, a_wake, begin, go_on

ONE = f"{CONTOSO}-incident-1"


def plain(address: str) -> str:
    """As PostgreSQL's programs want it."""
    return address.replace("+psycopg", "")


def program(name: str, *arguments: str) -> None:
    where = binaries()
    assert where
    done = run([where / name, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def dump(address: str, file: Path) -> None:
    program("pg_dump", "--format=custom", f"--file={file}", plain(address))


def restored(file: Path, name: str) -> str:
    """In a database of its own, which nobody has used."""
    address = new_database(f"{name}_{os.getpid()}")
    program("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={plain(address)}", str(file))
    return address


async def test_a_dump_made_under_load_is_one_moment_of_it(on_postgres: str, tmp_path: Path) -> None:
    store = Store.open(on_postgres)
    await store.write(CONTOSO, begin())
    written, enough = 0, asyncio.Event()

    async def load() -> None:
        nonlocal written
        while not enough.is_set():
            await store.write(CONTOSO, go_on(ONE, f"click:{written}"))
            written += 1

    loading = asyncio.create_task(load())
    while written < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    before = written
    await asyncio.to_thread(dump, on_postgres, tmp_path / "vouch.dump")
    after = written
    enough.set()
    await loading
    await store.close()

    found = await check(await asyncio.to_thread(restored, tmp_path / "vouch.dump", "moment"))

    assert found.damages == ()
    assert before <= found.events - 1 <= after + 1
    assert after > before


async def test_what_waited_and_what_was_under_way_is_done_in_what_was_restored(
    on_postgres: str, tmp_path: Path
) -> None:
    """Jobs, their locks and procrastinate's own tables come along, and its version is known."""
    store = Store.open(on_postgres)
    await store.write(CONTOSO, begin())
    gone = Hand(store, on_postgres, "gone")
    store.before_commit = gone.dispatcher._defer_ordered  # type: ignore[union-attr]
    await gone.order(a_say("under way"), a_say("behind it"), a_say("elsewhere", "person:b"))
    await gone.order(a_wake("later", now() + timedelta(seconds=1)))
    taken = now()
    assert await store.write(CONTOSO, lambda tx: effects.claim(tx, None, "gone", taken, LEASE))
    await store.write_across(
        lambda tx: tx.session.connection().exec_driver_sql(
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE right(lock, 9) = ':customer'"
        )
    )
    await asyncio.to_thread(dump, on_postgres, tmp_path / "vouch.dump")
    await store.close()

    address = await asyncio.to_thread(restored, tmp_path / "vouch.dump", "work")
    again = Store.open(address)
    hand = Hand(again, address)
    async with hand.working():
        await hand.until(4)
    await again.close()

    assert sorted(hand.done) == ["behind it", "elsewhere", "later", "under way"]
    assert rows(address, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]

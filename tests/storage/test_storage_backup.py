"""A copy is whole whoever writes meanwhile; a restored one is where work goes on."""

import asyncio
import os
import shutil
import stat
from pathlib import Path

import pytest

from storage import incidents
from storage.backup import back_up, restore
from storage.checking import check
from storage.engine import StoreError, StoreInUseError
from tests.databases import url
from tests.storage.records import CONTOSO, begin, go_on, opened

pytestmark = pytest.mark.sqlite

ONE = f"{CONTOSO}-incident-1"


async def a_case(folder: Path) -> None:
    async with opened(folder) as store:
        await store.write(CONTOSO, begin())


async def test_a_copy_made_under_load_is_one_moment_of_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        written = 0
        done = asyncio.Event()

        async def load() -> None:
            nonlocal written
            while not done.is_set():
                await store.write(CONTOSO, go_on(ONE, f"click:{written}"))
                written += 1

        loading = asyncio.create_task(load())
        copies = []
        for number in range(4):
            await asyncio.sleep(0.05)
            before = written
            copy = tmp_path / f"copy-{number}.sqlite3"
            await asyncio.to_thread(back_up, url(tmp_path), copy)
            copies.append((before, copy, written))
        done.set()
        await loading

    for before, copy, after in copies:
        found = await check(f"sqlite:///{copy}")
        assert found.damages == ()
        assert before <= found.events - 1 <= after + 1
    assert written > copies[0][0]


async def test_work_goes_on_in_what_was_restored(tmp_path: Path) -> None:
    await a_case(tmp_path)
    copy, elsewhere = tmp_path / "copy.sqlite3", tmp_path / "elsewhere"
    elsewhere.mkdir()
    back_up(url(tmp_path), copy)

    restore(copy, url(elsewhere))

    async with opened(elsewhere) as store:
        await store.write(CONTOSO, go_on(ONE, "click:1"))
        assert await store.read(CONTOSO, lambda tx: incidents.verify(tx, ONE)) is None
    assert (await check(url(elsewhere))).events == 2


async def test_a_copy_is_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    await a_case(tmp_path)
    (tmp_path / "safe").mkdir()
    copy = tmp_path / "safe" / "copy.sqlite3"

    back_up(url(tmp_path), copy)

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert (await check(f"sqlite:///{copy}")).damages == ()
    assert list(copy.parent.iterdir()) == [copy]


async def test_new_records_are_for_their_owner_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())

        assert modes(tmp_path) == [0o600] * 4, "records, what SQLite keeps beside them, lock"


def modes(folder: Path) -> list[int]:
    return [stat.S_IMODE(file.stat().st_mode) for file in folder.glob("vouch.sqlite3*")]


async def test_a_copy_is_made_of_what_a_killed_process_left_in_the_journal(tmp_path: Path) -> None:
    """The database file alone, without the journal beside it, lacks what was committed last."""
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        left = tmp_path / "left"
        left.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{tmp_path}/vouch.sqlite3{suffix}", f"{left}/vouch.sqlite3{suffix}")

    back_up(url(left), tmp_path / "copy.sqlite3")

    assert (await check(f"sqlite:///{tmp_path}/copy.sqlite3")).events == 1


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    await a_case(tmp_path)
    copy = tmp_path / "copy.sqlite3"
    back_up(url(tmp_path), copy)

    with pytest.raises(StoreError, match="exists already: name a new file"):
        back_up(url(tmp_path), copy)
    with pytest.raises(StoreError, match=r"would be lost: move it elsewhere, all of it together"):
        restore(copy, url(tmp_path))


async def test_a_journal_left_behind_does_not_spoil_what_is_restored(tmp_path: Path) -> None:
    await a_case(tmp_path)
    copy, elsewhere = tmp_path / "copy.sqlite3", tmp_path / "elsewhere"
    elsewhere.mkdir()
    back_up(url(tmp_path), copy)
    (elsewhere / "vouch.sqlite3-wal").write_bytes(b"of another database")

    with pytest.raises(StoreError, match=r"vouch\.sqlite3-wal would be lost"):
        restore(copy, url(elsewhere))


async def test_a_database_in_use_is_not_restored_over(tmp_path: Path) -> None:
    await a_case(tmp_path)
    copy = tmp_path / "copy.sqlite3"
    async with opened(tmp_path):
        back_up(url(tmp_path), copy)

        with pytest.raises(StoreInUseError):
            restore(copy, url(tmp_path))


async def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "safe"
    folder.mkdir()
    (tmp_path / "vouch.sqlite3").write_text("notes " * 1000)

    with pytest.raises(StoreError, match="was not copied"):
        back_up(url(tmp_path), folder / "copy.sqlite3")

    assert list(folder.iterdir()) == []


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    await a_case(tmp_path)

    with pytest.raises(StoreError, match=r"nowhere/copy\.sqlite3 was not written: No such file"):
        back_up(url(tmp_path), tmp_path / "nowhere" / "copy.sqlite3")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    await a_case(tmp_path)
    folder = tmp_path / "safe"
    folder.mkdir(mode=0o500)

    with pytest.raises(StoreError, match="Permission denied"):
        back_up(url(tmp_path), folder / "copy.sqlite3")


def test_postgresql_has_a_tool_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="pg_dump"):
        back_up("postgresql+psycopg://vouch@db/vouch", tmp_path / "copy")

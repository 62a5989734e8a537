"""Whether the records are whole is said of each part, with the place where they are not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage import incidents
from storage.checking import check
from storage.engine import Store, StoreError, Tx
from tests.databases import url
from tests.storage.records import CONTOSO, FABRIKAM, NOW, begin, go_on, opened

pytestmark = pytest.mark.sqlite  # they spoil the file; what both engines promise is conformance

ONE = f"{CONTOSO}-incident-1"


async def two_cases(store: Store) -> None:
    await store.write(CONTOSO, begin())
    for number in range(3):
        await store.write(CONTOSO, go_on(ONE, f"click:{number}"))
    await store.write(CONTOSO, on_the_desk)
    await store.write(FABRIKAM, begin())


def on_the_desk(tx: Tx) -> None:
    incidents.record_desk(tx, key="k", kind="installed", payload={}, at=NOW, actor=None)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    async with opened(tmp_path) as store:
        await two_cases(store)
    return tmp_path


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "vouch.sqlite3")) as file:
        for statement in statements:
            assert file.execute(statement).rowcount != 0, statement
        file.commit()


async def damages(folder: Path) -> list[str]:
    return [str(damage) for damage in (await check(url(folder))).damages]


async def test_records_that_are_whole_are_counted(folder: Path) -> None:
    found = await check(url(folder))

    assert found.damages == ()
    assert (found.customers, found.streams, found.events) == (2, 3, 6)


async def test_it_looks_beside_whoever_writes(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await two_cases(store)
        assert (await check(url(tmp_path))).damages == ()
        await store.write(CONTOSO, go_on(ONE, "click:later"))

        assert (await check(url(tmp_path))).events == 7


@pytest.mark.parametrize(
    ("statement", "damage"),
    [
        (
            f"UPDATE event SET payload = '{{}}' WHERE stream = '{ONE}' AND seq = 2",
            "contoso, CONTOSO-1: what event 2 says was changed",
        ),
        (
            f"UPDATE event SET kind = 'woke ' WHERE stream = '{ONE}' AND seq = 3",
            "contoso, CONTOSO-1: event 3 is not the one that was recorded",
        ),
        (
            f"DELETE FROM event WHERE stream = '{ONE}' AND seq = 2",
            "contoso, CONTOSO-1: event 2 is missing",
        ),
        (
            f"DELETE FROM event WHERE stream = '{ONE}' AND seq = 4",
            "contoso, CONTOSO-1: events are missing at the end",
        ),
        (
            "DELETE FROM event WHERE customer_id = 'fabrikam'",
            "fabrikam, FABRIKAM-1: events are missing at the end",
        ),
        (
            "UPDATE event SET payload = '[]' WHERE stream = 'desk:contoso'",
            "contoso, desk:contoso: what event 1 says was changed",
        ),
        (
            f"UPDATE event SET at = 'some day' WHERE stream = '{ONE}' AND seq = 1",
            "contoso, CONTOSO-1: its events cannot be read (ValueError)",
        ),
        (
            f"UPDATE incident SET state = '{{}}' WHERE id = '{ONE}'",
            "contoso, CONTOSO-1: its state cannot be read (KeyError)",
        ),
        (
            f"DELETE FROM incident WHERE id = '{ONE}'",
            f"contoso, {ONE}: its events are there, the incident is not",
        ),
    ],
)
async def test_what_was_tampered_with_is_named(folder: Path, statement: str, damage: str) -> None:
    change(folder, statement)

    assert await damages(folder) == [damage]


async def test_a_customer_without_a_profile_is_checked_all_the_same(folder: Path) -> None:
    """No profile is in this database at all: whoever removes one hides nothing by it."""
    change(folder, "DELETE FROM event WHERE customer_id = 'fabrikam'")

    assert len(await damages(folder)) == 1


async def test_a_reference_to_nothing_is_named(folder: Path) -> None:
    change(folder, "INSERT INTO entity_key VALUES ('contoso', 'oid:x', 'nobody', '2026-01-01')")

    assert await damages(folder) == [
        "the file: row 1 of entity_key refers to a row of incident that is not there"
    ]


async def test_a_file_whose_pages_are_spoilt_is_named(folder: Path) -> None:
    path = folder / "vouch.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        (page,) = file.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_event_1'"
        ).fetchone()
    content = bytearray(path.read_bytes())
    start = (page - 1) * 4096
    content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    assert any(line.startswith("the file: ") for line in await damages(folder))


async def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "vouch.sqlite3").write_text("notes " * 1000)

    assert (await damages(tmp_path))[0] == "the file: file is not a database"


async def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        await check(url(tmp_path))

    assert not (tmp_path / "vouch.sqlite3").exists()


async def test_words_that_went_without_an_erasure_are_named(folder: Path) -> None:
    columns = ("payload", "facts", "actor", "answer", "reasons", "salt")
    emptied = ", ".join(f"{column} = NULL" for column in columns)
    change(folder, f"UPDATE event SET {emptied}, effect_keys = '[]' WHERE stream = '{ONE}'")

    assert await damages(folder) == [
        "contoso, CONTOSO-1: its words are gone, and no erasure is recorded"
    ]


async def test_a_case_that_was_taken_away_leaves_its_number(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await two_cases(store)
        for _ in range(2):
            await store.write(CONTOSO, incidents.next_number)

    assert await damages(tmp_path) == ["contoso: there is no case of the number 2"]

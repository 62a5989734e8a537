"""Looking at a database leaves it to whoever uses it, and tells how it stands."""

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import across, effects, incidents
from storage.engine import Store, StoreError, StoreInUseError, Urgency, migrate, standing
from storage.people import Reach, reach
from storage.tables import PersonRow
from tests.databases import url
from tests.storage.records import CONTOSO, FABRIKAM, LEASE, ME, NOW, TENANT, opened
from triage.effects import Wake

pytestmark = pytest.mark.sqlite


DESK = incidents.desk(CONTOSO)


def executed(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "vouch.sqlite3")) as driver:
        driver.execute(statement)
        driver.commit()


async def test_a_running_store_is_named_and_keeps_its_database(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        stands = standing(url(tmp_path))

        assert (stands.tables, stands.used_by) == ("current", str(os.getpid()))
        await store.write(CONTOSO, lambda _: None, Urgency.PEOPLE)
        with pytest.raises(StoreInUseError):
            Store.open(url(tmp_path))


async def test_what_is_committed_can_be_seen_beside_the_one_who_writes(tmp_path: Path) -> None:
    wake = Wake("wake:1", NOW, "question:1")
    async with opened(tmp_path) as store:
        look = Store.look(url(tmp_path))
        assert await look.read_across(lambda tx: across.due(tx, NOW, 9)) == []

        await store.write(CONTOSO, lambda tx: effects.order(tx, DESK, [wake], NOW))

        assert len(await look.read_across(lambda tx: across.due(tx, NOW, 9))) == 1
        await look.close()


async def test_nothing_is_released_or_written(tmp_path: Path) -> None:
    wake = Wake("wake:1", NOW, "question:1")
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, lambda tx: effects.order(tx, DESK, [wake], NOW))
        await store.write(CONTOSO, lambda tx: effects.claim(tx, None, ME, NOW, LEASE))

        look = Store.look(url(tmp_path))
        with pytest.raises(StoreError, match="to be looked at only"):
            await look.write(CONTOSO, lambda _: None)
        await look.close()

        due = await store.read_across(lambda tx: across.due(tx, NOW, 9))
        later = await store.read_across(lambda tx: across.due(tx, NOW + timedelta(hours=1), 9))
        assert (len(due), len(later)) == (0, 1)


def test_a_store_that_was_closed_is_free(tmp_path: Path) -> None:
    migrate(url(tmp_path))

    stands = standing(url(tmp_path))

    assert (stands.tables, stands.used_by) == ("current", None)
    migrate(url(tmp_path))


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert standing(url(tmp_path)).tables == "none"
    assert list(tmp_path.iterdir()) == []


def test_tables_of_an_older_version_are_told_and_left(tmp_path: Path) -> None:
    executed(tmp_path, "PRAGMA journal_mode = WAL")

    assert standing(url(tmp_path)).tables == "older"
    assert standing(url(tmp_path)).tables == "older"


def test_tables_of_a_newer_version_are_told(tmp_path: Path) -> None:
    migrate(url(tmp_path))
    executed(tmp_path, "UPDATE alembic_version SET version_num = '9999'")

    assert standing(url(tmp_path)).tables == "newer"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("sqlite:////nowhere/at/all.sqlite3", "/nowhere/at does not exist"),
        ("sqlite://", "needs a file"),
        ("postgresql://vouch:secret@db/vouch", "postgresql is not supported"),
        ("vouch.sqlite3", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told(address: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        standing(address)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "vouch.sqlite3").write_bytes(b"words " * 400)

    with pytest.raises(StoreError, match="not a database"):
        standing(url(tmp_path))


async def test_a_read_that_fails_says_why(tmp_path: Path) -> None:
    executed(tmp_path, "PRAGMA journal_mode = WAL")
    look = Store.look(url(tmp_path))

    with pytest.raises(StoreError, match="no such table"):
        await look.read_across(across.customers)
    await look.close()


async def test_people_are_counted_by_customer(tmp_path: Path) -> None:
    def person(n: int, customer: str = CONTOSO, **more: Any) -> PersonRow:
        return PersonRow(
            customer_id=customer, tenant_id=TENANT, object_id=str(n), seen_at=NOW, **more
        )

    async with opened(tmp_path) as store:
        ours = [
            person(1, in_team=True),
            person(2, in_team=True, installed=True),
            person(3, installed=False),
            person(4, installed=True, blocked=True),
        ]
        await store.write(CONTOSO, lambda tx: tx.session.add_all(ours))
        await store.write(FABRIKAM, lambda tx: tx.session.add(person(5, FABRIKAM)))

        assert await store.read(CONTOSO, lambda tx: reach(tx, TENANT)) == Reach(2, 4, 2, outside=0)
        assert await store.read(CONTOSO, lambda tx: reach(tx, "other")) == Reach(0, 0, 0, outside=0)

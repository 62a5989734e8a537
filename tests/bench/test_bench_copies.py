import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.copies import Copies, fill
from storage import across, incidents
from storage.across import Listing
from storage.engine import Store
from tests import databases
from tests.story.graph_incident import malware_ran
from tests.story.house import house
from triage.incident import Status


async def a_question_is_open(folder: Path) -> Path:
    """A database with one waiting incident, which nobody has open."""
    async with house(folder) as h:
        await h.report(malware_ran())
        await h.card("Bob Meyer")
    return folder / "vouch.sqlite3"


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as db:
        return db.execute(query).fetchall()


OF_CASES = "stream NOT LIKE 'desk%'"
COUNTS = (
    f"SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM event WHERE {OF_CASES}),"
    f" (SELECT count(*) FROM effect WHERE {OF_CASES}), (SELECT count(*) FROM surface), (SELECT count(*) FROM handle),"
    " (SELECT count(*) FROM source_ref), (SELECT count(*) FROM entity_key)"
)


async def test_a_copy_has_every_row_of_its_original(tmp_path: Path) -> None:
    database = await a_question_is_open(tmp_path)
    (before,) = ask(database, COUNTS)
    fill(database, 5, Copies.STORED)
    assert ask(database, COUNTS) == [tuple(5 * count for count in before)]
    assert ask(database, "PRAGMA foreign_key_check") == []
    assert ask(database, "PRAGMA integrity_check") == [("ok",)]


async def test_nothing_is_left_to_do_for_a_stored_copy(tmp_path: Path) -> None:
    database = await a_question_is_open(tmp_path)
    fill(database, 5, Copies.STORED)
    open_effects = f"SELECT count(DISTINCT stream) FROM effect WHERE done_at IS NULL AND {OF_CASES}"
    assert ask(database, open_effects) == [(1,)]
    assert ask(database, "SELECT count(*) FROM incident WHERE status = 'resolved'") == [(4,)]


async def test_a_waiting_copy_loads_and_asks_somebody_of_its_own(tmp_path: Path) -> None:
    database = await a_question_is_open(tmp_path)
    fill(database, 5, Copies.WAITING)
    ids = [id_ for (id_,) in ask(database, "SELECT id FROM incident")]
    store = Store.open(databases.sqlite_url(tmp_path))
    loaded = await store.read("contoso", lambda tx: [incidents.load(tx, id_) for id_ in ids])
    await store.close()
    assert [it.status for it in loaded if it] == [Status.WAITING] * 5
    asked = {a.person.object_id for it in loaded if it for a in it.affected if a.person}
    assert len(asked) == 5


async def test_no_wake_of_a_waiting_copy_is_due_today(tmp_path: Path) -> None:
    database = await a_question_is_open(tmp_path)
    wakes_of_cases = f"FROM effect WHERE lane IS NULL AND done_at IS NULL AND {OF_CASES}"
    (ahead,) = ask(database, f"SELECT min(due) {wakes_of_cases}")
    fill(database, 5, Copies.WAITING)
    wakes = ask(database, f"SELECT count(DISTINCT stream), min(due) {wakes_of_cases}")
    assert wakes[0][0] == 5
    assert wakes[0][1] > ahead[0]


async def test_listed_copies_are_open_and_over_an_analysts_and_nobodys_at_every_customer(
    tmp_path: Path,
) -> None:
    database = await a_question_is_open(tmp_path)
    fill(database, 401, Copies.LISTED, owner="mia")
    store = Store.open(databases.sqlite_url(tmp_path))
    wanted = Listing(), Listing(owner="mia"), Listing(statuses=(Status.RESOLVED,))
    everything, mine, over = await store.read_across(
        lambda tx: [across.listed(tx, of, 500, 0) for of in wanted]
    )
    await store.close()
    assert (everything.count, mine.count, over.count) == (21, 2, 380)
    assert {(case.name.partition("-")[0], of.id) for case, of in everything.cases} == {
        ("CONTOSO", "contoso"),
        ("FABRIKAM", "fabrikam"),
    }
    assert ask(database, "PRAGMA foreign_key_check") == []

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.copies import fill
from storage import incidents
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
    fill(database, 5, waiting=False)
    assert ask(database, COUNTS) == [tuple(5 * count for count in before)]
    assert ask(database, "PRAGMA foreign_key_check") == []
    assert ask(database, "PRAGMA integrity_check") == [("ok",)]


async def test_nothing_is_left_to_do_for_a_stored_copy(tmp_path: Path) -> None:
    database = await a_question_is_open(tmp_path)
    fill(database, 5, waiting=False)
    open_effects = f"SELECT count(DISTINCT stream) FROM effect WHERE done_at IS NULL AND {OF_CASES}"
    assert ask(database, open_effects) == [(1,)]
    assert ask(database, "SELECT count(*) FROM incident WHERE status = 'resolved'") == [(4,)]


async def test_a_waiting_copy_loads_and_asks_somebody_of_its_own(tmp_path: Path) -> None:
    database = await a_question_is_open(tmp_path)
    fill(database, 5, waiting=True)
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
    fill(database, 5, waiting=True)
    wakes = ask(database, f"SELECT count(DISTINCT stream), min(due) {wakes_of_cases}")
    assert wakes[0][0] == 5
    assert wakes[0][1] > ahead[0]

"""The event log alone tells what happened, and shows when somebody changed it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.demo import PROFILES
from bot.setup import add_profile
from storage import chain, incidents
from storage.engine import Store, Tx
from tests.databases import sqlite_url
from tests.story.graph_incident import malware_ran, unfamiliar_sign_in
from tests.story.house import House, house
from tests.story.record import check_records
from triage.report import Source


async def a_case(h: House) -> None:
    await h.report(malware_ran())
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")
    await h.press("Ines Costa", await h.approval(), "approve.p1")
    await h.press("Jon Park", await h.approval(), "approve.p1")


@contextmanager
def somebody_at_the_file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "vouch.sqlite3")
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


async def broken(tmp_path: Path) -> chain.Broken | None:
    store = Store.open(sqlite_url(tmp_path))

    def look(tx: Tx) -> chain.Broken | None:
        found = incidents.find_by_ref(tx, Source.DEFENDER, "4711")
        assert found is not None
        return incidents.verify(tx, found)

    try:
        return await store.read("contoso", look)
    finally:
        await store.close()


async def test_the_log_tells_who_did_what_in_order(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await a_case(h)

        log = await h.history("4711")
        people = {
            (await h.person(name))["id"]: name for name in ("Bob Meyer", "Ines Costa", "Jon Park")
        }
        told = [(e.event.kind, people[e.actor]) for e in log if e.actor]
        assert told == [
            ("answered", "Bob Meyer"),
            ("answered", "Bob Meyer"),
            ("approval_answered", "Ines Costa"),
            ("approval_answered", "Jon Park"),
        ]
        assert [e.seq for e in log] == list(range(1, len(log) + 1))
        assert all(e.rules and e.profile_version == 1 and e.provider_version == 1 for e in log)
        assert all(e.reasons for e in log)
        ordered = [key for e in log for key in e.effect_keys]
        assert len([key for key in ordered if key.split(":")[1] == "contain"]) == 2


async def test_the_log_replays_over_a_change_of_profile(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await a_case(h)
        text = (PROFILES / "contoso.toml").read_text(encoding="utf-8")
        added = await add_profile(h.vouch.store, text.replace("minutes = 13", "minutes = 5"), "x")
        assert added.version == 2
        await h.report(unfamiliar_sign_in())
        await h.report(malware_ran())

        assert {e.profile_version for e in await h.history("4711")} == {1, 2}
        assert await check_records(h.vouch.store) == 2


CHANGES = {
    "what somebody said": "UPDATE event SET payload = replace(payload, 'opened', 'not_me')",
    "who did it": "UPDATE event SET actor = 'somebody-else' WHERE actor IS NOT NULL",
    "when it was": "UPDATE event SET at = '2020-01-01 00:00:00.000000' WHERE seq = 3",
    "why": "UPDATE event SET reasons = '[]' WHERE seq = 2",
    "a refusal that is gone": (
        "DELETE FROM event WHERE kind = 'approval_answered' AND seq ="
        " (SELECT min(seq) FROM event WHERE kind = 'approval_answered')"
    ),
    "the end cut off": "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
}


@pytest.mark.parametrize("what", CHANGES)
async def test_tampering_is_seen(tmp_path: Path, what: str) -> None:
    async with house(tmp_path) as h:
        await a_case(h)
    assert await broken(tmp_path) is None

    with somebody_at_the_file(tmp_path) as file:
        changed = file.execute(CHANGES[what] + _of_incidents(CHANGES[what])).rowcount

    assert changed > 0
    assert await broken(tmp_path) is not None


def _of_incidents(statement: str) -> str:
    """Desks keep their own streams."""
    joint = " AND" if "WHERE" in statement else " WHERE"
    return f"{joint} stream NOT LIKE 'desk:%'"

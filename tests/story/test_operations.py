"""Running Vouch, as whoever is called at night meets it: it ends well, is backed up, is whole after
a kill, and its log tells what happened without telling what people said."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.settings import Settings
from simulator.faults import Fault
from storage.checking import check
from storage.engine import Store
from tests.databases import rows, url
from tests.story.graph_incident import alert, device, file, incident, malware_ran, user
from tests.story.house import APP_SECRET, Json
from tests.story.nursery import Nursery, nursery
from tests.story.record import check_records
from tests.story.test_kill import (
    ON_CHAT,
    ON_THREAD,
    Mortal,
    mortal,
    the_story,
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cradle() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'vouch.sqlite3'}"


async def typed(*words: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, app, list(words))


# --- load ---


@asynccontextmanager
async def load(v: Mortal, acknowledged: list[str]) -> AsyncIterator[None]:
    """Four sources report one incident after the other, as long as anybody answers."""
    number = iter(range(1, 100_000))

    async def report_on() -> None:
        while True:
            id_ = f"L-{next(number)}"
            status = await v.report(malware_ran(id_))
            if status == 502:
                return
            if status in (200, 201):
                acknowledged.append(id_)

    sources = [asyncio.create_task(report_on()) for _ in range(4)]
    try:
        while len(acknowledged) < 10:  # noqa: ASYNC110 - it is another process that makes them
            await asyncio.sleep(0.01)
        yield
    finally:
        for source in sources:
            source.cancel()
        await asyncio.gather(*sources, return_exceptions=True)


def recorded(tmp_path: Path) -> set[str]:
    with closing(sqlite3.connect(tmp_path / "vouch.sqlite3")) as records:
        return {row[0] for row in records.execute("SELECT source_id FROM source_ref")}


def log_of(tmp_path: Path) -> list[Json]:
    """Every line must be JSON: what is not, fails here."""
    lines = (tmp_path / "vouch.log").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def events(tmp_path: Path) -> list[str]:
    return [line["event"] for line in log_of(tmp_path)]


# --- ending well ---

BOUND = Settings.model_fields["shutdown_seconds"].default + 5
"""Seconds: what has begun may take that long, and then the records are closed."""


async def test_stopped_under_load_it_ends_in_time_and_loses_nothing(
    tmp_path: Path, cradle: Nursery
) -> None:
    async with mortal(tmp_path, cradle) as v:
        acknowledged: list[str] = []
        async with load(v, acknowledged):
            began = time.monotonic()

            assert await v.stop() == 0

            assert time.monotonic() - began < BOUND
        assert set(acknowledged) <= recorded(tmp_path)
        assert v.orphans == set(), "what was begun was brought to its end"
        assert events(tmp_path)[-1] == "stopped"
        assert "stopped_before_everything_ended" not in events(tmp_path)
        assert (await check(database(tmp_path))).damages == ()


async def test_it_says_it_is_not_ready_before_it_takes_nothing_in(
    tmp_path: Path, cradle: Nursery
) -> None:
    async with mortal(tmp_path, cradle) as v:
        v.die()
        v.settings["VOUCH_DRAIN_SECONDS"] = "3"
        await v.live()
        stopping = asyncio.create_task(v.stop())

        while (told := await readiness(v))[0] == 200:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)

        assert told == (503, {"error": "stopping"})
        assert await v.report() == 201
        assert await stopping == 0
        assert await v.report() == 502


async def readiness(v: Mortal) -> tuple[int, Json]:
    async with v.control.get(f"{v.sim.bot_url}/readyz") as response:
        return response.status, await response.json()


async def test_a_call_that_does_not_end_is_not_waited_for_beyond_the_bound(
    tmp_path: Path, cradle: Nursery
) -> None:
    """And is made after all by the next process."""
    async with mortal(tmp_path, cradle) as v:
        v.die()
        v.settings["VOUCH_SHUTDOWN_SECONDS"] = "0.5"
        await v.live()
        v.sim._faults.order(Fault(kind="slow", seconds=11, times=50))
        assert await v.report() == 201
        await asyncio.sleep(0.3)
        began = time.monotonic()

        assert await v.stop() == 0

        assert time.monotonic() - began < 9
        assert "stopped_before_everything_ended" in events(tmp_path)
        v.sim._faults.clear()
        await v.rest()
        threads = {m.conversation for m in v.said() if m.conversation.startswith(ON_THREAD)}
        assert threads


# --- whole after a kill ---


async def test_the_records_of_a_killed_process_are_whole(tmp_path: Path, cradle: Nursery) -> None:
    async with mortal(tmp_path, cradle) as v:
        acknowledged: list[str] = []
        for _ in range(3):
            await v.live()
            async with load(v, acknowledged):
                v.die()

            ended = await typed("db", "check", "--database", database(tmp_path))

            assert ended.exit_code == 0, ended.output
            assert ended.output.startswith(f"ok: {database(tmp_path)}: whole. 3 with records, ")
            assert "every chain verified" in ended.output
        assert set(acknowledged) <= recorded(tmp_path)


# --- backup and restore ---


async def test_backed_up_under_load_and_restored_elsewhere_work_goes_on(
    tmp_path: Path, cradle: Nursery
) -> None:
    copy, elsewhere = tmp_path / "copy.sqlite3", tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with mortal(tmp_path, cradle) as v:
        report, *answers = the_story(v)
        await v.acknowledged(report)
        await v.acknowledged(answers[0])
        await v.rest()
        acknowledged: list[str] = []
        async with load(v, acknowledged):
            before = list(acknowledged)
            backed_up = await typed("db", "backup", str(copy), "--database", database(tmp_path))
            v.die()
        assert backed_up.exit_code == 0, backed_up.output
        assert f"ok: sqlite:///{copy}: whole. " in backed_up.output

        restored = await typed("db", "restore", str(copy), "--database", database(elsewhere))
        assert restored.exit_code == 0, restored.output
        v.move_to(elsewhere)
        assert set(before) <= recorded(elsewhere)
        for act in answers[1:]:
            await v.acknowledged(act)
        await v.rest()
        v.die()

        assert (await check(database(elsewhere))).damages == ()
        store = Store.open(database(elsewhere))
        try:
            assert await check_records(store) >= 1
        finally:
            await store.close()


async def test_a_broken_backup_is_not_restored(tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    copy.write_text("notes " * 1000)

    ended = await typed("db", "restore", str(copy), "--database", database(tmp_path))

    assert ended.exit_code == 1
    assert "the file: file is not a database" in ended.output
    assert not (tmp_path / "vouch.sqlite3").exists()


# --- the log ---

SAID = "xyzzy"
"""Stands in every text that anybody writes in this story."""


def marked(id_: str) -> Json:
    told = alert(
        f"Malware {SAID}-title",
        "microsoftDefenderForEndpoint",
        user("dc20cef7-a9fe-4773-b652-5efb74d750af", "bob@contoso.example"),
        device(f"{SAID}-device.contoso.example"),
        file(f"{SAID}-file.docm", verdict="suspicious", remediationStatus="remediated"),
        id_=f"da{id_}",
        category="Malware",
        mitreTechniques=["T1204.002"],
        description=f"{SAID}-description",
    )
    return incident(told, id_=id_, summary=f"{SAID}-summary", displayName=f"{SAID}-name")


async def act(v: Mortal, who: str, where: str, action: str, inputs: Json | None = None) -> None:
    """Press a button on the newest card that has it."""
    await v.rest()
    cards = [m for m in v.said() if m.conversation.startswith(where) and action in m.actions]
    place = f"/api/conversations/{quote(cards[-1].conversation, safe='')}/messages"
    body = {"user": id_of(v, who), "action": action, "inputs": inputs or {}}
    async with v.control.post(f"{place}/{cards[-1].id}/click", json=body) as response:
        assert response.status == 200


async def write(v: Mortal, who: str, text: str) -> None:
    async with v.control.post("/api/chats", json={"user": id_of(v, who)}) as response:
        chat: Json = await response.json()
    place = f"/api/conversations/{quote(chat['id'], safe='')}/messages"
    async with v.control.post(place, json={"from": id_of(v, who), "text": text}) as response:
        assert response.status == 200


def id_of(v: Mortal, name: str) -> str:
    users = (u for t in v.sim.world.tenants.values() for u in t.users.values())
    return next(u.id for u in users if u.name == name)


async def refused_in_every_way(v: Mortal, key: str) -> None:
    """Strangers, nonsense, and people without a right to be heard: all with the marker."""
    url = v.sim.bot_url
    wrong = {"Authorization": f"Bearer {SAID}-key"}
    right = {"Authorization": f"Bearer {key}"}
    for path, headers, body in (
        ("/api/messages", {}, json.dumps({"text": SAID})),
        ("/api/messages", {"Authorization": f"Bearer {SAID}.eyJh.x"}, SAID),
        ("/api/incidents/defender", wrong, "{}"),
        ("/api/incidents/defender", right, f"{{ {SAID}"),
        ("/api/incidents/defender", right, json.dumps({"id": SAID, "severity": SAID})),
        (f"/{SAID}", {}, ""),
    ):
        async with v.control.post(url + path, data=body, headers=headers) as response:
            assert response.status >= 400
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(f"GET /{SAID} NONSENSE\r\n{SAID}\r\n\r\n".encode())
    await writer.drain()
    await reader.read()
    writer.close()


async def test_the_log_tells_what_happened_and_not_what_was_said(
    tmp_path: Path, cradle: Nursery
) -> None:
    async with mortal(tmp_path, cradle) as v:
        assert await v.report(marked("M-1")) == 201
        await act(v, "Bob Meyer", ON_CHAT, "answer.q1.opened")
        await act(v, "Bob Meyer", ON_CHAT, "answer.q2.enabled_content")
        await write(v, "Bob Meyer", f"I think {SAID} did it")
        await act(v, "Jon Park", ON_THREAD, "approve.p1")
        v.sim._faults.order(Fault(kind="bad_gateway", times=3))
        v.sim._faults.order(Fault(kind="throttle", times=2, retry_after=0))
        close = {"disposition": "truePositive", "comment": f"{SAID}-comment"}
        await act(v, "Mia Lindqvist", "19:nordwall", "close_as", close)
        await refused_in_every_way(v, v._key)
        await v.rest()
        handles = [row[0] for row in rows(url(tmp_path), "SELECT token FROM handle")]
        said = [row[0] for row in rows(url(tmp_path), "SELECT text FROM message")]
        await v.stop()

        lines = log_of(tmp_path)
        text = (tmp_path / "vouch.log").read_text(encoding="utf-8")
        assert any(SAID in words for words in said), "the story has what must not be logged"
        for secret in (SAID, APP_SECRET, v._key, "Bearer", "eyJ", *handles):
            assert secret not in text, [line for line in text.splitlines() if secret in line]
        sentences = {m.text for m in v.said() if not m.card}
        assert sentences
        assert not [words for words in sentences if words in text]
        told = {line["event"] for line in lines}
        assert {
            "event_recorded",
            "effect_carried_out",
            "activity_refused",
            "intake_refused",
            "containment_rehearsed",
        } <= told
        for line in lines:
            if "effect" in line:
                assert {"customer", "incident", "kind"} <= line.keys(), line
            if line["event"] == "event_recorded":
                assert line["name"] == "CONTOSO-1"
        kinds = {line["kind"] for line in lines if line["event"] == "event_recorded"}
        assert {"reported", "answered", "wrote", "approval_answered", "close_ordered"} <= kinds
        written = [line for line in lines if line["event"] == "source_write_rehearsed"]
        assert "resolvingComment" in written[-1]["fields"], "which fields,"
        assert isinstance(written[-1]["fields"], list), "and not what is in them"
        carried_out = [line for line in lines if line["event"] == "effect_carried_out"]
        assert {"done", "later"} <= {line["outcome"] for line in carried_out}
        assert all(line["reason"] for line in carried_out if line["outcome"] != "done")

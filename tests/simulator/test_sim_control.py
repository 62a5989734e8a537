"""The control API as page and tests use it, and the simulator as a process of its own."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator.changes import Changes
from simulator.world import Chat
from tests.simulator.simulated_teams import APP_ID, CONTOSO, FABRIKAM, SECRET, Teams, said

BOB = "bob@contoso.example"


async def next_event(response: aiohttp.ClientResponse) -> Any:
    while True:
        line = await response.content.readline()
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))


async def test_the_state_shows_bot_tenants_and_conversations(teams: Teams) -> None:
    state = await teams.state()

    bot = {"id": f"28:{APP_ID}", "name": "Vouch", "url": teams.bot.url, "clock": None}
    assert state["bot"] == bot
    assert [(it["customer"], it["role"]) for it in state["tenants"]] == [
        ("contoso", "customer"),
        ("fabrikam", "customer"),
        ("nordwall", "provider"),
    ]
    assert state["tenants"] == (await teams.play("GET", "/api/tenants")).body
    assert state["conversations"] == (await teams.play("GET", "/api/conversations")).body
    personal = [it["title"] for it in state["conversations"]]
    assert personal == [
        "Bob Meyer",
        "Carla Duarte",
        "Ines Costa (admin)",
        "Paulo Ramos",
        "Greta Braun",
        "Lee Chen",
    ]


async def test_conversations_can_be_read_by_tenant(teams: Teams) -> None:
    listed = await teams.play("GET", f"/api/conversations?tenant={FABRIKAM}")

    assert [it["title"] for it in listed.body] == ["Lee Chen"]


async def test_changes_are_told_as_they_happen(teams: Teams) -> None:
    chat = await teams.chat()
    async with teams.session.get(teams.sim.page_url + "/api/events") as stream:
        hello = await next_event(stream)
        await teams.connector("POST", f"conversations/{chat}/activities", said("hi"))
        event = await asyncio.wait_for(next_event(stream), 1)

    assert stream.headers["Content-Type"] == "text/event-stream"
    assert hello["kind"] == "hello"
    assert event == {"revision": hello["revision"] + 1, "kind": "message", "conversation": chat}


async def test_a_watcher_who_was_cut_off_goes_on_where_it_was(teams: Teams) -> None:
    chat = await teams.chat()
    seen = (await teams.state())["revision"]
    for text in ("one", "two"):
        await teams.connector("POST", f"conversations/{chat}/activities", said(text))

    headers = {"Last-Event-ID": str(seen)}
    async with teams.session.get(teams.sim.page_url + "/api/events", headers=headers) as stream:
        await next_event(stream)
        revisions = [(await next_event(stream))["revision"] for _ in range(2)]

    assert revisions == [seen + 1, seen + 2]


async def test_a_watcher_too_far_behind_reads_all_anew() -> None:
    changes = Changes()
    for _ in range(3000):
        changes.note("message")

    assert [it.kind for it in changes.since(5)] == ["reload"]
    assert [it.kind for it in changes.since(4000)] == ["reload"]
    assert [it.revision for it in changes.since(2998)] == [2999, 3000]
    assert changes.since(3000) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/nothing", None, 404),
        ("GET", "/api/conversations/none/messages", None, 404),
        ("POST", "/api/chats", {"user": "nobody"}, 404),
        ("POST", "/api/chats", {}, 400),
        ("POST", "/api/chats", {"user": BOB, "extra": 1}, 400),
        ("POST", "/api/chats", ["no object"], 400),
        ("POST", "/api/teams/none/install", None, 404),
        ("POST", "/api/users/none/block", None, 404),
        ("POST", "/api/tenants/none/users", {"name": "N", "upn": "n@x"}, 404),
        ("POST", f"/api/tenants/{CONTOSO}/users", {"name": " ", "upn": "n@x"}, 400),
        ("POST", "/api/tokens", {"tenant": "none"}, 404),
        ("GET", "/api/requests?since=yesterday", None, 400),
        ("POST", "/api/scenarios/none/start", None, 404),
        ("POST", "/api/scenarios/sample/steps/none", None, 404),
    ],
)
async def test_a_mistake_is_answered_with_a_code_and_a_sentence(
    fresh: Teams, method: str, path: str, body: Any, status: int
) -> None:
    answer = await fresh.play(method, path, body)

    assert answer.status == status
    assert answer.code
    assert answer.body["error"]["message"]


async def test_another_site_in_the_same_browser_may_not_play(fresh: Teams) -> None:
    foreign = await fresh.play("POST", "/api/install-all", Origin="https://evil.example")
    rebound = await fresh.play("GET", "/api/state", Host="evil.example")
    own = await fresh.play("GET", "/api/state", Origin=fresh.sim.page_url)

    assert (foreign.status, foreign.code) == (400, "ForeignOrigin")
    assert (rebound.status, rebound.code) == (400, "ForeignOrigin")
    assert own.status == 200
    assert fresh.bot.received == []


async def test_the_page_may_run_and_load_its_own_files_only(fresh: Teams) -> None:
    for path in ("/", "/static/index.html"):
        async with fresh.session.get(fresh.sim.page_url + path) as page:
            policy = page.headers["Content-Security-Policy"]

            assert page.status == 200
            assert policy.startswith("default-src 'self';")
            assert "script-src" not in policy


async def test_ten_thousand_messages_do_not_slow_the_next_one(teams: Teams) -> None:
    chat = await teams.chat()
    world = teams.sim.world
    place = world.place(chat)
    assert isinstance(place, Chat)
    for _ in range(10_000):
        world.post(place, world.new_id(), world.bot, said("x" * 100))

    began = time.monotonic()
    for _ in range(20):
        await teams.connector("POST", f"conversations/{chat}/activities", said("y"))
    state = await teams.state()
    took = time.monotonic() - began

    assert took < 1
    shown = next(it for it in state["conversations"] if it["id"] == chat)["messages"]
    assert len(shown) == 200
    assert shown[-1]["activity"]["text"] == "y"
    all_of_them = await teams.play("GET", f"/api/conversations/{chat}/messages")
    assert len(all_of_them.body) == 10_020


async def test_as_a_process_it_tells_its_addresses_and_ends_when_told(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text('{"contoso": {"defender": "k"}}')
    options = {
        "--bot-url": "http://127.0.0.1:9",
        "--app-id": APP_ID,
        "--app-secret": SECRET,
        "--data": str(tmp_path),
        "--intake-keys": str(keys),
    }
    flat = [word for option in options.items() for word in option]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *flat, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    addresses = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    async with (
        aiohttp.ClientSession() as session,
        session.get(addresses["page"] + "/api/events") as watched,
        session.get(addresses["page"] + "/api/state") as response,
    ):
        assert watched.status == response.status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0

    assert addresses["ca"] == str(tmp_path / "ca.pem")
    assert addresses["serviceUrls"]["contoso"] == f"{addresses['api']}/emea/{CONTOSO}/"

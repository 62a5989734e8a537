"""Trouble on demand, and the journal that shows it."""

import time
from typing import Any

import aiohttp
import pytest

from tests.simulator.simulated_teams import INCIDENTS, NORDWALL, TEAM, Teams, new_thread, said

PATH = f"teams/{TEAM}"


async def order(teams: Teams, **fault: Any) -> None:
    assert (await teams.play("POST", "/api/faults", fault)).status == 200


async def statuses(teams: Teams, count: int) -> list[int]:
    return [(await teams.connector("GET", PATH)).status for _ in range(count)]


async def test_throttling_lasts_as_many_calls_as_ordered_and_says_how_long_to_wait(
    teams: Teams,
) -> None:
    await order(teams, kind="throttle", times=2, retryAfter=7)
    first = await teams.connector("GET", PATH)
    left = await teams.play("GET", "/api/faults")

    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert [(it["kind"], it["times"]) for it in left.body] == [("throttle", 1)]
    assert await statuses(teams, 2) == [429, 200]
    assert (await teams.play("GET", "/api/faults")).body == []


async def test_faults_strike_in_the_order_they_came_and_can_be_called_off(teams: Teams) -> None:
    await order(teams, kind="bad_gateway")
    await order(teams, kind="blocked", times=5)
    struck = await statuses(teams, 2)
    await teams.play("DELETE", "/api/faults")

    assert struck == [502, 403]
    assert await statuses(teams, 1) == [200]


async def test_a_fault_strikes_only_what_it_names(teams: Teams) -> None:
    thread = (await teams.thread(said("root")))["id"]
    await order(teams, kind="bad_gateway", method="POST")
    await order(teams, kind="bad_gateway", tenant=NORDWALL)
    await order(teams, kind="bad_gateway", conversation=INCIDENTS)

    assert await statuses(teams, 1) == [200]
    for _ in range(2):
        sent = await teams.connector("POST", f"conversations/{thread}/activities", said("x"))
        assert sent.status == 502
    sent = await teams.connector("POST", f"conversations/{thread}/activities", said("x"))
    assert sent.status == 201


async def test_a_path_puts_identity_endpoints_in_trouble_too(teams: Teams) -> None:
    await order(teams, kind="bad_gateway", path="/oauth2/v2.0/token")

    assert await statuses(teams, 1) == [200]
    assert (await teams.sign_in(NORDWALL)).status == 502
    assert (await teams.sign_in(NORDWALL)).status == 200


async def test_slowness_delays_the_answer_and_changes_nothing_else(teams: Teams) -> None:
    await order(teams, kind="slow", seconds=0.2)
    began = time.monotonic()

    assert await statuses(teams, 1) == [200]
    assert time.monotonic() - began >= 0.2


async def test_a_lost_answer_was_carried_out_all_the_same(teams: Teams) -> None:
    await order(teams, kind="lost_answer")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await teams.connector("POST", "conversations", new_thread(said("did it arrive?")))

    titles = [it["title"] for it in (await teams.state())["conversations"]]
    assert "did it arrive?" in titles


async def test_an_unreasonable_fault_is_refused(teams: Teams) -> None:
    for fault in ({"kind": "fire"}, {"kind": "slow", "times": 0}, {"kind": "slow", "when": "now"}):
        answer = await teams.play("POST", "/api/faults", fault)

        assert (answer.status, answer.code) == (400, "BadRequest")


async def test_the_journal_tells_every_call_with_its_answer(teams: Teams) -> None:
    before = (await teams.play("GET", "/api/requests")).body
    await order(teams, kind="throttle")
    await statuses(teams, 1)
    made = await teams.connector("POST", "conversations", new_thread(said("x")))
    thread = made.body["id"]
    await teams.connector("POST", f"conversations/{thread}/activities", said("xyz"))
    await teams.connector("GET", PATH, token="wrong")

    since = before[-1]["n"]
    calls = (await teams.play("GET", f"/api/requests?since={since}")).body
    assert [it["n"] for it in calls] == list(range(since + 1, since + 5))
    assert [it["status"] for it in calls] == [429, 201, 201, 401]
    assert calls[2]["conversation"] == thread
    assert calls[2]["bytes"] > 0
    assert calls[2]["path"].endswith(f"/v3/conversations/{thread}/activities")

"""Scenarios: what their files say, and that playing them reaches the bot."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from simulator.changes import Changes
from simulator.scenariofile import Moment, Report, Scenario, filled, read_scenarios
from simulator.server import DEMO_WORLD, SCENARIOS, Simulator, SimulatorConfig
from simulator.world import World
from simulator.worldfile import WorldFile, read_world
from tests.simulator.simulated_teams import INCIDENTS, Teams, shown

START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
MOMENT = Moment(now=START + timedelta(minutes=5), start=START, run="77")
SHIPPED = list(read_scenarios(SCENARIOS).values())


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("@now", "2026-03-01T10:05:00.000Z"),
        ("@now-8m", "2026-03-01T09:57:00.000Z"),
        ("@start+2h", "2026-03-01T12:00:00.000Z"),
        ("@start-30s", "2026-03-01T09:59:30.000Z"),
        ("@start-1d", "2026-02-28T10:00:00.000Z"),
        ("inc-{@run}", "inc-77"),
        ("mail @now-8m please", "mail @now-8m please"),
        ("@nowhere", "@nowhere"),
    ],
)
def test_placeholders_are_filled_in(text: str, becomes: str) -> None:
    assert filled({"a": [text, 1, None]}, MOMENT) == {"a": [becomes, 1, None]}


async def test_a_start_posts_the_incident_with_the_customers_key(teams: Teams) -> None:
    teams.bot.status, teams.bot.answer = 202, {"case": "CONTOSO-1"}
    started = await teams.play("POST", "/api/scenarios/sample/start")

    [posted] = teams.bot.received
    assert started.body["done"] == [{"do": "incident", "status": 202, "body": teams.bot.answer}]
    assert posted.path == "/api/incidents/defender"
    assert posted.authorization == "Bearer contoso-defender-key"
    assert posted.body["id"].isdigit()
    happened = datetime.fromisoformat(posted.body["alerts"][0]["firstActivityDateTime"])
    assert timedelta(minutes=7) < datetime.now(UTC) - happened < timedelta(minutes=9)


async def test_each_run_has_ids_of_its_own(teams: Teams) -> None:
    for _ in range(2):
        await teams.play("POST", "/api/scenarios/sample/start")

    first, second = [it.body["id"] for it in teams.bot.received]
    assert first != second


async def test_a_later_step_is_played_only_after_the_start(teams: Teams) -> None:
    path = "/api/scenarios/sample/steps/bob-writes"
    early = await teams.play("POST", path)
    await teams.play("POST", "/api/scenarios/sample/start")
    played = await teams.play("POST", path)

    assert (early.status, early.code) == (409, "NotStarted")
    assert played.status == 200
    assert teams.bot.last["text"] == "yes I opened it"
    listed = await teams.play("GET", "/api/scenarios")
    assert listed.body[0]["started"]
    assert listed.body[0]["steps"][0]["played"]


async def test_without_an_intake_key_nothing_is_posted(
    teams: Teams, tmp_path: Path, scenarios: Path
) -> None:
    config = SimulatorConfig(
        app_id="a", app_secret="s", data=tmp_path, bot_url=teams.bot.url, scenarios=scenarios
    )
    async with Simulator(config) as keyless:
        url = keyless.page_url + "/api/scenarios/sample/start"
        async with teams.session.post(url) as response:
            body = await response.json()

    assert (response.status, body["error"]["code"]) == (409, "NoIntakeKey")
    assert teams.bot.received == []


async def test_steps_can_do_all_that_people_do(
    teams: Teams, tmp_path: Path, scenarios: Path
) -> None:
    bob, jon = "bob@contoso.example", "jon@contoso.example"
    deeds = [
        {"do": "install", "user": bob},
        {"do": "message", "user": jon, "text": "look", "channel": INCIDENTS, "mentionBot": True},
        {"do": "block", "user": bob},
        {"do": "message", "user": bob, "text": "unheard"},
        {"do": "unblock", "user": bob},
    ]
    click = {"do": "click", "user": bob, "action": "yes", "inputs": {"note": "n"}, "as": "submit"}
    story = {
        "id": "all",
        "title": "All",
        "summary": "",
        "start": deeds,
        "steps": [{"id": "press", "title": "Press", "do": [click]}],
    }
    (scenarios / "02-all.json").write_text(json.dumps(story))
    demo = SimulatorConfig(
        app_id="a", app_secret="s", data=tmp_path / "d", bot_url=teams.bot.url, scenarios=scenarios
    )
    async with Simulator(demo) as sim:
        teams.sim = sim
        started = await teams.play("POST", "/api/scenarios/all/start")
        no_card = await teams.play("POST", "/api/scenarios/all/steps/press")
        await show_card(sim, bob)
        pressed = await teams.play("POST", "/api/scenarios/all/steps/press")

    assert [it["status"] for it in started.body["done"]] == [200, None, None, None, None]
    assert (no_card.status, no_card.code) == (409, "NoCard")
    assert pressed.status == 200
    assert teams.bot.last["value"] == {"h": 1, "note": "n"}


async def show_card(sim: Simulator, upn: str) -> None:
    user = sim.world.user(upn)
    assert user
    card = {"actions": [{"type": "Action.Submit", "id": "yes", "data": {"h": 1}}]}
    chat = sim.world.open_chat(user)
    sim.world.post(chat, sim.world.new_id(), sim.world.bot, shown(card))


@pytest.mark.parametrize("scenario", SHIPPED, ids=lambda it: it.id)
def test_a_shipped_scenario_names_only_what_the_demo_has(scenario: Scenario) -> None:
    world = World(read_world(DEMO_WORLD), "app", Changes())
    customers = {tenant.customer for tenant in world.tenants.values()}
    deeds = [*scenario.start, *(deed for step in scenario.steps for deed in step.do)]

    for deed in deeds:
        if isinstance(deed, Report):
            assert deed.customer in customers
        else:
            assert world.user(deed.user)


def test_the_demo_world_has_the_people_of_the_story() -> None:
    tenants = read_world(DEMO_WORLD).tenants
    members = {it.name: [p.given_name for p in it.users if p.teams] for it in tenants}

    assert members == {
        "Contoso": ["Jon", "Ines"],
        "Fabrikam": ["Amira", "Tom"],
        "Nordwall MXDR": ["Mia", "Sam"],
    }
    assert [(p.given_name, p.locale) for p in tenants[0].users][-2:] == [
        ("Paulo", "pt-BR"),
        ("Greta", "de-DE"),
    ]
    assert all(p.sid.startswith("S-1-5-21-") for tenant in tenants for p in tenant.users)


def broken(change: dict[str, Any]) -> dict[str, Any]:
    file: dict[str, Any] = json.loads(DEMO_WORLD.read_text())
    file["tenants"][0]["users"][0] |= change
    return file


@pytest.mark.parametrize(
    "change",
    [
        {"upn": "CARLA@contoso.example"},
        {"teams": ["19:fabrikam-security@thread.tacv2"]},
        {"timeZone": "Mars/Olympus"},
        {"nickname": "Bobby"},
    ],
)
def test_a_world_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WorldFile.model_validate(broken(change))


LIKE = {
    "id": "like",
    "title": "Like",
    "summary": "",
    "parts": {"user": {"name": "Bob", "roles": []}, "attacked": {"@like": "user", "roles": ["a"]}},
    "start": [
        {
            "do": "incident",
            "customer": "contoso",
            "source": "defender",
            "payload": {"evidence": [{"@like": "attacked"}, {"@like": "user", "name": "{@run}"}]},
        }
    ],
}


def test_parts_are_put_in_where_payloads_are_like_them() -> None:
    [deed] = Scenario.model_validate(LIKE).start

    assert isinstance(deed, Report)
    assert deed.payload["evidence"] == [
        {"name": "Bob", "roles": ["a"]},
        {"name": "{@run}", "roles": []},
    ]


def test_a_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValidationError, match="no part 'attacked' before this"):
        Scenario.model_validate(LIKE | {"parts": {"user": {}}})

"""The bot's clock as the simulator forwards it: only where somebody lets it be moved."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from simulator.botclock import ClockControl
from simulator.server import Simulator, SimulatorConfig
from tests.simulator.simulated_teams import Teams


@dataclass
class Remote:
    """Stands in for whoever started the bot: answers each order with the next leads."""

    url: str = ""
    leads: list[list[float]] = field(default_factory=list)
    orders: list[tuple[str, Any]] = field(default_factory=list)

    async def advance(self, request: web.Request) -> web.Response:
        self.orders.append((request.headers["Authorization"], await request.json()))
        jumps = self.leads.pop(0) if self.leads else []
        return web.Response(text="".join(json.dumps({"leadSeconds": j}) + "\n" for j in jumps))


@pytest.fixture
async def remote() -> AsyncIterator[Remote]:
    remote = Remote()
    app = web.Application()
    app.router.add_post("/advance", remote.advance)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    remote.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield remote
    await runner.cleanup()


@dataclass(frozen=True)
class Moved:
    status: int
    body: Any


@dataclass(frozen=True)
class Stand:
    sim: Simulator
    session: aiohttp.ClientSession

    async def move(self, body: Any) -> Moved:
        url = f"{self.sim.page_url}/api/clock"
        async with self.session.post(url, json=body) as answer:
            return Moved(answer.status, await answer.json())


@pytest.fixture
async def stand(remote: Remote, teams: Teams, tmp_path: Path) -> AsyncIterator[Stand]:
    control = ClockControl(url=remote.url, token="the token")
    config = SimulatorConfig(
        app_id="a", app_secret="s", data=tmp_path / "c", bot_url=teams.bot.url, bot_clock=control
    )
    async with Simulator(config) as sim:
        yield Stand(sim, teams.session)


def ahead(sim: Simulator) -> timedelta:
    return sim.world.now() - datetime.now(UTC)


async def test_a_clock_nobody_lets_us_move_is_not_shown(teams: Teams) -> None:
    refused = await teams.play("POST", "/api/clock", {"minutes": 5})

    assert (refused.status, refused.code) == (409, "NoClockControl")
    assert (await teams.state())["bot"]["clock"] is None


async def test_an_order_is_passed_on_with_the_token_and_teams_goes_by_it(
    stand: Stand, remote: Remote
) -> None:
    remote.leads = [[120.0, 1800.0]]

    moved = await stand.move({"minutes": 30})

    assert remote.orders == [("Bearer the token", {"minutes": 30})]
    assert (moved.status, moved.body["leadSeconds"]) == (200, 1800)
    assert abs(ahead(stand.sim) - timedelta(minutes=30)) < timedelta(seconds=5)


async def test_the_next_one_passes_over_moments_at_which_nothing_shows(
    stand: Stand, remote: Remote
) -> None:
    remote.leads = [[60.0], [120.0], []]

    moved = await stand.move({"to": "next"})
    nothing = await stand.move({"to": "next"})

    assert (moved.status, moved.body["leadSeconds"]) == (200, 120)
    assert (nothing.status, nothing.body["error"]["code"]) == (409, "NothingDue")


@pytest.mark.parametrize("body", [{}, {"minutes": 0}, {"minutes": 5, "to": "next"}, {"to": "past"}])
async def test_an_order_says_one_thing(stand: Stand, remote: Remote, body: Any) -> None:
    moved = await stand.move(body)

    assert moved.status == 400
    assert remote.orders == []


async def test_a_clock_that_does_not_answer_is_said_to(
    teams: Teams, tmp_path: Path, unused_tcp_port: int
) -> None:
    control = ClockControl(url=f"http://127.0.0.1:{unused_tcp_port}", token="t")
    config = SimulatorConfig(
        app_id="a", app_secret="s", data=tmp_path / "c", bot_url="", bot_clock=control
    )
    async with Simulator(config) as sim:
        moved = await Stand(sim, teams.session).move({"minutes": 5})

    assert (moved.status, moved.body["error"]["code"]) == (502, "ClockUnreachable")

"""A running simulator for every test of this folder."""

import json
import ssl
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from simulator.keys import SigningKey, new_key
from simulator.server import DEMO_WORLD, Simulator, SimulatorConfig
from tests.simulator.simulated_teams import APP_ID, KEYS, NORDWALL, SAMPLE, SECRET, StubBot, Teams


@pytest.fixture
async def bot() -> AsyncIterator[StubBot]:
    stub = StubBot()
    app = web.Application()
    app.router.add_post("/{path:.*}", stub.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stub
    await runner.cleanup()


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The demo's world, but Fabrikam has not let the app read its channels."""
    file = json.loads(DEMO_WORLD.read_text())
    file["tenants"][1]["teams"][0]["rsc"] = False
    path = tmp_path / "world.json"
    path.write_text(json.dumps(file))
    return path


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "01-sample.json").write_text(json.dumps(SAMPLE))
    return folder


@pytest.fixture(scope="session")
def signing_keys() -> list[SigningKey]:
    """As many different keys as one simulator needs in any test."""
    return [new_key() for _ in range(4)]


@pytest.fixture
async def fresh(
    bot: StubBot,
    world: Path,
    scenarios: Path,
    tmp_path: Path,
    signing_keys: list[SigningKey],
) -> AsyncIterator[Teams]:
    """Just started: the app is installed nowhere, and the bot has no token yet."""
    config = SimulatorConfig(
        app_id=APP_ID,
        app_secret=SECRET,
        data=tmp_path / "data",
        bot_url=bot.url,
        world=world,
        scenarios=scenarios,
        intake_keys=KEYS,
        key_source=cycle(signing_keys).__next__,
    )
    async with Simulator(config) as sim, aiohttp.ClientSession() as session:
        trust = ssl.create_default_context(cafile=str(sim.ca_file))
        yield Teams(sim, bot, session, trust)


@pytest.fixture
async def teams(fresh: Teams) -> Teams:
    """The app is installed as in the demo, and the bot has its token."""
    await fresh.play("POST", "/api/install-all")
    fresh.bot.received.clear()
    signed_in = await fresh.sign_in(NORDWALL)
    fresh.bearer = signed_in.body["access_token"]
    return fresh

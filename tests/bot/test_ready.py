"""Ready is who can work: the store answers, what is due is looked for, Teams can be spoken to."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request
from pydantic import SecretStr

from bot.app import running
from bot.settings import Settings
from bot.web import LOOKS_WITHIN, Readiness
from simulator.server import Simulator
from storage.engine import Store
from tests.story.house import house, onboard, settings, simulated


async def asked(readiness: Readiness) -> tuple[int, dict[str, Any]]:
    answer = await readiness.answer(make_mocked_request("GET", "/readyz"))
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'vouch.sqlite3'}")
    yield store
    await store.close()


async def test_a_dispatcher_that_does_not_look_is_not_ready(store: Store) -> None:
    late = LOOKS_WITHIN + 1

    assert (await asked(Readiness(store, lambda: 0.0, lambda: True)))[0] == 200
    assert await asked(Readiness(store, lambda: late, lambda: True)) == (
        503,
        {"error": "the dispatcher has not looked for 31 s; the log says why"},
    )


async def test_a_store_that_does_not_answer_is_not_ready(store: Store) -> None:
    await store.close()

    assert await asked(Readiness(store, lambda: 0.0, lambda: True)) == (
        503,
        {"error": "the database does not answer; the log says why"},
    )


async def test_whoever_stops_is_not_ready(store: Store) -> None:
    readiness = Readiness(store, lambda: 0.0, lambda: True)
    readiness.is_stopping = True

    assert await asked(readiness) == (503, {"error": "stopping"})


async def test_a_house_gets_ready_by_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        async with asyncio.timeout(20):
            while True:
                async with h.control.get(f"{h.vouch.url}/readyz") as response:
                    if response.status == 200:
                        break
                await asyncio.sleep(0.01)

        async with h.control.get(f"{h.vouch.url}/healthz") as response:
            assert await response.json() == {"status": "ok"}
        for path in ("/healthz", "/readyz"):
            async with h.control.post(f"{h.vouch.url}{path}") as response:
                assert response.status == 405


async def test_without_a_token_for_teams_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    keys = await onboard(tmp_path / "vouch.sqlite3")
    async with Simulator(simulated(tmp_path, keys)) as sim:
        known = settings(sim, f"sqlite:///{tmp_path / 'vouch.sqlite3'}")
        wrong = Settings(**(known.model_dump() | {"app_secret": SecretStr("guessed")}))
        async with (
            running(wrong, dispatch=False) as vouch,
            aiohttp.ClientSession(vouch.url) as session,
        ):
            async with session.get("/healthz") as response:
                assert response.status == 200
            async with session.get("/readyz") as response:
                said = await response.text()

    assert response.status == 503
    assert json.loads(said) == {
        "error": "no keys or token for Teams yet; the log says why, as does `vouch doctor`"
    }

"""The demo's time-lapse: Vouch's clock is moved on, and what falls due on the way happens."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from bot.app import Vouch, running
from bot.clock import ManualClock, ShiftedClock
from bot.timelapse import time_lapse
from simulator.botclock import ClockControl
from simulator.server import Simulator
from storage import incidents
from storage.engine import Tx
from tests import databases
from tests.story.house import Json, onboard, settings, simulated
from triage.incident import Incident

TOKEN = "a token of the tests"
A_MOMENT = timedelta(seconds=20)
"""What the real clock may add while a test runs."""


@dataclass(frozen=True)
class Stage:
    """A demo in one process: everything due happens by itself, on a clock that can be moved."""

    vouch: Vouch
    clock: ShiftedClock
    control: aiohttp.ClientSession
    door: str

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        async with self.control.request(method, f"/api{path}", json=body) as answer:
            told = await answer.json()
            assert answer.status == 200, told
            return told

    async def start(self, scenario: str) -> None:
        await self.api("POST", f"/scenarios/{scenario}/start")

    async def move(self, **wanted: Any) -> float:
        """How far ahead Vouch's clock is then, in seconds."""
        return float((await self.api("POST", "/clock", wanted))["leadSeconds"])

    async def press(self, who: str, action: str) -> None:
        """The button, wherever this person has it, as soon as it is there."""
        user = await self.until(lambda state: _user(state, who))
        message = await self.until(lambda state: _with_button(state, user, action))
        place = f"/conversations/{quote(message[0], safe='')}/messages/{message[1]}/click"
        await self.api("POST", place, {"user": user["id"], "action": action})

    async def until(self, found: Callable[[Json], Any]) -> Any:
        """What is looked for in what everybody sees, as soon as it is there."""
        for _ in range(400):
            if seen := found(await self.api("GET", "/state")):
                return seen
            await asyncio.sleep(0.05)
        raise TimeoutError("it never came")

    async def incidents(self) -> dict[str, Incident]:
        def load(tx: Tx) -> list[Incident]:
            now = self.clock.now()
            return incidents.received_between(tx, now - timedelta(days=2), now, 99)

        return {i.name: i for i in await self.vouch.store.read("contoso", load)}

    async def woken(self, incident: Incident) -> list[tuple[str, timedelta]]:
        """Its deadlines in the order they fell due, and how long after its arrival."""
        history = await self.vouch.store.read(
            "contoso", lambda tx: incidents.history(tx, incident.id)
        )
        return [
            (stored.event.name.partition(":")[0], stored.at - incident.received)
            for stored in history
            if not isinstance(stored.event, incidents.Erased) and stored.event.kind == "woke"
        ]


def _user(state: Json, name: str) -> Json | None:
    return next((u for t in state["tenants"] for u in t["users"] if u["name"] == name), None)


def _with_button(state: Json, user: Json, action: str) -> tuple[str, str] | None:
    for conversation in reversed(state["conversations"]):
        mine = conversation["user"] == user["id"] or conversation["team"] in user["teams"]
        for message in reversed(conversation["messages"] if mine else []):
            if f'"id": "{action}"' in json.dumps(message["activity"]):
                return conversation["id"], message["id"]
    return None


def shows(words: str) -> Callable[[Json], bool]:
    return lambda state: words in json.dumps(state["conversations"])


@asynccontextmanager
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    keys = await onboard(tmp_path / "vouch.sqlite3")
    door = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    config = replace(simulated(tmp_path, keys), bot_clock=ClockControl(url=url, token=TOKEN))
    clock = ShiftedClock()
    async with Simulator(config) as sim:
        own = settings(sim, databases.url(tmp_path))
        async with (
            running(own, clock, dispatch=False) as vouch,
            time_lapse(vouch, clock, 0.2, door, TOKEN),
            aiohttp.ClientSession(sim.page_url) as control,
        ):
            sim.bot_url = vouch.url
            opened = Stage(vouch, clock, control, url)
            await opened.api("POST", "/install-all")
            yield opened


def test_a_shifted_clock_goes_on_and_never_back() -> None:
    base = ManualClock(datetime(2026, 3, 1, 10, 0, tzinfo=UTC))
    clock = ShiftedClock(base)
    clock.move_to(base.now() + timedelta(minutes=5))
    clock.move_to(base.now() - timedelta(minutes=5))
    base.advance(timedelta(minutes=1))

    assert clock.now() == datetime(2026, 3, 1, 10, 6, tzinfo=UTC)
    assert clock.lead == timedelta(minutes=5)


async def test_half_an_hour_later_the_hold_is_over_and_the_case_closed(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.start("late-quarantine")
        await s.press("Bob Meyer", "answer.q1.opened")
        await s.press("Bob Meyer", "answer.q2.enabled_content")
        await s.press("Jon Park", "approve.p1")
        await s.until(shows("Closes at"))

        assert await s.move(minutes=30) == pytest.approx(1800, abs=1)

        incident = (await s.incidents())["CONTOSO-1"]
        assert incident.closed is not None
        assert incident.closed.by is None
        state = await s.api("GET", "/state")
        assert shows("CONTOSO-1 is closed")(state)
        lead = datetime.fromisoformat(state["bot"]["clock"]["now"]) - datetime.now(UTC)
        assert abs(lead - timedelta(minutes=30)) < A_MOMENT


async def test_deadlines_fall_due_in_their_order_and_at_their_time(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.start("forty-alerts")
        await s.until(shows("Isolate KIOSK-3?"))

        await s.move(minutes=60)

        storm = await s.incidents()
        laptop, kiosk = storm["CONTOSO-1"], storm["CONTOSO-2"]
        assert await _in_minutes(s, laptop) == [
            ("remind", 7),
            ("clock", 7),
            ("clock", 10),
            ("approval", 13),
            ("question", 15),
            ("rung", 20),
            ("call", 35),
        ]
        assert await _in_minutes(s, kiosk) == [
            ("clock", 7),
            ("clock", 10),
            ("approval", 13),
            ("clock", 35),
            ("clock", 43),
            ("close", 43),
        ]
        stamps = [
            message["at"]
            for conversation in (await s.api("GET", "/state"))["conversations"]
            for message in conversation["messages"]
            if "is closed" in str(message["activity"].get("text"))
        ]
        assert len(stamps) == 1
        after = datetime.fromisoformat(stamps[0]) - kiosk.received
        assert abs(after - timedelta(minutes=43)) < A_MOMENT, "Teams goes by the same clock"


async def _in_minutes(s: Stage, incident: Incident) -> list[tuple[str, int]]:
    return [(what, after // timedelta(minutes=1)) for what, after in await s.woken(incident)]


async def test_the_next_deadline_is_the_next_one_that_shows(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.start("late-quarantine")
        await s.press("Bob Meyer", "answer.q1.opened")
        await s.until(shows("answer.q2.enabled_content"))

        lead = await s.move(to="next")
        assert lead == pytest.approx(15 * 30, abs=A_MOMENT.total_seconds())
        assert shows("Not done yet: Take over")(await s.api("GET", "/state"))
        lead = await s.move(to="next")
        assert lead == pytest.approx(15 * 30, abs=A_MOMENT.total_seconds())
        assert shows("Your answer to the question above is still needed")(
            await s.api("GET", "/state")
        )

        assert await s.move(to="next") == pytest.approx(10 * 60, abs=A_MOMENT.total_seconds())
        lead = await s.move(to="next")

        assert lead == pytest.approx(15 * 60, abs=A_MOMENT.total_seconds())
        assert shows("No answer from Bob Meyer")(await s.api("GET", "/state"))


async def test_where_nothing_is_waiting_any_more_it_says_so(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        await s.start("oops")
        await s.press("Paulo Ramos", "answer.q1.expected")
        await s.until(shows("Close as proposed"))
        await s.move(to="next")

        async with s.control.post("/api/clock", json={"to": "next"}) as answer:
            refused = await answer.json()

        assert (answer.status, refused["error"]["code"]) == (409, "NothingDue")


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [
        ("another", {"minutes": 5}, 401),
        ("", {"minutes": 5}, 401),
        (TOKEN, {}, 400),
        (TOKEN, {"minutes": 5, "to": "next"}, 400),
        (TOKEN, {"minutes": -5}, 400),
        (TOKEN, {"to": "yesterday"}, 400),
    ],
)
async def test_only_whoever_holds_the_token_moves_the_clock_and_only_on(
    tmp_path: Path, token: str, body: Json, status: int
) -> None:
    async with stage(tmp_path) as s:
        headers = {"Authorization": f"Bearer {token}"}
        async with s.control.post(f"{s.door}/advance", json=body, headers=headers) as answer:
            assert answer.status == status
        assert s.clock.lead == timedelta(0)

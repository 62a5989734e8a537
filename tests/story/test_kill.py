"""Any process may die at any line: killed and started again, everything ends as if nothing was."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import pytest
from aiohttp import web

from bot import rota
from bot.demo import PROVIDER_TENANT
from simulator.server import Simulator
from storage import across, incidents
from storage.engine import Store, Tx
from tests.databases import await_last_words, rows, url
from tests.story.graph_incident import malware_ran
from tests.story.house import APP_ID, APP_SECRET, Changed, Json, Seen, onboard, seen_in, simulated
from tests.story.nursery import Nursery, nursery
from tests.story.record import check_records
from tests.story.test_shifts import shift
from triage.actions import ActionKind
from triage.effects import ChangeShift
from triage.incident import ActionState, Incident, Status
from triage.report import Source

pytestmark = pytest.mark.long

PATIENCE = 20.0
"""Seconds for anything to happen; a machine under load is slow, a lost effect never comes."""


@pytest.fixture(scope="module")
def cradle() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


class Mortal:
    """Vouch in a process of its own beside a simulated Teams that outlives it."""

    def __init__(
        self,
        cradle: Nursery,
        sim: Simulator,
        control: aiohttp.ClientSession,
        folder: Path,
        key: str,
    ) -> None:
        self._cradle = cradle
        self.sim = sim
        self.control = control
        self._folder = folder
        self._key = key
        self._port = _free_port()
        self._pid: int | None = None
        self.settings: dict[str, str] = {}
        """What it is started with beside the usual."""
        self.deaths = 0
        self.orphans: set[str] = set()
        """Messages Teams took whose answer Vouch did not live to write down."""
        sim.bot_url = f"http://127.0.0.1:{self._port}"

    # --- living and dying ---

    async def live(self) -> None:
        """Started if it is dead, also where it dies while it starts."""
        if self._pid is not None:
            return
        async with asyncio.timeout(PATIENCE):
            while self._pid is None or not await self._is_ready():
                if self._pid is None:
                    self._pid = self._cradle.serve(self._environment(), self._folder / "vouch.log")
                await asyncio.sleep(0.01)

    def die(self) -> None:
        """SIGKILL. What Teams has taken by now and Vouch has not written down may be said again."""
        if self._pid is None:
            return
        self._cradle.kill(self._pid)
        await_last_words(url(self._folder), self._pid)
        self._pid = None
        self.deaths += 1
        self.orphans |= {m.id for m in self.said()} - self._recorded()

    @property
    def is_alive(self) -> bool:
        return self._pid is not None

    def move_to(self, folder: Path) -> None:
        """From now on it lives by the records of another folder."""
        self._folder = folder

    async def stop(self) -> int:
        """SIGTERM; the exit code. What was taken and not written down is an orphan all the same."""
        pid, self._pid = self._pid, None
        assert pid is not None
        code = await asyncio.to_thread(self._cradle.stop, pid)
        self.orphans |= {m.id for m in self.said()} - self._recorded()
        return code

    async def _is_ready(self) -> bool:
        try:
            async with self.control.get(f"{self.sim.bot_url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    def _environment(self) -> dict[str, str]:
        api = self.sim.api_url
        return {
            "VOUCH_PORT": str(self._port),
            "VOUCH_DATABASE_URL": url(self._folder),
            "VOUCH_APP_ID": APP_ID,
            "VOUCH_APP_TENANT": PROVIDER_TENANT,
            "VOUCH_APP_SECRET": APP_SECRET,
            "VOUCH_LOGIN_URL": api,
            "VOUCH_OPENID_METADATA_URL": f"{api}/botframework/v1/.well-known/openidconfiguration",
            "VOUCH_SERVICE_HOSTS": json.dumps([urlsplit(api).netloc]),
            "VOUCH_CA_FILE": str(self.sim.ca_file),
            "VOUCH_LEASE_SECONDS": "0.4",
            "VOUCH_DISPATCH_SECONDS": "0.05",
        } | self.settings

    # --- what is asked of it ---

    async def acknowledged(self, act: Callable[[], Awaitable[int]]) -> None:
        """Whoever gets no answer asks again, of the next one where this one has died."""
        for _ in range(30):
            await self.live()
            if await act() in (200, 201):
                return
        raise AssertionError("never acknowledged")

    async def report(self, incident: Json | None = None) -> int:
        url = f"{self.sim.bot_url}/api/incidents/defender"
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with self.control.post(
                url, json=incident or INCIDENT, headers=headers
            ) as response:
                return response.status
        except aiohttp.ClientError:
            return 502

    def press(self, who: str, on: str, action: str) -> Callable[[], Awaitable[int]]:
        """Press a button on the newest card of a kind that has it."""

        async def pressed() -> int:
            await self.rest()
            found = [m for m in self.said() if m.conversation.startswith(on) and m.card]
            # A thread that was opened twice has a root on which nothing more is asked.
            cards = [m for m in found if action in m.actions]
            if not cards:
                return 200  # it was heard before, though the answer was lost
            card = cards[-1]
            user = next(
                u
                for t in self.sim.world.tenants.values()
                for u in t.users.values()
                if u.name == who
            )
            place = (
                f"/api/conversations/{quote(card.conversation, safe='')}/messages/{card.id}/click"
            )
            body = {"user": user.id, "action": action}
            async with self.control.post(place, json=body) as response:
                answer: Json = await response.json()
            return int(answer["status"])

        return pressed

    async def install(self) -> int:
        async with self.control.post("/api/install-all", json={}) as response:
            answer: Json = await response.json()
        return max(int(told["status"]) for told in answer["sent"])

    # --- what can be seen of it ---

    async def rest(self) -> None:
        """Until nothing is left to do; whoever dies on the way is started again."""

        async def idle() -> bool:
            await self.live()
            return self._left_to_do() == 0

        await self._until(idle)

    def _left_to_do(self) -> int:
        left = "SELECT key FROM effect WHERE kind NOT IN ('wake', 'keep_retention', 'change_shift') AND status IN ('waiting', 'claimed')"
        return len(rows(url(self._folder), left))

    def _recorded(self) -> set[str]:
        known = "SELECT remote_id FROM effect WHERE remote_id IS NOT NULL"
        return {remote_id for (remote_id,) in rows(url(self._folder), known)}

    def said(self) -> list[Seen]:
        return [m for c in self.sim.world.conversations.values() for m in seen_in(c)]

    def rehearsals(self) -> list[str]:
        lines = (self._folder / "vouch.log").read_text(encoding="utf-8").splitlines()
        logged = [json.loads(line) for line in lines if "containment_rehearsed" in line]
        return [f"{line['action']} {line['key']}" for line in logged]

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await holds():  # noqa: ASYNC110 - no other process can set an event here
                await asyncio.sleep(0.01)


INCIDENT = json.loads(json.dumps(malware_ran()))
MOST_STRUCK = 7
ON_CHAT, ON_THREAD = "a:", "19:contoso-incidents"


def the_story(v: Mortal) -> list[Callable[[], Awaitable[int]]]:
    return [
        v.report,
        v.press("Bob Meyer", ON_CHAT, "answer.q1.opened"),
        v.press("Bob Meyer", ON_CHAT, "answer.q2.enabled_content"),
        v.press("Jon Park", ON_THREAD, "approve.p1"),
    ]


@asynccontextmanager
async def mortal(
    tmp_path: Path, cradle: Nursery, changed: Changed | None = None
) -> AsyncIterator[Mortal]:
    keys = await onboard(tmp_path / "vouch.sqlite3", changed)
    async with (
        Simulator(simulated(tmp_path, keys)) as sim,
        aiohttp.ClientSession(sim.page_url) as control,
    ):
        vouch = Mortal(cradle, sim, control, tmp_path, keys["contoso"]["defender"])
        try:
            await vouch.acknowledged(vouch.install)
            await vouch.rest()
            yield vouch
        finally:
            vouch.die()


async def ends_as_if_nothing_was(v: Mortal, tmp_path: Path) -> None:
    """One thread, one card, one approval, one warning, one isolation: but for what Teams had taken
    when Vouch died without having heard so."""
    await v.rest()
    v.die()
    stands = [m for m in v.said() if m.id not in v.orphans]
    cards = [m for m in stands if m.card]

    assert sorted(_where(m) for m in cards) == ["analysts", "chat", "thread", "thread"]
    assert len([m for m in stands if not m.card and "goes offline" in m.text]) == 1
    assert len({m.conversation for m in cards if _where(m) == "thread"}) == 1
    rehearsed = v.rehearsals()
    assert len(set(rehearsed)) == 2, "scanned and isolated"
    assert len(rehearsed) <= 2 + v.deaths

    store = Store.open(url(tmp_path))
    try:
        assert await check_records(store) == 1
        incident = await store.read("contoso", _the_incident)
        log = await store.read("contoso", lambda tx: incidents.history(tx, incident.id))
    finally:
        await store.close()
    isolate = next(a for a in incident.actions if a.kind is ActionKind.ISOLATE_DEVICE)
    assert (isolate.state, incident.status) == (ActionState.DONE, Status.CLOSING)
    done = [e for e in log if getattr(e.event, "action", None) == isolate.id]
    assert [e.event.kind for e in done] == ["action_done"]
    assert [len(q.replies) for q in incident.questions] == [1, 1]


def _the_incident(tx: Tx) -> Incident:
    found = incidents.find_by_ref(tx, Source.DEFENDER, INCIDENT["id"])
    incident = incidents.load(tx, found or "")
    assert incident is not None
    return incident


def _where(message: Seen) -> str:
    if message.conversation.startswith("a:"):
        return "chat"
    return "thread" if message.conversation.startswith("19:contoso") else "analysts"


async def test_nothing_acknowledged_is_lost(tmp_path: Path, cradle: Nursery) -> None:
    """Killed right after each answer."""
    async with mortal(tmp_path, cradle) as v:
        for act in the_story(v):
            await v.acknowledged(act)
            v.die()
            await v.rest()

        assert v.deaths == 4
        await ends_as_if_nothing_was(v, tmp_path)


@pytest.mark.parametrize("carried_out", [False, True], ids=["before the call", "after the call"])
async def test_killed_at_every_call_to_teams_it_says_everything_once(
    tmp_path: Path, cradle: Nursery, carried_out: bool
) -> None:
    """Teams has taken the message, and Vouch dies before it hears so; or dies just before."""
    async with mortal(tmp_path, cradle) as v:
        kill_at_calls(v, carried_out=carried_out)

        for act in the_story(v):
            await v.acknowledged(act)
        await ends_as_if_nothing_was(v, tmp_path)

        assert v.deaths >= 5
        assert v.orphans or not carried_out


def kill_at_calls(v: Mortal, *, carried_out: bool) -> None:
    """The first calls are struck once each: the next try of the same gets through, and so does what
    else was on its way when Vouch died."""
    world = v.sim.world
    struck: set[str] = set()

    def strikes(place: str, activity: Json) -> bool:
        what = place.partition(";")[0] + str(activity.get("text") or activity.get("summary"))
        if not v.is_alive or what in struck or len(struck) == MOST_STRUCK:
            return False
        struck.add(what)
        return True

    post, edit = world.post, world.edit

    def posted(place: Any, message_id: str, sender: Any, activity: Json) -> Any:
        if not strikes(place.id, activity):
            return post(place, message_id, sender, activity)
        if carried_out:
            post(place, message_id, sender, activity)
        v.die()
        raise web.HTTPServiceUnavailable

    def edited(conversation: Any, message: Any, activity: Json) -> None:
        if not strikes(conversation.id, activity):
            return edit(conversation, message, activity)
        if carried_out:
            edit(conversation, message, activity)
        v.die()
        raise web.HTTPServiceUnavailable

    world.post, world.edit = posted, edited  # type: ignore[method-assign]


@pytest.mark.parametrize("seed", [11, 47])
async def test_killed_at_random_moments_it_ends_the_same(
    tmp_path: Path, cradle: Nursery, seed: int
) -> None:
    chance = random.Random(seed)
    async with mortal(tmp_path, cradle) as v:
        for act in the_story(v):
            await asyncio.gather(v.acknowledged(act), _death_within(v, chance.uniform(0.0, 0.2)))
            await asyncio.gather(v.rest(), _death_within(v, chance.uniform(0.0, 0.2)))

        assert v.deaths >= 4
        await ends_as_if_nothing_was(v, tmp_path)


async def test_killed_amid_a_handover_no_case_is_lost_and_its_card_stands_at_most_twice(
    tmp_path: Path, cradle: Nursery
) -> None:
    """Before Teams has its card, and again once it has; by then the case may not know of it yet."""
    sams = shift(datetime.now(UTC), "Always", "sam", -1, 22)
    async with mortal(tmp_path, cradle, {"nordwall": lambda text: text + sams}) as v:
        await v.acknowledged(v.report)
        await v.acknowledged(v.press("Mia Lindqvist", "19:nordwall", "take"))
        await v.rest()
        v.die()
        carried_out, post = [False, True], v.sim.world.post

        def posted(place: Any, message_id: str, sender: Any, activity: Json) -> Any:
            if not v.is_alive or not carried_out or HANDS_OVER not in str(activity):
                return post(place, message_id, sender, activity)
            if carried_out.pop(0):
                post(place, message_id, sender, activity)
            v.die()
            raise web.HTTPServiceUnavailable

        v.sim.world.post = posted  # type: ignore[method-assign]
        store = Store.open(url(tmp_path))
        sam = await _shifts_change(store)
        await store.close()

        async def handed_over() -> bool:
            await v.live()
            return _handovers(tmp_path) == [("post_handover", "done"), ("wake", "done")]

        await v._until(handed_over)
        await v.rest()
        v.die()

        assert (carried_out, v.deaths) == ([], 4)
        cards = [m for m in v.said() if HANDS_OVER in m.text]
        assert len(cards) == 2
        assert len([m for m in cards if m.id not in v.orphans]) == 1
        store = Store.open(url(tmp_path))
        try:
            await check_records(store)
            assert (await store.read("contoso", _the_incident)).holder == sam
        finally:
            await store.close()


HANDS_OVER = "Mia Lindqvist hands over, "


async def _shifts_change(store: Store) -> str:
    """Now; the object id of the only one on duty."""
    provider, now = await store.read_across(across.provider), datetime.now(UTC)
    assert provider is not None
    due = ChangeShift("change_shift:now", now)
    await store.write(provider.id, lambda tx: rota.order(tx, due, now))
    return next(a.object_id for a in provider.analysts if a.name == "Sam Okafor")


def _handovers(folder: Path) -> list[tuple[Any, ...]]:
    found = (
        "SELECT kind, status FROM effect WHERE kind = 'post_handover' OR key LIKE '%:handover:%'"
    )
    return sorted(rows(url(folder), found))


async def _death_within(v: Mortal, seconds: float) -> None:
    await asyncio.sleep(seconds)
    v.die()


async def test_the_command_ends_well_when_it_is_asked_to(tmp_path: Path, cradle: Nursery) -> None:
    async with mortal(tmp_path, cradle) as v:
        v.die()
        environment = os.environ | v._environment()
        command = [sys.executable, "-m", "bot", "serve"]
        log = (tmp_path / "command.log").open("wb")
        with log:
            process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=log)
        await v._until(v._is_ready)
        assert await v.report() == 201

        process.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        await v.live()
        await v.rest()
        assert len([m for m in v.said() if m.card and _where(m) == "thread"]) == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

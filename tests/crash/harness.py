"""One run: the load goes on, processes are killed, everything settles, and what came of it is
counted."""

import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import aiohttp

from bench.story import uncapped
from bot.demo import PROFILES
from bot.setup import add_intake_key, add_profile
from storage.engine import Store
from tests.crash.counts import Acknowledged, Counts, Death, Reference, Stand, count, faults
from tests.crash.engines import Engine, engine
from tests.crash.load import AHEAD, Load
from tests.crash.meter import Metered
from tests.crash.replicas import Replicas
from tests.crash.stories import KINDS, peopled
from tests.story.house import Keys, simulated
from tests.story.nursery import Nursery, nursery
from tests.story.record import check_records
from triage.report import Source

CALL_SECONDS = (0.02, 0.08)
LOSES = 0.01
"""The share of posted messages whose answer is lost on the way."""
LIVES = (0.0, 1.6)
"""Seconds a process lives once it is ready."""
STILLBORN = 0.05
"""The share of processes that are killed before they are."""
RIVALS = 0.1
"""The share of lives in which somebody starts a second process beside it."""
SETTLES_WITHIN = 120.0
QUIET = 12.0
"""Seconds without a call after which nothing more will come: longer than a second try waits."""
STANDS_STILL = 2.0
"""Seconds without a call after which an undisturbed case is at its end."""
SAYS_EVERY = 10.0
SOUND = "ok"
LOOKS_AT_FILE = 20
"""After how many kills the file is looked at."""


@dataclass(frozen=True, slots=True)
class Plan:
    engine: str
    seed: int
    kills: int
    build: str = ""
    """A module that makes another build of Vouch; for the harness's own test."""
    rivals: float = RIVALS
    lives: tuple[float, float] = LIVES


@dataclass(frozen=True, slots=True)
class Result:
    counts: Counts
    deaths: Sequence[Death]
    cases: int
    seconds: float
    record: str
    """What was found of the database of killed processes: "ok", or what is wrong."""

    @property
    def with_work(self) -> float:
        return sum(death.had_work for death in self.deaths) / max(1, len(self.deaths))

    @property
    def holds(self) -> bool:
        enough = self.with_work >= 0.8 or not self.deaths
        return self.counts.hold and enough and self.record == SOUND


async def run(plan: Plan, say: Callable[[str], None]) -> Result:
    with tempfile.TemporaryDirectory(prefix="vouch-crash-") as scratch:
        folder = Path(scratch)
        with engine(plan.engine, folder) as database:
            return await _run(plan, database, folder, say)


async def _run(plan: Plan, database: Engine, folder: Path, say: Callable[[str], None]) -> Result:
    began = monotonic()
    people = AHEAD + 50 + 12 * plan.kills
    keys = await _onboard(database)
    world = {"world": peopled(people)}
    async with (
        Metered(simulated(folder, keys, world)) as sim,
        aiohttp.ClientSession(sim.page_url) as control,
    ):
        load = Load(sim, control, keys["contoso"]["defender"], people)
        with nursery() as sound, nursery(plan.build) as built:
            replicas = Replicas(database, sound, sim, folder / "vouch.log")
            replicas.requests_open = lambda: load.unanswered
            try:
                told = _Run(plan, database, sim, control, load, replicas, say, began)
                return await told.story(built)
            finally:
                await load.give_up()
                replicas.end()


async def _onboard(database: Engine) -> Keys:
    """Nobody has shifts: to whom a case is given depends on what else is open, and no case would end
    as another did."""
    store = Store.open(database.url)
    keys: Keys = {}
    for file in sorted(PROFILES.glob("*.toml")):
        text = file.read_text(encoding="utf-8")
        is_customer = 'role = "customer"' in text
        told = uncapped(text) if is_customer else text.partition("[[shifts]]")[0]
        added = await add_profile(store, told, file.name)
        if added.role == "customer":
            keys[added.id] = {s: await add_intake_key(store, added.id, s) for s in Source}
    await store.close()
    return keys


@dataclass(slots=True)
class _Run:
    plan: Plan
    database: Engine
    sim: Metered
    control: aiohttp.ClientSession
    load: Load
    replicas: Replicas
    say: Callable[[str], None]
    began: float
    unsettled: list[Acknowledged] = field(default_factory=list)

    async def story(self, built: Nursery) -> Result:
        """What is right is learnt from Vouch as it is; then the build that is tried takes over."""
        await self._start()
        async with self.control.post("/api/install-all", json={}) as response:
            response.raise_for_status()
        await self.load.meet()
        references = await self._undisturbed()
        self.replicas.become(built)
        deaths, found = await self._killing()
        found.append(await self._record())
        await self._start()
        counts = await self._settled(references, deaths)
        self.replicas.end()
        found += [self.database.integrity(), await self._record()]
        record = "; ".join(sorted(set(found) - {SOUND})) or SOUND
        return Result(counts, deaths, len(self.load.told), monotonic() - self.began, record)

    async def _start(self) -> None:
        self.replicas.start()
        await self.replicas.ready(self.control)

    async def _undisturbed(self) -> dict[str, Reference]:
        """One incident of each kind, to its end, while nobody is killed."""
        for _ in KINDS:
            self.load.begin()
        until = monotonic() + SETTLES_WITHIN
        while not self._stands_still():
            if monotonic() > until:
                raise TimeoutError(f"undisturbed, and not at an end: {self.load.waits_for()}")
            await asyncio.sleep(0.1)
        stand = Stand(self.sim)
        return {it.case.kind.name: Reference.of(it, stand) for it in self.load.told}

    def _stands_still(self) -> bool:
        return not self.load.going and monotonic() - self.sim.heard_at > STANDS_STILL

    # --- killing ---

    async def _killing(self) -> tuple[list[Death], list[str]]:
        """Every death, and what was found of the file at some of them."""
        chance = random.Random(self.plan.seed)
        slowness = self.sim.slowness
        slowness.chance = random.Random(chance.random())
        (slowness.least, slowness.most), slowness.lost = CALL_SECONDS, LOSES
        deaths: list[Death] = []
        found: list[str] = []
        async with self.load.arriving(self.database.per_second):
            while len(deaths) < self.plan.kills:
                await self._live(chance)
                deaths.append(self.replicas.kill(chance))
                if len(deaths) % LOOKS_AT_FILE == 0 or len(deaths) == self.plan.kills:
                    found.append(self.database.integrity())
                    self.say(f"  {len(deaths)} kills, {len(self.load.told)} incidents")
        slowness.lost = 0
        return deaths, found

    async def _live(self, chance: random.Random) -> None:
        self.replicas.start()
        if chance.random() < STILLBORN:
            await asyncio.sleep(chance.uniform(0.0, 0.1))
            return
        await self.replicas.ready(self.control)
        seconds, beside = chance.uniform(*self.plan.lives), chance.random() < self.plan.rivals
        await asyncio.sleep(seconds / 2)
        if beside:
            self.replicas.start_rival()
        await asyncio.sleep(seconds / 2)

    # --- what comes of it ---

    async def _settled(self, references: dict[str, Reference], deaths: Sequence[Death]) -> Counts:
        """When everything is as it should be, or nothing moves any more."""
        began = said = monotonic()
        waits = "nothing"
        while waits and monotonic() - max(began, self.sim.heard_at) < QUIET:
            if monotonic() - began > SETTLES_WITHIN:
                break
            await asyncio.sleep(1)
            waits = self._waits_for(references)
            if monotonic() - said > SAYS_EVERY:
                self.say(f"  waiting for {waits}")
                said = monotonic()
        never = self.load.unheard()
        await self.load.give_up()
        counts = count(self.load.told, Stand(self.sim), references, self.sim.calls, deaths)
        counts.undone += [f"somebody still waits for {it}" for it in never]
        return counts

    def _waits_for(self, references: dict[str, Reference]) -> str:
        """What is still to come; nothing where everything is as it should be."""
        stand = Stand(self.sim)
        self.unsettled = [
            it
            for it in self.unsettled or self.load.told
            if any(faults(it, stand, references[it.case.kind.name]))
        ]
        if not self.unsettled and not self.load.going:
            return ""
        names = ", ".join(it.name for it in self.unsettled[:3])
        return f"{self.load.waits_for()}; {len(self.unsettled)} incidents: {names}"

    async def _record(self) -> str:
        """Every chain is whole, and every incident follows from its events."""
        store = Store.open(self.database.url)
        try:
            await check_records(store)
        except Exception as error:  # noqa: BLE001 - whatever a broken build has left
            return f"the record does not hold: {error!r}"
        finally:
            await store.close()
        return SOUND

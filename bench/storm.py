"""`make storm`: everything at once, and still Teams' pace. Real processes, real HTTP, real time.

Ten customers have four incidents each. While Vouch is down, 250 messages are ordered for the thread
of every one; then it starts. The simulator enforces every window and is in trouble besides: lost
answers, outages, slowness, and refusals of its own. An eleventh customer has a quiet day: an
incident every second, before the storm and during it.

The ideal time follows from the windows alone. When it is over, and trouble goes on, people write a
thousand messages in the threads of two cases, which analysts read over the bridge. Prints two lines.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, uuid4, uuid5

import aiohttp
from sqlalchemy import select
from sqlmodel import col

from bench import story, talk
from bench.processes import ROOT
from bot.demo import PROFILES, PROVIDER_TENANT
from bot.setup import add_intake_key, add_profile
from storage import effects
from storage.engine import Store, Tx
from storage.tables import SurfaceRow
from triage.effects import CUSTOMER_THREAD, Say
from triage.phrases import phrase
from triage.report import Source

SENDING = ((7, 1), (8, 2), (60, 30), (1_800, 3_600))
"""What a thread takes: so many calls in so many seconds. Four threads do not fill their tenant."""
QUIET = "quiet"
STORMY = ("alfa", "bravo", "cactus", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet")
MOST_QUIET = 500
"""People of the quiet customer; each has one incident."""
CALM = 5.0
"""Seconds without a message after which a storm is over."""
SETTLES = 32.0
"""Seconds after which Teams has forgotten what was sent, but for the hour."""
PATIENCE = 180.0
TROUBLE = (
    {"kind": "throttle", "retryAfter": 2},
    {"kind": "bad_gateway"},
    {"kind": "slow", "seconds": 1},
    {"kind": "lost_answer"},
)
"""One of them strikes one call of one stormy tenant, every second."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    tenants: int
    threads: int
    messages: int
    quiet_day: float
    """Seconds of it before the storm."""
    words: int
    """That people write in each of two threads after it."""


FULL = Size(10, 4, 250, 60, 500)
QUICK = Size(3, 2, 70, 15, 100)


def ideal(messages: int) -> float:
    """Seconds until the last message of a thread has left, where each leaves as soon as the
    windows let it."""
    left: list[float] = []
    for n in range(messages):
        left.append(max((left[n - most] + s for most, s in SENDING if n >= most), default=0.0))
    return left[-1]


# --- who there is --------------------------------------------------------------------------------

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def as_customer(name: str, text: str) -> str:
    """What is Contoso's, as another customer's: names, tenant and people."""
    text = _GUID.sub(lambda found: str(uuid5(NAMESPACE_URL, f"{name} {found[0]}")), text)
    text = text.replace("contoso", name).replace("CONTOSO", name.upper())
    return text.replace("Contoso", name.capitalize())


def person(number: int) -> Json:
    """Somebody of Contoso."""
    known = story._person(number)
    return known | {"object_id": known["id"]}


def tenant_of(customer: str) -> str:
    return as_customer(customer, story.TENANT)


def id_of(customer: str, number: int) -> str:
    return as_customer(customer, str(person(number)["id"]))


def write_world(file: Path, people: Mapping[str, int]) -> None:
    """The provider, and every customer with so many more people than Contoso has."""
    told = json.loads(story.DEMO_WORLD.read_text(encoding="utf-8"))
    contoso = next(it for it in told["tenants"] if it["id"] == story.TENANT)
    provider = next(it for it in told["tenants"] if it["id"] == PROVIDER_TENANT)
    for user in contoso["users"]:
        user.pop("mri", None)
    team = {"installed": False, "teams": [contoso["teams"][0]["id"]]}
    told["tenants"] = [provider]
    for name, many in people.items():
        users = [*contoso["users"], *(story._person(n) | team for n in range(many))]
        customer = json.dumps(contoso | {"users": users})
        told["tenants"].append(json.loads(as_customer(name, customer)))
    file.write_text(json.dumps(told), encoding="utf-8")


async def onboard(database: str, customers: Sequence[str]) -> dict[str, str]:
    """Everybody's profile; the customers' keys."""
    store, keys = Store.open(database), {}
    await add_profile(store, (PROFILES / "nordwall.toml").read_text(encoding="utf-8"), "nordwall")
    contoso = story.uncapped((PROFILES / "contoso.toml").read_text(encoding="utf-8"))
    for name in customers:
        await add_profile(store, as_customer(name, contoso), name)
        keys[name] = await add_intake_key(store, name, Source.DEFENDER)
    await store.close()
    return keys


async def order(database: str, customers: Sequence[str], messages: int) -> set[str]:
    """So many messages for the customer's thread of every incident; the threads."""
    store, threads = Store.open(database), set[str]()
    for name in customers:
        threads |= await store.write(name, partial(_order, messages, datetime.now(UTC)))
    await store.close()
    return threads


async def pairs_of(database: str, customers: Sequence[str]) -> list[talk.Pair]:
    store = Store.open(database)
    pairs = [await talk.pair(store, name, tenant_of(name)) for name in customers]
    await store.close()
    return pairs


def _order(messages: int, now: datetime, tx: Tx) -> set[str]:
    rows = select(col(SurfaceRow.incident_id), col(SurfaceRow.conversation_id)).where(
        col(SurfaceRow.name) == CUSTOMER_THREAD
    )
    threads = {incident: str(thread) for incident, thread in tx.session.execute(rows)}
    for incident in threads:
        says = [
            Say(f"storm:{incident}:{n}", CUSTOMER_THREAD, phrase("say.reopened", name=f"No. {n}"))
            for n in range(messages)
        ]
        effects.order(tx, incident, says, now)
    return set(threads.values())


# --- processes -----------------------------------------------------------------------------------


@asynccontextmanager
async def process(
    *arguments: str, log: Path, environment: Json | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m …`, ended as an operator would end it."""
    with log.open("ab") as errors:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    reading = asyncio.create_task(_drained(started, log))
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        await started.wait()
        await reading


async def _drained(started: asyncio.subprocess.Process, log: Path) -> None:
    """What it says goes to its log; a full pipe would stop it."""
    assert started.stdout is not None
    with log.open("ab") as file:
        async for line in started.stdout:
            file.write(line)
            file.flush()


async def until(what: str, true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():
            await asyncio.sleep(0.1)
    print(f"  {what}", file=sys.stderr)


@asynccontextmanager
async def going_on(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Beside what is done meanwhile, and then no longer; where it fails, all of it does."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


# --- what is measured ----------------------------------------------------------------------------


@dataclass(slots=True)
class Watch:
    """What Teams took in, by the simulator's journal."""

    control: aiohttp.ClientSession
    seen: int = 0
    arrived: dict[str, list[float]] = field(default_factory=dict)
    """By conversation, when each message came."""
    statuses: Counter[int] = field(default_factory=Counter)

    async def look(self) -> None:
        async with self.control.get(f"/api/requests?since={self.seen}") as response:
            calls = await response.json()
        for call in calls:
            self.seen = call["n"]
            if call["tenant"] is not None:
                self.statuses[call["status"]] += 1
            posted = call["method"] == "POST" and call["status"] == 201
            if posted and call["conversation"] is not None:
                at = datetime.fromisoformat(call["at"]).timestamp()
                self.arrived.setdefault(call["conversation"], []).append(at)

    def times(self, threads: set[str]) -> list[float]:
        return sorted(at for thread in threads for at in self.arrived.get(thread, []))


@dataclass(slots=True)
class QuietDay:
    """An incident every second; how long each took to reach its person."""

    watch: Watch
    url: str
    key: str
    numbers: Iterator[int] = field(default_factory=count)
    posted: dict[str, float] = field(default_factory=dict)
    """By the person's chat."""

    async def go_on(self) -> None:
        began = time.time()
        for second in count():
            await asyncio.sleep(began + second - time.time())
            number = next(self.numbers)
            chat = await self._chat(number)
            text = as_customer(QUIET, story.incident(person(number)))
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            self.posted[chat] = time.time()
            async with self.watch.control.post(self.url, data=text, headers=headers) as response:
                assert response.status in (200, 201), await response.text()

    async def _chat(self, number: int) -> str:
        body = {"user": id_of(QUIET, number)}
        async with self.watch.control.post("/api/chats", json=body) as response:
            return str((await response.json())["id"])

    def taken(self) -> list[float]:
        """Of those whose card has come."""
        return [
            self.watch.arrived[chat][0] - at
            for chat, at in self.posted.items()
            if chat in self.watch.arrived
        ]

    def p95(self) -> float:
        return statistics.quantiles(self.taken(), n=20)[-1]


async def run(size: Size, folder: Path) -> bool:
    stormy = STORMY[: size.tenants]
    people = dict.fromkeys(stormy, size.threads) | {QUIET: MOST_QUIET}
    app = {"id": str(uuid4()), "secret": "a-secret-of-the-bench", "port": str(free_port())}
    write_world(folder / "world.json", people)
    database = f"sqlite:///{folder / 'vouch.sqlite3'}"
    keys = await onboard(database, list(people))
    async with AsyncExitStack() as stack:
        addresses = await _simulator(stack, folder, app)
        control = await stack.enter_async_context(aiohttp.ClientSession(addresses["page"]))
        environment = _environment(addresses, database, app)
        storm = Storm(size, stormy, database, environment, keys, Watch(control), folder)
        return await storm.play()


async def _simulator(stack: AsyncExitStack, folder: Path, app: dict[str, str]) -> Json:
    log = folder / "simulator.log"
    arguments = (
        "--windows",
        f"--bot-url=http://127.0.0.1:{app['port']}",
        f"--app-id={app['id']}",
        f"--app-secret={app['secret']}",
        f"--data={folder}",
        f"--world={folder / 'world.json'}",
    )
    await stack.enter_async_context(process("simulator", *arguments, log=log))

    async def ready() -> bool:
        return log.exists() and log.read_text(encoding="utf-8").startswith("{")

    await until("the simulator is there", ready)
    told: Json = json.loads(log.read_text(encoding="utf-8").splitlines()[0])
    return told


def _environment(addresses: Json, database: str, app: dict[str, str]) -> Json:
    api = addresses["api"]
    return {
        "VOUCH_PORT": app["port"],
        "VOUCH_DATABASE_URL": database,
        "VOUCH_APP_ID": app["id"],
        "VOUCH_APP_TENANT": PROVIDER_TENANT,
        "VOUCH_APP_SECRET": app["secret"],
        "VOUCH_LOGIN_URL": api,
        "VOUCH_OPENID_METADATA_URL": f"{api}/botframework/v1/.well-known/openidconfiguration",
        "VOUCH_SERVICE_HOSTS": json.dumps([urlsplit(api).netloc]),
        "VOUCH_CA_FILE": addresses["ca"],
    }


@dataclass(slots=True)
class Storm:
    size: Size
    stormy: Sequence[str]
    database: str
    environment: Json
    keys: dict[str, str]
    watch: Watch
    folder: Path
    troubles: Counter[str] = field(default_factory=Counter)
    """What the simulator was told to do, by kind."""

    async def play(self) -> bool:
        url = f"http://127.0.0.1:{self.environment['VOUCH_PORT']}"
        quiet = f"{url}/api/incidents/defender"
        async with self._vouch(url):
            await self._prepare(quiet)
            before = QuietDay(self.watch, quiet, self.keys[QUIET])
            await self._for_a_while(before)
        threads = await order(self.database, self.stormy, self.size.messages)
        pairs = await pairs_of(self.database, self.stormy[:2])
        await self._forget(threads)
        during = QuietDay(self.watch, quiet, self.keys[QUIET], before.numbers)
        async with self._vouch(url) as pid:
            cpu, began = cpu_seconds(pid), time.time()
            await self._rage(threads, during)
            cpu, took = cpu_seconds(pid) - cpu, time.time() - began
            bridged = await self._talk(pairs)
        print(bridged.told())
        return await self._tell(threads, before, during, cpu / took) and not bridged.wrong

    @asynccontextmanager
    async def _vouch(self, url: str) -> AsyncIterator[int]:
        async with process(
            "bot", "serve", log=self.folder / "vouch.log", environment=self.environment
        ) as vouch:

            async def ready() -> bool:
                with suppress(aiohttp.ClientError):
                    async with self.watch.control.get(f"{url}/readyz") as response:
                        return response.status == 200
                return False

            await until("Vouch is there", ready)
            yield vouch.pid

    async def _prepare(self, intake: str) -> None:
        """The app is everywhere, and every stormy customer has its incidents."""
        await self._ask("POST", "/api/install-all")
        await self._rest("everybody is known")
        for name in self.stormy:
            for number in range(self.size.threads):
                text = as_customer(name, story.incident(person(number)))
                headers = {"Authorization": f"Bearer {self.keys[name]}"}
                async with self.watch.control.post(intake, data=text, headers=headers) as response:
                    assert response.status == 201, await response.text()
        await self._rest("every incident has its threads")

    async def _for_a_while(self, day: QuietDay) -> None:
        async with going_on(day.go_on()):
            await asyncio.sleep(self.size.quiet_day)
        await self._rest("a quiet day is over")

    async def _forget(self, threads: set[str]) -> None:
        await self.watch.look()
        for thread in threads:
            self.watch.arrived.pop(thread, None)
        await asyncio.sleep(SETTLES)

    async def _rage(self, threads: set[str], day: QuietDay) -> None:
        expected = len(threads) * self.size.messages

        async def over() -> bool:
            await self.watch.look()
            times = self.watch.times(threads)
            return len(times) >= expected and time.time() - times[-1] > CALM

        async with (
            going_on(day.go_on()),
            going_on(self._trouble([tenant_of(name) for name in self.stormy])),
            asyncio.timeout(ideal(self.size.messages) + PATIENCE),
        ):
            while not await over():
                await asyncio.sleep(1)
        await self._rest("the storm is over")

    async def _talk(self, pairs: Sequence[talk.Pair]) -> talk.Bridged:
        """Trouble strikes where it is written, and where it is read."""
        async with going_on(self._trouble([*(it.tenant for it in pairs), PROVIDER_TENANT])):
            bridged = await talk.bridge(self._ask, pairs, self.size.words)
        await self._rest("all is read")
        return bridged

    async def _trouble(self, tenants: Sequence[str]) -> None:
        for second in count():
            tenant = tenants[second % len(tenants)]
            fault = TROUBLE[second % len(TROUBLE)]
            await self._ask("POST", "/api/faults", fault | {"tenant": tenant})
            self.troubles[str(fault["kind"])] += 1
            await asyncio.sleep(1)

    async def _rest(self, what: str) -> None:
        """Nothing has come for a while."""
        quiet_since, seen = time.time(), -1

        async def resting() -> bool:
            nonlocal quiet_since, seen
            await self.watch.look()
            if self.watch.seen != seen:
                quiet_since, seen = time.time(), self.watch.seen
            return time.time() - quiet_since > 2

        await until(what, resting)

    async def _tell(
        self, threads: set[str], before: QuietDay, during: QuietDay, cores: float
    ) -> bool:
        """What came of it; False where a message is missing, or Teams had to refuse one."""
        times, best = self.watch.times(threads), ideal(self.size.messages)
        took = times[-1] - times[0]
        refused = (await self._ask("GET", "/api/windows"))["refused"]
        missing = [thread for thread in threads if not await self._has_all(thread)]
        print(
            f"storm: {self.size.tenants} tenants × {self.size.threads} threads × "
            f"{self.size.messages} messages, {sum(during.watch.statuses.values())} calls; "
            f"ideal {best:.1f} s, took {took:.1f} s, ratio {took / best:.3f}; "
            f"provoked 429: {sum(refused.values())}; "
            f"threads that miss a message: {len(missing)}, repeated: "
            f"{len(times) - len(threads) * self.size.messages} "
            f"({self.troubles['lost_answer']} answers lost); "
            f"another tenant's incident to card, p95: {before.p95():.2f} s before "
            f"({len(before.taken())} of {len(before.posted)}), {during.p95():.2f} s during "
            f"({len(during.taken())} of {len(during.posted)}); {cores:.0%} of a core"
        )
        return not missing and not any(refused.values())

    async def _has_all(self, thread: str) -> bool:
        said = await self._ask("GET", f"/api/conversations/{quote(thread, safe='')}/messages")
        texts = {message["activity"].get("text") for message in said}
        return sum("No. " in text for text in texts if text) == self.size.messages

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        async with self.watch.control.request(method, path, json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only whether it works")
    parser.add_argument("--keep", type=Path, help="a folder for logs and records")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        kept = asyncio.run(run(QUICK if given.quick else FULL, given.keep or Path(folder)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

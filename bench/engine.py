"""The engine: what an incident costs end to end, and what it costs to have many of them.

(vii) replies among few and among a million stored incidents; (viii) ten thousand waiting ones;
(ix) incidents per second through the whole loop, against DBOS; (x) the same on PostgreSQL; (xi) lists
of cases (`lists.py`).
"""

import asyncio
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from bench import story
from bench.copies import Copies, fill
from bench.gateway import CARD
from bench.lists import OBJECT_ID, Lists, lists_rows, lists_table, measure_lists
from bench.measuring import PEERS, Bench, Block, House, ask_everybody, at, house, last_line, tell
from bench.plain import CALLS
from bench.processes import Child, child
from tests import postgres


@dataclass(frozen=True, slots=True)
class EngineSize:
    cycles: int
    replies: int
    """In a block, 16 in flight."""
    replies_alone: int
    few: int
    many: int
    """Stored incidents."""
    waiting: int
    idle: float
    """Seconds."""
    paced: int
    """Replies to waiting incidents, one after another."""
    listed: int
    """Stored incidents, among which lists are made."""
    asked: int
    """How often each list is asked for."""
    incidents: int
    """At once, through the whole loop."""
    loops: int
    """How often each engine carries them, by turns."""


ENGINE = EngineSize(3, 64, 40, 1_000, 1_000_000, 10_000, 20, 60, 100_000, 200, 200, 3)
ENGINE_QUICK = EngineSize(1, 16, 8, 200, 5_000, 1_000, 2, 6, 5_000, 20, 24, 1)
WARM = 16
PARTS = ("stored", "waiting", "lists", "loop", "replicas")


def people_needed(size: EngineSize, parts: Sequence[str]) -> int:
    replies = size.cycles * (WARM + size.replies + size.replies_alone)
    each = {"stored": replies, "waiting": WARM + size.paced}
    return max(each.get(part, WARM + size.incidents) for part in parts)


@dataclass(frozen=True, slots=True)
class Asked:
    """A database in which everybody has been asked, closed; and what they will press."""

    database: Path
    key: str
    clicks: list[str]

    @classmethod
    @asynccontextmanager
    async def by_house(cls, bench: Bench, people: Sequence[Any]) -> "AsyncIterator[Asked]":
        tell(f"preparing {len(people)} questions")
        of = house(bench, people, dispatch=False, name="asked", hurried=True)
        async with of as server:
            asked = await ask_everybody(bench, server, people)
            await _settled(server)
            key = server.ready["key"]
        yield cls(bench.data / "asked.sqlite3", key, asked.clicks)

    def copy(self, name: str, incidents: int, copies: Copies, owner: str | None = None) -> float:
        """Another database with so many incidents; how long that took, in seconds."""
        began = time.perf_counter()
        to = self.database.with_name(f"{name}.sqlite3")
        with closing(sqlite3.connect(self.database)) as db, closing(sqlite3.connect(to)) as copy:
            db.backup(copy)  # with what only the log of a process that is gone still holds
        fill(to, incidents, copies, owner)
        return time.perf_counter() - began


# --- (vii): among many stored ones ---------------------------------------------------------------


@dataclass(slots=True)
class Replies:
    """Blocks of one database, a value per cycle."""

    busy: list[Block] = field(default_factory=list)
    alone: list[Block] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    """CPU milliseconds a reply, of all that follows from it."""


@dataclass(slots=True)
class Stored:
    few: Replies
    many: Replies
    built: float
    """Seconds that it took to make the many."""
    megabytes: float


async def measure_stored(bench: Bench, size: EngineSize, asked: Asked, people: Any) -> Stored:
    tell(f"making {size.many:,} stored incidents")
    asked.copy("few", size.few, Copies.STORED)
    built = asked.copy("many", size.many, Copies.STORED)
    megabytes = (bench.data / "many.sqlite3").stat().st_size / 1e6
    found = Stored(Replies(), Replies(), built, megabytes)
    async with (
        house(bench, people, dispatch=False, name="few", key=asked.key, hurried=True) as few,
        house(bench, people, dispatch=False, name="many", key=asked.key, hurried=True) as many,
    ):
        clicks = {"few": House(few, asked.clicks), "many": House(many, asked.clicks)}
        for cycle in range(size.cycles):
            tell(f"replies among stored incidents, cycle {cycle + 1} of {size.cycles}")
            pairs = [("few", found.few), ("many", found.many)]
            for name, into in pairs if cycle % 2 else reversed(pairs):
                await _reply(bench, size, clicks[name], into)
    (bench.data / "many.sqlite3").unlink()
    return found


async def _reply(bench: Bench, size: EngineSize, of: House, into: Replies) -> None:
    await bench.turns(of.server, of.take(WARM), WARM)
    await _settled(of.server)
    into.busy.append(await bench.turns(of.server, of.take(size.replies), 16))
    into.alone.append(await bench.turns(of.server, of.take(size.replies_alone), 1))
    before = await of.server.ask("spent")
    await _settled(of.server)
    after = await of.server.ask("spent")
    replies = size.replies + size.replies_alone
    into.settled.append((after["cpu"] - before["cpu"]) * 1000 / replies)


# --- (viii): many waiting ones -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waiting:
    idle: float
    """Of a core, with the many."""
    idle_few: float
    memory: float
    """Megabytes with the many, and with the few."""
    memory_few: float
    few: int
    answered: list[float]
    """Milliseconds from a reply to its next card, in the answer."""
    shown: list[float]
    """Milliseconds until the thread's card stands at the Connector."""


async def measure_waiting(bench: Bench, size: EngineSize, asked: Asked, people: Any) -> Waiting:
    asked.copy("waiting", size.waiting, Copies.WAITING)
    asked.copy("hardly", 0, Copies.WAITING)
    async with (
        house(bench, people, dispatch=True, name="hardly", key=asked.key) as hardly,
        house(bench, people, dispatch=True, name="waiting", key=asked.key) as server,
    ):
        tell(f"{size.waiting:,} waiting incidents, idle for {size.idle:g} s")
        await asyncio.sleep(min(5, size.idle))
        few, many = await hardly.ask("spent"), await server.ask("spent")
        await asyncio.sleep(size.idle)
        few_then, many_then = await hardly.ask("spent"), await server.ask("spent")
        threads = _threads(asked.database)
        clicks = House(server, asked.clicks)
        await bench.turns(server, clicks.take(WARM), 4)
        await _done(server)
        await bench.cloud.ask("edited")
        pressed = clicks.take(size.paced)
        token, url = await bench.token(), f"{server.ready['url']}/api/messages"
        paced = await bench.load.ask("paced", url=url, token=token, bodies=pressed, per_second=4)
        await _done(server)
        edited = await bench.cloud.ask("edited")
    sent = zip(pressed, paced["sent"], strict=True)
    stood = [(edited.get(threads[_person(body)]), since) for body, since in sent]
    return Waiting(
        (many_then["cpu"] - many["cpu"]) / size.idle,
        (few_then["cpu"] - few["cpu"]) / size.idle,
        many_then["rss"],
        few_then["rss"],
        len(asked.clicks),
        paced["latencies"],
        [(min(times) - since) * 1000 for times, since in stood if times],
    )


def _person(click: str) -> str:
    person: str = json.loads(click)["from"]["aadObjectId"]
    return person


def _threads(database: Path) -> dict[str, str]:
    """The customer's thread of each person's incident."""
    with closing(sqlite3.connect(database)) as db:
        found = db.execute(
            "SELECT substr(p.name, 8), t.conversation_id FROM surface AS p"
            " JOIN surface AS t ON t.customer_id = p.customer_id AND t.incident_id = p.incident_id"
            " WHERE p.name LIKE 'person:%' AND t.name = 'customer'"
        )
        return dict(found.fetchall())


# --- (ix), (x): incidents per second -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rate:
    per_second: float
    cpu: float
    """Milliseconds an incident, in all the measured processes."""
    calls: float
    """To Microsoft's side, an incident."""


@dataclass(frozen=True, slots=True)
class Plain:
    """An engine that carries the trivial workflow."""

    name: str
    module: str
    at_once: int = 0
    """Effects in flight; 0 for as many as it likes."""


VOUCH = "Vouch, the whole loop, SQLite"
ALONE = Plain("Vouch's engine alone, SQLite, 16 effects in flight as always", "bench.alone")
WIDE = Plain("**Vouch's engine alone, SQLite, 200 in flight as DBOS has**", "bench.alone", 200)
DBOS = Plain("DBOS 3.4.0, SQLite", "bench.peers.dbos_bot")
BARE = Plain("no engine: the calls alone, nothing stored", "bench.bare")
ENGINES = (BARE, ALONE, WIDE, DBOS)
ONE, TWO = "Vouch, the whole loop, PostgreSQL, 1 replica", "the same, 2 replicas"
Rates = Mapping[str, Sequence[Rate]]


async def measure_loop(
    bench: Bench, size: EngineSize, people: Sequence[Any], parts: Sequence[str]
) -> Rates:
    """Every engine by turns, each time on an empty database."""
    found: dict[str, list[Rate]] = {}
    with _server(bench, wanted="replicas" in parts) as address:
        for cycle in range(size.loops):
            tell(f"incidents through the loop, cycle {cycle + 1} of {size.loops}")
            found.setdefault(VOUCH, []).append(await _whole(bench, size, people, f"loop{cycle}"))
            if "loop" in parts:
                for engine in ENGINES:
                    if rate := await _plain(bench, size, people, engine, cycle):
                        found.setdefault(engine.name, []).append(rate)
            for name, replicas in ((ONE, 1), (TWO, 2)) if address else ():
                database = _database(address, f"loop{cycle}_{replicas}")
                rate = await _whole(
                    bench, size, people, f"pg{cycle}", database=database, replicas=replicas
                )
                found.setdefault(name, []).append(rate)
    return found


async def _whole(
    bench: Bench,
    size: EngineSize,
    people: Sequence[Any],
    name: str,
    *,
    database: str = "",
    replicas: int = 1,
) -> Rate:
    """All of Vouch; every effect but wakes is done."""
    async with AsyncExitStack() as stack:
        servers: list[Child] = []
        for number in range(replicas):
            key = servers[0].ready["key"] if servers else ""
            of = house(
                bench,
                people,
                dispatch=True,
                name=f"{name}-{number}" if database else name,
                database=database,
                key=key,
                hurried=True,
            )
            servers.append(await stack.enter_async_context(of))
        bodies = [story.incident(person) for person in people]
        return await _saturate(bench, size, servers, "/api/incidents/defender", bodies)


async def _plain(
    bench: Bench, size: EngineSize, people: Sequence[Any], engine: Plain, cycle: int
) -> Rate | None:
    """An engine with the trivial workflow; None where it does not start here."""
    of = f"{engine.module.rpartition('.')[2]}-{engine.at_once}"
    told = {
        **bench.told,
        "serviceUrl": bench.cloud.ready["serviceUrls"][story.TENANT],
        "database": str(bench.data / f"{of}{cycle}.sqlite3"),
        "card": CARD,
        "atOnce": engine.at_once,
    }
    file, log = bench.data / f"{of}{cycle}.json", bench.data / f"{of}.log"
    file.write_text(json.dumps(told), encoding="utf-8")
    bodies = [
        json.dumps({"key": person["upn"], "chat": person["chat"], "told": story.incident(person)})
        for person in people
    ]
    python = str(PEERS / "bin" / "python") if engine is DBOS else sys.executable
    try:
        async with child(engine.module, str(file), python=python, log=log) as server:
            return await _saturate(bench, size, [server], "/incidents", bodies)
    except (RuntimeError, TimeoutError, OSError) as error:
        bench.without[engine.name] = last_line(log) or repr(error)
        return None


async def _saturate(
    bench: Bench, size: EngineSize, servers: Sequence[Child], path: str, bodies: list[str]
) -> Rate:
    """All at once, until everything that follows is done."""
    urls = [f"{server.ready['url']}{path}" for server in servers]
    key = servers[0].ready.get("key", "")
    warm, measured = bodies[:WARM], bodies[WARM : WARM + size.incidents]
    await _carried(bench, servers[0], urls, key, warm)
    calls, before = await bench.cloud.ask("counts"), [await it.ask("spent") for it in servers]
    began = time.perf_counter()
    await _carried(bench, servers[0], urls, key, measured)
    seconds = time.perf_counter() - began
    after, calls_then = [await it.ask("spent") for it in servers], await bench.cloud.ask("counts")
    cpu = sum(it["cpu"] for it in after) - sum(it["cpu"] for it in before)
    count = len(measured)
    return Rate(count / seconds, cpu * 1000 / count, (calls_then["calls"] - calls["calls"]) / count)


async def _carried(
    bench: Bench, server: Child, urls: Sequence[str], key: str, bodies: list[str]
) -> None:
    first, *others = urls
    done = await bench.load.ask(
        "turns", url=first, others=others, token=key, bodies=bodies, in_flight=len(bodies)
    )
    if set(done["statuses"]) != {"201"}:
        raise RuntimeError(f"incidents were answered with {done['statuses']}")
    await _done(server)


async def _settled(server: Child) -> None:
    """As `_done`, where nothing runs unasked."""
    while await server.ask("left"):
        await server.ask("settle")
        await asyncio.sleep(0.1)


async def _done(server: Child) -> None:
    """Everything that was ordered is carried out, but for wakes."""
    while await server.ask("left"):
        await asyncio.sleep(0.05)


@contextmanager
def _server(bench: Bench, *, wanted: bool) -> Iterator[str]:
    """A PostgreSQL that keeps what it commits; "" where none is wanted or installed."""
    if wanted and postgres.binaries() is None:
        bench.without[ONE] = "PostgreSQL is not installed"
    if wanted and postgres.binaries():
        with postgres.server(forgetful=False) as address:
            yield address
    else:
        yield ""


def _database(server: str, name: str) -> str:
    with psycopg.connect(
        f"{server.replace('+psycopg', '')}/postgres", autocommit=True
    ) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return f"{server}/{name}"


# --- the tables ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    lists: Lists | None = None
    stored: Stored | None = None
    waiting: Waiting | None = None
    rates: Rates = field(default_factory=dict)


async def measure_engine(
    bench: Bench, size: EngineSize, people: Sequence[Any], parts: Sequence[str]
) -> Found:
    """The parts that are asked for."""
    found = Found()
    if {"stored", "waiting", "lists"} & set(parts):
        async with Asked.by_house(bench, people) as asked:
            if "stored" in parts:
                found.stored = await measure_stored(bench, size, asked, people)
            if "waiting" in parts:
                found.waiting = await measure_waiting(bench, size, asked, people)
            if "lists" in parts:
                asked.copy("listed", size.listed, Copies.LISTED, OBJECT_ID)
                found.lists = await measure_lists(bench, people, "listed", asked.key, size.asked)
    if "loop" in parts or "replicas" in parts:
        found.rates = await measure_loop(bench, size, people, parts)
    return found


def engine_table(bench: Bench, size: EngineSize, found: Found) -> str:
    lines = ["| proof | measured | goal |", "|---|---|---|"]
    if found.stored:
        lines += _stored_rows(size, found.stored)
    if found.waiting:
        lines += _waiting_rows(size, found.waiting)
    if found.lists:
        lines += lists_rows(found.lists)
    lines += _cpu_rows(found.rates) + _goal_rows(found.rates)
    if found.stored:
        lines += ["", *_stored_table(size, found.stored)]
    if found.lists:
        lines += ["", *lists_table(found.lists)]
    if found.rates:
        lines += ["", *_rates_table(bench, size, found.rates)]
    return "\n".join(lines)


def _stored_rows(size: EngineSize, it: Stored) -> list[str]:
    among = f"among {size.many:,} stored incidents over {size.few:,}"
    cpu = _ratios([b.cpu for b in it.many.busy], [b.cpu for b in it.few.busy])
    waits = _ratios(
        [at(b.latencies, 50) for b in it.many.alone], [at(b.latencies, 50) for b in it.few.alone]
    )
    return [
        f"| (vii) a reply's CPU, {among} | {cpu} | ≤ 1.2 |",
        f"| (vii) its time, one in flight | {waits} | ≤ 1.2 |",
        f"| (vii) CPU of what follows from it | {_ratios(it.many.settled, it.few.settled)} | ≤ 1.2 |",
    ]


def _stored_table(size: EngineSize, it: Stored) -> list[str]:
    def row(count: int, of: Replies) -> str:
        cpu = statistics.median(b.cpu for b in of.busy)
        alone = [ms for block in of.alone for ms in block.latencies]
        settled = statistics.median(of.settled)
        return (
            f"| {count:,} | {cpu:.2f} | {at(alone, 50):.1f} / {at(alone, 95):.1f} | {settled:.1f} |"
        )

    return [
        "**(vii) Replies among stored incidents**, 16 in flight for CPU, by turns; the many are "
        f"{it.megabytes:,.0f} MB and took {it.built:.0f} s to make:",
        "",
        "| stored | CPU ms | ms p50 / p95, 1 in flight | CPU ms of what follows |",
        "|---|---|---|---|",
        row(size.few, it.few),
        row(size.many, it.many),
    ]


def _waiting_rows(size: EngineSize, it: Waiting) -> list[str]:
    return [
        f"| (viii) {size.waiting:,} waiting: idle, of a core over {size.idle:g} s | {it.idle:.2%}"
        f" ({it.few} waiting: {it.idle_few:.2%}) | ≤ 1 % |",
        f"| (viii) memory over that of {it.few} waiting | {it.memory - it.memory_few:+.1f} MB"
        f" ({it.memory:.0f} MB in all) | ≤ 10 MB |",
        "| (viii) reply to the next card, in its answer, p50 / p95 |"
        f" {at(it.answered, 50):.0f} / {at(it.answered, 95):.0f} ms | ≤ 50 ms |",
        "| (viii) reply to the thread's card at the Connector, p50 / p95 |"
        f" {at(it.shown, 50):.0f} / {at(it.shown, 95):.0f} ms ({len(it.shown)} of {len(it.answered)})"
        " | ≤ 50 ms |",
    ]


def _goal_rows(rates: Rates) -> list[str]:
    pairs = [
        ("(ix) the engine over DBOS, as many in flight", WIDE.name, DBOS.name, "≥ 5"),
        ("(ix) the engine over DBOS, 16 effects in flight", ALONE.name, DBOS.name, ""),
        ("(ix) the whole of Vouch over DBOS's trivial workflow", VOUCH, DBOS.name, ""),
        ("(x) PostgreSQL, 1 replica, over SQLite", ONE, VOUCH, ""),
        ("(x) PostgreSQL, 2 replicas, over SQLite", TWO, VOUCH, ""),
    ]
    return [
        f"| {what}, incidents per second |"
        f" {_ratios([r.per_second for r in rates[one]], [r.per_second for r in rates[other]])} |"
        f" {goal} |"
        for what, one, other, goal in pairs
        if one in rates and other in rates
    ]


def _cpu_rows(rates: Rates) -> list[str]:
    if not {BARE.name, WIDE.name, DBOS.name} <= rates.keys():
        return []
    bare, ours, its = ([r.cpu for r in rates[of.name]] for of in (BARE, WIDE, DBOS))
    net = _ratios(
        [cpu - calls for cpu, calls in zip(its, bare, strict=False)],
        [cpu - calls for cpu, calls in zip(ours, bare, strict=False)],
    )
    return [
        f"| (ix) DBOS's CPU an incident over the engine's, as many in flight | {_ratios(its, ours)} |  |",
        f"| (ix) the same, without the calls themselves | {net} |  |",
    ]


def _rates_table(bench: Bench, size: EngineSize, rates: Rates) -> list[str]:
    def row(name: str, of: Sequence[Rate]) -> str:
        per_second = [rate.per_second for rate in of]
        spread = f"{min(per_second):.1f} to {max(per_second):.1f}"
        cpu = statistics.median(rate.cpu for rate in of)
        calls = statistics.median(rate.calls for rate in of)
        return (
            f"| {name} | {statistics.median(per_second):.1f} ({spread}) | {cpu:.1f} | {calls:.1f} |"
        )

    return [
        f"**(ix) (x) Incidents per second**, {size.incidents} at once, until all that follows is "
        f"done; {size.loops} by turns. The trivial workflow is the incident stored and {CALLS} "
        "cards, one after another:",
        "",
        "| | incidents/s | CPU ms each | calls to Teams each |",
        "|---|---|---|---|",
        *(row(name, of) for name, of in rates.items()),
        *(
            f"| {name} | not measured: {why} | | |"
            for name, why in bench.without.items()
            if name in (DBOS.name, ALONE.name, WIDE.name, ONE)
        ),
    ]


def _ratios(ours: Sequence[float], base: Sequence[float]) -> str:
    ratios = [mine / its for mine, its in zip(ours, base, strict=False)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"

"""`make bench`: every measurement in one run, interleaved, so that ratios are of one machine and hour.

Prints the table that stands in bench/README.md. A time never decides a test: nothing fails here
for being slow.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench import story
from bench.engine import (
    ENGINE,
    ENGINE_QUICK,
    PARTS,
    EngineSize,
    engine_table,
    measure_engine,
    people_needed,
)
from bench.gateway import CARD
from bench.measuring import (
    FULL,
    PROVIDER_TENANT,
    QUICK,
    WARM,
    Bench,
    Block,
    Contender,
    House,
    Size,
    ask_everybody,
    at,
    house,
    last_line,
    machine,
    tell,
)
from bench.processes import MEASURED, OTHERS, Child, child

RAW = Contender("raw aiohttp + PyJWT, RS256 verified every turn", "bench.raw")
GATEWAY = Contender("**Vouch's gateway**", "bench.gateway")
UNREMEMBERED = Contender(
    "Vouch's gateway, verifying every turn", "bench.gateway", told={"remembers_tokens": False}
)
BOTBUILDER = Contender(
    "botbuilder 4.17.1 as it comes", "bench.peers.botbuilder_bot", 0.12, peer=True
)
SDKS = [
    Contender("microsoft-agents-hosting-aiohttp 1.9.0", "bench.peers.agents_bot", 0.4, peer=True),
    Contender("microsoft-teams-apps 2.1.1", "bench.peers.teams_bot", 0.3, peer=True),
    BOTBUILDER,
]


# --- (i), (ii), (iii): turns ---------------------------------------------------------------------


@dataclass(slots=True)
class Series:
    """The blocks of one contender, a pair per cycle."""

    busy: list[Block] = field(default_factory=list)
    alone: list[Block] = field(default_factory=list)
    tokens: int = 0
    turns: int = 0

    def over(self, base: "Series") -> list[float]:
        """CPU per turn over the base's in the same cycle."""
        return [mine.cpu / its.cpu for mine, its in zip(self.busy, base.busy, strict=False)]

    def waits_over(self, base: "Series") -> list[float]:
        """The median time of a turn, one in flight, over the base's in the same cycle."""
        pairs = zip(self.alone, base.alone, strict=False)
        return [at(mine.latencies, 50) / at(its.latencies, 50) for mine, its in pairs]


CLICK = "**Bob's click, whole of Vouch on SQLite**"


async def measure_turns(bench: Bench, house: House) -> dict[str, Series]:
    """Every contender in every cycle, one after another."""
    contenders = [RAW, GATEWAY, UNREMEMBERED, *SDKS]
    measured: dict[str, Series] = {}
    async with AsyncExitStack() as stack:
        servers = [
            (of, server)
            for of in contenders
            if (server := await stack.enter_async_context(bench.contender(of)))
        ]
        for cycle in range(bench.size.cycles):
            tell(f"turns, cycle {cycle + 1} of {bench.size.cycles}")
            for of, server in servers:
                if of.name not in bench.without:
                    await _cycle(bench, of, server, measured.setdefault(of.name, Series()))
            await _click_cycle(bench, house, measured.setdefault(CLICK, Series()))
    return {name: it for name, it in measured.items() if it.busy}


async def _cycle(bench: Bench, of: Contender, server: Child, series: Series) -> None:
    size = bench.size
    busy, alone = (max(8, round(n * of.share)) for n in (size.turns, size.alone))
    before = await bench.cloud.ask("counts")
    try:
        await bench.turns(server, await bench.messages(max(16, round(WARM * of.share))), 16)
        series.busy.append(await bench.turns(server, await bench.messages(busy), 16))
        series.alone.append(await bench.turns(server, await bench.messages(alone), 1))
    except RuntimeError as error:
        bench.without[of.name] = last_line(bench.data / f"{of.module}.log") or str(error)
        return
    after = await bench.cloud.ask("counts")
    series.tokens += after["tokens"] - before["tokens"]
    series.turns += busy + alone + max(16, round(WARM * of.share))


async def _click_cycle(bench: Bench, house: House, series: Series) -> None:
    size = bench.size
    await bench.turns(house.server, house.take(16), 16)
    series.busy.append(await bench.turns(house.server, house.take(size.clicks), 16))
    series.alone.append(await bench.turns(house.server, house.take(size.clicks_alone), 1))
    series.turns += 16 + size.clicks + size.clicks_alone


def clicks_needed(size: Size) -> int:
    return size.cycles * (16 + size.clicks + size.clicks_alone)


# --- (iv): pauses --------------------------------------------------------------------------------


async def measure_pauses(bench: Bench) -> dict[str, list[float]]:
    """A fresh process, its first three messages, and everybody else, while identity is slow."""
    found: dict[str, list[float]] = {}
    await bench.cloud.ask("slow", seconds=bench.size.slow)
    for of in (RAW, GATEWAY, *SDKS):
        if of.name in bench.without:
            continue
        tell(f"pauses of {of.name.strip('*')}")
        for _ in range(1 if of.peer else bench.size.pauses):
            async with bench.contender(of) as server:
                if server is not None:
                    found.setdefault(of.name, []).append(await _pause(bench, server))
    await bench.cloud.ask("slow", seconds=0)
    return found


async def _pause(bench: Bench, server: Child) -> float:
    url, token = server.ready["url"], await bench.token()
    bodies = await bench.messages(3)
    paused = await bench.load.ask(
        "pauses",
        url=f"{url}/api/messages",
        ping=f"{url}/ping",
        token=token,
        bodies=bodies,
        seconds=bench.size.slow,
    )
    longest: float = paused["longest"]
    return longest


# --- (v): proactive cards ------------------------------------------------------------------------


@dataclass(slots=True)
class Cards:
    """CPU milliseconds per card, a value per cycle."""

    bare: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    botbuilder: list[float] = field(default_factory=list)


async def measure_cards(bench: Bench, people: Sequence[Any]) -> Cards:
    found = Cards()
    service_url = bench.cloud.ready["serviceUrls"][story.TENANT]
    chat = {"tenant": story.TENANT, "id": people[0]["chat"], "service_url": service_url}
    count, few = bench.size.cards, max(5, bench.size.cards // 20)
    async with bench.contender(GATEWAY) as ours, bench.contender(BOTBUILDER) as botbuilder:
        assert ours is not None
        for how in ("bare", "messenger"):
            await ours.ask("cards", how=how, chat=chat, count=WARM)
        for cycle in range(bench.size.cycles):
            tell(f"proactive cards, cycle {cycle + 1} of {bench.size.cycles}")
            for how, into in (("bare", found.bare), ("messenger", found.ours)):
                spent = await ours.ask("cards", how=how, chat=chat, count=count)
                into.append(spent * 1000 / count)
            if botbuilder is not None and BOTBUILDER.name not in bench.without:
                spent = await botbuilder.ask("cards", how="", chat=chat, count=few, card=CARD)
                found.botbuilder.append(spent * 1000 / few)
    return found


# --- (vi): from incident to card -----------------------------------------------------------------


@dataclass(slots=True)
class Flow:
    seconds: list[float]
    cpu: float
    """Milliseconds per incident, with everything that follows from it."""
    share: float
    """Of one core, while it lasted."""
    missing: int


async def measure_flow(bench: Bench, people: Sequence[Any]) -> Flow:
    """Incidents at a steady pace; from each one's POST until its question stands in the chat. Vouch has
    all cores here: at this pace one would be full, and the wait for it is what would be measured."""
    async with house(bench, people, dispatch=True, name="flow") as server:
        url, key = f"{server.ready['url']}/api/incidents/defender", server.ready["key"]
        warm, measured = people[:10], people[10:]
        await bench.load.ask(
            "turns", url=url, token=key, bodies=[story.incident(p) for p in warm], in_flight=2
        )
        await asyncio.sleep(2)
        tell(f"incidents, {bench.size.per_second:g} a second for {bench.size.seconds:g} s")
        bodies = [story.incident(person) for person in measured]
        before = await server.ask("spent")
        done = await bench.load.ask(
            "paced", url=url, token=key, bodies=bodies, per_second=bench.size.per_second
        )
        while await server.ask("waiting"):
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        after = await server.ask("spent")
        delivered = await bench.cloud.ask("delivered")
    if set(done["statuses"]) != {"201"}:
        raise RuntimeError(f"incidents were answered with {done['statuses']}")
    took = [
        delivered[person["chat"]] - sent
        for person, sent in zip(measured, done["sent"], strict=True)
        if person["chat"] in delivered
    ]
    cpu = after["cpu"] - before["cpu"]
    return Flow(
        took,
        cpu * 1000 / len(measured),
        cpu / (max(done["sent"]) - min(done["sent"])),
        len(measured) - len(took),
    )


# --- the table -----------------------------------------------------------------------------------


def table(
    bench: Bench,
    turns: Mapping[str, Series],
    pauses: Mapping[str, Sequence[float]],
    cards: Cards,
    flow: Flow,
) -> str:
    lines = [
        f"{bench.size.cycles} interleaved cycles, medians.",
        "",
        "| proof | measured | goal | must |",
        "|---|---|---|---|",
        *_summary(turns, pauses, cards, flow),
        "",
        "**(i) (ii) (iii) Turns**, TLS to the Connector, RS256 on the way in. CPU with 16 in flight; "
        "the ratio is over raw in the same cycle (lowest to highest).",
        "",
        "| | CPU ms | × raw | ms p50 / p95, 1 in flight | ms p50 / p95, 16 in flight | new connections per turn | token requests, of turns | MB |",
        "|---|---|---|---|---|---|---|---|",
        *(_turns_row(name, it, turns[RAW.name]) for name, it in turns.items()),
        *(f"| {name} | not measured: {why} | | | | | | |" for name, why in bench.without.items()),
        "",
        f"**(iv) Longest wait of other requests** in a fresh process while identity endpoints take {bench.size.slow:g} s each; median of the runs:",
        "",
        "| | s | runs |",
        "|---|---|---|",
        *(f"| {name} | {statistics.median(it):.3f} | {len(it)} |" for name, it in pauses.items()),
        "",
        "**(v) A proactive card** over one bare POST of the same JSON on the same session:",
        "",
        "| | CPU ms | × bare |",
        "|---|---|---|",
        f"| bare POST | {statistics.median(cards.bare):.2f} | 1 |",
        _cards_row("**Messenger.send**", cards.ours, cards.bare),
        *(
            [_cards_row("botbuilder's continue_conversation", cards.botbuilder, cards.bare)]
            if cards.botbuilder
            else []
        ),
        "",
        f"**(vi) From an incident's POST to Bob's card at the Connector**, {bench.size.per_second:g} a second "
        f"for {bench.size.seconds:g} s: p50 {at(flow.seconds, 50) * 1000:.0f} ms, p95 "
        f"{at(flow.seconds, 95) * 1000:.0f} ms; {flow.cpu:.1f} ms CPU an incident with all that "
        f"follows (threads, analysts' cards, write-back), {flow.share:.0%} of a core"
        + (f"; {flow.missing} cards missing" if flow.missing else "")
        + ".",
    ]
    return "\n".join(lines)


def _summary(
    turns: Mapping[str, Series],
    pauses: Mapping[str, Sequence[float]],
    cards: Cards,
    flow: Flow,
) -> list[str]:
    raw, gateway, click = turns[RAW.name], turns[GATEWAY.name], turns[CLICK]
    unremembered = turns[UNREMEMBERED.name]
    over_bare = [ours / bare for ours, bare in zip(cards.ours, cards.bare, strict=True)]
    pause = statistics.median(pauses[GATEWAY.name])
    waits = statistics.median(click.waits_over(raw))
    proofs = [
        ("(i) gateway turn, CPU over raw", f"{_over(gateway, raw):.2f}", "≤ 1.5", "≤ 2.5"),
        ("(i) the same, its token verified every turn", f"{_over(unremembered, raw):.2f}", "", ""),
        ("(ii) Bob's click to its committed answer, time over raw, one in flight", f"{waits:.1f}", "≤ 4", "≤ 6"),
        ("(ii) the same, CPU over raw, 16 in flight", f"{_over(click, raw):.1f}", "≤ 4", "≤ 6"),
        ("(iii) new connections per turn", f"{_opened(gateway):.2g}", "0", "0"),
        ("(iii) token requests", f"{gateway.tokens} in {gateway.turns} turns", "1", "1"),
        ("(iv) longest wait of others, s", f"{pause:.3f}", "≤ 0.05", "≤ 0.05"),
        ("(v) proactive card, CPU over a bare POST", f"{statistics.median(over_bare):.2f}", "≤ 1.5", ""),
        (
            "(vi) incident to card, p50 / p95",
            f"{at(flow.seconds, 50) * 1000:.0f} / {at(flow.seconds, 95) * 1000:.0f} ms",
            "",
            "",
        ),
    ]  # fmt: skip
    return [f"| {' | '.join(cells)} |" for cells in proofs]


def _over(series: Series, raw: Series) -> float:
    return statistics.median(series.over(raw))


def _opened(series: Series) -> float:
    blocks = [*series.busy, *series.alone]
    return sum(b.connections for b in blocks) / sum(b.turns for b in blocks)


def _turns_row(name: str, series: Series, raw: Series) -> str:
    ratios = series.over(raw)
    busy = [ms for block in series.busy for ms in block.latencies]
    alone = [ms for block in series.alone for ms in block.latencies]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    cells = [
        name,
        f"{statistics.median(b.cpu for b in series.busy):.2f}",
        "1" if series is raw else ratio,
        f"{at(alone, 50):.1f} / {at(alone, 95):.1f}",
        f"{at(busy, 50):.1f} / {at(busy, 95):.1f}",
        f"{_opened(series):.2g}",
        "" if name == CLICK else f"{series.tokens} of {series.turns}",
        f"{series.busy[-1].rss:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _cards_row(name: str, spent: Sequence[float], bare: Sequence[float]) -> str:
    ratios = [mine / its for mine, its in zip(spent, bare, strict=True)]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return f"| {name} | {statistics.median(spent):.2f} | {ratio} |"


@asynccontextmanager
async def prepared(
    size: Size, data: Path, persons: int, others: set[int] | None = None
) -> AsyncIterator[tuple[Bench, list[Any]]]:
    """Microsoft's side and the load generator, on cores of their own, with so many people."""
    world = data / "world.json"
    story.world(world, persons)
    app_id, secret = str(uuid4()), "a-secret-of-the-bench"
    identity = (f"--app-id={app_id}", f"--app-secret={secret}")
    async with (
        child(
            "bench.cloud",
            *identity,
            f"--data={data}",
            f"--world={world}",
            log=data / "cloud.log",
            cores=others,
        ) as cloud,
        child("bench.load", log=data / "load.log", cores=others) as load,
    ):
        told = {
            "app_id": app_id,
            "app_secret": secret,
            "tenant": PROVIDER_TENANT,
            "api": cloud.ready["api"],
            "ca": cloud.ready["ca"],
        }
        bench = Bench(size, data, cloud, load, told)
        await cloud.ask("install", tenant=PROVIDER_TENANT)
        known = (await cloud.ask("install", tenant=story.TENANT))["people"]
        yield bench, [it for it in known if it["name"].startswith("Person")]


async def teams(bench: Bench, people: Sequence[Any]) -> str:
    """(i) to (vi)."""
    count = clicks_needed(bench.size)
    tell(f"preparing {count} questions")
    clicks = house(
        bench, people[:count], dispatch=False, name="clicks", hurried=True, cores=MEASURED
    )
    async with clicks as server:
        asked = await ask_everybody(bench, server, people[:count])
        turns = await measure_turns(bench, asked)
    pauses = await measure_pauses(bench)
    cards = await measure_cards(bench, people)
    await bench.cloud.ask("forget")
    flow = await measure_flow(bench, people[count:])
    return table(bench, turns, pauses, cards, flow)


async def run(size: Size, engine: EngineSize, data: Path, parts: Sequence[str]) -> str:
    tables = []
    persons = clicks_needed(size) + 10 + round(size.per_second * size.seconds)
    if "teams" in parts:
        async with prepared(size, data, persons, OTHERS) as (bench, people):
            tables.append(await teams(bench, people))
    if of_engine := [part for part in parts if part in PARTS]:
        async with prepared(size, data, people_needed(engine, of_engine)) as (bench, people):
            found = await measure_engine(bench, engine, people, of_engine)
            tables.append(engine_table(bench, engine, found))
    return "\n\n".join([f"Measured {datetime.now(UTC):%Y-%m-%d}: {machine()}.", *tables])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute: does it work at all?")
    parser.add_argument("--keep", type=Path, help="keep databases and logs in a new folder here")
    parser.add_argument(
        "--only",
        choices=("teams", "engine", *PARTS),
        help="teams is (i) to (vi), engine (vii) to (xi): stored, waiting, lists, loop and replicas",
    )
    parser.add_argument("--stored", type=int, help="how many incidents are stored in (vii)")
    given = parser.parse_args()
    engine = ENGINE_QUICK if given.quick else ENGINE
    if given.stored:
        engine = replace(engine, many=given.stored)
    parts = {None: ("teams", *PARTS), "engine": PARTS}.get(given.only, (given.only,))
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as scratch:
        data = Path(tempfile.mkdtemp(dir=given.keep) if given.keep else scratch)
        print(asyncio.run(run(QUICK if given.quick else FULL, engine, data, parts)))


if __name__ == "__main__":
    main()

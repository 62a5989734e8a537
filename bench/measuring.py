"""What every measurement shares: sizes, contenders, the running bench, the house with its people."""

import json
import os
import platform
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import story
from bench.processes import MEASURED, ROOT, Child, child

PROVIDER_TENANT = "a1e4c7b9-58d2-4f36-8e0b-9c7d6a5b4f32"
PEERS = ROOT / "bench" / ".venv-peers"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything; `quick` tells whether the bench itself works."""

    cycles: int
    turns: int
    alone: int
    clicks: int
    clicks_alone: int
    cards: int
    pauses: int
    slow: float
    """Seconds that identity endpoints take in (iv)."""
    per_second: float
    seconds: float


FULL = Size(5, 200, 60, 128, 40, 300, 3, 2, 20, 30)
QUICK = Size(3, 40, 12, 16, 6, 60, 1, 0.3, 20, 2)
WARM = 32
"""Turns before each block that are not counted: connections and caches as in a busy hour."""


@dataclass(frozen=True, slots=True)
class Contender:
    name: str
    module: str
    share: float = 1.0
    """Of the turns: slow ones get fewer."""
    told: Mapping[str, Any] = field(default_factory=dict)
    peer: bool = False


@dataclass(slots=True)
class Block:
    """What one block of turns cost."""

    cpu: float
    """Milliseconds of the server's CPU per turn."""
    latencies: list[float]
    connections: int = 0
    turns: int = 0
    rss: float = 0.0


class Bench:
    def __init__(self, size: Size, data: Path, cloud: Child, load: Child, told: Any) -> None:
        self.size = size
        self.data = data
        self.cloud = cloud
        self.load = load
        self.told = told
        self.without: dict[str, str] = {}
        """Who could not be measured, and why."""

    @asynccontextmanager
    async def contender(self, of: Contender) -> AsyncIterator[Child | None]:
        """Started; None where it does not start here."""
        python = str(PEERS / "bin" / "python") if of.peer else sys.executable
        log = self.data / f"{of.module}.log"
        async with AsyncExitStack() as stack:
            started = None
            try:
                started = await stack.enter_async_context(
                    child(
                        of.module,
                        json.dumps({**self.told, **of.told}),
                        python=python,
                        environment=self._environment() if of.peer else None,
                        log=log,
                        cores=MEASURED,
                    )
                )
            except (RuntimeError, TimeoutError, OSError) as error:
                self.without[of.name] = last_line(log) or repr(error)
            yield started

    def _environment(self) -> dict[str, str]:
        """Identity comes through the cloud's proxy; the cloud is trusted beside everybody else, for
        reading the authorities is part of what some SDKs do in every turn."""
        proxy = f"http://127.0.0.1:{self.cloud.ready['proxy']}"
        bundle = self.data / "authorities.pem"
        if not bundle.exists():
            known = next(PEERS.glob("lib/python*/site-packages/certifi/cacert.pem"), None)
            usual = known.read_bytes() if known else b""
            bundle.write_bytes(usual + Path(self.told["ca"]).read_bytes())
        trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(bundle))
        return {"HTTPS_PROXY": proxy, "NO_PROXY": "localhost,127.0.0.1", **trust}

    async def token(self, tenant: str = story.TENANT) -> str:
        token: str = await self.cloud.ask("token", tenant=tenant)
        return token

    async def turns(
        self, server: Child, bodies: list[str], in_flight: int, tenant: str = story.TENANT
    ) -> Block:
        """One block: CPU, latencies and new connections of these turns alone."""
        url, token = f"{server.ready['url']}/api/messages", await self.token(tenant)
        before, opened = await server.ask("spent"), await self.cloud.ask("counts")
        done = await self.load.ask(
            "turns", url=url, token=token, bodies=bodies, in_flight=in_flight
        )
        after, opened_then = await server.ask("spent"), await self.cloud.ask("counts")
        if not all(status.startswith("2") for status in done["statuses"]):
            raise RuntimeError(f"answered with {done['statuses']}")
        return Block(
            (after["cpu"] - before["cpu"]) * 1000 / len(bodies),
            done["latencies"],
            opened_then["connections"] - opened["connections"],
            len(bodies),
            after["rss"],
        )

    async def messages(self, count: int) -> list[str]:
        bodies: list[str] = await self.cloud.ask("messages", tenant=story.TENANT, count=count)
        return bodies


@dataclass(slots=True)
class House:
    """The whole of Vouch with cards waiting for their people."""

    server: Child
    clicks: list[str]

    def take(self, count: int) -> list[str]:
        taken, self.clicks = self.clicks[:count], self.clicks[count:]
        return taken


@asynccontextmanager
async def house(
    bench: Bench,
    people: Sequence[Any],
    dispatch: bool,
    *,
    name: str,
    database: str = "",
    key: str = "",
    hurried: bool = False,
    cores: set[int] | None = None,
) -> AsyncIterator[Child]:
    """The whole of Vouch. Its database is a SQLite file of that name where no address is given; it
    is onboarded there already where there is a key. In a hurry it heeds no pace of a tenant."""
    told = {
        **bench.told,
        "customer": story.CUSTOMER,
        "people": people,
        "serviceUrls": bench.cloud.ready["serviceUrls"],
        "database": database or f"sqlite:///{bench.data / name}.sqlite3",
        "dispatch": dispatch,
        "key": key,
        "hurried": hurried,
    }
    file = bench.data / f"{name}.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    log = bench.data / f"{name}.log"
    async with child("bench.house", str(file), log=log, cores=cores) as server:
        yield server


async def ask_everybody(bench: Bench, server: Child, people: Sequence[Any]) -> House:
    """An incident for each of them; every question stands in its chat."""
    url = f"{server.ready['url']}/api/incidents/defender"
    bodies = [story.incident(person) for person in people]
    done = await bench.load.ask(
        "turns", url=url, token=server.ready["key"], bodies=bodies, in_flight=16
    )
    if set(done["statuses"]) != {"201"}:
        raise RuntimeError(f"incidents were answered with {done['statuses']}")
    await server.ask("settle")
    pressed = await bench.cloud.ask("clicks", action=story.ANSWER)
    clicks = [pressed[person["object_id"]] for person in people]
    return House(server, clicks)


def at(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def machine() -> str:
    """What a reader may compare by; no name, no path."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    model = next((it.partition(":")[2].strip() for it in lines if it.startswith("model name")), "")
    load = os.getloadavg()[0]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores ({model or platform.machine()}), {platform.system()}, {python}, load {load:.1f}"


def last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


def tell(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)

"""The processes of a deployment: started, killed, started again; each is a `vouch serve`."""

import asyncio
import json
import os
import random
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import aiohttp

from bot.demo import PROVIDER_TENANT
from tests.crash.counts import Death
from tests.crash.engines import Engine
from tests.crash.meter import Metered
from tests.story.house import APP_ID, APP_SECRET
from tests.story.nursery import Nursery

STARTS_WITHIN = 30.0


class Replicas:
    """As many as the engine allows. The simulated world speaks to one that lives."""

    def __init__(self, engine: Engine, cradle: Nursery, sim: Metered, log: Path) -> None:
        self._engine = engine
        self._cradle = cradle
        self._sim = sim
        self._log = log
        self._ports = [_free_port() for _ in range(engine.replicas)]
        self._pids: dict[int, list[int]] = {port: [] for port in self._ports}
        self._rival_port = _free_port()
        sim.whose, sim.starved = self.whose, self.starved
        self.requests_open: Callable[[], int] = lambda: 0
        """How many requests of ours it has not answered yet."""

    def start(self) -> None:
        """Everybody who is dead."""
        for port, pids in self._pids.items():
            if not pids:
                pids.append(self._serve(port))

    def become(self, cradle: Nursery) -> None:
        """From the next start on they are of this build."""
        self.end()
        self._cradle = cradle

    async def ready(self, session: aiohttp.ClientSession) -> None:
        """Until each of them answers."""
        for port in self._ports:
            await self._ready(session, port)

    def start_rival(self) -> None:
        """Somebody starts another one beside it, as an overlapping deployment does. SQLite's lets
        nobody in, and the rival ends at once."""
        self._pids[self._ports[0]].append(self._serve(self._rival_port))

    def kill(self, chance: random.Random) -> Death:
        """SIGKILL, to one at random; the next one may come right after this."""
        port = chance.choice(self._ports)
        at, calls, requests = monotonic(), self._sim.open, self.requests_open()
        starved = {pid: _starved(pid) for pid in self._pids[port]}
        for pid in self._pids[port]:
            os.kill(pid, signal.SIGKILL)
        for pid in self._pids[port]:
            self._cradle.kill(pid)
        self._pids[port].clear()
        living = [it for it in self._ports if self._pids[it]] or self._ports
        self._sim.bot_url = f"http://127.0.0.1:{living[0]}"
        return Death(at, monotonic(), calls, requests, starved)

    def whose(self, port: int) -> int | None:
        """The process at that end of a connection."""
        inode = _socket_at(port)
        living = (pid for pids in self._pids.values() for pid in pids)
        return next((pid for pid in living if inode and _holds(pid, inode)), None)

    def starved(self, pid: int | None) -> float:
        """Seconds that its busiest thread has waited for a processor."""
        return _starved(pid) if pid else 0.0

    def end(self) -> None:
        for pids in self._pids.values():
            for pid in pids:
                self._cradle.kill(pid)
            pids.clear()

    def _serve(self, port: int) -> int:
        return self._cradle.serve(self._environment(port), self._log)

    async def _ready(self, session: aiohttp.ClientSession, port: int) -> None:
        async with asyncio.timeout(STARTS_WITHIN):
            url = f"http://127.0.0.1:{port}/readyz"
            while not await _answers(session, url):  # noqa: ASYNC110 - another process sets it
                await asyncio.sleep(0.02)
        self._sim.bot_url = f"http://127.0.0.1:{port}"

    def _environment(self, port: int) -> dict[str, str]:
        api = self._sim.api_url
        return {
            "VOUCH_PORT": str(port),
            "VOUCH_DATABASE_URL": self._engine.url,
            "VOUCH_APP_ID": APP_ID,
            "VOUCH_APP_TENANT": PROVIDER_TENANT,
            "VOUCH_APP_SECRET": APP_SECRET,
            "VOUCH_LOGIN_URL": api,
            "VOUCH_OPENID_METADATA_URL": f"{api}/botframework/v1/.well-known/openidconfiguration",
            "VOUCH_SERVICE_HOSTS": json.dumps([urlsplit(api).netloc]),
            "VOUCH_CA_FILE": str(self._sim.ca_file),
            "VOUCH_LEASE_SECONDS": str(self._engine.lease_seconds),
        }


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def _starved(pid: int) -> float:
    """As the kernel counts it, where it does."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    waited = [0]
    with suppress(OSError):  # a thread ends, or the process does
        waited += [int(thread.read_text(encoding="ascii").split()[1]) for thread in threads]
    return max(waited) / 1e9


def _socket_at(port: int) -> str | None:
    """The inode of the socket that is bound to a local port and connected from it."""
    with Path("/proc/net/tcp").open(encoding="ascii") as connections:
        for line in connections:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == "01":
                return fields[9]
    return None


def _holds(pid: int, inode: str) -> bool:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # it was closed meanwhile
                if str(descriptor.readlink()) == f"socket:[{inode}]":
                    return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

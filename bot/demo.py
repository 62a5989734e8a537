"""`vouch demo`: Vouch and a simulated Teams side by side, ready to be played in a browser.

The simulator is a process of its own and Vouch does not know that it is one: it is told whom to
trust and whom to speak to by settings that a real deployment has too. Only its clock is another
one, which the simulator's page can move on (`timelapse.py`).
"""

import asyncio
import contextlib
import json
import secrets
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from pydantic import SecretStr

from bot.app import running
from bot.clock import ShiftedClock
from bot.settings import Settings
from bot.setup import add_intake_key, add_profile
from bot.signals import stop_signal
from bot.timelapse import time_lapse
from storage.engine import Store
from triage.report import Source

PROFILES = Path(__file__).parents[1] / "simulator" / "profiles"
PROVIDER_TENANT = "a1e4c7b9-58d2-4f36-8e0b-9c7d6a5b4f32"

LOOPBACK = "127.0.0.1"

STARTS_WITHIN = 30
"""Seconds the simulator has to say where it is."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the person typed."""

    port: int
    simulator_port: int
    data: Path
    browser: bool


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the two processes share, new at every start."""

    app_id: str
    app_secret: str
    intake_keys: dict[str, dict[str, str]]
    clock_url: str
    clock_token: str
    pager_key: str


@dataclass(frozen=True, slots=True)
class Addresses:
    vouch: str
    simulator: str


class SimulatorFailedError(Exception):
    """The simulator did not come up; what it said stands on standard error."""


async def play(demo: Demo) -> None:
    """Start both, say where they are, and run until SIGTERM or Ctrl-C."""
    demo.data.mkdir(parents=True, exist_ok=True)
    with socket.create_server((LOOPBACK, 0)) as clock_door:
        await _play(demo, clock_door)


async def _play(demo: Demo, clock_door: socket.socket) -> None:
    stopped = stop_signal()
    port = demo.port or _free_port()
    database = f"sqlite:///{demo.data / 'vouch.sqlite3'}"
    shared = Secrets(
        app_id=str(uuid4()),
        app_secret=secrets.token_urlsafe(24),
        intake_keys=await _prepare(database),
        clock_url=f"http://{LOOPBACK}:{clock_door.getsockname()[1]}",
        clock_token=secrets.token_urlsafe(24),
        pager_key=secrets.token_hex(16),
    )
    async with _simulator(demo, port, shared) as ready:
        settings = Settings(
            port=port,
            public_url=f"http://{LOOPBACK}:{port}",
            database_url=database,
            app_id=shared.app_id,
            app_tenant=PROVIDER_TENANT,
            app_secret=SecretStr(shared.app_secret),
            login_url=ready["api"],
            graph_url=ready["api"],
            openid_metadata_url=f"{ready['api']}/botframework/v1/.well-known/openidconfiguration",
            service_hosts=frozenset({urlsplit(ready["api"]).netloc}),
            ca_file=Path(ready["ca"]),
            pagerduty_key=SecretStr(shared.pager_key),
            pagerduty_url=f"{ready['api']}/pagerduty/v2/enqueue",
        )
        clock = ShiftedClock()
        async with (
            running(settings, clock, dispatch=False) as vouch,
            time_lapse(vouch, clock, settings.dispatch_seconds, clock_door, shared.clock_token),
        ):
            await _install_everywhere(ready["page"])
            _announce(Addresses(vouch.url, ready["page"]), browser=demo.browser)
            await stopped.wait()


async def _prepare(database: str) -> dict[str, dict[str, str]]:
    """Profiles of everybody in the simulated world, and fresh keys for its sources."""
    store = Store.open(database)
    keys: dict[str, dict[str, str]] = {}
    try:
        for file in sorted(PROFILES.glob("*.toml")):
            added = await add_profile(store, file.read_text(encoding="utf-8"), file.name)
            if added.role == "customer":
                keys[added.id] = {
                    source: await add_intake_key(store, added.id, source)
                    for source in (Source.DEFENDER, Source.NATIVE)
                }
    finally:
        await store.close()
    return keys


@contextlib.asynccontextmanager
async def _simulator(demo: Demo, bot_port: int, shared: Secrets) -> AsyncIterator[dict[str, Any]]:
    keys = _private(demo.data / "intake-keys.json", shared.intake_keys)
    clock = _private(
        demo.data / "clock.json", {"url": shared.clock_url, "token": shared.clock_token}
    )
    pager = _private(demo.data / "pager.json", {"routing_key": shared.pager_key})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator",
        f"--port={demo.simulator_port}",
        f"--bot-url=http://{LOOPBACK}:{bot_port}",
        f"--app-id={shared.app_id}",
        f"--app-secret={shared.app_secret}",
        f"--intake-keys={keys}",
        f"--bot-clock={clock}",
        f"--pager={pager}",
        f"--data={demo.data}",
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield await _first_line(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _private(file: Path, content: Any) -> Path:
    """A file for the simulator's eyes: what stands in a command line, everybody here can read."""
    file.touch(mode=0o600)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


async def _first_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    if process.stdout is None:
        raise SimulatorFailedError("the simulator has no output to read")
    try:
        line = await asyncio.wait_for(process.stdout.readline(), STARTS_WITHIN)
    except TimeoutError as error:
        raise SimulatorFailedError("the simulator did not start in time") from error
    if not line:
        raise SimulatorFailedError("the simulator ended at once; is its port taken?")
    told: dict[str, Any] = json.loads(line)
    return told


async def _install_everywhere(page: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{page}/api/install-all") as done:
        done.raise_for_status()


def _announce(addresses: Addresses, *, browser: bool) -> None:
    if not browser:
        print(json.dumps({"vouch": addresses.vouch, "simulator": addresses.simulator}), flush=True)  # noqa: T201 - the command's answer
        return
    print(  # noqa: T201 - the command's answer
        f"\n  Vouch      {addresses.vouch}\n  Simulator  {addresses.simulator}   <- play here\n\n"
        "  Pick a scenario on the simulator's page. Ctrl-C ends both.\n",
        flush=True,
    )
    webbrowser.open(addresses.simulator)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port

"""Builds every part and wires them, by hand, once."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiohttp import web

from bot.clock import Clock, SystemClock
from bot.conductor import Conductor
from bot.desk import keep_desk, read_desk
from bot.performing import Performer
from bot.reception import Reception
from bot.settings import Settings
from bot.teams.gateway import Gateway
from bot.web import Intake, Readiness, application
from containment.rehearsal import Rehearsal
from sources.writing import RehearsedWriter
from storage.carrier import Carrier
from storage.dispatch import Dispatcher
from storage.engine import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Vouch:
    """The running house, for whoever started it."""

    store: Store
    clock: Clock
    conductor: Conductor
    dispatcher: Dispatcher | Carrier
    url: str


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock | None = None, *, dispatch: bool = True
) -> AsyncIterator[Vouch]:
    """Everything started, listening on `settings.port` (0 takes any), until the block ends.

    With `dispatch` False due effects run only when a test drains them.
    """
    clock = clock or SystemClock()
    store = Store.open(settings.database_url)
    gateway = Gateway(settings)
    try:
        desk = await read_desk(store)
        performer = Performer(gateway.messenger, Rehearsal(), RehearsedWriter())
        lease = timedelta(seconds=settings.lease_seconds)
        conductor = Conductor(store, clock, desk, performer, owner=_owner(), lease=lease)
        dispatcher = _dispatcher(store, settings, clock, conductor, lease)
        conductor.on_work = dispatcher.notify
        reception = Reception(store, clock, desk, conductor)
        app = application(
            Intake(store, clock, conductor),
            Readiness(store, dispatcher.looked_ago if dispatch else lambda: 0.0),
            gateway.routes(reception),
        )
        await gateway.start()
        async with _listening(app, settings) as url:
            work = asyncio.create_task(dispatcher.run()) if dispatch else None
            look = asyncio.create_task(keep_desk(store, desk, clock.now)) if store.shared else None
            try:
                yield Vouch(store, clock, conductor, dispatcher, url)
            finally:
                if look is not None:
                    look.cancel()
                if work is not None:
                    dispatcher.stop()
                    await work
    finally:
        await gateway.close()
        await store.close()


@asynccontextmanager
async def _listening(app: web.Application, settings: Settings) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        log.info("listening", host=host, port=port)
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _dispatcher(
    store: Store, settings: Settings, clock: Clock, conductor: Conductor, lease: timedelta
) -> Dispatcher | Carrier:
    """The embedded one for a process that has its database alone; else one among replicas."""
    poll = settings.dispatch_seconds
    if not store.shared:
        return Dispatcher(store, clock.now, conductor.run_effect, poll)
    url = settings.database_url
    return Carrier(store, url, clock.now, conductor.run_effect, poll=poll, lease=lease)


def _owner() -> str:
    """Names this process in leases; containers may share a host's name and a process id."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

"""Builds every part and wires them, by hand, once."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiohttp import web

from bot.clock import Clock, SystemClock
from bot.conductor import Conductor
from bot.gathering import ProviderDesk
from bot.performing import Performer
from bot.reception import Reception
from bot.settings import Settings
from bot.teams.gateway import Gateway
from bot.teams.network import Network
from bot.web import Intake, Readiness, application
from containment.rehearsal import Rehearsal
from dialogs.messenger import Channel
from paging.pager import NoPager, Pager
from paging.pagerduty import PagerDuty
from paging.webhook import Webhook, secret_of
from sources.writing import RehearsedWriter
from storage import across, people
from storage.dispatch import Dispatcher
from storage.engine import Store

log = structlog.get_logger(__name__)


class NoProviderError(Exception):
    """Nobody is there to work on incidents: the provider's profile must be added first."""


@dataclass(frozen=True, slots=True)
class Vouch:
    """The running house, for whoever started it."""

    store: Store
    clock: Clock
    conductor: Conductor
    dispatcher: Dispatcher
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
        desk = await _desk(store)
        performer = Performer(
            gateway.messenger, Rehearsal(), RehearsedWriter(), _pager(settings, gateway.network)
        )
        lease = timedelta(seconds=settings.lease_seconds)
        conductor = Conductor(store, clock, desk, performer, owner=_owner(), lease=lease)
        dispatcher = Dispatcher(store, clock.now, conductor.run_effect, settings.dispatch_seconds)
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
            try:
                yield Vouch(store, clock, conductor, dispatcher, url)
            finally:
                if work is not None:
                    dispatcher.stop()
                    await work
    finally:
        await gateway.close()
        await store.close()


def _pager(settings: Settings, network: Network) -> Pager:
    if settings.pagerduty_key is not None:
        key = settings.pagerduty_key.get_secret_value()
        return PagerDuty(network, settings.pagerduty_url, key)
    if settings.page_webhook_url is not None and settings.page_webhook_secret is not None:
        secret = secret_of(settings.page_webhook_secret.get_secret_value())
        return Webhook(network, settings.page_webhook_url, secret, time.time)
    log.warning("no_pager", consequence="nobody is rung where nobody acts")
    return NoPager()


async def _desk(store: Store) -> ProviderDesk:
    provider = await store.read_across(across.provider)
    if provider is None:
        raise NoProviderError(
            "No provider profile yet. Add one with `vouch customer add provider.toml`; "
            "storage/profile.md shows how to write it."
        )
    known = await store.read(
        provider.id, lambda tx: people.channel(tx, provider.tenant_id, provider.channel_id)
    )
    channel = Channel(provider.tenant_id, provider.channel_id, known.service_url) if known else None
    return ProviderDesk(provider, channel)


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


def _owner() -> str:
    """Names this process in leases."""
    return f"{socket.gethostname()}:{os.getpid()}"

"""Builds every part and wires them, by hand, once."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiohttp import web

from bot import rota
from bot.admission import FAILURES, FAILURES_PER_SECOND, Admission
from bot.answers import Answers
from bot.clock import Clock, SystemClock
from bot.commands import AddProfile, Command
from bot.conductor import Conductor
from bot.control import controlled
from bot.desk import keep_desk, read_desk
from bot.limits import Buckets
from bot.links import Links
from bot.metrics import Counted, CountedPager, Metrics, MetricsPage, metrics_application, timing
from bot.performing import Performer
from bot.reception import Reception
from bot.retention import begin
from bot.settings import Settings
from bot.signin import SignInPages
from bot.teams.gateway import Gateway
from bot.teams.network import Network
from bot.teams.signins import SignIns
from bot.web import Intake, Readiness, application
from containment.rehearsal import Rehearsal
from paging.pager import NoPager, Pager
from paging.pagerduty import PagerDuty
from paging.webhook import Webhook, secret_of
from sources.absence import GraphLooker
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
    answers: Answers
    url: str
    app: web.Application
    """What answers at `url`."""
    metrics_url: str | None = None


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
    sign_ins = SignIns(settings)
    metrics = Metrics()
    gateway.messenger = Counted(gateway.messenger, metrics)
    try:
        desk = await read_desk(store)
        performer = Performer(
            gateway.messenger,
            Rehearsal(),
            RehearsedWriter(),
            CountedPager(_pager(settings, gateway.network), metrics),
            GraphLooker(gateway.network, gateway.graph_tokens, settings.graph_url),
        )
        lease = timedelta(seconds=settings.lease_seconds)
        links = Links(settings.public_url)
        conductor = Conductor(
            store,
            clock,
            desk,
            performer,
            owner=_owner(),
            lease=lease,
            metrics=metrics,
            links=links,
        )
        dispatcher = _dispatcher(store, settings, clock, conductor, lease)
        conductor.on_work = dispatcher.notify
        reception = Reception(store, clock, desk, conductor, links)
        answers = Answers(store, clock, gateway.messenger, lease)
        looked_ago = dispatcher.looked_ago if dispatch else lambda: 0.0
        readiness = Readiness(store, looked_ago, gateway.is_well)
        pages = _pages(settings, store, clock, conductor, sign_ins)
        app = application(
            Intake(store, clock, conductor, _admission(settings, store, clock, gateway)),
            readiness,
            [*gateway.routes(reception, answers), *pages],
            timing(metrics),
        )

        async def said(_: web.Application) -> None:
            await answers.ended()

        app.on_cleanup.append(said)

        async def afterwards(command: Command) -> None:
            if isinstance(command, AddProfile):
                fresh = await read_desk(store)
                desk.profile, desk.channel = fresh.profile, fresh.channel
            conductor.on_work()

        await begin(store, clock.now())
        await rota.begin(store, desk.profile, clock.now())
        await gateway.start()
        gateway.is_well()  # asks for keys and token ahead of the first tap
        async with (
            controlled(settings.database_url, store, clock, afterwards),
            _measured(MetricsPage(metrics, store, clock.now, looked_ago), settings) as metrics_url,
        ):
            server = await _listening(app, settings)
            work = asyncio.create_task(dispatcher.run()) if dispatch else None
            look = asyncio.create_task(keep_desk(store, desk, clock.now)) if store.shared else None
            try:
                yield Vouch(
                    store, clock, conductor, dispatcher, answers, server.url, app, metrics_url
                )
            finally:
                if look is not None:
                    look.cancel()
                await _stop(settings, readiness, server, dispatcher, work)
    finally:
        sign_ins.close()
        await gateway.close()
        await store.close()


def _pages(
    settings: Settings, store: Store, clock: Clock, conductor: Conductor, sign_ins: SignIns
) -> list[web.RouteDef]:
    """Where people's browsers reach us; else there is nothing to lead them to."""
    if settings.public_url is None:
        return []
    return SignInPages(store, clock, conductor, sign_ins, settings.public_url).routes()


async def _stop(
    settings: Settings,
    readiness: Readiness,
    server: "_Server",
    dispatcher: Dispatcher | Carrier,
    work: asyncio.Task[None] | None,
) -> None:
    """First `/readyz` says no, then nothing is taken in any more, then what has begun may end.

    What does not end within the bound is left: what was accepted is committed, and a claimed effect
    is free again when the database is next opened, or its lease is over.
    """
    readiness.is_stopping = True
    log.info("stopping", drain=settings.drain_seconds, bound=settings.shutdown_seconds)
    await asyncio.sleep(settings.drain_seconds)
    dispatcher.stop()
    ending = asyncio.gather(server.runner.cleanup(), *([work] if work else []))
    try:
        await asyncio.wait_for(ending, settings.shutdown_seconds)
    except TimeoutError:
        log.warning("stopped_before_everything_ended", bound=settings.shutdown_seconds)
    log.info("stopped")


@dataclass(frozen=True, slots=True)
class _Server:
    runner: web.AppRunner
    url: str


async def _listening(app: web.Application, settings: Settings) -> _Server:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=settings.shutdown_seconds)
    url = await _listen(runner, "listening", settings.host, settings.port)
    return _Server(runner, url)


def _admission(settings: Settings, store: Store, clock: Clock, gateway: Gateway) -> Admission:
    return Admission(
        store,
        clock,
        gateway.identities,
        Buckets(settings.intake_burst, settings.intake_per_second, time.monotonic),
        Buckets(FAILURES, FAILURES_PER_SECOND, time.monotonic),
    )


def _pager(settings: Settings, network: Network) -> Pager:
    if settings.pagerduty_key is not None:
        key = settings.pagerduty_key.get_secret_value()
        return PagerDuty(network, settings.pagerduty_url, key)
    if settings.page_webhook_url is not None and settings.page_webhook_secret is not None:
        secret = secret_of(settings.page_webhook_secret.get_secret_value())
        return Webhook(network, settings.page_webhook_url, secret, time.time)
    log.warning("no_pager", consequence="nobody is rung where nobody acts")
    return NoPager()


@asynccontextmanager
async def _measured(page: MetricsPage, settings: Settings) -> AsyncIterator[str | None]:
    """Metrics at a port of their own, where the settings name one."""
    if settings.metrics_port is None:
        yield None
        return
    runner = web.AppRunner(metrics_application(page), access_log=None, shutdown_timeout=1)
    url = await _listen(runner, "metrics_listening", settings.metrics_host, settings.metrics_port)
    try:
        yield f"{url}/metrics"
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, event: str, host: str, port: int) -> str:
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    bound_host, bound_port = runner.addresses[0][:2]
    log.info(event, host=bound_host, port=bound_port)
    return f"http://{bound_host}:{bound_port}"


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

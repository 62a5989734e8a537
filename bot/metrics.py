"""What monitoring may know: counts and times, in a registry of our own.

No customer, person or incident is named in a label: neither their number nor their names are
monitoring's business (docs/decisions/8-operating.md). What is counted by rows is read when it is
asked for; what is timed costs the path it is on a few microseconds.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from bot.headers import protect
from bot.results import Blocked, Done, Failed, Later, Result, Unusable
from dialogs.messenger import (
    Channel,
    Conversation,
    GaveUpError,
    Members,
    Message,
    Messenger,
    Posted,
    TryLaterError,
)
from paging.pager import Pager, PagerGaveUpError, PagerTryLaterError, Receipt, Ring
from storage import across
from storage.across import Backlog
from storage.engine import Store, Urgency
from triage.clocks import elapsed
from triage.incident import Clock, Kept, Party, Paused, Spared, Steps, Ticking
from triage.taps import taps, waited

T = TypeVar("T")

SHORT = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
"""Seconds, for what is computed."""
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 3.0, 5.0, 10.0, 15.0, 30.0)
"""Seconds, for what waits for a disk or a network. Teams wants its answer within 3 to 5."""
MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880, 10080)
"""For what people do."""
FEW = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 50)
"""For what is counted and ought to be little."""


class Metrics:
    """One per process. Whoever measures is handed this object."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._measure_work()
        self._measure_calls()
        self._measure_people()
        self._measure_what_stands()

    def _measure_work(self) -> None:
        self.turns = Histogram(
            "vouch_request_seconds",
            "From a request at the door to its answer",
            ("route", "status"),
            buckets=LONG,
            registry=self.registry,
        )
        self.decisions = Histogram(
            "vouch_decision_seconds",
            "decide alone: a pure function",
            buckets=SHORT,
            registry=self.registry,
        )
        self.commits = Histogram(
            "vouch_event_commit_seconds",
            "From an event's arrival at the conductor to its COMMIT",
            ("urgency",),
            buckets=LONG,
            registry=self.registry,
        )

    def _measure_calls(self) -> None:
        self.effect_calls = Histogram(
            "vouch_effect_call_seconds",
            "The remote call of an effect, and how it ended: done, later, blocked, failed",
            ("kind", "outcome"),
            buckets=LONG,
            registry=self.registry,
        )
        self.sends = Counter(
            "vouch_teams_calls",
            "Calls to Teams by verb; ok, later (to be tried again), or why Teams refused",
            ("verb", "outcome"),
            registry=self.registry,
        )
        self.throttled = Counter(
            "vouch_teams_throttled",
            "Calls that Teams answered with 429",
            ("verb",),
            registry=self.registry,
        )
        self.pages = Counter(
            "vouch_pages",
            "Calls to the pager by what was to be done; ok, later (to be tried again), or refused",
            ("does", "outcome"),
            registry=self.registry,
        )

    def _measure_people(self) -> None:
        self.promises = Counter(
            "vouch_promises",
            "Service levels that were kept in time, kept late, missed, or needed no more",
            ("promise", "outcome"),
            registry=self.registry,
        )
        self.promise_minutes = Histogram(
            "vouch_promise_minutes",
            "How long it took to keep a service level, without what its clock stood still",
            ("promise",),
            buckets=MINUTES,
            registry=self.registry,
        )
        self.taps = Histogram(
            "vouch_case_taps",
            "What a case cost in taps till it was closed, by role: person, customer, analyst",
            ("party",),
            buckets=FEW,
            registry=self.registry,
        )
        self.waited_minutes = Histogram(
            "vouch_case_waited_minutes",
            "How long a case waited till it was closed, by role: also for machine",
            ("party",),
            buckets=MINUTES,
            registry=self.registry,
        )

    def _measure_what_stands(self) -> None:
        self._effects = Gauge(
            "vouch_effects",
            "Effects that are not done: waiting, claimed, blocked, failed (those of the last days)",
            ("kind", "status"),
            registry=self.registry,
        )
        self._oldest = Gauge(
            "vouch_effects_oldest_due_seconds",
            "How long the oldest effect that could be carried out has been due; 0 when none is",
            registry=self.registry,
        )
        self._incidents = Gauge(
            "vouch_open_incidents",
            "Incidents that are not resolved or merged",
            ("status", "severity"),
            registry=self.registry,
        )
        self._stopped = Gauge(
            "vouch_containment_stopped",
            "For how many customers response actions are stopped, by the kill switch or the breaker.",
            registry=self.registry,
        )
        self._queue = Gauge(
            "vouch_store_queue",
            "Units of work waiting for the store",
            registry=self.registry,
        )
        self._looked = Gauge(
            "vouch_dispatcher_looked_seconds",
            "Since the dispatcher last found out what is due",
            registry=self.registry,
        )

    def decided(self, since: float) -> None:
        self.decisions.observe(perf_counter() - since)

    def committed(self, urgency: Urgency, since: float) -> None:
        self.commits.labels(urgency.name.lower()).observe(perf_counter() - since)

    def carried_out(self, kind: str, result: Result, since: float) -> None:
        self.effect_calls.labels(kind, outcome(result)).observe(perf_counter() - since)

    def settled(self, before: Sequence[Clock], after: Sequence[Clock], now: datetime) -> None:
        """What a decision did to the clocks of a case. What was missed is counted when it is, and
        as late once more when it is kept after all."""
        if after is before:
            return
        known = {(clock.promise, clock.generation): clock for clock in before}
        for clock in after:
            was = known.get((clock.promise, clock.generation))
            if clock.missed and not (was and was.missed):
                self.promises.labels(clock.promise, "missed").inc()
            if was is None or clock.state.state != was.state.state:
                self._ended(clock, now)

    def closed(self, spent: Steps) -> None:
        """What a case cost that was closed just now."""
        for party in Party:
            self.waited_minutes.labels(party).observe(waited(spent, party) / timedelta(minutes=1))
            if party is not Party.MACHINE:
                self.taps.labels(party).observe(taps(spent, party))

    def _ended(self, clock: Clock, now: datetime) -> None:
        match clock.state:
            case Kept():
                self.promises.labels(clock.promise, "late" if clock.missed else "kept").inc()
                minutes = elapsed(clock, now) / timedelta(minutes=1)
                self.promise_minutes.labels(clock.promise).observe(minutes)
            case Spared():
                self.promises.labels(clock.promise, "spared").inc()
            case Ticking() | Paused():
                pass

    def exposed(self, backlog: Backlog, now: datetime, queue: int, looked_ago: float) -> bytes:
        """Everything as text, with the gauges as they stand now."""
        self._effects.clear()
        for (kind, status), count in backlog.effects.items():
            self._effects.labels(kind, status).set(count)
        due = backlog.oldest_due
        self._oldest.set(max(0.0, (now - due).total_seconds()) if due else 0.0)
        self._incidents.clear()
        for (status, severity), count in backlog.incidents.items():
            self._incidents.labels(status, severity).set(count)
        self._stopped.set(backlog.stopped)
        self._queue.set(queue)
        self._looked.set(looked_ago)
        return generate_latest(self.registry)


def outcome(result: Result) -> str:
    match result:
        case Done():
            return "done"
        case Later():
            return "later"
        case Blocked():
            return "blocked"
        case Failed():
            return "failed"
        case Unusable():
            return "unusable"


# --- the page ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """`GET /metrics`, at an address of its own: the one that Teams knows does not have it."""

    metrics: Metrics
    store: Store
    now: Callable[[], datetime]
    looked_ago: Callable[[], float]

    async def answer(self, _: web.Request) -> web.Response:
        now = self.now()
        backlog = await self.store.read_across(lambda tx: across.backlog(tx, now))
        text = self.metrics.exposed(backlog, now, self.store.waiting(), self.looked_ago())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def metrics_application(page: MetricsPage) -> web.Application:
    app = web.Application(middlewares=[protect])
    app.add_routes([web.get("/metrics", page.answer)])
    return app


# --- measuring -----------------------------------------------------------------------------------

ROUTES = {
    "/api/messages": "messages",
    "/api/incidents/{source}": "incidents",
}
"""What is timed: people's taps and sources' reports."""


def timing(metrics: Metrics) -> Middleware:
    """A middleware that times the routes people and sources wait for."""

    @web.middleware
    async def timed(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = ROUTES.get(resource.canonical) if resource else None
        if route is None:
            return await handler(request)
        since, status = perf_counter(), 500
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as refusal:
            status = refusal.status
            raise
        finally:
            metrics.turns.labels(route, status).observe(perf_counter() - since)
        return response

    return timed


class Counted:
    """A Messenger that counts what the one behind it is asked, and how that ended."""

    def __init__(self, messenger: Messenger, metrics: Metrics) -> None:
        self._messenger = messenger
        self._metrics = metrics

    async def open_thread(self, channel: Channel, message: Message) -> Posted:
        return await self._count("open_thread", self._messenger.open_thread(channel, message))

    async def reply(self, thread: Conversation, message: Message) -> Posted:
        return await self._count("reply", self._messenger.reply(thread, message))

    async def open_direct(self, tenant_id: str, service_url: str, object_id: str) -> str:
        opened = self._messenger.open_direct(tenant_id, service_url, object_id)
        return await self._count("open_direct", opened)

    async def send(self, chat: Conversation, message: Message) -> Posted:
        return await self._count("send", self._messenger.send(chat, message))

    async def update(self, where: Conversation, activity_id: str, message: Message) -> None:
        await self._count("update", self._messenger.update(where, activity_id, message))

    async def delete(self, where: Conversation, activity_id: str) -> None:
        await self._count("delete", self._messenger.delete(where, activity_id))

    async def roster(self, tenant_id: str, service_url: str, team_id: str) -> Members:
        return await self._count("roster", self._messenger.roster(tenant_id, service_url, team_id))

    async def _count(self, verb: str, call: Awaitable[T]) -> T:
        ended = "fault"
        try:
            answer = await call
            ended = "ok"
        except TryLaterError as error:
            ended = "later"
            if error.reason.partition(" ")[0] == "429":
                self._metrics.throttled.labels(verb).inc()
            raise
        except GaveUpError as error:
            ended = error.code
            raise
        finally:
            self._metrics.sends.labels(verb, ended).inc()
        return answer


class CountedPager:
    """A Pager that counts what the one behind it is asked, and how that ended."""

    def __init__(self, pager: Pager, metrics: Metrics) -> None:
        self._pager = pager
        self._metrics = metrics

    async def ring(self, ring: Ring) -> Receipt:
        ended = "fault"
        try:
            receipt = await self._pager.ring(ring)
            ended = "ok"
        except PagerTryLaterError:
            ended = "later"
            raise
        except PagerGaveUpError:
            ended = "refused"
            raise
        finally:
            self._metrics.pages.labels(ring.does, ended).inc()
        return receipt

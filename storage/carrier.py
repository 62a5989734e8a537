"""Who runs the effects that are due, on PostgreSQL: one carrier in each replica.

procrastinate carries `run_effect(customer, effect)`. A job is deferred in the transaction that
orders the effect; whichever replica has room is told at once. It runs the effect, and then what has
become ready behind it in its lane.

Our rows are the truth, and procrastinate may fail: every `poll` seconds one of the replicas sweeps.
It defers what is ready and has no job: timers that have come, leases that ran out, whatever a fault
lost. It throws away jobs that are held by nobody, so that their lanes are free again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

import structlog
from procrastinate import App, PsycopgConnector
from sqlalchemy import Connection, make_url

from storage import across, carried, effects
from storage.dispatch import AFTER_A_CRASH, AT_ONCE, Dispatcher, RunEffect
from storage.engine import Store, Tx

log = structlog.get_logger(__name__)

CONNECTIONS = 4
"""procrastinate's own, beside one that listens."""


class Carrier:
    def __init__(
        self,
        store: Store,
        url: str,
        now: Callable[[], datetime],
        run_effect: RunEffect,
        *,
        poll: float,
        lease: timedelta,
    ) -> None:
        """`poll` in seconds; `lease` is how long a claimed effect is its owner's."""
        self._store = store
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._now = now
        self._run_effect = run_effect
        self._poll = poll
        self._lease = lease
        self._embedded = Dispatcher(store, now, run_effect, poll)
        self._stopping = asyncio.Event()
        self._looked_at = monotonic()

    def notify(self) -> None:
        """Nothing to do: whoever orders an effect has deferred it."""

    async def run(self) -> None:
        """Until stopped; effects in flight are finished first."""
        self._store.before_commit = self._defer_ordered
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self._work())
            tasks.create_task(self._sweep())
            await self._stopping.wait()
            work.cancel()  # procrastinate takes it as the wish to end well

    def stop(self) -> None:
        """Start nothing more; `run` returns when what is in flight is done."""
        self._stopping.set()

    def looked_ago(self) -> float:
        """Seconds since a sweep last found out what is due, here or in another replica."""
        return monotonic() - self._looked_at

    async def drain(self, until: datetime, move_to: Callable[[datetime], None]) -> None:
        """For tests and time-lapse: as the embedded dispatcher does it, and without procrastinate."""
        await self._embedded.drain(until, move_to)

    # --- deferring, inside the transaction that orders ---

    def _defer_ordered(self, connection: Connection, tx: Tx) -> None:
        """What goes wrong with procrastinate is its trouble alone: the sweep comes."""
        ready = effects.ready_among(tx, tx.ordered, self._now())
        if ready:
            carried.try_to_defer(connection, ready)

    # --- working ---

    async def _work(self) -> None:
        """A worker that stops, because its connection was lost, is started again."""
        while not self._stopping.is_set():
            try:
                await self._work_until_stopped()
            except Exception:
                log.exception("worker_stopped")
            await self._pause(AFTER_A_CRASH)

    async def _work_until_stopped(self) -> None:
        connector = PsycopgConnector(
            conninfo=self._url,
            min_size=1,
            max_size=CONNECTIONS,
            kwargs={"application_name": "vouch's procrastinate"},
        )
        app = App(connector=connector)
        app.task(name=carried.TASK, queue=carried.QUEUE)(self._run_job)
        async with app.open_async():
            await app.run_worker_async(
                queues=[carried.QUEUE],
                concurrency=AT_ONCE,
                fetch_job_polling_interval=self._poll,
                delete_jobs="always",
                install_signal_handlers=False,
            )

    async def _run_job(self, customer: str, effect_id: int) -> None:
        """One effect, and then its lane; a bug in one must not stop the others."""
        following: int | None = effect_id
        while following is not None and not self._stopping.is_set():
            done = following
            try:
                await self._run_effect(customer, done)
                following = await self._next_in_lane(customer, done)
            except Exception:
                log.exception("effect_crashed", customer=customer, effect=done)
                await self._pause(AFTER_A_CRASH)
                return
            if following == done:  # somebody else holds it
                return

    async def _next_in_lane(self, customer: str, after: int) -> int | None:
        now = self._now()
        return await self._store.read(customer, lambda tx: effects.next_in_lane(tx, after, now))

    # --- sweeping ---

    async def _sweep(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._sweep_once()
            except Exception:
                log.exception("sweep_failed")
                await self._pause(AFTER_A_CRASH)
            await self._pause(self._poll)

    async def _sweep_once(self) -> None:
        now = self._now()
        await self._store.write_across(lambda tx: across.promote(tx, now, self._lease))
        self._looked_at = monotonic()
        await self._embedded.forget()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

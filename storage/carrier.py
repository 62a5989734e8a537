"""Who runs the effects that are due, on PostgreSQL: one carrier in each replica.

procrastinate carries the effects. A job is deferred in the transaction that orders the effect, where
there is room for it beside what is in flight and what waits; whichever replica is free is told at
once. It runs the effect, and then what has become ready behind it in its lane, or else what a sweep
found no room for.

Our rows are the truth, and procrastinate may fail: every `poll` seconds one of the replicas sweeps,
and as soon as something has ended while there was no room for something else. It defers what is
ready and has no job, tenant by tenant in turn: what found no room, timers that have come, leases
that ran out, whatever a fault lost. It throws away jobs that are held by nobody, so that their lanes
are free again.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from procrastinate import App, PsycopgConnector
from sqlalchemy import Connection, make_url

from storage import across, carried, effects
from storage.dispatch import (
    AFTER_A_CRASH,
    ALSO_FOR_CONTAINMENT,
    AT_ONCE,
    LOOKS_AT,
    RESTS,
    Dispatcher,
    RunEffect,
    has_room,
)
from storage.due import Due
from storage.effects import Urgency
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
        self._running: dict[int, Due] = {}
        """What is in flight here, by the effect's id."""
        self._left = False
        """Whether something that was ready found no room, and waits for a sweep."""
        self._known: Sequence[Due] = ()
        """What the last sweep found no room for."""
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._looked_at = monotonic()

    def notify(self) -> None:
        """Whoever orders an effect has deferred it, unless there was no room."""
        if self._left:
            self._woken.set()

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
        self._woken.set()

    def looked_ago(self) -> float:
        """Seconds since a sweep last found out what is due, here or in another replica."""
        return monotonic() - self._looked_at

    async def drain(self, until: datetime, move_to: Callable[[datetime], None]) -> None:
        """For tests and time-lapse: as the embedded dispatcher does it, and without procrastinate."""
        await self._embedded.drain(until, move_to)

    # --- deferring, inside the transaction that orders ---

    def _defer_ordered(self, connection: Connection, tx: Tx) -> None:
        """What goes wrong with procrastinate is its trouble alone: the sweep comes. So it does for
        what is not urgent and would overtake what was left before."""
        ready = effects.ready_among(tx, self._now())
        if self._left:
            ready = [due for due in ready if due.urgency <= Urgency.PEOPLE]
        if ready:
            carried.try_to_defer(connection, ready, self._admit)

    def _admit(self, ready: Sequence[Due], waiting: Sequence[Due]) -> list[Due]:
        """For which there is room beside what runs here and what waits for any replica."""
        running = dict(self._running)
        beside, admitted = [*running.values(), *waiting], list[Due]()
        for due in ready:
            if due.effect_id in running:
                continue
            if has_room(due, beside):
                beside.append(due)
                admitted.append(due)
            else:
                self._left = True
        return admitted

    def _admit_swept(self, ready: Sequence[Due], waiting: Sequence[Due]) -> list[Due]:
        admitted = self._admit(ready, waiting)
        self._known = [due for due in ready if due not in admitted]
        return admitted

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
                concurrency=AT_ONCE + ALSO_FOR_CONTAINMENT,
                fetch_job_polling_interval=self._poll,
                delete_jobs="always",
                install_signal_handlers=False,
            )

    async def _run_job(self, **job: Any) -> None:
        """One effect, and then what follows; a bug in one must not stop the others. What another
        replica had room for, and this one has not, is left to a sweep."""
        following: Due | None = Due(**job)
        while following is not None and not self._stopping.is_set():
            done = following
            if not has_room(done, self._running.values()):
                self._left = True
                return
            try:
                await self._run(done)
                following = await self._next_in_lane(done) or self._next_known()
            except Exception:
                log.exception("effect_crashed", customer=done.customer_id, effect=done.effect_id)
                await self._pause(AFTER_A_CRASH)
                return
            if following and following.effect_id == done.effect_id:  # somebody else holds it
                return

    async def _run(self, due: Due) -> None:
        """What ends makes room; whoever waits to create a conversation waits for nothing else."""
        self._running[due.effect_id] = due
        try:
            await self._run_effect(due.customer_id, due.effect_id)
        finally:
            self._running.pop(due.effect_id, None)
            if self._left or due.opens:
                self._woken.set()

    async def _next_in_lane(self, after: Due) -> Due | None:
        now = self._now()
        return await self._store.read(
            after.customer_id, lambda tx: effects.next_in_lane(tx, after.effect_id, now)
        )

    def _next_known(self) -> Due | None:
        """It may have been begun elsewhere since: then it is not there to be claimed."""
        running = self._running
        known = [due for due in self._known if due.effect_id not in running]
        following = next((due for due in known if has_room(due, running.values())), None)
        self._known = [due for due in known if due is not following]
        return following

    # --- sweeping ---

    async def _sweep(self) -> None:
        while not self._stopping.is_set():
            began = monotonic()
            try:
                await self._sweep_once()
            except Exception:
                log.exception("sweep_failed")
                await self._pause(AFTER_A_CRASH)
            await self._pause(min(RESTS * (monotonic() - began), self._poll))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._poll)

    async def _sweep_once(self) -> None:
        self._woken.clear()
        had_left, self._left = self._left, False
        now, in_flight = self._now(), list(self._running)
        swept = await self._store.write_across(
            lambda tx: across.promote(
                tx, now, self._lease, LOOKS_AT, in_flight=in_flight, admit=self._admit_swept
            )
        )
        if not swept:
            self._left |= had_left
        self._looked_at = monotonic()
        await self._embedded.forget()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

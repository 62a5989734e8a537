"""Who runs the effects that are due: the embedded dispatcher, one per process.

It asks `across` for lane heads that are due or whose lease ran out, runs a bounded number of them
at once, and sleeps until the next one is due, until somebody notifies it, or for `poll` seconds.
A crash loses nothing: what was claimed becomes due again when its lease runs out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from time import monotonic

import structlog

from storage import across
from storage.engine import Store

log = structlog.get_logger(__name__)

RunEffect = Callable[[str, int], Awaitable[None]]

AT_ONCE = 16
"""Effects in flight: what may be repeated after a kill, and what one process asks of Teams."""


AFTER_A_CRASH = 1.0
"""Seconds before an effect that raised is looked at again."""


class Dispatcher:
    def __init__(
        self, store: Store, now: Callable[[], datetime], run_effect: RunEffect, poll: float
    ) -> None:
        """`poll` in seconds; `now` is the clock everything else goes by."""
        self._store = store
        self._now = now
        self._run_effect = run_effect
        self._poll = poll
        self._woken = asyncio.Event()
        self._running: set[tuple[str, int]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._stopping = False
        self._looked_at = monotonic()

    def notify(self) -> None:
        """There may be work: look soon."""
        self._woken.set()

    async def run(self) -> None:
        """Until stopped; effects in flight are finished first."""
        async with asyncio.TaskGroup() as flight:
            while not self._stopping:
                self._woken.clear()
                if not await self._look(flight):
                    await self._sleep()

    async def _look(self, flight: asyncio.TaskGroup) -> bool:
        """Whether there was anything to start; a database that cannot be asked is asked again."""
        try:
            started = await self._start_due(flight)
        except Exception:
            log.exception("dispatcher_could_not_look")
            await asyncio.sleep(AFTER_A_CRASH)
            return False
        self._looked_at = monotonic()
        return started > 0

    def looked_ago(self) -> float:
        """Seconds since it last found out what is due."""
        return monotonic() - self._looked_at

    def stop(self) -> None:
        """Start nothing more; `run` returns when what is in flight is done."""
        self._stopping = True
        self._woken.set()

    async def drain(self, until: datetime, move_to: Callable[[datetime], None]) -> None:
        """For tests and time-lapse: run everything that is due, jump to what is due next, and so
        on until `until`."""
        while True:
            async with asyncio.TaskGroup() as flight:
                while await self._start_due(flight, also_stopped=True):  # noqa: ASYNC110 - lets what was started begin
                    await asyncio.sleep(0)
            if await self._store.read_across(lambda tx: across.due(tx, self._now(), 1)):
                continue
            following = await self._store.read_across(across.next_due)
            if following is None or following > until:
                move_to(until)
                return
            move_to(following)

    async def _start_due(self, flight: asyncio.TaskGroup, *, also_stopped: bool = False) -> int:
        """How many were started: none after `stop`, which may come while there is no room."""
        now = self._now()
        due = await self._store.read_across(lambda tx: across.due(tx, now, AT_ONCE * 2))
        fresh = [d for d in due if d not in self._running]
        for customer, effect_id in fresh:
            await self._room.acquire()
            if self._stopping and not also_stopped:
                self._room.release()
                return 0
            self._running.add((customer, effect_id))
            flight.create_task(self._run(customer, effect_id))
        return len(fresh)

    async def _run(self, customer: str, effect_id: int) -> None:
        """A bug in one effect must not stop the others. It is left alone for a while, so that what
        is due at once does not spin; its lease, or the next look, brings it back."""
        try:
            await self._run_effect(customer, effect_id)
        except Exception:
            log.exception("effect_crashed", customer=customer, effect=effect_id)
            await asyncio.sleep(AFTER_A_CRASH)
        finally:
            self._running.discard((customer, effect_id))
            self._room.release()
            self._woken.set()

    async def _sleep(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), self._poll)

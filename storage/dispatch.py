"""Who runs the effects that are due: the embedded dispatcher, one per process.

It asks `across` for what can be begun, runs a bounded number at once, and sleeps until the next one
is due, until somebody notifies it, or for `poll` seconds. A crash loses nothing: what was claimed
becomes due again when its lease runs out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

import structlog

from storage import across, pace
from storage.due import Due
from storage.effects import Urgency
from storage.engine import Store

log = structlog.get_logger(__name__)

RunEffect = Callable[[str, int], Awaitable[None]]

AT_ONCE = 16
"""Effects in flight: what may be repeated after a kill, and what one process asks of Teams."""

ALSO_FOR_CONTAINMENT = 4
"""In flight beside them: a response action does not wait for a slow Teams."""

LOOKS_AT = 128
"""How much of what is due is read at a time."""

RESTS = 4
"""How long it does not look again, in times of what the last look took: a fifth of the time goes
into looking at most, however much is due."""

AFTER_A_CRASH = 1.0
"""Seconds before an effect that raised is looked at again."""

FORGETS_EVERY = timedelta(hours=1)
"""How often the pace of what has been silent is forgotten: longer than Teams' longest window."""


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
        self._running: dict[int, Due] = {}
        """What is in flight, by the effect's id."""
        self._stopping = False
        self._forgot_at: datetime | None = None
        self._known: list[Due] = []
        """What the last look found and was not begun yet."""
        self._looked_at = self._looks_again_at = monotonic()

    def notify(self) -> None:
        """There may be work: look soon."""
        self._woken.set()

    async def run(self) -> None:
        """Until stopped; effects in flight are finished first."""
        async with asyncio.TaskGroup() as flight:
            while not self._stopping:
                self._woken.clear()
                await self._look(flight)

    async def _look(self, flight: asyncio.TaskGroup) -> None:
        """Start what can be started, else sleep; a database that cannot be asked is asked again."""
        try:
            fresh = monotonic() >= self._looks_again_at
            if fresh:
                await self._find_due()
            if not self._stopping and not self._start(flight):
                await self._sleep(fresh)
        except Exception:
            log.exception("dispatcher_could_not_look")
            await asyncio.sleep(AFTER_A_CRASH)

    async def _find_due(self) -> None:
        began, now = monotonic(), self._now()
        in_flight = list(self._running)
        self._known = await self._store.read_across(
            lambda tx: across.due(tx, now, LOOKS_AT, in_flight)
        )
        self._looked_at = monotonic()
        self._looks_again_at = self._looked_at + RESTS * (self._looked_at - began)

    def looked_ago(self) -> float:
        """Seconds since it last found out what is due."""
        return monotonic() - self._looked_at

    def stop(self) -> None:
        """Start nothing more; `run` returns when what is in flight is done."""
        self._stopping = True
        self._woken.set()

    async def drain(self, until: datetime, move_to: Callable[[datetime], None]) -> None:
        """For tests and time-lapse: run everything that is due, jump to what is due next, and so
        on until `until`; what is due by then and has to keep Teams' pace is done a little later."""
        while True:
            async with asyncio.TaskGroup() as flight:
                await self._run_what_is_due(flight)
            following = await self._store.read_across(lambda tx: across.next_due(tx, until))
            if following is None:
                move_to(until)
                return
            move_to(following)

    async def _run_what_is_due(self, flight: asyncio.TaskGroup) -> None:
        """Until nothing is due, and nothing in flight whose end may change that."""
        while True:
            self._woken.clear()
            if not self._start(flight):
                await self._find_due()
                self._start(flight)
            if not self._running:
                return
            await self._woken.wait()

    def _start(self, flight: asyncio.TaskGroup) -> int:
        """What is known to be due and has room in flight; how much that was."""
        known, self._known, started = self._known, [], 0
        for due in known:
            if due.effect_id in self._running:
                continue
            if has_room(due, self._running.values()):
                self._running[due.effect_id] = due
                flight.create_task(self._run(due))
                started += 1
            else:
                self._known.append(due)
        return started

    async def _run(self, due: Due) -> None:
        """A bug in one effect must not stop the others. It is left alone for a while, so that what
        is due at once does not spin; its lease, or the next look, brings it back."""
        customer, effect_id = due.customer_id, due.effect_id
        try:
            await self._run_effect(customer, effect_id)
        except Exception:
            log.exception("effect_crashed", customer=customer, effect=effect_id)
            await asyncio.sleep(AFTER_A_CRASH)
        finally:
            del self._running[effect_id]
            self._woken.set()

    async def _sleep(self, fresh: bool) -> None:
        """Until it may look again or the next one is due, and no longer than `poll`: the clock may
        be set meanwhile."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), await self._pause(fresh))

    async def _pause(self, fresh: bool) -> float:
        if not fresh:
            return max(0.0, self._looks_again_at - monotonic())
        await self.forget()
        now = self._now()
        until = now + timedelta(seconds=self._poll)
        following = await self._store.read_across(lambda tx: across.next_due(tx, until))
        if following is None or following <= now:  # what is due by now waits for room in flight
            return self._poll
        return min((following - now).total_seconds(), self._poll)

    async def forget(self) -> None:
        """The pace of what has long been silent, now and then."""
        now = self._now()
        if self._forgot_at is None or now - self._forgot_at >= FORGETS_EVERY:
            self._forgot_at = now
            before = now - 2 * FORGETS_EVERY
            await self._store.write_across(lambda tx: pace.forget(tx, before))


def has_room(due: Due, beside: Iterable[Due]) -> bool:
    """Whether an effect may be begun beside what is in flight.

    One tenant takes half of what the others leave, and no more: however slow Teams is for some,
    there is room for another one. A customer's conversations are created one after another.
    """
    running = list(beside)
    if due.opens and any(it.opens and it.customer_id == due.customer_id for it in running):
        return False
    if due.urgency == Urgency.CONTAINMENT:
        return len(running) < AT_ONCE + ALSO_FOR_CONTAINMENT
    if due.spoken_to is None:
        return len(running) < AT_ONCE
    mine = sum(it.spoken_to == due.spoken_to for it in running)
    others = len(running) - mine
    return 2 * mine < AT_ONCE - others

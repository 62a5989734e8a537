"""Who is waiting for the writer, and whose turn it is."""

from collections import deque
from threading import Condition
from typing import Generic, TypeVar

from storage.database import StoreBusyError, StoreClosedError, Urgency

T = TypeVar("T")

INTAKE_CAPACITY = 1_000
"""Reports in waiting; their sources repeat what is refused."""
CAPACITY = 4_000
"""Anything in waiting. People and effects come in numbers far below it."""
BACK_SEAT = 8
"""Every eighth turn goes to the least urgent: a flood of reports must not stop the effects."""


class Waiting(Generic[T]):
    def __init__(self) -> None:
        self._queues: dict[Urgency, deque[T]] = {urgency: deque() for urgency in Urgency}
        self._changed = Condition()
        self._turn = 0
        self._closed = False
        self._pace = 0.001
        """Seconds per unit, lately."""

    def put(self, unit: T, urgency: Urgency) -> None:
        with self._changed:
            if self._closed:
                raise StoreClosedError("the store is closing")
            waiting = sum(map(len, self._queues.values()))
            reports = len(self._queues[Urgency.INTAKE])
            full = urgency is Urgency.INTAKE and reports >= INTAKE_CAPACITY
            if full or waiting >= CAPACITY:
                after = max(1.0, waiting * self._pace)
                raise StoreBusyError(f"{waiting} units of work are waiting for the store", after)
            self._queues[urgency].append(unit)
            self._changed.notify()

    def take(self, *, wait: bool) -> T | None:
        """The next unit; None when there is none, or, waiting, when there will be none."""
        with self._changed:
            while wait and not self._closed and not any(self._queues.values()):
                self._changed.wait()
            self._turn += 1
            order = reversed(Urgency) if self._turn % BACK_SEAT == 0 else iter(Urgency)
            return next((self._queues[u].popleft() for u in order if self._queues[u]), None)

    def count(self) -> int:
        with self._changed:
            return sum(map(len, self._queues.values()))

    def note_pace(self, seconds: float, units: int) -> None:
        self._pace += (seconds / units - self._pace) / 8

    def close(self) -> None:
        """Take nothing more in; what is there is still given out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

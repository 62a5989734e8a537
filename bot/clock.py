"""What time it is, said in one place so that tests and the demo can say otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, in UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ShiftedClock:
    """Another clock, and a lead over it that only grows: time goes on, and can be made to jump."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.lead = timedelta(0)

    def now(self) -> datetime:
        return self._clock.now() + self.lead

    def move_to(self, when: datetime) -> None:
        self.lead = max(self.lead, when - self._clock.now())


class ManualClock:
    """A clock that stands still until it is told to move; never backwards."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def move_to(self, when: datetime) -> None:
        self._now = max(self._now, when)

    def advance(self, by: timedelta) -> None:
        self._now += by

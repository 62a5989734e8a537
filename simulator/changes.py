"""What changed, in order, for whoever watches; each watcher reads from the revision it has seen."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """Something is different now: what kind of thing, and in which conversation if in one."""

    revision: int
    kind: str
    conversation: str | None = None


class Changes:
    """One shared log instead of a queue per watcher, so that a slow watcher costs nothing."""

    def __init__(self) -> None:
        self.revision = 0
        self.closed = False
        self._log: deque[Change] = deque(maxlen=REMEMBERED)
        self._wake = asyncio.Event()

    def note(self, kind: str, conversation: str | None = None) -> None:
        self.revision += 1
        self._log.append(Change(self.revision, kind, conversation))
        self._wake_all()

    def since(self, seen: int) -> list[Change]:
        """Everything after `seen`; a watcher who is too far behind is told to read all anew."""
        missed = self.revision - seen
        if missed < 0 or missed > len(self._log):
            return [Change(self.revision, "reload")]
        return list(islice(reversed(self._log), missed))[::-1]

    async def wait(self, seen: int, seconds: float) -> None:
        """Returns at the first change after `seen`, at the end of the log, or in `seconds`."""
        if self.closed or self.revision != seen:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def close(self) -> None:
        self.closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        wake, self._wake = self._wake, asyncio.Event()
        wake.set()

"""Sliding windows: how often something may be done within a time. Pure.

    within(7, seconds=1)    no more than 7 in any second, wherever that second begins

Times are whole milliseconds. A window is half open: what was done at 0 has left a window of one
second at 1000.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    most: int
    length: int
    """In milliseconds."""


def within(most: int, *, seconds: float) -> Window:
    return Window(most, round(seconds * 1000))


def free_at(done: Sequence[int], windows: Iterable[Window], more: int = 1) -> int:
    """The first moment at which `more` can be done without overfilling a window; 0 if any will do.

    `done` is in order, and may reach into the future: what is under way counts as done when it
    is over at the latest. `more` is no greater than what the narrowest window takes.
    """
    full = (
        done[more - window.most - 1] + window.length
        for window in windows
        if len(done) + more > window.most
    )
    return max(full, default=0)


def recent(done: Sequence[int], windows: Sequence[Window], now: int) -> list[int]:
    """What of it can still matter."""
    longest, most = max(w.length for w in windows), max(w.most for w in windows)
    return [at for at in done[-most:] if at > now - longest]

"""Token buckets: how much of somebody's requests is taken, and when they may come again.

In the memory of one process: of several replicas each counts for itself, and a restart forgets. What
is bounded is work, not guesses: keys are far too long to be guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

MOST = 4096
"""Buckets kept; the one that was used longest ago goes, and is full when it comes back."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Buckets:
    """One bucket a name, of `burst` requests, filled again with `per_second`."""

    burst: float
    per_second: float
    clock: Callable[[], float]
    """Seconds that only go on."""
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def take(self, name: str) -> float:
        """Take one request out; seconds to wait where there is none left, else 0."""
        now = self.clock()
        bucket = self._buckets.pop(name, None) or _Bucket(self.burst, now)
        bucket.left = min(self.burst, bucket.left + (now - bucket.at) * self.per_second)
        bucket.at = now
        while len(self._buckets) >= MOST:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = bucket
        if bucket.left < 1:
            return (1 - bucket.left) / self.per_second
        bucket.left -= 1
        return 0.0

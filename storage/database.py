"""What the store asks of a kind of database, and how it says no."""

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Urgency(IntEnum):
    """Who is served first when many are waiting."""

    PEOPLE = 0
    """Somebody has pressed a button and looks at the screen."""
    RESULTS = 1
    """A call was made: until what came of it is stored, a crash makes us call again."""
    INTAKE = 2
    """A source reports; it repeats what is not acknowledged."""
    EFFECTS = 3
    """Our own work: claims, deadlines."""


class StoreError(Exception):
    """The store cannot do what it was asked."""


class StoreBusyError(StoreError):
    """Too much is waiting; `retry_after` says in how many seconds to come again."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(f"{reason}; come again in {retry_after:.0f} s")
        self.retry_after = retry_after


class StoreClosedError(StoreError):
    """The store is closing or closed, and takes nothing more."""


class StoreInUseError(StoreError):
    """Another process owns the database."""


class CommitFailedError(StoreError):
    """The unit ran, but its COMMIT failed: nothing of it is stored."""


class Database(Protocol):
    async def write(self, unit: Callable[[Connection], T], urgency: Urgency) -> T:
        """Run the unit alone, and return when it is committed."""

    async def read(self, unit: Callable[[Connection], T]) -> T:
        """Run the unit on a snapshot of what is committed."""

    def waiting(self) -> int:
        """How many units wait for their turn to write."""

    async def forget(self) -> None:
        """What was deleted is gone from what is kept beside the tables too."""

    async def close(self) -> None:
        """Finish what is waiting, and let go of the database."""

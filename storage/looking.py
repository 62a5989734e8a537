"""Looking into a database that somebody else may be using, without getting in their way.

Nothing is migrated, released or created. A reader beside a running server sees what is committed.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, Self, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DatabaseError

from storage import schema
from storage.database import StoreError, Urgency
from storage.sqlite import lock_of, path_of

T = TypeVar("T")

PATIENCE_SECONDS = 2
"""For somebody else's lock: a server's own transactions take a fraction of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a database stands, as far as can be told without owning it."""

    where: str
    tables: Literal["none", "current", "older", "newer"]
    used_by: str | None
    """The id of the process that has it, or the names of those; None when nobody has."""


def standing(url: URL) -> Standing:
    """Raises StoreError, with the reason, where the database cannot be read or written."""
    path = path_of(url)
    if not path.exists():
        _require(path.parent)
        return Standing(str(path), "none", None)
    _require(path.parent)
    _require(path)
    try:
        _begin_to_write(path)
        with _reading(path).connect() as connection:
            tables = schema.age(connection)
        return Standing(str(path), tables, _user(path))
    except (sqlite3.DatabaseError, DatabaseError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error
        raise StoreError(f"{path} cannot be used: {reason}") from error
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be used: {error.strerror}") from error


def integrity(url: URL) -> list[str]:
    """What SQLite finds wrong with the file itself, its indexes and its references."""
    path = path_of(url)
    if not path.exists():
        raise StoreError(f"{path} does not exist")
    try:
        with closing(_connect(path, "ro")) as driver:
            said = [row[0] for row in driver.execute("PRAGMA integrity_check(100)")]
            strays = driver.execute("PRAGMA foreign_key_check").fetchmany(100)
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in said if line != "ok"] + [
        f"row {row} of {table} refers to a row of {parent} that is not there"
        for table, row, parent, _ in strays
    ]


def _require(path: Path) -> None:
    if not os.access(path, os.R_OK | os.W_OK):
        reason = "cannot be written" if path.exists() else "does not exist"
        raise StoreError(f"{path} {reason}")


def _begin_to_write(path: Path) -> None:
    """A transaction that changes nothing: SQLite itself says whether it could."""
    with closing(_connect(path, "rw")) as driver:
        driver.execute("BEGIN IMMEDIATE")
        driver.execute("ROLLBACK")


def _user(path: Path) -> str | None:
    """A shared lock, held for no longer than it takes to let it go again, is had only where nobody
    owns the database."""
    try:
        descriptor = os.open(lock_of(path), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 20).decode() or "unknown"
    finally:
        os.close(descriptor)
    return None


class SqliteLook:
    """A `Database` that only reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _reading(path)

    @classmethod
    def open(cls, url: URL) -> Self:
        return cls(path_of(url))

    async def write(self, unit: Callable[[Connection], T], urgency: Urgency) -> NoReturn:  # noqa: ARG002 - as every Database
        raise StoreError(f"{self._path} was opened to be looked at only")

    async def read(self, unit: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self._read, unit)

    def _read(self, unit: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                try:
                    return unit(connection)
                finally:
                    connection.exec_driver_sql("ROLLBACK")
        except DatabaseError as error:
            raise StoreError(f"{self._path} cannot be read: {error.orig}") from error

    def waiting(self) -> int:
        return 0

    async def forget(self) -> NoReturn:
        raise StoreError(f"{self._path} was opened to be looked at only")

    async def close(self) -> None:
        self._engine.dispose()


def _reading(path: Path) -> Engine:
    """Each connection is opened for its read, in that read's thread, and closed after it."""
    return create_engine(
        "sqlite://",
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        creator=lambda: _connect(path, "ro"),
    )


def _connect(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=PATIENCE_SECONDS, isolation_level=None
    )

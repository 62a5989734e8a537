"""SQLite as the store's database: one process, one writer thread, group commit.

The writer runs units one after another inside one transaction, each in a savepoint, and commits
when the group has taken its time or nobody is waiting: one fsync for all. A unit's error rolls back
its savepoint alone; a failed COMMIT fails the group. Nobody hears of a result before COMMIT.

The driver opens no transactions (`AUTOCOMMIT`); every BEGIN, SAVEPOINT and COMMIT stands here, and
SQLAlchemy's own are empty. WAL lets readers work beside the writer; `synchronous=FULL` makes
a commit outlast a power cut.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any, Self, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DatabaseError

from storage.database import (
    CommitFailedError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreInUseError,
    Urgency,
)
from storage.schema import upgrade
from storage.waiting import Waiting

T = TypeVar("T")

READERS = 4
GROUP_SECONDS = 0.05
"""How long a group takes units in before it commits: under load, one fsync and one waking of the
loop for some sixteen units, which nobody waits for much longer. Alone, a unit commits at once."""
LOG_TRIES = 5
BUSY_SECONDS = 5
"""How long the writer waits for a lock that somebody else holds (an administrator's shell)."""


@dataclass(eq=False, slots=True)
class _Unit:
    run: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """In the loop's own thread. Whoever was cancelled meanwhile is done already."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Sqlite:
    def __init__(self, path: Path, owned: "_Ownership", writer: Connection, engine: Engine) -> None:
        self._path = path
        self._owned = owned
        self._engine = engine
        self._writer = writer
        self._driver = _driver(writer)
        self._waiting: Waiting[_Unit] = Waiting()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._connections: SimpleQueue[Connection] = SimpleQueue()
        for _ in range(READERS):
            connection = engine.connect()
            _driver(connection).execute("PRAGMA query_only = ON")
            self._connections.put(connection)
        self._closing = Lock()
        self._closed = False
        self._thread = Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, url: URL) -> Self:
        path = path_of(url)
        with ExitStack() as undo:
            owned = _Ownership.take(path)
            undo.callback(owned.release)
            _make_private(path)
            engine = _engine(path)
            try:
                writer = undo.enter_context(engine.connect())
                _bring_up_to_date(writer)
                _take_over(writer)
            except DatabaseError as error:
                raise StoreError(f"{path} cannot be used: {error.orig}") from error
            opened = cls(path, owned, writer, engine)
            undo.pop_all()
        return opened

    async def write(self, unit: Callable[[Connection], T], urgency: Urgency) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.put(_Unit(unit, loop, future), urgency)
        return await future

    async def read(self, unit: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreClosedError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    def waiting(self) -> int:
        return self._waiting.count()

    async def forget(self) -> None:
        """Deleted rows are overwritten where they stood (`secure_delete`); older states of their
        pages stand in the log that is written ahead, until it is emptied. Raises StoreError."""
        await asyncio.to_thread(self._empty_log)

    def _empty_log(self) -> None:
        with self._engine.connect() as connection:
            driver = _driver(connection)
            for _ in range(LOG_TRIES):  # each waits BUSY_SECONDS for whoever reads or writes
                busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
        raise StoreError(
            f"what was erased is gone from the tables, but {self._path}-wal could not be emptied: "
            "somebody reads. Run the command again."
        )

    async def close(self) -> None:
        self._waiting.close()
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._thread.join()
            self._closed = True
            self._readers.shutdown()
            while not self._connections.empty():
                self._connections.get().close()
            self._writer.close()
            self._engine.dispose()
            self._owned.release()

    # --- readers ---------------------------------------------------------------------------------

    def _read(self, unit: Callable[[Connection], T]) -> T:
        connection = self._connections.get()
        driver = _driver(connection)
        try:
            driver.execute("BEGIN")
            return unit(connection)
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            self._connections.put(connection)

    # --- the writer ------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while unit := self._waiting.take(wait=True):
                self._work_group(unit)
        finally:
            self._waiting.close()
            self._refuse_rest()

    def _work_group(self, first: _Unit) -> None:
        began = monotonic()
        units = [first]
        try:
            self._driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            first.error = StoreBusyError(f"{self._path} is locked by somebody else", BUSY_SECONDS)
            first.error.__cause__ = error
            _settle(units)
            return
        try:
            self._run(first)
            while monotonic() - began < GROUP_SECONDS and (unit := self._waiting.take(wait=False)):
                units.append(unit)
                self._run(unit)
            self._driver.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(units, error)
        self._waiting.note_pace(monotonic() - began, len(units))
        _settle(units)

    def _run(self, unit: _Unit) -> None:
        self._driver.execute("SAVEPOINT unit")
        try:
            unit.result = unit.run(self._writer)
        except StopIteration as error:
            unit.error = RuntimeError("a unit raised StopIteration")  # a future refuses to carry it
            unit.error.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - it is raised to the caller, elsewhere
            unit.error = error
        if not self._driver.in_transaction:
            raise sqlite3.OperationalError(f"the transaction was lost by {unit.error!r}")
        if unit.error:
            self._driver.execute("ROLLBACK TO unit")
        self._driver.execute("RELEASE unit")

    def _fail(self, units: list[_Unit], error: sqlite3.Error) -> None:
        """The transaction is lost, by a failed COMMIT or an error that made SQLite end it."""
        if self._driver.in_transaction:
            self._driver.execute("ROLLBACK")
        for unit in units:
            if unit.error is None:
                unit.error = CommitFailedError(f"nothing was stored: {error}")
                unit.error.__cause__ = error

    def _refuse_rest(self) -> None:
        """Only after a fault of the writer's own is anything left here."""
        while unit := self._waiting.take(wait=False):
            unit.error = StoreClosedError("the store's writer has stopped")
            _settle([unit])


def _settle(units: list[_Unit]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
    for unit in units:
        loops.setdefault(unit.loop, []).append(unit)
    for loop, its_units in loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle_here, its_units)


def _settle_here(units: list[_Unit]) -> None:
    for unit in units:
        unit.settle()


def path_of(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise StoreError("the store needs a file: sqlite:///path")
    return Path(url.database).resolve()


def lock_of(path: Path) -> Path:
    """The file that whoever uses the database keeps locked, with its process id in it."""
    return Path(f"{path}.lock")


# --- connections ---------------------------------------------------------------------------------


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        hide_parameters=True,  # an error's text goes to the log; people's words do not
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        connect_args={
            "check_same_thread": False,  # a connection is used by one thread at a time
            "timeout": BUSY_SECONDS,
            "cached_statements": 512,
        },
    )

    @event.listens_for(engine, "connect")
    def _prepare(driver: sqlite3.Connection, _: object) -> None:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("PRAGMA synchronous = FULL")
        driver.execute("PRAGMA foreign_keys = ON")
        driver.execute("PRAGMA secure_delete = ON")

    return engine


def _make_private(path: Path) -> None:
    """A new file is its owner's alone, and so is what SQLite keeps beside it; an old one stays."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}") from error


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)


def _bring_up_to_date(writer: Connection) -> None:
    """All missing migrations or none: Alembic commits them together."""
    driver = _driver(writer)
    driver.execute("BEGIN IMMEDIATE")
    try:
        upgrade(writer)
    finally:
        if driver.in_transaction:
            driver.execute("ROLLBACK")


def _take_over(writer: Connection) -> None:
    """Whoever opens the file owns it alone: what a dead process had claimed is free at once, and
    its calls, which counted as under way, were answered by now or never will be."""
    _driver(writer).execute(
        "UPDATE effect SET status = 'waiting', owner = NULL, lease_until = NULL"
        " WHERE status = 'claimed'"
    )
    now = datetime.now(UTC)
    _driver(writer).execute(
        "UPDATE pace SET done = (SELECT json_group_array(min(value, :ms)) FROM json_each(done))"
        " WHERE at <= :now",
        {"ms": int(now.timestamp() * 1000), "now": now.strftime("%Y-%m-%d %H:%M:%S.%f")},
    )


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Nobody else uses the database meanwhile. Raises StoreInUseError."""
    ownership = _Ownership.take(path)
    try:
        yield
    finally:
        ownership.release()


class _Ownership:
    """A locked file beside the database: the system releases it when the process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        try:
            descriptor = os.open(lock_of(path), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise StoreInUseError(
                f"{path} is in use by process {owner}. An SQLite store has one process: "
                "stop that one, or name another file."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def release(self) -> None:
        os.close(self._descriptor)

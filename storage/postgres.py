"""PostgreSQL as the store's database: several processes, several writers in each.

A unit is one transaction (READ COMMITTED) on a connection of a bounded pool. What SQLite's single
writer gives for nothing is asked for here: `incidents.load` locks the incident's row, `effects.claim`
its effect's, `Tx.hold` whatever has no row yet. Where two units meet all the same, the database
refuses one of them, and it runs again: it then finds what the other one wrote.

A process that dies leaves nothing: the server ends its transactions, its leases run out.
"""

import asyncio
import os
import random
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, NoReturn, Self, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from storage import carried, schema
from storage.database import (
    CommitFailedError,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    Urgency,
)
from storage.looking import Standing
from storage.waiting import Waiting

log = structlog.get_logger(__name__)

T = TypeVar("T")

DRIVER = "postgresql+psycopg"

WRITERS = 8
READERS = 4
"""Connections of a process; its dispatcher has a few of its own. A server takes 100 by default."""

TRIES = 5
"""How often a unit is run that another one came between."""
PATIENCE_SECONDS = 30.0
"""For a server that is not there yet: whatever starts first waits for the other."""
COME_AGAIN_SECONDS = 5.0

_CROSSED = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
}
_CAME_BETWEEN = _CROSSED | {"23505"}
"""And unique_violation: somebody else wrote it first, and is found by the next run."""
_BUSY = {
    "53300",  # too_many_connections
    "55P03",  # lock_not_available: lock_timeout
    "57014",  # query_canceled: statement_timeout
    "57P03",  # cannot_connect_now: it is starting
}

_ON_CONNECT = {
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}
"""A process that hangs in a transaction must not hold everybody else up for ever. To compile
a statement takes longer than any of ours does."""


@dataclass(eq=False, slots=True)
class _Unit:
    run: Callable[[Connection], Any]
    future: "Future[Any]" = field(default_factory=Future)

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()  # it runs, also when nobody waits any more


class Postgres:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._look = PostgresLook(engine)
        self._waiting: Waiting[_Unit] = Waiting()
        self._closing = Lock()
        self._threads = [
            Thread(target=self._work, name=f"store-writer-{n}", daemon=True) for n in range(WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    def open(cls, url: URL) -> Self:
        engine = _engine(url)
        try:
            _wait_for(engine)
            _bring_up_to_date(engine)
        except DBAPIError as error:
            engine.dispose()
            raise StoreError(f"{_where(url)} cannot be used: {error.orig}") from error
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    async def write(self, unit: Callable[[Connection], T], urgency: Urgency) -> T:
        waiting = _Unit(unit)
        self._waiting.put(waiting, urgency)
        result: T = await asyncio.wrap_future(waiting.future)
        return result

    async def read(self, unit: Callable[[Connection], T]) -> T:
        return await self._look.read(unit)

    async def forget(self) -> None:
        """PostgreSQL reuses the room of deleted rows when it vacuums, by itself."""

    def waiting(self) -> int:
        return self._waiting.count()

    async def close(self) -> None:
        self._waiting.close()
        await asyncio.to_thread(self._let_go)
        await self._look.close()

    def _let_go(self) -> None:
        with self._closing:
            for thread in self._threads:
                thread.join()

    # --- writers ---------------------------------------------------------------------------------

    def _work(self) -> None:
        while unit := self._waiting.take(wait=True):
            began = monotonic()
            try:
                unit.future.set_result(self._perform(unit.run))
            except StopIteration as error:
                refused = RuntimeError("a unit raised StopIteration")  # no future carries it
                refused.__cause__ = error
                unit.future.set_exception(refused)
            except BaseException as error:  # noqa: BLE001 - it is raised to the caller, elsewhere
                unit.future.set_exception(error)
            self._waiting.note_pace(monotonic() - began, WRITERS)

    def _perform(self, run: Callable[[Connection], T]) -> T:
        for tried in range(1, TRIES + 1):
            try:
                return self._perform_once(run)
            except DBAPIError as error:
                if tried == TRIES or not _may_run_again(error):
                    _refuse_for_now(error)
                    raise
                sleep(random.uniform(0, 0.01 * 2**tried))  # noqa: S311 - they must not meet again
        raise AssertionError("the last try returns or raises")

    def _perform_once(self, run: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            connection.begin()
            result = run(connection)
            try:
                connection.commit()
            except DBAPIError as error:
                reason = "it is not known whether it was stored" if _lost(error) else "not stored"
                raise CommitFailedError(f"{reason}: {error.orig}") from error
            return result


def _lost(error: DBAPIError) -> bool:
    return error.connection_invalidated


def _may_run_again(error: DBAPIError) -> bool:
    """Nothing of it is stored, and another run may find things otherwise: somebody came between,
    or the connection was one that the server had given up."""
    return _state(error) in _CAME_BETWEEN or _lost(error)


def _refuse_for_now(error: DBAPIError) -> None:
    away = isinstance(error, OperationalError) and _state(error) is None
    if away or _lost(error) or _state(error) in _BUSY | _CROSSED:
        raise StoreBusyError("the database does not answer", COME_AGAIN_SECONDS) from error


def _state(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


# --- holding -------------------------------------------------------------------------------------

_HOLD = text("SELECT pg_advisory_xact_lock(held) FROM unnest(CAST(:keys AS bigint[])) AS held")


def hold(connection: Connection, names: set[str]) -> None:
    """Have whoever else holds one of these names wait until this transaction ends. All are taken
    in one order, so that two who want the same do not wait for each other."""
    connection.execute(_HOLD, {"keys": sorted(map(_key, names))})


def _key(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)


# --- looking -------------------------------------------------------------------------------------


class PostgresLook:
    """A `Database` that only reads: each unit sees one moment."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._closed = False

    @classmethod
    def open(cls, url: URL) -> Self:
        return cls(_engine(url))

    async def write(self, unit: Callable[[Connection], T], urgency: Urgency) -> NoReturn:  # noqa: ARG002 - as every Database
        raise StoreError(f"{_where(self._engine.url)} was opened to be looked at only")

    async def read(self, unit: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreClosedError("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, unit)

    def _read(self, unit: Callable[[Connection], T]) -> T:
        for tried in (1, 2):
            try:
                with self._engine.connect() as connection:
                    return unit(connection)
            except DBAPIError as error:
                if tried == 2 or not _lost(error):
                    _refuse_for_now(error)
                    raise
        raise AssertionError("the last try returns or raises")

    async def forget(self) -> NoReturn:
        raise StoreError("the database was opened to be looked at only")

    def waiting(self) -> int:
        return 0

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._readers.shutdown)
        self._engine.dispose()


_PRIVILEGES = text(
    "SELECT pg_is_in_recovery() AS standby,"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,"
    " to_regclass('alembic_version') IS NOT NULL AS has_tables"
)
_USERS = text(
    "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'vouch %' AND application_name <> :me ORDER BY application_name"
)


def standing(url: URL) -> Standing:
    """Raises StoreError, with the reason, where the database cannot be reached or written."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            may = connection.execute(_PRIVILEGES).one()
            if may.standby:
                raise StoreError(f"{_where(url)} is a standby, which only reads")
            if not may.may_create:
                raise StoreError(f"{_where(url)}: this user may not make tables in its schema")
            tables = schema.age(connection) if may.has_tables else "none"
            users = connection.scalars(_USERS, {"me": _name()})
            used_by = ", ".join(user.removeprefix("vouch ") for user in users)
        return Standing(_where(url), tables, used_by or None)
    except DBAPIError as error:
        raise StoreError(f"{_where(url)} cannot be used: {error.orig}") from error
    finally:
        engine.dispose()


# --- connections ---------------------------------------------------------------------------------


def _engine(url: URL) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,  # an error's text goes to the log; people's words do not
        isolation_level="READ COMMITTED",
        pool_size=WRITERS + READERS,
        max_overflow=0,
        connect_args={
            "application_name": _name(),
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "options": " ".join(f"-c {name}={value}" for name, value in _ON_CONNECT.items()),
        },
    )


def _name() -> str:
    """What the server calls us, in `pg_stat_activity`."""
    return f"vouch {socket.gethostname()[:40]}:{os.getpid()}"


def _where(url: URL) -> str:
    """The database, without the password."""
    return url.set(drivername="postgresql", password=None, query={}).render_as_string()


def _wait_for(engine: Engine) -> None:
    """Until the server takes us in; what it refuses for good is refused at once."""
    began = monotonic()
    while True:
        try:
            with engine.connect():
                return
        except OperationalError as error:
            starting = _state(error) in {None, "57P03"}
            if not starting or monotonic() - began > PATIENCE_SECONDS:
                raise
            log.info("waiting_for_the_database", where=_where(engine.url))
            sleep(1)


_MIGRATING = _key("migrations of vouch")


def _bring_up_to_date(engine: Engine) -> None:
    """All missing migrations or none. Replicas that start together go one after another."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5min'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
        schema.upgrade(connection)
        carried.upgrade(connection)

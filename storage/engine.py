"""The store: units of work in, committed results out.

Code hands `Store.write` or `Store.read` a synchronous function of a transaction. It runs in a
thread of the store, sees one customer's rows, and what it returns arrives after COMMIT.

    incident = await store.read("contoso", lambda tx: incidents.load(tx, incident_id))

Its address says which database it is: SQLite for one process, PostgreSQL for several.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Self, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from storage import looking, postgres, sqlite
from storage.database import (
    CommitFailedError,
    Database,
    StoreBusyError,
    StoreClosedError,
    StoreError,
    StoreInUseError,
    Urgency,
)
from storage.isolation import CustomerSession, UnitSession
from storage.looking import Standing
from storage.sqlite import path_of
from triage.customer import Customer, Provider

__all__ = [
    "AcrossTx",
    "CommitFailedError",
    "Head",
    "Nobody",
    "Standing",
    "Store",
    "StoreBusyError",
    "StoreClosedError",
    "StoreError",
    "StoreInUseError",
    "Tx",
    "Urgency",
    "Within",
    "file_of",
    "integrity",
    "migrate",
    "standing",
]

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of an incident: its sequence, which is the incident's version, and hash."""

    version: int
    hash: str


@dataclass(frozen=True, slots=True)
class Tx:
    """One customer's transaction."""

    customer: str
    session: CustomerSession
    heads: dict[str, Head] = field(default_factory=dict)
    """Of the incidents loaded in it: `incidents.record` writes on top of these."""
    profiles: dict[str, Customer | Provider] = field(default_factory=dict)
    """The customer's profile, once it was read."""
    ordered: list[str] = field(default_factory=list)
    """The keys of the effects that were ordered in it, where others may carry them out."""
    hurried: list[int] = field(default_factory=list)
    """The ids of those that became more urgent in it."""
    beside: Connection | None = None
    """Where other units write at the same time: the connection, to keep them away by."""

    def hold(self, *names: str) -> None:
        """Keep the customer's other units that hold one of these names waiting until this one is
        over. What they then read is what this one wrote."""
        if self.beside is not None and names:
            postgres.hold(self.beside, {f"{self.customer}:{name}" for name in names})


@dataclass(frozen=True, slots=True)
class AcrossTx:
    """A transaction that sees every customer; only `storage/across.py` and `storage/pace.py`
    ask anything of one."""

    session: UnitSession
    profiles: dict[str, Customer | Provider] = field(default_factory=dict)
    """Those that were read on the way; whoever goes on within a customer need not read them."""


BeforeCommit = Callable[[Connection, Tx], None]


@dataclass(frozen=True, slots=True)
class Within(Generic[T]):
    """Work for one customer, which was found by looking across them."""

    customer_id: str
    work: Callable[[Tx], T]


@dataclass(frozen=True, slots=True)
class Nobody(Generic[R]):
    """No customer was found, or nothing to do for one; the answer says why."""

    answer: R


class Store:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.shared = isinstance(database, postgres.Postgres)
        """Whether other processes may write to it as well."""
        self.before_commit: BeforeCommit | None = None
        """Called at the end of each customer's unit that ordered effects or made some more urgent, and
        part of it."""

    @classmethod
    def open(cls, url: str) -> Self:
        """Take possession of the database and bring its tables up to date.

        `sqlite:///relative/path` or `sqlite:////absolute/path`: raises StoreInUseError when
        another process has it. `postgresql+psycopg://user@host/database`: shared with others.
        """
        address = _address(url)
        if address.drivername == postgres.DRIVER:
            return cls(postgres.Postgres.open(address))
        return cls(sqlite.Sqlite.open(address))

    @classmethod
    def look(cls, url: str) -> Self:
        """Read a database that somebody else may be using; nothing of it is changed."""
        address = _address(url)
        if address.drivername == postgres.DRIVER:
            return cls(postgres.PostgresLook.open(address))
        return cls(looking.SqliteLook.open(address))

    async def close(self) -> None:
        """Finish every unit that was taken, then let go."""
        await self._database.close()

    async def forget(self) -> None:
        """After an erasure: have the database let go of what it deleted. PostgreSQL does so when it
        vacuums."""
        await self._database.forget()

    def waiting(self) -> int:
        """How many units wait for their turn to write."""
        return self._database.waiting()

    async def write(
        self, customer_id: str, fn: Callable[[Tx], T], urgency: Urgency = Urgency.EFFECTS
    ) -> T:
        """Run `fn` for one customer; what it raises is raised here, and leaves nothing behind.

        Whoever is cancelled while waiting does not know whether the unit was committed.
        """
        return await self._database.write(lambda c: self._write(c, customer_id, fn, {}), urgency)

    def _write(
        self,
        connection: Connection,
        customer_id: str,
        fn: Callable[[Tx], T],
        profiles: dict[str, Customer | Provider],
    ) -> T:
        beside = connection if self.shared else None
        with CustomerSession(connection, customer_id) as session:
            tx = Tx(customer_id, session, profiles=profiles, beside=beside)
            result = fn(tx)
            session.flush()
            if self.before_commit and (tx.ordered or tx.hurried):
                self.before_commit(connection, tx)
            return result

    async def write_found(
        self,
        find: Callable[[AcrossTx], Within[T] | Nobody[R]],
        urgency: Urgency = Urgency.EFFECTS,
    ) -> T | R:
        """Find out across customers for whom something is to be done, and do it, as one unit."""

        def unit(connection: Connection) -> T | R:
            profiles: dict[str, Customer | Provider] = {}
            found = _across(connection, find, profiles)
            if isinstance(found, Nobody):
                return found.answer
            return self._write(connection, found.customer_id, found.work, profiles)

        return await self._database.write(unit, urgency)

    async def write_both(
        self,
        customer_id: str,
        fn: Callable[[Tx, AcrossTx], T],
        urgency: Urgency = Urgency.EFFECTS,
    ) -> T:
        """As `write`, with what all customers share beside it: both are committed, or neither."""

        def unit(connection: Connection) -> T:
            profiles: dict[str, Customer | Provider] = {}

            def both(shared: AcrossTx) -> T:
                return self._write(connection, customer_id, lambda tx: fn(tx, shared), profiles)

            return _across(connection, both, profiles)

        return await self._database.write(unit, urgency)

    async def read(self, customer_id: str, fn: Callable[[Tx], T]) -> T:
        return await self._database.read(lambda c: _for_customer(c, customer_id, fn))

    async def write_across(
        self, fn: Callable[[AcrossTx], T], urgency: Urgency = Urgency.EFFECTS
    ) -> T:
        return await self._database.write(lambda c: _across(c, fn, {}), urgency)

    async def read_across(self, fn: Callable[[AcrossTx], T]) -> T:
        return await self._database.read(lambda c: _across(c, fn, {}))


def migrate(url: str) -> None:
    """Bring the tables of a database up to date, and let it go again."""
    asyncio.run(Store.open(url).close())


def standing(url: str) -> Standing:
    """How the database stands, whoever may be using it. Raises StoreError where it cannot be used."""
    address = _address(url)
    if address.drivername == postgres.DRIVER:
        return postgres.standing(address)
    return looking.standing(address)


def integrity(url: str) -> list[str]:
    """What is wrong with the file itself, where the database is one. Raises StoreError."""
    address = _address(url)
    return looking.integrity(address) if address.get_backend_name() == "sqlite" else []


def file_of(url: str) -> Path | None:
    """The file of a database that is one."""
    address = _address(url)
    return path_of(address) if address.get_backend_name() == "sqlite" else None


USABLE = f"use sqlite:///path or {postgres.DRIVER}://user@host/database"


def _address(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"the database's address cannot be read; {USABLE}") from error
    if parsed.drivername != postgres.DRIVER and parsed.get_backend_name() != "sqlite":
        raise StoreError(f"{parsed.drivername} is not supported; {USABLE}")
    return parsed


def _for_customer(connection: Connection, customer_id: str, fn: Callable[[Tx], T]) -> T:
    with CustomerSession(connection, customer_id) as session:
        result = fn(Tx(customer_id, session))
        session.flush()
        return result


def _across(
    connection: Connection, fn: Callable[[AcrossTx], T], profiles: dict[str, Customer | Provider]
) -> T:
    with UnitSession(connection) as session:
        result = fn(AcrossTx(session, profiles))
        session.flush()
        return result

"""The store: units of work in, committed results out.

Code hands `Store.write` or `Store.read` a synchronous function of a transaction. It runs in a
thread of the store, sees one customer's rows, and what it returns arrives after COMMIT.

    incident = await store.read("contoso", lambda tx: incidents.load(tx, incident_id))
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

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
from storage.looking import SqliteLook, Standing
from storage.looking import standing as _standing
from storage.sqlite import Sqlite
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


@dataclass(frozen=True, slots=True)
class AcrossTx:
    """A transaction that sees every customer; only `storage/across.py` asks anything of one."""

    session: UnitSession


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

    @classmethod
    def open(cls, url: str) -> Self:
        """Take possession of the database and bring its tables up to date.

        `sqlite:///relative/path` or `sqlite:////absolute/path`. Raises StoreInUseError when
        another process has it.
        """
        return cls(Sqlite.open(_sqlite(url)))

    @classmethod
    def look(cls, url: str) -> Self:
        """Read a database that somebody else may be using; nothing of it is changed."""
        return cls(SqliteLook.open(_sqlite(url)))

    async def close(self) -> None:
        """Finish every unit that was taken, then let go."""
        await self._database.close()

    async def write(
        self, customer_id: str, fn: Callable[[Tx], T], urgency: Urgency = Urgency.EFFECTS
    ) -> T:
        """Run `fn` for one customer; what it raises is raised here, and leaves nothing behind.

        Whoever is cancelled while waiting does not know whether the unit was committed.
        """
        return await self._database.write(lambda c: _for_customer(c, customer_id, fn), urgency)

    async def write_found(
        self,
        find: Callable[[AcrossTx], Within[T] | Nobody[R]],
        urgency: Urgency = Urgency.EFFECTS,
    ) -> T | R:
        """Find out across customers for whom something is to be done, and do it, as one unit."""

        def unit(connection: Connection) -> T | R:
            found = _across(connection, find)
            if isinstance(found, Nobody):
                return found.answer
            return _for_customer(connection, found.customer_id, found.work)

        return await self._database.write(unit, urgency)

    async def read(self, customer_id: str, fn: Callable[[Tx], T]) -> T:
        return await self._database.read(lambda c: _for_customer(c, customer_id, fn))

    async def write_across(
        self, fn: Callable[[AcrossTx], T], urgency: Urgency = Urgency.EFFECTS
    ) -> T:
        return await self._database.write(lambda c: _across(c, fn), urgency)

    async def read_across(self, fn: Callable[[AcrossTx], T]) -> T:
        return await self._database.read(lambda c: _across(c, fn))


def migrate(url: str) -> None:
    """Bring the tables of a database up to date, and let it go again."""
    asyncio.run(Store.open(url).close())


def standing(url: str) -> Standing:
    """How the database stands, whoever may be using it. Raises StoreError where it cannot be used."""
    return _standing(_sqlite(url))


def _sqlite(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError("the database's address cannot be read; use sqlite:///path") from error
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"{parsed.drivername} is not supported; use sqlite:///path")
    return parsed


def _for_customer(connection: Connection, customer_id: str, fn: Callable[[Tx], T]) -> T:
    with CustomerSession(connection, customer_id) as session:
        result = fn(Tx(customer_id, session))
        session.flush()
        return result


def _across(connection: Connection, fn: Callable[[AcrossTx], T]) -> T:
    with UnitSession(connection) as session:
        result = fn(AcrossTx(session))
        session.flush()
        return result

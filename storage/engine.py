"""The store: units of work in, committed results out.

Code hands `Store.write` or `Store.read` a synchronous function of a transaction. It runs in a
thread of the store, sees one customer's rows, and what it returns arrives after COMMIT.

    incident = await store.read("contoso", lambda tx: incidents.load(tx, incident_id))
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeVar

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
    "Standing",
    "Store",
    "StoreBusyError",
    "StoreClosedError",
    "StoreError",
    "StoreInUseError",
    "Tx",
    "Urgency",
    "migrate",
    "standing",
]

T = TypeVar("T")


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
    pending_shows: dict[str, set[str]] = field(default_factory=dict)
    """Surfaces, by incident, that a Show is ordered for and will read anew."""


@dataclass(frozen=True, slots=True)
class AcrossTx:
    """A transaction that sees every customer; `storage/across.py` alone takes one."""

    session: UnitSession


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

    async def read(self, customer_id: str, fn: Callable[[Tx], T]) -> T:
        return await self._database.read(lambda c: _for_customer(c, customer_id, fn))

    async def write_both(
        self,
        customer_id: str,
        fn: Callable[[Tx, AcrossTx], T],
        urgency: Urgency = Urgency.EFFECTS,
    ) -> T:
        """As `write`, with what all customers share beside it: both are committed, or neither."""

        def unit(connection: Connection) -> T:
            return _across(
                connection,
                lambda all_: _for_customer(connection, customer_id, lambda tx: fn(tx, all_)),
            )

        return await self._database.write(unit, urgency)

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

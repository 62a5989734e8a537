"""Whether the records are whole: the file as SQLite sees it, and the hash chain of every stream."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlmodel import col

from storage import across, incidents
from storage.engine import Store, StoreError, Tx, integrity
from storage.tables import EventRow, IncidentRow


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not as it was written."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Checked:
    customers: int
    streams: int
    events: int
    damages: tuple[Damage, ...]


async def check(url: str) -> Checked:
    """Look at everything, beside whoever uses the database. Raises StoreError where it cannot be read.

    1. The file, its indexes and its references are sound (SQLite).
    2. Every stream of every customer is the one that was written (`incidents.verify`).
    3. Every incident's state can be read.

    A state is not in the chain, only the events that made it; and what is cut off at the end of a
    desk's stream does not show.
    """
    file = [Damage("the file", said) for said in await asyncio.to_thread(integrity, url)]
    try:
        customers, counted = await _streams(url)
    except StoreError as error:
        if not file:
            raise
        unread = Damage("the streams", f"cannot be read for that: {error}")
        return Checked(0, 0, 0, (*file, unread))
    return Checked(
        customers,
        sum(each.streams for each in counted),
        sum(each.events for each in counted),
        (*file, *(damage for each in counted for damage in each.damages)),
    )


async def _streams(url: str) -> tuple[int, list[Checked]]:
    store = Store.look(url)
    try:
        whose = await store.read_across(across.whose)
        return len(whose), [await store.read(customer, _of_customer) for customer in whose]
    finally:
        await store.close()


_EVENTS = select(col(EventRow.stream), func.count().label("events")).group_by(col(EventRow.stream))
_NAMES = select(col(IncidentRow.id), col(IncidentRow.name))


def _of_customer(tx: Tx) -> Checked:
    names = {row.id: row.name for row in tx.session.execute(_NAMES)}
    events = {row.stream: row.events for row in tx.session.execute(_EVENTS)}
    streams = sorted({*names, *events})
    damages = [
        Damage(f"{tx.customer}, {names.get(stream, stream)}", what)
        for stream in streams
        for what in _of_stream(tx, stream)
    ]
    return Checked(1, len(streams), sum(events.values()), tuple(damages))


def _of_stream(tx: Tx, stream: str) -> Iterator[str]:
    try:
        broken = incidents.verify(tx, stream)
    except (ValueError, TypeError, LookupError) as error:
        yield f"its events cannot be read ({type(error).__name__})"
        return
    if broken is not None:
        yield broken.why
    try:
        found = incidents.load(tx, stream)
    except (ValidationError, ValueError, TypeError, LookupError) as error:
        yield f"its state cannot be read ({type(error).__name__})"
        return
    if found is None and stream != incidents.desk(tx.customer):
        yield "its events are there, the incident is not"

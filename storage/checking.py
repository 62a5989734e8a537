"""Whether the records are whole: the file as SQLite sees it, and the hash chain of every stream."""

import asyncio
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import bindparam, func, select
from sqlmodel import col

from storage import across, incidents
from storage.anchors import Anchor
from storage.engine import Store, StoreError, Tx, integrity
from storage.erasing import ERASURES
from storage.replaying import NotReplayableError, difference, provider_versions
from storage.tables import EventRow, IncidentRow
from triage.customer import Provider


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
    replayed: int = 0
    """Incidents whose state is what their events make of it."""
    not_replayed: tuple[str, ...] = ()
    """Those of which that cannot be told any more, each with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of the records is looked at, and against what."""

    customer: str | None = None
    """One customer alone, or the provider by its id."""
    case: str | None = None
    """One incident alone, by its name: CONTOSO-42."""
    anchors: Collection[Anchor] = ()
    """Ends of streams as they were written down elsewhere."""
    replay: bool = False
    """Decide every event once more, and compare the states."""


EVERYTHING = Scope()


class NothingThereError(StoreError):
    """Nothing of what is to be looked at is in the records."""


async def check(url: str, scope: Scope = EVERYTHING) -> Checked:
    """Look at everything, beside whoever uses the database. Raises StoreError where it cannot be read.

    1. The file, its indexes and its references are sound (SQLite; not where one customer is named).
    2. Every stream of every customer is the one that was written (`incidents.verify`).
    3. Every incident's state can be read; with `replay`, it is what its events make of it.
    4. Every erased event is of a case whose erasure the desk has recorded, and no case is missing
       among the numbers that were given out.
    5. Every anchor still holds: whoever can write to the database can make a chain anew, or cut off
       its end with what counts it, but cannot change what stands elsewhere.
    """
    file = []
    if scope.customer is None:
        file = [Damage("the file", said) for said in await asyncio.to_thread(integrity, url)]
    try:
        counted = await _streams(url, scope)
    except NothingThereError:
        raise
    except StoreError as error:
        if not file:
            raise
        unread = Damage("the streams", f"cannot be read for that: {error}")
        return Checked(0, 0, 0, (*file, unread))
    return Checked(
        len(counted),
        sum(each.streams for each in counted),
        sum(each.events for each in counted),
        (*file, *(damage for each in counted for damage in each.damages)),
        sum(each.replayed for each in counted),
        tuple(why for each in counted for why in each.not_replayed),
    )


async def _streams(url: str, scope: Scope) -> list[Checked]:
    store = Store.look(url)
    try:
        known = await store.read_across(across.whose)
        anchored = {anchor.customer_id for anchor in scope.anchors}
        whose = sorted({*known, *anchored} if scope.customer is None else {scope.customer})
        if scope.customer is not None and scope.customer not in {*known, *anchored}:
            raise NothingThereError(f"there are no records of {scope.customer!r}")
        providers = await _providers(store) if scope.replay else {}
        return [
            await store.read(customer, lambda tx: _of_customer(tx, scope, providers))
            for customer in whose
        ]
    finally:
        await store.close()


async def _providers(store: Store) -> dict[int, Provider]:
    provider = await store.read_across(across.provider)
    return await store.read(provider.id, provider_versions) if provider else {}


_EVENTS = select(col(EventRow.stream), func.count().label("events")).group_by(col(EventRow.stream))
_NAMES = select(col(IncidentRow.id), col(IncidentRow.name))
_HASH = select(col(EventRow.hash)).where(
    col(EventRow.stream) == bindparam("stream"), col(EventRow.seq) == bindparam("seq")
)


def _of_customer(tx: Tx, scope: Scope, providers: dict[int, Provider]) -> Checked:
    names = {row.id: row.name for row in tx.session.execute(_NAMES)}
    events = {row.stream: row.events for row in tx.session.execute(_EVENTS)}
    anchors = [a for a in scope.anchors if a.customer_id == tx.customer]
    desk = [incidents.desk(tx.customer)] if incidents.desk_count(tx) else []
    streams = sorted({*names, *events, *desk, *(a.stream for a in anchors)})
    if scope.case is not None:
        streams = [id_ for id_, name in names.items() if name == scope.case]
        if not streams:
            raise NothingThereError(f"{tx.customer} has no case {scope.case!r}")
    damages = [
        Damage(f"{tx.customer}, {names.get(stream, stream)}", what)
        for stream in streams
        for what in _of_stream(tx, stream)
    ]
    damages += _erased_unrecorded(tx, [s for s in streams if s in names], names)
    if scope.case is None:
        damages += _missing_cases(tx, names)
    damages += [
        Damage(f"{tx.customer}, {names.get(anchor.stream, anchor.stream)}", _NOT_AS_ANCHORED)
        for anchor in anchors
        if anchor.stream in streams and not _holds(tx, anchor)
    ]
    replays = _replayed(tx, [s for s in streams if s in names], names, providers, scope)
    return Checked(
        1,
        len(streams),
        sum(events.get(stream, 0) for stream in streams),
        (*damages, *replays.damages),
        replays.replayed,
        replays.not_replayed,
    )


_ERASED = select(col(EventRow.stream)).where(col(EventRow.salt).is_(None)).distinct()
_ERASURES = select(col(EventRow.payload)).where(
    col(EventRow.stream) == bindparam("desk"), col(EventRow.kind).in_(ERASURES)
)


def _erased_unrecorded(tx: Tx, cases: list[str], names: dict[str, str]) -> Iterator[Damage]:
    """An event whose words are gone verifies: that they went by an erasure, the desk says."""
    erased = set(tx.session.run(_ERASED).scalars()) & set(cases)
    if not erased:
        return
    told = tx.session.run(_ERASURES, {"desk": incidents.desk(tx.customer)}).scalars()
    recorded = {case for payload in told if payload for case in json.loads(payload)["cases"]}
    for case in sorted(erased):
        if names[case] not in recorded:
            yield Damage(
                f"{tx.customer}, {names[case]}", "its words are gone, and no erasure is recorded"
            )


def _missing_cases(tx: Tx, names: dict[str, str]) -> Iterator[Damage]:
    """Whoever takes a case away with all that was of it leaves its number behind."""
    there = {int(n) for n in (name.rpartition("-")[2] for name in names.values()) if n.isdigit()}
    missing = sorted(set(range(1, incidents.last_number(tx) + 1)) - there)
    if missing:
        numbers = ", ".join(map(str, missing[:_MOST_NAMED]))
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        yield Damage(tx.customer, f"there is no case of the number {numbers}{more}")


_MOST_NAMED = 10

_NOT_AS_ANCHORED = "it is not the stream that was anchored: events are missing or were made anew"


def _holds(tx: Tx, anchor: Anchor) -> bool:
    found = tx.session.run(_HASH, {"stream": anchor.stream, "seq": anchor.seq}).scalar()
    return found == anchor.hash


def _replayed(
    tx: Tx,
    cases: list[str],
    names: dict[str, str],
    providers: dict[int, Provider],
    scope: Scope,
) -> Checked:
    damages, replayed, not_replayed = [], 0, []
    for case in cases if scope.replay else ():
        where = f"{tx.customer}, {names[case]}"
        try:
            found = difference(tx, case, providers)
        except NotReplayableError as error:
            not_replayed.append(f"{where}: {error}")
        except (ValidationError, ValueError, TypeError, LookupError) as error:
            damages.append(Damage(where, f"it cannot be replayed ({type(error).__name__})"))
        else:
            replayed += 1
            damages += [Damage(where, found)] if found else []
    return Checked(0, 0, 0, tuple(damages), replayed, tuple(not_replayed))


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

"""The audit on the command line: whether the log is whole, and the log as a file.

It looks at the records beside whoever uses them, and changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from storage import across, anchors
from storage.anchors import Anchor, Exported
from storage.checking import Scope, check
from storage.engine import Store, StoreError

REFUSALS = (anchors.UnreadableFileError,)


async def verify(
    database: str,
    *,
    customer: str | None,
    case: str | None,
    against: Path | None,
    replay: bool,
) -> tuple[list[str], list[str]]:
    """What is wrong, and what there is to say of the rest. Raises StoreError, UnreadableFileError."""
    known = _anchors(against) if against else []
    if case is not None and customer is None:
        raise StoreError("a case is a customer's: name the customer too")
    scope = Scope(customer=customer, case=case, anchors=known, replay=replay)
    found = await check(database, scope)
    told = [f"{found.customers} with records, {found.streams} streams, {found.events} events"]
    if against:
        told.append(f"{len(known)} anchors of {against}")
    if replay:
        told.append(f"{found.replayed} cases replayed")
        told += [f"not replayed: {why}" for why in found.not_replayed]
    return [str(damage) for damage in found.damages], told


def verify_file(file: Path) -> tuple[list[str], list[str]]:
    """As `verify`, of an export, and without any database."""
    with file.open(encoding="utf-8") as lines:
        found = anchors.verify(lines)
    return list(found.damages), [
        f"{found.customer}: {found.streams} streams, {found.events} events"
    ]


async def export(
    database: str, customer: str, file: Path, now: datetime, case: str | None
) -> Exported:
    """Write a customer's log, or one case's, to a new file. Raises StoreError for what is not there."""
    store = Store.look(database)
    try:
        if customer not in await store.read_across(across.whose):
            raise StoreError(f"there are no records of {customer!r}")
        with _new(file) as out:
            return await store.read(customer, lambda tx: anchors.export(tx, out, now, case))
    except LookupError as error:
        raise StoreError(str(error)) from error
    finally:
        await store.close()


async def anchor(database: str, file: Path) -> int:
    """Write the ends of all streams to a new file: how many there are."""
    store = Store.look(database)
    try:
        whose = await store.read_across(across.whose)
        found = [end for customer in whose for end in await store.read(customer, anchors.ends)]
    finally:
        await store.close()
    with _new(file) as out:
        anchors.write_anchors(found, out)
    return len(found)


def write_new(file: Path, text: str) -> None:
    with _new(file) as out:
        out.write(text)


def _anchors(file: Path) -> list[Anchor]:
    with file.open(encoding="utf-8") as lines:
        return anchors.read_anchors(lines)


@contextmanager
def _new(file: Path) -> Iterator[TextIO]:
    """A file that was not there, for its owner alone: people's words are in it. Whole, or none."""
    with file.open("x", encoding="utf-8") as out:
        file.chmod(0o600)
        try:
            yield out
        except BaseException:
            file.unlink()
            raise

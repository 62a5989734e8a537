"""The log on paper: ends of streams, and whole exports, that verify without the database.

Both are JSON, one object a line, with a `line` that says what it is. An export holds every event as
its row does, so that whoever has the file can check the chain of each stream (`storage/chain.py`)
and read what was done; what was erased is empty in it, and verifies all the same.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, TextIO

from sqlalchemy import bindparam, func, select
from sqlmodel import col

from storage import chain
from storage.engine import Tx
from storage.tables import EventRow, IncidentRow

FORMAT = 1

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The end of a stream at some moment. As long as its event is there, what is before it is too."""

    customer_id: str
    stream: str
    seq: int
    hash: str


class UnreadableFileError(Exception):
    """Not a file that Vouch wrote, or not all of one; the message says which line."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file was found to hold."""

    customer: str
    streams: int
    events: int
    damages: tuple[str, ...]


# --- written -------------------------------------------------------------------------------------

_last = (
    select(col(EventRow.stream), func.max(col(EventRow.seq)).label("seq"))
    .group_by(col(EventRow.stream))
    .subquery()
)
_ENDS = (
    select(col(EventRow.stream), col(EventRow.seq), col(EventRow.hash))
    .where(
        col(EventRow.stream) == _last.c.stream,
        col(EventRow.seq) == _last.c.seq,
    )
    .order_by(col(EventRow.stream))
)
_OF_STREAM = (
    select(EventRow).where(col(EventRow.stream) == bindparam("stream")).order_by(col(EventRow.seq))
)
_CASES = select(col(IncidentRow.id), col(IncidentRow.name)).order_by(col(IncidentRow.id))


def ends(tx: Tx) -> list[Anchor]:
    """The end of every stream of the customer, as it is now."""
    return [Anchor(tx.customer, row.stream, row.seq, row.hash) for row in tx.session.execute(_ENDS)]


def write_anchors(anchors: Iterable[Anchor], file: TextIO) -> None:
    for anchor in anchors:
        _write(file, {"line": "anchor", **asdict(anchor)})


def export(tx: Tx, file: TextIO, at: datetime, case: str | None = None) -> Exported:
    """Every event of the customer, or of one case by its name. Raises LookupError for no such case."""
    names = {row.id: row.name for row in tx.session.execute(_CASES)}
    found = [anchor for anchor in ends(tx) if case is None or names.get(anchor.stream) == case]
    if case is not None and not found:
        raise LookupError(f"{tx.customer} has no case {case!r}")
    _write(
        file, {"line": "export", "format": FORMAT, "customer": tx.customer, "at": at, "case": case}
    )
    events = 0
    for end in found:
        for row in tx.session.scalars(_OF_STREAM, {"stream": end.stream}):
            _write(file, {"line": "event", **row.model_dump()})
            tx.session.expunge(row)  # an export is as long as the log: no row is kept
            events += 1
        _write(file, {"line": "end", "name": names.get(end.stream), **asdict(end)})
    _write(file, {"line": "total", "streams": len(found), "events": events})
    return Exported(tx.customer, len(found), events, ())


def _write(file: TextIO, line: Line) -> None:
    file.write(json.dumps(line, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


# --- read ----------------------------------------------------------------------------------------


def read_anchors(file: Iterable[str]) -> list[Anchor]:
    """The ends of streams in a file of anchors, or in an export. Raises UnreadableFileError."""
    return [
        Anchor(line["customer_id"], line["stream"], line["seq"], line["hash"])
        for line in _lines(file)
        if line["line"] in {"anchor", "end"}
    ]


def verify(file: Iterable[str]) -> Exported:
    """Whether an export is what was written. Raises UnreadableFileError."""
    lines = _lines(file)
    first = next(lines, None)
    if first is None or first["line"] != "export" or first.get("format") != FORMAT:
        raise UnreadableFileError("this is no export of `vouch audit export`")
    damages: list[str] = []
    streams = events = 0
    total: Line | None = None
    for stream, of_stream in groupby(lines, key=lambda line: str(line.get("stream", ""))):
        told = list(of_stream)
        if not stream:
            total = told[-1]
            continue
        rows = [line for line in told if line["line"] == "event"]
        end = next((line for line in told if line["line"] == "end"), None)
        streams, events = streams + 1, events + len(rows)
        damages += _damages(stream, rows, end)
    if total is None or (total.get("streams"), total.get("events")) != (streams, events):
        damages.append("the file does not hold all that was exported")
    return Exported(str(first["customer"]), streams, events, tuple(damages))


def _damages(stream: str, rows: list[Line], end: Line | None) -> Iterator[str]:
    head = (end["seq"], end["hash"]) if end else None
    name = (end or {}).get("name") or stream
    try:
        found = chain.broken(
            (row | {"at": datetime.fromisoformat(row["at"])} for row in rows), head
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        yield f"{name}: its events cannot be read ({type(error).__name__})"
        return
    if found is not None:
        yield f"{name}: {found.why}"
    if end is None:
        yield f"{name}: its end is missing"


def _lines(file: Iterable[str]) -> Iterator[Line]:
    for number, text in enumerate(file, start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise UnreadableFileError(f"line {number} is not JSON") from error
        if not isinstance(line, dict) or "line" not in line:
            raise UnreadableFileError(f"line {number} is none of ours")
        yield line

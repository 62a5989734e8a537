"""How fast Teams is spoken to: a row for each bucket says what was sent lately and when the next
call has room.

A bucket is a lane, or a tenant as a whole. Who claims an effect takes room in both in the same
transaction, or finds out when there will be some; then nothing is held meanwhile, neither lease nor
memory. Replicas share the rows, and lock them, lane before tenant.

Windows are measured where calls arrive; all we know is that a call arrived before its answer did.
So a call counts from its answer on, and until then as still to come: whatever the network and our
own queues delay, no window there is overfilled. A process that dies leaves its calls counted as
answered when its leases end.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Dialect, Insert, Row, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from storage.engine import AcrossTx
from storage.tables import PaceRow
from storage.windows import Window, free_at, recent

DIFFER = timedelta(minutes=1)
"""How far replicas' clocks may lie apart, and how long a unit that has read its clock may wait."""

TENANT = "tenant"
"""The bucket of a tenant as a whole; every other is a lane."""


@dataclass(frozen=True, slots=True)
class Bucket:
    customer_id: str
    name: str
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Permit:
    """Room for a number of calls in each of these buckets."""

    buckets: tuple[Bucket, ...]
    calls: int
    until: int
    """When they are answered at the latest: how they stand in the rows until then."""


def take(
    tx: AcrossTx, buckets: Sequence[Bucket], calls: int, now: datetime, answered_within: timedelta
) -> Permit | datetime:
    """Room in every bucket; or else, and nothing is taken, the moment at which to look again.

    The calls belong to whoever took them until `answered`, and should be made soon.
    """
    at, until = _floor(now), _ceil(now + answered_within)
    known = [(bucket, _read(tx, bucket, now)) for bucket in buckets]
    room = max(pace.free_at(bucket.windows, calls) for bucket, pace in known)
    if room > at:
        again = (
            max(pace.looks_again_at(bucket.windows, calls, _ceil(now)), pace.held_until)
            for bucket, pace in known
        )
        return _moment(max(again))
    for _, pace in known:
        pace.done += [until] * calls
    _write(tx, known, now)
    return Permit(tuple(buckets), calls, until)


def answered(
    tx: AcrossTx,
    permit: Permit,
    now: datetime,
    refused_until: datetime | None = None,
    made: int | None = None,
) -> None:
    """The calls are over, and count from now on. `refused_until` is what a refusal asked for; `made`
    is how many they were, where it was not known before.

    The thread that was refused waits of itself. When another one of the same tenant is refused
    meanwhile, it is the tenant that was meant, and all of it waits: whatever is claimed next finds no
    room before.
    """
    at = _ceil(now)
    known = [(bucket, _read(tx, bucket, now)) for bucket in permit.buckets]
    for bucket, pace in known:
        for _ in range(permit.calls):
            if permit.until in pace.done:
                pace.done.remove(permit.until)
        pace.done += [at] * (permit.calls if made is None else made)
        if refused_until is not None and bucket.name == TENANT:
            pace.refuse(_ceil(refused_until), at)
    _write(tx, known, now)


_OLD = delete(PaceRow).where(col(PaceRow.at) < bindparam("before"))


def forget(tx: AcrossTx, before: datetime) -> None:
    """What was not touched since does not matter any more, once the longest window has passed."""
    tx.session.run(_OLD, {"before": before})


# --- rows ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pace:
    done: list[int]
    at: datetime
    """When it was written last."""
    refused_until: int = 0
    held_until: int = 0

    def free_at(self, windows: Sequence[Window], calls: int) -> int:
        return max(free_at(self.done, windows, calls), self.held_until)

    def looks_again_at(self, windows: Sequence[Window], calls: int, now: int) -> int:
        """What is under way may be over at any moment, long before its lease is."""
        return free_at([min(it, now) for it in self.done], windows, calls)

    def refuse(self, until: int, now: int) -> None:
        if self.refused_until > now:
            self.held_until = max(self.held_until, self.refused_until, until)
        self.refused_until = max(self.refused_until, until)


_ROW = (
    select(
        col(PaceRow.done),
        col(PaceRow.refused_until),
        col(PaceRow.held_until),
        col(PaceRow.at),
    )
    .where(
        col(PaceRow.customer_id) == bindparam("customer_id"),
        col(PaceRow.bucket) == bindparam("bucket"),
    )
    .with_for_update()
)
_PUT = (
    update(PaceRow)
    .where(
        col(PaceRow.customer_id) == bindparam("of_customer"),
        col(PaceRow.bucket) == bindparam("called"),
    )
    .values(
        done=bindparam("calls"),
        free_at=bindparam("room"),
        refused_until=bindparam("refused"),
        held_until=bindparam("held"),
        at=bindparam("now"),
    )
    .execution_options(synchronize_session=False)
)
_BEGIN: dict[str, Insert] = {
    "sqlite": sqlite.insert(PaceRow).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(PaceRow).on_conflict_do_nothing(),
}
"""Two replicas may be the first to speak to a tenant."""


def _read(tx: AcrossTx, bucket: Bucket, now: datetime) -> _Pace:
    """As the row says. One from further in the future than clocks differ says that the clock was
    set back since: all it tells of counts as done now, and is written so."""
    row = _row(tx, bucket) or _begun(tx, bucket, now)
    pace = _Pace(json.loads(row.done), row.at, _stamp(row.refused_until), _stamp(row.held_until))
    if row.at > now + DIFFER:
        at = _ceil(now)
        pace = _Pace([min(it, at) for it in pace.done], now)
        _write(tx, [(bucket, pace)], now)
    return pace


def _row(tx: AcrossTx, bucket: Bucket) -> "Row[*tuple[Any, ...]] | None":
    which = {"customer_id": bucket.customer_id, "bucket": bucket.name}
    return tx.session.run(_ROW, which).one_or_none()


def _begun(tx: AcrossTx, bucket: Bucket, now: datetime) -> Row[Any]:
    dialect: Dialect = tx.session.get_bind().dialect
    born = {"customer_id": bucket.customer_id, "bucket": bucket.name, "done": "[]"}
    moments = {"free_at": now, "at": now, "refused_until": None, "held_until": None}
    tx.session.run(_BEGIN[dialect.name], born | moments)
    row = _row(tx, bucket)
    assert row is not None  # noqa: S101 - it was there, or is now
    return row


def _write(tx: AcrossTx, known: Sequence[tuple[Bucket, _Pace]], now: datetime) -> None:
    tx.session.run(_PUT, [_as_written(bucket, pace, now) for bucket, pace in known])


def _as_written(bucket: Bucket, pace: _Pace, now: datetime) -> dict[str, Any]:
    pace.at = max(pace.at, now)
    pace.done = recent(sorted(pace.done), bucket.windows, _floor(pace.at))
    return {
        "of_customer": bucket.customer_id,
        "called": bucket.name,
        "calls": json.dumps(pace.done, separators=(",", ":")),
        "room": max(now, _moment(pace.looks_again_at(bucket.windows, 1, _ceil(pace.at)))),
        "refused": _moment(pace.refused_until) if pace.refused_until else None,
        "held": _moment(pace.held_until) if pace.held_until else None,
        "now": pace.at,
    }


# --- moments as whole milliseconds ---------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def _floor(moment: datetime) -> int:
    return (moment - _EPOCH) // _MS


def _ceil(moment: datetime) -> int:
    return -((_EPOCH - moment) // _MS)


def _stamp(moment: datetime | None) -> int:
    return _ceil(moment) if moment else 0


def _moment(stamp: int) -> datetime:
    return _EPOCH + stamp * _MS

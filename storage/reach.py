"""How far response actions have reached lately, and whether they are stopped.

Asked and written in the transaction that claims or ends a response action, under one hold of the
customer: two that begin at once cannot both take the last place under a cap.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, update
from sqlmodel import col

from storage import incidents, profiles
from storage.codec import stop_from_json, stop_to_json
from storage.engine import Tx
from storage.tables import CustomerRow, ReachRow
from triage.actions import ActionKind
from triage.customer import Customer, Stop

HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)

_REACHED = select(func.count()).where(
    col(ReachRow.action) == bindparam("action"),
    col(ReachRow.at) > bindparam("since"),
    col(ReachRow.begun),
    col(ReachRow.key) != bindparam("key"),
)
_TROUBLES = select(func.count()).where(col(ReachRow.at) > bindparam("since"), col(ReachRow.trouble))


_TROUBLE = update(ReachRow).where(col(ReachRow.key) == bindparam("of")).values(trouble=True)
_FORGET = delete(ReachRow).where(col(ReachRow.at) <= bindparam("before"))


def hold(tx: Tx) -> None:
    """What was read of the profile before may have been stopped by whoever held it: it is read anew."""
    tx.hold(profiles.REACH)
    tx.profiles.pop(tx.customer, None)


def reached(tx: Tx, action: ActionKind, key: str, now: datetime) -> int:
    """How many others of its kind were begun within the last hour: done, failed or under way."""
    found = tx.session.run(_REACHED, {"action": action, "since": now - HOUR, "key": key})
    return int(found.scalar_one())


def begin(tx: Tx, action: ActionKind, key: str, now: datetime) -> None:
    """It is about to be called, for the first time or again."""
    tx.session.run(_FORGET, {"before": now - KEPT})
    _keep(tx, key, action, now, begun=True)


def refuse(tx: Tx, action: ActionKind, key: str, now: datetime) -> Stop | None:
    """It would have gone over a cap; the breaker, where that opened it."""
    _keep(tx, key, action, now, begun=False)
    return fail(tx, key, now)


def fail(tx: Tx, key: str, now: datetime) -> Stop | None:
    """It failed for good; the breaker, where that opened it."""
    hold(tx)
    tx.session.run(_TROUBLE, {"of": key})
    return _trip(tx, now)


def _keep(tx: Tx, key: str, action: ActionKind, now: datetime, *, begun: bool) -> None:
    row = tx.session.get(ReachRow, (tx.customer, key))
    if row is None:
        row = ReachRow(
            customer_id=tx.customer, key=key, action=action, at=now, begun=begun, trouble=False
        )
        tx.session.add(row)
    row.at, row.begun = now, begun
    tx.session.flush()


def _trip(tx: Tx, now: datetime) -> Stop | None:
    customer = profiles.current(tx)
    troubles = tx.session.run(_TROUBLES, {"since": now - HOUR}).scalar_one()
    if customer.stopped is not None or troubles < customer.breaker:
        return None
    opened = Stop(now, f"{troubles} failed or went over a limit within an hour", None)
    stop(tx, opened)
    return opened


# --- stopped and allowed -------------------------------------------------------------------------


def stop(tx: Tx, how: Stop) -> None:
    """From now on no response action of this customer is begun; of the provider's, nobody's."""
    hold(tx)
    _set(tx, how)
    _record(tx, "containment_stopped", how.at, how.by, how.why)


def allow(tx: Tx, by: str, why: str, now: datetime) -> Stop | None:
    """What stopped them is over, and troubles of before count no more; None where nothing did."""
    hold(tx)
    was = stopped(tx)
    if was is None:
        return None
    _set(tx, None)
    tx.session.run(update(ReachRow).values(trouble=False))
    _record(tx, "containment_allowed", now, by, why)
    return was


def stopped(tx: Tx) -> Stop | None:
    """What is on the current row: the customer's own stop, or the provider's for all."""
    found = tx.session.run(
        select(col(CustomerRow.stopped)).where(col(CustomerRow.current))
    ).scalar_one_or_none()
    return stop_from_json(found) if found else None


def _set(tx: Tx, to: Stop | None) -> None:
    as_json = stop_to_json(to) if to else None
    tx.session.run(update(CustomerRow).where(col(CustomerRow.current)).values(stopped=as_json))
    known = tx.profiles.get(tx.customer)
    if isinstance(known, Customer):
        tx.profiles[tx.customer] = replace(known, stopped=to)


def _record(tx: Tx, kind: str, at: datetime, by: str | None, why: str) -> None:
    incidents.record_desk(
        tx,
        key=f"{kind}:{at.isoformat()}",
        kind=kind,
        payload={"by": by, "why": why},
        at=at,
        actor=f"operator:{by}" if by else None,
    )

"""What our pages remember between two steps of a fresh sign-in. A browser brings back a secret of
which the hash alone is kept, and each is good for one step."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select
from sqlmodel import col

from storage.engine import Tx
from storage.tables import SignInRow


@dataclass(frozen=True, slots=True)
class SignInStep:
    incident_id: str
    verification: str
    flow: str | None
    """Until somebody has signed in: what the exchange needs."""


_INSERT = insert(SignInRow)
_TAKE = (
    delete(SignInRow)
    .where(col(SignInRow.sha256) == bindparam("brought"))
    .returning(
        col(SignInRow.incident_id),
        col(SignInRow.verification),
        col(SignInRow.flow),
        col(SignInRow.expires),
    )
    .execution_options(synchronize_session=False)
)
_LOOK = select(
    col(SignInRow.incident_id),
    col(SignInRow.verification),
    col(SignInRow.flow),
    col(SignInRow.expires),
).where(col(SignInRow.sha256) == bindparam("brought"))
_FORGET = (
    delete(SignInRow)
    .where(col(SignInRow.expires) <= bindparam("now"))
    .execution_options(synchronize_session=False)
)


def keep(tx: Tx, sha256: str, step: SignInStep, expires: datetime, now: datetime) -> None:
    """Remember a step until it is taken up, or its time is over; what is over is forgotten."""
    tx.session.run(_FORGET, {"now": now})
    row = {
        "customer_id": tx.customer,
        "sha256": sha256,
        "incident_id": step.incident_id,
        "verification": step.verification,
        "flow": step.flow,
        "expires": expires,
    }
    tx.session.run(_INSERT, row)


def look(tx: Tx, sha256: str, now: datetime) -> SignInStep | None:
    """A step that waits; None where there is none, or its time is over."""
    row = tx.session.run(_LOOK, {"brought": sha256}).one_or_none()
    if row is None or row.expires <= now:
        return None
    return SignInStep(row.incident_id, row.verification, row.flow)


def take(tx: Tx, sha256: str, now: datetime) -> SignInStep | None:
    """Take a step up, once; None where there is none, or its time is over."""
    row = tx.session.run(_TAKE, {"brought": sha256}).one_or_none()
    if row is None or row.expires <= now:
        return None
    return SignInStep(row.incident_id, row.verification, row.flow)

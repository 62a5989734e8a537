"""How a customer's sources show who they are, and what they have delivered.

Of a bearer key the hash is kept, of a signing secret a reference to where it stands, of an identity
its object id: nothing here opens a door for whoever reads the database.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import bindparam, delete, select
from sqlmodel import col

from storage.engine import Tx
from storage.tables import DeliveryRow, IntakeCredentialRow
from triage.report import Source


class Kind(StrEnum):
    BEARER = "bearer"
    """A key that is sent along; for sources that can do no more."""
    SIGNATURE = "signature"
    """A secret that each request is signed with."""
    IDENTITY = "identity"
    """An identity of the customer's tenant that Entra vouches for."""


@dataclass(frozen=True, slots=True)
class Credential:
    id: int
    source: Source
    kind: Kind
    value: str
    """The key's SHA-256, the secret's reference, or the identity's object id."""
    added_at: datetime


_ALL = select(IntakeCredentialRow).order_by(
    col(IntakeCredentialRow.source), col(IntakeCredentialRow.id)
)
_SECRETS = (
    select(col(IntakeCredentialRow.value))
    .where(
        col(IntakeCredentialRow.source) == bindparam("source"),
        col(IntakeCredentialRow.kind) == Kind.SIGNATURE,
    )
    .order_by(col(IntakeCredentialRow.id).desc())
)


def add(tx: Tx, source: Source, kind: Kind, value: str, now: datetime) -> Credential:
    """Let it speak for this customer's source; what was there already stays as it is."""
    for known in listed(tx):
        if (known.source, known.kind, known.value) == (source, kind, value):
            return known
    row = IntakeCredentialRow(
        customer_id=tx.customer, source=source, kind=kind, value=value, added_at=now
    )
    tx.session.add(row)
    tx.session.flush()
    return _credential(row)


def remove(tx: Tx, id_: int) -> Credential | None:
    """It opens nothing any more; what it was, if it was this customer's."""
    row = next((row for row in tx.session.scalars(_ALL) if row.id == id_), None)
    if row is None:
        return None
    tx.session.delete(row)
    return _credential(row)


def withdraw_keys(tx: Tx, source: Source) -> list[Credential]:
    """The keys of a source that has something stronger from now on: they would open again once that
    is withdrawn. What they were."""
    rows = [
        row for row in tx.session.scalars(_ALL) if row.source == source and row.kind == Kind.BEARER
    ]
    for row in rows:
        tx.session.delete(row)
    return [_credential(row) for row in rows]


_VOID = delete(IntakeCredentialRow).execution_options(synchronize_session=False)


def void(tx: Tx) -> None:
    """No source speaks for this customer any more."""
    tx.session.run(_VOID)


def listed(tx: Tx) -> list[Credential]:
    """By source, and the oldest first."""
    return [_credential(row) for row in tx.session.scalars(_ALL)]


def signing_secrets(tx: Tx, source: Source) -> list[str]:
    """Where the secrets of this source stand, the newest first."""
    return list(tx.session.run(_SECRETS, {"source": source}).scalars())


def _credential(row: IntakeCredentialRow) -> Credential:
    return Credential(row.id, Source(row.source), Kind(row.kind), row.value, row.added_at)


# --- deliveries ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A signed message that was taken, and how it was answered."""

    id: str
    sha256: str
    """Of its body."""
    status: int
    answer: str


_DELIVERY = select(DeliveryRow).where(
    col(DeliveryRow.source) == bindparam("source"), col(DeliveryRow.id) == bindparam("delivery")
)
_FORGET = (
    delete(DeliveryRow)
    .where(col(DeliveryRow.at) < bindparam("before"))
    .execution_options(synchronize_session=False)
)


def delivered(tx: Tx, source: Source, id_: str) -> Delivery | None:
    """What this source delivered under this id."""
    row = tx.session.scalars(_DELIVERY, {"source": source, "delivery": id_}).one_or_none()
    return Delivery(row.id, row.sha256, row.status, row.answer) if row else None


def keep_delivery(
    tx: Tx, source: Source, told: Delivery, now: datetime, keep_for: timedelta
) -> None:
    """Remember the answer, and forget those whose signatures are too old to be taken again."""
    tx.session.run(_FORGET, {"before": now - keep_for})
    if delivered(tx, source, told.id) is None:
        tx.session.add(
            DeliveryRow(
                customer_id=tx.customer,
                source=source,
                id=told.id,
                sha256=told.sha256,
                status=told.status,
                answer=told.answer,
                at=now,
            )
        )

"""What stands where: one row for each surface of an incident.

`want` compares what an incident wants to show with what it last wanted; each change raises the
wanted revision. Whoever has shown a view says so with `shown`, naming the revision it had read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import col

from storage.engine import Tx
from storage.tables import SurfaceRow


@dataclass(frozen=True, slots=True)
class Place:
    """A message of ours in Teams."""

    tenant_id: str
    conversation_id: str
    activity_id: str
    service_url: str


@dataclass(frozen=True, slots=True)
class Surface:
    name: str
    wanted_revision: int
    shown_revision: int
    """0 while it has never been shown."""
    shown_at: datetime | None
    place: Place | None
    """Where it stands; None while it stands nowhere."""


_ALL = select(SurfaceRow).where(col(SurfaceRow.incident_id) == bindparam("incident_id"))
_ONE = _ALL.where(col(SurfaceRow.name) == bindparam("name"))


def want(tx: Tx, incident_id: str, views: Mapping[str, str]) -> dict[str, int]:
    """What is to be shown now, by the digests of the views; the new revision of what has changed.

    A surface whose view is gone is left as it stands.
    """
    rows = {row.name: row for row in tx.session.scalars(_ALL, {"incident_id": incident_id})}
    changed: dict[str, int] = {}
    for name, digest in views.items():
        row = rows.get(name)
        if row is None:
            row = SurfaceRow(
                customer_id=tx.customer, incident_id=incident_id, name=name, wanted_digest=digest
            )
            tx.session.add(row)
        elif row.wanted_digest == digest:
            continue
        else:
            row.wanted_digest, row.wanted_revision = digest, row.wanted_revision + 1
        changed[name] = row.wanted_revision
    return changed


def get(tx: Tx, incident_id: str, name: str) -> Surface | None:
    row = _row(tx, incident_id, name)
    if row is None:
        return None
    return Surface(row.name, row.wanted_revision, row.shown_revision, row.shown_at, _place(row))


def place_of(tx: Tx, incident_id: str, name: str) -> Place | None:
    """Where a surface stands: a thread's root, a person's card."""
    row = _row(tx, incident_id, name)
    return _place(row) if row else None


def shown(
    tx: Tx, incident_id: str, name: str, *, revision: int, place: Place | None, at: datetime
) -> None:
    """A view was shown; `revision` is the one that was wanted when it was read.

    `place` is None for what stands in no conversation: a source system's status.
    """
    row = _row(tx, incident_id, name)
    if row is None:
        raise LookupError(f"incident {incident_id} has no surface {name!r}")
    row.shown_revision, row.shown_at = max(row.shown_revision, revision), at
    if place:
        row.tenant_id, row.service_url = place.tenant_id, place.service_url
        row.conversation_id, row.activity_id = place.conversation_id, place.activity_id


def _row(tx: Tx, incident_id: str, name: str) -> SurfaceRow | None:
    wanted = {"incident_id": incident_id, "name": name}
    return tx.session.scalars(_ONE, wanted).one_or_none()


def _place(row: SurfaceRow) -> Place | None:
    parts = (row.tenant_id, row.conversation_id, row.activity_id, row.service_url)
    tenant_id, conversation_id, activity_id, service_url = parts
    if not (tenant_id and conversation_id and activity_id and service_url):
        return None
    return Place(tenant_id, conversation_id, activity_id, service_url)

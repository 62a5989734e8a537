"""What stands where: one row for each surface of an incident.

`want` compares what an incident wants to show with what it last wanted; each change raises the
wanted revision. Whoever has shown a view says so with `shown`, naming the revision it had read.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, func, insert, select, update
from sqlmodel import col

from storage import incidents
from storage.effects import show_is_pending
from storage.engine import Tx
from storage.tables import SurfaceRow
from triage.events import CardsToday


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


_ONE = select(
    col(SurfaceRow.name),
    col(SurfaceRow.wanted_revision),
    col(SurfaceRow.shown_revision),
    col(SurfaceRow.shown_at),
    col(SurfaceRow.tenant_id),
    col(SurfaceRow.conversation_id),
    col(SurfaceRow.activity_id),
    col(SurfaceRow.service_url),
).where(
    col(SurfaceRow.incident_id) == bindparam("incident_id"),
    col(SurfaceRow.name) == bindparam("name"),
)


_WANTED = select(
    col(SurfaceRow.name),
    col(SurfaceRow.wanted_digest),
    col(SurfaceRow.wanted_revision),
    show_is_pending().label("is_pending"),
).where(col(SurfaceRow.incident_id) == bindparam("incident_id"))
_INSERT = insert(SurfaceRow)
_ROW = (
    col(SurfaceRow.incident_id) == bindparam("of_incident"),
    col(SurfaceRow.name) == bindparam("called"),
)
_WANT = (
    update(SurfaceRow)
    .where(*_ROW)
    .values(wanted_digest=bindparam("digest"), wanted_revision=bindparam("revision"))
    .execution_options(synchronize_session=False)
)


def want(tx: Tx, incident_id: str, views: Mapping[str, str]) -> dict[str, int]:
    """What is to be shown now, by the digests of the views; the new revision of what has changed
    and is not about to be shown anyway.

    A surface whose view is gone is left as it stands.
    """
    known = {row.name: row for row in tx.session.run(_WANTED, {"incident_id": incident_id})}
    revisions: dict[str, int] = {}
    born, changed = [], []
    for name, digest in views.items():
        row = known.get(name)
        if row is None:
            revisions[name] = 1
            born.append(_born(tx.customer, incident_id, name, digest))
        elif row.wanted_digest != digest:
            revision = row.wanted_revision + 1
            new = {"digest": digest, "revision": revision}
            changed.append({"of_incident": incident_id, "called": name, **new})
            if not row.is_pending:
                revisions[name] = revision
    if born:
        tx.session.run(_INSERT, born)
    if changed:
        tx.session.run(_WANT, changed)
    return revisions


def _born(customer_id: str, incident_id: str, name: str, digest: str) -> dict[str, str | int]:
    return {
        "customer_id": customer_id,
        "incident_id": incident_id,
        "name": name,
        "wanted_digest": digest,
        "wanted_revision": 1,
        "shown_revision": 0,
    }


def get(tx: Tx, incident_id: str, name: str) -> Surface | None:
    row = _row(tx, incident_id, name)
    if row is None:
        return None
    return Surface(row.name, row.wanted_revision, row.shown_revision, row.shown_at, _place(row))


def place_of(tx: Tx, incident_id: str, name: str) -> Place | None:
    """Where a surface stands: a thread's root, a person's card."""
    row = _row(tx, incident_id, name)
    return _place(row) if row else None


_POSTED = (
    select(
        col(SurfaceRow.name),
        func.count().label("cards"),
        func.max(col(SurfaceRow.posted_at)).label("last"),
    )
    .where(
        col(SurfaceRow.name).in_(bindparam("names", expanding=True)),
        col(SurfaceRow.posted_at) >= bindparam("since"),
        col(SurfaceRow.incident_id) != bindparam("besides"),
    )
    .group_by(col(SurfaceRow.name))
)


def posted_since(
    tx: Tx, people: Collection[str], since: datetime, besides: str
) -> dict[str, CardsToday]:
    """The cards people were sent, by object id, but for those of one incident."""
    if not people:
        return {}
    names = [f"person:{person}" for person in people]
    wanted = {"names": names, "since": since, "besides": besides}
    return {
        row.name.removeprefix("person:"): CardsToday(row.cards, row.last)
        for row in tx.session.run(_POSTED, wanted)
    }


def was_shown(tx: Tx, incident_id: str, name: str) -> bool:
    row = _row(tx, incident_id, name)
    return row is not None and row.shown_revision > 0


def shown(
    tx: Tx, incident_id: str, name: str, *, revision: int, place: Place | None, at: datetime
) -> None:
    """A view was shown; `revision` is the one that was wanted when it was read.

    `place` is None for what stands in no conversation: a source system's status.
    """
    incidents.hold(tx, incident_id)
    newest = {"of_incident": incident_id, "called": name, "revision": revision, "at": at}
    statement = _SHOWN
    if place:
        statement, newest = _PLACED, newest | asdict(place)
    if tx.session.run(statement, newest).scalar() is None:
        raise LookupError(f"incident {incident_id} has no surface {name!r}")


_SHOWN = (
    update(SurfaceRow)
    .where(*_ROW)
    .values(
        shown_revision=case(
            (col(SurfaceRow.shown_revision) < bindparam("revision"), bindparam("revision")),
            else_=col(SurfaceRow.shown_revision),
        ),
        shown_at=bindparam("at"),
        posted_at=func.coalesce(col(SurfaceRow.posted_at), bindparam("at")),
    )
    .returning(col(SurfaceRow.name))
    .execution_options(synchronize_session=False)
)
_PLACED = _SHOWN.values({name: bindparam(name) for name in Place.__dataclass_fields__})


def _row(tx: Tx, incident_id: str, name: str) -> Row[*tuple[Any, ...]] | None:
    wanted = {"incident_id": incident_id, "name": name}
    return tx.session.run(_ONE, wanted).one_or_none()


def _place(row: Row[*tuple[Any, ...]]) -> Place | None:
    parts = (row.tenant_id, row.conversation_id, row.activity_id, row.service_url)
    tenant_id, conversation_id, activity_id, service_url = parts
    if not (tenant_id and conversation_id and activity_id and service_url):
        return None
    return Place(tenant_id, conversation_id, activity_id, service_url)

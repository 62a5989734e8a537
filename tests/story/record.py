"""The record of a story: the event log alone must give the state, and show tampering."""

from sqlalchemy import select
from sqlmodel import col

from storage import across, incidents
from storage.engine import Store, Tx
from storage.replaying import difference, provider_versions
from storage.tables import EventRow, IncidentRow
from triage.customer import Provider


async def check_records(store: Store) -> int:
    """Every incident of every customer follows from its events, and every chain is whole; how many
    incidents there are."""
    onboarded = await store.read_across(across.customers)
    providers = [c.id for c in onboarded if c.role == "provider"]
    versions = await store.read(providers[0], provider_versions)
    checked = 0
    for customer in onboarded:
        checked += await store.read(customer.id, lambda tx: _check(tx, versions))
    return checked


def _check(tx: Tx, providers: dict[int, Provider]) -> int:
    for stream in set(tx.session.scalars(select(col(EventRow.stream)))):
        assert incidents.verify(tx, stream) is None, stream
    ids = list(tx.session.scalars(select(col(IncidentRow.id))))
    for incident_id in ids:
        if not _is_erased(tx, incident_id):
            assert difference(tx, incident_id, providers) is None, incident_id
    return len(ids)


def _is_erased(tx: Tx, incident_id: str) -> bool:
    return isinstance(incidents.history(tx, incident_id)[0].event, incidents.Erased)

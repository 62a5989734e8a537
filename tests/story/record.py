"""The record of a story: the event log alone must give the state, and show tampering."""

from sqlalchemy import select
from sqlmodel import col

from storage import across, incidents, profiles
from storage.engine import Store, Tx
from storage.tables import EventRow, IncidentRow
from triage.customer import Customer, Provider
from triage.decide import decide
from triage.draft import Known
from triage.incident import Incident


async def check_records(store: Store) -> int:
    """Every incident of every customer follows from its events, and every chain is whole; how many
    incidents there are."""
    onboarded = await store.read_across(across.customers)
    providers = [c.id for c in onboarded if c.role == "provider"]
    versions = await store.read(providers[0], _provider_versions)
    checked = 0
    for customer in onboarded:
        checked += await store.read(customer.id, lambda tx: _check(tx, versions))
    return checked


def _provider_versions(tx: Tx) -> dict[int, Provider]:
    newest = profiles.find(tx)
    assert isinstance(newest, Provider)
    kept = (profiles.of_version(tx, v) for v in range(1, newest.version + 1))
    return {p.version: p for p in kept if isinstance(p, Provider)}


def _check(tx: Tx, providers: dict[int, Provider]) -> int:
    for stream in set(tx.session.scalars(select(col(EventRow.stream)))):
        assert incidents.verify(tx, stream) is None, stream
    ids = list(tx.session.scalars(select(col(IncidentRow.id))))
    for incident_id in ids:
        assert replayed(tx, incident_id, providers) == incidents.load(tx, incident_id)
    return len(ids)


def replayed(tx: Tx, incident_id: str, providers: dict[int, Provider]) -> Incident | None:
    """The incident its events make, each decided with what was known then."""
    incident: Incident | None = None
    for stored in incidents.history(tx, incident_id):
        assert not isinstance(stored.event, incidents.Erased)
        customer = profiles.of_version(tx, stored.profile_version or 0)
        assert isinstance(customer, Customer)
        known = Known(customer, providers[stored.provider_version or 0], stored.facts)
        decided = decide(incident, stored.event, known, stored.at)
        assert [e.key for e in decided.effects] == list(stored.effect_keys), stored
        incident = decided.incident
    return incident

"""An incident's state against its events: each decided once more, with what was known then."""

from storage import incidents, profiles
from storage.engine import Tx
from triage.assess import RULES
from triage.customer import Customer, Provider
from triage.decide import decide
from triage.draft import Known
from triage.incident import Incident, Steps


class NotReplayableError(Exception):
    """The events are not enough any more: words were erased, or other rules decided."""


def provider_versions(tx: Tx) -> dict[int, Provider]:
    """Every version of the provider's profile, in the provider's own transaction."""
    newest = profiles.find(tx)
    kept = (profiles.of_version(tx, v) for v in range(1, newest.version + 1)) if newest else ()
    return {p.version: p for p in kept if isinstance(p, Provider)}


def difference(tx: Tx, incident_id: str, providers: dict[int, Provider]) -> str | None:
    """How an incident differs from what its events make of it; None where it does not.

    Raises NotReplayableError with the reason.
    """
    incident: Incident | None = None
    for stored in incidents.history(tx, incident_id):
        if isinstance(stored.event, incidents.Erased):
            raise NotReplayableError("its words were erased")
        if stored.rules not in {"", RULES}:
            raise NotReplayableError(f"the rules of then ({stored.rules}) are not those of today")
        if not profiles.is_complete(tx, stored.profile_version or 0):
            raise NotReplayableError("somebody was erased from the profile of then")
        customer = profiles.of_version(tx, stored.profile_version or 0)
        if not isinstance(customer, Customer):
            return f"event {stored.seq} names the profile of no customer"
        known = Known(customer, providers[stored.provider_version or 0], stored.facts)
        decided = decide(incident, stored.event, known, stored.at)
        if [e.key for e in decided.effects] != list(stored.effect_keys):
            return f"event {stored.seq} orders something else than was ordered"
        incident = decided.incident
    kept = incidents.load(tx, incident_id)
    if kept is not None and incident is not None and kept.steps == Steps():
        incident = incident.changed(steps=Steps())  # it is older than the counting of steps
    if incident != kept:
        return "its state is not what its events make of it"
    return None

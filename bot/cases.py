"""A case as it stands, with the profile of whose it is."""

from storage import incidents, profiles
from storage.engine import Tx
from triage.customer import Customer
from triage.incident import Incident


def case_of(tx: Tx, incident_id: str) -> tuple[Incident, Customer]:
    """Raises LookupError where there is no such case."""
    incident = incidents.load(tx, incident_id)
    if incident is None:
        raise LookupError(f"no incident {incident_id} of {tx.customer}")
    return incident, profiles.current(tx)

"""A case as it stands, with the profile of whose it is."""

from storage import incidents, profiles
from storage.engine import Tx
from triage.customer import Customer
from triage.incident import Incident


def case_of(tx: Tx, incident_id: str) -> tuple[Incident, Customer]:
    """Raises LookupError where there is no such case."""
    return present(tx, incident_id), profiles.current(tx)


def present(tx: Tx, incident_id: str) -> Incident:
    """Raises LookupError where there is no such case."""
    incident = incidents.load(tx, incident_id)
    if incident is None:
        raise missing(tx, incident_id)
    return incident


def missing(tx: Tx, incident_id: str) -> LookupError:
    return LookupError(f"no incident {incident_id} of {tx.customer}")


def goes_on(tx: Tx, part: Incident) -> Incident:
    """Where a case that was merged is worked on now."""
    found = part
    while found.merged:
        found = present(tx, found.merged.into)
    return found

"""The customer's digest of a day."""

from collections.abc import Iterable
from datetime import datetime

from triage import authority
from triage.customer import Customer, Tells
from triage.incident import Incident
from triage.surfaces.threads import headline
from triage.verdicts import verdict
from triage.views import Digest, DigestLine


def digest(incidents: Iterable[Incident], customer: Customer, at: datetime) -> Digest:
    """What the customer's policy tells in the digest; a restricted case stands in none."""
    lines = [
        DigestLine(
            name=incident.name,
            severity=incident.severity,
            status=incident.status,
            headline=headline(incident),
            outcome=verdict(incident.closed) if incident.closed else None,
            has_thread=incident.threaded,
        )
        for incident in incidents
        if customer.threads.of(incident.severity) is not Tells.THREAD
        and not authority.is_thread_guarded(incident, customer)
    ]
    return Digest(at=at, lines=tuple(lines))

"""What is left of a case once its people are erased: that it was, when, and how it was decided."""

from dataclasses import replace

from triage.incident import Incident

ERASED_TITLE = "(erased)"


def without_people(incident: Incident) -> Incident:
    """The case without whoever and whatever it was about, and without anybody's words.

    Its sources are still recognised, and its service levels can still be counted.
    """
    closed = incident.closed
    return Incident(
        id=incident.id,
        customer=incident.customer,
        name=incident.name,
        code=incident.code,
        status=incident.status,
        received=incident.received,
        title=ERASED_TITLE,
        severity=incident.severity,
        types=incident.types,
        refs=tuple(replace(ref, telemetry=()) for ref in incident.refs),
        closed=closed
        and replace(closed, by=None, by_name=None, comment=None, reasons=(), recommendation=None),
        merged=incident.merged,
        reopened=incident.reopened,
        threaded=incident.threaded,
        clocks=incident.clocks,
    )

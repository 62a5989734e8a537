"""What parsing answers: a report, or why there is none; and the digest that tells a change.

    parse(body: object) -> list[Parsed]

Every parser in this room has that shape. It never raises: one incident of a page that cannot be
read is a `Malformed` beside its readable neighbours.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from triage.report import IncidentReport

EXPLAINED = 3
"""How many faults a reason names; the first few are what a sender can act on."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something that is not an incident of the shape the route takes, and what to do about it."""

    field: str
    """Where it fails, as a path into what was sent: `alerts[2].id`; `body` for the whole."""
    reason: str
    """One or two sentences for whoever sends it: what is wrong, what to send instead."""
    raw: object = None
    status: int = 422
    """The HTTP status this deserves alone: 422 for the shape, 400 for a body that is not JSON."""


Parsed = IncidentReport | Malformed


def not_json(raw: object) -> Malformed:
    """For the caller, who reads the bytes: a body that is not JSON at all."""
    return Malformed("body", "The body is not JSON.", raw=raw, status=400)


def sealed(report: IncidentReport) -> IncidentReport:
    """The report with its digest: SHA-256 over what it says.

    - The order of alerts, evidence, tags and the like does not count: sources shuffle them.
    - `updated` does not count: sources touch an incident without changing it.
    - Everything else does.
    """
    content = asdict(replace(report, digest=""))
    content.pop("updated")
    return replace(report, digest=hashlib.sha256(_canonical(content).encode()).hexdigest())


def _canonical(value: object) -> str:
    """JSON in which equal content is equal text: keys sorted, and lists sorted as sets are."""
    if isinstance(value, dict):
        return (
            f"{{{','.join(sorted(f'{json.dumps(k)}:{_canonical(v)}' for k, v in value.items()))}}}"
        )
    if isinstance(value, list | tuple):
        return f"[{','.join(sorted(map(_canonical, value)))}]"
    return json.dumps(value, default=str)

"""Microsoft Defender XDR: incidents as Graph and as its own older API write them, and what we
write back.

    GET /v1.0/security/incidents/{id}?$expand=alerts            → parse(body)
    GET https://api.security.microsoft.com/api/incidents        → parse(body)
    PATCH /v1.0/security/incidents/{id}                         ← status_patch(...)
    POST /v1.0/security/incidents/{id}/comments                 ← comment_post(...)

An incident must have, and is refused without (the older API's names in brackets):

- `id` (`incidentId`);
- `displayName` or `title` (`incidentName`);
- `createdDateTime` (`createdTime`), a time;
- `lastUpdateDateTime` (`lastUpdateTime`), a time; where it is absent or year 0001, the creation
  stands in;
- in `alerts`, if given, objects with an `id` (`alertId`); in their `evidence`, `entities` and
  `devices`, if given, objects.

Everything else may be missing, null or unknown to us. Without a severity of its own (merged
incidents have none) an incident takes the highest of its alerts, and medium without those: low
would let it slip, high would wake somebody for a gap in the data.

A list of alerts is no incident, but alerts that name theirs (`incidentId`) are gathered into it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sources import alerts, bodies, gathered, graph, texts, xdr
from sources.done import already_done
from sources.graph import Json
from sources.parsed import Malformed, Parsed, sealed
from triage.report import IncidentReport, Source

_STATUSES = {
    status.casefold(): status
    for status in ("active", "inProgress", "awaitingAction", "resolved", "redirected")
}
_UNSAID = frozenset({"unknown", "unknownfuturevalue", "notavailable"})
"""How Graph and Defender write a classification or determination nobody has given."""


def parse(body: object) -> list[Parsed]:
    """One incident, a list of them, or an OData page of them; each is a result of its own."""
    told: dict[tuple[str, bool], list[object]] = {}
    for place, raw in bodies.each(body, ("body",)):
        of = _gathered_into(raw)
        told.setdefault((of or place, of is not None), []).append(raw)
    return [
        _gather(name, raws) if gathers else _parse_one(name, raws[0])
        for (name, gathers), raws in told.items()
    ]


def _gathered_into(raw: object) -> str | None:
    """The incident of an alert that came without it."""
    return gathered.incident_of(raw) if isinstance(raw, dict) and _is_alert(raw) else None


def _gather(incident_id: str, told: list[object]) -> Parsed:
    members = [raw for raw in told if isinstance(raw, dict)]
    return _crooked({"alerts": members}) or _report(gathered.incident(incident_id, members))


def _parse_one(place: str, raw: object) -> Parsed:
    if not isinstance(raw, dict):
        return Malformed(place, "An incident is a JSON object; this is not one.", raw)
    refused = _something_else(place, raw) or _crooked(raw)
    return refused or _report(raw)


@dataclass(frozen=True, slots=True)
class _Heading:
    """What an incident must have."""

    id: str
    title: str
    created: datetime
    updated: datetime


def _report(raw: Json) -> Parsed:
    told = xdr.incident(raw)
    wire = graph.Incident.model_validate(told)
    wires = [graph.Alert.model_validate(alert) for alert in wire.alerts]
    heading = _heading(raw, told, wire)
    if isinstance(heading, Malformed):
        return heading
    read = alerts.read(wires, heading.title)
    if isinstance(read, int):
        return Malformed(f"alerts[{read}].id", "Required: every alert has an id.", raw)
    return sealed(
        IncidentReport(
            source=Source.DEFENDER,
            source_id=heading.id,
            title=heading.title,
            severity=wire.severity or alerts.worst(read),
            updated=heading.updated,
            created=heading.created,
            digest="",
            description=wire.description or "",
            status=_status(wire.status),
            classification=_said(wire.classification),
            determination=_said(wire.determination),
            tenant_id=wire.tenant_id,
            redirected_to=wire.redirect_incident_id,
            disrupted=alerts.is_disrupted(heading.title, _tags(wire), wires),
            tags=_tags(wire),
            alerts=read,
            already_done=already_done(piece for alert in read for piece in alert.evidence),
        )
    )


def _heading(raw: Json, told: Json, wire: graph.Incident) -> _Heading | Malformed:
    title = wire.display_name or wire.title
    created = wire.created_date_time
    updated = _updated(told, wire)
    if wire.id is None:
        reason = f"Required: the incident's id, at most {texts.ID} characters."
        return Malformed(xdr.as_sent(raw, "id"), reason, raw)
    if title is None:
        return Malformed(xdr.as_sent(raw, "displayName"), "Required: the incident's name.", raw)
    if created is None:
        reason = "Required: an ISO 8601 time."
        return Malformed(xdr.as_sent(raw, "createdDateTime"), reason, raw)
    if updated is None:
        reason = "This is not an ISO 8601 time."
        return Malformed(xdr.as_sent(raw, "lastUpdateDateTime"), reason, raw)
    return _Heading(wire.id, title, created, updated)


def _updated(told: Json, wire: graph.Incident) -> datetime | None:
    """The last change; where the source gives none, the creation. None for what is no time."""
    said = told.get("lastUpdateDateTime")
    if said is None:
        return wire.created_date_time
    if isinstance(said, str) and texts.is_never(said):
        return wire.created_date_time
    return wire.last_update_date_time


def _status(said: str | None) -> str:
    return _STATUSES.get((said or "active").casefold(), said or "active")


def _said(value: str | None) -> str | None:
    """Kept as the source spells it: its vocabulary drifts, and unknown values are not lost."""
    return None if value is None or value.casefold() in _UNSAID else value


def _tags(wire: graph.Incident) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*wire.custom_tags, *wire.tags, *wire.system_tags)))


# --- what is refused -----------------------------------------------------------------------------

_INSTEAD = "Post the incident it belongs to: GET /v1.0/security/incidents/{id}?$expand=alerts."
_SENTINEL = "Post it to /api/incidents/sentinel, with the key of that source."


@dataclass(frozen=True, slots=True)
class _Other:
    """A body of another kind, known by fields that only it has."""

    fields: frozenset[str]
    reason: str


_OTHERS = (
    _Other(
        frozenset({"riskEventType", "riskState"}),
        f"This is a risk detection of Entra ID Protection, not an incident. {_INSTEAD}",
    ),
    _Other(
        frozenset({"SystemAlertId"}),
        "This is an alert of a Log Analytics workspace (SecurityAlert), not an incident."
        " Post its SecurityIncident row with it to /api/incidents/sentinel.",
    ),
    _Other(
        frozenset({"SecurityIncident", "SecurityAlert", "IncidentNumber"}),
        f"These are rows of a Log Analytics workspace. {_SENTINEL}",
    ),
    _Other(
        frozenset({"objectSchemaType", "etag", "properties", "object"}),
        f"This is a Microsoft Sentinel incident. {_SENTINEL}",
    ),
)
_ALERT_ONLY = frozenset(
    {"alertId", "alertCreationTime", "alertWebUrl", "detectionSource", "evidence"}
)
_INCIDENT_ONLY = frozenset({"displayName", "incidentName", "alerts"})


def _something_else(place: str, raw: Json) -> Malformed | None:
    if _is_alert(raw):
        reason = f"This is an alert that names no incident (incidentId). {_INSTEAD}"
        return Malformed(place, reason, raw)
    if _INCIDENT_ONLY & raw.keys():
        return None
    reasons = (other.reason for other in _OTHERS if other.fields & raw.keys())
    found = next(reasons, None)
    return Malformed(place, found, raw) if found else None


def _is_alert(raw: Json) -> bool:
    named = texts.text(raw.get("@odata.type")) or ""
    looks_so = bool(_ALERT_ONLY & raw.keys()) and not _INCIDENT_ONLY & raw.keys()
    return named.casefold().endswith(".alert") or looks_so


def _crooked(raw: Json) -> Malformed | None:
    """A list that is none, or holds what is no object: nothing in it may be lost silently."""
    for field, items in _lists(raw):
        if not isinstance(items, list):
            return Malformed(field, "This must be a list, or null.", raw)
        for at, item in enumerate(items):
            if not isinstance(item, dict) and item is not None:
                return Malformed(f"{field}[{at}]", "This must be a JSON object.", raw)
    return None


def _lists(raw: Json) -> Iterator[tuple[str, object]]:
    told = raw.get("alerts")
    if told is None:
        return
    yield "alerts", told
    for at, alert in enumerate(told if isinstance(told, list) else []):
        for name in ("evidence", "entities", "devices"):
            if isinstance(alert, dict) and alert.get(name) is not None:
                yield f"alerts[{at}].{name}", alert[name]


# --- what is written back ------------------------------------------------------------------------

_COMMENT = 1000

DETERMINATIONS: dict[str, frozenset[str]] = {
    "truePositive": frozenset(
        {
            "apt",
            "malware",
            "multiStagedAttack",
            "compromisedAccount",
            "phishing",
            "maliciousUserActivity",
            "unwantedSoftware",
            "other",
        }
    ),
    "informationalExpectedActivity": frozenset(
        {"securityTesting", "confirmedActivity", "lineOfBusinessApplication", "other"}
    ),
    "falsePositive": frozenset({"notMalicious", "notEnoughDataToValidate", "other"}),
    "unknown": frozenset({"unknown"}),
}
"""Which determinations Graph accepts with which classification."""


def status_patch(disposition: str, determination: str, status: str, comment: str) -> dict[str, str]:
    """The body that makes the incident say what we say of it.

    - `disposition` is Graph's classification, `status` "inProgress" or "resolved";
    - a determination that does not go with it becomes "other", "unknown" where undecided;
    - the comment goes along when resolving; else it is `comment_post`'s to carry.

    Graph's documentation spells some determinations differently from its schema
    (compromisedUser, confirmedUserActivity); these are the schema's.
    """
    fitting = DETERMINATIONS[disposition]
    fallback = "other" if "other" in fitting else "unknown"
    patch = {
        "status": status,
        "classification": disposition,
        "determination": determination if determination in fitting else fallback,
    }
    said = texts.prose(comment, _COMMENT)
    return patch | {"resolvingComment": said} if said and status == "resolved" else patch


def comment_post(comment: str) -> dict[str, str]:
    """The body that adds a comment, which Graph takes apart from the status."""
    return {
        "@odata.type": "microsoft.graph.security.alertComment",
        "comment": texts.prose(comment, _COMMENT) or "",
    }

"""Microsoft Defender XDR: security incidents as Graph writes them, and what we write back.

    GET /v1.0/security/incidents/{id}?$expand=alerts      → parse(body)
    PATCH /v1.0/security/incidents/{id}                   ← status_patch(...)
    POST /v1.0/security/incidents/{id}/comments           ← comment_post(...)

An incident must have, and is refused without:

- `id`;
- `displayName` (or `title`);
- `createdDateTime`, a time;
- `lastUpdateDateTime`, a time; where it is absent or year 0001, `createdDateTime` stands in;
- in `alerts`, if given, objects with an `id`; in their `evidence`, if given, objects.

Everything else may be missing, null or unknown to us. Without a severity of its own (merged
incidents have none) an incident takes the highest of its alerts, and medium without those: low
would let it slip, high would wake somebody for a gap in the data.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sources import evidence, graph, texts
from sources.done import already_done
from sources.graph import Json
from sources.parsed import Malformed, Parsed, sealed
from triage.report import Alert, IncidentReport, Product, Severity, Source

_UNWRAPPED = 3
"""How many layers of `body` are taken off: Logic Apps wraps once, a careless flow twice."""

_STATUSES = {
    status.casefold(): status
    for status in ("active", "inProgress", "awaitingAction", "resolved", "redirected")
}
_UNSAID = frozenset({"unknown", "unknownfuturevalue", "notavailable"})
"""How Graph and Defender write a classification or determination nobody has given."""

_DISRUPTION = re.compile(r"attack\s?disruption", re.IGNORECASE)
_NEVER = ("0001-", "1601-")

RISK_EVENTS = {
    "activity from anonymous ip address": "riskyIPAddress",
    "admin confirmed user compromised": "adminConfirmedUserCompromised",
    "anomalous token": "anomalousToken",
    "anomalous user activity": "anomalousUserActivity",
    "anonymous ip address": "anonymizedIPAddress",
    "attacker in the middle": "attackerinTheMiddle",
    "atypical travel": "unlikelyTravel",
    "impossible travel": "mcasImpossibleTravel",
    "leaked credentials": "leakedCredentials",
    "malicious ip address": "maliciousIPAddress",
    "microsoft entra threat intelligence": "investigationsThreatIntelligence",
    "new country": "newCountry",
    "password spray": "passwordSpray",
    "possible attempt to access primary refresh token (prt)": "attemptedPrtAccess",
    "suspicious api traffic": "suspiciousAPITraffic",
    "suspicious browser": "suspiciousBrowser",
    "suspicious inbox forwarding": "suspiciousInboxForwarding",
    "suspicious inbox manipulation rules": "mcasSuspiciousInboxManipulationRules",
    "suspicious sending patterns": "suspiciousSendingPatterns",
    "token issuer anomaly": "tokenIssuerAnomaly",
    "unfamiliar sign-in properties": "unfamiliarFeatures",
    "user reported suspicious activity": "userReportedSuspiciousActivity",
    "verified threat actor ip": "nationStateIP",
}
"""Titles of Entra ID Protection alerts to risk event types (Entra documentation, "What are risk
detections?"); a fallback, for its alerts often come without a detector id."""

_RISK_EVENT_NAMES = {name.casefold(): name for name in RISK_EVENTS.values()}


def parse(body: object) -> list[Parsed]:
    """One incident, a list of them, or an OData page of them; each is a result of its own."""
    return [_parse_one(field, raw) for field, raw in _incidents(body)]


def _incidents(body: object) -> Iterator[tuple[str, object]]:
    inside = _unwrapped(body)
    if isinstance(inside, dict) and isinstance(inside.get("value"), list):
        yield from ((f"value[{at}]", raw) for at, raw in enumerate(inside["value"]))
    elif isinstance(inside, list):
        yield from ((f"[{at}]", raw) for at, raw in enumerate(inside))
    else:
        yield "body", inside


def _unwrapped(body: object) -> object:
    for _ in range(_UNWRAPPED):
        if not (isinstance(body, dict) and isinstance(body.get("body"), dict | list)):
            break
        body = body["body"]
    return body


def _parse_one(place: str, raw: object) -> Parsed:
    if not isinstance(raw, dict):
        return Malformed(place, "An incident is a JSON object; this is not one.", raw)
    return _something_else(place, raw) or _crooked(raw) or _report(raw)


@dataclass(frozen=True, slots=True)
class _Heading:
    """What an incident must have."""

    id: str
    title: str
    created: datetime
    updated: datetime


def _report(raw: Json) -> Parsed:
    wire = graph.Incident.model_validate(raw)
    wires = [graph.Alert.model_validate(alert) for alert in wire.alerts]
    heading = _heading(raw, wire)
    if isinstance(heading, Malformed):
        return heading
    alerts = _alerts(raw, heading.title, wires)
    if isinstance(alerts, Malformed):
        return alerts
    return sealed(
        IncidentReport(
            source=Source.DEFENDER,
            source_id=heading.id,
            title=heading.title,
            severity=wire.severity or _worst(alerts),
            updated=heading.updated,
            created=heading.created,
            digest="",
            description=wire.description or "",
            status=_status(wire.status),
            classification=_said(wire.classification),
            determination=_said(wire.determination),
            tenant_id=wire.tenant_id,
            redirected_to=wire.redirect_incident_id,
            disrupted=_is_disrupted(heading.title, wire, wires),
            tags=_tags(wire),
            alerts=alerts,
            already_done=already_done(piece for alert in alerts for piece in alert.evidence),
        )
    )


def _heading(raw: Json, wire: graph.Incident) -> _Heading | Malformed:
    title = wire.display_name or wire.title
    created = wire.created_date_time
    updated = _updated(raw, wire)
    if wire.id is None:
        return Malformed("id", f"Required: the incident's id, at most {texts.ID} characters.", raw)
    if title is None:
        return Malformed("displayName", "Required: the incident's name.", raw)
    if created is None:
        return Malformed("createdDateTime", "Required: an ISO 8601 time.", raw)
    if updated is None:
        return Malformed("lastUpdateDateTime", "This is not an ISO 8601 time.", raw)
    return _Heading(wire.id, title, created, updated)


def _updated(raw: Json, wire: graph.Incident) -> datetime | None:
    """The last change; where the source gives none, the creation. None for what is no time."""
    said = raw.get("lastUpdateDateTime")
    if said is None:
        return wire.created_date_time
    if isinstance(said, str) and (texts.text(said) is None or said.startswith(_NEVER)):
        return wire.created_date_time
    return wire.last_update_date_time


def _worst(alerts: tuple[Alert, ...]) -> Severity:
    severities = [alert.severity for alert in alerts]
    return max(severities, key=lambda severity: severity.rank, default=Severity.MEDIUM)


def _status(said: str | None) -> str:
    return _STATUSES.get((said or "active").casefold(), said or "active")


def _said(value: str | None) -> str | None:
    """Kept as the source spells it: its vocabulary drifts, and unknown values are not lost."""
    return None if value is None or value.casefold() in _UNSAID else value


def _tags(wire: graph.Incident) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*wire.custom_tags, *wire.tags, *wire.system_tags)))


def _is_disrupted(title: str, wire: graph.Incident, alerts: list[graph.Alert]) -> bool:
    """Microsoft marks what it disrupted with a tag and with the title's last words."""
    tags = (*_tags(wire), *(tag for alert in alerts for tag in alert.system_tags))
    return any(_DISRUPTION.search(mark) for mark in (title, *tags))


def _alerts(
    raw: Json, incident_title: str, wires: list[graph.Alert]
) -> tuple[Alert, ...] | Malformed:
    alerts: list[Alert] = []
    for at, wire in enumerate(wires):
        alert_id = wire.id or wire.provider_alert_id
        if alert_id is None:
            return Malformed(f"alerts[{at}].id", "Required: every alert has an id.", raw)
        alerts.append(_alert(alert_id, incident_title, wire))
    return tuple(alerts)


def _alert(alert_id: str, incident_title: str, wire: graph.Alert) -> Alert:
    return Alert(
        id=alert_id,
        title=wire.title or incident_title,
        product=wire.service_source or Product.OTHER,
        severity=wire.severity or Severity.MEDIUM,
        detector=_detector(wire),
        category=wire.category,
        techniques=tuple(t.upper() for t in wire.mitre_techniques),
        threat_family=wire.threat_family_name,
        first_activity=wire.first_activity_date_time,
        last_activity=wire.last_activity_date_time,
        created=wire.created_date_time,
        evidence=evidence.read(wire.evidence),
    )


def _detector(wire: graph.Alert) -> str | None:
    if wire.service_source is not Product.ENTRA:
        return wire.detector_id
    risk_event = _RISK_EVENT_NAMES.get((wire.detector_id or "").casefold())
    return risk_event or RISK_EVENTS.get((wire.title or "").casefold()) or wire.detector_id


# --- what is refused -----------------------------------------------------------------------------

_INSTEAD = "Post the incident it belongs to: GET /v1.0/security/incidents/{id}?$expand=alerts."


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
        frozenset({"incidentName", "alertId"}),
        "This is the older Defender XDR API (api.security.microsoft.com)."
        " Post the same incident as Graph returns it: GET /v1.0/security/incidents/{id}?$expand=alerts.",
    ),
    _Other(
        frozenset({"objectSchemaType", "etag", "properties", "object"}),
        "This is a Microsoft Sentinel incident. Post the Defender incident it mirrors"
        " (properties.providerIncidentId): GET /v1.0/security/incidents/{id}?$expand=alerts.",
    ),
    _Other(
        frozenset({"SecurityIncident", "SecurityAlert", "SystemAlertId", "IncidentNumber"}),
        "These are rows of a Log Analytics workspace, not an incident."
        " Post the incident as Graph returns it: GET /v1.0/security/incidents/{id}?$expand=alerts.",
    ),
)
_ALERT_ONLY = frozenset({"alertCreationTime", "alertWebUrl", "detectionSource", "evidence"})
_INCIDENT_ONLY = frozenset({"displayName", "alerts"})


def _something_else(place: str, raw: Json) -> Malformed | None:
    if _is_alert(raw):
        return Malformed(place, f"This is an alert, not an incident. {_INSTEAD}", raw)
    if "displayName" in raw:
        return None
    reasons = (other.reason for other in _OTHERS if other.fields & raw.keys())
    reason = next(reasons, None)
    return Malformed(place, reason, raw) if reason else None


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
    alerts = raw.get("alerts")
    if alerts is None:
        return
    yield "alerts", alerts
    for at, alert in enumerate(alerts if isinstance(alerts, list) else []):
        if isinstance(alert, dict) and alert.get("evidence") is not None:
            yield f"alerts[{at}].evidence", alert["evidence"]


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

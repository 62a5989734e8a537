"""Graph's alerts into ours. Every other shape of an alert is first put into Graph's words."""

import re
from collections.abc import Sequence

from sources import evidence, graph
from triage.report import Alert, Product, Severity

_DISRUPTION = re.compile(r"attack\s?disruption", re.IGNORECASE)

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


def read(wires: Sequence[graph.Alert], incident_title: str) -> tuple[Alert, ...] | int:
    """The alerts of an incident; or the number of the first one that has no id."""
    alerts: list[Alert] = []
    for at, wire in enumerate(wires):
        alert_id = wire.id or wire.provider_alert_id
        if alert_id is None:
            return at
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


def worst(alerts: Sequence[Alert]) -> Severity:
    """Medium without any: low would let it slip, high would wake somebody for a gap in the data."""
    severities = [alert.severity for alert in alerts]
    return max(severities, key=lambda severity: severity.rank, default=Severity.MEDIUM)


def is_disrupted(title: str, tags: Sequence[str], wires: Sequence[graph.Alert]) -> bool:
    """Microsoft marks what it disrupted with a tag and with the title's last words."""
    marks = (title, *tags, *(tag for wire in wires for tag in wire.system_tags))
    return any(_DISRUPTION.search(mark) for mark in marks)

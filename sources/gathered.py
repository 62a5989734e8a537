"""Alerts that come without their incident, gathered into it by the id they name.

Graph's `alerts_v2` and Defender for Endpoint's `/api/alerts` list alerts of many incidents. What
such an incident is called and how grave it is, its alerts say: it is titled after the gravest.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sources import graph, texts, xdr
from sources.graph import Json
from triage.report import Severity


def incident_of(alert: Json) -> str | None:
    """The incident an alert says it belongs to."""
    return texts.identifier(alert.get("incidentId"))


def incident(incident_id: str, told: Sequence[Json]) -> Json:
    """The incident these alerts make, in Graph's words."""
    alerts = [xdr.alert(one) if xdr.is_alert(one) else one for one in told]
    wires = [graph.Alert.model_validate(one) for one in alerts]
    return {
        "id": incident_id,
        "displayName": max(wires, key=_gravity).title,
        "createdDateTime": _time(alerts, "createdDateTime", min),
        "lastUpdateDateTime": _time(alerts, "lastUpdateDateTime", max),
        "tenantId": next((one["tenantId"] for one in alerts if one.get("tenantId")), None),
        "status": "resolved" if all(_is_resolved(one) for one in alerts) else "active",
        "alerts": alerts,
    }


def _gravity(wire: graph.Alert) -> int:
    return (wire.severity or Severity.MEDIUM).rank


def _time(
    alerts: Iterable[Json], field: str, pick: Callable[[Iterable[datetime]], datetime]
) -> str | None:
    told = [moment for one in alerts if (moment := texts.moment(one.get(field)))]
    return pick(told).isoformat() if told else None


def _is_resolved(alert: Json) -> bool:
    return (texts.text(alert.get("status")) or "").casefold() == "resolved"

"""Microsoft Sentinel: incidents as its playbooks, its API and its workspace tell them, and what we
write back.

    incident trigger of a playbook: {"object": {...}, ...}              → parse(body)
    GET .../Microsoft.SecurityInsights/incidents/{id}                   → parse(body)
    rows of SecurityIncident and SecurityAlert (`rows.py`)              → parse(body)
    PUT .../Microsoft.SecurityInsights/incidents/{id}                   ← status_patch(...)

An incident must have, and is refused without (columns of the rows in brackets):

- `name`, or an `id` that ends in it (`IncidentName`);
- in `properties`: `title` (`Title`) and `createdTimeUtc` (`CreatedTime`), a time;
- `lastModifiedTimeUtc` (`LastModifiedTime`), a time; where it is absent or year 0001, the creation
  stands in;
- in `alerts` and `relatedEntities`, if given, objects.

The API tells the entities of the whole incident and not whose alert's they are. They, and the
techniques no alert names, are taken for the gravest alert's, so that nothing is lost. An incident
with entities and no alert stands for one alert itself.

An incident that mirrors one of Defender's says so: that one's id goes into `mirrors`, and both are
one case. No tenant is read: what rows call TenantId is the workspace, and nothing else names it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from sources import alerts, bodies, entities, graph, rows, texts
from sources.done import already_done
from sources.graph import Command, HowGrave, Id, Json, Line, Lines, Prose, When, Wire
from sources.parsed import Malformed, Parsed, sealed
from triage.report import IncidentReport, Product, Severity, Source

PRODUCTS: dict[str, Product] = {
    "azure active directory identity protection": Product.ENTRA,
    "microsoft entra id protection": Product.ENTRA,
    "microsoft defender advanced threat protection": Product.ENDPOINT,
    "microsoft defender for endpoint": Product.ENDPOINT,
    "office 365 advanced threat protection": Product.OFFICE,
    "microsoft defender for office 365": Product.OFFICE,
    "azure advanced threat protection": Product.IDENTITY,
    "microsoft defender for identity": Product.IDENTITY,
    "microsoft cloud app security": Product.CLOUD_APPS,
    "microsoft defender for cloud apps": Product.CLOUD_APPS,
    "microsoft application protection": Product.CLOUD_APPS,
    "microsoft 365 defender": Product.XDR,
    "microsoft defender xdr": Product.XDR,
    "microsoft xdr": Product.XDR,
    "azure security center": Product.CLOUD,
    "azure defender": Product.CLOUD,
    "microsoft defender for cloud": Product.CLOUD,
    "microsoft data loss prevention": Product.DLP,
    "microsoft 365 insider risk management": Product.INSIDER,
    "microsoft purview insider risk management": Product.INSIDER,
    "azure sentinel": Product.SENTINEL,
    "microsoft sentinel": Product.SENTINEL,
}
"""Sentinel's productName, as it is and as it was before products were renamed, to ours."""

_STATUSES = {"new": "active", "active": "inProgress", "closed": "resolved"}
"""As Sentinel and Defender keep their incidents in step."""

_CLASSIFICATIONS = {
    "truepositive": "truePositive",
    "benignpositive": "informationalExpectedActivity",
    "falsepositive": "falsePositive",
    "undetermined": None,
}
_ANY_RULE = frozenset({"windowsdefenderatp", "automatedinvestigation"})
"""Alert types that only name the product."""


def _object(value: object) -> object:
    read = texts.unpacked(value)
    return read if isinstance(read, dict) else {}


More = Annotated[Json, BeforeValidator(_object)]
"""An object, or a text that holds one as JSON."""


class Properties(Wire):
    """What an incident says of itself, in the API's names."""

    title: Line = None
    description: Prose = None
    severity: HowGrave = None
    status: Line = None
    classification: Line = None
    classification_reason: Line = None
    created_time_utc: When = None
    last_modified_time_utc: When = None
    provider_name: Line = None
    provider_incident_id: Id = None
    incident_url: Command = None
    labels: graph.Objects = ()
    additional_data: More = Field(default_factory=dict)
    alerts: graph.Objects = ()
    related_entities: graph.Objects = ()


class AlertProperties(Wire):
    system_alert_id: Id = None
    provider_alert_id: Id = None
    alert_display_name: Line = None
    friendly_name: Line = None
    severity: Line = None
    product_name: Line = None
    alert_type: Line = None
    start_time_utc: Line = None
    end_time_utc: Line = None
    processing_end_time: Line = None
    time_generated: Line = None
    alert_link: Command = None
    tactics: Lines = ()
    techniques: Lines = ()
    additional_data: More = Field(default_factory=dict)
    entities: graph.Objects = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """An incident in the API's shape, and what it was sent as."""

    body: Json
    raw: object
    row: str | None = None
    """The place of the row it was read from."""

    def fault(self, field: str, reason: str) -> Malformed:
        if self.row is not None:
            return Malformed(f"{self.row}.{rows.as_sent(field)}", reason, self.raw)
        return Malformed(field if field == "name" else f"properties.{field}", reason, self.raw)


def parse(body: object) -> list[Parsed]:
    """One incident, a list or page of them, or rows of the workspace; each is its own result."""
    told = list(bodies.each(body, ("body", "object")))
    loose = [rows.Row(at, raw) for at, raw in told if isinstance(raw, dict) and rows.is_row(raw)]
    return [
        *(one for place, raw in told if not rows.is_row(raw) for one in _parse(place, raw)),
        *map(_of_rows, rows.of_rows(loose)),
    ]


def _parse(place: str, raw: object) -> Iterator[Parsed]:
    if not isinstance(raw, dict):
        yield Malformed(place, "An incident is a JSON object; this is not one.", raw)
    elif rows.TABLES & raw.keys():
        yield from map(_of_rows, rows.of_tables(raw))
    else:
        yield _something_else(place, raw) or _report(_Told(raw, raw))


def _of_rows(told: rows.Incident | Malformed) -> Parsed:
    return told if isinstance(told, Malformed) else _report(_Told(told.body, told.raw, told.place))


# --- an incident ---------------------------------------------------------------------------------


def _report(told: _Told) -> Parsed:
    properties = told.body.get("properties")
    if not isinstance(properties, dict):
        return told.fault("title", "Required: the incident's title.")
    crooked = _crooked(told, properties)
    if crooked:
        return crooked
    wire = Properties.model_validate(properties)
    heading = _heading(told, properties, wire)
    if isinstance(heading, Malformed):
        return heading
    wires = _alerts(heading, wire)
    read = alerts.read(wires, heading.title)
    if isinstance(read, int):
        return told.fault(f"alerts[{read}]", "Required: a systemAlertId or providerAlertId.")
    labels = tuple(dict.fromkeys(filter(None, map(_label, wire.labels))))
    return sealed(
        IncidentReport(
            source=Source.SENTINEL,
            source_id=heading.id,
            title=heading.title,
            severity=wire.severity or alerts.worst(read),
            updated=heading.updated,
            created=heading.created,
            digest="",
            description=wire.description or "",
            status=_STATUSES.get((wire.status or "new").casefold(), wire.status or "active"),
            classification=_classification(wire.classification),
            determination=wire.classification_reason,
            mirrors=_mirrors(wire),
            disrupted=alerts.is_disrupted(heading.title, labels, wires),
            tags=labels,
            alerts=read,
            already_done=already_done(piece for alert in read for piece in alert.evidence),
        )
    )


@dataclass(frozen=True, slots=True)
class _Heading:
    """What an incident must have."""

    id: str
    title: str
    created: datetime
    updated: datetime


def _heading(told: _Told, properties: Json, wire: Properties) -> _Heading | Malformed:
    name = texts.identifier(told.body.get("name")) or _last_part(told.body.get("id"))
    created = wire.created_time_utc
    updated = _updated(properties, wire)
    if name is None:
        return told.fault("name", f"Required: the incident's id, at most {texts.ID} characters.")
    if wire.title is None:
        return told.fault("title", "Required: the incident's title.")
    if created is None:
        return told.fault("createdTimeUtc", "Required: an ISO 8601 time.")
    if updated is None:
        return told.fault("lastModifiedTimeUtc", "This is not an ISO 8601 time.")
    return _Heading(name, wire.title, created, updated)


def _last_part(arm_id: object) -> str | None:
    """An id of the API is a path that ends in the incident's own."""
    return texts.identifier((texts.text(arm_id, texts.COMMAND) or "").rpartition("/")[2])


def _updated(properties: Json, wire: Properties) -> datetime | None:
    said = properties.get("lastModifiedTimeUtc")
    if said is None or (isinstance(said, str) and texts.is_never(said)):
        return wire.created_time_utc
    return wire.last_modified_time_utc


def _label(raw: Json) -> str | None:
    return texts.text(raw.get("labelName"))


def _classification(said: str | None) -> str | None:
    return _CLASSIFICATIONS.get(said.casefold(), said) if said else None


# --- its alerts ----------------------------------------------------------------------------------


def _alerts(heading: _Heading, wire: Properties) -> list[graph.Alert]:
    """Its alerts in Graph's words, the gravest with what the incident says as a whole."""
    told = [_alert(raw) for raw in wire.alerts]
    shared = entities.as_evidence(wire.related_entities)
    if shared and not told:
        told = [graph.Alert(id=heading.id, serviceSource=Product.SENTINEL, severity=wire.severity)]
    if not told:
        return []
    gravest = max(told, key=_gravity)
    whole = {
        "evidence": (*gravest.evidence, *shared),
        "mitre_techniques": gravest.mitre_techniques or _unclaimed(wire, told),
    }
    return [one.model_copy(update=whole) if one is gravest else one for one in told]


def _gravity(wire: graph.Alert) -> int:
    return (wire.severity or Severity.MEDIUM).rank


def _unclaimed(wire: Properties, told: Sequence[graph.Alert]) -> tuple[str, ...]:
    """The API names techniques of the whole incident alone."""
    if any(one.mitre_techniques for one in told):
        return ()
    return graph.lines(wire.additional_data.get("techniques"))


def _alert(raw: Json) -> graph.Alert:
    inside = raw.get("properties")
    wire = AlertProperties.model_validate(inside if isinstance(inside, dict) else raw)
    more = wire.additional_data
    product = PRODUCTS.get((wire.product_name or "").casefold(), Product.OTHER)
    return graph.Alert.model_validate(
        {
            "id": wire.provider_alert_id or wire.system_alert_id,
            "title": wire.alert_display_name or wire.friendly_name,
            "serviceSource": product,
            "severity": wire.severity,
            "detectorId": texts.text(more.get("DetectorId")) or _rule(wire.alert_type),
            "category": _category(wire),
            "mitreTechniques": list(wire.techniques),
            "threatFamilyName": more.get("ThreatFamilyName"),
            "firstActivityDateTime": wire.start_time_utc,
            "lastActivityDateTime": wire.end_time_utc,
            "createdDateTime": wire.processing_end_time or wire.time_generated,
            "evidence": entities.as_evidence(wire.entities),
        }
    )


def _rule(alert_type: str | None) -> str | None:
    return None if (alert_type or "").casefold() in _ANY_RULE else alert_type


def _category(wire: AlertProperties) -> str | None:
    more = wire.additional_data
    named = (more.get("Category"), more.get("MicrosoftDefenderAtp.Category"), *wire.tactics)
    said = (texts.text(name) for name in named)
    return next((name for name in said if name and name.casefold() != "unknown"), None)


# --- the incident it mirrors ---------------------------------------------------------------------

_DEFENDER = frozenset(
    {
        "mtp",
        "microsoftthreatprotection",
        "microsoft 365 defender",
        "microsoft defender xdr",
        "microsoft xdr",
    }
)
"""Who provides an incident that mirrors one of Defender's, in its names over the years."""

_PORTALS = frozenset({"security.microsoft.com", "security.microsoft.us"})
_INCIDENT_PAGE = re.compile(r"/incidents?2?/(\d{1,19})(/.*)?")


def _mirrors(wire: Properties) -> tuple[tuple[Source, str], ...]:
    """The Defender incident it stands for: by its provider's id, else by the link to it."""
    provided = (wire.provider_name or "").casefold() in _DEFENDER
    found = (wire.provider_incident_id if provided else None) or _linked(wire)
    return ((Source.DEFENDER, found),) if found else ()


def _linked(wire: Properties) -> str | None:
    links = (wire.additional_data.get("providerIncidentUrl"), wire.incident_url)
    return next((found for link in links if (found := _incident_of(link))), None)


def _incident_of(link: object) -> str | None:
    try:
        parts = urlsplit(texts.text(link, texts.COMMAND) or "")
        is_portals = parts.scheme == "https" and parts.hostname in _PORTALS
    except ValueError:
        return None
    page = _INCIDENT_PAGE.fullmatch(parts.path)
    return page[1] if is_portals and page else None


# --- what is refused -----------------------------------------------------------------------------

_DEFENDERS = "Post it to /api/incidents/defender, with the key of that source."
_ALERT = (
    "This is an alert, not an incident. Post the incident it belongs to, as the incident trigger of"
    " a playbook has it, or as rows of SecurityIncident and SecurityAlert."
)


def _something_else(place: str, raw: Json) -> Malformed | None:
    if texts.text(raw.get("kind")) == "SecurityAlert" or "alertDisplayName" in raw:
        return Malformed(place, _ALERT, raw)
    if {"riskEventType", "riskState"} & raw.keys():
        reason = "This is a risk detection of Entra ID Protection, not an incident."
        return Malformed(place, f"{reason} Post the incident it belongs to.", raw)
    if "properties" in raw:
        return None
    if {"displayName", "incidentName", "alertCreationTime", "evidence"} & raw.keys():
        return Malformed(place, f"This is what Microsoft Defender writes. {_DEFENDERS}", raw)
    reason = (
        "This is no incident of Microsoft Sentinel: it has neither `properties` nor the columns of"
        " SecurityIncident. Send the body of the incident trigger as it is."
    )
    return Malformed(place, reason, raw)


def _crooked(told: _Told, properties: Json) -> Malformed | None:
    """A list that is none, or holds what is no object: nothing in it may be lost silently."""
    for field in ("alerts", "relatedEntities"):
        items = properties.get(field)
        if items is not None and not isinstance(items, list):
            return told.fault(field, "This must be a list, or null.")
        for at, item in enumerate(items or []):
            if not isinstance(item, dict) and item is not None:
                return told.fault(f"{field}[{at}]", "This must be a JSON object.")
    return None


# --- what is written back ------------------------------------------------------------------------

_COMMENT = 1000

CLOSINGS: dict[str, tuple[str, str | None]] = {
    "truePositive": ("TruePositive", "SuspiciousActivity"),
    "informationalExpectedActivity": ("BenignPositive", "SuspiciousButExpected"),
    "falsePositive": ("FalsePositive", "IncorrectAlertLogic"),
    "unknown": ("Undetermined", None),
}
"""Graph's classifications in Sentinel's words, each with a reason that goes with it."""


def status_patch(disposition: str, status: str, comment: str) -> dict[str, str]:
    """The properties that make the incident say what we say of it.

    The API replaces an incident whole: these are put over its present properties and sent with its
    etag. A classification and its comment go along when closing only.
    """
    if status != "resolved":
        return {"status": "Active"}
    classification, reason = CLOSINGS[disposition]
    patch = {"status": "Closed", "classification": classification}
    said = texts.prose(comment, _COMMENT)
    return (
        patch
        | ({"classificationReason": reason} if reason else {})
        | ({"classificationComment": said} if said else {})
    )

"""A Sentinel incident in the shapes it comes in, with values of our own."""

import json

from sources.parsed import Malformed
from sources.sentinel import parse
from triage.report import IncidentReport

Json = dict[str, object]

NAME = "6c0f1a52-3c3b-4f0e-9d55-0c2f6f1f7a10"
WORKSPACE = (
    "/subscriptions/5b1f/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/soc"
    "/providers/Microsoft.SecurityInsights"
)


def incident(*alerts: Json, **changed: object) -> Json:
    """As the API has it; `changed` are properties."""
    return {
        "id": f"{WORKSPACE}/Incidents/{NAME}",
        "name": NAME,
        "etag": '"1"',
        "type": "Microsoft.SecurityInsights/Incidents",
        "properties": {
            "title": "Sign-in from a new place",
            "severity": "Medium",
            "status": "New",
            "labels": [{"labelName": "finance", "labelType": "User"}],
            "createdTimeUtc": "2025-11-24T09:00:00.1234567Z",
            "lastModifiedTimeUtc": "2025-11-24T09:05:00Z",
            "providerName": "Azure Sentinel",
            "providerIncidentId": "17",
            "alerts": list(alerts),
        }
        | changed,
    }


def alert(**changed: object) -> Json:
    return {
        "id": f"{WORKSPACE}/Entities/a1",
        "name": "a1",
        "kind": "SecurityAlert",
        "properties": {
            "systemAlertId": "a1",
            "providerAlertId": "p1",
            "alertDisplayName": "Atypical travel",
            "severity": "Medium",
            "productName": "Azure Active Directory Identity Protection",
            "alertType": "UnlikelyTravel",
            "startTimeUtc": "2025-11-24T08:50:00Z",
            "endTimeUtc": "2025-11-24T08:55:00Z",
            "processingEndTime": "2025-11-24T08:59:00Z",
            "tactics": ["InitialAccess"],
        }
        | changed,
    }


def entity(kind: str, **properties: object) -> Json:
    return {"id": f"{WORKSPACE}/Entities/{kind}", "name": kind, "kind": kind} | {
        "properties": properties
    }


def incident_row(**changed: object) -> Json:
    return {
        "TenantId": "the workspace",
        "IncidentName": NAME,
        "IncidentNumber": "17",
        "Title": "Sign-in from a new place",
        "Severity": "Medium",
        "Status": "New",
        "CreatedTime": "2025-11-24 09:00:00.123456+00:00",
        "LastModifiedTime": "2025-11-24 09:05:00+00:00",
        "TimeGenerated": "2025-11-24 09:05:30+00:00",
        "ProviderName": "Azure Sentinel",
        "ProviderIncidentId": "17",
        "AlertIds": json.dumps(["a1"]),
        "Labels": json.dumps([{"labelName": "finance"}]),
        "AdditionalData": "{}",
        "Type": "SecurityIncident",
    } | changed


def alert_row(*entities: object, **changed: object) -> Json:
    return {
        "SystemAlertId": "a1",
        "VendorOriginalId": "p1",
        "DisplayName": "Atypical travel",
        "AlertSeverity": "Medium",
        "ProductName": "Azure Active Directory Identity Protection",
        "AlertType": "UnlikelyTravel",
        "StartTime": "2025-11-24 08:50:00+00:00",
        "EndTime": "2025-11-24 08:55:00+00:00",
        "ProcessingEndTime": "2025-11-24 08:59:00+00:00",
        "TimeGenerated": "2025-11-24 09:00:00+00:00",
        "Tactics": "InitialAccess",
        "Techniques": "",
        "Entities": json.dumps(list(entities)),
        "ExtendedProperties": "{}",
        "Type": "SecurityAlert",
    } | changed


def tables(*entities: object, **changed: object) -> Json:
    return {"SecurityIncident": incident_row(**changed), "SecurityAlert": [alert_row(*entities)]}


def read(body: object) -> IncidentReport:
    """The one report in a body; fails with the reason where it was refused."""
    (parsed,) = parse(body)

    assert isinstance(parsed, IncidentReport), parsed
    return parsed


def refused(body: object) -> Malformed:
    (parsed,) = parse(body)

    assert isinstance(parsed, Malformed)
    return parsed

"""Sentinel's incidents for the stories: as a playbook's trigger sends them, and as rows."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.story.graph_incident import BOB

Json = dict[str, Any]

NAME = "10c5408e-d49c-4606-bcd2-71f6cb619e46"


def malware_ran(mirrors: str | None = "4711", name: str = NAME, **changed: Any) -> Json:
    """What Sentinel tells of graph_incident.malware_ran; `mirrors` is Defender's id of it."""
    at = datetime.now(UTC).isoformat()
    return {
        "objectSchemaType": "Incident",
        "objectEventType": "Create",
        "object": {
            "name": name,
            "type": "Microsoft.SecurityInsights/Incidents",
            "properties": {
                "title": "Malware was run from a document",
                "severity": "High",
                "status": "New",
                "createdTimeUtc": at,
                "lastModifiedTimeUtc": at,
                "providerName": "Microsoft XDR" if mirrors else "Azure Sentinel",
                "providerIncidentId": mirrors or "17",
                "alerts": [_alert("da4711", at)],
                "relatedEntities": [
                    _entity("Account", accountName="bob", aadUserId=BOB),
                    _entity("Host", hostName="laptop-7", mdatpDeviceId="a" * 40),
                    _entity("File", fileName="invoice.docm", lastVerdict="Suspicious"),
                    _entity("Process", commandLine="powershell.exe"),
                ],
            }
            | changed,
        },
    }


def _alert(id_: str, at: str) -> Json:
    return {
        "kind": "SecurityAlert",
        "properties": {
            "systemAlertId": "78c877d5-131f-699c-daed-0ec82d532020",
            "providerAlertId": id_,
            "alertDisplayName": "Malware was run from a document",
            "productName": "Microsoft Defender for Endpoint",
            "severity": "High",
            "startTimeUtc": at,
            "additionalData": {"Category": "Malware"},
        },
    }


def _entity(kind: str, **properties: Any) -> Json:
    return {"kind": kind, "properties": properties}


def rows(mirrors: str = "4711", name: str = NAME) -> Json:
    """The same in the workspace."""
    at = datetime.now(UTC).isoformat(sep=" ")
    entities = [
        {"$id": "2", "Type": "account", "Name": "bob", "AadUserId": BOB},
        {"$id": "3", "Type": "host", "HostName": "laptop-7", "MdatpDeviceId": "a" * 40},
        {"$id": "4", "Type": "file", "Name": "invoice.docm", "LastVerdict": "Suspicious"},
    ]
    return {
        "SecurityIncident": {
            "TenantId": "3a9e5c11-0b4b-4b8e-9d24-6a1f0d1c7e55",
            "IncidentName": name,
            "Title": "Malware was run from a document",
            "Severity": "High",
            "Status": "New",
            "CreatedTime": at,
            "LastModifiedTime": at,
            "ProviderName": "Microsoft XDR",
            "ProviderIncidentId": mirrors,
        },
        "SecurityAlert": [
            {
                "SystemAlertId": "78c877d5-131f-699c-daed-0ec82d532020",
                "VendorOriginalId": "da4711",
                "DisplayName": "Malware was run from a document",
                "AlertSeverity": "High",
                "ProductName": "Microsoft Defender for Endpoint",
                "StartTime": at,
                "ExtendedProperties": json.dumps({"Category": "Malware"}),
                "Entities": json.dumps(entities),
            }
        ],
    }

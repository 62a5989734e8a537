"""The intake in OpenAPI 3.1: what each route takes, and what it answers.

The shapes are those that are read: `native.py` refuses what is not in it; of the others only what
is used is named, anything else may stand beside it, and what must be there is told by the heads of
`defender.py` and `sentinel.py`.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sources import graph, native, sentinel

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS = "#/components/schemas/"

SIGNED = {
    "webhook-id": "Of the message; the same again, when it is sent again, gets the same answer.",
    "webhook-timestamp": "Seconds since 1970; not more than five minutes from ours.",
    "webhook-signature": "`v1,` and HMAC-SHA256 over `id.timestamp.body` in base64; several, parted"
    " by spaces, while the secret is changed. See standardwebhooks.com.",
}
"""The headers of a signed message: all three, and `customer` in the address."""
SIGNATURE: Json = {name: [] for name in SIGNED}
CUSTOMER: Json = {
    "name": "customer",
    "in": "query",
    "description": "Whose secret a signed message is signed with; nothing else looks at it.",
    "schema": {"type": "string"},
}
LATER: Json = {
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
}


@cache
def document() -> Json:
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Vouch: intake of incidents",
            "version": "1",
            "description": (
                "Post a whole incident each time it changes, under the same id. What did not change"
                " is recognised and ignored; an older change than the last one is recorded and not"
                " applied. What the sender shows of itself alone says whose incident it is: a key, a"
                " signature, or a token of its identity, as the source is set up."
            ),
        },
        "security": [{"key": []}, SIGNATURE, {"identity": []}],
        "paths": {
            "/api/incidents/defender": {"post": _defender()},
            "/api/incidents/sentinel": {"post": _sentinel()},
            "/api/incidents/native": {"post": _native()},
            "/api/openapi.json": {"get": _this()},
        },
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key of one source of one customer: vk_...",
                },
                "identity": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": (
                        "A token of Entra for a managed identity of the customer's tenant that is"
                        " registered for this source; audience: the app's id, or api://APP_ID."
                    ),
                },
                **{name: _header(name, told) for name, told in SIGNED.items()},
            },
            "schemas": _ours() | _graphs() | _sentinels() | _natives(),
        },
    }


# --- routes --------------------------------------------------------------------------------------


def _defender() -> Json:
    return _route(
        "postDefender",
        "Incidents of Microsoft Defender XDR",
        "As Graph returns them (`GET /v1.0/security/incidents/{id}?$expand=alerts`), or as the older"
        " API does (`/api/incidents`). Alerts that name their incident are gathered into it.",
        _one_or_many("GraphIncident", "XdrIncident", "GatheredAlert"),
        {"graph": GRAPH, "xdr": XDR, "alerts": {"value": [MDE]}, "page": {"value": [GRAPH, XDR]}},
    )


def _sentinel() -> Json:
    return _route(
        "postSentinel",
        "Incidents of Microsoft Sentinel",
        "The body of a playbook's incident trigger, an incident as the API returns it, or rows of"
        " SecurityIncident and SecurityAlert. One that mirrors an incident of Defender joins it.",
        _one_or_many("SentinelTrigger", "SentinelIncident", "SentinelRows"),
        {"trigger": TRIGGER, "api": TRIGGER["object"], "rows": ROWS, "list": [TRIGGER]},
    )


def _native() -> Json:
    return _route(
        "postNative",
        "Incidents of any other source",
        "Our own schema. A field it does not have is refused by name.",
        {"anyOf": [_ref("IncidentShape"), _list_of(_ref("IncidentShape"))]},
        {"incident": NATIVE, "list": [NATIVE]},
    )


def _route(name: str, summary: str, description: str, body: Json, examples: Json) -> Json:
    told = {key: {"value": value} for key, value in examples.items()}
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": [CUSTOMER],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body, "examples": told}},
        },
        "responses": _responses(),
    }


def _responses() -> Json:
    return {
        "200": _answer("Known before: changed, or not.", "Results"),
        "201": _answer("Opened.", "Results"),
        "207": _answer("Several, with different statuses: each has its own.", "Results"),
        "400": _answer("The body is not JSON.", "Results"),
        "401": _answer("Nothing, or nothing valid, shows who sends this.", "Problem"),
        "409": _answer("The `webhook-id` was another message's.", "Problem"),
        "413": {
            "description": "The body is too large.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        "422": _answer("No incident of this route's; each says which field and why.", "Results"),
        "429": _answer("More than is taken of one source; send it again.", "Problem") | LATER,
        "503": _answer("Too much at once; send it again.", "Problem") | LATER,
    }


def _header(name: str, told: str) -> Json:
    return {"type": "apiKey", "in": "header", "name": name, "description": told}


def _answer(description: str, schema: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _this() -> Json:
    document = {"application/json": {"schema": {"type": "object", "required": ["openapi"]}}}
    return {
        "operationId": "getDocument",
        "summary": "This document",
        "security": [],
        "responses": {"200": {"description": "OpenAPI 3.1.", "content": document}},
    }


def _one_or_many(*names: str) -> Json:
    """One, a list or a page of them; Logic Apps' `body` around any of these is taken off."""
    one = {"anyOf": [_ref(name) for name in names]}
    page = {"type": "object", "required": ["value"], "properties": {"value": _list_of(one)}}
    return {"anyOf": [*one["anyOf"], _list_of(one), page]}


def _ref(name: str) -> Json:
    return {"$ref": f"{_SCHEMAS}{name}"}


def _list_of(schema: Json) -> Json:
    return {"type": "array", "items": schema}


# --- shapes --------------------------------------------------------------------------------------


def _ours() -> Json:
    taken = {
        "status": {"enum": [200, 201]},
        "sourceId": {"type": "string"},
        "incident": {"type": "string", "examples": ["CONTOSO-42"]},
        "outcome": {"enum": ["opened", "updated", "unchanged"]},
    }
    refused = {
        "status": {"enum": [400, 422]},
        "field": {"type": "string", "description": "A path into what was sent: `alerts[2].id`."},
        "reason": {"type": "string", "description": "What is wrong, and what to send instead."},
    }
    either = {"anyOf": [_ref("Taken"), _ref("Refused")]}
    return {
        "Results": _closed({"results": _list_of(either)}),
        "Taken": _closed(taken),
        "Refused": _closed(refused),
        "Problem": _closed({"error": {"type": "string"}}),
    }


def _closed(properties: Json) -> Json:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _graphs() -> Json:
    incident = _lenient(graph.Incident, "id", "createdDateTime")
    alert, evidence = _lenient(graph.Alert), _lenient(graph.Evidence)
    evidence["description"] = "One of Graph's types of evidence, with the fields of its type."
    alert["properties"]["evidence"] = _maybe(_list_of(_maybe(_ref("GraphEvidence"))))
    members = {"anyOf": [_ref("GraphAlert"), _ref("XdrAlert"), {"type": "null"}]}
    incident["properties"]["alerts"] = _maybe(_list_of(members))
    incident["anyOf"] = [{"required": ["displayName"]}, {"required": ["title"]}]
    older = {
        "incidentId": _ID,
        "redirectIncidentId": _maybe(_ID),
        "incidentName": {"type": "string"},
        "createdTime": _TIME,
        "lastUpdateTime": _maybe(_TIME),
        "alerts": _maybe(_list_of(members)),
    }
    entity = {"entityType": {"type": "string"}}
    flat = {
        "alertId": _ID,
        "title": {"type": "string"},
        "devices": _maybe(_list_of({"type": "object"})),
        "entities": _maybe(_list_of(_open(entity, "entityType"))),
    }
    return {
        "GraphIncident": incident,
        "GraphAlert": alert,
        "GraphEvidence": evidence,
        "XdrIncident": _open(older, "incidentId", "incidentName", "createdTime"),
        "XdrAlert": _open(flat),
        "GatheredAlert": _open({"incidentId": _ID, "title": {"type": "string"}}, "incidentId")
        | {"description": "An alert of Graph or of Defender for Endpoint that names its incident."},
    }


def _sentinels() -> Json:
    properties = _lenient(sentinel.Properties, "title", "createdTimeUtc")
    members = _open({"properties": _ref("SentinelAlertProperties")})
    properties["properties"]["alerts"] = _maybe(_list_of(_maybe(members)))
    incident = {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "properties": _ref("SentinelProperties"),
    }
    rows = {"anyOf": [{"type": "object"}, _list_of({"type": "object"})]}
    return {
        "SentinelTrigger": _open({"object": _ref("SentinelIncident")}, "object"),
        "SentinelIncident": _open(incident, "properties")
        | {"anyOf": [{"required": ["name"]}, {"required": ["id"]}]},
        "SentinelProperties": properties,
        "SentinelAlertProperties": _lenient(sentinel.AlertProperties),
        "SentinelRows": _open({"SecurityIncident": rows, "SecurityAlert": rows}, "SecurityIncident")
        | {"description": "JSON in a text (Entities, Labels, ...) is read as it is exported."},
    }


def _natives() -> Json:
    template = f"{_SCHEMAS}{{model}}"
    _, told = models_json_schema([(native.IncidentShape, "validation")], ref_template=template)
    found: Json = told["$defs"]
    return found


_ID: Json = {"type": ["string", "integer"]}
_TIME: Json = {"type": "string", "format": "date-time"}


def _open(properties: Json, *required: str) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


def _maybe(schema: Json) -> Json:
    kinds = schema.get("type")
    if kinds is None:
        return {"anyOf": [schema, {"type": "null"}]}
    named = kinds if isinstance(kinds, list) else [kinds]
    return schema | {"type": [*dict.fromkeys((*named, "null"))]}


def _lenient(model: type[BaseModel], *required: str) -> Json:
    """What a model names. But for what is required, any of it may be null or absent; nothing is
    refused for what stands beside it."""
    told = model.model_json_schema()["properties"]
    fields = {name: _bare(field) for name, field in told.items()}
    return {
        "type": "object",
        "required": list(required),
        "properties": {n: f if n in required else _maybe(f) for n, f in fields.items()},
    }


def _bare(field: Json) -> Json:
    kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
    told = {name: value for name, value in kinds[0].items() if name not in ("title", "default")}
    return _ID if told == {"type": "string"} else told


# --- examples ------------------------------------------------------------------------------------

_TENANT = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
_SINCE, _UNTIL = "2025-11-24T09:30:00Z", "2025-11-24T09:35:00Z"

GRAPH: Json = {
    "@odata.type": "#microsoft.graph.security.incident",
    "id": "4711",
    "tenantId": _TENANT,
    "displayName": "Malware was run from a document",
    "createdDateTime": _SINCE,
    "lastUpdateDateTime": _UNTIL,
    "severity": "high",
    "status": "active",
    "alerts": [
        {
            "@odata.type": "#microsoft.graph.security.alert",
            "id": "da4711",
            "title": "Malware was run from a document",
            "serviceSource": "microsoftDefenderForEndpoint",
            "severity": "high",
            "mitreTechniques": ["T1204.002"],
            "evidence": [
                {
                    "@odata.type": "#microsoft.graph.security.userEvidence",
                    "userAccount": {"userPrincipalName": "bob@contoso.example"},
                }
            ],
        }
    ],
}
XDR: Json = {
    "incidentId": 4712,
    "redirectIncidentId": None,
    "incidentName": "Impossible travel activity involving one user",
    "createdTime": _SINCE,
    "lastUpdateTime": _UNTIL,
    "status": "Active",
    "severity": "Medium",
    "tags": [],
    "alerts": [
        {
            "alertId": "ca4712",
            "serviceSource": "MicrosoftCloudAppSecurity",
            "title": "Impossible travel activity",
            "severity": "Medium",
            "entities": [{"entityType": "User", "userPrincipalName": "carla@contoso.example"}],
        }
    ],
}
MDE: Json = {
    "id": "da4713",
    "incidentId": 4713,
    "title": "Suspicious PowerShell command line",
    "severity": "Medium",
    "status": "New",
    "alertCreationTime": _SINCE,
    "lastUpdateTime": _UNTIL,
    "machineId": "0869547d71711ecf8f896ced548d34727787e8ef",
    "computerDnsName": "laptop-7.contoso.example",
}
TRIGGER: Json = {
    "objectSchemaType": "Incident",
    "objectEventType": "Create",
    "object": {
        "name": "10c5408e-d49c-4606-bcd2-71f6cb619e46",
        "type": "Microsoft.SecurityInsights/Incidents",
        "properties": {
            "title": "Malware was run from a document",
            "severity": "High",
            "status": "New",
            "createdTimeUtc": _SINCE,
            "lastModifiedTimeUtc": _UNTIL,
            "providerName": "Microsoft XDR",
            "providerIncidentId": "4711",
            "alerts": [
                {
                    "kind": "SecurityAlert",
                    "properties": {
                        "systemAlertId": "78c877d5-131f-699c-daed-0ec82d532020",
                        "providerAlertId": "da4711",
                        "alertDisplayName": "Malware was run from a document",
                        "productName": "Microsoft Defender for Endpoint",
                        "severity": "High",
                    },
                }
            ],
            "relatedEntities": [
                {
                    "kind": "Account",
                    "properties": {"accountName": "bob", "uPNSuffix": "contoso.example"},
                }
            ],
        },
    },
}
ROWS: Json = {
    "SecurityIncident": {
        "IncidentName": "2c8f0b3e-5a55-4f0b-8d4e-2f7b1c9d6a31",
        "Title": "Anonymous IP address",
        "Severity": "Medium",
        "Status": "New",
        "CreatedTime": _SINCE,
        "LastModifiedTime": _UNTIL,
        "AlertIds": '["1ae29b32-a9a7-38b7-7bae-4c48498970b9"]',
    },
    "SecurityAlert": [
        {
            "SystemAlertId": "1ae29b32-a9a7-38b7-7bae-4c48498970b9",
            "DisplayName": "Anonymous IP address",
            "AlertSeverity": "Medium",
            "ProductName": "Azure Active Directory Identity Protection",
            "Entities": '[{"$id":"2","Name":"carla","UPNSuffix":"contoso.example","Type":"account"}]',
        }
    ],
}
NATIVE: Json = {
    "id": "HD-20931",
    "title": "Sign-in from a new device",
    "severity": "medium",
    "created": _SINCE,
    "updated": _UNTIL,
    "alerts": [
        {
            "id": "HD-20931-1",
            "title": "Sign-in from a new device",
            "product": "other",
            "severity": "medium",
            "detector": "unfamiliarFeatures",
            "evidence": [{"kind": "user", "account": {"upn": "carla@contoso.example"}}],
        }
    ],
}

"""The Defender XDR API's incidents and Defender for Endpoint's alerts, put into Graph's words.

    GET api.security.microsoft.com/api/incidents      → incident(body)
    GET api.security.microsoft.com/api/alerts         → alert(body)

Both tell the same things as Graph under other names, with their entities flat: one object with
every field there is, most of them null. What is renamed is read in `graph.py`; nothing is checked
here, and what is unknown stays under its own name, where nobody reads it.
"""

from collections.abc import Callable, Iterator

from sources import texts
from sources.graph import Json
from triage.report import Product

NAMES = {
    "incidentId": "id",
    "incidentName": "displayName",
    "createdTime": "createdDateTime",
    "lastUpdateTime": "lastUpdateDateTime",
}
"""What the older API calls what Graph calls otherwise."""

_ALERT_NAMES = {
    "alertId": "id",
    "creationTime": "createdDateTime",
    "alertCreationTime": "createdDateTime",
    "lastUpdatedTime": "lastUpdateDateTime",
    "lastUpdateTime": "lastUpdateDateTime",
    "firstActivity": "firstActivityDateTime",
    "firstEventTime": "firstActivityDateTime",
    "lastActivity": "lastActivityDateTime",
    "lastEventTime": "lastActivityDateTime",
    "aadTenantId": "tenantId",
}

_SERVICES = {
    "officeatp": Product.OFFICE,
    "microsoftcloudappsecurity": Product.CLOUD_APPS,
    "mcas": Product.CLOUD_APPS,
    "azureatp": Product.IDENTITY,
    "azureadvancedthreatprotection": Product.IDENTITY,
    "aatp": Product.IDENTITY,
    "windowsdefenderatp": Product.ENDPOINT,
    "microsoftdefenderatp": Product.ENDPOINT,
    "mdatp": Product.ENDPOINT,
    "microsoftthreatprotection": Product.XDR,
    "mtp": Product.XDR,
    "microsoftdefenderxdr": Product.XDR,
    "aadidentityprotection": Product.ENTRA,
    "azureadidentityprotection": Product.ENTRA,
    "microsoftdatalossprevention": Product.DLP,
}
"""Its older names of products; the newer ones are Graph's."""


def incident(raw: Json) -> Json:
    """An incident of the XDR API in Graph's words."""
    alerts = raw.get("alerts")
    members = [_member(one) for one in alerts] if isinstance(alerts, list) else alerts
    return {**_renamed(raw, NAMES), "alerts": members}


def as_sent(raw: Json, name: str) -> str:
    """How an incident spells one of Graph's fields, so that a fault is told in its sender's words."""
    older = {ours: theirs for theirs, ours in NAMES.items()}
    is_older = bool({"incidentId", "incidentName"} & raw.keys()) and name not in raw
    return older.get(name, name) if is_older else name


def _member(raw: object) -> object:
    """An alert of an incident: in the XDR API's shape, Defender for Endpoint's, or Graph's own."""
    return alert(raw) if isinstance(raw, dict) and is_alert(raw) else raw


def is_alert(raw: Json) -> bool:
    """Whether an alert is in one of the two shapes that need renaming."""
    return bool({"alertId", "entities", "alertCreationTime", "machineId"} & raw.keys())


def alert(raw: Json) -> Json:
    """An alert of the XDR API or of Defender for Endpoint in Graph's words."""
    service = texts.text(raw.get("serviceSource"))
    known = _SERVICES.get((service or "").casefold(), service)
    return {
        **_renamed(raw, _ALERT_NAMES),
        "serviceSource": known if service else _endpoint_or_none(raw),
        "evidence": _evidence(raw),
    }


def _endpoint_or_none(raw: Json) -> Product | None:
    """Only Defender for Endpoint's own alerts name no service: they name a machine."""
    return Product.ENDPOINT if {"machineId", "alertCreationTime"} & raw.keys() else None


def _renamed(raw: Json, names: dict[str, str]) -> dict[str, object]:
    """Graph's own name wins where both are there."""
    return {_name(raw, name, names): value for name, value in raw.items()}


def _name(raw: Json, name: str, names: dict[str, str]) -> str:
    renamed = names.get(name, name)
    return name if renamed in raw else renamed


# --- evidence ------------------------------------------------------------------------------------

_TYPE = "#microsoft.graph.security."


def _evidence(raw: Json) -> list[object]:
    """Devices, the machine, entities and the related user, as Graph's evidence."""
    return list(_pieces(raw))


def _pieces(raw: Json) -> Iterator[object]:
    for one in _list(raw, "devices"):
        yield _device(one) if isinstance(one, dict) else one
    if raw.get("machineId") or raw.get("computerDnsName"):
        yield _machine(raw)
    for one in (*_list(raw, "entities"), *_list(raw, "evidence")):
        yield _entity(one) if isinstance(one, dict) and "entityType" in one else one
    related = raw.get("relatedUser")
    if isinstance(related, dict):
        yield _related_user(related)


def _list(raw: Json, name: str) -> list[object]:
    found = raw.get(name)
    return found if isinstance(found, list) else []


def _device(raw: Json) -> Json:
    return {
        "@odata.type": f"{_TYPE}deviceEvidence",
        "azureAdDeviceId": raw.get("aadDeviceId"),
        "deviceDnsName": raw.get("deviceDnsName"),
        "osPlatform": raw.get("osPlatform"),
        "loggedOnUsers": raw.get("loggedOnUsers"),
        **_common(raw),
    }


def _machine(raw: Json) -> Json:
    return {
        "@odata.type": f"{_TYPE}deviceEvidence",
        "mdeDeviceId": raw.get("machineId"),
        "deviceDnsName": raw.get("computerDnsName"),
        "loggedOnUsers": raw.get("loggedOnUsers"),
    }


def _related_user(raw: Json) -> Json:
    account = {"accountName": raw.get("userName"), "domainName": raw.get("domainName")}
    return {"@odata.type": f"{_TYPE}userEvidence", "userAccount": account}


def _entity(raw: Json) -> Json:
    named = texts.text(raw["entityType"]) or "unnamed"
    kind, reader = _KINDS.get(named.casefold(), (named, _any))
    return {"@odata.type": f"{_TYPE}{kind}Evidence", **reader(raw), **_common(raw)}


def _common(raw: Json) -> dict[str, object]:
    return {
        name: raw.get(name)
        for name in ("verdict", "remediationStatus", "remediationStatusDetails", "detectionStatus")
    } | {"mdeDeviceId": raw.get("mdatpDeviceId") or raw.get("deviceId")}


def _user(raw: Json) -> Json:
    return {"userAccount": _account(raw)}


def _account(raw: Json) -> Json:
    return {
        "accountName": raw.get("accountName"),
        "domainName": raw.get("domainName"),
        "userSid": raw.get("userSid"),
        "azureAdUserId": raw.get("aadUserId"),
        "userPrincipalName": raw.get("userPrincipalName"),
    }


def _file(raw: Json) -> Json:
    return {"fileDetails": _details(raw)}


def _details(raw: Json) -> Json:
    return {name: raw.get(name) for name in ("fileName", "filePath", "sha1", "sha256")}


def _process(raw: Json) -> Json:
    return {
        "imageFile": _details(raw),
        "parentProcessImageFile": {"fileName": raw.get("parentProcessFileName")},
        "processCommandLine": raw.get("processCommandLine"),
        "processCreationDateTime": raw.get("processCreationTime"),
        "userAccount": _account(raw),
    }


def _ip(raw: Json) -> Json:
    return {"ipAddress": raw.get("ipAddress")}


def _url(raw: Json) -> Json:
    return {"url": raw.get("url")}


def _message(raw: Json) -> Json:
    return {
        "networkMessageId": raw.get("networkMessageId"),
        "p2Sender": {"emailAddress": raw.get("sender")},
        "recipientEmailAddress": raw.get("recipient"),
        "subject": raw.get("subject"),
        "deliveryAction": raw.get("deliveryAction"),
    }


def _cluster(raw: Json) -> Json:
    return {"networkMessageIds": raw.get("networkMessageIds")}


def _mailbox(raw: Json) -> Json:
    return {
        "primaryAddress": raw.get("mailboxAddress"),
        "upn": raw.get("userPrincipalName"),
        "userAccount": _account(raw),
    }


def _registry(raw: Json) -> Json:
    return {
        "registryHive": raw.get("registryHive"),
        "registryKey": raw.get("registryKey"),
        "registryValueName": raw.get("registryValueName") or raw.get("registryValue"),
    }


def _any(raw: Json) -> Json:
    return {
        "displayName": raw.get("securityGroupName") or raw.get("applicationName"),
        "value": raw.get("clusterBy") or raw.get("accountName") or raw.get("fileName"),
    }


_KINDS: dict[str, tuple[str, Callable[[Json], Json]]] = {
    "user": ("user", _user),
    "file": ("file", _file),
    "process": ("process", _process),
    "ip": ("ip", _ip),
    "url": ("url", _url),
    "mailmessage": ("analyzedMessage", _message),
    "mailcluster": ("mailCluster", _cluster),
    "mailbox": ("mailbox", _mailbox),
    "registry": ("registryKey", _registry),
    "registrykey": ("registryKey", _registry),
    "registryvalue": ("registryValue", _registry),
}

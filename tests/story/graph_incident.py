"""Graph security incidents for the stories, in the shape Defender sends, with values of our own."""

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
FABRIKAM = "3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"
BOB = "dc20cef7-a9fe-4773-b652-5efb74d750af"
CARLA = "c843c922-2e54-4e1b-a743-c1a61f4c12c3"


def incident(
    *alerts: Json,
    id_: str = "4711",
    tenant: str = CONTOSO,
    severity: str = "high",
    updated: datetime | None = None,
    **more: Any,
) -> Json:
    at = (updated or datetime.now(UTC)).isoformat()
    return {
        "@odata.type": "#microsoft.graph.security.incident",
        "id": id_,
        "tenantId": tenant,
        "displayName": alerts[0]["title"] if alerts else "An incident",
        "createdDateTime": at,
        "lastUpdateDateTime": at,
        "severity": severity,
        "status": "active",
        "classification": "unknown",
        "determination": "unknown",
        "alerts": list(alerts),
    } | more


def alert(title: str, product: str, *evidence: Json, id_: str = "da1", **more: Any) -> Json:
    at = (datetime.now(UTC) - timedelta(minutes=8)).isoformat()
    return {
        "@odata.type": "#microsoft.graph.security.alert",
        "id": id_,
        "title": title,
        "serviceSource": product,
        "severity": "high",
        "status": "new",
        "createdDateTime": at,
        "firstActivityDateTime": at,
        "lastUpdateDateTime": at,
        "mitreTechniques": [],
        "evidence": list(evidence),
    } | more


def user(object_id: str | None, upn: str, **more: Any) -> Json:
    account = {
        "accountName": upn.split("@", maxsplit=1)[0],
        "azureAdUserId": object_id,
        "userPrincipalName": upn,
        "userSid": None,
    } | more
    return _evidence("userEvidence", userAccount=account)


def device(name: str, machine: str = "a" * 40, **more: Any) -> Json:
    return _evidence("deviceEvidence", deviceDnsName=name, mdeDeviceId=machine, **more)


def file(name: str, **more: Any) -> Json:
    details = {"fileName": name, "filePath": "C:\\Users", "sha1": "1" * 40, "sha256": "2" * 64}
    return _evidence(
        "fileEvidence", fileDetails=details, **({"detectionStatus": "detected"} | more)
    )


def process(name: str, parent: str) -> Json:
    return _evidence(
        "processEvidence",
        imageFile={"fileName": name},
        parentProcessImageFile={"fileName": parent},
        processCommandLine=name,
        detectionStatus="detected",
    )


def _evidence(type_: str, **more: Any) -> Json:
    return {
        "@odata.type": f"#microsoft.graph.security.{type_}",
        "verdict": "unknown",
        "remediationStatus": "none",
        "roles": [],
    } | more


def malware_ran(id_: str = "4711", **more: Any) -> Json:
    """invoice.docm ran on LAPTOP-7 before it was quarantined: 67 % before Bob says anything."""
    return incident(
        alert(
            "Malware was run from a document",
            "microsoftDefenderForEndpoint",
            user(BOB, "bob@contoso.example"),
            device("laptop-7.ad.contoso.example"),
            file("invoice.docm", verdict="suspicious", remediationStatus="remediated"),
            process("powershell.exe", "winword.exe"),
            id_=f"da{id_}",
            category="Malware",
            mitreTechniques=["T1204.002"],
        ),
        id_=id_,
        **more,
    )


def malware_blocked(id_: str = "4712", **more: Any) -> Json:
    """A file that was stopped before it could run: 3 % before Bob says anything."""
    return incident(
        alert(
            "Malware was prevented",
            "microsoftDefenderForEndpoint",
            user(BOB, "bob@contoso.example"),
            device("laptop-7.ad.contoso.example"),
            file("quote.exe", detectionStatus="prevented", remediationStatus="prevented"),
            id_=f"da{id_}",
            category="Malware",
        ),
        id_=id_,
        **({"severity": "medium"} | more),
    )


def unfamiliar_sign_in(id_: str = "4713", **more: Any) -> Json:
    """A sign-in as Carla, the CFO, from a device nobody knows."""
    return incident(
        alert(
            "Unfamiliar sign-in properties",
            "azureAdIdentityProtection",
            user(CARLA, "carla@contoso.example"),
            id_=f"ad{id_}",
            detectorId="unfamiliarFeatures",
            severity=str(more.get("severity", "high")),
        ),
        id_=id_,
        **more,
    )


def remote_tool(
    id_: str = "4714", *seen: Json, techniques: tuple[str, ...] = ("T1219",), **more: Any
) -> Json:
    """AnyDesk; on Bob's laptop, unless something else was seen."""
    bobs = (
        user(BOB, "bob@contoso.example"),
        device("laptop-7.ad.contoso.example"),
        process("anydesk.exe", "powershell.exe"),
    )
    return incident(
        alert(
            "Suspicious use of the remote access tool AnyDesk",
            "microsoftDefenderForEndpoint",
            *(seen or bobs),
            id_=f"da{id_}",
            mitreTechniques=[*techniques],
        ),
        id_=id_,
        **({"severity": "medium"} | more),
    )

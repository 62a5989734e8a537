"""The Defender XDR API's incidents and Defender for Endpoint's alerts say what Graph would."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.defender import parse
from sources.parsed import Malformed
from tests.sources.any_json import ANY_JSON, unhurried
from tests.sources.graph_payloads import MACHINE, SHA1, SHA256, Json, graph_alert, read, refused
from triage.report import (
    Account,
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IncidentReport,
    IpEvidence,
    MailboxEvidence,
    MessageEvidence,
    OtherEvidence,
    ProcessEvidence,
    Product,
    Remediation,
    Severity,
    Source,
    UrlEvidence,
    UserEvidence,
    Verdict,
)

FLAT = dict.fromkeys(
    [
        *("sha1", "sha256", "fileName", "filePath", "processId", "processCommandLine"),
        *("processCreationTime", "ipAddress", "url", "accountName", "domainName", "userSid"),
        *("aadUserId", "userPrincipalName", "mailboxDisplayName", "mailboxAddress", "clusterBy"),
        *("sender", "recipient", "subject", "deliveryAction", "securityGroupId"),
        *("securityGroupName", "registryHive", "registryKey", "registryValue", "deviceId"),
    ]
)
"""An entity as the API writes it: every field there is, and most of them null."""


def entity(kind: str, **fields: object) -> Json:
    return {"entityType": kind, **FLAT, **fields}


def xdr_alert(*entities: Json, **changed: object) -> Json:
    return {
        "alertId": "da1",
        "incidentId": 264,
        "serviceSource": "MicrosoftDefenderForEndpoint",
        "creationTime": "2025-11-24T09:00:00.1234567Z",
        "lastUpdatedTime": "2025-11-24T09:05:00Z",
        "firstActivity": "2025-11-24T08:50:00Z",
        "lastActivity": "2025-11-24T08:55:00Z",
        "title": "Malware ran",
        "category": "Malware",
        "severity": "High",
        "mitreTechniques": ["t1204.002"],
        "devices": [],
        "entities": list(entities),
    } | changed


def xdr_incident(*alerts: Json, **changed: object) -> Json:
    return {
        "incidentId": 264,
        "redirectIncidentId": None,
        "incidentName": "Malware on one endpoint",
        "createdTime": "2025-11-24T09:00:00.1234567Z",
        "lastUpdateTime": "2025-11-24T09:05:00Z",
        "classification": "Unknown",
        "determination": "NotAvailable",
        "status": "Active",
        "severity": "Medium",
        "tags": ["finance"],
        "comments": [],
        "alerts": list(alerts),
    } | changed


def mde_alert(**changed: object) -> Json:
    return {
        "id": "da1",
        "incidentId": 14,
        "severity": "Medium",
        "status": "New",
        "detectionSource": "CustomerTI",
        "category": "null",
        "title": "Malware ran",
        "alertCreationTime": "2025-11-24T09:00:00.1234567Z",
        "firstEventTime": "2025-11-24T08:50:00Z",
        "lastEventTime": "2025-11-24T08:55:00Z",
        "lastUpdateTime": "2025-11-24T09:05:00Z",
        "machineId": MACHINE,
    } | changed


def only(*entities: Json) -> Evidence:
    (piece,) = read(xdr_incident(xdr_alert(*entities))).alerts[0].evidence
    return piece


# --- incidents of the older API --------------------------------------------------------------------


def test_an_incident_of_the_older_api_is_the_same_incident() -> None:
    report = read(xdr_incident(xdr_alert()))
    (alert,) = report.alerts

    assert (report.source, report.source_id) == (Source.DEFENDER, "264")
    assert (report.title, report.severity) == ("Malware on one endpoint", Severity.MEDIUM)
    assert (report.status, report.classification, report.determination) == ("active", None, None)
    assert report.created == datetime(2025, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
    assert report.updated == datetime(2025, 11, 24, 9, 5, tzinfo=UTC)
    assert report.tags == ("finance",)
    assert (alert.id, alert.product, alert.severity) == ("da1", Product.ENDPOINT, Severity.HIGH)
    assert alert.techniques == ("T1204.002",)
    assert alert.first_activity == datetime(2025, 11, 24, 8, 50, tzinfo=UTC)


def test_a_page_of_the_older_api_is_read() -> None:
    assert len(parse({"value": [xdr_incident(), xdr_incident(incidentId=265)]})) == 2


def test_a_redirected_incident_says_where_it_went() -> None:
    merged = xdr_incident(redirectIncidentId=261, status="Redirected", severity="UnSpecified")
    report = read(merged)

    assert (report.redirected_to, report.status) == ("261", "redirected")
    assert report.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("service", "product"),
    [
        ("OfficeATP", Product.OFFICE),
        ("MicrosoftCloudAppSecurity", Product.CLOUD_APPS),
        ("AzureATP", Product.IDENTITY),
        ("MicrosoftThreatProtection", Product.XDR),
        ("Microsoft365Defender", Product.XDR),
        ("MicrosoftDefenderForIdentity", Product.IDENTITY),
        ("SomethingNew", Product.OTHER),
        (None, Product.OTHER),
    ],
)
def test_products_read_by_their_older_names(service: object, product: Product) -> None:
    assert read(xdr_incident(xdr_alert(serviceSource=service))).alerts[0].product is product


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"incidentId": None}, "incidentId"),
        ({"incidentName": ""}, "incidentName"),
        ({"createdTime": "yesterday"}, "createdTime"),
        ({"lastUpdateTime": "yesterday"}, "lastUpdateTime"),
        ({"alerts": "none"}, "alerts"),
        ({"alerts": [xdr_alert(alertId=None)]}, "alerts[0].id"),
        ({"alerts": [xdr_alert(entities="none")]}, "alerts[0].entities"),
        ({"alerts": [xdr_alert(devices=[7])]}, "alerts[0].devices[0]"),
    ],
)
def test_a_fault_is_told_in_the_words_it_was_sent_in(changed: Json, field: str) -> None:
    assert refused(xdr_incident(**changed)).field == field


def test_graphs_own_name_wins_where_both_are_there() -> None:
    assert read(xdr_incident(id="7")).source_id == "7"


# --- flat entities ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "piece"),
    [
        (
            entity("User", accountName="bob", domainName="CONTOSO", aadUserId="b0b"),
            UserEvidence(account=Account(object_id="b0b", name="bob", domain="CONTOSO")),
        ),
        (
            entity("File", fileName="x.exe", sha1=SHA1, sha256=SHA256, deviceId=MACHINE),
            FileEvidence(name="x.exe", sha1=SHA1, sha256=SHA256, device_id=MACHINE),
        ),
        (
            entity(
                "Process",
                fileName="x.exe",
                processCommandLine="x.exe -a",
                processCreationTime="2025-11-24T08:52:00Z",
                userSid="S-1-5-21-1-2-3-1104",
            ),
            ProcessEvidence(
                name="x.exe",
                command_line="x.exe -a",
                started=datetime(2025, 11, 24, 8, 52, tzinfo=UTC),
                account=Account(sid="S-1-5-21-1-2-3-1104"),
            ),
        ),
        (entity("Ip", ipAddress="203.0.113.77"), IpEvidence(address="203.0.113.77")),
        (entity("Url", url="https://x.example"), UrlEvidence(url="https://x.example")),
        (
            entity("MailMessage", sender="a@x.example", recipient="b@y.example", subject="Hi"),
            MessageEvidence(sender="a@x.example", recipient="b@y.example", subject="Hi"),
        ),
        (
            entity("MailBox", mailboxAddress="b@y.example", userPrincipalName="b@y.example"),
            MailboxEvidence(address="b@y.example", account=Account(upn="b@y.example")),
        ),
        (
            entity("Registry", registryHive="HKLM", registryKey="Run", registryValue="inv"),
            OtherEvidence(type_name="registryKeyEvidence", label="HKLM\\Run\\inv"),
        ),
        (
            entity("MailCluster", clusterBy="Subject", verdict="Suspicious"),
            OtherEvidence(type_name="mailClusterEvidence", verdict=Verdict.SUSPICIOUS),
        ),
        (
            entity("SecurityGroup", securityGroupName="Admins"),
            OtherEvidence(type_name="SecurityGroupEvidence", label="Admins"),
        ),
        (
            entity("File", fileName="x.exe", verdict="Malicious", remediationStatus="Prevented"),
            FileEvidence(
                name="x.exe", verdict=Verdict.MALICIOUS, remediation=Remediation.PREVENTED
            ),
        ),
    ],
)
def test_each_flat_entity_is_the_piece_it_names(told: Json, piece: Evidence) -> None:
    assert only(told) == piece


@pytest.mark.parametrize("kind", ["User", "File", "Process", "Ip", "Url", "MailBox", "Other"])
def test_an_entity_that_is_all_null_names_nothing(kind: str) -> None:
    assert read(xdr_incident(xdr_alert(entity(kind)))).alerts[0].evidence == ()


def test_a_device_stands_beside_the_entities() -> None:
    device = {
        "mdatpDeviceId": MACHINE,
        "aadDeviceId": "5d0c7b1e",
        "deviceDnsName": "laptop-7.contoso.example",
        "osPlatform": "Windows11",
        "loggedOnUsers": [{"accountName": "bob", "domainName": "CONTOSO"}],
    }

    assert read(xdr_incident(xdr_alert(devices=[device]))).alerts[0].evidence == (
        DeviceEvidence(
            device_id=MACHINE,
            entra_id="5d0c7b1e",
            name="laptop-7.contoso.example",
            os="Windows11",
            users=(Account(name="bob", domain="CONTOSO"),),
        ),
    )


# --- Defender for Endpoint's alerts ----------------------------------------------------------------


def test_an_incident_may_hold_alerts_of_defender_for_endpoint_and_of_graph() -> None:
    machine = mde_alert(
        computerDnsName="laptop-7.contoso.example",
        evidence=[entity("User", accountName="bob"), None],
        relatedUser={"userName": "carla", "domainName": "CONTOSO"},
    )
    first, second = read(xdr_incident(machine, graph_alert(id="da2"))).alerts

    assert (first.id, first.product, first.severity) == ("da1", Product.ENDPOINT, Severity.MEDIUM)
    assert first.created == datetime(2025, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
    assert first.category is None
    assert first.evidence == (
        DeviceEvidence(device_id=MACHINE, name="laptop-7.contoso.example"),
        UserEvidence(account=Account(name="bob")),
        UserEvidence(account=Account(name="carla", domain="CONTOSO")),
    )
    assert second.id == "da2"


# --- alerts without their incident -----------------------------------------------------------------


def test_alerts_that_name_their_incident_are_gathered_into_it() -> None:
    page = [
        mde_alert(),
        mde_alert(incidentId=12, id="da9", title="Other"),
        mde_alert(
            id="da2",
            title="Worse",
            severity="High",
            alertCreationTime="2025-11-24T08:00:00Z",
            lastUpdateTime="2025-11-24T10:00:00Z",
        ),
    ]
    first, second = parse({"value": page})

    assert isinstance(first, IncidentReport)
    assert isinstance(second, IncidentReport)
    assert (first.source_id, first.title, first.severity) == ("14", "Worse", Severity.HIGH)
    assert [alert.id for alert in first.alerts] == ["da1", "da2"]
    assert first.created == datetime(2025, 11, 24, 8, 0, tzinfo=UTC)
    assert first.updated == datetime(2025, 11, 24, 10, 0, tzinfo=UTC)
    assert (second.source_id, second.title) == ("12", "Other")


def test_an_alert_of_graphs_is_gathered_with_its_tenant() -> None:
    alert = graph_alert(
        incidentId="28282", tenantId="7d1f6a0e", createdDateTime="2025-11-24T09:00:00Z"
    )
    report = read({"value": [alert]})

    assert (report.source_id, report.tenant_id) == ("28282", "7d1f6a0e")
    assert report.updated == report.created


@pytest.mark.parametrize(
    ("statuses", "status"),
    [(("Resolved", "Resolved"), "resolved"), (("Resolved", "New"), "active")],
)
def test_a_gathered_incident_is_resolved_when_all_its_alerts_are(
    statuses: tuple[str, str], status: str
) -> None:
    first, second = statuses

    assert read([mde_alert(status=first), mde_alert(id="da2", status=second)]).status == status


def test_an_alert_that_names_none_is_refused_beside_those_that_do() -> None:
    stray, report = parse([mde_alert(incidentId=None), mde_alert()])

    assert isinstance(stray, Malformed)
    assert stray.field == "[0]"
    assert "names no incident" in stray.reason
    assert isinstance(report, IncidentReport)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"alertCreationTime": None}, "createdDateTime"),
        ({"title": None}, "displayName"),
        ({"id": None}, "alerts[0].id"),
        ({"evidence": "none"}, "alerts[0].evidence"),
    ],
)
def test_a_gathered_incident_needs_what_every_incident_needs(changed: Json, field: str) -> None:
    assert refused([mde_alert(**changed)]).field == field


# --- any JSON --------------------------------------------------------------------------------------


@unhurried
@given(st.sampled_from(sorted(xdr_incident())), ANY_JSON)
def test_any_value_in_any_field_never_raises(field: str, value: object) -> None:
    assert len(parse(xdr_incident(**{field: value}))) == 1


@unhurried
@given(st.dictionaries(st.sampled_from(sorted(xdr_alert() | mde_alert())), ANY_JSON))
def test_any_value_in_an_alert_never_raises(fields: Json) -> None:
    assert len(parse(xdr_incident(xdr_alert(**fields)))) == 1
    assert parse([mde_alert(**fields)])


@unhurried
@given(st.sampled_from(["User", "File", "MailBox", "X"]), ANY_JSON, st.sampled_from(sorted(FLAT)))
def test_any_value_in_an_entity_never_raises(kind: str, value: object, field: str) -> None:
    assert len(parse(xdr_incident(xdr_alert(entity(kind, **{field: value}))))) == 1

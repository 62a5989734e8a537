"""What Graph writes, in all its spellings, becomes one report; what is no incident is refused."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from any_json import ANY_JSON
from graph_payloads import (
    SCHEMA,
    TYPE,
    Json,
    graph_alert,
    graph_incident,
    piece,
    read,
    real,
    refused,
)
from hypothesis import given
from hypothesis import strategies as st

from sources.defender import DETERMINATIONS, comment_post, parse, status_patch
from sources.parsed import Malformed, not_json
from triage.incident import Disposition
from triage.report import (
    Account,
    AlreadyDone,
    AppEvidence,
    DeviceEvidence,
    DoneKind,
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
    SignInEvidence,
    Source,
    UrlEvidence,
    UserEvidence,
    Verdict,
)

SHA1 = "48b351661ae5b88b97d37803dbde0379edf8d277"
SHA256 = "f793d78fd2e30828aca4d1a2b0fecd1a1bf562ee0353f1a106a8691f0b3f77b5"
MACHINE = "0869547d71711ecf8f896ced548d34727787e8ef"
BOB = {"accountName": "bob", "domainName": "CONTOSO", "userSid": "S-1-5-21-1-2-3-1104"}
BOB_ACCOUNT = Account(name="bob", domain="CONTOSO", sid="S-1-5-21-1-2-3-1104")


def only(*pieces: Json) -> Evidence:
    """The one piece of evidence these become."""
    (found,) = read(graph_incident(*pieces)).alerts[0].evidence
    return found


def none_of(*pieces: Json) -> bool:
    return read(graph_incident(*pieces)).alerts[0].evidence == ()


def done(*pieces: Json) -> tuple[AlreadyDone, ...]:
    return read(graph_incident(*pieces)).already_done


# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda incident: incident,
        lambda incident: [incident],
        lambda incident: {"value": [incident], "@odata.nextLink": "https://graph.example/more"},
        lambda incident: {"body": incident},
        lambda incident: {"body": {"value": [incident]}},
        lambda incident: {"body": {"body": incident}},
    ],
    ids=["bare", "list", "page", "body", "page-in-body", "body-in-body"],
)
def test_an_incident_is_found_however_it_is_wrapped(wrapped: object) -> None:
    assert callable(wrapped)

    assert read(wrapped(graph_incident())).source_id == "42"


def test_each_incident_of_a_page_is_its_own_result() -> None:
    page = {"value": [graph_incident(id="1"), graph_incident(id=None), graph_incident(id="3")]}

    first, second, third = parse(page)

    assert isinstance(first, IncidentReport)
    assert isinstance(second, Malformed)
    assert isinstance(third, IncidentReport)


def test_an_empty_page_holds_no_incident_and_no_fault() -> None:
    assert parse({"value": []}) == []


@pytest.mark.parametrize("body", [None, 7, "incident", True, {}, {"value": "x"}])
def test_what_is_no_incident_is_refused(body: object) -> None:
    assert refused(body).status == 422


def test_a_body_that_is_not_json_is_a_400() -> None:
    assert not_json(b"<html>").status == 400


# --- what is required ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", "null"),
        ("id", ["42"]),
        ("id", "x" * 201),
        ("displayName", None),
        ("displayName", " \x00 "),
        ("displayName", {"text": "x"}),
        ("createdDateTime", None),
        ("createdDateTime", "yesterday"),
        ("createdDateTime", "0001-01-01T00:00:00Z"),
        ("createdDateTime", 1732438800),
        ("lastUpdateDateTime", "yesterday"),
        ("lastUpdateDateTime", 1732438800),
        ("lastUpdateDateTime", ["2025-11-24T09:05:00Z"]),
        ("alerts", "none"),
        ("alerts", {"id": "da1"}),
    ],
)
def test_a_required_field_that_is_missing_or_crooked_is_named(field: str, value: object) -> None:
    fault = refused(graph_incident(**{field: value}))

    assert fault.field == field
    assert fault.status == 422
    assert fault.reason


def test_the_fault_keeps_what_was_sent() -> None:
    sent = graph_incident(id=None)

    assert refused(sent).raw is sent


def test_an_alert_without_any_id_is_named() -> None:
    crooked = graph_alert(id=None, providerAlertId="")

    assert refused(graph_incident(alerts=[graph_alert(), crooked])).field == "alerts[1].id"


@pytest.mark.parametrize(
    ("alerts", "field"),
    [
        (["da1"], "alerts[0]"),
        ([graph_alert(evidence="[]")], "alerts[0].evidence"),
        ([graph_alert(evidence=[piece("user"), 7])], "alerts[0].evidence[1]"),
    ],
)
def test_a_list_that_holds_no_objects_is_named(alerts: object, field: str) -> None:
    assert refused(graph_incident(alerts=alerts)).field == field


@pytest.mark.parametrize("alerts", [None, [], [None]])
def test_an_incident_may_come_without_alerts(alerts: object) -> None:
    assert read(graph_incident(alerts=alerts)).alerts == ()


@pytest.mark.parametrize("evidence", [None, [], [None]])
def test_an_alert_may_come_without_evidence(evidence: object) -> None:
    alert = graph_alert(evidence=evidence)

    assert read(graph_incident(alerts=[alert])).alerts[0].evidence == ()


def test_an_alert_is_known_by_its_providers_id_where_it_has_no_other() -> None:
    alert = graph_alert(id=None, providerAlertId="p1", title=None)

    assert read(graph_incident(alerts=[alert])).alerts[0].id == "p1"


@pytest.mark.parametrize("updated", [None, "", "null", "0001-01-01T00:00:00Z"])
def test_an_incident_never_updated_counts_as_updated_when_created(updated: object) -> None:
    report = read(graph_incident(lastUpdateDateTime=updated))

    assert report.updated == report.created


def test_title_stands_in_for_display_name() -> None:
    assert read(graph_incident(displayName=None, title="Phish")).title == "Phish"


def test_a_number_may_be_an_id() -> None:
    assert read(graph_incident(id=264)).source_id == "264"


# --- spellings -----------------------------------------------------------------------------------


def test_seven_decimals_are_cut_to_six() -> None:
    report = read(graph_incident())

    assert report.created == datetime(2025, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2025-11-24T09:05:00", "2025-11-24T10:05:00+01:00"])
def test_times_are_in_utc_with_or_without_an_offset(written: str) -> None:
    report = read(graph_incident(lastUpdateDateTime=written))

    assert report.updated == datetime(2025, 11, 24, 9, 5, tzinfo=UTC)
    assert report.updated.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "written", ["0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z", "null", "", None]
)
def test_never_is_no_time(written: object) -> None:
    alert = graph_alert(firstActivityDateTime=written)

    assert read(graph_incident(alerts=[alert])).alerts[0].first_activity is None


@pytest.mark.parametrize("written", ["high", "High", "HIGH"])
def test_enums_read_in_either_case(written: str) -> None:
    assert read(graph_incident(severity=written)).severity is Severity.HIGH


@pytest.mark.parametrize("written", [None, "UnSpecified", "unknownFutureValue", "null", 3])
def test_without_a_severity_it_takes_the_highest_of_its_alerts(written: object) -> None:
    alerts = [graph_alert(severity="low"), graph_alert(id="da2", severity="High")]

    assert read(graph_incident(severity=written, alerts=alerts)).severity is Severity.HIGH


def test_without_any_severity_it_is_medium() -> None:
    assert read(graph_incident(severity=None, alerts=[])).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("written", "product"),
    [
        ("microsoftDefenderForEndpoint", Product.ENDPOINT),
        ("MicrosoftDefenderForEndpoint", Product.ENDPOINT),
        ("azureAdIdentityProtection", Product.ENTRA),
        ("microsoftAppGovernance", Product.CLOUD_APPS),
        ("microsoftThreatIntelligence", Product.OTHER),
        ("somethingNew", Product.OTHER),
        (None, Product.OTHER),
    ],
)
def test_products_read_and_unknown_ones_are_other(written: object, product: Product) -> None:
    alert = graph_alert(serviceSource=written)

    assert read(graph_incident(alerts=[alert])).alerts[0].product is product


@pytest.mark.parametrize(
    ("written", "remediation"),
    [
        ("Remediated", Remediation.REMEDIATED),
        ("pendingApproval", Remediation.PENDING),
        ("running", Remediation.PENDING),
        ("partiallyRemediated", Remediation.UNREMEDIATED),
        ("declined", Remediation.UNREMEDIATED),
        ("notFound", Remediation.NONE),
        ("unknownFutureValue", Remediation.NONE),
        (None, Remediation.NONE),
    ],
)
def test_remediations_read_and_unknown_ones_are_none(
    written: object, remediation: Remediation
) -> None:
    assert only(piece("url", url="u", remediationStatus=written)).remediation is remediation


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ("Malicious", Verdict.MALICIOUS),
        ("noThreatsFound", Verdict.CLEAN),
        ("unknownFutureValue", Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
)
def test_verdicts_read_and_new_ones_are_unknown(written: object, verdict: Verdict) -> None:
    assert only(piece("url", url="u", verdict=written)).verdict is verdict


def test_tags_are_read_in_both_spellings_and_once() -> None:
    report = read(graph_incident(customTags=["a", "b"], tags=["b", "c"], systemTags=["d", None]))

    assert report.tags == ("a", "b", "c", "d")


@pytest.mark.parametrize("written", ["unknown", "Unknown", "NotAvailable", "null", None])
def test_a_classification_nobody_gave_is_none(written: object) -> None:
    assert read(graph_incident(classification=written)).classification is None


def test_a_determination_we_do_not_know_is_kept() -> None:
    assert read(graph_incident(determination="compromisedUser")).determination == "compromisedUser"


@pytest.mark.parametrize(
    ("written", "status"),
    [("Resolved", "resolved"), ("InProgress", "inProgress"), (None, "active"), ("new", "new")],
)
def test_the_status_is_the_sources_own_in_one_spelling(written: object, status: str) -> None:
    assert read(graph_incident(status=written)).status == status


@pytest.mark.parametrize("target", ["261", 261])
def test_a_merged_incident_says_where_it_went(target: object) -> None:
    report = read(graph_incident(status="Redirected", redirectIncidentId=target, severity=None))

    assert report.redirected_to == "261"
    assert report.status == "redirected"


@pytest.mark.parametrize(
    "marked",
    [
        {"displayName": "BEC financial fraud (attack disruption)"},
        {"systemTags": ["Attack Disruption"]},
        {"customTags": ["AttackDisruption"]},
        {"alerts": [graph_alert(systemTags=["attack disruption"])]},
    ],
)
def test_attack_disruption_is_seen_in_title_and_tags(marked: Json) -> None:
    assert read(graph_incident(**marked)).disrupted


def test_an_ordinary_incident_is_not_disrupted() -> None:
    assert not read(graph_incident(customTags=["Disruption of service"])).disrupted


@pytest.mark.parametrize(
    ("fields", "detector"),
    [
        ({"detectorId": "UnfamiliarFeatures"}, "unfamiliarFeatures"),
        ({"detectorId": None, "title": "Atypical travel"}, "unlikelyTravel"),
        ({"detectorId": "MaliciousIP", "title": "Malicious IP address"}, "maliciousIPAddress"),
        ({"detectorId": "NewRisk", "title": "Something new"}, "NewRisk"),
    ],
)
def test_an_entra_alert_is_known_by_its_risk_event_type(fields: Json, detector: str) -> None:
    alert = graph_alert(serviceSource="azureAdIdentityProtection", **fields)

    assert read(graph_incident(alerts=[alert])).alerts[0].detector == detector


def test_only_entra_titles_name_detectors() -> None:
    alert = graph_alert(title="Password spray", detectorId=None)

    assert read(graph_incident(alerts=[alert])).alerts[0].detector is None


# --- texts ---------------------------------------------------------------------------------------


def test_texts_are_cut() -> None:
    report = read(
        graph_incident(
            piece("process", processCommandLine="c" * 9000),
            displayName="t" * 900,
            description="d" * 9000,
        )
    )
    process = report.alerts[0].evidence[0]

    assert isinstance(process, ProcessEvidence)
    assert len(process.command_line or "") == 2000
    assert len(report.title) == 300
    assert report.title.endswith("…")
    assert len(report.description) == 4000


def test_control_characters_and_lone_surrogates_are_gone() -> None:
    report = read(
        graph_incident(displayName="a\x00b\x1b[31m\ud800c\r\nd", description="x\r\ny\x07")
    )

    assert report.title == "ab[31mc d"
    assert report.description == "x\ny"


# --- evidence ------------------------------------------------------------------------------------


def test_a_user_is_read_by_any_of_the_identifiers() -> None:
    account = {
        "accountName": "null",
        "domainName": "CONTOSO",
        "userSid": "S-1-5-21-1-2-3-1104",
        "azureAdUserId": "dc20cef7-a9fe-4773-b652-5efb74d750af",
        "userPrincipalName": "",
    }

    assert only(piece("user", userAccount=account, roles=["compromised"])) == UserEvidence(
        account=Account(
            object_id="dc20cef7-a9fe-4773-b652-5efb74d750af",
            sid="S-1-5-21-1-2-3-1104",
            domain="CONTOSO",
        ),
        roles=("compromised",),
    )


def test_the_empty_object_id_is_nobodys() -> None:
    account = BOB | {"azureAdUserId": "00000000-0000-0000-0000-000000000000"}

    assert only(piece("user", userAccount=account)) == UserEvidence(account=BOB_ACCOUNT)


def test_a_device_brings_its_users_once() -> None:
    logged_on = {"accountName": "bob", "domainName": "CONTOSO"}
    device = piece(
        "device",
        mdeDeviceId=MACHINE.upper(),
        azureAdDeviceId="5d0c7b1e-93aa-4f0e-8b57-2f6a1c9d4e71",
        hostName=None,
        deviceDnsName="laptop-7.ad.contoso.example",
        osPlatform="Windows11",
        loggedOnUsers=[logged_on, logged_on, {"accountName": None}, None],
    )

    assert only(device) == DeviceEvidence(
        device_id=MACHINE,
        entra_id="5d0c7b1e-93aa-4f0e-8b57-2f6a1c9d4e71",
        name="laptop-7.ad.contoso.example",
        os="Windows11",
        users=(Account(name="bob", domain="CONTOSO"),),
    )


@pytest.mark.parametrize("written", ["../machines/1", "12345", MACHINE + "0"])
def test_a_machine_id_that_is_none_is_not_kept(written: str) -> None:
    device = only(piece("device", hostName="LAPTOP-7", mdeDeviceId=written))

    assert isinstance(device, DeviceEvidence)
    assert device.device_id is None


def test_a_file_is_read_with_its_hashes() -> None:
    details = {
        "fileName": "invoice.docm",
        "filePath": "C:\\x",
        "sha1": SHA1,
        "sha256": SHA256.upper(),
    }
    file = piece("file", fileDetails=details, detectionStatus="Detected", mdeDeviceId=MACHINE)

    assert only(file) == FileEvidence(
        name="invoice.docm",
        path="C:\\x",
        sha1=SHA1,
        sha256=SHA256,
        detection="detected",
        device_id=MACHINE,
    )


def test_a_process_is_read_with_its_parent_and_account() -> None:
    process = piece(
        "process",
        imageFile={"fileName": "powershell.exe", "sha256": SHA256},
        parentProcessImageFile={"fileName": "WINWORD.EXE"},
        processCommandLine="powershell.exe -File x.ps1",
        processCreationDateTime="2025-11-24T08:52:00.0000000Z",
        detectionStatus="detected",
        userAccount=BOB,
        mdeDeviceId=MACHINE,
    )

    assert only(process) == ProcessEvidence(
        name="powershell.exe",
        sha256=SHA256,
        command_line="powershell.exe -File x.ps1",
        parent_name="WINWORD.EXE",
        started=datetime(2025, 11, 24, 8, 52, tzinfo=UTC),
        detection="detected",
        account=BOB_ACCOUNT,
        device_id=MACHINE,
    )


def test_a_session_becomes_a_sign_in_with_the_only_address_and_app_beside_it() -> None:
    session = piece(
        "cloudLogonSession",
        sessionId="s1",
        startUtcDateTime="2025-11-24T08:52:00Z",
        userAgent="Edge",
        deviceName="DESKTOP-4Q9KT2M",
        account=piece("user", userAccount=BOB),
    )
    ip = piece("ip", ipAddress="203.0.113.77", countryLetterCode="RO")
    app = piece("cloudApplication", appId=20893, displayName="Exchange Online")

    sign_in, address, application = read(graph_incident(session, ip, app)).alerts[0].evidence

    assert sign_in == SignInEvidence(
        session="s1",
        account=BOB_ACCOUNT,
        app="Exchange Online",
        ip="203.0.113.77",
        country="RO",
        user_agent="Edge",
        device_name="DESKTOP-4Q9KT2M",
        at=datetime(2025, 11, 24, 8, 52, tzinfo=UTC),
    )
    assert address == IpEvidence(address="203.0.113.77", country="RO")
    assert application == AppEvidence(app_id="20893", name="Exchange Online")


def test_of_two_addresses_none_is_guessed_to_be_the_sign_ins() -> None:
    request = piece("cloudLogonRequest", requestId="r1")
    ips = [piece("ip", ipAddress="203.0.113.77"), piece("ip", ipAddress="203.0.113.78")]

    sign_in = read(graph_incident(request, *ips)).alerts[0].evidence[0]

    assert sign_in == SignInEvidence(session="r1")


@pytest.mark.parametrize("written", ["0.0.0.0", "::", "null", "", None, "not an address", 7])
def test_an_address_that_is_none_is_left_out(written: object) -> None:
    assert none_of(piece("ip", ipAddress=written))


def test_the_country_of_an_address_may_be_a_name() -> None:
    ip = piece("ip", ipAddress="203.0.113.77", location={"countryName": "Romania"})

    assert only(ip) == IpEvidence(address="203.0.113.77", country="Romania")


def test_an_email_names_the_sender_its_reader_saw() -> None:
    message = piece(
        "analyzedMessage",
        networkMessageId="m1",
        p1Sender={"emailAddress": "bounce@relay.example"},
        p2Sender={"emailAddress": "billing@invoices.example"},
        recipientEmailAddress="bob@contoso.example",
        subject="Invoice",
        deliveryAction="Delivered",
    )

    assert only(message) == MessageEvidence(
        message_id="m1",
        sender="billing@invoices.example",
        recipient="bob@contoso.example",
        subject="Invoice",
        delivery="Delivered",
    )


def test_a_reported_email_is_an_email() -> None:
    reported = piece(
        "submissionMail", networkMessageId="m1", sender="a@x.example", recipient="b@y.example"
    )

    assert only(reported) == MessageEvidence(
        message_id="m1", sender="a@x.example", recipient="b@y.example"
    )


def test_a_cluster_of_emails_keeps_their_ids() -> None:
    assert only(piece("mailCluster", networkMessageIds=["m1", "m2", "m1"])) == MessageEvidence(
        cluster=("m1", "m2")
    )
    assert only(piece("mailCluster", networkMessageIds=["m1"])) == MessageEvidence(
        message_id="m1", cluster=("m1",)
    )


def test_a_mailbox_is_its_address_and_its_account() -> None:
    mailbox = piece("mailbox", primaryAddress="bob@contoso.example", upn="bob@contoso.example")

    assert only(mailbox) == MailboxEvidence(
        address="bob@contoso.example", account=Account(upn="bob@contoso.example")
    )


@pytest.mark.parametrize(
    ("app", "read_as"),
    [
        (
            piece("oauthApplication", appId="a1", displayName="Helper"),
            AppEvidence(app_id="a1", name="Helper"),
        ),
        (
            piece("servicePrincipal", appId="a1", servicePrincipalName="Helper"),
            AppEvidence(app_id="a1", name="Helper"),
        ),
    ],
)
def test_apps_of_every_kind_are_apps(app: Json, read_as: AppEvidence) -> None:
    assert only(app) == read_as


def test_the_type_of_a_piece_reads_in_either_case_and_with_or_without_its_mark() -> None:
    bare: Json = {"@odata.type": "microsoft.graph.security.URLEvidence", "url": "https://x.example"}

    assert only(bare) == UrlEvidence(url="https://x.example")


@pytest.mark.parametrize(
    ("unusual", "kept"),
    [
        (
            piece("registryValue", registryHive="HKLM", registryKey="Run", registryValueName="inv"),
            OtherEvidence(type_name="registryValueEvidence", label="HKLM\\Run\\inv"),
        ),
        (
            piece("mailboxConfiguration", displayName="..", roles=["created"]),
            OtherEvidence(type_name="mailboxConfigurationEvidence", label="..", roles=("created",)),
        ),
        ({"name": "thing"}, OtherEvidence(type_name="unnamed", label="thing")),
    ],
)
def test_any_other_type_is_kept_by_its_name(unusual: Json, kept: OtherEvidence) -> None:
    assert only(unusual) == kept


def test_a_piece_that_names_nothing_is_kept_only_for_its_verdict() -> None:
    assert none_of(piece("user", userAccount=None, verdict="unknown", remediationStatus="none"))
    assert none_of(piece("file", fileDetails={"fileName": None}))
    assert none_of(piece("user", userAccount={"domainName": "CONTOSO"}))
    assert only(piece("file", verdict="malicious")) == OtherEvidence(
        type_name="fileEvidence", verdict=Verdict.MALICIOUS
    )


def test_the_same_piece_twice_is_one() -> None:
    assert only(piece("url", url="u"), piece("url", url="u")) == UrlEvidence(url="u")


# --- what is already done ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ({"remediationStatus": "remediated", "detectionStatus": "detected"}, DoneKind.QUARANTINED),
        ({"remediationStatus": "prevented"}, DoneKind.BLOCKED),
        ({"remediationStatus": "none", "detectionStatus": "Blocked"}, DoneKind.BLOCKED),
    ],
)
def test_a_file_the_source_stopped_is_already_done(file: Json, kind: DoneKind) -> None:
    details = {"fileName": "invoice.docm", "sha256": SHA256}

    assert done(piece("file", fileDetails=details, **file)) == (
        AlreadyDone(kind, "invoice.docm", SHA256),
    )


@pytest.mark.parametrize("status", ["active", "pendingApproval", "running", "declined", "none"])
def test_what_is_not_finished_is_not_done(status: str) -> None:
    device = piece(
        "device",
        hostName="LAPTOP-7",
        remediationStatus=status,
        remediationStatusDetails="Device isolated",
    )

    assert done(device) == ()


def test_a_device_is_isolated_where_the_details_say_so() -> None:
    device = piece(
        "device",
        hostName="LAPTOP-7",
        mdeDeviceId=MACHINE,
        remediationStatus="remediated",
        remediationStatusDetails="The device was isolated by attack disruption.",
    )

    assert done(device) == (AlreadyDone(DoneKind.ISOLATED, "LAPTOP-7", MACHINE),)


def test_an_account_is_disabled_where_the_details_say_so() -> None:
    user = piece(
        "user",
        userAccount=BOB,
        remediationStatus="remediated",
        remediationStatusDetails="User suspended",
    )

    assert done(user) == (AlreadyDone(DoneKind.DISABLED, "bob", None),)


@pytest.mark.parametrize(
    "details", [None, "Session revoked", "User could not be disabled", "Failed: disabled"]
)
def test_an_account_is_not_disabled_by_a_status_alone(details: object) -> None:
    user = piece(
        "user", userAccount=BOB, remediationStatus="remediated", remediationStatusDetails=details
    )

    assert done(user) == ()


def test_emails_and_links_the_source_dealt_with_are_done_once() -> None:
    message = piece("mailCluster", networkMessageIds=["m1", "m2"], remediationStatus="remediated")
    link = piece("url", url="https://x.example", remediationStatus="blocked")
    incident = graph_incident(
        alerts=[graph_alert(message, link), graph_alert(message, link, id="da2")]
    )

    assert read(incident).already_done == (
        AlreadyDone(DoneKind.REMOVED, "e-mail (2)"),
        AlreadyDone(DoneKind.BLOCKED, "https://x.example"),
    )


# --- the digest ----------------------------------------------------------------------------------

USER = piece("user", userAccount=BOB, roles=["compromised", "attacked"])
LINK = piece("url", url="https://x.example")


def test_the_order_of_things_does_not_change_the_digest() -> None:
    one, two = graph_alert(USER, LINK), graph_alert(LINK, id="da2")
    other = graph_alert(LINK, USER | {"roles": ["attacked", "compromised"]})

    first = read(graph_incident(alerts=[one, two], customTags=["a", "b"]))
    second = read(graph_incident(alerts=[two, other], customTags=["b", "a"]))

    assert first.digest == second.digest


def test_a_touch_alone_does_not_change_the_digest() -> None:
    touched = read(graph_incident(lastUpdateDateTime="2025-11-25T00:00:00Z"))

    assert touched.digest == read(graph_incident()).digest


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "43"},
        {"displayName": "Other"},
        {"severity": "low"},
        {"status": "resolved"},
        {"classification": "truePositive"},
        {"customTags": ["x"]},
        {"redirectIncidentId": "7"},
        {"alerts": [graph_alert(USER, LINK)]},
        {"alerts": [graph_alert(USER | {"verdict": "malicious"})]},
        {"alerts": [graph_alert(USER, title="Other")]},
        {"alerts": []},
    ],
)
def test_every_other_change_changes_the_digest(changed: Json) -> None:
    assert read(graph_incident(USER, **changed)).digest != read(graph_incident(USER)).digest


def test_a_digest_is_a_sha_256() -> None:
    assert len(bytes.fromhex(read(graph_incident()).digest)) == 32


# --- any JSON ------------------------------------------------------------------------------------

INCIDENT_FIELDS = [
    "id",
    "displayName",
    "createdDateTime",
    "lastUpdateDateTime",
    "severity",
    "status",
    "classification",
    "tenantId",
    "description",
    "redirectIncidentId",
    "customTags",
    "tags",
    "systemTags",
    "alerts",
    "title",
]
EVIDENCE_FIELDS = [
    "userAccount",
    "fileDetails",
    "imageFile",
    "parentProcessImageFile",
    "processCommandLine",
    "loggedOnUsers",
    "hostName",
    "mdeDeviceId",
    "ipAddress",
    "location",
    "url",
    "networkMessageIds",
    "networkMessageId",
    "p2Sender",
    "primaryAddress",
    "appId",
    "displayName",
    "sessionId",
    "requestId",
    "account",
    "startUtcDateTime",
    "registryKey",
    "verdict",
    "remediationStatus",
    "remediationStatusDetails",
    "roles",
    "detectionStatus",
    "@odata.type",
]
KINDS = [
    "user",
    "device",
    "file",
    "process",
    "cloudLogonRequest",
    "cloudLogonSession",
    "ip",
    "url",
    "analyzedMessage",
    "mailCluster",
    "submissionMail",
    "mailbox",
    "cloudApplication",
    "oauthApplication",
    "servicePrincipal",
    "registryValue",
]


@given(ANY_JSON)
def test_any_json_is_read_or_refused_and_never_raises(body: object) -> None:
    assert all(isinstance(parsed, IncidentReport | Malformed) for parsed in parse(body))


@given(st.sampled_from(INCIDENT_FIELDS), ANY_JSON)
def test_any_value_in_any_field_never_raises(field: str, value: object) -> None:
    assert len(parse(graph_incident(**{field: value}))) == 1


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(EVIDENCE_FIELDS), ANY_JSON))
def test_any_value_in_any_piece_of_evidence_never_raises(kind: str, fields: Json) -> None:
    incident = graph_incident({"@odata.type": f"{TYPE}{kind}Evidence"} | fields)

    report = read(incident)

    assert json.dumps(report.digest)


# --- what is refused, and what to post instead ---------------------------------------------------


@pytest.mark.parametrize(
    ("other", "instead"),
    [
        (graph_alert(), "incidents/{id}?$expand=alerts"),
        ({"id": "da1", "title": "x", "evidence": []}, "incidents/{id}?$expand=alerts"),
        ({"id": "r", "riskEventType": "unfamiliarFeatures"}, "risk detection"),
        ({"incidentId": 1, "incidentName": "x", "alerts": []}, "older Defender XDR API"),
        ({"properties": {"title": "x"}, "etag": "1"}, "Defender incident it mirrors"),
        ({"SystemAlertId": "x", "AlertName": "y"}, "Log Analytics"),
    ],
)
def test_what_is_no_incident_is_told_what_to_post_instead(other: Json, instead: str) -> None:
    fault = refused(other)

    assert fault.field == "body"
    assert instead in fault.reason


def test_in_a_page_the_refused_one_is_named_by_its_place() -> None:
    _, second = parse({"value": [graph_incident(), graph_alert()]})

    assert isinstance(second, Malformed)
    assert second.field == "value[1]"


# --- writing back --------------------------------------------------------------------------------


def test_resolving_carries_the_comment() -> None:
    patch = status_patch("truePositive", "malware", "resolved", "It was malware.")

    assert patch == {
        "status": "resolved",
        "classification": "truePositive",
        "determination": "malware",
        "resolvingComment": "It was malware.",
    }


def test_an_open_incident_gets_its_comment_by_another_call() -> None:
    assert "resolvingComment" not in status_patch("unknown", "unknown", "inProgress", "Asking Bob.")
    assert comment_post("Asking Bob.") == {
        "@odata.type": "microsoft.graph.security.alertComment",
        "comment": "Asking Bob.",
    }


@pytest.mark.parametrize(
    ("disposition", "determination", "written"),
    [
        ("truePositive", "notMalicious", "other"),
        ("informationalExpectedActivity", "lineOfBusinessApplication", "lineOfBusinessApplication"),
        ("falsePositive", "malware", "other"),
        ("unknown", "malware", "unknown"),
    ],
)
def test_a_determination_goes_with_its_classification(
    disposition: str, determination: str, written: str
) -> None:
    patch = status_patch(disposition, determination, "resolved", "")

    assert patch["determination"] == written


def test_every_disposition_can_be_written_back() -> None:
    assert set(DETERMINATIONS) == {disposition.value for disposition in Disposition}


@pytest.mark.shared
def test_what_we_write_are_graphs_own_words() -> None:
    if not SCHEMA.is_file():
        pytest.skip(f"Graph's schema is read from {SCHEMA}, which is absent")
    enums = json.loads(SCHEMA.read_text())["enums"]

    assert set(DETERMINATIONS) <= set(enums["alertClassification"])
    assert set().union(*DETERMINATIONS.values()) <= set(enums["alertDetermination"])


# --- real incidents ------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "users", "devices", "files"),
    [
        ("secrl_34_graph_incident.json", 1, 1, 7),
        ("secrl_38_graph_incident.json", 1, 1, 3),
        ("secrl_55_graph_incident.json", 6, 5, 22),
        ("secrl_134_graph_incident.json", 1, 0, 0),
    ],
)
def test_real_incidents_give_their_people_devices_and_files(
    name: str, users: int, devices: int, files: int
) -> None:
    report = read(real(name))
    pieces = [piece for alert in report.alerts for piece in alert.evidence]

    assert len({p.account.key for p in pieces if isinstance(p, UserEvidence)}) == users
    assert len({(p.device_id, p.name) for p in pieces if isinstance(p, DeviceEvidence)}) == devices
    assert len({(p.name, p.sha256) for p in pieces if isinstance(p, FileEvidence)}) == files


@pytest.mark.shared
def test_a_real_disrupted_fraud_is_recognised() -> None:
    report = read(real("secrl_134_graph_incident.json"))
    kinds = Counter(piece.kind for alert in report.alerts for piece in alert.evidence)

    assert report.source is Source.DEFENDER
    assert report.disrupted
    assert kinds["signIn"] == 4
    assert report.alerts[0].detector == "maliciousIPAddress"

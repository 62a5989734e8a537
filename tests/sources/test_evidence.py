"""Each type of Graph's evidence becomes ours, or is kept by its name."""

from datetime import UTC, datetime

import pytest

from tests.sources.graph_payloads import (
    BOB,
    BOB_ACCOUNT,
    MACHINE,
    SHA1,
    SHA256,
    Json,
    graph_incident,
    none_of,
    only,
    piece,
    read,
)
from triage.report import (
    Account,
    AppEvidence,
    DeviceEvidence,
    FileEvidence,
    IpEvidence,
    MailboxEvidence,
    MessageEvidence,
    OtherEvidence,
    ProcessEvidence,
    SignInEvidence,
    UrlEvidence,
    UserEvidence,
    Verdict,
)


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

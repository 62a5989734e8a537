"""Sentinel's entities, in both spellings, are what Graph's evidence would be."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import evidence
from sources.entities import as_evidence
from tests.sources.any_json import ANY_JSON, unhurried
from tests.sources.graph_payloads import MACHINE, SHA1, SHA256
from tests.sources.sentinel_payloads import WORKSPACE, Json, entity
from triage.report import (
    Account,
    AppEvidence,
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IpEvidence,
    MailboxEvidence,
    MessageEvidence,
    OtherEvidence,
    ProcessEvidence,
    Remediation,
    SignInEvidence,
    UrlEvidence,
    UserEvidence,
    Verdict,
)

BOB = "bob@contoso.example"


def found(*entities: object) -> tuple[Evidence, ...]:
    return evidence.read(as_evidence(entities))


def only(*entities: object) -> Evidence:
    (piece,) = found(*entities)
    return piece


def row(kind: str, **fields: object) -> Json:
    return {"$id": "2", "Type": kind, **fields}


# --- accounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "account"),
    [
        ({"Name": "bob"}, Account(name="bob")),
        ({"Name": "bob", "UPNSuffix": "contoso.example"}, Account(name="bob", upn=BOB)),
        ({"Name": BOB}, Account(name="bob", upn=BOB)),
        ({"Name": BOB, "UPNSuffix": "contoso.example"}, Account(name="bob", upn=BOB)),
        ({"Name": "CONTOSO\\bob"}, Account(name="bob", domain="CONTOSO")),
        ({"Name": "bob", "NTDomain": "CONTOSO"}, Account(name="bob", domain="CONTOSO")),
        (
            {"Name": "Bob Meyer", "UPNSuffix": "contoso.example", "AccountName": "bob"},
            Account(name="bob", upn=BOB),
        ),
        ({"Name": "Bob Meyer", "UPNSuffix": "contoso.example"}, Account(name="Bob Meyer")),
        ({"UserPrincipalName": BOB, "DisplayName": "Bob Meyer"}, Account(upn=BOB)),
        ({"Sid": "S-1-5-21-1-2-3-1104"}, Account(sid="S-1-5-21-1-2-3-1104")),
        ({"AadUserId": "b0b", "AadTenantId": "t"}, Account(object_id="b0b")),
        ({"Name": "null", "Sid": "", "AadUserId": "b0b"}, Account(object_id="b0b")),
    ],
)
def test_an_account_is_read_by_any_of_its_names(named: Json, account: Account) -> None:
    assert only(row("account", **named)) == UserEvidence(account=account)


def test_the_api_spells_an_account_otherwise() -> None:
    told = entity(
        "Account",
        accountName="bob",
        uPNSuffix="contoso.example",
        nTDomain="CONTOSO",
        sid="S-1-5-21-1-2-3-1104",
        aadUserId="b0b",
        friendlyName="Bob",
    )

    assert only(told) == UserEvidence(
        account=Account(
            object_id="b0b", upn=BOB, sid="S-1-5-21-1-2-3-1104", name="bob", domain="CONTOSO"
        )
    )


def test_the_name_of_an_entity_is_no_account() -> None:
    assert found(entity("Account", friendlyName="x", isValid=False)) == ()


# --- references ------------------------------------------------------------------------------------


def test_what_is_told_by_reference_is_the_thing_itself_and_once() -> None:
    image = row("file", Name="powershell.exe", FileHashes=[{"$ref": "5"}]) | {"$id": "4"}
    hash_ = {"$id": "5", "Algorithm": "SHA256", "Value": SHA256, "Type": "filehash"}
    host = {"$id": "6", "HostName": "LAPTOP-7", "MdatpDeviceId": MACHINE, "Type": "host"}
    user = row("account", Name="bob") | {"$id": "7"}
    process = row(
        "process",
        CommandLine="powershell.exe -File x.ps1",
        CreationTimeUtc="2025-11-24T08:52:00.0000000Z",
        ImageFile=image,
        ParentProcess={"$id": "8", "ImageFile": {"$id": "9", "Name": "WINWORD.EXE"}},
        Account={"$ref": "7"},
        Host={"$ref": "6"},
    )

    ran, file, device, account = found(process, {"$ref": "4"}, hash_, {"$ref": "5"}, host, user)

    assert ran == ProcessEvidence(
        name="powershell.exe",
        sha256=SHA256,
        command_line="powershell.exe -File x.ps1",
        parent_name="WINWORD.EXE",
        started=datetime(2025, 11, 24, 8, 52, tzinfo=UTC),
        account=Account(name="bob"),
        device_id=MACHINE,
    )
    assert file == FileEvidence(name="powershell.exe", sha256=SHA256)
    assert device == DeviceEvidence(name="LAPTOP-7", device_id=MACHINE)
    assert account == UserEvidence(account=Account(name="bob"))


def test_the_api_refers_by_id() -> None:
    file = entity("File", fileName="x.exe", fileHashEntityIds=[f"{WORKSPACE}/Entities/FileHash"])
    hash_ = entity("FileHash", algorithm="SHA1", hashValue=SHA1)
    process = entity(
        "Process", commandLine="x", imageFileEntityId=f"{WORKSPACE}/Entities/File".upper()
    )

    first, second = found(file, hash_, process)

    assert first == FileEvidence(name="x.exe", sha1=SHA1)
    assert isinstance(second, ProcessEvidence)
    assert second.name == "x.exe"


def test_a_reference_to_nothing_and_one_to_itself_are_nothing() -> None:
    circle: Json = {"$id": "2", "Type": "process", "ParentProcess": {"$ref": "2"}}

    assert found({"$ref": "99"}, circle, {"$ref": None}) == ()


def test_a_hash_without_a_file_is_a_file() -> None:
    assert only(row("filehash", Algorithm="SHA256", Value=SHA256)) == FileEvidence(sha256=SHA256)


# --- the others ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "piece"),
    [
        (
            row("ip", Address="203.0.113.77", Location={"CountryCode": "RO"}),
            IpEvidence(address="203.0.113.77", country="RO"),
        ),
        (
            entity("Ip", address="203.0.113.77", location={"countryName": "Romania"}),
            IpEvidence(address="203.0.113.77", country="Romania"),
        ),
        (row("url", Url="https://x.example"), UrlEvidence(url="https://x.example")),
        (
            entity("Host", fQDN="laptop-7.contoso.example", oSFamily="Windows", aadDeviceId="d"),
            DeviceEvidence(name="laptop-7.contoso.example", os="Windows", entra_id="d"),
        ),
        (
            row("host", HostName="LAPTOP-7", DnsDomain="contoso.example", LoggedOnUsers=[]),
            DeviceEvidence(name="LAPTOP-7"),
        ),
        (
            row(
                "host",
                NetBiosName="LAPTOP-7",
                LastIpAddress={"$ref": "3"},
                LoggedOnUsers=[{"AccountName": "bob", "DomainName": "CONTOSO"}],
            ),
            DeviceEvidence(name="LAPTOP-7", users=(Account(name="bob", domain="CONTOSO"),)),
        ),
        (
            row("mailbox", MailboxPrimaryAddress=BOB, Upn=BOB, AadId="b0b"),
            MailboxEvidence(address=BOB, account=Account(object_id="b0b", upn=BOB)),
        ),
        (
            row(
                "mailMessage",
                NetworkMessageId="m1",
                P1Sender="bounce@relay.example",
                P2Sender="billing@invoices.example",
                Recipient=BOB,
                Subject="Invoice",
                DeliveryAction="Delivered",
            ),
            MessageEvidence(
                message_id="m1",
                sender="billing@invoices.example",
                recipient=BOB,
                subject="Invoice",
                delivery="Delivered",
            ),
        ),
        (
            entity("SubmissionMail", networkMessageId="m1", sender="a@x.example", recipient=BOB),
            MessageEvidence(message_id="m1", sender="a@x.example", recipient=BOB),
        ),
        (
            row("mailCluster", NetworkMessageIds=["m1", "m2"]),
            MessageEvidence(cluster=("m1", "m2")),
        ),
        (
            row("cloud-application", AppId=20893, Name="Exchange Online"),
            AppEvidence(app_id="20893", name="Exchange Online"),
        ),
        (
            entity("CloudApplication", appId=20893, appName="Exchange Online"),
            AppEvidence(app_id="20893", name="Exchange Online"),
        ),
        (
            row("oauth-application", OAuthAppId="a1", Name="Helper"),
            AppEvidence(app_id="a1", name="Helper"),
        ),
        (row("cloud-logon-request", RequestId="r1"), SignInEvidence(session="r1")),
        (
            row("registry-value", Key={"Hive": "HKLM", "Key": "Run"}, Name="inv"),
            OtherEvidence(type_name="registryValueEvidence", label="HKLM\\Run\\inv"),
        ),
        (
            entity("Malware", malwareName="Emotet", friendlyName="Emotet"),
            OtherEvidence(type_name="MalwareEvidence", label="Emotet"),
        ),
    ],
)
def test_each_type_is_read_in_either_spelling(told: Json, piece: Evidence) -> None:
    assert only(told) == piece


def test_a_session_is_of_the_account_it_refers_to() -> None:
    session = row("cloud-logon-session", SessionId="s1", Account={"$ref": "3"}, UserAgent="Edge")
    user = row("account", Name="bob") | {"$id": "3"}

    assert found(session, user)[0] == SignInEvidence(
        session="s1", account=Account(name="bob"), user_agent="Edge"
    )


def test_a_verdict_a_remedy_and_roles_are_read() -> None:
    told = row(
        "file",
        Name="x.exe",
        LastVerdict="Malicious",
        LastRemediationState="Blocked",
        DetectionStatus="Prevented",
        Roles=["Compromised", 7],
    )

    assert only(told) == FileEvidence(
        name="x.exe",
        verdict=Verdict.MALICIOUS,
        remediation=Remediation.BLOCKED,
        detection="prevented",
        roles=("compromised", "7"),
    )


KINDS = ["account", "host", "file", "process", "mailMessage", "registry-value", "Malware", "ip"]
FIELDS = ["$id", "$ref", "Name", "Account", "Host", "ImageFile", "FileHashes", "Key", "properties"]
FIELDS += ["LoggedOnUsers", "Location", "Roles", "UPNSuffix", "kind", "Type", "NetworkMessageIds"]


@unhurried
@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), ANY_JSON)),
        max_size=2,
    )
)
def test_any_entities_never_raise(told: list[tuple[str, Json]]) -> None:
    assert isinstance(found(*({"Type": kind} | fields for kind, fields in told)), tuple)

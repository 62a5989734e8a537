"""From alerts to what is kept of them, and what ties two reports together."""

from collections.abc import Mapping

import pytest

from tests.triage.triage_script import (
    BOB,
    CARLA,
    INVOICE,
    LAPTOP,
    Case,
    alert,
    malware_ran,
    report,
    user,
)
from triage.events import Match
from triage.extract import accounts, strong_keys
from triage.incident import IncidentType, QuestionKind
from triage.report import (
    Account,
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IncidentReport,
    MailboxEvidence,
    MessageEvidence,
    OtherEvidence,
    ProcessEvidence,
    Product,
    Severity,
    SignInEvidence,
    Verdict,
)

BOBS = Account(object_id=BOB.object_id)
CARLAS = Account(upn=CARLA.upn)
SYSTEM = Account(name="SYSTEM", sid="S-1-5-18")
MACHINE = Account(name="LAPTOP-7$", domain="CONTOSO")


def told(*evidence: Evidence) -> IncidentReport:
    return report(alert("Malware was detected", Product.ENDPOINT, Severity.HIGH, *evidence))


def keys_of(*evidence: Evidence, matches: Mapping[str, Match] | None = None) -> frozenset[str]:
    return strong_keys(told(*evidence), matches or {})


# --- who -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ([MailboxEvidence(account=CARLAS), ProcessEvidence(account=BOBS)], (CARLAS,)),
        ([SignInEvidence(account=BOBS)], (BOBS,)),
        ([ProcessEvidence(account=BOBS), DeviceEvidence(users=(CARLAS,))], (BOBS,)),
        ([DeviceEvidence(name="L", users=(CARLAS, CARLAS))], (CARLAS,)),
        ([ProcessEvidence(account=SYSTEM), DeviceEvidence(users=(BOBS,))], (BOBS,)),
        ([ProcessEvidence(account=MACHINE)], ()),
        ([], ()),
    ],
)
def test_the_account_is_who_is_named_else_who_ran_it_else_who_was_logged_on(
    evidence: list[Evidence], expected: tuple[Account, ...]
) -> None:
    assert accounts(told(*evidence)) == expected


@pytest.mark.parametrize(
    ("account", "key", "label"),
    [
        (Account(object_id="A", upn="B@c"), "oid:a", "B@c"),
        (Account(upn="B@c", sid="S-1"), "upn:b@c", "B@c"),
        (Account(sid="S-1", name="bob"), "sid:s-1", "bob"),
        (Account(name="Bob", domain="CORP"), "name:corp\\bob", "Bob"),
        (Account(), "name:\\", "unnamed account"),
    ],
)
def test_an_account_is_known_by_its_strongest_identifier(
    account: Account, key: str, label: str
) -> None:
    assert (account.key, account.label) == (key, label)


def test_two_names_of_one_person_are_one_affected_person() -> None:
    case = Case().reported(told(user(BOBS), user(Account(upn=BOB.upn)), LAPTOP, INVOICE))

    assert [a.person for a in case.state.affected] == [BOB]


def test_somebody_is_known_by_all_alerts_that_name_them_and_the_file_of_the_first() -> None:
    malware = [
        alert(f"Malware {name}", Product.ENDPOINT, Severity.HIGH, user(BOB), LAPTOP, file)
        for name in ("a.docm", "b.docm")
        if (file := FileEvidence(name=name))
    ]
    signed_in = alert("Anomalous token", Product.ENTRA, Severity.HIGH, user(BOB), user(CARLA))

    bob, carla = Case().reported(report(signed_in, *malware)).state.affected

    assert bob.kinds == (IncidentType.STOLEN_SESSION, IncidentType.MALICIOUS_FILE)
    assert (bob.file, bob.device) == ("a.docm", "LAPTOP-7")
    assert (carla.kinds, carla.file) == ((IncidentType.STOLEN_SESSION,), None)


# --- what ----------------------------------------------------------------------------------------


def test_suspect_files_come_first() -> None:
    harmless = FileEvidence(name="readme.txt")
    case = Case().reported(told(user(BOB), harmless, INVOICE))

    assert [f.name for f in case.state.files] == ["invoice.docm", "readme.txt"]


def test_a_stopped_file_of_an_alert_with_a_process_did_run() -> None:
    stopped = FileEvidence(name="a.exe", detection="blocked")
    case = Case().reported(told(user(BOB), stopped, ProcessEvidence(name="a.exe")))

    assert case.question().kind is QuestionKind.FILE_OPENED


# --- what ties reports together ------------------------------------------------------------------


def test_user_device_file_mail_and_session_tie_reports_together() -> None:
    assert keys_of(
        user(BOBS),
        LAPTOP,
        INVOICE,
        MessageEvidence(message_id="M-1"),
        SignInEvidence(session="S-1"),
    ) == {
        f"oid:{BOB.object_id}",
        f"device:{'d' * 40}",
        f"file:{'2' * 64}",
        "mail:m-1",
        "session:s-1",
    }


def test_a_person_ties_whatever_name_the_source_uses() -> None:
    by_name = keys_of(user(CARLAS), matches={CARLAS.key: Match(CARLA)})

    assert by_name == {f"oid:{CARLA.object_id}"}


def test_an_unmatched_name_and_a_harmless_file_tie_nothing() -> None:
    other = OtherEvidence(type_name="registryKey")
    assert keys_of(user(CARLAS), FileEvidence(name="readme.txt", sha256="3" * 64), other) == set()


def test_a_device_without_an_id_ties_by_name() -> None:
    assert keys_of(DeviceEvidence(name="LAPTOP-7")) == {"device:laptop-7"}


# --- signs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "sign"),
    [
        (FileEvidence(name="a", verdict=Verdict.SUSPICIOUS), "sign.verdict_suspicious"),
        (SignInEvidence(phishing_resistant=True), "sign.phishing_resistant"),
    ],
)
def test_a_sign_is_read_from_the_evidence(evidence: Evidence, sign: str) -> None:
    assert sign in Case().reported(told(user(BOB), evidence)).rules


def test_an_anonymous_network_speaks_against_a_sign_in() -> None:
    hidden = alert("Anonymous IP address", Product.ENTRA, Severity.LOW, user(BOB))

    assert "sign.anonymous_network" in Case().reported(report(hidden)).rules


def test_started_by_hand_in_one_report_outweighs_stopped_in_another() -> None:
    stopped = told(user(BOB), FileEvidence(name="a.exe", detection="blocked"))
    case = Case().reported(stopped).reported(malware_ran(by_hand=True, source_id="9"), after=1)

    assert "sign.executed" in case.rules
    assert "sign.prevented" not in case.rules

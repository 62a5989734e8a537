"""Which alert is which kind of case: by product, detector and technique, and else by title."""

from dataclasses import replace
from typing import Any

import pytest

from tests.triage.kinds import TITLES, example
from tests.triage.triage_script import alert, malware_blocked, malware_ran, report
from triage.incident import IncidentType
from triage.playbooks import gravest_first
from triage.recognising import (
    PRIORS,
    Detector,
    detector_of,
    is_users_own_report,
    recognise,
    type_of,
)
from triage.report import Product, Severity

T = IncidentType

BY_MARK: list[tuple[Product, dict[str, Any], IncidentType]] = [
    (Product.DLP, {}, T.RESTRICTED),
    (Product.INSIDER, {}, T.RESTRICTED),
    (Product.ENDPOINT, {"techniques": ("T1486",)}, T.RANSOMWARE),
    (Product.ENDPOINT, {"category": "Ransomware"}, T.RANSOMWARE),
    (Product.ENTRA, {"detector": "attackerinTheMiddle"}, T.STOLEN_SESSION),
    (Product.ENTRA, {"detector": "anomalousToken"}, T.STOLEN_SESSION),
    (Product.XDR, {"techniques": ("T1557",)}, T.STOLEN_SESSION),
    (Product.ENTRA, {"detector": "userReportedSuspiciousActivity"}, T.MFA_FATIGUE),
    (Product.SENTINEL, {"techniques": ("T1621",)}, T.MFA_FATIGUE),
    (Product.SENTINEL, {"techniques": ("T1556.006",)}, T.NEW_MFA_METHOD),
    (Product.CLOUD_APPS, {"techniques": ("T1564.008",)}, T.INBOX_RULE),
    (Product.OFFICE, {"techniques": ("T1114.003",)}, T.INBOX_RULE),
    (Product.ENTRA, {"detector": "mcasSuspiciousInboxManipulationRules"}, T.INBOX_RULE),
    (Product.CLOUD_APPS, {"techniques": ("T1528",)}, T.APP_CONSENT),
    (Product.CLOUD_APPS, {"techniques": ("T1098.001",)}, T.APP_SECRET),
    (Product.SENTINEL, {"techniques": ("T1098.003",)}, T.ROLE_ELEVATION),
    (Product.SENTINEL, {"techniques": ("T1098.005",)}, T.DEVICE_JOIN),
    (Product.ENTRA, {"detector": "leakedCredentials"}, T.LEAKED_PASSWORD),
    (Product.ENTRA, {"detector": "passwordSpray"}, T.PASSWORD_SPRAY),
    (Product.IDENTITY, {"techniques": ("T1110.003",)}, T.PASSWORD_SPRAY),
    (Product.ENTRA, {"detector": "unlikelyTravel"}, T.UNFAMILIAR_SIGN_IN),
    (Product.ENTRA, {"detector": "unfamiliarFeatures"}, T.UNFAMILIAR_SIGN_IN),
    (Product.ENTRA, {"detector": "anonymizedIPAddress"}, T.UNFAMILIAR_SIGN_IN),
    (Product.ENTRA, {"detector": "maliciousIPAddress"}, T.UNFAMILIAR_SIGN_IN),
    (Product.ENTRA, {"detector": "riskyIPAddress"}, T.UNFAMILIAR_SIGN_IN),
    (Product.CLOUD_APPS, {"techniques": ("T1078.004",)}, T.UNFAMILIAR_SIGN_IN),
    (Product.OFFICE, {"techniques": ("T1534",)}, T.OUTBOUND_SPAM),
    (Product.ENTRA, {"detector": "suspiciousSendingPatterns"}, T.OUTBOUND_SPAM),
    (Product.OFFICE, {"techniques": ("T1566.004",)}, T.HELPDESK_CALL),
    (Product.OFFICE, {"techniques": ("T1204.001",)}, T.PHISH_CLICK),
    (Product.ENDPOINT, {"techniques": ("T1219",)}, T.REMOTE_TOOL),
    (Product.ENDPOINT, {"techniques": ("T1219.002",)}, T.REMOTE_TOOL),
    (Product.ENDPOINT, {"category": "Malware"}, T.MALICIOUS_FILE),
    (Product.ENDPOINT, {"techniques": ("T1204.002",)}, T.MALICIOUS_FILE),
    (Product.ENDPOINT, {"category": "UnwantedSoftware"}, T.SOFTWARE),
    (Product.ENDPOINT, {"techniques": ("T1091",)}, T.USB_DEVICE),
    (Product.ENDPOINT, {"techniques": ("T1052.001",)}, T.USB_DEVICE),
    (Product.ENDPOINT, {"techniques": ("T1059.001",)}, T.SCRIPT),
    (Product.ENDPOINT, {"techniques": ("T1204.004",)}, T.SCRIPT),
    (Product.CLOUD_APPS, {"techniques": ("T1530",)}, T.MASS_DOWNLOAD),
    (Product.CLOUD_APPS, {"techniques": ("T1485",)}, T.MASS_DOWNLOAD),
]
"""Recognised whatever the title says."""

TITLE_ONLY = {T.PAYMENT_FRAUD, T.DEVICE_CODE, T.PHISH_REPORTED, T.SHARING, T.LOST_DEVICE}
"""No detector or technique of theirs is known that no other kind has."""

MORE_TITLES = [
    ("Insider risk alert", Product.OTHER, T.RESTRICTED),
    ("Possible AiTM phishing attempt", Product.XDR, T.STOLEN_SESSION),
    ("Suspicious inbox manipulation rules", Product.CLOUD_APPS, T.INBOX_RULE),
    ("Malicious Inbox Rule", Product.SENTINEL, T.INBOX_RULE),
    ("Unusual addition of credentials to an OAuth app", Product.CLOUD_APPS, T.APP_SECRET),
    ("Account compromised following a password-spray attack", Product.XDR, T.PASSWORD_SPRAY),
    ("Suspicious emails sent by BEC-related user", Product.XDR, T.OUTBOUND_SPAM),
    ("Device-code phishing", Product.SENTINEL, T.DEVICE_CODE),
    ("Impossible travel activity", Product.CLOUD_APPS, T.UNFAMILIAR_SIGN_IN),
    ("Activity from infrequent country", Product.CLOUD_APPS, T.UNFAMILIAR_SIGN_IN),
    ("A potentially malicious URL click was detected", Product.OFFICE, T.PHISH_CLICK),
    ("Malicious URL was clicked on that device", Product.XDR, T.PHISH_CLICK),
    ("Use of remote access tools", Product.XDR, T.REMOTE_TOOL),
    ("'Emotet' malware was prevented", Product.ENDPOINT, T.MALICIOUS_FILE),
    ("Malware on a USB drive", Product.ENDPOINT, T.MALICIOUS_FILE),
    ("PUA was blocked", Product.ENDPOINT, T.SOFTWARE),
    ("Unusual file deletion activity", Product.CLOUD_APPS, T.MASS_DOWNLOAD),
    ("Stolen phone", Product.SENTINEL, T.LOST_DEVICE),
]

NEAR_MISSES: list[tuple[str, Product, dict[str, Any], IncidentType]] = [
    ("Ransomware-themed e-mail", Product.OFFICE, {}, T.RANSOMWARE),
    ("Malware in e-mail", Product.OFFICE, {}, T.MALICIOUS_FILE),
    ("Anomalous token economics report", Product.ENDPOINT, {}, T.STOLEN_SESSION),
    ("Multi-stage incident", Product.ENTRA, {}, T.MFA_FATIGUE),
    ("MFA was satisfied", Product.ENTRA, {}, T.NEW_MFA_METHOD),
    ("Inbox placement changed", Product.OFFICE, {}, T.INBOX_RULE),
    ("Transport rule hit", Product.OFFICE, {}, T.INBOX_RULE),
    ("ADFS private key extraction", Product.ENDPOINT, {"techniques": ("T1528",)}, T.APP_CONSENT),
    ("Secret found in code", Product.CLOUD, {"techniques": ("T1098.001",)}, T.APP_SECRET),
    ("Role definition read", Product.SENTINEL, {}, T.ROLE_ELEVATION),
    ("Device joined a network", Product.ENDPOINT, {"techniques": ("T1098.005",)}, T.DEVICE_JOIN),
    ("Sensitive credential memory read", Product.ENDPOINT, {}, T.LEAKED_PASSWORD),
    ("Brute force", Product.IDENTITY, {"techniques": ("T1110.001",)}, T.PASSWORD_SPRAY),
    ("Device code scanned", Product.SENTINEL, {}, T.DEVICE_CODE),
    ("Travel booked", Product.SENTINEL, {}, T.UNFAMILIAR_SIGN_IN),
    ("Impossible travel", Product.ENDPOINT, {}, T.UNFAMILIAR_SIGN_IN),
    ("Mass download from a risky IP address", Product.CLOUD_APPS, {}, T.UNFAMILIAR_SIGN_IN),
    ("Malicious IP address contacted by a server", Product.SENTINEL, {}, T.UNFAMILIAR_SIGN_IN),
    ("Malware talks to a suspicious IP address", Product.XDR, {}, T.UNFAMILIAR_SIGN_IN),
    ("Network activity from malicious IP address", Product.SENTINEL, {}, T.UNFAMILIAR_SIGN_IN),
    ("Payment terminal offline", Product.OTHER, {}, T.PAYMENT_FRAUD),
    ("Email sent to many", Product.OFFICE, {}, T.OUTBOUND_SPAM),
    ("Teams message deleted", Product.OFFICE, {}, T.HELPDESK_CALL),
    (
        "Email messages containing malicious URL removed after delivery",
        Product.OFFICE,
        {"techniques": ("T1566.002",)},
        T.PHISH_CLICK,
    ),
    ("Email reported by user as not junk", Product.OFFICE, {}, T.PHISH_REPORTED),
    ("Remote procedure call", Product.ENDPOINT, {"techniques": ("T1021",)}, T.REMOTE_TOOL),
    ("Malwarebytes was installed", Product.ENDPOINT, {}, T.MALICIOUS_FILE),
    ("Unwanted e-mail", Product.OFFICE, {}, T.SOFTWARE),
    ("USBank sign-in page", Product.ENDPOINT, {}, T.USB_DEVICE),
    ("JavaScript heap", Product.ENDPOINT, {}, T.SCRIPT),
    ("Unusual printing", Product.CLOUD_APPS, {}, T.SHARING),
    ("Unusual file share enumeration", Product.SENTINEL, {}, T.SHARING),
    ("Crash report sharing was switched off", Product.OFFICE, {}, T.SHARING),
    ("Downloader was blocked", Product.CLOUD_APPS, {}, T.MASS_DOWNLOAD),
    ("Unusual access to a key vault", Product.SENTINEL, {}, T.MASS_DOWNLOAD),
    ("OAuth app with an unusual name", Product.CLOUD_APPS, {}, T.APP_CONSENT),
    ("Lost connection", Product.OTHER, {}, T.LOST_DEVICE),
    ("DLPX volume mounted", Product.ENDPOINT, {}, T.RESTRICTED),
]
"""Like it in words or in technique, and something else."""


def _by_title(type_: IncidentType) -> list[tuple[str, Product]]:
    title, product, _ = TITLES[type_]
    return [(title, product), *((t, p) for t, p, of in MORE_TITLES if of is type_)]


@pytest.mark.parametrize(("product", "detail", "type_"), BY_MARK)
def test_a_kind_is_recognised_by_product_detector_technique_or_category(
    product: Product, detail: dict[str, Any], type_: IncidentType
) -> None:
    assert type_of(alert("x", product, Severity.HIGH, **detail)) is type_


@pytest.mark.parametrize("type_", [t for t in T if t is not T.UNKNOWN])
def test_a_kind_is_recognised_by_title_in_the_products_that_raise_it(type_: IncidentType) -> None:
    for title, product in _by_title(type_):
        assert type_of(alert(title, product)) is type_, title


@pytest.mark.parametrize(("title", "product", "detail", "type_"), NEAR_MISSES)
def test_what_is_only_like_it_is_not_taken_for_it(
    title: str, product: Product, detail: dict[str, Any], type_: IncidentType
) -> None:
    assert type_of(alert(title, product, Severity.HIGH, **detail)) is not type_


def test_every_kind_is_in_the_tables() -> None:
    every = set(T) - {T.UNKNOWN}

    assert {type_ for _, _, type_ in BY_MARK} == every - TITLE_ONLY
    assert {type_ for *_, type_ in NEAR_MISSES} == every
    assert set(TITLES) == set(T)


def test_a_title_counts_only_within_its_products() -> None:
    for type_ in set(T) - {T.RESTRICTED, T.UNKNOWN}:
        assert type_of(alert(TITLES[type_][0], Product.CLOUD)) is T.UNKNOWN, type_


# --- one alert, one kind -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "product", "techniques", "type_"),
    [
        (
            "Suspicious Sign In Followed by MFA Modification",
            Product.SENTINEL,
            ("T1078.004", "T1556.006"),
            T.NEW_MFA_METHOD,
        ),
        ("BEC financial fraud", Product.XDR, ("T1114.003", "T1078.004"), T.PAYMENT_FRAUD),
        ("Device code phishing", Product.XDR, ("T1528", "T1078.004"), T.DEVICE_CODE),
        ("User restricted from sending email", Product.XDR, ("T1078.004",), T.OUTBOUND_SPAM),
        ("'Emotet' malware was detected", Product.ENDPOINT, ("T1059.001",), T.MALICIOUS_FILE),
        ("Ransomware by AnyDesk", Product.ENDPOINT, ("T1219", "T1486"), T.RANSOMWARE),
    ],
)
def test_an_alert_that_fits_several_kinds_is_of_one(
    title: str, product: Product, techniques: tuple[str, ...], type_: IncidentType
) -> None:
    told = alert(title, product, techniques=techniques)

    assert type_of(told) is type_
    assert recognise(report(told)) == (type_,)


def test_a_report_is_of_every_kind_its_alerts_are_gravest_first() -> None:
    told = report(example(T.USB_DEVICE), example(T.INBOX_RULE), example(T.SCRIPT))

    assert recognise(told) == (T.INBOX_RULE, T.SCRIPT, T.USB_DEVICE)


def test_kinds_are_each_named_once_in_order_of_gravity() -> None:
    every = [t for t in T if t not in (T.RESTRICTED, T.UNKNOWN)]

    assert gravest_first([*reversed(list(every)), *every]) == tuple(every)


def test_one_restricted_alert_makes_the_whole_case_restricted() -> None:
    told = report(*malware_ran().alerts, example(T.RANSOMWARE), example(T.RESTRICTED))

    assert recognise(told) == (T.RESTRICTED,)


def test_what_nobody_knows_stands_alone_and_beside_nothing() -> None:
    assert recognise(report(example(T.UNKNOWN))) == (T.UNKNOWN,)
    assert recognise(report()) == (T.UNKNOWN,)
    assert recognise(report(example(T.UNKNOWN), example(T.SHARING))) == (T.SHARING,)


def test_a_users_own_report_is_known_by_its_detector_only() -> None:
    own = example(T.MFA_FATIGUE, detector="userReportedSuspiciousActivity")

    assert is_users_own_report(own)
    assert not is_users_own_report(example(T.MFA_FATIGUE))


# --- classes of detectors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "product", "detail", "detector"),
    [
        ("New inbox rule", Product.OFFICE, {}, Detector.FOOTHOLD),
        ("x", Product.CLOUD_APPS, {"techniques": ("T1528",)}, Detector.FOOTHOLD),
        ("x", Product.ENDPOINT, {"techniques": ("T1059.001",)}, Detector.SCRIPT_OR_TOOL),
        ("x", Product.ENDPOINT, {"techniques": ("T1219",)}, Detector.SCRIPT_OR_TOOL),
        ("x", Product.ENDPOINT, {"techniques": ("T1486",)}, Detector.DISRUPTED),
        ("x", Product.ENTRA, {}, Detector.IDENTITY_HIGH),
        ("x", Product.ENTRA, {"detector": "anomalousToken"}, Detector.IDENTITY_HIGH),
        ("x", Product.ENTRA, {"detector": "attackerinTheMiddle"}, Detector.DISRUPTED),
        ("BEC financial fraud", Product.XDR, {}, Detector.IDENTITY_HIGH),
        ("Hands-on-keyboard attack", Product.ENDPOINT, {}, Detector.DISRUPTED),
        ("malware", Product.ENDPOINT, {}, Detector.MALWARE_RAN),
        ("Malicious URL was clicked", Product.XDR, {}, Detector.PHISH_CLICK),
        ("Email reported by user as phish", Product.OFFICE, {}, Detector.PHISH_REPORTED),
        ("USB device", Product.ENDPOINT, {}, Detector.UNWANTED_SOFTWARE),
        ("Mass download", Product.CLOUD_APPS, {}, Detector.UNUSUAL_VOLUME),
        ("Lost laptop", Product.OTHER, {}, Detector.UNKNOWN),
        ("x", Product.CLOUD, {}, Detector.UNKNOWN),
    ],
)
def test_an_alert_has_the_prior_of_its_class(
    title: str, product: Product, detail: dict[str, Any], detector: Detector
) -> None:
    told = alert(title, product, Severity.HIGH, **detail)

    assert detector_of(told, disrupted=False) is detector
    assert detector_of(told, disrupted=True) is Detector.DISRUPTED


@pytest.mark.parametrize(
    ("severity", "detector"),
    [
        (Severity.HIGH, Detector.IDENTITY_HIGH),
        (Severity.MEDIUM, Detector.IDENTITY_MEDIUM),
        (Severity.LOW, Detector.IDENTITY_LOW),
        (Severity.INFORMATIONAL, Detector.IDENTITY_LOW),
    ],
)
def test_a_token_that_is_only_odd_goes_by_its_risk(severity: Severity, detector: Detector) -> None:
    odd = example(T.STOLEN_SESSION, severity=severity, detector="anomalousToken")

    assert detector_of(odd, disrupted=False) is detector
    precise = replace(odd, detector="attackerInTheMiddle")
    assert detector_of(precise, disrupted=False) is Detector.DISRUPTED


def test_a_file_that_was_stopped_has_another_prior_than_one_that_ran() -> None:
    [stopped], [ran] = malware_blocked().alerts, malware_ran().alerts

    assert detector_of(stopped, disrupted=False) is Detector.MALWARE_PREVENTED
    assert detector_of(ran, disrupted=False) is Detector.MALWARE_RAN


def test_every_class_has_a_prior() -> None:
    assert set(PRIORS) == set(Detector)


CLOUD_TITLES = {
    "Anonymous IP address": IncidentType.UNFAMILIAR_SIGN_IN,
    "Log-on from a risky IP address": IncidentType.UNFAMILIAR_SIGN_IN,
    "Mass download from a risky IP address": IncidentType.MASS_DOWNLOAD,
    "Unusual ISP for an OAuth app": IncidentType.APP_CONSENT,
    "Activity from anonymous IP address": IncidentType.UNFAMILIAR_SIGN_IN,
    "Activity from suspicious IP addresses": IncidentType.UNFAMILIAR_SIGN_IN,
    "Unusual file share activity (by user)": IncidentType.SHARING,
    "Suspicious Power BI report sharing": IncidentType.SHARING,
    "Unusual file access (by user)": IncidentType.MASS_DOWNLOAD,
    "Misleading publisher name for an OAuth app": IncidentType.APP_CONSENT,
}


@pytest.mark.parametrize(("title", "kind"), CLOUD_TITLES.items())
def test_what_cloud_apps_calls_a_case_is_recognised(title: str, kind: IncidentType) -> None:
    assert type_of(alert(title, Product.CLOUD_APPS, Severity.MEDIUM)) is kind

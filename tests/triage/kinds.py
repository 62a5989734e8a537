"""One example of every kind of case, as its product would tell it."""

from dataclasses import replace
from typing import Any

from tests.triage.triage_script import (
    BOB,
    INVOICE,
    LAPTOP,
    POWERSHELL,
    alert,
    malware_ran,
    report,
    user,
)
from triage.incident import IncidentType, Person
from triage.report import (
    Alert,
    AppEvidence,
    Evidence,
    IncidentReport,
    MessageEvidence,
    Product,
    Severity,
    SignInEvidence,
    UrlEvidence,
)
from triage.report import Verdict as Finding

MACHINE = replace(LAPTOP, entra_id="0d0d0d0d-1111-2222-3333-444444444444")
MAIL = MessageEvidence(message_id="mail-1", subject="Invoice 4711 overdue", sender="a@evil.example")
PAGE = UrlEvidence(url="https://contoso-login.example/in")
APP = AppEvidence(app_id="0c0c0c0c-1111-2222-3333-444444444444", name="Mail Helper")
SIGN_IN = SignInEvidence(app="Outlook")
PROGRAM = replace(INVOICE, name="coupons.exe", verdict=Finding.UNKNOWN)

TITLES: dict[IncidentType, tuple[str, Product, tuple[Evidence, ...]]] = {
    IncidentType.RESTRICTED: ("DLP policy matched", Product.XDR, ()),
    IncidentType.RANSOMWARE: ("Ransomware activity", Product.ENDPOINT, (MACHINE,)),
    IncidentType.STOLEN_SESSION: ("Anomalous token", Product.ENTRA, (SIGN_IN,)),
    IncidentType.MFA_FATIGUE: (
        "MFA Spamming followed by Successful login",
        Product.SENTINEL,
        (SIGN_IN,),
    ),
    IncidentType.NEW_MFA_METHOD: (
        "Suspicious Sign In Followed by MFA Modification",
        Product.SENTINEL,
        (),
    ),
    IncidentType.INBOX_RULE: ("Creation of forwarding/redirect rule", Product.OFFICE, ()),
    IncidentType.APP_CONSENT: ("Rare application consent", Product.SENTINEL, (APP,)),
    IncidentType.ROLE_ELEVATION: (
        "NRT Privileged Role Assigned Outside PIM",
        Product.SENTINEL,
        (),
    ),
    IncidentType.DEVICE_JOIN: (
        "Suspicious AAD Joined Device Update",
        Product.SENTINEL,
        (MACHINE,),
    ),
    IncidentType.LEAKED_PASSWORD: ("Leaked credentials", Product.ENTRA, ()),
    IncidentType.PASSWORD_SPRAY: ("Password spray", Product.ENTRA, (SIGN_IN,)),
    IncidentType.APP_SECRET: (
        "NRT New access credential added to Application or Service Principal",
        Product.SENTINEL,
        (APP,),
    ),
    IncidentType.OUTBOUND_SPAM: ("User restricted from sending email", Product.OFFICE, ()),
    IncidentType.PAYMENT_FRAUD: ("BEC financial fraud", Product.XDR, ()),
    IncidentType.DEVICE_CODE: (
        "Suspicious device code authentication",
        Product.CLOUD_APPS,
        (),
    ),
    IncidentType.UNFAMILIAR_SIGN_IN: ("Unfamiliar sign-in properties", Product.ENTRA, (SIGN_IN,)),
    IncidentType.HELPDESK_CALL: (
        "Teams message reported by user as security risk",
        Product.OFFICE,
        (),
    ),
    IncidentType.REMOTE_TOOL: ("AnyDesk was started", Product.ENDPOINT, (MACHINE,)),
    IncidentType.MALICIOUS_FILE: ("Malware was detected", Product.ENDPOINT, (MACHINE, INVOICE)),
    IncidentType.SCRIPT: (
        "Suspicious PowerShell command line",
        Product.ENDPOINT,
        (MACHINE, POWERSHELL),
    ),
    IncidentType.PHISH_CLICK: (
        "A user clicked through to a potentially malicious URL",
        Product.OFFICE,
        (MAIL, PAGE),
    ),
    IncidentType.PHISH_REPORTED: (
        "Email reported by user as malware or phish",
        Product.OFFICE,
        (MAIL,),
    ),
    IncidentType.MASS_DOWNLOAD: ("Mass download by a single user", Product.CLOUD_APPS, ()),
    IncidentType.USB_DEVICE: ("Unknown USB device was connected", Product.ENDPOINT, (MACHINE,)),
    IncidentType.SHARING: ("Unusual volume of external file sharing", Product.OFFICE, ()),
    IncidentType.SOFTWARE: ("Unwanted software was found", Product.ENDPOINT, (MACHINE, PROGRAM)),
    IncidentType.LOST_DEVICE: ("Lost laptop", Product.OTHER, (MACHINE,)),
    IncidentType.UNKNOWN: ("Odd beacon", Product.CLOUD, (MACHINE,)),
}


def example(
    type_: IncidentType, who: Person = BOB, severity: Severity = Severity.MEDIUM, **more: Any
) -> Alert:
    title, product, things = TITLES[type_]
    return alert(title, product, severity, user(who), *things, **more)


def told_of(
    type_: IncidentType,
    who: Person = BOB,
    severity: Severity = Severity.MEDIUM,
    *,
    source_id: str | None = None,
    **more: Any,
) -> IncidentReport:
    """A report of one alert of that kind; by default about Bob, and of medium severity."""
    if type_ is IncidentType.MALICIOUS_FILE:
        return replace(malware_ran(who), severity=severity)
    told = example(type_, who, severity, **more)
    return report(told, source_id=source_id or f"of {type_}")

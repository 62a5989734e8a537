"""Which alert is which kind of case, and which class of detectors it belongs to.

By product, detector and technique; the title is the fallback, because titles drift, and it is
looked at only within the products that raise such alerts.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from triage.incident import IncidentType
from triage.playbooks import gravest_first
from triage.report import Alert, FileEvidence, IncidentReport, Product, Remediation, Severity

# --- kinds of cases ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mark:
    """How an alert of a kind is recognised; of all marks the first that fits an alert wins."""

    type: IncidentType
    products: frozenset[Product] = frozenset()
    detectors: frozenset[str] = frozenset()
    techniques: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    title: re.Pattern[str] | None = None

    def fits(self, alert: Alert) -> bool:
        """By product alone, or by one of detector, technique, category and title within it."""
        if self.products and alert.product not in self.products:
            return False
        if not (self.detectors or self.techniques or self.categories or self.title):
            return True
        return (
            (alert.detector or "").lower() in self.detectors
            or bool(self.techniques & set(alert.techniques))
            or (alert.category or "").lower() in self.categories
            or bool(self.title and self.title.search(alert.title))
        )


_ANY = frozenset({Product.XDR, Product.SENTINEL, Product.OTHER})
_ENDPOINT = _ANY | {Product.ENDPOINT}
_IDENTITIES = _ANY | {Product.ENTRA, Product.CLOUD_APPS, Product.IDENTITY}
_OFFICE = _ANY | {Product.OFFICE}
_CLOUD = _ANY | {Product.CLOUD_APPS, Product.OFFICE}


def _mark(  # noqa: PLR0917 - read as a table
    type_: IncidentType,
    products: frozenset[Product],
    detectors: str = "",
    techniques: str = "",
    title: str | None = None,
    categories: str = "",
) -> _Mark:
    return _Mark(
        type_,
        products,
        frozenset(detectors.lower().split()),
        frozenset(techniques.split()),
        frozenset(categories.lower().split()),
        re.compile(rf"\b({title})s?\b", re.IGNORECASE) if title else None,
    )


_T = IncidentType

_BAD_ADDRESS = "(anonymous|suspicious|malicious|risky|botnet) IP address(es)?"

# Titles that name one kind and nothing else stand above the techniques such alerts share with others.
MARKS: tuple[_Mark, ...] = (
    _mark(_T.RESTRICTED, frozenset({Product.DLP, Product.INSIDER})),
    _mark(_T.RESTRICTED, frozenset(), title="DLP|data loss prevention|insider risk"),
    _mark(_T.RANSOMWARE, _ENDPOINT, "", "T1486 T1490", "ransomware", "ransomware"),
    _mark(
        _T.DEVICE_CODE,
        _IDENTITIES | {Product.OFFICE},
        "",
        "",
        "device[ -]code (phishing|authentication|flow)",
    ),
    _mark(
        _T.PAYMENT_FRAUD,
        _OFFICE,
        "",
        "",
        "BEC financial fraud|payment fraud|bank details? change",
    ),
    _mark(
        _T.STOLEN_SESSION,
        _IDENTITIES,
        "attackerInTheMiddle anomalousToken tokenIssuerAnomaly",
        "T1557 T1550.001 T1539",
        "AiTM|adversary-in-the-middle|attacker in the middle|anomalous token|stolen session",
    ),
    _mark(
        _T.MFA_FATIGUE,
        _IDENTITIES,
        "userReportedSuspiciousActivity",
        "T1621",
        "MFA (spamming|fatigue|bombing)|user reported suspicious activity",
    ),
    _mark(
        _T.NEW_MFA_METHOD,
        _IDENTITIES,
        "",
        "T1556.006",
        "MFA (method|modification)|authentication method (added|changed|modification)",
    ),
    _mark(
        _T.INBOX_RULE,
        _CLOUD | {Product.ENTRA},
        "suspiciousInboxForwarding mcasSuspiciousInboxManipulationRules",
        "T1564.008 T1114.003",
        "inbox (manipulation )?rule|forwarding/redirect rule|inbox forwarding|forwarding rule",
    ),
    _mark(
        _T.APP_CONSENT,
        _CLOUD | {Product.ENTRA},
        "",
        "T1528",
        "application consent|OAuth app (consent|permissions)|illicit consent"
        "|misleading (OAuth app|publisher) name|unusual ISP for an OAuth app",
    ),
    _mark(
        _T.APP_SECRET,
        _CLOUD | {Product.ENTRA},
        "",
        "T1098.001",
        r"access credential added|(addition of )?credentials to an OAuth app|service principal secret",
    ),
    _mark(
        _T.ROLE_ELEVATION,
        _IDENTITIES,
        "",
        "T1098.003",
        "privileged role assigned|role assigned outside( of)? PIM",
    ),
    _mark(
        _T.DEVICE_JOIN,
        _IDENTITIES,
        "",
        "T1098.005",
        r"(AAD|Entra) joined device|device registration",
    ),
    _mark(
        _T.LEAKED_PASSWORD,
        _IDENTITIES,
        "leakedCredentials",
        "T1589.001",
        "leaked (credentials|password)",
    ),
    _mark(_T.PASSWORD_SPRAY, _IDENTITIES, "passwordSpray", "T1110.003", "password[ -]spray"),
    _mark(
        _T.OUTBOUND_SPAM,
        _OFFICE | {Product.ENTRA},
        "suspiciousSendingPatterns",
        "T1534",
        "restricted from sending e?-?mail|suspicious emails sent|suspicious email sending",
    ),
    _mark(
        _T.UNFAMILIAR_SIGN_IN,
        _IDENTITIES,
        "unfamiliarFeatures unlikelyTravel mcasImpossibleTravel newCountry anonymizedIPAddress"
        " riskyIPAddress maliciousIPAddress suspiciousIPAddress",
        "T1078.004",
        "unfamiliar sign-?in|atypical travel|impossible travel|(infrequent|new) country"
        # Where somebody came from, not what they took from there or what a machine talked to.
        rf"|^(activity|sign-?in|log-?on) from (an? )?{_BAD_ADDRESS}|^{_BAD_ADDRESS}$",
    ),
    _mark(
        _T.HELPDESK_CALL,
        _OFFICE,
        "",
        "T1566.004",
        "Teams message reported|help[ -]?desk impersonation|vishing",
    ),
    _mark(
        _T.PHISH_REPORTED,
        _OFFICE,
        "",
        "",
        "reported by user as (malware|phish|junk)|user-reported phish",
    ),
    _mark(
        _T.PHISH_CLICK,
        _OFFICE,
        "",
        "T1204.001",
        "clicked through|malicious URL click|URL (click was detected|was clicked)",
    ),
    _mark(
        _T.REMOTE_TOOL,
        _ENDPOINT,
        "",
        "T1219 T1219.002",
        "anydesk|teamviewer|quick ?assist|screenconnect|remote (access|support) (tool|software)"
        "|remote monitoring and management",
    ),
    _mark(
        _T.SOFTWARE,
        _ENDPOINT,
        "",
        "",
        "unwanted software|potentially unwanted|PUA",
        "unwantedsoftware",
    ),
    _mark(_T.MALICIOUS_FILE, _ENDPOINT, "", "T1204.002", "malware", "malware"),
    _mark(
        _T.USB_DEVICE,
        _ENDPOINT,
        "",
        "T1052.001 T1091",
        "USB|removable (media|storage|device)",
    ),
    _mark(
        _T.SCRIPT,
        _ENDPOINT,
        "",
        "T1059.001 T1218 T1204.004",
        "powershell|script(ing)? (engine|command)|LOLBin|living off the land",
    ),
    _mark(
        _T.SHARING,
        _CLOUD,
        "",
        "",
        "external file sharing|unusual (file )?(sharing|share activity)|unusual volume of .*sharing"
        "|Power BI report sharing",
    ),
    _mark(
        _T.MASS_DOWNLOAD,
        _CLOUD,
        "",
        "T1530 T1485",
        "(unusual|mass) ((file )?(download|deletion)|file access)|unusual volume of file deletion",
    ),
    _mark(_T.LOST_DEVICE, _ANY, "", "", "(lost|stolen) (device|laptop|phone)"),
)


def type_of(alert: Alert) -> IncidentType:
    """One kind for one alert: the first mark that fits."""
    return next((m.type for m in MARKS if m.fits(alert)), IncidentType.UNKNOWN)


def recognise(report: IncidentReport) -> tuple[IncidentType, ...]:
    """What kinds of case a report is, gravest first. One insider or DLP alert makes the whole case
    restricted; where no alert is recognised it is unknown, and never guessed."""
    return gravest_first(type_of(alert) for alert in report.alerts)


def is_users_own_report(alert: Alert) -> bool:
    """Somebody has said "this was not me" to an MFA prompt: that already is the answer."""
    return (alert.detector or "").lower() == "userreportedsuspiciousactivity"


# --- classes of detectors ------------------------------------------------------------------------


class Detector(StrEnum):
    """Classes of detectors, each with its prior (triage.md section 1)."""

    DISRUPTED = "disrupted"
    MALWARE_RAN = "malware_ran"
    MALWARE_PREVENTED = "malware_prevented"
    SCRIPT_OR_TOOL = "script_or_tool"
    PHISH_CLICK = "phish_click"
    PHISH_REPORTED = "phish_reported"
    IDENTITY_HIGH = "identity_high"
    IDENTITY_MEDIUM = "identity_medium"
    IDENTITY_LOW = "identity_low"
    FOOTHOLD = "foothold"
    UNWANTED_SOFTWARE = "unwanted_software"
    UNUSUAL_VOLUME = "unusual_volume"
    UNKNOWN = "unknown"


PRIORS: dict[Detector, float] = {
    Detector.DISRUPTED: 0.85,
    Detector.MALWARE_RAN: 0.55,
    Detector.MALWARE_PREVENTED: 0.12,
    Detector.SCRIPT_OR_TOOL: 0.30,
    Detector.PHISH_CLICK: 0.45,
    Detector.PHISH_REPORTED: 0.30,
    Detector.IDENTITY_HIGH: 0.50,
    Detector.IDENTITY_MEDIUM: 0.20,
    Detector.IDENTITY_LOW: 0.06,
    Detector.FOOTHOLD: 0.25,
    Detector.UNWANTED_SOFTWARE: 0.10,
    Detector.UNUSUAL_VOLUME: 0.15,
    Detector.UNKNOWN: 0.30,
}

_CLASSES: dict[IncidentType, Detector] = {
    _T.RANSOMWARE: Detector.DISRUPTED,
    _T.NEW_MFA_METHOD: Detector.FOOTHOLD,
    _T.INBOX_RULE: Detector.FOOTHOLD,
    _T.APP_CONSENT: Detector.FOOTHOLD,
    _T.APP_SECRET: Detector.FOOTHOLD,
    _T.ROLE_ELEVATION: Detector.FOOTHOLD,
    _T.DEVICE_JOIN: Detector.FOOTHOLD,
    _T.REMOTE_TOOL: Detector.SCRIPT_OR_TOOL,
    _T.SCRIPT: Detector.SCRIPT_OR_TOOL,
    _T.PHISH_CLICK: Detector.PHISH_CLICK,
    _T.DEVICE_CODE: Detector.PHISH_CLICK,
    _T.PHISH_REPORTED: Detector.PHISH_REPORTED,
    _T.HELPDESK_CALL: Detector.PHISH_REPORTED,
    _T.USB_DEVICE: Detector.UNWANTED_SOFTWARE,
    _T.SOFTWARE: Detector.UNWANTED_SOFTWARE,
    _T.MASS_DOWNLOAD: Detector.UNUSUAL_VOLUME,
    _T.SHARING: Detector.UNUSUAL_VOLUME,
}

_IDENTITY = {
    Severity.HIGH: Detector.IDENTITY_HIGH,
    Severity.MEDIUM: Detector.IDENTITY_MEDIUM,
    Severity.LOW: Detector.IDENTITY_LOW,
    Severity.INFORMATIONAL: Detector.IDENTITY_LOW,
}

_BY_RISK = frozenset(
    {
        _T.STOLEN_SESSION,
        _T.MFA_FATIGUE,
        _T.LEAKED_PASSWORD,
        _T.PASSWORD_SPRAY,
        _T.UNFAMILIAR_SIGN_IN,
        _T.OUTBOUND_SPAM,
        _T.PAYMENT_FRAUD,
    }
)
"""Kinds whose prior goes by how sure the identity product is."""

_HANDS_ON = re.compile(r"hands-on-keyboard|multi-stage|attack disruption", re.IGNORECASE)


def detector_of(alert: Alert, *, disrupted: bool) -> Detector:
    """The class whose prior an alert carries (triage.md section 1).

    `attackerInTheMiddle` is precise; `anomalousToken` at low or medium often is not, and goes by
    its risk (triage.md section 6).
    """
    precise = (alert.detector or "").lower() == "attackerinthemiddle"
    if disrupted or precise or _HANDS_ON.search(alert.title):
        return Detector.DISRUPTED
    kind = type_of(alert)
    if kind is IncidentType.MALICIOUS_FILE:
        return Detector.MALWARE_PREVENTED if was_prevented(alert) else Detector.MALWARE_RAN
    if kind in _BY_RISK or (kind not in _CLASSES and alert.product is Product.ENTRA):
        return _IDENTITY[alert.severity]
    return _CLASSES.get(kind, Detector.UNKNOWN)


def was_prevented(alert: Alert) -> bool:
    """Every file it names was stopped before it could run, and nothing it names did run."""
    files = [e for e in alert.evidence if isinstance(e, FileEvidence)]
    stopped = [
        f.detection in ("prevented", "blocked")
        or f.remediation in (Remediation.PREVENTED, Remediation.BLOCKED)
        for f in files
    ]
    return bool(files) and all(stopped) and not any(e.kind == "process" for e in alert.evidence)

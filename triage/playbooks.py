"""Which question for which alert, what each answer weighs, and what is contained first.

Rows of domain.md section 2 with the corrections of triage.md section 6, as data. An alert is
recognised by product, detector and technique; its title is the fallback, because titles drift.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from triage.actions import ActionKind
from triage.incident import Incident, IncidentType, Question, QuestionKind, Route
from triage.phrases import Phrase, phrase
from triage.report import Alert, FileEvidence, IncidentReport, Product, Remediation, Severity


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


@dataclass(frozen=True, slots=True)
class Answer:
    """One possible answer and what it does. Weights are log-odds of harm."""

    id: str
    weight: float
    interactive_weight: float | None = None
    """Instead of `weight` where the process tree shows that somebody started it by hand."""
    verified_weight: float | None = None
    """Instead of `weight` where we know who answered (L3)."""
    then: QuestionKind | None = None
    unsure: bool = False
    """An analyst looks, whatever the score says."""
    call: bool = False
    """The person wants to be phoned; no answer to the question yet."""
    contains: ActionKind | None = None
    """A response action this answer adds to the playbook's own."""

    def says(self, kind: QuestionKind) -> Phrase:
        return phrase(f"choice.{kind}.{self.id}")


@dataclass(frozen=True, slots=True)
class QuestionSpec:
    kind: QuestionKind
    answers: tuple[Answer, ...]
    contradicted_by: tuple[str, ...] = ()
    """Signs that make a lowering answer void and add 1 (triage.md section 3)."""

    def answer(self, choice: str) -> Answer | None:
        return next((a for a in self.answers if a.id == choice), None)


NOT_SURE = Answer("not_sure", 0.5, unsure=True)
CALL_ME = Answer("call_me", 0.0, call=True)

QUESTIONS: dict[QuestionKind, QuestionSpec] = {
    spec.kind: spec
    for spec in (
        QuestionSpec(
            QuestionKind.FILE_OPENED,
            (
                Answer("opened", 1.0, then=QuestionKind.FILE_AFTERMATH),
                # People deny from fear, and previews open files: a no weighs little unless the
                # process tree shows that somebody opened it (triage.md section 6).
                Answer("not_me", 0.5, interactive_weight=2.0),
                NOT_SURE,
                CALL_ME,
            ),
        ),
        QuestionSpec(
            QuestionKind.FILE_AFTERMATH,
            (
                Answer("enabled_content", 1.0),
                Answer("typed_password", 3.0, contains=ActionKind.REVOKE_SESSIONS),
                Answer("neither", 0.0),
                NOT_SURE,
            ),
        ),
        QuestionSpec(
            QuestionKind.FILE_EXPECTED,
            (
                Answer("expected", -1.0),
                Answer("unexpected", 0.5),
                NOT_SURE,
                CALL_ME,
            ),
            contradicted_by=("sign.executed", "sign.persistence"),
        ),
        QuestionSpec(
            QuestionKind.SIGN_IN_MINE,
            (
                Answer("mine", 0.0, verified_weight=-3.0),
                Answer("not_mine", 3.0),
                NOT_SURE,
                CALL_ME,
            ),
            contradicted_by=("sign.persistence",),
        ),
        QuestionSpec(
            QuestionKind.REMOTE_TOOL_ASKED_BY,
            (
                Answer("it_confirmed", -2.0),
                Answer("vendor", 0.0, unsure=True),
                Answer("caller", 4.0),
                Answer("nobody", 3.0),
                NOT_SURE,
            ),
            contradicted_by=("sign.persistence",),
        ),
    )
}


class Channel(StrEnum):
    """Whether Teams may be used (domain.md section 2)."""

    TEAMS = "teams"
    TAINTED = "tainted"
    """The account is suspect: contain first, no card at medium and above."""
    PHONE = "phone"
    """The device may be watched: nothing is asked on it."""
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Playbook:
    type: IncidentType
    channel: Channel
    contains: tuple[ActionKind, ...]
    """First containment, in order of gravity; tiers and rules decide what happens at once."""
    determination: str
    """Graph's determination when it proves harmful."""
    expected: str
    """... and when it was expected activity."""
    recommendation: str | None
    """The phrase of what would have prevented it (domain.md section 6)."""


PLAYBOOKS: dict[IncidentType, Playbook] = {
    book.type: book
    for book in (
        Playbook(
            IncidentType.MALICIOUS_FILE,
            Channel.TEAMS,
            (ActionKind.SCAN_DEVICE, ActionKind.QUARANTINE_FILE, ActionKind.ISOLATE_DEVICE),
            determination="malware",
            expected="confirmedActivity",
            recommendation="recommend.office_child_processes",
        ),
        Playbook(
            IncidentType.UNFAMILIAR_SIGN_IN,
            Channel.TAINTED,
            (ActionKind.REVOKE_SESSIONS, ActionKind.DISABLE_ACCOUNT),
            determination="compromisedAccount",
            expected="confirmedActivity",
            recommendation="recommend.phishing_resistant",
        ),
        Playbook(
            IncidentType.REMOTE_TOOL,
            Channel.PHONE,
            (ActionKind.SCAN_DEVICE, ActionKind.ISOLATE_DEVICE),
            determination="maliciousUserActivity",
            expected="lineOfBusinessApplication",
            recommendation="recommend.remote_tools",
        ),
        Playbook(
            IncidentType.RESTRICTED,
            Channel.NOBODY,
            (),
            determination="other",
            expected="confirmedActivity",
            recommendation=None,
        ),
        Playbook(
            IncidentType.UNKNOWN,
            Channel.NOBODY,
            (),
            determination="other",
            expected="confirmedActivity",
            recommendation=None,
        ),
    )
}


def first_question(incident: Incident) -> QuestionKind | None:
    """What is asked first; a file that was stopped is another question than one that ran."""
    match incident.type:
        case IncidentType.MALICIOUS_FILE if any(f.ran for f in incident.files):
            return QuestionKind.FILE_OPENED
        case IncidentType.MALICIOUS_FILE:
            return QuestionKind.FILE_EXPECTED
        case IncidentType.UNFAMILIAR_SIGN_IN:
            return QuestionKind.SIGN_IN_MINE
        case IncidentType.REMOTE_TOOL:
            return QuestionKind.REMOTE_TOOL_ASKED_BY
        case IncidentType.RESTRICTED | IncidentType.UNKNOWN:
            return None


def route_of(incident: Incident, *, tainted: bool) -> Route:
    """How the question travels (triage.md section 6, tainted types).

    Phone where the device may be watched, or the account is suspect at medium and above; a neutral
    card where it is suspect at low; otherwise a card.
    """
    channel = PLAYBOOKS[incident.type].channel
    if channel is Channel.PHONE:
        return Route.PHONE
    if channel is Channel.TAINTED or tainted:
        return Route.PHONE if incident.severity.rank >= Severity.MEDIUM.rank else Route.NEUTRAL
    return Route.CARD


def offered(question: Question) -> tuple[Answer, ...]:
    """The answers that can be given in Teams: a neutral card only asks to be called, and what is
    asked by phone is answered there."""
    answers = QUESTIONS[question.kind].answers
    match question.route:
        case Route.CARD:
            return answers
        case Route.NEUTRAL:
            return tuple(a for a in answers if a.call)
        case Route.PHONE:
            return ()


# --- recognising ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mark:
    """How an alert of a type is recognised; the first mark that fits wins."""

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


_MARKS: tuple[_Mark, ...] = (
    _Mark(IncidentType.RESTRICTED, products=frozenset({Product.DLP, Product.INSIDER})),
    _Mark(
        IncidentType.RESTRICTED,
        title=re.compile(r"\b(DLP|data loss prevention|insider risk)\b", re.IGNORECASE),
    ),
    _Mark(
        IncidentType.REMOTE_TOOL,
        products=frozenset({Product.ENDPOINT, Product.XDR, Product.SENTINEL, Product.OTHER}),
        techniques=frozenset({"T1219", "T1219.002"}),
        title=re.compile(
            r"\b(anydesk|teamviewer|quick ?assist|screenconnect|remote (access|support) (tool|software)"
            r"|remote monitoring and management)\b",
            re.IGNORECASE,
        ),
    ),
    _Mark(
        IncidentType.UNFAMILIAR_SIGN_IN,
        products=frozenset({Product.ENTRA, Product.SENTINEL, Product.CLOUD_APPS, Product.OTHER}),
        detectors=frozenset(
            {"unfamiliarfeatures", "unlikelytravel", "mcasimpossibletravel", "newcountry"}
        ),
        techniques=frozenset({"T1078.004"}),
        title=re.compile(
            r"\b(unfamiliar sign-?in|atypical travel|impossible travel)\b", re.IGNORECASE
        ),
    ),
    _Mark(
        IncidentType.MALICIOUS_FILE,
        products=frozenset({Product.ENDPOINT, Product.XDR, Product.SENTINEL, Product.OTHER}),
        techniques=frozenset({"T1204.002"}),
        categories=frozenset({"malware"}),
        title=re.compile(r"\bmalware\b", re.IGNORECASE),
    ),
)


def recognise(report: IncidentReport) -> IncidentType:
    """The type of an incident.

    Restricted wins over everything: one insider or DLP alert makes the whole case restricted. Then
    the type of the gravest alert that is recognised, in the order of the marks.
    """
    types = {mark.type for mark in _MARKS for alert in report.alerts if mark.fits(alert)}
    for mark in _MARKS:
        if mark.type in types:
            return mark.type
    return IncidentType.UNKNOWN


_IDENTITY = {
    Severity.HIGH: Detector.IDENTITY_HIGH,
    Severity.MEDIUM: Detector.IDENTITY_MEDIUM,
    Severity.LOW: Detector.IDENTITY_LOW,
    Severity.INFORMATIONAL: Detector.IDENTITY_LOW,
}

_FOOTHOLD_TECHNIQUES = {"T1564.008", "T1114.003", "T1528", "T1556.006", "T1098.005"}
_FOOTHOLD_TITLE = re.compile(
    r"\b(inbox (manipulation )?rule|forwarding|consent|MFA method|joined device)\b", re.IGNORECASE
)


def detector_of(alert: Alert, *, disrupted: bool) -> Detector:
    """The class whose prior an alert carries (triage.md section 1)."""
    if disrupted:
        return Detector.DISRUPTED
    if alert.product is Product.ENTRA:
        return _IDENTITY[alert.severity]
    if _FOOTHOLD_TECHNIQUES & set(alert.techniques) or _FOOTHOLD_TITLE.search(alert.title):
        return Detector.FOOTHOLD
    kinds = {mark.type for mark in _MARKS if mark.fits(alert)}
    if IncidentType.UNFAMILIAR_SIGN_IN in kinds:
        return _IDENTITY[alert.severity]
    if IncidentType.REMOTE_TOOL in kinds:
        return Detector.SCRIPT_OR_TOOL
    if IncidentType.MALICIOUS_FILE in kinds:
        return Detector.MALWARE_PREVENTED if was_prevented(alert) else Detector.MALWARE_RAN
    if {"T1059", "T1059.001", "T1218"} & set(alert.techniques):
        return Detector.SCRIPT_OR_TOOL
    return Detector.UNKNOWN


def was_prevented(alert: Alert) -> bool:
    """Every file it names was stopped before it could run, and nothing it names did run."""
    files = [e for e in alert.evidence if isinstance(e, FileEvidence)]
    stopped = [
        f.detection in ("prevented", "blocked")
        or f.remediation in (Remediation.PREVENTED, Remediation.BLOCKED)
        for f in files
    ]
    return bool(files) and all(stopped) and not any(e.kind == "process" for e in alert.evidence)

"""Which question for which kind of case, what each answer weighs, and what is contained first.

The rows of domain.md section 2 with the corrections of triage.md section 6, as data to be read.
`triage/recognising.py` says which alert is which kind of case.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from triage.actions import ActionKind
from triage.incident import (
    Affected,
    Assurance,
    Incident,
    IncidentType,
    Question,
    QuestionKind,
    Route,
)
from triage.phrases import Phrase, phrase
from triage.report import Severity

# --- questions and answers -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """One possible answer and what it does. Weights are log-odds of harm."""

    id: str
    weight: float
    interactive_weight: float | None = None
    """Instead of `weight` where the process tree shows that somebody started it by hand."""
    verified_weight: float | None = None
    """Instead of `weight` where we know who answered (V in the catalogue)."""
    least: Assurance = Assurance.L2
    """From which level on `verified_weight` stands: L3 where the catalogue asks for a phone call,
    or for a ticket that somebody must look up."""
    then: QuestionKind | None = None
    unsure: bool = False
    """An analyst looks, whatever the score says."""
    call: bool = False
    """The person wants to be phoned; no answer to the question yet."""
    contains: ActionKind | None = None
    """A response action this answer adds to the playbook's own."""
    spoken: bool = False
    """An analyst's to take down; it weighs nothing. In a chat, the words are the answer."""
    taints: bool = False
    """With this answer the account is suspect: Teams is no longer asked (T→C in the catalogue)."""

    def says(self, kind: QuestionKind) -> Phrase:
        return _choice(kind, self.id)


@cache
def _choice(kind: QuestionKind, answer: str) -> Phrase:
    return phrase(f"choice.{kind}.{answer}")


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

LASTING = ("sign.persistence",)
"""Whoever says "it was me" while something was planted to stay is contradicted."""


def _mine(
    kind: QuestionKind,
    verified: float,
    no: float,
    contradicted_by: tuple[str, ...] = LASTING,
    least: Assurance = Assurance.L2,
) -> QuestionSpec:
    """Asks "was it you?" of a suspect account: a yes counts only where we know who says it (V).

    A question about the very thing that lasts (a rule, a method, a role) is not contradicted by its
    lasting.
    """
    return QuestionSpec(
        kind,
        (
            Answer("mine", 0.0, verified_weight=verified, least=least),
            Answer("not_mine", no),
            NOT_SURE,
            CALL_ME,
        ),
        contradicted_by,
    )


QUESTIONS: dict[QuestionKind, QuestionSpec] = {
    spec.kind: spec
    for spec in (
        # 1 Malicious file: blocked and ran are two questions (triage.md section 6).
        QuestionSpec(
            QuestionKind.FILE_OPENED,
            (
                Answer("opened", 1.0, then=QuestionKind.FILE_AFTERMATH),
                # People deny from fear, and previews open files: a no weighs little unless the
                # process tree shows that somebody opened it.
                Answer("not_me", 0.5, interactive_weight=2.0),
                NOT_SURE,
                CALL_ME,
            ),
        ),
        QuestionSpec(
            QuestionKind.FILE_AFTERMATH,
            (
                Answer("enabled_content", 1.0),
                Answer("typed_password", 3.0, contains=ActionKind.REVOKE_SESSIONS, taints=True),
                Answer("neither", 0.0),
                NOT_SURE,
            ),
        ),
        QuestionSpec(
            QuestionKind.FILE_EXPECTED,
            (Answer("expected", -1.0), Answer("unexpected", 0.5), NOT_SURE, CALL_ME),
            ("sign.executed", "sign.persistence"),
        ),
        # 2 Phishing click
        QuestionSpec(
            QuestionKind.LINK_ENTERED,
            (
                Answer("entered", 3.0, contains=ActionKind.REVOKE_SESSIONS, taints=True),
                Answer("only_opened", 0.0),
                NOT_SURE,
                CALL_ME,
            ),
        ),
        # 3 Phishing reported
        QuestionSpec(
            QuestionKind.PHISH_REACTED,
            (Answer("reacted", 2.0), Answer("only_reported", -1.0), NOT_SURE, CALL_ME),
        ),
        # 4 Unfamiliar sign-in, 5 stolen session
        _mine(QuestionKind.SIGN_IN_MINE, verified=-3.0, no=3.0),
        # 6 MFA fatigue
        QuestionSpec(
            QuestionKind.MFA_STARTED,
            (
                Answer("mine", 0.0, verified_weight=-2.0, least=Assurance.L3),
                Answer("not_mine", 2.0),
                Answer("approved", 4.0),
                NOT_SURE,
            ),
            LASTING,
        ),
        # 7 to 10, 14, 23
        _mine(
            QuestionKind.METHOD_ADDED,
            verified=-3.0,
            no=4.0,
            contradicted_by=(),
            least=Assurance.L3,
        ),
        _mine(QuestionKind.RULE_CREATED, verified=-2.0, no=3.0, contradicted_by=()),
        _mine(QuestionKind.APP_APPROVED, verified=0.0, no=3.0),
        _mine(QuestionKind.FILES_MOVED, verified=-2.0, no=3.0),
        _mine(
            QuestionKind.DEVICE_ENROLLED,
            verified=-2.0,
            no=3.0,
            contradicted_by=(),
            least=Assurance.L3,
        ),
        _mine(QuestionKind.MAIL_SENT, verified=-2.0, no=3.0),
        _mine(QuestionKind.PAYMENT_CHANGED, verified=-2.0, no=3.0, least=Assurance.L3),
        # 12 USB
        QuestionSpec(
            QuestionKind.USB_CONNECTED,
            (Answer("own", -1.0), Answer("found", 2.0), Answer("not_me", 2.0), NOT_SURE),
            ("sign.executed", "sign.persistence"),
        ),
        # 13 Role elevation, 19 app secret: a change number or a pipeline run is the proof.
        _mine(
            QuestionKind.ROLE_CHANGED,
            verified=-3.0,
            no=4.0,
            contradicted_by=(),
            least=Assurance.L3,
        ),
        _mine(
            QuestionKind.SECRET_DEPLOYED,
            verified=-3.0,
            no=4.0,
            contradicted_by=(),
            least=Assurance.L3,
        ),
        # 15 PowerShell, pasted command
        QuestionSpec(
            QuestionKind.SCRIPT_RUN,
            (
                Answer("my_work", 0.0, verified_weight=-2.0, least=Assurance.L3),
                Answer("was_told", 4.0),
                Answer("not_me", 3.0),
                NOT_SURE,
            ),
            LASTING,
        ),
        # 16 Remote tool
        QuestionSpec(
            QuestionKind.REMOTE_TOOL_ASKED_BY,
            (
                Answer("it_confirmed", -2.0),
                Answer("vendor", 0.0, unsure=True),
                Answer("caller", 4.0),
                Answer("nobody", 3.0),
                NOT_SURE,
            ),
            LASTING,
        ),
        # 18 Password spray
        QuestionSpec(
            QuestionKind.PROMPTS_UNEXPECTED,
            (Answer("unexpected", 2.0), Answer("none", 0.0), NOT_SURE, CALL_ME),
        ),
        # 20 Unusual sharing
        QuestionSpec(
            QuestionKind.SHARED_ON_PURPOSE,
            (Answer("intended", -1.0), Answer("not_mine", 2.0), NOT_SURE, CALL_ME),
        ),
        # 21 Software
        QuestionSpec(
            QuestionKind.SOFTWARE_NEEDED,
            (Answer("needed", -1.0), Answer("not_me", 2.0), NOT_SURE, CALL_ME),
            LASTING,
        ),
        # 22 Lost device
        QuestionSpec(
            QuestionKind.DEVICE_LOCKED,
            (Answer("locked", -1.0), Answer("unlocked", 2.0), NOT_SURE, CALL_ME),
        ),
        # 24 Help-desk impersonation, and device-code phishing
        QuestionSpec(
            QuestionKind.CALLER_TOLD,
            (
                Answer("gave", 4.0, contains=ActionKind.REVOKE_SESSIONS, taints=True),
                Answer("gave_nothing", -1.0),
                NOT_SURE,
                CALL_ME,
            ),
        ),
        QuestionSpec(
            QuestionKind.CODE_TYPED,
            (
                Answer("typed", 4.0, contains=ActionKind.REVOKE_SESSIONS, taints=True),
                Answer("not_typed", -1.0),
                NOT_SURE,
                CALL_ME,
            ),
        ),
        QuestionSpec(QuestionKind.FREE, (Answer("told", 0.0, spoken=True), CALL_ME)),
    )
}


def takes_sign_in(kind: QuestionKind) -> bool:
    """Whether an answer after a fresh sign-in (L2) may do what one in Teams may not."""
    return any(
        a.verified_weight is not None and a.verified_weight < a.weight and a.least <= Assurance.L2
        for a in QUESTIONS[kind].answers
    )


FOLLOW_UPS = frozenset(a.then for spec in QUESTIONS.values() for a in spec.answers if a.then)

# --- playbooks -----------------------------------------------------------------------------------


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
    asks: QuestionKind | None
    contains: tuple[ActionKind, ...]
    """First containment, in order of gravity; tiers and rules decide what happens at once."""
    determination: str
    """Graph's determination when it proves harmful."""
    expected: str = "confirmedActivity"
    """... and when it was expected activity."""
    prevents: str | None = None
    """The phrase of what would have prevented it (domain.md section 6)."""
    lowers: bool = True
    """Whether an answer may speak against harm: a stolen session stays stolen, whoever says what."""
    by_hand: str | None = None
    """The phrase of a first step nobody may automate: the permission would be too broad."""


_ACCOUNT = "compromisedAccount"
_REVOKE = ActionKind.REVOKE_SESSIONS
_RESET = ActionKind.RESET_PASSWORD
_DISABLE = ActionKind.DISABLE_ACCOUNT
_SCAN = ActionKind.SCAN_DEVICE
_ISOLATE = ActionKind.ISOLATE_DEVICE
_QUARANTINE = ActionKind.QUARANTINE_FILE

PLAYBOOKS: dict[IncidentType, Playbook] = {
    book.type: book
    for book in (
        Playbook(
            IncidentType.MALICIOUS_FILE,
            Channel.TEAMS,
            QuestionKind.FILE_OPENED,
            (_SCAN, _QUARANTINE, _ISOLATE),
            "malware",
            prevents="recommend.office_child_processes",
        ),
        Playbook(
            IncidentType.PHISH_CLICK,
            Channel.TEAMS,
            QuestionKind.LINK_ENTERED,
            (ActionKind.BLOCK_URL, ActionKind.DELETE_MAIL),
            "phishing",
            prevents="recommend.safe_links",
        ),
        Playbook(
            IncidentType.PHISH_REPORTED,
            Channel.TEAMS,
            QuestionKind.PHISH_REACTED,
            (ActionKind.DELETE_MAIL,),
            "phishing",
            prevents="recommend.safe_links",
        ),
        Playbook(
            IncidentType.UNFAMILIAR_SIGN_IN,
            Channel.TAINTED,
            QuestionKind.SIGN_IN_MINE,
            (_REVOKE, _DISABLE),
            _ACCOUNT,
            prevents="recommend.phishing_resistant",
        ),
        Playbook(
            IncidentType.STOLEN_SESSION,
            Channel.TAINTED,
            QuestionKind.SIGN_IN_MINE,
            (_REVOKE, _RESET, _DISABLE),
            _ACCOUNT,
            prevents="recommend.phishing_resistant",
            lowers=False,
        ),
        Playbook(
            IncidentType.MFA_FATIGUE,
            Channel.TAINTED,
            QuestionKind.MFA_STARTED,
            (_REVOKE, _RESET),
            _ACCOUNT,
            prevents="recommend.number_matching",
        ),
        Playbook(
            IncidentType.NEW_MFA_METHOD,
            Channel.TAINTED,
            QuestionKind.METHOD_ADDED,
            (_REVOKE, ActionKind.REMOVE_MFA_METHOD),
            _ACCOUNT,
            prevents="recommend.protect_registration",
        ),
        Playbook(
            IncidentType.INBOX_RULE,
            Channel.TAINTED,
            QuestionKind.RULE_CREATED,
            (ActionKind.DISABLE_INBOX_RULE, _REVOKE, _RESET),
            _ACCOUNT,
            prevents="recommend.no_forwarding",
        ),
        Playbook(
            IncidentType.APP_CONSENT,
            Channel.TAINTED,
            QuestionKind.APP_APPROVED,
            (ActionKind.DISABLE_APP,),
            _ACCOUNT,
            expected="lineOfBusinessApplication",
            prevents="recommend.admin_consent",
        ),
        Playbook(
            IncidentType.MASS_DOWNLOAD,
            Channel.TEAMS,
            QuestionKind.FILES_MOVED,
            (_REVOKE,),
            "maliciousUserActivity",
            prevents="recommend.dlp",
        ),
        Playbook(
            IncidentType.RESTRICTED, Channel.NOBODY, None, (), "other", by_hand="hand.named_lead"
        ),
        Playbook(
            IncidentType.USB_DEVICE,
            Channel.TEAMS,
            QuestionKind.USB_CONNECTED,
            (_SCAN, _ISOLATE),
            "malware",
            prevents="recommend.device_control",
        ),
        Playbook(
            IncidentType.ROLE_ELEVATION,
            Channel.TAINTED,
            QuestionKind.ROLE_CHANGED,
            (_REVOKE, _DISABLE),
            _ACCOUNT,
            prevents="recommend.pim",
            by_hand="hand.remove_role",
        ),
        Playbook(
            IncidentType.DEVICE_JOIN,
            Channel.TAINTED,
            QuestionKind.DEVICE_ENROLLED,
            (ActionKind.DISABLE_DEVICE, _REVOKE),
            _ACCOUNT,
            prevents="recommend.protect_registration",
        ),
        Playbook(
            IncidentType.SCRIPT,
            Channel.TEAMS,
            QuestionKind.SCRIPT_RUN,
            (_SCAN, _ISOLATE, ActionKind.COLLECT_PACKAGE),
            "malware",
            prevents="recommend.script_control",
        ),
        Playbook(
            IncidentType.REMOTE_TOOL,
            Channel.PHONE,
            QuestionKind.REMOTE_TOOL_ASKED_BY,
            (_SCAN, _ISOLATE),
            "maliciousUserActivity",
            expected="lineOfBusinessApplication",
            prevents="recommend.remote_tools",
        ),
        # The password is known to be out: nothing anybody could say changes that.
        Playbook(
            IncidentType.LEAKED_PASSWORD,
            Channel.TAINTED,
            None,
            (_REVOKE, _RESET),
            _ACCOUNT,
            prevents="recommend.password_protection",
        ),
        Playbook(
            IncidentType.PASSWORD_SPRAY,
            Channel.TAINTED,
            QuestionKind.PROMPTS_UNEXPECTED,
            (_REVOKE, _RESET),
            _ACCOUNT,
            prevents="recommend.password_protection",
        ),
        Playbook(
            IncidentType.APP_SECRET,
            Channel.TAINTED,
            QuestionKind.SECRET_DEPLOYED,
            (ActionKind.DISABLE_APP, _REVOKE),
            _ACCOUNT,
            expected="lineOfBusinessApplication",
            prevents="recommend.managed_identities",
            by_hand="hand.remove_secret",
        ),
        Playbook(
            IncidentType.SHARING,
            Channel.TEAMS,
            QuestionKind.SHARED_ON_PURPOSE,
            (_REVOKE,),
            "maliciousUserActivity",
            prevents="recommend.link_expiry",
            by_hand="hand.remove_link",
        ),
        Playbook(
            IncidentType.SOFTWARE,
            Channel.TEAMS,
            QuestionKind.SOFTWARE_NEEDED,
            (_QUARANTINE, _SCAN),
            "unwantedSoftware",
            expected="lineOfBusinessApplication",
            prevents="recommend.app_control",
        ),
        Playbook(
            IncidentType.LOST_DEVICE,
            Channel.TEAMS,
            QuestionKind.DEVICE_LOCKED,
            (_REVOKE, ActionKind.DISABLE_DEVICE),
            "other",
            prevents="recommend.device_encryption",
            by_hand="hand.lock_device",
        ),
        Playbook(
            IncidentType.OUTBOUND_SPAM,
            Channel.TAINTED,
            QuestionKind.MAIL_SENT,
            (_REVOKE, _DISABLE),
            _ACCOUNT,
            prevents="recommend.phishing_resistant",
        ),
        Playbook(
            IncidentType.HELPDESK_CALL,
            Channel.TEAMS,
            QuestionKind.CALLER_TOLD,
            (),
            "phishing",
            prevents="recommend.external_teams",
            by_hand="hand.block_sender",
        ),
        Playbook(
            IncidentType.DEVICE_CODE,
            Channel.TEAMS,
            QuestionKind.CODE_TYPED,
            (_REVOKE,),
            "phishing",
            prevents="recommend.block_device_code",
        ),
        Playbook(
            IncidentType.PAYMENT_FRAUD,
            Channel.TAINTED,
            QuestionKind.PAYMENT_CHANGED,
            (_REVOKE, _DISABLE),
            _ACCOUNT,
            prevents="recommend.payment_callback",
            by_hand="hand.stop_payment",
        ),
        # Nobody is asked while files are being encrypted: contain.
        Playbook(
            IncidentType.RANSOMWARE,
            Channel.NOBODY,
            None,
            (_ISOLATE, _REVOKE, _DISABLE),
            "multiStagedAttack",
            prevents="recommend.ransomware",
        ),
        Playbook(IncidentType.UNKNOWN, Channel.NOBODY, None, (), "other"),
    )
}


def books(incident: Incident) -> tuple[Playbook, ...]:
    """The playbooks of a case, gravest first."""
    return tuple(PLAYBOOKS[t] for t in incident.types)


def books_about(incident: Incident, affected: Affected) -> tuple[Playbook, ...]:
    """Those of them that are about somebody: who is asked, and whose account is contained.

    - the kinds of the alerts that name them
    - those that no alert ties to anybody, where the state lists everybody
    - those in which nobody is asked: they stand for the whole case
    - all of them, where no alert that names them is of a kind of the case
    """
    own = set(affected.kinds) & set(incident.types)
    if not own:
        return books(incident)
    tied = {kind for a in (*incident.affected, *incident.joined) for kind in a.kinds}
    return tuple(
        book
        for book in books(incident)
        if book.type in own
        or book.channel is Channel.NOBODY
        or not (book.type in tied or incident.overflow)
    )


def is_about_accounts(incident: Incident) -> bool:
    return any(book.channel is Channel.TAINTED for book in books(incident))


def first_questions(
    incident: Incident, affected: Affected | None = None
) -> tuple[QuestionKind, ...]:
    """What is asked first, of anybody or of somebody, for each kind of case it is; a file that was
    stopped is another question than one that ran, and whoever reported an MFA prompt has answered
    already. While files are being encrypted nobody is asked anything."""
    theirs = books_about(incident, affected) if affected else books(incident)
    if any(book.channel is Channel.NOBODY for book in theirs):
        return ()
    asked = [_first_question(book, incident) for book in theirs]
    return tuple(dict.fromkeys(kind for kind in asked if kind is not None))


def _first_question(book: Playbook, incident: Incident) -> QuestionKind | None:
    if book.type is IncidentType.MALICIOUS_FILE and _was_stopped(incident):
        return QuestionKind.FILE_EXPECTED
    if book.type is IncidentType.MFA_FATIGUE and incident.reported_by_user:
        return None
    return book.asks


def _was_stopped(incident: Incident) -> bool:
    """Only where a file is known, and none of them ran, may anybody be told that it was stopped."""
    return bool(incident.files) and not any(f.ran for f in incident.files)


def route_of(incident: Incident, *, tainted: bool) -> Route:
    """How questions travel (triage.md section 6, tainted types).

    Phone where the device may be watched, the account is suspect, or the case is about accounts at
    medium and above; a neutral card where it is so at low; otherwise a card.
    """
    if tainted or any(book.channel is Channel.PHONE for book in books(incident)):
        return Route.PHONE
    if is_about_accounts(incident):
        return Route.PHONE if incident.severity.rank >= Severity.MEDIUM.rank else Route.NEUTRAL
    return Route.CARD


def offered(question: Question) -> tuple[Answer, ...]:
    """The answers that can be given in Teams: a neutral card only asks to be called, and what is
    asked by phone is answered there."""
    answers = QUESTIONS[question.kind].answers
    match question.route:
        case Route.CARD:
            return tuple(a for a in answers if not a.spoken)
        case Route.NEUTRAL:
            return tuple(a for a in answers if a.call)
        case Route.PHONE:
            return ()


def answers_in_person(question: Question) -> tuple[Answer, ...]:
    """Those that can be given where we know who answers: all but the wish to be called."""
    return tuple(a for a in QUESTIONS[question.kind].answers if not a.call)


def gravest_first(types: Iterable[IncidentType]) -> tuple[IncidentType, ...]:
    """In the order of `IncidentType`; restricted stands alone, unknown only where nothing else is."""
    known = set(types)
    if IncidentType.RESTRICTED in known:
        return (IncidentType.RESTRICTED,)
    ordered = [t for t in IncidentType if t in known and t is not IncidentType.UNKNOWN]
    return tuple(ordered) or (IncidentType.UNKNOWN,)

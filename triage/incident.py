"""The incident: everything Vouch holds of one case, and the small machines inside it.

An incident is a value. It is made and changed by `triage/decide.py` alone, stored as JSON by
`storage/incidents.py`, and shown through `triage/surfaces.py`. The states and how they follow one
another are drawn in README.md; `_status` in `decide.py` derives the present one.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from triage.actions import ActionKind, Target, Tier
from triage.customer import Role
from triage.phrases import Phrase, phrase
from triage.report import Account, AlreadyDone, Product, Severity, Source

STATE_VERSION = 1
"""Raised with every change of shape; `storage/upcasters.py` lifts older states."""


class Status(StrEnum):
    RECEIVED = "received"
    TRIAGING = "triaging"
    WAITING = "waiting"
    CONTAINING = "containing"
    CONTAINED = "contained"
    CLOSING = "closing"
    RESOLVED = "resolved"
    MERGED = "merged"
    REOPENED = "reopened"


class IncidentType(StrEnum):
    """What kind of case it is: the rows of domain.md section 2, with those that triage.md section 6
    adds. An incident may be of several; the first is the one it is called by."""

    RESTRICTED = "restricted"  # 11, insider risk and DLP: nobody is asked, the named lead only
    RANSOMWARE = "ransomware"  # added
    STOLEN_SESSION = "stolen_session"  # 5
    MFA_FATIGUE = "mfa_fatigue"  # 6
    NEW_MFA_METHOD = "new_mfa_method"  # 7
    INBOX_RULE = "inbox_rule"  # 8
    APP_CONSENT = "app_consent"  # 9
    ROLE_ELEVATION = "role_elevation"  # 13
    DEVICE_JOIN = "device_join"  # 14
    LEAKED_PASSWORD = "leaked_password"  # 17 # noqa: S105 - a kind of case
    PASSWORD_SPRAY = "password_spray"  # 18 # noqa: S105 - a kind of case
    APP_SECRET = "app_secret"  # 19 # noqa: S105 - a kind of case
    OUTBOUND_SPAM = "outbound_spam"  # 23
    PAYMENT_FRAUD = "payment_fraud"  # added
    DEVICE_CODE = "device_code"  # added
    UNFAMILIAR_SIGN_IN = "unfamiliar_sign_in"  # 4
    HELPDESK_CALL = "helpdesk_call"  # 24
    REMOTE_TOOL = "remote_tool"  # 16
    MALICIOUS_FILE = "malicious_file"  # 1
    SCRIPT = "script"  # 15
    PHISH_CLICK = "phish_click"  # 2
    PHISH_REPORTED = "phish_reported"  # 3
    MASS_DOWNLOAD = "mass_download"  # 10
    USB_DEVICE = "usb_device"  # 12
    SHARING = "sharing"  # 20
    SOFTWARE = "software"  # 21
    LOST_DEVICE = "lost_device"  # 22
    UNKNOWN = "unknown"  # goes to an analyst, never guessed


class Disposition(StrEnum):
    """How a case ends, in Graph's names (domain.md section 5)."""

    TRUE_POSITIVE = "truePositive"
    EXPECTED = "informationalExpectedActivity"
    FALSE_POSITIVE = "falsePositive"
    UNDECIDED = "unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the customer, found in the roster; `object_id` is the Entra object id."""

    object_id: str
    name: str
    given_name: str
    upn: str
    language: str | None = None
    zone: str | None = None
    """The IANA zone of their own clock, as their Teams told it."""
    reads_thread: bool = False
    """A member of the team whose channel holds the incident threads."""
    reachable: bool = True
    """The app is installed for this person, as far as we know."""
    outside: bool = False
    """A guest, or of another tenant: never asked, never asked to help."""

    @property
    def why_not_asked(self) -> str | None:
        """Why no card is sent to this person; None where one is."""
        if self.outside:
            return "outside"
        return None if self.reachable else "not_installed"


@dataclass(frozen=True, slots=True)
class Affected:
    """An account in the incident, and who it belongs to, or why that is not known."""

    account: Account
    person: Person | None
    why_not: Literal["no_match", "ambiguous"] | None = None

    @property
    def identifiers(self) -> frozenset[str]:
        """Object ids and UPNs, lower-cased."""
        known = [self.account.object_id, self.account.upn]
        if self.person:
            known += [self.person.object_id, self.person.upn]
        return frozenset(k.lower() for k in known if k)

    @property
    def object_id(self) -> str | None:
        """What a suspicion of this account goes by, also where the roster knows nobody for it."""
        if self.person:
            return self.person.object_id
        return self.account.object_id.lower() if self.account.object_id else None

    @property
    def who(self) -> str:
        """What tells two of them apart."""
        return (self.object_id or self.account.key).lower()

    @property
    def upn(self) -> str:
        return (self.person.upn if self.person else self.account.upn) or ""

    file: str | None = None
    """The suspect file of the alert that names this account: what this person is asked about."""
    device: str | None = None
    kinds: tuple[IncidentType, ...] = ()
    """Of the alerts that name this account. None are known of older states: then as the case."""


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    device_id: str | None = None
    """The Defender for Endpoint id."""
    entra_id: str | None = None


@dataclass(frozen=True, slots=True)
class SuspectFile:
    name: str
    sha1: str | None = None
    sha256: str | None = None
    ran: bool = False


@dataclass(frozen=True, slots=True)
class SuspectProcess:
    name: str
    parent: str | None
    command_line: str | None


@dataclass(frozen=True, slots=True)
class SuspectMail:
    message_id: str
    subject: str
    sender: str | None


@dataclass(frozen=True, slots=True)
class SuspectApp:
    app_id: str
    name: str


@dataclass(frozen=True, slots=True)
class SignIn:
    at: datetime | None
    app: str | None
    device: str | None
    ip: str | None
    country: str | None


@dataclass(frozen=True, slots=True)
class AlertNote:
    """An alert as the state keeps it: what a card may say. The whole one is in its own table."""

    id: str
    title: str
    product: Product
    severity: Severity
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One term of the score, in log-odds of harm.

    `rule` names the row it comes from ("prior.malware_ran", "sign.executed",
    "answer.file_opened.opened"); `evidence` names what it was seen in.
    """

    rule: str
    weight: float
    evidence: str
    says: Phrase


@dataclass(frozen=True, slots=True)
class SourceRef:
    """What a source calls this case, and what its latest applied revision contributes."""

    source: Source
    source_id: str
    updated: datetime
    digest: str
    tenant_id: str | None = None
    telemetry: tuple[Reason, ...] = ()
    """Prior and signs read from its alerts; answers are weighed from the questions."""
    products: tuple[Product, ...] = ()
    """Which products raised them, in order of first alert."""
    alert_count: int = 0
    mirrors: tuple[tuple[Source, str], ...] = ()
    """What other sources call the very same case: its alerts are theirs."""
    withholds: tuple[str, ...] = ()
    """Signs that it speaks against, whichever source makes them."""


KEPT = 20
"""Of each kind of thing, so that the state stays small at 500 alerts."""

MOST_REFS = 24
"""Of one case: what has no room in it any more begins a case of its own."""


# --- questions -----------------------------------------------------------------------------------


class QuestionKind(StrEnum):
    FILE_OPENED = "file_opened"
    FILE_EXPECTED = "file_expected"
    FILE_AFTERMATH = "file_aftermath"
    LINK_ENTERED = "link_entered"
    PHISH_REACTED = "phish_reacted"
    SIGN_IN_MINE = "sign_in_mine"
    MFA_STARTED = "mfa_started"
    METHOD_ADDED = "method_added"
    RULE_CREATED = "rule_created"
    APP_APPROVED = "app_approved"
    FILES_MOVED = "files_moved"
    USB_CONNECTED = "usb_connected"
    ROLE_CHANGED = "role_changed"
    DEVICE_ENROLLED = "device_enrolled"
    SCRIPT_RUN = "script_run"
    REMOTE_TOOL_ASKED_BY = "remote_tool_asked_by"
    PROMPTS_UNEXPECTED = "prompts_unexpected"
    SECRET_DEPLOYED = "secret_deployed"  # noqa: S105 - a kind of question
    SHARED_ON_PURPOSE = "shared_on_purpose"
    SOFTWARE_NEEDED = "software_needed"
    DEVICE_LOCKED = "device_locked"
    MAIL_SENT = "mail_sent"
    CALLER_TOLD = "caller_told"
    CODE_TYPED = "code_typed"
    PAYMENT_CHANGED = "payment_changed"
    FREE = "free"
    """In an analyst's own words; so is the answer, which weighs nothing."""


class Route(StrEnum):
    """How a question reaches the person."""

    CARD = "card"
    """In Teams, in plain words."""
    NEUTRAL = "neutral"
    """A card that reveals nothing and leads to the service desk."""
    PHONE = "phone"
    """Not in Teams at all: an analyst calls."""


class Standing(StrEnum):
    """What became of a reply (design.md section 4, rules 5 and 6)."""

    COUNTED = "counted"
    FOR_ANALYST = "for_analyst"
    """Free text, a wish to be called, or a correction that does not raise: an analyst reads it."""
    TAINTED = "tainted"
    """Through an account that may be in an attacker's hands: floored at 0."""


class Assurance(StrEnum):
    """How well we know who answered (domain.md section 3), in ascending order.

    There is no L1: single sign-on in Teams proves the session that L0 proves, and an attacker who
    holds that session passes it too.
    """

    L0 = "L0"
    """A button in Teams: whoever holds the session."""
    L2 = "L2"
    """A fresh sign-in in a browser, for this question: a strong factor, just now."""
    L3 = "L3"
    """A voice: called back by an analyst, or asked by the manager."""


@dataclass(frozen=True, slots=True)
class Reply:
    by: str
    """Object id of the person who answered, or whose words an analyst recorded."""
    at: datetime
    standing: Standing
    choice: str | None = None
    text: str | None = None
    assurance: Assurance = Assurance.L0
    recorded_by: str | None = None
    """The analyst who took it down on the phone."""
    attested_by: str | None = None
    """The manager who asked them by voice: object id ..."""
    attester: str | None = None
    """... and name."""
    number: str | None = None
    """The number that was called ..."""
    number_source: str | None = None
    """... and where it comes from."""


@dataclass(frozen=True, slots=True)
class Held:
    """Not sent yet: the night, or the minutes after another card, are waited out."""

    until: datetime
    state: Literal["held"] = "held"


@dataclass(frozen=True, slots=True)
class Open:
    due: datetime
    state: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class Answered:
    at: datetime
    state: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class Silent:
    """The deadline passed without an answer; weighs nothing."""

    at: datetime
    state: Literal["silent"] = "silent"


@dataclass(frozen=True, slots=True)
class Unreachable:
    at: datetime
    why: str
    state: Literal["unreachable"] = "unreachable"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Asked no more: the case closed, or the account became suspect."""

    at: datetime
    unsent: bool = False
    """It was held till then: the person never saw it."""
    state: Literal["withdrawn"] = "withdrawn"


QuestionState = Held | Open | Answered | Silent | Unreachable | Withdrawn


class Rung(StrEnum):
    """Whom we turn to, in this order, when the person asked gives no answer."""

    MANAGER = "manager"
    CONTACT = "contact"
    """The customer's security contact."""
    ANALYST = "analyst"
    """Calls; whoever does not call in time is rung by the pager."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rung that was taken, or skipped at once because nobody could be reached there."""

    rung: Rung
    at: datetime
    person: Person | None = None
    """Who was asked to reach the person."""
    due: datetime | None = None
    """When the next rung is taken."""
    skipped: str | None = None
    """Why, as a code that has a sentence."""


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    kind: QuestionKind
    person: Person
    route: Route
    asked_at: datetime
    state: QuestionState
    replies: tuple[Reply, ...] = ()
    steps: tuple[Step, ...] = ()
    """What was done because no answer came."""
    words: str | None = None
    """An analyst's, of a free question."""

    @property
    def topic(self) -> tuple[str, QuestionKind, str | None]:
        """Who is asked what, by whatever route and in whichever case."""
        return (self.person.object_id, self.kind, self.words)

    @property
    def named(self) -> Phrase:
        """What analysts call it."""
        return named(self.kind, self.words)

    @property
    def was_sent(self) -> bool:
        """What is held, or was till it was withdrawn, nobody knows of."""
        match self.state:
            case Held() | Withdrawn(unsent=True):
                return False
            case _:
                return True

    @property
    def answer(self) -> Reply | None:
        """The reply that stands: the last one that counted, or was floored."""
        for reply in reversed(self.replies):
            if reply.choice and reply.standing in STANDS:
                return reply
        return None


def named(kind: QuestionKind, words: str | None = None) -> Phrase:
    """What analysts call a question: by its kind, or by its words where they are their own."""
    return phrase("label.in_words", words=words) if words else phrase(f"label.question.{kind}")


STANDS = (Standing.COUNTED, Standing.TAINTED)


# --- fresh sign-ins ------------------------------------------------------------------------------


class VerificationState(StrEnum):
    """offered → started → passed, failed, void or expired; what failed may be started again."""

    OFFERED = "offered"
    STARTED = "started"
    PASSED = "passed"
    FAILED = "failed"
    VOID = "void"
    """A sign-in proves nothing in this case (any more); `why` says what came to light."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Verification:
    """The offer to confirm oneself by a fresh sign-in (L2) before answering one question."""

    id: str
    question: str
    person: str
    """Object id of whoever must sign in."""
    state: VerificationState
    at: datetime
    """When it reached its state."""
    due: datetime
    tries: int = 0
    """How often a sign-in was begun."""
    why: str | None = None
    """Why it failed or is void, as a code that has a sentence."""
    signed_in_at: datetime | None = None
    """As Entra says (`auth_time`)."""
    methods: tuple[str, ...] = ()
    """How, as Entra says (`amr`)."""


# --- response actions and approvals --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByRule:
    """Ordered because the action is tier A, or a standing rule of the customer says so."""

    rule: int | None
    basis: Literal["rule"] = "rule"


@dataclass(frozen=True, slots=True)
class ByApproval:
    approval: str
    basis: Literal["approval"] = "approval"


Basis = ByRule | ByApproval


class ActionState(StrEnum):
    PROPOSED = "proposed"
    ORDERED = "ordered"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    ALREADY_DONE = "already_done"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class ResponseAction:
    id: str
    kind: ActionKind
    target: Target
    tier: Tier
    state: ActionState
    basis: Basis | None = None
    """What entitles us; None until there is something."""
    at: datetime | None = None
    """When it reached its state."""
    rehearsed: bool = False
    """Recorded and shown; nothing was touched."""
    why: str | None = None
    """Why it failed or was refused."""
    denied: bool = False
    """A person of the customer said no to it, in a case that became part of this one."""
    advised: bool = False
    """The customer was told to do it themselves."""
    maybe_done: bool = False
    """It was refused when it was tried again, and the first try may have done it: it may be undone."""
    permission: str | None = None
    """What was missing in the customer's tenant, where that is why it failed."""


class ApprovalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody answered in time; what followed is in the action's basis."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's yes."""

    by: str
    """Object id."""
    by_upn: str
    by_name: str
    at: datetime
    recorded_by: str | None = None
    """The analyst who took it down on the phone."""


@dataclass(frozen=True, slots=True)
class Approval:
    id: str
    action: str
    asked_at: datetime
    due: datetime
    acts_on_silence: bool
    rule: int | None
    state: ApprovalState = ApprovalState.OPEN
    asked_by: str | None = None
    """The analyst who wants it, whatever the score says: object id."""
    by: str | None = None
    """Who answered, and settled it: object id."""
    by_name: str | None = None
    """Of all who approved it."""
    at: datetime | None = None
    asked_by_name: str | None = None
    needs: int = 1
    """How many people must say yes."""
    signed: tuple[Signature, ...] = ()
    """Who has: all whose yes counted when it was settled, or who has so far. Empty in what was
    approved by one person before signatures were kept."""
    in_thread: bool = True
    """Its card stands in the customer's thread; False while the thread has always hidden it."""
    merged: bool = False
    """It was withdrawn because the case became part of another one."""


# --- calls, decisions, closing -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallTask:
    """Somebody must be phoned: by whom is open, whom and why is not."""

    id: str
    person: Person
    question: str
    number: str | None
    number_source: str | None
    due: datetime
    done_at: datetime | None = None
    paged_at: datetime | None = None
    """Nobody had called in time: the pager rang."""


class TaskState(StrEnum):
    """suggested → open → done or cannot, each of which may still become the other."""

    SUGGESTED = "suggested"
    """Recommended when the case was closed; nobody has said yes to it yet."""
    OPEN = "open"
    DONE = "done"
    CANNOT = "cannot"
    WITHDRAWN = "withdrawn"


class TaskAnswer(StrEnum):
    """What somebody says to a task of theirs."""

    ACCEPT = "accept"
    DONE = "done"
    CANNOT = "cannot"
    DISCUSS = "discuss"


@dataclass(frozen=True, slots=True)
class Task:
    """What somebody of the customer is to do: given by an analyst, or recommended at the end."""

    id: str
    what: Phrase
    """In plain words; an analyst's, they were seen in a preview."""
    person: Person
    """Whom it is addressed to."""
    role: Role | None
    """Whoever has it as well may answer for them."""
    asked_at: datetime
    due: datetime
    in_thread: bool
    """Its card stands in the customer's thread, which they read; else in their own chat."""
    about: str | None = None
    """The device or app."""
    by_name: str | None = None
    """The analyst who gave it; None where it is the recommendation of the closing."""
    state: TaskState = TaskState.OPEN
    at: datetime | None = None
    """When it was answered ..."""
    answered_by: str | None = None
    """... and the name of whoever did."""
    why: str | None = None
    """Why they cannot, in their words."""
    discussed_by: str | None = None
    reminded_at: datetime | None = None
    overdue: bool = False
    """Nobody answered after the reminder: the analysts were told."""


class Band(StrEnum):
    """What the score asks for (triage.md section 4)."""

    CONTAIN = "contain"
    ESCALATE = "escalate"
    ANALYST = "analyst"
    PROPOSE = "propose"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Proposal:
    """How the case would close, one tap away."""

    disposition: Disposition
    determination: str
    recommendation: Phrase | None


@dataclass(frozen=True, slots=True)
class Decision:
    at: datetime
    log_odds: float
    probability: float
    band: Band
    reasons: tuple[Reason, ...]
    rules: str
    """Version of the rules that decided."""
    profile: int
    """Version of the customer's profile."""
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """Held before it resolves, so that a person may object."""

    until: datetime
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Closed:
    at: datetime
    by: str | None
    """The analyst's object id; None when the hold ran out."""
    by_name: str | None
    disposition: Disposition
    determination: str
    comment: str | None
    reasons: tuple[Reason, ...]
    rules: str
    recommendation: Phrase | None


@dataclass(frozen=True, slots=True)
class Merged:
    """The case is part of another one, which goes on."""

    at: datetime
    into: str
    """The other's id."""
    name: str
    """The other's name."""
    by: str | None = None
    """The analyst; None where it is the source."""


class Clearance(StrEnum):
    """What makes an account trusted again: all of them, after it came under suspicion (triage.md
    section 6)."""

    RESET = "reset"
    REVOKED = "revoked"
    """Counts when what was open before has run out."""
    CHECKED = "checked"
    """Somebody knows that it is this person (L3)."""


@dataclass(frozen=True, slots=True)
class Cleared:
    part: Clearance
    at: datetime
    how: Phrase
    """Who says so, and by what proof."""


@dataclass(frozen=True, slots=True)
class Taint:
    """Why an account may be in an attacker's hands, and what was done to make it safe.

    Of one person there is one suspicion of this case's own, and one that another case lends for as
    long as it stands there.
    """

    object_id: str
    since: datetime
    why: Phrase
    counts_from: datetime | None = None
    """The latest evidence against it: what was done before does not count. None where it is `since`."""
    cleared: tuple[Cleared, ...] = ()
    lifted_at: datetime | None = None
    lifted: Literal["cleared", "benign"] | None = None
    """Why it is over: everything was done, or a person closed the case as harmless."""

    @property
    def is_lent(self) -> bool:
        return self.why.key == "taint.other_incident"

    @property
    def name(self) -> str:
        return str(self.why.args["person"])

    @property
    def last_evidence(self) -> datetime:
        """What was done before it does not count."""
        return self.counts_from or self.since

    def part(self, part: Clearance) -> Cleared | None:
        """What was done last of it. A revocation before the reset leaves in whoever held the old
        password, and does not count (triage.md section 6)."""
        done = [c for c in self.cleared if c.part is part]
        reset = self.part(Clearance.RESET) if part is Clearance.REVOKED else None
        return next((c for c in reversed(done) if reset is None or c.at >= reset.at), None)


class AwayBy(StrEnum):
    """What says that somebody is away; the value names its sentence."""

    AUTOMATIC_REPLIES = "automatic_replies"
    OUT_OF_OFFICE = "out_of_office"
    """Their presence in Teams."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is said to be away. What an automatic reply says is kept nowhere: whoever holds the
    account may have written it."""

    object_id: str
    by: AwayBy
    read_at: datetime
    since: datetime | None = None
    """As scheduled; None where nobody knows since when."""
    until: datetime | None = None
    """As scheduled; None where no end is known."""


# --- what it was told of -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What sources tell of a case, as an `Incident` keeps it: by one report, or all that another
    case was told."""

    severity: Severity
    types: tuple[IncidentType, ...]
    refs: tuple[SourceRef, ...]
    first_activity: datetime | None = None
    alerts: tuple[AlertNote, ...] = ()
    accounts_seen: datetime | None = None
    affected: tuple[Affected, ...] = ()
    devices: tuple[Device, ...] = ()
    files: tuple[SuspectFile, ...] = ()
    sign_ins: tuple[SignIn, ...] = ()
    already_done: tuple[AlreadyDone, ...] = ()
    processes: tuple[SuspectProcess, ...] = ()
    urls: tuple[str, ...] = ()
    messages: tuple[SuspectMail, ...] = ()
    apps: tuple[SuspectApp, ...] = ()
    absences: tuple[Absence, ...] = ()
    overflow: bool = False
    reported_by_user: bool = False


# --- service levels ------------------------------------------------------------------------------


class Promise(StrEnum):
    """What the customer's profile sets a target for, in the order it is usually kept."""

    ACKNOWLEDGE = "acknowledge"
    CONTACT = "contact"
    CONTAIN = "contain"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Ticking:
    state: Literal["ticking"] = "ticking"


@dataclass(frozen=True, slots=True)
class Paused:
    """The customer is waited for, or nothing is to be done at present."""

    since: datetime
    state: Literal["paused"] = "paused"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was promised is done; whether in time, the clock says."""

    at: datetime
    state: Literal["kept"] = "kept"


@dataclass(frozen=True, slots=True)
class Spared:
    """The case was over before it was done."""

    at: datetime
    state: Literal["spared"] = "spared"


ClockState = Ticking | Paused | Kept | Spared


@dataclass(frozen=True, slots=True)
class Clock:
    """How long one promise has been waiting to be kept."""

    promise: Promise
    generation: int
    """How often the case had been reopened when it began."""
    since: datetime
    counts_from: datetime
    """`since`, moved on by the time that the clock stood still."""
    state: ClockState
    due: datetime | None = None
    """As of the last time it ran; None where nothing is promised."""
    warned: bool = False
    missed: bool = False
    """It was not kept when it was due; so it stays, whatever is done after."""


class CallOutcome(StrEnum):
    """How a call in Teams went."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"


# --- steps ---------------------------------------------------------------------------------------


class Party(StrEnum):
    """Who a case waits for, by role."""

    PERSON = "person"
    """Whoever is affected."""
    CUSTOMER = "customer"
    ANALYST = "analyst"
    MACHINE = "machine"
    """Ours, or a security product's."""


@dataclass(frozen=True, slots=True)
class Turn:
    whose: Party
    since: datetime


@dataclass(frozen=True, slots=True)
class Steps:
    """What the case has cost so far, by role (`triage/taps.py`)."""

    taps: tuple[tuple[Party, int], ...] = ()
    waited: tuple[tuple[Party, int], ...] = ()
    """Seconds, of the turns that are over."""
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the incident's timeline, as cards show it; the event log holds the whole."""

    at: datetime
    says: Phrase


class Why(StrEnum):
    """Why an analyst was given a case; each has a sentence `assigned.`."""

    LEAST = "least"
    """The least open cases, of those with an hour left."""
    NAMED = "named"
    """The customer's cases go to them first."""
    LONGEST = "longest"
    """Nobody has an hour left: the one who is on duty longest."""
    HANDED = "handed"
    """Somebody's shift ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """An analyst was given the case, and has not taken it yet."""

    to: str
    """Object id."""
    to_name: str
    at: datetime
    why: Why
    open_cases: int
    """They had already."""
    until: datetime
    """They are on duty."""
    take_by: datetime | None
    """Then it is given to the next one. None: nobody is left who was not asked, or no time is
    promised."""
    passed: tuple[str, ...] = ()
    """Who had it before and did not take it, or gave it away."""
    kind: Literal["assignment"] = "assignment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeking:
    """An analyst is wanted for the case."""

    since: datetime
    passed: tuple[str, ...] = ()
    nobody: bool = False
    """It was looked for one, and nobody was there."""
    kind: Literal["seeking"] = "seeking"


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Without slots, so that `changed` can copy all fields at once."""

    id: str
    customer: str
    name: str
    """CONTOSO-42."""
    code: str
    """What Bob tells the service desk to check that we are real: four characters."""
    status: Status
    received: datetime
    title: str
    severity: Severity
    types: tuple[IncidentType, ...]
    """What it is, gravest first, at least one; UNKNOWN and RESTRICTED stand alone."""
    refs: tuple[SourceRef, ...]
    first_activity: datetime | None = None
    alerts: tuple[AlertNote, ...] = ()
    """The latest ones, at most 20."""
    accounts_seen: datetime | None = None
    """In the latest alert that speaks of accounts; None also in older states."""
    affected: tuple[Affected, ...] = ()
    joined: tuple[Affected, ...] = ()
    """Affected in cases that became part of this one, at most 20: not asked anew, but they keep their
    say, and what is kept from the affected is kept from them."""
    devices: tuple[Device, ...] = ()
    files: tuple[SuspectFile, ...] = ()
    sign_ins: tuple[SignIn, ...] = ()
    already_done: tuple[AlreadyDone, ...] = ()
    processes: tuple[SuspectProcess, ...] = ()
    """The latest ones, at most 5: what an analyst looks at first."""
    urls: tuple[str, ...] = ()
    messages: tuple[SuspectMail, ...] = ()
    apps: tuple[SuspectApp, ...] = ()
    overflow: bool = False
    """More people or machines are affected than the state lists: a person decides."""
    reported_by_user: bool = False
    """The affected person has said themselves that a prompt was not theirs."""
    questions: tuple[Question, ...] = ()
    heard: tuple[Question, ...] = ()
    """What was answered in cases that became part of this one: weighed here, and not asked again."""
    verifications: tuple[Verification, ...] = ()
    actions: tuple[ResponseAction, ...] = ()
    approvals: tuple[Approval, ...] = ()
    calls: tuple[CallTask, ...] = ()
    taints: tuple[Taint, ...] = ()
    absences: tuple[Absence, ...] = ()
    """Of people who were asked, as last read: one a person."""
    lacks: tuple[str, ...] = ()
    """Permissions without which something could not be read in the customer's tenant."""
    decision: Decision | None = None
    closing: Closing | None = None
    closed: Closed | None = None
    merged: Merged | None = None
    kept_open: bool = False
    """A person objected to closing; only a person closes it now."""
    has_parts: bool = False
    """An analyst made another case part of it: its own sources know nothing of that one."""
    reopened: int = 0
    """How often; every reopening is a fresh generation of deadlines."""
    owner: str | None = None
    owner_name: str | None = None
    owner_upn: str | None = None
    """As the provider's roster has it."""
    assignment: Assignment | Seeking | None = None
    """While nobody has taken it, and the provider has shifts."""
    escalated_by: tuple[str, ...] = ()
    """Object ids of the analysts who gave it away: it goes back to none of them, until another
    shift."""
    given: tuple[Entry, ...] = ()
    """To whom it was given, and why, or that nobody was there: the latest ones, at most 10."""
    threaded: bool = False
    """The customer has, or is to have, a thread for it; once so, always so."""
    paged_at: datetime | None = None
    """Nobody took it in time: the pager rang, and still may."""
    handed_over: Phrase | None = None
    """Why a person must look, while nobody has taken it."""
    handed_reasons: tuple[Phrase, ...] = ()
    """Standing reasons that were said already, so that they are not said at every event."""
    clocks: tuple[Clock, ...] = ()
    """The latest ones, at most 12: also those of before it was reopened."""
    recommendation_accepted_by: str | None = None
    recommendation_discussed_by: str | None = None
    tasks: tuple[Task, ...] = ()
    """Of the customer's people, at most 12."""
    talking: tuple[str, ...] = ()
    """Object ids of those who asked for an analyst to write with."""
    timeline: tuple[Entry, ...] = ()
    """The latest ones, at most 30."""
    steps: Steps = Steps()
    state_version: int = STATE_VERSION

    def changed(self, **fields: Any) -> "Incident":
        """What `dataclasses.replace` makes, at a tenth of its cost: deciding does little else.

        Raises TypeError for what is no field.
        """
        if not fields.keys() <= self.__dict__.keys():
            raise TypeError(f"no fields of an incident: {fields.keys() - self.__dict__.keys()}")
        copy = object.__new__(Incident)
        copy.__dict__.update(self.__dict__, **fields)
        return copy

    def question(self, question_id: str) -> Question | None:
        return next((q for q in self.questions if q.id == question_id), None)

    @property
    def answered(self) -> tuple[Question, ...]:
        """Every question with an answer that stands, here or in a case that became part of it."""
        return tuple(q for q in (*self.heard, *self.questions) if q.answer)

    def has_replied(self, object_id: str) -> bool:
        """Whether somebody has said anything, here or in a case that became part of it."""
        known = (*self.heard, *self.questions)
        return any(q.replies for q in known if q.person.object_id == object_id)

    def action(self, action_id: str) -> ResponseAction | None:
        return next((a for a in self.actions if a.id == action_id), None)

    def approval(self, approval_id: str) -> Approval | None:
        return next((a for a in self.approvals if a.id == approval_id), None)

    def task(self, task_id: str) -> Task | None:
        return next((t for t in self.tasks if t.id == task_id), None)

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        return tuple(t for t in self.tasks if t.state is TaskState.OPEN)

    def verification(self, verification_id: str) -> Verification | None:
        return next((v for v in self.verifications if v.id == verification_id), None)

    def is_tainted(self, object_id: str) -> bool:
        return any(t.object_id == object_id and t.lifted_at is None for t in self.taints)

    @property
    def is_suspicious(self) -> bool:
        """Whether any account is under suspicion, here or elsewhere; those trusted again are not."""
        return any(t.lifted_at is None for t in self.taints)

    def absence(self, object_id: str) -> Absence | None:
        return next((a for a in self.absences if a.object_id == object_id), None)

    @property
    def suspects(self) -> frozenset[str]:
        """Whose accounts this very incident makes suspect, not another one."""
        if self.merged is not None:
            return frozenset()  # the case that goes on has them
        own = (t for t in self.taints if not t.is_lent and t.lifted_at is None)
        return frozenset(t.object_id for t in own)

    def upn_of(self, target: Target) -> str | None:
        """The UPN of the account an action is aimed at, as far as it is known."""
        for affected in self.affected:
            if affected.person and affected.person.object_id == target.id:
                return affected.person.upn or affected.account.upn or None
            if affected.account.object_id == target.id:
                return affected.account.upn or None
        return None

    def affects(self, object_id: str, upn: str = "") -> bool:
        """Whether this is an affected account, also where the roster knows nobody for it."""
        ids = {object_id.lower(), upn.lower()} - {""}
        return any(ids & a.identifiers for a in (*self.affected, *self.joined))

    def affected_as(self, object_id: str) -> Affected | None:
        """The affected account of that object id, here or in a case that became part of this one."""
        return next((a for a in (*self.affected, *self.joined) if a.object_id == object_id), None)

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody affected whom we know, once each."""
        return tuple({a.person.object_id: a.person for a in self.affected if a.person}.values())

    @property
    def concerned(self) -> tuple[Person, ...]:
        """The same, of this case and of those that became part of it."""
        joined = {a.person.object_id: a.person for a in self.joined if a.person}
        return tuple((joined | {p.object_id: p for p in self.people}).values())

    @property
    def involved(self) -> tuple[Person, ...]:
        """Those, and whoever was asked or given something to do, once each."""
        asked = (q.person for q in (*self.heard, *self.questions))
        tasked = (t.person for t in self.tasks)
        everybody = (*asked, *tasked, *self.concerned)
        return tuple({p.object_id: p for p in everybody}.values())

    @property
    def type(self) -> IncidentType:
        """What the case is called by: its gravest type."""
        return self.types[0]

    @property
    def is_microsofts(self) -> bool:
        """Whether Defender or Sentinel tells of it: what a source of our own shape says to calm us
        then weighs nothing, for its key may be anybody's who found it."""
        return any(ref.source is not Source.NATIVE for ref in self.refs)

    @property
    def own_refs(self) -> tuple[SourceRef, ...]:
        """Those that tell something of their own, and mirror no other one."""
        known = {(ref.source, ref.source_id) for ref in self.refs}
        return tuple(ref for ref in self.refs if not known & set(ref.mirrors))

    @property
    def alert_count(self) -> int:
        return sum(ref.alert_count for ref in self.own_refs)

    @property
    def holder(self) -> str | None:
        """The object id of whoever has taken it, or else was given it."""
        given = self.assignment.to if isinstance(self.assignment, Assignment) else None
        return self.owner or given

    @property
    def is_over(self) -> bool:
        return self.closed is not None or self.merged is not None

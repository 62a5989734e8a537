"""What a surface shows, typed: views of an incident, with absolute times.

`triage/surfaces.py` computes them from the state; `cards` puts them into words.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from triage.incident import (
    ActionState,
    ApprovalState,
    Band,
    Clearance,
    Disposition,
    QuestionKind,
    Reason,
    Status,
    TaskAnswer,
    TaskState,
)
from triage.phrases import Phrase
from triage.priority import Priority
from triage.report import Severity, Source


class Button(StrEnum):
    """What can be pressed on a card; the handle says on which question, approval or action."""

    ANSWER = "answer"
    CHANGE = "change"
    TALK = "talk"
    APPROVE = "approve"
    DENY = "deny"
    TAKE = "take"
    CLOSE = "close"
    CLOSE_AS = "close_as"
    KEEP_OPEN = "keep_open"
    REOPEN = "reopen"
    CLEAR = "clear"
    CONTAIN = "contain"
    UNDO = "undo"
    RECORD_CALL = "record_call"
    RECORD_CONSENT = "record_consent"
    DRAFT = "draft"
    SEND = "send"
    DISCARD = "discard"
    ATTEST = "attest"
    CALL_HELD = "call_held"
    ACCEPT = "accept"
    DISCUSS = "discuss"
    TASK = "task"
    DO_IT = "do_it"
    CANCEL = "cancel"
    RUN = "run"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Choice:
    """One button of a question: its id and its label's phrase key."""

    id: str
    says: Phrase


@dataclass(frozen=True, slots=True)
class Callee:
    """Somebody who may be called or written to in Teams: by an address of a roster or a profile,
    never one from an incident."""

    name: str
    upn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCard:
    """The one card in a person's chat for this incident."""

    person: str
    given_name: str
    language: str | None
    zone: str | None
    """Their own clock; the customer's where it is not known."""
    sender: str
    """Who asks: the customer's own name for it."""
    code: str
    service_desk: str | None
    stage: Literal["asking", "thanks", "neutral", "guarded", "over"]
    """asking: a question waits for an answer, late or not. thanks: nothing is asked now. neutral: reveals nothing and leads
    to the service desk. guarded: the account is suspect, and reads the same whatever the case is about. over: the case
    is closed."""
    says: tuple[Phrase, ...]
    """The sentences of the card, in order: what happened, what is asked, what was done."""
    question: str | None = None
    kind: QuestionKind | None = None
    choices: tuple[Choice, ...] = ()
    change: str | None = None
    """The answered question that "Change my answer" asks again; None where there is none."""
    changing: bool = False
    """Whether `question` was answered before and is being changed."""
    verification: str | None = None
    """The fresh sign-in that is offered beside the service desk."""
    talk: bool = False
    """Whether an analyst can be asked for."""
    surface: Literal["person"] = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerCard:
    """A card in the chat of somebody who is asked to reach one of their people by voice."""

    person: str
    """The manager's object id."""
    language: str | None
    zone: str | None
    sender: str
    code: str
    asked: str
    """The given name of whoever is to be reached."""
    question: str | None
    """None: nothing is needed any more."""
    says: tuple[Phrase, ...]
    happened: Phrase | None = None
    ask: Phrase | None = None
    """What to ask them, in the words they would have read."""
    choices: tuple[Choice, ...] = ()
    surface: Literal["manager"] = "manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadAction:
    """A response action as a thread shows it."""

    id: str
    says: Phrase
    state: ActionState
    at: datetime | None
    rehearsed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClock:
    """A promise, and how it stands."""

    promise: Phrase
    stands: Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerThread:
    """The root card of the incident in the customer's channel."""

    name: str
    code: str
    severity: Severity
    status: Status
    headline: Phrase
    placeholder: bool
    """The affected person can read here: say nothing that helps an intruder."""
    known: tuple[Phrase, ...]
    doing: tuple[Phrase, ...]
    turn: Phrase
    """Whose turn it is."""
    needed: Phrase
    """What is needed from the customer; says so when it is nothing."""
    until: datetime | None
    actions: tuple[ThreadAction, ...] = ()
    clocks: tuple[ShownClock, ...] = ()
    outcome: tuple[Phrase, ...] = ()
    recommendation: Phrase | None = None
    recommendation_accepted_by: str | None = None
    recommendation_discussed_by: str | None = None
    tasks: tuple[Phrase, ...] = ()
    """Who of theirs is to do what by when, and what they say to it."""
    buttons: tuple[Button, ...] = ()
    analyst: Callee | None = None
    """Who works on it."""
    surface: Literal["customer"] = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCard:
    """A reply in the customer's thread that asks for one decision."""

    approval: str
    name: str
    because: tuple[Phrase, ...]
    """What speaks for it: what happened, and what people said."""
    asks: Phrase
    consequence: Phrase
    """What approving means for the person, and how it is undone."""
    on_silence: Phrase
    due: datetime
    state: ApprovalState
    outcome: Phrase | None
    mention: tuple[tuple[str, str], ...]
    """Who must act: (UPN, name)."""
    hidden: bool = False
    """A suspect account came to read the thread: the card that stands there tells nothing now."""
    asked_by: Phrase
    """Who wants it: an analyst, or we ourselves by the score."""
    signed: Phrase | None = None
    """Where two must approve: how far it has come."""
    surface: Literal["approval"] = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """What one of the customer's people is to do, and why; in the thread, or in their own chat."""

    task: str
    name: str
    code: str
    person: str | None
    """The object id of whoever's chat it stands in; None in the thread."""
    language: str | None
    zone: str | None
    sender: str
    owner: tuple[str, str]
    """(UPN, name)"""
    what: Phrase
    because: tuple[Phrase, ...]
    """What happened, and who wants it."""
    about: str | None
    due: datetime
    state: TaskState
    outcome: tuple[Phrase, ...]
    choices: tuple[TaskAnswer, ...]
    hidden: bool = False
    """A suspect account came to read the thread: the card that stands there tells nothing now."""
    surface: Literal["task"] = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What one possible answer would do to the score."""

    choice: Phrase
    probability: float
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystQuestion:
    id: str
    asks: Phrase
    person: str
    state: Phrase
    checked: tuple[Phrase, ...] = ()
    """How we know who answered, and what became of a fresh sign-in that was offered."""
    what_ifs: tuple[WhatIf, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystCall:
    """A call to make, with everything at hand, and the choices to record."""

    question: str
    person: str
    number: str | None
    number_source: str | None
    script: Phrase
    due: datetime
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneConsent:
    """A decision of the customer that is asked for by phone, and who may give it."""

    approval: str
    asks: Phrase
    upn: str
    name: str
    number: str
    number_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """An account under suspicion, and how far it is from being trusted again."""

    person: str
    """Object id."""
    name: str
    says: tuple[Phrase, ...]
    """Since when and why; each part, with its time or as missing; when it ends."""
    missing: tuple[Clearance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    disposition: Disposition
    determination: str
    recommendation: Phrase | None
    closes_at: datetime | None
    """Set while the closing is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Containable:
    """A response action an analyst may ask for, or undo."""

    action: str
    says: Phrase
    undo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalystThread:
    """The root card of the incident in the provider's channel; internal."""

    name: str
    customer: str
    code: str
    title: str
    severity: Severity
    status: Status
    priority: Priority
    probability: float
    band: Band
    reasons: tuple[Reason, ...]
    next_action: Phrase
    due: datetime | None
    headline: Phrase
    facts: tuple[Phrase, ...]
    """Who, what and where; what the source has already done; what is not known and why."""
    context: tuple[Phrase, ...] = ()
    """What to know of the customer in this case."""
    questions: tuple[AnalystQuestion, ...] = ()
    calls: tuple[AnalystCall, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    by_phone: tuple[Phrase, ...] = ()
    """Whom of the customer to phone, because the thread tells nothing."""
    consents: tuple[PhoneConsent, ...] = ()
    clocks: tuple[ShownClock, ...] = ()
    actions: tuple[ThreadAction, ...] = ()
    tasks: tuple[Phrase, ...] = ()
    """Who of the customer is to do what by when, and what they say to it."""
    containable: tuple[Containable, ...] = ()
    evidence: tuple[Phrase, ...] = ()
    """What was seen: alerts, files, processes, sign-ins."""
    proposal: ProposalView | None = None
    owner: str | None = None
    assigned: Phrase | None = None
    """To whom it was given, while nobody has taken it."""
    portal: tuple[str, str] | None = None
    """(tenant id, incident id), validated, for a link into the Defender portal."""
    timeline: tuple[tuple[datetime, Phrase], ...] = ()
    outcome: tuple[Phrase, ...] = ()
    remembered: tuple[Phrase, ...] = ()
    """What analysts keep of the customer from other cases; it weighs nothing."""
    callees: tuple[Callee, ...] = ()
    buttons: tuple[Button, ...] = ()
    hearers: tuple[tuple[str, str], ...] = ()
    """Of the people concerned those an analyst can write to: object id and name."""
    surface: Literal["analyst"] = "analyst"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestLine:
    """One case in the day's digest."""

    name: str
    severity: Severity
    status: Status
    headline: Phrase
    outcome: Phrase | None
    has_thread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The day's cases that have no thread, or are to be told of twice; posted once."""

    at: datetime
    lines: tuple[DigestLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A case among others: in a list, or on the card of whoever hands it over."""

    name: str
    severity: Severity
    customer: str
    headline: Phrase
    waits: Phrase
    """For whom or what, and until when."""
    whose: str | Phrase
    """Whoever has it, was given it or gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What is open of an analyst whose shift ends; posted once."""

    analyst: str
    at: datetime
    lines: tuple[CaseLine, ...]
    mention: tuple[tuple[str, str], ...] = ()
    """Whoever gets something: UPN and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """What the source system should say of the case; written back, not posted."""

    source: Source
    source_id: str
    status: Literal["inProgress", "resolved"]
    disposition: Disposition
    determination: str
    comment: Phrase
    surface: Literal["source"] = "source"


View = (
    PersonCard
    | ManagerCard
    | CustomerThread
    | ApprovalCard
    | TaskCard
    | AnalystThread
    | SourceStatus
)

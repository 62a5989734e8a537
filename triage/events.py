"""Everything that can happen to an incident, as it is stored and replayed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from triage.customer import Role
from triage.duty import Duty
from triage.effects import PageAction
from triage.incident import (
    Absence,
    Affected,
    CallOutcome,
    Clearance,
    Disposition,
    IncidentType,
    Person,
    Question,
    QuestionKind,
    ResponseAction,
    Taint,
    TaskAnswer,
    Told,
)
from triage.phrases import Phrase
from triage.report import IncidentReport, Source


@dataclass(frozen=True, slots=True)
class Reported:
    """A source tells of the incident: new, changed, or another one that belongs to it."""

    report: IncidentReport
    kind: Literal["reported"] = "reported"


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody pressed a button on a question, or wrote text while one was open.

    `by` is the authenticated object id; `question` is what the button stood for.
    """

    question: str
    by: str
    choice: str | None
    text: str | None = None
    verification: str | None = None
    """The fresh sign-in after which it was given, on a page of ours."""
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class WishedCall:
    """Somebody pressed the one button on the card of a suspect account, which asks nothing."""

    by: str
    kind: Literal["wished_call"] = "wished_call"


@dataclass(frozen=True, slots=True)
class WishedToTalk:
    """Somebody concerned asks for an analyst, to write with in their own chat."""

    by: str
    kind: Literal["wished_to_talk"] = "wished_to_talk"


@dataclass(frozen=True, slots=True)
class Wrote:
    """Somebody the case concerns, or who was asked or has a task in it, wrote to the bot with no
    question open."""

    by: str
    text: str
    kind: Literal["wrote"] = "wrote"


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """Somebody pressed Approve or Deny; whether it counts is decided, not presumed."""

    approval: str
    by: str
    by_upn: str
    by_name: str
    approve: bool
    kind: Literal["approval_answered"] = "approval_answered"


@dataclass(frozen=True, slots=True)
class ConsentRecorded:
    """An analyst takes down what a contact of the customer decided on the phone, because the thread
    hides what is asked. The number is the one that the profile vouches for."""

    approval: str
    contact: str
    """UPN."""
    approve: bool
    by: str
    by_name: str
    kind: Literal["consent_recorded"] = "consent_recorded"


@dataclass(frozen=True, slots=True)
class CallRecorded:
    """An analyst reached the person by phone and took down the answer."""

    question: str
    by: str
    by_name: str
    choice: str
    kind: Literal["call_recorded"] = "call_recorded"


@dataclass(frozen=True, slots=True)
class CallHeld:
    """An analyst called somebody in Teams, or tried to; what was said changes nothing by itself."""

    callee: str
    """UPN."""
    outcome: CallOutcome
    by: str
    by_name: str
    kind: Literal["call_held"] = "call_held"


@dataclass(frozen=True, slots=True)
class Attested:
    """Somebody who was asked to reach the person by voice tells what they said."""

    question: str
    by: str
    by_upn: str
    by_name: str
    choice: str | None
    """None: they could not be reached."""
    kind: Literal["attested"] = "attested"


@dataclass(frozen=True, slots=True)
class ClearanceRecorded:
    """An analyst takes down what was done to make a suspect account safe, and by what proof."""

    person: str
    """Object id."""
    part: Clearance
    proof: str
    by: str
    by_name: str
    kind: Literal["clearance_recorded"] = "clearance_recorded"


@dataclass(frozen=True, slots=True)
class VerificationStarted:
    """Somebody with the link on the card went to sign in; who it is, nobody knows yet."""

    verification: str
    kind: Literal["verification_started"] = "verification_started"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody signed in: what Entra's token says, once its signature, issuer, audience and nonce
    were found to be right. Whether it is enough is decided, not presumed."""

    verification: str
    tenant_id: str
    object_id: str
    username: str
    """For people to read; it proves nothing."""
    at: datetime | None
    """When the factors were shown (`auth_time`)."""
    contexts: tuple[str, ...]
    """Authentication contexts that are satisfied (`acrs`)."""
    methods: tuple[str, ...]
    """`amr`."""
    kind: Literal["signed_in"] = "signed_in"


@dataclass(frozen=True, slots=True)
class SignInFailed:
    """Nobody signed in; `why` is a code that has a sentence: denied, unavailable, forged,
    wrong_tenant."""

    verification: str
    why: str
    kind: Literal["sign_in_failed"] = "sign_in_failed"


@dataclass(frozen=True, slots=True)
class Taken:
    by: str
    by_name: str
    kind: Literal["taken"] = "taken"


@dataclass(frozen=True, slots=True)
class Assigned:
    """An analyst gives the case to one of them."""

    by: str
    by_name: str
    to: str
    to_name: str
    kind: Literal["assigned"] = "assigned"


@dataclass(frozen=True, slots=True)
class Escalated:
    """An analyst wants somebody else to take the case, at once."""

    by: str
    by_name: str
    why: str | None = None
    kind: Literal["escalated"] = "escalated"


@dataclass(frozen=True, slots=True)
class Noted:
    """An analyst writes down what the others should know; it stays among them."""

    by: str
    by_name: str
    text: str
    kind: Literal["noted"] = "noted"


@dataclass(frozen=True, slots=True)
class CloseOrdered:
    """An analyst closes: as proposed (`disposition` None), or as they say."""

    by: str
    by_name: str
    disposition: Disposition | None = None
    comment: str | None = None
    kind: Literal["close_ordered"] = "close_ordered"


@dataclass(frozen=True, slots=True)
class KeptOpen:
    """Somebody objects to a closing that is being held."""

    by: str
    by_upn: str
    by_name: str
    kind: Literal["kept_open"] = "kept_open"


@dataclass(frozen=True, slots=True)
class Reopened:
    by: str
    by_name: str
    kind: Literal["reopened"] = "reopened"


@dataclass(frozen=True, slots=True)
class ContainOrdered:
    """An analyst asks for a proposed response action; the customer's consent still rules."""

    action: str
    by: str
    by_name: str
    kind: Literal["contain_ordered"] = "contain_ordered"


@dataclass(frozen=True, slots=True)
class UndoOrdered:
    """An analyst reverses a response action of ours."""

    action: str
    by: str
    by_name: str
    kind: Literal["undo_ordered"] = "undo_ordered"


@dataclass(frozen=True, slots=True)
class AskOrdered:
    """An analyst has somebody of the customer asked: a question of the playbooks, or one in the
    analyst's own words."""

    person: str
    """UPN."""
    asks: QuestionKind
    by: str
    by_name: str
    words: str | None = None
    """Of a free question, and of no other."""
    kind: Literal["ask_ordered"] = "ask_ordered"


@dataclass(frozen=True, slots=True)
class SentToCustomer:
    """An analyst has seen how it will look, and sends it: to the customer's thread, or to somebody
    concerned."""

    draft: str
    """Of the preview: sent twice, it stands there once."""
    text: str
    by: str
    by_name: str
    to: str | None = None
    """The object id of the person concerned whose chat it goes to; None for the thread."""
    kind: Literal["sent_to_customer"] = "sent_to_customer"


@dataclass(frozen=True, slots=True)
class RecommendationAnswered:
    by: str
    by_upn: str
    by_name: str
    accept: bool
    kind: Literal["recommendation_answered"] = "recommendation_answered"


@dataclass(frozen=True, slots=True)
class TaskGiven:
    """An analyst has seen what somebody of the customer will read, and gives them a task."""

    to: str
    """The UPN of a contact."""
    role: Role | None
    what: str
    due: datetime
    by: str
    by_name: str
    about: str | None = None
    """The device or app."""
    kind: Literal["task_given"] = "task_given"


@dataclass(frozen=True, slots=True)
class TaskWithdrawn:
    """An analyst takes a task back."""

    task: str
    by: str
    by_name: str
    kind: Literal["task_withdrawn"] = "task_withdrawn"


@dataclass(frozen=True, slots=True)
class TaskAnswered:
    """Somebody answers a task; whether it is theirs to answer is decided, not presumed."""

    task: str
    answer: TaskAnswer
    by: str
    by_upn: str
    by_name: str
    words: str | None = None
    """Why they cannot, or what they want to discuss."""
    kind: Literal["task_answered"] = "task_answered"


@dataclass(frozen=True, slots=True)
class MergedInto:
    """The source says, or an analyst does, that the case is part of another one of ours, which goes
    on."""

    into: str
    """The other's id."""
    name: str
    """The other's name."""
    by: str | None = None
    """The analyst; None where it is the source."""
    by_name: str | None = None
    kind: Literal["merged_into"] = "merged_into"


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Another case became part of this one: what was learnt and done there counts here."""

    name: str
    """The other's name."""
    questions: tuple[Question, ...]
    """Those that were answered there."""
    actions: tuple[ResponseAction, ...]
    """What was done, is being done or was undone there, and what the customer said no to."""
    taints: tuple[Taint, ...]
    types: tuple[IncidentType, ...]
    """Kinds of case that rule something out for this one too."""
    owner: str | None
    owner_name: str | None
    handed_over: Phrase | None = None
    """Why a person was to look at it."""
    paged: bool = False
    """It rang for somebody to take it, and nobody has."""
    escalated_by: tuple[str, ...] = ()
    """Object ids of the analysts who gave it away."""
    kept_open: bool = False
    """Somebody objected to its closing."""
    affected: tuple[Affected, ...] = ()
    """Of that case, and of those that became part of it."""
    talking: tuple[str, ...] = ()
    """Object ids of those who asked there for an analyst to write with."""
    to_call: tuple[Question, ...] = ()
    """On which somebody there asked to be called, and was not heard since."""
    told: Told | None = None
    """What sources told of it, as if this case had been told: where an analyst merged it, or another
    one into it. Else the source that says that two are one tells that itself, of the one."""
    later: bool = False
    """It was part of this one already: this came to light there since."""
    kind: Literal["absorbed"] = "absorbed"


@dataclass(frozen=True, slots=True)
class NotMerged:
    """The source says that the case and another one of ours are one, and one cannot hold both."""

    name: str
    """The other's name."""
    kind: Literal["not_merged"] = "not_merged"


@dataclass(frozen=True, slots=True)
class Woke:
    """A deadline that was set came due; `name` says which."""

    name: str
    kind: Literal["woke"] = "woke"


@dataclass(frozen=True, slots=True)
class ActionDone:
    action: str
    rehearsed: bool
    undone: bool = False
    kind: Literal["action_done"] = "action_done"


@dataclass(frozen=True, slots=True)
class ActionFailed:
    action: str
    why: str
    refused: bool = False
    """A check in the claiming transaction said no; nothing was sent."""
    maybe_done: bool = False
    """An earlier try was, and its answer never came."""
    permission: str | None = None
    """What Microsoft says is missing in the customer's tenant."""
    kind: Literal["action_failed"] = "action_failed"


@dataclass(frozen=True, slots=True)
class SourceWritten:
    """The source system was told how the case stands."""

    source: Source
    source_id: str
    status: str
    disposition: Disposition
    rehearsed: bool
    kind: Literal["source_written"] = "source_written"


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A surface or message could not reach its place, for good."""

    place: str
    person: str | None
    """The object id, where the place is somebody's chat."""
    why: str
    kind: Literal["undelivered"] = "undelivered"


@dataclass(frozen=True, slots=True)
class FoundAway:
    """Somebody who was asked, or was to help, is away as their mailbox or their presence says."""

    absence: Absence
    kind: Literal["found_away"] = "found_away"


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """Something could not be read: these permissions are missing in the customer's tenant; none where
    it is read again."""

    permissions: tuple[str, ...]
    kind: Literal["not_permitted"] = "not_permitted"


@dataclass(frozen=True, slots=True)
class NotPaged:
    """The pager did not take a page, for good. Why stands with the effect: it is an operator's."""

    does: PageAction
    alarm: str
    kind: Literal["not_paged"] = "not_paged"


Later = (
    Answered
    | WishedCall
    | WishedToTalk
    | Wrote
    | ApprovalAnswered
    | CallRecorded
    | CallHeld
    | Attested
    | ClearanceRecorded
    | ConsentRecorded
    | VerificationStarted
    | SignedIn
    | SignInFailed
    | Taken
    | Assigned
    | Escalated
    | Noted
    | CloseOrdered
    | KeptOpen
    | Reopened
    | ContainOrdered
    | UndoOrdered
    | AskOrdered
    | SentToCustomer
    | RecommendationAnswered
    | TaskGiven
    | TaskWithdrawn
    | TaskAnswered
    | MergedInto
    | Absorbed
    | NotMerged
    | Woke
    | ActionDone
    | ActionFailed
    | SourceWritten
    | Undelivered
    | FoundAway
    | NotPermitted
    | NotPaged
)
"""What happens to an incident that is there: all but a report, which may begin one."""

Event = Reported | Later


@dataclass(frozen=True, slots=True)
class NewIncident:
    """What a new incident needs and `decide` must not invent."""

    id: str
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Match:
    """Who an account belongs to, or why that is not known."""

    person: Person | None
    why_not: Literal["no_match", "ambiguous"] | None = None


@dataclass(frozen=True, slots=True)
class CardsToday:
    """What somebody was sent today, by the customer's clock, in other incidents."""

    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event may know beyond its incident and the profile; stored with the event."""

    new: NewIncident | None = None
    matches: Mapping[str, Match] = field(default_factory=dict)
    """By `Account.key`."""
    at_risk: frozenset[str] = frozenset()
    """Object ids of people whose account another incident makes suspect."""
    concerned: frozenset[str] = frozenset()
    """Who of those acting is affected, also where the state no longer lists everybody."""
    unseen: frozenset[str] = frozenset()
    """Open approvals whose card nobody was ever shown."""
    helpers: Mapping[str, Person] = field(default_factory=dict)
    """The managers and security contacts who could help to reach the people concerned, by UPN in
    lower case; who is not in the roster is missing."""
    cards: Mapping[str, CardsToday] = field(default_factory=dict)
    """By object id."""
    pages: bool = False
    """Whether people can open pages of ours."""
    goes_on: bool = True
    """Whether the case that this one is part of is worked on still."""
    unmergeable: Literal["over", "own", "room"] | None = None
    """Why an analyst cannot make this case part of that other one: it is over, is about their own
    account, or has no room for what sources call both."""
    readers: frozenset[str] = frozenset()
    """Who of the people involved reads the customer's thread, where that is looked at anew."""
    duty: Duty | None = None
    """Who is on duty, and with how much, where a case is to be given to somebody."""

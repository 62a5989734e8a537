"""Everything `decide` can order to be done in the world. Each has a key: ordered twice, done once.

What surfaces show is not here: a surface follows from the state (`triage/surfaces.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from triage.actions import ActionKind, Target
from triage.phrases import Phrase
from triage.report import Severity

CUSTOMER_THREAD = "customer"
ANALYST_THREAD = "analyst"


@dataclass(frozen=True, slots=True)
class Say:
    """One message, appended once: to a thread, or to a person's chat.

    `place` is CUSTOMER_THREAD, ANALYST_THREAD, or "person:" and an object id.
    """

    key: str
    place: str
    says: Phrase
    mentions: tuple[tuple[str, str], ...] = ()
    """Who is notified by it: object id and name."""
    kind: Literal["say"] = "say"


@dataclass(frozen=True, slots=True)
class Contain:
    """Carry out, or undo, a response action."""

    key: str
    action: str
    does: ActionKind
    target: Target
    undo: bool = False
    kind: Literal["contain"] = "contain"


@dataclass(frozen=True, slots=True)
class Wake:
    """Come back at `at` with `Woke(name)`; harmless when the state has moved on."""

    key: str
    at: datetime
    name: str
    kind: Literal["wake"] = "wake"


def look_again(at_what: str, incident: str, because_of: str, now: datetime) -> Wake:
    """A wake, due at once, for a case that must take note of what happened elsewhere: `because_of`
    names that one happening."""
    return Wake(f"{incident}:{at_what}:{because_of}", now, f"{at_what}:")


@dataclass(frozen=True, slots=True)
class PostDigest:
    """Post the day's digest at `at`; one a day and customer. Born with a future due time, as a Wake
    is, and filled by a read when it runs."""

    key: str
    at: datetime
    since: datetime
    kind: Literal["post_digest"] = "post_digest"


@dataclass(frozen=True, slots=True)
class ReadRoster:
    """Read who is in a team, or in a personal chat, and keep it; ordered by an installation."""

    key: str
    conversation_id: str
    kind: Literal["read_roster"] = "read_roster"


@dataclass(frozen=True, slots=True)
class LookForAbsence:
    """Read whether somebody is away: who is asked, or who is to help to reach them."""

    key: str
    person: str
    """Object id."""
    question: str
    kind: Literal["look_for_absence"] = "look_for_absence"


@dataclass(frozen=True, slots=True)
class Relay:
    """Bring what the customer's people wrote, in their thread or in their own chat with us, to the
    analysts' thread, under their names: all that waits, joined in one post. What it says is read
    when it runs."""

    key: str
    again: str | None = None
    """The key of the one whose post is to follow an edit or a deletion."""
    kind: Literal["relay"] = "relay"


@dataclass(frozen=True, slots=True)
class TellAnalysts:
    """One message in the analysts' channel, of what belongs to no incident."""

    key: str
    says: Phrase
    kind: Literal["tell_analysts"] = "tell_analysts"


@dataclass(frozen=True, slots=True)
class KeepRetention:
    """Erase at `at` what the customer keeps no longer, and come again the next day. Born with a
    future due time, as a Wake is."""

    key: str
    at: datetime
    kind: Literal["keep_retention"] = "keep_retention"


@dataclass(frozen=True, slots=True)
class ChangeShift:
    """At `at` somebody's shift begins or ends: whoever is off duty and has open cases hands them
    over. Born with a future due time, as a Wake is; one that is done orders the next."""

    key: str
    at: datetime
    leaving: str | None = None
    """The object id of the one analyst who leaves early, and orders no next one."""
    to: str | None = None
    """Whom they hand over to; None leaves that to the rule."""
    kind: Literal["change_shift"] = "change_shift"


@dataclass(frozen=True, slots=True)
class Handed:
    """A case that changes hands."""

    customer: str
    incident: str
    to: str | None
    """The object id of whom it is suggested for; None where nobody is on duty."""


@dataclass(frozen=True, slots=True)
class PostHandover:
    """The handover card in the analysts' channel: which cases stands here, how they stand is read
    when it runs."""

    key: str
    analyst: str
    """Object id of whoever leaves."""
    name: str
    at: datetime
    cases: tuple[Handed, ...]
    kind: Literal["post_handover"] = "post_handover"


class PageAction(StrEnum):
    """What is done to an alarm, as pagers call it."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    """Somebody is at work: it rings no more, and stays open."""
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Ring for the analyst on duty, or end the ringing."""

    key: str
    does: PageAction
    alarm: str
    """The key of the page that rang first; pagers know the alarm by it."""
    severity: Severity
    incident: str
    """What the incident is called: CONTOSO-42."""
    says: Phrase
    at: datetime
    """When it was ordered."""
    kind: Literal["page"] = "page"


Effect = (
    Say
    | Contain
    | Wake
    | PostDigest
    | ReadRoster
    | LookForAbsence
    | Relay
    | TellAnalysts
    | KeepRetention
    | ChangeShift
    | PostHandover
    | Page
)

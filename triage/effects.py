"""Everything `decide` can order to be done in the world. Each has a key: ordered twice, done once.

What surfaces show is not here: a surface follows from the state (`triage/surfaces.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from triage.actions import ActionKind, Target
from triage.phrases import Phrase

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


Effect = Say | Contain | Wake | PostDigest | ReadRoster

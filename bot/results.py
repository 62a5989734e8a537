"""What came of an effect, as values: the conductor records them."""

from dataclasses import dataclass
from datetime import timedelta

from dialogs.messenger import Conversation, Member
from storage.surfaces import Place
from triage.events import Event


@dataclass(frozen=True, slots=True)
class Opened:
    """A chat with a person that was opened on the way."""

    person: str
    where: Conversation


@dataclass(frozen=True, slots=True)
class Roster:
    tenant_id: str
    conversation_id: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    remote_id: str | None = None
    event: Event | None = None
    revision: int | None = None
    """Which revision of a surface was shown."""
    place: Place | None = None
    """Where it stands now."""
    handle: str | None = None
    """The token its buttons carry, which belongs to that place from now on."""
    opened: Opened | None = None
    roster: Roster | None = None
    calls: int | None = None
    """How many calls to Teams it took, where that shows only afterwards."""


@dataclass(frozen=True, slots=True)
class Later:
    """Try again after `after`; patience asked for by the other side is no attempt."""

    after: timedelta
    reason: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Blocked:
    """Waits for the app to be installed; an installation releases it."""

    waits_for: str
    reason: str
    event: Event | None


@dataclass(frozen=True, slots=True)
class Failed:
    reason: str
    event: Event | None
    blocked_by: str | None = None
    """The person who does not let us write to them."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Teams lets nobody post in this channel of the customer's."""

    channel_id: str
    reason: str
    otherwise: Blocked | Failed
    """What it is where no other channel is left."""


Result = Done | Later | Blocked | Failed | Unusable

"""What Vouch needs of Teams, as a few verbs.

`bot/teams/connector.py` speaks them to Teams. Cards and texts go out as separate messages: Teams
splits an activity that holds both and returns no id for it (platform.md section 1).
"""

from dataclasses import dataclass
from typing import Any, Protocol

Card = dict[str, Any]
"""An Adaptive Card as JSON: the wire's own shape."""


@dataclass(frozen=True, slots=True)
class Mention:
    mri: str
    """Teams' user id ("29:…") or the Entra object id."""
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """A card, or a text with mentions (`<at>Name</at>` stands in the text where each belongs).

    `summary` is what a lock screen shows of a card.
    """

    card: Card | None = None
    text: str | None = None
    summary: str | None = None
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of an onboarded tenant, with the service URL its events came from."""

    tenant_id: str
    channel_id: str
    service_url: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread or a chat that exists, with the service URL it is spoken to at."""

    tenant_id: str
    conversation_id: str
    service_url: str


@dataclass(frozen=True, slots=True)
class Posted:
    conversation_id: str
    """For a new thread: `{channel};messageid={root}`."""
    activity_id: str


class TryLaterError(Exception):
    """Teams asks for patience, or could not be reached; `after` in seconds, where it said so.

    `uncertain` is true when the call may have been carried out although no answer came.
    """

    def __init__(self, reason: str, after: float | None = None, *, uncertain: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.uncertain = uncertain


class GaveUpError(Exception):
    """Teams will not do it, however often it is asked; `code` is Teams' own name for why.

    `GONE` (a message or conversation that is no more) and `NOT_INSTALLED` have answers of their
    own: post anew, and wait for the installation.
    """

    GONE = "gone"
    NOT_INSTALLED = "not_installed"
    BLOCKED = "blocked"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    OTHER = "other"

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Member:
    mri: str
    object_id: str
    name: str
    given_name: str
    upn: str
    tenant_id: str | None = None
    """Where the account is at home, where Teams says so."""
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a team, and how many calls it took to find out."""

    members: tuple[Member, ...]
    pages: int


class Messenger(Protocol):
    """Every verb raises TryLaterError or GaveUpError, and nothing else."""

    async def open_thread(self, channel: Channel, message: Message) -> Posted:
        """Post a new root message to a channel."""

    async def reply(self, thread: Conversation, message: Message) -> Posted:
        """Post into a thread; `thread.conversation_id` carries `;messageid=`."""

    async def open_direct(self, tenant_id: str, service_url: str, object_id: str) -> str:
        """Open, or find, the one-to-one chat with a person; its conversation id."""

    async def send(self, chat: Conversation, message: Message) -> Posted:
        """Post into a one-to-one chat."""

    async def update(self, where: Conversation, activity_id: str, message: Message) -> None:
        """Replace a message of ours."""

    async def delete(self, where: Conversation, activity_id: str) -> None:
        """Remove a message of ours."""

    async def roster(self, tenant_id: str, service_url: str, team_id: str) -> Members:
        """Everybody in a team, all pages."""

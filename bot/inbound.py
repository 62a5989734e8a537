"""What Teams tells us, typed: the only shape in which the rest of the house sees an activity.

Every value here comes from an authenticated activity. `fields` of a click are what a card sent
back: a claim, never an identity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from dialogs.messenger import Card


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as the Bot Connector vouches for it."""

    object_id: str
    mri: str
    name: str
    locale: str | None = None
    zone: str | None = None
    """The IANA zone of the client they wrote from."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happened. `conversation_id` of a thread carries `;messageid=`."""

    tenant_id: str
    conversation_id: str
    service_url: str
    personal: bool
    team_id: str | None = None
    channel_id: str | None = None
    channel_kind: str | None = None
    """standard, private or shared, where Teams says so."""


@dataclass(frozen=True, slots=True)
class Clicked:
    """A button on a card of ours, by Action.Execute or its Action.Submit fallback."""

    actor: Actor
    place: Place
    activity_id: str
    """Of the click itself: a click delivered twice carries it twice."""
    fields: Mapping[str, Any]
    via: Literal["execute", "submit"]


@dataclass(frozen=True, slots=True)
class Texted:
    """Words written to the bot; mentions of the bot are cut out."""

    actor: Actor
    place: Place
    activity_id: str
    text: str
    mentioned: bool
    files: tuple[str, ...] = ()
    """The names of what is attached."""


@dataclass(frozen=True, slots=True)
class Revised:
    """Somebody edited what they had written, or deleted it."""

    actor: Actor
    place: Place
    activity_id: str
    """Of the message, as when it was written."""
    text: str | None
    """What it says now; None where it is deleted."""
    at: datetime | None
    """When, as Teams tells."""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """The app was added to a team, or by a person for themselves."""

    place: Place
    actor: Actor | None
    activity_id: str


@dataclass(frozen=True, slots=True)
class Removed:
    place: Place
    actor: Actor | None
    activity_id: str


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """Somebody else joined or left a team the app is in: others read its channels now."""

    place: Place
    actor: Actor | None
    activity_id: str


Inbound = Clicked | Texted | Revised | Installed | Removed | RosterChanged


@dataclass(frozen=True, slots=True)
class ShowCard:
    """The asker's new view, at once."""

    card: Card


@dataclass(frozen=True, slots=True)
class ShowText:
    """A short sentence to the asker alone."""

    text: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Acknowledge and show nothing."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Said where the card stands, for all who read there; the card itself stays as it is."""

    says: ShowText | ShowCard


Response = ShowCard | ShowText | Nothing | Posted


class TryAgainLaterError(Exception):
    """The house is full or stopping: Teams should deliver the activity again."""


class Hears(Protocol):
    """What the door hands an inbound event to; returns after COMMIT.

    For an invoke the response becomes the invoke response; for a message a ShowText is said by
    `Says`, where the effect queue is not concerned (help texts).
    """

    async def hear(self, inbound: Inbound) -> Response:
        """Raises TryAgainLaterError, and nothing else that is expected."""


class Says(Protocol):
    """How the door answers a message in words."""

    async def say(self, place: Place, response: ShowText | ShowCard) -> None:
        """Where it was written. Raises nothing that is expected."""

    def say_afterwards(self, place: Place, response: ShowText | ShowCard) -> None:
        """The same, once this activity is answered."""

"""Who and what exists in the simulated Teams, and every way it can change; memory only."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from simulator.changes import Changes
from simulator.errors import Json
from simulator.worldfile import ChannelKind, PersonFile, TeamFile, TenantFile, WorldFile

Kind = Literal["thread", "personal"]


@dataclass(frozen=True, slots=True)
class Absence:
    """What a mailbox answers by itself, and what Teams shows; moments are UTC, as Graph has them."""

    status: Literal["disabled", "alwaysEnabled", "scheduled"] = "disabled"
    start: str = "2026-01-01T08:00:00.0000000"
    end: str = "2026-01-02T08:00:00.0000000"
    message: str = ""
    activity: str = "Available"


@dataclass(slots=True)
class User:
    """A person in one tenant; `wants_app` says whether installing for all includes them."""

    id: str
    mri: str
    name: str
    given_name: str
    upn: str
    role: str
    locale: str
    time_zone: str
    sid: str
    tenant: str
    wants_app: bool
    guest: bool = False
    home_tenant: str = ""
    """Another tenant, where this account stays; empty for the tenant's own people and guests."""
    installed: bool = False
    blocked: bool = False
    absence: Absence = Absence()


Closed = Literal["archived", "deleted"]


@dataclass(slots=True)
class Channel:
    """A channel of a team; the General channel carries the team's own id."""

    id: str
    name: str
    kind: ChannelKind = "standard"
    closed: Closed | None = None


@dataclass(slots=True)
class Team:
    """A team; with `rsc` its bot reads every channel message, else only those that mention it."""

    id: str
    name: str
    aad_group_id: str
    tenant: str
    rsc: bool
    channels: tuple[Channel, ...]
    members: dict[str, User] = field(default_factory=dict)
    installed: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation: one of the provider's customers, or the provider itself."""

    id: str
    name: str
    customer: str
    role: str
    teams: dict[str, Team]
    users: dict[str, User]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote a message, as the page names them; a user's id is their object id."""

    kind: Literal["bot", "user"]
    id: str
    name: str


@dataclass(slots=True)
class Message:
    """One message; `activity` is the JSON exactly as it was sent."""

    id: str
    sender: Sender
    at: datetime
    activity: Json
    edited_at: datetime | None = None
    edits: int = 0
    deleted: bool = False
    view_for: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class Conversation:
    """A thread of a channel, or the 1:1 chat of one user with the bot."""

    id: str
    tenant: str
    kind: Kind
    team: str | None = None
    channel: str | None = None
    user: str | None = None
    messages: dict[str, Message] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Root:
    """A channel itself: what is posted here opens a new thread."""

    team: Team
    channel: Channel

    @property
    def id(self) -> str:
        return self.channel.id

    @property
    def tenant(self) -> str:
        return self.team.tenant


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of a channel."""

    team: Team
    channel: Channel
    conversation: Conversation

    @property
    def id(self) -> str:
        return self.conversation.id

    @property
    def tenant(self) -> str:
        return self.team.tenant


@dataclass(frozen=True, slots=True)
class Chat:
    """The 1:1 chat of one user with the bot."""

    user: User
    conversation: Conversation

    @property
    def id(self) -> str:
        return self.conversation.id

    @property
    def tenant(self) -> str:
        return self.user.tenant


Place = Root | Thread | Chat
"""What a conversation id can stand for."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class World:
    """All tenants at once. Look-ups answer None for what is not there; changes are noted."""

    def __init__(
        self,
        file: WorldFile,
        app_id: str,
        changes: Changes,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.bot = Sender("bot", f"28:{app_id}", file.bot.name)
        self.changes = changes
        self.now = now
        self.tenants: dict[str, Tenant] = {}
        self.conversations: dict[str, Conversation] = {}
        self._users: dict[str, User] = {}
        self._teams: dict[str, Team] = {}
        self._channels: dict[str, tuple[Team, Channel]] = {}
        self._chats: dict[str, Conversation] = {}
        self._last_id = 0
        for tenant in file.tenants:
            self._settle(tenant)

    def _settle(self, file: TenantFile) -> None:
        teams = {entry.id: _team(file.id, entry) for entry in file.teams}
        tenant = Tenant(file.id, file.name, file.customer, file.role, teams, {})
        self.tenants[file.id] = tenant
        for team in teams.values():
            self._teams[team.id] = team
            self._channels.update({channel.id: (team, channel) for channel in team.channels})
        for person in file.users:
            self._welcome(tenant, _user(file.id, person), [teams[id_] for id_ in person.teams])

    def _welcome(self, tenant: Tenant, user: User, teams: Iterable[Team]) -> None:
        tenant.users[user.id] = user
        self._users.update({user.id: user, user.mri: user, user.upn.lower(): user})
        for team in teams:
            team.members[user.id] = user

    # Looking up

    def user(self, reference: str) -> User | None:
        """By object id, by `29:` id or by user principal name."""
        return self._users.get(reference) or self._users.get(reference.lower())

    def team(self, team_id: str) -> Team | None:
        return self._teams.get(team_id)

    def place(self, conversation_id: str) -> Place | None:
        """Where a conversation id leads: a channel, one of its threads, or a chat."""
        root = self._channels.get(conversation_id)
        if root:
            return Root(*root)
        conversation = self.conversations.get(conversation_id)
        if conversation is None:
            return None
        if conversation.user is not None:
            return Chat(self._users[conversation.user], conversation)
        return Thread(*self._channels[conversation.channel or ""], conversation)

    def teams_of(self, user: User) -> list[Team]:
        return [
            team for team in self.tenants[user.tenant].teams.values() if user.id in team.members
        ]

    def reaches(self, place: Place) -> bool:
        """Whether the app is installed for a place: a chat is also reached through a team."""
        if isinstance(place, Chat):
            return self.reaches_user(place.user)
        return place.team.installed and place.channel.kind == "standard"

    def reaches_user(self, user: User) -> bool:
        return user.installed or any(team.installed for team in self.teams_of(user))

    def members(self, place: Place) -> list[User]:
        if isinstance(place, Chat):
            return [place.user]
        return list(place.team.members.values())

    # Changing

    def new_id(self) -> str:
        """Message ids are milliseconds, as in Teams, and never repeat."""
        milliseconds = int(self.now().timestamp() * 1000)
        self._last_id = max(milliseconds, self._last_id + 1)
        return str(self._last_id)

    def open_thread(self, root: Root, root_message_id: str) -> Thread:
        """A new thread, empty until its root message is posted."""
        conversation = Conversation(
            id=f"{root.channel.id};messageid={root_message_id}",
            tenant=root.tenant,
            kind="thread",
            team=root.team.id,
            channel=root.channel.id,
        )
        self.conversations[conversation.id] = conversation
        self.changes.note("conversation", conversation.id)
        return Thread(root.team, root.channel, conversation)

    def open_chat(self, user: User) -> Chat:
        """The one chat of this user with the bot, opened if it is not there yet."""
        found = self._chats.get(user.id)
        if found:
            return Chat(user, found)
        conversation = Conversation(
            id=_chat_id(self.bot.id, user.id), tenant=user.tenant, kind="personal", user=user.id
        )
        self._chats[user.id] = self.conversations[conversation.id] = conversation
        self.changes.note("conversation", conversation.id)
        return Chat(user, conversation)

    def post(
        self, place: Thread | Chat, message_id: str, sender: Sender, activity: Json
    ) -> Message:
        message = Message(id=message_id, sender=sender, at=self.now(), activity=activity)
        place.conversation.messages[message_id] = message
        self.changes.note("message", place.id)
        return message

    def edit(self, conversation: Conversation, message: Message, activity: Json) -> None:
        """Replaces a message for everyone; nobody keeps a view of their own."""
        message.activity = activity
        message.edited_at = self.now()
        message.edits += 1
        message.view_for.clear()
        self.changes.note("edit", conversation.id)

    def delete(self, conversation: Conversation, message: Message) -> None:
        message.deleted = True
        message.view_for.clear()
        self.changes.note("delete", conversation.id)

    def show_to(self, user: User, conversation: Conversation, message: Message, card: Json) -> None:
        """One user sees another card in place of the message's own, until it is edited."""
        message.view_for[user.id] = card
        self.changes.note("view", conversation.id)

    def add_user(self, tenant: Tenant, person: PersonFile) -> User:
        """A newcomer, who is also made a member of the tenant's teams."""
        user = _user(tenant.id, person)
        self._welcome(tenant, user, tenant.teams.values())
        self.changes.note("user")
        return user

    def install_team(self, team: Team, installed: bool) -> None:
        team.installed = installed
        self.changes.note("team")

    def close(self, channel: Channel, closed: Closed | None) -> None:
        """Archive or delete a channel, or bring it back."""
        channel.closed = closed
        self.changes.note("team")

    def install_user(self, user: User, installed: bool) -> None:
        user.installed = installed
        self.changes.note("user")

    def block(self, user: User, blocked: bool) -> None:
        user.blocked = blocked
        self.changes.note("user")

    def leave(self, user: User, absence: Absence) -> None:
        user.absence = absence
        self.changes.note("user")


def _team(tenant_id: str, file: TeamFile) -> Team:
    return Team(
        id=file.id,
        name=file.name,
        aad_group_id=file.aad_group_id,
        tenant=tenant_id,
        rsc=file.rsc,
        channels=tuple(
            Channel(channel.id, channel.name, channel.kind) for channel in file.channels
        ),
    )


def _user(tenant_id: str, file: PersonFile) -> User:
    object_id = file.id or str(uuid4())
    return User(
        id=object_id,
        mri=file.mri or f"29:1{_digest(object_id)}",
        name=file.name,
        given_name=file.given_name or file.name.split()[0],
        upn=file.upn,
        role=file.role,
        locale=file.locale,
        time_zone=file.time_zone,
        sid=file.sid,
        tenant=tenant_id,
        wants_app=file.installed,
        guest=file.guest,
        home_tenant=file.home_tenant,
    )


def _chat_id(bot_id: str, user_id: str) -> str:
    """The same at every start, so that a bot which outlives the simulator finds its chats."""
    return f"a:1{_digest(bot_id + user_id)}"


def _digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha384(text.encode()).digest()).decode()

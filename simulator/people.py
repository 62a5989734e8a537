"""What people do in Teams: write, open a chat, press a button, install the app, block the bot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from simulator.activities import Activities
from simulator.cards import (
    CARD_TYPE,
    Manner,
    cards_of,
    executed,
    find_action,
    manner_of,
    submitted,
)
from simulator.errors import Json, RefusedError
from simulator.to_bot import Reply, ToBot
from simulator.world import Chat, Message, Place, Root, Sender, Team, Tenant, Thread, User, World
from simulator.worldfile import PersonFile


@dataclass(frozen=True, slots=True)
class Written:
    """A message somebody wrote, where it now stands, and what the bot answered if it got it."""

    place: Thread | Chat
    message: Message
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Press:
    """Which button, by id, title or index; what was filled in; how the client sends it."""

    action: str | int
    inputs: Json = field(default_factory=dict)
    manner: Manner | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One activity Teams sent of itself, and the bot's status."""

    type: str
    status: int


class People:
    """Carries out what a person does, and tells the bot what Teams would tell it."""

    def __init__(self, world: World, activities: Activities, bot: ToBot) -> None:
        self._world = world
        self._activities = activities
        self._bot = bot

    # Writing

    async def write(
        self, place: Place, user: User, text: str, mention: bool, files: Sequence[str] = ()
    ) -> Written:
        """In a channel this opens a thread; in a thread it replies; in a chat it just says it."""
        self._check_present(place, user)
        message_id = self._world.new_id()
        if isinstance(place, Root):
            place = self._world.open_thread(place, message_id)
        activity = self._activities.message(
            place, user, message_id, text, mention=mention, files=files
        )
        sender = Sender("user", user.id, user.name)
        message = self._world.post(place, message_id, sender, activity)
        delivered = self._delivers(place, mention)
        return Written(place, message, await self._bot.send(activity) if delivered else None)

    async def revise(
        self, place: Thread | Chat, message: Message, text: str | None
    ) -> Reply | None:
        """Its author edits a message, or deletes it (None); who hears the one hears the other."""
        author = self._world.user(message.sender.id)
        if author is None or message.deleted:
            raise RefusedError(409, "NotYours", "Only a person's own message can be changed.")
        if text is None:
            activity = self._activities.deleted(place, author, message.id)
            self._world.delete(place.conversation, message)
        else:
            activity = self._activities.edited(place, author, message.id, text)
            self._world.edit(place.conversation, message, activity)
        return await self._bot.send(activity) if self._delivers(place, mention=False) else None

    def _delivers(self, place: Thread | Chat, mention: bool) -> bool:
        """In channels a bot hears its mentions only, unless it may read all; in chats everything."""
        if not self._world.reaches(place):
            return False
        if isinstance(place, Chat):
            return not place.user.blocked
        return mention or place.team.rsc

    def _check_present(self, place: Place, user: User) -> None:
        if user not in self._world.members(place):
            raise RefusedError(409, "NotInConversation", f"{user.name} cannot see this.")

    # Pressing buttons

    async def click(
        self, place: Thread | Chat, message: Message, user: User, press: Press
    ) -> Reply:
        """Presses a button of the card this user sees, in the manner of their client."""
        self._check_present(place, user)
        self._check_bot_present(place)
        action = _action(message, user, press.action)
        if (press.manner or manner_of(action)) == "submit":
            value = submitted(action, press.inputs)
            return await self._submit(place, message, user, value)
        if action.get("type") != "Action.Execute":
            raise RefusedError(409, "NotSent", f"{action.get('type')} is not executed by a bot.")
        return await self._execute(place, message, user, executed(action, press.inputs))

    async def _submit(self, place: Place, message: Message, user: User, value: object) -> Reply:
        if value is None:
            raise RefusedError(409, "NotSent", "The action has no Action.Submit to send.")
        return await self._bot.send(self._activities.submit(place, user, message.id, value))

    async def _execute(
        self, place: Thread | Chat, message: Message, user: User, action: Json
    ) -> Reply:
        """A card in the answer becomes this user's view of the message."""
        invoke = self._activities.execute(place, user, message.id, action)
        reply = await self._bot.send(invoke)
        card = _answered_card(reply)
        if card is not None and not message.deleted:
            self._world.show_to(user, place.conversation, message, card)
        return reply

    def _check_bot_present(self, place: Place) -> None:
        blocked = isinstance(place, Chat) and place.user.blocked
        if blocked or not self._world.reaches(place):
            raise RefusedError(409, "BotNotThere", "The app was removed or the bot is blocked.")

    # Installing

    async def install_team(self, team: Team, installed: bool) -> list[Told]:
        """By a member of the team; Teams tells the bot before and after alike."""
        if not team.members:
            raise RefusedError(409, "NobodyThere", f"{team.name} has no member to install the app.")
        actor = next(iter(team.members.values()))
        self._world.install_team(team, installed)
        return await self._tell_installation(self._general(team), actor, installed)

    async def install_user(self, user: User, installed: bool) -> list[Told]:
        """For the person alone; it opens their chat with the bot."""
        self._world.install_user(user, installed)
        chat = self._world.open_chat(user)
        return await self._tell_installation(chat, user, installed)

    async def install_all(self) -> list[Told]:
        """Every team, and everybody whom the world file marks as installed."""
        told: list[Told] = []
        for tenant in self._world.tenants.values():
            for team in tenant.teams.values():
                told += await self.install_team(team, installed=True)
            for user in [user for user in tenant.users.values() if user.wants_app]:
                told += await self.install_user(user, installed=True)
        return told

    async def add_user(self, tenant: Tenant, person: PersonFile) -> User:
        """A newcomer joins the tenant's teams, of which their bots hear."""
        if self._world.user(person.upn):
            raise RefusedError(409, "UserExists", f"{person.upn} is there already.")
        user = self._world.add_user(tenant, person)
        for team in tenant.teams.values():
            if team.installed:
                await self._bot.send(self._activities.user_joined(self._general(team), user))
        return user

    def _general(self, team: Team) -> Root:
        place = self._world.place(team.id)
        return place if isinstance(place, Root) else Root(team, team.channels[0])

    async def _tell_installation(
        self, place: Root | Chat, actor: User, installed: bool
    ) -> list[Told]:
        """Leaving a personal chat sends no conversationUpdate."""
        action: Literal["add", "remove"] = "add" if installed else "remove"
        activities = [self._activities.installation(place, actor, action)]
        if installed or isinstance(place, Root):
            activities.append(self._activities.bot_membership(place, actor, joined=installed))
        return [
            Told(activity["type"], (await self._bot.send(activity)).status)
            for activity in activities
        ]


def _action(message: Message, user: User, wanted: str | int) -> Json:
    if message.deleted:
        raise RefusedError(409, "MessageDeleted", "The message was deleted.")
    view = message.view_for.get(user.id)
    cards = cards_of(message.activity) if view is None else [view]
    action = find_action(cards, wanted)
    if action is None:
        raise RefusedError(404, "ActionNotFound", f"The card has no action {wanted!r}.")
    return action


def _answered_card(reply: Reply) -> Json | None:
    body = reply.body
    if reply.status != 200 or not isinstance(body, dict) or body.get("type") != CARD_TYPE:
        return None
    card = body.get("value")
    return card if isinstance(card, dict) else None

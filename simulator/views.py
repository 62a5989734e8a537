"""The world as the control API tells it; shapes are those of README.md."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from simulator.cards import cards_of
from simulator.errors import Json
from simulator.world import Conversation, Message, Team, Tenant, User, World

SHOWN = 200
"""Messages per conversation in the whole state; older ones are read one conversation at a time."""


def state_view(world: World, bot_url: str, clock: Json | None, pager: list[Json]) -> Json:
    bot = {"id": world.bot.id, "name": world.bot.name, "url": bot_url, "clock": clock}
    return {
        "revision": world.changes.revision,
        "bot": bot,
        "tenants": [tenant_view(world, tenant) for tenant in world.tenants.values()],
        "conversations": [conversation_view(world, it) for it in world.conversations.values()],
        "pager": pager,
    }


def tenant_view(world: World, tenant: Tenant) -> Json:
    return {
        "id": tenant.id,
        "name": tenant.name,
        "customer": tenant.customer,
        "role": tenant.role,
        "teams": [_team_view(team) for team in tenant.teams.values()],
        "users": [user_view(world, user) for user in tenant.users.values()],
    }


def _team_view(team: Team) -> Json:
    return {
        "id": team.id,
        "name": team.name,
        "installed": team.installed,
        "rsc": team.rsc,
        "channels": [{"id": channel.id, "name": channel.name} for channel in team.channels],
    }


def user_view(world: World, user: User) -> Json:
    return {
        "id": user.id,
        "mri": user.mri,
        "name": user.name,
        "givenName": user.given_name,
        "upn": user.upn,
        "role": user.role,
        "locale": user.locale,
        "timeZone": user.time_zone,
        "sid": user.sid,
        "teams": [team.id for team in world.teams_of(user)],
        "installed": user.installed,
        "blocked": user.blocked,
    }


def conversation_view(world: World, conversation: Conversation) -> Json:
    newest = list(islice(reversed(conversation.messages.values()), SHOWN))
    return {
        "id": conversation.id,
        "tenant": conversation.tenant,
        "kind": conversation.kind,
        "team": conversation.team,
        "channel": conversation.channel,
        "user": conversation.user,
        "title": _title(world, conversation),
        "messages": [message_view(message) for message in reversed(newest)],
    }


def message_view(message: Message) -> Json:
    sender = message.sender
    return {
        "id": message.id,
        "from": {"kind": sender.kind, "id": sender.id, "name": sender.name},
        "at": _time(message.at),
        "editedAt": _time(message.edited_at) if message.edited_at else None,
        "edits": message.edits,
        "deleted": message.deleted,
        "activity": message.activity,
        "viewFor": message.view_for,
    }


def _title(world: World, conversation: Conversation) -> str:
    """A chat is named after its person, a thread after what its first message says."""
    user = world.user(conversation.user or "")
    if user:
        return user.name
    root = next(iter(conversation.messages.values()), None)
    return next(_first_words(root.activity), "Thread") if root else "Thread"


def _first_words(activity: Json) -> Iterator[str]:
    texts = [activity.get("summary"), activity.get("text"), *_card_texts(cards_of(activity))]
    return (text[:120] for text in texts if isinstance(text, str) and text)


def _card_texts(part: Any) -> Iterator[Any]:
    if isinstance(part, list):
        for item in part:
            yield from _card_texts(item)
    if isinstance(part, dict):
        yield part.get("text")
        for key in ("body", "items", "columns"):
            yield from _card_texts(part.get(key))


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

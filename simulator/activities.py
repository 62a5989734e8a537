"""Activities as Teams words them, from a person or from Teams itself to the bot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from simulator.errors import Json
from simulator.world import Channel, Chat, Place, Root, Sender, Team, User


@dataclass(frozen=True, slots=True)
class Activities:
    """Writes activities addressed to one bot."""

    bot: Sender
    service_url: Callable[[str], str]
    now: Callable[[], datetime]

    def message(
        self,
        place: Place,
        user: User,
        message_id: str,
        text: str,
        *,
        mention: bool,
        files: Sequence[str] = (),
    ) -> Json:
        """What a person typed; a mention stands in the text, in the entities and in the HTML."""
        activity = self._envelope("message", place, user, message_id)
        activity |= {"text": text, "textFormat": "plain"}
        activity["attachments"] = [_html(f"<p>{escape(text)}</p>")]
        if mention:
            activity = self._mentioning(activity, text)
        return activity | {"attachments": [*activity["attachments"], *map(_file, files)]}

    def edited(self, place: Place, user: User, message_id: str, text: str) -> Json:
        """The message anew, under its own id."""
        activity = self.message(place, user, message_id, text, mention=False)
        return _revised(activity, "messageUpdate", "editMessage")

    def deleted(self, place: Place, user: User, message_id: str) -> Json:
        activity = self._envelope("messageDelete", place, user, message_id)
        return _revised(activity, "messageDelete", "softDeleteMessage")

    def _mentioning(self, activity: Json, text: str) -> Json:
        tag = f"<at>{self.bot.name}</at>"
        mentioned = {"id": self.bot.id, "name": self.bot.name}
        span = (
            '<span itemscope="" itemtype="http://schema.skype.com/Mention" itemid="0">'
            f"{escape(self.bot.name)}</span>"
        )
        entity = {"type": "mention", "mentioned": mentioned, "text": tag}
        return activity | {
            "text": f"{tag} {text}".strip(),
            "entities": [entity, *activity["entities"]],
            "attachments": [_html(f"<p>{span}&nbsp;{escape(text)}</p>")],
        }

    def submit(self, place: Place, user: User, reply_to: str, value: object) -> Json:
        """An Action.Submit: a message without text, answering the card's message."""
        activity = self._envelope("message", place, user, f"f:{uuid4()}")
        return self._answering(activity, reply_to) | {"value": value}

    def execute(self, place: Place, user: User, reply_to: str, action: Json) -> Json:
        """An Action.Execute: an invoke whose answer may be a card for this person alone."""
        activity = self._envelope("invoke", place, user, f"f:{uuid4()}")
        value = {"action": action, "trigger": "manual"}
        named = {"name": "adaptiveCard/action", "value": value}
        return self._answering(activity, reply_to) | named

    def _answering(self, activity: Json, reply_to: str) -> Json:
        source = {"source": {"name": "message"}, "legacy": {"replyToId": reply_to}}
        data = activity["channelData"] | source
        return activity | {"replyToId": reply_to, "channelData": data}

    def installation(
        self, place: Root | Chat, user: User, action: Literal["add", "remove"]
    ) -> Json:
        activity = self._envelope("installationUpdate", place, user, f"f:{uuid4()}")
        data = activity["channelData"] | {"source": {"name": "message"}}
        if isinstance(place, Root):
            data["settings"] = {"selectedChannel": {"id": place.channel.id}}
        return activity | {"action": action, "channelData": data}

    def bot_membership(self, place: Root | Chat, user: User, joined: bool) -> Json:
        return self._membership(place, user, {"id": self.bot.id}, joined)

    def user_joined(self, place: Root, user: User) -> Json:
        return self._membership(place, user, {"id": user.mri, "aadObjectId": user.id}, joined=True)

    def _membership(self, place: Root | Chat, user: User, member: Json, joined: bool) -> Json:
        activity = self._envelope("conversationUpdate", place, user, f"f:{uuid4()}")
        data = activity["channelData"]
        if isinstance(place, Root):
            data["eventType"] = "teamMemberAdded" if joined else "teamMemberRemoved"
        return activity | {"membersAdded" if joined else "membersRemoved": [member]}

    def _envelope(self, type_: str, place: Place, user: User, activity_id: str) -> Json:
        now = self.now().astimezone(UTC)
        local = now.astimezone(ZoneInfo(user.time_zone))
        return {
            "type": type_,
            "id": activity_id,
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "localTimestamp": local.isoformat(timespec="milliseconds"),
            "localTimezone": user.time_zone,
            "channelId": "msteams",
            "serviceUrl": self.service_url(user.tenant),
            "from": {"id": user.mri, "name": user.name, "aadObjectId": user.id},
            "recipient": {"id": self.bot.id, "name": self.bot.name},
            "conversation": _conversation(place),
            "channelData": _channel_data(place),
            "locale": user.locale,
            "entities": [_client_info(user)],
        }


def _conversation(place: Place) -> Json:
    """Teams leaves `isGroup` out of personal chats."""
    if isinstance(place, Chat):
        return {"conversationType": "personal", "tenantId": place.tenant, "id": place.id}
    return {
        "isGroup": True,
        "conversationType": "channel",
        "tenantId": place.tenant,
        "id": place.id,
    }


def _channel_data(place: Place) -> Json:
    if isinstance(place, Chat):
        return {"tenant": {"id": place.tenant}}
    return {
        "teamsChannelId": place.channel.id,
        "teamsTeamId": place.team.id,
        "channel": _channel(place.channel),
        "team": _team(place.team),
        "tenant": {"id": place.tenant},
    }


def _channel(channel: Channel) -> Json:
    """A standard channel's kind goes without saying."""
    kind = {} if channel.kind == "standard" else {"type": channel.kind}
    return {"id": channel.id} | kind


def _team(team: Team) -> Json:
    return {"id": team.id, "name": team.name, "aadGroupId": team.aad_group_id}


def _client_info(user: User) -> Json:
    country = user.locale.partition("-")[2] or "US"
    return {
        "type": "clientInfo",
        "locale": user.locale,
        "country": country,
        "platform": "Web",
        "timezone": user.time_zone,
    }


def _revised(activity: Json, type_: str, event: str) -> Json:
    data = activity["channelData"] | {"eventType": event}
    return activity | {"type": type_, "channelData": data}


def _file(name: str) -> Json:
    """In a channel a file stays in SharePoint; what its entry says beside the name is not known."""
    return {"contentType": "reference", "name": name}


def _html(content: str) -> Json:
    """Teams sends the rich text along, as an attachment that is not a card."""
    return {"contentType": "text/html", "content": content}

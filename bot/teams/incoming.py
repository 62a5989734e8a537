"""What Teams sends, read twice: JSON into the SDK's Activity, and the Activity into what happened.

The SDK would build a deserialiser in every turn, at more cost than all the rest of the turn; here
the fields that this bot reads are taken over one by one. Two are left out on purpose: `deliveryMode`
(its `expectReplies` would swallow the answer), and `conversation.tenantId` as it was sent (the SDK
looks for `tenantID`, finds nothing, and so knows no tenant; the Activity gets the checked one).
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botbuilder.schema import Activity, ChannelAccount, ConversationAccount
from botbuilder.schema import Mention as MentionEntity

from bot.inbound import (
    Actor,
    Clicked,
    Installed,
    Place,
    Removed,
    Revised,
    RosterChanged,
    Texted,
)

LARGEST = 256 * 1024
DEEPEST = 64
"""Levels of nesting; a card's inputs need a handful, and recursion elsewhere ends at a thousand."""

_UNSTORABLE = re.compile(rb"\\u(?:0000|d[89a-f])", re.IGNORECASE)

Json = dict[str, Any]


class BadActivityError(Exception):
    """Not an activity: 400."""


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)


def parse(body: bytes) -> Json:
    """An activity as JSON: an object with a `type`, in UTF-8, of bounded depth."""
    try:
        value = _decoder.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadActivityError("the body is not JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise BadActivityError("the body is no activity")
    if body.count(b"{") + body.count(b"[") > DEEPEST:
        _check_depth(value)
    return _storable(value) if _UNSTORABLE.search(body) else value


def activity_of(raw: Mapping[str, Any], tenant_id: str) -> Any:
    """The SDK's Activity, of an authenticated body."""
    return Activity(
        type=raw["type"],
        id=_text(raw, "id"),
        name=_text(raw, "name"),
        action=_text(raw, "action"),
        channel_id=_text(raw, "channelId"),
        service_url=_text(raw, "serviceUrl"),
        locale=_text(raw, "locale"),
        local_timezone=_text(raw, "localTimezone"),
        text=_text(raw, "text"),
        value=raw.get("value"),
        from_property=_account(_object(raw, "from")),
        recipient=_account(_object(raw, "recipient")),
        conversation=_conversation(_object(raw, "conversation"), tenant_id),
        channel_data=_object(raw, "channelData"),
        entities=[_mention(it) for it in _objects(raw, "entities") if it.get("type") == "mention"],
        attachments=_objects(raw, "attachments"),
        timestamp=_text(raw, "timestamp"),
        members_added=[_account(it) for it in _objects(raw, "membersAdded")],
        members_removed=[_account(it) for it in _objects(raw, "membersRemoved")],
    )


def message_of(activity: Any, bot_id: str) -> Clicked | Texted | None:
    """A message: a submitted card, or words. None where no person stands behind it."""
    actor = _actor(activity)
    if actor is None:
        return None
    if isinstance(activity.value, dict):
        return Clicked(actor, _place(activity), _own_id(activity), activity.value, "submit")
    files = _files(activity)
    if activity.text is None and not files:
        return None
    text, mentioned = _said(activity, bot_id)
    return Texted(actor, _place(activity), _own_id(activity), text, mentioned, files)


def revision_of(activity: Any, bot_id: str, *, deleted: bool) -> Revised | None:
    """A message that its author has changed; None where no person stands behind it."""
    actor = _actor(activity)
    if actor is None:
        return None
    text, files = (None, ()) if deleted else (_said(activity, bot_id)[0], _files(activity))
    return Revised(actor, _place(activity), _own_id(activity), text, _time(activity), files)


def execution_of(activity: Any) -> Clicked | None:
    """An Action.Execute; None where the invoke carries none, or no person stands behind it."""
    action = activity.value.get("action") if isinstance(activity.value, dict) else None
    actor = _actor(activity)
    if actor is None or not isinstance(action, dict) or action.get("type") != "Action.Execute":
        return None
    data = {} if action.get("data") is None else action["data"]
    if not isinstance(data, dict):
        return None
    return Clicked(actor, _place(activity), _own_id(activity), data, "execute")


def installation_of(activity: Any) -> Installed:
    return Installed(_place(activity), _actor(activity), _own_id(activity))


def removal_of(activity: Any) -> Removed:
    return Removed(_place(activity), _actor(activity), _own_id(activity))


def roster_change_of(activity: Any) -> RosterChanged:
    return RosterChanged(_place(activity), _actor(activity), _own_id(activity))


def _said(activity: Any, bot_id: str) -> tuple[str, bool]:
    """The words without our mention, and whether we are mentioned."""
    mentions = [it for it in activity.entities if it.mentioned and it.mentioned.id == bot_id]
    return _without(activity.text or "", mentions), bool(mentions)


def _files(activity: Any) -> tuple[str, ...]:
    """What is attached, by name; the rich text that Teams sends along, and cards, have none."""
    names = (it.get("name") for it in activity.attachments[:MOST_FILES])
    return tuple(name for name in names if isinstance(name, str) and name)


MOST_FILES = 20


def _time(activity: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(activity.timestamp or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def _actor(activity: Any) -> Actor | None:
    sender = activity.from_property
    if sender is None or not sender.id or not sender.aad_object_id:
        return None
    return Actor(
        sender.aad_object_id.lower(),
        sender.id,
        sender.name or "",
        activity.locale,
        activity.local_timezone,
    )


def _place(activity: Any) -> Place:
    conversation, data = activity.conversation, activity.channel_data or {}
    if conversation is None or not conversation.id:
        raise BadActivityError("no conversation is named")
    return Place(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        service_url=activity.service_url,
        personal=conversation.conversation_type == "personal",
        team_id=_named(data, "team"),
        channel_id=_named(data, "channel") or _named(data.get("settings"), "selectedChannel"),
        channel_kind=_channel_kind(data),
    )


def _named(data: Any, kind: str) -> str | None:
    """The id of a team or channel; an installation names the channel chosen, if one was."""
    part = data.get(kind) if isinstance(data, dict) else None
    return _text(part, "id") if isinstance(part, dict) else None


def _channel_kind(data: Any) -> str | None:
    """Of "Agents and tab apps for shared and private channels" (Microsoft Learn): `channel.type`."""
    channel = data.get("channel")
    kind = _text(channel, "type") if isinstance(channel, dict) else None
    return kind.lower() if kind else None


def _own_id(activity: Any) -> str:
    if not activity.id:
        raise BadActivityError("the activity has no id")
    own_id: str = activity.id
    return own_id


def _without(text: str, mentions: list[Any]) -> str:
    """The SDK's `remove_recipient_mention` cuts the bot's name out of the whole sentence."""
    for mention in mentions:
        text = text.replace(mention.text or f"<at>{mention.mentioned.name}</at>", "", 1)
    return text.replace("&nbsp;", " ").strip()


def _account(raw: Json | None) -> Any:
    if raw is None:
        return None
    return ChannelAccount(
        id=_text(raw, "id"), name=_text(raw, "name"), aad_object_id=_text(raw, "aadObjectId")
    )


def _conversation(raw: Json | None, tenant_id: str) -> Any:
    if raw is None:
        return None
    kind = _text(raw, "conversationType")
    return ConversationAccount(id=_text(raw, "id"), conversation_type=kind, tenant_id=tenant_id)


def _mention(raw: Json) -> Any:
    mentioned = _account(_object(raw, "mentioned"))
    return MentionEntity(type="mention", text=_text(raw, "text"), mentioned=mentioned)


def _text(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    if value is None or isinstance(value, str):
        return value
    raise BadActivityError(f"{name} is no text")


def _object(raw: Mapping[str, Any], name: str) -> Json | None:
    value = raw.get(name)
    if value is None or isinstance(value, dict):
        return value
    raise BadActivityError(f"{name} is no object")


def _objects(raw: Mapping[str, Any], name: str) -> list[Json]:
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(it, dict) for it in value):
        raise BadActivityError(f"{name} is no list of objects")
    return value


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise BadActivityError("the body is nested too deeply")
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]


def _storable(value: Any) -> Any:
    """Escapes can write what no database stores: NUL, and half a surrogate pair."""
    match value:
        case str():
            whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            return whole.replace("\0", "\ufffd")
        case dict():
            return {_storable(name): _storable(inner) for name, inner in value.items()}
        case list():
            return [_storable(inner) for inner in value]
    return value

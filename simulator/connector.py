"""The Bot Connector's REST interface: what the bot may do in Teams, refused as Teams refuses."""

import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.entra import Entra
from simulator.errors import Json, RefusedError, read_json, read_object
from simulator.faults import CONNECTOR
from simulator.world import Chat, Conversation, Message, Place, Root, Team, User, World

LARGEST = 100 * 1024
BASE = f"{CONNECTOR}{{tenant}}/v3"
PAGE = 500


class Connector:
    """One bot's access to every conversation of the world."""

    def __init__(self, world: World, entra: Entra) -> None:
        self._world = world
        self._entra = entra

    def routes(self) -> list[web.RouteDef]:
        conversation = f"{BASE}/conversations/{{conversation}}"
        activity = f"{conversation}/activities/{{activity}}"
        return [
            web.post(f"{BASE}/conversations", self.create),
            web.post(f"{conversation}/activities", self.send),
            web.post(activity, self.send),
            web.put(activity, self.update),
            web.delete(activity, self.delete),
            web.get(f"{conversation}/members", self.members),
            web.get(f"{conversation}/pagedmembers", self.paged_members),
            web.get(f"{conversation}/members/{{member}}", self.member),
            web.get(f"{BASE}/teams/{{conversation}}", self.team),
            web.get(f"{BASE}/teams/{{conversation}}/conversations", self.channels),
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Nothing under the service URL is answered without the bot's own valid token."""
        if request.path.startswith(CONNECTOR) and not self._authorized(request):
            message = "Authorization has been denied for this request."
            raise RefusedError(401, "Unauthorized", message, {"WWW-Authenticate": "Bearer"})
        return await handler(request)

    def _authorized(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._entra.accepts(token)

    # Conversations

    async def create(self, request: web.Request) -> web.Response:
        """Opens a thread with its first message, or opens (or finds) the chat with one person."""
        body = await read_object(request)
        tenant = request.match_info["tenant"]
        _check_tenant(body, tenant)
        if body.get("isGroup"):
            return self._create_thread(body, tenant)
        return self._create_chat(body, tenant)

    def _create_thread(self, body: Json, tenant: str) -> web.Response:
        place = self._place(_text(body, "channelData", "channel", "id"), tenant)
        if not isinstance(place, Root):
            raise RefusedError(404, "ConversationNotFound", "Conversation not found.")
        activity = _activity(body.get("activity"))
        if activity["type"] != "message":
            raise RefusedError(400, "BadArgument", "A thread opens with a message.")
        self._check_open(place)
        thread, message_id = self._post(place, activity)
        return web.json_response({"id": thread.id, "activityId": message_id}, status=201)

    def _create_chat(self, body: Json, tenant: str) -> web.Response:
        user = self._addressee(body, tenant)
        if not self._world.reaches_user(user):
            raise _not_in_roster()
        if user.blocked:
            raise _blocked()
        chat = self._world.open_chat(user)
        if body.get("activity") is None:
            return web.json_response({"id": chat.id}, status=201)
        _, message_id = self._post(chat, _activity(body["activity"]))
        return web.json_response({"id": chat.id, "activityId": message_id}, status=201)

    def _addressee(self, body: Json, tenant: str) -> User:
        members = body.get("members")
        if not isinstance(members, list) or len(members) != 1 or not isinstance(members[0], dict):
            raise RefusedError(400, "BadArgument", "A 1:1 chat takes exactly one member.")
        return self._user(_text(members[0], "id"), tenant)

    def _user(self, reference: str, tenant: str) -> User:
        """By object id or `29:` id; Teams knows nobody by user principal name."""
        user = None if "@" in reference else self._world.user(reference)
        if user is None or user.tenant != tenant:
            raise RefusedError(400, "BadArgument", "Unknown member id.")
        return user

    # Activities

    async def send(self, request: web.Request) -> web.Response:
        activity = _activity(await read_json(request))
        place = self._open_place(request)
        _, message_id = self._post(place, activity)
        return web.json_response({"id": message_id}, status=201)

    def _post(self, place: Place, activity: Json) -> tuple[Place, str]:
        """Only messages stay; typing and the like are acknowledged and forgotten."""
        message_id = self._world.new_id()
        if activity["type"] != "message":
            return place, message_id
        target = self._world.open_thread(place, message_id) if isinstance(place, Root) else place
        self._world.post(target, message_id, self._world.bot, activity)
        return target, message_id

    async def update(self, request: web.Request) -> web.Response:
        activity = _activity(await read_json(request))
        conversation, message = self._own_message(request)
        self._world.edit(conversation, message, activity)
        return web.json_response({"id": message.id})

    async def delete(self, request: web.Request) -> web.Response:
        self._world.delete(*self._own_message(request))
        return web.Response()

    def _own_message(self, request: web.Request) -> tuple[Conversation, Message]:
        place = self._open_place(request)
        message_id = request.match_info["activity"]
        conversation = self._holding(place, message_id)
        message = conversation.messages.get(message_id) if conversation else None
        if conversation is None or message is None or message.deleted:
            raise RefusedError(404, "ActivityNotFoundInConversation", "Activity not found.")
        if message.sender.kind != "bot":
            raise RefusedError(403, "NotEnoughPermissions", "The message is not the bot's.")
        return conversation, message

    def _holding(self, place: Place, message_id: str) -> Conversation | None:
        """A channel's id reaches the roots of its threads."""
        if isinstance(place, Root):
            return self._world.conversations.get(f"{place.id};messageid={message_id}")
        return place.conversation

    # Rosters

    async def members(self, request: web.Request) -> web.Response:
        place = self._open_place(request)
        return web.json_response([_account(user) for user in self._world.members(place)])

    async def paged_members(self, request: web.Request) -> web.Response:
        """Pages as Teams does; the continuation token is the number of members already given."""
        members = self._world.members(self._open_place(request))
        size = min(_number(request, "pageSize", PAGE) or PAGE, PAGE)
        start = _number(request, "continuationToken", 0)
        page: Json = {"members": [_account(user) for user in members[start : start + size]]}
        if start + size < len(members):
            page["continuationToken"] = str(start + size)
        return web.json_response(page)

    async def member(self, request: web.Request) -> web.Response:
        place = self._open_place(request)
        user = self._user(request.match_info["member"], place.tenant)
        if user not in self._world.members(place):
            raise RefusedError(400, "BadArgument", "The member is not in this conversation.")
        return web.json_response(_account(user))

    async def team(self, request: web.Request) -> web.Response:
        team = self._team(request)
        return web.json_response(
            {
                "id": team.id,
                "name": team.name,
                "aadGroupId": team.aad_group_id,
                "tenantId": team.tenant,
                "type": "standard",
                "channelCount": len(team.channels),
                "memberCount": len(team.members),
            }
        )

    async def channels(self, request: web.Request) -> web.Response:
        """Teams gives the General channel no name, since each client translates it."""
        team = self._team(request)
        named = ((channel, channel.id != team.id) for channel in team.channels)
        listed = [{"id": it.id, "name": it.name if has_name else None} for it, has_name in named]
        return web.json_response({"conversations": listed})

    def _team(self, request: web.Request) -> Team:
        place = self._open_place(request)
        if isinstance(place, Root) and place.id == place.team.id:
            return place.team
        raise RefusedError(404, "ConversationNotFound", "Team not found.")

    # What may be reached

    def _open_place(self, request: web.Request) -> Place:
        place = self._place(request.match_info["conversation"], request.match_info["tenant"])
        self._check_open(place)
        return place

    def _place(self, conversation_id: str, tenant: str) -> Place:
        """An id of another tenant is as unknown as any other."""
        place = self._world.place(conversation_id)
        if place is None or place.tenant != tenant:
            raise RefusedError(404, "ConversationNotFound", "Conversation not found.")
        return place

    def _check_open(self, place: Place) -> None:
        if not self._world.reaches(place):
            raise _not_in_roster()
        if isinstance(place, Chat):
            if place.user.blocked:
                raise _blocked()
        elif place.channel.closed == "deleted":
            raise RefusedError(404, "ConversationNotFound", "Conversation not found.")
        elif place.channel.closed == "archived":
            raise RefusedError(403, "Forbidden", "The channel is archived.")


def _not_in_roster() -> RefusedError:
    message = "The bot is not part of the conversation roster."
    return RefusedError(403, "BotNotInConversationRoster", message)


def _blocked() -> RefusedError:
    return RefusedError(403, "ConversationBlockedByUser", "User blocked the conversation.")


def _check_tenant(body: Json, tenant: str) -> None:
    """The tenant is named in the body, and is the one of the service URL."""
    named = {body.get("tenantId"), _dig(body, "channelData", "tenant", "id")} - {None}
    if named != {tenant}:
        raise RefusedError(400, "BadArgument", "The tenant id is missing or not this tenant's.")


def _activity(value: Any) -> Json:
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise RefusedError(400, "BadArgument", "An activity is an object with a type.")
    if _utf16_bytes(value) > LARGEST:
        raise RefusedError(413, "MessageSizeTooBig", "The message is too large for Teams.")
    return value


def _utf16_bytes(activity: Json) -> int:
    text = json.dumps(activity, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-16-le", "surrogatepass"))


def _text(body: Json, *path: str) -> str:
    value = _dig(body, *path)
    if not isinstance(value, str):
        raise RefusedError(400, "BadArgument", f"{'.'.join(path)} is missing.")
    return value


def _dig(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise RefusedError(400, "BadArgument", f"{name} is not a number.")
    return int(text)


def _account(user: User) -> Json:
    return {
        "id": user.mri,
        "objectId": user.id,
        "aadObjectId": user.id,
        "name": user.name,
        "givenName": user.given_name,
        "surname": user.name.removeprefix(user.given_name).strip(),
        "email": user.upn,
        "userPrincipalName": user.upn,
        "tenantId": user.home_tenant or user.tenant,
        "userRole": "guest" if user.guest else "user",
    }

"""Vouch's voice in Teams: the Messenger verbs over the Bot Connector's REST interface.

A thread is spoken to by its conversation id, `{channel};messageid={root}`; `replyToId` threads
nothing (botframework-sdk issue 6626), and the bare channel id opens another thread.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot.teams.credentials import Credentials
from bot.teams.hosts import is_allowed, tenants_in
from bot.teams.network import Network, TooLargeError, read_at_most
from bot.teams.outgoing import activity_of, encoded
from bot.teams.refusals import Answer, refusal
from dialogs.messenger import (
    Channel,
    Conversation,
    GaveUpError,
    Member,
    Members,
    Message,
    Posted,
    TryLaterError,
)

LARGEST_ANSWER = 4 * 1024 * 1024
PAGE = 500
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class _Line:
    """Whom a call concerns, and where it goes."""

    tenant_id: str
    service_url: str


class Connector:
    """The Messenger that speaks to Teams."""

    def __init__(
        self,
        network: Network,
        credentials: Credentials,
        *,
        app_id: str,
        hosts: Collection[str],
        clock: Callable[[], float],
    ) -> None:
        self._network = network
        self._credentials = credentials
        self._bot = {"id": f"28:{app_id}"}
        self._hosts = hosts
        self._clock = clock

    async def open_thread(self, channel: Channel, message: Message) -> Posted:
        tenant = {"id": channel.tenant_id}
        body = {
            "isGroup": True,
            "bot": self._bot,
            "tenantId": channel.tenant_id,
            "channelData": {"channel": {"id": channel.channel_id}, "tenant": tenant},
            "activity": activity_of(message),
        }
        answer = await self._ask("POST", _line(channel), "/v3/conversations", body)
        return Posted(_text(answer, "id"), _text(answer, "activityId"))

    async def reply(self, thread: Conversation, message: Message) -> Posted:
        return await self._post(thread, message)

    async def send(self, chat: Conversation, message: Message) -> Posted:
        return await self._post(chat, message)

    async def open_direct(self, tenant_id: str, service_url: str, object_id: str) -> str:
        """The member's `id` takes the object id; in `aadObjectId` Teams answers 400 to it."""
        body = {
            "isGroup": False,
            "bot": self._bot,
            "members": [{"id": object_id}],
            "tenantId": tenant_id,
            "channelData": {"tenant": {"id": tenant_id}},
        }
        line = _Line(tenant_id, service_url)
        return _text(await self._ask("POST", line, "/v3/conversations", body), "id")

    async def update(self, where: Conversation, activity_id: str, message: Message) -> None:
        body = self._addressed(where, message) | {"id": activity_id}
        await self._call("PUT", _line(where), _activity_path(where, activity_id), body)

    async def delete(self, where: Conversation, activity_id: str) -> None:
        await self._call("DELETE", _line(where), _activity_path(where, activity_id))

    async def roster(self, tenant_id: str, service_url: str, team_id: str) -> Members:
        path = f"/v3/conversations/{_id(team_id)}/pagedmembers?pageSize={PAGE}"
        line = _Line(tenant_id, service_url)
        members: list[Member] = []
        token = ""
        for number in range(1, MOST_PAGES + 1):
            page = await self._ask("GET", line, path + token)
            members += _members(page)
            if not page.get("continuationToken"):
                return Members(tuple(members), number)
            token = f"&continuationToken={_id(_text(page, 'continuationToken'))}"
        raise GaveUpError(GaveUpError.OTHER, f"a roster of more than {MOST_PAGES} pages")

    async def _post(self, where: Conversation, message: Message) -> Posted:
        path = f"/v3/conversations/{_id(where.conversation_id)}/activities"
        body = self._addressed(where, message)
        answer = await self._ask("POST", _line(where), path, body)
        return Posted(where.conversation_id, _text(answer, "id"))

    def _addressed(self, where: Conversation, message: Message) -> dict[str, Any]:
        return activity_of(message) | {
            "from": self._bot,
            "conversation": {"id": where.conversation_id},
            "channelData": {"tenant": {"id": where.tenant_id}},
        }

    async def _ask(
        self, method: str, line: _Line, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """A call whose answer is wanted."""
        answer = await self._call(method, line, path, body)
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise GaveUpError(GaveUpError.OTHER, "Teams' answer is not JSON") from error
        if not isinstance(value, dict):
            raise GaveUpError(GaveUpError.OTHER, "Teams' answer is no JSON object")
        return value

    async def _call(
        self, method: str, line: _Line, path: str, body: dict[str, Any] | None = None
    ) -> Answer:
        """The one place the bot's token leaves by."""
        if not is_allowed(line.service_url, self._hosts):
            raise GaveUpError(GaveUpError.OTHER, "the service URL's host is not allowed")
        if not tenants_in(line.service_url) <= {line.tenant_id.lower()}:
            raise GaveUpError(GaveUpError.OTHER, "the service URL is another tenant's")
        # yarl would turn %3A and %3B back into : and ; where it encodes paths itself.
        url = URL(line.service_url.rstrip("/") + path, encoded=True)
        data = None if body is None else encoded(body)
        token = await self._credentials.token()
        answer = await self._send(method, url, data, token)
        if answer.status == 401:
            answer = await self._again(method, url, data, token, answer)
        if 200 <= answer.status < 300:
            return answer
        raise refusal(answer, method, datetime.fromtimestamp(self._clock(), UTC))

    async def _again(
        self, method: str, url: URL, data: bytes | None, refused: str, answer: Answer
    ) -> Answer:
        """Once, with another token if there is one."""
        token = await self._credentials.renewed(refused)
        return answer if token == refused else await self._send(method, url, data, token)

    async def _send(self, method: str, url: URL, data: bytes | None, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        if data is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        try:
            async with self._network.session.request(
                method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                body = await read_at_most(response.content, LARGEST_ANSWER)
                return Answer(response.status, body, response.headers.get("Retry-After"))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLaterError(f"Teams was not reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError, OSError, TooLargeError) as error:
            reason = f"Teams' answer was lost: {type(error).__name__}"
            raise TryLaterError(reason, uncertain=method != "GET") from error


def _line(where: Channel | Conversation) -> _Line:
    return _Line(where.tenant_id, where.service_url)


def _activity_path(where: Conversation, activity_id: str) -> str:
    return f"/v3/conversations/{_id(where.conversation_id)}/activities/{_id(activity_id)}"


def _id(value: str) -> str:
    """As one path segment; dots alone would climb the path."""
    return quote(value, safe="").replace(".", "%2E") if value.strip(".") == "" else quote(value, "")


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise GaveUpError(GaveUpError.OTHER, f"Teams' answer holds no {name}")
    return value


def _members(page: dict[str, Any]) -> list[Member]:
    listed = page.get("members")
    return [_member(it) for it in listed or [] if isinstance(it, dict)]


def _member(account: dict[str, Any]) -> Member:
    """`objectId` is what older answers call `aadObjectId`."""

    def text(*names: str) -> str:
        return next((it for name in names if isinstance(it := account.get(name), str)), "")

    return Member(
        mri=text("id"),
        object_id=text("aadObjectId", "objectId"),
        name=text("name"),
        given_name=text("givenName"),
        upn=text("userPrincipalName"),
        tenant_id=text("tenantId") or None,
        is_guest=text("userRole").lower() in {"guest", "anonymous"},
    )

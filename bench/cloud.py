"""Microsoft's side: the simulator of this repository over TLS, in a process of its own.

Beside what the simulator does, it answers as login.microsoftonline.com and login.botframework.com
to whoever comes through its proxy, so that the peers run as they come, with their addresses
unchanged; it counts connections and token requests, and knows when a card was delivered.
"""

import argparse
import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path
from ssl import SSLContext
from typing import Any

from aiohttp import web

from bench.answering import Answering
from bench.certificates import server_context
from simulator.activities import Activities
from simulator.cards import actions_of, cards_of, executed
from simulator.faults import Fault
from simulator.server import Simulator, SimulatorConfig
from simulator.world import Chat, Conversation, Message, Sender, Thread, User, utc_now

LOGIN, BOT_LOGIN = "login.microsoftonline.com", "login.botframework.com"
NAMES = ("localhost", LOGIN, BOT_LOGIN)
IDENTITY = ("/.well-known/", "/oauth2/", "/common/discovery/")
"""What the paths of identity endpoints hold."""


class Cloud(Simulator):
    """The simulator, with counters."""

    connections = 0
    tokens = 0
    calls = 0

    async def _listen(self, app: web.Application, port: int, tls: SSLContext | None) -> int:
        if tls is None:
            return await super()._listen(app, port, tls)
        app.router.add_get("/v1/.well-known/openidconfiguration", self._framework.metadata)
        app.router.add_get("/v1/.well-known/keys", self._framework.keys)
        app.router.add_get("/common/discovery/instance", _instance)
        app.on_response_prepare.append(self._count_token)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        self._ending.push_async_callback(runner.cleanup)
        await runner.setup()
        self._count_connections(runner)
        context = server_context(self.ca_file, NAMES)
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, backlog=512).start()
        bound: int = runner.addresses[0][1]
        return bound

    def _count_connections(self, runner: web.AppRunner) -> None:
        server = runner.server
        assert server is not None
        made = server.connection_made

        def counted(*of: Any) -> None:
            self.connections += 1
            made(*of)

        server.connection_made = counted  # type: ignore[method-assign]

    async def _count_token(self, request: web.Request, _: web.StreamResponse) -> None:
        self.tokens += request.path.endswith("/oauth2/v2.0/token")
        self.calls += "/v3/conversations" in request.path


class Asked:
    """What the measurer asks of Microsoft's side."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._world = cloud.world
        self._activities = Activities(self._world.bot, cloud.service_url, utc_now)
        self._delivered: dict[str, float] = {}
        self._post = self._world.post
        self._world.post = self._posted  # type: ignore[method-assign]
        self._edited: dict[str, list[float]] = {}
        self._edit = self._world.edit
        self._world.edit = self._noted  # type: ignore[method-assign]

    def _posted(
        self, place: Thread | Chat, message_id: str, sender: Sender, activity: dict[str, Any]
    ) -> Message:
        if cards_of(activity):
            self._delivered.setdefault(place.id, time.time())
        return self._post(place, message_id, sender, activity)

    def _noted(
        self, conversation: Conversation, message: Message, activity: dict[str, Any]
    ) -> None:
        self._edited.setdefault(conversation.id, []).append(time.time())
        self._edit(conversation, message, activity)

    def counts(self) -> dict[str, int]:
        cloud = self._cloud
        return {"connections": cloud.connections, "tokens": cloud.tokens, "calls": cloud.calls}

    def delivered(self) -> dict[str, float]:
        """When the first card stood in each conversation."""
        return self._delivered

    def edited(self) -> dict[str, list[float]]:
        """When cards were replaced in each conversation, since this was last asked."""
        edited, self._edited = self._edited, {}
        return edited

    def forget(self) -> None:
        """Conversations as if nobody had spoken in them."""
        self._delivered.clear()
        for conversation in list(self._world.conversations.values()):
            conversation.messages.clear()

    def install(self, tenant: str) -> dict[str, list[dict[str, str]]]:
        """The app is there for everybody; people with their chats, and what is known of them."""
        found = self._world.tenants[tenant]
        for team in found.teams.values():
            self._world.install_team(team, installed=True)
        people = []
        for user in found.users.values():
            self._world.install_user(user, installed=True)
            people.append(
                {
                    "object_id": user.id,
                    "mri": user.mri,
                    "upn": user.upn,
                    "name": user.name,
                    "given_name": user.given_name,
                    "sid": user.sid,
                    "chat": self._world.open_chat(user).id,
                }
            )
        return {"people": people}

    def token(self, tenant: str) -> str:
        """As the Bot Connector signs it."""
        return self._cloud._framework.token(self._cloud.service_url(tenant), utc_now())

    def messages(self, tenant: str, count: int) -> list[str]:
        """People of a tenant write, one after another."""
        users = list(self._world.tenants[tenant].users.values())
        return [
            json.dumps(
                self._activities.message(
                    self._world.open_chat(user),
                    user,
                    self._world.new_id(),
                    "What now?",
                    mention=False,
                )
            )
            for user in (users[n % len(users)] for n in range(count))
        ]

    def written(self, tenant: str, upn: str, words: list[str]) -> list[str]:
        """What somebody writes in their chat, one message after another."""
        user = self._user(tenant, upn)
        chat = self._world.open_chat(user)
        return [
            json.dumps(
                self._activities.message(chat, user, self._world.new_id(), text, mention=False)
            )
            for text in words
        ]

    def answers(self, tenant: str, upn: str) -> list[dict[str, Any]]:
        """What was posted in somebody's chat since this was last asked, oldest first."""
        messages = self._world.open_chat(self._user(tenant, upn)).conversation.messages
        answers = [message.activity for message in messages.values()]
        messages.clear()
        return answers

    def _user(self, tenant: str, upn: str) -> User:
        return next(it for it in self._world.tenants[tenant].users.values() if it.upn == upn)

    def clicks(self, action: str) -> dict[str, str]:
        """By person, the press of this button on the newest card in their chat, if it has it."""
        pressed = {}
        for conversation in self._world.conversations.values():
            if conversation.user and (click := self._click(conversation, action)):
                pressed[conversation.user] = click
        return pressed

    def _click(self, conversation: Conversation, action: str) -> str | None:
        user = self._world.user(conversation.user or "")
        for message in reversed(conversation.messages.values()):
            for found in actions_of(cards_of(message.activity)):
                if user and found.get("id") == action:
                    place = Chat(user, conversation)
                    invoke = self._activities.execute(place, user, message.id, executed(found, {}))
                    return json.dumps(invoke)
        return None

    def slow(self, seconds: float) -> None:
        """Identity endpoints take their time from now on; 0 ends that."""
        self._cloud._faults.clear()
        if seconds:
            for path in IDENTITY:
                fault = Fault(kind="slow", times=1_000_000, path=path, seconds=seconds)
                self._cloud._faults.order(fault)


async def _instance(request: web.Request) -> web.Response:
    """What MSAL asks about the names of a login host."""
    names = {"preferred_network": LOGIN, "preferred_cache": "login.windows.net", "aliases": [LOGIN]}
    tenant = f"{request.url.origin()}/common/v2.0/.well-known/openid-configuration"
    return web.json_response(
        {"tenant_discovery_endpoint": tenant, "api-version": "1.1", "metadata": [names]}
    )


async def proxied(port: int) -> int:
    """A proxy (CONNECT alone) that leads every name to our own TLS; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pass(reader, back), _pass(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    bound: int = server.sockets[0].getsockname()[1]
    return bound


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(answering: Answering) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app-id", required=True)
    parser.add_argument("--app-secret", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--world", type=Path, required=True)
    given = parser.parse_args()
    config = SimulatorConfig(
        app_id=given.app_id, app_secret=given.app_secret, data=given.data, world=given.world
    )
    async with Cloud(config) as cloud:
        asked = Asked(cloud)
        commands = {
            name: getattr(asked, name)
            for name in (
                "counts", "delivered", "edited", "forget", "install", "token", "messages", "written", "answers",
                "clicks", "slow"
            )
        }  # fmt: skip
        ready = {
            "api": cloud.api_url,
            "ca": str(cloud.ca_file),
            "proxy": await proxied(int(cloud.api_url.rpartition(":")[2])),
            "serviceUrls": {it: cloud.service_url(it) for it in cloud.world.tenants},
        }
        answering.start(ready, commands)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

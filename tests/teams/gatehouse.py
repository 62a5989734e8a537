"""A gateway at work: a simulated Teams before it, and a listener behind it that only records."""

import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from pydantic import SecretStr

from bot.inbound import Inbound, Nothing, Place, Response, ShowCard, ShowText
from bot.settings import Settings
from bot.teams.gateway import Gateway
from dialogs.messenger import Channel, Conversation, Message
from simulator.certificates import server_context
from simulator.keys import SigningKey, new_key
from simulator.server import Simulator, SimulatorConfig

APP_ID = "0b5c1f0e-6a51-4f0c-8a55-1f0d6d1c7a11"
CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
FABRIKAM = "3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"
NORDWALL = "a1e4c7b9-58d2-4f36-8e0b-9c7d6a5b4f32"
INCIDENTS = "19:contoso-incidents@thread.tacv2"
TEAM = "19:contoso-security@thread.tacv2"
BOB = "dc20cef7-a9fe-4773-b652-5efb74d750af"
KEYS = "/botframework/v1/.well-known/keys"


class Clock:
    """The time of day, which a test may move on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Listener:
    """What the house heard, and would say to it; it answers, or fails, as a test says."""

    heard: list[Inbound] = field(default_factory=list)
    said: list[tuple[Place, str]] = field(default_factory=list)
    said_afterwards: list[tuple[Place, str]] = field(default_factory=list)
    response: Response | Exception = field(default_factory=Nothing)

    async def hear(self, inbound: Inbound) -> Response:
        self.heard.append(inbound)
        if isinstance(self.response, Exception):
            raise self.response
        return self.response

    async def say(self, place: Place, response: ShowText | ShowCard) -> None:
        assert isinstance(response, ShowText)
        self.said.append((place, response.text))

    def say_afterwards(self, place: Place, response: ShowText | ShowCard) -> None:
        assert isinstance(response, ShowText)
        self.said_afterwards.append((place, response.text))


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: Any


@dataclass
class House:
    sim: Simulator
    gateway: Gateway
    listener: Listener
    clock: Clock
    url: str
    session: aiohttp.ClientSession

    @property
    def heard(self) -> list[Inbound]:
        return self.listener.heard

    @property
    def service_url(self) -> str:
        return self.sim.service_url(CONTOSO)

    @property
    def channel(self) -> Channel:
        return Channel(CONTOSO, INCIDENTS, self.service_url)

    async def play(self, method: str, path: str, body: Any = None) -> Any:
        """The simulator's control API."""
        async with self.session.request(method, self.sim.page_url + path, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def token(self, **different: Any) -> str:
        answer = await self.play("POST", "/api/tokens", {"tenant": CONTOSO} | different)
        return str(answer["token"])

    async def post(self, activity: Any, **different: Any) -> Reply:
        """An activity with a token that is honest, but for what is said."""
        token = await self.token(**different)
        return await self.post_raw(json.dumps(activity).encode(), f"Bearer {token}")

    async def post_raw(self, body: Any, authorization: str | None = None, **headers: str) -> Reply:
        if authorization is None:
            authorization = f"Bearer {await self.token()}"
        sent = {"Authorization": authorization, "Content-Type": "application/json"} | headers
        url = f"{self.url}/api/messages"
        async with self.session.post(url, data=body, headers=sent) as response:
            text = await response.text()
            return Reply(response.status, json.loads(text) if text else None, response.headers)

    async def calls(self, part: str, method: str | None = None) -> int:
        """How often the gateway called what has `part` in its path."""
        made = await self.play("GET", "/api/requests")
        return sum(part in it["path"] and method in {None, it["method"]} for it in made)

    async def chat(self, user: str = "bob@contoso.example") -> Conversation:
        opened = await self.play("POST", "/api/chats", {"user": user})
        return Conversation(CONTOSO, opened["id"], self.service_url)

    async def messages(self, where: Conversation) -> Any:
        return await self.play("GET", f"/api/conversations/{where.conversation_id}/messages")

    def message(self, text: str = "hello", **different: Any) -> dict[str, Any]:
        """What Bob writes in his chat with the bot, as Teams words it."""
        return {
            "type": "message",
            "id": "1700000000001",
            "channelId": "msteams",
            "serviceUrl": self.service_url,
            "from": {"id": "29:bob", "name": "Bob Meyer", "aadObjectId": BOB},
            "recipient": {"id": f"28:{APP_ID}", "name": "Vouch"},
            "conversation": {"conversationType": "personal", "tenantId": CONTOSO, "id": "a:bob"},
            "channelData": {"tenant": {"id": CONTOSO}},
            "locale": "en-GB",
            "text": text,
            "textFormat": "plain",
        } | different


@cache
def _some_keys() -> tuple[SigningKey, ...]:
    """Making one takes a while; a simulator never holds more than these."""
    return tuple(new_key() for _ in range(4))


def settings(data: Path, api_url: str, **different: Any) -> Settings:
    values: dict[str, Any] = {
        "app_id": APP_ID,
        "app_tenant": NORDWALL,
        "app_secret": SecretStr("the bot's own secret"),
        "login_url": api_url,
        "openid_metadata_url": f"{api_url}/botframework/v1/.well-known/openidconfiguration",
        "service_hosts": frozenset({urlsplit(api_url).netloc}),
        "ca_file": data / "ca.pem",
    }
    return Settings(**(values | different))


@asynccontextmanager
async def open_house(data: Path) -> AsyncIterator[House]:
    """Everything installed, as in the demo, and nothing heard yet."""
    config = SimulatorConfig(
        app_id=APP_ID,
        app_secret="the bot's own secret",
        data=data,
        key_source=cycle(_some_keys()).__next__,
    )
    clock, listener = Clock(), Listener()
    async with (
        Simulator(config) as sim,
        aiohttp.ClientSession() as session,
        started(Gateway(settings(data, sim.api_url), clock)) as gateway,
        serving(gateway, listener) as url,
    ):
        sim.bot_url = url
        house = House(sim, gateway, listener, clock, url, session)
        await house.play("POST", "/api/install-all")
        listener.heard.clear()
        yield house


@asynccontextmanager
async def started(gateway: Gateway) -> AsyncIterator[Gateway]:
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.close()


@asynccontextmanager
async def serving(gateway: Gateway, listener: Listener) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(gateway.routes(listener, listener))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@dataclass
class Stub:
    """A Microsoft that answers what a test says, where the simulator would be too well-behaved."""

    url: str = ""
    answers: list[web.Response | float] = field(default_factory=list)
    """In turn; a number is a wait that no caller sits out."""
    seen: list[tuple[str, str, str, Any]] = field(default_factory=list)
    tokens: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/openid-configuration"):
            return web.json_response(
                {"authorization_endpoint": self.url, "issuer": self.url}
                | {"token_endpoint": f"{self.url}/{NORDWALL}/oauth2/v2.0/token"}
            )
        if request.path.endswith("/token"):
            self.tokens += 1
            return web.json_response(
                {"access_token": f"token {self.tokens}", "expires_in": 3599, "token_type": "Bearer"}
            )
        body = await request.json() if request.can_read_body else None
        authorization = request.headers.get("Authorization", "")
        self.seen.append((request.method, request.raw_path, authorization, body))
        answer = self.answers.pop(0) if self.answers else web.json_response({"id": "1"}, status=201)
        if isinstance(answer, web.Response):
            return answer
        if request.transport:
            request.transport.abort()
        return web.Response()

    @property
    def base(self) -> str:
        return f"{self.url}/emea/{CONTOSO}/"


@asynccontextmanager
async def stubbed(data: Path, **different: Any) -> AsyncIterator[tuple[Stub, Gateway, Clock]]:
    stub, clock = Stub(), Clock()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    tls: ssl.SSLContext = server_context(data / "ca.pem")
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    stub.url = f"https://localhost:{runner.addresses[0][1]}"
    async with started(Gateway(settings(data, stub.url, **different), clock)) as gateway:
        yield stub, gateway, clock
    await runner.cleanup()


def card(text: str = "Did you open this file?") -> Message:
    content = {
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": [{"type": "TextBlock", "text": text}],
        "actions": [
            {
                "type": "Action.Execute",
                "title": "Yes",
                "verb": "answer",
                "data": {"handle": "h1", "answer": "yes"},
                "fallback": {
                    "type": "Action.Submit",
                    "title": "Yes",
                    "data": {"handle": "h1", "answer": "yes"},
                },
            }
        ],
    }
    return Message(card=content, summary="A question for you")

"""A simulator and a bot that only records, spoken to over real HTTP and HTTPS."""

import json
import ssl
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from simulator.server import Simulator

APP_ID = "0b5c1f0e-6a51-4f0c-8a55-1f0d6d1c7a11"
SECRET = "the bot's own secret"
KEYS = {"contoso": {"defender": "contoso-defender-key"}}


SAMPLE = {
    "id": "sample",
    "title": "Sample",
    "summary": "An incident, and what Bob writes.",
    "start": [
        {
            "do": "incident",
            "customer": "contoso",
            "source": "defender",
            "payload": {"id": "{@run}", "alerts": [{"firstActivityDateTime": "@start-8m"}]},
        }
    ],
    "steps": [
        {
            "id": "bob-writes",
            "title": "Bob writes",
            "do": [{"do": "message", "user": "bob@contoso.example", "text": "yes I opened it"}],
        }
    ],
}


@dataclass(frozen=True)
class Received:
    path: str
    authorization: str
    body: Any


@dataclass
class StubBot:
    """Records what arrives, and answers what a test tells it to."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    status: int = 200
    answer: Any = None

    async def handle(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        self.received.append(Received(request.path, authorization, await request.json()))
        return web.json_response(self.answer, status=self.status)

    @property
    def activities(self) -> list[Any]:
        return [it.body for it in self.received if it.path == "/api/messages"]

    @property
    def last(self) -> Any:
        return self.received[-1].body


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> Any:
        return self.body["error"]["code"]


@dataclass
class Teams:
    """Both sides of a simulator: `play` is the control API, `call` is the bot calling Microsoft."""

    sim: Simulator
    bot: StubBot
    session: aiohttp.ClientSession
    trust: ssl.SSLContext
    bearer: str = ""

    async def play(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        async with self.session.request(
            method, self.sim.page_url + path, json=body, headers=headers
        ) as response:
            return await _answer(response)

    async def call(self, method: str, url: str, body: Any = None, **options: Any) -> Answer:
        headers = {"Authorization": f"Bearer {options.pop('token', self.bearer)}"}
        async with self.session.request(
            method, url, json=body, headers=headers, ssl=self.trust, **options
        ) as response:
            return await _answer(response)

    async def connector(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """In Contoso unless `tenant` says otherwise."""
        base = self.sim.service_url(options.pop("tenant", CONTOSO))
        return await self.call(method, f"{base}v3/{path}", body, **options)

    async def sign_in(self, tenant: str, **form: str) -> Answer:
        honest = {
            "grant_type": "client_credentials",
            "client_id": APP_ID,
            "client_secret": SECRET,
            "scope": "https://api.botframework.com/.default",
        }
        url = f"{self.sim.api_url}/{tenant}/oauth2/v2.0/token"
        async with self.session.post(url, data=honest | form, ssl=self.trust) as response:
            return await _answer(response)

    async def thread(self, activity: Any) -> Any:
        """Opens a thread in Contoso's incident channel."""
        made = await self.connector("POST", "conversations", new_thread(activity))
        assert made.status == 201
        return made.body

    async def chat(self, user: str = "bob@contoso.example") -> str:
        opened = await self.play("POST", "/api/chats", {"user": user})
        return str(opened.body["id"])

    async def state(self) -> Any:
        return (await self.play("GET", "/api/state")).body

    async def message(self, conversation: str, message_id: str) -> Any:
        listed = await self.play("GET", f"/api/conversations/{conversation}/messages")
        return next(it for it in listed.body if it["id"] == message_id)


CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
FABRIKAM = "3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"
NORDWALL = "a1e4c7b9-58d2-4f36-8e0b-9c7d6a5b4f32"
INCIDENTS = "19:contoso-incidents@thread.tacv2"
TEAM = "19:contoso-security@thread.tacv2"


def new_thread(activity: Any, channel: str = INCIDENTS, tenant: str = CONTOSO) -> Any:
    data = {"channel": {"id": channel}, "tenant": {"id": tenant}}
    return {"isGroup": True, "bot": {"id": f"28:{APP_ID}"}, "channelData": data} | {
        "activity": activity
    }


def new_chat(member: str, tenant: str = CONTOSO) -> Any:
    return {"isGroup": False, "members": [{"id": member}], "tenantId": tenant}


def said(text: str) -> dict[str, Any]:
    return {"type": "message", "text": text}


def shown(card: Any) -> dict[str, Any]:
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "content": card}]}


async def _answer(response: aiohttp.ClientResponse) -> Answer:
    text = await response.text()
    return Answer(response.status, json.loads(text) if text else None, response.headers)

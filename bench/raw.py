"""The raw limit: an aiohttp handler that verifies RS256 with PyJWT in every turn and posts one
reply over one shared session. No SDK, no checks beyond the token's, no retries."""

import asyncio
import json
import ssl
import sys
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
from aiohttp import web
from yarl import URL

from bench.answering import Answering
from bench.serving import listening, ping

SCOPE = "https://api.botframework.com/.default"


class Raw:
    def __init__(self, session: aiohttp.ClientSession, told: dict[str, Any]) -> None:
        self._session = session
        self._told = told
        self._keys: dict[str, Any] = {}
        self._token = ""
        self._first = asyncio.Lock()

    async def receive(self, request: web.Request) -> web.Response:
        activity = json.loads(await request.read())
        if not self._token:
            await self._prepare()
        encoded = request.headers["Authorization"].partition(" ")[2]
        claims = jwt.decode(
            encoded,
            self._keys[jwt.get_unverified_header(encoded)["kid"]],
            algorithms=["RS256"],
            audience=self._told["app_id"],
            issuer="https://api.botframework.com",
        )
        if claims["serviceurl"] != activity["serviceUrl"]:
            return web.Response(status=401)
        await self._reply(activity)
        return web.Response()

    async def _prepare(self) -> None:
        async with self._first:
            if not self._token:
                await self._take_keys()
                await self._take_token()

    async def _take_keys(self) -> None:
        url = f"{self._told['api']}/botframework/v1/.well-known/openidconfiguration"
        async with self._session.get(url) as answer:
            keys_url = (await answer.json())["jwks_uri"]
        async with self._session.get(keys_url) as answer:
            published = (await answer.json())["keys"]
        self._keys = {it["kid"]: jwt.PyJWK(it, "RS256") for it in published}

    async def _take_token(self) -> None:
        url = f"{self._told['api']}/{self._told['tenant']}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._told["app_id"],
            "client_secret": self._told["app_secret"],
            "scope": SCOPE,
        }
        async with self._session.post(url, data=form) as answer:
            self._token = (await answer.json())["access_token"]

    async def _reply(self, activity: dict[str, Any]) -> None:
        there = quote(activity["conversation"]["id"], safe="")
        path = f"v3/conversations/{there}/activities"
        reply = {
            "type": "message",
            "text": "It is noted.",
            "from": {"id": f"28:{self._told['app_id']}"},
            "conversation": {"id": activity["conversation"]["id"]},
        }
        async with self._session.post(
            URL(activity["serviceUrl"] + path, encoded=True),
            data=json.dumps(reply).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json; charset=utf-8",
            },
        ) as answer:
            await answer.read()
            answer.raise_for_status()


async def main(answering: Answering) -> None:
    told = json.loads(sys.argv[1])
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=told["ca"]))
    async with aiohttp.ClientSession(connector=connector) as session:
        routes = [web.post("/api/messages", Raw(session, told).receive), ping()]
        async with listening(routes) as url:
            answering.start({"url": url})
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

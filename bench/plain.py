"""The trivial workflow that engines are compared by: so many cards into one chat, one after another.

Needs aiohttp alone: the peers' environment imports this too.
"""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

CALLS = 6
"""Outside calls an incident."""
SCOPE = "https://api.botframework.com/.default"


class Sender:
    """Cards to Microsoft's side over one shared session, with one token."""

    def __init__(self, session: aiohttp.ClientSession, told: dict[str, Any], token: str) -> None:
        self._session = session
        self._url = told["serviceUrl"]
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json; charset=utf-8",
        }
        self._app = f"28:{told['app_id']}"
        self._card = told["card"]

    async def send(self, chat: str) -> str:
        """One card; the id that the other side gave it."""
        activity = {
            "type": "message",
            "attachments": [
                {"contentType": "application/vnd.microsoft.card.adaptive", "content": self._card}
            ],
            "from": {"id": self._app},
            "conversation": {"id": chat},
        }
        url = URL(f"{self._url}v3/conversations/{quote(chat, safe='')}/activities", encoded=True)
        body = json.dumps(activity).encode()
        async with self._session.post(url, data=body, headers=self._headers) as answer:
            answer.raise_for_status()
            sent: str = (await answer.json())["id"]
            return sent


@asynccontextmanager
async def sending(told: dict[str, Any]) -> AsyncIterator[Sender]:
    context = ssl.create_default_context(cafile=told["ca"])
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Sender(session, told, await _token(session, told))


async def _token(session: aiohttp.ClientSession, told: dict[str, Any]) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": told["app_id"],
        "client_secret": told["app_secret"],
        "scope": SCOPE,
    }
    url = f"{told['api']}/{told['tenant']}/oauth2/v2.0/token"
    async with session.post(url, data=form) as answer:
        token: str = (await answer.json())["access_token"]
        return token

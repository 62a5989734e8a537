"""The way to the bot: activities with a signed token, incidents with an intake key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp

from simulator.botframework import BotFramework
from simulator.errors import Json
from simulator.world import utc_now

PATIENCE = aiohttp.ClientTimeout(total=15)
"""As long as the Azure Bot Service waits for a bot."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot answered; `reached` is False where no answer came, with 502 or 504 as status."""

    status: int
    body: Any
    reached: bool = True


class ToBot:
    """Speaks to one bot over one session."""

    def __init__(self, session: aiohttp.ClientSession, framework: BotFramework, url: str) -> None:
        self.url = url
        self._session = session
        self._framework = framework

    async def send(self, activity: Json, token: str | None = None) -> Reply:
        """Sends an activity as the Bot Connector; an empty `token` sends none."""
        if token is None:
            token = self._framework.token(str(activity.get("serviceUrl", "")), utc_now())
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self._post("/api/messages", headers, activity)

    async def report(self, source: str, key: str, incident: Json) -> Reply:
        """Hands an incident to the bot's intake, as its source does."""
        headers = {"Authorization": f"Bearer {key}"}
        return await self._post(f"/api/incidents/{source}", headers, incident)

    async def _post(self, path: str, headers: Mapping[str, str], body: Json) -> Reply:
        """The body goes as a stream, since aiohttp warns of large ones in one piece."""
        url = self.url.rstrip("/") + path
        stream = BytesIO(json.dumps(body).encode())
        headers = {**headers, "Content-Type": "application/json; charset=utf-8"}
        try:
            async with self._session.post(
                url, data=stream, headers=headers, timeout=PATIENCE, allow_redirects=False
            ) as response:
                return Reply(response.status, _parsed(await response.text()))
        except TimeoutError:
            return Reply(504, {"error": "The bot did not answer in time."}, reached=False)
        except (aiohttp.ClientError, ValueError) as error:
            return Reply(502, {"error": f"The bot was not reached: {error}"}, reached=False)


def _parsed(text: str) -> Any:
    """JSON where it is JSON; some answers are plain text or nothing."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text

"""Vouch's gateway to Teams without the house behind it: whatever is heard is answered at once."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr
from yarl import URL

from bench.answering import Answering
from bench.serving import listening, ping
from bot import logs
from bot.inbound import Clicked, Inbound, Place, Response, ShowCard, ShowText
from bot.settings import Settings
from bot.teams import auth
from bot.teams.gateway import Gateway
from dialogs.messenger import Conversation, Message, Messenger

CARD = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "body": [
        {"type": "TextBlock", "text": f"Line {n} of a card of usual size", "wrap": True}
        for n in range(24)
    ],
    "actions": [
        {"type": "Action.Execute", "title": f"Answer {n}", "verb": "x", "data": {"h": "x" * 22}}
        for n in range(3)
    ],
}


class Stub:
    """Answers words with words and a press with a card."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    async def hear(self, inbound: Inbound) -> Response:
        return ShowCard(CARD) if isinstance(inbound, Clicked) else ShowText("It is noted.")

    async def say(self, place: Place, response: ShowText | ShowCard) -> None:
        """It answers words with words alone."""
        assert isinstance(response, ShowText)
        where = Conversation(place.tenant_id, place.conversation_id, place.service_url)
        await self._messenger.send(where, Message(text=response.text))

    def say_afterwards(self, place: Place, response: ShowText | ShowCard) -> None:
        raise NotImplementedError("no press is answered in words")


class Proactive:
    """Cards into one chat: as the Messenger sends them, and as bare POSTs."""

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self._gateway = gateway
        self._settings = settings

    async def cards(self, how: str, chat: dict[str, str], count: int) -> float:
        """CPU seconds of this process for so many, four at a time."""
        where = Conversation(chat["tenant"], chat["id"], chat["service_url"])
        send = self._sending(where) if how == "messenger" else await self._posting(where)
        began = time.process_time()
        waiting = iter(range(count))

        async def work() -> None:
            for _ in waiting:
                await send()

        await asyncio.gather(*(work() for _ in range(4)))
        return time.process_time() - began

    def _sending(self, where: Conversation) -> Callable[[], Awaitable[Any]]:
        async def send() -> None:
            await self._gateway.messenger.send(where, Message(card=CARD, summary="A question"))

        return send

    async def _posting(self, where: Conversation) -> Callable[[], Awaitable[Any]]:
        """The same JSON to the same address over the same session, and nothing checked."""
        session = self._gateway._network.session
        token = await self._gateway._credentials.token()
        place = quote(where.conversation_id, safe="")
        url = URL(f"{where.service_url}v3/conversations/{place}/activities", encoded=True)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json; charset=utf-8",
        }
        activity = {
            "type": "message",
            "summary": "A question",
            "attachments": [
                {"contentType": "application/vnd.microsoft.card.adaptive", "content": CARD}
            ],
            "from": {"id": f"28:{self._settings.app_id}"},
            "conversation": {"id": where.conversation_id},
            "channelData": {"tenant": {"id": where.tenant_id}},
        }

        async def send() -> None:
            async with session.post(
                url, data=json.dumps(activity).encode(), headers=headers
            ) as answer:
                await answer.read()
                answer.raise_for_status()

        return send


def settings_of(told: dict[str, Any], database: str = "") -> Settings:
    return Settings(
        intake_burst=100_000,  # how fast a source may send is not what is measured
        intake_per_second=100_000,
        port=0,
        database_url=database or "sqlite:///none",
        app_id=told["app_id"],
        app_tenant=told["tenant"],
        app_secret=SecretStr(told["app_secret"]),
        login_url=told["api"],
        openid_metadata_url=f"{told['api']}/botframework/v1/.well-known/openidconfiguration",
        service_hosts=frozenset({URL(told["api"]).raw_authority}),
        ca_file=told["ca"],
    )


async def main(answering: Answering) -> None:
    told = json.loads(sys.argv[1])
    logs.configure(as_json=True)
    if not told.get("remembers_tokens", True):
        auth.BELIEVED = 0.0
    settings = settings_of(told)
    gateway = Gateway(settings)
    await gateway.start()
    stub = Stub(gateway.messenger)
    async with listening([*gateway.routes(stub, stub), ping()]) as url:
        answering.start({"url": url}, {"cards": Proactive(gateway, settings).cards})
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

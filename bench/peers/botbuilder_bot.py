"""The Bot Framework SDK 4.17.1 as it comes: CloudAdapter and an ActivityHandler that replies."""

import asyncio
import json
import sys
import time
from typing import Any

from aiohttp import web
from botbuilder.core import ActivityHandler, MessageFactory, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema import Attachment, ConversationReference

from bench.answering import Answering
from bench.serving import listening, ping


class Configuration:
    APP_TYPE = "SingleTenant"

    def __init__(self, told: dict[str, Any]) -> None:
        self.APP_ID = told["app_id"]
        self.APP_PASSWORD = told["app_secret"]
        self.APP_TENANTID = told["tenant"]


class Bot(ActivityHandler):
    async def on_message_activity(self, turn_context: TurnContext) -> None:
        await turn_context.send_activity(MessageFactory.text("It is noted."))


class Proactive:
    def __init__(self, adapter: CloudAdapter, app_id: str) -> None:
        self._adapter = adapter
        self._app_id = app_id

    async def cards(
        self, how: str, chat: dict[str, Any], count: int, card: dict[str, Any]
    ) -> float:
        """CPU seconds of this process for so many, one after another."""
        del how
        reference = ConversationReference().deserialize(
            {
                "channelId": "msteams",
                "serviceUrl": chat["service_url"],
                "bot": {"id": f"28:{self._app_id}"},
                "conversation": {"id": chat["id"]},
            }
        )

        async def say(turn_context: TurnContext) -> None:
            kind = "application/vnd.microsoft.card.adaptive"
            shown = Attachment(content_type=kind, content=card)
            await turn_context.send_activity(MessageFactory.attachment(shown))

        began = time.process_time()
        for _ in range(count):
            await self._adapter.continue_conversation(reference, say, self._app_id)
        return time.process_time() - began


async def main(answering: Answering) -> None:
    told = json.loads(sys.argv[1])
    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration(told)))
    bot = Bot()

    async def receive(request: web.Request) -> web.Response:
        return await adapter.process(request, bot) or web.Response()

    async with listening([web.post("/api/messages", receive), ping()]) as url:
        answering.start({"url": url}, {"cards": Proactive(adapter, told["app_id"]).cards})
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

"""The Microsoft 365 Agents SDK 1.9.0 as it comes, after its own quick start."""

import asyncio
import json
import sys
from typing import Any

from aiohttp import web
from microsoft_agents.authentication.msal import MsalConnectionManager
from microsoft_agents.hosting.aiohttp import (
    CloudAdapter,
    jwt_authorization_middleware,
    start_agent_process,
)
from microsoft_agents.hosting.core import (
    AgentApplication,
    MemoryStorage,
    TurnContext,
    TurnState,
)

from bench.answering import Answering
from bench.serving import listening, ping


async def main(answering: Answering) -> None:
    told = json.loads(sys.argv[1])
    connection = {
        "SETTINGS": {
            "CLIENTID": told["app_id"],
            "CLIENTSECRET": told["app_secret"],
            "TENANTID": told["tenant"],
        }
    }
    configuration = {"CONNECTIONS": {"SERVICE_CONNECTION": connection}}
    connections = MsalConnectionManager(**configuration)
    adapter = CloudAdapter(connection_manager=connections)
    agent = AgentApplication[TurnState](
        storage=MemoryStorage(),
        adapter=adapter,
        connection_manager=connections,
        start_typing_timer=False,
        **configuration,
    )

    @agent.activity("message")
    async def on_message(context: TurnContext, _: TurnState) -> None:
        await context.send_activity("It is noted.")

    async def receive(request: web.Request) -> Any:
        return await start_agent_process(request, agent, adapter)

    app = web.Application(middlewares=[_guard_messages])
    app["agent_configuration"] = connections.get_default_connection_configuration()
    async with listening([web.post("/api/messages", receive), ping()], app) as url:
        answering.start({"url": url})
        await asyncio.Event().wait()


@web.middleware
async def _guard_messages(request: web.Request, handler: Any) -> Any:
    """The SDK's guard, for everything but the ping."""
    if request.path == "/ping":
        return await handler(request)
    return await jwt_authorization_middleware(request, handler)


if __name__ == "__main__":
    asyncio.run(main(Answering()))

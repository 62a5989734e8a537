"""The Teams SDK 2.1.1 as it comes: App on FastAPI and uvicorn."""

import asyncio
import json
import socket
import sys

from fastapi import Response
from microsoft_teams.api import MessageActivity
from microsoft_teams.apps import ActivityContext, App

from bench.answering import Answering


async def main(answering: Answering) -> None:
    told = json.loads(sys.argv[1])
    app = App(client_id=told["app_id"], client_secret=told["app_secret"], tenant_id=told["tenant"])

    @app.on_message
    async def on_message(context: ActivityContext[MessageActivity]) -> None:
        await context.send("It is noted.")

    app.server.adapter.app.add_api_route("/ping", _pong, methods=["GET"])
    port = _free_port()
    running = asyncio.create_task(app.start(port))
    await _answers(port, running)
    answering.start({"url": f"http://127.0.0.1:{port}"})
    await running


async def _pong() -> Response:
    return Response()


async def _answers(port: int, running: "asyncio.Task[None]") -> None:
    for _ in range(200):
        await asyncio.sleep(0.05)
        if running.done():
            running.result()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            continue
        writer.close()
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    asyncio.run(main(Answering()))

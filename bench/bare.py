"""The trivial workflow without an engine: nothing is stored, and what is taken is lost with us."""

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import web

from bench.answering import Answering
from bench.plain import CALLS, Sender, sending
from bench.serving import listening


class Bare:
    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._running: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.Response:
        told = json.loads(await request.read())
        task = asyncio.create_task(self._handle(told["chat"]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.Response(status=201)

    async def _handle(self, chat: str) -> None:
        for _ in range(CALLS):
            await self._sender.send(chat)

    def left(self) -> int:
        return len(self._running)


async def main(answering: Answering) -> None:
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    async with sending(told) as sender:
        bare = Bare(sender)
        async with listening([web.post("/incidents", bare.receive)]) as url:
            answering.start({"url": url}, {"left": bare.left})
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

"""The trivial workflow on DBOS with SQLite, after its quick start; its file is in WAL, as ours is.

A workflow's input is stored before it is acknowledged, and the result of every step after it.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from aiohttp import web
from dbos import DBOS, SetWorkflowID

from bench.answering import Answering
from bench.plain import CALLS, Sender, sending
from bench.serving import listening

sender: Sender
"""Set before the first workflow starts."""


@DBOS.step()
async def send(chat: str, number: int) -> str:  # noqa: ARG001 - DBOS tells steps apart by order
    return await sender.send(chat)


@DBOS.workflow()
async def handle(incident: dict[str, Any]) -> None:
    for number in range(CALLS):
        await send(incident["chat"], number)


async def receive(request: web.Request) -> web.Response:
    incident = json.loads(await request.read())
    with SetWorkflowID(incident["key"]):
        await DBOS.start_workflow_async(handle, incident)
    return web.Response(status=201)


class Asked:
    def __init__(self, database: str) -> None:
        self._database = database

    def left(self) -> int:
        """Workflows that are not over."""
        with closing(sqlite3.connect(self._database, timeout=30)) as db:
            query = "SELECT count(*) FROM workflow_status WHERE status <> 'SUCCESS'"
            (count,) = db.execute(query).fetchone()
            return int(count)


async def main(answering: Answering) -> None:
    global sender
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with closing(sqlite3.connect(told["database"])) as db:
        db.execute("PRAGMA journal_mode=WAL")
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{told['database']}",
            "log_level": "WARNING",
        }
    )
    DBOS.launch()
    async with sending(told) as sender, listening([web.post("/incidents", receive)]) as url:
        answering.start({"url": url}, {"left": Asked(told["database"]).left})
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

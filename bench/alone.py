"""Vouch's engine without the house: its store, effects and dispatcher carry the trivial workflow.

An incident is a row, an event in its chain and its effects in one lane, in one unit; each effect is
claimed in a unit, carried out and settled in another. The last one closes the incident. They are
nobody's tenant's: how many are in flight is the dispatcher's to say, or the measurer's.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from sqlalchemy import bindparam, insert, update
from sqlmodel import col

from bench import story
from bench.answering import Answering
from bench.house import left
from bench.plain import CALLS, Sender, sending
from bench.serving import listening
from bot import logs
from storage import dispatch, effects, incidents
from storage.dispatch import Dispatcher
from storage.engine import Store, Tx, Urgency
from storage.tables import IncidentRow
from triage.effects import ANALYST_THREAD, Say
from triage.phrases import phrase

OWNER, LEASE = "bench", timedelta(seconds=60)

_INSERT = insert(IncidentRow)
_CLOSE = (
    update(IncidentRow)
    .where(col(IncidentRow.id) == bindparam("of_incident"))
    .values(status="resolved", updated=bindparam("now"))
    .execution_options(synchronize_session=False)
)


def _now() -> datetime:
    return datetime.now(UTC)


class Alone:
    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self.dispatcher = Dispatcher(store, _now, self._run_effect, poll=0.5)

    async def receive(self, request: web.Request) -> web.Response:
        told = json.loads(await request.read())
        await self._store.write(story.CUSTOMER, lambda tx: _accept(tx, told), Urgency.INTAKE)
        self.dispatcher.notify()
        return web.Response(status=201)

    async def _run_effect(self, customer: str, effect_id: int) -> None:
        taken = await self._store.write(
            customer, lambda tx: effects.claim(tx, effect_id, OWNER, _now(), LEASE)
        )
        if taken is None:
            return
        chat = taken.key.partition("|")[0]
        sent = await self._sender.send(chat)
        await self._store.write(customer, lambda tx: _settle(tx, taken, sent))
        self.dispatcher.notify()


def _accept(tx: Tx, told: dict[str, Any]) -> None:
    if incidents.seen(tx, told["key"]) is not None:
        return
    now, new = _now(), str(uuid4())
    keys = [f"{told['chat']}|{told['key']}:{number}" for number in range(CALLS)]
    event = {
        "stream": new,
        "seq": 1,
        "key": told["key"],
        "kind": "reported",
        "at": now,
        "effect_keys": json.dumps(keys),
        "payload": json.dumps(told),
        "actor": None,
    }
    head = incidents._append(tx, event, after=None)
    row = {
        "customer_id": tx.customer,
        "id": new,
        "name": told["key"],
        "status": "received",
        "type": "bench",
        "severity": "high",
        "version": head.version,
        "chain": head.hash,
        "state": json.dumps(told),
        "received": now,
        "updated": now,
    }
    tx.session.run(_INSERT, row)
    says = [Say(key, ANALYST_THREAD, phrase("bench")) for key in keys]
    effects.order(tx, new, says, now)


def _settle(tx: Tx, taken: effects.ClaimedEffect, sent: str) -> None:
    now = _now()
    effects.finish(tx, taken.id, OWNER, sent, now)
    if taken.key.endswith(f":{CALLS - 1}"):
        tx.session.run(_CLOSE, {"of_incident": taken.stream, "now": now})


async def main(answering: Answering) -> None:
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    logs.configure(as_json=True)
    dispatch.AT_ONCE = told["atOnce"] or dispatch.AT_ONCE
    store = Store.open(f"sqlite:///{told['database']}")
    async with sending(told) as sender:
        alone = Alone(store, sender)
        work = asyncio.create_task(alone.dispatcher.run())
        async with listening([web.post("/incidents", alone.receive)]) as url:
            answering.start({"url": url}, {"left": lambda: left(store)})
            await work


if __name__ == "__main__":
    asyncio.run(main(Answering()))

"""The whole of Vouch on SQLite, onboarded and acquainted with everybody before it is measured."""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from bench.answering import Answering, Command
from bench.gateway import settings_of
from bench.story import uncapped
from bot import logs
from bot.app import Vouch, running
from bot.demo import PROFILES
from bot.setup import add_intake_key, add_profile
from bot.teams import windows
from dialogs.messenger import Channel, Conversation, Member
from storage import across, homes, people, profiles
from storage.engine import Store, Tx
from storage.tables import EffectRow
from storage.windows import within
from triage.report import Source


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Somebody of the simulated world."""

    object_id: str
    mri: str
    upn: str
    name: str
    given_name: str
    sid: str
    chat: str

    @property
    def member(self) -> Member:
        return Member(
            mri=self.mri,
            object_id=self.object_id,
            name=self.name,
            given_name=self.given_name,
            upn=self.upn,
        )


async def onboard(database: str, told: dict[str, Any]) -> str:
    """Profiles, channels and chats are known; the customer's intake key."""
    store = Store.open(database)
    for file in sorted(PROFILES.glob("*.toml")):
        text = file.read_text(encoding="utf-8")
        await add_profile(
            store, uncapped(text) if file.stem == told["customer"] else text, file.name
        )
    customer = told["customer"]
    key = await add_intake_key(store, customer, Source.DEFENDER)
    known = [Acquaintance(**person) for person in told["people"]]
    await store.write(customer, lambda tx: _acquaint(tx, known, told["serviceUrls"]))
    provider = await store.read_across(across.provider)
    assert provider is not None
    url = told["serviceUrls"][provider.tenant_id]
    await store.write(provider.id, lambda tx: _keep_channel(tx, provider.tenant_id, url))
    await store.close()
    return key


def _acquaint(tx: Tx, known: list[Acquaintance], service_urls: dict[str, str]) -> None:
    customer, now = profiles.current(tx), datetime.now(UTC)
    tenant, url = customer.tenant_id, service_urls[customer.tenant_id]
    _keep_channel(tx, tenant, url)
    people.keep_roster(tx, tenant, "everybody", [person.member for person in known], now)
    for person in known:
        people.meet(
            tx,
            tenant,
            person.object_id,
            mri=person.mri,
            name=person.name,
            locale="en-GB",
            zone="Europe/London",
            at=now,
        )
        people.keep_chat(tx, person.object_id, Conversation(tenant, person.chat, url))


def _keep_channel(tx: Tx, tenant: str, url: str) -> None:
    home = homes.home(tx)
    assert home is not None
    people.keep_channel(tx, Channel(tenant, home.channel_id, url))


class Asked:
    """What the measurer asks of the house."""

    def __init__(self, vouch: Vouch) -> None:
        self._vouch = vouch

    async def settle(self) -> None:
        """Everything that is due now is done."""
        clock = self._vouch.clock
        await self._vouch.dispatcher.drain(clock.now(), lambda _: None)

    async def waiting(self) -> int:
        """How much is due and not yet begun."""
        now = self._vouch.clock.now()
        return len(await self._vouch.store.read_across(lambda tx: across.due(tx, now, 1000)))

    async def left(self) -> int:
        return await left(self._vouch.store)

    def unpaced(self) -> None:
        """From now on a chat takes as many answers as are asked for in it."""
        windows.THREAD = (within(100_000, seconds=1),)


_LEFT = (
    select(func.count())
    .select_from(EffectRow)
    .where(col(EffectRow.lane).is_not(None), col(EffectRow.done_at).is_(None))
)


async def left(store: Store) -> int:
    """How many effects are not over, but for wakes."""
    count = await store.read_across(lambda tx: tx.session.run(_LEFT).scalar())
    return count or 0


def hurry() -> None:
    """As many calls as a tenant's Teams can take are no limit: the engine is what is measured."""
    windows.TENANT = (within(100_000, seconds=1),)


async def main(answering: Answering) -> None:
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    logs.configure(as_json=True)
    database = told["database"]
    key = told["key"] or await onboard(database, told)
    if told["hurried"]:
        hurry()
    async with running(settings_of(told, database), dispatch=told["dispatch"]) as vouch:
        asked = Asked(vouch)
        ready = {"url": vouch.url, "key": key}
        commands: dict[str, Command] = {
            "settle": asked.settle,
            "waiting": asked.waiting,
            "left": asked.left,
            "unpaced": asked.unpaced,
        }
        answering.start(ready, commands)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Answering()))

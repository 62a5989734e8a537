"""The bridge in a storm: people write in the threads of two cases, and analysts read all of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from sqlmodel import col

from storage.engine import Store, Tx
from storage.tables import SurfaceRow
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD

WRITERS = ("Jon Park", "Ines Costa")
READ_WITHIN = 120.0
"""Seconds after the last word was written."""

Ask = Callable[..., Awaitable[Any]]
"""Of the simulator: method, path, and a body."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The two threads of one case."""

    tenant: str
    customers: str
    analysts: str


@dataclass(frozen=True, slots=True)
class Read:
    """What analysts read of one thread: the words in their order, and in how many posts."""

    words: tuple[str, ...]
    posts: int
    repeated: int
    """Posts that came twice, one after the other: Teams took them and the answer was lost."""


@dataclass(frozen=True, slots=True)
class Bridged:
    wrote: int
    """In each thread."""
    read: Sequence[Read]
    took: float
    """Seconds from the first word to the last post."""

    @property
    def wrong(self) -> int:
        """Words that are missing, doubled or not in their place."""
        expected = [word(n) for n in range(self.wrote)]
        return sum(_differ(expected, read.words) for read in self.read)

    def told(self) -> str:
        posts = sum(read.posts for read in self.read)
        repeated = sum(read.repeated for read in self.read)
        return (
            f"bridge: {self.wrote * len(self.read)} messages in {len(self.read)} threads, read in "
            f"{posts} posts after {self.took:.1f} s; missing, doubled or out of order: {self.wrong}; "
            f"posts repeated for a lost answer: {repeated}"
        )


def word(n: int) -> str:
    return f"word {n}"


def _differ(expected: Sequence[str], read: Sequence[str]) -> int:
    misplaced = sum(a != b for a, b in zip(expected, read, strict=False))
    counted, found = Counter(expected), Counter(read)
    return max(misplaced, (counted - found).total(), (found - counted).total())


async def pair(store: Store, customer: str, tenant: str) -> Pair:
    """Of one of the customer's cases."""
    return await store.read(customer, partial(_pair, tenant))


def _pair(tenant: str, tx: Tx) -> Pair:
    rows = tx.session.execute(
        select(
            col(SurfaceRow.incident_id), col(SurfaceRow.name), col(SurfaceRow.conversation_id)
        ).where(col(SurfaceRow.name).in_([CUSTOMER_THREAD, ANALYST_THREAD]))
    )
    places = {(incident, name): str(thread) for incident, name, thread in rows}
    incident = min(incident for incident, _ in places)
    return Pair(tenant, places[incident, CUSTOMER_THREAD], places[incident, ANALYST_THREAD])


async def bridge(ask: Ask, pairs: Sequence[Pair], each: int) -> Bridged:
    """So many words in each thread at once, until analysts have read as many, or time is over."""
    began = time.time()
    tenants = await ask("GET", "/api/tenants")
    people = {t["id"]: {u["name"]: u["id"] for u in t["users"]} for t in tenants}
    await asyncio.gather(*(_write(ask, it, people[it.tenant], each) for it in pairs))
    until = time.time() + READ_WITHIN
    while True:
        read = [await _read(ask, it) for it in pairs]
        if all(len(it.words) >= each for it in read) or time.time() > until:
            return Bridged(each, read, time.time() - began)
        await asyncio.sleep(0.5)


async def _write(ask: Ask, it: Pair, people: dict[str, str], each: int) -> None:
    for n in range(each):
        said = {"from": people[WRITERS[n % len(WRITERS)]], "text": word(n)}
        told = await ask(
            "POST", f"/api/conversations/{quote(it.customers, safe='')}/messages", said
        )
        assert told["status"] == 200, told


async def _read(ask: Ask, it: Pair) -> Read:
    said = await ask("GET", f"/api/conversations/{quote(it.analysts, safe='')}/messages")
    texts = [str(message["activity"].get("text") or "") for message in said]
    posts = [text for text in texts if "): word " in text]
    once = [post for post, _ in groupby(posts)]
    lines = [line.partition("): ")[2] for post in once for line in post.splitlines()]
    return Read(tuple(lines), len(once), len(posts) - len(once))

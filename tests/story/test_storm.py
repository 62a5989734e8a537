"""A storm: thousands of messages at once keep to Teams' windows, lose nothing and harm nobody.

Time stands still but for what the windows ask for, so what a storm takes is exact. `make storm` does
the same with real processes in real time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.demo import PROVIDER_TENANT
from simulator.world import Chat, Conversation, Message, Thread
from storage import effects
from storage.dispatch import AT_ONCE
from storage.engine import Tx
from tests.story.graph_incident import FABRIKAM, alert, file, incident, unfamiliar_sign_in
from tests.story.house import House, Json, house
from triage.effects import CUSTOMER_THREAD, Say
from triage.phrases import phrase

pytestmark = pytest.mark.long

SENDING = ((7, 1), (8, 2), (60, 30), (1_800, 3_600))
"""What a thread takes: so many in so many seconds."""


def ideal(messages: int) -> float:
    """Seconds until the last one has left, where each leaves as soon as its thread's windows let
    it. Written without a look at how Vouch does it."""
    left: list[float] = []
    for n in range(messages):
        left.append(max((left[n - most] + s for most, s in SENDING if n >= most), default=0.0))
    return left[-1]


def revision(case: str, number: int, start: datetime) -> Json:
    """What an incident's source tells of its latest alert; each has a file of its own."""
    latest = alert(
        f"Malware number {number}",
        "microsoftDefenderForEndpoint",
        _file_of(case, number),
        id_=f"{case}-{number}",
    )
    at = start + timedelta(seconds=number)
    return incident(latest, id_=case, updated=at, displayName=f"{case} revision {number}")


def _file_of(case: str, n: int) -> Json:
    """No other case has it: nothing ties them together."""
    found = file(f"{case}-{n}.exe")
    found["fileDetails"] |= {"sha1": f"{int(case) + n:040}", "sha256": f"{case}{n:060}"}
    return found


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call that Teams took, when it came and where."""

    at: datetime
    tenant: str
    conversation: str


def watched(h: House) -> list[Arrived]:
    """Enforces the windows by the story's own clock, and notes what arrives from now on."""
    h.sim.windows.enforce(now=lambda: h.clock.now().timestamp())
    arrived: list[Arrived] = []
    post, edit = h.sim.world.post, h.sim.world.edit

    def posted(place: Thread | Chat, *message: Any) -> Message:
        arrived.append(Arrived(h.clock.now(), place.tenant, place.id))
        return post(place, *message)

    def edited(conversation: Conversation, *message: Any) -> None:
        arrived.append(Arrived(h.clock.now(), conversation.tenant, conversation.id))
        edit(conversation, *message)

    h.sim.world.post, h.sim.world.edit = posted, edited  # type: ignore[method-assign,assignment]
    return arrived


async def storm(h: House, customer: str, cases: Sequence[str], messages: int) -> None:
    """So much is to be said in the customer's thread of each case, all at once."""
    for case in cases:
        stream = (await h.incident(case, customer)).id
        says = [
            Say(f"storm:{case}:{n}", CUSTOMER_THREAD, phrase("say.reopened", name=f"{case} {n}"))
            for n in range(messages)
        ]
        await h.vouch.store.write(customer, partial(_order, stream, says, h.clock.now()))


def _order(stream: str, says: Sequence[Say], now: datetime, tx: Tx) -> None:
    effects.order(tx, stream, says, now)


async def test_a_storm_keeps_to_every_window_and_is_as_fast_as_they_allow(tmp_path: Path) -> None:
    cases = ["1001", "1002", "1003", "1004"]
    async with house(tmp_path) as h:
        for case in cases:
            await h.report(revision(case, 1, h.clock.now()))
        await h.later(minutes=1)
        arrived, began = watched(h), h.clock.now()
        await storm(h, "contoso", cases, 70)

        await h.settle()

        threads = Counter(a.conversation for a in arrived)
        took = (arrived[-1].at - began).total_seconds()
        assert h.sim.windows.refused == {}
        assert list(threads.values()) == [70] * 4
        assert ideal(70) <= took <= 1.02 * ideal(70)
        assert len(set(await h.told("Contoso"))) == 4 * 70


async def test_another_tenant_does_not_wait_for_a_storm_to_pass(tmp_path: Path) -> None:
    """Contoso's thread has a hundred messages waiting; Fabrikam hears of its case at once."""
    async with house(tmp_path) as h:
        await h.report(revision("1001", 1, h.clock.now()))
        await h.later(minutes=1)
        arrived, began = watched(h), h.clock.now()
        await storm(h, "contoso", ["1001"], 100)
        await h.post(unfamiliar_sign_in("4711", tenant=FABRIKAM), "fabrikam")

        await h.settle()

        assert arrived[-1].at - began > timedelta(seconds=30)
        assert next(a.at for a in arrived if a.tenant == FABRIKAM) == began


async def test_a_hundred_changes_of_a_card_that_waits_are_one_update_to_the_newest(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        start = h.clock.now()
        await h.report(revision("1001", 1, start))
        root = await h.soc()
        throttled = {"conversation": root.conversation, "method": "PUT", "retryAfter": 60}
        await h.fault(kind="throttle", times=1, **throttled)
        before = len(h.sent)
        await h.report(revision("1001", 2, start))
        for number in range(3, 102):
            await h.post(revision("1001", number, start))

        await h.later(minutes=1)

        edits = [s for s in h.sent[before:] if s.edit and s.conversation == root.conversation]
        assert len(edits) == 1
        assert "revision 101" in (await h.soc()).text


async def test_where_a_whole_tenant_is_refused_it_is_left_alone(tmp_path: Path) -> None:
    """It takes two refusals to know; what was on its way by then is refused too, and no more."""
    async with house(tmp_path) as h:
        start, cases = h.clock.now(), [f"10{n}" for n in range(10, 30)]
        for case in cases:
            await h.report(revision(case, 1, start))
        await h.fault(kind="throttle", times=1_000, tenant=PROVIDER_TENANT, retryAfter=60)
        before = (await h.calls())[-1]["n"]
        for case in cases:
            await h.post(revision(case, 2, start))

        await h.later(seconds=59)

        statuses = Counter(c["status"] for c in await h.calls(before))
        assert 2 <= statuses[429] <= AT_ONCE // 2
        await h._api("DELETE", "/faults")
        await h.later(seconds=30)
        told = await h.told("Nordwall MXDR")
        assert len(told) == len(cases)

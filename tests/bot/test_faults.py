"""Faults of ours: they end as something a person knows, and repeat nothing for ever."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import ManualClock
from bot.conductor import Conductor, Occurrence
from bot.gathering import ProviderDesk
from bot.performing import MOST_ATTEMPTS, Performer
from containment.actions import Hand, HandGaveUpError, Order, Receipt
from dialogs.messenger import Channel
from paging.pager import NoPager
from sources import native
from sources.absence import NotReadError
from sources.writing import RehearsedWriter
from storage import across, incidents, sqlite
from storage.dispatch import Dispatcher
from storage.engine import Store, Tx
from tests.dialogs.pinboard import Pinboard
from tests.story.house import onboard
from triage.actions import LOOKING
from triage.events import Reported
from triage.incident import Absence, ActionState, Incident
from triage.report import IncidentReport, Source

NOW = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)

BOB = "dc20cef7-a9fe-4773-b652-5efb74d750af"

RANSOMWARE = {
    "id": "T-1",
    "title": "Ransomware was run",
    "severity": "high",
    "created": "2026-11-24T10:00:00Z",
    "updated": "2026-11-24T10:00:00Z",
    "alerts": [
        {
            "id": "a1",
            "title": "Ransomware was run",
            "product": "microsoftDefenderForEndpoint",
            "severity": "high",
            "evidence": [
                {"kind": "user", "account": {"object_id": BOB, "upn": "bob@contoso.example"}},
            ],
        }
    ],
}


@asynccontextmanager
async def a_conductor(
    tmp_path: Path, hand: Hand
) -> AsyncIterator[Callable[[], Awaitable[Incident]]]:
    """What is called takes the ransomware in, lets an hour pass, and says what became of it."""
    await onboard(tmp_path / "vouch.sqlite3")
    store = Store.open(f"sqlite:///{tmp_path / 'vouch.sqlite3'}")
    clock = ManualClock(NOW)
    provider = await store.read_across(across.provider)
    assert provider is not None
    channel = Channel(provider.tenant_id, "19:soc@thread.tacv2", "https://smba.example/emea/")
    desk = ProviderDesk(provider, channel)
    performer = Performer(Pinboard(), hand, RehearsedWriter(), NoPager(), Blind())
    conductor = Conductor(store, clock, desk, performer, owner="one", lease=timedelta(seconds=60))
    dispatcher = Dispatcher(store, clock.now, conductor.run_effect, poll=60)
    (report,) = native.parse(RANSOMWARE)
    assert isinstance(report, IncidentReport)

    def load(tx: Tx) -> Incident | None:
        found = incidents.find_by_ref(tx, Source.NATIVE, "T-1")
        return incidents.load(tx, found) if found else None

    async def run() -> Incident:
        await conductor.receive("contoso", Occurrence("r1", Reported(report)))
        await dispatcher.drain(NOW + timedelta(hours=1), clock.move_to)
        case = await store.read("contoso", load)
        assert case is not None
        return case

    yield run
    await store.close()


class Blind:
    """Nobody lets it look."""

    async def absence(self, tenant_id: str, person: str, now: datetime) -> Absence | None:
        raise NotReadError(tenant_id)


class BrokenHand:
    """A hand with a bug: it raises what no hand may raise."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()

    async def carry_out(self, order: Order) -> Receipt:
        self.tried[order.key] += 1
        raise KeyError(order.key)


class LockingHand:
    """It succeeds, and somebody else has the database for a while when it does."""

    def __init__(self, path: Path) -> None:
        self.other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.calls = 0

    async def carry_out(self, order: Order) -> Receipt:
        self.calls += 1
        if self.calls == 1:
            self.other.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(0.5, self.other.rollback)
        return Receipt(remote_id="r", rehearsed=False)


@pytest.mark.sqlite
async def test_what_was_done_while_the_database_was_busy_is_known_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    async with a_conductor(tmp_path, LockingHand(tmp_path / "vouch.sqlite3")) as run:
        case = await run()

    assert {a.state for a in case.actions if a.kind not in LOOKING} == {ActionState.DONE}


class ForbiddenHand:
    """Nobody has granted it anything."""

    async def carry_out(self, order: Order) -> Receipt:
        raise HandGaveUpError("403 Forbidden", permission="Machine.Scan")


async def test_a_hand_without_its_permission_says_which_on_the_analysts_card(
    tmp_path: Path,
) -> None:
    async with a_conductor(tmp_path, ForbiddenHand()) as run:
        case = await run()

    assert "Machine.Scan" in {a.permission for a in case.actions}


async def test_a_hand_with_a_bug_is_given_up_and_an_analyst_knows(tmp_path: Path) -> None:
    hand = BrokenHand()
    async with a_conductor(tmp_path, hand) as run:
        case = await run()

    assert set(hand.tried.values()) == {MOST_ATTEMPTS}
    assert ActionState.FAILED in {a.state for a in case.actions}

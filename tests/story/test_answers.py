"""What is answered in words keeps Teams' windows as everything else does, and gives room to it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot import answers
from storage.pace import TENANT
from storage.tables import PaceRow
from tests.story.graph_incident import malware_ran
from tests.story.house import House, house

A_BURST = 7
"""What a conversation takes within a second."""


def enforced(h: House) -> None:
    h.sim.windows.enforce(now=lambda: h.clock.now().timestamp())


async def test_who_asks_for_help_again_and_again_has_no_more_answers_than_teams_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "WAITS_SECONDS", 0.1)
    async with house(tmp_path) as h:
        enforced(h)
        for _ in range(A_BURST + 3):
            await h.write("Bob Meyer", "help")

        assert len(await h.chat("Bob Meyer")) == A_BURST
        assert not h.sim.windows.refused


async def test_an_answer_waits_for_room_and_is_given(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        enforced(h)
        for _ in range(A_BURST):
            await h.write("Bob Meyer", "help")
        late = asyncio.create_task(h.write("Bob Meyer", "help"))
        await asyncio.sleep(0.2)
        assert len(await h.chat("Bob Meyer")) == A_BURST

        h.clock.advance(timedelta(seconds=2))
        await late

        assert len(await h.chat("Bob Meyer")) == A_BURST + 1
        assert not h.sim.windows.refused


async def test_a_question_waits_for_the_answers_that_filled_its_chat(tmp_path: Path) -> None:
    """The card and the answers go to one chat: what one of them took, the other has not."""
    async with house(tmp_path) as h:
        enforced(h)
        began = h.clock.now()
        for _ in range(A_BURST):
            await h.write("Bob Meyer", "help")

        await h.report(malware_ran())

        cards = [m.card is not None for m in await h.chat("Bob Meyer")]
        introduced = 1
        assert cards == [False] * (A_BURST + introduced) + [True]
        assert not h.sim.windows.refused
        assert h.clock.now() >= began + timedelta(seconds=1)


async def test_an_answer_that_cannot_be_given_is_no_reason_to_deliver_again(tmp_path: Path) -> None:
    """What was written is answered 200 (`write` looks at it), and the next answer has room."""
    async with house(tmp_path) as h:
        await h.fault(kind="blocked")
        await h.write("Bob Meyer", "help")
        await h.fault(kind="throttle", retry_after=1)
        await h.write("Bob Meyer", "help")
        assert not await h.chat("Bob Meyer")

        await h.write("Bob Meyer", "help")

        assert len(await h.chat("Bob Meyer")) == 1


async def test_the_pages_of_a_roster_count_as_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.teams.connector.PAGE", 1)
    async with house(tmp_path) as h:
        pages = len([c for c in await h.calls() if "pagedmembers" in c["path"]])

        def counted(done: str) -> int:
            return len(done.strip("[]").split(",")) if done != "[]" else 0

        rows = await h.vouch.store.read_across(
            lambda tx: [
                (row.bucket, row.done)
                for row in tx.session.query(PaceRow)
                if row.customer_id in {"contoso", "fabrikam"} and row.bucket != TENANT
            ]
        )

        assert sum(counted(done) for bucket, done in rows if bucket.startswith("roster:")) == pages
        assert pages > len(rows)

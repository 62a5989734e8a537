"""A night in which nobody answers: everything that falls due is done at its very second."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from bench import story
from storage.engine import Tx
from storage.tables import EffectRow
from tests.story.house import House, house

pytestmark = pytest.mark.long

INCIDENTS = 30
"""The same holds of 300, which takes two minutes; `tests/triage/test_ladder.py` has those."""
APART = timedelta(hours=8) / INCIDENTS


@dataclass(frozen=True)
class Timer:
    name: str
    due: datetime
    done_at: datetime | None


async def timers(h: House) -> list[Timer]:
    wanted = select(col(EffectRow.key), col(EffectRow.due), col(EffectRow.done_at)).where(
        col(EffectRow.kind) == "wake"
    )

    def read(tx: Tx) -> list[Timer]:
        rows = tx.session.execute(wanted)
        return [Timer(row.key.split(":")[2], row.due, row.done_at) for row in rows]

    return await h.vouch.store.read("contoso", read)


async def test_in_a_night_without_an_answer_every_rung_comes_at_its_second(tmp_path: Path) -> None:
    def crowded(_: str) -> str:
        story.world(tmp_path / "crowd.json", INCIDENTS)
        return (tmp_path / "crowd.json").read_text(encoding="utf-8")

    async with house(tmp_path, {"world": crowded}) as h:
        for number in range(INCIDENTS):
            person = await h.person(f"Person {number:04}")
            told = story.incident({**person, "object_id": person["id"]})
            status, answer = await h.post(told.encode())
            assert status == 201, answer
            await h.later(seconds=APART.total_seconds())
        await h.later(hours=4)

        known = await timers(h)
        over = [it for it in known if it.due <= h.clock.now()]
        assert Counter(it.name for it in over) >= Counter(
            dict.fromkeys(("remind", "question", "rung", "call", "approval"), INCIDENTS)
        )
        assert [it for it in over if it.done_at != it.due] == []

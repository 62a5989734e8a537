"""Quiet cases reach the customer once a day."""

from pathlib import Path

from tests.story.graph_incident import malware_blocked
from tests.story.house import house, swap

QUIET = {"contoso": swap("[threads]", '[threads]\nmedium = "digest"')}


async def test_quiet_cases_are_told_once_the_next_morning(tmp_path: Path) -> None:
    async with house(tmp_path, QUIET) as h:
        await h.report(malware_blocked("1"))
        assert await h.thread() == []

        await h.later(hours=25)

        told = await h.thread()
        assert len(told) == 1
        assert "CONTOSO-1" in told[0].text
        await h.later(hours=25)
        assert len(await h.thread()) == 1

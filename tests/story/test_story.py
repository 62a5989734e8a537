"""A case is told as text for a report, from the event log of a real house."""

from pathlib import Path

import pytest

from tests.databases import url
from tests.story.graph_incident import malware_ran
from tests.story.house import house
from tests.story.test_commands import MIA, writes
from tests.story.test_operations import typed

pytestmark = pytest.mark.sqlite


async def test_an_operator_prints_the_story_of_a_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        name = await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.write("Bob Meyer", "Dana sent it to me")

        inside = await typed("story", name, "--database", url(tmp_path))
        outside = await typed("story", name, "--for-customer", "--database", url(tmp_path))

        assert inside.exit_code == outside.exit_code == 0
        for told in (inside.output, outside.output):
            assert told.startswith(f"{name}: Malware: invoice.docm on LAPTOP-7 (Bob Meyer)")
            assert "Bob Meyer answered: I opened it" in told
        assert "(internal) Bob Meyer wrote: Dana sent it to me" in inside.output
        assert "Dana" not in outside.output


async def test_a_name_nobody_has_says_how_it_is_written(tmp_path: Path) -> None:
    async with house(tmp_path):
        told = await typed("story", "CONTOSO-9999", "--database", url(tmp_path))

        assert told.exit_code == 1
        assert "CONTOSO-42" in told.output


async def test_an_analyst_asks_for_the_story_in_the_thread(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await writes(h, MIA, "note the quokka looks familiar", in_thread=True)

        told = await writes(h, MIA, "show story", in_thread=True)
        for_customer = await writes(h, MIA, "show CONTOSO-1 story customer")

        assert "Bob Meyer answered: I opened it" in told
        assert f"(internal) Note by {MIA}: the quokka looks familiar" in told
        assert "Bob Meyer answered: I opened it" in for_customer
        assert "quokka" not in for_customer
        assert "(internal)" not in for_customer


async def test_a_long_story_comes_in_pages(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        for number in range(25):
            await writes(h, MIA, f"note number {number} {'x' * 400}", in_thread=True)
            await h.later(seconds=1)  # so that Teams lets us answer at once

        first = await writes(h, MIA, "show 1 story")
        last = await writes(h, MIA, "show 1 story 2")

        assert "Page 1 of 2. The next one: show CONTOSO-1 story, and its number" in first
        assert f"Note by {MIA}: number 0 x" in first
        assert f"Note by {MIA}: number 24 x" in last
        assert f"Note by {MIA}: number 0 x" not in last

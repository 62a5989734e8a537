"""Sentinel tells of a case too: it opens one, and what mirrors Defender's is the same one."""

from pathlib import Path
from typing import Any

import pytest

from tests.story import graph_incident, sentinel_incident
from tests.story.house import House, house
from tests.story.sentinel_incident import NAME
from triage.events import SourceWritten
from triage.report import Source

DEFENDER, SENTINEL = ("defender", "4711"), ("sentinel", NAME)
MIRRORS = [sentinel_incident.malware_ran, sentinel_incident.rows]


async def cards_of_bob(h: House) -> int:
    return len([message for message in await h.chat("Bob Meyer") if message.card])


async def written(h: House) -> dict[tuple[str, str], str]:
    """What each source was told last, by source and id."""
    told = (e.event for e in await h.history("4711"))
    return {(e.source, e.source_id): e.status for e in told if isinstance(e, SourceWritten)}


async def the_one_case(h: House) -> None:
    """Both ids lead to it; it has one thread, Bob one card, and both sources hear of it."""
    case = await h.incident("4711")

    assert case == await h.incident(NAME, source=Source.SENTINEL)
    assert len(await h.conversations("Contoso")) == 1
    assert len(await h.conversations("Nordwall MXDR")) == 1
    assert await cards_of_bob(h) == 1
    assert [alert.id for alert in case.alerts] == ["da4711"]
    assert await written(h) == {DEFENDER: "inProgress", SENTINEL: "inProgress"}
    inputs = {"disposition": "falsePositive", "comment": "A drill."}
    await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)
    assert await written(h) == {DEFENDER: "resolved", SENTINEL: "resolved"}


async def test_sentinel_opens_a_case_and_asks_the_person(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = sentinel_incident.malware_ran(mirrors=None)
        status, answer = await h.post(body, source="sentinel")
        await h.settle()

        assert (status, answer["results"][0]["sourceId"]) == (201, NAME)
        assert await cards_of_bob(h) == 1
        status, answer = await h.post(body, source="sentinel")
        assert (status, answer["results"][0]["outcome"]) == (200, "unchanged")


@pytest.mark.parametrize("mirror", MIRRORS)
async def test_what_mirrors_a_known_incident_opens_no_second_thread(
    tmp_path: Path, mirror: Any
) -> None:
    async with house(tmp_path) as h:
        first = await h.report(graph_incident.malware_ran())
        before = (await h.incident("4711")).decision

        assert await h.report(mirror(), source="sentinel") == first
        after = (await h.incident("4711")).decision
        assert before
        assert after
        assert after.log_odds == before.log_odds
        await the_one_case(h)


@pytest.mark.parametrize("mirror", MIRRORS)
async def test_an_incident_told_by_its_mirror_first_opens_no_second_thread(
    tmp_path: Path, mirror: Any
) -> None:
    async with house(tmp_path) as h:
        first = await h.report(mirror(), source="sentinel")

        assert await h.report(graph_incident.malware_ran()) == first
        await the_one_case(h)


async def test_each_source_has_a_key_of_its_own(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        key = h.keys["contoso"]["defender"]
        status, _ = await h.post(sentinel_incident.malware_ran(), source="sentinel", key=key)

        assert status == 401


async def test_sentinels_incident_on_defenders_route_is_told_where_to_go(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        status, answer = await h.post(sentinel_incident.malware_ran())

        assert status == 422
        assert "/api/incidents/sentinel" in answer["results"][0]["reason"]

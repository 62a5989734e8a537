"""Defender merges incidents: what was redirected and where it went are one case."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.story.graph_incident import malware_ran
from tests.story.house import House, Json, house

AUTOMATED = "Automated investigation started manually on one endpoint"


def redirected(id_: int, target: int) -> Json:
    """As the older API tells it: empty, and with no severity any more."""
    at = datetime.now(UTC).isoformat()
    return {
        "incidentId": id_,
        "redirectIncidentId": target,
        "incidentName": AUTOMATED,
        "createdTime": at,
        "lastUpdateTime": at,
        "status": "Redirected",
        "severity": "UnSpecified",
        "alerts": [],
    }


async def names(h: House, body: Any) -> list[str]:
    status, answer = await h.post(body)
    assert status in (200, 201, 207), answer
    await h.settle()
    return [told["incident"] for told in answer["results"]]


async def test_what_was_redirected_joins_the_incident_it_went_into(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        name = await h.report(malware_ran(id_="261"))

        assert await names(h, {"value": [redirected(258, 261), redirected(259, 261)]}) == [name] * 2
        assert await h.incident("258") == await h.incident("261")
        assert len(await h.conversations("Contoso")) == 1


async def test_a_target_told_of_later_is_the_same_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        page = {"value": [redirected(258, 261), redirected(259, 261), redirected(260, 261)]}
        first, *others = await names(h, page)

        assert others == [first, first]
        assert await h.report(malware_ran(id_="261")) == first
        assert len(await h.conversations("Contoso")) == 1


async def test_an_incident_that_goes_into_an_unknown_one_goes_on_under_both_ids(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        name = await h.report(malware_ran(id_="258"))
        assert await names(h, redirected(258, 261)) == [name]

        assert await h.report(malware_ran(id_="261")) == name
        assert len([message for message in await h.chat("Bob Meyer") if message.card]) == 1

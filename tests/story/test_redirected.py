"""Defender merges incidents: what was redirected and where it went are one case."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.story import sentinel_incident
from tests.story.graph_incident import CARLA, alert, device, incident, malware_ran, user
from tests.story.house import House, Json, house
from triage.incident import Status

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


def carlas_remote_tool(id_: str) -> Json:
    """A case that shares nothing with Bob's."""
    return incident(
        alert(
            "Suspicious use of the remote access tool AnyDesk",
            "microsoftDefenderForEndpoint",
            user(CARLA, "carla@contoso.example"),
            device("laptop-9.ad.contoso.example", machine="b" * 40),
            id_=f"da{id_}",
            mitreTechniques=["T1219"],
        ),
        id_=id_,
        severity="medium",
    )


async def test_two_open_cases_that_are_one_go_on_as_one(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        bobs, carlas = (
            await h.report(malware_ran(id_="258")),
            await h.report(carlas_remote_tool("261")),
        )
        assert bobs != carlas
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        before = await h.incident("258")

        assert await names(h, redirected(258, 261)) == [carlas]
        assert await names(h, redirected(258, 261)) == [carlas]

        case = await h.incident("261")
        assert case == await h.incident("258")
        reasons = case.decision.reasons if case.decision else ()
        assert "answer.file_opened.opened" in {r.rule for r in reasons}
        merged = await h.by_name(before.name)
        assert merged.status is Status.MERGED
        assert f"{bobs} is part of {carlas} now. Everything goes on there." in await h.told(
            "Contoso"
        )
        assert await h.report(malware_ran(id_="258", updated=datetime.now(UTC))) == carlas
        assert (await h.by_name(before.name)) == merged


async def test_a_mirror_that_is_recognised_late_becomes_part_of_its_original(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        own = sentinel_incident.malware_ran(mirrors=None)
        sentinels = await h.report(own, source="sentinel")
        defenders = await h.report(carlas_remote_tool("4711"))
        assert sentinels != defenders

        late = sentinel_incident.malware_ran(
            mirrors="4711", lastModifiedTimeUtc=datetime.now(UTC).isoformat()
        )
        assert await h.report(late, source="sentinel") == defenders
        assert (await h.by_name(sentinels)).status is Status.MERGED

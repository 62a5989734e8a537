"""Defender merges incidents: what was redirected and where it went are one case."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.conductor import Occurrence
from storage import across, incidents
from tests.story import sentinel_incident
from tests.story.graph_incident import CARLA, device, malware_ran, remote_tool, user
from tests.story.house import House, Json, house
from triage.actions import ActionKind
from triage.events import Escalated, SourceWritten, Taken
from triage.incident import ActionState, Disposition, Incident, Status
from triage.report import Source

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
    return remote_tool(
        id_,
        user(CARLA, "carla@contoso.example"),
        device("laptop-9.ad.contoso.example", machine="b" * 40),
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


async def test_what_comes_of_a_merged_case_later_finds_the_one_that_goes_on(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran(id_="258"))
        carlas = await h.report(carlas_remote_tool("261"))
        await names(h, redirected(258, 261))

        assert await h.report(malware_ran(id_="263")) == carlas, "it is about Bob and his laptop"
        case = await h.incident("261")
        bob = (await h.person("Bob Meyer"))["id"]
        assert await h.vouch.store.read("contoso", lambda tx: incidents.is_about(tx, case.id, bob))


async def test_a_containment_on_its_way_when_two_become_one_is_told_to_the_one(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        told = await h.post(malware_ran(id_="258"))
        assert told[0] == 201
        status, _ = await h.post(carlas_remote_tool("261"))
        assert status == 201
        provider = await h.vouch.store.read_across(across.provider)
        assert provider is not None
        mia = provider.analysts[0]
        await happens(h, "258", Taken(mia.object_id, mia.name))
        await h.post(redirected(258, 261))
        assert states(await h.incident("261")) >= {(ActionKind.SCAN_DEVICE, ActionState.ORDERED)}
        assert (await h.incident("261")).owner == mia.object_id
        await happens(h, "261", Escalated(mia.object_id, mia.name))

        await h.settle()

        case = await h.incident("261")
        assert case.owner is None, "what is told later does not make it Mia's again"
        assert (ActionKind.SCAN_DEVICE, ActionState.DONE) in states(case)
        assert not [a for a in case.actions if a.state is ActionState.ORDERED]


async def happens(h: House, source_id: str, event: Taken | Escalated) -> None:
    case = await h.incident(source_id)
    occurrence = Occurrence(f"{event.kind}:{source_id}", event, case.id, event.by)
    await h.vouch.conductor.receive(case.customer, occurrence)


def states(case: Incident) -> set[tuple[ActionKind, ActionState]]:
    return {(a.kind, a.state) for a in case.actions if a.target.label.upper() == "LAPTOP-7"}


async def test_a_merged_case_that_learns_nothing_new_leaves_the_other_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        bobs = await h.report(malware_ran(id_="258"))
        await h.report(carlas_remote_tool("261"))
        await names(h, redirected(258, 261))
        part, goes_on = await h.by_name(bobs), await h.incident("261")
        heard = await h.vouch.store.read("contoso", lambda tx: incidents.history(tx, goes_on.id))

        told = SourceWritten(
            Source.DEFENDER, "258", "resolved", Disposition.UNDECIDED, rehearsed=False
        )
        await h.vouch.conductor.receive("contoso", Occurrence("late", told, part.id))

        assert await h.by_name(bobs) != part
        again = await h.vouch.store.read("contoso", lambda tx: incidents.history(tx, goes_on.id))
        assert again == heard

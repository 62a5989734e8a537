"""The demo's scenarios, played over the simulator's own API as the page plays them."""

from pathlib import Path

from tests.story.house import Json, house


async def played(answer: Json) -> None:
    assert answer["done"]
    assert all(done["status"] in (200, 201) for done in answer["done"]), answer


async def test_every_scenario_and_every_step_of_it_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        for scenario in await h._api("GET", "/scenarios"):
            await played(await h._api("POST", f"/scenarios/{scenario['id']}/start", {}))
            await h.settle()
            for step in scenario["steps"]:
                path = f"/scenarios/{scenario['id']}/steps/{step['id']}"
                await played(await h._api("POST", path, {}))
                await h.settle()
        await h.later(hours=3)

        assert len(await h.conversations("Contoso")) >= 3
        assert len(await h.conversations("Fabrikam")) >= 1


async def test_the_same_alert_is_benign_here_and_an_incident_there(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await played(await h._api("POST", "/scenarios/same-alert-two-customers/start", {}))
        await h.settle()

        soc = [m.text for m in await h.thread("Nordwall MXDR") if m.card]
        here = next(text for text in soc if "CONTOSO-1" in text)
        there = next(text for text in soc if "FABRIKAM-1" in text)
        assert "propose closing" in here
        assert "propose closing" not in there

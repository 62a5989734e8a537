"""What is said in the customer's channel: we hear what is for us, and the analysts the threads."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.story.graph_incident import CARLA, malware_ran, unfamiliar_sign_in
from tests.story.house import House, Json, house

CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"


async def says(h: House, who: str, words: str, **more: Any) -> Json:
    user = await h.person(who)
    place = quote((await h.root()).conversation, safe="")
    body = {"from": user["id"], "text": words} | more
    answer: Json = await h._api("POST", f"/conversations/{place}/messages", body)
    await h.settle()
    return answer


async def test_talk_in_the_thread_is_not_answered(tmp_path: Path) -> None:
    """Analysts read it (test_bridge.py); it is no part of the case's log."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        before = await h.thread()

        said = await says(h, "Jon Park", "does anybody know this file?")

        assert (said["delivered"], said["status"]) == (True, 200)
        assert await h.thread() == before
        assert "does anybody know" not in str(await h.history("4711"))


async def test_talk_outside_the_threads_of_cases_is_neither_answered_nor_kept(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        before = len(h.sent)
        jon = await h.person("Jon Park")
        channel = (await h.root()).conversation.partition(";")[0]

        body = {"from": jon["id"], "text": "lunch at noon?"}
        said = await h._api("POST", f"/conversations/{quote(channel, safe='')}/messages", body)
        await h.settle()

        assert (said["delivered"], said["status"]) == (True, 200)
        assert len(h.sent) == before


async def test_whoever_mentions_us_in_the_thread_is_told_how_it_works(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        await says(h, "Jon Park", "what shall I do?", mentionBot=True)

        (told,) = await h.told("Contoso")
        assert len(told.split()) > 3


async def test_the_thread_is_not_flooded(tmp_path: Path) -> None:
    """At most six replies of ours from start to close: routine facts edit the root."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.write("Bob Meyer", "it came by mail")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.typed_password")
        await h.report(malware_ran())
        await h.press("Mia Lindqvist", await h.soc(), "take")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        await h.press("Mia Lindqvist", await h.soc(), "close")

        root = await h.root()
        replies = [m for m in await h.thread() if m.id != root.id]
        assert len(replies) <= 6
        assert root.edits > 3


async def test_who_joins_the_team_later_reads_the_thread_too(tmp_path: Path) -> None:
    """Teams tells us that Carla joined; from then on her case is a placeholder there."""
    async with house(tmp_path) as h:
        team = h.sim.world.team("19:contoso-security@thread.tacv2")
        carla = h.sim.world.user(CARLA)
        assert team is not None
        assert carla is not None
        team.members[carla.id] = carla
        newcomer = {"name": "Nora New", "upn": "nora@contoso.example"}
        await h._api("POST", f"/tenants/{CONTOSO}/users", newcomer)
        await h.settle()

        await h.report(unfamiliar_sign_in())

        assert "Carla" not in (await h.root()).text


@pytest.mark.parametrize("closed", [False, True])
async def test_a_case_that_is_there_already_is_hidden_from_who_joins_the_team(
    tmp_path: Path, closed: bool
) -> None:
    """Also one that is closed, while it keeps her account suspect."""
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        if closed:
            how = {"disposition": "truePositive", "comment": "it was not her"}
            await h.press("Mia Lindqvist", await h.soc(), "take")
            await h.press("Mia Lindqvist", await h.soc(), "close_as", how)
            assert (await h.incident("4713")).closed
        assert "Carla" in (await h.root()).text
        team = h.sim.world.team("19:contoso-security@thread.tacv2")
        carla = h.sim.world.user(CARLA)
        assert team is not None
        assert carla is not None
        team.members[carla.id] = carla

        newcomer = {"name": "Nora New", "upn": "nora@contoso.example"}
        await h._api("POST", f"/tenants/{CONTOSO}/users", newcomer)
        await h.settle()

        assert "Carla" not in (await h.root()).text
        if not closed:
            assert "Tell Jon Park by phone" in (await h.soc()).text

"""An analyst calls somebody from the case; how it went is on the timeline with one tap."""

import json
from pathlib import Path

from tests.story.graph_incident import malware_ran, unfamiliar_sign_in
from tests.story.house import Seen, house

MIA = "Mia Lindqvist"


def links(seen: Seen) -> list[str]:
    found = json.dumps(seen.card)
    return [part.split('"')[0] for part in found.split('"url": "')[1:] if "teams.microsoft" in part]


async def test_mia_calls_bob_gets_the_voicemail_and_the_timeline_tells_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        bob = (await h.person("Bob Meyer"))["upn"]
        root = await h.soc()
        assert any(f"/l/call/0/0?users={bob}" in link for link in links(root))

        await h.press(MIA, root, f"call_held.{bob}.voicemail")

        assert f"{MIA} called Bob Meyer: Voicemail" in (await h.soc()).text


async def test_the_customer_calls_the_analyst_who_took_the_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        assert links(await h.root("Contoso")) == []

        await h.press(MIA, await h.soc(), "take")

        mia = (await h.person(MIA))["upn"]
        assert f"https://teams.microsoft.com/l/call/0/0?users={mia}" in links(
            await h.root("Contoso")
        )


async def test_a_suspect_account_is_called_on_its_number_and_not_in_teams(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        root = await h.soc()
        carla = (await h.person("Carla Duarte"))["upn"]

        assert "Call Carla" in root.text
        assert not [link for link in links(root) if carla in link]

"""Guests, people of other tenants, and channels that cannot be used: decided, said, never guessed."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.story.graph_incident import malware_ran, unfamiliar_sign_in, user
from tests.story.house import ALSO_INES, House, house, swap, words
from tests.story.test_isolation_approval import asked
from tests.story.test_onboarding import (
    CONTOSO_GENERAL,
    CONTOSO_INCIDENTS,
    UNBOUND,
    code_for,
    in_channel,
    says,
)

EVE = "e7e7e7e7-4c3e-4f58-9a71-6e2d8c5b7f90"
PARTNER = "9e9e9e9e-2c1b-4b53-9b1e-0c5a3f2e9a10"
GUEST_UPN = "eve_partner.example#EXT#@contoso.example"


def with_eve(**more: Any) -> dict[str, Any]:
    """Eve of a partner is in Contoso's security team."""

    def changed(world: str) -> str:
        file = json.loads(world)
        contoso = file["tenants"][0]
        eve = {"id": EVE, "name": "Eve Gast", "upn": GUEST_UPN, "teams": [CONTOSO_GENERAL]}
        contoso["users"].append(eve | more)
        return json.dumps(file)

    return {"world": changed}


GUEST, EXTERNAL = {"guest": True}, {"upn": "eve@partner.example", "homeTenant": PARTNER}
KINDS = pytest.mark.parametrize("eve", [GUEST, EXTERNAL], ids=["guest", "other tenant"])


def channel_is(kind: str) -> dict[str, Any]:
    """The channel the profile names is of another kind."""
    named = '"name": "Incidents"'
    contoso = '"19:contoso-incidents@thread.tacv2",\n              ' + named
    return {"world": swap(contoso, f'{contoso}, "kind": "{kind}"')}


async def soc_says(h: House, words: str) -> bool:
    return any(words in said for said in await h.told("Nordwall MXDR"))


# --- people ---


@KINDS
async def test_analysts_are_told_who_reads_along_from_outside(
    tmp_path: Path, eve: dict[str, Any]
) -> None:
    """And what they write in a thread there is read as a guest's."""
    async with house(tmp_path, with_eve(**eve)) as h:
        assert await soc_says(h, "people from outside read the incident channel now: Eve Gast")

        await h.report(malware_ran())
        await says(h, "Eve Gast", (await h.root()).conversation, "that file is from us")
        await h.settle()

        assert await soc_says(h, "Eve Gast (Contoso Security, guest): that file is from us")


@KINDS
async def test_nobody_from_outside_approves_whatever_the_profile_says(
    tmp_path: Path, eve: dict[str, Any]
) -> None:
    upn = str(eve.get("upn", GUEST_UPN))
    named = {"contoso": swap("jon@contoso.example", upn)} if upn != GUEST_UPN else {}
    async with house(tmp_path, with_eve(**eve) | named) as h:
        await asked(h)

        answer = await h.press("Eve Gast", await h.approval(), "approve.p1")

        assert "Only an approver" in words(answer)
        assert "Eve Gast approved" not in (await h.approval()).text


@KINDS
async def test_whoever_is_from_outside_is_asked_nothing(
    tmp_path: Path, eve: dict[str, Any]
) -> None:
    async with house(tmp_path, with_eve(installed=True, **eve)) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(EVE, str(eve.get("upn", GUEST_UPN)))

        await h.report(body)

        assert [m for m in await h.chat("Eve Gast") if m.card] == []
        assert "a guest, or from another organisation" in (await h.soc()).text


async def test_a_guest_cannot_be_named_as_a_contact(tmp_path: Path) -> None:
    guest = {"contoso": swap("jon@contoso.example", GUEST_UPN)}

    with pytest.raises(Exception, match="guests neither approve nor are asked"):
        async with house(tmp_path, guest):
            pass


async def test_a_guest_who_is_known_binds_no_channel(tmp_path: Path) -> None:
    async with house(tmp_path, with_eve(**GUEST)) as h:
        said = await says(h, "Eve Gast", CONTOSO_GENERAL, f"setup {await code_for(h)}")

        assert "not valid here" in said


# --- channels ---


async def close(h: House, channel: str, how: str) -> None:
    await h._api("POST", f"/channels/{quote(channel, safe='')}/{how}", {})


def channels(conversations: list[str]) -> list[str]:
    return [c.partition(";")[0] for c in conversations]


@pytest.mark.parametrize("how", ["archive", "delete"])
async def test_where_the_channel_is_closed_threads_open_in_general_and_analysts_hear_it_once(
    tmp_path: Path, how: str
) -> None:
    async with house(tmp_path) as h:
        await close(h, CONTOSO_INCIDENTS, how)

        await h.report(malware_ran())
        await h.report(unfamiliar_sign_in())

        assert channels(await h.conversations("Contoso")) == [CONTOSO_GENERAL] * 2
        told = [t for t in await h.told("Nordwall MXDR") if "lets nobody write" in t]
        assert len(told) == 1
        assert [kind for kind, _ in await h.desk("contoso")].count("channel_unusable") == 1


@pytest.mark.parametrize("how", ["archive", "delete"])
async def test_a_thread_that_stood_there_goes_on_in_general(tmp_path: Path, how: str) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await close(h, CONTOSO_INCIDENTS, how)

        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")

        assert channels(await h.conversations("Contoso"))[-1] == CONTOSO_GENERAL
        assert "approve.p1" in (await h.approval()).actions
        await h.press("Jon Park", await h.approval(), "approve.p1")
        assert "Jon Park approved" in (await h.approval()).text


@pytest.mark.parametrize("kind", ["private", "shared"])
async def test_a_profile_that_names_a_channel_we_are_not_in_is_reported(
    tmp_path: Path, kind: str
) -> None:
    async with house(tmp_path, channel_is(kind)) as h:
        await h.report(malware_ran())

        assert channels(await h.conversations("Contoso")) == [CONTOSO_GENERAL]
        assert await soc_says(h, "Teams lets nobody write in their incident channel")


async def test_a_new_code_ends_the_fallback(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await close(h, CONTOSO_INCIDENTS, "archive")
        await h.report(malware_ran())
        await close(h, CONTOSO_INCIDENTS, "restore")

        await says(h, "Jon Park", CONTOSO_INCIDENTS, f"setup {await code_for(h)}")
        await h.report(unfamiliar_sign_in())

        assert set(channels(await h.conversations("Contoso"))) == {
            CONTOSO_GENERAL,
            CONTOSO_INCIDENTS,
        }


async def test_where_general_is_closed_too_the_case_is_handed_over(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        h.accepts_trouble = True
        await close(h, CONTOSO_INCIDENTS, "archive")
        await close(h, CONTOSO_GENERAL, "archive")

        await h.report(malware_ran())

        assert await h.conversations("Contoso") == []
        assert await soc_says(h, "A message did not reach")


async def test_where_the_app_is_taken_out_of_the_team_analysts_hear_it_and_it_waits(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        team = f"/teams/{quote(CONTOSO_GENERAL, safe='')}"
        await h._api("POST", f"{team}/uninstall", {})
        await h.settle()
        assert await soc_says(h, "Vouch was removed from their team")

        await h.report(malware_ran())
        assert await h.conversations("Contoso") == []

        await h._api("POST", f"{team}/install", {})
        await h.settle()
        assert channels(await h.conversations("Contoso")) == [CONTOSO_INCIDENTS]


async def test_analysts_hear_of_a_setup_in_a_private_channel(tmp_path: Path) -> None:
    async with house(tmp_path, UNBOUND) as h:
        activity = await in_channel(h, "Jon Park", "19:x@thread.tacv2", "setup 2222", "private")

        await h.send(activity)
        await h.settle()

        assert await soc_says(h, "tried to connect a private or shared channel")


async def test_a_second_approver_of_one_s_own_tenant_still_approves(tmp_path: Path) -> None:
    async with house(tmp_path, with_eve(**GUEST) | ALSO_INES) as h:
        await asked(h)

        await h.press("Ines Costa", await h.approval(), "approve.p1")

        assert "Ines Costa approved" in (await h.approval()).text

"""Several customers in one tenant: subsidiaries, and the provider as its own customer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.demo import PROFILES, PROVIDER_TENANT
from bot.setup import add_intake_key, add_profile
from tests.story.graph_incident import malware_ran, unfamiliar_sign_in, user
from tests.story.house import House, house
from tests.story.test_onboarding import (
    CONTOSO_GENERAL,
    CONTOSO_INCIDENTS,
    code_for,
    no_channel,
    says,
)
from triage.report import Source

SUBSIDIARY = "contoso-retail"


async def another(h: House, id_: str, name: str, prefix: str, tenant: str | None = None) -> None:
    """One more customer, made after Contoso's profile, with an intake key and no channel yet."""
    text = no_channel((PROFILES / "contoso.toml").read_text(encoding="utf-8"))
    text = text.replace('id = "contoso"', f'id = "{id_}"').replace('"CONTOSO"', f'"{prefix}"')
    text = text.replace('name = "Contoso Security"', f'name = "{name}"')
    if tenant:
        text = text.replace("7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10", tenant)
    await add_profile(h.vouch.store, text, "a story's profile")
    key = await add_intake_key(h.vouch.store, id_, Source.DEFENDER)
    h.keys[id_] = {Source.DEFENDER.value: key}


@asynccontextmanager
async def two(tmp_path: Path) -> AsyncIterator[House]:
    """Contoso in Incidents, its subsidiary in General of the same team."""
    async with house(tmp_path) as h:
        await another(h, SUBSIDIARY, "Contoso Retail", "RETAIL")
        said = await says(h, "Jon Park", CONTOSO_GENERAL, f"setup {await code_for(h, SUBSIDIARY)}")
        assert "connected to Contoso Retail" in said
        await h.app("Bob Meyer", "install")
        yield h


def channels(conversations: list[str]) -> list[str]:
    return [c.partition(";")[0] for c in conversations]


async def test_each_one_s_cases_stand_in_its_own_channel(tmp_path: Path) -> None:
    async with two(tmp_path) as h:
        assert await h.report(malware_ran()) == "CONTOSO-1"
        assert await h.report(malware_ran(id_="77"), SUBSIDIARY) == "RETAIL-1"

        assert channels(await h.conversations("Contoso")) == [CONTOSO_INCIDENTS, CONTOSO_GENERAL]


async def test_each_one_s_card_answers_for_it_alone(tmp_path: Path) -> None:
    async with two(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(malware_ran(id_="77"), SUBSIDIARY)
        mine, theirs = [m for m in await h.chat("Bob Meyer") if m.card]

        await h.press("Bob Meyer", theirs, "answer.q1.opened")

        assert (await h.incident("4711")).questions[0].replies == ()
        assert (await h.incident("77", SUBSIDIARY)).questions[0].replies
        assert mine.conversation == theirs.conversation


async def test_words_go_to_the_one_customer_that_asks(tmp_path: Path) -> None:
    async with two(tmp_path) as h:
        await h.report(malware_ran(id_="77"), SUBSIDIARY)

        await h.write("Bob Meyer", "it came from our supplier")

        assert "our supplier" in str(await h.history("77", customer=SUBSIDIARY))


async def test_words_that_may_be_for_either_are_for_neither_until_he_says_which(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(malware_ran(id_="77"), SUBSIDIARY)

        await h.write("Bob Meyer", "it came from our supplier")

        assert "more than one open case" in (await h.told("Bob Meyer"))[-1]
        assert "our supplier" not in str(await h.history("4711"))
        assert "our supplier" not in str(await h.history("77", customer=SUBSIDIARY))
        (noted,) = [said for kind, said in await h.desk() if kind == "text_unassigned"]
        assert noted["customers"] == f"contoso, {SUBSIDIARY}"
        assert "supplier" not in str(noted)


async def test_who_installs_the_app_can_be_asked_by_each(tmp_path: Path) -> None:
    async with two(tmp_path) as h:
        h.accepts_trouble = True
        await h.app("Bob Meyer", "uninstall")
        await h.report(malware_ran())
        await h.report(malware_ran(id_="77"), SUBSIDIARY)
        assert [m for m in await h.chat("Bob Meyer") if m.card] == []

        await h.app("Bob Meyer", "install")

        assert len([m for m in await h.chat("Bob Meyer") if m.card]) == 2


async def test_a_code_of_the_subsidiary_does_not_move_contoso(tmp_path: Path) -> None:
    async with two(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        assert channels(await h.conversations("Contoso")) == [CONTOSO_INCIDENTS]


# --- the provider as a customer ---

SOC = "19:nordwall-incidents@thread.tacv2"
GENERAL = "19:nordwall-soc@thread.tacv2"
MIA = "d04f6abf-55b7-4ba7-99b6-c5828196dbcc"


@asynccontextmanager
async def provider_too(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as h:
        await another(h, "nordwall-it", "Nordwall IT", "NORD", PROVIDER_TENANT)
        said = await says(h, "Mia Lindqvist", GENERAL, f"setup {await code_for(h, 'nordwall-it')}")
        assert "connected to Nordwall IT" in said
        yield h


async def test_the_provider_s_own_case_is_asked_and_worked_in_two_channels(tmp_path: Path) -> None:
    async with provider_too(tmp_path) as h:
        body = malware_ran(tenant=PROVIDER_TENANT)
        body["alerts"][0]["evidence"][0] = user(MIA, "mia@nordwall.example")

        assert await h.report(body, "nordwall-it") == "NORD-1"

        assert sorted(channels(await h.conversations("Nordwall MXDR"))) == sorted([SOC, GENERAL])
        await h.press("Mia Lindqvist", await h.card("Mia Lindqvist"), "answer.q1.opened")
        assert (await h.incident("4711", "nordwall-it")).questions[0].replies


async def test_the_analysts_own_channel_is_not_taken_by_it(tmp_path: Path) -> None:
    async with provider_too(tmp_path) as h:
        await h.report(malware_ran())

        assert channels(await h.conversations("Nordwall MXDR")) == [SOC]


@pytest.mark.parametrize("code_of", ["nordwall", "nordwall-it"])
async def test_each_code_binds_what_it_was_made_for(tmp_path: Path, code_of: str) -> None:
    async with provider_too(tmp_path) as h:
        await says(h, "Sam Okafor", GENERAL, f"setup {await code_for(h, code_of)}")

        await h.report(malware_ran())

        expected = GENERAL if code_of == "nordwall" else SOC
        assert channels(await h.conversations("Nordwall MXDR")) == [expected]

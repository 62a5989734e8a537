"""Bob does not answer, and his manager asks him by voice."""

from pathlib import Path

from tests.story.activity import click
from tests.story.graph_incident import malware_ran
from tests.story.house import House, Seen, house, swap, words
from triage.incident import Assurance, Incident

BOB = 'upn = "bob@contoso.example"\n'
BOB_HAS_A_MANAGER = {"contoso": swap(BOB, BOB + 'manager = "ines@contoso.example"\n')}
"""Ines, who is neither an approver nor the security contact."""


async def silent(h: House) -> Seen:
    """Ines has the card."""
    await h.report(malware_ran())
    await h.later(minutes=15)
    return await h.card("Ines Costa")


async def case(h: House) -> Incident:
    return await h.incident("4711")


async def test_what_bob_tells_his_manager_counts_and_her_card_is_done(tmp_path: Path) -> None:
    async with house(tmp_path, BOB_HAS_A_MANAGER) as h:
        card = await silent(h)
        assert "do not forward" in card.text
        assert "Did you open it?" in card.text

        answer = await h.press("Ines Costa", card, "attest.q1.not_me")

        reply = (await case(h)).questions[0].answer
        assert reply is not None
        assert (reply.choice, reply.assurance, reply.attester) == (
            "not_me",
            Assurance.L3,
            "Ines Costa",
        )
        assert "Nothing more is needed" in words(answer)
        assert "Bob Meyer says to Ines Costa by voice: I did not" in (await h.root()).text
        assert "asked by Ines Costa as their manager" in (await h.soc()).text
        assert not [a for a in (await h.card("Ines Costa")).actions if a.startswith("attest")]


async def test_where_she_cannot_reach_him_the_contact_is_asked_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, BOB_HAS_A_MANAGER) as h:
        card = await silent(h)

        await h.press("Ines Costa", card, "attest.q1.no_voice")

        assert (await case(h)).questions[0].answer is None
        assert [said for said in await h.told("Jon Park") if "does not answer" in said]


async def test_nobody_else_presses_the_manager_s_card(tmp_path: Path) -> None:
    async with house(tmp_path, BOB_HAS_A_MANAGER) as h:
        card = await silent(h)
        data = card.data("attest.q1.not_me")

        for who in ("Bob Meyer", "Jon Park"):
            await h.send(await click(h, who, card, data))

        assert (await case(h)).questions[0].replies == ()


async def test_where_the_manager_has_no_app_the_contact_is_asked(tmp_path: Path) -> None:
    async with house(tmp_path, BOB_HAS_A_MANAGER) as h:
        await h.app("Ines Costa", "uninstall")
        await h.report(malware_ran())
        await h.later(minutes=15)

        assert [said for said in await h.told("Jon Park") if "does not answer" in said]

"""A customer who tries Vouch out: in shadow mode nothing reaches them; in a pilot, some people."""

from pathlib import Path

from bot.commands import AddProfile, perform
from bot.demo import PROFILES
from tests.story.graph_incident import malware_ran, unfamiliar_sign_in
from tests.story.house import House, house, swap
from triage.actions import ActionKind
from triage.incident import ActionState, Route

SHADOW = {"contoso": swap('id = "contoso"', 'id = "contoso"\nshadow = true')}


async def heard(h: House) -> list[str]:
    """What anybody of Contoso was sent."""
    people = ("Bob Meyer", "Carla Duarte", "Jon Park", "Ines Costa")
    chats = [m.text for who in people for m in await h.chat(who)]
    return chats + [m.text for m in await h.thread("Contoso")]


async def test_in_shadow_mode_only_analysts_see_what_would_happen(tmp_path: Path) -> None:
    async with house(tmp_path, SHADOW) as h:
        await h.report(malware_ran())
        await h.later(hours=2)

        assert await heard(h) == []
        card = (await h.soc()).text
        assert "Shadow mode: nobody of the customer hears" in card
        assert "Shadow mode: Bob Meyer would be asked" in card
        found = await h.incident("4711")
        assert (found.questions, found.approvals, found.calls) == ((), (), ())
        assert not [c for c in await h.history("4711") if c.event.kind == "source_written"]


async def test_in_shadow_mode_what_would_be_done_ends_as_rehearsed(tmp_path: Path) -> None:
    async with house(tmp_path, SHADOW) as h:
        await h.report(unfamiliar_sign_in())

        revoke = next(
            a for a in (await h.incident("4713")).actions if a.kind is ActionKind.REVOKE_SESSIONS
        )
        assert (revoke.state, revoke.rehearsed) == (ActionState.DONE, True)
        assert await heard(h) == []


async def test_shadow_mode_ends_and_begins_with_the_profile(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        text = (PROFILES / "contoso.toml").read_text(encoding="utf-8")
        shadowed = AddProfile(SHADOW["contoso"](text), "contoso.toml")
        await perform(h.vouch.store, shadowed, h.clock.now())
        await h.report(malware_ran())
        assert await heard(h) == []

        await perform(h.vouch.store, AddProfile(text, "contoso.toml"), h.clock.now())
        await h.report(unfamiliar_sign_in())
        assert any("CONTOSO-2" in said for said in await heard(h))


async def test_in_a_pilot_nobody_else_is_written_to(tmp_path: Path) -> None:
    pilot = swap('id = "contoso"', 'id = "contoso"\npilot = ["greta@contoso.example"]')
    async with house(tmp_path, {"contoso": pilot}) as h:
        await h.report(malware_ran())

        assert await h.chat("Bob Meyer") == []
        found = await h.incident("4711")
        assert [q.route for q in found.questions] == [Route.PHONE]
        assert "not in the pilot group" in (await h.soc()).text
        assert "Pilot: only 1 people" in (await h.soc()).text
        assert await h.thread("Contoso"), "the security team hears of its cases"


async def test_in_a_pilot_whoever_belongs_to_it_is_asked(tmp_path: Path) -> None:
    pilot = swap('id = "contoso"', 'id = "contoso"\npilot = ["Bob@contoso.example"]')
    async with house(tmp_path, {"contoso": pilot}) as h:
        await h.report(malware_ran())

        assert "answer.q1.opened" in (await h.card("Bob Meyer")).actions

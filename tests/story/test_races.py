"""Two things at once: one of them is first, and the record says which."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from tests.story.activity import click, text
from tests.story.graph_incident import malware_blocked, malware_ran
from tests.story.house import ALSO_INES, House, house
from triage.incident import ApprovalState, Band, Open, Silent, Status


async def isolated(h: House) -> int:
    incident = await h.incident("4711")
    isolate = next(a.id for a in incident.actions if a.kind == "isolate_device")
    done = [e.event for e in await h.history("4711") if e.event.kind == "action_done"]
    return sum(getattr(event, "action", "") == isolate for event in done)


async def asked_jon(h: House) -> None:
    await h.report(malware_ran())
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")


async def test_one_incident_posted_five_times_at_once_is_one_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()

        answers = await asyncio.gather(*(h.post(body) for _ in range(5)))
        await h.settle()

        assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 201]
        assert {a["results"][0]["incident"] for _, a in answers} == {"CONTOSO-1"}
        assert len(await h.conversations("Contoso")) == 1
        assert len(await h.conversations("Nordwall MXDR")) == 1
        assert len([m for m in await h.chat("Bob Meyer") if m.card]) == 1


async def test_two_reports_about_one_device_at_once_are_one_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        answers = await asyncio.gather(h.post(malware_ran()), h.post(malware_blocked()))
        await h.settle()

        assert {a["results"][0]["incident"] for _, a in answers} == {"CONTOSO-1"}
        assert len(await h.conversations("Contoso")) == 1


async def test_of_two_approvers_at_once_the_first_decides(tmp_path: Path) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        await asked_jon(h)
        card = await h.approval()
        approve = await click(h, "Jon Park", card, card.data("approve.p1"))
        deny = await click(h, "Ines Costa", card, card.data("deny.p1"))

        answers = await asyncio.gather(h.send(approve), h.send(deny))
        await h.settle()

        (approval,) = (await h.incident("4711")).approvals
        assert [a["status"] for a in answers] == [200, 200]
        assert (approval.state, approval.by_name) in {
            (ApprovalState.APPROVED, "Jon Park"),
            (ApprovalState.DENIED, "Ines Costa"),
        }
        assert await isolated(h) == (approval.state is ApprovalState.APPROVED)


async def test_ten_approvals_at_once_isolate_once(tmp_path: Path) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        await asked_jon(h)
        card = await h.approval()
        who = ["Jon Park", "Ines Costa"] * 5
        pressed = [await click(h, name, card, card.data("approve.p1")) for name in who]

        await asyncio.gather(*map(h.send, pressed))
        await h.settle()

        assert await isolated(h) == 1
        assert len([m for m in await h.told("Bob Meyer") if "goes offline" in m]) == 1


async def test_a_reply_just_before_its_deadline_counts_and_nobody_is_called(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")
        await h.later(minutes=14, seconds=59)

        await h.press("Bob Meyer", card, "answer.q1.not_me")
        await h.later(minutes=1)

        incident = await h.incident("4711")
        assert incident.questions[0].state.state == "answered"
        assert incident.calls == ()


async def test_a_reply_just_after_its_deadline_is_a_correction_that_raises(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")
        data = card.data("answer.q1.not_me")
        await h.later(minutes=20)
        assert isinstance((await h.incident("4711")).questions[0].state, Silent)

        await h.send(await click(h, "Bob Meyer", card, data))
        await h.settle()

        incident = await h.incident("4711")
        assert incident.questions[0].state.state == "answered"
        assert incident.calls[0].done_at is not None, "nobody needs to be called any more"


async def test_a_lowering_reply_just_after_its_deadline_goes_to_an_analyst(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_blocked())
        card = await h.card("Bob Meyer")
        await h.later(minutes=480)

        await h.send(await click(h, "Bob Meyer", card, card.data("answer.q1.expected")))
        await h.settle()

        incident = await h.incident("4712")
        assert incident.decision is not None
        assert incident.decision.band is Band.ANALYST
        assert any("downwards" in said for said in await h.told("Nordwall MXDR"))


@pytest.mark.parametrize("first", ["reply", "deadline"])
async def test_a_reply_and_its_deadline_at_the_same_moment_end_alike(
    tmp_path: Path, first: str
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")
        pressed = await click(h, "Bob Meyer", card, card.data("answer.q1.not_me"))
        await h.later(minutes=14, seconds=59)
        h.clock.move_to(await due(h))

        if first == "reply":
            await asyncio.gather(h.send(pressed), h.settle())
        else:
            await asyncio.gather(h.settle(), h.send(pressed))
        await h.settle()

        incident = await h.incident("4711")
        assert incident.questions[0].state.state == "answered"
        assert [c for c in incident.calls if c.done_at is None] == []


async def due(h: House) -> datetime:
    state = (await h.incident("4711")).questions[0].state
    assert isinstance(state, Open)
    return state.due


async def test_bob_and_the_analyst_press_at_once(tmp_path: Path) -> None:
    """Bob admits it while the analyst closes: whoever is first, the case is open at the end."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card, soc = await h.card("Bob Meyer"), await h.soc()
        how = {"disposition": "falsePositive", "comment": "Ours."}
        opened = await click(h, "Bob Meyer", card, card.data("answer.q1.opened"))
        close = await click(h, "Mia Lindqvist", soc, soc.data("close_as") | how)

        answers = await asyncio.gather(h.send(opened), h.send(close))
        await h.settle()

        incident = await h.incident("4711")
        assert [a["status"] for a in answers] == [200, 200]
        kinds = [e.event.kind for e in await h.history("4711")]
        assert {"answered", "close_ordered"} <= set(kinds)
        bob_was_first = kinds.index("answered") < kinds.index("close_ordered")
        assert (incident.status is Status.RESOLVED) == bob_was_first
        assert incident.reopened == (0 if bob_was_first else 1)


async def test_two_analysts_take_at_once_and_one_has_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        soc = await h.soc()
        pressed = [
            await click(h, who, soc, soc.data("take")) for who in ("Mia Lindqvist", "Sam Okafor")
        ]

        await asyncio.gather(*map(h.send, pressed))
        await h.settle()

        owner = (await h.incident("4711")).owner_name
        assert owner in {"Mia Lindqvist", "Sam Okafor"}
        assert str(owner) in (await h.soc()).text


async def test_many_words_at_once_all_reach_the_analysts_once_each(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        chat = (await h.card("Bob Meyer")).conversation
        said = [f"sentence number {n} of mine" for n in range(8)]
        written = [await text(h, "Bob Meyer", chat, words) for words in said]

        await asyncio.gather(*map(h.send, written))
        await h.settle()

        told = "\n".join(await h.told("Nordwall MXDR"))
        assert [told.count(words) for words in said] == [1] * 8

"""Malware ran on LAPTOP-7: Bob is asked, Jon approves, the case closes with one recommendation."""

from pathlib import Path

from tests.story.graph_incident import malware_ran
from tests.story.house import house
from triage.incident import ActionState, Disposition, Status


async def test_bob_admits_it_and_his_laptop_is_isolated(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        name = await h.report(malware_ran())

        assert name == "CONTOSO-1"
        card = await h.card("Bob Meyer")
        assert "Did you open it?" in card.text
        assert "Nothing" in (await h.root()).text

        await h.press("Bob Meyer", card, "answer.q1.opened")
        follow_up = await h.card("Bob Meyer")
        assert follow_up.id == card.id
        await h.press("Bob Meyer", follow_up, "answer.q2.enabled_content")
        await h.press("Jon Park", await h.approval(), "approve.p1")

        told = [m.text for m in await h.chat("Bob Meyer")]
        assert any("offline" in words for words in told)
        isolate = (await h.incident("4711")).actions[-1]
        assert (isolate.state, isolate.rehearsed) == (ActionState.DONE, True)
        assert (await h.incident("4711")).status is Status.CLOSING

        await h.later(minutes=31)
        closed = (await h.incident("4711")).closed
        assert closed is not None
        assert closed.disposition is Disposition.TRUE_POSITIVE
        assert closed.recommendation is not None
        assert closed.reasons
        root = await h.root()
        assert "Ines Costa" in root.text
        assert "closed" in (await h.card("Bob Meyer")).text.lower()
        assert "resolved" in (await h.soc()).text.lower()

"""Isolating a laptop is the customer's decision: who may decide, until when, and what silence means."""

from pathlib import Path

from tests.story.activity import click
from tests.story.graph_incident import malware_ran, user
from tests.story.house import ALSO_INES, House, house, swap, words
from triage.actions import ActionKind
from triage.incident import ActionState, ApprovalState, ByApproval, ByRule, Incident, ResponseAction

JON = "4f97bb5b-b7e3-4f8a-b480-6fefa7d0ba5b"


async def asked(h: House) -> None:
    """Bob has said enough: Jon is asked."""
    await h.report(malware_ran())
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")


def isolation(incident: Incident) -> ResponseAction:
    return next(a for a in incident.actions if a.kind is ActionKind.ISOLATE_DEVICE)


async def contained(h: House) -> int:
    """How often the laptop was isolated, as the log tells."""
    done = [e for e in await h.history("4711") if e.event.kind == "action_done"]
    isolate = isolation(await h.incident("4711")).id
    return sum(getattr(e.event, "action", "") == isolate for e in done)


async def test_jon_is_told_what_it_means_and_until_when(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)

        card = await h.approval()
        assert "Isolate LAPTOP-7?" in card.text
        assert "your rule 4" in card.text
        assert "goes offline" in card.text
        assert card.activity["summary"].startswith("Isolate LAPTOP-7? Reply by ")
        (mention,) = [e for e in card.card["msteams"]["entities"] if e["type"] == "mention"]  # type: ignore[index]
        assert mention["mentioned"]["name"] == "Jon Park"


async def test_approved_is_done_once_and_bob_is_warned_first(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)

        answer = await h.press("Jon Park", await h.approval(), "approve.p1")

        isolate = isolation(await h.incident("4711"))
        assert isolate.state is ActionState.DONE
        assert isolate.basis == ByApproval("p1")
        assert await contained(h) == 1
        assert "Jon Park approved" in words(answer)
        assert "approve.p1" not in (await h.approval()).actions
        _, warned = await h.told("Bob Meyer")
        assert "LAPTOP-7 goes offline now" in warned


async def test_denied_leaves_it_to_people(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)

        await h.press("Jon Park", await h.approval(), "deny.p1")
        await h.later(hours=1)

        incident = await h.incident("4711")
        assert isolation(incident).state is ActionState.PROPOSED
        assert incident.approvals[0].state is ApprovalState.DENIED
        assert incident.closed is None
        assert len(incident.approvals) == 1, "what was denied is not asked again"
        assert "Jon Park denied" in (await h.soc()).text


async def test_silence_acts_by_the_customer_s_rule(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        await h.later(minutes=12, seconds=59)
        assert await contained(h) == 0

        await h.later(seconds=1)

        incident = await h.incident("4711")
        assert incident.approvals[0].state is ApprovalState.EXPIRED
        assert (isolation(incident).state, isolation(incident).basis) == (
            ActionState.DONE,
            ByRule(4),
        )
        assert "Nobody answered by" in (await h.approval()).text


async def test_silence_hands_over_where_no_rule_says_to_act(tmp_path: Path) -> None:
    careful = {"contoso": swap("act_if_unreachable = true", "act_if_unreachable = false")}
    async with house(tmp_path, careful) as h:
        await asked(h)

        await h.later(hours=1)

        assert await contained(h) == 0
        assert any("Nobody decided in time" in said for said in await h.told("Nordwall MXDR"))


async def test_silence_never_touches_what_is_protected(tmp_path: Path) -> None:
    protected = '[[assets]]\nname = "LAPTOP-7"\nprotected = true\n\n[[assets]]\nname = "WKS'
    async with house(tmp_path, {"contoso": swap('[[assets]]\nname = "WKS', protected)}) as h:
        await asked(h)

        await h.later(hours=1)

        assert await contained(h) == 0
        assert any("Nobody decided in time" in said for said in await h.told("Nordwall MXDR"))


async def test_who_is_no_approver_decides_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)

        answer = await h.press("Ines Costa", await h.approval(), "approve.p1")

        assert "Only an approver" in words(answer)
        assert (await h.incident("4711")).approvals[0].state is ApprovalState.OPEN
        assert await contained(h) == 0
        assert "Ines Costa may not decide this" in (await h.soc()).text


async def test_the_affected_person_never_approves(tmp_path: Path) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(JON, "jon@contoso.example")
        await h.report(body)
        await h.press("Jon Park", await h.card("Jon Park"), "answer.q1.not_me")
        approval = await h.approval()

        answer = await h.press("Jon Park", approval, "approve.p1")

        assert "somebody else must decide" in words(answer)
        assert await contained(h) == 0
        assert "Ines Costa" in approval.text
        await h.press("Ines Costa", approval, "approve.p1")
        assert await contained(h) == 1


async def test_the_only_approver_is_affected_and_an_analyst_hears_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(JON, "jon@contoso.example")
        await h.report(body)

        await h.press("Jon Park", await h.card("Jon Park"), "answer.q1.not_me")

        assert (await h.incident("4711")).approvals == ()
        assert "Nobody can approve by tap" in (await h.soc()).text


async def test_bob_cannot_approve_with_a_forged_click(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        card = await h.card("Bob Meyer")
        handle = card.data("change.q2" if "change.q2" in card.actions else "change")["handle"]

        forged = {"handle": handle, "button": "approve", "on": "p1"}
        answer = await h.send(await click(h, "Bob Meyer", card, forged))
        await h.settle()

        assert "no longer in use" in words(answer)
        assert await contained(h) == 0


async def test_an_analyst_cannot_approve_for_the_customer(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        soc = await h.soc()
        forged = {"handle": soc.data("take")["handle"], "button": "approve", "on": "p1"}

        answer = await h.send(await click(h, "Mia Lindqvist", soc, forged))
        await h.settle()

        assert "no longer in use" in words(answer)
        assert await contained(h) == 0


async def test_approving_twice_isolates_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        card = await h.approval()
        data = card.data("approve.p1")

        await h.send(await click(h, "Jon Park", card, data))
        again = await h.send(await click(h, "Jon Park", card, data))
        await h.settle()

        assert "Jon Park approved" in words(again)
        assert await contained(h) == 1


async def test_after_expiry_a_decision_comes_too_late(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        card = await h.approval()
        await h.later(minutes=14)

        await h.send(await click(h, "Jon Park", card, card.data("deny.p1")))
        await h.settle()

        incident = await h.incident("4711")
        assert incident.approvals[0].state is ApprovalState.EXPIRED
        assert isolation(incident).state is ActionState.DONE
        assert await contained(h) == 1


async def test_a_denial_at_the_last_moment_counts(tmp_path: Path) -> None:
    """The deadline has passed, and its wake has not come yet: the safe direction is open."""
    async with house(tmp_path) as h:
        await asked(h)
        h.clock.move_to((await h.incident("4711")).approvals[0].due)

        await h.press_only("Jon Park", await h.approval(), "deny.p1")
        await h.settle()

        assert (await h.incident("4711")).approvals[0].state is ApprovalState.DENIED
        assert await contained(h) == 0


async def test_an_approval_is_withdrawn_when_the_case_closes(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        inputs = {"disposition": "falsePositive", "comment": "A drill of the customer."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        await h.later(hours=1)

        incident = await h.incident("4711")
        assert incident.approvals[0].state is ApprovalState.WITHDRAWN
        assert await contained(h) == 0
        assert "No longer needed" in (await h.approval()).text


async def test_an_analyst_asks_for_what_was_only_proposed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        isolate = isolation(await h.incident("4711"))

        await h.press("Mia Lindqvist", await h.soc(), f"contain.{isolate.id}")

        assert await contained(h) == 0, "the customer's consent still rules"
        await h.press("Jon Park", await h.approval(), "approve.p1")
        assert await contained(h) == 1


async def test_a_customer_who_only_wants_notice_is_told_and_nothing_is_touched(
    tmp_path: Path,
) -> None:
    rule = 'consent = "collaborate"\nact_if_unreachable = true\nminutes = 13'
    notify = {"contoso": swap(rule, 'consent = "notify"')}
    async with house(tmp_path, notify) as h:
        await asked(h)
        await h.later(hours=1)

        incident = await h.incident("4711")
        assert isolation(incident).state is ActionState.PROPOSED
        assert incident.approvals == ()
        assert "Please do this yourselves: Isolate LAPTOP-7" in (await h.root()).text

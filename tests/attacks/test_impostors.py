"""People who are not who they seem: analysts that are none, approvers who are the affected."""

from pathlib import Path

from tests.story.activity import click
from tests.story.graph_incident import malware_ran, unfamiliar_sign_in, user
from tests.story.house import ALSO_INES, House, Seen, house, swap, words
from triage.incident import ActionState, ApprovalState

JON = "4f97bb5b-b7e3-4f8a-b480-6fefa7d0ba5b"
FALSE = {"disposition": "falsePositive", "comment": "All clear."}


async def asked_to_isolate(h: House) -> Seen:
    await h.report(malware_ran())
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
    await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")
    return await h.approval()


async def test_an_analyst_s_name_and_even_id_command_nothing_from_a_customer_s_tenant(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        soc, mia = await h.soc(), await h.person("Mia Lindqvist")
        data = soc.data("close_as") | FALSE
        forged = await click(h, "Bob Meyer", soc, data)
        forged["from"] |= {"name": mia["name"], "aadObjectId": mia["id"]}

        answer = await h.send(forged)
        await h.settle()

        assert words(answer) == "This card is no longer in use."
        assert (await h.incident("4711")).closed is None


async def test_somebody_of_the_provider_s_tenant_who_is_no_analyst_commands_nothing(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        soc = await h.soc()
        forged = await click(h, "Mia Lindqvist", soc, soc.data("close_as") | FALSE)
        forged["from"]["aadObjectId"] = "5e3a1c7b-0000-4000-8000-1234567890ab"

        answer = await h.send(forged)
        await h.settle()

        assert words(answer) == "Only an analyst on the roster can do this."
        assert (await h.incident("4711")).closed is None


async def test_who_is_no_approver_approves_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        approval = await asked_to_isolate(h)

        answer = await h.press("Ines Costa", approval, "approve.p1")

        assert "Only an approver" in words(answer)
        assert (await h.incident("4711")).approvals[0].state is ApprovalState.OPEN


async def test_who_is_on_no_roster_approves_nothing(tmp_path: Path) -> None:
    """An analyst, here; to Contoso's roster she is nobody, and nobody has no delegate's rights."""
    async with house(tmp_path) as h:
        approval, mia = await asked_to_isolate(h), await h.person("Mia Lindqvist")
        forged = await click(h, "Jon Park", approval, approval.data("approve.p1"))
        forged["from"] |= {"name": mia["name"], "aadObjectId": mia["id"]}

        answer = await h.send(forged)
        await h.settle()

        assert "Only an approver" in words(answer)
        assert (await h.incident("4711")).approvals[0].state is ApprovalState.OPEN


async def test_the_affected_approver_lets_nothing_happen_to_himself(tmp_path: Path) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        body = malware_ran()
        body["alerts"][0]["evidence"][0] = user(JON, "jon@contoso.example")
        await h.report(body)
        await h.press("Jon Park", await h.card("Jon Park"), "answer.q1.not_me")

        answer = await h.press("Jon Park", await h.approval(), "deny.p1")

        assert "somebody else must decide" in words(answer)
        assert (await h.incident("4711")).approvals[0].state is ApprovalState.OPEN


async def test_a_stolen_approver_approves_nothing_in_any_case_of_his_customer(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        approval = await asked_to_isolate(h)
        stolen = unfamiliar_sign_in()
        stolen["alerts"][0]["evidence"] = [user(JON, "jon@contoso.example")]
        await h.report(stolen)

        answer = await h.press("Jon Park", approval, "approve.p1")

        assert "approved" not in words(answer)
        assert (await h.incident("4711")).approvals[0].state is ApprovalState.OPEN


async def test_an_approval_that_ran_out_approves_nothing(tmp_path: Path) -> None:
    careful = {"contoso": swap("act_if_unreachable = true", "act_if_unreachable = false")}
    async with house(tmp_path, careful) as h:
        approval = await asked_to_isolate(h)
        await h.later(minutes=14)

        await h.send(await click(h, "Jon Park", approval, approval.data("approve.p1")))
        await h.settle()

        incident = await h.incident("4711")
        assert incident.approvals[0].state is ApprovalState.EXPIRED
        isolate = incident.action(incident.approvals[0].action)
        assert isolate is not None
        assert isolate.state is ActionState.PROPOSED


async def test_another_case_s_approval_card_decides_nothing_here(tmp_path: Path) -> None:
    """Its handle stands for one approval: the id beside it is only a claim."""
    async with house(tmp_path) as h:
        approval = await asked_to_isolate(h)
        data = approval.data("approve.p1") | {"on": "p2"}

        answer = await h.send(await click(h, "Jon Park", approval, data))
        await h.settle()

        assert words(answer) == "This card is no longer in use."
        assert all(a.state is ApprovalState.OPEN for a in (await h.incident("4711")).approvals)

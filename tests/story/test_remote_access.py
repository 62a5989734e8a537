"""A remote-support tool: approved on one customer's machine, a break-in on another's."""

from pathlib import Path

from tests.story.graph_incident import FABRIKAM, device, process, remote_tool, user
from tests.story.house import House, Json, house, words
from triage.actions import ActionKind, Tier
from triage.incident import ActionState, Band, ByApproval, Disposition, Incident, Route

LEE = "72257970-65ed-4ae1-a324-72a11ab6a239"


def on_payroll() -> Json:
    """AnyDesk on the payroll server, made to start with the machine."""
    return remote_tool(
        "4715",
        user(LEE, "lee@fabrikam.example"),
        device("payroll-01.ad.fabrikam.example", machine="b" * 40),
        process("anydesk.exe", "powershell.exe"),
        techniques=("T1219", "T1543.003"),
        tenant=FABRIKAM,
    )


def on_deployment_machine() -> Json:
    body = remote_tool()
    body["alerts"][0]["evidence"][1] = device("wks-deploy-3.ad.contoso.example", machine="c" * 40)
    return body


def band(case: Incident) -> Band:
    assert case.decision is not None
    return case.decision.band


async def at_fabrikam(h: House) -> Incident:
    return await h.incident("4715", customer="fabrikam")


async def test_bob_is_phoned_because_somebody_may_be_watching_his_screen(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(remote_tool())

        case = await h.incident("4714")
        (question,) = case.questions
        assert question.route is Route.PHONE
        assert not await h.chat("Bob Meyer")
        assert "+44 20 7946 0144" in (await h.soc()).text
        assert "Who asked you to start it?" in (await h.soc()).text
        assert "phoning Bob Meyer" in (await h.root()).text


async def test_what_bob_writes_in_his_chat_answers_no_phone_question(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(remote_tool())

        await h.write("Bob Meyer", "it was our IT")

        assert (await h.incident("4714")).questions[0].replies == ()
        assert "it was our IT" in "\n".join(await h.told("Nordwall MXDR"))


async def test_a_caller_by_phone_means_containment(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(remote_tool())

        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.caller")

        case = await h.incident("4714")
        assert band(case) is Band.CONTAIN
        scan = next(a for a in case.actions if a.kind is ActionKind.SCAN_DEVICE)
        assert scan.state is ActionState.DONE
        assert "Isolate LAPTOP-7" in (await h.approval()).text


async def test_an_approved_fact_is_cited_and_one_tap_closes(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(on_deployment_machine())

        case = await h.incident("4714")
        assert band(case) is Band.PROPOSE
        assert (case.questions, case.calls, case.approvals) == ((), (), ())
        soc = await h.soc()
        assert "IT installs AnyDesk by script on the deployment workstations" in soc.text
        assert "approved by Ines Costa" in soc.text
        assert not await h.chat("Bob Meyer")

        await h.press("Mia Lindqvist", soc, "close")

        closed = (await h.incident("4714")).closed
        assert closed is not None
        assert closed.disposition is Disposition.EXPECTED
        assert closed.determination == "lineOfBusinessApplication"
        assert "fact deploy-anydesk" in {r.evidence for r in closed.reasons}


async def test_a_fact_that_has_expired_speaks_for_nothing(tmp_path: Path) -> None:
    def expired(profile: str) -> str:
        assert "expires = 2030-06-30" in profile
        return profile.replace("expires = 2030-06-30", "expires = 2020-06-30")

    async with house(tmp_path, {"contoso": expired}) as h:
        await h.report(on_deployment_machine())

        case = await h.incident("4714")
        assert band(case) is Band.ANALYST
        assert [q.route for q in case.questions] == [Route.PHONE]


async def test_a_fact_does_not_cover_a_second_machine(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        body = on_deployment_machine()
        body["alerts"][0]["evidence"].append(device("laptop-7.ad.contoso.example"))

        await h.report(body)

        assert band(await h.incident("4714")) is Band.ANALYST


async def test_on_fabrikam_s_payroll_server_it_is_escalated(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(on_payroll(), "fabrikam")

        case = await at_fabrikam(h)
        assert case.name == "FABRIKAM-1"
        assert band(case) is Band.ESCALATE
        isolate = next(a for a in case.actions if a.kind is ActionKind.ISOLATE_DEVICE)
        assert isolate.tier is Tier.C, "a server goes up one tier"
        approval = await h.approval("Fabrikam")
        assert "Isolate PAYROLL-01" in approval.text
        assert "Amira Haddad" in approval.text
        assert "payroll" in (await h.soc()).text
        assert not await h.chat("Lee Chen")


async def test_amira_approves_and_the_server_is_contained(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(on_payroll(), "fabrikam")
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.nobody")

        answer = await h.press("Amira Haddad", await h.approval("Fabrikam"), "approve.p1")

        assert "Amira Haddad approved" in words(answer)
        case = await at_fabrikam(h)
        isolate = next(a for a in case.actions if a.kind is ActionKind.ISOLATE_DEVICE)
        assert (isolate.state, isolate.basis) == (ActionState.DONE, ByApproval("p1"))
        await h.later(minutes=31)
        closed = (await at_fabrikam(h)).closed
        assert closed is not None
        assert closed.disposition is Disposition.TRUE_POSITIVE


async def test_jon_of_contoso_cannot_see_or_press_amira_s_card(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(on_payroll(), "fabrikam")

        refused = await h.press("Jon Park", await h.approval("Fabrikam"), "approve.p1")

        assert refused["error"]["code"] == "NotInConversation"

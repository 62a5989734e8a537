"""A sign-in method is to be taken from the CFO: two people decide, and an analyst sees who did."""

from pathlib import Path

from tests.story.graph_incident import CARLA, alert, incident, user
from tests.story.house import ALSO_INES, House, Seen, house, words
from triage.actions import ActionKind, Tier
from triage.incident import ActionState, Approval, ResponseAction


async def somebody_else_added_a_method(h: House) -> Seen:
    """Carla says on the phone that it was not she; the approval that follows."""
    told = alert(
        "Suspicious Sign In Followed by MFA Modification",
        "microsoftSentinel",
        user(CARLA, "carla@contoso.example"),
        id_="mf1",
        severity="high",
    )
    await h.report(incident(told, id_="4799"))
    await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")
    approval = (await removal(h))[1]
    cards = [m for m in await h.thread() if f"approve.{approval.id}" in m.actions]
    return cards[-1]


async def removal(h: House) -> tuple[ResponseAction, Approval]:
    found = await h.incident("4799")
    action = next(a for a in found.actions if a.kind is ActionKind.REMOVE_MFA_METHOD)
    return action, next(a for a in found.approvals if a.action == action.id)


async def test_one_is_not_enough_and_two_are(tmp_path: Path) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        card = await somebody_else_added_a_method(h)
        action, approval = await removal(h)
        assert action.tier is Tier.D
        assert "2 people must approve" in card.text
        press = f"approve.{approval.id}"

        first = await h.press("Jon Park", card, press)
        assert "Approved by 1 of 2: Jon Park" in words(first)
        again = await h.press("Jon Park", card, press)
        assert "Approved by 1 of 2: Jon Park" in words(again)
        assert (await removal(h))[0].state is ActionState.PROPOSED

        both = await h.press("Ines Costa", card, press)
        assert "Jon Park, Ines Costa approved" in words(both)
        assert (await removal(h))[0].state is ActionState.DONE
        assert "Jon Park approved" in (await h.soc()).text
        assert "Ines Costa approved" in (await h.soc()).text


async def test_with_one_approver_an_analyst_arranges_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        told = alert(
            "Suspicious Sign In Followed by MFA Modification",
            "microsoftSentinel",
            user(CARLA, "carla@contoso.example"),
            id_="mf1",
            severity="high",
        )
        await h.report(incident(told, id_="4799"))
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")

        found = await h.incident("4799")
        action = next(a for a in found.actions if a.kind is ActionKind.REMOVE_MFA_METHOD)
        assert action.state is ActionState.PROPOSED
        assert all(a.action != action.id for a in found.approvals)
        assert "Two people must approve, and only one may" in (await h.soc()).text

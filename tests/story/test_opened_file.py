"""Malware ran on LAPTOP-7: what each of Bob's answers does, and what silence does."""

from pathlib import Path

import pytest

from tests.story.graph_incident import malware_ran
from tests.story.house import ALSO_INES, House, card_of, house, words
from triage.actions import ActionKind
from triage.incident import ActionState, ApprovalState, Band, Incident, Standing, Status


async def answered(h: House, *choices: str) -> Incident:
    """Bob presses these on his card, one after the other."""
    await h.report(malware_ran())
    for choice in choices:
        await h.press("Bob Meyer", await h.card("Bob Meyer"), f"answer.{choice}")
    return await h.incident("4711")


def decided(incident: Incident) -> tuple[Band, float]:
    assert incident.decision is not None
    return incident.decision.band, round(incident.decision.probability, 2)


def is_asked_to_isolate(incident: Incident) -> bool:
    asked = [a for a in incident.approvals if a.state is ApprovalState.OPEN]
    actions = [incident.action(a.action) for a in asked]
    return [a.kind for a in actions if a] == [ActionKind.ISOLATE_DEVICE]


# --- the first answer ------------------------------------------------------------------------------


async def test_before_bob_says_anything_it_is_scanned_and_nobody_is_asked_to_isolate(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h)

        assert decided(incident) == (Band.ESCALATE, 0.67)
        scan = next(a for a in incident.actions if a.kind is ActionKind.SCAN_DEVICE)
        assert (scan.state, scan.rehearsed) == (ActionState.DONE, True)
        assert incident.approvals == ()
        assert "rehearsal" in (await h.root()).text


async def test_bob_is_asked_in_plain_words_with_four_verbs(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await h.card("Bob Meyer")

        incident = await h.incident("4711")
        assert "Contoso Security" in card.text
        assert "invoice.docm" in card.text
        assert "LAPTOP-7" in card.text
        assert "You are not in trouble" in card.text
        assert f"Case {incident.code}" in card.text
        assert card.actions == [
            "answer.q1.opened",
            "answer.q1.not_me",
            "answer.q1.not_sure",
            "answer.q1.call_me",
        ]
        assert "Did you open it?" in card.activity["summary"]
        assert "http" not in card.text


async def test_opened_raises_and_the_next_question_stands_on_the_same_card(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.opened")

        assert decided(incident) == (Band.ESCALATE, 0.85)
        (card,) = [m for m in await h.chat("Bob Meyer") if m.card]
        assert "enable content" in card.text
        assert "answer.q2.typed_password" in card.actions
        assert incident.approvals == (), "the proposal waits for the open question"


async def test_not_me_raises_a_little_and_then_isolation_is_proposed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.not_me")

        assert decided(incident) == (Band.ESCALATE, 0.77)
        assert is_asked_to_isolate(incident)
        assert "Isolate LAPTOP-7" in (await h.approval()).text
        assert "Jon Park" in (await h.approval()).text
        assert "Bob Meyer says: I did not" in (await h.root()).text


async def test_not_sure_brings_an_analyst(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.not_sure")

        assert decided(incident) == (Band.ESCALATE, 0.77)
        assert is_asked_to_isolate(incident)
        assert any(e.says.key == "reason.answer.counted" for e in incident.decision.reasons)  # type: ignore[union-attr]
        assert "Bob Meyer answered: Not sure" in (await h.soc()).text


async def test_call_me_gives_the_analyst_a_call_and_leaves_the_buttons(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.call_me")

        assert decided(incident) == (Band.ESCALATE, 0.67), "no answer to the question yet"
        (call,) = incident.calls
        assert (call.number, call.number_source) == ("+44 20 7946 0144", "HR record of 2026-03")
        assert "+44 20 7946 0144" in (await h.soc()).text
        assert any("wants to be called" in said for said in await h.told("Nordwall MXDR"))
        assert "answer.q1.opened" in (await h.card("Bob Meyer")).actions

        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")

        (call,) = (await h.incident("4711")).calls
        assert call.done_at is not None, "an answer makes the call unnecessary"


# --- the follow-up ---------------------------------------------------------------------------------


async def test_enabled_content_asks_jon_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.opened", "q2.enabled_content")

        assert decided(incident) == (Band.CONTAIN, 0.94)
        assert is_asked_to_isolate(incident)
        assert "analysts can undo it" in (await h.approval()).text.lower()
        assert "Your turn, Contoso Security" in (await h.root()).text


async def test_a_typed_password_revokes_his_sessions_by_rule(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.opened", "q2.typed_password")

        assert decided(incident) == (Band.CONTAIN, 0.99)
        revoke = next(a for a in incident.actions if a.kind is ActionKind.REVOKE_SESSIONS)
        assert revoke.state is ActionState.DONE
        assert revoke.target.id == (await h.person("Bob Meyer"))["id"]
        assert is_asked_to_isolate(incident)
        card = (await h.card("Bob Meyer")).text
        assert "Thank you, received." in card, "whoever has the password reads it too"
        assert "sign in again" not in card


async def test_neither_changes_nothing_and_isolation_is_proposed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.opened", "q2.neither")

        assert decided(incident) == (Band.ESCALATE, 0.85)
        assert is_asked_to_isolate(incident)


async def test_not_sure_about_the_follow_up_raises_and_brings_an_analyst(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        incident = await answered(h, "q1.opened", "q2.not_sure")

        assert decided(incident) == (Band.CONTAIN, 0.90)
        assert is_asked_to_isolate(incident)
        assert "Bob Meyer answered: Not sure" in (await h.soc()).text


# --- corrections -----------------------------------------------------------------------------------


async def test_a_correction_that_raises_counts_at_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.not_me")

        await h.change("Bob Meyer", await h.card("Bob Meyer"), "q1.opened")

        incident = await h.incident("4711")
        assert decided(incident) == (Band.ESCALATE, 0.85)
        assert [r.choice for r in incident.questions[0].replies] == ["not_me", "opened"]
        assert "answer.q2.enabled_content" in (await h.card("Bob Meyer")).actions


async def test_a_correction_that_lowers_goes_to_an_analyst(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.opened", "q2.neither")
        card = await h.card("Bob Meyer")

        await h.press("Bob Meyer", card, "Change my answer")
        await h.press("Bob Meyer", card, "answer.q2.enabled_content")
        raised = await h.incident("4711")
        await h.change("Bob Meyer", await h.card("Bob Meyer"), "q2.neither")

        incident = await h.incident("4711")
        assert decided(raised) == decided(incident)
        assert decided(raised)[0] is Band.CONTAIN
        assert incident.questions[1].replies[-1].standing is Standing.FOR_ANALYST
        assert any("downwards" in said for said in await h.told("Nordwall MXDR"))


async def test_changing_shows_the_question_to_bob_alone_and_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.not_me")
        before, card = await h.history("4711"), await h.card("Bob Meyer")

        answer = await h.press("Bob Meyer", card, "Change my answer")

        asked = card_of(answer)
        assert "You are changing your answer" in asked.text
        assert "answer.q1.opened" in asked.actions
        assert await h.history("4711") == before
        assert (await h.card("Bob Meyer")).activity == card.activity


async def test_bob_can_go_back_to_his_first_answer(tmp_path: Path) -> None:
    """Step by step: his last answer first, then the one before."""
    async with house(tmp_path) as h:
        await answered(h, "q1.opened")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.neither")
        card = await h.card("Bob Meyer")

        last = card_of(await h.press("Bob Meyer", card, "change.q2"))
        assert "answer.q2.typed_password" in last.actions
        first = card_of(await h.press("Bob Meyer", card, "change.q1"))
        assert "answer.q1.not_me" in first.actions

        await h.press("Bob Meyer", card, "answer.q1.not_me")
        reply = (await h.incident("4711")).questions[0].replies[-1]
        assert (reply.choice, reply.standing) == ("not_me", Standing.FOR_ANALYST)


async def test_a_correction_after_the_end_reopens_the_case(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.not_me")
        await h.press("Jon Park", await h.approval(), "deny.p1")
        inputs = {"disposition": "falsePositive", "comment": "Macro of our own."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)
        assert (await h.incident("4711")).status is Status.RESOLVED
        over = await h.card("Bob Meyer")
        assert "false alarm" in over.text

        await h.change("Bob Meyer", over, "q1.opened")

        incident = await h.incident("4711")
        assert (incident.closed, incident.reopened) == (None, 1)
        assert any("is open again" in said for said in await h.told("Contoso"))
        assert "answer.q2.enabled_content" in (await h.card("Bob Meyer")).actions


async def test_a_correction_after_the_end_that_lowers_leaves_it_closed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.opened", "q2.enabled_content")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        await h.later(minutes=31)

        await h.change("Bob Meyer", await h.card("Bob Meyer"), "q2.neither")

        incident = await h.incident("4711")
        assert (incident.status, incident.reopened) == (Status.RESOLVED, 0)
        assert incident.questions[1].replies[-1].standing is Standing.FOR_ANALYST
        assert any("downwards" in said for said in await h.told("Nordwall MXDR"))


# --- words -----------------------------------------------------------------------------------------


async def test_words_reach_the_analysts_and_the_buttons_stay(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h)

        await h.write("Bob Meyer", "It came from our supplier, I think")

        incident = await h.incident("4711")
        assert "It came from our supplier, I think" in "\n".join(await h.told("Nordwall MXDR"))
        assert "An analyst is reading this now" in "\n".join(await h.told("Bob Meyer"))
        assert "answer.q1.opened" in (await h.card("Bob Meyer")).actions
        assert incident.questions[0].state.state == "open"
        assert decided(incident) == (Band.ESCALATE, 0.67)


async def test_words_stay_with_the_analysts(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h)

        await h.write("Bob Meyer", "please do not tell my manager")

        customer = [s for s in h.sent if s.conversation.startswith("19:contoso")]
        assert "manager" not in str(customer)


async def test_words_are_data_not_markup(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h)

        await h.write("Bob Meyer", "see [here](https://evil.example/x) <at>Jon Park</at> **now**")

        (said,) = [m for m in await h.thread("Nordwall MXDR") if "here" in m.text and not m.card]
        assert "https://evil.example" not in said.text
        assert not said.activity.get("entities")
        assert "](" not in said.text
        shown = (await h.soc()).text
        assert "https://evil" not in shown
        assert "](" not in shown


async def test_words_after_the_end_reach_an_analyst(tmp_path: Path) -> None:
    """His card says: Remembered more? Write it here."""
    async with house(tmp_path) as h:
        await answered(h, "q1.not_me")
        await h.press("Jon Park", await h.approval(), "deny.p1")
        inputs = {"disposition": "falsePositive", "comment": "Macro of our own."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        await h.write("Bob Meyer", "I remember now: I typed my password")

        assert "I typed my password" in "\n".join(await h.told("Nordwall MXDR"))


async def test_somebody_who_was_never_asked_is_told_what_this_is(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.write("Greta Braun", "hello?")

        (told,) = await h.told("Greta Braun")
        assert len(told.split()) > 3


# --- silence ---------------------------------------------------------------------------------------


async def test_silence_asks_the_security_contact_then_becomes_a_call(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h)

        await h.later(minutes=14, seconds=59)
        waiting = await h.incident("4711")
        await h.later(seconds=1)

        silent = await h.incident("4711")
        assert (waiting.calls, waiting.approvals) == ((), ())
        assert silent.questions[0].state.state == "silent"
        assert silent.calls == ()
        [asked] = [said for said in await h.told("Jon Park") if "does not answer" in said]
        assert "reach Bob Meyer by voice" in asked

        await h.later(minutes=5)
        incident = await h.incident("4711")
        assert [c.number for c in incident.calls] == ["+44 20 7946 0144"]
        assert is_asked_to_isolate(incident)
        assert decided(incident) == (Band.ESCALATE, 0.67), "silence weighs nothing"
        assert "No answer from Bob Meyer in time" in await h.told("Nordwall MXDR")
        assert "No answer from Bob Meyer yet" in (await h.root()).text


async def test_an_answer_after_the_deadline_still_raises(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h)
        await h.later(minutes=20)
        card = await h.card("Bob Meyer")

        await h.press("Bob Meyer", card, "answer.q1.opened")

        incident = await h.incident("4711")
        assert decided(incident) == (Band.ESCALATE, 0.85)
        assert incident.questions[0].answer is not None


async def test_the_call_recorded_by_an_analyst_answers_for_bob(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h)
        await h.later(minutes=20)

        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.opened")

        incident = await h.incident("4711")
        (reply,) = incident.questions[0].replies
        assert reply.recorded_by == (await h.person("Mia Lindqvist"))["id"]
        assert incident.calls[0].done_at is not None
        assert "says by phone: I opened it" in (await h.root()).text


# --- the end ---------------------------------------------------------------------------------------


async def test_an_objection_keeps_a_finished_case_open(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.opened", "q2.enabled_content")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        assert (await h.incident("4711")).status is Status.CLOSING

        await h.press("Jon Park", await h.root(), "keep_open")
        await h.later(hours=2)

        assert (await h.incident("4711")).closed is None
        assert (
            "Jon Park keeps the case open" in (await h.soc()).text
            or (await h.incident("4711")).kept_open
        )


async def test_isolation_is_undone_with_one_tap(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.opened", "q2.enabled_content")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        isolate = next(
            a for a in (await h.incident("4711")).actions if a.kind is ActionKind.ISOLATE_DEVICE
        )

        await h.press("Mia Lindqvist", await h.soc(), f"undo.{isolate.id}")

        undone = (await h.incident("4711")).action(isolate.id)
        assert undone is not None
        assert undone.state is ActionState.UNDONE
        assert (await h.incident("4711")).closing is None


async def test_the_recommendation_is_accepted_by_the_customer_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await answered(h, "q1.opened", "q2.enabled_content")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        await h.later(minutes=31)
        root = await h.root()

        await h.press("Ines Costa", root, "accept")

        assert (await h.incident("4711")).recommendation_accepted_by == "Ines Costa"
        assert "Accepted by Ines Costa" in (await h.root()).text


@pytest.mark.parametrize("who", ["Jon Park", "Ines Costa"])
async def test_bob_hears_the_end(tmp_path: Path, who: str) -> None:
    async with house(tmp_path, ALSO_INES) as h:
        await answered(h, "q1.opened", "q2.enabled_content")
        answer = await h.press(who, await h.approval(), "approve.p1")
        await h.later(minutes=31)

        assert f"{who} approved" in words(answer)
        assert "Case closed" in "\n".join(await h.told("Bob Meyer"))
        over = await h.card("Bob Meyer")
        assert "Remembered more?" in over.text
        assert not [a for a in over.actions if a.startswith("answer")]

"""Somebody signed in as Carla, the CFO: contained first, and nothing is asked through her account."""

from pathlib import Path
from typing import Any

from tests.story.activity import click
from tests.story.graph_incident import (
    CARLA,
    alert,
    malware_blocked,
    malware_ran,
    unfamiliar_sign_in,
    user,
)
from tests.story.house import House, Json, house, words
from triage.actions import ActionKind
from triage.incident import ActionState, ApprovalState, Band, Disposition, Incident, Standing

SECRETS = ("sign", "device", "windows", "session", "account", "intruder", "revok", "disable")
"""What would tell an intruder that he was seen."""


def carla_reads(world: str) -> str:
    """Carla is in the team whose channel holds the incidents."""
    before, found, after = world.partition('"name": "Carla Duarte"')
    assert found
    return (
        before
        + found
        + after.replace('"teams": []', '"teams": ["19:contoso-security@thread.tacv2"]', 1)
    )


def with_mail_rule(**more: Any) -> Json:
    """The same incident, and a mail rule that hides what the intruder does."""
    body = unfamiliar_sign_in(**more)
    rule = alert(
        "Suspicious inbox manipulation rule",
        "microsoftDefenderForOffice365",
        user(CARLA, "carla@contoso.example"),
        id_="fa1",
        mitreTechniques=["T1564.008"],
    )
    return body | {"alerts": [*body["alerts"], rule]}


def action(incident: Incident, kind: ActionKind) -> ActionState:
    return next(a.state for a in incident.actions if a.kind is kind)


def decided(incident: Incident) -> tuple[Band, float]:
    assert incident.decision is not None
    return incident.decision.band, round(incident.decision.probability, 2)


async def silent(h: House) -> bool:
    return not await h.chat("Carla Duarte")


async def test_sessions_are_revoked_first_and_carla_gets_no_card(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        incident = await h.incident("4713")
        assert action(incident, ActionKind.REVOKE_SESSIONS) is ActionState.DONE
        assert action(incident, ActionKind.DISABLE_ACCOUNT) is ActionState.PROPOSED
        assert await silent(h)
        (call,) = incident.calls
        assert (call.number, call.number_source) == ("+44 20 7946 0133", "HR record of 2026-03")
        assert "+44 20 7946 0133" in (await h.soc()).text
        assert "phoning Carla Duarte" in (await h.root()).text


async def test_the_intruder_s_words_lower_nothing_and_learn_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        before = decided(await h.incident("4713"))

        await h.write("Carla Duarte", "it was me, all fine")

        assert decided(await h.incident("4713")) == before
        (told,) = await h.told("Carla Duarte")
        assert told == "Thank you, received."
        said = "\n".join(await h.told("Nordwall MXDR"))
        assert (
            "may be in an attacker's hands. Carla Duarte (Contoso Security, own chat): it was me"
            in said
        )
        assert "it was me" not in (await h.root()).text


async def test_a_mail_rule_raises_and_the_customer_is_asked_to_disable(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        await h.report(with_mail_rule())

        incident = await h.incident("4713")
        assert decided(incident) == (Band.CONTAIN, 0.95)
        assert len(await h.conversations("Contoso")) == 1
        asked = {line: m for m in await h.thread() if m.card for line in m.text.splitlines()}
        assert "Reset the password of Carla Duarte?" in asked
        disable = next(asked[line] for line in asked if line.startswith("Disable the account"))
        assert await silent(h)

        await h.press("Jon Park", disable, next(a for a in disable.actions if "approve" in a))

        assert action(await h.incident("4713"), ActionKind.DISABLE_ACCOUNT) is ActionState.DONE
        assert await silent(h)


async def test_not_mine_by_phone_contains(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")

        incident = await h.incident("4713")
        assert decided(incident) == (Band.CONTAIN, 0.95)
        assert incident.calls[0].done_at is not None
        assert "Carla Duarte says by phone: It was not me" in (await h.root()).text
        await h.press("Jon Park", await h.approval(), "approve.p1")
        await h.later(hours=2)
        kept = await h.incident("4713")
        assert kept.closed is None, "a suspect account is never finished without a person"
        assert await silent(h)


async def test_mine_by_phone_is_proposed_as_expected(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.mine")

        incident = await h.incident("4713")
        assert decided(incident) == (Band.PROPOSE, 0.05)
        await h.press("Mia Lindqvist", await h.soc(), "close")
        closed = (await h.incident("4713")).closed
        assert closed is not None
        assert closed.disposition is Disposition.EXPECTED


async def test_mine_by_phone_asks_nobody_to_disable_her_account_any_more(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.mine")

        incident = await h.incident("4713")
        assert [a for a in incident.approvals if a.state is ApprovalState.OPEN] == []
        assert "Your turn" not in (await h.root()).text


async def test_a_mail_rule_contradicts_what_was_said_by_phone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.mine")

        await h.report(with_mail_rule())

        incident = await h.incident("4713")
        assert decided(incident)[0] is Band.CONTAIN
        assert incident.decision is not None
        assert "answer.contradicted" in {r.rule for r in incident.decision.reasons}


async def test_only_an_analyst_on_the_roster_records_a_call(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        user_ = {"name": "Eve Example", "upn": "eve@nordwall.example"}
        await h._api("POST", "/tenants/a1e4c7b9-58d2-4f36-8e0b-9c7d6a5b4f32/users", user_)
        await h.report(unfamiliar_sign_in())

        await h.press("Eve Example", await h.soc(), "record_call.q1.mine")

        incident = await h.incident("4713")
        assert incident.questions[0].answer is None
        assert incident.calls[0].done_at is None


async def test_nobody_reached_by_phone_leaves_the_case_with_a_person(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        await h.later(hours=4)

        incident = await h.incident("4713")
        assert incident.handed_over is not None
        assert incident.closed is None
        assert [c for c in incident.calls if c.done_at is None]
        assert await silent(h)


async def test_a_card_already_open_is_withdrawn_when_the_account_becomes_suspect(
    tmp_path: Path,
) -> None:
    """Carla was asked about a file in plain words; then her account is in doubt."""
    async with house(tmp_path) as h:
        about_a_file = malware_ran(id_="4720")
        about_a_file["alerts"][0]["evidence"][0] = user(CARLA, "carla@contoso.example")
        await h.report(about_a_file)
        assert "answer.q1.opened" in (await h.card("Carla Duarte")).actions

        await h.report(unfamiliar_sign_in())

        incident = await h.incident("4720")
        assert incident.id == (await h.incident("4713")).id, "one person, one case"
        card = await h.card("Carla Duarte")
        assert card.actions == ["answer.call_me"]
        assert not any(word in card.text.lower() for word in SECRETS)
        assert {c.person.name for c in incident.calls} == {"Carla Duarte"}


async def test_carla_may_ask_for_a_call_on_a_card_that_asks_nothing_any_more(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        about_a_file = malware_ran(id_="4720")
        about_a_file["alerts"][0]["evidence"][0] = user(CARLA, "carla@contoso.example")
        await h.report(about_a_file)
        await h.report(unfamiliar_sign_in())

        answer = await h.press("Carla Duarte", await h.card("Carla Duarte"), "answer.call_me")

        assert "Thank you, received." in words(answer)
        assert not any(word in words(answer).lower() for word in SECRETS)
        assert "Carla Duarte wants to be called" in "\n".join(await h.told("Nordwall MXDR"))


async def test_an_old_card_of_a_suspect_account_lowers_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        about_a_file = malware_blocked(id_="4721")
        about_a_file["alerts"][0]["evidence"][0] = user(CARLA, "carla@contoso.example")
        await h.report(about_a_file)
        card = await h.card("Carla Duarte")
        await h.report(unfamiliar_sign_in())
        before = await h.incident("4721")

        answer = await h.send(await click(h, "Carla Duarte", card, card.data("answer.q1.expected")))
        await h.settle()

        after = await h.incident("4721")
        assert before.decision is not None
        assert after.decision is not None
        assert after.decision.log_odds == before.decision.log_odds
        assert after.questions[0].replies[-1].standing is not Standing.COUNTED
        assert "received" in words(answer)
        assert not any(word in words(answer).lower() for word in SECRETS)


# --- what ends it, and where it reaches ------------------------------------------------------------


async def made_safe(h: House, *parts: str) -> None:
    carla = (await h.person("Carla Duarte"))["id"]
    for part in parts:
        inputs = {"part": f"{carla}:{part}", "proof": "Ticket 4711, in person"}
        await h.press("Mia Lindqvist", await h.soc(), "clear", inputs)


async def test_reset_revocation_and_a_check_lift_the_taint_and_the_record_says_so(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")
        assert "Person verified (L3): " in (await h.soc()).text
        assert "Password reset: not yet" in (await h.soc()).text

        await made_safe(h, "reset", "revoked")
        assert "Ticket 4711" in (await h.soc()).text
        assert (await h.incident("4713")).suspects
        await h.later(minutes=16)

        assert not (await h.incident("4713")).suspects
        assert "Taint lifted after reset, revocation, L3: Carla" in "\n".join(
            await h.told("Nordwall MXDR")
        )
        recorded = [e for e in await h.history("4713") if e.event.kind == "clearance_recorded"]
        assert [e.actor for e in recorded] == [(await h.person("Mia Lindqvist"))["id"]] * 2


async def test_other_open_cases_of_a_person_learn_of_it_at_once_and_of_its_end(
    tmp_path: Path,
) -> None:
    """What joins one case and not the other: here two cases of one person, by their devices."""
    async with house(tmp_path) as h:
        about_a_file = malware_ran(id_="4720")
        about_a_file["alerts"][0]["evidence"][0] = user(CARLA, "carla@contoso.example")
        await h.report(about_a_file)
        await h.later(hours=25)  # too late to become one case
        await h.report(unfamiliar_sign_in())
        other = await h.incident("4720")
        assert other.id != (await h.incident("4713")).id
        carla = (await h.person("Carla Duarte"))["id"]
        assert other.is_tainted(carla)
        card = await h.card("Carla Duarte")
        assert not any(word in card.text.lower() for word in SECRETS)

        inputs = {"disposition": "falsePositive", "comment": "On holiday, says her assistant."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        assert not (await h.incident("4720")).is_tainted(carla)


# --- low severity ----------------------------------------------------------------------------------


async def test_at_low_severity_a_card_leads_to_the_service_desk_and_reveals_nothing(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in(severity="low"))

        card = await h.card("Carla Duarte")
        assert "call the service desk on the number you know" in card.text
        assert (await h.incident("4713")).code in card.text
        assert not any(word in str(card.activity).lower() for word in ("windows", "unfamiliar"))
        assert not any(word in card.text.lower() for word in SECRETS)
        assert "+44" not in card.text
        assert card.actions == ["answer.q1.call_me"]


async def test_call_me_on_a_neutral_card_gives_an_analyst_the_call(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in(severity="low"))

        await h.press("Carla Duarte", await h.card("Carla Duarte"), "answer.q1.call_me")

        (call,) = (await h.incident("4713")).calls
        assert call.number == "+44 20 7946 0133"
        text = (await h.card("Carla Duarte")).text.lower()
        assert not any(word in text for word in SECRETS)


async def test_a_forged_answer_through_a_neutral_card_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in(severity="low"))
        card = await h.card("Carla Duarte")
        data = card.data("answer.q1.call_me") | {"choice": "mine"}
        await h.send(await click(h, "Carla Duarte", card, data))
        await h.settle()

        assert (await h.incident("4713")).questions[0].replies == ()


# --- where she reads the thread --------------------------------------------------------------------


async def test_where_carla_reads_the_thread_it_tells_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())
        await h.report(with_mail_rule())

        thread = await h.thread("Contoso")
        assert [m.conversation for m in thread] == [thread[0].conversation]
        text = thread[0].text
        assert "A case is being worked on" in text
        assert "told another way" in text
        assert "Carla" not in text
        assert not any(word in text.lower() for word in SECRETS)
        assert action(await h.incident("4713"), ActionKind.REVOKE_SESSIONS) is ActionState.DONE
        assert "Carla" in (await h.soc()).text


async def test_nothing_ever_sent_to_the_guarded_thread_names_her(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())
        await h.write("Carla Duarte", "it was me")
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")
        inputs = {"disposition": "truePositive", "comment": "Reset in person."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)
        await h.press("Mia Lindqvist", await h.soc(), "reopen")

        sent = [str(s.activity) for s in h.sent if s.conversation.startswith("19:contoso")]
        assert sent
        assert not [text for text in sent if "Carla" in text or "carla@" in text]


async def test_what_the_guarded_thread_cannot_ask_is_decided_by_phone(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())
        await h.press("Mia Lindqvist", await h.soc(), "record_call.q1.not_mine")
        incident = await h.incident("4713")
        disable = next(a for a in incident.actions if a.kind is ActionKind.DISABLE_ACCOUNT)
        asked = next(a for a in incident.approvals if a.action == disable.id)
        assert "Tell " in (await h.soc()).text

        inputs = {"consent": f"{asked.id}:approve:jon@contoso.example"}
        await h.press("Mia Lindqvist", await h.soc(), "record_consent", inputs)

        assert action(await h.incident("4713"), ActionKind.DISABLE_ACCOUNT) is ActionState.DONE
        said = [str(s.activity) for s in h.sent if s.conversation.startswith("19:contoso")]
        assert not [text for text in said if "Jon" in text or "Disable" in text]


async def test_a_card_in_the_thread_is_hidden_when_carla_who_reads_there_becomes_suspect(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        about_a_file = malware_ran(id_="4720")
        about_a_file["alerts"][0]["evidence"][0] = user(CARLA, "carla@contoso.example")
        await h.report(about_a_file)
        await h.press("Carla Duarte", await h.card("Carla Duarte"), "answer.q1.opened")
        await h.press("Carla Duarte", await h.card("Carla Duarte"), "answer.q2.enabled_content")
        shown = await h.approval()
        assert [a for a in shown.actions if a.startswith("approve")]

        await h.report(unfamiliar_sign_in())

        for seen in [m for m in await h.thread() if m.card]:
            assert seen.actions == []
            assert "LAPTOP" not in seen.text
            assert "Carla" not in seen.text

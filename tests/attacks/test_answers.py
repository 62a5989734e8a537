"""Clicks that are not Bob's, or not meant for this: other people, other places, again, too late."""

from pathlib import Path

import pytest

from tests.story.activity import click, deliver, envelope
from tests.story.graph_incident import CONTOSO, malware_blocked, malware_ran, user
from tests.story.house import House, Seen, house, words
from tests.story.test_blocked_file import OPTED_IN
from triage.incident import Open

JON = "4f97bb5b-b7e3-4f8a-b480-6fefa7d0ba5b"


async def asked(h: House) -> Seen:
    await h.report(malware_ran())
    return await h.card("Bob Meyer")


async def is_unanswered(h: House) -> bool:
    (question,) = (await h.incident("4711")).questions
    return question.replies == () and isinstance(question.state, Open)


@pytest.mark.parametrize("who", ["Carla Duarte", "Jon Park", "Ines Costa (admin)"])
async def test_nobody_answers_for_bob_whatever_they_may_do_elsewhere(
    tmp_path: Path, who: str
) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)

        answer = await h.send(await click(h, who, card, card.data("answer.q1.opened")))
        await h.settle()

        assert words(answer) == "Only the person who was asked can answer."
        assert await is_unanswered(h)
        assert (await h.history("4711"))[-1].actor == (await h.person(who))["id"]


async def test_a_card_s_handle_opens_nothing_from_another_tenant_and_the_try_is_recorded(
    tmp_path: Path,
) -> None:
    """With Bob's own object id in it: only the tenant differs."""
    async with house(tmp_path) as h:
        card = await asked(h)
        forged = await click(h, "Lee Chen", card, card.data("answer.q1.opened"))
        bob = await h.person("Bob Meyer")
        forged["from"] = {"id": bob["mri"], "name": bob["name"], "aadObjectId": bob["id"]}

        answer = await h.send(forged)
        await h.settle()

        assert words(answer) == "This card is no longer in use."
        assert await is_unanswered(h)
        refused = [payload for kind, payload in await h.desk() if kind == "click_refused"]
        assert [r["tenant"] for r in refused] == [forged["conversation"]["tenantId"]]
        assert refused[0]["tenant"] != CONTOSO


async def test_a_card_s_button_is_pressed_where_the_card_stands(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        data, root = card.data("answer.q1.opened"), await h.root()
        elsewhere = await click(h, "Bob Meyer", card, data, conversation=root.conversation)

        answer = await h.send(elsewhere)
        await h.settle()

        assert words(answer) == "This card is no longer in use."
        assert await is_unanswered(h)


async def test_a_recorded_click_played_back_changes_nothing_and_shows_what_stands(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        recorded = await click(h, "Bob Meyer", card, card.data("answer.q1.not_me"), id_="f:1")
        await h.send(recorded)
        await h.settle()
        log, state = await h.history("4711"), await h.incident("4711")

        for _ in range(3):
            assert "Thank you" in words(await h.send(recorded))
        await h.settle()

        assert await h.history("4711") == log
        assert await h.incident("4711") == state


async def test_a_card_of_last_quarter_opens_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        await h.later(days=91)
        before = (await h.incident("4711")).questions

        answer = await h.send(await click(h, "Bob Meyer", card, card.data("answer.q1.opened")))
        await h.settle()

        assert words(answer) == "This card is no longer in use."
        assert (await h.incident("4711")).questions == before


@pytest.mark.parametrize(
    "forged",
    [
        {"button": "close_as", "disposition": "falsePositive", "comment": "All clear."},
        {"button": "take"},
        {"button": "contain", "on": "a1"},
        {"button": "undo", "on": "a1"},
        {"button": "record_call", "on": "q1", "choice": "not_me"},
        {"button": "approve", "on": "p1"},
    ],
)
async def test_bob_s_card_rewritten_is_no_key_to_another_card_s_buttons(
    tmp_path: Path, forged: dict[str, str]
) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        before = len(await h.history("4711"))
        data = card.data("answer.q1.opened") | forged

        answer = await h.send(await click(h, "Bob Meyer", card, data))
        await h.settle()

        assert words(answer) == "This card is no longer in use."
        assert len(await h.history("4711")) == before


async def test_an_answer_that_was_never_offered_counts_for_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        before = (await h.incident("4711")).decision
        data = card.data("answer.q1.opened") | {"choice": "mine"}

        await h.send(await click(h, "Bob Meyer", card, data))
        await h.settle()

        assert await is_unanswered(h)
        assert (await h.incident("4711")).decision == before


async def test_one_who_says_yes_does_not_answer_for_the_other(tmp_path: Path) -> None:
    """Sentinel's Prompt-User closes the incident on the first "this was me"."""
    async with house(tmp_path, OPTED_IN) as h:
        body = malware_blocked()
        body["alerts"][0]["evidence"].append(user(JON, "jon@contoso.example"))
        await h.report(body)
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.expected")
        incident = await h.incident("4712")

        assert (incident.closed, incident.closing) == (None, None)
        waits = [q.person.name for q in incident.questions if q.state.state == "open"]
        assert waits == ["Jon Park"]


async def test_a_name_in_the_activity_is_no_identity(tmp_path: Path) -> None:
    """The object id is Carla's; everything else says Bob."""
    async with house(tmp_path) as h:
        card = await asked(h)
        forged = await click(h, "Bob Meyer", card, card.data("answer.q1.opened"))
        forged["from"]["aadObjectId"] = (await h.person("Carla Duarte"))["id"]

        assert words(await h.send(forged)) == "Only the person who was asked can answer."
        await h.settle()
        assert await is_unanswered(h)


async def test_stop_does_not_stop_the_questions(tmp_path: Path) -> None:
    """In securitybot any user, or their intruder, could opt out of being asked."""
    async with house(tmp_path) as h:
        await h.write("Bob Meyer", "stop")
        await h.write("Bob Meyer", "ignore")
        await h.app("Bob Meyer", "install")

        assert "not in trouble" in (await asked(h)).text


async def test_nobody_is_pulled_into_a_conversation_of_others(tmp_path: Path) -> None:
    """Dispatch adds the asked user to the case conversation."""
    async with house(tmp_path) as h:
        card = await asked(h)
        await h.press("Bob Meyer", card, "answer.q1.opened")

        assert card.conversation not in await h.conversations("Contoso")
        asked_for = [c["path"] for c in await h.calls() if c["method"] == "POST"]
        assert not [path for path in asked_for if path.endswith("/members")]
        mentions = [
            entity["mentioned"]["name"]
            for sent in h.sent
            for attachment in sent.activity.get("attachments") or []
            for entity in attachment["content"].get("msteams", {}).get("entities", [])
        ]
        assert "Bob Meyer" not in mentions


async def test_an_activity_without_an_object_id_is_nobody_s_answer(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        nobody = await envelope(h, await h.person("Bob Meyer"), card.conversation, "invoke", None)
        del nobody["from"]["aadObjectId"]
        action = {"type": "Action.Execute", "verb": "answer", "data": card.data("answer.q1.opened")}
        nobody |= {"name": "adaptiveCard/action", "value": {"action": action}}

        assert await deliver(h, nobody) == 200
        await h.settle()
        assert await is_unanswered(h)

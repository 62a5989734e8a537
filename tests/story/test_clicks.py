"""Clicks of the wrong person, from the wrong place, with the wrong data, again, and too late."""

from pathlib import Path
from typing import Any

import pytest

from tests.story.activity import click, deliver, envelope, text
from tests.story.graph_incident import malware_ran
from tests.story.house import House, Json, Seen, house, words
from triage.incident import Open, Status


async def asked(h: House) -> Seen:
    await h.report(malware_ran())
    return await h.card("Bob Meyer")


async def is_untouched(h: House) -> bool:
    (question,) = (await h.incident("4711")).questions
    return question.replies == () and isinstance(question.state, Open)


async def test_somebody_else_in_bob_s_place_answers_nothing_and_is_recorded(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)

        answer = await h.send(await click(h, "Carla Duarte", card, card.data("answer.q1.not_me")))
        await h.settle()

        assert words(answer) == "Only the person who was asked can answer."
        assert await is_untouched(h)
        assert (await h.history("4711"))[-1].actor == (await h.person("Carla Duarte"))["id"]
        assert "Somebody else tried to answer" in (await h.soc()).text


async def test_somebody_else_does_not_even_see_the_question_again(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        change = card.data("answer.q1.not_me") | {"button": "change"}

        answer = await h.send(await click(h, "Carla Duarte", card, change))

        assert words(answer) == "Only the person who was asked can answer."


async def test_a_handle_of_another_tenant_finds_nothing_and_is_recorded(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        lee = (await h._api("POST", "/chats", {"user": "lee@fabrikam.example"}))["id"]
        data = card.data("answer.q1.not_me")

        for place in (card.conversation, lee):
            forged = await click(h, "Lee Chen", card, data, conversation=place)
            answer = await h.send(forged)
            assert words(answer) == "This card is no longer in use."
        await h.settle()

        assert await is_untouched(h)
        refused = [payload for kind, payload in await h.desk() if kind == "click_refused"]
        assert {r["tenant"] for r in refused} == {"3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"}
        assert len(refused) == 2


async def test_bob_s_own_card_pressed_from_another_conversation_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        root = await h.root()
        data = card.data("answer.q1.not_me")

        for place in (root.conversation, "a:1somewhere-else"):
            forged = await click(h, "Bob Meyer", card, data, conversation=place)
            assert words(await h.send(forged)) == "This card is no longer in use."
        await h.settle()

        assert await is_untouched(h)
        assert [kind for kind, _ in await h.desk()].count("click_refused") == 2


GARBAGE: list[Any] = [
    {},
    {"handle": None},
    {"handle": 5, "button": "answer"},
    {"handle": "x" * 5_000, "button": "answer"},
    {"handle": "unknown", "button": "answer", "on": "q1", "choice": "opened"},
    {"handle": "unknown", "button": "rm -rf"},
    {"handle": ["x"], "button": {"y": 1}},
    {"button": "answer", "on": "q1", "choice": "not_me"},
    {"handle": "\0", "button": "answer"},
]


async def test_a_click_with_garbage_changes_nothing_and_is_answered(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        before = await h.history("4711")

        for data in GARBAGE:
            answer = await h.send(await click(h, "Bob Meyer", card, data))
            assert answer["status"] == 200, data
            assert len(words(answer).split()) > 2, data
        await h.settle()

        assert await h.history("4711") == before


async def test_half_a_surrogate_in_a_click_is_no_error_of_ours(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        for data in ({"handle": "\ud800", "button": "answer"}, {"\ud800": "\udfff"}):
            assert await deliver(h, await click(h, "Bob Meyer", card, data)) == 200
        said = await text(h, "Bob Meyer", card.conversation, "broken \ud83d emoji \0")
        assert await deliver(h, said) == 200
        await h.settle()

        assert "broken" in "\n".join(await h.told("Nordwall MXDR"))


WRONG: list[Json] = [
    {"on": "q9"},
    {"on": ""},
    {"on": 7},
    {"choice": "mine"},
    {"choice": ""},
    {"choice": {"a": 1}},
    {"button": "record_call"},
    {"button": "close"},
    {"button": "close_as", "disposition": "falsePositive", "comment": "mine"},
    {"button": "take"},
    {"button": "contain", "on": "a3"},
    {"button": "undo", "on": "a1"},
    {"button": "keep_open"},
    {"button": "reopen"},
    {"button": "approve", "on": "p1"},
    {"button": "accept"},
]


async def test_bob_s_handle_opens_nothing_but_bob_s_question(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        honest = card.data("answer.q1.opened")

        for wrong in WRONG:
            answer = await h.send(await click(h, "Bob Meyer", card, honest | wrong))
            assert answer["status"] == 200, wrong
        await h.settle()

        incident = await h.incident("4711")
        assert await is_untouched(h)
        assert (incident.owner, incident.closed, incident.approvals) == (None, None, ())


@pytest.mark.parametrize("data", [None, [], "opened", 5])
async def test_a_click_without_an_object_of_data_is_refused(tmp_path: Path, data: Any) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)

        answer = await h.send(await click(h, "Bob Meyer", card, data))
        await h.settle()

        assert answer["status"] == 200
        assert answer["body"]["statusCode"] in (200, 400)
        assert await is_untouched(h)


async def test_the_same_click_delivered_twice_counts_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        pressed = await click(h, "Bob Meyer", card, card.data("answer.q1.opened"), id_="f:once")

        first = await h.send(pressed)
        log = await h.history("4711")
        again = await h.send(pressed)
        await h.settle()

        assert words(again) == words(first)
        (reply,) = (await h.incident("4711")).questions[0].replies
        assert reply.choice == "opened"
        assert [e.key for e in await h.history("4711")][: len(log)] == [e.key for e in log]
        assert [e.event.kind for e in await h.history("4711")].count("answered") == 1


async def test_pressing_the_same_button_again_says_so_and_counts_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        data = card.data("answer.q1.opened")

        await h.send(await click(h, "Bob Meyer", card, data))
        again = await h.send(await click(h, "Bob Meyer", card, data))
        await h.settle()

        assert again["status"] == 200
        assert len((await h.incident("4711")).questions[0].replies) == 1
        assert len([m for m in await h.chat("Bob Meyer") if m.card]) == 1


async def test_an_old_client_that_submits_is_heard_and_its_card_is_edited(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)

        await h.press("Bob Meyer", card, "answer.q1.opened", how="submit")

        assert (await h.incident("4711")).questions[0].answer is not None
        edited = await h.card("Bob Meyer")
        assert (edited.id, "enable content" in edited.text) == (card.id, True)


async def test_a_refused_submit_is_told_in_words(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await asked(h)
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.not_me")
        approval = await h.approval()

        await h.press("Ines Costa", approval, "approve.p1", how="submit")

        assert any("Only an approver" in said for said in await h.told("Contoso"))


async def test_a_click_after_the_end_that_would_lower_is_recorded_for_an_analyst(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        await h.press("Bob Meyer", card, "answer.q1.opened")
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q2.enabled_content")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        await h.later(minutes=31)

        await h.send(await click(h, "Bob Meyer", card, card.data("answer.q1.not_me")))
        await h.settle()

        incident = await h.incident("4711")
        assert (incident.status, incident.reopened) == (Status.RESOLVED, 0)
        assert any("downwards" in said for said in await h.told("Nordwall MXDR"))


async def test_a_first_answer_after_the_end_that_raises_reopens(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        inputs = {"disposition": "falsePositive", "comment": "Thought so."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)

        await h.send(await click(h, "Bob Meyer", card, card.data("answer.q1.opened")))
        await h.settle()

        incident = await h.incident("4711")
        assert (incident.closed, incident.reopened) == (None, 1)


async def test_a_card_of_three_months_ago_is_no_longer_in_use(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        await h.later(days=91)

        answer = await h.send(await click(h, "Bob Meyer", card, card.data("answer.q1.opened")))

        assert words(answer) == "This card is no longer in use."


async def test_what_an_invoke_asks_that_we_do_not_offer_is_501(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        invoke = await click(h, "Bob Meyer", card, {}) | {"name": "task/fetch"}

        assert (await h.send(invoke))["status"] == 501


async def test_activities_without_a_person_or_words_are_acknowledged(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        bob = await h.person("Bob Meyer")
        for type_ in ("typing", "messageReaction", "event", "endOfConversation", "messageUpdate"):
            sent = await envelope(h, bob, card.conversation, type_, None)
            assert (await h.send(sent))["status"] == 200, type_
        nobody = await text(h, "Bob Meyer", card.conversation, "hi")
        del nobody["from"]["aadObjectId"]
        assert (await h.send(nobody))["status"] == 200
        for words_ in ("", "   ", "\0", "x" * 20_000):
            blank = await text(h, "Bob Meyer", card.conversation, words_)
            assert (await h.send(blank))["status"] == 200, words_[:5]
        await h.settle()


async def test_a_forged_token_is_401_and_does_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        card = await asked(h)
        pressed = await click(h, "Bob Meyer", card, card.data("answer.q1.not_me"))
        contoso = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
        forged: list[Json] = [{"key": "impostor"}, {"algorithm": "none"}, {"expiresIn": -900}]
        for how in forged:
            token = (await h._api("POST", "/tokens", {"tenant": contoso} | how))["token"]
            answer = await h._api("POST", "/activities", {"activity": pressed, "token": token})
            assert answer["status"] == 401, how
        unsigned = await h._api("POST", "/activities", {"activity": pressed, "token": ""})
        assert unsigned["status"] == 401
        await h.settle()

        assert await is_untouched(h)

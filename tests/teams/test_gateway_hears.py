"""What people do in Teams arrives as one typed event, and the answer reaches them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.inbound import (
    Actor,
    Clicked,
    Installed,
    Nothing,
    Place,
    Removed,
    RosterChanged,
    ShowCard,
    ShowText,
    Texted,
    TryAgainLaterError,
)
from bot.inbound import Posted as AnsweredThere
from bot.teams.incoming import BadActivityError, parse
from dialogs.messenger import Conversation, Posted
from tests.teams.gatehouse import APP_ID, BOB, CONTOSO, INCIDENTS, TEAM, House, card, open_house

BOB_MRI = "29:1O6yiFNWR3skKWbXtqLgmPpfLwjxnhTbsL9iM-h-cn-1177fzHcAAifwiMLU4OTIw"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def write(house: House, where: str, text: str, *, by: str, mention: bool = False) -> Any:
    body = {"from": by, "text": text, "mentionBot": mention}
    return await house.play("POST", f"/api/conversations/{where}/messages", body)


async def asked(house: House) -> tuple[Conversation, Posted]:
    """Bob has a question on his screen."""
    chat = await house.chat()
    return chat, await house.gateway.messenger.send(chat, card())


async def click(house: House, chat: Conversation, posted: Posted, **how: Any) -> Any:
    path = f"/api/conversations/{chat.conversation_id}/messages/{posted.activity_id}/click"
    return await house.play("POST", path, {"user": BOB, "action": "Yes"} | how)


# Words


async def test_what_bob_writes_in_his_chat_is_heard(house: House) -> None:
    chat = await house.chat()

    written = await write(house, chat.conversation_id, "yes, I did", by=BOB)

    assert written["status"] == 200
    assert house.heard == [
        Texted(
            Actor(BOB, BOB_MRI, "Bob Meyer", "en-GB", "Europe/London"),
            Place(CONTOSO, chat.conversation_id, house.service_url, personal=True),
            written["message"]["id"],
            "yes, I did",
            mentioned=False,
        )
    ]


async def test_a_mention_is_cut_out_of_a_channel_message_and_reported(house: House) -> None:
    text = "what does Vouch know?"

    written = await write(house, INCIDENTS, text, by="jon@contoso.example", mention=True)

    event = house.heard[0]
    assert isinstance(event, Texted)
    assert (event.text, event.mentioned) == (text, True)
    assert event.place == Place(
        CONTOSO,
        written["conversation"],
        house.service_url,
        personal=False,
        team_id=TEAM,
        channel_id=INCIDENTS,
    )
    assert ";messageid=" in event.place.conversation_id


async def test_a_mention_of_somebody_else_stays_in_the_text(house: House) -> None:
    other = {"type": "mention", "text": "<at>Jon</at>", "mentioned": {"id": "29:jon"}}

    await house.post(house.message("<at>Jon</at> please", entities=[other, {"type": "clientInfo"}]))

    event = house.heard[0]
    assert isinstance(event, Texted)
    assert (event.text, event.mentioned) == ("<at>Jon</at> please", False)


async def test_only_the_first_mention_of_each_entity_is_cut_out(house: House) -> None:
    entity = {"type": "mention", "text": "<at>V</at>", "mentioned": {"id": f"28:{APP_ID}"}}

    await house.post(house.message("<at>V</at>&nbsp;say <at>V</at>", entities=[entity]))

    assert isinstance(house.heard[0], Texted)
    assert house.heard[0].text == "say <at>V</at>"


async def test_a_help_text_comes_back_into_the_chat(house: House) -> None:
    chat = await house.chat()
    house.listener.response = ShowText("Ask me about *your* questions.")

    await write(house, chat.conversation_id, "help", by=BOB)

    [(place, text)] = house.listener.said
    assert (place.conversation_id, place.personal) == (chat.conversation_id, True)
    assert text == "Ask me about *your* questions."


async def test_a_tap_is_answered_before_its_words_are_said_where_all_read_them(
    house: House,
) -> None:
    chat, posted = await asked(house)
    house.listener.response = AnsweredThere(ShowText("CONTOSO-1: Noted."))

    pressed = await click(house, chat, posted)

    assert pressed["status"] == 200
    assert house.listener.said == [], "nothing is posted in the time of the tap"
    [(place, text)] = house.listener.said_afterwards
    assert (place.conversation_id, text) == (chat.conversation_id, "CONTOSO-1: Noted.")


async def test_a_help_text_comes_back_into_the_thread(house: House) -> None:
    house.listener.response = ShowText("Here.")

    written = await write(house, INCIDENTS, "help", by="jon@contoso.example", mention=True)

    [(place, _)] = house.listener.said
    assert (place.conversation_id, place.personal) == (written["conversation"], False)


async def test_who_has_no_object_id_is_nobody(house: House) -> None:
    nobodies: list[Any] = [{"id": "28:another-bot", "name": "Another"}, None]

    for nobody in nobodies:
        assert (await house.post(house.message() | {"from": nobody})).status == 200
    assert house.heard == []


async def test_escapes_that_no_database_stores_are_replaced(house: House) -> None:
    await house.post(house.message("a\0b \ud83d c \U0001f600 \\u0000"))

    assert isinstance(house.heard[0], Texted)
    assert house.heard[0].text == "a\ufffdb \ufffd c \U0001f600 \\u0000"


# Buttons


@pytest.mark.parametrize("manner", ["execute", "submit"])
async def test_bobs_click_is_heard_with_what_he_filled_in(house: House, manner: str) -> None:
    chat, posted = await asked(house)

    await click(house, chat, posted, inputs={"note": "it was me"}, **{"as": manner})

    event = house.heard[0]
    assert isinstance(event, Clicked)
    assert event.fields == {"handle": "h1", "answer": "yes", "note": "it was me"}
    assert (event.via, event.actor.object_id, event.place.personal) == (manner, BOB, True)
    assert event.activity_id


async def test_the_askers_new_view_is_the_answer_to_the_click(house: House) -> None:
    chat, posted = await asked(house)
    view = {"type": "AdaptiveCard", "version": "1.5", "body": []}
    house.listener.response = ShowCard(view)

    answer = await click(house, chat, posted)

    kind = "application/vnd.microsoft.card.adaptive"
    assert answer == {"status": 200, "body": {"statusCode": 200, "type": kind, "value": view}}
    assert (await house.messages(chat))[-1]["viewFor"] == {BOB: view}


@pytest.mark.parametrize(("response", "text"), [(ShowText("Noted."), "Noted."), (Nothing(), "")])
async def test_a_sentence_is_the_answer_to_the_click(
    house: House, response: ShowText | Nothing, text: str
) -> None:
    chat, posted = await asked(house)
    house.listener.response = response

    answer = await click(house, chat, posted)

    kind = "application/vnd.microsoft.activity.message"
    assert answer["body"] == {"statusCode": 200, "type": kind, "value": text}


async def test_a_submitted_card_gets_a_sentence_as_a_message_and_no_card(house: House) -> None:
    chat, posted = await asked(house)
    house.listener.response = ShowCard({"type": "AdaptiveCard"})
    await click(house, chat, posted, **{"as": "submit"})
    house.listener.response = ShowText("Noted.")
    await click(house, chat, posted, **{"as": "submit"})

    assert [text for _, text in house.listener.said] == ["Noted."]


async def test_a_full_house_asks_the_person_to_press_again(house: House) -> None:
    chat, posted = await asked(house)
    house.listener.response = TryAgainLaterError()

    answer = await click(house, chat, posted)

    assert answer["status"] == 200
    assert answer["body"]["statusCode"] == 503
    assert answer["body"]["type"] == "application/vnd.microsoft.error"
    assert answer["body"]["value"]["code"] == "ServiceUnavailable"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "answer",
        [],
        {},
        {"action": "answer"},
        {"action": {"type": "Action.Submit", "data": {}}},
        {"action": {"type": "Action.Execute", "data": "yes"}},
    ],
    ids=str,
)
async def test_an_invoke_that_executes_nothing_is_told_so(house: House, value: Any) -> None:
    invoke = house.message(type="invoke", name="adaptiveCard/action", value=value)

    reply = await house.post(invoke)

    assert reply.status == 200
    assert reply.body["statusCode"] == 400
    assert reply.body["type"] == "application/vnd.microsoft.error"
    assert house.heard == []


async def test_an_execute_without_data_is_a_click_without_fields(house: House) -> None:
    value = {"action": {"type": "Action.Execute", "verb": "refresh"}, "trigger": "automatic"}

    await house.post(house.message(type="invoke", name="adaptiveCard/action", value=value))

    assert isinstance(house.heard[0], Clicked)
    assert house.heard[0].fields == {}


@pytest.mark.parametrize("name", [None, "task/fetch", "composeExtension/query", "signin/failure"])
async def test_what_the_bot_does_not_offer_is_not_implemented(
    house: House, name: str | None
) -> None:
    reply = await house.post(house.message(type="invoke", name=name, value={"malformed": [1]}))

    assert reply.status == 501
    assert house.heard == []


# Installing


async def test_adding_the_app_to_a_team_is_heard_with_the_chosen_channel(house: House) -> None:
    await house.play("POST", f"/api/teams/{TEAM}/install")

    assert [type(it) for it in house.heard] == [Installed, Installed]
    assert house.heard[0].activity_id != house.heard[1].activity_id
    assert {it.place.team_id for it in house.heard} == {TEAM}
    assert {it.place.personal for it in house.heard} == {False}
    assert house.heard[0].place.channel_id is not None
    assert house.heard[0].actor is not None


async def test_adding_the_app_for_oneself_is_heard_from_the_chat(house: House) -> None:
    await house.play("POST", f"/api/users/{BOB}/install")

    assert {type(it) for it in house.heard} == {Installed}
    assert house.heard[0].place.personal
    assert house.heard[0].place.conversation_id == (await house.chat()).conversation_id


async def test_removing_the_app_is_heard(house: House) -> None:
    await house.play("POST", f"/api/teams/{TEAM}/uninstall")
    await house.play("POST", f"/api/users/{BOB}/uninstall")

    assert {type(it) for it in house.heard} == {Removed}
    assert {it.place.personal for it in house.heard} == {True, False}


async def test_another_member_joining_is_no_installation(house: House) -> None:
    ada = {"name": "Ada Novak", "upn": "ada@contoso.example"}

    await house.play("POST", f"/api/tenants/{CONTOSO}/users", ada)

    assert [type(it) for it in house.heard] == [RosterChanged]


# Everything else


@pytest.mark.parametrize(
    "different",
    [
        {"type": "messageReaction", "reactionsAdded": [{"type": "like"}]},
        {"type": "typing"},
        {"type": "event", "name": "application/vnd.microsoft.readReceipt", "value": "x"},
        {"type": "conversationUpdate", "channelData": {"tenant": {"id": CONTOSO}, "team": {}}},
        {"type": "installationUpdate", "action": "unheard-of"},
        {"type": "endOfConversation"},
        {"type": "unheard-of", "deliveryMode": "expectReplies"},
        {"type": "message", "text": None},
        {"type": "message", "text": None, "value": "text"},
    ],
    ids=str,
)
async def test_what_the_bot_has_no_use_for_is_acknowledged(
    house: House, different: dict[str, Any]
) -> None:
    assert (await house.post(house.message(**different))).status == 200
    assert house.heard == []


async def test_replies_cannot_be_asked_into_the_response(house: House) -> None:
    reply = await house.post(house.message(deliveryMode="expectReplies"))

    assert (reply.status, reply.body) == (200, None)
    assert len(house.heard) == 1


@pytest.mark.parametrize("trouble", [TryAgainLaterError(), RuntimeError("a bug"), KeyError("a")])
@pytest.mark.parametrize("kind", ["message", "installationUpdate"])
async def test_what_was_not_taken_in_is_delivered_again(
    house: House, trouble: Exception, kind: str
) -> None:
    house.listener.response = trouble

    reply = await house.post(house.message(type=kind, action="add"))

    assert reply.status == 503
    assert reply.headers["Retry-After"] == "5"


async def test_a_click_that_failed_inside_is_not_acknowledged(house: House) -> None:
    house.listener.response = RuntimeError("a bug")
    value = {"action": {"type": "Action.Execute", "data": {}}}

    reply = await house.post(house.message(type="invoke", name="adaptiveCard/action", value=value))

    assert reply.status == 503


def test_depth_is_counted_and_not_guessed() -> None:
    wide = b'{"type": "message", "value": [' + b",".join([b"{}"] * 500) + b"]}"

    assert len(parse(wide)["value"]) == 500
    with pytest.raises(BadActivityError):
        parse(b'{"type": "message", "value": ' + b'{"a":' * 64 + b"1" + b"}" * 64 + b"}")

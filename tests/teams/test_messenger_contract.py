"""The Messenger's verbs do what they promise, and fail as they promise, against a whole Teams."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.teams import connector, network
from dialogs.messenger import (
    Channel,
    Conversation,
    GaveUpError,
    Mention,
    Message,
    Messenger,
    TryLaterError,
)
from tests.teams.gatehouse import BOB, CONTOSO, FABRIKAM, INCIDENTS, TEAM, House, card, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def messenger(house: House) -> Messenger:
    return house.gateway.messenger


async def opened(house: House) -> tuple[Conversation, str]:
    posted = await house.gateway.messenger.open_thread(house.channel, card())
    return Conversation(CONTOSO, posted.conversation_id, house.service_url), posted.activity_id


async def test_a_thread_opens_in_the_channel_with_its_card(house: House) -> None:
    thread, root = await opened(house)

    assert thread.conversation_id == f"{INCIDENTS};messageid={root}"
    shown = (await house.messages(thread))[0]["activity"]
    assert shown["attachments"][0]["content"] == card().card
    assert shown["summary"] == "A question for you"
    assert "text" not in shown


async def test_a_reply_stands_in_its_thread(house: House, messenger: Messenger) -> None:
    thread, root = await opened(house)

    posted = await messenger.reply(thread, Message(text="Bob denied it."))

    messages = await house.messages(thread)
    assert [it["id"] for it in messages] == [root, posted.activity_id]
    assert posted.conversation_id == thread.conversation_id


async def test_a_chat_with_a_person_is_found_again(house: House, messenger: Messenger) -> None:
    first = await messenger.open_direct(CONTOSO, house.service_url, BOB)
    second = await messenger.open_direct(CONTOSO, house.service_url, BOB)

    assert first == second == (await house.chat()).conversation_id


async def test_a_mention_names_somebody_and_nothing_else_is_live(
    house: House, messenger: Messenger
) -> None:
    chat = await house.chat()
    text = "<at>Bob Meyer</at>, **a&b** <b>x</b>\nnext"
    mention = Mention("29:bob", "Bob Meyer")

    posted = await messenger.send(chat, Message(text=text, mentions=(mention,)))

    activity = (await house.messages(chat))[-1]["activity"]
    assert (await house.messages(chat))[-1]["id"] == posted.activity_id
    assert activity["textFormat"] == "xml"
    assert activity["text"] == ("<at>Bob Meyer</at>, **a&amp;b** &lt;b&gt;x&lt;/b&gt;<br/>next")
    assert activity["entities"] == [
        {
            "type": "mention",
            "text": "<at>Bob Meyer</at>",
            "mentioned": {"id": "29:bob", "name": "Bob Meyer"},
        }
    ]


async def test_a_message_is_replaced(house: House, messenger: Messenger) -> None:
    thread, root = await opened(house)

    await messenger.update(thread, root, card("Answered."))

    message = (await house.messages(thread))[0]
    assert message["edits"] == 1
    assert message["activity"]["attachments"][0]["content"] == card("Answered.").card


async def test_a_message_is_removed(house: House, messenger: Messenger) -> None:
    thread, root = await opened(house)

    await messenger.delete(thread, root)

    assert (await house.messages(thread))[0]["deleted"]


async def test_the_roster_is_read_to_its_last_page(
    house: House, messenger: Messenger, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await messenger.roster(CONTOSO, house.service_url, TEAM)
    monkeypatch.setattr(connector, "PAGE", 1)

    paged = await messenger.roster(CONTOSO, house.service_url, TEAM)

    assert paged.members == whole.members
    assert (whole.pages, paged.pages) == (1, len(whole.members))
    assert len(whole.members) > 1
    jon = next(it for it in whole.members if it.upn == "jon@contoso.example")
    assert (jon.object_id, jon.name, jon.given_name) == (
        "4f97bb5b-b7e3-4f8a-b480-6fefa7d0ba5b",
        "Jon Park",
        "Jon",
    )
    assert jon.mri.startswith("29:")


# Giving up


async def test_a_message_that_is_no_more_is_gone(house: House, messenger: Messenger) -> None:
    thread, root = await opened(house)
    await messenger.delete(thread, root)

    for verb in (messenger.update(thread, root, card()), messenger.delete(thread, root)):
        with pytest.raises(GaveUpError) as caught:
            await verb
        assert caught.value.code == GaveUpError.GONE
        assert caught.value.reason == "404 ActivityNotFoundInConversation"


async def test_a_conversation_that_is_no_more_is_gone(house: House, messenger: Messenger) -> None:
    nowhere = Conversation(CONTOSO, f"{INCIDENTS};messageid=1", house.service_url)

    with pytest.raises(GaveUpError) as caught:
        await messenger.reply(nowhere, card())

    assert caught.value.code == GaveUpError.GONE


async def test_where_the_app_is_not_installed_nothing_is_posted(
    house: House, messenger: Messenger
) -> None:
    await house.play("POST", f"/api/teams/{TEAM}/uninstall")

    with pytest.raises(GaveUpError) as caught:
        await messenger.open_thread(house.channel, card())

    assert caught.value.code == GaveUpError.NOT_INSTALLED


async def test_a_person_who_blocked_the_bot_is_left_alone(
    house: House, messenger: Messenger
) -> None:
    chat = await house.chat()
    await house.play("POST", f"/api/users/{BOB}/block")

    for verb in (
        messenger.send(chat, card()),
        messenger.open_direct(CONTOSO, house.service_url, BOB),
    ):
        with pytest.raises(GaveUpError) as caught:
            await verb
        assert caught.value.code == GaveUpError.BLOCKED


async def test_a_person_nobody_knows_is_given_up(house: House, messenger: Messenger) -> None:
    with pytest.raises(GaveUpError) as caught:
        await messenger.open_direct(CONTOSO, house.service_url, "nobody")

    assert caught.value.code == GaveUpError.OTHER


async def test_another_tenants_channel_is_not_there(house: House, messenger: Messenger) -> None:
    fabrikams = Channel(FABRIKAM, INCIDENTS, house.sim.service_url(FABRIKAM))

    with pytest.raises(GaveUpError) as caught:
        await messenger.open_thread(fabrikams, card())

    assert caught.value.code == GaveUpError.GONE


async def test_a_service_url_of_another_tenant_is_never_called(house: House) -> None:
    before = await house.calls("/emea/")

    with pytest.raises(GaveUpError):
        await house.gateway.messenger.open_thread(
            replace(house.channel, tenant_id=FABRIKAM), card()
        )

    assert await house.calls("/emea/") == before


# Trying later


async def test_throttling_says_how_long_to_wait(house: House, messenger: Messenger) -> None:
    chat = await house.chat()
    await house.play("POST", "/api/faults", {"kind": "throttle", "retryAfter": 17})

    with pytest.raises(TryLaterError) as caught:
        await messenger.send(chat, card())

    assert (caught.value.after, caught.value.uncertain) == (17, False)
    assert caught.value.reason == "429 Throttled"


async def test_a_lost_answer_leaves_doubt(house: House, messenger: Messenger) -> None:
    chat = await house.chat()
    await house.play("POST", "/api/faults", {"kind": "lost_answer"})

    with pytest.raises(TryLaterError) as caught:
        await messenger.send(chat, card())

    assert caught.value.uncertain
    assert len(await house.messages(chat)) == 1


async def test_a_broken_gateway_leaves_doubt(house: House, messenger: Messenger) -> None:
    chat = await house.chat()
    await house.play("POST", "/api/faults", {"kind": "bad_gateway"})

    with pytest.raises(TryLaterError) as caught:
        await messenger.send(chat, card())

    assert caught.value.uncertain


async def test_reading_leaves_no_doubt(house: House, messenger: Messenger) -> None:
    await house.play("POST", "/api/faults", {"kind": "bad_gateway"})

    with pytest.raises(TryLaterError) as caught:
        await messenger.roster(CONTOSO, house.service_url, TEAM)

    assert not caught.value.uncertain


async def test_slowness_ends_in_doubt_and_not_in_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "PATIENCE", aiohttp.ClientTimeout(total=0.3))
    async with open_house(tmp_path) as house:
        chat = await house.chat()
        await house.gateway.messenger.send(chat, card())
        await house.play("POST", "/api/faults", {"kind": "slow", "seconds": 5})

        with pytest.raises(TryLaterError) as caught:
            await house.gateway.messenger.send(chat, card())

        assert caught.value.uncertain


async def test_nobody_listening_leaves_no_doubt(house: House, messenger: Messenger) -> None:
    chat = await house.chat()
    await house.gateway.messenger.send(chat, card())
    await house.sim.__aexit__(None, None, None)

    with pytest.raises(TryLaterError) as caught:
        await messenger.send(chat, card())

    assert not caught.value.uncertain

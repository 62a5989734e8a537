"""What leaves for Teams, where it may go, and what each refusal means."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.teams.gateway import Gateway
from bot.teams.hosts import is_allowed
from bot.teams.refusals import Answer, refusal
from dialogs.messenger import (
    Channel,
    Conversation,
    GaveUpError,
    Mention,
    Message,
    Messenger,
    TryLaterError,
)
from tests.teams.gatehouse import APP_ID, CONTOSO, INCIDENTS, Clock, Stub, card, stubbed

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
HOSTS = {"smba.trafficmanager.net", "localhost:8443"}


@pytest.fixture
async def wired(tmp_path: Path) -> AsyncIterator[tuple[Stub, Gateway, Clock]]:
    async with stubbed(tmp_path) as wired:
        yield wired


@pytest.fixture
def stub(wired: tuple[Stub, Gateway, Clock]) -> Stub:
    return wired[0]


@pytest.fixture
def messenger(wired: tuple[Stub, Gateway, Clock]) -> Messenger:
    return wired[1].messenger


@pytest.fixture
def thread(stub: Stub) -> Conversation:
    return Conversation(CONTOSO, f"{INCIDENTS};messageid=1", stub.base)


# What leaves


async def test_ids_are_encoded_once_in_the_path(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    await messenger.update(thread, "1/../2%", card())

    method, path, authorization, _ = stub.seen[0]
    assert (method, authorization) == ("PUT", "Bearer token 1")
    assert path == (
        f"/emea/{CONTOSO}/v3/conversations/"
        "19%3Acontoso-incidents%40thread.tacv2%3Bmessageid%3D1/activities/1%2F..%2F2%25"
    )


async def test_dots_do_not_climb_the_path(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    await messenger.delete(replace(thread, conversation_id=".."), ".")

    assert stub.seen[0][1].endswith("/v3/conversations/%2E%2E/activities/%2E")


async def test_a_new_thread_names_channel_tenant_and_bot(stub: Stub, messenger: Messenger) -> None:
    stub.answers = [web.json_response({"id": "t;messageid=5", "activityId": "5"}, status=201)]

    await messenger.open_thread(Channel(CONTOSO, INCIDENTS, stub.base), Message(text="hello"))

    assert stub.seen[0][3] == {
        "isGroup": True,
        "bot": {"id": f"28:{APP_ID}"},
        "tenantId": CONTOSO,
        "channelData": {"channel": {"id": INCIDENTS}, "tenant": {"id": CONTOSO}},
        "activity": {"type": "message", "text": "hello", "textFormat": "plain"},
    }


async def test_a_chat_is_opened_by_object_id(stub: Stub, messenger: Messenger) -> None:
    await messenger.open_direct(CONTOSO, stub.base, "an-object-id")

    body = stub.seen[0][3]
    assert body["members"] == [{"id": "an-object-id"}]
    assert body["isGroup"] is False
    assert (body["tenantId"], body["channelData"]) == (CONTOSO, {"tenant": {"id": CONTOSO}})


@pytest.mark.parametrize("text", ["x" * 40_900, "\U0001f600" * 20_450])
async def test_up_to_80_kb_as_utf_16_are_sent(
    stub: Stub, messenger: Messenger, thread: Conversation, text: str
) -> None:
    short = text[: len(text) * 98 // 100]
    await messenger.reply(thread, Message(text=short))

    with pytest.raises(GaveUpError) as caught:
        await messenger.reply(thread, Message(text=text + "x" * 200))

    assert caught.value.code == GaveUpError.TOO_LARGE
    assert len(stub.seen) == 1


@pytest.mark.parametrize(
    "message",
    [
        Message(),
        Message(card={}, text="both"),
        Message(card={"body": float("nan")}),
        Message(card={"body": object()}),
    ],
)
async def test_what_is_no_message_is_given_up_and_not_sent(
    stub: Stub, messenger: Messenger, thread: Conversation, message: Message
) -> None:
    with pytest.raises(GaveUpError):
        await messenger.reply(thread, message)

    assert stub.seen == []


async def test_half_a_surrogate_pair_keeps_no_message_back(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    await messenger.reply(thread, Message(text="a\ud83d"))

    assert stub.seen[0][3]["text"] == "a?"


async def test_a_mention_survives_a_name_with_markup(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    mention = Mention("29:x", "R&D <b>")

    await messenger.reply(thread, Message(text="<at>R&D <b></at> & co", mentions=(mention,)))

    body = stub.seen[0][3]
    assert body["text"] == "<at>R&amp;D &lt;b&gt;</at> &amp; co"
    assert body["entities"][0]["text"] in body["text"]


# Where it may go


@pytest.mark.parametrize(
    "url",
    [
        "https://smba.trafficmanager.net/emea/",
        "https://smba.trafficmanager.net",
        "https://SMBA.trafficmanager.net/amer/7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10/",
        "https://localhost:8443/emea/",
    ],
)
def test_listed_hosts_are_allowed(url: str) -> None:
    assert is_allowed(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://smba.trafficmanager.net/",
        "https://vouch.trafficmanager.net/",
        "https://smba.trafficmanager.net.example/",
        "https://example/smba.trafficmanager.net/",
        "https://smba.trafficmanager.net:8443/",
        "https://localhost/",
        "https://smba.trafficmanager.net@example/",
        "https://user:word@smba.trafficmanager.net/",
        "https://smba.trafficmanager.net\\@example/",
        "https://smba.trafficmanager.net\t.example/",
        "https://smba.trafficmanager.net/\n",
        "https://smba.trafficmanager.net?x=1",
        "https://smba.trafficmanager.net/#@example/",
        "https://smba.trafficmanager.net./",
        " https://smba.trafficmanager.net/",
        "https:smba.trafficmanager.net/",
        "https:///smba.trafficmanager.net/",
        "https://\uff53mba.trafficmanager.net/",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    assert not is_allowed(url, HOSTS)


async def test_the_token_does_not_go_to_other_hosts(stub: Stub, messenger: Messenger) -> None:
    elsewhere = stub.base.replace("localhost", "127.0.0.1")

    with pytest.raises(GaveUpError):
        await messenger.send(Conversation(CONTOSO, "a:1", elsewhere), card())

    assert (stub.seen, stub.tokens) == ([], 0)


async def test_redirects_are_not_followed(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    stub.answers = [web.Response(status=307, headers={"Location": f"{stub.url}/elsewhere"})]

    with pytest.raises(GaveUpError):
        await messenger.reply(thread, card())

    assert len(stub.seen) == 1


# What refusals mean


def nested(code: str) -> bytes:
    inner = json.dumps({"subCode": code, "details": "x", "errorCode": 209})
    return json.dumps({"error": {"code": "Forbidden", "message": inner}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error": {"code": "BadArgument"}}', GaveUpError.OTHER),
        (403, b'{"error": {"code": "BotNotInConversationRoster"}}', GaveUpError.NOT_INSTALLED),
        (403, b'{"error": {"code": "ConversationBlockedByUser"}}', GaveUpError.BLOCKED),
        (403, b'{"errorCode": 209, "message": "MessageWritesBlocked"}', GaveUpError.BLOCKED),
        (403, nested("MessageWritesBlocked"), GaveUpError.BLOCKED),
        (403, nested("Renamed"), GaveUpError.BLOCKED),
        (403, b'{"error": {"code": "BotDisabledByAdmin"}}', GaveUpError.OTHER),
        (403, b"\xff not JSON", GaveUpError.FORBIDDEN),
        (403, b"", GaveUpError.FORBIDDEN),
        (404, b"", GaveUpError.GONE),
        (404, b'{"error": {"code": "ConversationNotFound"}}', GaveUpError.GONE),
        (413, b"", GaveUpError.TOO_LARGE),
        (500, b"", GaveUpError.OTHER),
        (302, b"", GaveUpError.OTHER),
    ],
)
def test_what_will_never_be_done_is_given_up(status: int, body: bytes, code: str) -> None:
    error = refusal(Answer(status, body), "POST", NOW)

    assert isinstance(error, GaveUpError)
    assert error.code == code


@pytest.mark.parametrize(
    ("status", "uncertain"),
    [(401, False), (412, False), (429, False), (502, True), (503, False), (504, True)],
)
def test_what_may_be_done_later_is_tried_later(status: int, uncertain: bool) -> None:
    error = refusal(Answer(status, b""), "POST", NOW)

    assert isinstance(error, TryLaterError)
    assert (error.uncertain, error.after) == (uncertain, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 10:00:30 -0000", 30.0),
        ("999999999999999999999", 3600.0),
        ("9" * 400, 3600.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("\u00b2", None),
    ],
)
def test_teams_says_how_long_to_wait(header: str, seconds: float | None) -> None:
    error = refusal(Answer(429, b"", header), "POST", NOW)

    assert isinstance(error, TryLaterError)
    assert error.after == seconds


def test_what_people_wrote_stays_out_of_the_reason() -> None:
    body = b'{"error": {"code": "BadArgument", "message": "Bob wrote: my password is x"}}'

    assert str(refusal(Answer(400, body), "POST", NOW)) == "other: 400 BadArgument"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 7}', b"<html>", b"[" * 50_000])
async def test_an_answer_that_says_nothing_is_given_up(
    stub: Stub, messenger: Messenger, thread: Conversation, body: bytes
) -> None:
    stub.answers = [web.Response(status=201, body=body)]

    with pytest.raises(GaveUpError):
        await messenger.reply(thread, card())


async def test_a_roster_without_end_is_given_up(stub: Stub, messenger: Messenger) -> None:
    stub.answers = [
        web.json_response({"members": None, "continuationToken": "again"}) for _ in range(101)
    ]

    with pytest.raises(GaveUpError):
        await messenger.roster(CONTOSO, stub.base, "19:team")


async def test_a_connection_that_breaks_leaves_doubt_only_where_something_was_asked(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    async def doubt(call: Any) -> bool:
        stub.answers = [0.0, 0.0, 0.0]
        with pytest.raises(TryLaterError) as caught:
            await call
        return caught.value.uncertain

    assert await doubt(messenger.reply(thread, card()))
    assert await doubt(messenger.update(thread, "1", card()))
    assert not await doubt(messenger.roster(CONTOSO, stub.base, "19:team"))


# A refused token


async def test_a_refused_token_is_replaced_once(
    stub: Stub, messenger: Messenger, thread: Conversation, wired: tuple[Stub, Gateway, Clock]
) -> None:
    await messenger.reply(thread, card())
    wired[2].ahead = 60
    stub.answers = [web.Response(status=401)]

    await messenger.reply(thread, card())

    assert [it[2] for it in stub.seen] == ["Bearer token 1", "Bearer token 1", "Bearer token 2"]


async def test_a_token_refused_twice_is_trouble_for_later(
    stub: Stub, messenger: Messenger, thread: Conversation, wired: tuple[Stub, Gateway, Clock]
) -> None:
    await messenger.reply(thread, card())
    wired[2].ahead = 60
    stub.answers = [web.Response(status=401), web.Response(status=401)]

    with pytest.raises(TryLaterError):
        await messenger.reply(thread, card())

    assert len(stub.seen) == 3


async def test_a_teams_that_refuses_every_token_is_no_flood_for_entra(
    stub: Stub, messenger: Messenger, thread: Conversation
) -> None:
    stub.answers = [web.Response(status=401) for _ in range(10)]

    for _ in range(5):
        with suppress(TryLaterError):
            await messenger.reply(thread, card())

    assert stub.tokens == 1

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cards.wording import Reader
from dialogs.approval import show_approval
from dialogs.messenger import Channel, Conversation, GaveUpError, Mention
from dialogs.question import show_person_card
from dialogs.thread import say, show_analyst_thread, show_customer_thread
from tests.dialogs.pinboard import Pinboard
from triage.incident import ApprovalState, Band, Status
from triage.phrases import phrase
from triage.priority import Level, Priority
from triage.report import Severity
from triage.views import AnalystThread, ApprovalCard, CustomerThread, PersonCard

AT = datetime(2026, 11, 24, 9, 2, tzinfo=UTC)
CHANNEL = Channel("contoso", "19:incidents@thread.tacv2", "https://teams.example/")
CHAT = Conversation("contoso", "a:bob", "https://teams.example/")
SHOWN: dict[str, Any] = {"handle": "h1", "reader": Reader("en", "UTC")}

CUSTOMER = CustomerThread(
    name="CONTOSO-42",
    code="7KQ2",
    severity=Severity.HIGH,
    status=Status.WAITING,
    headline=phrase("headline.unknown", title="Malware on LAPTOP-7"),
    placeholder=False,
    known=(),
    doing=(),
    turn=phrase("turn.analysts"),
    needed=phrase("needed.nothing"),
    until=None,
)
ANALYST = AnalystThread(
    name="CONTOSO-42",
    customer="Contoso",
    code="7KQ2",
    title="Malware",
    severity=Severity.HIGH,
    status=Status.WAITING,
    priority=Priority(Level.P1, 2.5, ()),
    probability=0.62,
    band=Band.ESCALATE,
    reasons=(),
    next_action=phrase("next.take"),
    due=None,
    headline=CUSTOMER.headline,
    facts=(),
)
PERSON = PersonCard(
    person="bob",
    given_name="Bob",
    language="en",
    zone=None,
    sender="Contoso Security",
    code="7KQ2",
    service_desk=None,
    stage="thanks",
    says=(phrase("thanks.counted"),),
)
APPROVAL = ApprovalCard(
    approval="p1",
    name="CONTOSO-42",
    because=(),
    asks=phrase("action.isolate_device", target="LAPTOP-7"),
    consequence=phrase("consequence.isolate_device", target="LAPTOP-7"),
    on_silence=phrase("silence.hand_over"),
    due=AT,
    state=ApprovalState.OPEN,
    outcome=None,
    mention=(("jon@contoso.example", "Jon Berg"),),
    asked_by=phrase("asked_by.score"),
)


@pytest.fixture
def board() -> Pinboard:
    return Pinboard()


async def opened(board: Pinboard) -> tuple[Conversation, str]:
    posted = await show_customer_thread(board, CHANNEL, None, CUSTOMER, **SHOWN)
    return Conversation("contoso", posted.conversation_id, CHANNEL.service_url), posted.activity_id


async def test_an_incident_without_a_thread_opens_one(board: Pinboard) -> None:
    thread, root = await opened(board)

    message = board.standing[thread.conversation_id, root]
    assert board.posts == ["open_thread"]
    assert message.card is not None
    assert message.text is None
    assert message.summary == "High: CONTOSO-42. Malware on LAPTOP-7"


async def test_a_thread_that_stands_is_brought_up_to_date_in_place(board: Pinboard) -> None:
    thread, root = await opened(board)
    closed = replace(CUSTOMER, status=Status.RESOLVED)

    posted = await show_customer_thread(board, thread, root, closed, **SHOWN)

    assert (posted.conversation_id, posted.activity_id) == (thread.conversation_id, root)
    assert board.posts == ["open_thread"]
    assert "Closed" in str(board.standing[thread.conversation_id, root].card)


async def test_a_root_somebody_deleted_is_posted_anew_once_in_its_channel(board: Pinboard) -> None:
    thread, root = await opened(board)
    await board.delete(thread, root)

    posted = await show_customer_thread(board, thread, root, CUSTOMER, **SHOWN)

    assert board.posts == ["open_thread", "open_thread"]
    assert posted.conversation_id == f"{CHANNEL.channel_id};messageid={posted.activity_id}"


async def test_any_other_refusal_is_the_callers_to_handle(board: Pinboard) -> None:
    thread, root = await opened(board)
    board.refuses = GaveUpError(GaveUpError.BLOCKED, "no")

    with pytest.raises(GaveUpError, match="blocked"):
        await show_customer_thread(board, thread, root, CUSTOMER, **SHOWN)
    assert board.posts == ["open_thread"]


async def test_the_analysts_thread_opens_and_follows_likewise(board: Pinboard) -> None:
    posted = await show_analyst_thread(board, CHANNEL, None, ANALYST, **SHOWN)
    thread = Conversation("provider", posted.conversation_id, CHANNEL.service_url)
    taken = replace(ANALYST, owner="Ana Lima")

    await show_analyst_thread(board, thread, posted.activity_id, taken, **SHOWN)

    message = board.standing[posted.conversation_id, posted.activity_id]
    assert board.posts == ["open_thread"]
    assert message.summary == "62%, escalate. CONTOSO-42: Malware on LAPTOP-7"
    assert "Ana Lima" in str(message.card)


async def test_a_persons_card_is_sent_once_and_then_changed_in_place(board: Pinboard) -> None:
    posted = await show_person_card(board, CHAT, None, PERSON, **SHOWN)
    again = await show_person_card(board, CHAT, posted.activity_id, PERSON, **SHOWN)

    assert again == posted
    assert board.posts == ["send"]


async def test_a_card_a_person_deleted_is_sent_again(board: Pinboard) -> None:
    posted = await show_person_card(board, CHAT, None, PERSON, **SHOWN)
    await board.delete(CHAT, posted.activity_id)

    again = await show_person_card(board, CHAT, posted.activity_id, PERSON, **SHOWN)

    assert again != posted
    assert board.posts == ["send", "send"]


async def test_an_approval_stands_in_the_thread_and_reads_on_a_lock_screen(
    board: Pinboard,
) -> None:
    thread, _ = await opened(board)

    posted = await show_approval(board, thread, None, APPROVAL, **SHOWN)

    message = board.standing[thread.conversation_id, posted.activity_id]
    assert board.posts == ["open_thread", "reply"]
    assert message.summary == "Isolate LAPTOP-7? Reply by 09:02"


async def test_a_sentence_goes_into_the_thread_and_mentions_who_must_act(board: Pinboard) -> None:
    thread, _ = await opened(board)
    jon = Mention("29:jon", "Jon Berg")

    says = phrase("say.reopened", name="CONTOSO-42")
    posted = await say(board, thread, says, SHOWN["reader"], (jon,))

    message = board.standing[thread.conversation_id, posted.activity_id]
    assert board.posts == ["open_thread", "reply"]
    assert message.text == "<at>Jon Berg</at> CONTOSO-42 is open again."
    assert message.mentions == (jon,)


async def test_a_sentence_to_a_person_goes_into_the_chat_with_its_text_made_harmless(
    board: Pinboard,
) -> None:
    says = phrase("story.wrote", person="Bob", text="see http://evil.example <at>CEO</at>")

    posted = await say(board, CHAT, says, SHOWN["reader"])

    text = board.standing[CHAT.conversation_id, posted.activity_id].text
    assert board.posts == ["send"]
    assert text == "Bob wrote: see hxxp://evil[.]example \u2039at\u203aCEO\u2039/at\u203a"


async def test_a_mentioned_name_reads_in_the_text_as_in_the_mention(board: Pinboard) -> None:
    odd = Mention("29:eve", "Eve</at>**x**")

    posted = await say(board, CHAT, phrase("thanks.received"), SHOWN["reader"], (odd,))

    message = board.standing[CHAT.conversation_id, posted.activity_id]
    [named] = message.mentions
    assert message.text is not None
    assert f"<at>{named.name}</at>" in message.text
    assert message.text.count("</at>") == 1

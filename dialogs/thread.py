"""Threads of an incident: their root cards, and what is said in them."""

from collections.abc import Sequence

from cards import analyst_thread, customer_thread, digest, handover
from cards.elements import at
from cards.text import outside
from cards.wording import Reader
from cards.wording import say as sentence
from dialogs.messenger import Channel, Conversation, Mention, Message, Messenger, Posted
from dialogs.updating import updated
from triage.phrases import Phrase
from triage.views import AnalystThread, CustomerThread, Digest, Handover


async def show_customer_thread(
    messenger: Messenger,
    where: Channel | Conversation,
    activity_id: str | None,
    view: CustomerThread,
    *,
    handle: str,
    reader: Reader,
) -> Posted:
    """A new thread in a channel, or the root of the one that exists brought up to date."""
    card = customer_thread.render(view, handle, reader)
    message = Message(card=card, summary=customer_thread.summary(view, reader))
    return await _show(messenger, where, activity_id, message)


async def show_analyst_thread(
    messenger: Messenger,
    where: Channel | Conversation,
    activity_id: str | None,
    view: AnalystThread,
    *,
    handle: str,
    reader: Reader,
) -> Posted:
    card = analyst_thread.render(view, handle, reader)
    message = Message(card=card, summary=analyst_thread.summary(view, reader))
    return await _show(messenger, where, activity_id, message)


async def post_digest(
    messenger: Messenger, channel: Channel, view: Digest, reader: Reader
) -> Posted:
    message = Message(card=digest.render(view, reader), summary=digest.summary(view, reader))
    return await messenger.open_thread(channel, message)


async def post_handover(
    messenger: Messenger, channel: Channel, view: Handover, reader: Reader
) -> Posted:
    message = Message(card=handover.render(view, reader), summary=handover.summary(view, reader))
    return await messenger.open_thread(channel, message)


async def open_with(messenger: Messenger, channel: Channel, says: Phrase, reader: Reader) -> Posted:
    """A new thread that begins with one sentence."""
    return await messenger.open_thread(channel, Message(text=sentence(says, reader)))


async def _show(
    messenger: Messenger, where: Channel | Conversation, activity_id: str | None, message: Message
) -> Posted:
    if isinstance(where, Channel):
        return await messenger.open_thread(where, message)
    standing = await updated(messenger, where, activity_id, message)
    return standing or await messenger.open_thread(_channel_of(where), message)


async def relay(
    messenger: Messenger,
    where: Conversation,
    activity_id: str | None,
    says: Sequence[Phrase],
    reader: Reader,
) -> Posted:
    """What others wrote, a line each: as a new post, or in place of the one that stands."""
    message = Message(text="\n".join(sentence(each, reader, LONGEST_RELAYED) for each in says))
    standing = await updated(messenger, where, activity_id, message)
    return standing or await messenger.reply(where, message)


LONGEST_RELAYED = 1_500
"""Characters of each message; a post of many stays under what Teams takes."""


def _channel_of(thread: Conversation) -> Channel:
    """A thread is called `{channel};messageid={root}`."""
    channel, _, _ = thread.conversation_id.partition(";")
    return Channel(thread.tenant_id, channel, thread.service_url)


LONGEST = 600
"""Characters of somebody's words in one message: what an analyst reads is all there is to read."""


async def say(
    messenger: Messenger,
    where: Conversation,
    says: Phrase,
    reader: Reader,
    mentions: tuple[Mention, ...] = (),
) -> Posted:
    """One sentence, appended to a thread or a chat; mentions come first, so that they notify."""
    named = tuple(Mention(m.mri, outside(m.name)) for m in mentions)
    called = [at(m.name) for m in named]
    message = Message(text=" ".join([*called, sentence(says, reader, LONGEST)]), mentions=named)
    if ";messageid=" in where.conversation_id:
        return await messenger.reply(where, message)
    return await messenger.send(where, message)

"""The card in the chat of somebody who is asked to reach one of their people by voice."""

from cards import manager
from cards.wording import Reader
from dialogs.messenger import Conversation, Message, Messenger, Posted
from dialogs.updating import updated
from triage.views import ManagerCard


async def show_manager_card(
    messenger: Messenger,
    chat: Conversation,
    activity_id: str | None,
    view: ManagerCard,
    *,
    handle: str,
    reader: Reader,
) -> Posted:
    message = Message(
        card=manager.render(view, handle, reader), summary=manager.summary(view, reader)
    )
    standing = await updated(messenger, chat, activity_id, message)
    return standing or await messenger.send(chat, message)

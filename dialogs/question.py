"""The card in a person's chat. What they press comes back through `cards.clicks`."""

from cards import question
from cards.wording import Reader
from dialogs.messenger import Conversation, Message, Messenger, Posted
from dialogs.updating import updated
from triage.views import PersonCard


async def show_person_card(
    messenger: Messenger,
    chat: Conversation,
    activity_id: str | None,
    view: PersonCard,
    *,
    handle: str,
    reader: Reader,
    link: str | None = None,
) -> Posted:
    message = Message(
        card=question.render(view, handle, reader, link), summary=question.summary(view, reader)
    )
    standing = await updated(messenger, chat, activity_id, message)
    return standing or await messenger.send(chat, message)

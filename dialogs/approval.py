"""A decision asked for in the customer's thread."""

from cards import approval
from cards.wording import Reader
from dialogs.messenger import Conversation, Message, Messenger, Posted
from dialogs.updating import updated
from triage.views import ApprovalCard


async def show_approval(
    messenger: Messenger,
    thread: Conversation,
    activity_id: str | None,
    view: ApprovalCard,
    *,
    handle: str,
    reader: Reader,
) -> Posted:
    message = Message(
        card=approval.render(view, handle, reader), summary=approval.summary(view, reader)
    )
    standing = await updated(messenger, thread, activity_id, message)
    return standing or await messenger.reply(thread, message)

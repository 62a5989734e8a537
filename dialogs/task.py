"""The card of a task: a reply in the customer's thread, or a message in its owner's chat."""

from cards import task
from cards.wording import Reader
from dialogs.messenger import Conversation, Message, Messenger, Posted
from dialogs.updating import updated
from triage.views import TaskCard


async def show_task(
    messenger: Messenger,
    where: Conversation,
    activity_id: str | None,
    view: TaskCard,
    *,
    handle: str,
    reader: Reader,
) -> Posted:
    message = Message(card=task.render(view, handle, reader), summary=task.summary(view, reader))
    standing = await updated(messenger, where, activity_id, message)
    if standing is not None:
        return standing
    post = messenger.reply if view.person is None else messenger.send
    return await post(where, message)

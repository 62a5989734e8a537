"""Replacing a message of ours in place, or finding that it is no more."""

from dialogs.messenger import Conversation, GaveUpError, Message, Messenger, Posted


async def updated(
    messenger: Messenger, where: Conversation, activity_id: str | None, message: Message
) -> Posted | None:
    """Where it stands now; None where nothing stood yet, or somebody deleted it: post anew."""
    if activity_id is None:
        return None
    try:
        await messenger.update(where, activity_id, message)
    except GaveUpError as error:
        if error.code != GaveUpError.GONE:
            raise
        return None
    return Posted(where.conversation_id, activity_id)

"""A Teams in memory: conversations and the messages that stand in them, after the Messenger's
promises (tests/teams holds the real one to them)."""

from dataclasses import dataclass, field

from dialogs.messenger import (
    Channel,
    Conversation,
    GaveUpError,
    Members,
    Message,
    Posted,
)


@dataclass
class Pinboard:
    standing: dict[tuple[str, str], Message] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    refuses: GaveUpError | None = None
    """What every update fails with, whether the message stands or not."""

    async def open_thread(self, channel: Channel, message: Message) -> Posted:
        root = self._next_id()
        return self._post(f"{channel.channel_id};messageid={root}", root, message, "open_thread")

    async def reply(self, thread: Conversation, message: Message) -> Posted:
        return self._post(thread.conversation_id, self._next_id(), message, "reply")

    async def open_direct(self, tenant_id: str, service_url: str, object_id: str) -> str:
        return f"a:{tenant_id}:{service_url}:{object_id}"

    async def send(self, chat: Conversation, message: Message) -> Posted:
        return self._post(chat.conversation_id, self._next_id(), message, "send")

    async def update(self, where: Conversation, activity_id: str, message: Message) -> None:
        if self.refuses is not None:
            raise self.refuses
        self._must_stand(where, activity_id)
        self.standing[where.conversation_id, activity_id] = message

    async def delete(self, where: Conversation, activity_id: str) -> None:
        self._must_stand(where, activity_id)
        del self.standing[where.conversation_id, activity_id]

    async def roster(self, tenant_id: str, service_url: str, team_id: str) -> Members:
        raise GaveUpError(GaveUpError.OTHER, f"no team {team_id} in {tenant_id} at {service_url}")

    def _next_id(self) -> str:
        return str(len(self.posts) + 1)

    def _post(self, conversation: str, activity: str, message: Message, verb: str) -> Posted:
        self.posts.append(verb)
        self.standing[conversation, activity] = message
        return Posted(conversation, activity)

    def _must_stand(self, where: Conversation, activity_id: str) -> None:
        if (where.conversation_id, activity_id) not in self.standing:
            raise GaveUpError(GaveUpError.GONE, f"no message {activity_id}")

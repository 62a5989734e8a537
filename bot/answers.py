"""What is answered in words to whoever wrote to us: no effect, for nobody waits for it tomorrow.

It takes room in Teams' windows as everything does that is said: in the lane of its conversation,
where that is a case's or somebody's chat, and in the tenant.
"""

import asyncio
from datetime import datetime, timedelta
from time import monotonic

import structlog

from bot.clock import Clock
from bot.inbound import Place, ShowCard, ShowText
from bot.teams import windows
from dialogs.messenger import Conversation, GaveUpError, Message, Messenger, TryLaterError
from storage import across, effects, pace
from storage.engine import AcrossTx, Store, StoreError, Urgency

log = structlog.get_logger(__name__)

WAITS_SECONDS = 4.0
"""For room: Teams waits for us meanwhile, and delivers again after some 15 seconds."""
AFTERWARDS_SECONDS = 60.0
"""For room, where Teams waits no more: longer than a full minute's window takes."""


class Answers:
    def __init__(self, store: Store, clock: Clock, messenger: Messenger, lease: timedelta) -> None:
        """`lease` is how long an answer that nobody hears of again counts as under way."""
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._lease = lease
        self._begun: set[asyncio.Task[None]] = set()

    def say_afterwards(self, place: Place, response: ShowText | ShowCard) -> None:
        """For whom Teams would not wait: an invoke has three seconds in all."""
        task = asyncio.create_task(self._say_afterwards(place, response))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _say_afterwards(self, place: Place, response: ShowText | ShowCard) -> None:
        """The door has answered: nobody else would see what is raised here."""
        try:
            await self._give(place, response, AFTERWARDS_SECONDS)
        except Exception:
            log.exception("answer_not_given", tenant=place.tenant_id)

    async def ended(self) -> None:
        """What was begun has been said, or could not be."""
        if self._begun:
            await asyncio.wait(self._begun)

    async def say(self, place: Place, response: ShowText | ShowCard) -> None:
        """What was heard is committed: an answer that cannot be given is no reason to hear it
        again, and whoever misses it asks again."""
        await self._give(place, response, WAITS_SECONDS)

    async def _give(self, place: Place, response: ShowText | ShowCard, patience: float) -> None:
        try:
            permit = await self._room(place, patience)
            if permit is None:
                log.warning("answer_not_given", reason="no room in Teams' windows")
            else:
                await self._say(place, _message(response), permit)
        except StoreError as error:
            log.warning("answer_not_given", reason=str(error))

    async def _room(self, place: Place, patience: float) -> pace.Permit | None:
        """None where there is none within so many seconds."""
        until = monotonic() + patience
        while True:
            now = self._clock.now()
            found = await self._store.write_across(
                lambda tx, now=now: self._take(tx, place, now),  # type: ignore[misc]
                Urgency.PEOPLE,
            )
            if isinstance(found, pace.Permit):
                return found
            pause = max(0.01, (found - now).total_seconds())
            if monotonic() + pause > until:
                return None
            await asyncio.sleep(pause)

    def _take(self, tx: AcrossTx, place: Place, now: datetime) -> pace.Permit | datetime:
        return pace.take(tx, _buckets(tx, place), 1, now, self._lease)

    async def _say(self, place: Place, message: Message, permit: pace.Permit) -> None:
        where = Conversation(place.tenant_id, place.conversation_id, place.service_url)
        say = self._messenger.send if place.personal else self._messenger.reply
        refused = None
        try:
            await say(where, message)
        except TryLaterError as error:
            log.warning("answer_not_given", reason=error.reason)
            refused = timedelta(seconds=error.after) if error.after is not None else None
        except GaveUpError as error:
            log.warning("answer_not_given", reason=error.reason)
        now = self._clock.now()
        until = now + refused if refused is not None else None
        await self._store.write_across(
            lambda tx: pace.answered(tx, permit, now, until), Urgency.RESULTS
        )


def _message(response: ShowText | ShowCard) -> Message:
    match response:
        case ShowText(text):
            return Message(text=text)
        case ShowCard(card):
            return Message(card=card, summary=card.get("fallbackText"))


def _buckets(tx: AcrossTx, place: Place) -> list[pace.Bucket]:
    """Those of the effects that are said in the same place (`conductor`), the tenant's last."""
    of_tenant = across.find_customers_by_tenant(tx, place.tenant_id)
    heard_by = of_tenant[0] if of_tenant else place.tenant_id
    found = across.find_conversation(tx, place.tenant_id, place.conversation_id)
    customer = found.customer_id if found else heard_by
    return [
        pace.Bucket(customer, _lane(found, place), windows.THREAD),
        pace.Bucket(heard_by, pace.TENANT, windows.TENANT),
    ]


def _lane(found: across.FoundConversation | None, place: Place) -> str:
    """A thread that is no case's, or a chat we do not know, has a bucket of its own."""
    match found:
        case across.FoundConversation(kind="personal", whose=person):
            return effects.place_lane("", f"person:{person}")
        case across.FoundConversation(kind="thread", whose=incident, surface=str(surface)):
            return effects.surface_lane(incident, surface)
        case _:
            return f"said:{place.conversation_id}"

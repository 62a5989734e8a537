"""The bridge to the analysts' thread: what is written in the customer's thread of a case, or about it
in somebody's own chat with us, is read there under its author's name.

Words in a chat are an event of the case, which brings them here itself; edits and deletions are
followed alike. Nothing else of a channel is looked at. The way back is an act of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot import ids
from bot.clock import Clock
from bot.conductor import Conductor
from bot.gathering import ProviderDesk
from bot.inbound import Place, Revised, Texted
from storage import across, effects, incidents, relays
from storage.engine import Store, Tx, Urgency
from storage.relays import Origin, Said, Words
from triage.effects import CUSTOMER_THREAD, Relay

LONGEST_TEXT = 4_000
LONGEST_NAME = 200
"""Characters kept of what somebody writes, and of a file's name; a case's state carries less."""


@dataclass(frozen=True, slots=True)
class Thread:
    """Of a case, whose analysts are to read it."""

    customer: str
    incident: str


_Unit = Callable[[Tx], None]


class Bridge:
    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor

    async def heard(self, text: Texted) -> None:
        """Somebody wrote: in the thread of a case, the analysts are to read it."""
        thread = await self._thread(text.place)
        if thread is None or not (text.text or text.files):
            return
        now = self._clock.now()
        await self._write(thread, partial(self._relay, thread, text, now))

    async def revised(self, revised: Revised) -> None:
        """Somebody edited or deleted what the analysts read, or are about to read."""
        if revised.place.personal:
            await self._revised_in_chat(revised)
            return
        thread = await self._thread(revised.place)
        if thread is None:
            return
        now = self._clock.now()
        await self._write(thread, partial(self._follow, thread, revised, now))

    async def _revised_in_chat(self, revised: Revised) -> None:
        """Which case it is about was found when it was written. The log keeps what was said then."""
        now = self._clock.now()
        tenant = revised.place.tenant_id
        for customer in await self._store.read_across(
            lambda tx: across.find_customers_by_tenant(tx, tenant)
        ):
            case = await self._store.read(customer, lambda tx: relays.case_of(tx, _origin(revised)))
            if case is not None:
                thread = Thread(customer, case)
                await self._write(thread, partial(self._follow, thread, revised, now))

    async def _thread(self, place: Place) -> Thread | None:
        if place.personal:
            return None
        found = await self._store.read_across(
            lambda tx: across.find_conversation(tx, place.tenant_id, place.conversation_id)
        )
        if found is None or found.surface != CUSTOMER_THREAD:
            return None
        return Thread(found.customer_id, found.whose)

    async def _write(self, thread: Thread, unit: _Unit) -> None:
        await self._store.write(thread.customer, unit, Urgency.PEOPLE)
        self._conductor.on_work()

    def _relay(self, thread: Thread, text: Texted, now: datetime, tx: Tx) -> None:
        incidents.hold(tx, thread.incident)
        origin = _origin(text)
        if relays.hear(tx, thread.incident, origin, _words(text), at=now):
            self._order(tx, thread, Relay(_key(origin)), now)

    def _follow(self, thread: Thread, revised: Revised, now: datetime, tx: Tx) -> None:
        """Teams may bring the change before the message: then that is all that is ever heard."""
        incidents.hold(tx, thread.incident)
        origin, words, at = _origin(revised), _words(revised), revised.at or now
        if relays.hear(tx, thread.incident, origin, words, at=now, revised_at=at):
            self._order(tx, thread, Relay(_key(origin)), now)
        elif carried_by := relays.revise(tx, origin, words, at):
            again = Relay(f"{_key(origin)}:{at.isoformat()}", carried_by)
            self._order(tx, thread, again, now)

    def _order(self, tx: Tx, thread: Thread, relay: Relay, now: datetime) -> None:
        effects.order(
            tx,
            thread.incident,
            [relay],
            now,
            urgency=effects.Urgency.PEOPLE,
            analysts=self._desk.profile.id,
        )


def said(text: Texted) -> Said:
    """As it is kept for the analysts."""
    return Said(_origin(text), _words(text))


def _origin(said: Texted | Revised) -> Origin:
    return Origin(said.place.conversation_id, said.activity_id)


def _key(origin: Origin) -> str:
    return ids.relay_key(origin.conversation_id, origin.activity_id)


def _words(said: Texted | Revised) -> Words:
    text = None if said.text is None else said.text[:LONGEST_TEXT]
    files = tuple(name[:LONGEST_NAME] for name in said.files)
    return Words(said.actor.object_id, said.actor.name, text, files)

"""What an analyst's command means in a case, as the case stands: what is to happen, something to
read, something to tap, or what is shown before it happens.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar, assert_never

from bot import sending
from bot.asking import Asking
from bot.cases import case_of
from bot.clock import Clock
from bot.conductor import Conductor
from bot.consenting import consent
from bot.context import today
from bot.gathering import ProviderDesk
from bot.merging import Merging
from bot.remembering import Memory
from bot.replies import MOST_NAMED, AskFirst, Choose, Reply
from bot.roster import called
from bot.tasks import Order, asked, withdrawn
from cards.choosing import Option
from cards.wording import Reader, percent, say
from dialogs import commands
from dialogs.commands import Decide, OnCase, Word
from storage import remembered
from storage.across import NamedCase
from storage.engine import Store, Tx
from triage.authority import may_command, over
from triage.containing import describe, is_reversible, may_be_ordered, may_have_been_done
from triage.customer import Analyst, Customer
from triage.events import (
    Assigned,
    CloseOrdered,
    ContainOrdered,
    Escalated,
    Noted,
    Reopened,
    Taken,
    UndoOrdered,
)
from triage.incident import Incident, ResponseAction
from triage.phrases import Phrase, phrase
from triage.remembering import context
from triage.surfaces.analyst import analyst_thread
from triage.surfaces.approval import consequence

T = TypeVar("T")

_AFTER_CLOSING = phrase("confirm.close_then")


class Meaning:
    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor
        self._asking = Asking(store, conductor, desk)
        self._memory = Memory(store, clock, desk, conductor)
        self._merging = Merging(store, conductor, desk)

    @property
    def _reader(self) -> Reader:
        return Reader(self._desk.profile.language, self._desk.profile.zone)

    async def reply(self, command: OnCase, on: NamedCase, by: Analyst, key: str) -> Reply:
        who = by.object_id, by.name
        match command:
            case commands.Show():
                return await self._read(on, lambda tx: self._shown(tx, on.incident_id, by))
            case commands.Take():
                return Taken(*who)
            case commands.Reopen():
                return Reopened(*who)
            case commands.Note(text=text) if len(text) > commands.LONGEST:
                return [phrase("refused.too_long_kept", most=commands.LONGEST)]
            case commands.Note(text=text):
                return Noted(*who, text)
            case commands.Escalate(why=why):
                return Escalated(*who, why)
            case commands.Assign(to=to):
                return self._assigned(on, to, by)
            case commands.Close(disposition=disposition, comment=comment):
                event = CloseOrdered(*who, disposition, comment)
                return await self._read(on, lambda tx: self._closing(tx, on, event))
            case commands.Contain(action=action):
                return await self._read(on, lambda tx: self._containing(tx, on, action, by))
            case commands.GiveTask():
                return await self._read(on, lambda tx: self._tasking(tx, on, command, by))
            case commands.WithdrawTask(number=number):
                return await self._read(on, lambda tx: self._withdrawing(tx, on, number, by))
            case commands.Send():
                return await self._read(on, lambda tx: self._sending(tx, on, command, by))
            case commands.Undo(action=action):
                return await self._read(on, lambda tx: self._undoing(tx, on, action, by))
            case commands.Decide():
                return await self._read(on, lambda tx: self._deciding(tx, on, command, by))
            case commands.Merge(into=into):
                return await self._merging.reply(on, into, by)
            case commands.Ask(text=text):
                return await self._asking.reply(on, text, by)
            case commands.Remember() | commands.Recall() | commands.Forget():
                return await self._memory.answer(command, on, by, key)
            case _:
                assert_never(command)

    def _assigned(self, on: NamedCase, to: str, by: Analyst) -> Reply:
        match called(to, self._desk.profile.analysts, by):
            case [one]:
                return Assigned(by.object_id, by.name, one.object_id, one.name)
            case []:
                names = ", ".join(a.name for a in self._desk.profile.analysts[:MOST_NAMED])
                return [phrase("command.nobody", written=to, names=names)]
            case several:
                options = tuple(
                    Option(a.name, f"{Word.ASSIGN} {on.name} {a.upn}") for a in several[:MOST_NAMED]
                )
                return Choose(phrase("choose.person", written=to), options)

    async def _read(self, on: NamedCase, fn: Callable[[Tx], T]) -> T:
        return await self._store.read(on.customer_id, fn)

    def _closing(self, tx: Tx, on: NamedCase, event: CloseOrdered) -> Reply:
        incident, _ = case_of(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, event.by)
        if refused is None and incident.is_over:
            refused = over(incident)
        if refused is not None:
            return [refused]
        named = phrase(f"disposition.{event.disposition}")
        asks = phrase("confirm.close", name=incident.name, disposition=named)
        return AskFirst(
            (asks, phrase("confirm.close_why", why=event.comment), _AFTER_CLOSING), event
        )

    def _containing(self, tx: Tx, on: NamedCase, written: str, by: Analyst) -> Reply:
        incident, customer = case_of(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return [refused]
        if incident.is_over:
            return [over(incident)]
        possible = [a for a in incident.actions if may_be_ordered(incident, a)]
        if not possible:
            return [self._none("command.none_to_order", incident)]
        action = self._which_action(possible, written, f"{Word.CONTAIN} {incident.name}")
        if not isinstance(action, ResponseAction):
            return action
        asks = phrase("confirm.contain", name=incident.name, action=describe(action))
        says = asks, consequence(action, customer), phrase("confirm.consent")
        return AskFirst(says, ContainOrdered(action.id, by.object_id, by.name))

    def _tasking(self, tx: Tx, on: NamedCase, command: commands.GiveTask, by: Analyst) -> Reply:
        incident, customer = case_of(tx, on.incident_id)
        order = Order(command, by, self._clock.now())
        found = asked(tx, incident, customer, self._desk.profile, order)
        if isinstance(found, Phrase):
            return [found]
        event, says = found
        return AskFirst(says, event)

    def _withdrawing(self, tx: Tx, on: NamedCase, number: int | None, by: Analyst) -> Reply:
        incident, _ = case_of(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        return [refused] if refused is not None else withdrawn(incident, number, by)

    def _sending(self, tx: Tx, on: NamedCase, command: commands.Send, by: Analyst) -> Reply:
        incident, customer = case_of(tx, on.incident_id)
        order = sending.order(command, incident, customer, self._desk.profile, by)
        return [order] if isinstance(order, Phrase) else AskFirst((), order.event, order.preview)

    def _undoing(self, tx: Tx, on: NamedCase, written: str, by: Analyst) -> Reply:
        incident, _ = case_of(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return [refused]
        if incident.merged is not None:
            return [over(incident)]
        done = [a for a in incident.actions if may_have_been_done(a) and is_reversible(a)]
        if not done:
            return [self._none("command.none_to_undo", incident)]
        action = self._which_action(done, written, f"{Word.UNDO} {incident.name}")
        if not isinstance(action, ResponseAction):
            return action
        asks = phrase("confirm.undo", name=incident.name, action=describe(action))
        says = asks, phrase("confirm.undo_then")
        return AskFirst(says, UndoOrdered(action.id, by.object_id, by.name))

    def _deciding(self, tx: Tx, on: NamedCase, command: Decide, by: Analyst) -> Reply:
        """What the card's own choices offer, and nothing beyond: a contact's word by phone."""
        incident, customer = case_of(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return [refused]
        return consent(incident, customer, command, by, self._reader)

    def _which_action(
        self, possible: Sequence[ResponseAction], written: str, command: str
    ) -> ResponseAction | Choose:
        """The one whose name, in the analysts' language or in English, is this or has every word."""
        wanted = set(written.lower().split())
        named = {a.id: _names(a, self._reader) for a in possible}
        exact = [a for a in possible if written.lower() in map(str.lower, named[a.id])]
        having = [a for a in possible if any(wanted <= set(n.lower().split()) for n in named[a.id])]
        match exact or having:
            case [one] if wanted:
                return one
            case found:
                options = tuple(
                    Option(describe(a), f"{command} {named[a.id][0]}")
                    for a in (found or possible)[:MOST_NAMED]
                )
                return Choose(phrase("choose.action"), options)

    def _none(self, key: str, incident: Incident) -> Phrase:
        """Why no response action can be chosen: how each of them stands."""
        if not incident.actions:
            return phrase("command.no_action")
        stand = (
            phrase("label.action_stands", action=describe(a), state=a.state)
            for a in incident.actions
        )
        return phrase(key, actions=", ".join(say(each, self._reader) for each in stand))

    def _shown(self, tx: Tx, incident_id: str, by: Analyst) -> list[Phrase]:
        incident, customer = case_of(tx, incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return [refused]
        known = remembered.current(tx, today(customer, self._clock.now()))[:MOST_NAMED]
        return [*_in_short(incident, customer, self._reader), *context(known)]


def _names(action: ResponseAction, reader: Reader) -> tuple[str, ...]:
    return say(describe(action), reader), say(describe(action), Reader("en"))


def _in_short(incident: Incident, customer: Customer, reader: Reader) -> list[Phrase]:
    """How a case stands, in a few lines; its thread has the rest."""
    view = analyst_thread(incident, customer)
    return [
        phrase(
            "show.case",
            name=view.name,
            status=view.status,
            severity=view.severity,
            customer=view.customer,
            headline=view.headline,
        ),
        phrase(
            "show.score",
            score=percent(view.probability, reader),
            band=view.band,
            level=view.priority.level,
            owner=view.owner or view.assigned or phrase("label.nobody"),
        ),
        phrase("show.next", next=view.next_action)
        if view.due is None
        else phrase("show.next_by", next=view.next_action, at=view.due),
        *(says for _, says in view.timeline[-3:]),
    ]

"""What analysts write to us, carried out: a command becomes an event of a case, or is answered by
a read.

Only the provider's rostered analysts command, in the channel of the analysts, in a case's thread
there, or in their own chat. What a command does is decided in `triage`; the answer is given where it
was asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar, assert_never

from bot import ids, sending, stories
from bot.clock import Clock
from bot.conductor import Conductor, Occurrence
from bot.gathering import ProviderDesk
from bot.inbound import Actor, Place, Response, ShowCard, ShowText, Texted
from bot.roster import meant
from bot.shifts import Shifts
from bot.stories import is_for_named_lead
from bot.tasks import Order, asked
from cards import clicks, confirm
from cards import sending as preview_cards
from cards.story import pages
from cards.wording import Reader, percent, say
from dialogs import commands
from dialogs.commands import CaseName, Command, OnCase, Tell, Word
from storage import across, handles, incidents, profiles
from storage.across import Handle, NamedCase
from storage.engine import Store, Tx, Urgency
from triage.assigning import reason
from triage.authority import may_command
from triage.containing import describe, is_reversible, may_be_ordered
from triage.customer import Analyst, Customer, Provider
from triage.events import (
    Assigned,
    CloseOrdered,
    ContainOrdered,
    Escalated,
    Later,
    Noted,
    Reopened,
    SentToCustomer,
    Taken,
    TaskGiven,
    UndoOrdered,
)
from triage.incident import ActionState, Incident, IncidentType, ResponseAction, Status
from triage.phrases import Moment, Phrase, phrase
from triage.report import Severity
from triage.surfaces import analyst_thread, consequence, headline
from triage.views import Button

T = TypeVar("T")

MOST_NAMED = 5
"""Cases that an answer names to choose from."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A command on its way to a case: who wrote it, and where."""

    text: Texted
    by: Analyst
    here: NamedCase | None
    """The case of the thread it was written in."""

    @property
    def key(self) -> str:
        """Delivered twice, it is done once."""
        return f"command:{self.text.place.conversation_id}:{self.text.activity_id}"


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is shown before it is done."""

    says: tuple[Phrase, ...]
    event: CloseOrdered | ContainOrdered | SentToCustomer | TaskGiven
    preview: preview_cards.Preview | None = None
    """Of words that are sent: it says all there is to say."""


_AFTER_CLOSING = phrase("confirm.close_then")

CONFIRM = "confirm"
"""What the handle of a card that asks first stands for."""
CONFIRMED_WITHIN = timedelta(minutes=10)


class Orders:
    """Answers every command, also one that is none: never silence."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor
        self._shifts = Shifts(store, clock, desk, conductor)

    def is_place(self, place: Place) -> bool:
        """Whether commands are given there: the analysts' channel, or a chat in their tenant."""
        channel = self._desk.channel
        if place.tenant_id != self._desk.profile.tenant_id:
            return False
        here = place.conversation_id.partition(";")[0]
        return place.personal or (channel is not None and here == channel.channel_id)

    async def hear(self, text: Texted) -> Response | None:
        """What is answered in a place where commands are given. None in a chat where the words are
        no command, or not an analyst's: there they may be about the writer's own case."""
        by = await self._analyst(text.actor)
        command = commands.read(text.text)
        if text.place.personal and (by is None or isinstance(command, commands.Unknown)):
            return None
        reader = self._reader
        if by is None:
            return ShowText(say(phrase("refused.not_analyst"), reader))
        written = _Written(text, by, await self._here(text.place))
        answer = await self._answer(written, command)
        match answer:
            case ShowCard():
                return answer
            case str():
                return ShowText(answer)
            case phrases:
                return ShowText("\n\n".join(say(p, reader) for p in phrases))

    async def _analyst(self, actor: Actor) -> Analyst | None:
        """By the rows, not by what this process knows of them: whoever left commands no more."""
        provider = await self._store.read_across(across.provider)
        return provider.analyst(actor.object_id) if provider else None

    @property
    def _reader(self) -> Reader:
        return Reader(self._desk.profile.language, self._desk.profile.zone)

    async def _here(self, place: Place) -> NamedCase | None:
        where = place.tenant_id, place.conversation_id
        found = await self._store.read_across(lambda tx: across.case_of_thread(tx, *where))
        return found if not place.personal else None

    async def _answer(self, written: _Written, command: Command) -> list[Phrase] | ShowCard | str:
        match command:
            case Tell():
                return await self._story(written, command)
            case commands.ListCases():
                return await self._list(command, written.by)
            case commands.WhoIsOn() | commands.Join() | commands.HandOver():
                return await self._shifts.answer(written.by, command, written.key)
            case commands.Help(about):
                return _help(about)
            case commands.Incomplete(word):
                return [phrase("command.incomplete"), _form(word)]
            case commands.Unknown(near):
                return _did_you_mean(near)
            case _:
                return await self._on_case(written, command)

    async def _story(self, written: _Written, command: Tell) -> str:
        """A page of it; whoever may not work on the case does not read it either."""
        found = await self._find(command.case, written.here)
        if not isinstance(found, NamedCase):
            return say(found, self._reader)
        return await self._store.read(
            found.customer_id, lambda tx: self._told(tx, found.incident_id, written.by, command)
        )

    def _told(self, tx: Tx, incident_id: str, by: Analyst, command: Tell) -> str:
        incident, _ = self._case(tx, incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return say(refused, self._reader)
        if command.for_customer and is_for_named_lead(incident):
            return say(phrase("hand.named_lead"), self._reader)
        lines = stories.told(tx, incident_id, internal=not command.for_customer)
        found = pages([line for line in lines if line], stories.PAGE, between="\n\n")
        page = min(command.page, len(found))
        if len(found) == 1:
            return found[0]
        more = phrase("story.page", page=page, pages=len(found), name=incident.name)
        return f"{found[page - 1]}\n\n{say(more, self._reader)}"

    async def _on_case(self, written: _Written, command: OnCase) -> list[Phrase] | ShowCard:
        found = await self._find(command.case, written.here)
        if not isinstance(found, NamedCase):
            return [found]
        event = await self._event(command, found, written.by)
        if isinstance(event, list):
            return event
        if isinstance(event, _Ask):
            return await self._ask_first(written, found, event)
        return [await self._carry_out(found, event, written.key, written.by)]

    async def _carry_out(self, on: NamedCase, event: Later, key: str, by: Analyst) -> Phrase:
        occurrence = Occurrence(key, event, on.incident_id, by.object_id)
        outcome = await self._conductor.receive(on.customer_id, occurrence)
        says = outcome.verdict.says or phrase("thanks.decided")
        return phrase("command.done", name=outcome.incident.name, says=says)

    # --- what cannot be taken back is shown first ----------------------------------------------

    async def _ask_first(self, written: _Written, on: NamedCase, ask: "_Ask") -> ShowCard:
        """The card that does it is this analyst's alone, works once, and not for long."""
        place, token = written.text.place, ids.card_token()
        until = self._clock.now() + CONFIRMED_WITHIN
        await self._store.write(
            on.customer_id,
            lambda tx: handles.mint(
                tx,
                token,
                tenant_id=place.tenant_id,
                incident_id=on.incident_id,
                surface=CONFIRM,
                person=written.by.object_id,
                expires=until,
                conversation_id=place.conversation_id,
            ),
            Urgency.PEOPLE,
        )
        words = " ".join(written.text.text.split())[: commands.LONGEST_COMMAND]
        if ask.preview is None:
            return ShowCard(confirm.render(ask.says, words, token, Moment(until), self._reader))
        customer = await self._store.read(on.customer_id, profiles.current)
        theirs = Reader(customer.language, customer.zone)
        return ShowCard(
            preview_cards.render_command(
                ask.preview,
                words,
                token,
                until=Moment(until),
                reader=self._reader,
                theirs=theirs,
            )
        )

    async def pressed(self, click: clicks.Click, actor: Actor, handle: Handle) -> Response:
        """A button of a card that asks first; the handle was found to stand here, and in time."""
        by = await self._analyst(actor)
        if by is None:
            return ShowText(say(phrase("refused.not_analyst"), self._reader))
        if handle.surface != CONFIRM or handle.person != by.object_id:
            return ShowText(say(phrase("refused.not_your_command"), self._reader))
        if click.button is Button.CANCEL:
            now = self._clock.now()
            await self._store.write(
                handle.customer_id, lambda tx: handles.end(tx, handle.token, now), Urgency.PEOPLE
            )
            return ShowCard(confirm.over(phrase("confirm.cancelled"), self._reader))
        command = commands.read(confirm.command_of(click))
        if not isinstance(
            command, commands.Close | commands.Contain | commands.Send | commands.GiveTask
        ):
            return ShowText(say(phrase("refused.unreadable"), self._reader))
        on = NamedCase(handle.customer_id, handle.incident_id, "")
        event = await self._event(command, on, by)
        if isinstance(event, list):
            return ShowText(say(event[0], self._reader))
        ordered = event.event if isinstance(event, _Ask) else event
        if isinstance(ordered, SentToCustomer):
            ordered = replace(ordered, draft=ids.arrival_key("send", handle.token, ""))
        says = await self._carry_out(on, ordered, f"confirmed:{handle.token}", by)
        return ShowCard(confirm.over(says, self._reader))

    async def _list(self, command: commands.ListCases, by: Analyst) -> list[Phrase]:
        called = await self._store.read_across(across.customers_called)
        wanted = _listing(command, called, by)
        if isinstance(wanted, Phrase):
            return [wanted]
        offset = (command.page - 1) * PAGE
        found = await self._store.read_across(lambda tx: across.listed(tx, wanted, PAGE, offset))
        if not found.cases:
            return [phrase("list.none")]
        last = offset + len(found.cases)
        counted = phrase("list.count", first=offset + 1, last=last, count=found.count)
        more = [phrase("list.more", page=command.page + 1)] if last < found.count else []
        return [counted, *(_line(case, self._desk.profile, by) for case in found.cases), *more]

    # --- which case, and who -------------------------------------------------------------------

    async def _find(self, named: CaseName | None, here: NamedCase | None) -> NamedCase | Phrase:
        if named is None:
            return here or phrase("command.which_case")
        found = await self._store.read_across(
            lambda tx: across.cases_named(tx, named.number, named.prefix, MOST_NAMED + 1)
        )
        match found:
            case []:
                return phrase("command.no_case", name=named.written)
            case [one]:
                return one
            case several:
                names = ", ".join(sorted(c.name for c in several)[:MOST_NAMED])
                return phrase("command.several_cases", names=names)

    # --- what a command means ------------------------------------------------------------------

    async def _event(
        self, command: OnCase, on: NamedCase, by: Analyst
    ) -> "list[Phrase] | _Ask | Later":
        """What is to happen; or an answer, where it is a question or nothing can be meant."""
        who = by.object_id, by.name
        match command:
            case commands.Show():
                return await self._read(on, lambda tx: self._shown(tx, on.incident_id, by))
            case commands.Take():
                return Taken(*who)
            case commands.Reopen():
                return Reopened(*who)
            case commands.Note(text=text):
                return Noted(*who, text)
            case commands.Escalate(why=why):
                return Escalated(*who, why)
            case commands.Assign(to=written):
                to = meant(written, self._desk.profile.analysts, by)
                return [to] if isinstance(to, Phrase) else Assigned(*who, to.object_id, to.name)
            case commands.Close(disposition=disposition, comment=comment):
                event = CloseOrdered(*who, disposition, comment)
                return await self._read(on, lambda tx: self._closing(tx, on, event))
            case commands.Contain(action=written):
                return await self._read(on, lambda tx: self._containing(tx, on, written, by))
            case commands.GiveTask():
                return await self._read(on, lambda tx: self._tasking(tx, on, command, by))
            case commands.Send():
                return await self._read(on, lambda tx: self._sending(tx, on, command, by))
            case commands.Undo(action=written):
                return await self._read(on, lambda tx: self._undoing(tx, on, written, by))
            case _:
                assert_never(command)

    async def _read(self, on: NamedCase, fn: Callable[[Tx], T]) -> T:
        return await self._store.read(on.customer_id, fn)

    def _closing(self, tx: Tx, on: NamedCase, event: CloseOrdered) -> "list[Phrase] | _Ask":
        incident, _ = self._case(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, event.by)
        if refused is None and incident.is_over:
            refused = phrase("refused.closed")
        if refused is not None:
            return [refused]
        named = phrase(f"disposition.{event.disposition}")
        asks = phrase("confirm.close", name=incident.name, disposition=named)
        return _Ask((asks, phrase("confirm.close_why", why=event.comment), _AFTER_CLOSING), event)

    def _containing(
        self, tx: Tx, on: NamedCase, written: str, by: Analyst
    ) -> "list[Phrase] | _Ask":
        incident, customer = self._case(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return [refused]
        possible = [] if incident.is_over else list(incident.actions)
        possible = [a for a in possible if may_be_ordered(incident, a)]
        action = self._which_action(possible, written)
        if isinstance(action, Phrase):
            return [action]
        asks = phrase("confirm.contain", name=incident.name, action=describe(action))
        says = asks, consequence(action, customer), phrase("confirm.consent")
        return _Ask(says, ContainOrdered(action.id, by.object_id, by.name))

    def _tasking(
        self, tx: Tx, on: NamedCase, command: commands.GiveTask, by: Analyst
    ) -> "list[Phrase] | _Ask":
        incident, customer = self._case(tx, on.incident_id)
        order = Order(command, by, self._clock.now())
        found = asked(tx, incident, customer, self._desk.profile, order)
        if isinstance(found, Phrase):
            return [found]
        event, says = found
        return _Ask(says, event)

    def _sending(
        self, tx: Tx, on: NamedCase, command: commands.Send, by: Analyst
    ) -> "list[Phrase] | _Ask":
        incident, customer = self._case(tx, on.incident_id)
        order = sending.order(command, incident, customer, self._desk.profile, by)
        return [order] if isinstance(order, Phrase) else _Ask((), order.event, order.preview)

    def _undoing(
        self, tx: Tx, on: NamedCase, written: str, by: Analyst
    ) -> "list[Phrase] | UndoOrdered":
        incident, _ = self._case(tx, on.incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return [refused]
        done = [a for a in incident.actions if a.state is ActionState.DONE and is_reversible(a)]
        action = self._which_action(done, written)
        if isinstance(action, Phrase):
            return [action]
        return UndoOrdered(action.id, by.object_id, by.name)

    def _which_action(
        self, possible: Sequence[ResponseAction], written: str
    ) -> ResponseAction | Phrase:
        """The one whose name, in the analysts' language or in English, has every word."""
        wanted = set(written.lower().split())
        named = {a.id: _names(a, self._reader) for a in possible}
        match [a for a in possible if any(wanted <= set(n.lower().split()) for n in named[a.id])]:
            case [one] if wanted:
                return one
            case [] if not possible:
                return phrase("command.no_action")
            case found:
                names = "; ".join(named[a.id][0] for a in (found or possible)[:MOST_NAMED])
                return phrase("command.which_action", names=names)

    def _case(self, tx: Tx, incident_id: str) -> tuple[Incident, Customer]:
        incident = incidents.load(tx, incident_id)
        if incident is None:
            raise LookupError(f"no incident {incident_id} of {tx.customer}")
        return incident, profiles.current(tx)

    def _shown(self, tx: Tx, incident_id: str, by: Analyst) -> list[Phrase]:
        incident, customer = self._case(tx, incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        return [refused] if refused else _in_short(incident, customer, self._reader)


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


# --- the list ------------------------------------------------------------------------------------

PAGE = 10
"""Cases a page of the list shows: they fit on a phone."""


def _listing(
    command: commands.ListCases, called: Mapping[str, str], by: Analyst
) -> across.Listing | Phrase:
    """Each word says of which customer, state, severity or kind the cases are to be."""
    of: dict[str, list[str]] = {"customer": [], "status": [], "severity": [], "type": []}
    for written in command.words:
        word = written.lower().strip(".,;")
        if word in called:
            of["customer"].append(called[word])
        elif (known := STATUSES.get(word)) or word in [*Status]:
            of["status"].append(known or word)
        elif word in [*Severity]:
            of["severity"].append(word)
        elif word.replace("-", "_") in [*IncidentType]:
            of["type"].append(word.replace("-", "_"))
        else:
            return phrase("list.unknown_word", word=written, customers=_some(called))
    return across.Listing(
        statuses=tuple(map(Status, of["status"])),
        customers=tuple(of["customer"]),
        severities=tuple(map(Severity, of["severity"])),
        types=tuple(map(IncidentType, of["type"])),
        owner=by.object_id if command.mine else None,
        unowned=command.unowned,
    )


STATUSES = {"closed": Status.RESOLVED}
"""What people call a state, where we call it otherwise."""


def _some(called: Mapping[str, str]) -> str:
    return ", ".join(sorted(set(called.values()))[:MOST_NAMED])


def _line(incident: Incident, provider: Provider, by: Analyst) -> Phrase:
    """A case about the reader's own account is named, and nothing of it told."""
    hidden = may_command(incident, provider, by.object_id) is not None
    return phrase(
        "list.hidden" if hidden else "list.line",
        name=incident.name,
        severity=incident.severity,
        status=incident.status,
        headline=None if hidden else headline(incident),
        owner=incident.owner_name or reason(incident) or phrase("label.nobody"),
    )


# --- help ----------------------------------------------------------------------------------------


def _help(about: Word | None) -> list[Phrase]:
    if about is not None:
        return [_form(about)]
    return [phrase("command.help"), *(_form(word) for word in Word)]


def _form(word: Word) -> Phrase:
    return phrase(f"form.{word}")


def _did_you_mean(near: tuple[Word, ...]) -> list[Phrase]:
    if not near:
        return [phrase("command.unknown")]
    return [phrase("command.did_you_mean", words=", ".join(near))]

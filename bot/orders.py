"""What analysts write to us, carried out: a command becomes an event of a case, or is answered by
a read.

Only the provider's rostered analysts command, in the channel of the analysts, in a case's thread
there, or in their own chat. What a command does is decided in `triage`; the answer is given where it
was asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from bot import ids, listing, stories
from bot.cases import case_of
from bot.clock import Clock
from bot.conductor import Conductor, Occurrence
from bot.gathering import ProviderDesk
from bot.inbound import Actor, Clicked, Place, Posted, Response, ShowCard, ShowText, Texted
from bot.meaning import Meaning
from bot.replies import MOST_NAMED, AskFirst, Choose, Deed, Reply
from bot.rota import Leaving
from bot.shifts import Shifts, shown_first
from bot.stories import is_for_named_lead
from cards import choosing, clicks, confirm
from cards import sending as preview_cards
from cards.choosing import Option
from cards.story import pages
from cards.wording import Reader, say
from dialogs import commands
from dialogs.commands import CaseName, Command, HandOver, ListCases, OnCase, Tell, Word
from storage import across, handles, incidents, profiles
from storage.across import Handle, NamedCase
from storage.codec import verdict_from_json
from storage.engine import Store, Tx, Urgency
from triage.authority import may_command
from triage.customer import Analyst
from triage.decide import Accepted
from triage.events import Assigned, Later, SentToCustomer, Taken
from triage.phrases import Moment, Phrase, phrase
from triage.views import Button


@dataclass(frozen=True, slots=True)
class _Written:
    """A command on its way to a case: who wrote it, and where."""

    words: str
    by: Analyst
    place: Place
    key: str
    """Of what it does: delivered twice, it is done once."""
    here: NamedCase | None = None
    """The case of the thread it was written in."""


CONFIRM, CHOOSE = "confirm", "choose"
"""What the handle of a card that asks first stands for, beside what was shown on it; and of one that
offers whole commands."""
CONFIRMED_WITHIN = timedelta(minutes=10)
CHOSEN_WITHIN = timedelta(hours=1)


class Orders:
    """Answers every command, also one that is none: never silence."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor
        self._meaning = Meaning(store, clock, desk, conductor)
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
        if by is None:
            return ShowText(say(phrase("refused.not_analyst"), self._reader))
        words = " ".join(text.text.split())[: commands.LONGEST_COMMAND]
        key = f"command:{text.place.conversation_id}:{text.activity_id}"
        here = await self._here(text.place)
        written = _Written(words, by, text.place, key, here)
        answer = await self._answer(written)
        return _shown(answer)

    async def understood_nothing(self, text: Texted) -> Response | None:
        """What an analyst is answered whose words in a chat are no command, and about no case."""
        if not self.is_place(text.place) or await self._analyst(text.actor) is None:
            return None
        command = commands.read(text.text)
        near = command.near if isinstance(command, commands.Unknown) else ()
        return _shown(self._said(_did_you_mean(near)))

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

    async def _answer(self, written: _Written) -> list[str] | ShowCard:
        """A card, or what to read, line by line."""
        command = await self._read_command(written.words)
        match command:
            case Tell():
                return await self._story(written, command)
            case commands.ListCases():
                return await self._list(written, command)
            case HandOver() if written.here is not None:
                return self._said([phrase("duty.not_here", name=written.here.name)])
            case HandOver():
                return await self._leave(written, command)
            case commands.WhoIsOn() | commands.Join():
                return self._said(await self._shifts.answer(written.by, command, written.key))
            case commands.Help(about):
                return self._said(_help(about))
            case commands.Incomplete(word):
                return self._said([phrase("command.incomplete"), _form(word)])
            case commands.Unknown(near):
                return self._said(_did_you_mean(near))
            case _:
                return await self._on_case(written, command)

    async def _read_command(self, words: str) -> Command:
        prefixes = await self._store.read_across(across.prefixes)
        return commands.read(words, prefixes)

    def _said(self, phrases: Iterable[Phrase]) -> list[str]:
        return [say(p, self._reader, commands.LONGEST_FACT) for p in phrases]

    async def _story(self, written: _Written, command: Tell) -> list[str] | ShowCard:
        """A page of it; whoever may not work on the case does not read it either."""
        found = await self._find(command.case, written)
        if isinstance(found, Phrase):
            return self._said([found])
        if isinstance(found, list):
            return await self._which(written, command.case, found)
        told = await self._store.read(
            found.customer_id, lambda tx: self._told(tx, found.incident_id, written.by, command)
        )
        return [told]

    def _told(self, tx: Tx, incident_id: str, by: Analyst, command: Tell) -> str:
        incident, _ = case_of(tx, incident_id)
        refused = may_command(incident, self._desk.profile, by.object_id)
        if refused is not None:
            return say(refused, self._reader)
        if command.for_customer and is_for_named_lead(incident):
            return say(phrase("hand.named_lead"), self._reader)
        lines = stories.told(tx, incident_id, internal=not command.for_customer)
        found = pages([line for line in lines if line], stories.PAGE, between="\n\n")
        page = command.page
        if page > len(found):
            return say(_no_page(page, len(found)), self._reader)
        if len(found) == 1:
            return found[0]
        more = phrase("story.page", page=page, pages=len(found), name=incident.name)
        return f"{found[page - 1]}\n\n{say(more, self._reader)}"

    async def _on_case(self, written: _Written, command: OnCase) -> list[str] | ShowCard:
        found = await self._find(command.case, written)
        if isinstance(found, Phrase):
            return self._said([found])
        if isinstance(found, list):
            return await self._which(written, command.case, found)
        reply = await self._meaning.reply(command, found, written.by, written.key)
        match reply:
            case list():
                return self._said(reply)
            case AskFirst():
                return await self._ask_first(written, found, reply)
            case Choose():
                return await self._choose(written, reply, found)
            case event:
                return self._said([await self._carry_out(found, event, written.key, written.by)])

    async def _which(
        self, written: _Written, named: CaseName | None, cases: list[NamedCase]
    ) -> ShowCard:
        options = tuple(
            Option(case.name, commands.of_case(written.words, named, case.name))
            for case in cases[:MOST_NAMED]
        )
        asks = phrase("choose.case" if len(cases) <= MOST_NAMED else "choose.case_of_more")
        return await self._choose(written, Choose(asks, options), cases[0])

    async def _leave(self, written: _Written, command: HandOver) -> list[str] | ShowCard:
        gives = await self._shifts.leaving(written.by, command)
        if not isinstance(gives, Leaving):
            return self._said(gives)
        if not gives.cases:
            says = await self._shifts.leave(written.by, gives, written.key)
            return self._said([says]) if says else await self._leave(written, command)
        (first, _), *_ = gives.cases
        return await self._ask_first(written, first, shown_first(gives, self._desk.profile))

    async def _carry_out(self, on: NamedCase, event: Later, key: str, by: Analyst) -> Phrase:
        occurrence = Occurrence(key, event, on.incident_id, by.object_id)
        outcome = await self._conductor.receive(on.customer_id, occurrence)
        says = outcome.verdict.says or phrase("thanks.decided")
        if isinstance(event, Taken | Assigned) and isinstance(outcome.verdict, Accepted):
            says = await self._shifts.with_duty(says, outcome.incident)
        return phrase("command.done", name=outcome.incident.name, says=says)

    # --- what cannot be taken back is shown first ----------------------------------------------

    async def _ask_first(
        self, written: _Written, on: NamedCase, ask: AskFirst, *more: Phrase
    ) -> ShowCard:
        """The card that does it is this analyst's alone, works once, not for long, and does nothing
        but what it shows."""
        until = self._clock.now() + CONFIRMED_WITHIN
        token = await self._mint(written, on.customer_id, on.incident_id, _surface(ask), until)
        reader = self._reader
        if ask.preview is None:
            says = *ask.says, *more
            return ShowCard(confirm.render(says, written.words, token, Moment(until), reader))
        customer = await self._store.read(on.customer_id, profiles.current)
        theirs = Reader(customer.language, customer.zone)
        return ShowCard(
            preview_cards.render_command(
                ask.preview,
                written.words,
                token,
                until=Moment(until),
                reader=reader,
                theirs=theirs,
            )
        )

    async def _choose(self, written: _Written, choose: Choose, on: NamedCase) -> ShowCard:
        """Each button carries a whole command, which this analyst could write as well."""
        until = self._clock.now() + CHOSEN_WITHIN
        token = await self._mint(written, on.customer_id, on.incident_id, CHOOSE, until)
        return ShowCard(choosing.choice(choose.asks, choose.options, token, self._reader))

    async def _mint(
        self, written: _Written, customer: str, incident: str, surface: str, until: datetime
    ) -> str:
        place, token, now = written.place, ids.card_token(), self._clock.now()

        def minted(tx: Tx) -> None:
            handles.drop_past(tx, incident, now)
            handles.mint(
                tx,
                token,
                tenant_id=place.tenant_id,
                incident_id=incident,
                surface=surface,
                person=written.by.object_id,
                expires=until,
                conversation_id=place.conversation_id,
            )

        await self._store.write(customer, minted, Urgency.PEOPLE)
        return token

    async def from_card(self, click: Clicked, words: str, handle: Handle) -> Response:
        """A command chosen on the card of its case: answered as if it were written in the thread."""
        by = await self._analyst(click.actor)
        if by is None or click.place.tenant_id != self._desk.profile.tenant_id:
            return ShowText(say(phrase("refused.not_analyst"), self._reader))
        key = ids.arrival_key("command", click.place.conversation_id, click.activity_id)
        here = await self._named(handle)
        answer = await self._answer(_Written(words, by, click.place, key, here))
        return Posted(_shown(answer))

    async def _named(self, handle: Handle) -> NamedCase:
        name = await self._store.read(
            handle.customer_id, lambda tx: case_of(tx, handle.incident_id)[0].name
        )
        return NamedCase(handle.customer_id, handle.incident_id, name)

    async def pressed(self, clicked: Clicked, click: clicks.Click, handle: Handle) -> Response:
        """A button of such a card; the handle was found to stand here, and in time."""
        by = await self._analyst(clicked.actor)
        if by is None:
            return ShowText(say(phrase("refused.not_analyst"), self._reader))
        belongs = CHOOSE if click.button is Button.RUN else CONFIRM
        if handle.surface.partition(":")[0] != belongs or handle.person != by.object_id:
            return ShowText(say(phrase("refused.not_your_command"), self._reader))
        words = confirm.command_of(click)
        match click.button:
            case Button.RUN:
                key = f"chosen:{handle.token}:{click.choice}"
                return await self._chosen(_Written(words, by, clicked.place, key), click)
            case Button.CANCEL:
                now, on = self._clock.now(), await self._named(handle)
                done = await self._done(on, f"confirmed:{handle.token}")
                if done is not None:
                    return ShowCard(confirm.over(done, self._reader))
                await self._store.write(
                    handle.customer_id,
                    lambda tx: handles.end(tx, handle.token, now),
                    Urgency.PEOPLE,
                )
                return ShowCard(confirm.over(phrase("confirm.cancelled"), self._reader))
            case _:
                written = _Written(words, by, clicked.place, f"confirmed:{handle.token}")
                return await self._confirmed(written, handle)

    async def _chosen(self, written: _Written, click: clicks.Click) -> ShowCard:
        answer = await self._answer(written)
        if isinstance(answer, ShowCard):
            return answer
        back = choosing.back_of(click)
        named = Option(phrase("button.back"), back) if back else None
        return ShowCard(choosing.read_out(answer, named, click.handle, self._reader))

    async def _confirmed(self, written: _Written, handle: Handle) -> Response:
        """The command is read again, and decided on as things stand now. Where it would do anything
        else than was shown, that is shown first."""
        command = await self._read_command(written.words)
        if not isinstance(command, OnCase | HandOver):
            return ShowText(say(phrase("refused.unreadable"), self._reader))
        on = await self._named(handle)
        reply = await self._reply(command, on, written)
        if isinstance(reply, AskFirst) and _surface(reply) == handle.surface:
            does = await self._do(on, reply.event, written, handle)
            if does is not None:
                return ShowCard(confirm.over(does, self._reader))
            reply = await self._reply(command, on, written)
        done = await self._done(on, written.key)
        if done is not None:  # pressed twice, and the other one was faster
            return ShowCard(confirm.over(done, self._reader))
        match reply:
            case AskFirst():
                return await self._ask_first(written, on, reply, phrase("confirm.changed"))
            case Choose():
                return await self._choose(written, reply, on)
            case Leaving():  # nothing is left that would change hands
                left = await self._shifts.leave(written.by, reply, written.key)
                if left is None:
                    return ShowText(say(phrase("confirm.changed"), self._reader))
                return ShowCard(confirm.over(left, self._reader))
            case [says, *_]:
                return ShowText(say(says, self._reader))
            case _:
                return ShowText(say(phrase("refused.unreadable"), self._reader))

    async def _do(
        self, on: NamedCase, deed: Deed, written: _Written, handle: Handle
    ) -> Phrase | None:
        """What was shown. None where a leaver's cases are others by now."""
        match deed:
            case Leaving():
                return await self._shifts.leave(written.by, deed, written.key)
            case SentToCustomer():
                deed = replace(deed, draft=ids.arrival_key("send", handle.token, ""))
        return await self._carry_out(on, deed, written.key, written.by)

    async def _reply(
        self, command: OnCase | HandOver, on: NamedCase, written: _Written
    ) -> Reply | Leaving:
        if not isinstance(command, HandOver):
            return await self._meaning.reply(command, on, written.by, written.key)
        gives = await self._shifts.leaving(written.by, command)
        if isinstance(gives, Leaving) and gives.cases:
            return shown_first(gives, self._desk.profile)
        return gives

    async def _done(self, on: NamedCase, key: str) -> Phrase | None:
        """What was answered when it was done; None where it was not."""
        if await self._shifts.has_left(key):
            return phrase("thanks.already")
        seen = await self._store.read(on.customer_id, lambda tx: incidents.seen(tx, key))
        if seen is None:
            return None
        says = verdict_from_json(seen.answer).says or phrase("thanks.decided")
        return phrase("command.done", name=on.name, says=says)

    async def _list(self, written: _Written, command: ListCases) -> list[str] | ShowCard:
        called = await self._store.read_across(across.customers_called)
        wanted = listing.wanted(command, called, written.by)
        if isinstance(wanted, Phrase):
            return self._said([wanted])
        offset = (command.page - 1) * listing.PAGE
        found = await self._store.read_across(
            lambda tx: across.listed(tx, wanted, listing.PAGE, offset)
        )
        if not found.cases and found.count:
            return self._said([_no_page(command.page, -(-found.count // listing.PAGE))])
        if not found.cases:
            return self._said([phrase("list.none")])
        (first, _), until = found.cases[0], self._clock.now() + CHOSEN_WITHIN
        token = await self._mint(written, first.customer, first.id, CHOOSE, until)
        shown = listing.page(command, found, self._desk.profile, written.by)
        return ShowCard(
            choosing.listing(shown.counted, shown.rows, shown.pages, token, self._reader)
        )

    # --- which case, and who -------------------------------------------------------------------

    async def _find(
        self, named: CaseName | None, written: _Written
    ) -> NamedCase | Phrase | list[NamedCase]:
        """The case that is meant, or those that may be."""
        if named is None and written.here is None and (other := commands.named_in(written.words)):
            return phrase("command.no_case", name=other.written)
        if named is None:
            return written.here or await self._theirs(written.by) or phrase("command.which_case")
        found = await self._store.read_across(
            lambda tx: across.cases_named(tx, named.number, named.prefix, MOST_NAMED + 1)
        )
        match found:
            case []:
                return phrase("command.no_case", name=named.written)
            case [one]:
                return one
            case several:
                return sorted(several, key=lambda case: case.name)

    async def _theirs(self, by: Analyst) -> list[NamedCase]:
        """An analyst who names no case may mean one of those they have."""
        mine = across.Listing(owner=by.object_id)
        found = await self._store.read_across(lambda tx: across.listed(tx, mine, MOST_NAMED + 1, 0))
        return [NamedCase(case.customer, case.id, case.name) for case, _ in found.cases]


def _surface(ask: AskFirst) -> str:
    """What the handle of the card stands for: this, as it is shown, and nothing else."""
    shown = repr((ask.event, ask.says, ask.preview))
    return f"{CONFIRM}:{sha256(shown.encode()).hexdigest()}"


def _no_page(page: int, last: int) -> Phrase:
    return phrase("list.no_page", page=page, last=last)


def _shown(answer: list[str] | ShowCard) -> ShowText | ShowCard:
    return answer if isinstance(answer, ShowCard) else ShowText("\n\n".join(answer))


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

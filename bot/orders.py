"""What analysts write to us, carried out: a command becomes an event of a case, or is answered by
a read.

Only the provider's rostered analysts command, in the channel of the analysts, in a case's thread
there, or in their own chat. What a command does is decided in `triage`; the answer is given where it
was asked.
"""

from dataclasses import dataclass
from typing import assert_never

from bot import stories
from bot.conductor import Conductor, Occurrence
from bot.gathering import ProviderDesk
from bot.inbound import Place, Response, ShowText, Texted
from bot.stories import is_for_named_lead
from cards.story import pages
from cards.wording import Reader, percent, say
from dialogs import commands
from dialogs.commands import CaseName, Command, OnCase, Tell, Word
from storage import across, incidents, profiles
from storage.across import NamedCase
from storage.engine import Store, Tx
from triage.authority import may_command
from triage.customer import Analyst, Customer
from triage.events import Assigned, Escalated, Later, Noted, Reopened, Taken
from triage.incident import Incident
from triage.phrases import Phrase, phrase
from triage.surfaces import analyst_thread

MOST_NAMED = 5
"""Cases or people that an answer names to choose from."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A command on its way to a case: who wrote it, and where."""

    text: Texted
    by: Analyst
    here: NamedCase | None
    """The case of the thread it was written in."""


class Orders:
    """Answers every command, also one that is none: never silence."""

    def __init__(self, store: Store, desk: ProviderDesk, conductor: Conductor) -> None:
        self._store = store
        self._desk = desk
        self._conductor = conductor

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
        by = self._desk.profile.analyst(text.actor.object_id)
        command = commands.read(text.text)
        if text.place.personal and (by is None or isinstance(command, commands.Unknown)):
            return None
        reader = self._reader
        if by is None:
            return ShowText(say(phrase("refused.not_analyst"), reader))
        written = _Written(text, by, await self._here(text.place))
        if isinstance(command, Tell):
            return ShowText(await self._story(written, command))
        return ShowText("\n\n".join(say(p, reader) for p in await self._answer(written, command)))

    @property
    def _reader(self) -> Reader:
        return Reader(self._desk.profile.language, self._desk.profile.zone)

    async def _here(self, place: Place) -> NamedCase | None:
        where = place.tenant_id, place.conversation_id
        found = await self._store.read_across(lambda tx: across.case_of_thread(tx, *where))
        return found if not place.personal else None

    async def _answer(self, written: _Written, command: Command) -> list[Phrase]:
        match command:
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
        incident = incidents.load(tx, incident_id)
        if incident is None:
            raise LookupError(f"no incident {incident_id} of {tx.customer}")
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

    async def _on_case(self, written: _Written, command: OnCase) -> list[Phrase]:
        found = await self._find(command.case, written.here)
        if not isinstance(found, NamedCase):
            return [found]
        event = self._event(command, written.by)
        if isinstance(event, Phrase):
            return [event]
        if event is None:
            return await self._store.read(
                found.customer_id, lambda tx: self._shown(tx, found.incident_id, written.by)
            )
        occurrence = Occurrence(
            key=f"command:{written.text.place.conversation_id}:{written.text.activity_id}",
            event=event,
            incident=found.incident_id,
            actor=written.by.object_id,
        )
        outcome = await self._conductor.receive(found.customer_id, occurrence)
        says = outcome.verdict.says or phrase("thanks.decided")
        return [phrase("command.done", name=outcome.incident.name, says=says)]

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

    def _whom(self, written: str, by: Analyst) -> Analyst | Phrase:
        """Whoever is meant of the roster: by full name or address, else by part of the name."""
        wanted = written.lower()
        if wanted in ("me", "mich", "mir", "mim"):
            return by
        roster = self._desk.profile.analysts
        exact = [a for a in roster if wanted in (a.name.lower(), a.upn.lower())]
        found = exact or [a for a in roster if wanted in a.name.lower().split()]
        found = found or [a for a in roster if wanted in a.name.lower()]
        match found:
            case [one]:
                return one
            case []:
                names = ", ".join(a.name for a in roster[:MOST_NAMED])
                return phrase("command.nobody", written=written, names=names)
            case several:
                names = ", ".join(a.name for a in several[:MOST_NAMED])
                return phrase("command.several_people", written=written, names=names)

    # --- what a command means ------------------------------------------------------------------

    def _event(self, command: OnCase, by: Analyst) -> Later | Phrase | None:
        """None for what only asks."""
        match command:
            case commands.Show() | Tell():
                return None
            case commands.Take():
                return Taken(by.object_id, by.name)
            case commands.Reopen():
                return Reopened(by.object_id, by.name)
            case commands.Note(text=text):
                return Noted(by.object_id, by.name, text)
            case commands.Escalate(why=why):
                return Escalated(by.object_id, by.name, why)
            case commands.Assign(to=written):
                to = self._whom(written, by)
                if isinstance(to, Phrase):
                    return to
                return Assigned(by.object_id, by.name, to.object_id, to.name)
            case _:
                assert_never(command)

    def _shown(self, tx: Tx, incident_id: str, by: Analyst) -> list[Phrase]:
        incident, customer = incidents.load(tx, incident_id), profiles.current(tx)
        if incident is None:
            raise LookupError(f"no incident {incident_id} of {tx.customer}")
        refused = may_command(incident, self._desk.profile, by.object_id)
        return [refused] if refused else _in_short(incident, customer, self._reader)


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
            owner=view.owner or phrase("label.nobody"),
        ),
        phrase("show.next", next=view.next_action)
        if view.due is None
        else phrase("show.next_by", next=view.next_action, at=view.due),
        *(says for _, says in view.timeline[-3:]),
    ]


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

"""Who speaks to us from Teams, and what that means: inbound events become events of incidents.

Identity comes from the authenticated activity. What a card says is a claim: its handle is looked up
with the tenant, and must stand for this conversation. Who may do what is decided in `triage`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot import ids
from bot.bridge import LONGEST_TEXT, Bridge, said
from bot.buttons import Who, belongs, event_of
from bot.cases import case_of
from bot.clock import Clock
from bot.conductor import Addressed, Conductor, NotHeard, Occurrence, Outcome
from bot.context import with_context
from bot.desk import customers_of
from bot.gathering import ProviderDesk
from bot.inbound import (
    Clicked,
    Inbound,
    Installed,
    Nothing,
    Place,
    Removed,
    Response,
    Revised,
    RosterChanged,
    ShowCard,
    ShowText,
    Texted,
    TryAgainLaterError,
)
from bot.installing import Installing, keep_chat
from bot.links import Links
from bot.notice import in_short
from bot.onboarding import Onboarding, is_setup_alone, setup_code
from bot.orders import Orders
from bot.telling import tell_analysts
from bot.verifying import CodeCheck, CodeDesk
from cards import (
    analyst_thread,
    approval,
    clicks,
    commanding,
    customer_thread,
    manager,
    question,
    sending,
    task,
)
from cards.wording import Reader, say
from dialogs.codes import code_in
from dialogs.messenger import Card
from dialogs.privacy import asks_about_privacy
from storage import across, homes, incidents, profiles
from storage.engine import AcrossTx, Store, StoreBusyError, Tx, Urgency
from triage.authority import hearers, may_send
from triage.customer import Customer, Provider
from triage.decide import Refused
from triage.effects import ANALYST_THREAD
from triage.events import Answered, Event, SentToCustomer, Wrote
from triage.incident import Incident, Question, QuestionKind, Route
from triage.phrases import Phrase, phrase
from triage.surfaces import surfaces
from triage.surfaces.person import asked_in_teams, person_card
from triage.telling import from_provider
from triage.views import (
    AnalystThread,
    ApprovalCard,
    Button,
    CustomerThread,
    ManagerCard,
    PersonCard,
    SourceStatus,
    TaskCard,
    View,
)

log = structlog.get_logger(__name__)

NOT_ITS_BUTTON = "a button of another card"


class Reception:
    """Hears what Teams delivers. Every answer is given after COMMIT; an analyst's card is read once
    more for it (`bot/context.py`), nobody else's is."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor, links: Links
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor
        self._links = links
        self._onboarding = Onboarding(store, clock, desk)
        self._installing = Installing(store, clock, desk, conductor)
        self._orders = Orders(store, clock, desk, conductor)
        self._bridge = Bridge(store, clock, desk, conductor)
        self._codes = CodeDesk(store, clock, desk, conductor.on_work)

    async def hear(self, inbound: Inbound) -> Response:
        try:
            if isinstance(inbound, Clicked):
                return await self._clicked(inbound)
            if not await self._is_ours(inbound.place.tenant_id):
                return await self._stranger(inbound)
            match inbound:
                case Texted():
                    return await self._texted(inbound)
                case Revised():
                    await self._bridge.revised(inbound)
                    return Nothing()
                case Installed():
                    return await self._installing.installed(inbound)
                case Removed():
                    return await self._installing.removed(inbound)
                case RosterChanged():
                    return await self._installing.roster_changed(inbound)
        except StoreBusyError as error:
            raise TryAgainLaterError from error

    # --- clicks ---

    async def _clicked(self, click: Clicked) -> Response:
        """Whose card it is, who pressed and what follows from it are one transaction."""
        pressed = clicks.read(click.fields)
        if isinstance(pressed, clicks.Unreadable):
            return await self._refused(click, NotHeard("refused.unreadable", pressed.why))
        match pressed.button:
            case Button.CHANGE:
                return await self._ask_again(click, pressed)
            case Button.DRAFT | Button.DISCARD:
                return await self._preview(click, pressed)
            case Button.COMMAND:
                return await self._commanded(click, pressed)
            case Button.DO_IT | Button.CANCEL | Button.RUN:
                return await self._confirmed(click, pressed)
            case _:
                return await self._pressed(click, pressed)

    async def _pressed(self, click: Clicked, pressed: clicks.Click) -> Response:
        heard = await self._conductor.receive_found(
            lambda tx, now: self._heard(tx, click, pressed, now)
        )
        if isinstance(heard, NotHeard):
            return await self._refused(click, heard)
        found, outcome = heard
        return await self._answer(outcome, found.press.handle, found.who)

    def _heard(
        self, tx: AcrossTx, click: Clicked, pressed: clicks.Click, now: datetime
    ) -> "_Heard | NotHeard":
        press = _press(tx, click, pressed, now)
        if isinstance(press, NotHeard):
            return press
        if not belongs(pressed, press.handle.surface):
            return NotHeard("refused.unknown_card", NOT_ITS_BUTTON)
        who = self._who(click, press)
        if self._desk.profile.analyst(who.object_id) and not _is_analyst_now(tx, who):
            return NotHeard("refused.not_analyst", "not on the roster any more")
        event = event_of(pressed, who)
        if isinstance(event, clicks.Unreadable):
            return NotHeard("refused.say_how", event.why)
        occurrence = Occurrence(
            key=_key(click, press.handle, event),
            event=event,
            incident=press.handle.incident_id,
            actor=who.object_id,
        )
        return _Heard(press.handle.customer_id, occurrence, press, who)

    async def _ask_again(self, click: Clicked, pressed: clicks.Click) -> Response:
        """An answered question again, for the asker alone; looking changes nothing."""
        now = self._clock.now()
        press = await self._store.read_across(lambda tx: _press(tx, click, pressed, now))
        if isinstance(press, NotHeard):
            return await self._refused(click, press)
        handle, who = press.handle, self._who(click, press)
        incident, customer = await self._store.read(
            handle.customer_id, lambda tx: case_of(tx, handle.incident_id)
        )
        person = next((p for p in asked_in_teams(incident) if p.object_id == who.object_id), None)
        if person is None or handle.person != who.object_id:
            return ShowText(say(phrase("refused.not_addressee"), who.reader))
        view = person_card(incident, customer, person, changing=pressed.on)
        return await self._shown(view, handle, _reader(customer, self._desk.profile, view))

    async def _confirmed(self, click: Clicked, pressed: clicks.Click) -> Response:
        now = self._clock.now()
        press = await self._store.read_across(lambda tx: _press(tx, click, pressed, now))
        if isinstance(press, NotHeard):
            return await self._refused(click, press)
        if click.place.tenant_id != self._desk.profile.tenant_id:
            return await self._refused(click, NotHeard("refused.unknown_card", "another tenant"))
        return await self._orders.pressed(click, pressed, press.handle)

    async def _commanded(self, click: Clicked, pressed: clicks.Click) -> Response:
        """A command from the card of its case: answered in the thread, as if written there."""
        now = self._clock.now()
        press = await self._store.read_across(lambda tx: _press(tx, click, pressed, now))
        if isinstance(press, NotHeard):
            return await self._refused(click, press)
        if not belongs(pressed, press.handle.surface):
            return await self._refused(click, NotHeard("refused.unknown_card", NOT_ITS_BUTTON))
        words = commanding.read(pressed)
        if isinstance(words, clicks.Unreadable):
            return ShowText(say(phrase("refused.say_how"), self._who(click, press).reader))
        return await self._orders.from_card(click, words, press.handle)

    async def _preview(self, click: Clicked, pressed: clicks.Click) -> Response:
        """How an analyst's words will look, for them alone; or the case's card again. Looking
        changes nothing, and what would be refused is refused already here."""
        now = self._clock.now()
        press = await self._store.read_across(lambda tx: _press(tx, click, pressed, now))
        if isinstance(press, NotHeard):
            return await self._refused(click, press)
        handle, who = press.handle, self._who(click, press)
        if not belongs(pressed, handle.surface):
            return await self._refused(click, NotHeard("refused.unknown_card", NOT_ITS_BUTTON))
        incident, customer = await self._store.read(
            handle.customer_id, lambda tx: case_of(tx, handle.incident_id)
        )
        provider = self._desk.profile
        if pressed.button is Button.DISCARD:
            view = surfaces(incident, customer)[ANALYST_THREAD]
            return await self._shown(view, handle, _reader(customer, provider, view))
        written = sending.read(pressed)
        if isinstance(written, clicks.Unreadable):
            return ShowText(say(phrase("refused.say_what"), who.reader))
        event = SentToCustomer(
            click.activity_id, written.words, who.object_id, who.name, written.to
        )
        refused = may_send(incident, customer, provider, event)
        if refused is None and click.via == "submit":
            refused = phrase("refused.no_preview")
        if refused is not None:
            return ShowText(say(refused, who.reader))
        preview = sending.Preview(
            from_provider(who.name, provider, written.words),
            written,
            dict(hearers(incident, customer)).get(written.to or ""),
            event.draft,
            customer.name,
            incident.name,
        )
        theirs = Reader(customer.language, customer.zone)
        return ShowCard(sending.render(preview, handle.token, who.reader, theirs))

    async def _answer(self, outcome: Outcome, handle: across.Handle, who: Who) -> Response:
        """The asker's new view; to whom the card does not belong, a sentence and no card."""
        if isinstance(outcome.verdict, Refused):
            return ShowText(say(outcome.verdict.says, who.reader))
        view = outcome.views.get(handle.surface)
        if view is None or isinstance(view, SourceStatus):
            return Nothing()
        reader = _reader(outcome.customer, self._desk.profile, view)
        return await self._shown(view, handle, reader)

    async def _shown(self, view: View, handle: across.Handle, reader: Reader) -> ShowCard:
        if isinstance(view, AnalystThread):
            view = await self._in_context(handle.customer_id, view)
        link = self._links.of(view, handle.token)
        return ShowCard(_render(view, handle.token, reader, link))

    async def _in_context(self, customer: str, view: AnalystThread) -> AnalystThread:
        now = self._clock.now()
        return await self._store.read(customer, lambda tx: with_context(tx, view, now))

    async def _refused(self, click: Clicked, refusal: NotHeard) -> Response:
        if not await self._is_ours(click.place.tenant_id):
            return await self._stranger(click)
        await self._record(click, "click_refused", why=refusal.why)
        return ShowText(say(phrase(refusal.says), Reader(click.actor.locale)))

    # --- words ---

    async def _texted(self, text: Texted) -> Response:
        """In a chat everything is for us. In a channel what mentions us is; what is written in the
        thread of a case is for the analysts, and nothing else of a channel is kept."""
        reader = Reader(text.actor.locale)
        code = code_in(text.text) if text.place.personal or text.mentioned else None
        if code and (checked := await self._checked(code, text)):
            return ShowText(say(checked, reader))
        if (text.place.personal or text.mentioned) and self._orders.is_place(text.place):
            answer = await self._orders.hear(text)
            if answer is not None:
                return answer
        if not text.place.personal:
            return await self._said_in_channel(text, reader)
        if is_setup_alone(text.text):
            return ShowText(say(phrase("setup.usage"), reader))
        customers = await customers_of(self._store, self._desk, text.place.tenant_id)
        if not customers or not (text.text.strip() or text.files):
            return await self._about_nothing(text, reader)
        for customer in customers:
            await self._met(customer, text)
        if asks_about_privacy(text.text):
            return ShowText(await self._what_is_kept(customers, reader))
        found = await self._cases_of(customers, text.actor.object_id)
        if not found:
            return await self._about_nothing(text, reader)
        if len(found) > 1:
            await self._record(text, "text_unassigned", customers=", ".join(sorted(found)))
            return ShowText(say(phrase("help.which_case"), reader))
        ((customer, about),) = found.items()
        outcome = await self._conductor.receive(
            customer,
            Occurrence(
                key=ids.arrival_key("text", text.place.conversation_id, text.activity_id),
                event=_words(about, text),
                incident=about.id,
                actor=text.actor.object_id,
                said=said(text),
            ),
        )
        says = outcome.verdict.says
        return ShowText(say(says, reader)) if says else Nothing()

    async def _about_nothing(self, text: Texted, reader: Reader) -> Response:
        """Nothing is asked of whoever writes in their chat."""
        for_analyst = await self._orders.understood_nothing(text)
        return for_analyst or ShowText(say(phrase("help.person"), reader))

    async def _said_in_channel(self, text: Texted, reader: Reader) -> Response:
        code = setup_code(text.text) if text.mentioned else None
        if code is None:
            await self._bridge.heard(text)
            return ShowText(say(phrase("help.channel"), reader)) if text.mentioned else Nothing()
        answer = await self._onboarding.set_up(text, code)
        if answer.refused is not None:
            await self._record(text, "setup_refused", why=answer.refused)
        if answer.tell is not None:
            await self._tell(text.place, answer.tell)
        self._conductor.on_work()
        return ShowText(say(answer.says, reader))

    async def _cases_of(self, customers: Collection[str], person: str) -> dict[str, Incident]:
        """What somebody's words may be about, at each customer of their tenant: where a question is
        open for them, only that. More than one customer left is for the person to tell apart."""
        now = self._clock.now()
        found = {
            customer: about
            for customer in customers
            if (about := await self._what_it_is_about(customer, person, now)) is not None
        }
        asking = {customer: about for customer, about in found.items() if _asks(about, person)}
        return asking or found

    async def _what_it_is_about(self, customer: str, person: str, now: datetime) -> Incident | None:
        return await self._store.read(customer, lambda tx: _what_it_is_about(tx, person, now))

    async def _checked(self, code: str, text: Texted) -> Phrase | None:
        """Of the provider's people analysts alone may ask; of a customer's, anybody in their own
        chat, and whoever is in the team that reads the incidents anyway."""
        place, provider = text.place, self._desk.profile
        if place.tenant_id == provider.tenant_id and provider.analyst(text.actor.object_id):
            return await self._codes.by_analyst(code)
        customer = await self._whose_code(code, place)
        if customer is None:
            return None
        if place.personal:
            await self._met(customer, text)
        return await self._codes.by_customer(customer, CodeCheck(code, text))

    async def _whose_code(self, code: str, place: Place) -> str | None:
        """The customer who is asked: in a channel one whose incidents stand in that team. Where
        several share the tenant, the one whose code it is."""
        asked = [
            customer
            for customer in await customers_of(self._store, self._desk, place.tenant_id)
            if place.personal or await self._in_team(customer, place)
        ]
        if len(asked) > 1:
            coded = await self._store.read_across(lambda tx: across.with_code(tx, code))
            asked = [found.customer_id for found in coded if found.customer_id in asked] or asked
        return asked[0] if asked else None

    async def _in_team(self, customer: str, place: Place) -> bool:
        home = await self._store.read(customer, homes.chosen)
        return home is not None and place.team_id == home.team_id

    async def _what_is_kept(self, customers: Iterable[str], reader: Reader) -> str:
        of = [await self._store.read(customer, profiles.current) for customer in customers]
        return "\n\n".join(say(in_short(profile), reader) for profile in of)

    # --- strangers, and who is who ---

    async def _stranger(self, inbound: Inbound) -> Response:
        """A tenant nobody onboarded: acknowledged, recorded at the provider's desk, nothing done."""
        await self._record(inbound, "unknown_tenant")
        return Nothing()

    async def _record(self, inbound: Inbound, kind: str, **more: str) -> None:
        """What was refused, where the provider can look at it; words are not kept."""
        payload = {
            "tenant": inbound.place.tenant_id,
            "conversation": inbound.place.conversation_id,
            "by": inbound.actor.object_id if inbound.actor else "",
            "was": type(inbound).__name__,
            **more,
        }
        key = f"{kind}:{inbound.place.conversation_id}:{inbound.activity_id}"
        now = self._clock.now()
        await self._store.write(
            self._desk.profile.id,
            lambda tx: incidents.record_desk(
                tx, key=key, kind=kind, payload=payload, at=now, actor=None
            ),
            Urgency.PEOPLE,
        )

    async def _tell(self, place: Place, key: str) -> None:
        """The analysts hear what somebody of a tenant needs help with; once a day."""
        provider, now = self._desk.profile.id, self._clock.now()
        says = phrase(
            key, customer=", ".join(await customers_of(self._store, self._desk, place.tenant_id))
        )
        named = f"{key}:{place.tenant_id}:{now:%Y-%m-%d}"
        await self._store.write(
            provider, lambda tx: tell_analysts(tx, named, says, provider, now), Urgency.PEOPLE
        )

    async def _is_ours(self, tenant_id: str) -> bool:
        if tenant_id == self._desk.profile.tenant_id:
            return True
        return bool(await customers_of(self._store, self._desk, tenant_id))

    async def _met(self, customer: str, text: Texted) -> None:
        """A chat that reaches us is a chat we can reach."""
        now = self._clock.now()
        await self._store.write(
            customer, lambda tx: keep_chat(tx, text.actor, text.place, now), Urgency.PEOPLE
        )

    def _who(self, click: Clicked, press: across.Press) -> Who:
        """The actor with the name and UPN our own records give: cards and clients may say anything."""
        analyst = self._desk.profile.analyst(click.actor.object_id)
        if analyst is not None and click.place.tenant_id == self._desk.profile.tenant_id:
            reader = Reader(self._desk.profile.language, self._desk.profile.zone)
            return Who(analyst.object_id, analyst.upn, analyst.name, reader)
        name = press.name or click.actor.name
        return Who(click.actor.object_id, press.upn or "", name, Reader(click.actor.locale))


@dataclass(frozen=True, slots=True)
class _Heard(Addressed):
    """A click on a card of ours: which card it was, and who pressed."""

    press: across.Press
    who: Who


def _press(
    tx: AcrossTx, click: Clicked, pressed: clicks.Click, now: datetime
) -> across.Press | NotHeard:
    tenant, by = click.place.tenant_id, click.actor.object_id
    press = across.find_press(tx, tenant, pressed.handle, by)
    if press is None or not _stands_for(press.handle, click.place, now):
        return NotHeard("refused.unknown_card", "no such handle here")
    return press


def _is_analyst_now(tx: AcrossTx, who: Who) -> bool:
    """By the rows, not by what this process knows of them: whoever left speaks for us no more."""
    provider = across.provider(tx)
    return provider is not None and provider.analyst(who.object_id) is not None


def _key(click: Clicked, handle: across.Handle, event: Event) -> str:
    """A click happens once; a preview is sent once, however often it is pressed."""
    if isinstance(event, SentToCustomer):
        return f"send:{handle.incident_id}:{event.by}:{event.draft}"
    return ids.arrival_key("click", click.place.conversation_id, click.activity_id)


def _words(incident: Incident, text: Texted) -> Event:
    """Words answer the open question on a card; else they are words about the case. Of files the
    names count as words."""
    by = text.actor.object_id
    words = (text.text.strip() or ", ".join(text.files))[:LONGEST_TEXT]
    asked = _asked(incident, by)
    return Answered(asked.id, by, None, words) if asked else Wrote(by, words)


def _what_it_is_about(tx: Tx, person: str, now: datetime) -> Incident | None:
    """The case whose question this person has open, or may answer late; else the open one in which
    they asked for an analyst; else that in which they have a task; else the newest they are
    concerned by, open or not long closed: a closed case asks whether they remember more."""
    found = incidents.latest_about(tx, person, now - REMEMBERED, MOST_CASES)
    asking = (i for i in found if _asks(i, person))
    late = (i for i in found if _asked(i, person))
    talking = (i for i in found if person in i.talking and not i.is_over)
    tasked = (i for i in found if any(t.person.object_id == person for t in i.open_tasks))
    known = (case for cases in (asking, late, talking, tasked, found) for case in cases)
    return next(known, None)


def _asks(incident: Incident, person: str) -> bool:
    asked = _asked(incident, person)
    return asked is not None and asked.state.state == "open"


def _asked(incident: Incident, person: str) -> Question | None:
    """What words answer: the question that is open on a card; else one in an analyst's own words,
    which is answered late as well while the case is at work."""
    theirs = [
        q
        for q in incident.questions
        if q.person.object_id == person and q.route is not Route.PHONE and not incident.is_over
    ]
    late = (q for q in theirs if q.kind is QuestionKind.FREE and q.state.state in _NOT_ANSWERED)
    return next((q for q in theirs if q.state.state == "open"), next(late, None))


_NOT_ANSWERED = ("silent", "unreachable")


MOST_CASES = 5
"""Cases looked through for the question somebody's words may answer."""

REMEMBERED = timedelta(days=30)
"""How long after its last alert somebody's words still belong to a case."""


def _stands_for(handle: across.Handle, place: Place, now: datetime) -> bool:
    """A card's buttons are pressed where the card stands, in its chat or its thread, in time."""
    known = handle.conversation_id
    here = known is None or known.partition(";")[0] == place.conversation_id.partition(";")[0]
    return here and now < handle.expires


# --- rendering the asker's view ------------------------------------------------------------------


def _render(view: View, handle: str, reader: Reader, link: str | None) -> Card:
    match view:
        case PersonCard():
            return question.render(view, handle, reader, link)
        case ManagerCard():
            return manager.render(view, handle, reader)
        case CustomerThread():
            return customer_thread.render(view, handle, reader)
        case ApprovalCard():
            return approval.render(view, handle, reader)
        case TaskCard():
            return task.render(view, handle, reader)
        case AnalystThread():
            return analyst_thread.render(view, handle, reader)
        case SourceStatus():
            raise ValueError("a source is no card")


def _reader(customer: Customer, provider: Provider, view: View) -> Reader:
    match view:
        case (
            PersonCard(language=language, zone=zone)
            | ManagerCard(language=language, zone=zone)
            | TaskCard(language=language, zone=zone)
        ):
            return Reader(language or customer.language, zone or customer.zone)
        case AnalystThread():
            return Reader(provider.language, provider.zone)
        case _:
            return Reader(customer.language, customer.zone)

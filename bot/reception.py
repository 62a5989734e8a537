"""Who speaks to us from Teams, and what that means: inbound events become events of incidents.

Identity comes from the authenticated activity. What a card says is a claim: its handle is looked up
with the tenant, and must stand for this conversation. Who may do what is decided in `triage`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.clock import Clock
from bot.conductor import Addressed, Conductor, NotHeard, Occurrence, Outcome
from bot.gathering import ProviderDesk
from bot.inbound import (
    Actor,
    Clicked,
    Inbound,
    Installed,
    Nothing,
    Place,
    Removed,
    Response,
    RosterChanged,
    ShowCard,
    ShowText,
    Texted,
    TryAgainLaterError,
)
from bot.notice import in_short
from bot.verifying import CodeCheck, CodeDesk
from cards import analyst_thread, approval, clicks, customer_thread, question
from cards.wording import Reader, say
from dialogs.codes import code_in
from dialogs.messenger import Card, Channel, Conversation
from dialogs.privacy import asks_about_privacy
from storage import across, effects, incidents, people, profiles
from storage.engine import AcrossTx, Store, StoreBusyError, Tx, Urgency
from triage.customer import Customer, Provider
from triage.decide import Refused
from triage.effects import ReadRoster
from triage.events import (
    Answered,
    ApprovalAnswered,
    CallRecorded,
    CloseOrdered,
    ContainOrdered,
    Event,
    KeptOpen,
    RecommendationAnswered,
    Reopened,
    Taken,
    UndoOrdered,
    Wrote,
)
from triage.incident import Incident, Question, Route
from triage.phrases import Phrase, phrase
from triage.surfaces import asked_in_teams, person_card
from triage.views import (
    AnalystThread,
    ApprovalCard,
    Button,
    CustomerThread,
    PersonCard,
    SourceStatus,
    View,
)

log = structlog.get_logger(__name__)

LONGEST_TEXT = 4_000
"""Characters kept of what somebody writes; the incident's state carries less of it."""


class Reception:
    """Hears what Teams delivers. Every answer is given after COMMIT."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor
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
                case Installed():
                    return await self._installed(inbound)
                case Removed():
                    return await self._removed(inbound)
                case RosterChanged():
                    return await self._roster_changed(inbound)
        except StoreBusyError as error:
            raise TryAgainLaterError from error

    # --- clicks ---

    async def _clicked(self, click: Clicked) -> Response:
        """Whose card it is, who pressed and what follows from it are one transaction."""
        pressed = clicks.read(click.fields)
        if isinstance(pressed, clicks.Unreadable):
            return await self._refused(click, NotHeard("refused.unreadable", pressed.why))
        if pressed.button is Button.CHANGE:
            return await self._ask_again(click, pressed)
        heard = await self._conductor.receive_found(
            lambda tx, now: self._heard(tx, click, pressed, now)
        )
        if isinstance(heard, NotHeard):
            return await self._refused(click, heard)
        found, outcome = heard
        return self._answer(outcome, found.press.handle, found.who)

    def _heard(
        self, tx: AcrossTx, click: Clicked, pressed: clicks.Click, now: datetime
    ) -> "_Heard | NotHeard":
        press = _press(tx, click, pressed, now)
        if isinstance(press, NotHeard):
            return press
        if not _belongs(pressed, press.handle.surface):
            return NotHeard("refused.unknown_card", "a button of another card")
        who = self._who(click, press)
        event = _event(pressed, who)
        if isinstance(event, clicks.Unreadable):
            return NotHeard("refused.say_how", event.why)
        occurrence = Occurrence(
            key=f"click:{click.place.conversation_id}:{click.activity_id}",
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
            handle.customer_id, lambda tx: _incident_and_customer(tx, handle.incident_id)
        )
        person = next((p for p in asked_in_teams(incident) if p.object_id == who.object_id), None)
        if person is None or handle.person != who.object_id:
            return ShowText(say(phrase("refused.not_addressee"), who.reader))
        view = person_card(incident, customer, person, changing=pressed.on)
        return ShowCard(_render(view, handle.token, _reader(customer, self._desk.profile, view)))

    def _answer(self, outcome: Outcome, handle: across.Handle, who: "Who") -> Response:
        """The asker's new view; to whom the card does not belong, a sentence and no card."""
        if isinstance(outcome.verdict, Refused):
            return ShowText(say(outcome.verdict.says, who.reader))
        view = outcome.views.get(handle.surface)
        if view is None or isinstance(view, SourceStatus):
            return Nothing()
        reader = _reader(outcome.customer, self._desk.profile, view)
        return ShowCard(_render(view, handle.token, reader))

    async def _refused(self, click: Clicked, refusal: NotHeard) -> Response:
        if not await self._is_ours(click.place.tenant_id):
            return await self._stranger(click)
        await self._record(click, "click_refused", why=refusal.why)
        return ShowText(say(phrase(refusal.says), Reader(click.actor.locale)))

    # --- words ---

    async def _texted(self, text: Texted) -> Response:
        """In a chat everything is for us; in a channel only what mentions us, and nothing of it is
        kept: the thread is the customer's."""
        reader = Reader(text.actor.locale)
        code = code_in(text.text) if text.place.personal or text.mentioned else None
        if code and (checked := await self._checked(code, text)):
            return ShowText(say(checked, reader))
        if not text.place.personal:
            return ShowText(say(phrase("help.channel"), reader)) if text.mentioned else Nothing()
        customer = await self._customer_of(text.place.tenant_id)
        if customer is None or not text.text.strip():
            return ShowText(say(phrase("help.person"), reader))
        await self._met(customer, text)
        if asks_about_privacy(text.text):
            profile = await self._store.read(customer, profiles.current)
            return ShowText(say(in_short(profile), reader))
        now = self._clock.now()
        about = await self._store.read(
            customer, lambda tx: _what_it_is_about(tx, text.actor.object_id, now)
        )
        if about is None:
            return ShowText(say(phrase("help.person"), reader))
        outcome = await self._conductor.receive(
            customer,
            Occurrence(
                key=f"text:{text.place.conversation_id}:{text.activity_id}",
                event=_words(about, text),
                incident=about.id,
                actor=text.actor.object_id,
            ),
        )
        says = outcome.verdict.says
        return ShowText(say(says, reader)) if says else Nothing()

    async def _checked(self, code: str, text: Texted) -> Phrase | None:
        """Of the provider's people analysts alone may ask; of a customer's, anybody in their own
        chat, and whoever is in the team that reads the incidents anyway."""
        place, provider = text.place, self._desk.profile
        if place.tenant_id == provider.tenant_id and provider.analyst(text.actor.object_id):
            return await self._codes.by_analyst(code)
        customer = await self._customer_of(place.tenant_id)
        if customer is None or not (place.personal or await self._in_team(customer, place)):
            return None
        if place.personal:
            await self._met(customer, text)
        return await self._codes.by_customer(customer, CodeCheck(code, text))

    async def _in_team(self, customer: str, place: Place) -> bool:
        profile = await self._store.read(customer, profiles.current)
        return place.team_id == profile.team_id

    # --- installations ---

    async def _installed(self, installed: Installed) -> Response:
        """Keep where we may speak, release what waited for it, and have the members read."""
        place = installed.place
        now = self._clock.now()
        if place.tenant_id == self._desk.profile.tenant_id:
            await self._provider_installed(place)
        customer = await self._customer_of(place.tenant_id)
        if customer is not None:
            await self._store.write(
                customer, lambda tx: _keep_installation(tx, installed, now), Urgency.PEOPLE
            )
            self._conductor.on_work()
        return Nothing()

    async def _provider_installed(self, place: Place) -> None:
        profile = self._desk.profile
        if place.personal or place.team_id != profile.team_id:
            return
        channel = Channel(profile.tenant_id, profile.channel_id, place.service_url)
        await self._store.write(
            profile.id, lambda tx: people.keep_channel(tx, channel), Urgency.PEOPLE
        )
        self._desk.channel = channel
        now = self._clock.now()
        await self._store.write_across(
            lambda tx: across.release_blocked(tx, f"team:{profile.team_id}", now)
        )
        self._conductor.on_work()

    async def _removed(self, removed: Removed) -> Response:
        customer = await self._customer_of(removed.place.tenant_id)
        if customer is not None:
            await self._store.write(customer, lambda tx: _keep_removal(tx, removed))
        return Nothing()

    async def _roster_changed(self, changed: RosterChanged) -> Response:
        """Who reads the incident channel decides what may stand there: read the members anew."""
        customer = await self._customer_of(changed.place.tenant_id)
        if customer is not None:
            now = self._clock.now()
            await self._store.write(
                customer, lambda tx: _read_team_anew(tx, changed, now), Urgency.PEOPLE
            )
            self._conductor.on_work()
        return Nothing()

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

    async def _is_ours(self, tenant_id: str) -> bool:
        if tenant_id == self._desk.profile.tenant_id:
            return True
        return await self._customer_of(tenant_id) is not None

    async def _customer_of(self, tenant_id: str) -> str | None:
        """The customer whose tenant it is. One tenant is one customer's until profiles may share
        one; the provider's own tenant is nobody's."""
        found = await self._store.read_across(
            lambda tx: across.find_customers_by_tenant(tx, tenant_id)
        )
        others = [c for c in found if c != self._desk.profile.id]
        return others[0] if others else None

    async def _met(self, customer: str, text: Texted) -> None:
        """A chat that reaches us is a chat we can reach."""
        now = self._clock.now()
        await self._store.write(
            customer, lambda tx: _keep_chat(tx, text.actor, text.place, now), Urgency.PEOPLE
        )

    def _who(self, click: Clicked, press: across.Press) -> "Who":
        """The actor with the name and UPN our own records give: cards and clients may say anything."""
        analyst = self._desk.profile.analyst(click.actor.object_id)
        if analyst is not None and click.place.tenant_id == self._desk.profile.tenant_id:
            reader = Reader(self._desk.profile.language, self._desk.profile.zone)
            return Who(analyst.object_id, analyst.upn, analyst.name, reader)
        name = press.name or click.actor.name
        return Who(click.actor.object_id, press.upn or "", name, Reader(click.actor.locale))


@dataclass(frozen=True, slots=True)
class Who:
    object_id: str
    upn: str
    name: str
    reader: Reader


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


# --- what may be pressed where -------------------------------------------------------------------

BUTTONS: dict[str, frozenset[Button]] = {
    "person": frozenset({Button.ANSWER, Button.CHANGE}),
    "customer": frozenset({Button.KEEP_OPEN, Button.ACCEPT, Button.DISCUSS}),
    "approval": frozenset({Button.APPROVE, Button.DENY}),
    "analyst": frozenset(
        {
            Button.TAKE,
            Button.CLOSE,
            Button.CLOSE_AS,
            Button.KEEP_OPEN,
            Button.REOPEN,
            Button.CONTAIN,
            Button.UNDO,
            Button.RECORD_CALL,
        }
    ),
}
"""By kind of surface: a handle of Bob's card closes no case, whoever holds it."""


def _belongs(pressed: clicks.Click, surface: str) -> bool:
    """The button stands on such a card, and an approval's card decides on that approval alone."""
    kind, _, which = surface.partition(":")
    on_this = kind != "approval" or pressed.on == which
    return on_this and pressed.button in BUTTONS.get(kind, frozenset())


# --- from a click to an event --------------------------------------------------------------------


def _event(pressed: clicks.Click, who: Who) -> Event | clicks.Unreadable:
    """What a button means. Whether this person may, is decided where everything is decided."""
    on, by, name = pressed.on or "", who.object_id, who.name
    match pressed.button:
        case Button.ANSWER | Button.CHANGE:
            return Answered(on, by, pressed.choice or "")
        case Button.APPROVE | Button.DENY:
            approve = pressed.button is Button.APPROVE
            return ApprovalAnswered(on, by, who.upn, name, approve)
        case Button.TAKE:
            return Taken(by, name)
        case Button.CLOSE:
            return CloseOrdered(by, name)
        case Button.CLOSE_AS:
            return _close_as(pressed, who)
        case Button.KEEP_OPEN:
            return KeptOpen(by, who.upn, name)
        case Button.REOPEN:
            return Reopened(by, name)
        case Button.CONTAIN:
            return ContainOrdered(on, by, name)
        case Button.UNDO:
            return UndoOrdered(on, by, name)
        case Button.RECORD_CALL:
            return CallRecorded(on, by, name, pressed.choice or "")
        case Button.ACCEPT | Button.DISCUSS:
            return RecommendationAnswered(by, who.upn, name, pressed.button is Button.ACCEPT)


def _close_as(pressed: clicks.Click, who: Who) -> CloseOrdered | clicks.Unreadable:
    """Nothing closes without saying what it was, and why (design.md section 4, rule 3)."""
    read = analyst_thread.read_close_as(pressed)
    if isinstance(read, clicks.Unreadable):
        return read
    return CloseOrdered(who.object_id, who.name, read.disposition, read.comment)


def _words(incident: Incident, text: Texted) -> Event:
    """Words answer the open question on a card; else they are words about the case."""
    by = text.actor.object_id
    said = text.text.strip()[:LONGEST_TEXT]
    asked = next((q for q in incident.questions if _is_open_for(q, by)), None)
    return Answered(asked.id, by, None, said) if asked else Wrote(by, said)


def _what_it_is_about(tx: Tx, person: str, now: datetime) -> Incident | None:
    """The case whose question this person has open; else the newest they are concerned by, open or
    not long closed: a closed case asks whether they remember more."""
    found = incidents.latest_about(tx, person, now - REMEMBERED, MOST_CASES)
    asking = (i for i in found if any(_is_open_for(q, person) for q in i.questions))
    return next(asking, found[0] if found else None)


def _is_open_for(asked: Question, person: str) -> bool:
    return (
        asked.person.object_id == person
        and asked.route is not Route.PHONE
        and asked.state.state == "open"
    )


MOST_CASES = 5
"""Cases looked through for the question somebody's words may answer."""

REMEMBERED = timedelta(days=30)
"""How long after its last alert somebody's words still belong to a case."""


def _incident_and_customer(tx: Tx, incident_id: str) -> tuple[Incident, Customer]:
    incident = incidents.load(tx, incident_id)
    if incident is None:
        raise LookupError(f"no incident {incident_id} of {tx.customer}")
    return incident, profiles.current(tx)


# --- what Teams tells us of itself ---------------------------------------------------------------


def _keep_installation(tx: Tx, installed: Installed, now: datetime) -> None:
    """In a team: where its incident channel is spoken to. In a chat: where this person is."""
    place, customer = installed.place, profiles.current(tx)
    if place.personal and installed.actor is not None:
        _keep_chat(tx, installed.actor, place, now)
        _let_go_on(tx, f"person:{installed.actor.object_id}", now)
        _order_roster(tx, place.conversation_id, installed.activity_id, now)
    elif place.team_id == customer.team_id:
        channel = Channel(customer.tenant_id, customer.channel_id, place.service_url)
        people.keep_channel(tx, channel)
        _let_go_on(tx, f"team:{customer.team_id}", now)
        _order_roster(tx, customer.team_id, installed.activity_id, now)


def _let_go_on(tx: Tx, waits_for: str, now: datetime) -> None:
    """What waits for it, and what is about to."""
    people.note_installation(tx, waits_for, now)
    effects.release_blocked(tx, waits_for, now)


def _order_roster(tx: Tx, conversation_id: str, key: str, now: datetime) -> None:
    roster = ReadRoster(f"roster:{conversation_id}:{key}", conversation_id)
    effects.order(tx, incidents.desk(tx.customer), [roster], now)


def _keep_chat(tx: Tx, actor: Actor, place: Place, now: datetime) -> None:
    where = Conversation(place.tenant_id, place.conversation_id, place.service_url)
    people.meet(
        tx, place.tenant_id, actor.object_id, actor.mri, actor.name, actor.locale, actor.zone, now
    )
    people.keep_chat(tx, actor.object_id, where)


def _read_team_anew(tx: Tx, changed: RosterChanged, now: datetime) -> None:
    customer = profiles.current(tx)
    if changed.place.team_id == customer.team_id:
        _order_roster(tx, customer.team_id, changed.activity_id, now)


def _keep_removal(tx: Tx, removed: Removed) -> None:
    place, customer = removed.place, profiles.current(tx)
    if place.personal and removed.actor is not None:
        people.mark_removed(tx, place.tenant_id, removed.actor.object_id)
    elif place.team_id == customer.team_id:
        people.remove_conversation(tx, customer.channel_id)


def _stands_for(handle: across.Handle, place: Place, now: datetime) -> bool:
    """A card's buttons are pressed where the card stands, in its chat or its thread, in time."""
    known = handle.conversation_id
    here = known is None or known.partition(";")[0] == place.conversation_id.partition(";")[0]
    return here and now < handle.expires


# --- rendering the asker's view ------------------------------------------------------------------


def _render(view: View, handle: str, reader: Reader) -> Card:
    match view:
        case PersonCard():
            return question.render(view, handle, reader)
        case CustomerThread():
            return customer_thread.render(view, handle, reader)
        case ApprovalCard():
            return approval.render(view, handle, reader)
        case AnalystThread():
            return analyst_thread.render(view, handle, reader)
        case SourceStatus():
            raise ValueError("a source is no card")


def _reader(customer: Customer, provider: Provider, view: View) -> Reader:
    match view:
        case PersonCard(language=language, zone=zone):
            return Reader(language or customer.language, zone or customer.zone)
        case AnalystThread():
            return Reader(provider.language, provider.zone)
        case _:
            return Reader(customer.language, customer.zone)

"""What an effect needs to be carried out, read in the transaction that claims it.

A job holds everything its call needs; nothing is read between claim and call.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot import ids, retention, rota
from bot.context import with_context
from bot.links import SURFACE, Links
from bot.results import Blocked, Done, Failed, Result
from cards.wording import Reader
from containment.actions import Order
from dialogs.messenger import Channel, Conversation, GaveUpError
from storage import across, effects, handles, homes, incidents, people, profiles, reach, relays
from storage import surfaces as surface_rows
from storage.engine import AcrossTx, Tx
from triage.authority import hearers, is_thread_guarded
from triage.containing import OVER_THE_CAP, Lately, is_rehearsed, recheck
from triage.customer import Customer, Provider, Stop
from triage.effects import (
    ANALYST_THREAD,
    CUSTOMER_THREAD,
    ChangeShift,
    Contain,
    KeepRetention,
    LookForAbsence,
    Page,
    PostDigest,
    PostHandover,
    ReadRoster,
    Relay,
    Say,
    TellAnalysts,
    Wake,
)
from triage.events import ActionDone, ActionFailed, Undelivered, Woke
from triage.handover import handover
from triage.incident import Incident
from triage.ladder import still_looks
from triage.phrases import Phrase, phrase
from triage.surfaces import surfaces
from triage.surfaces.digest import digest
from triage.views import (
    AnalystThread,
    ApprovalCard,
    CustomerThread,
    Digest,
    Handover,
    ManagerCard,
    PersonCard,
    SourceStatus,
    TaskCard,
    View,
)

MOST_IN_DIGEST = 200
"""Cases read for one digest; the card shows fewer."""

NO_CHANNEL = "Vouch is in no channel that is known"

HANDLES_LIVE = timedelta(days=90)
"""How long a card's buttons are understood; Bob may correct himself after the case closed."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A person's chat, which may have to be opened first."""

    person: str
    tenant_id: str
    service_url: str
    conversation_id: str | None


Target = Channel | Conversation | Chat
"""Where a message goes: a new thread in a channel, a thread or chat that exists, a person."""


@dataclass(frozen=True, slots=True)
class ShowJob:
    surface: str
    view: View
    revision: int
    target: Target
    waits_for: str
    """Whose installation of the app would help, where it is missing."""
    activity_id: str | None
    handle: str
    reader: Reader
    link: str | None = None
    """To a page of ours, where the view offers one."""


@dataclass(frozen=True, slots=True)
class SayJob:
    say: Say
    target: Conversation | Chat
    waits_for: str
    reader: Reader


@dataclass(frozen=True, slots=True)
class RelayJob:
    says: tuple[Phrase, ...]
    target: Conversation
    activity_id: str | None
    """The post that is to be brought up to date; None for a new one."""
    waits_for: str
    reader: Reader


@dataclass(frozen=True, slots=True)
class WriteJob:
    customer: Customer
    status: SourceStatus
    revision: int
    surface: str


@dataclass(frozen=True, slots=True)
class ContainJob:
    order: Order
    action: str


@dataclass(frozen=True, slots=True)
class RosterJob:
    tenant_id: str
    service_url: str
    conversation_id: str


@dataclass(frozen=True, slots=True)
class DigestJob:
    view: Digest
    target: Channel
    reader: Reader
    waits_for: str


@dataclass(frozen=True, slots=True)
class HandoverJob:
    view: Handover
    target: Channel
    reader: Reader
    waits_for: str


@dataclass(frozen=True, slots=True)
class TellJob:
    says: Phrase
    target: Channel
    reader: Reader
    waits_for: str


@dataclass(frozen=True, slots=True)
class PageJob:
    page: Page
    customer: Customer
    thread: Conversation | None
    """The analysts' thread of the case, once it stands."""
    reader: Reader


@dataclass(frozen=True, slots=True)
class LookJob:
    tenant_id: str
    person: str
    at: datetime
    lacked: bool
    """What could not be read when somebody last looked is named on the analysts' card."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Decided in the claiming transaction already: nothing is called."""

    result: Result


Job = (
    ShowJob
    | SayJob
    | RelayJob
    | DigestJob
    | HandoverJob
    | TellJob
    | WriteJob
    | ContainJob
    | RosterJob
    | PageJob
    | LookJob
    | Settled
)


def opens(job: Job) -> bool:
    """Whether it creates a conversation: a thread, or a chat that was never opened."""
    match job:
        case DigestJob() | HandoverJob() | TellJob():
            return True
        case ShowJob(target=target) | SayJob(target=target):
            return isinstance(target, Channel) or _unopened(target)
        case _:
            return False


def calls_of(job: Job) -> int:
    """How many calls to Teams it takes, where all goes well; a roster takes one for each page."""
    match job:
        case ShowJob(target=target) | SayJob(target=target):
            return 2 if _unopened(target) else 1
        case DigestJob() | HandoverJob() | TellJob() | RosterJob() | RelayJob():
            return 1
        case WriteJob() | ContainJob() | PageJob() | LookJob() | Settled():
            return 0


def _unopened(target: Target) -> bool:
    return isinstance(target, Chat) and target.conversation_id is None


# --- gathering, inside the claiming transaction --------------------------------------------------


log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ProviderDesk:
    """The provider's profile, and its channel once the app is installed there: values of the
    provider's own rows, which no customer's transaction may read."""

    profile: Provider
    channel: Channel | None = None


class Gatherer:
    """Turns a claimed effect into a job, from what the rows say now."""

    def __init__(self, desk: ProviderDesk, links: Links) -> None:
        self._desk = desk
        self._links = links

    def job(self, tx: Tx, shared: AcrossTx, claimed: effects.ClaimedEffect, now: datetime) -> Job:
        if _is_shadowed(tx, claimed):
            return Settled(Done())
        if claimed.surface is not None:
            return self._show(tx, claimed, claimed.surface, now)
        match claimed.effect:
            case Say() as say:
                return self._say(tx, claimed.stream, say)
            case Contain() as order:
                return self._contain(tx, shared, claimed, order, now)
            case Wake(name=name):
                return Settled(Done(event=Woke(name)))
            case Relay() as relay:
                return self._relay(tx, claimed, relay)
            case PostDigest() as digest_:
                return self._digest(tx, digest_)
            case TellAnalysts(says=says):
                return self._tell(says)
            case ChangeShift() as change:
                rota.change(tx, shared, self._desk.profile, change, now)
                return Settled(Done())
            case PostHandover() as order:
                return self._handover(shared, order)
            case KeepRetention():
                retention.keep(tx, now)
                return Settled(Done())
            case ReadRoster(conversation_id=conversation_id):
                return self._roster(tx, conversation_id)
            case Page() as page:
                return self._page(tx, claimed.stream, page)
            case LookForAbsence() as order:
                return self._look(tx, claimed.stream, order, now)
            case None:
                raise ValueError(f"effect {claimed.id} is neither an order nor a surface")

    def _show(self, tx: Tx, claimed: effects.ClaimedEffect, name: str, now: datetime) -> Job:
        incident_id = claimed.stream
        incident, customer = _incident(tx, incident_id), profiles.current(tx)
        row = surface_rows.get(tx, incident_id, name)
        view = surfaces(incident, customer).get(name)
        if view is None or row is None:
            return Settled(Done())
        if isinstance(view, SourceStatus):
            return WriteJob(customer, view, row.wanted_revision, name)
        if isinstance(view, AnalystThread):
            view = with_context(tx, view, now)
        place = row.place
        if place and claimed.attempt > 1 and _is_lost(tx, place):
            place = None
        target = _standing(place) or self._place_of(tx, incident, customer, view)
        if isinstance(target, Settled):
            return target
        handle = handles.of_surface(tx, incident_id, name, now + HANDLES_LIVE / 3) or self._mint(
            tx, incident_id, name, view, now
        )
        link = self._links.of(view, handle)
        if link is not None and isinstance(view, PersonCard):
            _keep_link(tx, incident, customer, view, handle)
        return ShowJob(
            surface=name,
            view=view,
            revision=row.wanted_revision,
            target=target,
            waits_for=self._installation(customer, name),
            activity_id=place.activity_id if place else None,
            handle=handle,
            reader=self._reader(customer, view),
            link=link,
        )

    def _say(self, tx: Tx, incident_id: str, say: Say) -> Job:
        customer = profiles.current(tx)
        place, _, person = say.place.partition(":")
        if _must_not_hear(incidents.load(tx, incident_id), customer, place, person):
            return Settled(Done())
        target: Conversation | Chat | Settled
        if place == "person":
            asked = people.get(tx, customer.tenant_id, person)
            facts = customer.facts_about(asked.upn) if asked else None
            spoken = (facts.language if facts else None) or (asked.locale if asked else None)
            if not customer.may_write_to(asked.upn if asked else None):
                return Settled(Done())  # whoever was in the pilot when it was ordered
            reader = Reader(
                spoken or customer.language,
                (asked.zone if asked else None) or customer.zone,
            )
            target = self._chat(tx, customer, person)
        else:
            reader = self._thread_reader(customer, analyst=place == ANALYST_THREAD)
            target = self._thread(tx, incident_id, place)
        if isinstance(target, Settled):
            return target
        return SayJob(say, target, self._installation(customer, say.place), reader)

    def _relay(self, tx: Tx, claimed: effects.ClaimedEffect, relay: Relay) -> Job:
        """All that waits, or the post that followed it once; what another has posted is done."""
        incident, customer = _incident(tx, claimed.stream), profiles.current(tx)
        target = self._thread(tx, incident.id, ANALYST_THREAD)
        if isinstance(target, Settled):
            return target
        post = None
        if relay.again is None:
            words = relays.take(tx, incident.id, relay.key)
        else:
            words, post = (
                relays.carried(tx, incident.id, relay.again),
                effects.remote_id(tx, relay.again),
            )
        known = {w.author: people.get(tx, customer.tenant_id, w.author) for w in words}
        guests = {author for author, person in known.items() if person and person.outside}
        said = relayed(words, incident, customer, guests, gone=post is None)
        if not said or (relay.again is not None and post is None):
            return Settled(Done())
        waits_for = self._installation(customer, ANALYST_THREAD)
        reader = self._thread_reader(customer, analyst=True)
        return RelayJob(said, target, post, waits_for, reader)

    def _digest(self, tx: Tx, order: PostDigest) -> Job:
        """Filled now, not when it was ordered; a day whose cases all got a thread has none."""
        customer = profiles.current(tx)
        told = incidents.received_between(tx, order.since, order.at, MOST_IN_DIGEST)
        view = digest(told, customer, order.at)
        channel = self._channel(tx, customer, "digest")
        if not view.lines:
            return Settled(Done())
        if isinstance(channel, Settled):
            return channel
        reader = self._thread_reader(customer, analyst=False)
        return DigestJob(view, channel, reader, homes.waits_for(customer.id))

    def _handover(self, shared: AcrossTx, order: PostHandover) -> Job:
        """Which cases was settled when it was ordered; how they stand is read now."""
        desk = self._desk.profile
        waits_for = homes.waits_for(desk.id)
        if self._desk.channel is None:
            return Settled(Blocked(waits_for, NO_CHANNEL, None))
        found = [(across.case_of(shared, h.customer, h.incident), h.to) for h in order.cases]
        cases = [(*case, to) for case, to in found if case is not None]
        if not cases:
            return Settled(Done())
        try:
            view = handover(order, cases, desk)
        except (ValueError, TypeError, LookupError) as fault:
            log.exception("handover_not_told", key=order.key)
            return Settled(Failed(type(fault).__name__, None))
        return HandoverJob(view, self._desk.channel, Reader(desk.language, desk.zone), waits_for)

    def _tell(self, says: Phrase) -> Job:
        desk = self._desk.profile
        waits_for = homes.waits_for(desk.id)
        if self._desk.channel is None:
            return Settled(Blocked(waits_for, NO_CHANNEL, None))
        return TellJob(says, self._desk.channel, Reader(desk.language, desk.zone), waits_for)

    def _contain(
        self,
        tx: Tx,
        shared: AcrossTx,
        claimed: effects.ClaimedEffect,
        order: Contain,
        now: datetime,
    ) -> Job:
        """The last checks, in the transaction that claims it: two of one kind cannot both take the
        last place under a cap, and nothing is begun once somebody has stopped it."""
        reach.hold(tx)
        incident, customer = _incident(tx, claimed.stream), profiles.current(tx)
        action = incident.action(order.action)
        lately = Lately(
            reached=reach.reached(tx, order.does, order.key, now),
            stopped=customer.stopped or across.stop_of_all(shared),
        )
        refused = recheck(incident, action, customer, now, lately) if action else None
        if action is None or refused is not None:
            why = refused or phrase("refused.unknown_action")
            return self._refused(tx, order, why, now, again=claimed.attempt > 1)
        if is_rehearsed(action, customer):
            return Settled(Done(event=ActionDone(order.action, rehearsed=True, undone=order.undo)))
        if not order.undo:
            reach.begin(tx, order.does, order.key, now)
        return ContainJob(
            Order(
                key=order.key,
                customer=customer.id,
                tenant_id=customer.tenant_id,
                action=order.does,
                target=order.target,
                undo=order.undo,
            ),
            order.action,
        )

    def _refused(
        self, tx: Tx, order: Contain, why: Phrase, now: datetime, *, again: bool
    ) -> Settled:
        """What was tried before may have been done: it keeps its place under the cap."""
        if why.key == OVER_THE_CAP:
            if again:
                opened = reach.fail(tx, order.key, now)
            else:
                opened = reach.refuse(tx, order.does, order.key, now)
            tell_of_breaker(tx, opened, self._desk.profile.id)
        failed = ActionFailed(order.action, why.key, refused=True, maybe_done=again)
        return Settled(Failed(why.key, failed))

    def _roster(self, tx: Tx, conversation_id: str) -> Job:
        """A team is spoken to where its incident channel is; a chat is known by itself."""
        home = homes.home(tx)
        is_team = home is not None and conversation_id == home.team_id
        known = people.conversation(tx, home.channel_id if home and is_team else conversation_id)
        if known is None:
            return Settled(Done())
        return RosterJob(known.tenant_id, known.service_url, conversation_id)

    def _page(self, tx: Tx, incident_id: str, page: Page) -> Job:
        thread = _standing(surface_rows.place_of(tx, incident_id, ANALYST_THREAD))
        customer = profiles.current(tx)
        return PageJob(page, customer, thread, self._thread_reader(customer, analyst=True))

    def _look(self, tx: Tx, incident_id: str, order: LookForAbsence, now: datetime) -> Job:
        """Not where the account has become suspect, or an answer has come, since it was ordered."""
        incident, customer = _incident(tx, incident_id), profiles.current(tx)
        if incident.is_over or not still_looks(incident, customer, order):
            return Settled(Done())
        return LookJob(customer.tenant_id, order.person, now, lacked=bool(incident.lacks))

    # --- where ---

    def _place_of(
        self, tx: Tx, incident: Incident, customer: Customer, view: View
    ) -> Target | Settled:
        match view:
            case (
                PersonCard(person=person)
                | ManagerCard(person=person)
                | TaskCard(person=str() as person)
            ):
                return self._chat(tx, customer, person)
            case CustomerThread():
                return self._channel(tx, customer, CUSTOMER_THREAD)
            case AnalystThread():
                waits_for = self._installation(customer, ANALYST_THREAD)
                return self._desk.channel or _not_installed(waits_for, ANALYST_THREAD)
            case ApprovalCard() | TaskCard():
                return self._thread(tx, incident.id, CUSTOMER_THREAD)
            case SourceStatus():
                raise ValueError("a source is no place in Teams")

    def _channel(self, tx: Tx, customer: Customer, place: str) -> Channel | Settled:
        """The incident channel, also as the way into the tenant, for whatever is to be shown."""
        home = homes.home(tx)
        known = people.channel(tx, customer.tenant_id, home.channel_id) if home else None
        if known is None:
            return _not_installed(homes.waits_for(customer.id), place)
        return Channel(customer.tenant_id, known.whose, known.service_url)

    def _thread(self, tx: Tx, incident_id: str, name: str) -> Conversation | Settled:
        """A thread exists once its root does; the root's Show is ahead in the same lane."""
        standing = _standing(surface_rows.place_of(tx, incident_id, name))
        if standing is None:
            why = "the thread was never opened"
            return Settled(Failed(why, Undelivered(name, None, why)))
        return standing

    def _chat(self, tx: Tx, customer: Customer, person: str) -> Chat | Settled:
        """The chat as known, or the means to open it: any service URL of the same tenant."""
        chat = people.chat(tx, customer.tenant_id, person)
        if chat is not None:
            return Chat(person, chat.tenant_id, chat.service_url, chat.conversation_id)
        channel = self._channel(tx, customer, f"person:{person}")
        if isinstance(channel, Channel):
            return Chat(person, customer.tenant_id, channel.service_url, None)
        return channel

    def _installation(self, customer: Customer, place: str) -> str:
        """Whose installation opens a place: the person's own, or the team's."""
        person = person_at(place)
        if person is not None:
            return f"person:{person}"
        whose = self._desk.profile if place == ANALYST_THREAD else customer
        return homes.waits_for(whose.id)

    # --- for whom ---

    def _reader(self, customer: Customer, view: View) -> Reader:
        if isinstance(view, PersonCard | ManagerCard | TaskCard):
            return Reader(view.language or customer.language, view.zone or customer.zone)
        return self._thread_reader(customer, analyst=isinstance(view, AnalystThread))

    def _thread_reader(self, customer: Customer, *, analyst: bool) -> Reader:
        of = self._desk.profile if analyst else customer
        return Reader(of.language, of.zone)

    def _mint(self, tx: Tx, incident_id: str, surface: str, view: View, now: datetime) -> str:
        """One handle a surface, for as long as its card may be pressed: also after closing."""
        token = ids.card_token()
        analysts = isinstance(view, AnalystThread)
        handles.mint(
            tx,
            token,
            tenant_id=self._desk.profile.tenant_id if analysts else profiles.current(tx).tenant_id,
            incident_id=incident_id,
            surface=surface,
            person=view.person if isinstance(view, PersonCard | ManagerCard | TaskCard) else None,
            expires=now + HANDLES_LIVE,
        )
        return token


def _keep_link(tx: Tx, incident: Incident, customer: Customer, view: PersonCard, card: str) -> None:
    """The link on a card is a handle of its own, for one person and one question, and lives no
    longer than the question."""
    offered = incident.verification(view.verification or "")
    if offered is None:
        return
    surface = f"{SURFACE}{offered.id}"
    token = ids.link_token(card, offered.id)
    if handles.of_surface(tx, incident.id, surface, offered.due - timedelta(seconds=1)) == token:
        return
    handles.mint(
        tx,
        token,
        tenant_id=customer.tenant_id,
        incident_id=incident.id,
        surface=surface,
        person=view.person,
        expires=offered.due,
    )


def relayed(
    words: Sequence[relays.Words],
    incident: Incident,
    customer: Customer,
    guests: Collection[str],
    *,
    gone: bool,
) -> tuple[Phrase, ...]:
    """What people wrote, as the analysts read it, and how they answer whom they may write to;
    `gone` leaves out what was deleted before anybody had read it."""
    said = [p for w in words for p in _relayed(w, incident, customer, guests, gone=gone)]
    may_hear = dict(hearers(incident, customer))
    wrote = dict.fromkeys(w.author for w in words if w.in_chat and w.text is not None)
    answers = [phrase("bridge.answer", person=may_hear[w]) for w in wrote if w in may_hear]
    return (*said, *answers)


def _relayed(
    words: relays.Words,
    incident: Incident,
    customer: Customer,
    guests: Collection[str],
    *,
    gone: bool,
) -> list[Phrase]:
    whose: str | Phrase = customer.name
    if words.author in guests:
        whose = phrase("bridge.guest", customer=whose)
    if words.in_chat:
        whose = phrase("bridge.in_chat", customer=whose)
    who = {"name": words.name, "customer": whose}
    if words.text is None:
        return [] if gone else [phrase("bridge.deleted", **who)]
    said = []
    if words.text.strip():
        key = "bridge.edited" if words.edited else "bridge.said"
        said.append(phrase(key, text=words.text, **who))
    if words.files:
        said.append(phrase("bridge.files", files=", ".join(words.files), **who))
    if incident.is_tainted(words.author):
        return [phrase("bridge.suspect", said=each) for each in said]
    return said


def _must_not_hear(incident: Incident | None, customer: Customer, place: str, person: str) -> bool:
    """The account, or somebody who reads the thread, came under suspicion since it was ordered."""
    if incident is None:
        return False
    if place == "person":
        return incident.is_tainted(person)
    return place == CUSTOMER_THREAD and is_thread_guarded(incident, customer)


def _incident(tx: Tx, incident_id: str) -> Incident:
    incident = incidents.load(tx, incident_id)
    if incident is None:
        raise LookupError(f"no incident {incident_id} of {tx.customer}")
    return incident


def _standing(place: surface_rows.Place | None) -> Conversation | None:
    if place is None:
        return None
    return Conversation(place.tenant_id, place.conversation_id, place.service_url)


def _is_lost(tx: Tx, place: surface_rows.Place) -> bool:
    """It stands in a channel that turned out unusable: it is shown anew in another one. Looked at
    only where a first try has failed."""
    channel, _, root = place.conversation_id.partition(";")
    return bool(root) and homes.why_unusable(tx, channel) is not None


def _not_installed(waits_for: str, place: str) -> Settled:
    """Nothing is lost, but somebody must know that it waits."""
    event = Undelivered(place, person_at(place), GaveUpError.NOT_INSTALLED)
    return Settled(Blocked(waits_for, NO_CHANNEL, event))


def person_at(place: str) -> str | None:
    """The object id, where a place is somebody's chat."""
    kind, _, which = place.partition(":")
    return which.partition(":")[0] if kind in ("person", "manager", "owner") else None


def _is_shadowed(tx: Tx, claimed: effects.ClaimedEffect) -> bool:
    """In shadow mode nothing leaves for the customer's people or systems; response actions end as
    rehearsed, and time goes on."""
    customer = profiles.find(tx)
    if not isinstance(customer, Customer) or not customer.shadow:
        return False
    if claimed.surface is not None:
        return claimed.surface != ANALYST_THREAD
    match claimed.effect:
        case Say(place=place):
            return place != ANALYST_THREAD
        case PostDigest() | LookForAbsence() | Page():
            return True
        case _:
            return False


def tell_of_breaker(tx: Tx, opened: Stop | None, provider: str) -> None:
    """Analysts hear at once that the circuit breaker has opened, and what to do about it."""
    if opened is None:
        return
    customer = profiles.current(tx)
    told = TellAnalysts(
        key=f"breaker:{opened.at.isoformat()}",
        says=phrase("say.breaker", customer=customer.name, id=customer.id, why=opened.why),
    )
    effects.order(tx, incidents.desk(tx.customer), [told], opened.at, analysts=provider)

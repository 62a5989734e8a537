"""The loop: receive an event, run an effect; each is one transaction around one decision.

    receive(event)   insert the event by key, or stop → decide → record → COMMIT
    run_effect(id)   claim → one remote call → one transaction: fenced, its result is the next event

Nothing waits in memory, and the process may die at any line: what was recorded is found again.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic, perf_counter
from typing import Any, TypeVar

import structlog
from pydantic import TypeAdapter
from structlog.contextvars import bound_contextvars

from bot import ids, rota
from bot.cases import goes_on, missing, present
from bot.clock import Clock
from bot.facts import READERS, facts_of, matches_of
from bot.gathering import (
    ContainJob,
    Gatherer,
    Job,
    ProviderDesk,
    RelayJob,
    calls_of,
    opens,
    tell_of_breaker,
)
from bot.links import Links
from bot.metrics import Metrics, outcome
from bot.performing import Performer, crashed
from bot.results import Blocked, Done, Failed, Later, Result, Unusable
from bot.teams import windows
from bot.telling import tell_analysts
from storage import effects, handles, homes, incidents, pace, people, profiles, reach, relays
from storage import surfaces as surface_rows
from storage.codec import digest
from storage.engine import (
    AcrossTx,
    Nobody,
    Store,
    StoreClosedError,
    StoreError,
    Tx,
    Urgency,
    Within,
)
from triage.customer import Customer
from triage.decide import Accepted, Decided, Verdict, decide
from triage.draft import Known
from triage.effects import ANALYST_THREAD, PostHandover, Relay, Say, look_again
from triage.events import (
    Absorbed,
    Answered,
    AskOrdered,
    Event,
    Facts,
    MergedInto,
    NotMerged,
    Reported,
    Wrote,
)
from triage.extract import strong_keys
from triage.incident import MOST_REFS, Incident
from triage.merging import handed_on, has_room, told_later
from triage.phrases import phrase
from triage.priority import Level, level
from triage.report import IncidentReport
from triage.surfaces import surfaces
from triage.views import View

log = structlog.get_logger(__name__)

STORES_AGAIN = 0.5
"""Seconds until a result that the store had no room for is brought again."""

NOT_ONBOARDED = "the customer is not onboarded any more"

JOINS_WITHIN = timedelta(hours=24)
"""How long after its last alert an open incident takes in another one (domain.md section 5)."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event on its way in. `key` makes it happen once; `actor` is the object id of who did it,
    where somebody did. A report names no incident: it finds its own."""

    key: str
    event: Event
    incident: str | None = None
    actor: str | None = None
    said: relays.Said | None = None
    """The message it came with, which analysts read over the bridge."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """An event whose customer is only known in the transaction that records it."""

    customer: str
    occurrence: Occurrence


@dataclass(frozen=True, slots=True)
class NotHeard:
    """What was done means nothing here: the sentence for whoever did it, and why, for the desk."""

    says: str
    why: str


A = TypeVar("A", bound=Addressed)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it, and the incident as it now stands."""

    verdict: Verdict
    incident: Incident
    customer: Customer
    views: Mapping[str, View]
    """What its surfaces show from now on, by name."""
    seen_before: bool = False
    began: bool = False
    """This event opened the incident."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A claimed effect, with what its call needs and the room for it where it speaks to Teams."""

    since: datetime
    """When it was claimed: what happened later was not known to its call."""
    claimed: effects.ClaimedEffect
    job: Job
    permit: pace.Permit | None


class Conductor:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        desk: ProviderDesk,
        performer: Performer,
        *,
        owner: str,
        lease: timedelta,
        metrics: Metrics | None = None,
        links: Links | None = None,
    ) -> None:
        """`owner` names this process in the leases of the effects it carries out."""
        self._store = store
        self._clock = clock
        self._desk = desk
        self._links = links or Links(None)
        self._gatherer = Gatherer(desk, self._links)
        self._performer = performer
        self._owner = owner
        self._lease = lease
        self._metrics = metrics or Metrics()
        self.on_work: Callable[[], None] = lambda: None
        """Called after every commit that may have ordered something; the dispatcher sets it."""

    async def receive(
        self, customer: str, occurrence: Occurrence, urgency: Urgency = Urgency.PEOPLE
    ) -> Outcome:
        """Record an event and all that follows from it; returns after COMMIT.

        Raises StoreBusyError when there is no room: whoever sent it should send it again.
        """
        now, since = self._clock.now(), perf_counter()
        became = await self._store.write(
            customer, lambda tx: self._advance(tx, occurrence, now), urgency
        )
        self._metrics.committed(urgency, since)
        self._recorded(occurrence, became)
        return became

    async def receive_found(
        self, find: Callable[[AcrossTx, datetime], A | NotHeard]
    ) -> tuple[A, Outcome] | NotHeard:
        """`receive`, of what somebody did, whose customer is looked up in the same transaction."""
        now, since = self._clock.now(), perf_counter()

        def unit(tx: AcrossTx) -> Within[tuple[A, Outcome]] | Nobody[NotHeard]:
            found = find(tx, now)
            if isinstance(found, NotHeard):
                return Nobody(found)
            return Within(
                found.customer, lambda mine: (found, self._advance(mine, found.occurrence, now))
            )

        heard = await self._store.write_found(unit, Urgency.PEOPLE)
        self._metrics.committed(Urgency.PEOPLE, since)
        if not isinstance(heard, NotHeard):
            found, became = heard
            self._recorded(found.occurrence, became)
        return heard

    def _recorded(self, occurrence: Occurrence, became: Outcome) -> None:
        self.on_work()
        log.info(
            "event_recorded",
            customer=became.customer.id,
            incident=became.incident.id,
            name=became.incident.name,
            kind=occurrence.event.kind,
            verdict=became.verdict.answer,
            seen_before=became.seen_before,
        )

    async def foresee(self, customer: str, event: Event, incident: str) -> Decided:
        """What would become of the incident if this happened now; nothing is recorded."""
        now = self._clock.now()
        return await self._store.read(customer, lambda tx: self._foreseen(tx, event, incident, now))

    def _foreseen(self, tx: Tx, event: Event, incident: str, now: datetime) -> Decided:
        before = present(tx, incident)
        facts = self._facts(tx, before, event, now)
        return decide(before, event, Known(profiles.current(tx), self._desk.profile, facts), now)

    async def run_effect(self, customer: str, effect_id: int) -> None:
        """Claim one effect, carry it out, and record what came of it. Does nothing where another
        owner was faster, or where Teams' pace has no room: it becomes due when there is some. Every
        failure of the other side is a result and an event.

        A fault of ours ends here as well: before the call, the effect is tried again later and in
        the end given up; after it, what was done stays done, and is recorded without its event.
        Raises StoreError where the store has no room: nothing is given up for that, and it is to be
        run again.
        """
        since = self._clock.now()
        try:
            taken = await self._store.write_both(
                customer, lambda tx, shared: self._claim(tx, shared, effect_id, since)
            )
        except StoreError:
            raise
        except Exception as fault:
            log.exception("effect_not_prepared", customer=customer, effect=effect_id)
            await self._set_aside(customer, effect_id, fault)
            return
        if taken is None:
            return
        claimed = taken.claimed
        result = await self._carry_out(customer, taken)
        now = max(self._clock.now(), since)  # a clock that steps back must not make a wake early
        try:
            await self._stored(
                customer, lambda tx, shared: self._finish(tx, shared, taken, result, now)
            )
        except StoreError:
            raise
        except Exception as fault:
            log.exception("result_not_applied", **_of(customer, claimed))
            await self._give_up_event(customer, taken, result, fault)
        self.on_work()

    async def _stored(self, customer: str, unit: Callable[[Tx, AcrossTx], object]) -> None:
        """A result is stored as soon as there is room, for as long as it is fenced by its lease;
        then another owner makes the call again, and looks first."""
        until = monotonic() + self._lease.total_seconds()
        while True:
            try:
                await self._store.write_both(customer, unit, Urgency.RESULTS)
            except StoreClosedError:
                raise
            except StoreError:
                if monotonic() >= until:
                    raise
                log.warning("result_not_stored_yet", customer=customer, exc_info=True)
                await asyncio.sleep(STORES_AGAIN)
            else:
                return

    async def _carry_out(self, customer: str, taken: ClaimedJob) -> Result:
        """Whatever is logged on the way says for which effect."""
        since, claimed = perf_counter(), taken.claimed
        with bound_contextvars(**_of(customer, claimed)):
            try:
                result = await self._performer.carry_out(taken.job, claimed.attempt)
            except Exception as fault:
                log.exception("effect_crashed")
                result = crashed(taken.job, claimed.attempt, fault)
            self._metrics.carried_out(claimed.kind, result, since)
            log.info("effect_carried_out", attempt=claimed.attempt, **_told(result))
        return result

    async def _set_aside(self, customer: str, effect_id: int, fault: Exception) -> None:
        """It could not even be prepared: later, and after a while never."""
        now = self._clock.now()
        await self._store.write(
            customer, lambda tx: effects.set_aside(tx, effect_id, _named(fault), now)
        )

    async def _give_up_event(
        self, customer: str, taken: ClaimedJob, result: Result, fault: Exception
    ) -> None:
        """The call is made and cannot be unmade: keep its result, and tell the provider's desk that
        the incident does not know of it."""
        claimed, now = taken.claimed, self._clock.now()
        silent = result if isinstance(result, Later | Unusable) else replace(result, event=None)
        payload = {"effect": claimed.id, "stream": claimed.stream, "fault": _named(fault)}

        def keep(tx: Tx, shared: AcrossTx) -> None:
            if not self._finish(tx, shared, taken, silent, now):
                return
            key = f"unapplied:{claimed.id}:{claimed.attempt}:{now.isoformat()}"
            incidents.record_desk(
                tx, key=key, kind="result_not_applied", payload=payload, at=now, actor=None
            )

        await self._stored(customer, keep)

    # --- receiving, inside the transaction ---

    def _advance(
        self, tx: Tx, occurrence: Occurrence, now: datetime, shared: AcrossTx | None = None
    ) -> Outcome:
        customer = profiles.current(tx)
        if isinstance(occurrence.event, MergedInto):
            tx.hold("reports")  # two cases must not become part of each other
        before, seen = self._look(tx, occurrence)
        if seen is not None:
            verdict, known_as = _VERDICT.validate_json(seen.answer), present(tx, seen.stream)
            shown = surfaces(known_as, customer)
            return Outcome(verdict, known_as, customer, shown, seen_before=True)
        if before is None and isinstance(occurrence.event, Reported):
            before = self._find(tx, occurrence.event, occurrence, now)
        facts = self._facts(tx, before, occurrence.event, now)
        if shared is not None and rota.asks(occurrence.event, self._desk.profile):
            facts = replace(facts, duty=rota.read(shared, self._desk.profile, now))
        known = Known(customer, self._desk.profile, facts)
        since = perf_counter()
        decided = decide(before, occurrence.event, known, now)
        self._metrics.decided(since)
        self._metrics.settled(before.clocks if before else (), decided.incident.clocks, now)
        if decided.incident.closed and not (before and before.closed):
            self._metrics.closed(decided.incident.steps)
        views = self._record(tx, occurrence, known, decided, now, before=before)
        if decided.incident.merged and (news := _news(before, decided.incident)):
            self._hand_on(tx, decided.incident, news, occurrence, now)
        if isinstance(occurrence.event, MergedInto) and isinstance(decided.verdict, Accepted):
            incidents.move_identity(tx, decided.incident.id, occurrence.event.into)
        return Outcome(decided.verdict, decided.incident, customer, views, began=before is None)

    def _look(
        self, tx: Tx, occurrence: Occurrence
    ) -> tuple[Incident | None, incidents.StoredAnswer | None]:
        """The incident an event names, as it stands; and whether the event has come before."""
        if occurrence.incident is None:
            if not isinstance(occurrence.event, Reported):
                raise ValueError(f"{occurrence.event.kind} names no incident")
            return None, incidents.seen(tx, occurrence.key)
        found = incidents.load_for(tx, occurrence.incident, occurrence.key)
        if found is None:
            raise missing(tx, occurrence.incident)
        return found

    def _find(
        self, tx: Tx, event: Reported, occurrence: Occurrence, now: datetime
    ) -> Incident | None:
        """The incident a report belongs to: the one its source has told of before, or an open one
        that shares a strong key; else it begins a new one."""
        tx.hold("reports")  # two that tell of one case at once must not open two
        known = [present(tx, found) for found in _known_as(tx, event.report)]
        roomy = [case for case in known if _takes_in(case, event.report)]
        if known and not roomy:  # its id may be one that a full case was promised
            incidents.forget_ref(tx, event.report.source, event.report.source_id)
        if roomy:
            into, *parts = (case.id for case in roomy)
            apart = {p for p in parts if not self._merge(tx, p, into, occurrence, now)}
            source, known_as = event.report.source, event.report.source_id
            own = incidents.find_by_ref(tx, source, known_as) if apart else None
            return present(tx, own if own and own in apart else into)
        keys = strong_keys(event.report, matches_of(tx, event, profiles.current(tx)))
        related = incidents.find_related(tx, keys, now - JOINS_WITHIN)
        joins = present(tx, related) if related else None
        return joins if joins and _takes_in(joins, event.report) else None

    def _merge(
        self, tx: Tx, part_id: str, into: str, occurrence: Occurrence, now: datetime
    ) -> bool:
        """The source says that two cases of ours are one. What is closed stays closed. False where
        one has no room for both: they stay two, and the analysts of each are told."""
        part, other = present(tx, part_id), present(tx, into)
        if part.is_over:
            return True
        if part.has_parts and not has_room(other, part):
            for case, name in ((part, other.name), (other, part.name)):
                key = f"{occurrence.key}:not_merged:{name}"
                self._advance(tx, Occurrence(key, NotMerged(name), case.id), now)
            return False
        merged = MergedInto(other.id, other.name)
        self._advance(tx, Occurrence(f"{occurrence.key}:merged:{part.id}", merged, part.id), now)
        return True

    def _hand_on(
        self, tx: Tx, part: Incident, news: Absorbed, occurrence: Occurrence, now: datetime
    ) -> None:
        """What a merged case knows belongs to the one that goes on: when it is merged, and when an
        action that was on its way ends, or somebody still answers."""
        key = f"{occurrence.key}:absorbed:{part.id}"
        self._advance(tx, Occurrence(key, news, goes_on(tx, part).id), now)

    def _facts(self, tx: Tx, before: Incident | None, event: Event, now: datetime) -> Facts:
        pages = self._links.public_url is not None
        return facts_of(tx, before, event, now, provider=self._desk.profile, pages=pages)

    def _record(
        self,
        tx: Tx,
        occurrence: Occurrence,
        known: Known,
        decided: Decided,
        now: datetime,
        *,
        before: Incident | None,
    ) -> Mapping[str, View]:
        """State, event, effects and wanted surfaces, all or nothing; what the surfaces show now."""
        incident = decided.incident
        reasons = incident.decision.reasons if incident.decision else ()
        incidents.record(
            tx,
            incident=incident,
            event=occurrence.event,
            key=occurrence.key,
            at=now,
            actor=occurrence.actor,
            facts=known.facts,
            profile_version=known.customer.version,
            provider_version=known.provider.version,
            rules=incident.decision.rules if incident.decision else "",
            answer=_VERDICT.dump_json(decided.verdict).decode(),
            reasons=reasons,
            effect_keys=[e.key for e in decided.effects],
        )
        if isinstance(occurrence.event, Reported):
            self._remember(tx, incident, occurrence.event, known, now)
        if isinstance(occurrence.event, AskOrdered) or _has_new_tasks(before, incident):
            asked = set(map(incidents.asked_key, _written_to(incident)))
            asked |= {incidents.tasked_key(t.person.object_id) for t in incident.tasks}
            incidents.remember_keys(tx, incident.id, asked, now)
        _pass_on_suspicion(tx, before, incident, now)
        if isinstance(occurrence.event, Answered | Wrote) and occurrence.event.text:
            said = occurrence.event
            incidents.remember_message(tx, incident.id, said.by, said.text or "", now)
        views = surfaces(incident, known.customer)
        shows = _shows(tx, before, incident, views)
        effects.order(
            tx,
            incident.id,
            [
                *_relay(tx, incident, occurrence.said, decided.verdict, now),
                *decided.effects,
                *_introductions(shows, known.customer),
                *shows,
            ],
            now,
            urgency=_urgency(occurrence, incident, known.customer),
            analysts=self._desk.profile.id,
        )
        return views

    def _remember(
        self, tx: Tx, incident: Incident, event: Reported, known: Known, now: datetime
    ) -> None:
        report = event.report
        incidents.add_ref(tx, incident.id, report.source, report.source_id)
        for source, source_id in report.mirrors:
            incidents.add_ref(tx, incident.id, source, source_id)
        if report.redirected_to:  # its target may be told of later: it is this case
            incidents.add_ref(tx, incident.id, report.source, report.redirected_to)
        incidents.remember_alerts(tx, incident.id, report.source, report.alerts)
        keys = strong_keys(report, known.facts.matches) | {incidents.code_key(incident.code)}
        incidents.remember_keys(tx, incident.id, keys, now)

    # --- effects, inside the transaction ---

    def _claim(self, tx: Tx, shared: AcrossTx, effect_id: int, now: datetime) -> ClaimedJob | None:
        """With room for its calls, or put back: what waits for room holds no lease."""
        claimed = effects.claim(tx, effect_id, self._owner, now, self._lease)
        if claimed is None:
            return None
        if profiles.find(tx) is None:
            effects.cancel(tx, effect_id, self._owner, NOT_ONBOARDED, now)
            return None
        job = self._gatherer.job(tx, shared, claimed, now)
        if opens(job) and not effects.may_open(tx, effect_id):
            effects.unclaim(tx, effect_id, self._owner, now)
            return None
        calls = calls_of(job)
        if not calls:
            return ClaimedJob(now, claimed, job, None)
        permit = pace.take(shared, _buckets(tx.customer, claimed), calls, now, self._lease)
        if isinstance(permit, datetime):
            effects.unclaim(tx, effect_id, self._owner, permit)
            return None
        return ClaimedJob(now, claimed, job, permit)

    def _finish(
        self, tx: Tx, shared: AcrossTx, taken: ClaimedJob, result: Result, now: datetime
    ) -> bool:
        """Fenced on the owner: whoever lost its lease leaves no trace, and is told False. What its
        calls took of Teams' pace counts until the lease it had is over."""
        held = self._settle(tx, shared, taken, result, now)
        if held and taken.permit is not None:
            made = result.calls if isinstance(result, Done) else None
            pace.answered(shared, taken.permit, now, _refused_until(result, now), made)
        return held

    def _settle(
        self, tx: Tx, shared: AcrossTx, taken: ClaimedJob, result: Result, now: datetime
    ) -> bool:
        claimed = taken.claimed
        event: Event | None = None
        if isinstance(result, Unusable):
            result = self._elsewhere(tx, result, now)
        if isinstance(result, Blocked) and people.was_installed_since(
            tx, result.waits_for, taken.since
        ):
            result = Later(timedelta(), result.reason, counts=False)
        match result:
            case Done(remote_id=remote_id, event=event):
                held = effects.finish(tx, claimed.id, self._owner, remote_id, now)
                if held:
                    self._keep(tx, claimed, result, now)
            case Later(after, reason, counts):
                held = effects.retry(
                    tx,
                    claimed.id,
                    self._owner,
                    due=now + after,
                    error=reason,
                    counts_as_attempt=counts,
                )
            case Blocked(waits_for, reason, event):
                held = effects.block(tx, claimed.id, self._owner, waits_for=waits_for, error=reason)
                kind, _, person = waits_for.partition(":")
                if held and kind == "person":
                    people.mark_removed(tx, profiles.current(tx).tenant_id, person)
            case Failed(reason, event, blocked_by):
                held = effects.fail(tx, claimed.id, self._owner, reason, now)
                if held and isinstance(taken.job, ContainJob):
                    opened = reach.fail(tx, taken.job.order.key, now)
                    tell_of_breaker(tx, opened, self._desk.profile.id)
                if held and isinstance(taken.job, RelayJob):
                    relays.give_back(tx, claimed.stream, claimed.key)
                if held and blocked_by:
                    people.mark_blocked(tx, profiles.current(tx).tenant_id, blocked_by)
        if (
            held
            and isinstance(result, Blocked | Failed)
            and isinstance(claimed.effect, PostHandover)
        ):
            rota.not_posted(shared, claimed.effect, now)
        if held and event is not None:
            key = f"effect:{claimed.id}:{claimed.attempt}:{now.isoformat()}"
            self._advance(tx, Occurrence(key, event, claimed.stream), now, shared)
        return held

    def _keep(self, tx: Tx, claimed: effects.ClaimedEffect, done: Done, now: datetime) -> None:
        """What a call taught us of Teams: where a surface stands, a chat, who is in a team."""
        if done.opened is not None:
            people.keep_chat(tx, done.opened.person, done.opened.where)
        if claimed.surface is not None and done.revision is not None:
            surface_rows.shown(
                tx,
                claimed.stream,
                claimed.surface,
                revision=done.revision,
                place=done.place,
                at=now,
            )
        if done.place is not None and done.handle is not None:
            handles.bind_conversation(tx, done.handle, done.place.conversation_id)
        if done.roster is not None:
            roster = done.roster
            news = people.keep_roster(
                tx, roster.tenant_id, roster.conversation_id, roster.members, now
            )
            _have_readers_looked_at(tx, news.moved, f"effect {claimed.id}", now)
            if news.strangers:
                says = phrase(
                    "tell.outside_readers",
                    customer=profiles.current(tx).name,
                    people=", ".join(news.strangers),
                )
                tell_analysts(tx, f"outside:{claimed.key}", says, self._desk.profile.id, now)

    def _elsewhere(self, tx: Tx, result: Unusable, now: datetime) -> Result:
        """The channel cannot be used: from now on General of its team is, which the same people
        read. The analysts hear of it once."""
        home, customer = homes.home(tx), profiles.current(tx)
        known = people.channel(tx, customer.tenant_id, result.channel_id)
        if home is None or known is None or result.channel_id == homes.general(home.team_id):
            return result.otherwise
        if homes.why_unusable(tx, result.channel_id) is None:
            people.mark_unusable(tx, known, homes.general(home.team_id), result.reason)
            incidents.record_desk(
                tx,
                key=f"channel_unusable:{result.channel_id}:{now.isoformat()}",
                kind="channel_unusable",
                payload={"channel": result.channel_id, "why": result.reason},
                at=now,
                actor=None,
            )
            says = phrase("tell.channel_unusable", customer=customer.name, why=result.reason)
            tell_analysts(
                tx,
                f"unusable:{result.channel_id}:{now.isoformat()}",
                says,
                self._desk.profile.id,
                now,
            )
        return Later(timedelta(), result.reason, counts=True)


def _shows(
    tx: Tx, before: Incident | None, incident: Incident, views: Mapping[str, View]
) -> list[effects.Show]:
    """The surfaces that have something new to show, and are not about to be shown anyway.

    The analysts' card tells of every change; to compare it would cost what showing it costs.
    """
    wanted = {name: digest(views[name]) for name in views if name != ANALYST_THREAD}
    if incident != before:
        wanted[ANALYST_THREAD] = tx.heads[incident.id].hash
    changed = surface_rows.want(tx, incident.id, wanted)
    return [
        effects.Show(name, effects.surface_lane(incident.id, name), of)
        for name, of in changed.items()
    ]


def _relay(
    tx: Tx, incident: Incident, said: relays.Said | None, verdict: Verdict, now: datetime
) -> list[Relay]:
    """What counted as words about the case goes to the analysts' thread as well."""
    if said is None or not isinstance(verdict, Accepted):
        return []
    relays.hear(tx, incident.id, said.origin, said.words, at=now)
    where = said.origin
    return [Relay(ids.relay_key(where.conversation_id, where.activity_id))]


def _introductions(shows: list[effects.Show], customer: Customer) -> list[Say]:
    """Who asks, and why, ahead of the first card that somebody ever gets: its key makes it once a
    person, whatever the case."""
    first = (s.surface.split(":") for s in shows if s.revision == 1)
    places = dict.fromkeys(f"person:{of[1]}" for of in first if of[0] in ("person", "owner"))
    says = phrase("hello.introduction", sender=customer.name)
    return [Say(f"introduced:{place}", place, says) for place in places]


def _has_new_tasks(before: Incident | None, incident: Incident) -> bool:
    return len(incident.tasks) > (len(before.tasks) if before else 0)


def _written_to(incident: Incident) -> set[str]:
    """Who was asked, or has a task in their own chat: what they write there is about this case."""
    asked = {q.person.object_id for q in incident.questions}
    return asked | {t.person.object_id for t in incident.tasks if not t.in_thread}


def _pass_on_suspicion(tx: Tx, before: Incident | None, incident: Incident, now: datetime) -> None:
    """Whose account is suspect is so in every case of the customer, from this moment on: the others
    look for themselves, each in its own time."""
    was = before.suspects if before else frozenset()
    changed = was ^ incident.suspects
    if not changed:
        return
    incidents.suspect(tx, incident.id, incident.suspects - was, was - incident.suspects, now)
    others = {id_ for who in changed for id_ in incidents.open_about(tx, who, incident.id)}
    because_of = f"{incident.id}:{tx.heads[incident.id].version}"
    for other in sorted(others):
        effects.order(tx, other, [look_again("taint", other, because_of, now)], now)


def _news(before: Incident | None, merged: Incident) -> Absorbed | None:
    """What a merged case knows and has not handed on yet."""
    if before is None or before.merged is None:
        return handed_on(merged)
    news = told_later(merged)
    return news if news != told_later(before) else None


def _refused_until(result: Result, now: datetime) -> datetime | None:
    """For how long the other side asked to be left alone."""
    match result:
        case Later(after, counts=False):
            return now + after
        case _:
            return None


def _buckets(customer: str, claimed: effects.ClaimedEffect) -> list[pace.Bucket]:
    """The lane before the tenant, which many wait for."""
    tenant = pace.Bucket(claimed.spoken_to or customer, pace.TENANT, windows.TENANT)
    if claimed.lane is None:
        return [tenant]
    return [pace.Bucket(customer, claimed.lane, windows.THREAD), tenant]


def _urgency(occurrence: Occurrence, incident: Incident, customer: Customer) -> effects.Urgency:
    """Somebody is waiting for an answer, or the case comes first."""
    if occurrence.actor is not None:
        return effects.Urgency.PEOPLE
    decision = incident.decision
    grave = decision is not None and level(incident, customer, decision) is Level.P1
    return effects.Urgency.PEOPLE if grave else effects.Urgency.ROUTINE


def _have_readers_looked_at(tx: Tx, moved: Collection[str], because_of: str, now: datetime) -> None:
    """Whoever joined the team reads its threads from now on: the open cases about them look anew,
    and those that are closed and keep their account suspect."""
    concerned = {
        id_
        for who in moved
        for id_ in (*incidents.open_about(tx, who), *incidents.suspecting(tx, who))
    }
    for about in sorted(concerned):
        effects.order(tx, about, [look_again(READERS, about, because_of, now)], now)


def _known_as(tx: Tx, report: IncidentReport) -> list[str]:
    """The incidents a report speaks of, the one that goes on first: what it was redirected to, what
    it mirrors, itself."""
    names = [*report.mirrors, (report.source, report.source_id)]
    if report.redirected_to:
        names.insert(0, (report.source, report.redirected_to))
    found = [incidents.find_by_ref(tx, source, source_id) for source, source_id in names]
    return list(dict.fromkeys(id_ for id_ in found if id_ is not None))


def _takes_in(incident: Incident, report: IncidentReport) -> bool:
    """What is a part of it already may always change."""
    own = (report.source, report.source_id)
    known = any((ref.source, ref.source_id) == own for ref in incident.refs)
    return known or len(incident.refs) < MOST_REFS


def _of(customer: str, claimed: effects.ClaimedEffect) -> dict[str, Any]:
    """How the log names an effect."""
    return {
        "customer": customer,
        "incident": claimed.stream,
        "effect": claimed.id,
        "kind": claimed.kind,
    }


def _told(result: Result) -> dict[str, Any]:
    """What became of it, as the log says it: our reasons are codes, and nobody's words."""
    reason = None if isinstance(result, Done) else result.reason
    return {"outcome": outcome(result)} | ({"reason": reason} if reason else {})


def _named(fault: Exception) -> str:
    """What it was; its text may hold people's words and stays in the log's trace."""
    return type(fault).__name__


_VERDICT: TypeAdapter[Verdict] = TypeAdapter(Verdict)

"""An incident while one event is being decided on: the value so far, and what has been ordered."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from triage.customer import Customer, Provider
from triage.effects import (
    ANALYST_THREAD,
    CUSTOMER_THREAD,
    Contain,
    Effect,
    LookForAbsence,
    Page,
    PageAction,
    PostDigest,
    Say,
    Wake,
)
from triage.events import Facts
from triage.incident import (
    ActionState,
    Approval,
    CallTask,
    Entry,
    Incident,
    Question,
    ResponseAction,
    Status,
    Task,
    Verification,
)
from triage.phrases import Phrase

KEEPS = 30
"""Lines of timeline the state carries; the event log carries all."""


@dataclass(frozen=True, slots=True)
class Known:
    """What `decide` may know beyond the incident, read in the same transaction."""

    customer: Customer
    provider: Provider
    facts: Facts


@dataclass(slots=True)
class Draft:
    """Local to one call of `decide`; nothing outside ever holds one."""

    incident: Incident
    known: Known
    now: datetime
    effects: list[Effect] = field(default_factory=list)
    noted: list[Entry] = field(default_factory=list)
    """Lines that `finish` puts on the incident's timeline; until then `timeline` has them."""

    mattering: set[str] = field(default_factory=set)
    """Ids of questions that were found, in this decision, to lead somewhere."""
    unasked: list[Question] = field(default_factory=list)
    """Withdrawn in this decision, because the account became suspect."""

    @property
    def customer(self) -> Customer:
        return self.known.customer

    def set(self, **changes: Any) -> None:
        self.incident = self.incident.changed(**changes)

    def note(self, says: Phrase) -> None:
        self.noted.append(Entry(self.now, says))

    def finish(self, status: Status) -> Incident:
        """The incident as it is now, with what was noted on its timeline."""
        return self.incident.changed(status=status, timeline=self.timeline[-KEEPS:])

    @property
    def timeline(self) -> tuple[Entry, ...]:
        return (*self.incident.timeline, *self.noted)

    def hand_over(self, why: Phrase) -> None:
        """A person must look. The first reason stands until somebody takes the case."""
        self.note(why)
        if self.incident.handed_over is None:
            self.set(handed_over=why)

    def hand_over_once(self, why: Phrase) -> None:
        """For what is found anew at every settling: said once in a generation."""
        if why not in self.incident.handed_reasons:
            self.set(handed_reasons=(*self.incident.handed_reasons, why))
            self.hand_over(why)

    def put_question(self, question: Question) -> None:
        self.set(questions=_put(self.incident.questions, question))

    def put_action(self, action: ResponseAction) -> None:
        self.set(actions=_put(self.incident.actions, action))

    def put_approval(self, approval: Approval) -> None:
        self.set(approvals=_put(self.incident.approvals, approval))

    def put_call(self, call: CallTask) -> None:
        self.set(calls=_put(self.incident.calls, call))

    def put_task(self, task: Task) -> None:
        self.set(tasks=_put(self.incident.tasks, task))

    def put_verification(self, verification: Verification) -> None:
        self.set(verifications=_put(self.incident.verifications, verification))

    # --- effects; keys make each of them happen once ---

    def wake(self, name: str, at: datetime) -> None:
        self.effects.append(Wake(self._key("wake", name), at, name))

    def contain(self, action: ResponseAction, *, undo: bool = False) -> None:
        """An action is done once a generation; an undo, and what is tried again after it failed or
        was undone, is ordered anew each time. `action` is as it was before."""
        again = undo or action.state is not ActionState.PROPOSED
        which = f"{action.id}:{self.now.isoformat()}" if again else action.id
        key = self._key("undo" if undo else "contain", which)
        self.effects.append(Contain(key, action.id, action.kind, action.target, undo))

    def tell_customer(
        self, purpose: str, says: Phrase, mentions: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """In the thread; a case that has none is told of in the digest."""
        if self.incident.threaded:
            self._say(CUSTOMER_THREAD, purpose, says, mentions)

    def post_digest(self, since: datetime, at: datetime) -> None:
        """One a day: the key names the moment, and every case of the day orders the same one."""
        self.effects.append(PostDigest(f"digest:{at.isoformat()}", at, since))

    def tell_analysts(
        self, purpose: str, says: Phrase, mentions: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Not by what opens the case: its card, which opens their thread, tells that already."""
        if self.incident.status is not Status.RECEIVED:
            self._say(ANALYST_THREAD, purpose, says, mentions)

    def tell_person(self, object_id: str, purpose: str, says: Phrase) -> None:
        self._say(f"person:{object_id}", purpose, says)

    def look_for_absence(self, object_id: str, question: str) -> None:
        """Once a person, question and generation."""
        key = self._key("absence", f"{question}:{object_id}")
        self.effects.append(LookForAbsence(key, object_id, question))

    def page(self, does: PageAction, purpose: str, says: Phrase) -> None:
        """Each purpose is one alarm a generation; `triage/paging.py` says which there are."""
        alarm = self._key("page", purpose)
        self.effects.append(
            Page(
                key=alarm if does is PageAction.TRIGGER else f"{alarm}:{does}",
                does=does,
                alarm=alarm,
                severity=self.incident.severity,
                incident=self.incident.name,
                says=says,
                at=self.now,
            )
        )

    def _say(
        self,
        place: str,
        purpose: str,
        says: Phrase,
        mentions: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.effects.append(Say(self._key("say", f"{place}:{purpose}"), place, says, mentions))

    def _key(self, kind: str, rest: str) -> str:
        return f"{self.incident.id}:{kind}:{rest}:{self.incident.reopened}"


_T = TypeVar("_T", bound=Question | ResponseAction | Approval | CallTask | Verification | Task)


def _put(things: tuple[_T, ...], thing: _T) -> tuple[_T, ...]:
    """Replace the one with the same id in its place, or append."""
    if any(t.id == thing.id for t in things):
        return tuple(thing if t.id == thing.id else t for t in things)
    return (*things, thing)

"""What happens when a question gets no answer: a reminder, then one rung after the other.

    asked ─half the time─▶ reminded ─deadline─▶ manager ─▶ security contact ─▶ analyst calls ─▶ pager

Each rung has a third of the question's own time. One that cannot be taken is skipped at once, with
the reason; who is said to be away is waited for no longer, and may still answer. Silence routes and weighs nothing. Sources: domain.md section 5, user fatigue;
experience.md, Bob, on leave; triage.md section 4, deadlines by priority.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from triage import calling, priority, worktime
from triage.assess import assess
from triage.authority import is_thread_guarded
from triage.customer import Customer, Role
from triage.draft import Draft
from triage.effects import LookForAbsence
from triage.incident import (
    Absence,
    Incident,
    IncidentType,
    Open,
    Person,
    Question,
    QuestionKind,
    Route,
    Rung,
    Silent,
    Step,
    Unreachable,
)
from triage.phrases import Phrase, phrase
from triage.priority import Level

SHARE = 3
"""Each rung has this part of the time the person had."""


def is_urgent(draft: Draft) -> bool:
    """Goes to people at night too, and counts against no budget."""
    return level(draft) in (Level.P1, Level.P2)


def level(draft: Draft) -> Level:
    decision = draft.incident.decision or assess(draft.incident, draft.customer, draft.now)
    return priority.level(draft.incident, draft.customer, decision)


def minutes(draft: Draft) -> int:
    """How long a person has to answer, by priority."""
    deadlines = draft.customer.deadlines
    match level(draft):
        case Level.P1 | Level.P2:
            return deadlines.high
        case Level.P3:
            return deadlines.medium
        case Level.P4:
            return deadlines.low


def after(draft: Draft, since: datetime, minutes: float) -> datetime:
    """Around the clock where it is urgent, else in the customer's working time."""
    if is_urgent(draft):
        return since + timedelta(minutes=minutes)
    return worktime.after(draft.customer.calendar, since, round(minutes))


def send_at(draft: Draft, person: Person) -> datetime:
    """When a question may be sent: what is not urgent waits for the morning, and for the end of the
    minutes that another card of this person's began, so that questions arrive together."""
    if is_urgent(draft):
        return draft.now
    bundle = timedelta(minutes=draft.customer.bundle_minutes)
    others = draft.known.facts.cards.get(person.object_id)
    cards = [others.last] if others else []
    cards += [
        q.asked_at
        for q in draft.incident.questions
        if q.person.object_id == person.object_id and _stands(q)
    ]
    calm = max([draft.now, *(at + bundle for at in cards if at < draft.now)])
    return worktime.next_loud(draft.customer.quiet, person.zone or draft.customer.zone, calm)


def _stands(question: Question) -> bool:
    """On a card that was sent."""
    return question.route is not Route.PHONE and question.state.state not in ("held", "withdrawn")


def is_over_budget(draft: Draft, person: Person) -> bool:
    """They have had their cards of today, and this is neither urgent nor on a card they have."""
    others = draft.known.facts.cards.get(person.object_id)
    has_card = any(
        q.person.object_id == person.object_id and q.route is Route.CARD
        for q in draft.incident.questions
    )
    spent = others is not None and others.count >= draft.customer.question_budget
    return spent and not has_card and not is_urgent(draft)


# --- rungs ---------------------------------------------------------------------------------------


def begin(draft: Draft, question: Question) -> None:
    """Set the deadline of a question that was sent, and the reminder before it."""
    if not isinstance(question.state, Open):
        return
    draft.wake(f"question:{question.id}", question.state.due)
    if question.route is Route.CARD:
        half = question.asked_at + (question.state.due - question.asked_at) / 2
        draft.wake(f"remind:{question.id}", half)


def remind(draft: Draft, question_id: str) -> None:
    """Once, and not in the quiet hours of somebody whose answer can wait."""
    question = draft.incident.question(question_id)
    if question is None or not isinstance(question.state, Open) or question.replies:
        return
    if question.route is Route.PHONE or draft.incident.is_tainted(question.person.object_id):
        return  # whoever reads that chat is told nothing
    if question.steps:
        return  # they are away, and others are asked to reach them
    zone = question.person.zone or draft.customer.zone
    loud = worktime.next_loud(draft.customer.quiet, zone, draft.now) == draft.now
    if loud or is_urgent(draft):
        draft.note(phrase("timeline.reminded", person=question.person.name))
        told = phrase("reach.reminder", until=question.state.due)
        draft.tell_person(question.person.object_id, f"remind:{question.id}", told)


def due(draft: Draft, question_id: str) -> None:
    """The person's time is over."""
    question = draft.incident.question(question_id)
    if question is None or not isinstance(question.state, Open) or question.state.due > draft.now:
        return
    silent = replace(question, state=Silent(draft.now))
    draft.put_question(silent)
    if not silent.steps:
        climb(draft, silent)


def step_due(draft: Draft, which: str) -> None:
    """A rung's time is over, and still there is no answer."""
    question_id, _, rung = which.partition(":")
    question = draft.incident.question(question_id)
    if question is None or not _waits_at(question, rung):
        return
    if question.steps[-1].due is not None and question.steps[-1].due <= draft.now:
        climb(draft, question)


def step_failed(draft: Draft, person: str, why: str) -> None:
    """Whoever was to help cannot be reached: the next rung at once."""
    for question in draft.incident.questions:
        last = question.steps[-1] if question.steps else None
        if (
            last
            and last.person
            and last.person.object_id == person
            and _waits_at(question, last.rung)
        ):
            skipped = replace(last, skipped=why, due=None)
            said = replace(question, steps=(*question.steps[:-1], skipped))
            draft.put_question(said)
            _note_skipped(draft, skipped)
            climb(draft, said)


def is_climbing(question: Question) -> bool:
    """Somebody else is asked to reach the person: an answer may still come."""
    unanswered = question.answer is None and question.state.state in _CLIMBS
    return unanswered and bool(question.steps) and question.steps[-1].due is not None


_CLIMBS = ("open", "silent", "unreachable")
"""States of a question in which others may be asked: while it is open, because they are away."""


def may_look(incident: Incident, customer: Customer, question: Question) -> bool:
    """Whether automatic replies and presence may be read, and count, for a question.

    - the customer lets us
    - it is on a card, and the account is not under suspicion: whoever holds it may have set them
    - the case is not for others to know of
    """
    return (
        customer.look_for_absence
        and question.route is Route.CARD
        and not incident.is_tainted(question.person.object_id)
        and not _is_secret(incident, customer)
    )


def still_looks(incident: Incident, customer: Customer, order: LookForAbsence) -> bool:
    """Whether it still matters that somebody is away: they are asked, and silent, or are to help."""
    question = incident.question(order.question)
    if question is None or not may_look(incident, customer, question):
        return False
    if question.person.object_id == order.person:
        return isinstance(question.state, Open) and not question.replies
    helper = question.steps[-1].person if is_climbing(question) else None
    return helper is not None and helper.object_id == order.person


def stop(draft: Draft, question: Question) -> None:
    """No further rung is taken."""
    last = replace(question.steps[-1], due=None)
    draft.put_question(replace(question, steps=(*question.steps[:-1], last)))


def _waits_at(question: Question, rung: str) -> bool:
    return is_climbing(question) and question.steps[-1].rung == rung


def climb(draft: Draft, question: Question) -> None:
    """Take the next rung that can be taken."""
    tried = {step.rung for step in question.steps}
    for rung in (r for r in Rung if r not in tried):
        person, skipped = _who(draft, question, rung)
        step = Step(rung, draft.now, person, skipped=skipped)
        if skipped is None and rung is not Rung.ANALYST:
            step = replace(step, due=after(draft, draft.now, minutes(draft) / SHARE))
        question = replace(question, steps=(*question.steps, step))
        draft.put_question(question)
        if skipped is None:
            _take(draft, question, step)
            return
        _note_skipped(draft, step)


def _note_skipped(draft: Draft, step: Step) -> None:
    """That nobody is named for a rung is nothing to tell of every time."""
    if step.skipped not in (None, NOBODY):
        rung = phrase(f"label.rung.{step.rung}")
        draft.note(phrase("timeline.rung_skipped", rung=rung, why=step.skipped))


def _take(draft: Draft, question: Question, step: Step) -> None:
    who = question.person.name
    match step.rung:
        case Rung.MANAGER | Rung.CONTACT:
            if step.person is None or step.due is None:
                raise ValueError(f"nobody is asked at the rung {step.rung}")
            draft.note(phrase("timeline.helper_asked", helper=step.person.name, person=who))
            if step.rung is Rung.CONTACT:  # the manager has a card: triage/surfaces.py
                says = asks(draft.incident, draft.customer, question, step)
                draft.tell_person(step.person.object_id, f"{step.rung}:{question.id}", says)
            if draft.customer.look_for_absence:
                draft.look_for_absence(step.person.object_id, question.id)
            draft.wake(f"rung:{question.id}:{step.rung}", step.due)
        case Rung.ANALYST:
            why = why_no_answer(draft, question)
            draft.hand_over(why)
            draft.tell_analysts(f"silent:{question.id}", why)
            calling.call(draft, question)
        case _:
            assert_never(step.rung)


def asks(incident: Incident, customer: Customer, question: Question, step: Step) -> Phrase:
    """What is asked of the manager, or the security contact; of whom nobody waits any more, only what
    they may still come to hear."""
    if step.due is None:
        return phrase("reach.later", person=question.person.name)
    said: dict[str, str | datetime] = {
        "sender": customer.name,
        "person": question.person.name,
        "name": incident.name,
        "until": step.due,
    }
    absence = incident.absence(question.person.object_id)
    if absence is None:
        return phrase(f"reach.{step.rung}", **said)
    return phrase(f"reach.{step.rung}_away", why=says_away(absence), **said)


def why_no_answer(draft: Draft, question: Question) -> Phrase:
    who = question.person.name
    absence = draft.incident.absence(question.person.object_id)
    if isinstance(question.state, Unreachable):
        return phrase("why.unreachable", person=who, why=question.state.why)
    if absence is not None:
        return phrase("why.away", person=who, why=says_away(absence))
    return phrase("why.silence", person=who)


def says_away(absence: Absence) -> Phrase:
    if absence.until is None:
        return phrase(f"away.{absence.by}")
    return phrase(f"away_until.{absence.by}", until=absence.until)


NOBODY = "nobody_named"


def _who(draft: Draft, question: Question, rung: Rung) -> tuple[Person | None, str | None]:
    """Who is turned to at a rung, or why nobody is.

    - an analyst's own question is nobody else's to ask
    - what the person has said in words, an analyst reads
    - an account under suspicion and a restricted case are nobody's business but the analysts'
    - who is affected or under suspicion themselves helps nobody
    - where there is a pilot group, nobody else is written to
    """
    if rung is Rung.ANALYST:
        return None, None
    if question.kind is QuestionKind.FREE:
        return None, NOBODY
    if question.replies:
        return None, "has_replied"
    suspect = draft.incident.is_tainted(question.person.object_id)
    if suspect or question.route is not Route.CARD or _is_secret(draft.incident, draft.customer):
        return None, "confidential"
    named = _named(draft, question, rung)
    if not named:
        return None, NOBODY
    known = [p for p in map(draft.known.facts.helpers.get, named) if p is not None]
    free = [p for p in known if not _is_concerned(draft, p)]
    able = [p for p in free if p.why_not_asked is None]
    reachable = [p for p in able if draft.customer.may_write_to(p.upn)]
    if reachable:
        return reachable[0], None
    if able:
        return None, "not_in_pilot"
    return None, "not_installed" if free else "concerned" if known else "not_in_roster"


def managers(incident: Incident) -> tuple[tuple[Question, Step, Person], ...]:
    """Who was asked to reach somebody as their manager, and for which question."""
    return tuple(
        (question, step, step.person)
        for question in incident.questions
        for step in question.steps
        if step.rung is Rung.MANAGER and step.person is not None
    )


def may_know(incident: Incident, customer: Customer, question: Question, person: Person) -> bool:
    """Whether somebody who was asked to help may still read what it is about."""
    suspect = any(map(incident.is_tainted, (question.person.object_id, person.object_id)))
    concerned = incident.affects(person.object_id, person.upn)
    return not suspect and not concerned and not _is_secret(incident, customer)


def _is_secret(incident: Incident, customer: Customer) -> bool:
    return incident.type is IncidentType.RESTRICTED or is_thread_guarded(incident, customer)


def _named(draft: Draft, question: Question, rung: Rung) -> list[str]:
    if rung is Rung.CONTACT:
        return [c.upn.lower() for c in draft.customer.with_role(Role.SECURITY)]
    facts = draft.customer.facts_about(question.person.upn)
    return [facts.manager.lower()] if facts and facts.manager else []


def _is_concerned(draft: Draft, person: Person) -> bool:
    return (
        draft.incident.affects(person.object_id, person.upn)
        or draft.incident.is_tainted(person.object_id)
        or person.object_id in draft.known.facts.at_risk
    )

"""The story of an incident: what its event log tells, line by line, for a report.

Who did what, when and why; what was asked and answered; what was decided, and what was done. A line
that is the provider's own is marked as internal: what is internal crosses to a customer by an
explicit act only (design.md section 4, rule 11).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from triage.containing import describe
from triage.decide import Accepted, Refused, Verdict
from triage.effects import PageAction
from triage.events import (
    Absorbed,
    ActionDone,
    ActionFailed,
    Answered,
    ApprovalAnswered,
    AskOrdered,
    Assigned,
    Attested,
    CallHeld,
    CallRecorded,
    ClearanceRecorded,
    CloseOrdered,
    ConsentRecorded,
    ContainOrdered,
    Escalated,
    Event,
    FoundAway,
    KeptOpen,
    MergedInto,
    Noted,
    NotMerged,
    NotPaged,
    NotPermitted,
    RecommendationAnswered,
    Reopened,
    Reported,
    SentToCustomer,
    SignedIn,
    SignInFailed,
    SourceWritten,
    Taken,
    TaskAnswered,
    TaskGiven,
    TaskWithdrawn,
    Undelivered,
    UndoOrdered,
    VerificationStarted,
    WishedCall,
    WishedToTalk,
    Woke,
    Wrote,
)
from triage.incident import (
    ApprovalState,
    ByApproval,
    ByRule,
    Incident,
    Question,
    Reason,
    Route,
    Standing,
    TaskAnswer,
    named,
)
from triage.ladder import says_away
from triage.phrases import Phrase, phrase
from triage.playbooks import QUESTIONS
from triage.verdicts import verdict


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as it is in the log, with what was answered to it and what spoke for harm then."""

    at: datetime
    event: Event | None
    """None: its words were erased."""
    verdict: Verdict | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    says: Phrase
    internal: bool = False
    """For the provider alone."""


def story(incident: Incident, log: Sequence[Happened]) -> tuple[Line, ...]:
    """Every line, oldest first; what happened at one moment in the order of its causes."""
    told = [*_told(incident, log)]
    lines = [*told[:1], *_asked(incident), *told[1:], *_by_itself(incident)]
    return tuple(sorted(lines, key=lambda line: line.at))


def _told(incident: Incident, log: Sequence[Happened]) -> Iterator[Line]:
    known: tuple[Reason, ...] = ()
    for number, it in enumerate(log):
        yield from _line(incident, it, first=number == 0)
        yield from _weighed(it, known)
        known = it.reasons or known


def _line(incident: Incident, it: Happened, *, first: bool) -> Iterator[Line]:
    if it.event is None:
        yield Line(it.at, phrase("story.erased"), internal=True)
    elif isinstance(it.verdict, Refused):
        yield Line(it.at, phrase("story.refused", why=it.verdict.says), internal=True)
    elif isinstance(it.verdict, Accepted):
        yield from _counted(incident, it.at, it.event, first=first)


def _counted(incident: Incident, at: datetime, event: Event, *, first: bool) -> Iterator[Line]:
    says = _says(incident, event, first=first)
    if says is not None:
        yield Line(at, says)
        return
    inside = _says_inside(incident, at, event)
    if inside is not None:
        yield Line(at, inside, internal=True)


def _says(  # noqa: C901, PLR0912 - an arm for each event
    incident: Incident, event: Event, *, first: bool
) -> Phrase | None:
    """What a customer may read as well; None for what is not theirs, or no line at all."""
    match event:
        case Reported(report) if first:
            return phrase("timeline.received", source=phrase(f"label.source.{report.source}"))
        case Reported(report):
            return phrase("timeline.changed", title=report.title)
        case Answered(question, by, choice) if choice is not None:
            return _reply(incident.question(question), by, choice)
        case ApprovalAnswered(approval, by_name=by, approve=approve):
            return phrase(
                "timeline.approved" if approve else "why.denied",
                by=by,
                action=_approved(incident, approval),
            )
        case ConsentRecorded(approval, contact, approve, by_name=by):
            decided = "story.phone_approved" if approve else "story.phone_denied"
            action = _approved(incident, approval)
            return phrase(decided, person=contact, by=by, action=action)
        case CallRecorded(question, by_name=by, choice=choice):
            said = _answer(incident.question(question), choice)
            person = _asked_of(incident, question)
            return phrase("timeline.call_recorded", person=person, answer=said, by=by)
        case CallHeld(callee, outcome, by_name=by):
            went = phrase(f"call_outcome.{outcome}")
            person = next((p.name for p in incident.people if p.upn == callee), callee)
            return phrase("timeline.call_held", by=by, person=person, outcome=went)
        case Attested(question, by_name=by, choice=choice):
            return _attested(incident, question, by, choice)
        case Taken(by_name=by):
            return phrase("timeline.taken", by=by)
        case CloseOrdered(by_name=by, disposition=None):
            return phrase("story.closed_as_proposed", by=by)
        case CloseOrdered(by_name=by, disposition=disposition):
            says = phrase(f"verdict.{disposition}")
            return phrase("timeline.closed_by", by=by, disposition=says)
        case KeptOpen(by_name=by):
            return phrase("timeline.kept_open", by=by)
        case Assigned(by_name=by, to_name=colleague):
            return phrase("timeline.assigned", by=by, to=colleague)
        case Reopened(by_name=by):
            return phrase("timeline.reopened_by", by=by)
        case ContainOrdered(action, by_name=by):
            return phrase("timeline.contain_asked", by=by, action=_action(incident, action))
        case UndoOrdered(action, by_name=by):
            return phrase("timeline.undo_asked", by=by, action=_action(incident, action))
        case SentToCustomer(text=text, by_name=by, to=None):
            return phrase("story.sent_to_customer", by=by, text=text)
        case RecommendationAnswered(by_name=by, accept=accept):
            how = "accepted" if accept else "discuss"
            return phrase(f"timeline.recommendation_{how}", by=by)
        case TaskGiven(to, what=text, by_name=by):
            task, owner = phrase("task.said", text=text), _contact(incident, to)
            return phrase("timeline.task_given", by=by, person=owner, what=task)
        case TaskWithdrawn():
            return _task_withdrawn(incident, event)
        case TaskAnswered():
            return _task_answered(incident, event)
        case MergedInto(name=name, by_name=by):
            return phrase("timeline.merged_by" if by else "timeline.merged", name=name, by=by)
        case Absorbed(name=name):
            return phrase("timeline.absorbed", name=name)
        case ActionDone(action, rehearsed, undone):
            what = _action(incident, action)
            why = None if undone else _entitled(incident, action)
            done = phrase("timeline.undone" if undone else "timeline.done", action=what)
            done = phrase("story.because", what=done, why=why) if why else done
            return phrase("story.rehearsed", what=done) if rehearsed else done
        case ActionFailed(action):
            return phrase("story.failed", action=_action(incident, action))
        case SourceWritten(rehearsed=False):
            return _written(event)
        case _:
            return None


def _says_inside(incident: Incident, at: datetime, event: Event) -> Phrase | None:
    """What only the provider reads. A deadline that came due is told by what followed from it."""
    match event:
        case Answered(question, choice=choice) if choice is not None:
            said, person = (
                _answer(incident.question(question), choice),
                _asked_of(incident, question),
            )
            standing = _standing(incident.question(question), at)
            return phrase(f"timeline.reply_{standing}", person=person, answer=said)
        case WishedCall(by):
            return phrase("why.call_me", person=_name(incident, by))
        case WishedToTalk(by):
            return phrase("why.talk", person=_name(incident, by))
        case Answered(by=by, text=text) | Wrote(by, text):
            return phrase("story.wrote", person=_name(incident, by), text=text or "")
        case ClearanceRecorded(person, part, proof, by_name=by):
            how = phrase("cleared.recorded", by=by, proof=proof)
            part_done = phrase(f"clearance.{part}")
            return phrase(
                "timeline.cleared", person=_name(incident, person), part=part_done, how=how
            )
        case SentToCustomer(text=text, by_name=by, to=str(to)):
            person = _name(incident, to)
            return phrase("story.sent_to_person", by=by, person=person, text=text)
        case AskOrdered(by_name=by, asks=asks, person=upn, words=words):
            person = next((q.person.name for q in incident.questions if q.person.upn == upn), upn)
            return phrase("timeline.ask_ordered", by=by, person=person, asks=named(asks, words))
        case SignedIn(username=username):
            return phrase("story.signed_in", username=username)
        case Noted(by_name=by, text=text):
            return phrase("timeline.noted", by=by, text=text)
        case Escalated(by_name=by, why=why):
            return phrase("why.escalated", by=by, why=why)
        case VerificationStarted(verification):
            return phrase("timeline.verify_started", person=_verified(incident, verification))
        case SignInFailed(verification, why):
            person = _verified(incident, verification)
            return phrase("timeline.verify_failed", person=person, why=why)
        case SourceWritten():
            return _written(event)
        case FoundAway(absence):
            person = _name(incident, absence.object_id)
            return phrase("context.away", person=person, why=says_away(absence))
        case NotPermitted(permissions):
            return _lacking(permissions)
        case NotMerged() | NotPaged():
            return _not_done(event)
        case Undelivered(person=str(person), why=why):
            return phrase("why.unreachable", person=_name(incident, person), why=why)
        case Undelivered(place=place, why=why):
            return phrase("why.undelivered", place=place.partition(":")[0], why=why)
        case (
            Woke()
            | Reported()
            | ApprovalAnswered()
            | ConsentRecorded()
            | CallRecorded()
            | CallHeld()
            | Attested()
            | Taken()
            | Assigned()
            | CloseOrdered()
            | KeptOpen()
            | Reopened()
            | ContainOrdered()
            | UndoOrdered()
            | SentToCustomer()
            | RecommendationAnswered()
            | TaskGiven()
            | TaskWithdrawn()
            | TaskAnswered()
            | MergedInto()
            | Absorbed()
            | ActionDone()
            | ActionFailed()
        ):
            return None
        case _:
            assert_never(event)


# --- who and what --------------------------------------------------------------------------------


def _written(event: SourceWritten) -> Phrase:
    return phrase(
        "timeline.source_rehearsed" if event.rehearsed else "timeline.source_written",
        source=phrase(f"label.source.{event.source}"),
        status=phrase(f"label.source_status.{event.status}"),
        disposition=phrase(f"disposition.{event.disposition}"),
    )


def _not_done(event: NotMerged | NotPaged) -> Phrase:
    if isinstance(event, NotMerged):
        return phrase("why.not_merged", name=event.name)
    rings = event.does is PageAction.TRIGGER
    return phrase("why.not_rung" if rings else "timeline.alarm_goes_on")


def _lacking(permissions: tuple[str, ...]) -> Phrase:
    if not permissions:
        return phrase("story.lacks_nothing")
    return phrase("story.lacks", permissions=", ".join(permissions))


def _reply(question: Question | None, by: str, choice: str) -> Phrase | None:
    """An answer that counts; of any other the customer is told by people, if at all."""
    if question is None or question.person.object_id != by:
        return None
    said = [r for r in question.replies if r.choice == choice and r.by == by]
    if not any(r.standing is Standing.COUNTED for r in said):
        return None
    return phrase(
        "timeline.reply_counted", person=question.person.name, answer=_answer(question, choice)
    )


def _task_answered(incident: Incident, event: TaskAnswered) -> Phrase | None:
    task, by = incident.task(event.task), event.by_name
    if task is None:
        return None
    match event.answer:
        case TaskAnswer.ACCEPT:
            taken = task.by_name is None and incident.recommendation_accepted_by == by
            key = "timeline.recommendation_accepted" if taken else "timeline.task_will_do"
            return phrase(key, by=by, what=task.what)
        case TaskAnswer.DONE:
            return phrase("timeline.task_done", by=by, what=task.what)
        case TaskAnswer.CANNOT:
            return phrase("timeline.task_cannot", by=by, what=task.what, why=event.words)
        case TaskAnswer.DISCUSS:
            return phrase("timeline.task_discuss", by=by, what=task.what, text=event.words)


def _task_withdrawn(incident: Incident, event: TaskWithdrawn) -> Phrase | None:
    task = incident.task(event.task)
    if task is None:
        return None
    person, what = task.person.name, task.what
    return phrase("timeline.task_withdrawn_by", by=event.by_name, person=person, what=what)


def _contact(incident: Incident, upn: str) -> str:
    tasks = (t.person for t in incident.tasks if t.person.upn.lower() == upn.lower())
    return next((person.name for person in tasks), upn)


def _standing(question: Question | None, at: datetime) -> Standing:
    replies = question.replies if question else ()
    return next((r.standing for r in replies if r.at == at), Standing.FOR_ANALYST)


def _answer(question: Question | None, choice: str) -> Phrase | str:
    answers = QUESTIONS[question.kind].answers if question else ()
    found = next((a for a in answers if a.id == choice), None)
    return found.says(question.kind) if found and question else choice


def _attested(incident: Incident, question: str, by: str, choice: str | None) -> Phrase:
    person = _asked_of(incident, question)
    if choice is None:
        return phrase("timeline.attested_nobody", by=by, person=person)
    said = _answer(incident.question(question), choice)
    return phrase("timeline.attested", person=person, by=by, answer=said)


def _asked_of(incident: Incident, question: str) -> str:
    found = incident.question(question)
    return found.person.name if found else ""


def _verified(incident: Incident, verification: str) -> str:
    found = incident.verification(verification)
    return _asked_of(incident, found.question) if found else ""


def _name(incident: Incident, object_id: str) -> str:
    known = (*incident.people, *(t.person for t in incident.tasks))
    asked = (each for q in incident.questions for each in (q.person, *(s.person for s in q.steps)))
    everybody = (*known, *(person for person in asked if person is not None))
    return next((p.name for p in everybody if p.object_id == object_id), object_id)


def _action(incident: Incident, action: str) -> Phrase | str:
    found = incident.action(action)
    return describe(found) if found else action


def _entitled(incident: Incident, action: str) -> Phrase | None:
    """By whose word it was done, where somebody's or a rule of the customer's."""
    found = incident.action(action)
    match found.basis if found else None:
        case ByRule(rule) if rule is not None:
            return phrase("basis.rule", rule=rule)
        case ByApproval(approval):
            by = incident.approval(approval)
            return phrase("basis.approval", by=by.by_name) if by and by.by_name else None
        case _:
            return None


def _approved(incident: Incident, approval: str) -> Phrase | str:
    found = incident.approval(approval)
    return _action(incident, found.action) if found else approval


# --- what followed by itself ---------------------------------------------------------------------


def _asked(incident: Incident) -> Iterator[Line]:
    """Who was asked what, by which way, and what followed where no answer came."""
    for question in (q for q in incident.questions if q.was_sent):
        person, by_phone = question.person.name, question.route is Route.PHONE
        asks = named(question.kind, None if by_phone else question.words)  # those are the analyst's
        key = "story.asked_by_phone" if by_phone else "story.asked"
        yield Line(question.asked_at, phrase(key, person=person, asks=asks))
        if question.state.state == "silent":
            yield Line(question.state.at, phrase("why.silence", person=person))
        for step in question.steps:
            if step.person is not None:
                helper = step.person.name
                yield Line(step.at, phrase("timeline.helper_asked", person=person, helper=helper))


def _by_itself(incident: Incident) -> Iterator[Line]:
    """To which analyst it was given; consent that was asked, or never came; a closing whose hold ran
    out."""
    for entry in incident.given:
        yield Line(entry.at, entry.says, internal=True)
    for approval in incident.approvals:
        action, inside = _action(incident, approval.action), not approval.in_thread
        yield Line(approval.asked_at, phrase("timeline.approval_asked", action=action), inside)
        if approval.state is ApprovalState.EXPIRED and approval.at is not None:
            yield Line(approval.at, phrase("timeline.approval_expired", action=action), inside)
    closed = incident.closed
    if closed is not None and closed.by is None:
        yield Line(closed.at, phrase("timeline.closed", disposition=verdict(closed)))
    if closed is not None and closed.comment:
        yield Line(closed.at, phrase("outcome.comment", text=closed.comment), internal=True)


def _weighed(it: Happened, known: tuple[Reason, ...]) -> Iterator[Line]:
    """What came to speak for harm, or against it."""
    before = {(r.rule, r.weight) for r in known}
    for reason in it.reasons:
        if (reason.rule, reason.weight) not in before and reason.weight:
            speaks = "story.for_harm" if reason.weight > 0 else "story.against_harm"
            yield Line(it.at, phrase(speaks, reason=reason.says), internal=True)

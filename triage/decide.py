"""The policy: what an event does to an incident, and what is ordered because of it.

`decide` is pure. One arm per kind of event changes the draft; then `_settle` weighs it anew and
lets the rest follow: who is asked, what is contained, how it may close, whose turn it is. The
states are drawn in README.md; keep the drawing and `_status` in step.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar, assert_never

from triage import (
    asking,
    assigning,
    calling,
    clocks,
    closing,
    containing,
    inquiry,
    ladder,
    merging,
    noticing,
    paging,
    suspicion,
    talking,
    taps,
    tasking,
    telling,
    verifying,
)
from triage.actions import ActionKind
from triage.assess import assess, read_report, withheld
from triage.authority import (
    has_signed,
    hearers,
    is_hidden,
    is_thread_guarded,
    may_answer,
    may_approve,
    may_attest,
    may_command,
    may_send,
    may_speak_for_customer,
    may_take_down,
    over,
    still_signed,
)
from triage.draft import Draft, Known
from triage.effects import ANALYST_THREAD, Effect, PageAction
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
    Later,
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
from triage.extract import add, told_by
from triage.incident import (
    ActionState,
    Affected,
    Approval,
    ApprovalState,
    Assurance,
    Band,
    ByApproval,
    ByRule,
    Cleared,
    Decision,
    Disposition,
    Incident,
    IncidentType,
    Proposal,
    Question,
    ResponseAction,
    Route,
    Signature,
    SourceRef,
    Standing,
    Status,
    Task,
    TaskAnswer,
    VerificationState,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import CALL_ME, QUESTIONS, answers_in_person, books, offered
from triage.report import IncidentReport

CLOCKS_DIFFER = timedelta(minutes=5)

AGAIN_WITHIN = timedelta(minutes=1)
"""The same note of the same analyst is one."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """It counts; `says` is for whoever did it."""

    says: Phrase | None = None
    answer: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True)
class AlreadyAnswered:
    """It was so before; nothing changed."""

    says: Phrase
    answer: Literal["already"] = "already"


@dataclass(frozen=True, slots=True)
class Refused:
    """It does not count, and why; recorded all the same."""

    says: Phrase
    answer: Literal["refused"] = "refused"


Verdict = Accepted | AlreadyAnswered | Refused


@dataclass(frozen=True, slots=True)
class Decided:
    incident: Incident
    effects: tuple[Effect, ...]
    verdict: Verdict


def decide(incident: Incident | None, event: Event, known: Known, now: datetime) -> Decided:
    """What becomes of an incident when this happens, by what is known, at this moment.

    Raises ValueError for an event of an incident that does not exist, which the conductor never
    sends: only a report may begin one.
    """
    if isinstance(event, Reported):
        draft, verdict = _reported(incident, event.report, known, now)
    elif incident is None:
        raise ValueError(f"{event.kind} belongs to no incident")
    else:
        draft = Draft(incident, known, now)
        verdict = _apply(draft, event)
    if isinstance(verdict, Accepted):
        _settle(draft)
        assigning.settle(draft, event)
        before, provider = draft.incident, known.provider
        owner = provider.analyst(before.owner) if before.owner else None
        draft.set(
            steps=taps.stepped(before.steps, before, event, provider, now),
            owner_upn=owner.upn if owner else None,
        )
        return Decided(draft.finish(_status(draft.incident)), tuple(draft.effects), verdict)
    return Decided(draft.finish(draft.incident.status), tuple(draft.effects), verdict)


def _apply(draft: Draft, event: Later) -> Verdict:  # noqa: C901, PLR0912 - an arm for each event
    match event:
        case Answered():
            return _answered(draft, event)
        case WishedCall():
            return _wished_a_call(draft, event)
        case WishedToTalk():
            return _wished_to_talk(draft, event)
        case Wrote():
            return _wrote(draft, event)
        case ApprovalAnswered():
            return _approval_answered(draft, event)
        case CallRecorded():
            return _call_recorded(draft, event)
        case CallHeld():
            return _call_held(draft, event)
        case ConsentRecorded():
            return _consent_recorded(draft, event)
        case Attested():
            return _attested(draft, event)
        case ClearanceRecorded():
            return _clearance_recorded(draft, event)
        case VerificationStarted():
            return _verification_started(draft, event)
        case SignedIn():
            return _signed_in(draft, event)
        case SignInFailed():
            return _sign_in_failed(draft, event)
        case Taken():
            return _taken(draft, event)
        case Assigned():
            return _assigned(draft, event)
        case Escalated():
            return _escalated(draft, event)
        case Noted():
            return _noted(draft, event)
        case CloseOrdered():
            return _close_ordered(draft, event)
        case KeptOpen():
            return _kept_open(draft, event)
        case Reopened():
            return _reopened(draft, event)
        case ContainOrdered():
            return _contain_ordered(draft, event)
        case UndoOrdered():
            return _undo_ordered(draft, event)
        case AskOrdered():
            return _ask_ordered(draft, event)
        case SentToCustomer():
            return _sent_to_customer(draft, event)
        case RecommendationAnswered():
            return _recommendation_answered(draft, event)
        case TaskGiven():
            return _task_given(draft, event)
        case TaskWithdrawn():
            return _task_withdrawn(draft, event)
        case TaskAnswered():
            return _task_answered(draft, event)
        case MergedInto():
            return _merged_into(draft, event)
        case Absorbed():
            return _absorbed(draft, event)
        case NotMerged():
            merging.stay_two(draft, event)
            return Accepted()
        case Woke():
            return _woke(draft, event)
        case ActionDone():
            return _action_done(draft, event)
        case ActionFailed():
            return _action_failed(draft, event)
        case SourceWritten():
            return _source_written(draft, event)
        case Undelivered():
            return _undelivered(draft, event)
        case FoundAway():
            return _found_away(draft, event)
        case NotPermitted():
            return _not_permitted(draft, event)
        case NotPaged():
            return _not_paged(draft, event)
        case _:
            assert_never(event)


# --- a source tells --------------------------------------------------------------------------------


def _reported(
    incident: Incident | None, report: IncidentReport, known: Known, now: datetime
) -> tuple[Draft, Verdict]:
    if incident is None:
        draft = Draft(_new_incident(report, known, now), known, now)
        draft.note(phrase("timeline.received", source=report.source))
        return draft, _apply_report(draft, report)
    draft = Draft(incident, known, now)
    ref = next((r for r in incident.refs if _is(r, report)), None)
    if ref is not None and ref.digest == report.digest:
        return draft, AlreadyAnswered(phrase("report.unchanged"))
    if ref is not None and report.updated < ref.updated:
        return draft, AlreadyAnswered(phrase("report.older"))
    joined = phrase("timeline.changed" if ref else "timeline.joined", title=report.title)
    draft.note(joined)
    before, known_so_far = _evidence(draft.incident), draft.incident
    verdict = _apply_report(draft, report)
    if _evidence(draft.incident) == before:
        return draft, verdict
    if suspicion.tells_anew(report.alerts, known_so_far, draft.incident.severity):
        suspicion.begin_anew(draft)
    draft.tell_analysts(f"told:{report.source}:{report.source_id}:{report.digest[:12]}", joined)
    if draft.incident.closed is not None:
        closing.reopen(draft, phrase("timeline.reopened_evidence"))
    elif draft.incident.closing is not None:
        draft.set(closing=None)
    return draft, verdict


def _evidence(incident: Incident) -> tuple[object, ...]:
    """What speaks for or against harm. A source's own status, which we write ourselves when a case
    closes, is none: it must not reopen the case."""
    weighed = {(t.rule, t.weight) for ref in incident.refs for t in ref.telemetry}
    products = {product for ref in incident.refs for product in ref.products}
    concerned = {a.account.key for a in incident.affected}
    things = (set(incident.devices), set(incident.files))
    withheld = {sign for ref in incident.refs for sign in ref.withholds}
    return (
        weighed,
        withheld,
        products,
        incident.alert_count,
        concerned,
        *things,
        incident.severity,
    )


def _new_incident(report: IncidentReport, known: Known, now: datetime) -> Incident:
    new = known.facts.new
    if new is None:
        raise ValueError("a new incident needs an id, a name and a code")
    return Incident(
        id=new.id,
        customer=known.customer.id,
        name=new.name,
        code=new.code,
        status=Status.RECEIVED,
        received=now,
        title=report.title,
        severity=report.severity,
        types=(IncidentType.UNKNOWN,),
        refs=(),
    )


def _apply_report(draft: Draft, report: IncidentReport) -> Verdict:
    ref = SourceRef(
        source=report.source,
        source_id=report.source_id,
        # A source whose clock is ahead must not make every later change an older one.
        updated=min(report.updated, draft.now + CLOCKS_DIFFER),
        digest=report.digest,
        tenant_id=report.tenant_id,
        telemetry=read_report(report, draft.customer),
        products=tuple(dict.fromkeys(a.product for a in report.alerts)),
        alert_count=len(report.alerts),
        mirrors=report.mirrors,
        withholds=tuple(sorted(withheld(report, draft.customer))),
    )
    draft.incident = add(draft.incident, told_by(report, ref, draft.known.facts.matches))
    return Accepted()


def _is(ref: SourceRef, report: IncidentReport) -> bool:
    return (ref.source, ref.source_id) == (report.source, report.source_id)


# --- people answer ---------------------------------------------------------------------------------


def _answered(draft: Draft, event: Answered) -> Verdict:
    question = draft.incident.question(event.question)
    refused = may_answer(question, event.by)
    if refused is not None or question is None:
        draft.note(phrase("timeline.wrong_person"))
        return Refused(refused or phrase("refused.unknown_question"))
    if event.verification is not None:
        refused = verifying.why_not_answer(draft, question, event.verification)
        if refused is not None:
            return Refused(refused)
    on_offer = offered(question) if event.verification is None else answers_in_person(question)
    if event.choice is not None and all(a.id != event.choice for a in on_offer):
        return Refused(phrase("refused.unknown_choice"))
    if event.choice and event.choice in _last_choices(question):
        suspect = draft.incident.is_tainted(event.by)
        return AlreadyAnswered(phrase("thanks.received" if suspect else "thanks.already"))
    suspicion.taint(draft)
    question = draft.incident.question(question.id) or question
    before = draft.incident
    level = Assurance.L0 if event.verification is None else Assurance.L2
    standing = asking.take_reply(draft, question, event.choice, event.text, level)
    _correct(draft, question, before)
    return Accepted(_thanks(draft, question.person.object_id, standing))


def _wished_a_call(draft: Draft, event: WishedCall) -> Verdict:
    """Whom we call,
    and on which number, is not the chat's to say."""
    theirs = [
        q
        for q in draft.incident.questions
        if q.person.object_id == event.by and q.route is not Route.PHONE and q.was_sent
    ]
    if not theirs:
        return Refused(phrase("refused.unknown_question"))
    if CALL_ME.id in _last_choices(theirs[-1]):
        return AlreadyAnswered(phrase("thanks.received"))
    asking.take_wish(draft, theirs[-1])
    return Accepted(phrase("thanks.received"))


def _wished_to_talk(draft: Draft, event: WishedToTalk) -> Verdict:
    """On the card of a case that was merged, for the one that goes on."""
    person = next((p for p in draft.incident.people if p.object_id == event.by), None)
    if person is None:
        return Refused(phrase("refused.not_addressee"))
    suspicion.taint(draft)
    over = draft.incident.closed is not None or not draft.known.facts.goes_on
    if over and not draft.incident.is_tainted(event.by):
        return Refused(phrase("refused.closed"))
    if talking.is_begun(draft.incident, person):
        return AlreadyAnswered(_thanks(draft, event.by, Standing.FOR_ANALYST))
    talking.begin(draft, person)
    return Accepted(_thanks(draft, event.by, Standing.FOR_ANALYST))


def _last_choices(question: Question) -> set[str | None]:
    """The answer that stands, and the last one given: told again, neither tells anything new."""
    last = question.replies[-1:]
    return {r.choice for r in (question.answer, *last) if r is not None}


def _thanks(draft: Draft, person: str, standing: Standing) -> Phrase:
    if draft.incident.is_tainted(person):
        return phrase("thanks.received")
    return phrase("thanks.analyst_reads" if standing is Standing.FOR_ANALYST else "thanks.counted")


def _wrote(draft: Draft, event: Wrote) -> Verdict:
    """Words with no question open: an analyst reads them; through a suspect account they lower
    nothing, and the answer gives nothing away."""
    incident = draft.incident
    spoken_to = [*incident.concerned, *(q.person for q in incident.questions)]
    spoken_to += [q.person for q in incident.heard]
    spoken_to += [t.person for t in incident.tasks if not t.in_thread]
    person = next((p for p in spoken_to if p.object_id == event.by), None)
    if person is None:
        return Refused(phrase("refused.not_addressee"))
    suspicion.taint(draft)
    asking.note_words(draft, person)
    return Accepted(_thanks(draft, event.by, Standing.FOR_ANALYST))


def _approval_answered(
    draft: Draft, event: ApprovalAnswered, recorded_by: str | None = None
) -> Verdict:
    approval = draft.incident.approval(event.approval)
    refused = may_approve(draft.incident, approval, draft.known, event, draft.now)
    if approval is not None and approval.state is not ApprovalState.OPEN:
        return AlreadyAnswered(refused or phrase("refused.approval_over"))
    if approval is not None and event.approve and has_signed(approval, event.by, event.by_upn):
        return AlreadyAnswered(phrase("refused.second_person"))
    if refused is not None or approval is None:
        draft.note(phrase("timeline.approval_refused", by=event.by_name))
        return Refused(refused or phrase("refused.unknown_approval"))
    action = draft.incident.action(approval.action)
    if action is None:
        return Refused(phrase("refused.unknown_approval"))
    if event.approve:
        mine = Signature(event.by, event.by_upn, event.by_name, draft.now, recorded_by)
        return _sign(draft, approval, action, mine)
    draft.put_approval(
        replace(
            approval, state=ApprovalState.DENIED, by=event.by, by_name=event.by_name, at=draft.now
        )
    )
    why = phrase("why.denied", by=event.by_name, action=containing.describe(action))
    draft.hand_over(why)
    draft.tell_analysts(f"denied:{approval.id}", why)
    return Accepted(phrase("thanks.decided"))


def _sign(draft: Draft, approval: Approval, action: ResponseAction, mine: Signature) -> Verdict:
    """One yes; the last that is needed orders it."""
    signed = (*still_signed(draft.incident, approval, draft.known), mine)
    says = containing.describe(action)
    draft.note(phrase("timeline.approved", by=mine.by_name, action=says))
    if len(signed) < approval.needs:
        draft.put_approval(replace(approval, signed=signed))
        return Accepted(phrase("thanks.second_needed"))
    draft.put_approval(
        replace(
            approval,
            state=ApprovalState.APPROVED,
            by=mine.by,
            by_name=", ".join(s.by_name for s in signed),
            at=draft.now,
            signed=signed,
        )
    )
    containing.order(draft, action, ByApproval(approval.id))
    return Accepted(phrase("thanks.decided"))


def _recommendation_answered(draft: Draft, event: RecommendationAnswered) -> Verdict:
    if not may_speak_for_customer(draft.incident, draft.customer, event.by_upn, event.by):
        return Refused(phrase("refused.not_contact"))
    if draft.incident.closed is None:
        return Refused(phrase("refused.not_closed"))
    if draft.incident.recommendation_accepted_by is not None:
        return AlreadyAnswered(phrase("thanks.already"))
    if event.accept:
        tasking.accept(draft, event.by_name)
        return Accepted(phrase("thanks.decided"))
    draft.set(recommendation_discussed_by=event.by_name)
    draft.note(phrase("timeline.recommendation_discuss", by=event.by_name))
    draft.tell_analysts("discuss", phrase("say.discuss", by=event.by_name))
    return Accepted(phrase("thanks.analyst_reads"))


def _task_answered(draft: Draft, event: TaskAnswered) -> Verdict:
    task = draft.incident.task(event.task)
    refused = tasking.why_not_answer(draft, task, event)
    if refused is not None or task is None:
        return Refused(refused or phrase("refused.task_over"))
    if tasking.is_known(task, event):
        return AlreadyAnswered(phrase("thanks.already"))
    tasking.answer(draft, task, event)
    discusses = event.answer is TaskAnswer.DISCUSS
    return Accepted(phrase("thanks.analyst_reads" if discusses else "thanks.decided"))


# --- people confirm who they are -------------------------------------------------------------------


def _attested(draft: Draft, event: Attested) -> Verdict:
    """The manager spoke with the person, or could not: then the next rung at once."""
    question = draft.incident.question(event.question)
    refused = may_attest(draft.incident, question, draft.known, event)
    if refused is not None or question is None:
        draft.note(phrase("timeline.wrong_person"))
        return Refused(refused or phrase("refused.unknown_question"))
    if event.choice is None:
        who = question.person.name
        draft.note(phrase("timeline.attested_nobody", by=event.by_name, person=who))
        ladder.step_failed(draft, event.by, "no_voice")
        return Accepted(phrase("thanks.received"))
    if all(a.id != event.choice for a in answers_in_person(question)):
        return Refused(phrase("refused.unknown_choice"))
    if event.choice in _last_choices(question):
        return AlreadyAnswered(phrase("thanks.already"))
    before = draft.incident
    asking.take_attestation(draft, question, event.choice, event.by, event.by_name)
    _correct(draft, question, before)
    return Accepted(phrase("thanks.received"))


def _verification_started(draft: Draft, event: VerificationStarted) -> Verdict:
    verification = draft.incident.verification(event.verification)
    if verification is None or not verifying.may_start(draft.incident, verification, draft.now):
        return Refused(phrase("refused.verification_over"))
    verifying.start(draft, verification)
    return Accepted()


def _signed_in(draft: Draft, event: SignedIn) -> Verdict:
    verification = draft.incident.verification(event.verification)
    if verification is None or verification.state is not VerificationState.STARTED:
        return Refused(phrase("refused.verification_over"))
    if draft.incident.is_over or draft.now >= verification.due:
        return Refused(phrase("refused.verification_over"))
    suspicion.taint(draft)
    state = verifying.judge(draft, verification, event)
    says = "thanks.confirmed" if state is VerificationState.PASSED else "thanks.not_confirmed"
    return Accepted(phrase(says))


def _sign_in_failed(draft: Draft, event: SignInFailed) -> Verdict:
    verification = draft.incident.verification(event.verification)
    if verification is None or verification.state is not VerificationState.STARTED:
        return Refused(phrase("refused.verification_over"))
    verifying.fail(draft, verification, event.why)
    return Accepted(phrase("thanks.not_confirmed"))


# --- analysts command ------------------------------------------------------------------------------


def _call_recorded(draft: Draft, event: CallRecorded) -> Verdict:
    question = draft.incident.question(event.question)
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if question is None or QUESTIONS[question.kind].answer(event.choice) is None:
        return Refused(phrase("refused.unknown_question"))
    standing = question.answer
    if (
        standing
        and standing.choice == event.choice
        and not asking.call_adds(draft, question, standing)
    ):
        return AlreadyAnswered(phrase("thanks.already"))
    before = draft.incident
    asking.take_call(draft, question, event.choice, event.by, event.by_name)
    if draft.incident.owner is None:
        draft.set(owner=event.by, owner_name=event.by_name)
        paging.taken(draft)
    _correct(draft, question, before)
    return Accepted(phrase("thanks.recorded"))


def _call_held(draft: Draft, event: CallHeld) -> Verdict:
    """It is recorded as it is, also where their account has come under suspicion since."""
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    person = calling.name_of(draft.incident, draft.customer, event.callee)
    if person is None:
        return Refused(phrase("refused.unknown_card"))
    outcome = phrase(f"call_outcome.{event.outcome}")
    draft.note(phrase("timeline.call_held", by=event.by_name, person=person, outcome=outcome))
    return Accepted(phrase("thanks.recorded"))


def _consent_recorded(draft: Draft, event: ConsentRecorded) -> Verdict:
    """It counts as if they had pressed it themselves: whoever may not decide there may not here."""
    approval = draft.incident.approval(event.approval)
    refused = may_take_down(draft.incident, approval, draft.known, event)
    if refused is not None:
        return Refused(refused)
    contact = draft.customer.contact(event.contact)
    vouched = calling.number_of(draft.customer, event.contact)
    if contact is None or vouched is None:
        return Refused(phrase("refused.no_number"))
    person = draft.known.facts.helpers.get(contact.upn.lower())
    if person is None or person.outside:
        return Refused(phrase("refused.contact_unknown"))
    said = ApprovalAnswered(
        event.approval, person.object_id, contact.upn, contact.name, event.approve
    )
    verdict = _approval_answered(draft, said, recorded_by=event.by)
    if isinstance(verdict, Accepted):
        draft.note(
            phrase(
                "timeline.consent_recorded",
                person=contact.name,
                number=vouched[0],
                source=vouched[1],
                by=event.by_name,
            )
        )
    return verdict


def _clearance_recorded(draft: Draft, event: ClearanceRecorded) -> Verdict:
    """Also after the case is closed: the account may wait for its owner to come in person."""
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    mark = suspicion.own_mark(draft.incident, event.person)
    if mark is None:
        return Refused(phrase("refused.not_suspect"))
    if mark.part(event.part) is not None:
        return AlreadyAnswered(phrase("thanks.already"))
    how = phrase("cleared.recorded", by=event.by_name, proof=event.proof)
    suspicion.record(draft, mark, Cleared(event.part, draft.now, how))
    return Accepted(phrase("thanks.decided"))


def _correct(draft: Draft, question: Question, before: Incident) -> None:
    """An answer that raises, after the end: back to work, here or where the case lives on."""
    if not before.is_over or _log_odds(draft, draft.incident) <= _log_odds(draft, before):
        return
    if draft.incident.merged is None:
        closing.reopen(draft, phrase("timeline.reopened_correction", person=question.person.name))
        return
    told = phrase(
        "why.answered_merged", person=question.person.name, name=draft.incident.merged.name
    )
    draft.note(told)
    draft.tell_analysts(f"late:{question.id}:{len(question.replies)}", told)


def _log_odds(draft: Draft, incident: Incident) -> float:
    return assess(incident, draft.customer, draft.now).log_odds


def _taken(draft: Draft, event: Taken) -> Verdict:
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.is_over:
        return AlreadyAnswered(over(draft.incident))
    before = draft.incident
    if before.owner == event.by:
        return AlreadyAnswered(phrase("thanks.yours_already"))
    draft.set(owner=event.by, owner_name=event.by_name)
    paging.taken(draft)
    draft.note(phrase("timeline.taken", by=event.by_name))
    if before.owner is None or before.owner_name is None:
        return Accepted(phrase("thanks.taken"))
    draft.tell_analysts(
        f"taken:{draft.now.isoformat()}",
        phrase("say.taken_over", by=event.by_name),
        mentions=((before.owner, before.owner_name),),
    )
    return Accepted(phrase("thanks.taken_over", owner=before.owner_name))


def _assigned(draft: Draft, event: Assigned) -> Verdict:
    """Whoever gets it must be one who could take it: on the roster, and not affected."""
    provider = draft.known.provider
    refused = may_command(draft.incident, provider, event.by)
    if refused is None and may_command(draft.incident, provider, event.to) is not None:
        refused = phrase("refused.assignee")
    if refused is not None:
        return Refused(refused)
    if draft.incident.is_over:
        return AlreadyAnswered(over(draft.incident))
    if draft.incident.owner == event.to:
        return AlreadyAnswered(phrase("thanks.theirs_already", to=event.to_name))
    draft.set(owner=event.to, owner_name=event.to_name)
    paging.taken(draft)
    draft.note(phrase("timeline.assigned", by=event.by_name, to=event.to_name))
    return Accepted(phrase("thanks.assigned", to=event.to_name))


def _escalated(draft: Draft, event: Escalated) -> Verdict:
    """The case is nobody's, and the pager rings until another analyst takes it."""
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.is_over:
        return AlreadyAnswered(over(draft.incident))
    why = phrase("why.escalated", by=event.by_name, why=event.why)
    draft.note(why)
    gave = dict.fromkeys((*draft.incident.escalated_by, event.by))
    draft.set(handed_over=why, owner=None, owner_name=None, escalated_by=tuple(gave))
    assigning.seek(draft)
    paging.ring_now(draft)
    return Accepted(phrase("thanks.escalated"))


def _noted(draft: Draft, event: Noted) -> Verdict:
    """Also after the end: what is learnt late is learnt. A button pressed twice notes once."""
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    noted = phrase("timeline.noted", by=event.by_name, text=event.text)
    if any(e.says == noted and draft.now - e.at <= AGAIN_WITHIN for e in draft.timeline):
        return AlreadyAnswered(phrase("thanks.already"))
    draft.note(noted)
    return Accepted(phrase("thanks.noted"))


def _close_ordered(draft: Draft, event: CloseOrdered) -> Verdict:
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.is_over:
        return AlreadyAnswered(over(draft.incident))
    proposal = _ordered_proposal(draft, event)
    if proposal is None:
        return Refused(phrase("refused.say_how"))
    closing.close(draft, proposal, event.by, event.by_name, event.comment)
    return Accepted(phrase("thanks.closed"))


def _ordered_proposal(draft: Draft, event: CloseOrdered) -> Proposal | None:
    if event.disposition is None:
        held = draft.incident.closing
        decision = draft.incident.decision
        return held.proposal if held else decision.proposal if decision else None
    book = books(draft.incident)[0]
    match event.disposition:
        case Disposition.TRUE_POSITIVE:
            return Proposal(event.disposition, book.determination, closing.recommendation(draft))
        case Disposition.EXPECTED:
            return Proposal(event.disposition, book.expected, None)
        case Disposition.FALSE_POSITIVE:
            return Proposal(event.disposition, "notMalicious", None)
        case Disposition.UNDECIDED:
            return Proposal(event.disposition, "other", None)


def _kept_open(draft: Draft, event: KeptOpen) -> Verdict:
    customer_may = may_speak_for_customer(draft.incident, draft.customer, event.by_upn, event.by)
    refused = None
    if not customer_may:
        refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.closing is None:
        return AlreadyAnswered(phrase("thanks.already"))
    draft.set(closing=None, kept_open=True)
    draft.note(phrase("timeline.kept_open", by=event.by_name))
    draft.hand_over(phrase("why.kept_open", by=event.by_name))
    return Accepted(phrase("thanks.decided"))


def _reopened(draft: Draft, event: Reopened) -> Verdict:
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.merged is not None:
        return Refused(over(draft.incident))
    if draft.incident.closed is None:
        return AlreadyAnswered(phrase("refused.not_closed"))
    closing.reopen(draft, phrase("timeline.reopened_by", by=event.by_name))
    draft.set(kept_open=True, owner=event.by, owner_name=event.by_name)
    return Accepted(phrase("thanks.reopened"))


def _contain_ordered(draft: Draft, event: ContainOrdered) -> Verdict:
    """An analyst may ask at any time; who may allow it stays the customer's rule."""
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.is_over:
        return Refused(over(draft.incident))
    action = draft.incident.action(event.action)
    if action is None:
        return Refused(phrase("refused.unknown_action"))
    if not containing.may_be_ordered(draft.incident, action):
        return AlreadyAnswered(phrase("refused.action_running"))
    says = containing.describe(action)
    draft.note(phrase("timeline.contain_asked", by=event.by_name, action=says))
    grave = replace(assess(draft.incident, draft.customer, draft.now), band=Band.CONTAIN)
    allowed = containing.entitlement(action, draft.incident, draft.customer, grave)
    if isinstance(allowed, ByRule) and not containing.was_denied(draft.incident, action):
        containing.order(draft, action, allowed)
        return Accepted(phrase("thanks.ordered", action=says))
    # nothing allows it by itself, or a person said no: a rule does not go over that
    containing.ask_approval(draft, action, event.by, event.by_name)
    return Accepted(phrase(_how_asked(draft, action), customer=draft.customer.name, action=says))


def _how_asked(draft: Draft, action: ResponseAction) -> str:
    for approval in draft.incident.approvals:
        if approval.action == action.id and approval.state is ApprovalState.OPEN:
            in_thread = approval.in_thread
            return "thanks.approval_asked" if in_thread else "thanks.approval_by_phone"
    return "thanks.nobody_to_approve"


def _ask_ordered(draft: Draft, event: AskOrdered) -> Verdict:
    refused = inquiry.may_ask(draft, event)
    person = inquiry.whom(draft, event)
    if refused is not None or person is None:
        return Refused(refused or phrase("refused.not_in_roster", person=event.person))
    question = inquiry.ask(draft, event, person)
    if question is None:
        return AlreadyAnswered(phrase("refused.asked_already", person=person.name))
    return Accepted(inquiry.thanks(question))


def _sent_to_customer(draft: Draft, event: SentToCustomer) -> Verdict:
    """What is internal crosses by this act alone; also after closing, for people ask."""
    provider = draft.known.provider
    refused = may_send(draft.incident, draft.customer, provider, event)
    if refused is not None:
        return Refused(refused)
    says = telling.from_provider(event.by_name, provider, event.text)
    if event.to is None:
        draft.note(phrase("timeline.sent_to_customer", by=event.by_name))
        draft.tell_customer(f"sent:{event.draft}", says)
        told = phrase(
            "say.sent_to_customer",
            by=event.by_name,
            customer=draft.customer.name,
            text=event.text,
        )
    else:
        person = dict(hearers(draft.incident, draft.customer))[event.to]
        draft.note(phrase("timeline.sent_to_person", by=event.by_name, person=person))
        draft.tell_person(event.to, f"sent:{event.draft}", says)
        told = phrase("say.sent_to_person", by=event.by_name, person=person, text=event.text)
    draft.tell_analysts(f"sent:{event.draft}", told)
    return Accepted(phrase("thanks.sent"))


def _task_given(draft: Draft, event: TaskGiven) -> Verdict:
    """Its words cross to the customer by this act: they were shown before (rule 11)."""
    refused = tasking.why_not_give(draft.incident, draft.known, event, draft.now)
    person = draft.known.facts.helpers.get(event.to.lower())
    if refused is not None or person is None:
        return Refused(refused or phrase("refused.task_no_contact"))
    tasking.give(draft, event, person)
    return Accepted(phrase("thanks.task_given", person=person.name))


def _task_withdrawn(draft: Draft, event: TaskWithdrawn) -> Verdict:
    refused = may_command(draft.incident, draft.known.provider, event.by)
    task = draft.incident.task(event.task)
    if refused is None and (task is None or task.state not in tasking.WITHDRAWABLE):
        refused = phrase("refused.task_over")
    if refused is not None or task is None:
        return Refused(refused or phrase("refused.task_over"))
    tasking.withdraw(draft, task, event.by_name)
    return Accepted(phrase("thanks.task_withdrawn", person=task.person.name))


def _undo_ordered(draft: Draft, event: UndoOrdered) -> Verdict:
    """Only what we did, and only by an analyst; what the source did is the source's to undo."""
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return Refused(refused)
    if draft.incident.merged is not None:
        return Refused(over(draft.incident))
    action = draft.incident.action(event.action)
    if action is None or not containing.may_have_been_done(action):
        return Refused(phrase("refused.unknown_action"))
    if not containing.is_reversible(action):
        return Refused(phrase("refused.irreversible"))
    draft.put_action(replace(action, state=ActionState.UNDOING, at=draft.now, why=None))
    says = containing.describe(action)
    draft.note(phrase("timeline.undo_asked", by=event.by_name, action=says))
    draft.contain(action, undo=True)
    return Accepted(phrase("thanks.undo_ordered", action=says))


# --- two cases become one ---------------------------------------------------------------------------


def _merged_into(draft: Draft, event: MergedInto) -> Verdict:
    refused = merging.may_merge(draft, event)
    if refused is not None:
        return Refused(refused)
    if draft.incident.is_over:
        return AlreadyAnswered(over(draft.incident))
    merging.merge(draft, event)
    return Accepted(phrase("thanks.merged", name=event.name))


def _absorbed(draft: Draft, event: Absorbed) -> Verdict:
    """What was open there is open here: a case that is closed goes back to work for it, and for what
    comes to light there later where that raises, or is work. Whoever only wants to speak to us is
    an analyst's, and reopens nothing."""
    before = draft.incident
    if before.merged is not None:
        return Refused(phrase("refused.closed"))
    merging.absorb(draft, event)
    if before.closed is not None and (not event.later or merging.is_work(draft, before)):
        closing.reopen(draft, phrase("timeline.reopened_evidence"))
    merging.hear_wishes(draft, event)
    return Accepted()


# --- the world answers -----------------------------------------------------------------------------


def _woke(draft: Draft, event: Woke) -> Verdict:
    """A deadline: harmless where the state has moved on."""
    what, _, which = event.name.partition(":")
    match what:
        case "taint":
            pass  # settling looks at every suspicion, here and elsewhere
        case "readers":
            _read_by(draft, draft.known.facts.readers)
        case "question":
            ladder.due(draft, which)
        case "remind":
            ladder.remind(draft, which)
        case "send":
            asking.send_held(draft, which)
        case "rung":
            ladder.step_due(draft, which)
        case "call":
            calling.overdue(draft, which)
        case "approval":
            _approval_due(draft, which)
        case "close":
            _hold_over(draft)
        case "verify":
            verifying.overdue(draft, which)
        case tasking.WAKE:
            tasking.woke(draft, which)
        case "clock":
            pass  # settling looks at every clock
        case assigning.HANDOVER:
            assigning.leave(draft, which)
        case assigning.UNTOLD:
            assigning.untold(draft, which)
        case assigning.ASSIGN | assigning.TAKEN:
            pass  # whose the case is, is looked at once all else is settled
        case _:
            raise ValueError(f"nothing is called {event.name}")
    return Accepted()


def _read_by(draft: Draft, readers: frozenset[str]) -> None:
    """Who of the people involved reads the thread, since they joined or left the team."""

    def seen(of: _OfSomebody) -> _OfSomebody:
        if of.person is None:
            return of
        return replace(of, person=replace(of.person, reads_thread=of.person.object_id in readers))

    incident = draft.incident
    draft.set(
        affected=tuple(map(seen, incident.affected)),
        joined=tuple(map(seen, incident.joined)),
        questions=tuple(map(seen, incident.questions)),
        heard=tuple(map(seen, incident.heard)),
        tasks=tuple(map(seen, incident.tasks)),
    )


_OfSomebody = TypeVar("_OfSomebody", Affected, Question, Task)


def _approval_due(draft: Draft, approval_id: str) -> None:
    approval = draft.incident.approval(approval_id)
    if approval is None or approval.state is not ApprovalState.OPEN or approval.due > draft.now:
        return
    draft.put_approval(replace(approval, state=ApprovalState.EXPIRED, at=draft.now))
    action = draft.incident.action(approval.action)
    if action is None:
        return
    says = containing.describe(action)
    draft.note(phrase("timeline.approval_expired", action=says))
    if _silence_acts(draft, approval, action):
        containing.order(draft, action, ByRule(approval.rule))
        return
    draft.hand_over(phrase("why.approval_expired", action=says))
    draft.tell_analysts(f"expired:{approval_id}", phrase("why.approval_expired", action=says))


def _silence_acts(draft: Draft, approval: Approval, action: ResponseAction) -> bool:
    """Nobody answered an approval that could be seen, and today's rule says to act then.

    - the rule said so when it was asked, and says so now
    - the card was shown, and the thread is not one that hides it
    - nobody has said no to it before
    - the score still asks for the action
    """
    return (
        approval.acts_on_silence
        and not containing.was_denied(draft.incident, action)
        and containing.acts_on_silence(action, draft.incident, draft.customer)
        and approval.id not in draft.known.facts.unseen
        and not is_thread_guarded(draft.incident, draft.customer)
        and containing.is_still_wanted(draft, action)
    )


def _hold_over(draft: Draft) -> None:
    """Nothing may have come to light meanwhile, here or in another incident."""
    if not draft.incident.is_over:
        suspicion.taint(draft)
        _weigh(draft)
        closing.consider(draft)
    held = draft.incident.closing
    if held is not None and held.until <= draft.now:
        closing.close(draft, held.proposal, None, None, None)


def _action_done(draft: Draft, event: ActionDone) -> Verdict:
    action = draft.incident.action(event.action)
    if action is None:
        return Refused(phrase("refused.unknown_action"))
    if action.state is not (ActionState.UNDOING if event.undone else ActionState.ORDERED):
        return AlreadyAnswered(phrase("refused.no_longer_ordered"))
    state = ActionState.UNDONE if event.undone else ActionState.DONE
    if event.undone and action.kind is ActionKind.ISOLATE_DEVICE:
        containing.tell_people(draft, f"released:{action.id}", "notice.released", action)
    draft.put_action(replace(action, state=state, at=draft.now, rehearsed=event.rehearsed))
    key = "timeline.undone" if event.undone else "timeline.done"
    draft.note(phrase(key, action=containing.describe(action)))
    if not event.undone:
        noticing.notify(draft, action)
    return Accepted()


def _action_failed(draft: Draft, event: ActionFailed) -> Verdict:
    """A failed automation ends with a person who knows. What could not be undone stays done."""
    action = draft.incident.action(event.action)
    if action is None:
        return Refused(phrase("refused.unknown_action"))
    match action.state:
        case ActionState.UNDOING:
            state = ActionState.DONE
        case ActionState.ORDERED:
            state = ActionState.REFUSED if event.refused else ActionState.FAILED
        case _:
            return AlreadyAnswered(phrase("refused.no_longer_ordered"))
    draft.put_action(
        replace(
            action,
            state=state,
            at=draft.now,
            why=event.why,
            maybe_done=event.maybe_done,
            permission=event.permission,
        )
    )
    reason = phrase(event.why) if event.refused else event.why  # a refusal names its sentence
    which = "why.action_maybe_done" if event.maybe_done else "why.action_failed"
    why = phrase(which, action=containing.describe(action), why=reason)
    draft.hand_over(why)
    draft.tell_analysts(f"failed:{action.id}:{draft.now.isoformat()}", why)
    return Accepted()


def _source_written(draft: Draft, event: SourceWritten) -> Verdict:
    draft.note(
        phrase(
            "timeline.source_rehearsed" if event.rehearsed else "timeline.source_written",
            source=phrase(f"label.source.{event.source}"),
            status=phrase(f"label.source_status.{event.status}"),
            disposition=phrase(f"disposition.{event.disposition}"),
        )
    )
    return Accepted()


def _undelivered(draft: Draft, event: Undelivered) -> Verdict:
    if event.person is not None:
        asking.unreachable(draft, event.person, event.why)
        tasking.unreachable(draft, event.person, event.why)
        clocks.nobody_was_reached(draft)
        return Accepted()
    if event.place == ANALYST_THREAD:
        # Noting it would change the very card that cannot be shown, and order it again for ever.
        paging.nobody_took_it(draft)
        return Accepted()
    place = event.place.partition(":")[0]
    why = phrase("why.undelivered", place=place, why=event.why)
    draft.hand_over(why)
    draft.tell_analysts(f"undelivered:{event.place}", why)
    return Accepted()


def _found_away(draft: Draft, event: FoundAway) -> Verdict:
    """A case that is over asks nobody any more."""
    if draft.incident.is_over:
        return AlreadyAnswered(phrase("absence.too_late"))
    asking.away(draft, event.absence)
    return Accepted()


def _not_permitted(draft: Draft, event: NotPermitted) -> Verdict:
    """The case goes on without it; the analysts' card says how it is granted."""
    if event.permissions == draft.incident.lacks:
        return AlreadyAnswered(phrase("thanks.already"))
    draft.set(lacks=event.permissions)
    return Accepted()


def _not_paged(draft: Draft, event: NotPaged) -> Verdict:
    """A failed automation ends with a person who knows: who reads the thread, and whoever has the
    case. An alarm that rings on is a nuisance, and no reason to look at the case."""
    rings = event.does is PageAction.TRIGGER
    why = phrase("why.not_rung" if rings else "timeline.alarm_goes_on")
    if rings and not draft.incident.is_over:
        draft.hand_over(why)
    else:
        draft.note(why)
    draft.tell_analysts(f"not_paged:{event.does}:{event.alarm}", why)
    return Accepted()


# --- what follows ----------------------------------------------------------------------------------


def _settle(draft: Draft) -> None:
    """Weigh it anew, and let everything that follows, follow. Doing it twice changes nothing."""
    if draft.incident.is_over:
        suspicion.clear(draft)
    else:
        suspicion.taint(draft)
        containing.propose(draft)
        suspicion.clear(draft)
        suspicion.taint(draft)  # what is lifted here may be lent by another case
        decision = _weigh(draft)
        asking.ask(draft)
        asking.call_instead(draft)
        containing.show_approvals(draft)
        containing.contain(draft, decision)
        closing.consider(draft)
        telling.tell(draft)
        _tell_another_way(draft)
        closing.leave_to_analyst(draft)
    verifying.settle(draft)
    clocks.settle(draft)


def _tell_another_way(draft: Draft) -> None:
    """The thread tells nothing while somebody suspect reads it: an analyst phones the customer's
    contact, on the number that the profile vouches for. A new case's own card says so."""
    if not draft.incident.threaded or not is_hidden(draft.incident, draft.customer):
        return
    by_phone = calling.reachable_by_phone(draft.incident, draft.customer)
    if not by_phone:
        draft.hand_over_once(phrase("why.nobody_to_tell"))
        return
    why = phrase("why.tell_by_phone", person=by_phone[0].name)
    is_new = draft.incident.status is Status.RECEIVED
    if not is_new and why not in draft.incident.handed_reasons:
        draft.tell_analysts(f"tell:{by_phone[0].upn}", why)
    draft.hand_over_once(why)


def _weigh(draft: Draft) -> Decision:
    decision = assess(draft.incident, draft.customer, draft.now)
    stands = draft.incident.decision
    if stands is not None and stands == replace(decision, at=stands.at, proposal=stands.proposal):
        decision = replace(decision, at=stands.at)  # what is decided again is nothing new
    draft.set(decision=decision)
    if decision.band in (Band.CONTAIN, Band.ESCALATE) and draft.incident.handed_over is None:
        draft.hand_over(phrase(f"why.band_{decision.band}"))
    return decision


def _status(incident: Incident) -> Status:
    """The state, derived from the small machines inside (README.md draws it)."""
    if incident.merged is not None:
        return Status.MERGED
    if incident.closed is not None:
        return Status.RESOLVED
    if incident.closing is not None:
        return Status.CLOSING
    if any(a.state in (ActionState.ORDERED, ActionState.UNDOING) for a in incident.actions):
        return Status.CONTAINING
    if closing.something_is_open(incident):
        return Status.WAITING
    if closing.is_contained(incident):
        return Status.CONTAINED
    return Status.REOPENED if incident.reopened else Status.TRIAGING

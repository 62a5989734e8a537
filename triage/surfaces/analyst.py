"""The root card of a case in the analysts' thread."""

import re
from datetime import datetime, timedelta

from triage import assigning, authority, calling
from triage.assess import what_ifs
from triage.containing import describe, is_reversible, may_be_ordered, may_have_been_done
from triage.context import context
from triage.customer import Customer
from triage.incident import (
    ActionState,
    ApprovalState,
    Assurance,
    Band,
    CallTask,
    Clearance,
    Held,
    Incident,
    Open,
    Party,
    Question,
    QuestionKind,
    Taint,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import QUESTIONS, books
from triage.priority import priority
from triage.report import Source
from triage.surfaces.task import tasks_of
from triage.surfaces.threads import (
    MOST_SEEN,
    already_done,
    goes_on,
    headline,
    machines_left_out,
    more_alerts,
    outcome,
    shown_action,
    shown_clocks,
    visible,
)
from triage.suspicion import RUNS_OUT
from triage.taps import taps, waited
from triage.verdicts import technical
from triage.views import (
    AnalystCall,
    AnalystQuestion,
    AnalystThread,
    Button,
    Choice,
    Containable,
    PhoneConsent,
    ProposalView,
    Suspicion,
    WhatIf,
)


def analyst_thread(incident: Incident, customer: Customer) -> AnalystThread:
    decision = incident.decision
    if decision is None:
        raise ValueError(f"{incident.name} was never weighed")
    next_action, due = _next(incident)
    unknown = _unknown_people(incident)
    return AnalystThread(
        name=incident.name,
        customer=customer.name,
        code=incident.code,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        priority=priority(incident, customer, decision),
        probability=decision.probability,
        band=decision.band,
        reasons=decision.reasons,
        next_action=next_action,
        due=due,
        headline=headline(incident),
        clocks=shown_clocks(incident, customer, plain=False),
        evidence=_evidence(incident),
        facts=(
            *_held_back(customer),
            *_stopped(customer),
            *_why_a_person(incident),
            *_by_hand(incident),
            *machines_left_out(incident),
            *unknown[:MOST_SEEN],
            *already_done(incident),
            *unknown[MOST_SEEN:],
        ),
        context=context(incident, customer),
        questions=tuple(_analyst_question(incident, customer, q) for q in incident.questions),
        calls=tuple(_analyst_call(incident, c) for c in incident.calls if c.done_at is None),
        suspicions=_suspicions(incident),
        by_phone=_by_phone(incident, customer),
        consents=_consents(incident, customer),
        actions=tuple(map(shown_action, visible(incident.actions))),
        tasks=tasks_of(incident),
        containable=_containable(incident),
        proposal=_proposal_view(incident),
        owner=incident.owner_name,
        assigned=assigning.reason(incident),
        portal=_portal(incident),
        timeline=tuple((e.at, e.says) for e in incident.timeline[-10:]),
        outcome=(*outcome(incident, technical), *_comment(incident), steps(incident, customer))
        if incident.closed
        else (),
        callees=calling.callees(incident, customer),
        buttons=_analyst_buttons(incident, customer),
        hearers=authority.hearers(incident, customer),
    )


def _held_back(customer: Customer) -> tuple[Phrase, ...]:
    """That less reaches people than stands here: shadow mode, or a pilot group."""
    if customer.shadow:
        return (phrase("known.shadow"),)
    return (phrase("known.pilot", count=len(customer.pilot)),) if customer.pilot else ()


def _stopped(customer: Customer) -> tuple[Phrase, ...]:
    """That no response action is carried out at present, by whom and why."""
    stop = customer.stopped
    if stop is None:
        return ()
    if stop.everywhere:
        return (phrase("known.stopped_everywhere", by=stop.by, at=stop.at, why=stop.why),)
    key = "known.breaker" if stop.by is None else "known.stopped"
    return (phrase(key, by=stop.by, at=stop.at, why=stop.why, id=customer.id),)


def _next(incident: Incident) -> tuple[Phrase, datetime | None]:
    """The one thing to do now, in order of what cannot wait, and until when."""
    if incident.is_over:
        return goes_on(incident) or phrase("next.nothing"), None
    for action in incident.actions:
        if action.state in (ActionState.FAILED, ActionState.REFUSED):
            return phrase("next.action_failed", action=describe(action)), None
    calls = [c for c in incident.calls if c.done_at is None]
    if calls:
        first = min(calls, key=lambda c: c.due)
        return phrase("next.call", person=first.person.name), first.due
    approvals = [a for a in incident.approvals if a.state is ApprovalState.OPEN]
    if approvals:
        return phrase("next.approval"), min(a.due for a in approvals)
    for question in incident.questions:
        if isinstance(question.state, Open):
            return phrase("next.answer", person=question.person.name), question.state.due
    return _next_of_people(incident)


def _next_of_people(incident: Incident) -> tuple[Phrase, datetime | None]:
    denied = [a for a in incident.approvals if a.state is ApprovalState.DENIED]
    action = incident.action(denied[-1].action) if denied else None
    if action is not None and action.state is ActionState.PROPOSED:
        return phrase("next.denied", action=describe(action)), None
    if incident.closing is not None:
        return phrase("next.closing"), incident.closing.until
    if waits := [t for t in incident.open_tasks if not t.overdue]:
        return phrase("next.task", person=waits[0].person.name, what=waits[0].what), waits[0].due
    if incident.decision and incident.decision.proposal:
        return phrase("next.close"), None
    return phrase("next.look" if incident.owner else "next.take"), None


def _evidence(incident: Incident) -> tuple[Phrase, ...]:
    """What was seen, as the sources tell it; the portal has the rest."""
    lines = [
        phrase("seen.alert", title=n.title, product=n.product, at=n.at or incident.received)
        for n in incident.alerts[-MOST_SEEN:]
    ]
    lines += more_alerts(incident)
    lines += [
        phrase("seen.file", name=f.name, hash=f.sha256 or f.sha1)
        for f in incident.files[:MOST_SEEN]
    ]
    lines += [
        phrase("seen.process", name=p.name, parent=p.parent, command=p.command_line)
        for p in incident.processes[-MOST_SEEN:]
    ]
    lines += [
        phrase("seen.sign_in", at=s.at, app=s.app, device=s.device, ip=s.ip, country=s.country)
        for s in incident.sign_ins[-MOST_SEEN:]
    ]
    return tuple(lines)


def steps(incident: Incident, customer: Customer) -> Phrase:
    """What the case cost, by role."""
    spent = incident.steps
    return phrase(
        "outcome.steps",
        customer=customer.name,
        person_taps=taps(spent, Party.PERSON),
        customer_taps=taps(spent, Party.CUSTOMER),
        analyst_taps=taps(spent, Party.ANALYST),
        person_minutes=_minutes(waited(spent, Party.PERSON)),
        customer_minutes=_minutes(waited(spent, Party.CUSTOMER)),
        analyst_minutes=_minutes(waited(spent, Party.ANALYST)),
        machine_minutes=_minutes(waited(spent, Party.MACHINE)),
    )


def _minutes(waited_for: timedelta) -> int:
    return round(waited_for / timedelta(minutes=1))


def _comment(incident: Incident) -> tuple[Phrase, ...]:
    closed = incident.closed
    return (phrase("outcome.comment", text=closed.comment),) if closed and closed.comment else ()


def _why_a_person(incident: Incident) -> tuple[Phrase, ...]:
    """Why it was handed over; that the score asks for it stands on the card already."""
    why = incident.handed_over
    told = why is None or incident.is_over or why.key.startswith("why.band_")
    return () if told or why is None else (why,)


def _by_hand(incident: Incident) -> tuple[Phrase, ...]:
    """First steps that nobody may automate, while the case is grave enough for them."""
    grave = incident.decision is not None and incident.decision.band in (
        Band.CONTAIN,
        Band.ESCALATE,
    )
    steps = [book.by_hand for book in books(incident)]
    return tuple(phrase(step) for step in steps if step) if grave and not incident.is_over else ()


def _unknown_people(incident: Incident) -> tuple[Phrase, ...]:
    return tuple(
        phrase(f"why.person_{a.why_not}", account=a.account.label)
        for a in incident.affected
        if a.why_not
    )


def _analyst_question(
    incident: Incident, customer: Customer, question: Question
) -> AnalystQuestion:
    reply = question.answer
    answer = QUESTIONS[question.kind].answer(reply.choice or "") if reply else None
    said = answer.says(question.kind) if answer else None
    return AnalystQuestion(
        id=question.id,
        asks=question.named,
        person=question.person.name,
        state=phrase(f"question.{question.state.state}", answer=said, due=_due_of(question)),
        checked=(*_heard_by(question), *_signed_in(incident, question)),
        what_ifs=_what_ifs(incident, customer, question),
    )


def _heard_by(question: Question) -> tuple[Phrase, ...]:
    """How well we know who gave the answer that stands."""
    reply = question.answer
    if reply is None:
        return ()
    if reply.attester is not None:
        return (phrase("level.attested", by=reply.attester, at=reply.at),)
    if reply.assurance is not Assurance.L3 or reply.number is None:
        by_phone = reply.recorded_by is not None and reply.assurance is Assurance.L0
        return (phrase("level.unvouched" if by_phone else f"level.{reply.assurance}"),)
    return (phrase("level.called", number=reply.number, source=reply.number_source),)


def _signed_in(incident: Incident, question: Question) -> tuple[Phrase, ...]:
    return tuple(
        phrase(
            f"verification.{v.state}",
            at=v.signed_in_at or v.at,
            methods=", ".join(v.methods),
            why=v.why,
        )
        for v in incident.verifications
        if v.question == question.id
    )


def _due_of(question: Question) -> datetime | None:
    match question.state:
        case Open(due):
            return due
        case Held(until):
            return until
        case _:
            return None


def _what_ifs(incident: Incident, customer: Customer, question: Question) -> tuple[WhatIf, ...]:
    decision = incident.decision
    if decision is None or question.state.state != "open" or question.kind is QuestionKind.FREE:
        return ()
    return tuple(
        WhatIf(
            choice=supposed.answer.says(question.kind),
            probability=supposed.probability,
            band=supposed.band,
        )
        for supposed in what_ifs(incident, customer, decision.at, question)
    )


def _analyst_call(incident: Incident, task: CallTask) -> AnalystCall:
    question = incident.question(task.question)
    kind = question.kind if question else QuestionKind.SIGN_IN_MINE
    return AnalystCall(
        question=task.question,
        person=task.person.name,
        number=task.number,
        number_source=task.number_source,
        script=phrase(f"script.{kind}", person=task.person.given_name),
        due=task.due,
        choices=tuple(Choice(a.id, a.says(kind)) for a in QUESTIONS[kind].answers if not a.call),
    )


def _by_phone(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """The first of the customer's contacts who may be told, and where the number comes from."""
    if incident.is_over or not authority.is_hidden(incident, customer):
        return ()
    for contact in calling.reachable_by_phone(incident, customer):
        number, source = calling.number_of(customer, contact.upn) or ("", "")
        return (phrase("seen.tell_by_phone", person=contact.name, number=number, source=source),)
    return (phrase("why.nobody_to_tell"),)


def _consents(incident: Incident, customer: Customer) -> tuple[PhoneConsent, ...]:
    """What the customer decides by phone, because its thread cannot ask."""
    if incident.is_over or not authority.is_hidden(incident, customer):
        return ()
    found = []
    for approval in incident.approvals:
        action = incident.action(approval.action)
        if approval.state is not ApprovalState.OPEN or action is None:
            continue
        rule = authority.rule_of(action, incident, customer)
        signed = {s.by_upn.lower() for s in approval.signed}
        for contact in calling.reachable_by_phone(incident, customer, rule):
            vouched = calling.number_of(customer, contact.upn)
            if vouched is not None and contact.upn.lower() not in signed:
                found.append(
                    PhoneConsent(
                        approval=approval.id,
                        asks=describe(action),
                        upn=contact.upn,
                        name=contact.name,
                        number=vouched[0],
                        number_source=vouched[1],
                    )
                )
    return tuple(found)


def _suspicions(incident: Incident) -> tuple[Suspicion, ...]:
    """Of a case that was merged, the other one tells."""
    if incident.merged is not None:
        return ()
    return tuple(_suspicion(t) for t in incident.taints if t.lifted_at is None)


def _suspicion(mark: Taint) -> Suspicion:
    """What another case lends is settled there."""
    since = phrase("suspicion.since", since=mark.since, why=mark.why)
    parts = () if mark.is_lent else tuple(Clearance)
    missing = tuple(part for part in parts if mark.part(part) is None)
    revoked = mark.part(Clearance.REVOKED)
    ends = (
        () if missing or revoked is None else (phrase("suspicion.ends", at=revoked.at + RUNS_OUT),)
    )
    return Suspicion(
        person=mark.object_id,
        name=mark.name,
        says=(since, *(_part(mark, part) for part in parts), *ends),
        missing=missing,
    )


def _part(mark: Taint, part: Clearance) -> Phrase:
    done = mark.part(part)
    named = phrase(f"clearance.{part}")
    if done is None:
        return phrase("suspicion.missing", part=named)
    return phrase("suspicion.done", part=named, at=done.at, how=done.how)


def _containable(incident: Incident) -> tuple[Containable, ...]:
    orderable = [a for a in incident.actions if may_be_ordered(incident, a)]
    undoable = [a for a in incident.actions if may_have_been_done(a) and is_reversible(a)]
    return (
        *(
            Containable(action=a.id, says=describe(a), undo=False)
            for a in orderable
            if not incident.is_over
        ),
        *(
            Containable(action=a.id, says=describe(a), undo=True)
            for a in undoable
            if not incident.merged
        ),
    )


def _proposal_view(incident: Incident) -> ProposalView | None:
    if incident.is_over:
        return None
    held = incident.closing
    decision = incident.decision
    proposal = held.proposal if held else decision.proposal if decision else None
    if proposal is None:
        return None
    return ProposalView(
        disposition=proposal.disposition,
        determination=proposal.determination,
        recommendation=proposal.recommendation,
        closes_at=held.until if held else None,
    )


_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _portal(incident: Incident) -> tuple[str, str] | None:
    """Ids for a link into the Defender portal, only when they are what they should be."""
    for ref in incident.refs:
        tenant = ref.tenant_id or ""
        if ref.source is Source.DEFENDER and ref.source_id.isdigit() and _GUID.fullmatch(tenant):
            return (tenant, ref.source_id)
    return None


def _analyst_buttons(incident: Incident, customer: Customer) -> tuple[Button, ...]:
    if incident.merged is not None:
        return ()
    hears = incident.threaded and not customer.shadow
    hears = hears and not authority.is_thread_guarded(incident, customer)
    sends = (Button.DRAFT,) if hears or authority.hearers(incident, customer) else ()
    if incident.closed is not None:
        return (Button.REOPEN, *sends, Button.COMMAND)
    buttons = [] if incident.owner else [Button.TAKE]
    if _proposal_view(incident) is not None:
        buttons.append(Button.CLOSE)
    if incident.closing is not None:
        buttons.append(Button.KEEP_OPEN)
    return (*buttons, Button.CLOSE_AS, *sends, Button.COMMAND)

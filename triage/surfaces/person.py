"""The card of somebody who is asked, and of whoever is asked to reach them."""

from dataclasses import replace
from typing import Literal

from triage import talking
from triage.actions import ActionKind, TargetKind
from triage.customer import Customer
from triage.incident import (
    ActionState,
    Assurance,
    Incident,
    Person,
    Question,
    QuestionKind,
    Reply,
    Route,
    Standing,
    Step,
)
from triage.ladder import asks, may_know
from triage.phrases import Phrase, phrase
from triage.playbooks import CALL_ME, FOLLOW_UPS, answers_in_person, offered
from triage.verdicts import told
from triage.verifying import is_offered
from triage.views import Choice, ManagerCard, PersonCard


def asked_in_teams(incident: Incident) -> tuple[Person, ...]:
    asked = {
        q.person.object_id: q.person
        for q in incident.questions
        if q.route is not Route.PHONE and q.was_sent and not q.person.outside
    }
    return tuple(asked.values())


def person_card(
    incident: Incident, customer: Customer, person: Person, *, changing: str | None = None
) -> PersonCard:
    """The person's card; `changing` is the id of an answered question that is asked again.

    An account that was only ever asked neutrally learns nothing from it. One that is suspect reads
    what everybody suspect reads: it depends on nothing but what was said through it since.
    """
    if incident.is_tainted(person.object_id):
        return _guarded_card(incident, customer, person)
    questions = [
        q
        for q in incident.questions
        if q.person.object_id == person.object_id and q.route is not Route.PHONE
    ]
    asked = sorted(filter(_waits_for, questions), key=lambda q: q.state.state != "open")
    answered = [q for q in questions if q.answer is not None]
    again = next((q for q in answered if q.id == changing), None)
    guarded = any(q.route is Route.NEUTRAL for q in questions)
    question = again or (asked[0] if asked else None)
    offered_sign_in = _sign_in_for(incident, question)
    stage = _stage(incident, question, guarded=guarded, changing=again is not None)
    heard = stage in ("thanks", "over") or (stage == "asking" and bool(answered) and not again)
    talks = heard and not guarded and talking.is_begun(incident, person)
    return PersonCard(
        person=person.object_id,
        given_name=person.given_name,
        language=person.language,
        zone=person.zone,
        sender=customer.name,
        code=incident.code,
        service_desk=customer.service_desk.phone if customer.service_desk else None,
        stage=stage,
        says=(
            *_card_says(
                incident, person, question, stage, guarded=guarded, sign_in=bool(offered_sign_in)
            ),
            *((phrase("card.talking"),) if talks else ()),
        ),
        question=question.id if question and stage in ("asking", "neutral") else None,
        kind=question.kind if question and stage == "asking" else None,
        choices=_choices(question, stage),
        change=None if guarded or incident.merged else _changeable(answered, again),
        changing=again is not None,
        verification=offered_sign_in,
        talk=heard and not guarded and talking.may_begin(incident, customer, person),
    )


def _sign_in_for(incident: Incident, question: Question | None) -> str | None:
    """What the card leads to, as long as it may be begun."""
    if question is None or question.route is not Route.NEUTRAL:
        return None
    usable = (
        v.id
        for v in incident.verifications
        if v.question == question.id and is_offered(incident, v)
    )
    return next(usable, None)


def _guarded_card(incident: Incident, customer: Customer, person: Person) -> PersonCard:
    """For Bob, if it is still he: he is not waited for, and may be called. For an intruder: neither
    what was seen, nor what is asked, done or planned."""
    since = max(t.since for t in incident.taints if t.object_id == person.object_id)
    heard = any(r.at >= since for r in _replies_of(incident, person) if _is_from_chat(r))
    return PersonCard(
        person=person.object_id,
        given_name=person.given_name,
        language=person.language,
        zone=person.zone,
        sender=customer.name,
        code=incident.code,
        service_desk=customer.service_desk.phone if customer.service_desk else None,
        stage="guarded",
        says=(*((phrase("thanks.received"),) if heard else ()), phrase("card.guarded")),
        choices=(Choice(CALL_ME.id, phrase("choice.guarded.call_me")),),
    )


def _is_from_chat(reply: Reply) -> bool:
    """Not by voice, to an analyst or a manager, nor after a fresh sign-in: of those the chat knows
    nothing."""
    by_voice = reply.recorded_by or reply.attested_by
    return not by_voice and reply.assurance is Assurance.L0


def _replies_of(incident: Incident, person: Person) -> list[Reply]:
    return [
        r for q in incident.questions if q.person.object_id == person.object_id for r in q.replies
    ]


def _changeable(answered: list[Question], again: Question | None) -> str | None:
    """The last answer; while one is being changed, the one before it: step by step back."""
    earlier = answered[: answered.index(again)] if again else answered
    return earlier[-1].id if earlier else None


def _waits_for(question: Question) -> bool:
    """Open, or its time is over without an answer: a late one still tells something."""
    return question.answer is None and question.state.state in ("open", "silent", "unreachable")


Stage = Literal["asking", "thanks", "neutral", "over"]


def _stage(
    incident: Incident, question: Question | None, *, guarded: bool, changing: bool
) -> Stage:
    if question is not None and question.route is Route.NEUTRAL:
        return "neutral"
    if question is not None and not guarded and (changing or not incident.is_over):
        return "asking"
    return "over" if incident.is_over and not guarded else "thanks"


def _card_says(
    incident: Incident,
    person: Person,
    question: Question | None,
    stage: Stage,
    *,
    guarded: bool,
    sign_in: bool,
) -> tuple[Phrase, ...]:
    match stage:
        case "neutral":
            return (phrase("card.neutral_sign_in" if sign_in else "card.neutral"),)
        case "asking" if question is not None:
            return (*_call_promised(incident, question), *_asks(incident, question))
        case "over" if not incident.affects(person.object_id, person.upn):
            return (phrase("thanks.received"),)
        case "over" if incident.closed is not None:
            return (
                told(incident.closed, answered=incident.has_replied(person.object_id)),
                *_still_offline(incident),
                phrase("over.remembered_more"),
            )
        case "over" if incident.merged is not None:
            return (phrase("over.merged"),)
        case _ if guarded:
            return (phrase("thanks.received"),)
        case _:
            return (_thanks(incident, person), *_notices(incident, person))


def _thanks(incident: Incident, person: Person) -> Phrase:
    """What became of this person's last word."""
    replies = _replies_of(incident, person)
    read = bool(replies) and max(replies, key=lambda r: r.at).standing is Standing.FOR_ANALYST
    return phrase("thanks.analyst_reads" if read else "thanks.counted")


def _call_promised(incident: Incident, question: Question) -> tuple[Phrase, ...]:
    """Whoever asked to be called reads that they will be, and until when."""
    wished = any(r.choice == CALL_ME.id for r in question.replies)
    calls = [c for c in incident.calls if c.question == question.id and c.done_at is None]
    return (phrase("thanks.call", at=calls[0].due),) if wished and calls else ()


def _still_offline(incident: Incident) -> tuple[Phrase, ...]:
    return tuple(
        phrase("notice.still_isolated", target=a.target.label)
        for a in incident.actions
        if a.kind is ActionKind.ISOLATE_DEVICE and a.state is ActionState.DONE
    )


def _asks(incident: Incident, question: Question) -> tuple[Phrase, ...]:
    """What happened, and what is asked; a follow-up goes straight to the point."""
    if question.kind is QuestionKind.FREE:
        asked = phrase("ask.in_words", words=question.words)
        return (phrase("happened.in_words"), asked, phrase("card.write_answer"))
    ask = phrase(f"ask.{question.kind}")
    if question.kind in FOLLOW_UPS:
        return (phrase("thanks.short"), ask)
    return (happened(incident, question), ask)


def happened(incident: Incident, question: Question) -> Phrase:
    """In Bob's words: what happened where and when, on his machine; the clock is his as well."""
    person = question.person.object_id
    theirs = [a for a in incident.affected if a.person and a.person.object_id == person]
    files = [a.file for a in theirs if a.file] or [f.name for f in incident.files]
    devices = [a.device for a in theirs if a.device] or [d.name for d in incident.devices]
    return phrase(
        f"happened.{question.kind}",
        file=files[0] if files else phrase("label.a_file"),
        device=devices[0] if devices else phrase("label.your_device"),
        subject=next((m.subject for m in incident.messages if m.subject), None)
        or phrase("label.an_email"),
        at=incident.first_activity or incident.received,
    )


def asked_after_sign_in(incident: Incident, question: Question) -> tuple[Phrase, ...]:
    """What happened and what is asked, on the page that a fresh sign-in opens. Time, app and device
    of a sign-in, never place or address (triage.md section 6): networks mislead about both."""
    seen = incident.sign_ins[-1] if incident.sign_ins else None
    happened = phrase(
        f"web_happened.{question.kind}",
        at=(seen.at if seen else None) or incident.first_activity or incident.received,
        app=seen.app if seen else None,
        device=seen.device if seen else None,
    )
    return (happened, phrase(f"web_ask.{question.kind}"))


def _notices(incident: Incident, person: Person) -> tuple[Phrase, ...]:
    """What was done that the person will notice; what befell others is not theirs."""
    if not incident.affects(person.object_id, person.upn):
        return ()
    return tuple(
        phrase(f"notice.{action.kind}", target=action.target.label)
        for action in incident.actions
        if action.kind in (ActionKind.ISOLATE_DEVICE, ActionKind.REVOKE_SESSIONS)
        and (action.target.kind is not TargetKind.ACCOUNT or action.target.id == person.object_id)
        and action.state in (ActionState.ORDERED, ActionState.DONE)
    )


def _choices(question: Question | None, stage: Stage) -> tuple[Choice, ...]:
    if question is None or stage not in ("asking", "neutral"):
        return ()
    return tuple(Choice(a.id, a.says(question.kind)) for a in offered(question))


def manager_card(
    incident: Incident, customer: Customer, question: Question, step: Step
) -> ManagerCard:
    """What to ask by voice, and what was said, as buttons. Once there is an answer, the case is over
    or has become none of theirs, it says no more."""
    manager = step.person
    if manager is None:
        raise ValueError(f"nobody was asked at the rung {step.rung}")
    if question.answer is not None or incident.is_over:
        return _manager_card(incident, customer, question, manager)
    if not may_know(incident, customer, question, manager):
        return _manager_card(incident, customer, question, manager)
    return replace(
        _manager_card(incident, customer, question, manager),
        question=question.id,
        says=(asks(incident, customer, question, step),),
        happened=None if question.kind in FOLLOW_UPS else happened(incident, question),
        ask=phrase(f"ask.{question.kind}"),
        choices=tuple(Choice(a.id, a.says(question.kind)) for a in answers_in_person(question)),
    )


def _manager_card(
    incident: Incident, customer: Customer, question: Question, manager: Person
) -> ManagerCard:
    """As it stands when nothing is needed."""
    return ManagerCard(
        person=manager.object_id,
        language=manager.language,
        zone=manager.zone,
        sender=customer.name,
        code=incident.code,
        asked=question.person.given_name,
        question=None,
        says=(phrase("manager.over"),),
    )

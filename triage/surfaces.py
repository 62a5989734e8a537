"""What every surface should show, computed from the state after every event.

No code orders "update that card": a surface is shown again when its view differs from the one it
last asked for. The views are in `triage/views.py`; words come later, in `cards`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, assert_never

from triage import assigning, authority, calling, clocks, talking
from triage.actions import LOOKING, ActionKind, TargetKind
from triage.assess import what_ifs
from triage.containing import describe, is_reversible, left_out, may_be_ordered, may_have_been_done
from triage.context import concerned, context
from triage.customer import AssetKind, Customer, Tells
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD
from triage.incident import (
    ActionState,
    Approval,
    ApprovalState,
    Assurance,
    Band,
    CallTask,
    Clearance,
    Clock,
    Disposition,
    Held,
    Incident,
    Kept,
    Open,
    Party,
    Paused,
    Person,
    Promise,
    Question,
    QuestionKind,
    Reply,
    ResponseAction,
    Route,
    SourceRef,
    Spared,
    Standing,
    Status,
    Step,
    Taint,
    Task,
    TaskAnswer,
    TaskState,
    Ticking,
)
from triage.ladder import asks, managers, may_know
from triage.phrases import Phrase, phrase
from triage.playbooks import CALL_ME, FOLLOW_UPS, QUESTIONS, answers_in_person, books, offered
from triage.priority import priority
from triage.report import Source
from triage.suspicion import RUNS_OUT
from triage.taps import asked_now, left_to_them, taps, waited, whose_turn
from triage.tasking import hides
from triage.verdicts import told, verdict
from triage.verifying import is_offered
from triage.views import (
    AnalystCall,
    AnalystQuestion,
    AnalystThread,
    ApprovalCard,
    Button,
    Callee,
    Choice,
    Containable,
    CustomerThread,
    Digest,
    DigestLine,
    ManagerCard,
    PersonCard,
    PhoneConsent,
    ProposalView,
    ShownClock,
    SourceStatus,
    Suspicion,
    TaskCard,
    ThreadAction,
    View,
    WhatIf,
)

# --- the projection ------------------------------------------------------------------------------


class Surfaces(Mapping[str, View]):
    """Views by the name of their surface, each made when it is first looked at."""

    def __init__(self, makes: Mapping[str, Callable[[], View]]) -> None:
        self._makes = makes
        self._made: dict[str, View] = {}

    def __getitem__(self, name: str) -> View:
        if name not in self._made:
            self._made[name] = self._makes[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makes)

    def __len__(self) -> int:
        return len(self._makes)


def surfaces(incident: Incident, customer: Customer) -> Surfaces:
    """Every surface of an incident by name, as it should stand.

    Names: "customer", "analyst", "person:{object id}", "manager:{object id}:{question}",
    "approval:{id}", "task:{id}" in the thread or "owner:{object id}:{id}" in its owner's chat,
    "source:{source}:{id}".
    A restricted case has no approvals and no cards; in a placeholder thread an approval that stands
    there already tells nothing, and no other is shown.
    """
    makes: dict[str, Callable[[], View]] = {
        ANALYST_THREAD: partial(analyst_thread, incident, customer)
    }
    if incident.threaded:
        makes[CUSTOMER_THREAD] = partial(customer_thread, incident, customer)
    for person in asked_in_teams(incident):
        makes[f"person:{person.object_id}"] = partial(person_card, incident, customer, person)
    for question, step, manager in managers(incident):
        name = f"manager:{manager.object_id}:{question.id}"
        makes[name] = partial(manager_card, incident, customer, question, step)
    guarded = authority.is_thread_guarded(incident, customer)
    for approval in incident.approvals:
        if approval.in_thread:  # what was never shown there needs no hiding
            makes[f"approval:{approval.id}"] = (
                partial(hidden_approval, incident, approval)
                if guarded
                else partial(approval_card, incident, customer, approval)
            )
    for task in incident.tasks:
        name = f"task:{task.id}" if task.in_thread else f"owner:{task.person.object_id}:{task.id}"
        makes[name] = partial(task_card, incident, customer, task)
    if incident.merged is None:  # of a merged case, the other one tells the sources
        for ref in incident.refs:
            makes[f"source:{ref.source}:{ref.source_id}"] = partial(source_status, incident, ref)
    return Surfaces(makes)


# --- the person ----------------------------------------------------------------------------------


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
                told(incident.closed),
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
    return (_happened(incident, question), ask)


def _happened(incident: Incident, question: Question) -> Phrase:
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


# --- whoever is asked to reach them ----------------------------------------------------------------


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
        happened=None if question.kind in FOLLOW_UPS else _happened(incident, question),
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


# --- the customer's thread -----------------------------------------------------------------------


def customer_thread(incident: Incident, customer: Customer) -> CustomerThread:
    """The root card; where the affected person can read it, a placeholder that helps nobody."""
    if authority.is_thread_guarded(incident, customer):
        return _placeholder(incident)
    closed = incident.closed
    return CustomerThread(
        name=incident.name,
        code=incident.code,
        severity=incident.severity,
        status=incident.status,
        headline=headline(incident),
        placeholder=False,
        known=(
            *_seen(incident),
            *_expected(incident),
            *_already(incident),
            *concerned(incident, customer),
            *_said(incident),
        ),
        doing=_doing(incident),
        turn=_turn(incident, customer),
        needed=_needed(incident),
        until=_next_due(incident),
        actions=tuple(map(_shown_action, _visible(incident.actions))),
        clocks=_clocks(incident, customer, plain=True),
        outcome=outcome(incident),
        recommendation=closed.recommendation if closed else None,
        recommendation_accepted_by=incident.recommendation_accepted_by,
        recommendation_discussed_by=incident.recommendation_discussed_by,
        tasks=_tasks(incident),
        analyst=_analyst_on_it(incident),
        buttons=_customer_buttons(incident),
    )


def _analyst_on_it(incident: Incident) -> Callee | None:
    if incident.is_over or not incident.owner_name or not incident.owner_upn:
        return None
    return Callee(incident.owner_name, incident.owner_upn)


def _placeholder(incident: Incident) -> CustomerThread:
    """Not even the status: whether something is being contained is what an intruder wants to know."""
    return CustomerThread(
        name=incident.name,
        code=incident.code,
        severity=incident.severity,
        status=incident.status if incident.is_over else Status.TRIAGING,
        headline=phrase("headline.placeholder"),
        placeholder=True,
        known=(),
        doing=(),
        turn=phrase("turn.analysts"),
        needed=phrase("needed.told_otherwise"),
        until=None,
        outcome=_placeholder_outcome(incident),
    )


def _placeholder_outcome(incident: Incident) -> tuple[Phrase, ...]:
    over = phrase("outcome.placeholder") if incident.closed else None
    says = _goes_on(incident) or over
    return (says,) if says else ()


def headline(incident: Incident) -> Phrase:
    """What happened to whom, for people who work on it."""
    people = [a.person.name if a.person else a.account.label for a in incident.affected]
    sign_in = incident.sign_ins[-1] if incident.sign_ins else None
    return phrase(
        f"headline.{incident.type}",
        title=incident.title,
        person=people[0] if people else phrase("label.nobody_known"),
        device=incident.devices[0].name if incident.devices else phrase("label.unknown_device"),
        file=incident.files[0].name if incident.files else phrase("label.a_file"),
        at=(sign_in.at if sign_in else None) or incident.first_activity or incident.received,
    )


MOST_SEEN = 3


def _seen(incident: Incident) -> tuple[Phrase, ...]:
    """The latest alerts, in the source's words, and how many more there are."""
    return (
        *(
            phrase("known.alert", title=n.title, at=n.at or incident.received)
            for n in incident.alerts[-MOST_SEEN:]
        ),
        *_more_alerts(incident),
    )


def _more_alerts(incident: Incident) -> tuple[Phrase, ...]:
    left = incident.alert_count - len(incident.alerts[-MOST_SEEN:])
    return (phrase("seen.more_alerts", count=left),) if left > 0 else ()


def _left_out(incident: Incident) -> tuple[Phrase, ...]:
    """What the cards, or our actions, do not cover, where it is not why a person must look."""
    lines = [phrase("seen.overflow")] if incident.overflow else []
    why = phrase("why.targets_left_out")
    if left_out(incident) and not incident.is_over and incident.handed_over != why:
        lines.append(why)
    return tuple(lines)


def _expected(incident: Incident) -> tuple[Phrase, ...]:
    """What the customer said beforehand, where it counts."""
    reasons = incident.decision.reasons if incident.decision else ()
    return tuple(r.says for r in reasons if r.rule == "sign.expected_fact")


def _already(incident: Incident) -> tuple[Phrase, ...]:
    return tuple(phrase(f"known.already_{d.kind}", target=d.target) for d in incident.already_done)


def _said(incident: Incident) -> tuple[Phrase, ...]:
    """What people answered, and where no answer came; free text stays with the analysts."""
    return tuple(_said_by(q) for q in incident.questions if q.answer or q.state.state == "silent")


def _said_by(question: Question) -> Phrase:
    reply = question.answer
    answer = QUESTIONS[question.kind].answer(reply.choice or "") if reply else None
    if reply is None or answer is None:
        return phrase("known.silent", person=question.person.name)
    if reply.attester is not None:
        said = answer.says(question.kind)
        who = question.person.name
        return phrase("known.said_to_manager", person=who, answer=said, by=reply.attester)
    key = "known.said_by_phone" if reply.recorded_by else "known.said"
    return phrase(key, person=question.person.name, answer=answer.says(question.kind))


def _doing(incident: Incident) -> tuple[Phrase, ...]:
    """Each person once a way, however much they are asked."""
    if incident.is_over:
        return ()
    asked = {
        q.person.object_id: q.person
        for q in incident.questions
        if q.state.state == "open" and q.route is not Route.PHONE
    }
    phoned = {c.person.object_id: c.person for c in incident.calls if c.done_at is None}
    lines = [phrase("doing.asking", person=person.name) for person in asked.values()]
    lines += [
        phrase(
            "doing.calling" if incident.is_tainted(person.object_id) else "doing.phoning",
            person=person.name,
        )
        for person in phoned.values()
    ]
    if incident.owner_name:
        lines.append(phrase("doing.owned", analyst=incident.owner_name))
    return tuple(lines)


def _turn(incident: Incident, customer: Customer) -> Phrase:
    match whose_turn(incident):
        case None:
            return _goes_on(incident) or phrase("turn.nobody")
        case Party.CUSTOMER:
            return phrase("turn.customer", customer=customer.name)
        case Party.PERSON:
            return phrase("turn.person", person=asked_now(incident)[0])
        case Party.MACHINE if incident.closing is not None:
            return phrase("turn.closing")
        case _:
            return phrase("turn.analysts")


def _needed(incident: Incident) -> Phrase:
    opened = [a for a in incident.approvals if a.state is ApprovalState.OPEN]
    actions = [a for a in (incident.action(o.action) for o in opened) if a is not None]
    theirs = left_to_them(incident)
    if theirs and not actions:
        which = "needed.act" if len(theirs) == 1 else "needed.acts"
        return phrase(which, action=describe(theirs[0]), count=len(theirs))
    if len(actions) > 1:
        return phrase("needed.approvals", count=len(actions), action=describe(actions[0]))
    if actions:
        return phrase("needed.approval", action=describe(actions[0]))
    tasks = incident.open_tasks
    if tasks and not incident.is_over:
        return phrase("needed.task", person=tasks[0].person.name, what=tasks[0].what)
    return phrase("needed.nothing")


def _next_due(incident: Incident) -> datetime | None:
    approvals = [a.due for a in incident.approvals if a.state is ApprovalState.OPEN]
    questions = [q.state.due for q in incident.questions if isinstance(q.state, Open)]
    calls = [c.due for c in incident.calls if c.done_at is None]
    held = [incident.closing.until] if incident.closing else []
    tasks = [] if incident.is_over else [t.due for t in incident.open_tasks]
    return min(approvals or questions or calls or held or tasks, default=None)


def _visible(actions: tuple[ResponseAction, ...]) -> tuple[ResponseAction, ...]:
    """Proposals are the analyst's; what was decided is everybody's."""
    return tuple(a for a in actions if a.state is not ActionState.PROPOSED)


def _shown_action(action: ResponseAction) -> ThreadAction:
    return ThreadAction(
        id=action.id,
        says=describe(action),
        state=action.state,
        at=action.at,
        rehearsed=action.rehearsed,
    )


def _clocks(incident: Incident, customer: Customer, *, plain: bool) -> tuple[ShownClock, ...]:
    """What is promised, in the order it is usually kept; what was missed before the case was
    reopened comes first."""
    before = [c for c in incident.clocks if c.missed and c.generation < incident.reopened]
    now = [c for p in Promise if (c := clocks.current(incident, p)) is not None]
    return tuple(
        ShownClock(
            promise=phrase(f"promised.{c.promise}" if plain else f"promise.{c.promise}"),
            stands=stands,
        )
        for c in (*before[-MOST_SEEN:], *now)
        if (stands := _stands(incident, customer, c)) is not None
    )


def _stands(incident: Incident, customer: Customer, clock: Clock) -> Phrase | None:
    """Nothing where nothing is promised, or the case was over first."""
    if clock.due is None:
        return None
    if clock.missed and clock.generation < incident.reopened:
        return phrase("stands.missed_before", due=clock.due)
    match clock.state:
        case Kept(at):
            took = max(1, round(clocks.elapsed(clock, at).total_seconds() / 60))
            key = "stands.late" if clock.missed else "stands.kept"
            return phrase(key, minutes=took, due=clock.due)
        case _ if clock.missed:
            return phrase("stands.missed", due=clock.due)
        case Spared():
            return None
        case Paused():
            waits = clocks.waits_for_customer(incident, customer, clock.promise)
            return phrase("stands.paused" if waits else "stands.idle")
        case Ticking():
            return phrase("stands.soon" if clock.warned else "stands.ticking", due=clock.due)
        case _:
            assert_never(clock.state)


EFFECTIVE = (ActionState.DONE, ActionState.ALREADY_DONE)


def outcome(incident: Incident) -> tuple[Phrase, ...]:
    """What it was and how long it took; how it will close, while that is held; else nothing."""
    if incident.closing is not None:
        says = verdict(incident.closing.proposal)
        return (phrase("outcome.closing", disposition=says, until=incident.closing.until),)
    closed = incident.closed
    if closed is None:
        return ()
    minutes = max(1, round((closed.at - incident.received).total_seconds() / 60))
    lines = [
        phrase("outcome.closed", disposition=verdict(closed)),
        phrase("outcome.took", minutes=minutes),
    ]
    stopping = [a for a in incident.actions if a.kind not in LOOKING]
    contained = [a.at for a in stopping if a.state is ActionState.DONE and a.at]
    if contained and all(a.state in EFFECTIVE for a in stopping):
        within = max(1, round((max(contained) - incident.received).total_seconds() / 60))
        lines.append(phrase("outcome.contained", minutes=within))
    return tuple(lines)


def _goes_on(incident: Incident) -> Phrase | None:
    """Where the case goes on, if it is part of another one."""
    return phrase("outcome.merged", name=incident.merged.name) if incident.merged else None


def _customer_buttons(incident: Incident) -> tuple[Button, ...]:
    if incident.closing is not None:
        return (Button.KEEP_OPEN,)
    closed = incident.closed
    if closed and closed.recommendation and not incident.recommendation_accepted_by:
        discussed = incident.recommendation_discussed_by is not None
        return (Button.ACCEPT,) if discussed else (Button.ACCEPT, Button.DISCUSS)
    return ()


# --- the day's digest ----------------------------------------------------------------------------


def digest(incidents: Iterable[Incident], customer: Customer, at: datetime) -> Digest:
    """What the customer's policy tells in the digest; a restricted case stands in none."""
    lines = [
        DigestLine(
            name=incident.name,
            severity=incident.severity,
            status=incident.status,
            headline=headline(incident),
            outcome=verdict(incident.closed) if incident.closed else None,
            has_thread=incident.threaded,
        )
        for incident in incidents
        if customer.threads.of(incident.severity) is not Tells.THREAD
        and not authority.is_thread_guarded(incident, customer)
    ]
    return Digest(at=at, lines=tuple(lines))


# --- approvals -----------------------------------------------------------------------------------


def approval_card(incident: Incident, customer: Customer, approval: Approval) -> ApprovalCard:
    action = incident.action(approval.action)
    if action is None:
        raise ValueError(f"approval {approval.id} is for no action of {incident.name}")
    return ApprovalCard(
        approval=approval.id,
        name=incident.name,
        because=(headline(incident), *_said(incident)[-2:]),
        asks=describe(action),
        consequence=consequence(action, customer),
        on_silence=_on_silence(approval),
        due=approval.due,
        state=approval.state,
        outcome=_approval_outcome(incident, approval),
        mention=_still_to_sign(incident, customer, action, approval),
        asked_by=_asked_by(approval),
        signed=_signed(approval),
    )


def hidden_approval(incident: Incident, approval: Approval) -> ApprovalCard:
    """What stands in the place of a card whose thread a suspect account came to read: the same
    whatever was asked, decided or done."""
    return ApprovalCard(
        approval=approval.id,
        name=incident.name,
        because=(),
        asks=phrase("asks.hidden"),
        consequence=phrase("asks.hidden"),
        on_silence=phrase("asks.hidden"),
        due=approval.due,
        state=ApprovalState.WITHDRAWN,
        outcome=phrase("needed.told_otherwise"),
        mention=(),
        asked_by=phrase("asks.hidden"),
        signed=None,
        hidden=True,
    )


def _still_to_sign(
    incident: Incident, customer: Customer, action: ResponseAction, approval: Approval
) -> tuple[tuple[str, str], ...]:
    rule = authority.rule_of(action, incident, customer)
    signed = {s.by_upn.lower() for s in approval.signed}
    may = authority.approvers(incident, customer, rule, approval.needs)
    return tuple((upn, name) for upn, name in may if upn.lower() not in signed)


def _asked_by(approval: Approval) -> Phrase:
    if approval.asked_by_name is None:
        return phrase("asked_by.score")
    return phrase("asked_by.analyst", by=approval.asked_by_name)


def _signed(approval: Approval) -> Phrase | None:
    """How far it has come: 1 of 2, by Jon Park."""
    if approval.needs == 1:
        return None
    if not approval.signed:
        return phrase("signed.nobody", needs=approval.needs)
    names = ", ".join(s.by_name for s in approval.signed)
    return phrase("signed.some", count=len(approval.signed), needs=approval.needs, by=names)


def consequence(action: ResponseAction, customer: Customer) -> Phrase:
    """What it means for those who work with it; a server is not one person's laptop."""
    asset = customer.asset(action.target.label)
    if action.kind is ActionKind.ISOLATE_DEVICE and asset and asset.kind is AssetKind.SERVER:
        return phrase(
            "consequence.isolate_server", target=action.target.label, purpose=asset.purpose
        )
    return phrase(f"consequence.{action.kind}", target=action.target.label)


def _on_silence(approval: Approval) -> Phrase:
    if not approval.acts_on_silence:
        return phrase("silence.hand_over")
    if approval.rule is None:
        return phrase("silence.act_standing", due=approval.due)
    return phrase("silence.act", rule=approval.rule, due=approval.due)


def _approval_outcome(incident: Incident, approval: Approval) -> Phrase | None:
    if approval.state is ApprovalState.OPEN or approval.at is None:
        return None
    merged = incident.merged
    if merged and approval.state is ApprovalState.WITHDRAWN and approval.at == merged.at:
        return phrase("approval.merged", name=merged.name, at=merged.at)
    return phrase(f"approval.{approval.state}", by=approval.by_name, at=approval.at)


# --- tasks of the customer's people --------------------------------------------------------------


def task_card(incident: Incident, customer: Customer, task: Task) -> TaskCard:
    hidden = hides(incident, customer, task)
    return TaskCard(
        task=task.id,
        name=incident.name,
        code=incident.code,
        person=None if task.in_thread else task.person.object_id,
        language=None if task.in_thread else task.person.language,
        zone=None if task.in_thread else task.person.zone,
        sender=customer.name,
        owner=(task.person.upn, task.person.name),
        what=phrase("asks.hidden") if hidden else task.what,
        because=() if hidden else (headline(incident), _task_by(task)),
        about=None if hidden else task.about,
        due=task.due,
        state=TaskState.WITHDRAWN if hidden else task.state,
        outcome=(phrase("needed.told_otherwise"),) if hidden else _task_outcome(task),
        choices=() if hidden else _task_choices(task),
        hidden=hidden,
    )


def _task_by(task: Task) -> Phrase:
    if task.by_name is None:
        return phrase("task.recommended")
    return phrase("asked_by.analyst", by=task.by_name)


def _task_outcome(task: Task) -> tuple[Phrase, ...]:
    lines = []
    if task.at is not None:
        match task.state:
            case TaskState.DONE:
                lines = [phrase("task.done", by=task.answered_by, at=task.at)]
            case TaskState.CANNOT:
                lines = [phrase("task.cannot", by=task.answered_by, why=task.why)]
            case TaskState.WITHDRAWN:
                lines = [phrase("task.withdrawn", at=task.at)]
    if task.discussed_by is not None:
        lines.append(phrase("label.discussed_by", by=task.discussed_by))
    return tuple(lines)


def _task_choices(task: Task) -> tuple[TaskAnswer, ...]:
    """A wrong tap is set right by the other one."""
    match task.state:
        case TaskState.SUGGESTED:
            return (TaskAnswer.ACCEPT, TaskAnswer.CANNOT, TaskAnswer.DISCUSS)
        case TaskState.OPEN:
            return (TaskAnswer.DONE, TaskAnswer.CANNOT, TaskAnswer.DISCUSS)
        case TaskState.DONE:
            return (TaskAnswer.CANNOT,)
        case TaskState.CANNOT:
            return (TaskAnswer.ACCEPT, TaskAnswer.DONE, TaskAnswer.DISCUSS)
        case TaskState.WITHDRAWN:
            return ()
        case _:
            assert_never(task.state)


def _tasks(incident: Incident) -> tuple[Phrase, ...]:
    """Each as it stands; what is only recommended stands with the recommendation."""
    hides = (TaskState.SUGGESTED, TaskState.WITHDRAWN)
    return tuple(_task_stands(t) for t in incident.tasks if t.state not in hides)


def _task_stands(task: Task) -> Phrase:
    by, what = task.answered_by, task.what
    match task.state:
        case TaskState.DONE:
            return phrase("task.stands_done", by=by, at=task.at, what=what)
        case TaskState.CANNOT:
            return phrase("task.stands_cannot", by=by, why=task.why, what=what)
        case _ if task.overdue:
            who = task.person.name
            return phrase("task.stands_overdue", person=who, due=task.due, what=what)
        case _:
            return phrase("task.stands_open", person=task.person.name, due=task.due, what=what)


# --- the analysts' thread ------------------------------------------------------------------------


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
        clocks=_clocks(incident, customer, plain=False),
        evidence=_evidence(incident),
        facts=(
            *_held_back(customer),
            *_stopped(customer),
            *_why_a_person(incident),
            *_by_hand(incident),
            *_left_out(incident),
            *unknown[:MOST_SEEN],
            *_already(incident),
            *unknown[MOST_SEEN:],
        ),
        context=context(incident, customer),
        questions=tuple(_analyst_question(incident, customer, q) for q in incident.questions),
        calls=tuple(_analyst_call(incident, c) for c in incident.calls if c.done_at is None),
        suspicions=_suspicions(incident),
        by_phone=_by_phone(incident, customer),
        consents=_consents(incident, customer),
        actions=tuple(map(_shown_action, _visible(incident.actions))),
        tasks=_tasks(incident),
        containable=_containable(incident),
        proposal=_proposal_view(incident),
        owner=incident.owner_name,
        assigned=assigning.reason(incident),
        portal=_portal(incident),
        timeline=tuple((e.at, e.says) for e in incident.timeline[-10:]),
        outcome=(*outcome(incident), *_comment(incident), steps(incident, customer))
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
        return _goes_on(incident) or phrase("next.nothing"), None
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
    lines += _more_alerts(incident)
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


# --- the source ----------------------------------------------------------------------------------


def source_status(incident: Incident, ref: SourceRef) -> SourceStatus:
    """In progress without a verdict until it closes: Defender does not merge incidents whose
    classification or owner differ, so nothing is written early (domain.md section 5)."""
    closed = incident.closed
    return SourceStatus(
        source=ref.source,
        source_id=ref.source_id,
        status="resolved" if closed else "inProgress",
        disposition=closed.disposition if closed else Disposition.UNDECIDED,
        determination=closed.determination if closed else "other",
        comment=phrase(
            "source.closed" if closed else "source.working",
            name=incident.name,
            by=closed.by_name if closed else None,
        ),
    )

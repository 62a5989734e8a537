"""Whom to ask what, by which route, until when; and what a reply does to its question."""

from dataclasses import replace

from triage import calling, ladder, tasking, verifying
from triage.assess import change_by, could_change, covering_fact
from triage.authority import standing_of
from triage.draft import Draft
from triage.incident import (
    Absence,
    Affected,
    Answered,
    Assurance,
    CallTask,
    Held,
    Incident,
    IncidentType,
    Open,
    Person,
    Question,
    QuestionKind,
    Reply,
    Route,
    Standing,
    Unreachable,
    Withdrawn,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import (
    CALL_ME,
    QUESTIONS,
    Answer,
    first_questions,
    route_of,
)

LONGEST_TEXT = 500
"""Characters of somebody's words that the state carries; the whole is in the event."""

PENDING = ("held", "open")
"""States of a question whose time is not over."""

MOST_ASKED = 3
"""People asked at once about one incident; a case with more is an analyst's."""


def withdraw_card(draft: Draft, person: str) -> None:
    """What was asked in Teams before the account became suspect is asked no more there."""
    for question in draft.incident.questions:
        if question.person.object_id != person or question.route is Route.PHONE:
            continue
        if question.state.state in PENDING:
            draft.unasked.append(question)
        _ask_no_more(draft, question)


def call_instead(draft: Draft) -> None:
    """What suspicion withdrew, and no playbook asks by phone, as an analyst had it asked."""
    for question in draft.unasked:
        person, kind, words = question.person, question.kind, question.words
        known = (*draft.incident.heard, *draft.incident.questions)
        same = (q for q in known if q.words == words)
        if not any(already_asks(q, person, kind, Route.PHONE) for q in same):
            send(draft, new_question(draft, person, kind, Route.PHONE, words=words))


def _ask_no_more(draft: Draft, question: Question) -> None:
    """Withdraw it while its time runs. After that the silence stands, and nobody else is turned to."""
    if question.state.state in PENDING:
        withdraw(draft, question)
    elif ladder.is_climbing(question):
        ladder.stop(draft, question)


def withdraw(draft: Draft, question: Question) -> None:
    withdrawn = Withdrawn(draft.now, unsent=not question.was_sent)
    draft.put_question(replace(question, state=withdrawn))
    _end_calls(draft, question)


def ask(draft: Draft) -> None:
    """Ask everybody affected the first questions of the playbooks, if an answer would matter."""
    incident = draft.incident
    if not first_questions(incident):
        _nobody_is_asked(draft)
        return
    if covering_fact(incident, draft.customer, draft.now) is not None:
        return  # the customer has answered beforehand
    if not incident.affected:
        draft.hand_over_once(phrase("why.nobody_named"))
    for affected in incident.affected:
        if affected.person is None:
            _say_who_is_unknown(draft, affected)
    to_ask = [
        (a.person, asked)
        for a in incident.affected
        if a.person and (asked := first_questions(incident, a))
    ]
    for person, kinds in to_ask[:MOST_ASKED]:
        route = route_of(draft.incident, tainted=draft.incident.is_tainted(person.object_id))
        for kind in kinds:
            _ask_person(draft, person, kind, route)
    for question in incident.answered:
        _ask_follow_up(draft, question)
    _hurry(draft)
    if len(to_ask) > MOST_ASKED:
        draft.hand_over_once(phrase("why.many_people"))


def _nobody_is_asked(draft: Draft) -> None:
    """What was asked before a case turned out to be restricted, or ransomware, is asked no more."""
    match draft.incident.type:
        case IncidentType.RESTRICTED:
            withdraw_all(draft)
            tasking.withdraw_all(draft)
            draft.hand_over_once(phrase("why.restricted"))
        case IncidentType.RANSOMWARE:
            withdraw_all(draft)
            draft.hand_over_once(phrase("why.nobody_to_ask"))
        case IncidentType.UNKNOWN:
            draft.hand_over_once(phrase("why.unknown_type"))
        case _:
            draft.hand_over_once(phrase("why.nobody_to_ask"))


def _ask_follow_up(draft: Draft, question: Question) -> None:
    """What an answer leads to: where it was given in a case that became part of this one, or where
    the follow-up was withdrawn before it was answered."""
    person, then = question.person, _leads_to(question)
    if then is not None:
        tainted = draft.incident.is_tainted(person.object_id)
        _ask_person(draft, person, then, route_of(draft.incident, tainted=tainted))


def _leads_to(question: Question) -> QuestionKind | None:
    reply = question.answer
    if reply is None or reply.standing is not Standing.COUNTED:
        return None
    answer = QUESTIONS[question.kind].answer(reply.choice or "")
    return answer.then if answer is not None else None


def _say_who_is_unknown(draft: Draft, affected: Affected) -> None:
    draft.hand_over_once(phrase(f"why.person_{affected.why_not}", account=affected.account.label))


def _hurry(draft: Draft) -> None:
    """What was held goes out when the case turns out to be urgent."""
    for question in draft.incident.questions:
        if isinstance(question.state, Held) and ladder.is_urgent(draft):
            open_question(draft, replace(question, asked_at=draft.now, state=_open(draft)))


def _ask_person(
    draft: Draft, person: Person, kind: QuestionKind, route: Route, *, at_once: bool = False
) -> None:
    """`at_once` where the person is there: a follow-up waits for no morning."""
    known = (*draft.incident.heard, *draft.incident.questions)
    if any(already_asks(q, person, kind, route) for q in known):
        return
    route = allowed(draft, person, route)
    question = new_question(draft, person, kind, route, at_once=at_once)
    if not could_change(draft.incident, draft.customer, draft.now, question):
        draft.hand_over_once(phrase("why.no_answer_matters"))
        return
    if draft.customer.shadow:
        about = phrase(f"label.question.{kind}")
        draft.hand_over_once(phrase("why.shadow_asks", person=person.name, question=about))
        return
    draft.mattering.add(question.id)
    send(draft, question)


def allowed(draft: Draft, person: Person, route: Route) -> Route:
    """By phone, where no card may go: enough for today, or outside the pilot group."""
    if route is Route.CARD and ladder.is_over_budget(draft, person):
        draft.note(phrase("timeline.over_budget", person=person.name))
        return Route.PHONE
    if route is not Route.PHONE and not draft.customer.may_write_to(person.upn):
        draft.hand_over_once(phrase("why.not_in_pilot", person=person.name))
        return Route.PHONE
    return route


def send(draft: Draft, question: Question) -> None:
    """Now, or when it may be."""
    if not isinstance(question.state, Held):
        open_question(draft, question)
        return
    draft.put_question(question)
    until = question.state.until
    draft.note(phrase("timeline.held", person=question.person.name, until=until))
    draft.wake(f"send:{question.id}", until)


def _has_open_card(draft: Draft, person: Person) -> bool:
    """A question on a card that was posted before this event."""
    return any(
        q.person.object_id == person.object_id
        and q.route is Route.CARD
        and q.state.state == "open"
        and q.asked_at < draft.now
        for q in draft.incident.questions
    )


def already_asks(question: Question, person: Person, kind: QuestionKind, route: Route) -> bool:
    """Asked by this route, or answered by any. Withdrawn is as if never asked: a card withdrawn for
    taint is asked by phone, one withdrawn by a closing is asked again when the case reopens."""
    mine = question.person.object_id == person.object_id and question.kind is kind
    asked = question.route in (route, Route.PHONE) and question.state.state != "withdrawn"
    return mine and (asked or question.answer is not None)


def new_question(
    draft: Draft,
    person: Person,
    kind: QuestionKind,
    route: Route,
    *,
    at_once: bool = False,
    words: str | None = None,
) -> Question:
    """Sent now, or held until it may be; a phone call is the analyst's to time."""
    at_once = at_once or route is Route.PHONE
    at = draft.now if at_once else ladder.send_at(draft, person)
    state = Held(at) if at > draft.now else _open(draft)
    return Question(_next_id(draft), kind, person, route, draft.now, state, words=words)


def _next_id(draft: Draft) -> str:
    return f"q{len(draft.incident.questions) + 1}"


def _open(draft: Draft) -> Open:
    return Open(ladder.after(draft, draft.now, ladder.minutes(draft)))


def send_held(draft: Draft, question_id: str) -> None:
    """What was held may go out now."""
    question = draft.incident.question(question_id)
    if question is None or not isinstance(question.state, Held):
        return
    if question.state.until <= draft.now:
        open_question(draft, replace(question, asked_at=draft.now, state=_open(draft)))


def open_question(draft: Draft, question: Question) -> None:
    """Open it, set its deadline, and where it goes by phone give an analyst the call."""
    if question.route is Route.CARD and _has_open_card(draft, question.person):
        # It joins the card that is open already; an edited card notifies nobody. What comes at the
        # same moment is told of once.
        purpose = f"more:{draft.now.isoformat()}"
        draft.tell_person(question.person.object_id, purpose, phrase("notice.one_more"))
    draft.put_question(question)
    ladder.begin(draft, question)
    if question.route is Route.PHONE:
        draft.note(phrase("timeline.call_needed", person=question.person.name))
        calling.call(draft, question)
    else:
        draft.note(phrase("timeline.asked", person=question.person.name))
        verifying.offer(draft, question)
        if why := question.person.why_not_asked:
            unreachable(draft, question.person.object_id, why)
        elif ladder.may_look(draft.incident, draft.customer, question) and not _is_there(
            draft.incident, question.person
        ):
            draft.look_for_absence(question.person.object_id, question.id)


def _is_there(incident: Incident, person: Person) -> bool:
    """They have answered, or written, in this case."""
    return any(q.person.object_id == person.object_id and q.replies for q in incident.questions)


# --- replies -------------------------------------------------------------------------------------


def take_reply(
    draft: Draft,
    question: Question,
    choice: str | None,
    text: str | None,
    assurance: Assurance = Assurance.L0,
) -> Standing:
    """Record a reply, in Teams or after a fresh sign-in, for what it counts, and open what follows
    from it."""
    answer = QUESTIONS[question.kind].answer(choice) if choice else None
    change = _change(draft, question, choice, assurance)
    standing = standing_of(draft.incident, question, answer, change, draft.now)
    kept = text[:LONGEST_TEXT] if text else None
    reply = Reply(question.person.object_id, draft.now, standing, choice, kept, assurance)
    answered = _with_reply(draft, question, reply, answer)
    draft.put_question(answered)
    if answered.state.state == "answered":
        _end_calls(draft, answered)
    _note_reply(draft, question, reply, answer)
    if standing is Standing.COUNTED and answer is not None:
        _follow(draft, answered, answer)
    return standing


def _change(draft: Draft, question: Question, choice: str | None, assurance: Assurance) -> float:
    """What the reply would do to the score, in log-odds, if it stood."""
    tainted = draft.incident.is_tainted(question.person.object_id)
    standing = Standing.TAINTED if tainted else Standing.COUNTED
    reply = Reply(question.person.object_id, draft.now, standing, choice, assurance=assurance)
    return change_by(draft.incident, question, reply)


def _with_reply(draft: Draft, question: Question, reply: Reply, answer: Answer | None) -> Question:
    """Free text, "call me" and what an analyst must read leave the question open; text is what a
    free question asks for."""
    question = replace(question, replies=kept((*question.replies, reply)))
    if question.kind is QuestionKind.FREE and reply.text:
        return replace(question, state=Answered(draft.now))
    settles = answer is not None and not answer.call and reply.standing is Standing.COUNTED
    return replace(question, state=Answered(draft.now)) if settles else question


MOST_REPLIES = 12
"""Kept of one question: those that stand, and the latest; the event log holds all."""


def kept(replies: tuple[Reply, ...]) -> tuple[Reply, ...]:
    latest = set(map(id, replies[-MOST_REPLIES:]))
    standing = [r for r in replies if r.choice and r.standing is not Standing.FOR_ANALYST]
    stand = set(map(id, standing[-2:]))
    return tuple(r for r in replies if id(r) in latest | stand)


def _note_reply(draft: Draft, question: Question, reply: Reply, answer: Answer | None) -> None:
    who = question.person.name
    which = f"{question.id}:{len(question.replies)}"
    if answer is None:
        note_words(draft, question.person)
        return
    said = answer.says(question.kind)
    if answer.call:
        draft.note(phrase("timeline.reply_counted", person=who, answer=said))
        _tell(draft, f"call_me:{which}", phrase("why.call_me", person=who))
        calling.call(draft, question)
        return
    verified = reply.assurance is Assurance.L2 and reply.standing is Standing.COUNTED
    how = "signed_in" if verified else reply.standing.value
    draft.note(phrase(f"timeline.reply_{how}", person=who, answer=said))
    if reply.standing is Standing.FOR_ANALYST:
        _tell(draft, f"lowers:{which}", phrase("why.correction_lowers", person=who, answer=said))
    if answer.unsure:
        draft.hand_over(phrase("why.not_sure", person=who))


def take_wish(draft: Draft, question: Question) -> None:
    """They want to be called, and say so where nothing is asked any more."""
    by = question.person
    wish = Reply(by.object_id, draft.now, Standing.FOR_ANALYST, CALL_ME.id)
    which = f"{question.id}:{len(question.replies) + 1}"
    if draft.incident.merged is None:  # else it is heard where the case goes on
        _tell(draft, f"call_me:{which}", phrase("why.call_me", person=by.name))
    _call_as_wished(draft, question, wish)


def take_over_wish(draft: Draft, told: Question) -> None:
    """They want to be called, and said so in a case that became part of this one: about what they
    are asked here, else about what they were asked there."""
    person, wish = told.person, told.replies[-1]
    if any(wish in q.replies for q in draft.incident.questions):
        return
    why = phrase("why.call_me", person=person.name)
    draft.hand_over_once(why)
    draft.tell_analysts(f"call_me:{told.id}:{len(told.replies)}", why)
    if draft.incident.is_over:
        return
    question = _asked_here(draft, told)
    if question is not None:
        _call_as_wished(draft, question, wish)
        return
    question = new_question(draft, person, told.kind, Route.PHONE, words=told.words)
    send(draft, replace(question, replies=(wish,)))


def _asked_here(draft: Draft, told: Question) -> Question | None:
    """What that person is asked here; or what they have answered there, which counts once and is
    this case's own question from now on."""
    person = told.person.object_id
    theirs = (q for q in draft.incident.questions if q.person.object_id == person)
    asked = [q for q in theirs if q.state.state != "withdrawn"]
    heard = next((q for q in draft.incident.heard if q.topic == told.topic), None)
    if asked or heard is None:
        return asked[-1] if asked else None
    draft.set(heard=tuple(q for q in draft.incident.heard if q is not heard))
    return replace(heard, id=_next_id(draft), route=Route.PHONE)


def _call_as_wished(draft: Draft, question: Question, wish: Reply) -> None:
    before = (r for r in question.replies if r != wish)
    draft.put_question(replace(question, replies=kept((*before, wish))))
    called = {c.person.object_id for c in draft.incident.calls if c.done_at is None}
    if not draft.incident.is_over and question.person.object_id not in called:
        calling.call(draft, question)


def note_words(draft: Draft, person: Person) -> None:
    """Free text: an analyst reads it over the bridge (`bot/bridge.py`), which follows an edit and a
    deletion; the timeline has no words that would stay."""
    tainted = "_tainted" if draft.incident.is_tainted(person.object_id) else ""
    draft.note(phrase(f"timeline.wrote{tainted}", person=person.name))
    draft.hand_over(phrase("why.free_text", person=person.name))


def _tell(draft: Draft, purpose: str, why: Phrase) -> None:
    """Hand over, and say so in a message of its own: an edited card notifies nobody."""
    draft.hand_over(why)
    draft.tell_analysts(purpose, why)


def _follow(draft: Draft, question: Question, answer: Answer) -> None:
    """Open the follow-up this answer leads to, and withdraw those it no longer leads to."""
    follow_ups = {a.then for a in QUESTIONS[question.kind].answers} - {answer.then}
    for other in draft.incident.questions:
        mine = other.person.object_id == question.person.object_id
        if mine and other.kind in follow_ups:
            _ask_no_more(draft, other)
    if answer.then is not None:
        _ask_person(draft, question.person, answer.then, question.route, at_once=True)


def take_call(draft: Draft, question: Question, choice: str, by: str, by_name: str) -> None:
    """What somebody said on the phone, taken down by an analyst: we know who answered (L3) where the
    customer vouches for the number that was called, and else no better than from their chat."""
    task = _call_about(draft, question)
    assurance, standing = _worth_of_call(draft, question)
    reply = Reply(
        question.person.object_id,
        draft.now,
        standing,
        choice,
        assurance=assurance,
        recorded_by=by,
        number=task.number if task else None,
        number_source=task.number_source if task else None,
    )
    answered = replace(question, state=Answered(draft.now), replies=(*question.replies, reply))
    draft.put_question(answered)
    _end_calls(draft, answered)
    answer = QUESTIONS[question.kind].answer(choice)
    if answer is not None:
        said = answer.says(question.kind)
        draft.note(
            phrase("timeline.call_recorded", person=question.person.name, answer=said, by=by_name)
        )
        _follow(draft, replace(answered, route=Route.PHONE), answer)


def call_adds(draft: Draft, question: Question, to: Reply) -> bool:
    """Whether a call in which they say the same again would tell us more than that reply."""
    if to.assurance is Assurance.L3:
        return False
    assurance, standing = _worth_of_call(draft, question)
    trusted_now = to.standing is Standing.TAINTED and standing is Standing.COUNTED
    return to.recorded_by is None or assurance is Assurance.L3 or trusted_now


def _call_about(draft: Draft, question: Question) -> CallTask | None:
    return next((c for c in draft.incident.calls if c.question == question.id), None)


def _worth_of_call(draft: Draft, question: Question) -> tuple[Assurance, Standing]:
    task = _call_about(draft, question)
    if task is not None and task.number_source is not None:
        return Assurance.L3, Standing.COUNTED
    suspect = draft.incident.is_tainted(question.person.object_id)
    return Assurance.L0, Standing.TAINTED if suspect else Standing.COUNTED


def take_attestation(
    draft: Draft, question: Question, choice: str, by: str, by_name: str
) -> Standing:
    """What somebody said to their manager by voice: we know who answered (L3). Once there is an
    answer, another one counts when it raises, and else an analyst reads it."""
    reply = Reply(
        question.person.object_id,
        draft.now,
        Standing.COUNTED,
        choice,
        assurance=Assurance.L3,
        attested_by=by,
        attester=by_name,
    )
    answer = QUESTIONS[question.kind].answer(choice)
    first = question.answer is None and not draft.incident.is_over
    raises = change_by(draft.incident, question, reply) > 0
    if not first and not raises:
        reply = replace(reply, standing=Standing.FOR_ANALYST)
    answered = _with_reply(draft, question, reply, answer)
    draft.put_question(answered)
    said = answer.says(question.kind) if answer else None
    told = phrase("timeline.attested", person=question.person.name, answer=said, by=by_name)
    draft.note(told)
    if reply.standing is Standing.FOR_ANALYST:
        _tell(draft, f"attested:{question.id}:{len(answered.replies)}", told)
        return reply.standing
    _end_calls(draft, answered)
    if answer is not None:
        if answer.unsure:
            draft.hand_over(phrase("why.not_sure", person=question.person.name))
        _follow(draft, replace(answered, route=Route.PHONE), answer)
    return reply.standing


def _end_calls(draft: Draft, question: Question) -> None:
    for task in draft.incident.calls:
        if task.question == question.id and task.done_at is None:
            calling.end(draft, task)


def unreachable(draft: Draft, person: str, why: str) -> None:
    """Somebody cannot be reached in Teams: the next rung at once, with the reason."""
    for question in draft.incident.questions:
        mine = question.person.object_id == person and question.route is not Route.PHONE
        if mine and question.state.state == "open":
            gone = replace(question, state=Unreachable(draft.now, why))
            draft.put_question(gone)
            draft.note(ladder.why_no_answer(draft, gone))
            if not ladder.is_climbing(question):
                ladder.climb(draft, gone)
    ladder.step_failed(draft, person, why)


def away(draft: Draft, absence: Absence) -> None:
    """Somebody is away: the next rung at once, with the reason. Their card stands, and an answer
    counts as before. Whoever has answered meanwhile is there after all."""
    for question in draft.incident.questions:
        mine = question.person.object_id == absence.object_id
        waits = isinstance(question.state, Open) and not question.steps and not question.replies
        if mine and waits and ladder.may_look(draft.incident, draft.customer, question):
            others = (a for a in draft.incident.absences if a.object_id != absence.object_id)
            draft.set(absences=(*others, absence))
            draft.note(ladder.why_no_answer(draft, question))
            ladder.climb(draft, question)
    ladder.step_failed(draft, absence.object_id, "away")


def withdraw_all(draft: Draft) -> None:
    """Nobody is asked any more, by any way."""
    draft.unasked.clear()
    for question in draft.incident.questions:
        _ask_no_more(draft, question)
    for task in draft.incident.calls:
        if task.done_at is None:
            calling.end(draft, task)

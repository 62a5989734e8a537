"""Two cases of ours turn out to be one: the source redirects one to the other, or mirrors it, or an
analyst says so.

The one that is merged begins nothing any more; the other takes over what people said there, whose
account came under suspicion, what was done, and where an analyst says so, all that sources told of
it. What was on its way, or is still said there, is handed on again when it comes. Source: domain.md
section 5, correlation.
"""

from collections.abc import Iterable
from dataclasses import replace

from triage import asking, containing, paging, suspicion, talking, tasking
from triage.assess import answer_weight, assess, outweighs
from triage.authority import is_thread_guarded, may_command
from triage.draft import Draft
from triage.events import Absorbed, MergedInto, NotMerged
from triage.extract import add, all_told, everybody, with_kinds
from triage.incident import (
    MOST_REFS,
    ActionState,
    Answered,
    ApprovalState,
    Incident,
    IncidentType,
    Merged,
    Question,
    Taint,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import CALL_ME, PLAYBOOKS, Channel, gravest_first


def handed_on(incident: Incident) -> Absorbed:
    """What a case that is merged hands on; its questions are named after it."""
    return Absorbed(
        name=incident.name,
        questions=tuple(
            q if q in incident.heard else _as_of(incident, q) for q in incident.answered
        ),
        actions=tuple(
            replace(a, denied=containing.was_denied(incident, a))
            for a in incident.actions
            if a.state not in _NOTHING_DONE or containing.was_denied(incident, a)
        ),
        taints=incident.taints,
        types=tuple(t for t in incident.types if _forbids(t)),
        owner=incident.owner,
        owner_name=incident.owner_name,
        handed_over=incident.handed_over,
        escalated_by=incident.escalated_by,
        paged=incident.paged_at is not None,
        kept_open=incident.kept_open,
        affected=everybody(incident.affected, incident.joined),
        talking=incident.talking,
        to_call=tuple(_as_of(incident, q) for q in incident.questions if _waits_for_call(q)),
        told=all_told(incident) if incident.has_parts or _merged_by_analyst(incident) else None,
    )


def _as_of(incident: Incident, question: Question) -> Question:
    return replace(question, id=f"{incident.name}/{question.id}")


def _waits_for_call(question: Question) -> bool:
    return bool(question.replies) and question.replies[-1].choice == CALL_ME.id


def _merged_by_analyst(incident: Incident) -> bool:
    return incident.merged is not None and incident.merged.by is not None


def told_later(incident: Incident) -> Absorbed:
    """What a merged case hands on once it was merged: whoever had it then has the other no more for
    it, or gave it away, and what sources have told since went to the other."""
    return replace(
        handed_on(incident), owner=None, owner_name=None, escalated_by=(), told=None, later=True
    )


_NOTHING_DONE = (ActionState.PROPOSED, ActionState.ALREADY_DONE)


def _forbids(kind: IncidentType) -> bool:
    """Kinds that rule something out for the whole case. The others come with the alerts, when the
    source tells of them under the other case: till then nobody else is asked about them."""
    return PLAYBOOKS[kind].channel is Channel.NOBODY or not PLAYBOOKS[kind].lowers


def may_merge(draft: Draft, event: MergedInto) -> Phrase | None:
    """Why an analyst may not merge it; None where they may, and where the source says so.

    - they may command here
    - the other one is another one, goes on, and is theirs to change as well
    - it has room for what sources call both
    """
    if event.by is None:
        return None
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return refused
    if event.into == draft.incident.id:
        return phrase("refused.merge_itself", name=event.name)
    why = draft.known.facts.unmergeable
    return phrase(f"refused.merge_{why}", name=event.name, most=MOST_REFS) if why else None


def has_room(into: Incident, part: Incident) -> bool:
    """Whether one case can hold what sources call both."""
    return len({(ref.source, ref.source_id) for ref in (*into.refs, *part.refs)}) <= MOST_REFS


def given_up(incident: Incident, goes_on: Incident) -> tuple[Phrase, ...]:
    """What merging it ends, and does not begin in the one that goes on by itself: to be seen before
    it is done."""
    into = goes_on.name
    known = (*goes_on.heard, *goes_on.questions)
    there = {q.topic for q in known if q.answer or q.state.state in asking.PENDING}
    waits = (q for q in incident.questions if q.state.state in asking.PENDING)
    asked = [q.person.name for q in waits if q.topic not in there]
    tasked = [t.person.name for t in incident.open_tasks]
    approvals = sum(a.state is ApprovalState.OPEN for a in incident.approvals)
    lines = (
        (len(asked), phrase("confirm.merge_questions", count=len(asked), people=_names(asked))),
        (len(tasked), phrase("confirm.merge_tasks", count=len(tasked), people=_names(tasked))),
        (approvals, phrase("confirm.merge_approvals", count=approvals, into=into)),
    )
    return tuple(line for count, line in lines if count)


def _names(people: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(people))


def stay_two(draft: Draft, event: NotMerged) -> None:
    """A person must know, who reads of each in the other."""
    why = phrase("why.not_merged", name=event.name)
    draft.hand_over_once(why)
    draft.tell_analysts(f"not_merged:{event.name}", why)


def merge(draft: Draft, event: MergedInto) -> None:
    """The case ends here, and says where it goes on."""
    asking.withdraw_all(draft)
    tasking.withdraw_all(draft)
    containing.withdraw_approvals(draft, merged=True)
    paging.rings_elsewhere(draft)
    draft.set(merged=Merged(draft.now, event.into, event.name, event.by), closing=None)
    key = "timeline.merged_by" if event.by_name else "timeline.merged"
    says = phrase(key, name=event.name, by=event.by_name)
    draft.note(says)
    draft.tell_analysts("merged", says)
    if not is_thread_guarded(draft.incident, draft.customer):
        told = phrase("say.merged", name=draft.incident.name, into=event.name)
        draft.tell_customer("merged", told)


def absorb(draft: Draft, event: Absorbed) -> None:
    """Suspicion and answers count on, what was done is not done again, and whoever worked on the
    other case, or was to look at it, keeps it. A closing that is held begins anew. Absorbing the
    same case again adds what it has learnt since."""
    says = phrase("timeline.absorbed", name=event.name)
    if all(entry.says != says for entry in draft.timeline):
        draft.note(says)
    draft.tell_analysts(f"absorbed:{event.name}", says)
    draft.set(
        types=gravest_first((*draft.incident.types, *event.types)),
        closing=None,
        kept_open=draft.incident.kept_open or event.kept_open,
        escalated_by=tuple(dict.fromkeys((*draft.incident.escalated_by, *event.escalated_by))),
    )
    _suspect(draft, event.taints)
    if event.told is not None:
        told = all_told(draft.incident), event.told
        draft.incident = add(draft.incident, event.told)
        draft.set(has_parts=True)
        for each in told:
            suspicion.look_anew(draft, each)
    _join(draft, event)
    for question in event.questions:
        _hear(draft, question)
    containing.take_over(draft, event.actions)
    if draft.incident.handed_over is None and event.handed_over is not None:
        draft.hand_over(event.handed_over)
    if draft.incident.owner is None and event.owner is not None:
        draft.set(owner=event.owner, owner_name=event.owner_name)
        paging.taken(draft)
    elif event.paged:
        paging.nobody_took_it(draft)


def hear_wishes(draft: Draft, event: Absorbed) -> None:
    """Who there wants an analyst to write with, or to call them."""
    for person in draft.incident.concerned:
        if person.object_id in event.talking and not talking.is_begun(draft.incident, person):
            talking.begin(draft, person)
    for question in event.to_call:
        asking.take_over_wish(draft, question)


def is_work(draft: Draft, before: Incident) -> bool:
    """Whether what a merged case has told since raises, or leaves something to do."""
    now = draft.incident
    then, stands = (assess(i, draft.customer, draft.now).log_odds for i in (before, now))
    return (
        stands > then
        or bool(now.suspects - before.suspects)
        or any(a.state in _TO_DO and a not in before.actions for a in now.actions)
    )


_TO_DO = (ActionState.ORDERED, ActionState.UNDOING, ActionState.FAILED, ActionState.REFUSED)


# --- what it is about ----------------------------------------------------------------------------


def _join(draft: Draft, event: Absorbed) -> None:
    """Those whom it does not list among its own. Where it has more people than the state lists,
    suspects stay, and a person decides."""
    ours = draft.incident
    own = {a.who for a in ours.affected}
    everyone = everybody(ours.joined, event.affected)
    joined = [a for a in everyone if a.who not in own]
    joined.sort(key=lambda a: a.object_id not in ours.suspects)
    draft.set(
        affected=with_kinds(ours.affected, everyone),
        joined=tuple(joined[:MOST_JOINED]),
        overflow=ours.overflow or len(joined) > MOST_JOINED,
    )


MOST_JOINED = 20


# --- what people said there ----------------------------------------------------------------------


def _suspect(draft: Draft, taints: tuple[Taint, ...]) -> None:
    """A suspicion that arose there is this case's own from now on: the other one, which may be why
    the account is suspect here, is over; also one that was settled there, which nothing here but
    what was seen since makes stand again. Where there is later evidence than ours, what was done
    before it counts no more."""
    for told in taints:
        ours = [t for t in draft.incident.taints if t.object_id == told.object_id]
        own = next((t for t in ours if not t.is_lent), None)
        trusted = own.lifted_at if own else None
        if told.lifted_at is not None:
            if own is None or (trusted is not None and trusted < told.lifted_at):
                others = tuple(t for t in draft.incident.taints if t is not own)
                draft.set(taints=(*others, told))
            continue
        if trusted is not None and told.last_evidence <= trusted:
            continue  # it has been settled here since
        if told.is_lent and ours:
            continue  # it is evidence in the case that lends it, and not of the one that is merged
        if own is not None and trusted is None:
            suspicion.evidence_of(draft, told.object_id, told.last_evidence)
            continue
        if not any(t.lifted_at is None for t in ours):
            asking.withdraw_card(draft, told.object_id)
        others = tuple(t for t in draft.incident.taints if t not in ours)
        draft.set(taints=(*others, told))


def _hear(draft: Draft, told: Question) -> None:
    """What the same person was asked in both cases counts once: the later word where we know whose
    it is, else the worse. What still waits for that answer here waits no more."""
    same = [q for q in (*draft.incident.heard, *draft.incident.questions) if q.topic == told.topic]
    ours = next((q for q in same if q.answer is not None), None)
    for question in same:
        if question.answer is None and question.state.state != "withdrawn":
            asking.withdraw(draft, question)
    if ours is None:
        _remember(draft, told)
    elif not outweighs(draft.incident, told, ours):
        return
    elif ours in draft.incident.heard:
        draft.set(heard=tuple(told if q is ours else q for q in draft.incident.heard))
    elif told.answer is not None:
        replies = asking.kept((*ours.replies, told.answer))
        draft.put_question(replace(ours, state=Answered(draft.now), replies=replies))


MOST_HEARD = 20
"""Answers of merged cases that the state carries, those that speak for harm before the others; the
event log holds all."""


def _remember(draft: Draft, told: Question) -> None:
    heard = (*draft.incident.heard, told)
    if len(heard) > MOST_HEARD:
        lightest = min(heard, key=lambda q: answer_weight(draft.incident, q))
        heard = tuple(q for q in heard if q is not lightest)
    draft.set(heard=heard)

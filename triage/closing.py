"""How a case closes, and comes back: proposed, held so that a person may object, closed, reopened.

Sources: triage.md section 4; docs/decisions/3-closing.md.
"""

from dataclasses import replace
from datetime import timedelta

from triage import asking, containing, ladder, paging, suspicion, tasking
from triage.actions import LOOKING
from triage.assess import RULES, assess
from triage.authority import is_thread_guarded
from triage.draft import Draft
from triage.incident import (
    ActionState,
    ApprovalState,
    Band,
    Closed,
    Closing,
    Decision,
    Disposition,
    Incident,
    IncidentType,
    Proposal,
    Route,
    Standing,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import books
from triage.verdicts import technical, told, verdict

HOLD = timedelta(minutes=30)
"""How long a closing is held so that a person may object (triage.md section 4)."""


def consider(draft: Draft) -> None:
    """Propose how it closes; hold it where nobody needs to tap (decision page 3).

    - nothing may be open: no question, no approval, no call, no action on its way
    - low enough and opted in, and nobody asked to look: closes after the hold
    - contained, with everything done that was ordered: closes as a true positive after the hold,
      unless an account is under suspicion or something failed, was denied or undone
    - a case that is restricted, or of unknown type, never closes by itself
    - otherwise an analyst closes with one tap
    """
    decision = draft.incident.decision
    if decision is None or something_is_open(draft.incident):
        stop(draft)
        return
    proposal = decision.proposal or _contained_proposal(draft, decision)
    if proposal is None:
        stop(draft)
        return
    draft.set(decision=replace(decision, proposal=proposal))
    held = draft.incident.closing
    if not _may_hold(draft.incident, decision):
        stop(draft)
    elif held is None or held.proposal.disposition is not proposal.disposition:
        until = draft.now + HOLD
        draft.set(closing=Closing(until, proposal))
        draft.note(phrase("timeline.closing", until=until))
        draft.wake(f"close:{until.isoformat()}", until)


def stop(draft: Draft) -> None:
    if draft.incident.closing is not None:
        draft.set(closing=None)


def something_is_open(incident: Incident) -> bool:
    return (
        any(q.state.state in asking.PENDING for q in incident.questions)
        or any(map(ladder.is_climbing, incident.questions))
        or any(a.state is ApprovalState.OPEN for a in incident.approvals)
        or any(c.done_at is None for c in incident.calls)
        or bool(incident.open_tasks)
        or any(a.state in (ActionState.ORDERED, ActionState.UNDOING) for a in incident.actions)
    )


def _contained_proposal(draft: Draft, decision: Decision) -> Proposal | None:
    """A true positive: harmful by the score, and everything ordered is done."""
    if decision.band is not Band.CONTAIN or not is_contained(draft.incident):
        return None
    book = books(draft.incident)[0]
    return Proposal(Disposition.TRUE_POSITIVE, book.determination, recommendation(draft))


def is_contained(incident: Incident) -> bool:
    """Everything that stops an attacker is done, and nothing affected was left out; looking (a
    scan, a package) stops nobody."""
    stopping = [a for a in incident.actions if a.kind not in LOOKING]
    done = all(a.state in (ActionState.DONE, ActionState.ALREADY_DONE) for a in stopping)
    return bool(stopping) and done and not containing.left_out(incident)


def _may_hold(incident: Incident, decision: Decision) -> bool:
    if (
        incident.kept_open
        or _is_unread(incident)
        or incident.type in (IncidentType.UNKNOWN, IncidentType.RESTRICTED)
    ):
        return False
    if decision.band is Band.CLOSE:
        return incident.handed_over is None
    left = (ActionState.PROPOSED, ActionState.FAILED, ActionState.REFUSED, ActionState.UNDONE)
    return (
        decision.band is Band.CONTAIN
        and not incident.is_suspicious
        and all(a.state not in left for a in incident.actions)
    )


def _is_unread(incident: Incident) -> bool:
    """Somebody's last word waits for an analyst: words, or a correction that lowers."""
    last = [q.replies[-1] for q in incident.questions if q.replies]
    return any(r.standing is Standing.FOR_ANALYST for r in last)


def recommendation(draft: Draft) -> Phrase | None:
    key = books(draft.incident)[0].prevents
    if key is None:
        return None
    return tasking.recommend(draft.incident, draft.customer, phrase(key), draft.now)


def leave_to_analyst(draft: Draft) -> None:
    """A case with nothing open, nothing proposed and nobody's name on it is an analyst's."""
    incident = draft.incident
    left = incident.owner is None and incident.handed_over is None and incident.closing is None
    proposed = incident.decision is not None and incident.decision.proposal is not None
    if left and not proposed and not something_is_open(incident):
        draft.hand_over_once(phrase("why.undecided"))


def close(
    draft: Draft, proposal: Proposal, by: str | None, by_name: str | None, comment: str | None
) -> None:
    decision = draft.incident.decision or assess(draft.incident, draft.customer, draft.now)
    asking.withdraw_all(draft)
    containing.withdraw_approvals(draft)
    paging.taken(draft)
    closed = Closed(
        at=draft.now,
        by=by,
        by_name=by_name,
        disposition=proposal.disposition,
        determination=proposal.determination,
        comment=comment,
        reasons=decision.reasons,
        rules=RULES,
        recommendation=proposal.recommendation,
    )
    draft.set(closed=closed, closing=None)
    if by is not None and proposal.disposition in _HARMLESS:
        suspicion.lift_as_harmless(draft)
    key = "timeline.closed_by" if by_name else "timeline.closed"
    draft.note(phrase(key, by=by_name, disposition=technical(proposal)))
    if not is_thread_guarded(draft.incident, draft.customer):
        says = phrase("say.closed", name=draft.incident.name, disposition=verdict(proposal))
        draft.tell_customer("closed", says)
    _tell_people_the_end(draft, proposal)
    tasking.suggest(draft, proposal.recommendation)


_HARMLESS = (Disposition.EXPECTED, Disposition.FALSE_POSITIVE)


def _tell_people_the_end(draft: Draft, proposal: Proposal) -> None:
    """Whoever is concerned and was asked hears what it was; not through an account under suspicion."""
    asked = {q.person.object_id: q for q in draft.incident.questions if q.was_sent}
    for question in asked.values():
        person = question.person
        if not draft.incident.affects(person.object_id, person.upn):
            continue
        if question.route is Route.CARD and not draft.incident.is_tainted(person.object_id):
            answered = draft.incident.has_replied(person.object_id)
            draft.tell_person(person.object_id, "closed", told(proposal, answered=answered))


def reopen(draft: Draft, why: Phrase) -> None:
    """Back to work: a new generation, so that its messages and deadlines are new ones. It is
    nobody's: whoever had it has closed it and gone, and one that nobody takes rings."""
    draft.set(
        closed=None,
        closing=None,
        recommendation_accepted_by=None,
        recommendation_discussed_by=None,
        reopened=draft.incident.reopened + 1,
        owner=None,
        owner_name=None,
        escalated_by=(),
        handed_over=None,
        paged_at=None,
        handed_reasons=(),
    )
    suspicion.reconsider(draft)
    tasking.withdraw_suggested(draft)
    draft.hand_over(why)
    if not is_thread_guarded(draft.incident, draft.customer):
        draft.tell_customer("reopened", phrase("say.reopened", name=draft.incident.name))
    draft.tell_analysts("reopened", why)

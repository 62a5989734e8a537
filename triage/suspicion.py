"""Accounts that may be in an attacker's hands: how that begins, what ends it.

Source: triage.md section 6. It comes from an identity risk or incident of medium or more, from an
answer that gives something away, or from another case of which it holds. It ends when the password
was reset, the sessions were revoked (and what was open has run out) and somebody knows that it is
this person; or when a person closes the case as harmless. New evidence begins it anew.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from triage import asking
from triage.actions import ActionKind
from triage.draft import Draft
from triage.incident import (
    KEPT,
    ActionState,
    Affected,
    Assurance,
    Clearance,
    Cleared,
    Incident,
    Taint,
    Told,
)
from triage.phrases import phrase
from triage.playbooks import PLAYBOOKS, QUESTIONS, Channel, is_about_accounts
from triage.recognising import type_of
from triage.report import Alert, Product, Severity

RUNS_OUT = timedelta(minutes=15)
"""How long access may outlive a revocation (domain.md section 3, continuous access evaluation)."""

_LEAST = Severity.MEDIUM.rank


# --- how it begins -------------------------------------------------------------------------------


def taint(draft: Draft) -> None:
    """Mark the accounts that may be in an attacker's hands.

    - every affected account, known to the roster or not, where the incident is about accounts, at
      medium severity and above, or where an identity alert of medium or more is among its alerts
    - whoever said that they gave a password, a code or control away
    - anybody who has to do with it, affected in a case that became part of it, asked or tasked, of
      whom it holds in another case, for as long as it does
    """
    incident = draft.incident
    _give_back(draft)
    suspect = _accounts_are_suspect(incident)
    own = {a.object_id for a in incident.affected}
    accounts = (*incident.joined, *incident.affected)
    known = {p.object_id: p.name for p in incident.involved}
    known |= {a.object_id: _name_of(a) for a in accounts if a.object_id}
    for object_id, name in known.items():
        if suspect and object_id in own:
            _mark(draft, object_id, name, "taint.this_incident")
        elif _gave_it_away(incident, object_id):
            _mark(draft, object_id, name, "taint.own_answer")
    for object_id, name in known.items():
        if object_id in draft.known.facts.at_risk:
            _mark(draft, object_id, name, "taint.other_incident")


def _name_of(affected: Affected) -> str:
    return affected.person.name if affected.person else affected.account.label


def _mark(draft: Draft, object_id: str, name: str, why: str) -> None:
    """A suspicion of this case's own takes the place of a lent one, and counts what was done from
    now on only: what was done before was done about another matter. One that was lifted stays so
    until there is new evidence, which takes it away, or another answer that gives something away."""
    mark = Taint(object_id, draft.now, phrase(why, person=name))
    theirs = [t for t in draft.incident.taints if t.object_id == object_id]
    own = next((t for t in theirs if not t.is_lent), None)
    lent = next((t for t in theirs if t.is_lent), None)
    stands = own is not None and own.lifted_at is None
    lifted = own is not None and why == "taint.this_incident"
    if stands or (lent if mark.is_lent else lifted):
        return
    replaced = (lent,) if mark.is_lent else (lent, own)
    since = lent.since if lent else draft.now
    kept = tuple(t for t in draft.incident.taints if t not in replaced)
    counts_from = draft.now if lent else None
    draft.set(taints=(*kept, replace(mark, since=since, counts_from=counts_from)))
    draft.note(mark.why)
    asking.withdraw_card(draft, object_id)


def _give_back(draft: Draft) -> None:
    """What another case lent is over when it is over there."""
    for mark in draft.incident.taints:
        if mark.is_lent and mark.object_id not in draft.known.facts.at_risk:
            draft.set(taints=tuple(t for t in draft.incident.taints if t is not mark))
            draft.note(phrase("timeline.taint_over_elsewhere", person=mark.name))


def _accounts_are_suspect(incident: Incident) -> bool:
    if is_about_accounts(incident) and incident.severity.rank >= _LEAST:
        return True
    return any(_is_identity_risk(n.product, n.severity) for n in incident.alerts)


def _is_identity_risk(product: Product, severity: Severity) -> bool:
    return product in (Product.ENTRA, Product.IDENTITY) and severity.rank >= _LEAST


def _gave_it_away(incident: Incident, object_id: str) -> bool:
    """In an answer since the account was last trusted."""
    lifted = [t.lifted_at for t in incident.taints if t.object_id == object_id]
    trusted = max((at for at in lifted if at is not None), default=None)
    given = [
        QUESTIONS[q.kind].answer(q.answer.choice or "")
        for q in incident.answered
        if q.person.object_id == object_id
        and q.answer
        and (trusted is None or q.answer.at > trusted)
    ]
    return any(answer is not None and answer.taints for answer in given)


def tells_anew(alerts: Iterable[Alert], known: Incident, severity: Severity) -> bool:
    """Whether a report brings an alert that makes accounts suspect, and that was not known. Where
    the state may not list all that were, one of later than those that speak of accounts."""
    before = {note.id for note in known.alerts}
    since = known.accounts_seen if len(before) >= KEPT else None
    news = (
        a
        for a in alerts
        if a.id not in before and (since is None or a.seen is None or a.seen > since)
    )
    return any(
        speaks_of_accounts(a)
        and (severity.rank >= _LEAST or _is_identity_risk(a.product, a.severity))
        for a in news
    )


def speaks_of_accounts(alert: Alert) -> bool:
    """By its kind, or as an identity risk."""
    about = PLAYBOOKS[type_of(alert)].channel is Channel.TAINTED
    return about or _is_identity_risk(alert.product, alert.severity)


def begin_anew(draft: Draft) -> None:
    """New evidence: nothing that was done before it counts any more."""
    stand = [t for t in draft.incident.taints if t.lifted_at is None]
    anew = (t if t.is_lent else replace(t, cleared=(), counts_from=draft.now) for t in stand)
    draft.set(taints=tuple(anew))


def look_anew(draft: Draft, told: Told) -> None:
    """The same for whoever is named by what a case was told, since its latest alert that speaks of
    accounts."""
    about = any(PLAYBOOKS[kind].channel is Channel.TAINTED for kind in told.types)
    suspect = about and draft.incident.severity.rank >= _LEAST
    suspect = suspect or any(_is_identity_risk(n.product, n.severity) for n in told.alerts)
    at = told.accounts_seen or max((note.at for note in told.alerts if note.at), default=None)
    if suspect and at is not None:
        for object_id in (a.object_id for a in told.affected if a.object_id):
            evidence_of(draft, object_id, at)


def evidence_of(draft: Draft, object_id: str, at: datetime) -> None:
    """What was done before then counts no more, and a suspicion that was lifted before begins anew."""
    own = (t for t in draft.incident.taints if t.object_id == object_id and not t.is_lent)
    mark = next(own, None)
    if mark is None or at <= (mark.lifted_at or mark.last_evidence):
        return
    if mark.lifted_at is not None:
        draft.set(taints=tuple(t for t in draft.incident.taints if t is not mark))
        return
    later = tuple(c for c in mark.cleared if c.at >= at)
    _put(draft, mark, replace(mark, cleared=later, counts_from=at))


def reconsider(draft: Draft) -> None:
    """The case was not harmless after all: what was lifted for that stands again."""
    draft.set(taints=tuple(t for t in draft.incident.taints if t.lifted != "benign"))


# --- what ends it --------------------------------------------------------------------------------


def record(draft: Draft, mark: Taint, cleared: Cleared) -> None:
    """One part is done: who says so, and by what proof."""
    _put(draft, mark, replace(mark, cleared=(*mark.cleared, cleared)))
    part = phrase(f"clearance.{cleared.part}")
    draft.note(phrase("timeline.cleared", person=mark.name, part=part, how=cleared.how))


def clear(draft: Draft) -> None:
    """Take down what was done for the accounts under suspicion, and trust again those for which
    everything was. Doing it twice changes nothing."""
    for object_id in sorted(draft.incident.suspects):
        for part in Clearance:
            mark = own_mark(draft.incident, object_id)
            done = _done(draft.incident, mark, part) if mark and not mark.part(part) else None
            if mark is not None and done is not None:
                record(draft, mark, done)
        mark = own_mark(draft.incident, object_id)
        if mark is not None:
            _lift_in_time(draft, mark)


def own_mark(incident: Incident, object_id: str) -> Taint | None:
    """The suspicion of this case's own that stands against an account."""
    own = (t for t in incident.taints if not t.is_lent and t.lifted_at is None)
    return next((t for t in own if t.object_id == object_id), None)


def _done(incident: Incident, mark: Taint, part: Clearance) -> Cleared | None:
    """What the record of this case shows by itself. What was rehearsed was not done."""
    match part:
        case Clearance.RESET:
            return _by_action(incident, mark, part, ActionKind.RESET_PASSWORD)
        case Clearance.REVOKED:
            return _by_action(incident, mark, part, ActionKind.REVOKE_SESSIONS)
        case Clearance.CHECKED:
            return _by_voice(incident, mark)


def _by_action(
    incident: Incident, mark: Taint, part: Clearance, kind: ActionKind
) -> Cleared | None:
    reset = mark.part(Clearance.RESET) if part is Clearance.REVOKED else None
    counts_from = max(mark.last_evidence, reset.at) if reset else mark.last_evidence
    for action in incident.actions:
        mine = action.kind is kind and action.target.id.lower() == mark.object_id
        if not mine or action.at is None or action.at < counts_from or action.rehearsed:
            continue
        if action.state is ActionState.DONE:
            return Cleared(part, action.at, phrase("cleared.by_us"))
        if action.state is ActionState.ALREADY_DONE:
            return Cleared(part, action.at, phrase("cleared.at_source"))
    return None


def _by_voice(incident: Incident, mark: Taint) -> Cleared | None:
    """Whoever was reached by somebody who knows them, whatever they said."""
    for question in (*incident.heard, *incident.questions):
        for reply in question.replies if question.person.object_id == mark.object_id else ():
            if reply.assurance is Assurance.L3 and reply.at >= mark.last_evidence:
                return Cleared(Clearance.CHECKED, reply.at, phrase("cleared.by_voice"))
    return None


def _lift_in_time(draft: Draft, mark: Taint) -> None:
    revoked = mark.part(Clearance.REVOKED)
    if revoked is None or any(mark.part(part) is None for part in Clearance):
        return
    until = revoked.at + RUNS_OUT
    if until > draft.now:
        draft.wake(f"taint:{mark.object_id}@{until.isoformat()}", until)
        return
    _put(draft, mark, replace(mark, lifted_at=draft.now, lifted="cleared"))
    says = phrase("timeline.taint_lifted", person=mark.name)
    draft.note(says)
    draft.tell_analysts(f"trusted:{mark.object_id}:{draft.now.isoformat()}", says)


def lift_as_harmless(draft: Draft) -> None:
    """A person says that nothing was wrong: nobody is under suspicion for it any more."""
    for object_id in sorted(draft.incident.suspects):
        mark = own_mark(draft.incident, object_id)
        if mark is not None:
            _put(draft, mark, replace(mark, lifted_at=draft.now, lifted="benign"))
            draft.note(phrase("timeline.taint_harmless", person=mark.name))


def _put(draft: Draft, before: Taint, after: Taint) -> None:
    draft.set(taints=tuple(after if t is before else t for t in draft.incident.taints))

"""Which response actions follow from a decision, and what entitles us to each.

Source: triage.md sections 4 and 6, domain.md section 4. No action without a tier that allows it, a
standing rule of the customer, or a live approval.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from triage.actions import ACTIONS, ActionKind, Target, TargetKind, Tier
from triage.assess import assess, could_change
from triage.authority import approval_stands, approvers, is_thread_guarded, rule_of
from triage.customer import Asset, AssetKind, Consent, Customer, StandingRule, Stop
from triage.draft import Draft
from triage.incident import (
    ActionState,
    Affected,
    Approval,
    ApprovalState,
    Band,
    Basis,
    ByApproval,
    ByRule,
    Decision,
    Incident,
    ResponseAction,
    Route,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import QUESTIONS, books, books_about, is_about_accounts
from triage.report import DoneKind, Severity

MOST_TARGETS = 5
"""Targets of one kind in one incident; beyond that a person decides."""

APPROVAL_MINUTES = 15


def propose(draft: Draft) -> None:
    """Every response action the playbook and the answers name, once per target."""
    for action in draft.incident.actions:
        if action.state is ActionState.PROPOSED and _source_did(
            draft.incident, action.kind, action.target
        ):
            draft.put_action(replace(action, state=ActionState.ALREADY_DONE, at=draft.now))
            _withdraw_approval(draft, action)
        elif action.state is ActionState.ALREADY_DONE and not _source_did(
            draft.incident, action.kind, action.target
        ):  # a source that is not to be believed any more had said so
            draft.put_action(replace(action, state=ActionState.PROPOSED, at=None))
    if left_out(draft.incident):
        draft.hand_over_once(phrase("why.targets_left_out"))
    for kind, target in wanted(draft.incident):
        if not any(a.kind is kind and a.target.id == target.id for a in draft.incident.actions):
            draft.put_action(_new_action(draft, kind, target))


def _new_action(draft: Draft, kind: ActionKind, target: Target) -> ResponseAction:
    done = _source_did(draft.incident, kind, target)
    return ResponseAction(
        id=f"a{len(draft.incident.actions) + 1}",
        kind=kind,
        target=target,
        tier=tier_of(kind, target, draft.incident, draft.customer),
        state=ActionState.ALREADY_DONE if done else ActionState.PROPOSED,
        at=draft.now if done else None,
    )


MOST_ACTIONS = 40
"""Of one case, so that its state stays small with many merged ones."""


def take_over(draft: Draft, actions: tuple[ResponseAction, ...]) -> None:
    """What we did, are doing or undid, and what the customer said no to, in a case that became part
    of this one: it stands here too, and is undone from here."""
    if len(draft.incident.actions) + len(actions) > MOST_ACTIONS:
        draft.hand_over_once(phrase("why.targets_left_out"))
    for theirs in actions[: MOST_ACTIONS - len(draft.incident.actions)]:
        ours = next((a for a in draft.incident.actions if _is_same(a, theirs)), None)
        if ours is not None and not _overtakes(theirs, ours):
            continue
        if ours is not None:
            _withdraw_approval(draft, ours)
        id_ = ours.id if ours else f"a{len(draft.incident.actions) + 1}"
        # What entitled it stands in the record of the other case.
        draft.put_action(replace(theirs, id=id_, basis=None))


def _overtakes(theirs: ResponseAction, ours: ResponseAction) -> bool:
    """What is not done here is as it is there; of two that were done, the later word counts."""
    match ours.state:
        case ActionState.PROPOSED | ActionState.FAILED | ActionState.REFUSED:
            return True
        case ActionState.ORDERED | ActionState.UNDOING if ours.basis is None:
            return True  # it was taken over on its way: this is what became of it
        case ActionState.ORDERED | ActionState.ALREADY_DONE:
            return theirs.state is ActionState.DONE and not theirs.rehearsed
        case ActionState.DONE | ActionState.UNDONE:
            return ours.at is None or (theirs.at is not None and theirs.at > ours.at)
        case ActionState.UNDOING:
            return False


def _is_same(one: ResponseAction, other: ResponseAction) -> bool:
    return (one.kind, one.target.id) == (other.kind, other.target.id)


def wanted(incident: Incident) -> tuple[tuple[ActionKind, Target], ...]:
    """The playbooks' containment, and what the answers given add for the person who gave them."""
    found = [
        (kind, target)
        for kind in _named(incident)
        for target in targets(incident, kind, _whose(incident, kind))[:MOST_TARGETS]
    ]
    return (*found, *_added(incident))


def _named(incident: Incident) -> tuple[ActionKind, ...]:
    """What the playbooks of the case name."""
    return tuple(dict.fromkeys(kind for book in books(incident) for kind in book.contains))


def _whose(incident: Incident, kind: ActionKind) -> Iterator[Affected]:
    """The accounts for which a playbook that is about them names it."""
    for affected in incident.affected:
        if any(kind in book.contains for book in books_about(incident, affected)):
            yield affected


def _added(incident: Incident) -> Iterator[tuple[ActionKind, Target]]:
    for question in incident.answered:
        reply = question.answer
        answer = QUESTIONS[question.kind].answer(reply.choice or "") if reply else None
        if answer is not None and answer.contains is not None:
            whose = [a for a in incident.affected if a.object_id == question.person.object_id]
            for target in targets(incident, answer.contains, whose):
                yield answer.contains, target


def targets(incident: Incident, kind: ActionKind, whose: Iterable[Affected]) -> tuple[Target, ...]:
    """What the action can be aimed at, of accounts only these: only things with the id its API
    takes."""
    match ACTIONS[kind].target:
        case TargetKind.ACCOUNT:
            found = [
                (a.person.object_id, a.person.name)
                if a.person
                else (a.account.object_id, a.account.label)
                for a in whose
            ]
        case TargetKind.DEVICE if kind is ActionKind.DISABLE_DEVICE:
            found = [(d.entra_id, d.name) for d in incident.devices]
        case TargetKind.DEVICE:
            found = [(d.device_id, d.name) for d in incident.devices]
        case TargetKind.FILE:
            found = [(f.sha1, f.name) for f in incident.files]
        case TargetKind.URL:
            found = [(url, url) for url in incident.urls]
        case TargetKind.MESSAGE:
            found = [(m.message_id, m.subject or m.message_id) for m in incident.messages]
        case TargetKind.APP:
            found = [(a.app_id, a.name) for a in incident.apps]
    return tuple(Target(ACTIONS[kind].target, id_, label) for id_, label in found if id_)


_DONE_AS = {
    ActionKind.ISOLATE_DEVICE: {DoneKind.ISOLATED},
    ActionKind.DISABLE_ACCOUNT: {DoneKind.DISABLED},
    ActionKind.QUARANTINE_FILE: {DoneKind.QUARANTINED, DoneKind.REMOVED, DoneKind.BLOCKED},
}


def _source_did(incident: Incident, kind: ActionKind, target: Target) -> bool:
    """The source, its automation or an administrator has done it: never repeated, never undone."""
    names = {target.id.lower(), target.label.lower()}
    if target.kind is TargetKind.ACCOUNT:
        names.add((incident.upn_of(target) or target.id).lower())
    return any(
        done.kind in _DONE_AS.get(kind, set())
        and {done.target.lower(), (done.target_id or "").lower()} & names
        for done in incident.already_done
    )


def tier_of(kind: ActionKind, target: Target, incident: Incident, customer: Customer) -> Tier:
    """One tier up for VIPs, privileged and tier-0 accounts, servers and tier-0 machines, where the
    action's facts say so."""
    facts = ACTIONS[kind]
    return (
        facts.tier.raised()
        if facts.uplift and _is_grave(target, incident, customer)
        else facts.tier
    )


def _is_grave(target: Target, incident: Incident, customer: Customer) -> bool:
    if target.kind is TargetKind.ACCOUNT:
        upn = incident.upn_of(target)
        facts = customer.facts_about(upn)
        return customer.is_privileged(upn) or bool(facts and facts.vip)
    assets = _assets(target, incident, customer)
    return any(a.kind is AssetKind.SERVER or a.tier_0 for a in assets)


def is_protected(target: Target, incident: Incident, customer: Customer) -> bool:
    """Break-glass accounts and protected assets: never touched without a person's approval; nor is
    an account whose UPN we do not know, because it may be one."""
    if target.kind is TargetKind.ACCOUNT:
        upn = incident.upn_of(target)
        facts = customer.facts_about(upn)
        return upn is None or bool(facts and facts.break_glass)
    return any(a.protected for a in _assets(target, incident, customer))


def _assets(target: Target, incident: Incident, customer: Customer) -> list[Asset]:
    """What the customer says of the machines an action touches; a file is on any of the case's."""
    names = (
        [target.label] if target.kind is TargetKind.DEVICE else [d.name for d in incident.devices]
    )
    return [asset for asset in map(customer.asset, names) if asset is not None]


def may_have_been_done(action: ResponseAction) -> bool:
    """By us: what may be in force can be undone, also where we never heard that it was."""
    return action.state is ActionState.DONE or (
        action.state is ActionState.REFUSED and action.maybe_done
    )


def is_reversible(action: ResponseAction) -> bool:
    return ACTIONS[action.kind].reversible


# --- what entitles us ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Nobody has allowed it yet: ask the customer for approval."""


@dataclass(frozen=True, slots=True)
class Advise:
    """The customer acts themselves: they are told what to do."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is done now; an analyst may still ask for it."""


def entitlement(
    action: ResponseAction, incident: Incident, customer: Customer, decision: Decision
) -> ByRule | Ask | Advise | Leave:
    """What a decision allows for one action (triage.md section 4), by the consent that the rule for
    it, or without one the customer, has given.

    - an account of which, as an alert has come to tell, it is not wanted: left alone
    - notify: never ours to do; told once it would be done or asked for
    - break-glass and protected: never automatically; asked where we must contain
    - tier A: at once from "escalate" on, and for suspect accounts whatever the score; where a rule
      says collaborate, asked
    - tier B: at once at "contain" where authorized, else asked from "escalate" on
    - tier C: at once only where a rule names privileged accounts for lockout, else asked
    - tier D: asked where we must contain; two people approve
    """
    rule = rule_of(action, incident, customer)
    consent = rule.consent if rule else customer.consent
    contain = decision.band is Band.CONTAIN
    grave = contain or decision.band is Band.ESCALATE
    at_once = grave or contains_first(incident, decision)
    if _is_anothers(action, incident):
        return Leave()
    if consent is Consent.NOTIFY:
        return Advise() if grave or (at_once and action.tier is Tier.A) else Leave()
    if is_protected(action.target, incident, customer):
        return Ask() if contain else Leave()
    authorized = consent is Consent.AUTHORIZE
    by_rule = ByRule(rule.number if rule else None)
    match action.tier:
        case Tier.A if at_once:
            return Ask() if rule and not authorized else by_rule
        case Tier.B if contain and authorized:
            return by_rule
        case Tier.C if (
            contain and authorized and rule and _locks_out(rule, action, incident, customer)
        ):
            return by_rule
        case Tier.B | Tier.C if grave:
            return Ask()
        case Tier.D if contain:
            return Ask()
        case _:
            return Leave()


def _is_anothers(action: ResponseAction, incident: Incident) -> bool:
    """Whether it is wanted of other accounts than this one, as an alert has come to tell."""
    if action.target.kind is not TargetKind.ACCOUNT or action.kind not in _named(incident):
        return False
    wants = [
        *targets(incident, action.kind, _whose(incident, action.kind)),
        *(target for kind, target in _added(incident) if kind is action.kind),
    ]
    return all(target.id != action.target.id for target in wants)


def contains_first(incident: Incident, decision: Decision) -> bool:
    """A suspect account at medium and above is contained before anybody is asked.

    Unless the customer has said beforehand that it is expected.
    """
    suspect = is_about_accounts(incident)
    expected = any(r.rule == "sign.expected_fact" for r in decision.reasons)
    return suspect and incident.severity.rank >= Severity.MEDIUM.rank and not expected


def _locks_out(
    rule: StandingRule, action: ResponseAction, incident: Incident, customer: Customer
) -> bool:
    upn = incident.upn_of(action.target)
    return (
        rule.privileged and action.target.kind is TargetKind.ACCOUNT and customer.is_privileged(upn)
    )


def contain(draft: Draft, decision: Decision) -> None:
    """Order what we are entitled to, ask for the rest; what was denied stays with people.

    What the score no longer asks for is no longer asked, unless an analyst wants it.
    """
    for action in draft.incident.actions:
        if action.state is not ActionState.PROPOSED or was_denied(draft.incident, action):
            continue
        match entitlement(action, draft.incident, draft.customer, decision):
            case ByRule() as basis:
                _withdraw_approval(draft, action)
                order(draft, action, basis)
            case Ask() if not _was_asked(draft.incident, action) and not _still_asking(
                draft, decision
            ):
                ask_approval(draft, action)
            case Advise() if not _still_asking(draft, decision):
                _advise(draft, action)
            case Leave():
                _withdraw_approval(draft, action, but_analysts=True)
            case _:
                pass


def _advise(draft: Draft, action: ResponseAction) -> None:
    """The customer acts: their thread says what to do, and an analyst sees to it that it is done."""
    _withdraw_approval(draft, action, but_analysts=True)
    if action.advised:
        return
    draft.put_action(replace(action, advised=True))
    if not is_thread_guarded(draft.incident, draft.customer):
        draft.tell_customer(f"advised:{action.id}", phrase("say.advised", action=describe(action)))
    draft.hand_over(phrase("why.customer_acts", action=describe(action)))


def was_denied(incident: Incident, action: ResponseAction) -> bool:
    return action.denied or any(
        a.action == action.id and a.state is ApprovalState.DENIED for a in incident.approvals
    )


def _was_asked(incident: Incident, action: ResponseAction) -> bool:
    """Asked in vain is not asked again; withdrawn is as if never asked."""
    return any(
        a.action == action.id and a.state is not ApprovalState.WITHDRAWN for a in incident.approvals
    )


def is_still_wanted(draft: Draft, action: ResponseAction) -> bool:
    """Whether the score, as it stands now, would still have us ask for it."""
    decision = assess(draft.incident, draft.customer, draft.now)
    allowed = entitlement(action, draft.incident, draft.customer, decision)
    return action.state is ActionState.PROPOSED and isinstance(allowed, ByRule | Ask)


def _still_asking(draft: Draft, decision: Decision) -> bool:
    """Below "contain" a proposal waits for the answer that is still open (decision page 4)."""
    if decision.band is Band.CONTAIN:
        return False
    return any(
        q.state.state == "open"
        and q.route is not Route.PHONE
        and (q.id in draft.mattering or could_change(draft.incident, draft.customer, draft.now, q))
        for q in draft.incident.questions
    )


def order(draft: Draft, action: ResponseAction, basis: Basis) -> None:
    """Order it, telling the person first where it cuts them off."""
    draft.put_action(replace(action, state=ActionState.ORDERED, basis=basis, at=draft.now))
    draft.note(phrase("timeline.ordered", action=describe(action), by=_basis_phrase(basis, draft)))
    if action.kind is ActionKind.ISOLATE_DEVICE:
        # Isolation takes Teams away on that device: tell them first, on the phone.
        tell_people(draft, f"isolating:{action.id}", "notice.isolating", action)
    draft.contain(action)


def _basis_phrase(basis: Basis, draft: Draft) -> Phrase:
    match basis:
        case ByRule(rule) if rule is not None:
            return phrase("basis.rule", rule=rule)
        case ByRule():
            always = draft.customer.consent is not Consent.AUTHORIZE
            return phrase("basis.tier_a" if always else "basis.standing")
        case ByApproval(approval):
            found = draft.incident.approval(approval)
            return phrase("basis.approval", by=(found.by_name if found else None) or "")


def tell_people(draft: Draft, purpose: str, key: str, action: ResponseAction) -> None:
    """Say it to whoever is asked on a card, and is not under suspicion: an edit notifies nobody."""
    on_card = {
        q.person.object_id for q in draft.incident.questions if q.route is Route.CARD and q.was_sent
    }
    for person in sorted(on_card):
        if not draft.incident.is_tainted(person):
            draft.tell_person(person, purpose, phrase(key, device=action.target.label))


def ask_approval(
    draft: Draft,
    action: ResponseAction,
    asked_by: str | None = None,
    asked_by_name: str | None = None,
) -> None:
    """Open an approval, unless too few may give it. `asked_by` is the analyst who wants it."""
    if draft.customer.shadow:
        draft.hand_over_once(phrase("why.shadow_approval", action=describe(action)))
        return
    needs = 2 if action.tier is Tier.D else 1
    rule = rule_of(action, draft.incident, draft.customer)
    may = approvers(draft.incident, draft.customer, rule, needs)
    if len(may) < needs:
        which = "why.too_few_approvers" if may else "why.nobody_may_approve"
        draft.hand_over_once(phrase(which, action=describe(action)))
        return
    unseen = is_thread_guarded(draft.incident, draft.customer)
    if unseen:
        draft.hand_over_once(phrase("why.approval_by_phone", action=describe(action)))
    approval = Approval(
        id=f"p{len(draft.incident.approvals) + 1}",
        action=action.id,
        asked_at=draft.now,
        due=draft.now + timedelta(minutes=rule.minutes if rule else APPROVAL_MINUTES),
        acts_on_silence=not unseen
        and not was_denied(draft.incident, action)
        and acts_on_silence(action, draft.incident, draft.customer),
        rule=rule.number if rule else None,
        asked_by=asked_by,
        asked_by_name=asked_by_name,
        needs=needs,
        in_thread=not unseen,
    )
    draft.put_approval(approval)
    draft.note(phrase("timeline.approval_asked", action=describe(action)))
    draft.wake(f"approval:{approval.id}", approval.due)


def show_approvals(draft: Draft) -> None:
    """What was asked while the thread hid it is asked there once it hides nothing any more."""
    if is_thread_guarded(draft.incident, draft.customer):
        return
    for approval in draft.incident.approvals:
        if not approval.in_thread and approval.state is ApprovalState.OPEN:
            draft.put_approval(replace(approval, in_thread=True))


def may_be_ordered(incident: Incident, action: ResponseAction) -> bool:
    """Whether a person may ask for it: proposed, or tried and not done; and not asked already."""
    asked = any(a.action == action.id and a.state is ApprovalState.OPEN for a in incident.approvals)
    return action.state in _ORDERABLE and not asked


_ORDERABLE = (
    ActionState.PROPOSED,
    ActionState.FAILED,
    ActionState.REFUSED,
    ActionState.UNDONE,
)


def describe(action: ResponseAction) -> Phrase:
    """What it does, in a word or two: "Isolate LAPTOP-7"."""
    return phrase(f"action.{action.kind}", target=action.target.label)


def withdraw_approvals(draft: Draft, *, merged: bool = False) -> None:
    for approval in draft.incident.approvals:
        if approval.state is ApprovalState.OPEN:
            over = replace(approval, state=ApprovalState.WITHDRAWN, at=draft.now, merged=merged)
            draft.put_approval(over)


def _withdraw_approval(draft: Draft, action: ResponseAction, *, but_analysts: bool = False) -> None:
    for approval in draft.incident.approvals:
        kept = but_analysts and approval.asked_by is not None
        if approval.action == action.id and approval.state is ApprovalState.OPEN and not kept:
            draft.put_approval(replace(approval, state=ApprovalState.WITHDRAWN, at=draft.now))


APPROVAL_LIVES = timedelta(hours=1)
"""How long after it was given an approval may still be acted on: downtime must not stretch it."""


@dataclass(frozen=True, slots=True)
class Lately:
    """What the customer's other incidents and the operators have to do with an action."""

    reached: int = 0
    """Targets that this kind of action reached within the last hour, or is reaching."""
    stopped: Stop | None = None
    """The kill switch of this customer, of all, or the circuit breaker."""


def recheck(
    incident: Incident,
    action: ResponseAction,
    customer: Customer,
    now: datetime,
    lately: Lately = Lately(),
) -> Phrase | None:
    """Why an ordered action must not be carried out after all; None when it still may.

    Asked again in the transaction that claims it (design.md section 1, containment): between order
    and execution the case may have closed or the profile may have changed.

    - it is still ordered (or still to be undone), and the case is not closed, unless it is undone;
      of a case that was merged the other one is told what became of it
    - nobody has stopped the response actions of this customer, and the breaker has not opened
    - an approval that entitles it was given, not too long ago, and by whoever may still give it
    - a rule that entitles it still stands in today's profile, nobody of the customer has said no,
      and the target is not protected
    - the customer's cap for an hour leaves room, whoever approved it

    What was done may be undone whatever is stopped or capped: it gives back.
    """
    if action.state is ActionState.UNDOING:
        return None
    if action.state is not ActionState.ORDERED or incident.closed is not None:
        return phrase("refused.no_longer_ordered")
    if lately.stopped is not None:
        return phrase("refused.stopped")
    refused = _no_longer_entitled(incident, action, customer, now)
    if refused is None and lately.reached >= customer.caps.of(action.kind):
        return phrase(OVER_THE_CAP)
    return refused


OVER_THE_CAP = "refused.cap"


def is_rehearsed(action: ResponseAction, customer: Customer) -> bool:
    """Whether nothing is touched: in shadow mode. What was done is really undone all the same, and
    what was only rehearsed is never, whatever the profile has come to say since."""
    return action.rehearsed if action.state is ActionState.UNDOING else customer.shadow


def _no_longer_entitled(
    incident: Incident, action: ResponseAction, customer: Customer, now: datetime
) -> Phrase | None:
    match action.basis:
        case ByApproval(approval_id):
            approval = incident.approval(approval_id)
            given = approval.at if approval and approval.state is ApprovalState.APPROVED else None
            if approval is None or given is None or now - given > APPROVAL_LIVES:
                return phrase("refused.approval_over")
            stands = approval_stands(incident, approval, customer)
            return None if stands else phrase("refused.approval_lapsed")
        case ByRule() if was_denied(incident, action):
            return phrase("refused.denied")
        case ByRule():
            return None if _rule_stands(incident, action, customer) else phrase("refused.protected")
        case None:
            return phrase("refused.no_longer_ordered")


def _rule_stands(incident: Incident, action: ResponseAction, customer: Customer) -> bool:
    """Today's profile would still allow it: at once, or by the silence that was waited for."""
    if is_protected(action.target, incident, customer) or incident.decision is None:
        return False
    grave = replace(incident.decision, band=Band.CONTAIN)
    if isinstance(entitlement(action, incident, customer, grave), ByRule):
        return True
    waited = any(
        a.action == action.id and a.state is ApprovalState.EXPIRED for a in incident.approvals
    )
    return waited and acts_on_silence(action, incident, customer)


def acts_on_silence(action: ResponseAction, incident: Incident, customer: Customer) -> bool:
    """Whether the customer, as their profile stands today, has us act where nobody can be reached.

    - never on what is protected, and never where two must approve
    - by the rule for it, or without one by the mode of the customer, for tiers A and B
    """
    if is_protected(action.target, incident, customer) or action.tier is Tier.D:
        return False
    rule = rule_of(action, incident, customer)
    if rule is None:
        agreed = customer.consent is Consent.COLLABORATE and customer.act_if_unreachable
        return agreed and action.tier in (Tier.A, Tier.B)
    return rule.consent is Consent.COLLABORATE and rule.act_if_unreachable


def left_out(incident: Incident) -> bool:
    """Whether a machine or account of the case has no action: it lacks the id its API takes, or
    there are more than we touch in one case. Such a case is not contained by its actions alone."""
    for kind in _named(incident):
        match ACTIONS[kind].target:
            case TargetKind.DEVICE:
                things = len(incident.devices)
            case TargetKind.ACCOUNT:
                things = len(list(_whose(incident, kind)))
            case _:
                continue
        if len(targets(incident, kind, _whose(incident, kind))[:MOST_TARGETS]) < things:
            return True
    return incident.overflow

"""The card that asks the customer to approve a response action."""

from triage import authority
from triage.actions import ActionKind
from triage.containing import describe
from triage.customer import AssetKind, Customer
from triage.incident import Approval, ApprovalState, Incident, ResponseAction
from triage.phrases import Phrase, phrase
from triage.surfaces.threads import headline, what_was_said
from triage.views import ApprovalCard


def approval_card(incident: Incident, customer: Customer, approval: Approval) -> ApprovalCard:
    action = incident.action(approval.action)
    if action is None:
        raise ValueError(f"approval {approval.id} is for no action of {incident.name}")
    return ApprovalCard(
        approval=approval.id,
        name=incident.name,
        because=(headline(incident), *what_was_said(incident)[-2:]),
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
    if approval.merged and merged:  # of what a source merges, the other case need know nothing yet
        key = "approval.merged" if merged.by else "approval.part_of"
        return phrase(key, name=merged.name, at=approval.at)
    return phrase(f"approval.{approval.state}", by=approval.by_name, at=approval.at)

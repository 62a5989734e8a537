"""Who may answer, approve and command. Each condition stands on its own line, with its refusal.

Sources: design.md section 4, rules 4 to 6; domain.md sections 3 and 4.
"""

from triage.customer import Customer, Provider, Role
from triage.events import ApprovalAnswered
from triage.incident import Approval, ApprovalState, Incident, Question, Standing
from triage.phrases import Phrase, phrase


def may_answer(question: Question | None, by: str) -> Phrase | None:
    """Why this person may not answer this question; None when they may."""
    if question is None:
        return phrase("refused.unknown_question")
    if question.person.object_id != by:
        return phrase("refused.not_addressee")
    return None


def standing_of(
    incident: Incident, question: Question, choice: str | None, weight: float, before: float
) -> Standing:
    """What a reply of the right person counts for.

    - free text is read by an analyst
    - through a tainted account it is floored
    - in time, and the first of its question, it counts
    - late, after closing or as a correction, it counts when it raises, or changes nothing in the
      score; one that lowers goes to an analyst
    """
    if choice is None:
        return Standing.FOR_ANALYST
    if incident.is_tainted(question.person.object_id):
        return Standing.TAINTED
    first_and_in_time = question.state.state == "open" and question.answer is None
    if first_and_in_time and not incident.is_over:
        return Standing.COUNTED
    return Standing.COUNTED if weight >= before else Standing.FOR_ANALYST


def may_approve(
    incident: Incident, approval: Approval | None, customer: Customer, event: ApprovalAnswered
) -> Phrase | None:
    """Why this person may not decide on this response action; None when they may.

    - the approval exists, and is still open
    - they are a contact of this customer with the role approver or security, or stand in for one
    - they are not affected by the incident themselves
    - their own account is not under suspicion
    """
    if approval is None:
        return phrase("refused.unknown_approval")
    if approval.state is not ApprovalState.OPEN:
        return phrase("refused.approval_over")
    if not is_approver(customer, event.by_upn):
        return phrase("refused.not_approver")
    if incident.affects(event.by):
        return phrase("refused.affected_never_approves")
    if incident.is_tainted(event.by):
        return phrase("refused.account_suspect")
    return None


def is_approver(customer: Customer, upn: str) -> bool:
    approvers = customer.with_role(Role.APPROVER, Role.SECURITY)
    return any(upn.lower() in (c.upn.lower(), (c.delegate or "").lower()) for c in approvers)


def may_speak_for_customer(incident: Incident, customer: Customer, upn: str, by: str) -> bool:
    """Any contact of the customer may object, accept a recommendation or discuss; not the affected."""
    return customer.contact(upn) is not None and not incident.affects(by)


def may_command(provider: Provider, by: str) -> Phrase | None:
    """Why this person may not act as an analyst; None when they are on the roster."""
    return None if provider.analyst(by) else phrase("refused.not_analyst")


def approvers(incident: Incident, customer: Customer) -> tuple[tuple[str, str], ...]:
    """Who is asked to approve: (UPN, name), approvers first, never the affected."""
    affected = {a.person.upn.lower() for a in incident.affected if a.person}
    named = customer.with_role(Role.APPROVER) or customer.with_role(Role.SECURITY)
    return tuple((c.upn, c.name) for c in named if c.upn.lower() not in affected)

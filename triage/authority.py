"""Who may answer, approve and command. Each condition stands on its own line, with its refusal.

Sources: design.md section 4, rules 4 to 6; domain.md sections 3 and 4.
"""

from datetime import datetime

from triage.customer import Customer, Provider, Role
from triage.draft import Known
from triage.events import ApprovalAnswered
from triage.incident import (
    Approval,
    ApprovalState,
    Incident,
    IncidentType,
    Open,
    Question,
    Standing,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import Answer


def may_answer(question: Question | None, by: str) -> Phrase | None:
    """Why this person may not answer this question; None when they may."""
    if question is None:
        return phrase("refused.unknown_question")
    if question.person.object_id != by:
        return phrase("refused.not_addressee")
    return None


def standing_of(
    incident: Incident,
    question: Question,
    answer: Answer | None,
    change: float,
    now: datetime,
) -> Standing:
    """What a reply of the right person counts for; `change` is what it would do to the score.

    - free text, and the wish to be called, is read by an analyst
    - through a tainted account it is floored, and displaces no answer that says worse
    - in time, and the first of its question, it counts
    - late or as a correction, it counts when it raises, or changes nothing in the score; after
      closing, when it raises; else it goes to an analyst
    """
    if answer is None or answer.call:
        return Standing.FOR_ANALYST
    if incident.is_tainted(question.person.object_id):
        return Standing.TAINTED if change >= 0 else Standing.FOR_ANALYST
    in_time = isinstance(question.state, Open) and now < question.state.due
    if in_time and question.answer is None and not incident.is_over:
        return Standing.COUNTED
    if incident.is_over:
        return Standing.COUNTED if change > 0 else Standing.FOR_ANALYST
    return Standing.COUNTED if change >= 0 else Standing.FOR_ANALYST


def may_approve(
    incident: Incident,
    approval: Approval | None,
    known: Known,
    event: ApprovalAnswered,
    now: datetime,
) -> Phrase | None:
    """Why this person may not decide on this response action; None when they may.

    - the approval exists, and is still open; to approve, also in time
    - they are a contact of this customer with the role approver or security, or stand in for one
    - they are not affected by the incident themselves
    - their own account is not under suspicion
    """
    if approval is None:
        return phrase("refused.unknown_approval")
    if approval.state is not ApprovalState.OPEN:
        return phrase("refused.approval_over")
    if event.approve and approval.due <= now:
        return phrase("refused.unknown_approval")
    if not is_approver(known.customer, event.by_upn):
        return phrase("refused.not_approver")
    if incident.affects(event.by, event.by_upn) or event.by in known.facts.concerned:
        return phrase("refused.affected_never_approves")
    if incident.is_tainted(event.by) or event.by in known.facts.at_risk:
        return phrase("refused.account_suspect")
    return None


def is_approver(customer: Customer, upn: str) -> bool:
    """Whoever is not on the roster comes without a UPN, and is nobody's delegate."""
    approvers = customer.with_role(Role.APPROVER, Role.SECURITY)
    named = {name.lower() for c in approvers for name in (c.upn, c.delegate) if name}
    return upn.lower() in named


def may_speak_for_customer(incident: Incident, customer: Customer, upn: str, by: str) -> bool:
    """Any contact of the customer may object, accept a recommendation or discuss; not the affected."""
    return customer.contact(upn) is not None and not incident.affects(by, upn)


def may_command(provider: Provider, by: str) -> Phrase | None:
    """Why this person may not act as an analyst; None when they are on the roster."""
    return None if provider.analyst(by) else phrase("refused.not_analyst")


def approvers(incident: Incident, customer: Customer) -> tuple[tuple[str, str], ...]:
    """Who is asked to approve: (UPN, name), approvers first, never the affected."""
    named = customer.with_role(Role.APPROVER) or customer.with_role(Role.SECURITY)
    return tuple((c.upn, c.name) for c in named if not incident.affects("", c.upn))


def is_thread_guarded(incident: Incident, customer: Customer) -> bool:
    """Whether the customer's thread shows a neutral placeholder only (triage.md section 6).

    - the case is restricted: it is not for the thread at all
    - a suspect account reads the thread, or may approve
    """
    return incident.type is IncidentType.RESTRICTED or any(
        p.reads_thread or is_approver(customer, p.upn)
        for p in (a.person for a in incident.affected)
        if p is not None and incident.is_tainted(p.object_id)
    )

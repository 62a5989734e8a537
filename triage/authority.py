"""Who may answer, approve and command. Each condition stands on its own line, with its refusal.

| who | answers a question | approves or denies | overrides |
|---|---|---|---|
| the person asked | their own | never what affects them | no |
| customer: approver, security, or who stands in for one | no | yes; the rule for an action may narrow it to some of them | keeps a case open |
| customer: any other contact | no | no | keeps a case open; accepts what is recommended; answers the tasks of their role |
| analyst on the provider's roster | takes down what was said on the phone | never | orders, undoes, closes and reopens against the score |
| anybody affected, or whose account is suspect | only their own question | never | never |
| an administrator of Vouch | no | no | stops all response actions, and allows them again |

An analyst's order does not replace the customer's consent: what no rule allows is asked for, and
who asked for it never approves it. What is tier D two different people approve. Whatever we did, an
analyst undoes with one tap, where it can be undone.

Sources: design.md section 4, rules 4 to 6 and 11; domain.md sections 3 and 4; triage.md section 6.
"""

from datetime import datetime

from triage.customer import Consent, Contact, Customer, Provider, Role, StandingRule
from triage.draft import Known
from triage.events import ApprovalAnswered, Attested, ConsentRecorded, SentToCustomer
from triage.incident import (
    Approval,
    ApprovalState,
    Incident,
    IncidentType,
    Open,
    Person,
    Question,
    ResponseAction,
    Rung,
    Signature,
    Standing,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import Answer
from triage.secrecy import asks_for_one


def may_answer(question: Question | None, by: str) -> Phrase | None:
    """Why this person may not answer this question; None when they may."""
    if question is None:
        return phrase("refused.unknown_question")
    if question.person.object_id != by:
        return phrase("refused.not_addressee")
    return None


def may_attest(
    incident: Incident, question: Question | None, known: Known, event: Attested
) -> Phrase | None:
    """Why this person's word for what somebody said by voice does not count; None where it does.

    - they were asked to reach the person, for this question
    - the customer's profile names them as that person's manager, today
    - they are not affected by the incident themselves
    - their own account is not under suspicion
    """
    if question is None:
        return phrase("refused.unknown_question")
    asked = [s.person.object_id for s in question.steps if s.rung is Rung.MANAGER and s.person]
    facts = known.customer.facts_about(question.person.upn)
    manager = (facts.manager if facts else None) or ""
    if event.by not in asked or not event.by_upn or manager.lower() != event.by_upn.lower():
        return phrase("refused.not_manager")
    if incident.affects(event.by, event.by_upn) or event.by in known.facts.concerned:
        return phrase("refused.not_manager")
    if incident.is_tainted(event.by) or event.by in known.facts.at_risk:
        return phrase("refused.account_suspect")
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
    - they are a contact of this customer with the role approver or security, or stand in for one,
      and where the rule for the action names its approvers, for one of those
    - they are not affected by the incident themselves
    - their own account is not under suspicion
    - they did not ask for it themselves
    """
    if approval is None:
        return phrase("refused.unknown_approval")
    if approval.state is not ApprovalState.OPEN:
        return phrase("refused.approval_over")
    if event.approve and approval.due <= now:
        return phrase("refused.unknown_approval")
    rule = rule_of(incident.action(approval.action), incident, known.customer)
    if not is_approver(known.customer, event.by_upn, rule):
        return phrase("refused.not_approver")
    if incident.affects(event.by, event.by_upn) or event.by in known.facts.concerned:
        return phrase("refused.affected_never_approves")
    if incident.is_tainted(event.by) or event.by in known.facts.at_risk:
        return phrase("refused.account_suspect")
    if event.by == approval.asked_by:
        return phrase("refused.requester_never_approves")
    return None


def has_signed(approval: Approval, by: str, by_upn: str) -> bool:
    """Whether somebody has said yes already, by card or by phone: the same person by either name."""
    return any(s.by == by or (by_upn and _same(s.by_upn, by_upn)) for s in approval.signed)


def may_take_down(
    incident: Incident, approval: Approval | None, known: Known, event: ConsentRecorded
) -> Phrase | None:
    """Why this analyst may not take down what a contact decided on the phone; None when they may.

    - they may command in this case
    - the thread hides what is asked: what it shows is decided there
    - they did not ask for it themselves
    - they have taken down nobody else's yes to it: no analyst alone is two people's consent
    """
    refused = may_command(incident, known.provider, event.by)
    if refused is not None:
        return refused
    if not is_hidden(incident, known.customer):
        return decided_in_thread(incident, known.customer)
    if approval is None:
        return phrase("refused.unknown_approval")
    if event.by == approval.asked_by:
        return phrase("refused.requester_never_approves")
    taken = (s for s in still_signed(incident, approval, known) if s.recorded_by == event.by)
    if event.approve and any(not _same(s.by_upn, event.contact) for s in taken):
        return phrase("refused.second_analyst")
    return None


def decided_in_thread(incident: Incident, customer: Customer) -> Phrase:
    """That the thread asks, and who is to answer there."""
    asked = dict.fromkeys(
        name
        for approval in incident.approvals
        if approval.state is ApprovalState.OPEN
        for _, name in approvers(
            incident,
            customer,
            rule_of(incident.action(approval.action), incident, customer),
            approval.needs,
        )
    )
    return phrase("refused.decided_in_thread", people=", ".join(asked) or customer.name)


def still_signed(incident: Incident, approval: Approval, known: Known) -> tuple[Signature, ...]:
    """Whose yes still counts: not of somebody who may no longer approve, or who came to be affected
    or suspect since."""
    return tuple(
        s
        for s in _entitled_still(incident, approval, known.customer)
        if s.by not in known.facts.at_risk and s.by not in known.facts.concerned
    )


def approval_stands(incident: Incident, approval: Approval, customer: Customer) -> bool:
    """Whether those who approved it may do so as the profile and the case stand today.

    - each of them may still approve, and is neither affected nor suspect
    - the customer has not come to act themselves, unless an analyst asked for this very thing
    """
    rule = rule_of(incident.action(approval.action), incident, customer)
    consent = rule.consent if rule else customer.consent
    if consent is Consent.NOTIFY and approval.asked_by is None:
        return False
    if not approval.signed:  # it was given before signatures were kept
        return approval.by is None or not incident.is_tainted(approval.by)
    return len(_entitled_still(incident, approval, customer)) >= approval.needs


def _entitled_still(
    incident: Incident, approval: Approval, customer: Customer
) -> tuple[Signature, ...]:
    rule = rule_of(incident.action(approval.action), incident, customer)
    return tuple(
        s
        for s in approval.signed
        if is_approver(customer, s.by_upn, rule)
        and not incident.affects(s.by, s.by_upn)
        and not incident.is_tainted(s.by)
    )


def _same(upn: str, other: str) -> bool:
    return upn.lower() == other.lower()


def rule_of(
    action: ResponseAction | None, incident: Incident, customer: Customer
) -> StandingRule | None:
    """The customer's rule for an action on its very target."""
    if action is None:
        return None
    privileged = customer.is_privileged(incident.upn_of(action.target))
    return customer.rule_for(action.kind, privileged=privileged)


def is_approver(customer: Customer, upn: str, rule: StandingRule | None = None) -> bool:
    """Whether somebody may approve what the rule is for; without one, anything at all. Whoever is
    not on the roster comes without a UPN, and is nobody's delegate."""
    entitled = _entitled(customer, rule)
    named = {name.lower() for c in entitled for name in (c.upn, c.delegate) if name}
    return upn.lower() in named


def _entitled(customer: Customer, rule: StandingRule | None) -> tuple[Contact, ...]:
    """Contacts who may approve, approvers first."""
    known = customer.with_role(Role.APPROVER, Role.SECURITY)
    named = {upn.lower() for upn in rule.approvers} if rule else set()
    may = [c for c in known if not named or c.upn.lower() in named]
    return tuple(sorted(may, key=lambda c: Role.APPROVER not in c.roles))


def may_speak_for_customer(incident: Incident, customer: Customer, upn: str, by: str) -> bool:
    """Any contact of the customer may object, accept a recommendation or discuss; not the affected."""
    return customer.contact(upn) is not None and not incident.affects(by, upn)


def may_command(incident: Incident, provider: Provider, by: str) -> Phrase | None:
    """Why this person may not act as an analyst; None when they may.

    - they are on the roster
    - the case is not about their own account
    """
    if provider.analyst(by) is None:
        return phrase("refused.not_analyst")
    if incident.affects(by) or incident.is_tainted(by):
        return phrase("refused.affected_never_commands")
    return None


def over(incident: Incident) -> Phrase:
    """Why nothing is done in a case that is over, and where or how it goes on."""
    if incident.merged is not None:
        return phrase("refused.reopen_merged", name=incident.merged.name)
    return phrase("refused.over")


def may_send(
    incident: Incident, customer: Customer, provider: Provider, event: SentToCustomer
) -> Phrase | None:
    """Why this person may not write this to the customer's thread, or to somebody concerned; None
    when they may.

    - they may command
    - the case is not for its named lead alone
    - the customer hears of it: no shadow mode, and a thread
    - no suspect account reads that thread
    - of the people, who is concerned, can be written to, and whose account is not suspect
    - it asks for no secret: nobody asks for one in our name
    """
    refused = may_command(incident, provider, event.by)
    if refused is not None:
        return refused
    if incident.type is IncidentType.RESTRICTED:
        return phrase("refused.restricted")
    if customer.shadow:
        return phrase("refused.shadow")
    if asks_for_one(event.text):
        return phrase("refused.asks_for_secret")
    if event.to is not None:
        person = _spoken_to(incident).get(event.to)
        if person is None:
            return phrase("refused.not_a_hearer")
        return _why_not_written_to(person, incident, customer)
    if not incident.threaded:
        return phrase("refused.no_thread")
    if is_thread_guarded(incident, customer):
        return phrase("refused.thread_guarded")
    return None


def hearers(incident: Incident, customer: Customer) -> tuple[tuple[str, str], ...]:
    """The people concerned whom an analyst can write to, and who has a task in their own chat: object
    id and name."""
    if customer.shadow or incident.type is IncidentType.RESTRICTED:
        return ()
    return tuple(
        (p.object_id, p.name)
        for p in _spoken_to(incident).values()
        if _why_not_written_to(p, incident, customer) is None
    )


def _spoken_to(incident: Incident) -> dict[str, Person]:
    tasked = (t.person for t in incident.tasks if not t.in_thread)
    return {p.object_id: p for p in (*incident.concerned, *tasked)}


def _why_not_written_to(person: Person, incident: Incident, customer: Customer) -> Phrase | None:
    if incident.is_tainted(person.object_id):
        return phrase("refused.hearer_suspect", person=person.name)
    why = person.why_not_asked
    if why is None and not customer.may_write_to(person.upn):
        why = "not_in_pilot"
    return phrase("refused.hearer_unreachable", person=person.name, why=why) if why else None


def approvers(
    incident: Incident, customer: Customer, rule: StandingRule | None, needs: int = 1
) -> tuple[tuple[str, str], ...]:
    """Who is asked to approve: (UPN, name), never the affected. Approvers, or where there is none the
    security team; where two are needed, all who may."""
    entitled = _entitled(customer, rule)
    first = [c for c in entitled if Role.APPROVER in c.roles]
    asked = entitled if needs > 1 else first or entitled
    named = {c.upn.lower(): c for c in asked}
    if needs > 1:
        deputies = (customer.contact(c.delegate) for c in asked if c.delegate)
        named |= {d.upn.lower(): d for d in deputies if d is not None}
    return tuple((c.upn, c.name) for c in named.values() if not incident.affects("", c.upn))


def contacts(
    incident: Incident, customer: Customer, rule: StandingRule | None = None
) -> tuple[Contact, ...]:
    """Who may decide for the customer on the phone: approvers first; nobody who is affected, or
    whose account this case makes suspect."""
    suspect = {p.upn.lower() for p in incident.involved if incident.is_tainted(p.object_id)}
    return tuple(
        c
        for c in _entitled(customer, rule)
        if not incident.affects("", c.upn) and c.upn.lower() not in suspect
    )


def is_hidden(incident: Incident, customer: Customer) -> bool:
    """The thread tells nothing because of who reads it: its contacts are told another way."""
    restricted = incident.type is IncidentType.RESTRICTED
    return not restricted and is_thread_guarded(incident, customer)


def is_thread_guarded(incident: Incident, customer: Customer) -> bool:
    """Whether the customer's thread shows a neutral placeholder only (triage.md section 6).

    - the case is restricted: it is not for the thread at all
    - a suspect account reads the thread, administers Teams, or may approve: of those affected here,
      or in a case that became part of this one, and of those who were asked or have a task
    """
    if incident.type is IncidentType.RESTRICTED:
        return True
    if not incident.is_suspicious:
        return False
    accounts = (*incident.affected, *incident.joined)
    upns = {a.object_id: a.upn for a in accounts if a.object_id}
    upns |= {p.object_id: p.upn for p in incident.involved}
    reading = {p.object_id for p in incident.involved if p.reads_thread}
    return any(
        object_id in reading or customer.administers_teams(upn) or is_approver(customer, upn)
        for object_id, upn in upns.items()
        if incident.is_tainted(object_id)
    )

"""What an analyst should know of the customer in this case: short, and only what matters for it.

The profile knows much more; what stands here is about the people and machines of the case, what we
may do, whether anybody is at work there, and whom to turn to.
"""

from zoneinfo import ZoneInfo

from triage import calling, worktime
from triage.authority import rule_of
from triage.containing import describe
from triage.customer import AssetKind, Consent, Contact, Customer, Role, StandingRule
from triage.incident import ActionState, Incident, IncidentType
from triage.ladder import says_away
from triage.phrases import Phrase, phrase
from triage.tasking import owner_of

MOST_CONCERNED = 4
MOST_CONTACTS = 3
MOST_RULES = 2


def context(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """What hinders us first. Of a case that is over, only whom and what it was about."""
    about = (*_kept_from_us(incident, customer), *concerned(incident, customer))
    if incident.is_over:
        return about
    return (
        *_lacking(incident, customer),
        *about[:MOST_CONCERNED],
        *_away(incident),
        *_expected(incident),
        *_allowed(incident, customer),
        _clock(incident, customer),
        *_contacts(incident, customer),
    )


# --- whom and what it is about -------------------------------------------------------------------


def concerned(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """What the customer says of the machines and people. Its whole thread reads it: what nobody
    locks or isolates is told to the analysts alone."""
    return (*_machines(incident, customer), *_people(incident, customer))


def _machines(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    lines = []
    for device in incident.devices:
        asset = customer.asset(device.name)
        if asset is None:
            continue
        kind = "server" if asset.kind is AssetKind.SERVER else "workstation"
        lines.append(
            phrase(
                f"known.asset_{kind}",
                device=device.name,
                purpose=asset.purpose,
                criticality=phrase(f"criticality.{asset.criticality}"),
            )
        )
    return tuple(lines)


def _people(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    lines = []
    for person in incident.people:
        facts = customer.facts_about(person.upn)
        if facts and facts.vip:
            lines.append(phrase("known.vip", person=person.name))
        if customer.is_privileged(person.upn):
            lines.append(phrase("known.privileged", person=person.name))
    return tuple(lines)


def _kept_from_us(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """Which of them nothing is done to without a second look."""
    lines = []
    for device in incident.devices:
        asset = customer.asset(device.name)
        if asset and asset.protected:
            lines.append(phrase("context.protected", device=device.name))
        if asset and asset.tier_0:
            lines.append(phrase("context.tier_0_device", device=device.name))
    for person in incident.people:
        facts = customer.facts_about(person.upn)
        if facts and facts.break_glass:
            lines.append(phrase("context.break_glass", person=person.name))
        if facts and facts.tier_0:
            lines.append(phrase("context.tier_0", person=person.name))
    return tuple(lines)


def _away(incident: Incident) -> tuple[Phrase, ...]:
    known = ((p, incident.absence(p.object_id)) for p in incident.people)
    return tuple(
        phrase("context.away", person=person.name, why=says_away(absence))
        for person, absence in known
        if absence is not None
    )


def _expected(incident: Incident) -> tuple[Phrase, ...]:
    reasons = incident.decision.reasons if incident.decision else ()
    return tuple(r.says for r in reasons if r.rule == "sign.expected_fact")


# --- what we may do ------------------------------------------------------------------------------


def _allowed(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """The rules for what is still to be done here; what holds otherwise, where it matters."""
    waits = [a for a in incident.actions if a.state in (ActionState.PROPOSED, ActionState.ORDERED)]
    ruled = [(a, rule_of(a, incident, customer)) for a in waits]
    lines = {rule.number: _rule(rule, describe(a)) for a, rule in reversed(ruled) if rule}
    all_ruled = bool(ruled) and all(rule for _, rule in ruled)
    return (*(() if all_ruled else (_consent(customer),)), *[*lines.values()][::-1][:MOST_RULES])


def _consent(customer: Customer) -> Phrase:
    acts = customer.act_if_unreachable and customer.consent is Consent.COLLABORATE
    return phrase("context.consent", consent=_mode(customer.consent, acts=acts))


def _mode(consent: Consent, *, acts: bool) -> Phrase:
    return phrase(f"consent.{consent}_act" if acts else f"consent.{consent}")


def _rule(rule: StandingRule, action: Phrase) -> Phrase:
    mode = _mode(rule.consent, acts=rule.act_if_unreachable)
    return phrase("context.rule", rule=rule.number, action=action, consent=mode)


def _lacking(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """What an administrator of theirs must grant before we can do, or read, what we should."""
    failed = (a.permission for a in incident.actions if a.state is ActionState.FAILED)
    missing = dict.fromkeys(p for p in (*incident.lacks, *failed) if p)
    return tuple(phrase("context.lacks", permission=p, customer=customer.name) for p in missing)


# --- who is there --------------------------------------------------------------------------------


def _clock(incident: Incident, customer: Customer) -> Phrase:
    """Of the last change: a card is shown anew with each, and not by the minute."""
    at = incident.timeline[-1].at if incident.timeline else incident.received
    there = f"{at.astimezone(ZoneInfo(customer.zone)):%H:%M}"
    if customer.hours is None:
        return phrase("context.clock", clock=there, zone=customer.zone)
    begins = worktime.next_working(customer.calendar, at)
    if begins == at:
        return phrase("context.clock_working", clock=there, zone=customer.zone)
    return phrase("context.clock_off", clock=there, zone=customer.zone, begins=begins)


_FIRST = (Role.APPROVER, Role.SECURITY, Role.APPLICATION_OWNER, Role.IT, Role.MANAGER)


def _contacts(incident: Incident, customer: Customer) -> tuple[Phrase, ...]:
    """Who decides, then who owns what the case is about; nobody who is affected."""
    if incident.type is IncidentType.RESTRICTED:
        return ()
    may = customer.with_role(Role.APPROVER, Role.SECURITY)
    deciding = [c for c in may if not incident.affects("", c.upn)][: MOST_CONTACTS - 1]
    owner = owner_of(incident, customer)
    known = {c.upn.lower(): c for c in (*deciding, *([owner] if owner else []))}
    return tuple(_contact(customer, c) for c in known.values())


def _contact(customer: Customer, contact: Contact) -> Phrase:
    role = next(r for r in _FIRST if r in contact.roles)
    number = calling.number_of(customer, contact.upn)
    reach = phrase("label.number", number=number[0], source=number[1]) if number else None
    return phrase("context.contact", person=contact.name, role=role, reach=reach)

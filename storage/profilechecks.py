"""What a profile must not say, although each of its fields by itself is well formed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from ipaddress import ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays as public_holidays
from holidays.registry import COUNTRIES

from storage.tomllines import Place
from triage.actions import ActionKind
from triage.customer import (
    Analyst,
    Consent,
    Contact,
    Customer,
    Due,
    Holidays,
    PersonFacts,
    Provider,
    Role,
    StandingRule,
    StepUp,
    Targets,
    WorkingHours,
    is_guest,
)
from triage.incident import IncidentType

Found = tuple[Place, str]

LANGUAGES = ("en", "de", "pt-BR")
"""Those the cards speak."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PREFIX = re.compile(r"[A-Z][A-Z0-9]{1,11}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTEXT = re.compile(r"c[1-9][0-9]?")
_UPN = re.compile(r"[^@\s]+@[^@\s]+")

SHORTEST_DAY = timedelta(hours=1)
MOST_CARDS = 20
LONGEST_BUNDLE = 120
SHORTEST_RETENTION, LONGEST_RETENTION = 30, 3650
"""Days: people correct themselves and cases are reopened for a month; nobody needs one for longer
than ten years."""
LONGEST_CONTACT = 120

CLOSABLE = frozenset(IncidentType) - {IncidentType.RESTRICTED, IncidentType.UNKNOWN}


def check(profile: Customer | Provider) -> Iterator[Found]:
    """Every contradiction, each with the place it is found at."""
    yield from _identity(profile)
    if isinstance(profile, Provider):
        yield from _analysts(profile.analysts)
        yield from _shifts(profile)
        return
    if not _PREFIX.fullmatch(profile.prefix):
        yield ("prefix",), f"{profile.prefix!r} is not 2 to 12 capital letters and digits"
    yield from _hours(("hours",), profile.hours)
    yield from _holidays(profile)
    yield from _times(profile)
    yield from _targets(profile)
    yield from _privacy(profile)
    yield from _contacts(profile.contacts)
    yield from _people(profile.people)
    if profile.act_if_unreachable and profile.consent is not Consent.COLLABORATE:
        yield ("act_if_unreachable",), 'says nothing unless consent is "collaborate"'
    for index, upn in enumerate(profile.pilot):
        yield from _upn(("pilot", index), upn)
    yield from _caps(profile)
    yield from _rules(profile)
    yield from _facts(profile)
    yield from _step_up(profile.step_up)
    yield from _networks(profile.egress)
    for kind in sorted(profile.auto_close - CLOSABLE):
        yield ("auto_close",), f"{kind!r} is not one of {_listed(CLOSABLE)}"


def _identity(profile: Customer | Provider) -> Iterator[Found]:
    if not _ID.fullmatch(profile.id):
        yield ("id",), f"{profile.id!r} is not made of small letters, digits and dashes"
    if not _GUID.fullmatch(profile.tenant_id):
        yield ("tenant_id",), f"{profile.tenant_id!r} is no GUID; Entra shows it as the tenant ID"
    if not profile.name.strip():
        yield ("name",), "is empty"
    yield from _channel(profile)
    yield from _zone(("zone",), profile.zone)
    yield from _language(("language",), profile.language)


def _zone(place: Place, zone: str) -> Iterator[Found]:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield place, f"{zone!r} is no IANA time zone, such as Europe/Berlin"


def _channel(profile: Customer | Provider) -> Iterator[Found]:
    """Both, or neither: then the channel is bound by `@Vouch setup CODE`."""
    ids = {"team_id": profile.team_id, "channel_id": profile.channel_id}
    for field, id_ in ids.items():
        if id_ is not None and not id_.strip():
            yield (field,), "is empty"
        elif id_ is None and set(ids.values()) != {None}:
            other = next(name for name in ids if name != field)
            yield (field,), f"is missing beside {other}; leave both out to have a channel bound"


def _language(place: Place, language: str | None) -> Iterator[Found]:
    if language is not None and language not in LANGUAGES:
        yield place, f"{language!r} is not one of {_listed(LANGUAGES)}"


def _hours(place: Place, hours: WorkingHours | None) -> Iterator[Found]:
    """A night shift ends before it starts; what starts and ends at once is a mistake."""
    if hours is None:
        return
    if not hours.days:
        yield (*place, "days"), "names no day"
    if hours.start == hours.end != time():
        reason = f"{hours.end:%H:%M} is the start too; a whole day is 00:00 to 00:00"
        yield (*place, "end"), reason
    elif timedelta() < _on_one_day(hours.end) - _on_one_day(hours.start) < SHORTEST_DAY:
        yield (*place, "end"), f"{hours.end:%H:%M} leaves less than an hour of work"


def _privacy(customer: Customer) -> Iterator[Found]:
    days, contact = customer.privacy.retention_days, customer.privacy.contact
    if not SHORTEST_RETENTION <= days <= LONGEST_RETENTION:
        reason = f"{days} is not between {SHORTEST_RETENTION} and {LONGEST_RETENTION} days"
        yield ("privacy", "retention_days"), reason
    if contact is not None and not 0 < len(contact.strip()) <= LONGEST_CONTACT:
        yield ("privacy", "contact"), f"is not 1 to {LONGEST_CONTACT} characters"


def _on_one_day(clock: time) -> datetime:
    return datetime.combine(date.min, clock)


def _holidays(customer: Customer) -> Iterator[Found]:
    days = customer.holidays
    if customer.hours is None and days != Holidays():
        yield ("holidays",), "say nothing without [hours]: every hour is worked then"
    both = sorted(set(days.extra) & set(days.working))
    if both:
        yield ("holidays", "working"), f"{both[0]} is in extra too"
    if days.country is None:
        if days.subdivision is not None:
            yield ("holidays", "subdivision"), "needs the country it is in"
        return
    known = public_holidays.list_supported_countries(include_aliases=False)
    if days.country not in known:
        yield ("holidays", "country"), f"{days.country!r} is no country known{_near(days.country)}"
    elif days.subdivision is not None and days.subdivision not in known[days.country]:
        parts = ", ".join(known[days.country]) or "none"
        reason = f"{days.subdivision!r} is no part of {days.country}; known are: {parts}"
        yield ("holidays", "subdivision"), reason


def _near(written: str) -> str:
    """The countries that may be meant: by code, by a longer code, or by name."""
    known: dict[str, str] = {}
    for name, (_, code, *others) in COUNTRIES.items():
        called = (code, name.replace("_", " "), *others)
        known |= {each.upper(): code for each in called}
    meant = written.strip().upper()
    near = [meant] if meant in known else get_close_matches(meant, known, n=3, cutoff=0.5)
    codes = dict.fromkeys(known[each] for each in near)
    return f"; {' or '.join(codes)}?" if codes else "; two capital letters, such as DE"


def _times(customer: Customer) -> Iterator[Found]:
    for severity in ("high", "medium", "low"):
        minutes = getattr(customer.deadlines, severity)
        if minutes < 1:
            yield ("deadlines", severity), f"{minutes} minutes leave no time to answer"
    if not 1 <= customer.question_budget <= MOST_CARDS:
        reason = f"{customer.question_budget} is not between 1 and {MOST_CARDS} cards a day"
        yield ("question_budget",), reason
    if not 0 <= customer.bundle_minutes <= LONGEST_BUNDLE:
        reason = f"{customer.bundle_minutes} is not between 0 and {LONGEST_BUNDLE} minutes"
        yield ("bundle_minutes",), reason


def _targets(customer: Customer) -> Iterator[Found]:
    for severity in ("high", "medium", "low"):
        targets: Targets = getattr(customer.sla, severity)
        for name in ("acknowledge", "contact", "contain", "resolve"):
            target: int | Due = getattr(targets, name)
            if isinstance(target, int) and target < 1:
                yield ("sla", severity, name), f"{target} minutes can never be kept"


def _contacts(contacts: tuple[Contact, ...]) -> Iterator[Found]:
    upns = {contact.upn.lower() for contact in contacts}
    yield from _twice("contacts", "upn", [contact.upn.lower() for contact in contacts])
    for index, contact in enumerate(contacts):
        place = ("contacts", index)
        yield from _reached(place, contact)
        if not contact.roles:
            yield (*place, "roles"), "names no role"
        if Role.APPLICATION_OWNER in contact.roles and not contact.owns:
            yield (*place, "owns"), "an application owner owns nothing: name apps or devices"
        delegate = (contact.delegate or "").lower()
        if delegate and delegate == contact.upn.lower():
            yield (*place, "delegate"), "nobody stands in for themselves"
        elif delegate and delegate not in upns:
            yield (*place, "delegate"), f"{contact.delegate!r} is not among the contacts"


def _people(people: tuple[PersonFacts, ...]) -> Iterator[Found]:
    yield from _twice("people", "upn", [person.upn.lower() for person in people])
    for index, person in enumerate(people):
        place = ("people", index)
        yield from _reached(place, person)
        yield from _language((*place, "language"), person.language)
        if person.manager is not None:
            yield from _upn((*place, "manager"), person.manager)


def _reached(place: Place, person: Contact | PersonFacts) -> Iterator[Found]:
    yield from _upn((*place, "upn"), person.upn)
    if isinstance(person, Contact) and is_guest(person.upn):
        yield (*place, "upn"), f"{person.upn!r} is a guest: guests neither approve nor are asked"
    if person.phone and not person.phone_source:
        yield (*place, "phone"), "needs a phone_source: where the number comes from, and as of when"


def _upn(place: Place, upn: str) -> Iterator[Found]:
    if not _UPN.fullmatch(upn):
        yield place, f"{upn!r} is no user principal name, such as bob@contoso.com"


def _caps(customer: Customer) -> Iterator[Found]:
    """0 is a limit too: never by us."""
    for action in ActionKind:
        if customer.caps.of(action) < 0:
            yield ("caps", action.value), f"{customer.caps.of(action)} is less than none"
    if customer.breaker < 1:
        yield ("breaker",), f"{customer.breaker} would open it before anything happened"


def _rules(customer: Customer) -> Iterator[Found]:
    yield from _twice("rules", "number", [str(rule.number) for rule in customer.rules])
    said: set[tuple[ActionKind, bool]] = set()
    for index, rule in enumerate(customer.rules):
        place = ("rules", index)
        if rule.minutes < 1:
            yield (*place, "minutes"), f"{rule.minutes} minutes leave no time to answer"
        if (rule.action, rule.privileged) in said:
            reason = f"another rule speaks of {rule.action} for the same accounts"
            yield (*place, "action"), reason
        said.add((rule.action, rule.privileged))
        if rule.act_if_unreachable and rule.consent is not Consent.COLLABORATE:
            yield (*place, "act_if_unreachable"), 'says nothing unless consent is "collaborate"'
        yield from _approvers(customer, (*place, "approvers"), rule)


def _approvers(customer: Customer, place: Place, rule: StandingRule) -> Iterator[Found]:
    may = {c.upn.lower() for c in customer.with_role(Role.APPROVER, Role.SECURITY)}
    for upn in rule.approvers:
        if upn.lower() not in may:
            yield place, f"{upn!r} is no contact with the role approver or security"


def _facts(customer: Customer) -> Iterator[Found]:
    yield from _twice("facts", "id", [fact.id for fact in customer.facts])
    # A person looks at these whatever is known beforehand: a fact would be cited and change nothing.
    kinds = frozenset(IncidentType) - {IncidentType.UNKNOWN, IncidentType.RESTRICTED}
    for index, fact in enumerate(customer.facts):
        if fact.covers not in kinds:
            yield ("facts", index, "covers"), f"{fact.covers!r} is not one of {_listed(kinds)}"


def _step_up(step_up: StepUp | None) -> Iterator[Found]:
    if step_up is not None and not _CONTEXT.fullmatch(step_up.authentication_context):
        reason = f"{step_up.authentication_context!r} is no authentication context: c1 to c99"
        yield ("step_up", "authentication_context"), reason


def _networks(egress: tuple[str, ...]) -> Iterator[Found]:
    for index, network in enumerate(egress):
        try:
            ip_network(network)
        except ValueError as error:
            yield ("egress", index), f"{error}; write 203.0.113.0/24"


def _analysts(analysts: tuple[Analyst, ...]) -> Iterator[Found]:
    yield from _twice("analysts", "object_id", [a.object_id.lower() for a in analysts])
    for index, analyst in enumerate(analysts):
        if not _GUID.fullmatch(analyst.object_id):
            yield ("analysts", index, "object_id"), f"{analyst.object_id!r} is no GUID"
        yield from _upn(("analysts", index, "upn"), analyst.upn)


def _shifts(provider: Provider) -> Iterator[Found]:
    """Each has somebody on it, who is on the roster; whoever is in none is there by `shift on`."""
    roster = {analyst.upn.lower() for analyst in provider.analysts}
    yield from _twice("shifts", "name", [shift.name for shift in provider.shifts])
    for index, shift in enumerate(provider.shifts):
        place = ("shifts", index)
        if not shift.name.strip():
            yield (*place, "name"), "is empty"
        yield from _zone((*place, "zone"), shift.zone)
        yield from _hours(place, WorkingHours(shift.days, shift.start, shift.end))
        if not shift.analysts:
            yield (*place, "analysts"), "names nobody"
        for upn in shift.analysts:
            if upn.lower() not in roster:
                yield (*place, "analysts"), f"{upn!r} is not the upn of one of the analysts"


def _twice(table: str, field: str, values: list[str]) -> Iterator[Found]:
    seen: Counter[str] = Counter()
    for index, value in enumerate(values):
        seen[value] += 1
        if seen[value] == 2:
            yield (table, index, field), f"{value} is there twice"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))

"""What the policy may know beyond a case: read in the transaction that decides, and kept with the event."""

from collections.abc import Collection, Mapping
from datetime import datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from bot import ids
from bot.cases import goes_on
from storage import incidents, people, profiles
from storage import surfaces as surface_rows
from storage.engine import Tx
from triage.authority import may_command
from triage.customer import Customer, Provider, Role
from triage.events import (
    Absorbed,
    ActionDone,
    Answered,
    ApprovalAnswered,
    AskOrdered,
    Attested,
    CardsToday,
    CloseOrdered,
    ConsentRecorded,
    Event,
    Facts,
    FoundAway,
    Match,
    MergedInto,
    NewIncident,
    Reported,
    TaskAnswered,
    TaskGiven,
    Undelivered,
    WishedToTalk,
    Woke,
)
from triage.extract import accounts
from triage.incident import Affected, ApprovalState, Incident, Person
from triage.merging import has_room
from triage.tasking import to_look_up


def facts_of(
    tx: Tx, before: Incident | None, event: Event, now: datetime, *, provider: Provider, pages: bool
) -> Facts:
    """`pages` is whether people's browsers reach ours."""
    customer = profiles.current(tx)
    matches = matches_of(tx, event, customer) if isinstance(event, Reported) else {}
    concerned = _concerned(before, event, matches) | _deciding(tx, before, event, customer)
    helpers = _helpers(tx, concerned, before, event, customer)
    also = _unknown_accounts(before, event, matches) | {p.object_id for p in helpers.values()}
    also |= {p.object_id for p in before.involved} if before else set()
    return Facts(
        new=_new(tx, customer, now) if before is None else None,
        matches=matches,
        at_risk=incidents.at_risk(tx, concerned | also, before.id if before else None),
        concerned=_also_concerned(tx, before, event, customer),
        unseen=_unseen(tx, before) if before else frozenset(),
        helpers=helpers,
        cards=_cards(tx, concerned, before, event, now),
        pages=pages,
        goes_on=_goes_on(tx, before, event),
        unmergeable=_why_not_merged(tx, before, event, provider),
        readers=_readers(tx, concerned | also, event, customer),
    )


def _new(tx: Tx, customer: Customer, now: datetime) -> NewIncident:
    number = incidents.next_number(tx)
    return NewIncident(ids.incident_id(now), f"{customer.prefix}-{number}", ids.case_code())


def _concerned(before: Incident | None, event: Event, matches: Mapping[str, Match]) -> set[str]:
    people = [m.person for m in matches.values()]
    people += [a.person for a in _told_of(event)]
    people += before.concerned if before else ()
    return {p.object_id for p in people if p}


def _told_of(event: Event) -> tuple[Affected, ...]:
    """Whom a case is about that becomes part of this one."""
    return event.affected if isinstance(event, Absorbed) else ()


def _unknown_accounts(
    before: Incident | None, event: Event, matches: Mapping[str, Match]
) -> set[str]:
    """Object ids of affected accounts, also where the roster knows nobody of that id."""
    known = (*before.affected, *before.joined) if before else ()
    affected = (*known, *_told_of(event))
    unmatched = (key for key, match in matches.items() if match.person is None)
    by_key = {key.removeprefix("oid:") for key in unmatched if key.startswith("oid:")}
    return by_key | {a.object_id for a in affected if a.object_id}


def matches_of(tx: Tx, event: Reported, customer: Customer) -> dict[str, Match]:
    """Who the accounts of a report belong to, by account key."""
    return {a.key: people.match(tx, a, customer) for a in accounts(event.report)}


def _deciding(tx: Tx, before: Incident | None, event: Event, customer: Customer) -> set[str]:
    """Who decides on an approval, by card or by phone, and who has signed it before; who says that it
    was somebody, or what became of a task; who is to be asked."""
    match event:
        case ApprovalAnswered(by=by):
            decides = {by}
        case Attested(by=by) | TaskAnswered(by=by):
            return {by}
        case AskOrdered(person=upn):
            asked = people.by_upn(tx, customer.tenant_id, upn)
            return {asked.object_id} if asked else set()
        case ConsentRecorded(contact=contact):
            found = people.by_upn(tx, customer.tenant_id, contact)
            decides = {found.object_id} if found else set()
        case _:
            return set()
    approval = before.approval(event.approval) if before else None
    return decides | {s.by for s in (approval.signed if approval else ())}


def _also_concerned(
    tx: Tx, before: Incident | None, event: Event, customer: Customer
) -> frozenset[str]:
    """Which approvers are affected, also where the state no longer lists everybody."""
    if before is None:
        return frozenset()
    deciding = _deciding(tx, before, event, customer)
    return frozenset(by for by in deciding if incidents.is_about(tx, before.id, by))


def _readers(tx: Tx, involved: Collection[str], event: Event, customer: Customer) -> frozenset[str]:
    """Who of the people involved is in the team now; asked for where somebody joined or left."""
    if not (isinstance(event, Woke) and event.name.startswith(READERS)):
        return frozenset()
    known = (people.get(tx, customer.tenant_id, person) for person in involved)
    return frozenset(k.object_id for k in known if k and k.in_team)


READERS = "readers"


def _goes_on(tx: Tx, before: Incident | None, event: Event) -> bool:
    """Asked for where somebody wants to talk about a case that was merged."""
    if before is None or before.merged is None or not isinstance(event, WishedToTalk):
        return True
    return not goes_on(tx, before).is_over


def _why_not_merged(
    tx: Tx, before: Incident | None, event: Event, provider: Provider
) -> Literal["over", "own", "room"] | None:
    if before is None or not isinstance(event, MergedInto) or event.by is None:
        return None
    into = incidents.load(tx, event.into)
    if into is None or may_command(into, provider, event.by) is not None:
        return "own"
    if into.is_over:
        return "over"
    return None if has_room(into, before) else "room"


def _unseen(tx: Tx, before: Incident) -> frozenset[str]:
    """Open approvals whose card nobody was ever shown: silence on them is no consent."""
    return frozenset(
        approval.id
        for approval in before.approvals
        if approval.state is ApprovalState.OPEN
        and not surface_rows.was_shown(tx, before.id, f"approval:{approval.id}")
    )


def _helpers(
    tx: Tx,
    concerned: Collection[str],
    before: Incident | None,
    event: Event,
    customer: Customer,
) -> dict[str, Person]:
    """Who could help to reach those who do not answer, or are cut off; asked for only there."""
    if isinstance(event, ConsentRecorded):
        return people.helpers(tx, [event.contact], customer)
    tasked = to_look_up(before, event, customer)
    if isinstance(event, TaskGiven | CloseOrdered):
        return people.helpers(tx, tasked, customer)
    asked = people.helpers(tx, [event.person], customer) if isinstance(event, AskOrdered) else {}
    if not (asked or isinstance(event, _MAY_ASK) or _is_beyond_reach(before)):
        return {}
    known = [people.get(tx, customer.tenant_id, person) for person in concerned]
    facts = [customer.facts_about(k.upn) for k in known if k]
    managers = [f.manager for f in facts if f and f.manager]
    contacts = [c.upn for c in customer.with_role(Role.SECURITY)]
    return asked | people.helpers(tx, dict.fromkeys([*managers, *contacts, *tasked]), customer)


_MAY_ASK = Woke | Undelivered | Reported | Absorbed | FoundAway | Attested | ActionDone


def _is_beyond_reach(before: Incident | None) -> bool:
    """Somebody affected has no chat: whatever has them asked turns to others at once."""
    known = [a.person for a in before.affected if a.person] if before else []
    return any(person.why_not_asked for person in known)


def _cards(
    tx: Tx, concerned: Collection[str], before: Incident | None, event: Event, now: datetime
) -> dict[str, CardsToday]:
    """Whoever answers has the card before them: what follows needs no counting."""
    if isinstance(event, Answered):
        return {}
    zone = ZoneInfo(profiles.current(tx).zone)
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    return surface_rows.posted_since(tx, concerned, today, before.id if before else "")

"""What an analyst reads of the customer on the card of a case: what matters for it, and no more."""

from dataclasses import replace
from datetime import time

from cards.wording import Reader, say
from tests.triage.triage_script import (
    AUTOMATIC,
    BOB,
    CONTOSO,
    EVE,
    IT,
    JON,
    TEN_PAST_TEN,
    Case,
    contoso,
    expected,
    leak,
    malware_ran,
    remote_tool,
    rule,
)
from triage.actions import ActionKind
from triage.customer import (
    Asset,
    AssetKind,
    Contact,
    Criticality,
    Customer,
    PersonFacts,
    Role,
    WorkingHours,
)
from triage.events import ActionFailed, FoundAway, NotPermitted
from triage.incident import Absence, AwayBy, IncidentType

UTC_READER = Reader("en", "UTC")


def told(customer: Customer = CONTOSO, case: Case | None = None) -> list[str]:
    shown = (case or Case(customer).reported(malware_ran())).desk().context
    return [say(line, UTC_READER) for line in shown]


def test_who_and_what_is_concerned_comes_first() -> None:
    customer = contoso(
        people=(PersonFacts(upn=BOB.upn, vip=True, tier_0=True, break_glass=True),),
        assets=(
            Asset(
                name="LAPTOP-*",
                kind=AssetKind.SERVER,
                criticality=Criticality.HIGH,
                protected=True,
                tier_0=True,
            ),
        ),
    )

    assert told(customer)[:4] == [
        "LAPTOP-7 is protected: nothing is done to it without an approval",
        "Identities depend on LAPTOP-7 (tier 0)",
        "Bob Baker: a break-glass account, never locked automatically",
        "Bob Baker controls the directory (tier 0)",
    ]
    thread = Case(customer).reported(malware_ran()).thread()
    assert [say(line, UTC_READER) for line in thread.known][1:] == [
        "LAPTOP-7: server, criticality high",
        "Bob Baker is a VIP",
        "Bob Baker has a privileged account",
    ]


def test_what_may_be_done_is_told_by_the_rule_or_by_the_mode() -> None:
    asks = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, act_if_unreachable=True),))

    assert "By their rules of engagement we ask first" in told()
    assert "Rule 4, Isolate LAPTOP-7: we ask first, and act where nobody answers" in told(asks)
    assert not [line for line in told(contoso(rules=AUTOMATIC)) if "we ask first" in line]


def test_whether_anybody_is_at_work_there_and_until_when_not() -> None:
    hours = WorkingHours(frozenset(range(5)), time(8), time(10))
    off = contoso(zone="Europe/Berlin", hours=hours)

    (clock,) = [line for line in told(off) if "Their clock" in line]
    assert clock == (
        "Their clock at the last change: 11:10 (Europe/Berlin); nobody works until Wed 25 Nov, 07:00"
    )
    at_work = replace(off, hours=replace(hours, end=time(18)))
    assert any(line.endswith("within working hours") for line in told(at_work))


def test_who_decides_and_who_owns_it_with_the_number_that_is_vouched_for() -> None:
    jon = Contact(
        upn=JON.upn,
        name=JON.name,
        roles=frozenset({Role.APPROVER}),
        phone="+49 30 1",
        phone_source="onboarding",
    )

    assert told(contoso(contacts=(jon, IT)))[-2:] == [
        "Jon Jansen, approver, +49 30 1 (source: onboarding)",
        "Ines Ito, IT",
    ]
    restricted = Case(contoso(contacts=(jon, IT))).reported(leak())
    assert not [line for line in told(case=restricted) if "Jansen" in line]


def test_who_is_away_and_what_was_expected_is_said() -> None:
    case = Case(contoso(look_for_absence=True)).reported(malware_ran())
    away = Absence(BOB.object_id, AwayBy.OUT_OF_OFFICE, TEN_PAST_TEN)
    case.happens(FoundAway(away), after=1)
    fact = Case(expected(IncidentType.REMOTE_TOOL, devices=("LAPTOP-7",))).reported(remote_tool())

    assert "Bob Baker: Teams shows out of office" in told(case=case)
    assert any(line.startswith("Expected: Ines tests the supplier") for line in told(case=fact))


def test_of_those_who_decide_whoever_is_affected_makes_room() -> None:
    bob, jon, eve = (
        Contact(upn=p.upn, name=p.name, roles=frozenset({Role.APPROVER})) for p in (BOB, JON, EVE)
    )
    customer = contoso(contacts=(bob, jon, eve))

    assert told(customer)[-2:] == ["Jon Jansen, approver", f"{EVE.name}, approver"]


def test_a_permission_that_is_missing_is_named_with_who_grants_it_and_where() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(malware_ran())
    case.happens(NotPermitted(("Presence.Read.All",)), after=1)
    isolate = case.action(ActionKind.ISOLATE_DEVICE)
    case.happens(ActionFailed(isolate.id, "403", permission="Machine.Isolate"), after=1)

    assert [line.partition(":")[0] for line in told(case=case)[:2]] == [
        "Vouch lacks Presence.Read.All",
        "Vouch lacks Machine.Isolate",
    ]
    assert all("an administrator of Contoso" in line for line in told(case=case)[:2])

"""What comes first, and why."""

from dataclasses import replace

import pytest

from tests.triage.triage_script import BOB, CONTOSO, Case, malware_ran
from triage.customer import Asset, AssetKind, Criticality, Customer, PersonFacts
from triage.priority import FLOORS, Level, Priority, priority
from triage.report import Severity

JEWEL = Asset(name="LAPTOP-7", kind=AssetKind.SERVER, criticality=Criticality.CROWN_JEWEL)


def _ranked(customer: Customer, severity: Severity = Severity.HIGH) -> Priority:
    case = Case(customer).reported(replace(malware_ran(), severity=severity))
    assert case.state.decision is not None
    return priority(case.state, customer, case.state.decision)


def test_the_same_alert_ranks_higher_on_a_crown_jewel() -> None:
    plain, precious = _ranked(CONTOSO), _ranked(replace(CONTOSO, assets=(JEWEL,)))

    assert precious.score == pytest.approx(2 * plain.score, abs=0.02)


def test_a_vip_ranks_higher_and_the_score_stays() -> None:
    vip = replace(CONTOSO, people=(PersonFacts(upn=BOB.upn, vip=True),))

    assert _ranked(vip).score > _ranked(CONTOSO).score
    odds = [Case(c).reported(malware_ran()).log_odds for c in (vip, CONTOSO)]
    assert odds[0] == odds[1]


@pytest.mark.parametrize("severity", Severity)
def test_a_level_is_what_its_floor_says(severity: Severity) -> None:
    ranked = _ranked(CONTOSO, severity)
    reached = [level for level, floor in FLOORS.items() if ranked.score >= floor]

    assert ranked.level is (reached[0] if reached else Level.P4)


def test_a_factor_that_changes_nothing_is_not_told() -> None:
    told = {f.says.key for f in _ranked(CONTOSO).factors}

    assert told == {"factor.harm", "factor.probability"}

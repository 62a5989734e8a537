"""How an account comes under suspicion, and what it takes to be trusted again."""

from datetime import timedelta
from typing import Any

import pytest

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    CARLA,
    JON,
    Case,
    already,
    contoso,
    keys,
    malware_blocked,
    malware_ran,
    refusal,
    report,
    sign_in,
)
from triage.effects import ANALYST_THREAD
from triage.events import ActionDone, ClearanceRecorded, Reopened
from triage.incident import Clearance, Disposition, IncidentType, Person, Route
from triage.report import Severity


def records(case: Case, part: Clearance, who: Person = CARLA, **more: Any) -> Case:
    by = more.pop("by", ANNA.object_id)
    event = ClearanceRecorded(who.object_id, part, "ticket 4711", by, ANNA.name)
    return case.happens(event, after=more.pop("after", 1))


def suspect(severity: Severity = Severity.MEDIUM) -> Case:
    return Case().reported(sign_in(severity=severity))


def safe(case: Case) -> Case:
    """Everything but the time that access may last."""
    for part in Clearance:
        records(case, part)
    return case


# --- what ends it --------------------------------------------------------------------------------


def test_reset_revocation_and_a_check_make_an_account_trusted_again_when_access_ran_out() -> None:
    case = safe(suspect())
    assert case.state.is_tainted(CARLA.object_id)
    assert keys(case.desk().suspicions[0].says)[-1] == "suspicion.ends"

    case.until_due("taint:")

    revoked = case.state.taints[0].part(Clearance.REVOKED)
    assert revoked is not None
    assert case.now - revoked.at == timedelta(minutes=15)
    assert not case.state.is_tainted(CARLA.object_id)
    assert "timeline.taint_lifted" in case.noted()
    assert case.told(ANALYST_THREAD) == ["timeline.taint_lifted"]
    assert case.desk().suspicions == ()


@pytest.mark.parametrize("missing", list(Clearance))
def test_none_of_the_three_may_be_missing(missing: Clearance) -> None:
    case = suspect()
    for part in set(Clearance) - {missing}:
        records(case, part)
    case.wakes("taint:", after=600)

    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == (missing,)


def test_each_part_is_shown_with_its_time_and_its_proof() -> None:
    case = records(suspect(), Clearance.RESET)

    since, reset, revoked, checked = case.desk().suspicions[0].says
    assert (since.key, reset.key) == ("suspicion.since", "suspicion.done")
    assert (revoked.key, checked.key) == ("suspicion.missing", "suspicion.missing")
    assert "4711" in repr(reset)


def test_what_we_did_ourselves_counts_and_who_was_phoned_is_known() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(told_of(IncidentType.MFA_FATIGUE, CARLA))
    case.says_on_the_phone("not_mine").done()

    mark = case.state.taints[0]
    assert {c.part for c in mark.cleared} >= {Clearance.REVOKED, Clearance.CHECKED}


def test_what_was_only_rehearsed_makes_nobody_safe() -> None:
    case = suspect()
    for action in case.state.actions:
        case.happens(ActionDone(action.id, rehearsed=True))

    assert case.state.taints[0].cleared == ()


def test_only_an_analyst_records_and_only_what_is_missing() -> None:
    case = records(suspect(), Clearance.RESET, by=JON.object_id)
    assert refusal(case.verdict) == "refused.not_analyst"
    assert refusal(records(case, Clearance.RESET, BOB).verdict) == "refused.not_suspect"
    records(case, Clearance.RESET)
    assert already(records(case, Clearance.RESET).verdict) == "thanks.already"


def test_new_evidence_begins_it_anew_and_voids_what_was_done_before() -> None:
    case = safe(suspect()).until_due("taint:")
    case.reported(sign_in(severity=Severity.MEDIUM, source_id="9"), after=5)
    assert not case.state.is_tainted(CARLA.object_id), "the same alert, told again"

    again = report(*told_of(IncidentType.INBOX_RULE, CARLA).alerts, source_id="10")
    case.reported(again, after=5)

    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == tuple(Clearance)


def test_new_evidence_before_the_end_voids_what_was_done_before() -> None:
    case = safe(suspect())
    case.reported(report(*told_of(IncidentType.INBOX_RULE, CARLA).alerts, source_id="10"), after=1)
    case.wakes("taint:", after=600)

    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == tuple(Clearance)


def test_another_matter_s_evidence_leaves_a_cleared_account_trusted() -> None:
    case = safe(suspect()).until_due("taint:")
    case.reported(malware_ran(CARLA, source_id="11"), after=5)

    assert not case.state.is_tainted(CARLA.object_id)


@pytest.mark.parametrize("harmless", [Disposition.EXPECTED, Disposition.FALSE_POSITIVE])
def test_closed_as_harmless_by_a_person_ends_it(harmless: Disposition) -> None:
    assert suspect().closes(disposition=harmless).state.suspects == frozenset()


@pytest.mark.parametrize("grave", [Disposition.TRUE_POSITIVE, Disposition.UNDECIDED])
def test_any_other_closing_leaves_the_account_under_suspicion_until_it_is_safe(
    grave: Disposition,
) -> None:
    case = suspect().closes(disposition=grave)
    assert case.state.suspects == {CARLA.object_id}

    safe(case).until_due("taint:")

    assert case.state.suspects == frozenset()


def test_reopened_it_is_suspect_again() -> None:
    case = suspect().closes(disposition=Disposition.EXPECTED)
    case.happens(Reopened(ANNA.object_id, ANNA.name), after=5)

    assert case.state.suspects == {CARLA.object_id}


# --- where it comes from -------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [Severity.INFORMATIONAL, Severity.LOW])
def test_a_low_identity_risk_makes_nobody_suspect(severity: Severity) -> None:
    assert suspect(severity).state.taints == ()


def test_what_another_case_lends_ends_with_it() -> None:
    case = Case(at_risk=frozenset({BOB.object_id})).reported(malware_blocked())
    assert case.state.is_tainted(BOB.object_id)
    assert case.state.suspects == frozenset(), "it is not passed on"
    assert case.desk().suspicions[0].missing == ()

    case.at_risk = frozenset()
    case.wakes("taint:", after=5)

    assert case.state.taints == ()
    assert "timeline.taint_over_elsewhere" in case.noted()


def test_evidence_of_its_own_outlives_what_was_lent() -> None:
    case = Case(at_risk=frozenset({BOB.object_id})).reported(malware_blocked())
    case.reported(sign_in(BOB), after=1)
    case.at_risk = frozenset()
    case.wakes("taint:", after=5)

    assert case.state.suspects == {BOB.object_id}


def test_cleared_here_and_still_suspect_there_it_is_not_trusted() -> None:
    case = safe(suspect())
    case.at_risk = frozenset({CARLA.object_id})
    case.until_due("taint:")

    assert case.state.suspects == frozenset()
    assert case.state.is_tainted(CARLA.object_id)


def test_whoever_gives_it_away_again_is_suspect_again() -> None:
    case = Case().reported(told_of(IncidentType.PHISH_CLICK)).answers("entered")
    for part in Clearance:
        records(case, part, BOB)
    case.until_due("taint:")
    assert not case.state.is_tainted(BOB.object_id)
    case.wakes("taint:", after=5)
    assert not case.state.is_tainted(BOB.object_id), "the same answer gives nothing away twice"

    case.reported(told_of(IncidentType.HELPDESK_CALL), after=5)
    (asked,) = case.open_questions
    assert asked.route is Route.CARD, "a trusted account is asked in Teams again"
    case.answers("gave", on=asked.id)

    assert case.state.is_tainted(BOB.object_id)

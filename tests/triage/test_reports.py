"""What sources tell: new, changed, older, joined; and what closing and taking leave behind."""

from dataclasses import replace

import pytest

from tests.triage.triage_script import (
    ABE,
    ANNA,
    AUTOMATIC,
    BOB,
    CARLA,
    INES,
    JON,
    PROVIDER,
    STRANGER,
    Case,
    accepted,
    already,
    contoso,
    keys,
    later,
    malware_blocked,
    malware_ran,
    refusal,
    report,
    sign_in,
)
from triage.actions import ActionKind
from triage.decide import Accepted, decide
from triage.draft import Known
from triage.effects import CUSTOMER_THREAD, Say
from triage.events import (
    Assigned,
    CloseOrdered,
    ContainOrdered,
    Escalated,
    Facts,
    MergedInto,
    RecommendationAnswered,
    Reopened,
    Reported,
    SourceWritten,
    Taken,
    Woke,
)
from triage.incident import Disposition, Status
from triage.phrases import phrase
from triage.report import IncidentReport, Product, Severity, Source


def closed() -> Case:
    return Case().reported(malware_blocked()).closes(disposition=Disposition.FALSE_POSITIVE)


def test_a_new_report_opens_an_incident_with_a_name_a_code_and_a_score() -> None:
    case = Case().reported(malware_ran())

    assert (case.state.name, case.state.code) == ("CONTOSO-42", "7KQ2")
    assert case.state.decision is not None
    assert case.state.decision.profile == 7
    assert case.desk().portal == ("0a0a0a0a-1111-2222-3333-444444444444", "1")


def test_an_unchanged_report_changes_nothing() -> None:
    case = Case().reported(malware_ran())
    before = case.state
    case.reported(malware_ran(), after=5)

    assert already(case.verdict) == "report.unchanged"
    assert case.state == before
    assert case.ordered == ()


def test_an_older_revision_is_not_applied() -> None:
    case = Case().reported(malware_ran())
    before = case.state
    case.reported(later(malware_ran(), minutes=-5, severity=Severity.LOW), after=5)

    assert already(case.verdict) == "report.older"
    assert case.state == before


def test_a_changed_report_is_applied_in_place() -> None:
    case = Case().reported(malware_ran()).reported(later(malware_ran(BOB, CARLA)), after=5)

    assert accepted(case.verdict)
    assert len(case.state.refs) == 1
    assert [q.person for q in case.state.questions] == [BOB, CARLA]


def test_a_second_report_of_a_second_product_joins_and_raises() -> None:
    case = Case().reported(malware_ran())
    before = case.log_odds
    case.reported(sign_in(BOB, Severity.LOW), after=5)

    assert len(case.state.refs) == 2
    assert case.log_odds - before == 1.5
    assert f"sign.second_product.{Product.ENTRA}" in case.rules
    assert set(case.views()) >= {"source:defender:1", "source:defender:2"}


def test_the_same_product_again_raises_nothing() -> None:
    case = Case().reported(malware_ran())
    before = case.log_odds

    assert case.reported(malware_ran(source_id="7"), after=5).log_odds == before


def test_new_evidence_after_closing_reopens() -> None:
    case = closed().reported(later(malware_ran(), minutes=60), after=60)

    assert case.state.closed is None
    assert case.state.reopened == 1
    assert "say.reopened" in case.told(CUSTOMER_THREAD)


def test_the_sources_own_status_is_no_evidence_and_reopens_nothing() -> None:
    case = closed().reported(later(malware_blocked(), status="resolved"), after=1)

    assert accepted(case.verdict)
    assert case.status is Status.RESOLVED


def test_another_incident_that_joins_a_closed_one_reopens_it() -> None:
    assert closed().reported(malware_ran(source_id="7"), after=60).state.reopened == 1


def test_a_report_without_alerts_has_an_unknown_detector() -> None:
    assert "prior.unknown" in Case().reported(report()).rules


def test_attack_disruption_has_the_gravest_prior() -> None:
    assert "prior.disrupted" in Case().reported(malware_blocked(disrupted=True)).rules


def test_every_new_generation_says_its_messages_anew() -> None:
    case = closed().reported(malware_ran(source_id="7"), after=60)
    case.closes(disposition=Disposition.TRUE_POSITIVE)

    said = [e.key for e in case.ever if ":say:customer:closed" in e.key]
    assert len(set(said)) == 2


def test_only_a_report_begins_an_incident() -> None:
    known = Known(contoso(), PROVIDER, Facts())
    with pytest.raises(ValueError, match="belongs to no incident"):
        decide(None, Woke("question:q1"), known, Case().now)
    with pytest.raises(ValueError, match="needs an id"):
        decide(None, Reported(malware_ran()), known, Case().now)


def test_a_wake_nobody_set_is_a_fault() -> None:
    with pytest.raises(ValueError, match="nothing is called"):
        Case().reported(malware_ran()).wakes("lunch:1")


def test_taking_a_case_is_seen_and_counts_once() -> None:
    case = Case().reported(malware_ran()).happens(Taken(ANNA.object_id, ANNA.name))

    assert case.desk().owner == "Anna"
    assert "doing.owned" in keys(case.thread().doing)
    assert already(case.happens(Taken(ANNA.object_id, ANNA.name)).verdict) == "thanks.yours_already"
    assert refusal(case.happens(Taken(JON.object_id, JON.name)).verdict) == "refused.not_analyst"


def test_whoever_takes_a_case_of_another_hears_whose_it_was_and_the_other_is_told() -> None:
    case = Case().reported(malware_ran()).happens(Taken(ABE.object_id, ABE.name))
    assert case.verdict == Accepted(phrase("thanks.taken"))

    case.happens(Taken(ANNA.object_id, ANNA.name), after=1)

    assert case.verdict == Accepted(phrase("thanks.taken_over", owner=ABE.name))
    [told] = [e for e in case.ordered if isinstance(e, Say)]
    assert (told.place, told.says) == ("analyst", phrase("say.taken_over", by=ANNA.name))
    assert told.mentions == ((ABE.object_id, ABE.name),)


def test_in_a_case_that_is_over_every_command_names_the_way_back() -> None:
    anna = ANNA.object_id, ANNA.name
    case = Case().reported(malware_ran()).happens(Taken(*anna))
    case.closes(disposition=Disposition.UNDECIDED)
    isolate = case.action(ActionKind.ISOLATE_DEVICE).id

    for event in (
        Taken(*anna),
        Taken(ABE.object_id, ABE.name),
        Assigned(*anna, ABE.object_id, ABE.name),
        Escalated(*anna),
        CloseOrdered(*anna, Disposition.EXPECTED),
        ContainOrdered(isolate, *anna),
        MergedInto("i-2", "CONTOSO-43", *anna),
    ):
        assert case.happens(event).verdict.says == phrase("refused.over")
    assert case.state.owner == ANNA.object_id
    assert case.happens(Reopened(*anna)).verdict == Accepted(phrase("thanks.reopened"))

    case.happens(MergedInto("i-2", "CONTOSO-43", *anna))
    goes_on = phrase("refused.reopen_merged", name="CONTOSO-43")
    assert case.happens(Taken(*anna)).verdict.says == goes_on


def test_a_contact_accepts_the_recommendation_once() -> None:
    case = Case().reported(malware_ran()).closes(disposition=Disposition.TRUE_POSITIVE)
    yes = RecommendationAnswered(INES.object_id, INES.upn, INES.name, True)

    assert "accept" in case.thread().buttons
    assert accepted(case.happens(yes).verdict)
    assert case.thread().recommendation_accepted_by == "Ines Ito"
    assert already(case.happens(yes).verdict) == "thanks.already"


def test_the_recommendation_is_discussed_with_the_analysts() -> None:
    case = Case().reported(malware_ran()).closes(disposition=Disposition.TRUE_POSITIVE)
    case.happens(RecommendationAnswered(INES.object_id, INES.upn, INES.name, False))

    assert case.told("analyst") == ["say.discuss"]


def test_a_stranger_accepts_nothing() -> None:
    case = Case().reported(malware_ran()).closes(disposition=Disposition.TRUE_POSITIVE)
    case.happens(RecommendationAnswered(STRANGER.object_id, STRANGER.upn, STRANGER.name, True))

    assert refusal(case.verdict) == "refused.not_contact"


def test_what_was_written_back_to_the_source_stands_in_the_timeline() -> None:
    case = closed()
    case.happens(SourceWritten(Source.DEFENDER, "1", "resolved", Disposition.FALSE_POSITIVE, False))

    assert "timeline.source_written" in case.noted()
    assert case.status is Status.RESOLVED


def test_the_source_is_told_the_verdict_only_at_the_end() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(malware_ran())
    before = case.source()
    after = case.closes(disposition=Disposition.TRUE_POSITIVE).source()

    assert (before.status, before.disposition) == ("inProgress", "unknown")
    assert (after.status, after.determination) == ("resolved", "malware")


def test_a_link_into_the_portal_is_built_from_valid_ids_only() -> None:
    told: IncidentReport = replace(malware_ran(), tenant_id="evil/../")

    assert Case().reported(told).desk().portal is None


def test_a_timer_that_finds_nothing_to_do_leaves_the_incident_as_it_was() -> None:
    """Nothing is shown anew for it: the analysts' card is, whenever the incident changed."""
    case = Case().reported(malware_ran())
    before = case.state

    case.wakes("question:none", after=5)

    assert case.state == before

"""What must not slip through: things left out, silence nobody could hear, a no that was said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    BOB,
    BOBS_PHONE,
    CARLA,
    CONTOSO,
    JON,
    PEOPLE,
    Case,
    alert,
    contoso,
    expected,
    malware_ran,
    person,
    remote_tool,
    report,
    rule,
    sign_in,
    user,
)
from triage.actions import ActionKind
from triage.containing import APPROVAL_LIVES, recheck
from triage.customer import Consent
from triage.events import ApprovalAnswered, ContainOrdered, Facts, Taken
from triage.incident import ActionState, Band, ByRule, IncidentType, QuestionKind, Status
from triage.phrases import phrase
from triage.report import Alert, DeviceEvidence, IncidentReport, Product, Severity

AUTOMATIC = contoso(
    rules=tuple(
        rule(kind, Consent.AUTHORIZE, number=number)
        for number, kind in enumerate(
            (ActionKind.SCAN_DEVICE, ActionKind.ISOLATE_DEVICE, ActionKind.QUARANTINE_FILE), 1
        )
    )
)


def _machines(count: int, *, with_ids: bool = True) -> tuple[DeviceEvidence, ...]:
    return tuple(
        DeviceEvidence(name=f"PC-{n}", device_id=f"{n:040x}" if with_ids else None)
        for n in range(count)
    )


def _outbreak(*machines: DeviceEvidence) -> Case:
    told = report(
        alert("Ransomware was run", Product.ENDPOINT, Severity.HIGH, user(BOB), *machines)
    )
    case = Case(AUTOMATIC).reported(told)
    for action in case.state.actions:
        if action.state is ActionState.ORDERED:
            case.done(action.id)
    return case


def test_a_case_with_machines_beyond_our_reach_is_not_contained() -> None:
    for machines in (_machines(8), _machines(1, with_ids=False)):
        case = _outbreak(*machines)

        assert case.status is not Status.CONTAINED
        assert case.state.closing is None
        assert "why.targets_left_out" in case.noted()


def test_a_scan_alone_contains_nothing() -> None:
    case = Case(contoso(rules=(rule(ActionKind.SCAN_DEVICE, Consent.AUTHORIZE),)))
    case.reported(malware_ran()).answers("opened").answers("enabled_content", on="q2")
    case.done("a1").denies()

    assert case.status is not Status.CONTAINED
    assert "why.denied" in case.told("analyst")


def test_a_fact_does_not_cover_what_the_state_cannot_list() -> None:
    crowd = [person(f"Person{n} Known") for n in range(30)]
    told = report(
        *[
            replace(a, id=f"{a.id}-{n}", evidence=(user(p), *_machines(1)))
            for n, p in enumerate(crowd)
            for a in remote_tool().alerts
        ]
    )
    case = Case(expected(IncidentType.REMOTE_TOOL, devices=("PC-*",)), (*PEOPLE, *crowd))
    case.reported(told)

    assert case.state.overflow
    assert "sign.expected_fact" not in case.rules


def test_whoever_is_affected_never_approves_even_beyond_what_the_state_lists() -> None:
    case = Case().reported(malware_ran()).answers("opened").answers("enabled_content", on="q2")
    event = ApprovalAnswered("p1", JON.object_id, JON.upn, JON.name, approve=True)

    case.concerned = frozenset({JON.object_id})
    case.happens(event)

    assert case.approval().state == "open"


def test_silence_on_an_approval_nobody_was_shown_is_no_consent() -> None:
    acts = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, act_if_unreachable=True),))
    case = Case(acts).reported(malware_ran()).answers("opened").answers("enabled_content", on="q2")

    case.unseen = frozenset({"p1"})
    case.until_due("approval:p1")

    assert ActionKind.ISOLATE_DEVICE not in case.ever_contained()
    assert "why.approval_expired" in case.noted()


def test_silence_does_not_act_on_a_rule_that_was_taken_back() -> None:
    acts = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, act_if_unreachable=True),))
    case = Case(acts).reported(malware_ran()).answers("opened").answers("enabled_content", on="q2")

    case.customer = contoso()
    case.until_due("approval:p1")

    assert ActionKind.ISOLATE_DEVICE not in case.ever_contained()


def test_a_rule_does_not_go_over_a_persons_no() -> None:
    case = Case(contoso()).reported(malware_ran()).answers("opened")
    case.answers("enabled_content", on="q2").denies()
    isolate = case.action(ActionKind.ISOLATE_DEVICE)

    case.customer = AUTOMATIC
    case.happens(ContainOrdered(isolate.id, "oid-anna", "Anna"))

    assert case.action(ActionKind.ISOLATE_DEVICE).state is ActionState.PROPOSED
    assert case.approval("p2").state == "open"


def test_an_approval_is_not_acted_on_long_after_it_was_given() -> None:
    case = Case().reported(malware_ran()).answers("opened").answers("enabled_content", on="q2")
    isolate = case.action(ActionKind.ISOLATE_DEVICE).id
    case.approves(on=next(a.id for a in case.state.approvals if a.action == isolate))
    ordered = case.action(ActionKind.ISOLATE_DEVICE)

    assert recheck(case.state, ordered, case.customer, case.now) is None
    late = case.now + 2 * APPROVAL_LIVES
    assert recheck(case.state, ordered, case.customer, late) is not None


def test_an_order_by_a_rule_that_is_gone_is_refused() -> None:
    case = Case(AUTOMATIC).reported(malware_ran()).answers("opened")
    case.answers("enabled_content", on="q2")
    isolate = case.action(ActionKind.ISOLATE_DEVICE)
    assert isolate.basis == ByRule(2)

    assert recheck(case.state, isolate, contoso(), case.now) is not None


def test_a_correction_nobody_has_read_keeps_the_case_from_closing_by_itself() -> None:
    case = Case(AUTOMATIC).reported(malware_ran()).answers("opened")
    case.answers("enabled_content", on="q2").answers("neither", on="q2")
    for action in case.state.actions:
        if action.state is ActionState.ORDERED:
            case.done(action.id)

    assert case.state.closing is None


def test_a_source_whose_clock_is_ahead_does_not_freeze_the_case() -> None:
    told = sign_in(CARLA)
    ahead = replace(told, updated=told.updated.replace(year=2099))
    case = Case().reported(ahead)

    case.reported(
        replace(told, updated=case.now + timedelta(minutes=30), title="Changed", digest="other"),
        after=30,
    )

    assert "timeline.changed" in case.noted()


def test_facts_know_nothing_unless_told() -> None:
    assert Facts().concerned == Facts().unseen == frozenset()


# --- what an answer can do -----------------------------------------------------------------------

RANSOM = told_of(IncidentType.RANSOMWARE)
DOWNLOAD = told_of(IncidentType.MASS_DOWNLOAD)


def _stolen(*more: Alert) -> IncidentReport:
    told = alert(
        "Anomalous token", Product.ENTRA, Severity.HIGH, user(CARLA), detector="anomalousToken"
    )
    return report(told, *more)


def test_nobody_can_talk_a_stolen_session_away() -> None:
    case = Case().reported(_stolen())
    before = case.log_odds

    case.says_on_the_phone("mine")

    assert case.log_odds == before
    assert case.state.handed_over or case.state.owner


def test_nothing_else_that_is_said_makes_a_case_with_a_stolen_session_lighter() -> None:
    case = Case().reported(_stolen(*told_of(IncidentType.PHISH_REPORTED, CARLA).alerts))
    asked = {q.kind: q.id for q in case.open_questions}
    before = case.log_odds

    case.says_on_the_phone("only_reported", on=asked[QuestionKind.PHISH_REACTED])

    assert case.log_odds == before


def test_a_stolen_session_grows_graver_by_an_answer_as_any_case() -> None:
    case = Case().reported(_stolen())
    before = case.log_odds

    assert case.says_on_the_phone("not_mine").log_odds == before + 3


def test_nobody_is_asked_while_files_are_being_encrypted() -> None:
    case = Case().reported(report(*RANSOM.alerts, *malware_ran().alerts))

    assert case.state.type is IncidentType.RANSOMWARE
    assert case.state.questions == ()


def test_what_was_asked_before_files_were_encrypted_waits_no_more_and_leads_nowhere() -> None:
    case = Case().reported(malware_ran()).reported(RANSOM, after=2)
    assert case.question().state.state == "withdrawn"

    case.answers("opened")

    assert "answer.file_opened.opened" in case.rules
    assert case.open_questions == []


def test_a_case_that_nothing_more_comes_to_is_handed_to_an_analyst() -> None:
    case = Case().reported(DOWNLOAD)
    assert case.state.handed_over is None

    case.answers("mine")

    assert [case.state.handed_over] == [phrase("why.undecided")]


def test_a_case_that_is_somebodys_or_about_to_be_decided_is_handed_over_to_nobody() -> None:
    taken = Case().reported(DOWNLOAD).happens(Taken(ANNA.object_id, ANNA.name)).answers("mine")
    proposed = Case(expected(IncidentType.MASS_DOWNLOAD)).reported(DOWNLOAD)

    assert (taken.state.handed_over, taken.state.owner) == (None, ANNA.object_id)
    assert (proposed.state.handed_over, proposed.band) == (None, Band.PROPOSE)


@pytest.mark.parametrize(
    ("type_", "technique", "lowers"),
    [
        (IncidentType.INBOX_RULE, "T1564.008", 2),
        (IncidentType.NEW_MFA_METHOD, "T1556.006", 3),
        (IncidentType.DEVICE_JOIN, "T1098.005", 2),
        (IncidentType.ROLE_ELEVATION, "T1098.003", 3),
        (IncidentType.APP_SECRET, "T1098.001", 3),
    ],
)
def test_who_proves_to_have_made_what_lasts_is_not_contradicted_by_its_lasting(
    type_: IncidentType, technique: str, lowers: float
) -> None:
    vouched = contoso(people=(*CONTOSO.people, BOBS_PHONE))
    case = Case(vouched).reported(told_of(type_, techniques=(technique,)))
    before = case.log_odds
    assert case.state.types == (type_,)
    assert "sign.persistence" in case.rules

    case.says_on_the_phone("mine")

    assert case.log_odds == pytest.approx(before - lowers)


def test_who_signed_in_is_contradicted_by_what_was_planted_after_it() -> None:
    case = Case().reported(sign_in(techniques=("T1098",)))
    before = case.log_odds

    case.says_on_the_phone("mine")

    assert "answer.contradicted" in case.rules
    assert case.log_odds == pytest.approx(before + 1)


def test_one_answer_given_on_a_card_and_on_the_phone_weighs_once() -> None:
    case = Case().reported(malware_ran(by_hand=True))
    before = case.log_odds
    case.answers("not_me")
    once = case.log_odds - before
    case.says_on_the_phone("not_me")

    assert case.log_odds - before == once > 0


def test_what_a_mirror_tells_is_no_second_product() -> None:
    told = malware_ran()
    case = Case().reported(told)
    before = case.log_odds
    same = tuple(replace(a, product=Product.SENTINEL) for a in told.alerts)

    case.reported(report(*same, source_id="s-1", mirrors=((told.source, told.source_id),)))

    assert case.log_odds == before

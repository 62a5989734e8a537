"""What must not slip through: things left out, silence nobody could hear, a no that was said."""

from dataclasses import replace
from datetime import timedelta

from tests.triage.triage_script import (
    BOB,
    CARLA,
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
from triage.customer import Consent, OnSilence
from triage.events import ApprovalAnswered, ContainOrdered, Facts
from triage.incident import ActionState, ByRule, IncidentType, Status
from triage.report import Alert, DeviceEvidence, IncidentReport, Product, Severity

AUTOMATIC = contoso(
    rules=tuple(
        rule(kind, Consent.AUTOMATIC, number=number)
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
    case = Case(contoso(rules=(rule(ActionKind.SCAN_DEVICE, Consent.AUTOMATIC),)))
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
    acts = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, on_silence=OnSilence.ACT),))
    case = Case(acts).reported(malware_ran()).answers("opened").answers("enabled_content", on="q2")

    case.unseen = frozenset({"p1"})
    case.until_due("approval:p1")

    assert ActionKind.ISOLATE_DEVICE not in case.ever_contained()
    assert "why.approval_expired" in case.noted()


def test_silence_does_not_act_on_a_rule_that_was_taken_back() -> None:
    acts = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, on_silence=OnSilence.ACT),))
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


# --- what an answer cannot do ---------------------------------------------------------------------


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


def test_nobody_is_asked_while_files_are_being_encrypted() -> None:
    ransom = alert("Ransomware was seen", Product.ENDPOINT, Severity.HIGH, user(BOB))
    case = Case().reported(malware_ran(source_id="9"))
    assert case.open_questions

    fresh = Case().reported(report(ransom, *malware_ran().alerts))

    assert fresh.state.type is IncidentType.RANSOMWARE
    assert not fresh.state.questions


def test_a_case_that_nothing_more_comes_to_is_handed_to_an_analyst() -> None:
    download = alert("Unusual file download", Product.CLOUD_APPS, Severity.MEDIUM, user(BOB))
    case = Case().reported(report(download)).answers("mine")

    assert case.state.handed_over is not None
    assert case.state.handed_over.key == "why.undecided"


def test_who_proves_to_have_made_a_rule_is_not_contradicted_by_the_rule() -> None:
    rule_made = alert(
        "Suspicious inbox manipulation rule",
        Product.CLOUD_APPS,
        Severity.MEDIUM,
        user(BOB),
        techniques=("T1564.008",),
    )
    case = Case().reported(report(rule_made))
    before = case.log_odds

    case.says_on_the_phone("mine")

    assert case.log_odds == before - 2

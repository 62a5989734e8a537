"""Remote tools, and what is restricted or unknown: asked by phone, or not at all."""

from datetime import date

import pytest

from tests.triage.triage_script import (
    AUTOMATIC,
    BOB,
    CARLA,
    LAPTOP,
    Case,
    contoso,
    expected,
    keys,
    leak,
    malware_blocked,
    malware_ran,
    mystery,
    refusal,
    remote_tool,
)
from triage.actions import ActionKind, Tier
from triage.customer import Asset, AssetKind, Customer
from triage.effects import CUSTOMER_THREAD
from triage.events import Answered, Undelivered
from triage.incident import ActionState, Band, Disposition, IncidentType, Route, Status
from triage.report import DeviceEvidence, Severity

SERVER = DeviceEvidence(device_id="e" * 40, name="PAYROLL-1")


# --- remote tool ---------------------------------------------------------------------------------


def test_bob_is_phoned_because_his_screen_may_be_watched() -> None:
    case = Case().reported(remote_tool())

    assert [q.route for q in case.state.questions] == [Route.PHONE]
    assert case.open_calls == ["Bob Baker"]
    assert [c.id for c in case.desk().calls[0].choices] == [
        "it_confirmed",
        "vendor",
        "caller",
        "nobody",
        "not_sure",
    ]
    assert f"person:{BOB.object_id}" not in case.views()


@pytest.mark.parametrize(
    ("choice", "weight"),
    [("it_confirmed", -2.0), ("vendor", 0.0), ("caller", 4.0), ("nobody", 3.0), ("not_sure", 0.5)],
)
def test_who_asked_for_the_tool_weighs(choice: str, weight: float) -> None:
    before = Case().reported(remote_tool()).log_odds

    assert Case().reported(remote_tool()).says_on_the_phone(choice).log_odds - before == (
        pytest.approx(weight)
    )


def test_a_caller_asked_for_it_and_the_device_is_isolated() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(remote_tool()).says_on_the_phone("caller")

    assert case.band is Band.CONTAIN
    assert case.contained() == {ActionKind.SCAN_DEVICE, ActionKind.ISOLATE_DEVICE}


def test_it_confirmed_is_proposed_as_a_business_application() -> None:
    case = Case().reported(remote_tool()).says_on_the_phone("it_confirmed")

    proposal = case.desk().proposal
    assert case.band is Band.PROPOSE
    assert proposal is not None
    assert proposal.determination == "lineOfBusinessApplication"


def test_a_vendor_is_an_analysts_matter() -> None:
    case = Case().reported(remote_tool()).says_on_the_phone("vendor")

    assert case.band is Band.ANALYST
    assert case.desk().proposal is None


def test_an_approved_tool_is_proposed_citing_the_fact() -> None:
    customer = expected(IncidentType.REMOTE_TOOL, devices=("LAPTOP-*",))
    case = Case(customer).reported(remote_tool())

    cited = [r for r in case.desk().reasons if r.rule == "sign.expected_fact"]
    assert case.band is Band.PROPOSE
    assert case.desk().proposal is not None
    assert [r.evidence for r in cited] == ["fact f1"]
    assert cited[0].says.args["approver"] == "Jon Jansen"


def test_a_fact_must_cover_every_device_of_the_case() -> None:
    customer = expected(IncidentType.REMOTE_TOOL, devices=("LAPTOP-*",))
    case = Case(customer).reported(remote_tool())
    case.reported(remote_tool(device=SERVER, source_id="9"), after=1)

    assert "sign.expected_fact" not in case.rules


def test_a_message_that_did_not_reach_bob_leaves_the_call_as_it_was() -> None:
    case = Case().reported(remote_tool()).happens(Undelivered("person", BOB.object_id, "blocked"))

    assert case.question().state.state == "open"


@pytest.mark.parametrize(
    "customer",
    [
        expected(IncidentType.REMOTE_TOOL, date(2026, 11, 23), devices=("LAPTOP-*",)),
        expected(IncidentType.REMOTE_TOOL, devices=("KIOSK-*",)),
        expected(IncidentType.REMOTE_TOOL, people=("carla@*",)),
        expected(IncidentType.REMOTE_TOOL, files=("*.exe",)),
        expected(IncidentType.MALICIOUS_FILE, devices=("LAPTOP-*",)),
    ],
    ids=["expired", "other device", "other person", "no such file", "other type"],
)
def test_a_fact_that_is_expired_or_about_something_else_is_ignored(customer: Customer) -> None:
    assert "sign.expected_fact" not in Case(customer).reported(remote_tool()).rules


def test_a_fact_holds_through_its_last_day() -> None:
    customer = expected(IncidentType.REMOTE_TOOL, date(2026, 11, 24), devices=("laptop-*",))

    assert "sign.expected_fact" in Case(customer).reported(remote_tool()).rules


def test_the_same_alert_on_a_payroll_server_goes_up_one_tier() -> None:
    server = Asset(name="PAYROLL-*", kind=AssetKind.SERVER, purpose="pays people")
    case = Case(contoso(assets=(server,), rules=AUTOMATIC)).reported(remote_tool(device=SERVER))
    case.says_on_the_phone("caller")

    isolate = case.action(ActionKind.ISOLATE_DEVICE)
    assert (isolate.tier, isolate.state) == (Tier.C, ActionState.PROPOSED)
    assert case.contained() == {ActionKind.SCAN_DEVICE}
    assert case.approval().action == isolate.id
    assert "known.asset_server" in keys(case.desk().context)


def test_a_protected_machine_is_never_touched_automatically() -> None:
    domain_controller = Asset(name="PAYROLL-*", protected=True)
    case = Case(contoso(assets=(domain_controller,), rules=AUTOMATIC))
    case.reported(remote_tool(device=SERVER)).says_on_the_phone("caller")

    assert case.ever_contained() == set()
    assert {a.state for a in case.state.approvals} == {"open"}


def test_a_file_on_a_protected_machine_is_not_quarantined_automatically() -> None:
    protected = Asset(name=LAPTOP.name or "", protected=True)
    case = Case(contoso(assets=(protected,), rules=AUTOMATIC)).reported(malware_ran(by_hand=True))

    assert case.band is Band.CONTAIN
    assert case.ever_contained() == set()


# --- restricted ----------------------------------------------------------------------------------


def test_a_restricted_case_asks_nobody_and_names_nobody_in_the_thread() -> None:
    case = Case().reported(leak())

    thread = case.thread()
    assert case.state.type is IncidentType.RESTRICTED
    assert case.state.questions == ()
    assert case.state.calls == ()
    assert thread.placeholder
    assert BOB.name not in repr(thread)
    assert "why.restricted" in case.noted()
    assert set(case.views()) == {"customer", "analyst", "source:defender:4"}


def test_a_case_that_turns_out_restricted_stops_asking() -> None:
    case = Case().reported(malware_ran()).reported(leak(), after=5)

    assert case.state.type is IncidentType.RESTRICTED
    assert case.open_questions == []
    assert case.card(BOB).stage == "thanks"
    assert BOB.name not in repr(case.thread())


def test_the_end_of_a_restricted_case_is_not_told_in_the_thread() -> None:
    case = Case().reported(leak()).closes(disposition=Disposition.TRUE_POSITIVE)

    assert case.told(CUSTOMER_THREAD) == []


def test_a_restricted_case_never_closes_by_itself() -> None:
    customer = contoso(rules=AUTOMATIC, auto_close=frozenset(IncidentType))
    case = Case(customer).reported(malware_ran(by_hand=True)).reported(leak(), after=1).done()

    assert case.state.closing is None


# --- unknown -------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", list(Severity))
def test_an_unknown_type_goes_to_an_analyst_and_asks_nobody(severity: Severity) -> None:
    case = Case(contoso(auto_close=frozenset(IncidentType))).reported(mystery(severity=severity))

    assert case.band is Band.ANALYST
    assert case.state.questions == ()
    assert "why.unknown_type" in case.noted()
    assert case.state.closing is None
    assert case.status is Status.TRIAGING


def test_a_fact_never_closes_an_unknown_type() -> None:
    case = Case(expected(IncidentType.UNKNOWN)).reported(mystery())

    assert case.band is Band.ANALYST


def test_an_unknown_detector_never_closes_by_itself() -> None:
    customer = contoso(auto_close=frozenset(IncidentType))
    case = Case(customer).reported(malware_blocked()).reported(mystery(), after=1)

    assert "prior.unknown" in case.rules
    assert case.band is not Band.CLOSE


def test_an_unknown_type_becomes_known_when_a_known_report_joins() -> None:
    case = Case().reported(mystery()).reported(malware_ran(), after=5)

    assert case.state.type is IncidentType.MALICIOUS_FILE
    assert [q.person for q in case.state.questions] == [BOB]


def test_nobody_answers_for_a_case_without_questions() -> None:
    case = Case().reported(leak()).happens(Answered("q1", CARLA.object_id, "mine"))

    assert refusal(case.verdict) == "refused.unknown_question"

"""Who may be called or written to in Teams, and what is recorded of it."""

from tests.triage.triage_script import (
    ANNA,
    BOB,
    CARLA,
    JON,
    STRANGER,
    Case,
    contoso,
    leak,
    malware_ran,
    refusal,
    sign_in,
)
from triage.events import CallHeld, Taken
from triage.incident import CallOutcome
from triage.views import Callee


def called(case: Case, upn: str, by: str = ANNA.object_id) -> Case:
    return case.happens(CallHeld(upn, CallOutcome.NO_ANSWER, by, ANNA.name), after=1)


def names(case: Case) -> list[str]:
    return [callee.name for callee in case.desk().callees]


def test_who_decides_and_who_is_concerned_may_be_reached() -> None:
    case = Case().reported(malware_ran())

    assert names(case) == [JON.name, BOB.name]


def test_a_suspect_account_is_never_called_in_teams() -> None:
    case = Case().reported(sign_in())

    assert case.state.is_tainted(CARLA.object_id)
    assert CARLA.name not in names(case)


def test_nobody_is_called_in_teams_of_a_restricted_case_or_in_shadow_mode() -> None:
    assert names(Case().reported(leak())) == []
    assert names(Case(contoso(shadow=True)).reported(malware_ran())) == []


def test_where_a_suspect_account_reads_along_there_is_the_vouched_number_alone() -> None:
    assert names(Case().reported(sign_in(JON))) == []


def test_the_customer_reaches_the_analyst_who_has_the_case() -> None:
    case = Case().reported(malware_ran())
    assert case.thread().analyst is None

    case.happens(Taken(ANNA.object_id, ANNA.name))

    assert case.thread().analyst == Callee(ANNA.name, ANNA.upn)


def test_a_call_is_recorded_with_who_whom_and_how_it_went() -> None:
    case = called(Case().reported(malware_ran()), BOB.upn)

    entry = case.state.timeline[-1]
    assert entry.says.key == "timeline.call_held"
    assert (entry.says.args["by"], entry.says.args["person"]) == (ANNA.name, BOB.name)
    assert entry.at == case.now


def test_only_an_analyst_records_a_call_and_only_with_somebody_of_the_case() -> None:
    case = Case().reported(malware_ran())

    assert refusal(called(case, BOB.upn, by=JON.object_id).verdict) == "refused.not_analyst"
    assert refusal(called(case, STRANGER.upn).verdict) == "refused.unknown_card"

"""What a case cost in taps, and for whom it waited: by role, from what happened alone."""

from datetime import timedelta

from tests.triage.triage_script import ANNA, Case, malware_ran
from triage.decide import decide
from triage.events import Reopened, Taken
from triage.incident import Disposition, Party, Steps
from triage.taps import taps, waited

MINUTE = timedelta(minutes=1)


def a_case() -> Case:
    return (
        Case()
        .reported(malware_ran())
        .approves(after=4)
        .answers("opened", after=2)
        .answers("enabled_content", on="q2", after=3)
        .happens(Taken(ANNA.object_id, ANNA.name), after=1)
        .closes(disposition=Disposition.TRUE_POSITIVE, comment="Emotet")
    )


def test_taps_are_counted_by_role() -> None:
    spent = a_case().state.steps

    assert {party: taps(spent, party) for party in Party} == {
        Party.PERSON: 2,
        Party.CUSTOMER: 1,
        Party.ANALYST: 2,
        Party.MACHINE: 0,
    }


def test_all_the_time_a_case_took_was_somebodys_turn() -> None:
    state = a_case().state
    assert state.closed is not None

    spent = sum((waited(state.steps, party) for party in Party), timedelta())
    assert spent == state.closed.at - state.received
    assert waited(state.steps, Party.CUSTOMER) >= 4 * MINUTE
    assert state.steps.turn is None


def test_what_machines_tell_is_no_tap() -> None:
    case = Case().reported(malware_ran())
    before = case.state.steps.taps

    assert case.done().state.steps.taps == before == ()


def test_the_closed_card_of_the_analysts_tells_the_cost_and_the_customers_does_not() -> None:
    case = a_case()

    (cost,) = [says for says in case.desk().outcome if says.key == "outcome.steps"]
    assert (cost.args["person_taps"], cost.args["analyst_taps"]) == (2, 2)
    assert "outcome.steps" not in [says.key for says in case.thread().outcome]


def test_time_while_a_case_is_closed_is_nobodys() -> None:
    case = a_case()
    spent = case.state.steps

    case.happens(Reopened(ANNA.object_id, ANNA.name), after=600)

    assert case.state.steps.waited == spent.waited


def test_the_steps_follow_from_the_events() -> None:
    case, incident = a_case(), None
    for event, known, at in case.log:
        incident = decide(incident, event, known, at).incident

    assert incident is not None
    assert incident.steps == case.state.steps != Steps()

import asyncio

import pytest

from tests.crash.counts import Again, Counts, Death, _again, excuse
from tests.crash.harness import Plan, Result, run
from tests.crash.meter import WRITES_DOWN, Call
from tests.crash.stories import Person, case


def call(begun: float, answered: float | None, *, lost: bool = False) -> Call:
    return Call("send", {}, "c", begun, answered=answered, lost=lost)


KILL = Death(at=10.0, until=10.1, open_calls=1, open_requests=0)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (call(9.9, 10.05), "killed before its answer left"),
        (call(10.05, None), "whoever asked was gone before anybody looked who it was"),
        (call(9.8, 9.9), "killed 100 ms after its answer left"),
        (call(3.0, 3.1, lost=True), "its answer was lost"),
    ],
)
def test_a_call_whose_answer_may_not_have_been_written_down_is_excused(
    told: Call, why: str
) -> None:
    assert excuse(told, [KILL]) == why


def test_no_kill_excuses_a_call_answered_long_before_or_made_by_the_next_process() -> None:
    long_before = call(9.0, 9.9 - WRITES_DOWN)
    by_the_next = call(10.2, 10.3)

    assert excuse(long_before, [KILL]) is None
    assert excuse(by_the_next, [KILL]) is None


def test_a_call_of_the_dead_may_be_read_after_the_kill() -> None:
    death = Death(at=10.0, until=10.1, open_calls=1, open_requests=0, starved={1: 0.0})
    read_late = call(10.2, None)
    read_late.by = 1

    assert excuse(read_late, [death]) == "killed before its answer left"


def test_a_living_process_that_hangs_up_is_not_excused() -> None:
    hung_up = call(9.0, None)
    hung_up.by = 1

    assert excuse(hung_up, [KILL]) is None


def test_the_death_of_another_replica_excuses_nothing() -> None:
    death = Death(at=10.0, until=10.1, open_calls=1, open_requests=0, starved={1: 0.0})
    by_the_dead, by_another = call(9.9, 9.95), call(9.9, 9.95)
    by_the_dead.by, by_another.by = 1, 2

    assert excuse(by_the_dead, [death])
    assert excuse(by_another, [death]) is None


def test_a_repetition_before_the_kill_is_not_excused_by_it() -> None:
    death = Death(at=10.0, until=10.1, open_calls=1, open_requests=0, starved={1: 0.0})
    first, before, after = call(9.8, 9.9), call(9.95, None), call(10.2, 10.3)
    first.by = 1

    assert _again("hello", first, after, [death]).why
    assert _again("hello", first, before, [death]).why is None


def test_waiting_for_a_processor_is_not_counted_against_the_dead() -> None:
    death = Death(at=10.0, until=10.1, open_calls=1, open_requests=0, starved={1: 0.5})
    starving, slow = call(9.0, 9.2), call(9.0, 9.2)
    starving.by = slow.by = 1
    slow.starved = 0.4

    assert excuse(starving, [death])
    assert excuse(slow, [death]) is None


def test_counts_hold_only_where_each_repetition_is_excused() -> None:
    excused, unexcused = Again("hello", "killed"), Again("hello", None)

    assert Counts(repeated=[excused], in_flight=1).hold
    assert not Counts(repeated=[unexcused], in_flight=1).hold
    assert not Counts(repeated=[excused, excused], in_flight=1).hold
    assert not Counts(lost=["an incident"]).hold
    assert not Counts(undone=["a card"]).hold


def test_no_case_shares_anything_that_would_join_it_to_another() -> None:
    one, other = case(0), case(4)

    assert one.kind is other.kind
    for marker in (Person(0).id, Person(0).upn, "laptop-person0000", "da700000"):
        assert marker in str(one.report())
        assert marker not in str(other.report())


@pytest.mark.long
def test_killed_five_times_under_load_nothing_is_lost_undone_or_said_twice_without_excuse() -> None:
    result: Result = asyncio.run(run(Plan("sqlite", seed=5, kills=5), print))

    assert result.counts.hold, result.counts
    assert result.record == "ok"
    assert len(result.deaths) == 5

"""Buckets run empty, fill again, and are each somebody's own."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import limits
from bot.limits import Buckets


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_and_then_as_many_as_flow_in() -> None:
    time = Time()
    buckets = Buckets(3, 2, time)

    assert [buckets.take("contoso") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("contoso") == pytest.approx(0.5)
    time.now = 0.5
    assert buckets.take("contoso") == 0
    assert buckets.take("contoso") > 0


def test_nobody_is_turned_away_for_what_another_sends() -> None:
    buckets = Buckets(1, 1, Time())

    assert buckets.take("contoso") == 0
    assert buckets.take("contoso") > 0
    assert buckets.take("fabrikam") == 0


def test_however_many_names_there_are_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST", 10)
    buckets = Buckets(1, 1, Time())
    buckets.take("first")

    for number in range(100):
        buckets.take(str(number))

    assert len(buckets._buckets) == 10
    assert buckets.take("99") > 0
    assert buckets.take("first") == 0


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 10), st.floats(0.5, 10))
def test_never_more_is_taken_than_the_burst_and_what_flowed_in(
    pauses: list[float], burst: int, per_second: float
) -> None:
    time, taken = Time(), 0
    buckets = Buckets(burst, per_second, time)

    for pause in pauses:
        time.now += pause
        wait = buckets.take("contoso")
        taken += not wait

        assert taken <= math.ceil(burst + time.now * per_second + 1e-6)
        assert 0 <= wait <= 1 / per_second + 1e-9

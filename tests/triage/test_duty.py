"""Who is on duty: shifts around the world, nights, clocks that change, and what analysts say."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.triage_script import ABE, ANNA, PROVIDER
from triage.customer import Analyst, Provider, Shift
from triage.duty import (
    LONGEST,
    Mark,
    end_of_joining,
    gaps,
    next_change,
    next_start,
    on_duty,
    until,
)

EVERY_DAY = frozenset(range(7))


def shift(name: str, zone: str, start: int, end: int, *who: Analyst) -> Shift:
    return Shift(
        name=name,
        zone=zone,
        days=EVERY_DAY,
        start=time(start),
        end=time(end),
        analysts=tuple(a.upn for a in who),
    )


BERLIN = shift("Berlin", "Europe/Berlin", 8, 20, ANNA)
NIGHT = shift("Denver", "America/Denver", 12, 1, ABE)
SUN = replace(PROVIDER, shifts=(BERLIN, NIGHT))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(provider: Provider, when: str, marks: dict[str, Mark] | None = None) -> list[str]:
    return [a.name for a, _ in on_duty(provider, marks or {}, at(when))]


def test_shifts_follow_the_sun_by_their_own_clocks() -> None:
    assert names(SUN, "2026-11-30 07:00") == ["Anna", "Abe"]  # 08:00 in Berlin, midnight in Denver
    assert names(SUN, "2026-11-30 08:00") == ["Anna"]  # 01:00 in Denver: the first free moment
    assert names(SUN, "2026-11-30 18:59") == ["Anna"]
    assert names(SUN, "2026-11-30 19:00") == ["Abe"]
    assert names(SUN, "2026-07-01 05:59") == ["Abe"]  # summer in both
    assert until(SUN, ABE, {}, at("2026-11-30 19:00")) == at("2026-12-01 08:00")


def test_an_analyst_in_no_shift_is_off_duty() -> None:
    assert names(replace(PROVIDER, shifts=(BERLIN,)), "2026-11-30 12:00") == ["Anna"]


def test_a_shift_that_begins_as_another_ends_goes_on() -> None:
    late = shift("Late", "Europe/Berlin", 20, 23, ANNA)
    double = replace(PROVIDER, shifts=(BERLIN, late))

    assert until(double, ANNA, {}, at("2026-11-30 12:00")) == at("2026-11-30 22:00")


def test_whoever_left_early_is_off_until_that_shift_is_over() -> None:
    marks = {ANNA.object_id: Mark(on=False, until=at("2026-11-30 19:00"))}

    assert names(SUN, "2026-11-30 12:00", marks) == []
    assert names(SUN, "2026-12-01 12:00", marks) == ["Anna"]


def test_whoever_joins_is_on_as_long_as_the_others() -> None:
    noon = at("2026-11-30 12:00")
    marks = {ABE.object_id: Mark(on=True, until=end_of_joining(SUN, noon))}

    assert names(SUN, "2026-11-30 18:59", marks) == ["Anna", "Abe"]
    assert until(SUN, ABE, marks, noon) == at("2026-12-01 08:00"), "their own shift follows"


def test_around_the_clock_has_an_end_that_can_be_said() -> None:
    always = replace(PROVIDER, shifts=(shift("Always", "UTC", 0, 0, ANNA),))
    noon = at("2026-11-30 12:00")

    assert until(always, ANNA, {}, noon) == noon + LONGEST


def test_what_comes_next_is_known() -> None:
    noon = at("2026-11-30 12:00")

    assert next_start(SUN, noon) == (NIGHT, at("2026-11-30 19:00"))
    assert next_change(SUN, {}, noon) == at("2026-11-30 19:00")
    assert next_change(SUN, {"x": Mark(on=True, until=at("2026-11-30 13:00"))}, noon) == at(
        "2026-11-30 13:00"
    )
    assert next_start(PROVIDER, noon) is None
    assert next_change(PROVIDER, {}, noon) is None


def test_what_the_shifts_leave_out_is_named() -> None:
    monday = at("2026-11-30 00:00")

    assert gaps(SUN, monday, 7) == []
    assert gaps(replace(PROVIDER, shifts=(BERLIN,)), monday, 2) == [
        (monday, at("2026-11-30 07:00")),
        (at("2026-11-30 19:00"), at("2026-12-01 07:00")),
        (at("2026-12-01 19:00"), at("2026-12-02 00:00")),
    ]
    weekdays = replace(BERLIN, days=frozenset(range(5)))
    assert gaps(replace(PROVIDER, shifts=(weekdays, replace(weekdays, name="2"))), monday, 7)[
        -1
    ] == (
        at("2026-12-04 19:00"),
        at("2026-12-07 00:00"),
    )


@given(
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001
        lambda m: m.replace(tzinfo=UTC)
    ),
    start=st.integers(0, 23),
    length=st.integers(1, 23),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Denver", "Australia/Lord_Howe"]),
)
def test_between_two_changes_nobodys_duty_changes(
    moment: datetime, start: int, length: int, zone: str
) -> None:
    provider = replace(
        PROVIDER, shifts=(shift("One", zone, start, (start + length) % 24, ANNA), NIGHT)
    )

    change = next_change(provider, {}, moment)

    assert change is not None
    before = change - timedelta(microseconds=1)
    assert [a for a, _ in on_duty(provider, {}, moment)] == [
        a for a, _ in on_duty(provider, {}, max(moment, before))
    ]
    for analyst, end in on_duty(provider, {}, moment):
        last = min(end, moment + LONGEST) - timedelta(microseconds=1)
        assert until(provider, analyst, {}, last) is not None
        if end < moment + LONGEST:
            assert until(provider, analyst, {}, end) is None


@pytest.mark.parametrize("holds", [True, False])
def test_what_somebody_said_is_over_when_it_runs_out(holds: bool) -> None:
    noon = at("2026-11-30 12:00")
    end = noon + timedelta(seconds=1 if holds else 0)
    marks = {ANNA.object_id: Mark(on=False, until=end)}

    assert (until(SUN, ANNA, marks, noon) is None) is holds

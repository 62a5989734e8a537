"""Working time, over every zone, clock change and holiday there is."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo, available_timezones

import holidays as public_holidays
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from triage import worktime
from triage.customer import (
    Calendar,
    Due,
    Holidays,
    QuietHours,
    WorkingHours,
)

WEEK = frozenset(range(5))
OFFICE = WorkingHours(WEEK, time(8), time(18))
BERLIN = Calendar("Europe/Berlin", OFFICE, Holidays(country="DE", subdivision="BY"))


def at(text: str) -> datetime:
    """A moment, as "2026-12-23 17:30" by the clock of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- what a calendar says ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "worked"),
    [
        ("2026-11-24 07:59", "2026-11-24 08:00"),
        ("2026-11-24 08:00", "2026-11-24 08:00"),
        ("2026-11-24 17:59", "2026-11-24 17:59"),
        ("2026-11-24 18:00", "2026-11-25 08:00"),
        ("2026-11-27 18:00", "2026-11-30 08:00"),  # over a weekend
        ("2026-12-24 18:00", "2026-12-28 08:00"),  # Christmas before a weekend
        ("2026-04-02 18:00", "2026-04-07 08:00"),  # Easter, from Good Friday to Monday
        ("2026-01-05 18:00", "2026-01-07 08:00"),  # Epiphany, a holiday of Bavaria
    ],
)
def test_the_next_working_moment_is_found(asked: str, worked: str) -> None:
    assert worktime.next_working(BERLIN, at(asked)) == at(worked)


def test_a_holiday_of_one_part_of_a_country_is_worked_in_another() -> None:
    prussian = replace(BERLIN, holidays=Holidays(country="DE", subdivision="BE"))

    assert worktime.is_working(prussian, at("2026-01-06 10:00"))
    assert not worktime.is_working(BERLIN, at("2026-01-06 10:00"))


def test_what_the_customer_says_of_a_date_counts_before_all_else() -> None:
    said = Holidays(country="DE", extra=(date(2026, 11, 24),), working=(date(2026, 12, 26),))
    calendar = replace(BERLIN, holidays=said)

    assert not worktime.is_working(calendar, at("2026-11-24 10:00"))
    assert worktime.is_working(calendar, at("2026-12-26 10:00"))  # a Saturday and a holiday


def test_working_time_passes_only_while_it_is_worked() -> None:
    assert worktime.after(BERLIN, at("2026-11-24 17:00"), 60) == at("2026-11-24 18:00")
    assert worktime.after(BERLIN, at("2026-11-24 17:00"), 61) == at("2026-11-25 08:01")
    assert worktime.after(BERLIN, at("2026-11-27 17:30"), 90) == at("2026-11-30 09:00")
    assert worktime.after(BERLIN, at("2026-11-28 03:00"), 11 * 60) == at("2026-12-01 09:00")


def test_the_next_working_day_is_not_the_rest_of_this_one() -> None:
    for asked in ("2026-11-26 00:00", "2026-11-26 12:00", "2026-11-26 23:59"):
        assert worktime.next_workday(BERLIN, at(asked)).start == at("2026-11-27 08:00")
    for asked in ("2026-11-27 07:00", "2026-11-28 12:00", "2026-11-29 23:59"):
        monday = worktime.Span(at("2026-11-30 08:00"), at("2026-11-30 18:00"))
        assert worktime.next_workday(BERLIN, at(asked)) == monday


def test_without_hours_every_moment_is_worked_and_the_next_day_begins_at_midnight() -> None:
    calendar = Calendar("Asia/Kolkata")  # half an hour off

    assert worktime.next_working(calendar, utc("2026-11-24 03:21")) == utc("2026-11-24 03:21")
    assert worktime.after(calendar, utc("2026-11-24 03:21"), 3000) == utc("2026-11-26 05:21")
    assert worktime.next_workday(calendar, utc("2026-11-24 03:21")).start == utc("2026-11-24 18:30")


def test_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    nights = WorkingHours(frozenset({4}), time(22), time(6))
    calendar = Calendar("Europe/Berlin", nights)

    assert worktime.is_working(calendar, at("2026-11-28 05:59"))  # Saturday, still Friday's
    assert not worktime.is_working(calendar, at("2026-11-27 05:59"))
    assert worktime.after(calendar, at("2026-11-27 23:00"), 7 * 60 + 1) == at("2026-12-04 22:01")
    free = replace(calendar, holidays=Holidays(extra=(date(2026, 11, 27),)))
    assert not worktime.is_working(free, at("2026-11-28 05:59"))


@pytest.mark.parametrize(
    ("begins", "ends", "hours"),
    [
        ("2026-03-28 22:00", "2026-03-29 06:00", 7),  # clocks go forward
        ("2026-10-24 22:00", "2026-10-25 06:00", 9),  # and back
    ],
)
def test_a_night_in_which_clocks_change_is_an_hour_shorter_or_longer(
    begins: str, ends: str, hours: int
) -> None:
    calendar = Calendar("Europe/Berlin", WorkingHours(frozenset({5}), time(22), time(6)))

    assert worktime.after(calendar, at(begins), hours * 60) == at(ends)
    assert at(ends) - at(begins) == timedelta(hours=hours)


def test_hours_that_begin_in_a_gap_of_the_clock_begin_when_it_is_over() -> None:
    calendar = Calendar("Europe/Berlin", WorkingHours(frozenset({6}), time(2, 30), time(3, 15)))

    assert worktime.next_working(calendar, utc("2026-03-29 00:00")) == utc("2026-03-29 01:00")
    assert worktime.after(calendar, utc("2026-03-29 00:00"), 15) == utc("2026-03-29 01:15")


def test_a_time_that_the_clock_shows_twice_is_meant_the_first_time() -> None:
    calendar = Calendar("Europe/Berlin", WorkingHours(frozenset({6}), time(2, 30), time(8)))

    assert worktime.next_working(calendar, utc("2026-10-25 00:00")) == utc("2026-10-25 00:30")


def test_a_day_that_a_zone_left_out_is_not_worked() -> None:
    """Samoa went from Thursday 29 to Saturday 31 December 2011."""
    samoa = Calendar("Pacific/Apia", OFFICE)

    assert worktime.next_workday(samoa, utc("2011-12-29 20:00")).start == utc("2012-01-01 18:00")


def test_a_day_that_has_begun_does_not_end_when_the_clock_shows_the_one_before_again() -> None:
    """In St John's clocks went back from 00:01 to 23:01."""
    calendar = Calendar("America/St_Johns", OFFICE)
    first, again = utc("2010-11-07 02:30:30"), utc("2010-11-07 03:00")

    assert [m.astimezone(ZoneInfo("America/St_Johns")).day for m in (first, again)] == [7, 6]
    assert worktime.next_workday(calendar, first) == worktime.next_workday(calendar, again)


def test_a_calendar_without_work_for_long_keeps_nobody_waiting() -> None:
    free = tuple(date(2026, 11, 24) + timedelta(days=n) for n in range(400))
    calendar = Calendar("Europe/Berlin", OFFICE, Holidays(extra=free))
    now = at("2026-11-25 10:00")

    assert worktime.is_working(calendar, now)
    assert worktime.after(calendar, now, 30) == now + timedelta(minutes=30)
    assert worktime.next_workday(calendar, now).start == at("2026-11-26 00:00")


def test_a_long_summer_is_waited_for() -> None:
    free = tuple(date(2026, 7, 1) + timedelta(days=n) for n in range(60))
    calendar = Calendar("Europe/Berlin", OFFICE, Holidays(extra=free))

    assert worktime.next_working(calendar, at("2026-07-01 10:00")) == at("2026-08-31 08:00")


def test_a_country_nobody_knows_has_no_holidays() -> None:
    calendar = replace(BERLIN, holidays=Holidays(country="ZZ"))

    assert worktime.is_working(calendar, at("2026-12-25 10:00"))


def test_of_a_year_far_off_the_holidays_that_are_known_count() -> None:
    """India's moon calendar ends with 2035."""
    calendar = Calendar("Asia/Kolkata", OFFICE, Holidays(country="IN"))

    assert not worktime.is_working(calendar, utc("2040-01-26 06:00"))  # Republic Day
    assert worktime.is_working(calendar, utc("2040-01-27 06:00"))


# --- targets and quiet hours ---------------------------------------------------------------------


def test_a_target_in_minutes_counts_around_the_clock_and_a_workday_to_its_end() -> None:
    friday = at("2026-11-27 17:50")

    assert worktime.due(BERLIN, friday, 30) == at("2026-11-27 18:20")
    assert worktime.due(BERLIN, friday, Due.NEXT_WORKDAY) == at("2026-11-30 18:00")
    assert worktime.due(BERLIN, friday, Due.NONE) is None


@pytest.mark.parametrize(
    ("asked", "loud"),
    [
        ("2026-11-24 19:59", "2026-11-24 19:59"),
        ("2026-11-24 20:00", "2026-11-25 07:00"),
        ("2026-11-25 03:00", "2026-11-25 07:00"),
        ("2026-11-25 07:00", "2026-11-25 07:00"),
        ("2026-10-25 03:00", "2026-10-25 07:00"),  # the night is an hour longer
    ],
)
def test_nobody_is_disturbed_at_night(asked: str, loud: str) -> None:
    assert worktime.next_loud(QuietHours(), "Europe/Berlin", at(asked)) == at(loud)


def test_quiet_hours_may_lie_within_a_day_or_be_none() -> None:
    siesta = QuietHours(time(13), time(15))

    assert worktime.next_loud(siesta, "Europe/Berlin", at("2026-11-24 14:00")) == at(
        "2026-11-24 15:00"
    )
    none = QuietHours(time(20), time(20))
    assert worktime.next_loud(none, "Europe/Berlin", at("2026-11-24 23:00")) == at(
        "2026-11-24 23:00"
    )


# --- what always holds ---------------------------------------------------------------------------

ZONES = sorted(available_timezones() - {"localtime"})
CHANGES = [
    "2011-12-30T10:00",  # Samoa leaves out a day
    "2010-11-07T02:31",  # St John's goes back over midnight
    "2026-03-29T01:00",  # Europe
    "2026-10-25T01:00",
    "2026-03-08T10:00",  # America
    "2026-11-01T09:00",
    "2026-04-04T15:00",  # Lord Howe, half an hour
    "2026-10-03T15:30",
]
COUNTRIES = public_holidays.list_supported_countries(include_aliases=False)
PARTS = [(country, part) for country, parts in COUNTRIES.items() for part in (None, *parts[:1])]

moments = st.one_of(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.builds(
        lambda change, minutes: utc(change) + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-2000, 2000),
    ),
)
minutes = st.integers(0, 5000)
clocks = st.one_of(st.times(), st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 30])))
weeks = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def _hours(draw: st.DrawFn, *, within_a_day: bool = False) -> WorkingHours:
    """Those that a profile may have."""
    start, end = draw(clocks), draw(clocks)
    if within_a_day:
        start, end = sorted((start, end))
    day = timedelta(hours=24)
    length = (datetime.combine(date.min, end) - datetime.combine(date.min, start)) % day
    assume(length >= timedelta(hours=1))
    return WorkingHours(draw(weeks), start, end)


@st.composite
def _holidays(draw: st.DrawFn) -> Holidays:
    country, part = draw(st.sampled_from([(None, None), *PARTS]))
    near = st.dates(date(2026, 3, 1), date(2026, 11, 30))
    return Holidays(
        country=country,
        subdivision=part,
        extra=tuple(draw(st.lists(near, max_size=20))),
        working=tuple(draw(st.lists(near, max_size=5))),
    )


calendars = st.builds(Calendar, st.sampled_from(ZONES), st.none() | _hours(), _holidays())
by_day = st.builds(Calendar, st.sampled_from(ZONES), _hours(within_a_day=True), _holidays())


@given(calendars, moments)
def test_the_next_working_moment_is_worked_and_never_before(
    calendar: Calendar, moment: datetime
) -> None:
    found = worktime.next_working(calendar, moment)

    assert found >= moment
    assert worktime.is_working(calendar, found)
    assert worktime.next_working(calendar, found) == found
    assert found.tzinfo is UTC


@given(calendars, moments, moments)
def test_no_moment_worked_lies_before_the_next_one(
    calendar: Calendar, moment: datetime, other: datetime
) -> None:
    found = worktime.next_working(calendar, moment)

    if moment <= other < found:
        assert not worktime.is_working(calendar, other)
    between = moment + (found - moment) / 2
    assert between == found or not worktime.is_working(calendar, between)


@given(calendars, moments, minutes)
def test_what_is_due_in_working_time_falls_within_it_or_at_its_end(
    calendar: Calendar, moment: datetime, length: int
) -> None:
    found = worktime.after(calendar, moment, length)

    assert found >= moment + timedelta(minutes=length)
    just_before = found - timedelta(microseconds=1)
    assert worktime.is_working(calendar, found) or worktime.is_working(calendar, just_before)


@given(calendars, moments, minutes, st.integers(1, 5000))
def test_working_time_adds_up(calendar: Calendar, moment: datetime, a: int, b: int) -> None:
    """But for nothing more at the end of a shift, which goes on with the next one."""
    first = worktime.after(calendar, moment, a)

    assert worktime.after(calendar, first, b) == worktime.after(calendar, moment, a + b)


@given(calendars, moments, st.integers(0, 20_000), minutes)
def test_whoever_comes_later_is_never_served_sooner(
    calendar: Calendar, moment: datetime, later: int, length: int
) -> None:
    after = moment + timedelta(minutes=later)

    first, second = (worktime.after(calendar, m, length) for m in (moment, after))
    assert first <= second
    assert worktime.next_workday(calendar, moment).start <= (
        worktime.next_workday(calendar, after).start
    )


@given(calendars, moments)
def test_the_next_working_day_is_worked_and_lies_ahead(
    calendar: Calendar, moment: datetime
) -> None:
    day = worktime.next_workday(calendar, moment)

    assert moment < day.start < day.end
    assert worktime.is_working(calendar, day.start)
    assert worktime.is_working(calendar, day.end - timedelta(microseconds=1))


@given(by_day, moments)
def test_work_is_done_by_the_clock_of_the_place(calendar: Calendar, moment: datetime) -> None:
    """Told another way: a worked moment reads between start and end there, but where the clock
    shows a time twice."""
    assert calendar.hours is not None
    there = ZoneInfo(calendar.zone)
    shown = moment.astimezone(there)
    changes = {(moment + timedelta(hours=h)).astimezone(there).utcoffset() for h in range(-30, 31)}
    assume(len(changes) == 1)

    reads = calendar.hours.start <= shown.time() < calendar.hours.end
    if worktime.is_working(calendar, moment):
        assert reads
    elif reads:
        assert not worktime._is_workday(calendar.hours.days, calendar.holidays, shown.date())


@given(st.builds(QuietHours, clocks, clocks), st.sampled_from(ZONES), moments, st.integers(0, 3000))
@example(QuietHours(), "Pacific/Apia", utc("2011-12-30 08:00"), 5)
def test_quiet_ends_within_a_day_or_so_and_in_order(
    quiet: QuietHours, zone: str, moment: datetime, later: int
) -> None:
    found = worktime.next_loud(quiet, zone, moment)

    assert moment <= found <= moment + timedelta(hours=50)
    assert worktime.next_loud(quiet, zone, found) == found
    assert found <= worktime.next_loud(quiet, zone, moment + timedelta(minutes=later))


def test_no_calendar_takes_long_to_ask() -> None:
    """Once the holidays of a year are known; and whatever the amount."""
    never = Calendar("Europe/Berlin", WorkingHours(frozenset(), time(8), time(18)))
    begun = perf_counter()

    for calendar in (BERLIN, never):
        for length in (0, 60, 10_000_000):
            worktime.after(calendar, at("2026-11-24 10:00"), length)

    assert perf_counter() - begun < 5

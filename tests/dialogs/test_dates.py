"""By when something is to be done, as people write it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.dates import moment, read
from triage.customer import Calendar, WorkingHours

BERLIN = Calendar("Europe/Berlin", WorkingHours(frozenset(range(5)), time(8), time(18)))
TUESDAY = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("friday", "2026-11-27 18:00"),
        ("Freitag", "2026-11-27 18:00"),
        ("tue", "2026-11-24 18:00"),
        ("today", "2026-11-24 18:00"),
        ("tomorrow", "2026-11-25 18:00"),
        ("3 days", "2026-11-27 18:00"),
        ("15 Dec", "2026-12-15 18:00"),
        ("15. Dezember 2026", "2026-12-15 18:00"),
        ("3 January", "2027-01-03 18:00"),
        ("1. März", "2027-03-01 18:00"),
        ("1 de março", "2027-03-01 18:00"),
        ("29 feb", "2028-02-29 18:00"),
        ("2026-12-15", "2026-12-15 18:00"),
        ("17:30", "2026-11-24 17:30"),
        ("9:00", "2026-11-25 09:00"),
    ],
)
def test_a_day_is_its_working_end_by_the_customers_clock(written: str, due: str) -> None:
    by = read(written)

    assert by is not None
    assert f"{moment(by, BERLIN, TUESDAY):%Y-%m-%d %H:%M}" == due


def test_without_a_day_it_is_the_next_working_day() -> None:
    assert moment(None, BERLIN, TUESDAY) == datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
    always = replace(BERLIN, hours=None)
    assert moment(None, always, TUESDAY) == datetime(2026, 11, 25, 16, 0, tzinfo=UTC)


def test_a_weekday_that_is_over_is_next_weeks() -> None:
    evening = TUESDAY.replace(hour=20)

    assert moment(read("tuesday"), BERLIN, evening).date().isoformat() == "2026-12-01"


@pytest.mark.parametrize(
    "written",
    ["", "Ines", "the vendor", "2 marketing", "31 feb", "2026-13-01", "9999-12-31", "25:00"],
)
def test_what_names_no_day_is_none(written: str) -> None:
    assert read(written) is None


_WORDS = st.sampled_from(["friday", "2 days", "15 dec", "29 feb", "2027-01-03", "17:30", "9:00"])


@given(_WORDS, st.timedeltas(timedelta(), timedelta(days=700)))
def test_what_names_a_day_or_a_time_is_to_come(written: str, later: timedelta) -> None:
    at = TUESDAY + later
    due = moment(read(written), BERLIN, at)

    if written == "2027-01-03":
        assert f"{due:%Y-%m-%d}" == written
    elif written in ("15 dec", "29 feb"):
        assert f"{due:%d %b}".lower() == written
        assert due.date() >= at.astimezone(due.tzinfo).date()
    else:
        assert at < due


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_day_or_none(written: str) -> None:
    assert moment(read(written), BERLIN, TUESDAY).astimezone(UTC) > datetime(2000, 1, 1, tzinfo=UTC)

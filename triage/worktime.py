"""Working time: which moments are worked by a calendar, and when so much of it has passed.

Moments go in and come out as UTC; the clock in between is the calendar's own. Hours belong to the
day they begin on, also where they end on the next (a night shift): a holiday frees all of them.

    clocks go forward   a time that the clock leaves out is the moment of the change
    clocks go back      a time that the clock shows twice is meant the first time
    no work for long    a calendar that is free for more than LONGEST_BREAK tells nothing, and every
                        moment counts as worked: nobody waits for a day that may never come
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import assert_never
from zoneinfo import ZoneInfo

import holidays as public_holidays

from triage.customer import Calendar, Due, Holidays, QuietHours

LONGEST_BREAK = 92
"""Days: a school's summer, and more."""
FARTHEST = 3700
"""Days looked ahead, whatever is asked."""

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Span:
    """The working time of one day."""

    start: datetime
    end: datetime
    """The first moment that is free again."""


def is_working(calendar: Calendar, at: datetime) -> bool:
    return next_working(calendar, at) == at


def next_working(calendar: Calendar, at: datetime) -> datetime:
    """The moment itself where it is worked, else the first one after it that is."""
    return after(calendar, at, 0)


def after(calendar: Calendar, at: datetime, minutes: int) -> datetime:
    """When so much working time has passed: worked, or the very end of a shift."""
    left = timedelta(minutes=minutes)
    for shift in _shifts(calendar, at):
        at = max(at, shift.start)
        if at + left <= shift.end:
            return at + left
        left -= shift.end - at
        at = shift.end
    return at + left


def next_workday(calendar: Calendar, at: datetime) -> Span:
    """The working time of the first working day after this one, by the calendar's clock."""
    today = _day(calendar.zone, at)
    tomorrow = _moment(calendar.zone, today + DAY, MIDNIGHT)
    later = (shift for shift in _shifts(calendar, tomorrow) if shift.start >= tomorrow)
    return next(later, Span(tomorrow, _moment(calendar.zone, today + 2 * DAY, MIDNIGHT)))


def worked_around(calendar: Calendar, at: datetime) -> Span | None:
    """The working time that a moment is in; None where it is free."""
    first = next(_shifts(calendar, at), None)
    return first if first is not None and first.start <= at else None


def next_start(calendar: Calendar, at: datetime) -> datetime | None:
    """When work next begins, after a moment."""
    return next((span.start for span in _shifts(calendar, at) if span.start > at), None)


def due(calendar: Calendar, since: datetime, target: int | Due) -> datetime | None:
    """When a target is missed: minutes count around the clock, the next working day to its end."""
    match target:
        case Due.NONE:
            return None
        case Due.NEXT_WORKDAY:
            return next_workday(calendar, since).end
        case int():
            return since + timedelta(minutes=target)
    assert_never(target)


def next_loud(quiet: QuietHours, zone: str, at: datetime) -> datetime:
    """The moment itself, or where people of that zone are to be left alone then, when that ends."""
    if quiet.start == quiet.end:
        return at
    today = _day(zone, at)
    for day in (today - DAY, today, today + DAY):
        start, end = _span(zone, day, quiet.start, quiet.end)
        if start <= at < end:
            at = end
    return at


# --- shifts --------------------------------------------------------------------------------------


def _shifts(calendar: Calendar, at: datetime) -> Iterator[Span]:
    """Those that end after a moment, in order, until there is none for too long."""
    yesterday = _day(calendar.zone, at) - DAY
    free = 0
    for days in range(FARTHEST):
        shift = _shift(calendar, yesterday + days * DAY)
        if shift is not None and shift.end > at:
            free = 0
            yield shift
        else:
            free += 1
        if free > LONGEST_BREAK:
            return


def _shift(calendar: Calendar, day: date) -> Span | None:
    hours = calendar.hours
    if hours is None:
        start, end = _span(calendar.zone, day, MIDNIGHT, MIDNIGHT)
    elif _is_workday(hours.days, calendar.holidays, day):
        start, end = _span(calendar.zone, day, hours.start, hours.end)
    else:
        return None
    return Span(start, end) if start < end else None


def _is_workday(weekdays: frozenset[int], holidays: Holidays, day: date) -> bool:
    """What the customer says of a date counts before its country's holidays and the weekday."""
    if day in holidays.working:
        return True
    if day in holidays.extra or day.weekday() not in weekdays:
        return False
    return holidays.country is None or day not in _public(
        holidays.country, holidays.subdivision, day.year
    )


@lru_cache(maxsize=512)
def _public(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """None where the library does not know the country; the profile's check says so. Of years far
    off it knows less (moon calendars of India end with 2035) and warns: what it knows counts."""
    with warnings.catch_warnings(action="ignore"):
        try:
            found = public_holidays.country_holidays(
                country, subdiv=subdivision, years=year, expand=False
            )
        except NotImplementedError:
            return frozenset()
        return frozenset(found)


# --- clocks --------------------------------------------------------------------------------------


def _day(zone: str, at: datetime) -> date:
    """The day it is there: the last one that has begun. A clock set back over midnight shows the
    day before once more, but it began already."""
    shown = at.astimezone(ZoneInfo(zone)).date()
    return shown + DAY if _moment(zone, shown + DAY, MIDNIGHT) <= at else shown


def _span(zone: str, day: date, start: time, end: time) -> tuple[datetime, datetime]:
    """From one time of a day to another, of the next day where it is not later."""
    ends = day if end > start else day + DAY
    return _moment(zone, day, start), _moment(zone, ends, end)


def _moment(zone: str, day: date, clock: time) -> datetime:
    """When the clock there first shows this time, or leaves it out."""
    there = ZoneInfo(zone)
    shown = datetime.combine(day, clock, there)
    at = shown.astimezone(UTC)
    if at.astimezone(there).replace(tzinfo=None) == shown.replace(tzinfo=None):
        return at
    return _change(there, before=shown.replace(fold=1).astimezone(UTC), after=at)


def _change(there: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second from which the later one's distance from UTC holds."""
    new = after.astimezone(there).utcoffset()
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    while after - before > SECOND:
        between = (before + (after - before) / 2).replace(microsecond=0)
        if between.astimezone(there).utcoffset() == new:
            after = between
        else:
            before = between
    return after

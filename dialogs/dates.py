"""By when something is to be done, as people write it: friday, 15 dec, 2026-12-15, tomorrow, 17:00.

Reading is pure; `moment` says when that is, by the clock of whoever is to do it.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from triage import worktime
from triage.customer import Calendar
from triage.tasking import END_OF_DAY


@dataclass(frozen=True, slots=True)
class Weekday:
    day: int
    """Monday is 0. The next one; today, until its end."""


@dataclass(frozen=True, slots=True)
class InDays:
    days: int


@dataclass(frozen=True, slots=True)
class OnDate:
    month: int
    day: int
    year: int | None = None
    """Without it, the next such day."""


@dataclass(frozen=True, slots=True)
class AtTime:
    hour: int
    minute: int
    """Of today; of tomorrow where that is over."""


By = Weekday | InDays | OnDate | AtTime

_DAYS = (
    ("monday", "mon", "montag", "segunda"),
    ("tuesday", "tue", "dienstag", "terça"),
    ("wednesday", "wed", "mittwoch", "quarta"),
    ("thursday", "thu", "donnerstag", "quinta"),
    ("friday", "fri", "freitag", "sexta"),
    ("saturday", "sat", "samstag", "sábado"),
    ("sunday", "sun", "sonntag", "domingo"),
)
_IN_DAYS = {
    "yesterday": -1,
    "gestern": -1,
    "ontem": -1,
    "today": 0,
    "heute": 0,
    "hoje": 0,
    "tomorrow": 1,
    "morgen": 1,
    "amanhã": 1,
}
_MONTHS = (
    ("jan", "january", "januar", "janeiro"),
    ("feb", "february", "februar", "fev", "fevereiro"),
    ("mar", "march", "mär", "märz", "março"),
    ("apr", "april", "abr", "abril"),
    ("may", "mai", "maio"),
    ("jun", "june", "juni", "junho"),
    ("jul", "july", "juli", "julho"),
    ("aug", "august", "ago", "agosto"),
    ("sep", "sept", "september", "set", "setembro"),
    ("oct", "october", "okt", "oktober", "out", "outubro"),
    ("nov", "november", "novembro"),
    ("dec", "december", "dez", "dezember", "dezembro"),
)
_YEARS = range(2000, 3000)
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_NAMED = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.)? (?:de )?([a-zäç]{3,9})\.?(?: ([0-9]{4}))?")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_SPAN = re.compile(r"(?:in )?([0-9]{1,3}) (?:days?|tagen?|dias?)", re.ASCII)


def read(written: str) -> By | None:
    """None for what names no day and no time."""
    said = " ".join(written.lower().strip(" .,;!").split())
    if said in _IN_DAYS:
        return InDays(_IN_DAYS[said])
    for number, names in enumerate(_DAYS):
        if said in names:
            return Weekday(number)
    if found := _CLOCK.fullmatch(said):
        return AtTime(int(found[1]), int(found[2]))
    if found := _SPAN.fullmatch(said):
        return InDays(int(found[1]))
    if found := _ISO.fullmatch(said):
        return _on(int(found[2]), int(found[3]), int(found[1]))
    found = _NAMED.fullmatch(said)
    month = _month(found[2]) if found else None
    if found is None or month is None:
        return None
    return _on(month, int(found[1]), int(found[3]) if found[3] else None)


def _month(written: str) -> int | None:
    return next((n for n, names in enumerate(_MONTHS, 1) if written in names), None)


def _on(month: int, day: int, year: int | None) -> OnDate | None:
    """None for a day that no such month has, or of a time that nobody plans for."""
    if year is not None and year not in _YEARS:
        return None
    try:
        date(year or 2028, month, day)  # a leap year
    except ValueError:
        return None
    return OnDate(month, day, year)


def moment(by: By | None, calendar: Calendar, now: datetime) -> datetime:
    """The end of that working day, by the calendar's clock; where nothing is said, of the next
    working day. What is over already stays so: whoever decides refuses it."""
    there = ZoneInfo(calendar.zone)
    today = now.astimezone(there).date()
    match by:
        case None if calendar.hours is not None:
            return worktime.next_workday(calendar, now).end
        case None:
            return _end(calendar, today + timedelta(days=1), there)
        case AtTime(hour, minute):
            at = datetime.combine(today, time(hour, minute), there)
            return at if at > now else at + timedelta(days=1)
        case InDays(days):
            return _end(calendar, today + timedelta(days=days), there)
        case Weekday(day):
            ends = _end(calendar, today + timedelta(days=(day - today.weekday()) % 7), there)
            return ends if ends > now else ends + timedelta(days=7)
        case OnDate(month, day, year):
            return _end(calendar, _next(today, month, day, year), there)


def _next(today: date, month: int, day: int, year: int | None) -> date:
    """29 February waits for a year that has one."""
    for candidate in (year,) if year else range(today.year, today.year + 9):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or found >= today:
            return found
    return today


def _end(calendar: Calendar, day: date, there: ZoneInfo) -> datetime:
    ends = (
        calendar.hours.end if calendar.hours and calendar.hours.end > calendar.hours.start else None
    )
    return datetime.combine(day, ends or END_OF_DAY, there)

"""Who of the analysts is on duty, and until when: the provider's shifts, and what analysts say of
themselves (`shift on`, `shift off`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage import worktime
from triage.customer import Analyst, Provider, Shift

LONGEST = timedelta(hours=24)
"""How far ahead somebody who is on duty without an end is said to be so."""

BY_COMMAND = timedelta(hours=8)
"""How long whoever joins is on duty, where nobody's shift says when it ends."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What an analyst has said of themselves, and until when it holds."""

    on: bool
    until: datetime


Marks = Mapping[str, Mark]
"""By object id, in lower case."""


@dataclass(frozen=True, slots=True)
class AtWork:
    until: datetime
    open_cases: int


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty at a moment, with how much open; by object id, in lower case."""

    at_work: Mapping[str, AtWork] = field(default_factory=dict)

    def has(self, object_id: str) -> bool:
        return object_id.lower() in self.at_work


def until(provider: Provider, analyst: Analyst, marks: Marks, at: datetime) -> datetime | None:
    """Until when an analyst is on duty; None where they are not.

    - what they said themselves counts until it runs out
    - else their shifts say so; one that begins as another ends goes on
    - no further ahead than LONGEST
    """
    mark = marks.get(analyst.object_id.lower())
    holds = mark is not None and mark.until > at
    if mark is not None and holds and not mark.on:
        return None
    end = mark.until if mark is not None and holds else at
    mine = _shifts_of(provider, analyst)
    while end < at + LONGEST and (later := _latest_end(mine, end)):
        end = later
    return min(end, at + LONGEST) if end > at else None


def on_duty(provider: Provider, marks: Marks, at: datetime) -> list[tuple[Analyst, datetime]]:
    """Who is on duty, and until when; in the order of the roster."""
    ends = ((a, until(provider, a, marks, at)) for a in provider.analysts)
    return [(analyst, end) for analyst, end in ends if end is not None]


def next_start(provider: Provider, at: datetime) -> tuple[Shift, datetime] | None:
    """The shift that begins next, and when."""
    starts = [
        (start, shift.name, shift)
        for shift in provider.shifts
        if (start := worktime.next_start(shift.calendar, at)) is not None
    ]
    if not starts:
        return None
    start, _, shift = min(starts, key=lambda found: found[:2])
    return shift, start


def next_change(provider: Provider, marks: Marks, at: datetime) -> datetime | None:
    """When somebody's duty may next begin or end."""
    return min(_changes(provider, marks, at), default=None)


def _changes(provider: Provider, marks: Marks, at: datetime) -> Iterator[datetime]:
    for shift in provider.shifts:
        span = worktime.worked_around(shift.calendar, at)
        if span is not None:
            yield span.end
        start = worktime.next_start(shift.calendar, at)
        if start is not None:
            yield start
    yield from (mark.until for mark in marks.values() if mark.until > at)


def gaps(provider: Provider, since: datetime, days: int) -> list[tuple[datetime, datetime]]:
    """When nobody's shift runs, within so many days: from when to when."""
    end = since + timedelta(days=days)
    found: list[tuple[datetime, datetime]] = []
    at = since
    while at < end:
        change = min(next_change(provider, {}, at) or end, end)
        if not on_duty(provider, {}, at):
            began = found.pop()[0] if found and found[-1][1] == at else at
            found.append((began, change))
        at = change
    return found


def end_of_joining(provider: Provider, at: datetime) -> datetime:
    """Until when whoever joins is on duty: as long as those of the latest shift that runs."""
    spans = (worktime.worked_around(shift.calendar, at) for shift in provider.shifts)
    return max((span.end for span in spans if span is not None), default=at + BY_COMMAND)


def _shifts_of(provider: Provider, analyst: Analyst) -> list[Shift]:
    mine = analyst.upn.lower()
    return [s for s in provider.shifts if mine in {upn.lower() for upn in s.analysts}]


def _latest_end(shifts: list[Shift], at: datetime) -> datetime | None:
    """When the longest of the shifts that run at a moment ends."""
    spans = (worktime.worked_around(shift.calendar, at) for shift in shifts)
    return max((span.end for span in spans if span is not None), default=None)

"""The story of an incident as plain text, for a report."""

from collections.abc import Sequence

from cards.text import outside
from cards.wording import Reader, clock, day_and_clock, label, local_day, name_of, place_of, say
from triage.customer import Customer
from triage.incident import Incident
from triage.story import Line
from triage.surfaces.analyst import steps
from triage.surfaces.threads import headline, outcome

LONGEST_WORDS = 1_000
"""Characters of what somebody wrote: a report quotes, a card cuts."""


def text(
    incident: Incident,
    customer: Customer,
    lines: Sequence[Line],
    reader: Reader,
    *,
    internal: bool,
) -> list[str]:
    """Line by line: what it was, then what happened, under its day; what is internal is marked as
    such, or left out."""
    told = [line for line in lines if internal or not line.internal]
    cost = [say(steps(incident, customer), reader)] if internal and incident.closed else []
    return [*_head(incident, reader), *cost, *_days(told, reader)]


def pages(lines: Sequence[str], longest: int, between: str = "\n") -> list[str]:
    """The lines in as few pages as hold them, each of at most so many characters."""
    found: list[str] = []
    for line in lines:
        if found and len(found[-1]) + len(between) + len(line) <= longest:
            found[-1] += between + line
        else:
            found.append(line[:longest])
    return found


def _head(incident: Incident, reader: Reader) -> list[str]:
    severity = name_of("severity", incident.severity, reader)
    return [
        f"{incident.name}: {say(headline(incident), reader)}",
        f"{outside(incident.title)} · {severity} · {name_of('status', incident.status, reader)}",
        *(say(says, reader) for says in outcome(incident)),
        label("label.times", reader, place=place_of(reader)),
    ]


def _days(lines: Sequence[Line], reader: Reader) -> list[str]:
    told, today = [], None
    for line in lines:
        day = local_day(line.at, reader)
        if day != today:
            told += ["", day_and_clock(line.at, reader).rpartition(",")[0]]
        mark = f" ({label('story.internal', reader)})" if line.internal else ""
        said = say(line.says, reader, LONGEST_WORDS)
        told.append(f"{clock(line.at, reader)}{mark} {said}")
        today = day
    return told

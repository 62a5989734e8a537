"""What analysts remember of a customer: that its people work from Manila, that the scanner is theirs.

A fact is shown on the customer's cases until its day, and weighs nothing: what is to weigh, the
customer approves in its profile (`ExpectedFact`). Source: peers.md section 2, a provider that
remembers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from triage.phrases import Phrase, phrase

KEEPS = timedelta(days=90)
"""Where no day is named."""
AT_MOST = timedelta(days=366)
"""What holds longer belongs in the profile."""


@dataclass(frozen=True, slots=True)
class Remembered:
    number: int
    fact: str
    by_name: str
    case: str
    until: date


def last_day(wanted: date | None, today: date) -> date | None:
    """Until when it is kept; None where that day is over, or too far away."""
    until = wanted or today + KEEPS
    return until if today <= until <= today + AT_MOST else None


def context(facts: Sequence[Remembered]) -> tuple[Phrase, ...]:
    return tuple(
        phrase(
            "known.remembered",
            number=fact.number,
            fact=fact.fact,
            by=fact.by_name,
            case=fact.case,
            until=fact.until.isoformat(),
        )
        for fact in facts
    )

"""Sentences by key: triage names what is to be said, `cards/wording.py` says it in a language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A time inside a sentence; said in the reader's zone and language."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence's key and what goes into it.

    Text arguments are data from outside and are escaped when said; a nested phrase is said in the
    reader's language.
    """

    key: str
    args: "Mapping[str, str | int | Moment | Phrase]" = field(default_factory=dict)


def phrase(key: str, **args: str | int | datetime | Phrase | None) -> Phrase:
    """A phrase from plain values; what is None stays out."""
    return Phrase(
        key,
        {
            name: Moment(value) if isinstance(value, datetime) else value
            for name, value in args.items()
            if value is not None
        },
    )

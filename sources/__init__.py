"""Where incidents come from, and what is written back: one file per source."""

from collections.abc import Callable

from sources import defender, native, sentinel
from sources.parsed import Malformed, Parsed
from triage.report import Source

PARSERS: dict[Source, Callable[[object], list[Parsed]]] = {
    Source.DEFENDER: defender.parse,
    Source.SENTINEL: sentinel.parse,
    Source.NATIVE: native.parse,
}
"""The route of an incident, by its source, to what reads it."""

__all__ = ["PARSERS", "Malformed", "Parsed"]

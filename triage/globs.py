"""Names matched against patterns the customer wrote: `PAYROLL-*`. Case does not matter."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())


def fits_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fits(name, p) for p in patterns)

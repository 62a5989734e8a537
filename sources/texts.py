"""Texts, times and numbers of others, made safe to keep: cut, cleaned, or None when they say nothing.

The rules hold for every source. What a text may do on a card (Markdown, links, hidden direction
marks) is the business of `cards`; here only what would break storage or logs is taken out.
"""

import json
import re
from datetime import UTC, datetime
from ipaddress import ip_address

ID = 200
LINE = 300
"""Titles, names, addresses, subjects, tags."""
COMMAND = 2000
"""Command lines, paths and URLs."""
PROSE = 4000
"""Descriptions."""

_BREAKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_UNKEEPABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line feed, and lone surrogates, which UTF-8 cannot carry."""

_ABSENT = frozenset({"", "null", "00000000-0000-0000-0000-000000000000"})
_OLDEST_YEAR = 1970
"""Years 0001 and 1601 are how .NET and Windows write "never"."""
_LARGEST = 2**63


def text(value: object, limit: int = LINE) -> str | None:
    """One line of at most `limit` characters; None for nothing, and for the string "null".

    Whole numbers are taken too: some exports write ids as numbers.
    """
    return _kept(_BREAKS.sub(" ", _as_text(value)), limit)


def prose(value: object, limit: int = PROSE) -> str | None:
    """Like `text`, with its line breaks."""
    return _kept(_as_text(value).replace("\r\n", "\n").replace("\r", "\n"), limit)


def identifier(value: object) -> str | None:
    """A text short enough to be an id. One that is longer is None: cut ids would collide."""
    whole = text(value, ID + 1)
    return whole if whole and len(whole) <= ID else None


def digits(value: object, length: int) -> str | None:
    """A hash as lower-case hexadecimal digits of the right length, else None."""
    found = text(value) or ""
    return found.lower() if re.fullmatch(f"[0-9a-fA-F]{{{length}}}", found) else None


def moment(value: object) -> datetime | None:
    """An ISO 8601 time, in UTC; without an offset it is taken as UTC, as Graph means it.

    More than six decimals are cut. Years before 1970 ("never") and what is no time are None.
    """
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value.strip())
        read = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return read if read.year >= _OLDEST_YEAR else None


def is_never(value: str) -> bool:
    """Nothing, or one of the ways to write that there was no such moment."""
    return text(value) is None or value.startswith(("0001-", "1601-"))


def address(value: object) -> str | None:
    """An IP address, in its usual spelling; the unspecified one (0.0.0.0, ::) is None."""
    try:
        read = ip_address(text(value) or "")
    except ValueError:
        return None
    return None if read.is_unspecified else str(read)


def unpacked(value: object) -> object:
    """JSON in a text, as it reads, and None where it does not; what is no text, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
        return str(value)
    return ""


def _kept(value: str, limit: int) -> str | None:
    clean = _UNKEEPABLE.sub("", value).strip()
    if clean in _ABSENT:
        return None
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"

"""Teams' refusals, translated: try later, or give up.

After the status table of "Send and receive messages" in Microsoft's Teams documentation; the status
counts first, since bodies differ from what is documented (Microsoft Q&A 1513369).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from dialogs.messenger import GaveUpError, TryLaterError

LONGEST_WAIT = 3600.0

_PATIENCE = {412, 429, 503}
_NO_ANSWER = {502, 504}
"""A gateway lost the answer: what was asked may have been done."""
_NAMES = (
    ("BotNotInConversationRoster", GaveUpError.NOT_INSTALLED),
    ("ConversationBlockedByUser", GaveUpError.BLOCKED),
    ("MessageWritesBlocked", GaveUpError.BLOCKED),
    ("BotDisabledByAdmin", GaveUpError.OTHER),
)
_WRITES_BLOCKED = re.compile(r'"errorCode\\*"\s*:\s*\\*"?209\b')
"""`MessageWritesBlocked` by number, in a JSON string within the JSON."""
_CODE = re.compile(r'"code"\s*:\s*"([A-Za-z]{1,60})"')


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one call."""

    status: int
    body: bytes
    retry_after: str | None = None


def refusal(answer: Answer, method: str, now: datetime) -> TryLaterError | GaveUpError:
    """What an answer that is not 2xx means for whoever called."""
    text = answer.body.decode(errors="replace")
    reason = _reason(answer.status, text)
    after = _seconds(answer.retry_after, now)
    if answer.status in _PATIENCE:
        return TryLaterError(reason, after)
    if answer.status in _NO_ANSWER:
        return TryLaterError(reason, after, uncertain=method != "GET")
    if answer.status == 401:
        return TryLaterError(reason)
    return GaveUpError(_code(answer.status, text), reason)


def _code(status: int, text: str) -> str:
    """Names are looked for in the text: the nested body repeats them, only escaped."""
    if status == 404:
        return GaveUpError.GONE
    if status == 413:
        return GaveUpError.TOO_LARGE
    for name, code in _NAMES:
        if name in text:
            return code
    if _WRITES_BLOCKED.search(text):
        return GaveUpError.BLOCKED
    return GaveUpError.FORBIDDEN if status == 403 else GaveUpError.OTHER


def _reason(status: int, text: str) -> str:
    """Teams' code without its prose, which may repeat what people wrote."""
    code = _CODE.search(text)
    return f"{status} {code[1]}" if code else str(status)


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Seconds or an HTTP date; nonsense counts as silence."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after) if retry_after.isdecimal() else _until(retry_after, now)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _until(date: str, now: datetime) -> float:
    moment = parsedate_to_datetime(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()

"""One POST to a pager, and what its answer means."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from paging.pager import PagerGaveUpError, PagerTryLaterError

PATIENCE = 30.0
"""Seconds, where a pager is overrun and does not say how long."""
LONGEST_WAIT = 60.0
"""Nobody's night waits longer, whatever the pager asks for."""
LARGEST_ANSWER = 4096

_BUSY = {408, 425, 429}


class Network(Protocol):
    """Opened, closed and told whom to trust by whoever owns it."""

    @property
    def session(self) -> aiohttp.ClientSession: ...


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    """Its beginning."""
    retry_after: str | None


async def post(network: Network, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Any answer. A redirect is one too: it is not followed."""
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    try:
        async with network.session.post(
            url, data=body, headers=sent, allow_redirects=False
        ) as response:
            retry_after = response.headers.get("Retry-After")
            return Answer(response.status, await _beginning(response.content), retry_after)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise PagerTryLaterError(f"no answer: {type(error).__name__}") from error


async def _beginning(stream: aiohttp.StreamReader) -> bytes:
    try:
        return await stream.readexactly(LARGEST_ANSWER)
    except asyncio.IncompleteReadError as short:
        return short.partial


def refusal(answer: Answer, why: str) -> PagerTryLaterError | PagerGaveUpError:
    """What an answer that is no yes means for whoever called."""
    reason = f"{answer.status}{f': {why}' if why else ''}"
    after = _seconds(answer.retry_after)
    if answer.status in _BUSY:
        return PagerTryLaterError(reason, PATIENCE if after is None else after)
    if answer.status >= 500:
        return PagerTryLaterError(reason, after)
    return PagerGaveUpError(reason)


def _seconds(retry_after: str | None) -> float | None:
    """A date counts as silence: our own pauses are short enough."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return min(float(retry_after[:9]), LONGEST_WAIT)

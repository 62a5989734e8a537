"""Whether somebody is away, as Microsoft Graph tells: automatic replies, else presence.

https://learn.microsoft.com/graph/api/user-get-mailboxsettings (`MailboxSettings.Read`) and
https://learn.microsoft.com/graph/api/presence-get (`Presence.Read.All`), both application
permissions. What an automatic reply says is passed by: it is anybody's text.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp

from triage.incident import Absence, AwayBy

PERMISSIONS = ("MailboxSettings.Read", "Presence.Read.All")
"""Each opens one of the two; with one alone, that one is read."""

PATIENCE = 10.0
"""Seconds for all of it: what comes later helps nobody."""
LARGEST_ANSWER = 1024 * 1024
"""Of which the replies' own text is most."""
FORBIDDEN = "403"
"""How Graph answers where an application permission was not granted."""
FURTHEST = timedelta(days=730)
"""An end that lies further ahead is none."""


class NotReadError(Exception):
    """It cannot be told whether somebody is away; the message says why. `permissions` are those that
    Graph says are missing in that tenant."""

    def __init__(self, reason: str, permissions: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.permissions = permissions


class Network(Protocol):
    """Opened, closed and told whom to trust by whoever owns it."""

    @property
    def session(self) -> aiohttp.ClientSession: ...


class Tokens(Protocol):
    async def token(self, tenant_id: str) -> str:
        """One for Graph in that tenant. Raises NotReadError."""


class Looker(Protocol):
    async def absence(self, tenant_id: str, person: str, now: datetime) -> Absence | None:
        """None for who is not away. Raises NotReadError, and nothing else."""


class GraphLooker:
    def __init__(self, network: Network, tokens: Tokens, url: str) -> None:
        self._network = network
        self._tokens = tokens
        self._url = url

    async def absence(self, tenant_id: str, person: str, now: datetime) -> Absence | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._look(await self._tokens.token(tenant_id), person, now)
        except TimeoutError as error:
            raise NotReadError(f"no answer in {PATIENCE:.0f} s") from error

    async def _look(self, token: str, person: str, now: datetime) -> Absence | None:
        """Automatic replies know an end, and are asked first; either may be forbidden."""
        user = f"{self._url}/v1.0/users/{person}"
        reads: tuple[tuple[str, Callable[[Any, str, datetime], Absence | None]], ...] = (
            (f"{user}/mailboxSettings/automaticRepliesSetting", of_replies),
            (f"{user}/presence", of_presence),
        )
        faults, lacks = [], []
        for (url, read), permission in zip(reads, PERMISSIONS, strict=True):
            try:
                found = read(await self._get(url, token), person, now)
            except NotReadError as error:
                faults.append(f"{url.rpartition('/')[2]}: {error}")
                lacks += [permission] if str(error) == FORBIDDEN else []
                continue
            if found is not None:
                return found
        if faults:
            raise NotReadError("; ".join(faults), tuple(lacks))
        return None

    async def _get(self, url: str, token: str) -> Any:
        sent = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        try:
            async with self._network.session.get(
                url, headers=sent, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise NotReadError(str(response.status))
                return json.loads(await _whole(response.content.readexactly))
        except (aiohttp.ClientError, ValueError, RecursionError) as error:
            raise NotReadError(type(error).__name__) from error


async def _whole(read: Callable[[int], Awaitable[bytes]]) -> bytes:
    try:
        await read(LARGEST_ANSWER)
    except asyncio.IncompleteReadError as short:
        return short.partial
    raise NotReadError("the answer is too large")


def of_replies(body: Any, person: str, now: datetime) -> Absence | None:
    """automaticRepliesSetting: `alwaysEnabled`, or `scheduled` from one moment to another."""
    status = body.get("status") if isinstance(body, dict) else None
    if status == "alwaysEnabled":
        return Absence(person, AwayBy.AUTOMATIC_REPLIES, now)
    if status != "scheduled":
        return None
    since, until = (
        _moment(body.get("scheduledStartDateTime")),
        _moment(body.get("scheduledEndDateTime")),
    )
    if since is None or until is None or not since <= now < until:
        return None
    end = until if until <= now + FURTHEST else None
    return Absence(person, AwayBy.AUTOMATIC_REPLIES, now, since, end)


def of_presence(body: Any, person: str, now: datetime) -> Absence | None:
    """Who is offline, busy or not to be disturbed is not away: they come back to a card."""
    if isinstance(body, dict) and body.get("activity") == "OutOfOffice":
        return Absence(person, AwayBy.OUT_OF_OFFICE, now)
    return None


def _moment(value: Any) -> datetime | None:
    """dateTimeTimeZone: local time with seven decimals, and the name of a zone. One of Windows'
    own names is none we know; Graph answers in UTC."""
    if not isinstance(value, dict):
        return None
    local, zone = value.get("dateTime"), value.get("timeZone")
    if not isinstance(local, str) or not isinstance(zone, str):
        return None
    try:
        at = datetime.fromisoformat(local)
        known = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
        return known.astimezone(UTC)
    except (ValueError, OverflowError, ZoneInfoNotFoundError, OSError):
        return None

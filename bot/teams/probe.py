"""What the doctor asks of Microsoft: the bot's token, the Connector's keys, its hosts, the time."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp

from bot.settings import Settings
from bot.teams.credentials import Credentials
from bot.teams.keys import Keys
from bot.teams.network import Network, TooLargeError
from dialogs.messenger import TryLaterError


class NoAnswerError(Exception):
    """What was asked for is not to be had now; the message says why."""


class Probe:
    """Each question is asked once, and waits no longer than the gateway itself would."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._network = Network(settings.ca_file)
        self._credentials = Credentials(settings, clock)
        self._keys = Keys(self._network, settings.openid_metadata_url, clock)

    async def __aenter__(self) -> Self:
        await self._network.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._keys.close()
        await self._credentials.close()
        await self._network.close()

    async def token(self) -> None:
        try:
            await self._credentials.token()
        except TryLaterError as error:
            raise NoAnswerError(str(error)) from error

    async def keys(self) -> int:
        """How many keys are published."""
        try:
            return len(await self._keys.published())
        except (aiohttp.ClientError, TimeoutError, ValueError, TooLargeError) as error:
            raise NoAnswerError(_reason(error)) from error

    async def reach(self, host: str) -> None:
        """Whatever the host answers will do: it is there, and its certificate is good."""
        await self._knock(f"https://{host}/")

    async def ahead(self) -> float:
        """How many seconds our clock is ahead of Entra's."""
        before = self._clock()
        date = await self._knock(f"{self._settings.authority}/oauth2/v2.0/token")
        middle = (before + self._clock()) / 2
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError as error:
            raise NoAnswerError("Entra's answer says no time") from error
        return middle - theirs.timestamp()

    async def _knock(self, url: str) -> str:
        """The Date of whatever is answered; no token goes along."""
        try:
            async with self._network.session.get(url, allow_redirects=False) as response:
                return response.headers.get("Date", "")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise NoAnswerError(_reason(error)) from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__

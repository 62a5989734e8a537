"""The bot's own token from Entra: one MSAL application for the process's whole life.

`proofs.py` knows the kinds of credential. MSAL and `requests` block, so they run in a thread of
their own; the event loop only ever waits for the very first token. The SDK builds an MSAL
application, with an empty cache, in every turn.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ssl import SSLContext
from textwrap import shorten
from typing import Any

import requests
import structlog
from requests.adapters import HTTPAdapter

from bot.settings import Settings
from bot.teams.network import tls_context
from bot.teams.proofs import Grant, ask_of, of_connector
from dialogs.messenger import TryLaterError

MARGIN = 60.0
"""Seconds before its end from which a token is not sent any more."""
AHEAD = 600.0
"""Seconds before that from which a new one is fetched while the old one still serves."""
PAUSE = 30.0
"""Between two attempts while there is a token that still serves."""

log = structlog.get_logger(__name__)


class Credentials:
    """Hands out the token; everybody who needs one at the same time waits for the same fetch."""

    def __init__(
        self, settings: Settings, clock: Callable[[], float], grant: Grant | None = None
    ) -> None:
        """The Connector's token, unless `grant` says another one."""
        self._clock = clock
        self._entra, self._platform = sessions(settings)
        self._asks = ask_of(settings, grant or of_connector(settings), self._entra, self._platform)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="entra")
        self._token = self._why_not = ""
        self._until = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def token(self) -> str:
        """A token that lasts for the call it is wanted for."""
        left = self._until - self._clock()
        if left <= 0:
            return await self._fetched()
        if left < AHEAD and self._may_ask():
            self._fetch()
        return self._token

    def were_had(self) -> bool:
        """Whether Entra has ever given this process a token."""
        return bool(self._token)

    async def fetch(self) -> None:
        """Ahead of the first call that needs a token; what goes wrong is logged."""
        if not self._token and self._may_ask():
            await asyncio.shield(self._fetch())

    async def renewed(self, refused: str) -> str:
        """Another token than the one just refused; the same one where it is too soon to ask."""
        if self._token == refused and self._may_ask():
            return await self._fetched()
        return self._token

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            with suppress(asyncio.CancelledError):
                await self._fetching
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._entra.close()
        self._platform.close()

    def _may_ask(self) -> bool:
        return self._clock() - self._tried_at >= PAUSE

    async def _fetched(self) -> str:
        await asyncio.shield(self._fetch())
        if self._until <= self._clock():
            raise TryLaterError(f"Entra gave the bot no token: {self._why_not}")
        return self._token

    def _fetch(self) -> asyncio.Task[None]:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._take())
        return self._fetching

    async def _take(self) -> None:
        """What goes wrong is logged here, and met by whoever finds no token."""
        now = self._tried_at = self._clock()
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._thread, self._ask)
            self._token, seconds = answer["access_token"], float(answer["expires_in"])
        except Exception as error:  # noqa: BLE001 - MSAL lists nowhere what it raises
            self._why_not = shorten(str(error), 300, placeholder=" ...") or type(error).__name__
            log.warning("bot_token_not_fetched", error=type(error).__name__, reason=self._why_not)
            return
        self._until = now + seconds - MARGIN

    def _ask(self) -> dict[str, Any]:
        """In the thread."""
        answer = self._asks()
        if "access_token" not in answer:
            raise ValueError(f"{answer.get('error')} {answer.get('error_codes', '')}".strip())
        return answer


def sessions(settings: Settings) -> tuple[requests.Session, requests.Session]:
    """To Entra, and to the machine that vouches for a managed identity."""
    entra = _session("https://", _Adapter(tls_context(settings.ca_file)))
    return entra, _session("http://", _Patient())


def _session(scheme: str, adapter: HTTPAdapter) -> requests.Session:
    """Follows no redirect and speaks one scheme only: what it sends is the bot's secret."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    session.adapters.clear()
    session.mount(scheme, adapter)
    return session


class _Patient(HTTPAdapter):
    """MSAL sets no timeout on a session it is given."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        return super().send(request, *args, **{**kwargs, "timeout": (4, 10)})


class _Adapter(_Patient):
    """Trusts what the rest of the house trusts, and waits no longer than it does."""

    def __init__(self, trust: SSLContext) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._trust)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """`requests` would add certifi's authorities; the context alone says whom to trust."""

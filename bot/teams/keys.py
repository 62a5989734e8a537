"""The keys the Bot Connector, or Entra, signs with: fetched, kept, and renewed before they are missed."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import structlog

from bot.teams.network import Network, TooLargeError, read_at_most

AGING = 6 * 3600.0
"""From then on keys are renewed while the known ones still serve."""
STALE = 24 * 3600.0
"""From then on no token is believed until keys were fetched; Microsoft asks for daily renewal."""
PAUSE = 10.0
"""Between two fetches: a flood of tokens naming unknown keys must not become a flood of calls."""
LARGEST = 1024 * 1024

log = structlog.get_logger(__name__)


class KeysUnavailableError(Exception):
    """There are no keys to check a token with: our trouble, and no fault of the token."""


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """One published key, and whom it may speak for."""

    jwk: jwt.PyJWK
    endorsements: frozenset[str] = frozenset()
    """The channels, where the Bot Connector publishes it."""
    issuer: str | None = None
    """The issuer, where Entra publishes it; `{tenantid}` in it stands for any tenant."""


class Keys:
    """The published keys by name."""

    def __init__(self, network: Network, metadata_url: str, clock: Callable[[], float]) -> None:
        self._network = network
        self._metadata_url = metadata_url
        self._clock = clock
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    def known(self, name: str) -> SigningKey | None:
        return self._keys.get(name)

    async def find(self, name: str) -> SigningKey | None:
        """The key of that name; an unknown name is a reason to look whether keys have changed."""
        await self._keep_fresh()
        if name not in self._keys:
            await self._renew()
        return self._keys.get(name)

    def are_known(self) -> bool:
        """Whether there are keys that are still believed."""
        return self._age() <= STALE

    async def fetch(self) -> None:
        """Ahead of the first token that needs them; what goes wrong is logged."""
        if not self.are_known():
            await self._renew()

    async def published(self) -> Mapping[str, SigningKey]:
        """The keys as they are published now; raises whatever goes wrong."""
        metadata = await self._get(self._metadata_url)
        address = metadata.get("jwks_uri")
        if not isinstance(address, str) or not address.startswith("https://"):
            raise ValueError("the metadata names no https address of keys")
        keys = dict(_usable((await self._get(address)).get("keys")))
        if not keys:
            raise ValueError("no usable key is published")
        return keys

    async def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing

    async def _keep_fresh(self) -> None:
        if self._age() > STALE:
            await self._renew()
            if self._age() > STALE:
                raise KeysUnavailableError
        elif self._age() > AGING and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew())

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    async def _renew(self) -> None:
        async with self._fetching:
            if self._clock() - self._tried_at < PAUSE:
                return
            self._tried_at = self._clock()
            try:
                self._keys = await self.published()
            except (aiohttp.ClientError, TimeoutError, ValueError, TooLargeError) as error:
                age = self._age() if self._keys else None
                log.warning("signing_keys_not_fetched", error=repr(error), age=age)
                return
            self._fetched_at = self._clock()

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._network.session.get(url, allow_redirects=False) as response:
            body = await read_at_most(response.content, LARGEST)
            if response.status != 200:
                raise ValueError(f"{url} answered {response.status}")
        value = json.loads(body)
        if not isinstance(value, dict):
            raise ValueError(f"{url} did not answer a JSON object")  # noqa: TRY004 - bad data
        return value


def _usable(listed: Any) -> Iterator[tuple[str, SigningKey]]:
    """RSA keys with a name; one that cannot be read leaves the others untouched."""
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA":
            continue
        name, endorsements = entry.get("kid"), entry.get("endorsements") or []
        if not isinstance(name, str) or not isinstance(endorsements, list):
            continue
        with suppress(jwt.PyJWTError):
            jwk, issuer = jwt.PyJWK(entry, "RS256"), entry.get("issuer")
            channels = frozenset(it for it in endorsements if isinstance(it, str))
            yield name, SigningKey(jwk, channels, issuer if isinstance(issuer, str) else None)

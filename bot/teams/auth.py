"""Who may speak to us: the Bot Connector on behalf of Teams, and nobody else.

The rules are those of Microsoft's "Authenticate requests from the Bot Connector service to your
bot", kept more strictly than the SDK keeps them: version 4.17.1 answers many a bad token with 500,
does not take up a new key until its cache lapses, and checks neither service URL nor endorsement
where the activity leaves them out. The emulator's and skills' ways in do not exist here.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from bot.teams.hosts import is_allowed, tenants_in
from bot.teams.keys import Keys, KeysUnavailableError, SigningKey

CHANNEL = "msteams"
SKEW = 300.0
"""Seconds by which two clocks may differ."""
BELIEVED = 300.0
"""Seconds for which a checked token is not checked again: Teams sends one for many activities."""
REMEMBERED = 1024
LONGEST = 8192

_DECODING = {
    "require": ["exp", "nbf", "iss", "aud", "serviceurl"],
    "strict_aud": True,
    "verify_exp": False,  # by our own clock, in lasts_until
    "verify_nbf": False,
    "verify_iat": False,
}


class RefusedError(Exception):
    """Not from the Bot Connector, or not meant for us: 401, with the reason for our log alone."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that holds."""

    key_name: str
    key: SigningKey
    service_url: str
    until: float


class Guard:
    """Checks a token first, then whether the activity is the one the token speaks for."""

    def __init__(
        self,
        keys: Keys,
        *,
        app_id: str,
        issuer: str,
        hosts: Collection[str],
        clock: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._app_id = app_id
        self._issuer = issuer
        self._hosts = hosts
        self._clock = clock
        self._tokens: dict[str, Token] = {}

    async def token(self, authorization: str) -> Token:
        """The token of an Authorization header.

        - Bearer, RS256, signed by a key that is published now;
        - issued by the Bot Connector, for our app id;
        - within its lifetime, give or take five minutes.
        """
        known = self._tokens.get(authorization)
        if known and known.until > self._clock() and self._keys.known(known.key_name) is known.key:
            return known
        self._tokens.pop(authorization, None)
        try:
            token = await self._checked(authorization)
        except (KeysUnavailableError, RefusedError):
            raise
        except Exception as error:  # whatever a stranger makes of a token, it is refused as one
            raise RefusedError(repr(error)) from error
        self._remember(authorization, token)
        return token

    def tenant(self, activity: Mapping[str, Any], token: Token) -> str:
        """The tenant an activity comes from, once these hold.

        - it is of Teams, and the token's key is endorsed for Teams;
        - its service URL is the token's, and one we may answer to;
        - every place that names a tenant names the same one. No claim of the token does (seen in
          Agents-for-net issue 502): the body is true because Microsoft sent it.
        """
        if activity.get("channelId") != CHANNEL:
            raise RefusedError("not of Teams")
        if CHANNEL not in token.key.endorsements:
            raise RefusedError("the key is not endorsed for Teams")
        if activity.get("serviceUrl") != token.service_url:
            raise RefusedError("the service URL is not the token's")
        if not is_allowed(token.service_url, self._hosts):
            raise RefusedError(f"the host of {token.service_url[:200]} is not allowed")
        return _one_tenant(activity, token.service_url)

    async def _checked(self, authorization: str) -> Token:
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "bearer" or len(encoded) > LONGEST:
            raise RefusedError("no bearer token")
        name = jwt.get_unverified_header(encoded)["kid"]
        key = await self._keys.find(name)
        if key is None:
            raise RefusedError("signed by an unknown key")
        claims = jwt.decode(
            encoded,
            key.jwk,
            algorithms=["RS256"],
            audience=self._app_id,
            issuer=self._issuer,
            options=_DECODING,  # type: ignore[arg-type] # a TypedDict that is not exported
        )
        service_url = claims["serviceurl"]
        if not isinstance(service_url, str):
            raise RefusedError("the service URL is no text")
        now = self._clock()
        return Token(name, key, service_url, min(lasts_until(claims, now), now + BELIEVED))

    def _remember(self, authorization: str, token: Token) -> None:
        while len(self._tokens) >= REMEMBERED:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[authorization] = token


def lasts_until(claims: Mapping[str, Any], now: float) -> float:
    """Until when a token holds. Raises RefusedError outside its lifetime.

    Comparisons are worded so that NaN, which JSON can smuggle in, fails them.
    """
    begins, ends = float(claims["nbf"]), float(claims["exp"])
    if not begins <= now + SKEW:
        raise RefusedError("not valid yet")
    if not ends > now - SKEW:
        raise RefusedError("expired")
    return ends + SKEW


def _one_tenant(activity: Mapping[str, Any], service_url: str) -> str:
    named = [
        _dig(activity, "channelData", "tenant", "id"),
        _dig(activity, "conversation", "tenantId"),
    ]
    in_body = [it for it in named if it is not None]
    if not in_body or not all(isinstance(it, str) and it for it in in_body):
        raise RefusedError("no tenant is named")
    tenants = {it.lower() for it in in_body} | tenants_in(service_url)
    if len(tenants) > 1:
        raise RefusedError("two tenants are named")
    return tenants.pop()


def _dig(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value

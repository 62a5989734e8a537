"""Whom Entra vouches for: an identity of some tenant, by a token made out to our app.

A playbook of Sentinel has a managed identity, and Logic Apps sends its token along (authentication
type `ManagedServiceIdentity`, audience `api://APP_ID`). Rules: "Access tokens in the Microsoft
identity platform", validate tokens. Which identity may do what is not decided here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from bot.teams.auth import LONGEST, RefusedError, lasts_until
from bot.teams.keys import Keys, KeysUnavailableError, SigningKey

METADATA = "common/v2.0/.well-known/openid-configuration"
"""Below the login address: keys of all tenants."""
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DECODING = {
    "require": ["exp", "nbf", "iss", "aud", "tid", "oid"],
    "verify_aud": False,  # either of two, in _identity
    "verify_exp": False,  # by our own clock, in lasts_until
    "verify_nbf": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True)
class Identity:
    tenant_id: str
    object_id: str


class Identities:
    def __init__(
        self, keys: Keys, *, app_id: str, login_url: str, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._audiences = (app_id, f"api://{app_id}")
        self._login_url = login_url
        self._clock = clock

    async def identity(self, encoded: str) -> Identity:
        """Of whom a token speaks.

        - RS256, signed by a key that Entra publishes now, for that tenant where the key says one;
        - made out to our app, by id or by its `api://` address;
        - issued by the very tenant it names, in version 1 or 2;
        - within its lifetime, give or take five minutes;
        - of an application, not of a person who uses one.

        Raises RefusedError, and KeysUnavailableError where Entra's keys cannot be had.
        """
        try:
            return await self._checked(encoded)
        except (KeysUnavailableError, RefusedError):
            raise
        except Exception as error:  # whatever a stranger makes of a token, it is refused as one
            raise RefusedError(repr(error)) from error

    async def _checked(self, encoded: str) -> Identity:
        if len(encoded) > LONGEST:
            raise RefusedError("no token is as long")
        key = await self._keys.find(jwt.get_unverified_header(encoded)["kid"])
        if key is None:
            raise RefusedError("signed by an unknown key")
        claims = jwt.decode(
            encoded,
            key.jwk,
            algorithms=["RS256"],
            options=_DECODING,  # type: ignore[arg-type] # a TypedDict that is not exported
        )
        lasts_until(claims, self._clock())
        return self._identity(claims, key)

    def _identity(self, claims: Mapping[str, Any], key: SigningKey) -> Identity:
        tenant, object_id = claims["tid"], claims["oid"]
        if claims["aud"] not in self._audiences:
            raise RefusedError("made out to another app")
        if not _GUID.fullmatch(tenant) or not _GUID.fullmatch(object_id):
            raise RefusedError("tenant or object id is none")
        version_2 = f"{self._login_url}/{tenant}/v2.0"
        if claims["iss"] not in (f"https://sts.windows.net/{tenant}/", version_2):
            raise RefusedError("issued by another tenant")
        if key.issuer and key.issuer.replace("{tenantid}", tenant) != version_2:
            raise RefusedError("signed with another issuer's key")
        if "scp" in claims or claims.get("idtyp", "app") != "app":
            raise RefusedError("of a person, not of an application")
        return Identity(tenant.lower(), object_id.lower())

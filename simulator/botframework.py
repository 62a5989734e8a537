"""The Bot Connector's identity towards the bot: metadata, signing keys and tokens.

It also makes the tokens nobody should accept, so that the bot's door can be tried.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from simulator.errors import Json, RefusedError
from simulator.keys import KeySource, SigningKey

ISSUER = "https://api.botframework.com"
LIFETIME = timedelta(hours=1)
RENEWED_AHEAD = timedelta(minutes=10)

KeyName = Literal["connector", "withdrawn", "entra", "stranger", "impostor"]
Algorithm = Literal["RS256", "HS256", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """How a token should differ from an honest one; times count in seconds from now."""

    service_url: str
    issuer: str = ISSUER
    audience: str
    expires_in: int = int(LIFETIME.total_seconds())
    not_before: int = -300
    key: KeyName = "connector"
    algorithm: Algorithm = "RS256"
    claims: Json = field(default_factory=dict)


class BotFramework:
    """Signs for the Bot Connector with one key at a time; a rotated key is withdrawn at once."""

    def __init__(self, app_id: str, entra_key: SigningKey, key_source: KeySource) -> None:
        self._app_id = app_id
        self._keys: dict[KeyName, SigningKey] = {"connector": key_source(), "entra": entra_key}
        self._key_source = key_source
        self._tokens: dict[str, tuple[datetime, str]] = {}

    def routes(self) -> list[web.RouteDef]:
        well_known = "/botframework/v1/.well-known"
        return [
            web.get(f"{well_known}/openidconfiguration", self.metadata),
            web.get(f"{well_known}/keys", self.keys),
        ]

    async def metadata(self, request: web.Request) -> web.Response:
        origin = request.url.origin()
        return web.json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": "https://invalid.botframework.com",
                "jwks_uri": f"{origin}/botframework/v1/.well-known/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        key = {**self._keys["connector"].public(), "endorsements": ["msteams"]}
        return web.json_response({"keys": [key]})

    def rotate(self) -> str:
        """A new key signs from now on; the name of the new key."""
        self._keys["withdrawn"] = self._keys["connector"]
        self._keys["connector"] = self._key_source()
        self._tokens.clear()
        return self._keys["connector"].kid

    def token(self, service_url: str, now: datetime) -> str:
        """A token for activities of one service URL; used again while it is fresh, as Teams does."""
        fresh_until, token = self._tokens.get(service_url, (now, ""))
        if now < fresh_until:
            return token
        token = self.forge(Forgery(service_url=service_url, audience=self._app_id), now)
        self._tokens[service_url] = (now + LIFETIME - RENEWED_AHEAD, token)
        return token

    def forge(self, forgery: Forgery, now: datetime) -> str:
        """Signs what is asked, honest or not."""
        claims = _claims(forgery, now)
        key, kid = self._key(forgery.key)
        match forgery.algorithm:
            case "RS256":
                return jwt.encode(claims, key.private, "RS256", {"kid": kid, "x5t": kid})
            case "HS256":
                return _signed_with_public_key(claims, key, kid)
            case "none":
                return jwt.encode(claims, "", "none", {"kid": kid})

    def _key(self, name: KeyName) -> tuple[SigningKey, str]:
        """A stranger is a key nobody published; an impostor is that key under our key's name."""
        if name == "withdrawn" and name not in self._keys:
            raise RefusedError(409, "NothingWithdrawn", "No key was rotated yet.")
        if name in {"stranger", "impostor"}:
            if "stranger" not in self._keys:
                self._keys["stranger"] = self._key_source()
            key = self._keys["stranger"]
            return key, self._keys["connector"].kid if name == "impostor" else key.kid
        return self._keys[name], self._keys[name].kid


def _claims(forgery: Forgery, now: datetime) -> Json:
    moment = int(now.timestamp())
    claims: Json = {
        "serviceurl": forgery.service_url,
        "nbf": moment + forgery.not_before,
        "exp": moment + forgery.expires_in,
        "iss": forgery.issuer,
        "aud": forgery.audience,
        **forgery.claims,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _signed_with_public_key(claims: Json, key: SigningKey, kid: str) -> str:
    """The classic confusion: the published key as an HMAC secret. PyJWT rightly declines to."""
    secret = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = _segment({"alg": "HS256", "typ": "JWT", "kid": kid})
    signed = f"{head}.{_segment(claims)}"
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _segment(value: Json) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()

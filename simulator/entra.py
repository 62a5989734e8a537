"""The simulated Entra: metadata, client credentials for tokens, and the check of a bot's token."""

import hmac
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

import jwt
from aiohttp import web

from simulator.errors import Json
from simulator.keys import SigningKey
from simulator.signins import SignIns
from simulator.world import utc_now

CONNECTOR_AUDIENCE = "https://api.botframework.com"
SCOPE = f"{CONNECTOR_AUDIENCE}/.default"
LIFETIME = timedelta(seconds=3599)
COMMON = "common"
"""In the place of a tenant: what holds for all of them."""

Form = Mapping[str, object]


class Entra:
    """Knows one app with one secret, issues its tokens in every tenant of the world, and has
    people signed in to it."""

    def __init__(
        self,
        app_id: str,
        app_secret: str,
        tenants: Collection[str],
        key: SigningKey,
        sign_ins: SignIns,
    ) -> None:
        self.key = key
        self.sign_in_url = ""
        """Where people sign in: the page's own origin, which a browser here trusts."""
        self._sign_ins = sign_ins
        self._app_id = app_id
        self._app_secret = app_secret
        self._tenants = tenants

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self.metadata),
            web.get("/{tenant}/discovery/v2.0/keys", self.keys),
            web.post("/{tenant}/oauth2/v2.0/token", self.token),
        ]

    async def metadata(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        if tenant not in {*self._tenants, COMMON}:
            return _unknown_tenant(tenant)
        origin = str(request.url.origin())
        return web.json_response(_metadata(origin, self.sign_in_url or origin, tenant))

    async def keys(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        if tenant not in {*self._tenants, COMMON}:
            return _unknown_tenant(tenant)
        issuer = _issuer_2(str(request.url.origin()), "{tenantid}" if tenant == COMMON else tenant)
        return web.json_response({"keys": [{**self.key.public(), "issuer": issuer}]})

    async def token(self, request: web.Request) -> web.Response:
        """Client credentials by shared secret, and the code of somebody who signed in."""
        tenant = request.match_info["tenant"]
        form = await request.post()
        if tenant not in self._tenants:
            return _unknown_tenant(tenant)
        if form.get("grant_type") not in ("client_credentials", "authorization_code"):
            why = "Use client_credentials or authorization_code."
            return _denied(400, "unsupported_grant_type", 70003, why)
        if form.get("client_id") != self._app_id:
            return _denied(400, "unauthorized_client", 700016, "The application was not found.")
        if not _same(str(form.get("client_secret", "")), self._app_secret):
            return _denied(401, "invalid_client", 7000215, "Invalid client secret provided.")
        if form.get("grant_type") == "authorization_code":
            return self._exchanged(request, form)
        graph = str(request.url.origin())
        audience = str(form.get("scope", "")).removesuffix("/.default")
        if f"{audience}/.default" != form.get("scope") or audience not in (
            CONNECTOR_AUDIENCE,
            graph,
        ):
            scopes = f"{SCOPE} and {graph}/.default"
            return _denied(400, "invalid_scope", 70011, f"The only scopes here are {scopes}.")
        seconds = int(LIFETIME.total_seconds())
        answer = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self.issue(tenant, utc_now(), audience),
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def _exchanged(self, request: web.Request, form: Form) -> web.Response:
        grant = self._sign_ins.take(
            code=str(form.get("code", "")),
            verifier=str(form.get("code_verifier", "")),
            redirect_uri=str(form.get("redirect_uri", "")),
        )
        if grant is None:
            return _denied(400, "invalid_grant", 70008, "The code, or its proof, is not valid.")
        now = int(utc_now().timestamp())
        issuer = _issuer_2(str(request.url.origin()), str(grant["tid"]))
        lifetime = {"iat": now, "nbf": now, "exp": now + int(LIFETIME.total_seconds())}
        claims = {**grant, **lifetime, "aud": self._app_id, "iss": issuer, "ver": "2.0"}
        answer = {
            "token_type": "Bearer",
            "scope": "openid profile",
            "expires_in": int(LIFETIME.total_seconds()),
            "access_token": "not-for-anybody",
            "id_token": jwt.encode(claims, self.key.private, "RS256", {"kid": self.key.kid}),
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    def issue(self, tenant: str, now: datetime, audience: str = CONNECTOR_AUDIENCE) -> str:
        """The bot's token in the shape Entra gives it for the Bot Connector (version 1.0)."""
        claims = self.claims(tenant, now, audience)
        return jwt.encode(claims, self.key.private, "RS256", {"kid": self.key.kid})

    def claims(self, tenant: str, now: datetime, audience: str = CONNECTOR_AUDIENCE) -> Json:
        return {
            "aud": audience,
            "iss": _issuer(tenant),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "appid": self._app_id,
            "appidacr": "1",
            "tid": tenant,
            "ver": "1.0",
        }

    def identity_token(
        self,
        tenant: str,
        object_id: str,
        now: datetime,
        *,
        issuer: str | None = None,
        **claims: Any,
    ) -> str:
        """A managed identity's token for the bot's app, as a playbook sends it along (version 1.0,
        unless `issuer` is that of another); `claims` are otherwise than Entra would say, None leaves
        one out."""
        told = self.claims(tenant, now, f"api://{self._app_id}") | {
            "iss": issuer or _issuer(tenant),
            "appid": str(uuid5(NAMESPACE_OID, object_id)),
            "appidacr": "2",
            "idtyp": "app",
            "oid": object_id,
            "sub": object_id,
        }
        told = {name: value for name, value in (told | claims).items() if value is not None}
        return jwt.encode(told, self.key.private, "RS256", {"kid": self.key.kid})

    def accepts(self, token: str) -> bool:
        """Whether a token opens the Bot Connector.

        It is signed by our key, meant for the Connector, within its lifetime, issued by a
        tenant of this world, and its `appid` is the bot's.
        """
        return self._read(token, CONNECTOR_AUDIENCE) is not None

    def tenant_of(self, token: str, audience: str) -> str | None:
        """In which tenant the bot was given a token for this audience; None where it was not."""
        claims = self._read(token, audience)
        tenant = claims.get("tid") if claims is not None else None
        return tenant if tenant in self._tenants else None

    def _read(self, token: str, audience: str) -> Json | None:
        try:
            claims: Json = jwt.decode(
                token,
                self.key.private.public_key(),
                algorithms=["RS256"],
                audience=audience,
                issuer=[_issuer(tenant) for tenant in self._tenants],
                options={"require": ["exp", "nbf", "aud", "iss"]},
            )
        except jwt.InvalidTokenError:
            return None
        return claims if claims.get("appid") == self._app_id else None


def _metadata(origin: str, sign_in: str, tenant: str) -> Json:
    base = f"{origin}/{tenant}"
    return {
        "issuer": _issuer_2(origin, "{tenantid}" if tenant == COMMON else tenant),
        "authorization_endpoint": f"{sign_in}/{tenant}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _issuer(tenant: str) -> str:
    return f"https://sts.windows.net/{tenant}/"


def _issuer_2(origin: str, tenant: str) -> str:
    return f"{origin}/{tenant}/v2.0"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _unknown_tenant(tenant: str) -> web.Response:
    return _denied(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")


def _denied(status: int, error: str, code: int, message: str) -> web.Response:
    answer = {
        "error": error,
        "error_description": f"AADSTS{code}: {message}",
        "error_codes": [code],
        "timestamp": utc_now().strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": str(uuid4()),
        "correlation_id": str(uuid4()),
    }
    return web.json_response(answer, status=status)

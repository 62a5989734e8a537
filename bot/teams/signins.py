"""Signing people in at Entra, freshly: MSAL's authorization-code flow, in threads of its own.

MSAL keeps PKCE and nonce; that the token is Entra's own (signature, issuer, audience, lifetime) is
checked here, because MSAL leaves it to its caller. Whether the sign-in is enough is decided in
`triage/assurance.py`. A new application is made for each step: nobody's tokens are kept.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import jwt
import structlog

from bot.settings import Settings
from bot.teams.credentials import sessions
from bot.teams.proofs import client_of

CLOCKS_DIFFER = 120.0
"""Seconds by which Entra's clock may be ahead or behind."""

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in that was begun."""

    url: str
    """Where the browser goes."""
    kept: str
    """What the exchange needs, to be kept on this side."""


@dataclass(frozen=True, slots=True)
class SignInClaims:
    """What a token says that is Entra's own."""

    tenant_id: str
    object_id: str
    username: str
    at: datetime | None
    contexts: tuple[str, ...]
    methods: tuple[str, ...]


class NotSignedInError(Exception):
    """Nobody is signed in; `why` is a code with a sentence: denied, unavailable, forged,
    wrong_tenant."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class SignIns:
    """Two threads of its own: a sign-in is rare, and keeps nobody's click waiting."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entra, self._platform = sessions(settings)
        self._thread = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign-in")

    async def begin(
        self, tenant: str, context: str, redirect_uri: str, state: str, hint: str
    ) -> Flow:
        """Whoever goes to the flow's address must sign in anew, as the tenant's policy for this
        authentication context says. Raises NotSignedInError."""
        return await self._in_thread(
            lambda: self._begin(tenant, context, redirect_uri, state, hint)
        )

    async def complete(self, tenant: str, kept: str, state: str, code: str) -> SignInClaims:
        """Exchange the code that the browser brought. Raises NotSignedInError."""
        return await self._in_thread(lambda: self._complete(tenant, kept, state, code))

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._entra.close()
        self._platform.close()

    async def _in_thread(self, step: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, step)
        except NotSignedInError:
            raise
        except Exception as error:
            log.warning("sign_in_unavailable", error=type(error).__name__)
            raise NotSignedInError("unavailable") from error

    # --- in the thread ---

    def _begin(self, tenant: str, context: str, redirect_uri: str, state: str, hint: str) -> Flow:
        """`prompt=login` and `max_age=0`: single sign-on does not do. `form_post`: what comes back
        stands in no address, and a GET changes nothing."""
        wanted = {"acrs": {"essential": True, "value": context}, "auth_time": {"essential": True}}
        flow = client_of(
            self._settings, tenant, self._entra, self._platform
        ).initiate_auth_code_flow(
            [],
            redirect_uri=redirect_uri,
            state=state,
            prompt="login",
            login_hint=hint or None,
            max_age=0,
            claims_challenge=json.dumps({"id_token": wanted}),
            response_mode="form_post",
        )
        url = flow.pop("auth_uri")
        # By when one must have signed in is ours to decide; the state is brought by the browser.
        kept = {k: v for k, v in flow.items() if k not in ("state", "max_age")}
        return Flow(url, json.dumps(kept))

    def _complete(self, tenant: str, kept: str, state: str, code: str) -> SignInClaims:
        flow = {**json.loads(kept), "state": state}
        client = client_of(self._settings, tenant, self._entra, self._platform)
        try:
            answer = client.acquire_token_by_auth_code_flow(flow, {"state": state, "code": code})
        except (ValueError, RuntimeError) as error:  # MSAL's words for a state or nonce not ours
            raise NotSignedInError("forged") from error
        if "id_token" not in answer:
            log.warning("sign_in_refused", error=str(answer.get("error"))[:100])
            raise NotSignedInError("denied")
        return _claims(self._verified(tenant, answer["id_token"]))

    def _verified(self, tenant: str, token: str) -> dict[str, Any]:
        """Signed by a key that the tenant's own metadata names, for us, and within its lifetime."""
        known = f"{self._settings.login_url}/{tenant}/v2.0/.well-known/openid-configuration"
        metadata = self._json(known)
        keys = jwt.PyJWKSet.from_dict(self._json(metadata["jwks_uri"]))
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                keys[str(jwt.get_unverified_header(token).get("kid"))],
                algorithms=["RS256"],
                audience=self._settings.app_id,
                issuer=metadata["issuer"],
                leeway=CLOCKS_DIFFER,
                options={"require": ["exp", "iat", "iss", "aud", "nonce", "oid", "tid"]},
            )
        except jwt.InvalidIssuerError as error:
            raise NotSignedInError("wrong_tenant") from error
        except (jwt.InvalidTokenError, KeyError) as error:
            raise NotSignedInError("forged") from error
        return claims

    def _json(self, url: str) -> dict[str, Any]:
        response = self._entra.get(url)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


def _claims(claims: dict[str, Any]) -> SignInClaims:
    at = claims.get("auth_time")
    return SignInClaims(
        tenant_id=str(claims["tid"]),
        object_id=str(claims["oid"]),
        username=str(claims.get("preferred_username", ""))[:200],
        at=datetime.fromtimestamp(at, UTC) if isinstance(at, int) else None,
        contexts=_texts(claims.get("acrs")),
        methods=_texts(claims.get("amr")),
    )


def _texts(value: object) -> tuple[str, ...]:
    """A list of words, at most ten; Entra gives a single one bare at times."""
    values = value if isinstance(value, list) else [value]
    return tuple(v[:50] for v in values[:10] if isinstance(v, str))

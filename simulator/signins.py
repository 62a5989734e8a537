"""The simulated Entra's sign-in page: whoever sits there signs in as anybody, well or badly.

The flow is the real one: authorization code with PKCE, `form_post`, one use of a code, an id token
with `nonce`, `oid`, `tid`, `auth_time`, `acrs` and `amr`. Only the person and the strength are
chosen from a list, and some of what can be chosen no honest Entra would issue.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from html import escape
from urllib.parse import urlsplit

from aiohttp import web

from simulator.errors import Json, RefusedError
from simulator.world import User, World

CODE_LIVES = timedelta(minutes=10)


class How(StrEnum):
    """How somebody signs in; the title stands on the page."""

    PASSKEY = "passkey"
    PASSWORD = "password"  # noqa: S105 - a way to sign in
    PHONE = "phone"
    NO_CONTEXT = "no_context"
    STALE = "stale"
    WRONG_NONCE = "wrong_nonce"
    DENIED = "denied"


TITLES = {
    How.PASSKEY: "With a passkey, as the policy demands",
    How.PHONE: "With a password and a phone's approval",
    How.PASSWORD: "With a password alone, since no policy protects the context",
    How.NO_CONTEXT: "With a passkey, but without the context that was asked for",
    How.STALE: "By single sign-on, with yesterday's sign-in",
    How.WRONG_NONCE: "With a token made for another sign-in",
    How.DENIED: "Cancel",
}
METHODS = {How.PASSWORD: ["pwd"], How.PHONE: ["pwd", "mfa"]}


@dataclass(frozen=True, slots=True)
class Code:
    """What a code is good for, once."""

    claims: Json
    challenge: str
    redirect_uri: str
    until: datetime


class SignIns:
    """The page, and the codes it gave out."""

    def __init__(self, app_id: str, world: World, now: Callable[[], datetime]) -> None:
        self._app_id = app_id
        self._world = world
        self._now = now
        self._codes: dict[str, Code] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{tenant}/oauth2/v2.0/authorize", self.authorize),
            web.post("/{tenant}/oauth2/v2.0/authorize", self.sign_in),
        ]

    def take(self, *, code: str, verifier: str, redirect_uri: str) -> Json | None:
        """The claims a code stands for; it is used up, whether or not the proof is right."""
        known = self._codes.pop(code, None)
        if known is None or known.until < self._now() or known.redirect_uri != redirect_uri:
            return None
        proof = hashlib.sha256(verifier.encode()).digest()
        challenge = urlsafe_b64encode(proof).rstrip(b"=").decode()
        return known.claims if challenge == known.challenge else None

    async def authorize(self, request: web.Request) -> web.Response:
        """Who signs in, and how; nothing happens before the button."""
        asked = self._checked(request.query)
        hint = asked.get("login_hint", "")
        people = "".join(self._option(user, hint) for user in self._people(request))
        ways = "".join(
            f'<label><input type="radio" name="how" value="{how}"'
            f"{' checked' if how is How.PASSKEY else ''}> {escape(TITLES[how])}</label>"
            for how in How
        )
        kept = "".join(_hidden(name, value) for name, value in asked.items())
        body = (
            f'<form method="post">{kept}<label>Who signs in <select name="user">{people}</select>'
            f"</label><fieldset><legend>How</legend>{ways}</fieldset>"
            "<button>Sign in</button></form>"
        )
        return _page("A simulated Microsoft sign-in", body, "'self'")

    async def sign_in(self, request: web.Request) -> web.Response:
        """Sends the browser back, as Entra does with `response_mode=form_post`."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked = self._checked(form)
        how = next((h for h in How if h == form.get("how")), How.DENIED)
        brought = {"state": asked["state"]}
        if how is How.DENIED:
            brought |= {"error": "access_denied", "error_description": "AADSTS65004: declined."}
        else:
            brought["code"] = self._code(asked, self._user(form.get("user", "")), how)
        target = asked["redirect_uri"]
        fields = "".join(_hidden(name, value) for name, value in brought.items())
        body = (
            f'<form method="post" action="{escape(target, quote=True)}">{fields}'
            "<button>Continue</button></form>"
        )
        parts = urlsplit(target)
        return _page("Signed in (simulated)", body, f"{parts.scheme}://{parts.netloc}")

    def _checked(self, asked: Mapping[str, str]) -> dict[str, str]:
        """What a client must send; the rest is passed by."""
        wanted = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")
        known = {name: asked.get(name, "") for name in (*wanted, "login_hint", "claims")}
        if any(not known[name] for name in wanted) or known["client_id"] != self._app_id:
            raise RefusedError(400, "InvalidRequest", "AADSTS900144: something is missing.")
        fixed = {
            "response_type": "code",
            "response_mode": "form_post",
            "code_challenge_method": "S256",
            "prompt": "login",
            "max_age": "0",
        }
        for name, value in fixed.items():
            if asked.get(name) != value:
                raise RefusedError(400, "InvalidRequest", f"{name} must be {value} here.")
        return known | fixed

    def _code(self, asked: Mapping[str, str], user: User, how: How) -> str:
        wanted = json.loads(asked["claims"] or "{}").get("id_token", {}).get("acrs", {})
        context = [] if how is How.NO_CONTEXT or "value" not in wanted else [wanted["value"]]
        at = self._now() - (timedelta(days=1) if how is How.STALE else timedelta())
        code = secrets.token_urlsafe(24)
        claims = {
            "nonce": secrets.token_hex(32) if how is How.WRONG_NONCE else asked["nonce"],
            "oid": user.id,
            "tid": user.tenant,
            "sub": user.id,
            "name": user.name,
            "preferred_username": user.upn,
            "auth_time": int(at.timestamp()),
            "acrs": context,
            "amr": METHODS.get(how, ["fido", "mfa"]),
        }
        until = self._now() + CODE_LIVES
        self._codes[code] = Code(claims, asked["code_challenge"], asked["redirect_uri"], until)
        return code

    def _people(self, request: web.Request) -> list[User]:
        """Those of the tenant first, then everybody else."""
        here = request.match_info["tenant"]
        tenants = sorted(self._world.tenants.values(), key=lambda tenant: tenant.id != here)
        return [user for tenant in tenants for user in tenant.users.values()]

    def _user(self, object_id: str) -> User:
        for tenant in self._world.tenants.values():
            if object_id in tenant.users:
                return tenant.users[object_id]
        raise RefusedError(404, "NoSuchUser", "Nobody here has this object id.")

    def _option(self, user: User, hint: str) -> str:
        chosen = " selected" if user.upn == hint else ""
        name = f"{user.name} ({user.upn})"
        return f'<option value="{escape(user.id)}"{chosen}>{escape(name)}</option>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value, quote=True)}">'


_STYLE = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}
form,fieldset{display:grid;gap:.75rem}
select,button{font:inherit;min-height:2.75rem}
select{width:100%}
"""


def _page(title: str, body: str, sends_to: str) -> web.Response:
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; form-action {sends_to}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{body}</html>"
    )
    return web.Response(
        text=html, content_type="text/html", headers={"Content-Security-Policy": policy}
    )

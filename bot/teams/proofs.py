"""How the bot proves to Entra who it is: one way of asking for its token per kind of credential.

Everything here blocks and runs in the thread of `credentials.py`. MSAL's own cache is passed by:
what `credentials.py` keeps is enough, and a token that was refused must not come back from a cache.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never
from urllib.parse import urlsplit

import msal
import requests

from bot.settings import Proof, Settings

CONNECTOR = "https://api.botframework.com"
EXCHANGE = "api://AzureADTokenExchange"
"""What an identity's token is for, when the app trusts that identity instead of a secret."""
MICROSOFT_LOGINS = {
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
}

Answer = dict[str, Any]
Ask = Callable[[], Answer]
"""One request for the bot's token; raises, or answers with the error that Entra named."""


@dataclass(frozen=True, slots=True)
class Grant:
    """In which tenant a token is wanted, and for what."""

    tenant: str
    resource: str


def of_connector(settings: Settings) -> Grant:
    return Grant(settings.app_tenant, CONNECTOR)


def ask_of(
    settings: Settings, grant: Grant, entra: requests.Session, platform: requests.Session
) -> Ask:
    """`entra` speaks to Entra, `platform` to the machine that vouches for a managed identity."""
    match settings.proof:
        case Proof.SECRET:
            secret = settings.app_secret.get_secret_value() if settings.app_secret else ""
            return _app(settings, grant, entra, lambda: secret)
        case Proof.CERTIFICATE:
            return _app(settings, grant, entra, lambda: _certificate(settings))
        case Proof.FEDERATED:
            issued = {"client_assertion": lambda: _issued(settings)}
            return _app(settings, grant, entra, lambda: issued)
        case Proof.MANAGED_IDENTITY:
            return _managed(settings, grant, entra, platform)
    assert_never(settings.proof)


def _app(
    settings: Settings, grant: Grant, http: requests.Session, credential: Callable[[], Any]
) -> Ask:
    """The application is made on first use: making it already asks Entra for its metadata."""
    made: list[Any] = []

    def ask() -> Answer:
        if not made:
            login = urlsplit(settings.login_url).hostname
            made.append(
                msal.ConfidentialClientApplication(
                    settings.app_id,
                    client_credential=credential(),
                    authority=f"{settings.login_url}/{grant.tenant}",
                    instance_discovery=None if login in MICROSOFT_LOGINS else False,
                    http_client=http,
                )
            )
        made[0].remove_tokens_for_client()
        answer: Answer = made[0].acquire_token_for_client([f"{grant.resource}/.default"])
        return answer

    return ask


def _certificate(settings: Settings) -> dict[str, str]:
    """With the certificate in the file MSAL takes its SHA-256 thumbprint from there."""
    file = settings.app_certificate or Path()
    pem = file.read_text(encoding="ascii")
    if settings.app_certificate_thumbprint:
        return {
            "private_key": pem,
            "thumbprint": settings.app_certificate_thumbprint.replace(":", ""),
        }
    if "BEGIN CERTIFICATE" not in pem:
        raise ValueError(
            f"{file} holds a key and no certificate: add it, or set "
            "VOUCH_APP_CERTIFICATE_THUMBPRINT"
        )
    return {"private_key": pem, "public_certificate": pem}


def _issued(settings: Settings) -> str:
    """Read for each request: its writer replaces it long before it expires."""
    file = settings.app_federated_token_file or Path()
    return file.read_text(encoding="ascii").strip()


def _managed(
    settings: Settings, grant: Grant, entra: requests.Session, platform: requests.Session
) -> Ask:
    """The bot may be that identity itself, which is of one tenant only, or an app that trusts it."""
    identity = settings.app_managed_identity or ""
    if identity.lower() == settings.app_id.lower():
        return lambda: _of_identity(identity, _at_home(settings, grant).resource, platform)

    def vouched() -> str:
        answer = _of_identity(identity, EXCHANGE, platform)
        if "access_token" not in answer:
            raise ValueError(f"the managed identity got no token: {answer.get('error')}")
        return str(answer["access_token"])

    return _app(settings, grant, entra, lambda: {"client_assertion": vouched})


def _at_home(settings: Settings, grant: Grant) -> Grant:
    if grant.tenant.lower() != settings.app_tenant.lower():
        raise ValueError("a managed identity gets tokens of its own tenant only")
    return grant


def _of_identity(identity: str, resource: str, http: requests.Session) -> Answer:
    """A client per request, for its cache cannot be emptied."""
    known_as = msal.UserAssignedManagedIdentity(client_id=identity)
    client = msal.ManagedIdentityClient(known_as, http_client=http)
    answer: Answer = client.acquire_token_for_client(resource=resource)
    return answer

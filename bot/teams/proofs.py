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
    if _is_the_identity(settings):
        identity = settings.app_managed_identity or ""
        return lambda: _of_identity(identity, _at_home(settings, grant).resource, platform)
    made: list[msal.ConfidentialClientApplication] = []

    def ask() -> Answer:
        """The application is made on first use: making it already asks Entra for its metadata."""
        if not made:
            made.append(client_of(settings, grant.tenant, entra, platform))
        made[0].remove_tokens_for_client()
        answer: Answer = made[0].acquire_token_for_client([f"{grant.resource}/.default"])
        return answer

    return ask


def client_of(
    settings: Settings, tenant: str, entra: requests.Session, platform: requests.Session
) -> msal.ConfidentialClientApplication:
    """The bot's app in a tenant, with no tokens yet."""
    login = urlsplit(settings.login_url).hostname
    return msal.ConfidentialClientApplication(
        settings.app_id,
        client_credential=_credential(settings, platform),
        authority=f"{settings.login_url}/{tenant}",
        instance_discovery=None if login in MICROSOFT_LOGINS else False,
        http_client=entra,
        exclude_scopes=["offline_access"],
    )


def _credential(settings: Settings, platform: requests.Session) -> Any:
    match settings.proof:
        case Proof.SECRET:
            return settings.app_secret.get_secret_value() if settings.app_secret else ""
        case Proof.CERTIFICATE:
            return _certificate(settings)
        case Proof.FEDERATED:
            return {"client_assertion": lambda: _issued(settings)}
        case Proof.MANAGED_IDENTITY:
            if _is_the_identity(settings):
                raise ValueError("a managed identity signs nobody in: let an app trust it instead")
            return {"client_assertion": lambda: _vouched(settings, platform)}
    assert_never(settings.proof)


def _vouched(settings: Settings, platform: requests.Session) -> str:
    """By a managed identity that the app trusts."""
    answer = _of_identity(settings.app_managed_identity or "", EXCHANGE, platform)
    if "access_token" not in answer:
        raise ValueError(f"the managed identity got no token: {answer.get('error')}")
    return str(answer["access_token"])


def _is_the_identity(settings: Settings) -> bool:
    """The bot may be a managed identity itself, which is of one tenant only."""
    return (settings.app_managed_identity or "").lower() == settings.app_id.lower()


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

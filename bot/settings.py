"""Everything the environment says, read once. Variables carry the prefix VOUCH_.

A file in /run/secrets with a variable's name stands for the variable: that is where container
engines put secrets.
"""

import re
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from paging.webhook import secret_of

PREFIX = "VOUCH_"
SECRETS = Path("/run/secrets")


class Proof(StrEnum):
    """How the bot proves to Entra who it is; the value is the variable that says so."""

    SECRET = "VOUCH_APP_SECRET"  # noqa: S105 - a variable's name
    CERTIFICATE = "VOUCH_APP_CERTIFICATE"
    FEDERATED = "VOUCH_APP_FEDERATED_TOKEN_FILE"
    MANAGED_IDENTITY = "VOUCH_APP_MANAGED_IDENTITY"


class Settings(BaseSettings):
    """Frozen; wired by hand in `app.py`. Secrets never reach a log: they are SecretStr."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Where Vouch listens; `0.0.0.0` in a container."""
    port: int = 3978
    """The port it listens on."""
    public_url: str | None = None
    """Where people's browsers reach Vouch: https, without a path. Whoever's account is suspect can
    then confirm by a fresh sign-in that it is them, where the customer's profile says how."""
    database_url: str = "sqlite:///vouch.sqlite3"
    """Where Vouch keeps its records: `sqlite:///relative` or `sqlite:////absolute` for one process;
    `postgresql+psycopg://user:password@host/database` for several."""

    app_id: str
    """The bot's Entra application (client) id."""
    app_tenant: str
    """The provider's tenant: its token serves every customer's conversations."""

    app_secret: SecretStr | None = None
    """A client secret of the app: its value, not its id."""
    app_certificate: Path | None = None
    """A PEM file with the private key and the certificate registered with the app."""
    app_certificate_thumbprint: str | None = None
    """The certificate's SHA-1 thumbprint as Entra shows it, where the file holds the key alone."""
    app_federated_token_file: Path | None = None
    """A file with a token of an issuer that the app trusts (workload identity); read anew for each
    token, since its writer replaces it."""
    app_managed_identity: str | None = None
    """The client id of a user-assigned managed identity: the bot's own where it equals
    `VOUCH_APP_ID`, else one that the app trusts through a federated credential."""

    login_url: str = "https://login.microsoftonline.com"
    """Entra. Another one for a national cloud, or for the simulator."""
    graph_url: str = "https://graph.microsoft.com"
    """Microsoft Graph, for customers who let us read automatic replies and presence. Another one for
    a national cloud, or for the simulator."""
    openid_metadata_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    """Where the Bot Connector says what keys it signs with."""
    token_issuer: str = "https://api.botframework.com"  # noqa: S105 - an address, no secret
    """Who must have issued the tokens that Teams shows us."""
    service_hosts: frozenset[str] = frozenset({"smba.trafficmanager.net"})
    """Exact hosts (with port, where it is not 443) that the bot's token may be sent to; a JSON
    list."""
    ca_file: Path | None = None
    """A certificate authority to trust beside the system's: the simulator's."""

    intake_burst: int = Field(default=100, ge=1)
    """How many requests of one source of one customer are taken at once; then 429 with Retry-After.
    Each process counts for itself."""
    intake_per_second: float = Field(default=20, gt=0)
    """How many more of them in each second after that."""
    containment: Literal["rehearsal"] = "rehearsal"
    """What response actions do. A rehearsal records and shows them, and touches nothing."""
    pagerduty_key: SecretStr | None = None
    """Rings through PagerDuty where nobody acts: the integration key of an Events API v2
    integration. Without this and a webhook, nobody is rung."""
    pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    """PagerDuty; `https://events.eu.pagerduty.com/v2/enqueue` in its EU region."""
    page_webhook_url: str | None = None
    """Rings through anything else: an https address that takes Standard Webhooks."""
    page_webhook_secret: SecretStr | None = None
    """What they are signed with: `whsec_` and 24 to 64 random bytes in base64."""
    dispatch_seconds: float = Field(default=0.5, gt=0)
    """How often due effects are looked for when nothing wakes the dispatcher."""
    lease_seconds: float = Field(default=60, gt=0)
    """How long an effect is its process's own; when that dies, another try may follow from then on.
    Longer than any call may take."""
    metrics_port: int | None = None
    """Where `/metrics` is answered: a port of its own, never the one Teams knows. Not set: nowhere."""
    metrics_host: str = "127.0.0.1"
    """The address of that port; in a container one that only monitoring reaches."""
    drain_seconds: float = Field(default=0, ge=0)
    """On SIGTERM: how long `/readyz` says no while everything is still taken in, so that what stands
    in front turns to another one."""
    shutdown_seconds: float = Field(default=20, gt=0)
    """After that: how long what has begun may take to end. Less than the container's grace."""
    log_json: bool = True
    """One JSON object per line of the log; `false` for people."""

    @field_validator("login_url", "graph_url", "openid_metadata_url")
    @classmethod
    def _https_only(cls, value: str) -> str:
        if urlsplit(value).scheme != "https":
            raise ValueError("must be an https address: tokens travel over it")
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _own_origin(cls, value: str | None) -> str | None:
        """Entra sends nobody back over plain http, but to the very machine of the browser."""
        parts = urlsplit(value or "https://unset")
        here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        bare = parts.path.strip("/") == parts.query == parts.fragment == ""
        if not (parts.scheme == "https" or here) or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an https address, with no user or password in it")
        if not bare:
            raise ValueError("is an address without a path: https://vouch.example")
        return value.rstrip("/") if value else None

    @field_validator("pagerduty_url", "page_webhook_url")
    @classmethod
    def _pager_over_https(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://unset")
        if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an https address, with no user or password in it")
        return value

    @field_validator("pagerduty_key")
    @classmethod
    def _integration_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.fullmatch(r"[A-Za-z0-9]{32}", value.get_secret_value()):
            raise ValueError("must be the 32 letters and digits of an integration key")
        return value

    @field_validator("page_webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            secret_of(value.get_secret_value())
        return value

    @field_validator("service_hosts")
    @classmethod
    def _hosts_only(cls, value: frozenset[str]) -> frozenset[str]:
        for host in value:
            if not re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?", host):
                raise ValueError(f"{host!r} is no host: small letters, and no scheme, path or *")
        return value

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        given = self._proofs()
        if len(given) != 1:
            said = " and ".join(given) if given else "none"
            raise ValueError(f"set exactly one of {', '.join(Proof)}; now: {said}")
        if self.app_certificate_thumbprint and given[0] is not Proof.CERTIFICATE:
            raise ValueError(f"VOUCH_APP_CERTIFICATE_THUMBPRINT goes with {Proof.CERTIFICATE}")
        return self

    @model_validator(mode="after")
    def _one_pager(self) -> Self:
        if (self.page_webhook_url is None) != (self.page_webhook_secret is None):
            raise ValueError("VOUCH_PAGE_WEBHOOK_URL and VOUCH_PAGE_WEBHOOK_SECRET go together")
        if self.pagerduty_key is not None and self.page_webhook_url is not None:
            raise ValueError("set VOUCH_PAGERDUTY_KEY or VOUCH_PAGE_WEBHOOK_URL, not both")
        return self

    def _proofs(self) -> list[Proof]:
        given = {
            Proof.SECRET: self.app_secret and self.app_secret.get_secret_value(),
            Proof.CERTIFICATE: self.app_certificate,
            Proof.FEDERATED: self.app_federated_token_file,
            Proof.MANAGED_IDENTITY: self.app_managed_identity,
        }
        return [proof for proof, value in given.items() if value]

    @cached_property
    def proof(self) -> Proof:
        return self._proofs()[0]

    @cached_property
    def authority(self) -> str:
        return f"{self.login_url}/{self.app_tenant}"


def from_environment(secrets: Path = SECRETS) -> Settings:
    """The environment's settings, and the files of `secrets`. Raises ValidationError."""
    return Settings(_secrets_dir=secrets) if secrets.is_dir() else Settings()


def faults(error: ValidationError) -> list[str]:
    """What is wrong with the settings, each with its variable; never what was given."""
    return [_fault(dict(each)) for each in error.errors(include_input=False, include_url=False)]


def _fault(error: dict[str, Any]) -> str:
    reason = str(error["msg"]).removeprefix("Value error, ")
    reason = "is not set" if error["type"] == "missing" else reason
    return f"{PREFIX}{str(error['loc'][0]).upper()}: {reason}" if error["loc"] else reason

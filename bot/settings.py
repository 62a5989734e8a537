"""Everything the environment says, read once. Variables carry the prefix VOUCH_."""

from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen; wired by hand in `app.py`. Secrets never reach a log: they are SecretStr."""

    model_config = SettingsConfigDict(env_prefix="VOUCH_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 3978
    database_url: str = "sqlite:///vouch.sqlite3"

    app_id: str
    """The bot's Entra application (client) id."""
    app_tenant: str
    """The provider's tenant: its token serves every customer's conversations."""
    app_secret: SecretStr

    login_url: str = "https://login.microsoftonline.com"
    openid_metadata_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    token_issuer: str = "https://api.botframework.com"  # noqa: S105 - an address, no secret
    service_hosts: frozenset[str] = frozenset({"smba.trafficmanager.net"})
    """Exact hosts (with port, where it is not 443) that the bot's token may be sent to."""
    ca_file: Path | None = None
    """A certificate authority to trust beside the system's: the simulator's."""

    containment: Literal["rehearsal"] = "rehearsal"
    dispatch_seconds: float = Field(default=0.5, gt=0)
    """How often due effects are looked for when nothing wakes the dispatcher."""
    lease_seconds: float = Field(default=60, gt=0)
    """How long an effect is its process's own; when that dies, another try may follow from then on.
    Longer than any call may take (`bot/teams/network.py`)."""
    log_json: bool = True

    @field_validator("login_url", "openid_metadata_url")
    @classmethod
    def _https_only(cls, value: str) -> str:
        if urlsplit(value).scheme != "https":
            raise ValueError("must be an https address: tokens travel over it")
        return value.rstrip("/")

    @cached_property
    def authority(self) -> str:
        return f"{self.login_url}/{self.app_tenant}"

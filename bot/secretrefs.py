"""References to secrets: `env:NAME` and `file:/absolute/path`. The records hold these; the secret
itself stays with whoever keeps it, and a file may change while Vouch runs."""

import os
import re
from pathlib import Path

from paging.webhook import secret_of

_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,127})")
_FILE = re.compile(r"file:(/[^\0\n]{1,1000})")
LARGEST = 4096


class SecretError(Exception):
    """A reference that leads to no secret; says what to do, and never what stands there."""


def check_reference(reference: str) -> None:
    """Raises SecretError where it is no reference."""
    if not _ENV.fullmatch(reference) and not _FILE.fullmatch(reference):
        raise SecretError(
            "A secret is named by where it stands: env:NAME or file:/absolute/path. "
            "The secret itself is never given on the command line."
        )


def is_set(reference: str) -> bool:
    """Whether anything stands there."""
    try:
        return bool(_read(reference))
    except SecretError:
        return False


def signing_secret(reference: str) -> bytes:
    """The secret, as Standard Webhooks writes it. Raises SecretError."""
    check_reference(reference)
    try:
        return secret_of(_read(reference))
    except ValueError as error:
        raise SecretError(f"What stands at {reference} {error}.") from error


def _read(reference: str) -> str:
    if name := _ENV.fullmatch(reference):
        return _variable(reference, name[1])
    try:
        with Path(reference.removeprefix("file:")).open(encoding="ascii", errors="replace") as file:
            return file.read(LARGEST).strip()
    except OSError as error:
        raise SecretError(f"{reference} cannot be read: {error.strerror}.") from error


def _variable(reference: str, name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise SecretError(f"{reference} is not set where Vouch runs.")
    return value

"""How a source shows who it is: with a key that it sends along, or by signing what it sends.

A key (`Authorization: Bearer vk_...`) is known by its SHA-256 only. A fast hash is enough: the key is
256 random bits, not a password. Signatures are those of Standard Webhooks:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

PREFIX = "vk_"
"""Lets secret scanners, and people, recognise a key that has leaked."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - not a secret
WINDOW = timedelta(minutes=5)
"""How old, or how far ahead, a signature may be."""
_ID = re.compile(r"[!-\-/-~]{1,128}")
"""Printable, and no dot: dots part what is signed."""
_SECONDS = re.compile(r"[0-9]{1,12}")
_MOST_SIGNATURES = 8


# --- keys ----------------------------------------------------------------------------------------


def new_key() -> tuple[str, str]:
    """A new key, to be shown once, and the SHA-256 to store."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


# --- signatures ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signed:
    """What the three headers of a signed message say. None of it is true before `holds`."""

    id: str
    timestamp: str
    signatures: tuple[bytes, ...]

    def is_fresh(self, now: datetime) -> bool:
        return abs(now.timestamp() - int(self.timestamp)) <= WINDOW.total_seconds()

    def holds(self, body: bytes, known: Iterable[bytes]) -> bool:
        """Whether one of the secrets signed this id, at this time, with this body."""
        signed = f"{self.id}.{self.timestamp}.".encode() + body
        expected = [hmac.digest(secret, signed, hashlib.sha256) for secret in known]
        return any(hmac.compare_digest(e, s) for e in expected for s in self.signatures)


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether a message claims to be signed."""
    return "webhook-signature" in headers


def signed(headers: Mapping[str, str]) -> Signed | None:
    """The headers of a signed message; None where they are not in the form.

    `webhook-signature` may hold several, parted by spaces, while a sender changes its secret; those
    of other versions than `v1` are passed over.
    """
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(id_) or not _SECONDS.fullmatch(timestamp):
        return None
    told = headers.get("webhook-signature", "").split()[:_MOST_SIGNATURES]
    found = tuple(filter(None, map(_signature, told)))
    return Signed(id_, timestamp, found) if found else None


def new_secret() -> str:
    """A signing secret of 256 random bits, as Standard Webhooks writes them."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()


def _signature(told: str) -> bytes | None:
    version, _, encoded = told.partition(",")
    if version != "v1":
        return None
    try:
        return b64decode(encoded, validate=True)
    except (NotBase64Error, ValueError):
        return None

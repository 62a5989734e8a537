"""The key with which a customer's source shows who it is: `Authorization: Bearer vk_...`.

We keep its SHA-256 only. A fast hash is enough: the key is 256 random bits, not a password.
"""

import hashlib
import hmac
import secrets

PREFIX = "vk_"
"""Lets secret scanners, and people, recognise a key that has leaked."""


def new_key() -> tuple[str, str]:
    """A new key, to be shown once, and the SHA-256 to store."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, _sha256(key)


def matches(presented: str, stored_sha256: str) -> bool:
    """Whether the key is the one stored; takes the same time wherever they differ."""
    return hmac.compare_digest(_sha256(presented).encode(), stored_sha256.lower().encode())


def _sha256(key: str) -> str:
    """Header bytes that are not UTF-8 arrive as surrogates; they are hashed as they came."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

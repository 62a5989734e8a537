"""Identities that must not be guessed or must sort by time; all randomness comes from here."""

import secrets
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from uuid import UUID

_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without 0/O, 1/I/L and U: read out over the phone without a mistake."""


def incident_id(now: datetime) -> str:
    """A UUIDv7 (RFC 9562 section 5.7): sorts by time, cannot be guessed."""
    milliseconds = int(now.timestamp() * 1000) & (1 << 48) - 1
    random = secrets.randbits(74)
    value = (
        milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    )
    return str(UUID(int=value))


def case_code() -> str:
    """Four characters to check over the phone that a card is genuine."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(4))


def card_token() -> str:
    """The opaque handle a card carries: 128 random bits."""
    return secrets.token_urlsafe(16)


def arrival_key(kind: str, conversation_id: str, activity_id: str) -> str:
    """The key of what came from Teams: it stays when somebody is erased, and a chat's id names them."""
    return f"{kind}:{sha256(f'{conversation_id}:{activity_id}'.encode()).hexdigest()}"


def relay_key(conversation_id: str, activity_id: str) -> str:
    """Of bringing somebody's words to the analysts: the same, whoever orders it."""
    return arrival_key("relay", conversation_id, activity_id)


def link_token(card: str, verification: str) -> str:
    """The secret of the link on a card, from the card's own handle: so that each rendering of the
    card carries the same link, and the link does not give away the handle."""
    return urlsafe_b64encode(sha256(f"{card}:{verification}".encode()).digest()[:24]).decode()

"""The hash chain of a stream: shows when an event was changed, inserted, moved or removed.

What people wrote is hashed with a salt of its own into `payload_hash`, and only that goes into the
chain. Erasing the words and the salt leaves the chain whole, and the words beyond guessing.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

Event = Mapping[str, Any]
"""An event by the columns of its row."""

START = ""
"""What the first event of a stream is chained to."""

ERASABLE = ("payload", "facts", "actor", "answer", "reasons", "salt")
"""What erasure removes."""


def sealed(event: Event, after: str) -> dict[str, Any]:
    """The event with its salt and hashes, chained to the one before."""
    salted = {**event, "salt": secrets.token_hex(16), "prev_hash": after}
    hashed = {**salted, "payload_hash": payload_hash(salted)}
    return {**hashed, "hash": chain_hash(hashed)}


def payload_hash(event: Event) -> str:
    return _hash([event.get(column) for column in ERASABLE])


def chain_hash(event: Event) -> str:
    """Over everything that stays, and through `prev_hash` over everything before."""
    return _hash(
        [
            event["prev_hash"],
            event["customer_id"],
            event["stream"],
            event["seq"],
            event["key"],
            event["kind"],
            event["at"].astimezone(UTC).isoformat(),
            event.get("profile_version"),
            event.get("provider_version"),
            event.get("rules"),
            event["effect_keys"],
            event["payload_hash"],
        ]
    )


def _hash(parts: list[str | int | None]) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()

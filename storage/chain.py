"""The hash chain of a stream: shows when an event was changed, inserted, moved or removed.

What people wrote is hashed with a salt of its own into `payload_hash`, and only that goes into the
chain. Erasing the words and the salt leaves the chain whole, and the words beyond guessing.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256
from typing import Any

Event = Mapping[str, Any]
"""An event by the columns of its row."""

START = ""
"""What the first event of a stream is chained to."""

ERASABLE = ("payload", "facts", "actor", "answer", "reasons", "salt")
"""What erasure removes, beside the keys of the effects, in which object ids stand."""

NO_KEYS = "[]"

SECOND = "2:"
"""How the hashes begin in which the keys of the effects are salted as well; those of before have
them in the chain itself, and cannot lose them."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a stream stops being what was written, and how it shows."""

    seq: int
    why: str


def sealed(event: Event, after: str) -> dict[str, Any]:
    """The event with its salt and hashes, chained to the one before."""
    salted = {**event, "salt": secrets.token_hex(16), "prev_hash": after, "hash": SECOND}
    hashed = {**salted, "payload_hash": payload_hash(salted)}
    return {**hashed, "hash": chain_hash(hashed)}


def payload_hash(event: Event) -> str:
    erasable = [event.get(column) for column in ERASABLE]
    return _hash([*erasable, event["effect_keys"]] if _is_second(event) else erasable)


def chain_hash(event: Event) -> str:
    """Over everything that stays, and through `prev_hash` over everything before."""
    second = _is_second(event)
    kept = [
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
        *([] if second else [event["effect_keys"]]),
        event["payload_hash"],
    ]
    return f"{SECOND if second else ''}{_hash(kept)}"


def is_erased(event: Event) -> bool:
    """Nothing is left of what it said; what stands there now was not put there later."""
    emptied = event["effect_keys"] == NO_KEYS or not _is_second(event)
    return emptied and all(event[column] is None for column in ERASABLE)


def broken(events: Iterable[Event], head: tuple[int, str] | None) -> Broken | None:
    """Where a stream was tampered with; None when it is whole.

    1. Sequence numbers run from 1 without a gap.
    2. Every event is chained to the one before, and is what was hashed.
    3. What it says is what was hashed, or was erased.
    4. It ends with the event that is known from elsewhere to be its last: `head`, by sequence and
       hash, where it is known.
    """
    end = START
    seq = 0
    for seq, event in enumerate(events, start=1):
        if event["seq"] != seq:
            return Broken(seq, f"event {seq} is missing")
        if event["prev_hash"] != end or chain_hash(event) != event["hash"]:
            return Broken(seq, f"event {seq} is not the one that was recorded")
        if not is_erased(event) and payload_hash(event) != event["payload_hash"]:
            return Broken(seq, f"what event {seq} says was changed")
        end = event["hash"]
    if head is not None and head != (seq, end):
        return Broken(seq + 1, "events are missing at the end")
    return None


def _is_second(event: Event) -> bool:
    return str(event["hash"]).startswith(SECOND)


def _hash(parts: list[Any]) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()

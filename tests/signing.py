"""How a sender signs what it sends (Standard Webhooks)."""

import hashlib
import hmac
from base64 import b64encode
from datetime import datetime


def signature_headers(secret: bytes, id_: str, at: datetime, body: bytes) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    digest = hmac.digest(secret, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }

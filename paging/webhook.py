"""A webhook in the form of Standard Webhooks, for whoever is rung by something else than PagerDuty.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: three
headers, of which one is an HMAC over id, time of the attempt and body; any 2xx is a yes.
"""

import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from paging.pager import Receipt, Ring
from paging.post import Network, post, refusal
from triage.effects import PageAction

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""

TYPES = {
    PageAction.TRIGGER: "page.triggered",
    PageAction.ACKNOWLEDGE: "page.acknowledged",
    PageAction.RESOLVE: "page.resolved",
}


def secret_of(text: str) -> bytes:
    """The secret as Standard Webhooks writes it. Raises ValueError, without the text."""
    try:
        secret = b64decode(text.removeprefix(PREFIX), validate=True)
    except (NotBase64Error, ValueError):
        secret = b""
    if not text.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"must be {PREFIX} and {SHORTEST} to {LONGEST} random bytes in base64")
    return secret


class Webhook:
    def __init__(
        self, network: Network, url: str, secret: bytes, clock: Callable[[], float]
    ) -> None:
        """`clock` is the true time: the receiver holds the signature's against its own."""
        self._network = network
        self._url = url
        self._secret = secret
        self._clock = clock

    async def ring(self, ring: Ring) -> Receipt:
        id_ = _message_id(ring.key)
        body = json.dumps(payload_of(ring), ensure_ascii=False, separators=(",", ":")).encode()
        answer = await post(self._network, self._url, body, self._signed(id_, body))
        if 200 <= answer.status < 300:
            return Receipt(id_)
        raise refusal(answer, "see that VOUCH_PAGE_WEBHOOK_URL and its secret are right")

    def _signed(self, id_: str, body: bytes) -> dict[str, str]:
        at = str(int(self._clock()))
        signature = hmac.digest(self._secret, f"{id_}.{at}.".encode() + body, sha256)
        return {
            "webhook-id": id_,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{b64encode(signature).decode()}",
        }


def payload_of(ring: Ring) -> dict[str, Any]:
    return {
        "type": TYPES[ring.does],
        "timestamp": ring.at.isoformat(),
        "data": {
            "alarm": ring.alarm,
            "severity": ring.severity.value,
            "summary": ring.summary,
            "source": ring.source,
            "incident": ring.incident,
            "link": ring.link,
        },
    }


def _message_id(key: str) -> str:
    """The same for every attempt; a key may hold what a header, or a signature's dots, may not."""
    return f"msg_{sha256(key.encode()).hexdigest()[:32]}"

"""PagerDuty's Events API v2.

https://developer.pagerduty.com/docs/events-api-v2-overview: 202 means taken, 400 never try again,
429 and 5xx try again. Events with one `dedup_key` are one alert: a second trigger does not ring
while it is open, and acknowledging or resolving what is not open is dropped.
"""

import json
from hashlib import sha256
from typing import Any

from paging.pager import PagerGaveUpError, PagerTryLaterError, Receipt, Ring
from paging.post import Answer, Network, post, refusal
from triage.effects import PageAction
from triage.report import Severity

LONGEST_KEY = 255
LONGEST_SUMMARY = 1024
LONGEST_REASON = 300

SEVERITIES = {
    Severity.HIGH: "critical",
    Severity.MEDIUM: "error",
    Severity.LOW: "warning",
    Severity.INFORMATIONAL: "info",
}


class PagerDuty:
    def __init__(self, network: Network, url: str, routing_key: str) -> None:
        """`routing_key` is the integration key of a service or of an event orchestration."""
        self._network = network
        self._url = url
        self._routing_key = routing_key

    async def ring(self, ring: Ring) -> Receipt:
        event = event_of(ring) | {"routing_key": self._routing_key}
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        answer = await post(self._network, self._url, body, {})
        if answer.status == 202:
            return Receipt(event["dedup_key"])
        raise self._refused(answer)

    def _refused(self, answer: Answer) -> PagerTryLaterError | PagerGaveUpError:
        if 200 <= answer.status < 300:
            return PagerTryLaterError(f"{answer.status} is not PagerDuty's yes; is it PagerDuty?")
        why = _complaint(answer.body).replace(self._routing_key, "(the key)")
        return refusal(answer, why)


def event_of(ring: Ring) -> dict[str, Any]:
    """The event, but for the routing key."""
    event: dict[str, Any] = {"event_action": ring.does.value, "dedup_key": _dedup_key(ring.alarm)}
    if ring.does is not PageAction.TRIGGER:
        return event
    event["payload"] = {
        "summary": ring.summary[:LONGEST_SUMMARY],
        "source": ring.source,
        "severity": SEVERITIES[ring.severity],
        "timestamp": ring.at.isoformat(),
        "custom_details": {"incident": ring.incident, "severity": ring.severity.value},
    }
    event["client"] = "Vouch"
    if ring.link:
        event["links"] = [{"href": ring.link, "text": ring.incident}]
    return event


def _dedup_key(alarm: str) -> str:
    if len(alarm) <= LONGEST_KEY:
        return alarm
    return sha256(alarm.encode()).hexdigest()


def _complaint(body: bytes) -> str:
    """PagerDuty's message and errors; nothing of what is no answer of PagerDuty's."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    errors = said.get("errors")
    parts = [said.get("message"), *(errors if isinstance(errors, list) else [])]
    text = "; ".join(part for part in parts if isinstance(part, str))
    return "".join(c for c in text if c.isprintable())[:LONGEST_REASON]

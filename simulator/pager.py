"""A pager on this machine: PagerDuty's Events API v2, and a receiver of Standard Webhooks.

Alarms ring here instead of on somebody's phone. What is imitated: PagerDuty's checks of an event
and one alert for one `dedup_key` while it is open; Standard Webhooks' check of signature and time,
and one message for one `webhook-id`.
"""

import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulator.changes import Changes
from simulator.errors import Json, refusal

Action = Literal["trigger", "acknowledge", "resolve"]
State = Literal["triggered", "acknowledged", "resolved"]

STATES: dict[Action, State] = {
    "trigger": "triggered",
    "acknowledge": "acknowledged",
    "resolve": "resolved",
}
TYPES: dict[str, Action] = {
    "page.triggered": "trigger",
    "page.acknowledged": "acknowledge",
    "page.resolved": "resolve",
}
TOLERANCE = 300
"""Seconds that a signature's time may lie off."""
KEPT = 200


class PagerKeys(BaseModel):
    """What the bot must show: PagerDuty's integration key, and the webhook's `whsec_` secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    routing_key: str = ""
    webhook_secret: str = ""


@dataclass(slots=True)
class Alarm:
    """What rings, or rang, on the phone of whoever is on duty."""

    key: str
    via: Literal["pagerduty", "webhook"]
    summary: str
    severity: str
    source: str
    link: str | None
    at: str
    state: State = "triggered"
    rings: int = 1
    """How often the phone rang: once, however often it was told while open."""
    told: list[Json] = field(default_factory=list)
    """What was done to it, and when."""


class _Link(BaseModel):
    href: str
    text: str | None = None


class _Payload(BaseModel):
    summary: str = Field(min_length=1, max_length=1024)
    source: str = Field(min_length=1)
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: datetime | None = None
    custom_details: Json = {}


class _Event(BaseModel):
    routing_key: str = Field(min_length=32, max_length=32)
    event_action: Action
    dedup_key: str = Field(min_length=1, max_length=255)
    payload: _Payload | None = None
    links: list[_Link] = []
    client: str | None = None


class _PageData(BaseModel):
    alarm: str
    severity: str
    summary: str
    source: str
    incident: str
    link: str | None


class _Message(BaseModel):
    type: Literal["page.triggered", "page.acknowledged", "page.resolved"]
    timestamp: datetime
    data: _PageData


class Pager:
    def __init__(self, keys: PagerKeys, changes: Changes, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._changes = changes
        self._now = now
        self._alarms: list[Alarm] = []
        self._seen: dict[str, None] = {}
        """Ids of webhook messages, oldest first."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/pagerduty/v2/enqueue", self.enqueue),
            web.post("/pager/webhook", self.webhook),
        ]

    def view(self) -> list[Json]:
        """Newest first."""
        return [asdict(alarm) for alarm in reversed(self._alarms)]

    async def enqueue(self, request: web.Request) -> web.Response:
        try:
            event = _Event.model_validate_json(await request.read())
        except ValidationError as error:
            return _invalid(*(f"{_where(it)}: {it['msg']}" for it in error.errors()))
        if not _same(event.routing_key, self._keys.routing_key):
            return _invalid("'routing_key' is not a known integration key")
        if event.event_action == "trigger" and event.payload is None:
            return _invalid("'payload' is missing or blank")
        self._take(event.event_action, _alarm_of_event(event, self._stamp()))
        answer = {"status": "success", "message": "Event processed", "dedup_key": event.dedup_key}
        return web.json_response(answer, status=202)

    async def webhook(self, request: web.Request) -> web.Response:
        body = await request.read()
        why = self._unproved(request, body)
        if why is not None:
            return refusal(401, "BadSignature", why)
        try:
            message = _Message.model_validate_json(body)
        except ValidationError as error:
            return refusal(400, "BadRequest", "; ".join(_where(it) for it in error.errors()))
        if request.headers["webhook-id"] not in self._seen:
            self._remember(request.headers["webhook-id"])
            self._take(TYPES[message.type], _alarm_of_message(message.data, self._stamp()))
        return web.Response(status=204)

    def _unproved(self, request: web.Request, body: bytes) -> str | None:
        """Why a message is not believed, or None."""
        id_, at, signatures = (
            request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        if not id_ or not at.isdigit() or not self._keys.webhook_secret:
            return "The message is not signed."
        if abs(time.time() - int(at)) > TOLERANCE:
            return "The signature is too old, or of the future."
        secret = b64decode(self._keys.webhook_secret.removeprefix("whsec_"))
        digest = hmac.digest(secret, f"{id_}.{at}.".encode() + body, sha256)
        wanted = f"v1,{b64encode(digest).decode()}"
        if not any(_same(one, wanted) for one in signatures.split(" ")):
            return "The signature is not the secret's."
        return None

    def _remember(self, id_: str) -> None:
        self._seen[id_] = None
        while len(self._seen) > KEPT:
            del self._seen[next(iter(self._seen))]

    def _take(self, action: Action, told: Alarm) -> None:
        """What is not open is opened by a trigger alone; what is open does not ring again."""
        known = next((a for a in self._alarms if a.key == told.key and a.state != "resolved"), None)
        if known is None and action != "trigger":
            return
        if known is None:
            known = told
            self._alarms.append(told)
            del self._alarms[:-KEPT]
        elif action != "trigger":
            known.state = STATES[action]
        known.told.append({"action": action, "at": told.at})
        self._changes.note("pager")

    def _stamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _alarm_of_event(event: _Event, at: str) -> Alarm:
    said = event.payload
    return Alarm(
        key=event.dedup_key,
        via="pagerduty",
        summary=said.summary if said else "",
        severity=said.severity if said else "",
        source=said.source if said else "",
        link=event.links[0].href if event.links else None,
        at=at,
    )


def _alarm_of_message(data: _PageData, at: str) -> Alarm:
    return Alarm(
        key=data.alarm,
        via="webhook",
        summary=data.summary,
        severity=data.severity,
        source=data.source,
        link=data.link,
        at=at,
    )


def _invalid(*errors: str) -> web.Response:
    """As PagerDuty says it."""
    body = {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": list(errors),
    }
    return web.json_response(body, status=400)


def _where(error: Any) -> str:
    return ".".join(map(str, error["loc"])) or "body"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())

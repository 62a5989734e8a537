"""The routes: incidents in, Teams activities in, health. Authenticates, hands on, answers.

An incident is answered after COMMIT and before anything is done about it.
"""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.admission import (
    Admission,
    CannotTellError,
    DifferentMessageError,
    NotAdmittedError,
    TooManyError,
)
from bot.clock import Clock
from bot.conductor import Conductor, Occurrence, Outcome
from bot.headers import protect
from sources import PARSERS, Malformed
from sources.openapi import document
from sources.parsed import not_json
from storage import across, profiles, quarantine
from storage.engine import Store, StoreBusyError, Urgency
from triage.decide import Accepted
from triage.events import Reported
from triage.report import IncidentReport, Source

log = structlog.get_logger(__name__)

LARGEST_REPORT = 8 * 1024 * 1024
"""Bytes: 500 alerts with their evidence, and room."""


@dataclass(frozen=True, slots=True)
class Intake:
    """`POST /api/incidents/{source}`. What the sender shows alone says whose incident it is."""

    store: Store
    clock: Clock
    conductor: Conductor
    admission: Admission

    async def receive(self, request: web.Request) -> web.Response:
        source = next((s for s in PARSERS if s == request.match_info["source"]), None)
        if source is None:
            return _problem(HTTPStatus.NOT_FOUND, f"post to one of: {', '.join(PARSERS)}")
        try:
            return await self._receive(source, request)
        except NotAdmittedError as error:
            return _stranger(error)
        except TooManyError as error:
            return _later(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, error.wait)
        except DifferentMessageError:
            return _problem(HTTPStatus.CONFLICT, "this webhook-id was another message's: send anew")
        except web.RequestPayloadError:
            return _problem(HTTPStatus.BAD_REQUEST, "the body breaks off, or does not unpack")
        except CannotTellError:
            return _later(HTTPStatus.SERVICE_UNAVAILABLE, "cannot be checked now; send it again", 5)
        except StoreBusyError as error:
            busy = "too much at once; send it again"
            return _later(HTTPStatus.SERVICE_UNAVAILABLE, busy, error.retry_after)

    async def _receive(self, source: Source, request: web.Request) -> web.Response:
        sender = await self.admission.admit(source, request)
        body = await request.read()
        earlier = await self.admission.earlier(sender, body)
        if earlier is not None:
            return web.json_response(text=earlier.answer, status=earlier.status)
        answer = await self._take_in(source, sender.customer, body)
        if answer.status < HTTPStatus.BAD_REQUEST:
            await self.admission.remember(sender, body, answer.status, answer.text or "")
        return answer

    async def _take_in(self, source: Source, customer: str, body: bytes) -> web.Response:
        # A large body takes seconds to read, and people's taps must not wait for it.
        parsed = await asyncio.to_thread(_parse, source, body)
        results = [await self._take_one(source, customer, one) for one in parsed]
        return _answer(results)

    async def _take_one(
        self, source: Source, customer: str, one: IncidentReport | Malformed
    ) -> dict[str, Any]:
        """Each incident is a transaction and an answer of its own."""
        if isinstance(one, IncidentReport):
            one = await self._check_tenant(customer, one)
        if isinstance(one, Malformed):
            await self._quarantine(source, customer, one)
            return {"status": one.status, "field": one.field, "reason": one.reason}
        key = f"report:{one.source}:{one.source_id}:{one.updated.isoformat()}:{one.digest}"
        outcome = await self.conductor.receive(
            customer, Occurrence(key, Reported(one)), Urgency.INTAKE
        )
        return _told(one, outcome)

    async def _check_tenant(
        self, customer: str, report: IncidentReport
    ) -> IncidentReport | Malformed:
        """A payload cannot choose its customer; one that names another tenant went astray."""
        profile = await self.store.read(customer, profiles.current)
        if report.tenant_id is None or report.tenant_id.lower() == profile.tenant_id.lower():
            return report
        return Malformed(
            "tenantId",
            "This incident belongs to another tenant than the key it was sent with. Send it with "
            "that customer's key.",
            raw={"source_id": report.source_id, "tenant_id": report.tenant_id},
        )

    async def _quarantine(self, source: Source, customer: str, refused: Malformed) -> None:
        raw = _as_text(refused.raw)
        now = self.clock.now()
        log.warning("intake_refused", customer=customer, source=source, field=refused.field)
        await self.store.write(
            customer,
            lambda tx: quarantine.keep(tx, source, refused.reason, refused.field, raw, now),
            Urgency.INTAKE,
        )


def _as_text(raw: object) -> str:
    try:
        return json.dumps(raw, default=str)
    except (ValueError, RecursionError):
        return "(nested too deeply to be kept)"


def _parse(source: Source, body: bytes) -> list[IncidentReport | Malformed]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return [not_json(body.decode(errors="replace"))]
    return list(PARSERS[source](told))


def _told(report: IncidentReport, outcome: Outcome) -> dict[str, Any]:
    changed = isinstance(outcome.verdict, Accepted) and not outcome.seen_before
    became = "opened" if outcome.began else "updated" if changed else "unchanged"
    status = HTTPStatus.CREATED if became == "opened" else HTTPStatus.OK
    return {
        "status": int(status),
        "sourceId": report.source_id,
        "incident": outcome.incident.name,
        "outcome": became,
    }


def _answer(results: list[dict[str, Any]]) -> web.Response:
    """One incident is answered with its own status; a page with 207 where statuses differ."""
    statuses = {r["status"] for r in results}
    status = statuses.pop() if len(statuses) == 1 else int(HTTPStatus.MULTI_STATUS)
    return web.json_response({"results": results}, status=status if results else 200)


def _problem(
    status: HTTPStatus, reason: str, headers: dict[str, str] | None = None
) -> web.Response:
    return web.json_response({"error": reason}, status=status, headers=headers)


TOO_MANY = "more than is taken of one source at a time; send it again"
UNKNOWN = (
    "show who you are, as this source is set up: `Authorization: Bearer KEY` with its key, "
    "a signature in the form of Standard Webhooks with `?customer=`, or its identity's token"
)


def _stranger(error: NotAdmittedError) -> web.Response:
    if error.wait:
        return _later(HTTPStatus.TOO_MANY_REQUESTS, UNKNOWN, error.wait)
    return _problem(HTTPStatus.UNAUTHORIZED, UNKNOWN, {"WWW-Authenticate": "Bearer"})


def _later(status: HTTPStatus, reason: str, seconds: float) -> web.Response:
    return _problem(status, reason, {"Retry-After": str(max(1, math.ceil(seconds)))})


async def healthz(_: web.Request) -> web.Response:
    """The process is there."""
    return web.json_response({"status": "ok"})


@dataclass(slots=True)
class Readiness:
    """`GET /readyz`: whether more may be sent here. The first reason why not is told, in words that
    a stranger may read."""

    store: Store
    looked_ago: Callable[[], float]
    """Seconds since the dispatcher last found out what is due."""
    gateway_is_well: Callable[[], bool]
    """Whether there are keys to check Teams' tokens with, and a token to speak to it."""
    is_stopping: bool = False

    async def answer(self, _: web.Request) -> web.Response:
        why_not = await self._why_not()
        if why_not is None:
            return web.json_response({"status": "ready"})
        headers = {"Retry-After": "5"}
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, why_not, headers)

    async def _why_not(self) -> str | None:
        if self.is_stopping:
            return "stopping"
        try:
            await asyncio.wait_for(self.store.read_across(across.provider), ANSWERS_WITHIN)
        except Exception:
            log.exception("store_does_not_answer")
            return "the database does not answer; the log says why"
        ago = self.looked_ago()
        if ago > LOOKS_WITHIN:
            return f"the dispatcher has not looked for {ago:.0f} s; the log says why"
        if not self.gateway_is_well():
            return "no keys or token for Teams yet; the log says why, as does `vouch doctor`"
        return None


ANSWERS_WITHIN = 3.0
"""Seconds for one small read."""
LOOKS_WITHIN = 30.0

FRONT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Vouch</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#242424}
code{background:#f0f0f0;padding:.1em .3em;border-radius:4px}</style>
<h1>Vouch is running</h1>
<p>This is the bot. There is nothing to see here: people meet it in Microsoft Teams.</p>
<p>Incidents come in at <code>POST /api/incidents/defender</code>, <code>/api/incidents/sentinel</code>
and <code>/api/incidents/native</code> (<code>/api/openapi.json</code> describes them), Teams at
<code>POST /api/messages</code>. Health: <code>/healthz</code>, <code>/readyz</code>.</p></html>"""


async def front(_: web.Request) -> web.Response:
    return web.Response(text=FRONT, content_type="text/html")


async def openapi(_: web.Request) -> web.Response:
    """What the intake takes and answers."""
    return web.json_response(document())


def application(
    intake: Intake, readiness: Readiness, teams: list[web.RouteDef], timed: Middleware
) -> web.Application:
    app = web.Application(client_max_size=LARGEST_REPORT, middlewares=[timed, protect])
    app.add_routes(
        [
            web.get("/", front),
            web.get("/healthz", healthz),
            web.get("/readyz", readiness.answer),
            web.get("/api/openapi.json", openapi),
            web.post("/api/incidents/{source}", intake.receive),
            *teams,
        ]
    )
    return app

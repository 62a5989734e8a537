"""What every answer carries, errors and the port of the metrics included."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "Vouch",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Nothing of ours belongs in a frame or a cache, and nobody need know what serves it. A page with a
form says itself where that may go."""


@web.middleware
async def protect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Security headers on every answer. A fault of ours is logged and tells the asker nothing."""
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.headers.update(PROTECTION)
        raise
    except Exception:
        log.exception("request_failed", method=request.method)
        error = {"error": "this failed on our side; the log says why. Send it again later"}
        response = web.json_response(error, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    for name, value in PROTECTION.items():
        response.headers.setdefault(name, value)
    return response

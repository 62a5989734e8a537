"""A refusal as every listener answers it, and how JSON bodies are read at the door."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

Json = dict[str, Any]
"""An activity, a card or another JSON object that is passed on as it came."""

MAX_BODY = 2 * 1024 * 1024


class RefusedError(Exception):
    """The request is understood and refused: a status, a code and a sentence saying why."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


def refusal(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Microsoft's Bot Framework answers every error in this shape, and so does the control API."""
    body = {"error": {"code": code, "message": message}}
    return web.json_response(body, status=status, headers=headers)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns refusals, and aiohttp's own 404, 405 and 413, into the one error shape."""
    try:
        return await handler(request)
    except RefusedError as error:
        return refusal(error.status, error.code, str(error), error.headers)
    except web.HTTPRequestEntityTooLarge:
        return refusal(413, "MessageSizeTooBig", f"Bodies over {MAX_BODY} bytes are refused.")
    except web.HTTPError as error:
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return refusal(error.status, error.reason.title().replace(" ", ""), error.reason, allow)


async def read_json(request: web.Request) -> Any:
    """The body as JSON; what is not JSON (or is nested beyond reason) is the caller's mistake."""
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "BadSyntax", "The body is not JSON.") from error


async def read_object(request: web.Request) -> Json:
    body = await read_json(request)
    if not isinstance(body, dict):
        raise RefusedError(400, "BadSyntax", "The body is not a JSON object.")
    return body

"""A web server for a measured bot, on any free port; needs aiohttp alone."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web


def ping() -> web.RouteDef:
    """Another request: whoever is kept waiting by a turn is kept waiting here."""
    return web.get("/ping", _pong)


async def _pong(_: web.Request) -> web.Response:
    return web.Response()


@asynccontextmanager
async def listening(
    routes: Iterable[web.RouteDef], app: web.Application | None = None
) -> AsyncIterator[str]:
    app = app or web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

"""Every route there is, with every method: nothing is changed by looking, and every answer says how
it wants to be treated."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot.headers import PROTECTION, protect
from sources import PARSERS
from tests.attacks.state import recorded
from tests.story.activity import click
from tests.story.graph_incident import malware_ran
from tests.story.house import House, Json, house

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.sqlite]

LOOKING = ("GET", "HEAD", "OPTIONS")
METHODS = (*LOOKING, "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def h(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("routes")) as opened:
        await opened.report(malware_ran())
        yield opened


def routes(h: House) -> Iterator[str]:
    """Every address of the running server, and some it does not have."""
    for resource in h.vouch.app.router.resources():
        for source in PARSERS:
            path = resource.canonical.replace("{source}", source).replace("{link}", "no-link")
            yield h.vouch.url + path
    yield from (f"{h.vouch.url}/{it}" for it in ("none", "api", "metrics", "%2e%2e/etc/passwd"))
    assert h.vouch.metrics_url
    yield h.vouch.metrics_url
    yield h.vouch.metrics_url.replace("/metrics", "/none")


POLICY, REFERRER = "Content-Security-Policy", "Referrer-Policy"
"""A page with a form says where that may go; the rest is everywhere the same."""


def unprotected(response: aiohttp.ClientResponse) -> Json:
    """Which headers are not as they should be."""
    told = {name: response.headers.getall(name, []) for name in PROTECTION}
    (policy,) = told.pop(POLICY)
    if told[REFERRER] == ["same-origin"]:  # of a page with a form: browsers say whence it came
        del told[REFERRER]
    wrong = {name: values for name, values in told.items() if values != [PROTECTION[name]]}
    if "default-src 'none'" not in policy or "frame-ancestors 'none'" not in policy:
        wrong[POLICY] = [policy]
    return wrong


async def credentials(h: House) -> list[Json]:
    """Nobody; a source; Teams."""
    told = await h._api("POST", "/tokens", {"tenant": "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"})
    return [
        {},
        {"Authorization": f"Bearer {h.keys['contoso']['defender']}"},
        {"Authorization": f"Bearer {told['token']}"},
    ]


async def test_every_route_is_known(h: House) -> None:
    """A new one is looked at by whoever adds it: does it change anything, and who may?"""
    assert {it.canonical for it in h.vouch.app.router.resources()} == {
        "/",
        "/healthz",
        "/readyz",
        "/api/openapi.json",
        "/api/incidents/{source}",
        "/api/messages",
        "/confirm/{link}",
        "/signed-in",
        "/signed-in/answer",
    }


@pytest.mark.parametrize("method", LOOKING)
async def test_looking_changes_nothing(h: House, method: str) -> None:
    """Though it came with a good credential, and with a body that would change something."""
    card = await h.card("Bob Meyer")
    answer = await click(h, "Bob Meyer", card, card.data("answer.q1.opened"))
    before = await recorded(h.vouch.store)

    for url in {*routes(h)}:
        for headers in await credentials(h):
            for body in (None, answer, malware_ran("4712")):
                async with h.control.request(method, url, json=body, headers=headers) as response:
                    assert response.status in {200, 404, 405, 410}, url

    assert await recorded(h.vouch.store) == before


@pytest.mark.parametrize("method", METHODS)
async def test_every_answer_carries_the_security_headers(h: House, method: str) -> None:
    for url in {*routes(h)}:
        for headers in await credentials(h):
            async with h.control.request(method, url, headers=headers) as response:
                assert not unprotected(response), (url, response.status)
                assert response.status < 500, url


async def test_a_body_too_large_is_refused_with_the_headers(h: House) -> None:
    (_, source, teams) = await credentials(h)
    for path, headers in (("/api/incidents/defender", source), ("/api/messages", teams)):
        url, large = f"{h.vouch.url}{path}", BytesIO(b" " * (9 * 1024 * 1024))
        async with h.control.post(url, data=large, headers=headers) as response:
            assert response.status == 413
            assert not unprotected(response)


async def test_nothing_tells_what_serves_it(h: House) -> None:
    for url in {*routes(h)}:
        async with h.control.get(url) as response:
            told = str(response.headers) + await response.text()
            assert "aiohttp" not in told.lower()
            assert "python/" not in told.lower()


async def test_a_fault_of_ours_carries_the_headers_and_tells_nothing() -> None:
    async with failing() as url, aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 500
        assert not unprotected(response)
        assert "hunter2" not in await response.text()


@asynccontextmanager
async def failing() -> AsyncIterator[str]:
    async def fail(_: web.Request) -> web.Response:
        raise ValueError("hunter2")

    app = web.Application(middlewares=[protect])
    app.add_routes([web.get("/", fail)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_page_may_load_nothing_and_stand_in_no_frame() -> None:
    policy = PROTECTION[POLICY]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy

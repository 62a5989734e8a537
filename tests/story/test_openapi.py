"""Each answer that /api/openapi.json documents is one the intake gives, in the shape it says."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bot.setup import add_signing_secret
from paging.webhook import secret_of
from sources import PARSERS
from sources.openapi import GRAPH, NATIVE, TRIGGER, document
from sources.signature import new_secret
from storage import waiting
from tests.signing import signature_headers
from tests.story.house import House, Json, house
from triage.report import Source

EXAMPLES: dict[Source, Json] = {
    Source.DEFENDER: GRAPH,
    Source.SENTINEL: TRIGGER,
    Source.NATIVE: NATIVE,
}
"""One incident as each source tells it."""


def answers(source: Source) -> Json:
    found: Json = document()["paths"][f"/api/incidents/{source}"]["post"]["responses"]
    return found


def check(source: Source, status: int, answer: Any) -> None:
    schema = answers(source)[str(status)]["content"]["application/json"]["schema"]
    whole = schema | {"components": document()["components"]}
    Draft202012Validator(whole).validate(answer)


async def too_large(h: House, source: Source) -> int:
    url = f"{h.vouch.url}/api/incidents/{source}"
    headers = {"Authorization": f"Bearer {h.keys['contoso'][source]}"}
    async with h.control.post(
        url, data=BytesIO(b" " * (17 * 1024 * 1024)), headers=headers
    ) as response:
        assert response.content_type == "text/plain"
        return response.status


async def another_message(h: House, source: Source, tmp_path: Path) -> int:
    """Two signed messages under one id: how the second is answered."""
    (tmp_path / "secret").write_text(secret := new_secret(), encoding="ascii")
    await add_signing_secret(h.vouch.store, "contoso", source, f"file:{tmp_path / 'secret'}")
    url = f"{h.vouch.url}/api/incidents/{source}?customer=contoso"
    for body in (json.dumps([EXAMPLES[source]]).encode(), b"[8]"):
        headers = signature_headers(secret_of(secret), "msg_1", h.clock.now(), body)
        async with h.control.post(url, data=BytesIO(body), headers=headers) as response:
            check(source, response.status, await response.json())
    return response.status


@pytest.mark.parametrize("source", PARSERS)
async def test_every_documented_answer_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Source
) -> None:
    body = EXAMPLES[source]
    given = set()
    monkeypatch.setenv("VOUCH_INTAKE_BURST", "20")
    monkeypatch.setenv("VOUCH_INTAKE_PER_SECOND", "0.01")

    async with house(tmp_path) as h:

        async def post(told: Any, **more: Any) -> int:
            status, answer = await h.post(told, source=source, **more)
            check(source, status, answer)
            given.add(status)
            return status

        assert await post(body) == 201
        assert await post(body) == 200
        assert await post([body, 7]) == 207
        assert await post(b"{") == 400
        assert await post(body, key="vk_wrong") == 401
        assert await post({"id": 7}) == 422
        given.add(await too_large(h, source))
        await h.settle()
        given.add(await another_message(h, source, tmp_path))
        monkeypatch.setattr(waiting, "INTAKE_CAPACITY", 0)
        assert await post([7], customer="fabrikam") == 503
        while await post([7], customer="fabrikam") == 503:
            pass

    assert {str(status) for status in given} == set(answers(source))


async def test_the_document_is_served_as_it_is(tmp_path: Path) -> None:
    async with house(tmp_path) as h, h.control.get(f"{h.vouch.url}/api/openapi.json") as response:
        assert response.status == 200
        assert json.loads(await response.text()) == document()


async def test_every_route_of_the_intake_is_documented(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        for path, operations in document()["paths"].items():
            for method in operations:
                async with h.control.request(method, f"{h.vouch.url}{path}") as response:
                    assert response.status != 404, path
        url = f"{h.vouch.url}/api/incidents/none"
        async with h.control.post(url) as response:
            assert response.status == 404
            named = (await response.json())["error"]
    assert all(source in named for source in PARSERS)

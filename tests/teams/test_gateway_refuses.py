"""Keys, clocks and shapes: what the gateway makes of what is almost right. The attacks stand in
`tests/attacks/test_doors.py`."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.teams.incoming import LARGEST
from bot.teams.keys import AGING, PAUSE, STALE, SigningKey
from tests.teams.gatehouse import CONTOSO, KEYS, House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def test_an_honest_activity_is_heard(house: House) -> None:
    reply = await house.post(house.message())

    assert reply.status == 200
    assert len(house.heard) == 1


# Tokens


async def test_a_bad_token_is_refused_before_its_body_is_looked_at(house: House) -> None:
    reply = await house.post_raw(b"[" * 100_000, "Bearer a.b.c")

    assert reply.status == 401


async def test_clocks_may_differ_by_minutes(house: House) -> None:
    late = await house.post(house.message(), expiresIn=-240)
    early = await house.post(house.message(), notBefore=240)

    assert (late.status, early.status) == (200, 200)


async def test_a_token_believed_before_is_not_believed_after_its_end(house: House) -> None:
    authorization = f"Bearer {await house.token(expiresIn=60)}"
    body = json.dumps(house.message())
    assert (await house.post_raw(body, authorization)).status == 200

    house.clock.ahead = 60 + 301

    assert (await house.post_raw(body, authorization)).status == 401


# Keys


async def test_a_new_key_is_taken_up_when_it_is_first_met(house: House) -> None:
    assert (await house.post(house.message())).status == 200
    house.clock.ahead = PAUSE + 1
    await house.play("POST", "/api/keys/rotate")

    assert (await house.post(house.message())).status == 200


async def test_a_withdrawn_key_opens_nothing_once_the_new_one_was_met(house: House) -> None:
    before = f"Bearer {await house.token()}"
    body = json.dumps(house.message())
    assert (await house.post_raw(body, before)).status == 200
    house.clock.ahead = PAUSE + 1
    await house.play("POST", "/api/keys/rotate")
    assert (await house.post(house.message())).status == 200

    assert (await house.post_raw(body, before)).status == 401


async def test_a_flood_of_unknown_keys_is_no_flood_of_calls(house: House) -> None:
    await house.post(house.message())

    for _ in range(20):
        assert (await house.post(house.message(), key="stranger")).status == 401

    assert await house.calls(KEYS) == 1


async def test_keys_are_fetched_once_for_many_at_the_same_time(house: House) -> None:
    replies = await asyncio.gather(*(house.post(house.message()) for _ in range(10)))

    assert {it.status for it in replies} == {200}
    assert await house.calls(KEYS) == 1


async def test_ageing_keys_are_renewed_while_they_still_serve(house: House) -> None:
    await house.post(house.message())
    house.clock.ahead = AGING + 1

    assert (await house.post(house.message(), expiresIn=10**6)).status == 200
    renewing = house.gateway._keys._renewing
    assert renewing is not None
    await renewing

    assert await house.calls(KEYS) == 2


async def test_stale_keys_that_cannot_be_renewed_are_our_trouble_and_not_the_tokens(
    house: House,
) -> None:
    await house.post(house.message())
    house.clock.ahead = STALE + 1
    await house.play("POST", "/api/faults", {"kind": "bad_gateway", "path": KEYS})

    reply = await house.post(house.message(), expiresIn=10**6)

    assert reply.status == 503
    assert "Retry-After" in reply.headers


async def test_a_key_not_endorsed_for_teams_does_not_speak_for_teams(house: House) -> None:
    await house.post(house.message())
    keys = house.gateway._keys
    other = frozenset({"webchat"})
    keys._keys = {name: SigningKey(key.jwk, other) for name, key in keys._keys.items()}

    assert (await house.post(house.message())).status == 401


# Activities


async def test_one_tenant_is_enough_and_its_spelling_does_not_matter(house: House) -> None:
    activity = house.message(channelData={"tenant": {"id": CONTOSO.upper()}})
    del activity["conversation"]["tenantId"]

    assert (await house.post(activity)).status == 200
    assert house.heard[0].place.tenant_id == CONTOSO


@pytest.mark.parametrize(
    "wrong",
    [
        {"conversation": "a:bob"},
        {"conversation": {"id": 7, "tenantId": CONTOSO}},
        {"conversation": {"tenantId": CONTOSO}},
        {"conversation": None},
        {"from": [1]},
        {"from": {"id": {}}},
        {"id": None},
        {"id": 7},
        {"text": ["hello"]},
        {"entities": {"type": "mention"}},
        {"entities": [1]},
        {"entities": [{"type": "mention", "mentioned": "Vouch"}]},
        {"membersAdded": "28:bot"},
        {"channelData": {"tenant": {"id": CONTOSO}, "team": {"id": 7}}},
    ],
    ids=str,
)
async def test_a_misshapen_activity_is_a_bad_request(house: House, wrong: dict[str, Any]) -> None:
    assert (await house.post(house.message(**wrong))).status == 400
    assert house.heard == []


async def test_a_large_body_is_not_read(house: House) -> None:
    body = json.dumps(house.message("x" * LARGEST)).encode()

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    assert (await house.post_raw(body)).status == 413
    assert (await house.post_raw(in_pieces())).status == 413


async def test_a_body_that_unpacks_to_something_large_is_not_read(house: House) -> None:
    packed = gzip.compress(json.dumps(house.message("x" * 10_000_000)).encode())

    assert len(packed) < LARGEST
    assert (await house.post_raw(packed, **{"Content-Encoding": "gzip"})).status == 413

"""Whoever is not the Bot Connector speaking for Teams is refused, however they try."""

import asyncio
import gzip
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.teams.incoming import LARGEST
from bot.teams.keys import AGING, PAUSE, STALE, SigningKey
from simulator.world import utc_now
from tests.teams.gatehouse import APP_ID, CONTOSO, FABRIKAM, KEYS, NORDWALL, House, open_house

EMULATOR = "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def test_an_honest_activity_is_heard(house: House) -> None:
    reply = await house.post(house.message())

    assert reply.status == 200
    assert len(house.heard) == 1


# Tokens


@pytest.mark.parametrize(
    "forged",
    [
        {"issuer": "https://api.botframework.example"},
        {"issuer": ""},
        {"audience": "99999999-6a51-4f0c-8a55-1f0d6d1c7a11"},
        {"claims": {"aud": [APP_ID]}},
        {"claims": {"aud": None}},
        {"key": "stranger"},
        {"key": "impostor"},
        {"key": "entra"},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
        {"expiresIn": -301},
        {"claims": {"exp": None}},
        {"claims": {"exp": "soon"}},
        {"claims": {"exp": [1]}},
        {"claims": {"exp": 10**400}},
        {"notBefore": 330},
        {"claims": {"nbf": None}},
        {"serviceUrl": "https://smba.trafficmanager.net/emea/"},
        {"claims": {"serviceurl": None}},
        {"claims": {"serviceurl": 7}},
        {"key": "entra", "issuer": EMULATOR, "claims": {"appid": APP_ID, "ver": "1.0"}},
        {"issuer": EMULATOR, "claims": {"appid": APP_ID, "ver": "1.0"}},
    ],
    ids=lambda it: str(it)[:60],
)
async def test_a_bad_token_is_refused(house: House, forged: dict[str, Any]) -> None:
    reply = await house.post(house.message(), **forged)

    assert reply.status == 401
    assert house.heard == []


def _segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dm91Y2g6dm91Y2g=",
        "Bearer a.b.c",
        "Bearer ....",
        "Bearer \u00e9\u00e9",
        "Bearer " + "a" * 8000,
        "Bearer " + _segment({"alg": "RS256"}) + ".e30.AA",
        "Bearer " + _segment({"alg": "RS256", "kid": ["a"]}) + ".e30.AA",
        "Bearer " + _segment({"alg": "RS256", "kid": {"a": 1}}) + ".e30.AA",
        "Bearer " + _segment([1]) + ".e30.AA",
        "Bearer " + _segment(b"\xff\xfe") + ".e30.AA",
        "Bearer " + _segment(b"[" * 5000) + ".e30.AA",
    ],
    ids=lambda it: it[:30],
)
async def test_what_is_no_token_is_refused(house: House, authorization: str) -> None:
    reply = await house.post_raw(json.dumps(house.message()), authorization)

    assert reply.status == 401
    assert reply.body is None


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": "b64", "b64": False}, {"alg": 1}])
async def test_a_token_with_its_header_rewritten_is_refused(
    house: House, header: dict[str, Any]
) -> None:
    head, payload, signature = (await house.token()).split(".")
    known = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    token = f"{_segment(known | header)}.{payload}.{signature}"

    reply = await house.post_raw(json.dumps(house.message()), f"Bearer {token}")

    assert reply.status == 401


async def test_the_bots_own_token_opens_nothing(house: House) -> None:
    leaked = house.sim.entra.issue(NORDWALL, utc_now())

    reply = await house.post_raw(json.dumps(house.message()), f"Bearer {leaked}")

    assert reply.status == 401


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


# Activities the token does not speak for


def _elsewhere(activity: dict[str, Any]) -> None:
    activity["serviceUrl"] = "https://localhost:1/emea/"


def _tenants_disagree(activity: dict[str, Any]) -> None:
    activity["conversation"]["tenantId"] = FABRIKAM


def _both_another_tenant(activity: dict[str, Any]) -> None:
    activity["conversation"]["tenantId"] = activity["channelData"]["tenant"]["id"] = FABRIKAM


def _no_tenant(activity: dict[str, Any]) -> None:
    del activity["conversation"]["tenantId"], activity["channelData"]


@pytest.mark.parametrize(
    "spoil",
    [
        _elsewhere,
        _tenants_disagree,
        _both_another_tenant,
        _no_tenant,
        lambda it: it.pop("serviceUrl"),
        lambda it: it.update(serviceUrl=None),
        lambda it: it.update(serviceUrl=["x"]),
        lambda it: it.pop("channelId"),
        lambda it: it.update(channelId="emulator"),
        lambda it: it.update(channelId={"a": 1}),
        lambda it: it["conversation"].update(tenantId=7),
        lambda it: it["channelData"].update(tenant={"id": ""}),
    ],
)
async def test_an_activity_that_is_not_the_tokens_is_refused(
    house: House, spoil: Callable[[dict[str, Any]], Any]
) -> None:
    activity = house.message()
    spoil(activity)

    reply = await house.post(activity)

    assert reply.status == 401
    assert house.heard == []


async def test_a_service_url_outside_the_list_is_never_let_in(house: House) -> None:
    elsewhere = "https://vouch.trafficmanager.net/emea/"

    reply = await house.post(house.message(serviceUrl=elsewhere), serviceUrl=elsewhere)

    assert reply.status == 401
    assert house.heard == []


async def test_one_tenant_is_enough_and_its_spelling_does_not_matter(house: House) -> None:
    activity = house.message(channelData={"tenant": {"id": CONTOSO.upper()}})
    del activity["conversation"]["tenantId"]

    assert (await house.post(activity)).status == 200
    assert house.heard[0].place.tenant_id == CONTOSO


# Bodies


def _nested(levels: int) -> bytes:
    return b'{"type":"message","value":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"message"',
        b"{}",
        b'{"type": 7}',
        b'{"type": "message", "value": NaN}',
        b'{"type": "message", "text": "\xff"}',
        b'{"type": "message", "value": ' + b"1" * 5000 + b"}",
        _nested(65),
        _nested(900),
        _nested(50_000),
    ],
    ids=lambda it: it[:30],
)
async def test_a_body_that_is_no_activity_is_a_bad_request(house: House, body: bytes) -> None:
    assert (await house.post_raw(body)).status == 400


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


async def test_a_body_that_does_not_unpack_is_a_bad_request(house: House) -> None:
    reply = await house.post_raw(b"no gzip at all", **{"Content-Encoding": "gzip"})

    assert reply.status == 400

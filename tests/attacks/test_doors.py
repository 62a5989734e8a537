"""Whoever comes to a door as somebody else: refused, without a fault of ours and without a trace."""

import gzip
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.setup import add_identity, add_intake_key, add_signing_secret
from bot.teams.incoming import LARGEST
from bot.web import LARGEST_REPORT
from paging.webhook import secret_of
from simulator.world import utc_now
from sources.signature import new_secret
from storage import people
from storage.engine import Tx
from tests.attacks.state import QUARANTINE, recorded
from tests.signing import signature_headers
from tests.story.activity import click
from tests.story.graph_incident import malware_ran
from tests.story.house import APP_ID, House, Json, house
from tests.story.sentinel_incident import malware_ran as trigger
from triage.report import Source

CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
FABRIKAM = "3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"
EMULATOR = "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.sqlite]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def h(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One case, in which Bob is asked; no attack of this file changes anything about it."""
    async with house(tmp_path_factory.mktemp("doors")) as opened:
        await opened.report(malware_ran())
        yield opened


async def answer_of_bob(h: House) -> Json:
    """What Teams would send when Bob presses his button: taken, if it came with an honest token."""
    card = await h.card("Bob Meyer")
    return await click(h, "Bob Meyer", card, card.data("answer.q1.opened"))


async def sent(h: House, body: Any, authorization: str | None, **headers: str) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Content-Type": "application/json"} | headers
    if authorization is not None:
        told["Authorization"] = authorization
    url = f"{h.vouch.url}/api/messages"
    async with h.control.post(url, data=BytesIO(data), headers=told) as response:
        assert await response.read() == b"", "a refusal tells a stranger nothing"
        return response.status


async def status_of(h: House, path: str, body: bytes, headers: Json) -> int:
    url = f"{h.vouch.url}{path}"
    async with h.control.post(url, data=BytesIO(body), headers=headers) as response:
        return response.status


async def bearer(h: House, **forged: Any) -> str:
    token = await h._api("POST", "/tokens", {"tenant": CONTOSO} | forged)
    return f"Bearer {token['token']}"


# --- tokens that are not Teams' ------------------------------------------------------------------

TOKENS: dict[str, Json] = {
    "wrong issuer": {"issuer": "https://api.botframework.example"},
    "no issuer": {"issuer": ""},
    "wrong audience": {"audience": "99999999-6a51-4f0c-8a55-1f0d6d1c7a11"},
    "audience of many": {"claims": {"aud": [APP_ID]}},
    "no audience": {"claims": {"aud": None}},
    "a key nobody published": {"key": "stranger"},
    "another key under a published name": {"key": "impostor"},
    "the key of Entra": {"key": "entra"},
    "no algorithm": {"algorithm": "none"},
    "the public key as a secret": {"algorithm": "HS256"},
    "expired": {"expiresIn": -301},
    "without an end": {"claims": {"exp": None}},
    "an end in words": {"claims": {"exp": "soon"}},
    "an end in a list": {"claims": {"exp": [1]}},
    "an end beyond numbers": {"claims": {"exp": 10**400}},
    "not yet valid": {"notBefore": 330},
    "without a beginning": {"claims": {"nbf": None}},
    "another service URL": {"serviceUrl": "https://smba.trafficmanager.net/emea/"},
    "no service URL": {"claims": {"serviceurl": None}},
    "a number for a service URL": {"claims": {"serviceurl": 7}},
    "the emulator's token": {
        "key": "entra",
        "issuer": EMULATOR,
        "claims": {"appid": APP_ID, "ver": "1.0"},
    },
    "the emulator's issuer, signed by Teams": {
        "issuer": EMULATOR,
        "claims": {"appid": APP_ID, "ver": "1.0"},
    },
    "a skill's token": {
        "key": "entra",
        "issuer": f"https://sts.windows.net/{FABRIKAM}/",
        "claims": {"appid": "5ab3c1d2-1111-4b7a-9f26-8e1b7c4d9a60", "ver": "2.0", "azp": APP_ID},
    },
}


@pytest.mark.parametrize("name", TOKENS)
async def test_a_token_that_is_not_teams_opens_nothing(h: House, name: str) -> None:
    body, before = await answer_of_bob(h), await recorded(h.vouch.store)

    assert await sent(h, body, await bearer(h, **TOKENS[name])) == 401
    assert await recorded(h.vouch.store) == before


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


NO_TOKENS: dict[str, str | None] = {
    "no header": None,
    "an empty header": "",
    "a scheme alone": "Bearer",
    "a scheme and a space": "Bearer ",
    "a name and password": "Basic dm91Y2g6dm91Y2g=",
    "three parts of nothing": "Bearer a.b.c",
    "dots": "Bearer ....",
    "letters of no alphabet": "Bearer \u00e9\u00e9",
    "very long": "Bearer " + "a" * 8000,
    "no key named": "Bearer " + segment({"alg": "RS256"}) + ".e30.AA",
    "a list for a key": "Bearer " + segment({"alg": "RS256", "kid": ["a"]}) + ".e30.AA",
    "an object for a key": "Bearer " + segment({"alg": "RS256", "kid": {"a": 1}}) + ".e30.AA",
    "a list for a head": "Bearer " + segment([1]) + ".e30.AA",
    "no text for a head": "Bearer " + segment(b"\xff\xfe") + ".e30.AA",
    "a head nested deeply": "Bearer " + segment(b"[" * 5000) + ".e30.AA",
}


@pytest.mark.parametrize("name", NO_TOKENS)
async def test_what_is_no_token_opens_nothing(h: House, name: str) -> None:
    body, before = await answer_of_bob(h), await recorded(h.vouch.store)

    assert await sent(h, body, NO_TOKENS[name]) == 401
    assert await recorded(h.vouch.store) == before


@pytest.mark.parametrize("head", [{"crit": ["exp"]}, {"crit": "b64", "b64": False}, {"alg": 1}])
async def test_a_token_with_its_head_rewritten_opens_nothing(h: House, head: Json) -> None:
    first, payload, signature = (await bearer(h)).removeprefix("Bearer ").split(".")
    known = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    body = await answer_of_bob(h)

    assert await sent(h, body, f"Bearer {segment(known | head)}.{payload}.{signature}") == 401


async def test_the_bots_own_leaked_token_opens_nothing(h: House) -> None:
    """Whoever has the token we send to Teams may post as the bot, and not to it."""
    for audience in ("https://api.botframework.com", APP_ID, f"api://{APP_ID}"):
        leaked = h.sim.entra.issue(CONTOSO, utc_now(), audience)
        body, before = await answer_of_bob(h), await recorded(h.vouch.store)

        assert await sent(h, body, f"Bearer {leaked}") == 401
        assert await recorded(h.vouch.store) == before


async def test_an_intake_key_opens_no_door_of_teams(h: House) -> None:
    assert await sent(h, await answer_of_bob(h), f"Bearer {h.keys['contoso']['native']}") == 401


# --- activities the token does not speak for -----------------------------------------------------

Spoil = Callable[[Json], Any]

ACTIVITIES: dict[str, Spoil] = {
    "another service URL": lambda it: it.update(serviceUrl="https://localhost:1/emea/"),
    "a look-alike service URL": lambda it: it.update(
        serviceUrl=it["serviceUrl"].replace("https://", "https://evil.example@")
    ),
    "no service URL": lambda it: it.pop("serviceUrl"),
    "null for a service URL": lambda it: it.update(serviceUrl=None),
    "a list for a service URL": lambda it: it.update(serviceUrl=["x"]),
    "tenants that disagree": lambda it: it["conversation"].update(tenantId=FABRIKAM),
    "tenants that disagree the other way": lambda it: it["channelData"].update(
        tenant={"id": FABRIKAM}
    ),
    "another tenant than the service URL's": lambda it: (
        it["conversation"].update(tenantId=FABRIKAM),
        it["channelData"].update(tenant={"id": FABRIKAM}),
    ),
    "no tenant": lambda it: (it["conversation"].pop("tenantId"), it.pop("channelData")),
    "a number for a tenant": lambda it: it["conversation"].update(tenantId=7),
    "an empty tenant": lambda it: it["channelData"].update(tenant={"id": ""}),
    "no channel": lambda it: it.pop("channelId"),
    "the emulator's channel": lambda it: it.update(channelId="emulator"),
    "the web chat's channel": lambda it: it.update(channelId="webchat"),
    "an object for a channel": lambda it: it.update(channelId={"a": 1}),
}


@pytest.mark.parametrize("name", ACTIVITIES)
async def test_an_activity_the_token_does_not_speak_for_is_refused(h: House, name: str) -> None:
    body = deepcopy(await answer_of_bob(h))
    ACTIVITIES[name](body)
    before = await recorded(h.vouch.store)

    assert await sent(h, body, await bearer(h)) == 401
    assert await recorded(h.vouch.store) == before


@pytest.mark.parametrize(
    "url",
    [
        "https://vouch.trafficmanager.net/emea/",
        "https://evil.example/smba.trafficmanager.net/",
        "http://{host}/emea/",
        "https://{host}.evil.example/emea/",
        "https://bob@{host}/emea/",
        "https://{host}/emea/?to=evil",
        "https://{host}\\@evil.example/",
    ],
)
async def test_a_service_url_off_the_list_is_refused_and_not_stored(h: House, url: str) -> None:
    """Though Teams itself had signed it: the bot's token is sent to whatever is stored."""
    host = h.sim.api_url.removeprefix("https://")
    told = url.replace("{host}", host)
    body = await answer_of_bob(h) | {"serviceUrl": told}
    before = await recorded(h.vouch.store)

    assert await sent(h, body, await bearer(h, serviceUrl=told)) == 401
    assert await recorded(h.vouch.store) == before


# --- bodies --------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    return b'{"type":"message","value":' + b"[" * levels + b"]" * levels + b"}"


BODIES: dict[str, tuple[int, bytes]] = {
    "nothing": (400, b""),
    "half": (400, b"{"),
    "a list": (400, b"[]"),
    "null": (400, b"null"),
    "no activity": (400, b"{}"),
    "a number for a type": (400, b'{"type": 7}'),
    "NaN": (400, b'{"type": "message", "value": NaN}'),
    "no UTF-8": (400, b'{"type": "message", "text": "\xff"}'),
    "a number beyond numbers": (400, b'{"type": "message", "value": ' + b"1" * 5000 + b"}"),
    "nested 65 deep": (400, nested(65)),
    "nested 900 deep": (400, nested(900)),
    "nested 50,000 deep": (400, nested(50_000)),
    "too large": (413, json.dumps({"type": "message", "text": "x" * LARGEST}).encode()),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_no_activity_is_a_bad_request(h: House, name: str) -> None:
    status, body = BODIES[name]
    before = await recorded(h.vouch.store)

    assert await sent(h, body, await bearer(h)) == status
    assert await recorded(h.vouch.store) == before


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_body_that_does_not_unpack_is_a_bad_request(h: House, encoding: str) -> None:
    headers = {"Authorization": await bearer(h), "Content-Encoding": encoding}
    before = await recorded(h.vouch.store)

    assert await status_of(h, "/api/messages", b"no such thing", headers) == 400
    assert await recorded(h.vouch.store) == before


# --- the intake ----------------------------------------------------------------------------------

LOGIC_APP = "0e1d2c3b-4a59-4687-9768-5a4b3c2d1e0f"
SECRET = new_secret()
OTHER_SECRET = new_secret()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doors(h: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Fabrikam's native source signs; its Sentinel has an identity."""
    file = tmp_path_factory.mktemp("secrets") / "fabrikam"
    file.write_text(f"{SECRET}\n", encoding="ascii")
    store = h.vouch.store
    assert await add_signing_secret(store, "fabrikam", Source.NATIVE, f"file:{file}") is None
    await add_identity(store, "fabrikam", Source.SENTINEL, LOGIC_APP.upper())
    return h


async def handed_in(
    h: House,
    source: str,
    body: Any,
    headers: Json,
    query: str = "",
) -> tuple[int, Json]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{h.vouch.url}/api/incidents/{source}{query}"
    async with h.control.post(url, data=BytesIO(data), headers=headers) as response:
        return response.status, await response.json()


def native(id_: str = "N-1", title: str = "Malware was prevented") -> bytes:
    told = {
        "id": id_,
        "title": title,
        "severity": "medium",
        "created": "2026-11-24T09:00:00Z",
        "updated": "2026-11-24T09:00:00Z",
        "alerts": [],
    }
    return json.dumps(told).encode()


def signing(
    h: House, body: bytes, id_: str = "msg_1", secret: str = SECRET, ahead: float = 0
) -> Json:
    at = h.clock.now() + timedelta(seconds=ahead)
    return dict(signature_headers(secret_of(secret), id_, at, body))


FOR_FABRIKAM = "?customer=fabrikam"

Attempt = Callable[[House, bytes], Awaitable[tuple[Json, bytes, str]]]


async def _unsigned(_: House, body: bytes) -> tuple[Json, bytes, str]:
    return {}, body, FOR_FABRIKAM


async def _key_of_a_source_that_signs(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return {"Authorization": f"Bearer {h.keys['fabrikam']['native']}"}, body, FOR_FABRIKAM


async def _new_key_of_a_source_that_signs(h: House, body: bytes) -> tuple[Json, bytes, str]:
    key = await add_intake_key(h.vouch.store, "fabrikam", Source.NATIVE)
    return {"Authorization": f"Bearer {key}"}, body, ""


async def _another_secret(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body, secret=OTHER_SECRET), body, FOR_FABRIKAM


async def _changed_body(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body), native(title="Ransomware on every server"), FOR_FABRIKAM


async def _changed_id(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body) | {"webhook-id": "msg_2"}, body, FOR_FABRIKAM


async def _changed_time(h: House, body: bytes) -> tuple[Json, bytes, str]:
    told = signing(h, body, ahead=-600)
    fresh = str(int(h.clock.now().timestamp()))
    return told | {"webhook-timestamp": fresh}, body, FOR_FABRIKAM


async def _too_old(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body, ahead=-302), body, FOR_FABRIKAM


async def _ahead_of_time(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body, ahead=302), body, FOR_FABRIKAM


async def _for_another_customer(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body), body, "?customer=contoso"


async def _for_nobody(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body), body, ""


async def _for_a_strange_name(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body), body, "?customer=fabrikam%00%27--"


async def _signature_of_another_version(h: House, body: bytes) -> tuple[Json, bytes, str]:
    told = signing(h, body)
    told["webhook-signature"] = told["webhook-signature"].replace("v1,", "v1a,")
    return told, body, FOR_FABRIKAM


async def _signature_of_nothing(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body) | {"webhook-signature": "v1,"}, body, FOR_FABRIKAM


async def _no_time(h: House, body: bytes) -> tuple[Json, bytes, str]:
    told = signing(h, body)
    del told["webhook-timestamp"]
    return told, body, FOR_FABRIKAM


async def _time_that_is_no_number(h: House, body: bytes) -> tuple[Json, bytes, str]:
    return signing(h, body) | {"webhook-timestamp": "1e9"}, body, FOR_FABRIKAM


async def _dots_in_the_id(h: House, body: bytes) -> tuple[Json, bytes, str]:
    """`a.1` at 2 and `a` at `1.2` are signed alike: an id has no dot."""
    return signing(h, body, "msg.1"), body, FOR_FABRIKAM


SIGNED: dict[str, Attempt] = {
    it.__name__.strip("_").replace("_", " "): it
    for it in (
        _unsigned,
        _key_of_a_source_that_signs,
        _new_key_of_a_source_that_signs,
        _another_secret,
        _changed_body,
        _changed_id,
        _changed_time,
        _too_old,
        _ahead_of_time,
        _for_another_customer,
        _for_nobody,
        _for_a_strange_name,
        _signature_of_another_version,
        _signature_of_nothing,
        _no_time,
        _time_that_is_no_number,
        _dots_in_the_id,
    )
}


@pytest.mark.parametrize("name", SIGNED)
async def test_an_incident_that_is_not_signed_as_agreed_is_refused(doors: House, name: str) -> None:
    headers, body, query = await SIGNED[name](doors, native())
    before = await recorded(doors.vouch.store)

    status, answer = await handed_in(doors, "native", body, headers, query)

    assert (status, list(answer)) in [(401, ["error"]), (429, ["error"])]
    assert await recorded(doors.vouch.store) == before


async def test_a_replayed_message_is_answered_as_before_and_changes_nothing(doors: House) -> None:
    first, second = native("N-7", "First"), native("N-7", "Second")
    headers = signing(doors, first, "msg_7")
    taken = await handed_in(doors, "native", first, headers, FOR_FABRIKAM)
    assert taken[0] == 201
    changed = json.loads(second) | {"updated": "2026-11-24T10:00:00Z"}
    body = json.dumps(changed).encode()
    assert (await handed_in(doors, "native", body, signing(doors, body, "msg_8"), FOR_FABRIKAM))[
        0
    ] == 200
    before = await recorded(doors.vouch.store)

    assert await handed_in(doors, "native", first, headers, FOR_FABRIKAM) == taken
    assert await recorded(doors.vouch.store) == before


async def test_an_id_is_not_taken_for_another_message(doors: House) -> None:
    first, second = native("N-9"), native("N-10")
    await handed_in(doors, "native", first, signing(doors, first, "msg_9"), FOR_FABRIKAM)
    before = await recorded(doors.vouch.store)

    told = await handed_in(doors, "native", second, signing(doors, second, "msg_9"), FOR_FABRIKAM)

    assert told[0] == 409
    assert await recorded(doors.vouch.store) == before


async def test_several_signatures_stand_for_several_secrets(doors: House) -> None:
    """While a sender changes its secret it signs with both."""
    body = native("N-11")
    told = signing(doors, body, "msg_11")
    other = signing(doors, body, "msg_11", OTHER_SECRET)["webhook-signature"]
    told["webhook-signature"] = f"{other} v2,AAAA {told['webhook-signature']}"

    assert (await handed_in(doors, "native", body, told, FOR_FABRIKAM))[0] == 201


# --- an identity of Entra ------------------------------------------------------------------------

IDENTITIES: dict[str, Json] = {
    "another identity": {"oid": "11111111-4a59-4687-9768-5a4b3c2d1e0f"},
    "another tenant's issuer": {"iss": f"https://sts.windows.net/{CONTOSO}/"},
    "another tenant altogether": {"iss": f"https://sts.windows.net/{CONTOSO}/", "tid": CONTOSO},
    "another tenant named": {"tid": CONTOSO},
    "an issuer of nobody": {"iss": "https://sts.windows.example/"},
    "an issuer of version 2 elsewhere": {"iss": f"https://evil.example/{FABRIKAM}/v2.0"},
    "another app's token": {"aud": "api://99999999-6a51-4f0c-8a55-1f0d6d1c7a11"},
    "the Connector's token": {"aud": "https://api.botframework.com"},
    "an audience of many": {"aud": [f"api://{APP_ID}"]},
    "expired": {"exp": 1_700_000_000},
    "without an end": {"exp": None},
    "not yet valid": {"nbf": 4_000_000_000},
    "no object id": {"oid": None},
    "a list for an object id": {"oid": [LOGIC_APP]},
    "no tenant": {"tid": None},
    "a tenant that is none": {"tid": "../common"},
    "a person through an app": {"scp": "user_impersonation"},
    "a person": {"idtyp": "user"},
}


@pytest.mark.parametrize("name", IDENTITIES)
async def test_a_token_of_entra_that_is_not_the_playbooks_is_refused(
    doors: House, name: str
) -> None:
    token = doors.sim.entra.identity_token(FABRIKAM, LOGIC_APP, utc_now(), **IDENTITIES[name])
    before = await recorded(doors.vouch.store)

    status, answer = await handed_in(
        doors, "sentinel", trigger(), {"Authorization": f"Bearer {token}"}
    )

    assert (status, list(answer)) in [(401, ["error"]), (429, ["error"])]
    assert await recorded(doors.vouch.store) == before


@pytest.mark.parametrize("forged", ["", "none", "impostor", "connector"])
async def test_a_token_that_entra_did_not_sign_is_refused(doors: House, forged: str) -> None:
    claims = doors.sim.entra.claims(FABRIKAM, utc_now(), f"api://{APP_ID}")
    claims |= {"oid": LOGIC_APP, "idtyp": "app"}
    token = "a.b.c"
    if forged:
        how = {"algorithm": "none"} if forged == "none" else {"key": forged}
        asked = {"tenant": FABRIKAM, "audience": claims["aud"], "claims": claims} | how
        token = (await doors._api("POST", "/tokens", asked))["token"]
    before = await recorded(doors.vouch.store)

    status, _ = await handed_in(doors, "sentinel", trigger(), {"Authorization": f"Bearer {token}"})

    assert status in {401, 429}
    assert await recorded(doors.vouch.store) == before


async def test_an_identity_is_no_other_sources(doors: House) -> None:
    token = doors.sim.entra.identity_token(FABRIKAM, LOGIC_APP, utc_now())

    status, _ = await handed_in(doors, "defender", b"{}", {"Authorization": f"Bearer {token}"})

    assert status in {401, 429}


async def test_a_key_of_a_source_with_an_identity_is_refused(doors: House) -> None:
    told = {"Authorization": f"Bearer {doors.keys['fabrikam']['sentinel']}"}

    assert (await handed_in(doors, "sentinel", trigger(), told))[0] in {401, 429}


@pytest.mark.parametrize("version", [1, 2])
async def test_the_playbooks_own_token_is_taken(doors: House, version: int) -> None:
    issued = {} if version == 1 else {"iss": f"{doors.sim.api_url}/{FABRIKAM}/v2.0", "aud": APP_ID}
    token = doors.sim.entra.identity_token(FABRIKAM, LOGIC_APP, utc_now(), **issued)

    status, answer = await handed_in(
        doors, "sentinel", trigger(), {"Authorization": f"Bearer {token}"}
    )

    assert status in {200, 201}
    assert answer["results"][0]["incident"].startswith("FABRIKAM-")


# --- the intake's bodies -------------------------------------------------------------------------


def key_of(h: House, source: str = "defender") -> Json:
    return {"Authorization": f"Bearer {h.keys['contoso'][source]}"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_report_that_does_not_unpack_is_a_bad_request(h: House, encoding: str) -> None:
    headers = key_of(h) | {"Content-Encoding": encoding}
    before = await recorded(h.vouch.store, but=QUARANTINE)

    assert await status_of(h, "/api/incidents/defender", b"no such thing", headers) == 400
    assert await recorded(h.vouch.store, but=QUARANTINE) == before


async def test_a_report_that_unpacks_to_something_huge_is_413(h: House) -> None:
    packed = gzip.compress(b" " * (4 * LARGEST_REPORT))
    headers = key_of(h) | {"Content-Encoding": "gzip"}

    assert await status_of(h, "/api/incidents/defender", packed, headers) == 413


# --- what is stored goes nowhere either ----------------------------------------------------------


async def test_a_service_url_written_into_the_records_by_hand_gets_no_token(
    tmp_path: Path,
) -> None:
    """The list is held at the one place where the bot's token leaves by, whatever is stored."""
    elsewhere = "https://smba.trafficmanager.net.evil.example/emea/"
    async with house(tmp_path) as h:
        h.accepts_trouble = True
        bob = str((await h.person("Bob Meyer"))["id"])

        def rewrite(tx: Tx) -> None:
            chat = people.chat(tx, CONTOSO, bob)
            assert chat is not None
            people.keep_chat(tx, bob, replace(chat, service_url=elsewhere))

        await h.vouch.store.write("contoso", rewrite)
        await h.report(malware_ran())

        failed = [e.last_error or "" for e in await h.stuck() if e.status == "failed"]
        assert failed
        assert all("not allowed" in error for error in failed)
        assert await h.chat("Bob Meyer") == []

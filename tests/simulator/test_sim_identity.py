"""Certificates, Entra, and the tokens with which the Bot Connector speaks to the bot."""

import asyncio
import ssl
from typing import Any

import aiohttp
import jwt
import msal
import pytest
import requests

from tests.simulator.simulated_teams import APP_ID, CONTOSO, FABRIKAM, NORDWALL, SECRET, Teams

METADATA = "/botframework/v1/.well-known/openidconfiguration"


async def published(teams: Teams) -> dict[str, Any]:
    """The signing keys by name, found as a bot finds them."""
    metadata = await teams.call("GET", teams.sim.api_url + METADATA)
    assert metadata.body["issuer"] == "https://api.botframework.com"
    keys = await teams.call("GET", metadata.body["jwks_uri"])
    return {key["kid"]: key for key in keys.body["keys"]}


async def checked(teams: Teams, token: str) -> Any:
    """The claims of a token the way a careful bot reads them."""
    key = (await published(teams))[jwt.get_unverified_header(token)["kid"]]
    assert key["endorsements"] == ["msteams"]
    return jwt.decode(
        token,
        jwt.PyJWK(key),
        algorithms=["RS256"],
        audience=APP_ID,
        issuer="https://api.botframework.com",
    )


async def order(teams: Teams, **wishes: Any) -> str:
    made = await teams.play("POST", "/api/tokens", {"tenant": CONTOSO} | wishes)
    assert made.status == 200
    return str(made.body["token"])


async def test_openssl_at_its_strictest_trusts_the_certificate(fresh: Teams) -> None:
    fresh.trust.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    by_number = fresh.sim.api_url.replace("localhost", "127.0.0.1")

    assert (await fresh.call("GET", fresh.sim.api_url + METADATA)).status == 200
    assert (await fresh.call("GET", by_number + METADATA)).status == 200


async def test_who_does_not_know_the_ca_does_not_connect(fresh: Teams) -> None:
    fresh.trust = ssl.create_default_context()

    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await fresh.call("GET", fresh.sim.api_url + METADATA)


async def test_both_listeners_are_on_loopback_only(fresh: Teams) -> None:
    assert fresh.sim.page_url.startswith("http://127.0.0.1:")
    assert fresh.sim.service_url(CONTOSO) == f"{fresh.sim.api_url}/emea/{CONTOSO}/"


async def test_the_right_secret_buys_a_token_in_any_tenant(fresh: Teams) -> None:
    for tenant in (CONTOSO, NORDWALL):
        answer = await fresh.sign_in(tenant)

        assert answer.status == 200
        assert answer.body["token_type"] == "Bearer"
        assert answer.body["expires_in"] == 3599


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"client_id": "someone-else"}, 400, "unauthorized_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "https://graph.microsoft.com/.default"}, 400, "invalid_scope"),
    ],
)
async def test_entra_says_what_is_wrong(
    fresh: Teams, form: dict[str, str], status: int, error: str
) -> None:
    answer = await fresh.sign_in(NORDWALL, **form)

    assert (answer.status, answer.body["error"]) == (status, error)
    assert answer.body["error_description"].startswith("AADSTS")


async def test_entra_knows_only_the_tenants_of_the_world(fresh: Teams) -> None:
    answer = await fresh.sign_in("botframework.com")

    assert (answer.status, answer.body["error_codes"]) == (400, [90002])


async def test_microsofts_own_library_gets_a_token_the_connector_accepts(teams: Teams) -> None:
    def acquire() -> Any:
        with requests.Session() as http:
            http.trust_env = False
            http.verify = str(teams.sim.ca_file)
            app = msal.ConfidentialClientApplication(
                APP_ID,
                client_credential=SECRET,
                authority=f"{teams.sim.api_url}/{NORDWALL}",
                instance_discovery=False,
                http_client=http,
            )
            return app.acquire_token_for_client(["https://api.botframework.com/.default"])

    got = await asyncio.to_thread(acquire)
    teams.bearer = got["access_token"]

    answer = await teams.connector("GET", "teams/19:contoso-security@thread.tacv2")
    assert answer.status == 200


async def test_the_connector_opens_to_the_bots_own_valid_token_only(teams: Teams) -> None:
    entra: dict[str, Any] = {"issuer": f"https://sts.windows.net/{NORDWALL}/", "key": "entra"}
    honest = entra | {"audience": "https://api.botframework.com", "claims": {"appid": APP_ID}}
    wrong: dict[str, dict[str, Any]] = {
        "expired": honest | {"expiresIn": -1},
        "not yet valid": honest | {"notBefore": 60},
        "for Graph": honest | {"audience": "https://graph.microsoft.com"},
        "of another app": honest | {"claims": {"appid": "another"}},
        "of a tenant outside": honest | {"issuer": "https://sts.windows.net/elsewhere/"},
        "by the connector's key": honest | {"key": "connector"},
        "by a stranger": honest | {"key": "stranger"},
        "unsigned": honest | {"algorithm": "none"},
        "signed with the public key": honest | {"algorithm": "HS256"},
    }
    path = "teams/19:contoso-security@thread.tacv2"
    tokens = {name: await order(teams, **wishes) for name, wishes in wrong.items()}
    tokens |= {"missing": "", "nonsense": "not.a.token"}

    good = await teams.connector("GET", path, token=await order(teams, **honest))
    refused = {name: await teams.connector("GET", path, token=it) for name, it in tokens.items()}

    assert good.status == 200
    assert {name: it.status for name, it in refused.items()} == dict.fromkeys(tokens, 401)
    assert refused["missing"].code == "Unauthorized"


async def test_activities_carry_a_token_that_a_careful_bot_accepts(teams: Teams) -> None:
    chat = await teams.chat()
    await teams.play(
        "POST",
        f"/api/conversations/{chat}/messages",
        {"from": "bob@contoso.example", "text": "hello"},
    )

    claims = await checked(teams, teams.bot.received[-1].authorization.removeprefix("Bearer "))
    assert claims["serviceurl"] == teams.bot.last["serviceUrl"] == teams.sim.service_url(CONTOSO)


async def test_a_rotated_key_is_withdrawn_at_once(teams: Teams) -> None:
    before = await order(teams)
    old = await published(teams)
    rotated = await teams.play("POST", "/api/keys/rotate")

    assert list(await published(teams)) == [rotated.body["kid"]]
    assert rotated.body["kid"] not in old
    assert await checked(teams, await order(teams))
    with pytest.raises(KeyError):
        await checked(teams, before)
    with pytest.raises(KeyError):
        await checked(teams, await order(teams, key="withdrawn"))


async def test_activities_are_signed_with_the_new_key_from_the_rotation_on(teams: Teams) -> None:
    path = f"/api/conversations/{await teams.chat()}/messages"
    body = {"from": "bob@contoso.example", "text": "hello"}
    await teams.play("POST", path, body)
    await teams.play("POST", path, body)
    await teams.play("POST", "/api/keys/rotate")
    await teams.play("POST", path, body)

    first, second, third = [it.authorization.removeprefix("Bearer ") for it in teams.bot.received]
    assert first == second
    assert await checked(teams, third)


async def test_there_is_no_withdrawn_key_before_the_first_rotation(fresh: Teams) -> None:
    made = await fresh.play("POST", "/api/tokens", {"tenant": CONTOSO, "key": "withdrawn"})

    assert (made.status, made.code) == (409, "NothingWithdrawn")


@pytest.mark.parametrize(
    ("wishes", "complaint"),
    [
        ({"issuer": "https://evil.example"}, jwt.InvalidIssuerError),
        ({"audience": "another-bot"}, jwt.InvalidAudienceError),
        ({"expiresIn": -10}, jwt.ExpiredSignatureError),
        ({"notBefore": 600}, jwt.ImmatureSignatureError),
        ({"key": "impostor"}, jwt.InvalidSignatureError),
        ({"algorithm": "none"}, jwt.InvalidAlgorithmError),
        ({"algorithm": "HS256"}, jwt.InvalidAlgorithmError),
        ({"claims": {"iss": None}}, jwt.MissingRequiredClaimError),
        ({"key": "stranger"}, KeyError),
        ({"key": "entra"}, KeyError),
    ],
)
async def test_a_forged_token_is_wrong_in_just_the_way_ordered(
    fresh: Teams, wishes: dict[str, Any], complaint: type[Exception]
) -> None:
    token = await order(fresh, **wishes)

    with pytest.raises(complaint):
        await checked(fresh, token)


async def test_a_raw_activity_goes_out_as_it_is(teams: Teams) -> None:
    teams.bot.answer, teams.bot.status = {"why": "no"}, 401
    activity = {"type": "message", "serviceUrl": "https://evil.example/", "odd": [None]}

    unsigned = await teams.play("POST", "/api/activities", {"activity": activity, "token": ""})
    await teams.play("POST", "/api/activities", {"activity": activity, "token": "forged"})
    await teams.play("POST", "/api/activities", {"activity": activity})

    assert unsigned.body == {"status": 401, "body": {"why": "no"}}
    assert teams.bot.activities == [activity] * 3
    assert [it.authorization for it in teams.bot.received[:2]] == ["", "Bearer forged"]
    honest = teams.bot.received[2].authorization.removeprefix("Bearer ")
    assert (await checked(teams, honest))["serviceurl"] == "https://evil.example/"


async def test_a_token_may_name_another_tenants_service_url(fresh: Teams) -> None:
    token = await order(fresh, serviceUrl=fresh.sim.service_url(FABRIKAM))

    assert (await checked(fresh, token))["serviceurl"] == fresh.sim.service_url(FABRIKAM)

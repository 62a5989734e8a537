"""The simulated Entra signs people in as the real one does: codes with PKCE, once, for one client."""

import hashlib
from base64 import urlsafe_b64encode
from html import unescape
from re import findall
from typing import Any

import jwt
import pytest

from tests.simulator.simulated_teams import APP_ID, CONTOSO, SECRET, Teams

BOB = "dc20cef7-a9fe-4773-b652-5efb74d750af"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://vouch.example/signed-in"
ASKED = {
    "client_id": APP_ID,
    "redirect_uri": BACK,
    "state": "a-state",
    "nonce": "a-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "response_type": "code",
    "response_mode": "form_post",
    "prompt": "login",
    "max_age": "0",
    "claims": '{"id_token": {"acrs": {"essential": true, "value": "c1"}}}',
}


async def signed_in(teams: Teams, how: str = "passkey") -> dict[str, str]:
    """What the browser brings back."""
    url = f"{teams.sim.page_url}/{CONTOSO}/oauth2/v2.0/authorize"
    form = {**ASKED, "user": BOB, "how": how}
    async with teams.session.post(url, data=form) as answer:
        html = await answer.text()
    fields = findall(r'name="([^"]*)" value="([^"]*)"', html)
    return {unescape(name): unescape(value) for name, value in fields}


async def exchanged(teams: Teams, **form: str) -> tuple[int, dict[str, Any]]:
    right = {
        "grant_type": "authorization_code",
        "client_id": APP_ID,
        "client_secret": SECRET,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    url = f"{teams.sim.api_url}/{CONTOSO}/oauth2/v2.0/token"
    async with teams.session.post(url, data={**right, **form}, ssl=teams.trust) as answer:
        return answer.status, await answer.json()


async def test_who_signs_in_with_a_passkey_gets_what_was_asked_for(fresh: Teams) -> None:
    brought = await signed_in(fresh)
    status, answer = await exchanged(fresh, code=brought["code"])

    assert (status, brought["state"]) == (200, "a-state")
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (claims["oid"], claims["tid"], claims["aud"]) == (BOB, CONTOSO, APP_ID)
    assert (claims["nonce"], claims["acrs"], claims["amr"]) == ("a-nonce", ["c1"], ["fido", "mfa"])


@pytest.mark.parametrize(
    "otherwise", [{"code_verifier": "w" * 43}, {"redirect_uri": "https://evil.example/"}]
)
async def test_a_code_is_good_with_its_proof_alone(fresh: Teams, otherwise: dict[str, str]) -> None:
    brought = await signed_in(fresh)

    status, answer = await exchanged(fresh, code=brought["code"], **otherwise)

    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_code_is_good_once(fresh: Teams) -> None:
    code = (await signed_in(fresh))["code"]
    await exchanged(fresh, code=code)

    assert (await exchanged(fresh, code=code))[0] == 400


async def test_who_cancels_brings_no_code(fresh: Teams) -> None:
    brought = await signed_in(fresh, "denied")

    assert (brought["error"], "code" in brought) == ("access_denied", False)

"""Each way of proving who the bot is ends with the bot's token; the wrong way ends with a reason."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.settings import Settings
from bot.teams.credentials import Credentials
from dialogs.messenger import TryLaterError
from simulator.certificates import server_context
from tests.teams.gatehouse import APP_ID, NORDWALL, settings

IDENTITY = "5a0b1f0e-6a51-4f0c-8a55-1f0d6d1c7a22"
CONNECTOR = "https://api.botframework.com"


@dataclass
class Entra:
    """What Entra, and the machine that vouches for a managed identity, were asked."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    of_machine: list[dict[str, str]] = field(default_factory=list)
    refusal: dict[str, Any] | None = None

    async def entra(self, request: web.Request) -> web.Response:
        if request.path.endswith("/openid-configuration"):
            base = f"{self.url}/{NORDWALL}"
            return web.json_response(
                {"issuer": base, "authorization_endpoint": f"{base}/authorize"}
                | {"token_endpoint": f"{base}/oauth2/v2.0/token"}
            )
        form = await request.post()
        self.forms.append({name: str(value) for name, value in form.items()})
        if self.refusal:
            return web.json_response(self.refusal, status=401)
        return web.json_response({"access_token": "of the app", "expires_in": 3599})

    async def machine(self, request: web.Request) -> web.Response:
        assert request.headers["Metadata"] == "true"
        self.of_machine.append(dict(request.query))
        token = f"of {request.query['client_id']} for {request.query['resource']}"
        return web.json_response({"access_token": token, "expires_in": "86399"})


@pytest.fixture
async def entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Entra]:
    asked = Entra()
    async with (
        serving(asked.entra, server_context(tmp_path / "ca.pem")) as secure,
        serving(asked.machine, None) as machine,
    ):
        asked.url = f"https://localhost:{secure}"
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{machine}")
        yield asked


@asynccontextmanager
async def serving(handle: Any, tls: Any) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def proved(tmp_path: Path, entra: Entra, **how: Any) -> Settings:
    return settings(tmp_path, entra.url, app_secret=None, **how)


async def token(settings: Settings) -> str:
    credentials = Credentials(settings, time.time)
    try:
        return await credentials.token()
    finally:
        await credentials.close()


@dataclass(frozen=True)
class Pair:
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> str:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem.decode()

    @property
    def pem(self) -> str:
        return self.key_pem + self.certificate.public_bytes(Encoding.PEM).decode()


def new_pair(ends: timedelta = timedelta(days=365)) -> Pair:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vouch")])
    end = datetime.now(UTC) + ends
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=400))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return Pair(key, certificate)


async def test_a_secret(tmp_path: Path, entra: Entra) -> None:
    assert await token(settings(tmp_path, entra.url)) == "of the app"

    (form,) = entra.forms
    assert form["client_id"] == APP_ID
    assert form["client_secret"] == "the bot's own secret"
    assert form["scope"] == f"{CONNECTOR}/.default"


async def test_a_certificate_signs_and_its_key_stays_here(tmp_path: Path, entra: Entra) -> None:
    pair, file = new_pair(), tmp_path / "vouch.pem"
    file.write_text(pair.pem)

    assert await token(proved(tmp_path, entra, app_certificate=file)) == "of the app"

    (form,) = entra.forms
    assertion = form["client_assertion"]
    signed = jwt.decode(
        assertion,
        pair.key.public_key(),
        ["PS256"],
        audience=f"{entra.url}/{NORDWALL}/oauth2/v2.0/token",
    )
    assert (signed["iss"], signed["sub"]) == (APP_ID, APP_ID)
    assert "x5t#S256" in jwt.get_unverified_header(assertion)
    assert "client_secret" not in form


async def test_a_key_with_the_thumbprint_of_its_certificate(tmp_path: Path, entra: Entra) -> None:
    pair, file = new_pair(), tmp_path / "key.pem"
    file.write_text(pair.key_pem)
    thumbprint = pair.certificate.fingerprint(hashes.SHA1()).hex(":").upper()
    how = {"app_certificate": file, "app_certificate_thumbprint": thumbprint}

    assert await token(proved(tmp_path, entra, **how)) == "of the app"

    header = jwt.get_unverified_header(entra.forms[0]["client_assertion"])
    assert (header["alg"], "x5t" in header) == ("RS256", True)


async def test_a_key_alone_is_not_enough(tmp_path: Path, entra: Entra) -> None:
    file = tmp_path / "key.pem"
    file.write_text(new_pair().key_pem)

    with pytest.raises(TryLaterError, match="holds a key and no certificate"):
        await token(proved(tmp_path, entra, app_certificate=file))


async def test_a_federated_token_is_read_anew_each_time(tmp_path: Path, entra: Entra) -> None:
    """Its writer replaces it: the one from the start has long expired."""
    file = tmp_path / "token"
    file.write_text("first\n")
    now = [time.time()]
    credentials = Credentials(
        proved(tmp_path, entra, app_federated_token_file=file), lambda: now[0]
    )

    await credentials.token()
    file.write_text("second\n")
    now[0] += 7200
    await credentials.token()
    await credentials.close()

    assert [form["client_assertion"] for form in entra.forms] == ["first", "second"]
    assert entra.forms[0]["client_assertion_type"].endswith(":jwt-bearer")


async def test_the_bot_is_a_managed_identity_itself(tmp_path: Path, entra: Entra) -> None:
    given = await token(proved(tmp_path, entra, app_managed_identity=APP_ID.upper()))

    assert given == f"of {APP_ID.upper()} for {CONNECTOR}"
    assert not entra.forms


async def test_the_app_trusts_a_managed_identity(tmp_path: Path, entra: Entra) -> None:
    assert await token(proved(tmp_path, entra, app_managed_identity=IDENTITY)) == "of the app"

    (form,) = entra.forms
    assert form["client_id"] == APP_ID
    assert form["client_assertion"] == f"of {IDENTITY} for api://AzureADTokenExchange"


async def test_a_token_of_a_managed_identity_is_asked_for_anew(
    tmp_path: Path, entra: Entra
) -> None:
    """One that was refused must not come back from a cache of MSAL's."""
    now = [time.time()]
    credentials = Credentials(proved(tmp_path, entra, app_managed_identity=APP_ID), lambda: now[0])
    refused = await credentials.token()
    now[0] += 60
    await credentials.renewed(refused)
    await credentials.close()

    assert len(entra.of_machine) == 2


async def test_entras_number_is_told_and_no_secret(tmp_path: Path, entra: Entra) -> None:
    entra.refusal = {
        "error": "invalid_client",
        "error_description": "AADSTS7000222: The provided client secret keys are expired.",
        "error_codes": [7000222],
    }

    with pytest.raises(TryLaterError, match=r"invalid_client \[7000222\]") as caught:
        await token(settings(tmp_path, entra.url))

    assert "own secret" not in json.dumps(str(caught.value))


async def test_a_file_that_is_not_there_is_told(tmp_path: Path, entra: Entra) -> None:
    nowhere = tmp_path / "nowhere"

    with pytest.raises(TryLaterError, match="nowhere"):
        await token(proved(tmp_path, entra, app_federated_token_file=nowhere))

"""Secrets stay where they were given: a story with every kind of them, and then a look everywhere."""

import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from bot.setup import add_signing_secret
from paging.webhook import secret_of
from simulator.faults import Fault
from simulator.world import utc_now
from sources.signature import new_secret
from storage.engine import Store
from tests.signing import signature_headers
from tests.story.house import APP_SECRET, ROUTING_KEY, WEBHOOK_SECRET, Json
from tests.story.nursery import Nursery, nursery
from tests.story.test_kill import ON_CHAT, ON_THREAD, Mortal, mortal
from tests.story.test_operations import SAID, act, marked, refused_in_every_way, write
from triage.report import Source

pytestmark = [pytest.mark.sqlite, pytest.mark.long]

TOKEN = re.compile(rb"eyJ(hbGciOi|0eXAiOi|raWQiOi)")
"""How a JSON Web Token begins."""


@pytest.fixture(scope="module")
def cradle() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def refusals(v: Mortal, secrets: list[str]) -> bytes:
    """Everything that strangers and known sources are answered when something is wrong."""
    said = []
    signed = signature_headers(secret_of(secrets[0]), "msg_1", utc_now(), b"{}")
    for path, headers in (
        ("/api/incidents/native?customer=contoso", {"webhook-signature": "v1,AAAA"}),
        ("/api/incidents/native?customer=contoso", signed | {"webhook-id": "msg_2"}),
        ("/api/incidents/native?customer=contoso", signed),
        ("/api/incidents/defender", {"Authorization": f"Bearer {v._key}"}),
        ("/api/incidents/defender", {"Authorization": f"Bearer {v._key}x"}),
        ("/api/messages", {"Authorization": f"Bearer {v._key}"}),
        (f"/{secrets[0]}", {}),
        ("/readyz", {}),
        ("/healthz", {}),
        ("/api/openapi.json", {}),
    ):
        for method in ("GET", "POST"):
            url = f"{v.sim.bot_url}{path}"
            async with v.control.request(
                method, url, data=BytesIO(b"{}"), headers=headers
            ) as response:
                said.append(str(response.headers).encode() + await response.read())
    return b"\n".join(said)


@pytest.mark.parametrize("pager", ["webhook", "pagerduty"])
async def test_no_secret_is_in_the_log_an_answer_the_metrics_or_the_records(
    tmp_path: Path, cradle: Nursery, pager: str
) -> None:
    signing, replaced = new_secret(), new_secret()
    (tmp_path / "replaced").write_text(replaced, encoding="ascii")
    metrics = free_port()
    async with mortal(tmp_path, cradle) as v:
        v.die()
        store = Store.open(f"sqlite:///{tmp_path / 'vouch.sqlite3'}")
        for reference in ("env:CONTOSO_NATIVE", f"file:{tmp_path / 'replaced'}"):
            await add_signing_secret(store, "contoso", Source.NATIVE, reference)
        await store.close()
        v.settings |= {"CONTOSO_NATIVE": signing, "VOUCH_METRICS_PORT": str(metrics)}
        v.settings |= pager_settings(pager, v.sim.api_url)
        await v.live()

        assert await v.report(marked("M-1")) == 201
        await hand_in_signed(v, signing)
        await act(v, "Bob Meyer", ON_CHAT, "answer.q1.opened")
        v.sim._faults.order(Fault(kind="bad_gateway", times=3))
        await act(v, "Bob Meyer", ON_CHAT, "answer.q2.enabled_content")
        await write(v, "Bob Meyer", f"I think {SAID} did it")
        await act(v, "Jon Park", ON_THREAD, "approve.p1")
        await refused_in_every_way(v, v._key)
        answers = await refusals(v, [signing, replaced])
        await v.rest()
        async with v.control.get(f"http://127.0.0.1:{metrics}/metrics") as response:
            measured = await response.read()
        await v.stop()

    secrets = {
        "the app's secret": APP_SECRET,
        "the pager's key": ROUTING_KEY,
        "the webhook's secret": WEBHOOK_SECRET,
        "an intake key": v._key,
        "a signing secret": signing,
        "another signing secret": replaced,
    }
    places = {
        "the log": (tmp_path / "vouch.log").read_bytes(),
        "an answer": answers,
        "the metrics": measured,
        "the records": records(tmp_path),
    }
    assert b"event_recorded" in places["the log"]
    assert b"vouch_request_seconds" in measured
    assert b"env:CONTOSO_NATIVE" in places["the records"]
    for place, content in places.items():
        for name, secret in secrets.items():
            for form in forms(secret):
                assert form not in content, f"{name} is in {place}"
        assert not TOKEN.search(content), f"a token is in {place}"
        if place != "the records":
            assert SAID.encode() not in content or place == "an answer", f"words are in {place}"


def pager_settings(pager: str, api: str) -> dict[str, str]:
    if pager == "pagerduty":
        url = f"{api}/pagerduty/v2/enqueue"
        return {"VOUCH_PAGERDUTY_KEY": ROUTING_KEY, "VOUCH_PAGERDUTY_URL": url}
    url = f"{api}/pager/webhook"
    return {"VOUCH_PAGE_WEBHOOK_URL": url, "VOUCH_PAGE_WEBHOOK_SECRET": WEBHOOK_SECRET}


async def hand_in_signed(v: Mortal, secret: str) -> None:
    told: Json = {
        "id": "N-1",
        "title": "Malware was prevented",
        "severity": "high",
        "created": "2026-11-24T09:00:00Z",
        "updated": "2026-11-24T09:00:00Z",
        "alerts": [],
    }
    body = json.dumps(told).encode()
    headers = signature_headers(secret_of(secret), "msg_0", utc_now(), body)
    url = f"{v.sim.bot_url}/api/incidents/native?customer=contoso"
    async with v.control.post(url, data=BytesIO(body), headers=headers) as response:
        assert response.status == 201, await response.text()


def records(folder: Path) -> bytes:
    """The database with all that stands beside it."""
    return b"\n".join(it.read_bytes() for it in folder.glob("vouch.sqlite3*") if it.is_file())


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, without its prefix, and as bytes where it stands for bytes."""
    yield secret.encode()
    yield b64encode(secret.encode())
    if secret.startswith("whsec_"):
        yield secret.removeprefix("whsec_").encode()
        yield secret_of(secret)

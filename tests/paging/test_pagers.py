"""Both pagers do what they promise, and fail as they promise, against a pager over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import pytest
from aiohttp import web

from bot.teams.network import Network
from paging.pager import NoPager, Pager, PagerGaveUpError, PagerTryLaterError, Ring
from paging.pagerduty import PagerDuty, event_of
from paging.post import LONGEST_WAIT, PATIENCE
from paging.webhook import Webhook, payload_of, secret_of
from simulator.certificates import server_context
from simulator.faults import Fault, Kind
from simulator.server import Simulator
from tests.story.house import ROUTING_KEY, WEBHOOK_SECRET, simulated
from triage.effects import PageAction
from triage.report import Severity

RING = Ring(
    key="0190-ring:1",
    does=PageAction.TRIGGER,
    alarm="0190-ring:1",
    severity=Severity.HIGH,
    summary="CONTOSO-42 (High): nobody has taken it. Take it by 03:20.",
    source="Contoso Security",
    incident="CONTOSO-42",
    at=datetime(2026, 11, 24, 3, 5, tzinfo=UTC),
    link="https://teams.microsoft.com/l/message/19%3Aa/1",
)


def again(does: PageAction) -> Ring:
    return replace(RING, key=f"{RING.alarm}:{does}", does=does)


@dataclass(frozen=True)
class House:
    sim: Simulator
    pager: Pager
    network: Network

    @property
    def alarms(self) -> list[dict[str, Any]]:
        return self.sim.pager.view()

    def trouble(self, kind: Kind, times: int = 1, retry_after: int = 1) -> None:
        fault = Fault(kind=kind, times=times, path="/pager", retry_after=retry_after)
        self.sim._faults.order(fault)


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Simulator]:
    async with Simulator(simulated(tmp_path, {})) as sim:
        yield sim


@asynccontextmanager
async def network(ca_file: Path) -> AsyncIterator[Network]:
    opened = Network(ca_file)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(params=["pagerduty", "webhook"])
async def house(request: pytest.FixtureRequest, sim: Simulator) -> AsyncIterator[House]:
    async with network(sim.ca_file) as opened:
        yield House(sim, pager(request.param, sim, opened), opened)


def pager(kind: str, sim: Simulator, opened: Network) -> Pager:
    if kind == "pagerduty":
        return PagerDuty(opened, f"{sim.api_url}/pagerduty/v2/enqueue", ROUTING_KEY)
    secret = secret_of(WEBHOOK_SECRET)
    return Webhook(opened, f"{sim.api_url}/pager/webhook", secret, time)


# --- what a pager promises -----------------------------------------------------------------------


async def test_a_phone_rings_with_what_must_be_done(house: House) -> None:
    await house.pager.ring(RING)

    [alarm] = house.alarms
    assert alarm["summary"] == RING.summary
    assert (alarm["state"], alarm["rings"], alarm["source"]) == ("triggered", 1, RING.source)
    assert (alarm["key"], alarm["link"]) == (RING.alarm, RING.link)


async def test_a_page_sent_again_rings_once(house: House) -> None:
    first = await house.pager.ring(RING)
    second = await house.pager.ring(RING)

    assert first == second
    assert [alarm["rings"] for alarm in house.alarms] == [1]


async def test_a_lost_answer_makes_the_second_try_harmless(house: House) -> None:
    house.trouble("lost_answer")

    with pytest.raises(PagerTryLaterError) as lost:
        await house.pager.ring(RING)
    await house.pager.ring(RING)

    assert lost.value.after is None
    assert [alarm["rings"] for alarm in house.alarms] == [1]


async def test_it_stops_when_somebody_is_at_work_and_again_when_it_is_over(house: House) -> None:
    await house.pager.ring(RING)
    await house.pager.ring(again(PageAction.ACKNOWLEDGE))
    [alarm] = house.alarms
    assert alarm["state"] == "acknowledged"

    await house.pager.ring(again(PageAction.RESOLVE))
    [alarm] = house.alarms
    assert alarm["state"] == "resolved"
    assert [told["action"] for told in alarm["told"]] == ["trigger", "acknowledge", "resolve"]


async def test_ending_what_never_rang_is_taken_and_rings_nothing(house: House) -> None:
    await house.pager.ring(again(PageAction.RESOLVE))

    assert house.alarms == []


@pytest.mark.parametrize(("asked", "waited"), [(7, 7.0), (86_400, LONGEST_WAIT)])
async def test_a_pager_that_is_overrun_is_asked_again_but_soon(
    house: House, asked: int, waited: float
) -> None:
    house.trouble("throttle", retry_after=asked)

    with pytest.raises(PagerTryLaterError) as later:
        await house.pager.ring(RING)
    assert later.value.after == waited

    await house.pager.ring(RING)
    assert len(house.alarms) == 1


async def test_an_outage_is_tried_again(house: House) -> None:
    house.trouble("bad_gateway")

    with pytest.raises(PagerTryLaterError, match="502"):
        await house.pager.ring(RING)


async def test_two_alarms_are_two(house: House) -> None:
    await asyncio.gather(
        *(house.pager.ring(replace(RING, key=f"{n}", alarm=f"{n}")) for n in range(5))
    )

    assert {alarm["key"] for alarm in house.alarms} == set("01234")


@pytest.mark.parametrize(
    "hostile",
    [
        "\r\nX-Evil: 1",
        "a.b.c\x00\x1b[31m",
        '"}{"event_action":"resolve"',
        "ü\N{RIGHT-TO-LEFT OVERRIDE}\N{PILE OF POO}",
        "x" * 100_000,
    ],
)
async def test_words_from_outside_stay_words(house: House, hostile: str) -> None:
    ring = replace(RING, key=hostile, alarm=hostile, summary=hostile[:1024], source=hostile)

    await house.pager.ring(ring)

    [alarm] = house.alarms
    assert (alarm["summary"], alarm["source"]) == (hostile[:1024], hostile)
    assert alarm["state"] == "triggered"
    await house.pager.ring(replace(ring, key="over", does=PageAction.RESOLVE))
    assert [one["state"] for one in house.alarms] == ["resolved"]


# --- what is refused -----------------------------------------------------------------------------


async def test_a_key_pagerduty_does_not_know_is_given_up_and_not_told(sim: Simulator) -> None:
    wrong = "f" * 32
    async with network(sim.ca_file) as opened:
        pager = PagerDuty(opened, f"{sim.api_url}/pagerduty/v2/enqueue", wrong)

        with pytest.raises(PagerGaveUpError, match="400: Event object is invalid; ") as refused:
            await pager.ring(RING)

    assert wrong not in str(refused.value)
    assert sim.pager.view() == []


async def test_a_signature_of_another_secret_rings_nothing(sim: Simulator) -> None:
    async with network(sim.ca_file) as opened:
        webhook = Webhook(opened, f"{sim.api_url}/pager/webhook", b"x" * 32, time)

        with pytest.raises(PagerGaveUpError, match="401"):
            await webhook.ring(RING)

    assert sim.pager.view() == []


async def test_a_signature_of_another_hour_rings_nothing(sim: Simulator) -> None:
    async with network(sim.ca_file) as opened:
        url, secret = f"{sim.api_url}/pager/webhook", secret_of(WEBHOOK_SECRET)
        webhook = Webhook(opened, url, secret, lambda: time() - 3600)

        with pytest.raises(PagerGaveUpError, match="401"):
            await webhook.ring(RING)

    assert sim.pager.view() == []


async def test_nobody_at_all_is_tried_again(tmp_path: Path, sim: Simulator) -> None:
    async with network(sim.ca_file) as opened:
        pager = PagerDuty(opened, "https://localhost:9/v2/enqueue", ROUTING_KEY)

        with pytest.raises(PagerTryLaterError, match="no answer: "):
            await pager.ring(RING)


async def test_without_a_pager_nobody_is_rung_and_that_is_said() -> None:
    with pytest.raises(PagerGaveUpError, match="nobody was rung for CONTOSO-42: no pager"):
        await NoPager().ring(RING)


@asynccontextmanager
async def answering(
    tmp_path: Path, answer: Callable[[web.Request], web.StreamResponse]
) -> AsyncIterator[tuple[str, Network, list[str]]]:
    """Somebody else at the pager's address, and the paths that were asked for."""
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return answer(request)

    ca = tmp_path / "ca.pem"
    tls = server_context(ca)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        async with network(ca) as opened:
            yield f"https://localhost:{runner.addresses[0][1]}", opened, asked
    finally:
        await runner.cleanup()


def both(url: str, opened: Network) -> tuple[Pager, Pager]:
    return (
        PagerDuty(opened, f"{url}/page", ROUTING_KEY),
        Webhook(opened, f"{url}/page", secret_of(WEBHOOK_SECRET), time),
    )


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with answering(tmp_path, elsewhere) as (url, opened, asked):
        for pager in both(url, opened):
            with pytest.raises(PagerGaveUpError, match="307"):
                await pager.ring(RING)

    assert asked == ["/page", "/page"]


async def test_an_answer_that_is_not_pagerdutys_is_no_yes(tmp_path: Path) -> None:
    """A proxy's friendly page must not pass for a phone that rang."""

    async with answering(tmp_path, lambda _: web.Response(text="Welcome")) as (url, opened, _):
        with pytest.raises(PagerTryLaterError, match="is it PagerDuty"):
            await PagerDuty(opened, url, ROUTING_KEY).ring(RING)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[" * 5000,
        b"[1]",
        b'{"message": 1, "errors": {"a": 1}}',
        json.dumps({"message": ROUTING_KEY, "errors": ["\x1b[31mred\r\nlines", 7]}).encode(),
        b"x" * 10_000_000,
    ],
)
async def test_a_complaint_is_cut_cleaned_and_tells_no_secret(tmp_path: Path, body: bytes) -> None:
    def complain(_: web.Request) -> web.Response:
        return web.Response(status=400, body=body)

    async with answering(tmp_path, complain) as (url, opened, _):
        with pytest.raises(PagerGaveUpError) as refused:
            await PagerDuty(opened, url, ROUTING_KEY).ring(RING)

    said = str(refused.value)
    assert said.startswith("400")
    assert said.isprintable()
    assert len(said) < 400
    assert ROUTING_KEY not in said


@pytest.mark.parametrize(
    ("header", "after"),
    [(None, PATIENCE), ("soon", PATIENCE), ("-1", PATIENCE), ("²", PATIENCE), ("9" * 500, 60.0)],
)
async def test_patience_is_asked_for_in_seconds_or_is_ours(
    tmp_path: Path, header: str | None, after: float
) -> None:
    headers = {} if header is None else {"Retry-After": header}

    def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers=headers)

    async with answering(tmp_path, busy) as (url, opened, _):
        for pager in both(url, opened):
            with pytest.raises(PagerTryLaterError) as later:
                await pager.ring(RING)
            assert later.value.after == after


# --- what is sent --------------------------------------------------------------------------------


def test_the_signature_is_the_one_standard_webhooks_publishes() -> None:
    """The example of the specification's own libraries, by their secret, id, time and body."""
    webhook = Webhook(
        Network(None), "", secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), lambda: 1614265330.9
    )

    signed = webhook._signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')

    assert signed["webhook-timestamp"] == "1614265330"
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_dG9vIHNob3J0", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "A" * 200],
)
def test_a_secret_that_is_none_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_ and 24 to 64") as refused:
        secret_of(secret)

    assert not secret or secret not in str(refused.value).replace("whsec_ and", "")


def test_what_is_sent_names_the_case_and_what_to_do_and_nothing_else() -> None:
    event, payload = event_of(RING), payload_of(RING)

    assert event["payload"] == {
        "summary": RING.summary,
        "source": "Contoso Security",
        "severity": "critical",
        "timestamp": "2026-11-24T03:05:00+00:00",
        "custom_details": {"incident": "CONTOSO-42", "severity": "high"},
    }
    assert payload["type"] == "page.triggered"
    assert set(payload["data"]) == {*("alarm", "severity", "summary", "source", "incident", "link")}


def test_ending_an_alarm_tells_pagerduty_its_key_alone() -> None:
    assert event_of(again(PageAction.RESOLVE)) == {
        "event_action": "resolve",
        "dedup_key": RING.alarm,
    }


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_is_one_of_pagerdutys(severity: Severity) -> None:
    said = event_of(replace(RING, severity=severity))["payload"]["severity"]

    assert said in {"critical", "error", "warning", "info"}

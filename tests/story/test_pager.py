"""The pager rings over HTTP, once, and where it cannot, that is seen."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.demo import PROVIDER_TENANT
from bot.settings import Settings
from storage import effects
from tests.story import house as houses
from tests.story.graph_incident import malware_ran
from tests.story.house import WEBHOOK_SECRET, House, Json, house
from triage.effects import Page, PageAction
from triage.paging import Need
from triage.phrases import phrase

SOURCE = malware_ran()["id"]


@asynccontextmanager
async def rung_by(tmp_path: Path, monkeypatch: Any, **pager: Any) -> AsyncIterator[House]:
    """A house with another pager than PagerDuty, or none."""
    usual = houses.settings

    def others(sim: Any, database: str) -> Any:
        known = usual(sim, database).model_dump() | {"pagerduty_key": None}
        if pager:
            known |= {"page_webhook_url": f"{sim.api_url}/pager/webhook"} | pager
        return Settings(**known)

    monkeypatch.setattr(houses, "settings", others)
    async with house(tmp_path) as h:
        yield h


async def a_page(h: House) -> Page:
    """What the ladder orders when nobody has taken the case."""
    case = await h.incident(SOURCE)
    by = h.clock.now() + timedelta(minutes=5)
    key = f"{case.id}:page:take:0"
    return Page(
        key=key,
        does=PageAction.TRIGGER,
        alarm=key,
        severity=case.severity,
        incident=case.name,
        says=phrase(f"page.{Need.TAKE}", incident=case.name, severity=case.severity, by=by),
        at=h.clock.now(),
    )


async def order(h: House, *pages: Page) -> None:
    case = await h.incident(SOURCE)
    now = h.clock.now()
    await h.vouch.store.write("contoso", lambda tx: effects.order(tx, case.id, pages, now))
    await h.settle()


async def alarms(h: House) -> list[Json]:
    """As the page of the simulator reads them."""
    found: list[Json] = await h._api("GET", "/pager")
    return found


def ended(page: Page, does: PageAction) -> Page:
    says = phrase("page.over", incident=page.incident)
    return replace(page, key=f"{page.key}:{does}", does=does, says=says)


async def test_the_phone_rings_with_a_link_into_the_analysts_thread(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await order(h, await a_page(h))

        [alarm] = await alarms(h)
        assert re.fullmatch(
            r"CONTOSO-1 \(High\): nobody has taken it\. Take it by \d\d:\d\d\.", alarm["summary"]
        )
        assert (alarm["via"], alarm["rings"], alarm["severity"]) == ("pagerduty", 1, "critical")
        [thread] = await h.messages("thread", "Nordwall MXDR")
        root = thread.conversation.split(";messageid=")[1]
        assert alarm["link"] == (
            "https://teams.microsoft.com/l/message/19%3Anordwall-incidents%40thread.tacv2/"
            f"{root}?tenantId={PROVIDER_TENANT}&parentMessageId={root}"
        )


async def test_a_page_in_trouble_rings_once_and_ends_in_its_order(tmp_path: Path) -> None:
    """The answer is lost, then PagerDuty is overrun; ending it waits for it."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.fault(kind="lost_answer", path="/pagerduty/")
        await h.fault(kind="throttle", path="/pagerduty/", times=20)
        page = await a_page(h)
        await order(h, page, ended(page, PageAction.ACKNOWLEDGE), ended(page, PageAction.RESOLVE))
        await h.later(minutes=5)

        [alarm] = await alarms(h)
        assert (alarm["rings"], alarm["state"]) == (1, "resolved")
        assert [told["action"] for told in alarm["told"]][-2:] == ["acknowledge", "resolve"]


async def test_an_outage_of_an_hour_is_waited_out(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.fault(kind="bad_gateway", path="/pagerduty/", times=18)
        await h.later(minutes=30)
        assert (await h.incident(SOURCE)).paged_at is not None
        assert await alarms(h) == []

        await h.later(hours=2)
        [alarm] = [a for a in await alarms(h) if ":page:take@" in a["key"]]
        assert (alarm["rings"], alarm["state"]) == (1, "triggered")


async def test_a_page_ordered_twice_is_one(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        page = await a_page(h)
        await order(h, page)
        await order(h, page)

        [alarm] = await alarms(h)
        assert len(alarm["told"]) == 1


async def test_a_webhook_rings_too(tmp_path: Path, monkeypatch: Any) -> None:
    secret = SecretStr(WEBHOOK_SECRET)
    async with rung_by(tmp_path, monkeypatch, page_webhook_secret=secret) as h:
        await h.report(malware_ran())
        page = await a_page(h)
        await h.fault(kind="lost_answer", path="/pager/")
        await order(h, page)
        await h.later(minutes=1)
        await order(h, ended(page, PageAction.RESOLVE))

        [alarm] = await alarms(h)
        assert (alarm["via"], alarm["rings"], alarm["state"]) == ("webhook", 1, "resolved")
        assert [told["action"] for told in alarm["told"]] == ["trigger", "resolve"]


async def test_without_a_pager_it_is_seen_that_nobody_was_rung(
    tmp_path: Path, monkeypatch: Any
) -> None:
    async with rung_by(tmp_path, monkeypatch) as h:
        await h.report(malware_ran())
        with capture_logs() as logs:
            await order(h, await a_page(h))

        [failed] = [line for line in logs if line["event"] == "page_failed"]
        assert failed["log_level"] == "error"
        assert failed["why"].startswith("nobody was rung for CONTOSO-1: no pager is set up")
        [stuck] = await h.stuck()
        assert (stuck.kind, stuck.status, stuck.last_error) == ("page", "failed", failed["why"])
        h.accepts_trouble = True


async def test_that_nobody_could_be_rung_is_said_where_the_analysts_are(
    tmp_path: Path, monkeypatch: Any
) -> None:
    async with rung_by(tmp_path, monkeypatch) as h:
        await h.report(malware_ran())
        await order(h, await a_page(h))

        assert (await h.told("Nordwall MXDR"))[-1].startswith("Nobody could be rung")
        assert (await h.history(SOURCE))[-1].event.kind == "not_paged"
        assert not any("rung" in text for text in await h.told("Contoso"))
        h.accepts_trouble = True


async def test_an_alarm_that_could_not_be_ended_is_ended_by_hand(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        page = await a_page(h)
        await order(h, page)
        await h.fault(kind="bad_gateway", path="/pagerduty/", times=100)
        await order(h, ended(page, PageAction.RESOLVE))
        await h.later(hours=3)

        assert any("end it there by hand" in text for text in await h.told("Nordwall MXDR"))
        h.accepts_trouble = True

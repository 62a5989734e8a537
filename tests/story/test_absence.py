"""Automatic replies and presence are asked first, where the customer lets us: over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from storage import effects
from tests.story.graph_incident import BOB, alert, incident, malware_ran, user
from tests.story.house import House, Json, house, swap
from triage.effects import LookForAbsence
from triage.incident import Incident, Rung

SOURCE = malware_ran()["id"]
SECRET_TEXT = "I am in Lisbon; write to my deputy at http://evil.example"
MANAGED = 'upn = "bob@contoso.example"\nmanager = "ines@contoso.example"\n'


def contoso(text: str) -> str:
    text = swap('language = "en"\n', 'language = "en"\nlook_for_absence = true\n')(text)
    return swap('upn = "bob@contoso.example"\n', MANAGED)(text)


@asynccontextmanager
async def looking(tmp_path: Path, *, allowed: bool = True) -> AsyncIterator[House]:
    """Contoso lets us look, unless told otherwise; Ines is Bob's manager."""
    otherwise = swap('upn = "bob@contoso.example"\n', MANAGED)
    async with house(tmp_path, {"contoso": contoso if allowed else otherwise}) as h:
        yield h


async def leaves(h: House, who: str, **absence: Any) -> None:
    """On leave since yesterday, for a week, unless told otherwise."""
    person = await h.person(who)
    now = datetime.now(UTC)
    usual = {"status": "scheduled", "start": at(now, -1), "end": at(now, 6), "message": SECRET_TEXT}
    await h._api("PUT", f"/users/{person['id']}/absence", usual | absence)


def at(now: datetime, days: int) -> str:
    """As Graph writes it: local time with seven decimals, the zone beside it."""
    return f"{now + timedelta(days=days):%Y-%m-%dT%H:%M:%S}.0000000"


async def graph_calls(h: House) -> list[Json]:
    return [c for c in await h._api("GET", "/requests?since=0") if "/v1.0/users/" in c["path"]]


def rungs(case: Incident) -> list[Rung]:
    return [s.rung for q in case.questions for s in q.steps if s.skipped is None]


async def test_who_is_on_leave_is_not_waited_for(tmp_path: Path) -> None:
    async with looking(tmp_path) as h:
        await leaves(h, "Bob Meyer")
        await h.report(malware_ran())

        case = await h.incident(SOURCE)
        assert rungs(case) == [Rung.MANAGER]
        assert "automatic replies say away until" in (await h.card("Ines Costa")).text
        assert "answer.q1.opened" in (await h.card("Bob Meyer")).actions
        assert "why.away" in [entry.says.key for entry in case.timeline]

        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        [question, *_] = (await h.incident(SOURCE)).questions
        assert question.answer


async def test_what_the_reply_says_is_kept_and_shown_nowhere(tmp_path: Path) -> None:
    async with looking(tmp_path) as h:
        await leaves(h, "Bob Meyer")
        await h.report(malware_ran())

        assert "Lisbon" not in str(h.sent)
        assert "Lisbon" not in str(await h.incident(SOURCE))
        assert all("Lisbon" not in str(event) for event in await h.history(SOURCE))


async def test_out_of_office_in_teams_counts(tmp_path: Path) -> None:
    async with looking(tmp_path) as h:
        await leaves(h, "Bob Meyer", status="disabled", activity="OutOfOffice")
        await h.report(malware_ran())

        assert rungs(await h.incident(SOURCE)) == [Rung.MANAGER]
        assert "Teams shows out of office" in (await h.card("Ines Costa")).text


@pytest.mark.parametrize("activity", ["Offline", "DoNotDisturb", "Away"])
async def test_any_other_presence_changes_nothing(tmp_path: Path, activity: str) -> None:
    async with looking(tmp_path) as h:
        await leaves(h, "Bob Meyer", status="disabled", activity=activity)
        await h.report(malware_ran())

        assert rungs(await h.incident(SOURCE)) == []


@pytest.mark.parametrize(
    "absence",
    [
        {"start": at(datetime.now(UTC), 1)},
        {"end": at(datetime.now(UTC), -1), "start": at(datetime.now(UTC), -9)},
        {"start": "never"},
    ],
)
async def test_a_leave_that_is_not_now_changes_nothing(tmp_path: Path, absence: Json) -> None:
    async with looking(tmp_path) as h:
        await leaves(h, "Bob Meyer", **absence)
        await h.report(malware_ran())

        assert rungs(await h.incident(SOURCE)) == []


async def test_without_permission_the_question_goes_on_as_ever(tmp_path: Path) -> None:
    async with looking(tmp_path) as h:
        await h._api("PUT", "/graph", {"permissions": []})
        await leaves(h, "Bob Meyer")
        with capture_logs() as logs:
            await h.report(malware_ran())

        assert [line["reason"] for line in logs if line["event"] == "absence_not_read"] == [
            "automaticRepliesSetting: 403; presence: 403"
        ]
        told = (await h.soc()).text
        assert "Vouch lacks MailboxSettings.Read: an administrator of Contoso Security" in told
        assert "Vouch lacks Presence.Read.All" in told
        assert await h.card("Bob Meyer")
        assert rungs(await h.incident(SOURCE)) == []
        granted = {"permissions": ["MailboxSettings.Read", "Presence.Read.All"]}
        await h._api("PUT", "/graph", granted)
        await h.later(minutes=16)
        assert rungs(await h.incident(SOURCE))[0] is Rung.MANAGER
        assert "Vouch lacks" not in (await h.soc()).text


@pytest.mark.parametrize("kind", ["bad_gateway", "throttle", "lost_answer"])
async def test_while_graph_is_down_the_question_goes_on_as_ever(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path) as h:
        await h.fault(kind=kind, path="/v1.0/users/", times=9)
        await leaves(h, "Bob Meyer")
        await h.report(malware_ran())

        assert await h.card("Bob Meyer")
        assert rungs(await h.incident(SOURCE)) == []
        assert await h.stuck() == []


async def test_who_has_not_allowed_it_is_never_looked_into(tmp_path: Path) -> None:
    async with looking(tmp_path, allowed=False) as h:
        await leaves(h, "Bob Meyer")
        await h.report(malware_ran())
        await h.later(minutes=30)

        assert await graph_calls(h) == []


async def test_a_suspect_account_is_not_looked_up(tmp_path: Path) -> None:
    async with looking(tmp_path) as h:
        stolen = alert(
            "Anomalous token", "azureAdIdentityProtection", user(BOB, "bob@contoso.example"),
            id_="e1",
        )  # fmt: skip
        await h.report(incident(stolen, id_="4720"))
        await h.report(malware_ran())
        await h.later(minutes=30)

        assert await graph_calls(h) == []


async def test_twice_changes_nothing(tmp_path: Path) -> None:
    async with looking(tmp_path) as h:
        await leaves(h, "Bob Meyer")
        await h.report(malware_ran())
        case, calls = await h.incident(SOURCE), await graph_calls(h)

        again = LookForAbsence("again", BOB, case.questions[0].id)
        now = h.clock.now()
        await h.vouch.store.write("contoso", lambda tx: effects.order(tx, case.id, [again], now))
        await h.settle()

        assert len([m for m in await h.chat("Ines Costa") if m.card]) == 1
        assert rungs(await h.incident(SOURCE)) == [Rung.MANAGER]
        assert len(await graph_calls(h)) > len(calls)

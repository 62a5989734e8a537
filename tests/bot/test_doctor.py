"""The doctor names what is missing and what is broken, with the remedy, and touches nothing."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from bot import doctor, logs
from bot.__main__ import app
from bot.clock import ManualClock
from bot.doctor import Finding, State, is_well
from bot.settings import Settings
from simulator.faults import Fault
from simulator.server import Simulator
from storage.across import Stuck
from storage.engine import Store, Tx, migrate
from storage.tables import CustomerRow
from tests.databases import url
from tests.story.graph_incident import malware_ran
from tests.story.house import (
    APP_SECRET,
    ROUTING_KEY,
    WEBHOOK_SECRET,
    House,
    house,
    onboard,
    settings,
    simulated,
)
from tests.story.test_onboarding import code_for, no_channel
from tests.teams.test_gateway_proofs import new_pair


@pytest.fixture(autouse=True)
def _no_log_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stay, and the tests that come after would not see what is logged."""
    monkeypatch.setattr(logs, "configure", lambda **_: None)


async def examined(of: Settings, at: datetime | None = None) -> list[Finding]:
    """By the clock on the wall, which Entra's agrees with, unless told otherwise."""
    found: list[Finding] = []
    well = await is_well(of, ManualClock(at or datetime.now(UTC)), found.append)
    assert well is all(finding.state is not State.BROKEN for finding in found)
    return found


def lines(found: list[Finding], state: State | None = None) -> list[str]:
    return [str(finding) for finding in found if state in {None, finding.state}]


def troubles(found: list[Finding]) -> list[str]:
    return [str(finding) for finding in found if finding.state is not State.OK]


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Simulator]:
    """A Microsoft to ask, and a database with everybody's profile where nothing has happened."""
    keys = await onboard(tmp_path / "vouch.sqlite3")
    async with Simulator(simulated(tmp_path, keys)) as sim:
        yield sim


def of(sim: Simulator, tmp_path: Path, **different: Any) -> Settings:
    known = settings(sim, f"sqlite:///{tmp_path / 'vouch.sqlite3'}")
    return Settings(**(known.model_dump() | different))


def served(h: House, tmp_path: Path, **different: Any) -> Settings:
    return of(h.sim, tmp_path, **different)


# --- a house in order ---


async def test_a_house_in_order_is_ok_throughout(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        found = await examined(served(h, tmp_path), h.clock.now())

        assert troubles(found) == []
        said = "\n".join(lines(found))
        host = h.sim.api_url.removeprefix("https://")
        for line in (
            "ok: settings: complete; VOUCH_APP_SECRET is the bot's credential",
            "ok: token: Entra gives the bot one",
            "ok: clock: agrees with Entra's",
            "ok: pager: PagerDuty rings where nobody acts",
            f"ok: pager: {host} is there; whether it rings is not tried",
            "ok: signing keys: ",
            f"ok: {host}: reached",
            f"vouch.sqlite3, in use by process {os.getpid()}",
            "ok: nordwall: profile of the provider, version 1",
            "ok: nordwall: installed in its team",
            "ok: contoso: profile of the customer, version 1",
            "ok: contoso: installed in its team",
            "members of the team read",
            "people can be written to",
            "ok: fabrikam: intake keys for defender, native",
            "ok: effects: none is stuck",
        ):
            assert line in said
        assert APP_SECRET not in said
        assert ROUTING_KEY not in said
        assert h.sim.pager.view() == []


async def test_an_hour_with_nobody_on_duty_is_named(tmp_path: Path) -> None:
    profiles = onboard(tmp_path / "vouch.sqlite3", {"nordwall": lambda text: text + LONDON})
    async with Simulator(simulated(tmp_path, await profiles)) as sim:
        found = await examined(of(sim, tmp_path), datetime(2026, 11, 30, 12, tzinfo=UTC))

        assert (
            "nordwall: nobody is on duty from Mon 30 Nov 20:00 to Tue 01 Dec 08:00 (Europe/London), "
            "and 13 times more, within 14 days"
        ) in "\n".join(lines(found))


async def test_an_analyst_named_for_nobody_onboarded_is_told(tmp_path: Path) -> None:
    def named(text: str) -> str:
        return text.replace("[[analysts]]", '[[analysts]]\ncustomers = ["contoso", "contosso"]', 1)

    profiles = onboard(tmp_path / "vouch.sqlite3", {"nordwall": named})
    async with Simulator(simulated(tmp_path, await profiles)) as sim:
        found = await examined(of(sim, tmp_path), datetime(2026, 11, 30, 12, tzinfo=UTC))

        said = "\n".join(lines(found))
        assert "named for customers that are not onboarded: contosso" in said


LONDON = """
[[shifts]]
name = "London"
zone = "Europe/London"
days = "mon-sun"
start = 08:00:00
end = 20:00:00
analysts = ["mia@nordwall.example"]
"""


async def test_looking_leaves_a_running_server_at_work(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await examined(served(h, tmp_path), h.clock.now())

        assert await h.report(malware_ran()) == "CONTOSO-1"


async def test_no_activity_is_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        before = len(h.sent)

        await examined(served(h, tmp_path), h.clock.now())

        assert len(h.sent) == before


# --- channels ---


async def test_a_customer_without_a_channel_is_named_with_what_to_do(tmp_path: Path) -> None:
    async with house(tmp_path, {"contoso": no_channel}) as h:

        async def about_contoso() -> str:
            found = await examined(served(h, tmp_path), h.clock.now())
            return next(line for line in lines(found) if "contoso: no channel is bound" in line)

        assert "bound. `vouch customer invite contoso` makes a code" in await about_contoso()
        code = await code_for(h, days=1)
        assert "its code holds until" in await about_contoso()
        await h.later(days=1)
        assert "and its code expired on" in await about_contoso()
        assert code not in await about_contoso()


# --- credential and Microsoft ---


@pytest.mark.parametrize(
    ("different", "line"),
    [
        (
            {"app_secret": SecretStr("guessed")},
            (
                "broken: token: Entra gave the bot no token: invalid_client [7000215]. "
                "Put the secret's value, not its id, into VOUCH_APP_SECRET."
            ),
        ),
        (
            {"app_id": "00000000-0000-4000-8000-000000000000"},
            (
                "broken: token: Entra gave the bot no token: unauthorized_client [700016]. "
                "VOUCH_APP_ID is no application of VOUCH_APP_TENANT: correct one of them."
            ),
        ),
    ],
)
async def test_what_entra_refuses_is_told_with_its_remedy(
    sim: Simulator, tmp_path: Path, different: dict[str, Any], line: str
) -> None:
    found = await examined(of(sim, tmp_path, **different))

    assert lines(found, State.BROKEN) == [line]
    assert "guessed" not in "\n".join(lines(found))


async def test_hosts_that_do_not_answer_are_told(sim: Simulator, tmp_path: Path) -> None:
    nobody = "localhost:9"
    found = await examined(
        of(
            sim,
            tmp_path,
            service_hosts=frozenset({nobody}),
            openid_metadata_url=f"https://{nobody}/openid",
            login_url=f"https://{nobody}",
        )
    )

    begun = [line.split(":")[1].strip() for line in lines(found, State.BROKEN)]
    assert begun == ["token", "clock", "signing keys", "localhost"]


async def test_a_host_that_is_slow_is_not_waited_for(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_SECONDS", 0.5)
    sim._faults.order(Fault(kind="slow", seconds=2, path="openidconfiguration"))

    found = await examined(of(sim, tmp_path))

    assert "broken: signing keys: no answer in 0.5 s. Check the network." in lines(found)


async def test_without_a_pager_it_is_said_that_nobody_will_be_rung(
    sim: Simulator, tmp_path: Path
) -> None:
    found = await examined(of(sim, tmp_path, pagerduty_key=None))

    assert (
        "missing: pager: none, so nobody will be rung where nobody acts. Set VOUCH_PAGERDUTY_KEY, "
        "or VOUCH_PAGE_WEBHOOK_URL and VOUCH_PAGE_WEBHOOK_SECRET."
    ) in lines(found)


async def test_a_pager_that_does_not_answer_is_told(sim: Simulator, tmp_path: Path) -> None:
    webhook = {
        "pagerduty_key": None,
        "page_webhook_url": "https://localhost:9/hook",
        "page_webhook_secret": SecretStr(WEBHOOK_SECRET),
    }

    found = await examined(of(sim, tmp_path, **webhook))

    (line,) = lines(found, State.BROKEN)
    assert line.startswith("broken: pager: localhost:9 cannot be reached: ")


@pytest.mark.parametrize(("minutes", "which"), [(10, "ahead of"), (-10, "behind")])
async def test_a_clock_that_is_wrong_is_told(
    sim: Simulator, tmp_path: Path, minutes: int, which: str
) -> None:
    found = await examined(of(sim, tmp_path), datetime.now(UTC) + timedelta(minutes=minutes))

    (line,) = lines(found, State.BROKEN)
    assert line.endswith(f" s {which} Entra's. Set this machine's time, as by NTP.")


@pytest.mark.parametrize(
    ("days", "state", "what"),
    [(200, State.OK, "serves until"), (20, State.MISSING, "ends on"), (-1, State.BROKEN, "ended")],
)
async def test_a_certificate_is_looked_at_before_it_ends(
    sim: Simulator, tmp_path: Path, days: int, state: State, what: str
) -> None:
    file = tmp_path / "vouch.pem"
    file.write_text(new_pair(timedelta(days=days)).pem)

    found = await examined(of(sim, tmp_path, app_secret=None, app_certificate=file))

    assert found[0].state is state
    assert what in found[0].what
    assert "PRIVATE" not in "\n".join(lines(found))


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "No such file"), ("", "is empty")],
)
async def test_a_token_file_that_says_nothing_is_told(
    sim: Simulator, tmp_path: Path, content: str | None, what: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    found = await examined(of(sim, tmp_path, app_secret=None, app_federated_token_file=file))

    assert (found[0].state, what in found[0].what) == (State.BROKEN, True)


# --- records ---


async def test_onboarding_that_is_not_finished_is_missing_and_not_broken(
    sim: Simulator, tmp_path: Path
) -> None:
    found = await examined(of(sim, tmp_path))

    assert lines(found, State.BROKEN) == []
    said = "\n".join(lines(found, State.MISSING))
    assert "missing: nordwall: the app is not installed in the team 19:nordwall-soc" in said
    assert "missing: contoso: the app is not installed in the team 19:contoso-security" in said
    assert "Have an owner of that team add Vouch to it." in said
    assert "missing: contoso: no member of the team was read" in said


async def test_without_a_database_the_first_steps_are_told(sim: Simulator, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other.sqlite3"

    found = await examined(of(sim, tmp_path, database_url=f"sqlite:///{elsewhere}"))

    assert [str(finding).split(".")[0] for finding in found][-2:] == [
        f"missing: database: {elsewhere}".split(".")[0],
        "broken: provider: no profile",
    ]
    assert not elsewhere.exists()


async def test_a_database_without_profiles_is_told(sim: Simulator, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'other.sqlite3'}"
    await run_in_thread(migrate, database)

    found = await examined(of(sim, tmp_path, database_url=database))

    assert lines(found, State.BROKEN) == [f"broken: provider: no profile. {doctor.ADD_PROVIDER}"]
    assert lines(found, State.MISSING) == [
        "missing: customers: none. Add one: `vouch customer add contoso.toml`."
    ]


async def test_a_database_that_cannot_be_used_is_told(sim: Simulator, tmp_path: Path) -> None:
    found = await examined(of(sim, tmp_path, database_url="postgresql://vouch:pw@db/vouch"))

    (line,) = lines(found, State.BROKEN)
    assert line.startswith("broken: database: postgresql is not supported")
    assert "pw" not in line


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"zone": "Nowhere/Land"}, "its profile is not valid: zone: 'Nowhere/Land'"),
        ({"rules": "none"}, "its profile cannot be read: rules: "),
    ],
)
async def test_a_profile_this_version_does_not_take_is_told(
    sim: Simulator, tmp_path: Path, document: dict[str, Any], what: str
) -> None:
    def spoil(tx: Tx) -> None:
        row = tx.session.scalars(select(CustomerRow).where(col(CustomerRow.current))).one()
        row.document = json.dumps(json.loads(row.document) | document)

    store = Store.open(f"sqlite:///{tmp_path / 'vouch.sqlite3'}")
    await store.write("contoso", spoil)
    await store.close()

    found = await examined(of(sim, tmp_path))

    (line,) = lines(found, State.BROKEN)
    assert line.startswith(f"broken: contoso: {what}")
    assert line.endswith("add it again: `vouch customer add contoso.toml`.")


async def test_a_channel_at_a_host_that_is_not_allowed_is_broken(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        narrow = served(h, tmp_path, service_hosts=frozenset({"smba.example"}))

        found = await examined(narrow, h.clock.now())

        said = "\n".join(lines(found, State.BROKEN))
        assert "broken: contoso: its channel is spoken to at " in said
        assert "add it to VOUCH_SERVICE_HOSTS" in said


async def test_people_who_cannot_be_written_to_are_counted(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.app("Bob Meyer", "uninstall")

        found = await examined(served(h, tmp_path), h.clock.now())

        (line,) = troubles(found)
        assert line.startswith("missing: contoso: ")
        assert "people can be written to. The others removed the app or blocked it" in line


# --- stuck work ---


def stuck(status: str, number: int = 1, **more: Any) -> Stuck:
    known: dict[str, Any] = {
        "customer_id": "contoso",
        "effect_id": number,
        "stream": "incident",
        "kind": "say",
        "status": status,
        "since": NOON - timedelta(hours=3),
        "attempts": 8,
        "last_error": None,
        "incident": f"CONTOSO-{number}",
    }
    return Stuck(**(known | more))


NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SINCE = "since 2026-11-24 09:00 UTC (3 h)"


def test_what_is_stuck_for_the_same_reason_is_told_once_and_each_is_named() -> None:
    disabled = {"last_error": "403 BotDisabledByAdmin"}

    found = list(
        doctor._stuck(
            [
                stuck("failed", 41, **disabled),
                stuck("failed", 44, surface="approval:p1", kind="say", **disabled),
                stuck("failed", 50, customer_id="fabrikam", incident=None, **disabled),
                stuck("waiting", 60, attempts=0),
            ],
            NOON,
        )
    )

    assert [str(finding) for finding in found] == [
        (
            "broken: contoso: 2 x say failed: 403 BotDisabledByAdmin. It is not tried again by "
            "itself: mend the reason, then `vouch retry --effect 41`, or --failed for all.\n"
            f"    effect 41, CONTOSO-41, say: {SINCE}, 8 tries\n"
            f"    effect 44, CONTOSO-44, say approval:p1: {SINCE}, 8 tries"
        ),
        (
            "broken: contoso: 1 x say is overdue. See that `vouch serve` runs; its log says more.\n"
            f"    effect 60, CONTOSO-60, say: {SINCE}, 0 tries"
        ),
        (
            "broken: fabrikam: 1 x say failed: 403 BotDisabledByAdmin. It is not tried again by "
            "itself: mend the reason, then `vouch retry --effect 50`, or --failed for all.\n"
            f"    effect 50, fabrikam, say: {SINCE}, 8 tries"
        ),
    ]


@pytest.mark.parametrize(
    ("effect", "remedy"),
    [
        (stuck("failed", kind="contain"), doctor.ORDER_AGAIN),
        (
            stuck("failed", last_error="fault: KeyError"),
            (
                "A fault of Vouch's own: its log has the trace. Mend it, then "
                "`vouch retry --effect 1`, or --failed for all."
            ),
        ),
        (
            stuck("blocked", waits_for="person:4f2c"),
            "It goes out when the app is there for the person 4f2c.",
        ),
        (
            stuck("blocked", waits_for="channel:nordwall"),
            "It goes out when the app is in the team of nordwall's channel; see nordwall above.",
        ),
        (stuck("blocked"), "It goes out when the app is there."),
        (stuck("claimed"), doctor.OVERDUE),
    ],
)
def test_each_kind_of_trouble_has_its_next_step(effect: Stuck, remedy: str) -> None:
    (finding,) = doctor._stuck([effect], NOON)

    assert finding.remedy == remedy


def test_many_are_counted_rather_than_named() -> None:
    (finding,) = doctor._stuck([stuck("failed", n) for n in range(1, 31)], NOON)

    assert len(finding.items) == doctor.NAMED + 1
    assert finding.items[-1] == "and 20 more: `vouch doctor --stuck` names all"


async def test_stuck_alone_asks_nobody_but_the_database(tmp_path: Path) -> None:
    """As typed beside a running server, without any other setting."""
    command = ["doctor", "--stuck", "--database", url(tmp_path)]
    async with house(tmp_path) as h:
        h.accepts_trouble = True
        calm = await run_in_thread(CliRunner().invoke, app, command)
        await h.app("Bob Meyer", "uninstall")
        await h.report(malware_ran())

        ended = await run_in_thread(CliRunner().invoke, app, command)

        assert (calm.exit_code, calm.output) == (0, "ok: effects: none is stuck\n")
        assert ended.exit_code == 1
        bob = (await h.person("Bob Meyer"))["id"]
        assert "missing: contoso: 1 x say waits for an installation: " in ended.output
        assert f"when the app is there for the person {bob}." in ended.output
        assert ", CONTOSO-1, say: since " in ended.output


# --- the command ---


def test_the_command_ends_with_1_when_something_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"VOUCH_{name.upper()}", raising=False)
    monkeypatch.setenv("VOUCH_APP_ID", "x")
    monkeypatch.setenv("VOUCH_APP_TENANT", "y")

    ended = CliRunner().invoke(app, ["doctor"])

    assert ended.exit_code == 1
    assert ended.output.startswith("broken: settings: set exactly one of VOUCH_APP_SECRET, ")


async def test_the_command_says_what_it_finds(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As typed: onboarding is not finished, and nothing is broken."""
    for name, value in of(sim, tmp_path).model_dump(mode="json").items():
        given = json.dumps(value) if isinstance(value, list) else value
        if given is not None:
            monkeypatch.setenv(f"VOUCH_{name.upper()}", str(given))
    monkeypatch.setenv("VOUCH_APP_SECRET", APP_SECRET)
    monkeypatch.setenv("VOUCH_PAGERDUTY_KEY", ROUTING_KEY)

    ended = await run_in_thread(CliRunner().invoke, app, ["doctor"])

    assert ended.exit_code == 0, ended.output
    assert "ok: token: Entra gives the bot one\n" in ended.output
    assert "missing: contoso: the app is not installed" in ended.output


async def run_in_thread(fn: Any, *args: Any) -> Any:
    return await asyncio.to_thread(fn, *args)


@pytest.mark.parametrize(
    ("different", "at", "said"),
    [
        ({}, datetime(2026, 12, 1, tzinfo=UTC), "ok: contoso: fresh sign-in with context c1"),
        ({}, datetime(2027, 12, 1, tzinfo=UTC), "was last seen to refuse on 2026-11-20"),
        ({"public_url": None}, datetime(2026, 12, 1, tzinfo=UTC), "Set VOUCH_PUBLIC_URL"),
    ],
)
async def test_it_says_whether_a_fresh_sign_in_is_offered(
    sim: Simulator, tmp_path: Path, different: dict[str, Any], at: datetime, said: str
) -> None:
    found = await examined(of(sim, tmp_path, **different), at)

    (line,) = [line for line in lines(found) if "fresh sign-in" in line]
    assert said in line


async def test_it_names_a_context_that_was_never_seen_to_refuse(tmp_path: Path) -> None:
    keys = await onboard(
        tmp_path / "vouch.sqlite3", {"contoso": lambda text: text.replace("probed", "#")}
    )
    async with Simulator(simulated(tmp_path, keys)) as sim:
        found = await examined(of(sim, tmp_path))

    assert any("nobody saw it refuse" in line for line in lines(found, State.MISSING))

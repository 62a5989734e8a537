"""What keeps response actions from becoming a weapon: caps, the circuit breaker, the kill switch."""

import asyncio
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col
from typer.testing import CliRunner

from bot.__main__ import app
from bot.commands import AddProfile, perform
from bot.control import hand_over
from bot.demo import PROFILES
from bot.switch import AllowContainment, NothingStoppedError, StopContainment
from storage import across
from storage.tables import EffectRow
from tests.databases import url
from tests.story.graph_incident import device, malware_ran, user
from tests.story.house import Changed, House, Json, Seen, house, swap
from triage.actions import ActionKind
from triage.incident import ActionState, ResponseAction

RULE_4 = 'consent = "collaborate"\nact_if_unreachable = true\nminutes = 13'
CAPPED = "\n[caps]\nisolate_device = 2\n"


def at_once(caps: str = "", top: str = "") -> Changed:
    """Contoso lets us isolate at once, so many an hour."""

    def changed(text: str) -> str:
        return swap('id = "contoso"', f'id = "contoso"\n{top}')(
            swap(RULE_4, 'consent = "authorize"')(text) + caps
        )

    return {"contoso": changed}


def on(number: int) -> Json:
    """Malware on somebody else's laptop each time, bad enough to isolate at once: cases that have
    nothing to do with each other."""
    body = malware_ran(f"47{number:02}")
    evidence = body["alerts"][0]["evidence"]
    who = f"1111{number:04}-b7e3-4f8a-b480-6fefa7d0ba5b"
    evidence[0] = user(who, f"nobody{number}@contoso.example")
    evidence[1] = device(f"laptop-1{number}.ad.contoso.example", f"{number:040x}")
    evidence[2]["verdict"] = "malicious"
    evidence[2]["fileDetails"] |= {"sha1": f"{number:040x}", "sha256": f"{number:064x}"}
    return body


async def card(h: House) -> Seen:
    """The analysts' card of the newest case; what belongs to no case stands beside them."""
    threads = [m for m in await h.thread("Nordwall MXDR") if m.card]
    return threads[-1]


@dataclass
class Isolations:
    house: House

    def __post_init__(self) -> None:
        self.house.accepts_trouble = True  # what is refused has failed, and is meant to

    async def order(self, number: int) -> ResponseAction:
        """A new case, which has its laptop isolated; as far as that went."""
        await self.house.report(on(number))
        return await self.of(number)

    async def again(self, number: int, action: ResponseAction) -> ResponseAction:
        """Mia orders it once more."""
        await self.house.press("Mia Lindqvist", await card(self.house), f"contain.{action.id}")
        return await self.of(number)

    async def of(self, number: int) -> ResponseAction:
        found = await self.house.incident(f"47{number:02}")
        return next(a for a in found.actions if a.kind is ActionKind.ISOLATE_DEVICE)


async def test_no_more_are_isolated_in_an_hour_than_the_customer_said(tmp_path: Path) -> None:
    async with house(tmp_path, at_once(CAPPED)) as h:
        isolations = Isolations(h)
        assert [(await isolations.order(n)).state for n in (1, 2)] == [ActionState.DONE] * 2

        third = await isolations.order(3)
        assert (third.state, third.why) == (ActionState.REFUSED, "refused.cap")
        assert "The limit of an hour is reached" in (await card(h)).text
        assert any("limit of an hour" in said for said in await h.told("Nordwall MXDR"))

        await h.later(minutes=61)
        assert (await isolations.again(3, third)).state is ActionState.DONE


async def test_a_raised_cap_counts_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, at_once(CAPPED)) as h:
        isolations = Isolations(h)
        for number in (1, 2, 3):
            refused = await isolations.order(number)

        text = at_once("\n[caps]\nisolate_device = 9\n")["contoso"](
            (PROFILES / "contoso.toml").read_text(encoding="utf-8")
        )
        await perform(h.vouch.store, AddProfile(text, "contoso.toml"), h.clock.now())

        assert (await isolations.again(3, refused)).state is ActionState.DONE


async def test_who_goes_over_a_cap_again_and_again_is_stopped_altogether(tmp_path: Path) -> None:
    async with house(tmp_path, at_once(CAPPED, "breaker = 2")) as h:
        isolations = Isolations(h)
        for number in (1, 2, 3, 4):
            await isolations.order(number)

        assert any("circuit breaker stopped all" in said for said in await h.told("Nordwall MXDR"))
        assert "The circuit breaker stopped response actions" in (await card(h)).text
        await h.later(minutes=61)
        fifth = await isolations.order(5)
        assert fifth.why == "refused.stopped", "time alone does not close it"

        told = await h.told("Nordwall MXDR")
        await _as_printed(h, tmp_path, next(said for said in told if "circuit breaker" in said))
        assert (await isolations.again(5, fifth)).state is ActionState.DONE
        desk = [kind for kind, _ in await h.desk("contoso") if kind.startswith("containment")]
        assert desk == ["containment_stopped", "containment_allowed"]


@pytest.mark.parametrize("whose", ["contoso", None])
async def test_the_kill_switch_holds_a_running_vouch(tmp_path: Path, whose: str | None) -> None:
    async with house(tmp_path, at_once()) as h:
        isolations = Isolations(h)
        done = await isolations.order(1)

        stop = StopContainment("olga", "a wrong feed", whose)
        await _at_the_running_one(h, tmp_path, stop)
        assert "stopped since" in (await card(h)).text, "also on the cards of cases that are open"
        assert any("olga stopped all" in said for said in await h.told("Nordwall MXDR"))
        refused = await isolations.order(2)
        assert (refused.state, refused.why) == (ActionState.REFUSED, "refused.stopped")
        stops = await h.vouch.store.read_across(across.stops)
        assert set(stops) == ({"contoso"} if whose else {"contoso", "fabrikam", "nordwall"})

        threads = await h.thread("Nordwall MXDR")
        first = next(m for m in threads if f"undo.{done.id}" in m.actions)
        await h.press("Mia Lindqvist", first, f"undo.{done.id}")
        assert (await isolations.of(1)).state is ActionState.UNDONE, "what gives back goes on"

        await _as_printed(h, tmp_path, (await card(h)).text)
        assert "stopped since" not in (await card(h)).text
        assert (await isolations.again(2, refused)).state is ActionState.DONE


async def test_what_was_ordered_before_the_switch_was_pulled_is_not_begun_after(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, at_once()) as h:
        isolations = Isolations(h)
        await h.post(on(1))
        assert (await isolations.of(1)).state is ActionState.ORDERED

        await perform(h.vouch.store, StopContainment("olga", "stop", None), h.clock.now())
        await h.settle()

        assert (await isolations.of(1)).why == "refused.stopped"


async def test_what_was_tried_before_the_switch_was_pulled_may_have_been_done(
    tmp_path: Path,
) -> None:
    """The process died after its call, or the answer never came."""
    async with house(tmp_path, at_once()) as h:
        isolations = Isolations(h)
        await h.post(on(1))
        tried = update(EffectRow).where(col(EffectRow.kind) == "contain").values(attempts=1)
        await h.vouch.store.write("contoso", lambda tx: tx.session.run(tried))

        await perform(h.vouch.store, StopContainment("olga", "stop", None), h.clock.now())
        await h.settle()

        refused = await isolations.of(1)
        assert (refused.state, refused.why) == (ActionState.REFUSED, "refused.stopped")
        assert refused.maybe_done
        undo = next(m for m in await h.thread("Nordwall MXDR") if f"undo.{refused.id}" in m.actions)
        await h.press("Mia Lindqvist", undo, f"undo.{refused.id}")
        assert (await isolations.of(1)).state is ActionState.UNDONE


async def test_a_new_version_of_the_profile_does_not_release_the_switch(tmp_path: Path) -> None:
    async with house(tmp_path, at_once()) as h:
        stop = StopContainment("olga", "stop", "contoso")
        await perform(h.vouch.store, stop, h.clock.now())
        text = (PROFILES / "contoso.toml").read_text(encoding="utf-8")
        await perform(h.vouch.store, AddProfile(text, "contoso.toml"), h.clock.now())

        assert "contoso" in await h.vouch.store.read_across(across.stops)


async def test_there_is_nothing_to_allow_where_nothing_is_stopped(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        with pytest.raises(NothingStoppedError):
            await perform(h.vouch.store, AllowContainment("olga", "?", None), h.clock.now())


async def _as_printed(h: House, tmp_path: Path, shown: str) -> None:
    """Somebody types the command that a card or a message names."""
    found = re.search(r'vouch (allow-containment \S+ --why "[^"]*")', shown)
    assert found, shown
    words = [*shlex.split(found[1]), "--database", url(tmp_path)]
    ended = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert ended.exit_code == 0, ended.output
    await h.settle()


async def _at_the_running_one(h: House, tmp_path: Path, command: StopContainment) -> None:
    """As the command line hands it over; PostgreSQL's is written to directly."""
    database = url(tmp_path)
    if database.startswith("sqlite"):
        await hand_over(database, command)
    else:
        await perform(h.vouch.store, command, h.clock.now())
    await h.settle()

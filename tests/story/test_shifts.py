"""A shift in one test: twelve hours, sixty incidents and three analysts, one of whom leaves early."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.conductor import Occurrence
from bot.demo import PROVIDER_TENANT
from bot.rota import read
from storage import across
from storage.engine import AcrossTx
from tests.story.graph_incident import (
    CONTOSO,
    FABRIKAM,
    Json,
    alert,
    device,
    incident,
    malware_ran,
)
from tests.story.house import House, house
from tests.story.house import words as words_of
from tests.story.test_commands import MIA, PROVIDER, asked_first, said, writes
from tests.story.test_pager import alarms
from triage.customer import Provider
from triage.duty import Duty
from triage.events import CloseOrdered, Taken
from triage.incident import Assignment, Disposition, Incident

HOURS, EVERY = 12, timedelta(minutes=12)
TICK = timedelta(minutes=6)
ACKNOWLEDGE = timedelta(minutes=10)
"""What both customers are promised for a grave case."""
WORKED = timedelta(minutes=90)

SAM, ANA = "Sam Okafor", "Ana Prado"


def shift(begin: datetime, name: str, who: str, first: float, last: float) -> str:
    """Of one analyst, from so many hours after the beginning to so many."""
    start, end = (f"{begin + timedelta(hours=h):%H:%M}:00" for h in (first, last))
    return f"""
[[shifts]]
name = "{name}"
zone = "UTC"
days = "mon-sun"
start = {start}
end = {end}
analysts = ["{who}@nordwall.example"]
"""


def roster(begin: datetime) -> str:
    """Mia leaves after five hours; Sam comes an hour before, and Ana as she leaves."""
    ana = f"""
[[analysts]]
object_id = "0b9d3c52-7d3e-4f0a-9b53-6a1f6a0e2c1b"
name = "{ANA}"
upn = "ana@nordwall.example"
"""
    return "".join(
        [
            ana,
            shift(begin, "Morning", "mia", -1, 5),
            shift(begin, "Day", "sam", 4, 10),
            shift(begin, "Evening", "ana", 5, 13),
        ]
    )


def beacon(n: int) -> tuple[Json, str]:
    """Something no playbook knows, on a machine of its own: nobody is asked, an analyst must look."""
    tenant, customer = (CONTOSO, "contoso") if n % 2 else (FABRIKAM, "fabrikam")
    seen = device(f"host-{n}.example", machine=f"{n:040}")
    told = alert("Odd beacon", "microsoftDefenderForEndpoint", seen, id_=f"da{n}")
    return incident(told, id_=str(9000 + n), tenant=tenant), customer


@dataclass
class Watch:
    """Everything open at the last look, and since when a case was nobody's who is on duty."""

    h: House
    provider: Provider
    held: dict[str, set[str]] = field(default_factory=dict)
    """By holder, the names of what was open of theirs."""
    alone_since: dict[str, datetime] = field(default_factory=dict)
    open: list[Incident] = field(default_factory=list)

    async def look(self) -> None:
        now = self.h.clock.now()
        self.open, duty = await self.h.vouch.store.read_across(lambda tx: self._read(tx, now))
        self.held = {}
        for case in self.open:
            self.held.setdefault(case.holder or "", set()).add(case.name)
            if case.holder is not None and duty.has(case.holder):
                self.alone_since.pop(case.name, None)
                continue
            since = self.alone_since.setdefault(case.name, now)
            assert now - since <= ACKNOWLEDGE, f"{case.name} is nobody's since {since}"

    def _read(self, tx: AcrossTx, now: datetime) -> tuple[list[Incident], Duty]:
        page = across.listed(tx, across.Listing(), 100, 0)
        return [case for case, _ in page.cases], read(tx, self.provider, now)

    async def work(self) -> None:
        """Whoever was given a case takes it at the next look, and closes it in an hour and a half."""
        now = self.h.clock.now()
        for case in self.open:
            given = case.assignment
            if isinstance(given, Assignment) and now - given.at >= timedelta(minutes=5):
                await self._do(case, Taken(given.to, given.to_name))
            elif case.owner and case.owner_name and now - case.received >= WORKED:
                close = CloseOrdered(
                    case.owner, case.owner_name, Disposition.FALSE_POSITIVE, "a test"
                )
                await self._do(case, close)

    async def _do(self, case: Incident, event: Taken | CloseOrdered) -> None:
        key = f"{event.kind}:{case.id}:{self.h.clock.now().isoformat()}"
        occurrence = Occurrence(key, event, case.id, event.by)
        await self.h.vouch.conductor.receive(case.customer, occurrence)

    async def handed_over(self) -> list[tuple[str, set[str]]]:
        """Each handover card: who left, and the cases on it."""
        cards = [m for m in await self.h.thread(PROVIDER) if m.card]
        texts = [m.text for m in cards if " hands over, " in m.text]
        return [(t.partition(" hands over, ")[0], _names(t)) for t in texts]


def _names(text: str) -> set[str]:
    return set(re.findall(r"(?:CONTOSO|FABRIKAM)-[0-9]+", text))


def _id(provider: Provider, name: str) -> str:
    return next(a.object_id for a in provider.analysts if a.name == name)


async def test_in_twelve_hours_of_shifts_no_case_is_left_alone_and_handovers_name_all_that_is_open(
    tmp_path: Path,
) -> None:
    begin = datetime.now(UTC).replace(second=0, microsecond=0)
    async with house(tmp_path, {"nordwall": lambda text: text + roster(begin)}) as h:
        provider = await h.vouch.store.read_across(across.provider)
        assert provider is not None
        watch = Watch(h, provider)
        mia, sam, ana = (_id(provider, name) for name in (MIA, SAM, ANA))
        reported, left = 0, False
        expected: list[tuple[str, set[str]]] = []
        for minute in range(0, HOURS * 60, TICK // timedelta(minutes=1)):
            if minute % (EVERY // timedelta(minutes=1)) == 0:
                reported += 1
                await h.report(*beacon(reported))
            await watch.look()
            await watch.work()
            await h.settle()
            await watch.look()
            if minute == 7 * 60:
                expected.append((SAM, watch.held[sam]))
                assert "Sam Okafor: " in await writes(h, SAM, "shift")
                count = len(watch.held[sam])
                asked, told = await leaves(h, SAM, "shift off")
                assert f"change hands: {count}\nTo {ANA}: " in asked
                assert _names(asked) == watch.held[sam]
                assert told == f"Your shift is over. Open cases handed over: {count}"
                await watch.look()
                assert sam not in watch.held
                left = True
            if minute == 5 * 60 - 6:
                expected.append((MIA, watch.held[mia]))
            await h.later(minutes=TICK / timedelta(minutes=1))

        await watch.look()
        assert (reported, left) == (60, True)
        assert set(watch.held) == {ana}
        assert await watch.handed_over() == expected
        assert all(names for _, names in expected)


async def leaves(h: House, who: str, words: str) -> tuple[str, str]:
    """What is shown first, and what is answered once it is confirmed."""
    await said(h, who, words)
    await h.settle()
    asked = await asked_first(h)
    return asked.text, words_of(await h.press(who, asked, "do_it"))


async def card_of_the_case(h: House) -> str:
    return next(m.text for m in await h.thread(PROVIDER) if m.card)


async def test_who_leaves_names_who_follows_and_nobody_on_duty_rings_until_somebody_joins(
    tmp_path: Path,
) -> None:
    begin = datetime.now(UTC)
    shifts = shift(begin, "Short", "mia", -1, 8) + shift(begin, "Long", "sam", -1, 9)
    shifts += shift(begin, "Next", "sam", 9, 11)
    async with house(tmp_path, {"nordwall": lambda text: text + shifts}) as h:
        await h.report(malware_ran())
        assert f"Assigned to {SAM}: 0 open, on duty until" in await card_of_the_case(h)
        [called] = [s for s in h.sent if s.activity.get("entities")]
        assert called.activity["text"].startswith(f"<at>{SAM}</at> Assigned to {SAM}")

        told = await writes(h, SAM, "handover", in_thread=True)
        assert told.startswith("This would hand over all your open cases")
        asked, told = await leaves(h, SAM, "handover to Mia")
        assert f"Open cases that change hands: 1\nTo {MIA}: CONTOSO-1\n" in asked
        assert told == "Your shift is over. Open cases handed over: 1"
        assert f"Handed over to {MIA}: 0 open" in await card_of_the_case(h)
        assert (await writes(h, MIA, "handover to Sam")).startswith(f"{SAM} cannot get your cases")
        assert await alarms(h) == []
        told = await writes(h, MIA, "shift on")
        assert told.startswith("You are on duty until"), "she stays past the end of her shift"

        asked, _ = await leaves(h, MIA, "leave")
        assert "To nobody: CONTOSO-1. Nobody is on duty who could get them" in asked
        assert (await writes(h, MIA, "shift")).startswith("Nobody is on duty now.")
        [alarm] = await alarms(h)
        assert "nobody is on duty" in alarm["summary"]

        told = await writes(h, SAM, "shift on") + await writes(h, SAM, "shift on")
        next_ends = f"{begin + timedelta(hours=11):%H:%M}"
        assert re.findall(r"until .+?(\d\d:\d\d)", told) == [next_ends] * 2
        assert f"Assigned to {SAM}: 0 open" in await card_of_the_case(h)
        assert await writes(h, SAM, "take 1") == "CONTOSO-1: The case is yours."
        [alarm] = await alarms(h)
        assert alarm["state"] == "resolved"
        handed = [m.text for m in await h.thread(PROVIDER) if " hands over, " in m.text]
        assert [(MIA in text, "Nobody is on duty" in text) for text in handed] == [
            (True, False),
            (True, True),
        ]

        mentioned = await writes(h, MIA, "take 1")
        assert mentioned == f"<at>{SAM}</at> {MIA} has taken this case over."
        [told] = [t for t in await h.told(PROVIDER) if f"It was {SAM}'s, who is told." in t]
        assert f"{MIA} is not on duty: at the next" in told
        told = await writes(h, MIA, "assign 1 to Sam")
        assert told == f"CONTOSO-1: The case is given to {SAM}."
        assert f"{MIA} is not on duty" in await writes(h, SAM, "assign 1 to Mia")


async def test_whoever_leaves_gives_away_what_was_shown_and_nothing_else(tmp_path: Path) -> None:
    begin = datetime.now(UTC)
    shifts = shift(begin, "Short", "mia", -1, 8) + shift(begin, "Long", "sam", -1, 9)
    async with house(tmp_path, {"nordwall": lambda text: text + shifts}) as h:
        await h.report(malware_ran())
        await said(h, SAM, "shift off")
        await h.settle()
        asked = await asked_first(h)
        assert f"To {MIA}: CONTOSO-1" in asked.text
        assert "Only whoever wrote" in words_of(await h.press(MIA, asked, "do_it"))
        assert (await h.incident("4711")).holder == await object_id(h, SAM)
        told = await writes(h, MIA, "shift off")
        assert told == "Your shift is over. Open cases handed over: 0", "nothing to show first"

        anew = words_of(await h.press(SAM, asked, "do_it"))

        assert "changed since it was shown" in anew
        assert "To nobody: CONTOSO-1" in anew
        assert (await h.incident("4711")).holder == await object_id(h, SAM)
        assert await alarms(h) == []
        answers = await asyncio.gather(*(h.press_only(SAM, asked, "do_it") for _ in range(2)))
        await h.settle()
        assert {words_of(a) for a in answers} == {
            "Your shift is over. Open cases handed over: 1",
            "Thank you, we have this already.",
        }
        assert len([m for m in await h.thread(PROVIDER) if " hands over, " in m.text]) == 1
        [alarm] = await alarms(h)
        assert "nobody is on duty" in alarm["summary"]


async def test_whoever_got_a_case_is_called_in_its_thread_where_the_card_could_not(
    tmp_path: Path,
) -> None:
    begin = datetime.now(UTC)
    shifts = shift(begin, "Short", "mia", -1, 8) + shift(begin, "Long", "sam", -1, 9)
    async with house(tmp_path, {"nordwall": lambda text: text + shifts}) as h:
        await h.report(malware_ran())
        await said(h, SAM, "shift off")
        await h.settle()
        asked = await asked_first(h)
        h.accepts_trouble = True
        await h.fault(kind="blocked", method="POST", tenant=PROVIDER_TENANT)
        await h.later(minutes=1)

        await h.press(SAM, asked, "do_it")

        assert not [m for m in await h.thread(PROVIDER) if " hands over, " in m.text]
        *_, called = [s for s in h.sent if s.activity.get("entities")]
        assert called.activity["text"].startswith(f"<at>{MIA}</at> Handed over to {MIA}")
        assert (await h.incident("4711")).holder == await object_id(h, MIA)


async def object_id(h: House, name: str) -> str:
    provider = await h.vouch.store.read_across(across.provider)
    assert provider is not None
    return _id(provider, name)

"""What happens when a question gets no answer: a reminder, then one rung after the other."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from heapq import heapify, heappop, heappush
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.triage.triage_script import (
    ANNA,
    APPROVER,
    BOB,
    CARLA,
    CONTOSO,
    DAN,
    EVE,
    IT,
    PEOPLE,
    TEN_PAST_TEN,
    Case,
    contoso,
    malware_blocked,
    malware_ran,
    sign_in,
)
from triage.customer import Contact, Customer, PersonFacts, QuietHours, Role, WorkingHours
from triage.effects import Page, PageAction, Say
from triage.events import (
    CardsToday,
    CloseOrdered,
    Event,
    Facts,
    MergedInto,
    Taken,
    Undelivered,
)
from triage.incident import Disposition, Held, Person, Route, Rung

MANAGER = PersonFacts(upn=BOB.upn, manager=DAN.upn, phone="+49 30 1", phone_source="HR record")
SECURITY = Contact(upn=EVE.upn, name=EVE.name, roles=frozenset({Role.SECURITY}))
HELPED = contoso(contacts=(APPROVER, IT, SECURITY), people=(MANAGER,))
ALWAYS = QuietHours(time(0), time(0))
CLOSED = CloseOrdered(ANNA.object_id, ANNA.name, disposition=Disposition.FALSE_POSITIVE)


class Helped(Case):
    """With the roster's helpers, and the cards people had today, as the conductor gives them."""

    helpers: tuple[Person, ...] = PEOPLE
    cards: dict[str, CardsToday]

    def _facts(self, event: Any) -> Facts:
        known = {p.upn.lower(): p for p in self.helpers}
        return replace(super()._facts(event), helpers=known, cards=getattr(self, "cards", {}))


def case(customer: Customer = HELPED, **known: Any) -> Helped:
    helped = Helped(replace(customer, quiet=ALWAYS))
    for name, value in known.items():
        setattr(helped, name, value)
    return helped


def said_to(of: Case, person: Person) -> list[str]:
    """Each once: what is ordered under one key is done once."""
    place = f"person:{person.object_id}"
    said = {e.key: e.says.key for e in of.ever if isinstance(e, Say) and e.place == place}
    return [*said.values()]


def alarms(of: Case, *does: PageAction) -> list[tuple[PageAction, str]]:
    return [(e.does, e.alarm) for e in of.ever if isinstance(e, Page) and e.does in does]


def rungs(of: Case) -> list[Rung]:
    return [step.rung for step in of.question("q1").steps if step.skipped is None]


def test_bob_is_reminded_once_at_half_time() -> None:
    asked = case().reported(malware_ran()).until_due("remind")

    assert asked.now - asked.question("q1").asked_at == timedelta(minutes=7.5)
    assert said_to(asked, BOB) == ["reach.reminder"]
    assert said_to(asked.wakes("remind:q1"), BOB) == ["reach.reminder"]


def test_who_has_answered_or_written_is_not_reminded() -> None:
    assert (
        said_to(case().reported(malware_ran()).writes("What is this?").until_due("remind"), BOB)
        == []
    )
    assert (
        said_to(case().reported(malware_ran()).answers("not_sure").until_due("remind"), BOB) == []
    )


def test_silence_asks_the_manager_then_the_contact_then_calls_then_rings() -> None:
    silent = case().reported(malware_ran()).until_due("question")
    assert (rungs(silent), silent.state.calls) == ([Rung.MANAGER], ())
    assert [p.key for p in silent.manager_card(DAN).says] == ["reach.manager"]

    silent.until_due("rung")
    assert (rungs(silent)[-1], said_to(silent, EVE)) == (Rung.CONTACT, ["reach.contact"])

    silent.until_due("rung")
    assert rungs(silent)[-1] is Rung.ANALYST
    assert [c.number for c in silent.state.calls] == ["+49 30 1"]
    assert silent.state.handed_over

    silent.until_due("call")
    assert [e.alarm.split(":")[2] for e in silent.ordered if isinstance(e, Page)] == ["callc1"]
    assert [e for e in silent.wakes("call:c1").ordered if isinstance(e, Page)] == []


def test_in_a_night_of_three_hundred_incidents_every_rung_comes_at_its_second() -> None:
    begins = [TEN_PAST_TEN + number * timedelta(seconds=96) for number in range(300)]
    night = [case(now=at).reported(malware_ran()) for at in begins]
    due = [(wake.at, n, wake.name) for n, of in enumerate(night) for wake in of.wakes_ordered]
    heapify(due)
    known = set(due)
    while due:
        at, number, name = heappop(due)
        of = night[number]
        of.now = at
        for wake in of.wakes(name).wakes_ordered:
            if (wake.at, number, wake.name) not in known:
                known.add((wake.at, number, wake.name))
                heappush(due, (wake.at, number, wake.name))

    for of, began in zip(night, begins, strict=True):
        steps = of.question("q1").steps
        assert [(step.rung, step.at - began) for step in steps] == [
            (Rung.MANAGER, timedelta(minutes=15)),
            (Rung.CONTACT, timedelta(minutes=20)),
            (Rung.ANALYST, timedelta(minutes=25)),
        ]
        rings = [e.at - began for e in of.ever if isinstance(e, Page)]
        assert rings == [timedelta(minutes=10), timedelta(minutes=40)]
        assert said_to(of, BOB) == ["reach.reminder"]


def test_silence_weighs_nothing_on_any_rung() -> None:
    silent = case().reported(malware_ran())
    before = silent.log_odds

    silent.until_due("question").until_due("rung").until_due("rung").until_due("call")

    assert silent.log_odds == before


def test_an_answer_on_any_rung_ends_the_climb() -> None:
    silent = case().reported(malware_ran()).until_due("question").answers("not_me")

    silent.until_due("rung")

    assert rungs(silent) == [Rung.MANAGER]
    assert silent.state.calls == ()


def test_a_call_that_is_made_ends_the_alarm() -> None:
    silent = case().reported(malware_ran()).until_due("question").until_due("rung")
    silent.until_due("rung").until_due("call").says_on_the_phone("not_me")

    ended = [e.alarm for e in silent.ordered if isinstance(e, Page) and "call" in e.alarm]
    assert [alarm.split(":")[2] for alarm in ended] == ["callc1"]
    assert ended[0] in [alarm for _, alarm in alarms(silent, PageAction.RESOLVE)]


def test_a_case_that_is_nobodys_once_more_rings_once_more() -> None:
    rung = case().reported(malware_ran()).answers("not_sure").until_due("clock:acknowledge")
    rung.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    [(_, first)] = alarms(rung, PageAction.TRIGGER)
    assert alarms(rung, PageAction.ACKNOWLEDGE, PageAction.RESOLVE) == [
        (PageAction.ACKNOWLEDGE, first), (PageAction.RESOLVE, first),
    ]  # fmt: skip

    rung.current = replace(rung.state, owner=None, owner_name=None)
    rung.happens(Undelivered("analyst", None, "gone"), after=30)

    assert len({alarm for _, alarm in alarms(rung, PageAction.TRIGGER)}) == 2


@pytest.mark.parametrize("ends", [CLOSED, MergedInto("i-2", "CONTOSO-41")])
def test_when_the_case_is_over_nobody_else_is_asked(ends: Event) -> None:
    silent = case().reported(malware_ran()).until_due("question").happens(ends)

    silent.until_due("rung")

    assert (said_to(silent, EVE), silent.state.calls) == ([], ())
    assert silent.question("q1").state.state == "silent"


def test_who_comes_under_suspicion_in_the_climb_is_called_once() -> None:
    silent = case().reported(malware_ran()).until_due("question")
    silent.at_risk = frozenset({BOB.object_id})

    silent.wakes("clock").until_due("rung")

    assert silent.open_calls == [BOB.name]
    assert said_to(silent, EVE) == []


def test_whoever_cannot_be_reached_is_skipped_at_once() -> None:
    gone = case(helpers=tuple(replace(p, reachable=p is not DAN) for p in PEOPLE))
    assert rungs(gone.reported(malware_ran()).until_due("question")) == [Rung.CONTACT]

    silent = case().reported(malware_ran()).until_due("question")
    silent.happens(Undelivered(f"person:{DAN.object_id}", DAN.object_id, "blocked"))
    assert said_to(silent, EVE) == ["reach.contact"]


def test_nobody_else_hears_of_a_suspect_account() -> None:
    phoned = case().reported(sign_in(CARLA))

    assert phoned.question("q1").route is Route.PHONE
    phoned.until_due("call")
    assert said_to(phoned, DAN) == said_to(phoned, EVE) == []


def test_who_is_concerned_themselves_helps_nobody() -> None:
    silent = case().reported(malware_ran(BOB, DAN)).until_due("question")

    assert said_to(silent, DAN) == []


# --- what is not urgent ---------------------------------------------------------------------------

NIGHT = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


def test_what_is_not_urgent_waits_for_the_morning() -> None:
    held = Case(replace(CONTOSO, quiet=QuietHours()), now=NIGHT).reported(malware_blocked())
    state = held.question("q1").state
    assert isinstance(state, Held)
    assert state.until == datetime(2026, 11, 25, 7, tzinfo=UTC)

    held.until_due("send")

    assert held.question("q1").state.state == "open"


@pytest.mark.parametrize("ends", [CLOSED, MergedInto("i-2", "CONTOSO-41")])
def test_what_was_never_sent_is_no_news_to_bob_when_it_ends(ends: Event) -> None:
    held = Case(replace(CONTOSO, quiet=QuietHours()), now=NIGHT).reported(malware_blocked())

    held.happens(ends)

    assert f"person:{BOB.object_id}" not in held.views()
    assert said_to(held, BOB) == []


def test_what_was_never_sent_tells_a_suspect_account_nothing() -> None:
    held = Case(replace(CONTOSO, quiet=QuietHours()), now=NIGHT).reported(malware_blocked())
    held.at_risk = frozenset({BOB.object_id})

    held.wakes("clock")

    assert (held.question("q1").state.state, held.question("q1").route) == (
        "withdrawn", Route.CARD,
    )  # fmt: skip
    assert f"person:{BOB.object_id}" not in held.views()


def test_what_is_urgent_wakes_bob() -> None:
    urgent = Case(replace(CONTOSO, quiet=QuietHours()), now=NIGHT).reported(malware_ran())

    assert urgent.question("q1").state.state == "open"


def test_a_second_card_within_the_minutes_waits_for_their_end() -> None:
    had = case(cards={BOB.object_id: CardsToday(1, datetime(2026, 11, 24, 10, 5, tzinfo=UTC))})
    state = had.reported(malware_blocked()).question("q1").state

    assert isinstance(state, Held)
    assert state.until == datetime(2026, 11, 24, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("report", "route"), [(malware_blocked, Route.PHONE), (malware_ran, Route.CARD)]
)
def test_a_fourth_card_of_the_day_becomes_a_call_unless_it_is_urgent(
    report: Any, route: Route
) -> None:
    had = case(cards={BOB.object_id: CardsToday(3, datetime(2026, 11, 24, 8, tzinfo=UTC))})

    assert had.reported(report()).question("q1").route is route


@settings(max_examples=60)
@given(
    st.integers(0, 24 * 60 * 14),
    st.sampled_from(["Europe/Berlin", "America/Chicago", "Asia/Kolkata"]),
)
def test_whenever_it_comes_somebody_is_called_in_the_end(minute: int, zone: str) -> None:
    hours = WorkingHours(frozenset(range(5)), time(8), time(17))
    customer = replace(HELPED, zone=zone, hours=hours, quiet=QuietHours())
    silent = Helped(customer, now=NIGHT + timedelta(minutes=minute)).reported(malware_blocked())
    if isinstance(silent.question("q1").state, Held):
        silent.until_due("send")
    silent.until_due("question").until_due("rung").until_due("rung")

    assert [c.person for c in silent.state.calls if c.done_at is None] == [BOB]

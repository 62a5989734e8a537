"""Service levels: when each clock begins, stands still and stops, and who hears of it."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.test_always import (
    STORIES,
    Story,
    always,
    played,
)
from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    CARLA,
    PEOPLE,
    TEN_PAST_TEN,
    Case,
    contoso,
    keys,
    later,
    malware_blocked,
    malware_ran,
    remote_tool,
    sign_in,
)
from triage import clocks
from triage.actions import LOOKING, ActionKind
from triage.customer import Customer, Due, QuietHours, ServiceLevels, Targets
from triage.effects import ANALYST_THREAD, Page, PageAction, Wake
from triage.events import ActionDone, MergedInto, Reopened, Taken, Undelivered, Woke
from triage.incident import (
    Clock,
    Disposition,
    Held,
    Kept,
    Paused,
    Promise,
    Spared,
    Ticking,
)
from triage.phrases import Moment
from triage.priority import Level
from triage.report import Severity

PROMISED = Targets(acknowledge=10, contact=15, contain=30, resolve=120)
LEVELS = ServiceLevels(
    high=PROMISED, medium=replace(PROMISED, resolve=240), low=replace(PROMISED, resolve=480)
)
ASKS = contoso(sla=LEVELS, quiet=QuietHours(time(0), time(0)))
AT_ONCE = replace(ASKS, rules=AUTOMATIC)
UNASKED = replace(ASKS, contacts=())
"""Nobody there can approve anything."""
TAKEN = Taken(ANNA.object_id, ANNA.name)
FALSE_ALARM: dict[str, Any] = {"disposition": Disposition.FALSE_POSITIVE}


def case(customer: Customer = ASKS, **known: Any) -> Case:
    return Case(customer, **known)


def clock(of: Case, promise: Promise) -> Clock:
    found = clocks.current(of.state, promise)
    assert found is not None
    return found


def ran(of: Case, promise: Promise) -> float:
    return clocks.elapsed(clock(of, promise), of.now) / timedelta(minutes=1)


def stands(of: Case) -> dict[str, str]:
    return {c.promise.key: c.stands.key for c in of.desk().clocks}


def due_after(of: Case, promise: Promise) -> float:
    due = clock(of, promise).due
    assert due is not None
    return (due - TEN_PAST_TEN) / timedelta(minutes=1)


def told(of: Case, key: str) -> list[str]:
    return [k for k in of.told(ANALYST_THREAD) if k == key]


WARNED, MISSED = "timeline.clock_warned", "timeline.missed.acknowledge"
UNCLOSED = "timeline.missed.resolve"


# --- acknowledge ---------------------------------------------------------------------------------


def test_a_case_that_is_handed_over_is_to_be_taken_in_time() -> None:
    handed = case().reported(malware_ran(by_hand=True))

    assert handed.state.handed_over is not None
    assert due_after(handed, Promise.ACKNOWLEDGE) == 10
    handed.happens(TAKEN, after=4)
    assert clock(handed, Promise.ACKNOWLEDGE).state == Kept(handed.now)
    assert stands(handed)["promise.acknowledge"] == "stands.kept"


def test_a_case_that_nobody_has_to_look_at_needs_no_analyst() -> None:
    asked = case().reported(malware_blocked())

    assert asked.state.handed_over is None
    assert clocks.current(asked.state, Promise.ACKNOWLEDGE) is None
    assert "promise.acknowledge" not in stands(asked)


def test_nobody_takes_it_the_thread_is_warned_then_told_and_the_pager_rings() -> None:
    handed = case().reported(malware_ran(by_hand=True))

    handed.wakes("clock", after=7.5)
    assert (told(handed, WARNED), stands(handed)["promise.acknowledge"]) == (
        [WARNED],
        "stands.soon",
    )
    handed.wakes("clock", after=2.5)
    assert told(handed, MISSED) == [MISSED]
    rings = [e.alarm for e in handed.ordered if isinstance(e, Page)]
    assert [alarm.split(":")[2].split("@")[0] for alarm in rings] == ["take"]
    assert stands(handed)["promise.acknowledge"] == "stands.missed"


def test_taking_it_late_stays_late() -> None:
    late = case().reported(malware_ran(by_hand=True)).happens(TAKEN, after=12)

    assert told(late, MISSED) == [MISSED]
    assert not any(isinstance(e, Page) for e in late.ordered)
    assert clock(late, Promise.ACKNOWLEDGE).missed
    [shown] = [c for c in late.desk().clocks if c.promise.key == "promise.acknowledge"]
    assert shown.stands.key == "stands.late"
    assert shown.stands.args["minutes"] == 12
    assert shown.stands.args["due"] == Moment(TEN_PAST_TEN + timedelta(minutes=10))


def test_closing_a_case_takes_it_too() -> None:
    closed = case().reported(malware_ran(by_hand=True)).closes(**FALSE_ALARM)

    assert isinstance(clock(closed, Promise.ACKNOWLEDGE).state, Kept)


# --- contact -------------------------------------------------------------------------------------


def test_a_card_that_is_sent_reaches_bob() -> None:
    asked = case().reported(malware_ran())

    assert clock(asked, Promise.CONTACT).state == Kept(TEN_PAST_TEN)


def test_a_card_that_did_not_arrive_has_reached_nobody() -> None:
    gone = case(UNASKED).reported(malware_ran()).happens(TAKEN)
    gone.happens(Undelivered(f"person:{BOB.object_id}", BOB.object_id, "blocked"), after=1)

    assert isinstance(clock(gone, Promise.CONTACT).state, Ticking)
    assert any(isinstance(e, Wake) and e.name.startswith("clock:contact") for e in gone.ordered)
    gone.wakes("clock", after=14)
    assert clock(gone, Promise.CONTACT).missed


def test_who_has_answered_stays_reached_whatever_is_undelivered_later() -> None:
    answered = case().reported(malware_ran()).answers("opened")
    answered.happens(Undelivered(f"person:{BOB.object_id}", BOB.object_id, "blocked"), after=1)

    assert clock(answered, Promise.CONTACT).state == Kept(TEN_PAST_TEN)


def test_whose_account_is_suspect_is_reached_by_phone_alone() -> None:
    phoned = case(UNASKED).reported(sign_in(CARLA))
    assert isinstance(clock(phoned, Promise.CONTACT).state, Ticking)

    phoned.says_on_the_phone("not_mine", after=9)

    assert clock(phoned, Promise.CONTACT).state == Kept(phoned.now)


def test_what_came_through_a_suspect_account_is_no_contact() -> None:
    neutral = case(UNASKED).reported(sign_in(CARLA, Severity.LOW)).answers("call_me", after=2)
    assert neutral.question().replies
    assert isinstance(clock(neutral, Promise.CONTACT).state, Ticking)

    neutral.says_on_the_phone("mine")

    assert clock(neutral, Promise.CONTACT).state == Kept(neutral.now)


def test_an_approver_who_is_asked_in_the_thread_is_reached() -> None:
    asked = case().reported(sign_in(CARLA))

    assert asked.approval().state == "open"
    assert clock(asked, Promise.CONTACT).state == Kept(TEN_PAST_TEN)


def test_nobody_is_to_be_reached_while_the_question_waits_for_the_morning() -> None:
    night = TEN_PAST_TEN.replace(hour=22)
    held = Case(replace(ASKS, quiet=QuietHours()), now=night).reported(malware_blocked())
    assert isinstance(held.question("q1").state, Held)
    assert clocks.current(held.state, Promise.CONTACT) is None

    held.until_due("send")

    assert clock(held, Promise.CONTACT).state == Kept(held.now)


# --- contain -------------------------------------------------------------------------------------


def test_contain_runs_from_when_the_score_asks_for_it() -> None:
    phoned = case(UNASKED).reported(sign_in(CARLA))
    assert clocks.current(phoned.state, Promise.CONTAIN) is None

    phoned.says_on_the_phone("not_mine", after=9)

    assert clock(phoned, Promise.CONTAIN).since == phoned.now
    assert due_after(phoned, Promise.CONTAIN) == 9 + 30


def test_the_last_containment_that_is_asked_for_stops_the_clock() -> None:
    ordered = case(AT_ONCE).reported(malware_ran()).answers("not_me")
    looking = ordered.action(ActionKind.SCAN_DEVICE)
    ordered.happens(ActionDone(looking.id, rehearsed=False), after=1)
    assert not isinstance(clock(ordered, Promise.CONTAIN).state, Kept)  # a scan stops nobody

    stopping = [a for a in ordered.state.actions if a.kind not in LOOKING]
    assert len(stopping) > 1
    for action in stopping:
        assert not isinstance(clock(ordered, Promise.CONTAIN).state, Kept)
        ordered.happens(ActionDone(action.id, rehearsed=False), after=1)
    stopped = clock(ordered, Promise.CONTAIN)
    assert stopped.state == Kept(ordered.now)

    ordered.wakes("clock", after=90).closes(**FALSE_ALARM)
    assert clock(ordered, Promise.CONTAIN) == stopped


def test_what_the_customer_refuses_is_not_ours_to_contain_in_time() -> None:
    denied = _approvals_asked().denies(after=2).denies(on="p2").wakes("clock", after=500)

    assert not clock(denied, Promise.CONTAIN).missed
    assert stands(denied)["promise.contain"] == "stands.idle"


# --- pauses --------------------------------------------------------------------------------------


def _approvals_asked() -> Case:
    """At 10:11: quarantine the file, isolate the laptop?"""
    return case().reported(malware_ran()).answers("not_me")


def test_a_clock_stands_still_while_the_customer_is_asked_to_approve() -> None:
    asked = _approvals_asked()
    assert isinstance(clock(asked, Promise.CONTAIN).state, Paused)
    assert stands(asked)["promise.contain"] == "stands.paused"

    asked.approves(after=3).denies(on="p2", after=7)

    assert isinstance(clock(asked, Promise.CONTAIN).state, Ticking)
    assert due_after(asked, Promise.CONTAIN) == 1 + 3 + 7 + 30
    asked.done("a2", after=3)
    assert ran(asked, Promise.CONTAIN) == 3


def test_a_clock_stands_still_while_bob_has_the_question() -> None:
    asked = case().reported(malware_blocked())
    assert isinstance(clock(asked, Promise.RESOLVE).state, Paused)

    asked.answers("unexpected", after=12).wakes("clock", after=8)

    assert ran(asked, Promise.RESOLVE) == 8
    assert due_after(asked, Promise.RESOLVE) == 12 + 480


def test_what_stood_still_when_the_case_was_closed_does_not_count() -> None:
    closed = case().reported(malware_blocked()).wakes("clock", after=40).closes(**FALSE_ALARM)

    assert isinstance(clock(closed, Promise.RESOLVE).state, Kept)
    assert ran(closed, Promise.RESOLVE) == 0


def test_nobody_is_waited_for_after_bobs_time_is_over() -> None:
    silent = case().reported(malware_blocked()).until_due("question").wakes("clock", after=5)

    assert ran(silent, Promise.RESOLVE) == 5


def test_an_analyst_who_has_to_call_keeps_the_clock_running() -> None:
    phoned = case(UNASKED).reported(sign_in(CARLA)).wakes("clock", after=7)

    assert ran(phoned, Promise.RESOLVE) == 7


def test_an_approval_that_the_thread_must_not_show_waits_for_nobody() -> None:
    reads = replace(CARLA, reads_thread=True)
    guarded = Case(ASKS, roster=(reads, *PEOPLE[2:])).reported(sign_in(reads))
    assert any(a.state == "open" for a in guarded.state.approvals)
    assert isinstance(clock(guarded, Promise.CONTACT).state, Ticking)

    guarded.says_on_the_phone("not_mine", after=1)
    assert guarded.thread().placeholder
    assert any(a.state == "open" for a in guarded.state.approvals)

    guarded.wakes("clock", after=7)

    assert ran(guarded, Promise.RESOLVE) == 8


def test_a_placeholder_shows_no_clock() -> None:
    reads = replace(CARLA, reads_thread=True)
    guarded = Case(ASKS, roster=(reads, *PEOPLE[2:])).reported(sign_in(reads))

    assert guarded.thread().clocks == ()


# --- targets -------------------------------------------------------------------------------------


def test_the_target_goes_by_priority() -> None:
    targets = [clocks.target_of(ASKS, level, Promise.RESOLVE) for level in Level]
    assert targets == [120, 120, 240, 480]

    tool = case().reported(remote_tool())

    assert tool.desk().priority.level is Level.P3
    assert due_after(tool, Promise.RESOLVE) == 240


def test_a_case_that_becomes_urgent_is_due_sooner() -> None:
    grows = case(AT_ONCE).reported(malware_blocked()).answers("unexpected")
    assert due_after(grows, Promise.RESOLVE) == 1 + 480

    grows.reported(later(malware_ran(by_hand=True), minutes=30), after=9)

    assert grows.desk().priority.level is Level.P1
    assert due_after(grows, Promise.RESOLVE) == 1 + 120


def test_what_was_missed_stays_due_when_it_was() -> None:
    late = case(AT_ONCE).reported(malware_blocked()).answers("unexpected").wakes("clock", after=500)
    assert clock(late, Promise.RESOLVE).missed

    late.reported(later(malware_ran(by_hand=True), minutes=30), after=1)

    assert late.desk().priority.level is Level.P1
    assert due_after(late, Promise.RESOLVE) == 1 + 480


def test_what_is_not_promised_is_neither_shown_nor_missed() -> None:
    never = replace(PROMISED, resolve=Due.NONE)
    open_ended = case(replace(ASKS, sla=ServiceLevels(low=never))).reported(malware_blocked())
    open_ended.answers("unexpected").wakes("clock", after=60 * 24 * 30)

    assert "promise.resolve" not in stands(open_ended)
    assert not clock(open_ended, Promise.RESOLVE).missed


def test_a_pause_moves_the_next_workday_too() -> None:
    workday = replace(PROMISED, resolve=Due.NEXT_WORKDAY)
    asked = case(replace(ASKS, sla=ServiceLevels(low=workday))).reported(malware_blocked())
    assert clock(asked, Promise.RESOLVE).due == datetime.fromisoformat("2026-11-26T00:00+00:00")

    asked.answers("unexpected", after=14 * 60)

    assert clock(asked, Promise.RESOLVE).due == datetime.fromisoformat("2026-11-27T00:00+00:00")


# --- warnings and breaches -----------------------------------------------------------------------


def _running() -> Case:
    """Resolve runs from 10:11 on, for eight hours."""
    return case().reported(malware_blocked()).answers("unexpected").happens(TAKEN, after=1)


@pytest.mark.parametrize("minutes", [0, 358])
def test_a_wake_that_comes_early_does_nothing(minutes: int) -> None:
    early = _running()
    before = early.state.clocks

    early.wakes("clock:resolve:whenever", after=minutes)

    assert early.state.clocks == before
    assert early.told(ANALYST_THREAD) == []


def test_each_is_told_once_however_often_a_wake_comes() -> None:
    running = _running().until_due("clock:resolve")
    assert running.now - TEN_PAST_TEN == timedelta(minutes=481)
    assert told(running, UNCLOSED) == [UNCLOSED]

    running.wakes("clock").wakes("clock", after=400)

    assert running.told(ANALYST_THREAD) == []
    assert running.noted().count(UNCLOSED) == 1


def test_a_warning_that_comes_too_late_is_a_breach_alone() -> None:
    late = _running().wakes("clock", after=500)

    assert (told(late, WARNED), told(late, UNCLOSED)) == ([], [UNCLOSED])


def test_the_next_moment_to_look_is_ordered_as_the_clock_moves() -> None:
    asked = _approvals_asked().approves(after=3).denies(on="p2", after=7)

    names = [e.name for e in asked.ordered if isinstance(e, Wake) and "contain" in e.name]
    assert names == [
        f"clock:contain:{(asked.now + timedelta(minutes=m)).isoformat()}" for m in (22.5, 30)
    ]


def test_a_breach_is_kept_after_closing() -> None:
    closed = _running().wakes("clock", after=500).closes(**FALSE_ALARM)

    assert clock(closed, Promise.RESOLVE).missed
    assert stands(closed)["promise.resolve"] == "stands.late"
    assert "stands.late" in keys(c.stands for c in closed.thread().clocks)


def test_what_a_case_no_longer_needs_when_it_ends_is_not_missed() -> None:
    phoned = case(UNASKED).reported(sign_in(CARLA)).closes(**FALSE_ALARM)

    assert isinstance(clock(phoned, Promise.CONTACT).state, Spared)
    assert "promise.contact" not in stands(phoned)
    assert not clock(phoned.wakes("clock", after=500), Promise.CONTACT).missed


def test_a_merged_case_is_not_resolved_but_spared() -> None:
    merged = _running().happens(MergedInto("i-2", "CONTOSO-43"), after=1)

    assert isinstance(clock(merged, Promise.RESOLVE).state, Spared)


# --- reopening -----------------------------------------------------------------------------------


def test_a_reopened_case_has_new_clocks_and_keeps_the_old_ones_as_they_were() -> None:
    closed = _running().wakes("clock", after=500).closes(**FALSE_ALARM)
    before = closed.state.clocks

    closed.happens(Reopened(ANNA.object_id, ANNA.name), after=60)

    assert closed.state.clocks[: len(before)] == before
    anew = clock(closed, Promise.RESOLVE)
    assert (anew.since, anew.missed, anew.state) == (closed.now, False, Ticking())
    assert keys(c.stands for c in closed.desk().clocks) == [
        "stands.missed_before",
        "stands.ticking",
    ]


def test_what_reopens_by_itself_is_nobodys_and_rings_until_somebody_takes_it() -> None:
    """Whoever had taken it has closed it, and may have gone home."""
    again = case().reported(malware_ran(by_hand=True)).happens(TAKEN, after=1).closes(**FALSE_ALARM)
    again.reported(malware_ran(by_hand=True, source_id="7"), after=60)

    assert (again.state.owner, again.state.owner_name) == (None, None)
    again.wakes("clock", after=15)
    rings = [e.alarm for e in again.ordered if isinstance(e, Page)]
    assert [alarm.split(":")[2].split("@")[0] for alarm in rings] == ["take"]
    again.happens(TAKEN, after=1)
    ended = [e.does for e in again.ordered if isinstance(e, Page)]
    assert ended == [PageAction.ACKNOWLEDGE, PageAction.RESOLVE]


def test_who_reopens_a_case_has_it_and_nobody_is_rung() -> None:
    again = case().reported(malware_ran(by_hand=True)).closes(**FALSE_ALARM)
    again.happens(Reopened(ANNA.object_id, ANNA.name), after=60).wakes("clock", after=60)

    assert (again.state.owner, again.state.owner_name) == (ANNA.object_id, ANNA.name)
    assert not any(isinstance(e, Page) for e in again.ordered)


def test_however_often_a_case_is_reopened_its_clocks_stay_few() -> None:
    again = _running()
    for _ in range(9):
        again.closes(**FALSE_ALARM).happens(Reopened(ANNA.object_id, ANNA.name), after=1)

    assert len(again.state.clocks) == clocks.MOST_CLOCKS
    assert clock(again, Promise.RESOLVE).generation == 9


# --- what always holds ---------------------------------------------------------------------------


@always
@given(STORIES)
def test_a_clock_never_runs_backwards_nor_longer_than_time_does(story: Story) -> None:
    for before, after, minutes in _steps(story):
        for old in before.clocks:
            new = next((c for c in after.clocks if _same(c, old)), None)
            if new is not None and not _taken_back(old, new):
                ran = clocks.elapsed(new, minutes[1]) - clocks.elapsed(old, minutes[0])
                assert timedelta() <= ran <= minutes[1] - minutes[0]


@always
@given(STORIES)
def test_what_stood_still_and_what_ran_are_all_the_time_there_was(story: Story) -> None:
    """Summed up by hand from the states between the events: no pause counts twice."""
    stood: dict[tuple[int, Promise], timedelta] = {}
    for before, after, (earlier, now) in _steps(story):
        for old in before.clocks:
            new = next((c for c in after.clocks if _same(c, old)), None)
            if new is None or isinstance(old.state, Kept | Spared):
                continue
            which = (old.generation, old.promise)
            still = now - earlier if isinstance(old.state, Paused) else timedelta()
            stood[which] = stood.get(which, timedelta()) + still
            assert clocks.elapsed(new, now) == now - new.since - stood[which]


@always
@given(STORIES)
def test_what_has_stopped_or_was_missed_stays_so(story: Story) -> None:
    for before, after, _ in _steps(story):
        for old in before.clocks:
            new = next((c for c in after.clocks if _same(c, old)), None)
            if new is None:
                continue
            assert new.missed or not old.missed
            assert not isinstance(old.state, Kept | Spared) or new == old or _taken_back(old, new)


@always
@given(STORIES, st.integers(0, 3))
def test_a_wake_that_has_nothing_to_do_changes_no_clock(story: Story, times: int) -> None:
    of, _, _ = [*played(story)][-1]
    before = of.happens(Woke("clock")).state.clocks
    for _ in range(times):
        of.happens(Woke("clock"))
        assert of.state.clocks == before


def _steps(story: Story) -> Any:
    """States before and after each event, and the times they are of."""
    seen = [(of.state, of.now) for of, _, _ in played(story)]
    for (before, earlier), (after, now) in pairwise(seen):
        yield before, after, (earlier, now)


def _same(one: Clock, other: Clock) -> bool:
    return (one.generation, one.promise) == (other.generation, other.promise)


def _taken_back(old: Clock, new: Clock) -> bool:
    """A card turned out not to have arrived: the one thing that sets a clock going again."""
    return old.promise is Promise.CONTACT and old.state.state == "kept" != new.state.state

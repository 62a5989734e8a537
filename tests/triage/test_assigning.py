"""Whose case it is: the rule, and what becomes of a case nobody takes, or whose analyst leaves."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ABE,
    ANNA,
    BOB,
    PROVIDER,
    TEN_PAST_TEN,
    Case,
    expected,
    malware_ran,
    mystery,
)
from triage.assigning import ENOUGH, WAKES, Candidate, Choice, choose, reason
from triage.customer import Analyst, Shift
from triage.duty import AtWork, Duty
from triage.effects import ANALYST_THREAD, Page, PageAction, Say
from triage.events import Assigned, Escalated, Reopened, Taken
from triage.incident import (
    Assignment,
    Band,
    Disposition,
    IncidentType,
    Party,
    Promise,
    Seeking,
    Why,
)
from triage.report import IncidentReport
from triage.story import story
from triage.taps import whose_turn

CLEO = Analyst(object_id="oid-cleo", name="Cleo", upn="cleo@provider.example")
ALL_DAY = Shift(
    name="All day",
    zone="UTC",
    days=frozenset(range(7)),
    start=time(),
    end=time(),
    analysts=(ANNA.upn, ABE.upn, CLEO.upn),
)
KEPT = replace(PROVIDER, analysts=(ANNA, ABE, CLEO), shifts=(ALL_DAY,))
DOWNLOAD = told_of(IncidentType.MASS_DOWNLOAD)
"""Bob is asked, and nobody else must look."""
EVENING = TEN_PAST_TEN + timedelta(hours=8)


def working(**counts: int) -> Duty:
    """Who is on duty until the evening, with so many open cases."""
    return Duty({f"oid-{name}": AtWork(EVENING, count) for name, count in counts.items()})


def case(duty: Duty) -> Case:
    return Case(provider=KEPT, duty=duty)


def given_to(case: Case) -> str | None:
    given = case.state.assignment
    return given.to_name if isinstance(given, Assignment) else None


def leaves(who: Analyst, to: Analyst, untold: datetime | None = None) -> str:
    """The wake of a handover; of one whose card, of that moment, told nobody."""
    what = f"untold:{who.object_id}:{untold.isoformat()}" if untold else f"handover:{who.object_id}"
    return f"{what}:{to.object_id}"


def rung(case: Case) -> list[str]:
    pages = [e for e in case.ordered if isinstance(e, Page)]
    return [p.says.key for p in pages if p.does is PageAction.TRIGGER]


# --- the rule ------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)

candidates = st.lists(
    st.builds(
        lambda n, minutes, count, named: Candidate(
            Analyst(object_id=f"oid-{n}", name=f"A{n}", upn=f"a{n}@provider.example"),
            AtWork(NOW + timedelta(minutes=minutes), count),
            named,
        ),
        st.integers(0, 99),
        st.integers(1, 600),
        st.integers(0, 9),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda c: c.analyst.object_id,
)


@given(candidates)
def test_whoever_is_chosen_has_the_time_then_the_name_then_the_least(able: list[Candidate]) -> None:
    choice = choose(able, NOW)

    assert (choice is None) == (not able)
    if choice is None:
        return
    chosen = choice.candidate
    left = {c.analyst.object_id: c.at_work.until - NOW for c in able}
    enough = [c for c in able if left[c.analyst.object_id] >= ENOUGH]
    if not enough:
        assert choice.why is Why.LONGEST
        assert left[chosen.analyst.object_id] == max(left.values())
        return
    assert chosen in enough
    named = [c for c in enough if c.named]
    assert chosen.named or not named
    assert choice.why is (Why.NAMED if named else Why.LEAST)
    assert chosen.at_work.open_cases == min(c.at_work.open_cases for c in named or enough)


@given(candidates, st.randoms(use_true_random=False))
def test_the_order_of_the_roster_changes_nothing(able: list[Candidate], random: object) -> None:
    shuffled = sorted(able, key=lambda _: random.random())  # type: ignore[attr-defined]

    assert choose(able, NOW) == choose(shuffled, NOW)


def test_with_less_than_an_hour_for_all_the_longest_gets_it() -> None:
    soon = [
        Candidate(a, AtWork(NOW + timedelta(minutes=m), 0), False)
        for a, m in ((ANNA, 20), (ABE, 59), (CLEO, 40))
    ]

    assert choose(soon, NOW) == Choice(soon[1], Why.LONGEST)


# --- a new case ----------------------------------------------------------------------------------


def test_a_case_that_needs_an_analyst_goes_to_whoever_has_the_least() -> None:
    it = case(working(anna=2, abe=1, cleo=3)).reported(malware_ran()).until_due("assign")

    assert given_to(it) == "Abe"
    assert it.state.owner is None
    assert it.state.holder == ABE.object_id
    (said,) = [e for e in it.ordered if isinstance(e, Say) and e.says.key.startswith("assigned.")]
    assert (said.place, said.mentions) == (ANALYST_THREAD, ((ABE.object_id, "Abe"),))
    assert it.desk().assigned == reason(it.state)
    assert it.desk().owner is None


def test_the_story_tells_the_provider_to_whom_it_was_given() -> None:
    it = case(working(anna=0, abe=1)).reported(malware_ran()).until_due("assign")
    it.until_due("taken").happens(Taken(ABE.object_id, ABE.name), after=1)

    lines = [line for line in story(it.state, []) if line.says.key.startswith("assigned.")]

    assert [line.says.args["analyst"] for line in lines] == ["Anna", "Abe"]
    assert all(line.internal for line in lines)


def test_a_case_that_needs_nobody_is_given_to_nobody() -> None:
    it = case(working(anna=0)).reported(DOWNLOAD)
    assert it.state.handed_over is None, "it waits for Bob"

    it.wakes("assign:now", after=1)

    assert it.state.assignment is None
    assert not [w for w in it.wakes_ordered if w.name.startswith("assign")]


def test_without_shifts_nobody_is_given_anything() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")
    assert given_to(it) == "Anna"

    it.provider = PROVIDER
    it.answers("not_sure")

    assert it.state.assignment is None
    assert not [w for w in it.wakes_ordered if w.name.startswith("assign") and w.at >= it.now]


def test_a_closing_that_waits_for_a_tap_is_given_to_somebody_and_rings_for_nobody() -> None:
    it = Case(expected(IncidentType.MASS_DOWNLOAD), provider=KEPT, duty=Duty()).reported(DOWNLOAD)
    assert (it.state.handed_over, it.band) == (None, Band.PROPOSE)

    it.until_due("assign")
    assert not rung(it)

    it.duty = working(abe=0)
    it.wakes("assign:change", after=60)
    assert given_to(it) == "Abe"


def test_whoever_is_named_for_the_customer_comes_first() -> None:
    named = replace(KEPT, analysts=(replace(ANNA, customers=("contoso",)), ABE, CLEO))
    it = Case(provider=named, duty=working(anna=5, abe=0))

    it.reported(malware_ran()).until_due("assign")

    assert given_to(it) == "Anna"
    shown = reason(it.state)
    assert shown is not None
    assert shown.key == "assigned.named"


def test_nobody_gets_a_case_about_their_own_account() -> None:
    me = Analyst(object_id=BOB.object_id, name="Bob Baker", upn=BOB.upn)
    provider = replace(KEPT, analysts=(me, ABE))
    duty = Duty({BOB.object_id: AtWork(EVENING, 0), "oid-abe": AtWork(EVENING, 9)})
    it = Case(provider=provider, duty=duty)

    it.reported(malware_ran()).until_due("assign")

    assert given_to(it) == "Abe"


def test_given_is_not_taken_the_clock_to_acknowledge_runs_on() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")

    clock = next(c for c in it.state.clocks if c.promise is Promise.ACKNOWLEDGE)
    assert clock.state.state == "ticking"

    it.happens(Taken(ABE.object_id, ABE.name), after=2)
    assert it.state.owner == ABE.object_id, "taking goes before what was assigned"
    assert it.state.assignment is None
    clock = next(c for c in it.state.clocks if c.promise is Promise.ACKNOWLEDGE)
    assert clock.state.state == "kept"


def test_what_is_not_taken_in_time_goes_to_the_next_and_at_last_to_the_pager() -> None:
    it = case(working(anna=0, abe=1)).reported(malware_ran()).until_due("assign")
    assert given_to(it) == "Anna"

    it.until_due("taken")
    assert given_to(it) == "Abe"
    assert not rung(it)

    it.until_due("taken")
    assert given_to(it) == "Abe", "it stays with whoever had it last"
    assert it.state.paged_at is not None


def test_whoever_assigns_by_hand_goes_before_the_rule() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")

    it.happens(Assigned(ANNA.object_id, ANNA.name, CLEO.object_id, CLEO.name), after=1)

    assert (it.state.owner, it.state.assignment) == (CLEO.object_id, None)


def test_what_is_escalated_goes_to_somebody_else() -> None:
    it = case(working(anna=0, abe=4)).reported(malware_ran()).until_due("assign")
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)

    it.happens(Escalated(ANNA.object_id, ANNA.name), after=1).until_due("assign")

    assert given_to(it) == "Abe"


def test_what_two_have_escalated_goes_back_to_neither_until_another_shift() -> None:
    it = case(working(anna=0, abe=4)).reported(malware_ran()).until_due("assign")
    for who in (ANNA, ABE):
        it.happens(Taken(who.object_id, who.name), after=1)
        it.happens(Escalated(who.object_id, who.name), after=1).until_due("assign")
    assert isinstance(it.state.assignment, Seeking)

    it.duty = working(anna=0, abe=4, cleo=9)
    it.wakes("assign:change", after=60)
    assert given_to(it) == "Cleo"

    it.happens(Escalated(CLEO.object_id, CLEO.name), after=1)
    for duty in (Duty(), working(anna=0)):
        it.duty = duty
        it.wakes("assign:change", after=60)
    assert given_to(it) == "Anna"


def test_what_was_given_to_somebody_and_another_escalates_goes_to_neither() -> None:
    it = case(working(anna=0, abe=1, cleo=9)).reported(malware_ran()).until_due("assign")
    assert given_to(it) == "Anna"

    it.happens(Escalated(ABE.object_id, ABE.name), after=1).until_due("assign")

    assert given_to(it) == "Cleo"


def test_who_passed_it_is_asked_again_in_another_shift() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")
    it.happens(Escalated(ABE.object_id, ABE.name), after=1).until_due("assign")
    assert isinstance(it.state.assignment, Seeking), "Anna had it"

    for duty in (Duty(), working(anna=0)):
        it.duty = duty
        it.wakes("assign:change", after=60)

    assert given_to(it) == "Anna"


def test_what_is_reopened_may_go_to_whoever_gave_it_away_then() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")
    it.happens(Escalated(ANNA.object_id, ANNA.name), after=1)
    it.closes(disposition=Disposition.UNDECIDED)

    it.happens(Reopened(ABE.object_id, ABE.name), after=1)

    assert it.state.escalated_by == ()


def test_what_somebody_escalated_in_an_earlier_shift_is_handed_over_to_them_as_to_anybody() -> None:
    it = case(working(anna=0, abe=1)).reported(malware_ran()).until_due("assign")
    it.happens(Escalated(ANNA.object_id, ANNA.name), after=1)
    it.happens(Taken(ABE.object_id, ABE.name), after=1)
    it.duty = working(anna=0)

    it.wakes(f"handover:{ABE.object_id}:{ANNA.object_id}", after=600)

    assert given_to(it) == "Anna"


# --- nobody is there -----------------------------------------------------------------------------


def test_nobody_on_duty_rings_at_once_and_says_why() -> None:
    it = case(Duty()).reported(mystery()).until_due("assign")

    assert rung(it) == ["page.nobody_on_duty"]
    assert "say.nobody_on_duty" in it.told(ANALYST_THREAD)
    assert isinstance(it.state.assignment, Seeking)

    it.duty = working(cleo=0)
    it.wakes("assign:change", after=540)
    assert given_to(it) == "Cleo"


def test_nobody_on_duty_is_told_once() -> None:
    it = case(Duty()).reported(mystery()).until_due("assign")
    it.wakes("assign:again", after=5)

    assert not rung(it)
    assert not it.told(ANALYST_THREAD)


# --- shifts end ----------------------------------------------------------------------------------


def test_as_a_shift_ends_an_owned_case_goes_to_whom_the_card_says() -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    it.duty = working(abe=0, cleo=3)

    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=60)

    assert it.state.owner is None
    assert given_to(it) == "Cleo"
    assert not any(isinstance(e, Say) for e in it.ordered), "the card has called them"


@pytest.mark.parametrize("names", [["handover", "untold"], ["untold", "handover"]])
def test_whom_no_card_could_tell_is_called_by_the_case_once(names: list[str]) -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    it.duty = working(abe=0, cleo=3)

    called = []
    begins = it.now
    for name in names:
        it.wakes(leaves(ANNA, CLEO, begins if name == "untold" else None), after=1)
        called += [e.mentions for e in it.ordered if isinstance(e, Say) and e.mentions]

    assert given_to(it) == "Cleo"
    assert called == [((CLEO.object_id, "Cleo"),)]


def test_whoever_took_it_without_the_card_is_called_by_nobody() -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    it.duty = working(cleo=3)
    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=1)
    it.happens(Taken(CLEO.object_id, CLEO.name), after=1)

    it.wakes(leaves(ANNA, CLEO, it.now), after=1)

    assert it.state.owner == CLEO.object_id
    assert not any(isinstance(e, Say) for e in it.ordered)


def test_whoever_left_and_took_it_back_keeps_it_though_the_card_told_nobody() -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    begins, it.duty = it.now, working(cleo=3)
    it.wakes(leaves(ANNA, CLEO), after=1)
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)

    it.wakes(leaves(ANNA, CLEO, begins), after=1)

    assert it.state.owner == ANNA.object_id


def test_a_case_whose_analyst_is_on_duty_stays_with_them() -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)

    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=60)

    assert it.state.owner == ANNA.object_id


def test_whom_the_card_names_must_be_there_still() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")
    it.duty = working(abe=0)

    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=60)

    assert given_to(it) == "Abe"
    assert any(isinstance(e, Say) and e.mentions for e in it.ordered)


def test_what_was_taken_before_anybody_had_to_look_is_handed_over_too() -> None:
    it = case(working(anna=0)).reported(DOWNLOAD)
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    assert it.state.handed_over is None
    it.duty = working(cleo=0)

    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=10)
    assert (it.state.owner, given_to(it)) == (None, "Cleo")
    assert "why.shift_over" in [entry.says.key for entry in it.state.timeline]

    it.writes("one moment")
    assert given_to(it) == "Cleo", "it stays hers, whatever happens next"
    clock = next(c for c in it.state.clocks if c.promise is Promise.ACKNOWLEDGE)
    assert clock.state.state == "ticking"


def test_what_was_taken_before_anybody_had_to_look_seeks_somebody_where_nobody_follows() -> None:
    it = case(working(anna=0)).reported(DOWNLOAD)
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    it.duty = Duty()

    it.wakes(f"handover:{ANNA.object_id}:", after=10)
    it.writes("one moment")

    assert isinstance(it.state.assignment, Seeking)
    assert it.state.paged_at is not None


def test_the_end_of_another_ones_shift_takes_it_from_nobody() -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ABE.object_id, ABE.name), after=1)
    it.duty = working(cleo=0)

    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=10)

    assert it.state.owner == ABE.object_id


def test_what_somebody_acknowledged_and_waits_for_others_rings_at_no_change_of_shifts() -> None:
    it = case(working(anna=0)).reported(malware_ran())
    it.happens(Taken(ANNA.object_id, ANNA.name), after=1)
    assert whose_turn(it.state) is not Party.ANALYST
    it.duty = working(abe=0)

    it.wakes(f"handover:{ANNA.object_id}:{ABE.object_id}", after=1)
    given_ = it.state.assignment
    assert isinstance(given_, Assignment)
    assert given_.take_by is None
    it.duty = Duty()
    it.wakes(f"handover:{ABE.object_id}:", after=1)

    assert not rung(it)


def test_a_case_that_is_over_is_handed_to_nobody() -> None:
    it = case(working(anna=0)).reported(malware_ran()).until_due("assign")
    it.closes(disposition=Disposition.UNDECIDED, comment="done")
    assert it.state.closed is not None
    assert it.state.assignment is None

    it.wakes(f"handover:{ANNA.object_id}:{CLEO.object_id}", after=60)
    assert it.state.assignment is None


# --- whatever happens ----------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(
        [
            *("assign", "taken", "handover", "untold"),
            *("take", "escalate", "close", "reopen", "answer", "wait"),
        ]
    ),
    max_size=12,
)
ON_DUTY = st.lists(
    st.dictionaries(st.sampled_from(["anna", "abe", "cleo"]), st.integers(0, 9), max_size=3),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([malware_ran(), DOWNLOAD]), STEPS, ON_DUTY)
def test_a_case_that_needs_an_analyst_has_one_or_one_is_sought(
    reported: IncidentReport, steps: list[str], duties: list[dict[str, int]]
) -> None:
    it = case(Duty()).reported(reported)
    for number, step in enumerate(steps):
        it.duty = working(**duties[number % len(duties)])
        _do(it, step)

        state, given = it.state, it.state.assignment
        left = state.handed_over is not None or (
            (state.decision is not None and state.decision.proposal is not None)
            and whose_turn(state) is Party.ANALYST
        )
        needs = state.owner is None and left and not state.is_over
        assert (given is not None) == needs
        if isinstance(given, Seeking) and given.nobody:
            waits = it.now < given.since or state.paged_at is not None
            assert waits or whose_turn(state) is not Party.ANALYST or state.handed_over is None
        if isinstance(given, Assignment) and step in WAKES:
            assert it.duty.has(given.to), "whoever was just looked for is on duty"


def _do(it: Case, step: str) -> None:
    match step:
        case "assign" | "taken" | "handover" | "untold":
            at = f"{it.now.isoformat()}:" if step == "untold" else ""
            it.wakes(f"{step}:{it.state.owner or ANNA.object_id}:{at}{CLEO.object_id}", after=8)
        case "take":
            it.happens(Taken(ABE.object_id, ABE.name), after=1)
        case "escalate":
            it.happens(Escalated(ANNA.object_id, ANNA.name), after=1)
        case "close":
            it.closes(disposition=Disposition.UNDECIDED)
        case "reopen":
            it.happens(Reopened(ANNA.object_id, ANNA.name), after=1)
        case "answer":
            it.answers("not_sure", after=1)
        case _:
            it.wakes("clock:resolve:later", after=30)

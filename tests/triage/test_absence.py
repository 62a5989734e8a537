"""Who is said to be away is waited for no longer: the next rung at once, with the reason."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.triage.test_ladder import CLOSED, HELPED, Helped, case, rungs, said_to
from tests.triage.triage_script import BOB, CARLA, DAN, EVE, Case, malware_ran, sign_in
from triage.effects import LookForAbsence
from triage.events import FoundAway
from triage.incident import Absence, AwayBy, Incident, Person, Rung
from triage.ladder import still_looks

LOOKS = replace(HELPED, look_for_absence=True)


def away(
    of: Case, who: Person = BOB, by: AwayBy = AwayBy.AUTOMATIC_REPLIES, *, scheduled: bool = True
) -> FoundAway:
    """Since yesterday, for a week."""
    since = of.now - timedelta(days=1) if scheduled else None
    until = of.now + timedelta(days=6) if scheduled else None
    return FoundAway(Absence(who.object_id, by, of.now, since, until))


def looks(of: Case) -> list[tuple[str, str]]:
    """Each once: what is ordered under one key is done once."""
    ordered = {e.key: e for e in of.ever if isinstance(e, LookForAbsence)}
    return [(e.person, e.question) for e in ordered.values()]


def asked(of: Helped | None = None) -> Helped:
    told = of or case(LOOKS)
    told.reported(malware_ran())
    return told


def state(of: Case) -> Incident:
    return of.state


def test_it_is_looked_once_when_a_card_goes_out() -> None:
    told = asked().wakes("clock").wakes("remind:q1")

    assert looks(told) == [(BOB.object_id, "q1")]


def test_a_customer_who_has_not_said_so_is_not_looked_into() -> None:
    assert looks(asked(case(HELPED)).until_due("question")) == []


def test_an_account_under_suspicion_is_not_looked_up() -> None:
    told = case(LOOKS).reported(sign_in(CARLA))

    assert looks(told) == []


def test_who_is_away_is_not_waited_for_and_the_manager_hears_why() -> None:
    told = asked()
    told.happens(away(told))

    assert rungs(told) == [Rung.MANAGER]
    card = told.manager_card(DAN)
    assert [p.key for p in card.says] == ["reach.manager_away"]
    assert "why.away" in [entry.says.key for entry in state(told).timeline]
    assert "away_until.automatic_replies" in repr(card.says)


def test_their_card_stands_and_an_answer_counts_as_before() -> None:
    told = asked()
    told.happens(away(told))
    assert told.question("q1").state.state == "open"
    assert f"person:{BOB.object_id}" in told.views()

    told.answers("opened", after=1).until_due("rung")

    assert told.question("q1").answer
    assert rungs(told) == [Rung.MANAGER]
    assert state(told).calls == ()


def test_who_is_away_is_not_reminded_and_nobody_is_asked_twice() -> None:
    told = asked()
    told.happens(away(told)).happens(away(told))
    told.until_due("remind")

    assert said_to(told, BOB) == []
    assert rungs(told) == [Rung.MANAGER]


def test_the_ladder_goes_on_to_its_end() -> None:
    told = asked()
    told.happens(away(told)).until_due("rung").until_due("rung").until_due("question")

    assert rungs(told) == [Rung.MANAGER, Rung.CONTACT, Rung.ANALYST]
    assert said_to(told, EVE) == ["reach.contact_away"]
    assert told.open_calls == [BOB.name]


def test_a_manager_who_is_away_is_not_waited_for_either() -> None:
    told = asked()
    told.happens(away(told))
    assert (DAN.object_id, "q1") in looks(told)

    told.happens(away(told, DAN, AwayBy.OUT_OF_OFFICE, scheduled=False))

    assert said_to(told, EVE) == ["reach.contact_away"]
    assert told.question("q1").steps[0].skipped == "away"


def test_whoever_has_answered_is_there_after_all() -> None:
    told = asked()
    told.answers("opened", after=1).happens(away(told))

    assert rungs(told) == []


def test_what_is_read_after_the_end_changes_nothing() -> None:
    told = asked()
    told.happens(CLOSED)
    before = state(told)
    told.happens(away(told))

    assert state(told) == before


def test_who_came_under_suspicion_meanwhile_is_not_spoken_of() -> None:
    told = asked()
    order = next(e for e in told.ever if isinstance(e, LookForAbsence))
    assert still_looks(state(told), LOOKS, order)

    told.at_risk = frozenset({BOB.object_id})
    told.wakes("clock").happens(away(told))

    assert not still_looks(state(told), LOOKS, order)
    assert said_to(told, DAN) == []


# --- what it weighs ------------------------------------------------------------------------------


def weight(of: Case) -> float:
    decision = state(of).decision
    assert decision is not None
    return sum(r.weight for r in decision.reasons if r.rule == "sign.away")


def test_something_started_by_hand_while_replies_say_away_raises() -> None:
    told = case(LOOKS).reported(malware_ran(by_hand=True))
    before = told.log_odds
    told.happens(away(told))

    assert (weight(told), round(told.log_odds - before, 3)) == (1.0, 1.0)


@pytest.mark.parametrize("scheduled", [True, False])
def test_what_nobody_is_seen_to_have_started_weighs_nothing(scheduled: bool) -> None:
    told = asked()
    told.happens(away(told, scheduled=scheduled))

    assert weight(told) == 0


@pytest.mark.parametrize("by", AwayBy)
def test_away_since_nobody_knows_when_weighs_nothing(by: AwayBy) -> None:
    told = case(LOOKS).reported(malware_ran(by_hand=True))
    told.happens(away(told, by=by, scheduled=False))

    assert weight(told) == 0


def test_activity_before_the_leave_weighs_nothing() -> None:
    told = case(LOOKS).reported(malware_ran(by_hand=True))
    found = away(told).absence
    told.happens(FoundAway(replace(found, since=told.now - timedelta(minutes=1))))

    assert weight(told) == 0

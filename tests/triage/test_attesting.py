"""The manager asks by voice and tells what was said: whose word counts, and for how much (L3)."""

from dataclasses import replace
from typing import Any

import pytest

from tests.triage.test_ladder import HELPED, Helped, case, rungs, said_to
from tests.triage.triage_script import (
    BOB,
    CARLA,
    DAN,
    EVE,
    PEOPLE,
    Case,
    keys,
    malware_ran,
    refusal,
    sign_in,
)
from triage.customer import PersonFacts
from triage.events import Attested
from triage.incident import Assurance, Person, Route, Rung, Standing


def asked(**known: Any) -> Helped:
    """Bob is silent, and his manager Dan is asked."""
    silent = case(**known).reported(malware_ran(by_hand=True)).until_due("question")
    assert isinstance(silent, Helped)
    return silent


def tells(of: Case, choice: str | None, by: Person = DAN, upn: str | None = None) -> Case:
    upn = by.upn if upn is None else upn
    return of.happens(Attested("q1", by.object_id, upn, by.name, choice), after=1)


def test_the_manager_s_card_says_what_to_ask_and_holds_the_answers() -> None:
    card = asked().manager_card(DAN)

    assert (card.question, card.asked) == ("q1", "Bob")
    assert keys(card.says) == ["reach.manager"]
    assert [c.id for c in card.choices] == ["opened", "not_me", "not_sure"]


def test_what_bob_says_to_his_manager_counts_with_who_and_when() -> None:
    told = tells(asked(), "not_me")
    reply = told.question().answer

    assert reply is not None
    assert (reply.standing, reply.assurance) == (Standing.COUNTED, Assurance.L3)
    assert (reply.attested_by, reply.attester, reply.at) == (DAN.object_id, DAN.name, told.now)
    assert "answer.file_opened.not_me" in told.rules
    assert told.manager_card(DAN).question is None
    assert "level.attested" in [p.key for q in told.desk().questions for p in q.checked]
    assert "known.said_to_manager" in keys(told.thread().known)


def test_what_follows_from_it_an_analyst_asks() -> None:
    told = tells(asked(), "opened")

    assert told.question("q2").route is Route.PHONE
    assert told.open_calls == [BOB.name]


def test_who_cannot_reach_bob_makes_room_for_the_next_at_once() -> None:
    told = tells(asked(), None)

    assert rungs(told) == [Rung.CONTACT]
    assert said_to(told, EVE) == ["reach.contact"]
    assert told.question().answer is None
    assert told.manager_card(DAN).question == "q1", "a late word still tells something"
    assert keys(told.manager_card(DAN).says) == ["reach.later"]


@pytest.mark.parametrize("who", [EVE, CARLA, BOB], ids=lambda p: p.name)
def test_nobody_else_s_word_counts(who: Person) -> None:
    told = tells(asked(), "not_me", by=who)

    assert refusal(told.verdict) == "refused.not_manager"
    assert told.question().replies == ()


def test_who_is_no_longer_the_manager_vouches_for_nobody() -> None:
    told = asked()
    told.customer = replace(told.customer, people=(PersonFacts(upn=BOB.upn, manager=EVE.upn),))

    assert refusal(tells(told, "not_me").verdict) == "refused.not_manager"


def test_a_manager_who_is_affected_or_suspect_vouches_for_nobody() -> None:
    affected = asked()
    affected.concerned = frozenset({DAN.object_id})
    assert refusal(tells(affected, "not_me").verdict) == "refused.not_manager"

    suspect = asked()
    suspect.at_risk = frozenset({DAN.object_id})
    assert refusal(tells(suspect, "not_me").verdict) == "refused.account_suspect"


def test_a_record_without_a_name_is_nobody_s_manager() -> None:
    assert refusal(tells(asked(), "not_me", upn="").verdict) == "refused.not_manager"


def test_when_bob_s_account_becomes_suspect_the_card_says_no_more_and_the_word_still_counts() -> (
    None
):
    told = asked()
    told.at_risk = frozenset({BOB.object_id})
    told.wakes("clock")
    assert (told.manager_card(DAN).ask, told.manager_card(DAN).choices) == (None, ())

    tells(told, "not_me")

    answer = told.question().answer
    assert answer is not None
    assert (answer.standing, answer.assurance) == (Standing.COUNTED, Assurance.L3)


def test_an_answer_of_bob_s_own_is_not_talked_away() -> None:
    told = asked().answers("not_me")
    before = told.log_odds

    tells(told, "opened")

    assert told.log_odds >= before
    other = asked().answers("opened")
    worse = tells(other, "not_me")
    answer = worse.question().answer
    assert answer is not None


def test_the_manager_of_a_suspect_account_is_not_asked() -> None:
    phoned = Helped(HELPED).reported(sign_in(CARLA)).until_due("call")

    assert not [name for name in phoned.views() if name.startswith("manager:")]


def test_a_choice_of_another_question_is_refused() -> None:
    assert refusal(tells(asked(), "mine").verdict) == "refused.unknown_choice"
    assert refusal(tells(asked(), "call_me").verdict) == "refused.unknown_choice"


def test_nobody_reached_weighs_nothing() -> None:
    told = asked(helpers=PEOPLE)
    before = told.log_odds

    assert tells(told, None).log_odds == before


def test_a_chat_that_is_suspect_does_not_learn_what_bob_told_his_manager() -> None:
    silent = asked()
    silent.at_risk = frozenset({BOB.object_id})
    suspect = silent.wakes("taint:", after=1)
    before = suspect.card(BOB)
    assert before.stage == "guarded"

    told = tells(suspect, "not_me")

    assert told.question().replies
    assert told.card(BOB) == before

"""An analyst has somebody asked: who may be, by which way, and what the answer does."""

from dataclasses import replace

import pytest

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ABE,
    ANNA,
    BOB,
    CONTOSO,
    EVE,
    STRANGER,
    Case,
    malware_ran,
    refusal,
    sign_in,
)
from triage.customer import Customer
from triage.decide import AlreadyAnswered, Refused
from triage.events import Answered, AskOrdered, CloseOrdered, Wrote
from triage.incident import (
    Disposition,
    IncidentType,
    Person,
    Question,
    QuestionKind,
    Route,
    Rung,
    Standing,
)
from triage.inquiry import MOST_WORDS
from triage.phrases import phrase
from triage.report import Severity
from triage.surfaces.person import person_card

WORDS = "Who gave you the USB stick?"


def order(
    person: Person, kind: QuestionKind = QuestionKind.FREE, words: str | None = WORDS
) -> AskOrdered:
    said = words if kind is QuestionKind.FREE else None
    return AskOrdered(person.upn, kind, ANNA.object_id, ANNA.name, said)


def asked(case: Case, event: AskOrdered) -> Case:
    """The roster knows everybody but the stranger."""
    case.by_upn = {p.upn.lower(): p for p in (BOB, EVE, OUTSIDE)}
    return case.happens(event)


OUTSIDE = replace(EVE, object_id="oid-out", upn="out@contoso.com", outside=True)


def ran(customer: Customer = CONTOSO) -> Case:
    return Case(customer).reported(malware_ran())


def question(case: Case) -> Question:
    return case.state.questions[-1]


def test_whoever_is_not_concerned_is_asked_in_the_analysts_words_and_their_words_weigh_nothing() -> (
    None
):
    case = asked(ran(), order(EVE))

    assert (question(case).route, question(case).words) == (Route.CARD, WORDS)
    card = person_card(case.state, CONTOSO, EVE)
    assert [p.key for p in card.says] == ["happened.in_words", "ask.in_words", "card.write_answer"]
    assert [c.id for c in card.choices] == ["call_me"]
    before = case.log_odds
    case = case.happens(Answered(question(case).id, EVE.object_id, None, "my neighbour did"))
    assert question(case).state.state == "answered"
    assert question(case).replies[-1].standing is Standing.FOR_ANALYST
    assert case.log_odds == before
    assert "timeline.wrote" in case.noted()
    later = case.happens(Wrote(EVE.object_id, "or his son"))
    assert not isinstance(later.verdict, Refused)


def test_who_was_only_asked_learns_nothing_of_the_end() -> None:
    case = asked(ran(), order(EVE))
    closed = case.happens(
        CloseOrdered(ANNA.object_id, ANNA.name, Disposition.TRUE_POSITIVE, "as said")
    )

    assert [p.key for p in person_card(closed.state, CONTOSO, EVE).says] == ["thanks.received"]
    assert closed.told(f"person:{BOB.object_id}") != []
    assert closed.told(f"person:{EVE.object_id}") == []


def test_a_question_of_the_playbooks_goes_to_whoever_is_concerned_and_weighs_as_ever() -> None:
    case = asked(ran(), order(BOB, QuestionKind.SOFTWARE_NEEDED))
    before = case.log_odds

    case = case.happens(Answered(question(case).id, BOB.object_id, "not_me"))

    assert case.log_odds > before
    assert refusal(asked(ran(), order(EVE, QuestionKind.SOFTWARE_NEEDED)).verdict) == (
        "refused.only_concerned"
    )


def test_a_suspect_account_is_called_and_not_asked_in_teams() -> None:
    concerned = asked(Case().reported(sign_in(BOB)), order(BOB))
    elsewhere = asked(Case(at_risk=frozenset({EVE.object_id})).reported(malware_ran()), order(EVE))

    for case in (concerned, elsewhere):
        assert question(case).route is Route.PHONE
        assert case.state.calls[-1].question == question(case).id
        assert case.verdict.says is not None
        assert case.verdict.says.key == "thanks.asked_by_phone"


def test_what_an_analyst_had_asked_becomes_a_call_when_the_account_comes_under_suspicion() -> None:
    case = asked(ran(), order(BOB))
    assert question(case).route is Route.CARD
    case.at_risk = frozenset({BOB.object_id})

    suspect = case.wakes("taint:", after=1)

    (own,) = [q for q in suspect.state.questions if q.words and q.state.state == "open"]
    assert (own.route, own.words) == (Route.PHONE, WORDS)
    assert own.id in [c.question for c in suspect.state.calls if c.done_at is None]


def test_so_does_a_question_of_the_playbooks_that_only_an_analyst_had_asked() -> None:
    case = asked(ran(), order(BOB, QuestionKind.SOFTWARE_NEEDED))
    case.at_risk = frozenset({BOB.object_id})

    suspect = case.wakes("taint:", after=1)

    still = [(q.kind, q.route) for q in suspect.state.questions if q.state.state == "open"]
    assert (QuestionKind.SOFTWARE_NEEDED, Route.PHONE) in still
    assert [kind for kind, _ in still].count(QuestionKind.FILE_OPENED) == 1, "the playbook's"


def test_whoever_was_asked_and_is_suspect_elsewhere_is_phoned_and_reads_nothing() -> None:
    reads = replace(EVE, reads_thread=True)
    case = ran()
    case.by_upn = {EVE.upn: reads}
    case.happens(order(reads))
    case.at_risk = frozenset({EVE.object_id})

    case.wakes("taint:", after=1)

    assert case.card(reads).stage == "guarded"
    assert question(case).route is Route.PHONE
    assert case.thread().placeholder
    assert case.state.suspects == frozenset(), "it is not passed on"


def test_whoever_was_asked_and_joins_the_team_reads_the_thread() -> None:
    case = asked(ran(), order(EVE))
    case.readers = frozenset({EVE.object_id})
    case.wakes("readers", after=1)
    case.at_risk = frozenset({EVE.object_id})

    assert case.wakes("taint:", after=1).thread().placeholder


def test_a_card_that_may_reveal_nothing_carries_no_words() -> None:
    low = Case().reported(sign_in(BOB, Severity.LOW))

    assert question(asked(low, order(BOB))).route is Route.PHONE


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (order(STRANGER), "refused.not_in_roster"),
        (order(OUTSIDE), "refused.from_outside"),
        (order(EVE, words="word " * (MOST_WORDS + 1)), "refused.question_length"),
        (order(EVE, words=""), "refused.question_length"),
        (order(EVE, words="What is your password?"), "refused.asks_for_secret"),
        (order(EVE, words="Nennen Sie uns bitte den Code."), "refused.asks_for_secret"),
        (replace(order(EVE), by=EVE.object_id), "refused.not_analyst"),
    ],
)
def test_what_may_not_be_asked_is_refused_with_its_reason(event: AskOrdered, why: str) -> None:
    case = asked(ran(), event)

    assert isinstance(case.verdict, Refused)
    assert case.verdict.says.key == why
    assert all(q.kind is not QuestionKind.FREE for q in case.state.questions)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (Case().reported(told_of(IncidentType.RESTRICTED)), "refused.restricted"),
        (Case().reported(told_of(IncidentType.RANSOMWARE)), "why.nobody_to_ask"),
        (ran(replace(CONTOSO, shadow=True)), "refused.shadow"),
        (
            ran().happens(CloseOrdered(ABE.object_id, ABE.name, Disposition.UNDECIDED, "over")),
            "refused.over",
        ),
    ],
)
def test_in_some_cases_nobody_is_asked(case: Case, why: str) -> None:
    assert refusal(asked(case, order(EVE)).verdict) == why


def test_the_same_is_not_asked_twice_and_another_question_is() -> None:
    case = asked(ran(), order(EVE))

    twice = asked(case, order(EVE)).verdict
    assert isinstance(twice, AlreadyAnswered)
    assert twice.says == phrase("refused.asked_already", person=EVE.name)
    assert question(asked(case, order(EVE, words="And when?"))).words == "And when?"


def test_silence_on_it_is_an_analysts_matter_and_no_managers() -> None:
    case = asked(ran(), order(EVE))

    case = case.until_due(f"question:{question(case).id}")

    assert [step.rung for step in question(case).steps if step.skipped is None] == [Rung.ANALYST]
    assert case.state.calls[-1].person == EVE

"""A fresh sign-in before the answer (L2): when it is offered, what it must show, what it may do."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    CARLA,
    DAN,
    TEN_PAST_TEN,
    TENANT,
    Case,
    accepted,
    contoso,
    keys,
    malware_ran,
    refusal,
    sign_in,
)
from triage import assurance
from triage.assess import weight_of
from triage.customer import Customer, StepUp, Strength
from triage.events import Answered, Facts, SignedIn, SignInFailed, VerificationStarted
from triage.incident import (
    Assurance,
    Band,
    IncidentType,
    QuestionKind,
    Reply,
    Standing,
    Verification,
    VerificationState,
)
from triage.playbooks import PLAYBOOKS, QUESTIONS, takes_sign_in
from triage.report import Severity

STEP_UP = StepUp(authentication_context="c1", probed=date(2026, 11, 20))
CONTOSO = contoso(step_up=STEP_UP)
LOW_SIGN_IN = sign_in(CARLA, Severity.LOW)


class Online(Case):
    """With pages that people can open."""

    def _facts(self, event: Any) -> Facts:
        return replace(super()._facts(event), pages=True)

    def starts(self, *, after: float = 1) -> "Online":
        self.happens(VerificationStarted("v1"), after=after)
        return self

    def signs_in(self, *, after: float = 1, **otherwise: Any) -> "Online":
        """As Carla should, but for what is said otherwise."""
        at = self.now + timedelta(minutes=after)
        right: dict[str, Any] = {
            "verification": "v1",
            "tenant_id": TENANT,
            "object_id": CARLA.object_id,
            "username": CARLA.upn,
            "at": at,
            "contexts": ("c1",),
            "methods": ("fido", "mfa"),
        }
        self.happens(SignedIn(**{**right, **otherwise}), after=after)
        return self

    def says_on_the_page(self, choice: str, *, after: float = 1) -> "Online":
        answer = Answered("q1", CARLA.object_id, choice, verification="v1")
        self.happens(answer, after=after)
        return self

    @property
    def verification(self) -> Verification:
        found = self.state.verification("v1")
        assert found is not None
        return found


def asked(customer: Customer = CONTOSO) -> Online:
    case = Online(customer)
    case.reported(LOW_SIGN_IN)
    return case


def passed() -> Online:
    return asked().starts().signs_in()


# --- offered --------------------------------------------------------------------------------------


def test_the_neutral_card_offers_it_and_reveals_nothing() -> None:
    card = asked().card(CARLA)

    assert (card.stage, card.verification) == ("neutral", "v1")
    assert keys(card.says) == ["card.neutral_sign_in"]
    assert [c.id for c in card.choices] == ["call_me"]


@pytest.mark.parametrize(
    "customer",
    [contoso(), contoso(step_up=replace(STEP_UP, probed=None))],
    ids=["no context", "a context that was never probed"],
)
def test_without_a_context_that_was_probed_the_service_desk_alone_is_named(
    customer: Customer,
) -> None:
    card = asked(customer).card(CARLA)

    assert (card.verification, keys(card.says)) == (None, ["card.neutral"])


def test_without_pages_of_ours_nothing_is_offered() -> None:
    case = Case(CONTOSO).reported(LOW_SIGN_IN)

    assert case.state.verifications == ()


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.HIGH])
def test_what_is_asked_by_phone_offers_no_sign_in(severity: Severity) -> None:
    case = Online(CONTOSO).reported(sign_in(CARLA, severity))

    assert case.state.verifications == ()


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        (IncidentType.UNFAMILIAR_SIGN_IN, True),
        (IncidentType.INBOX_RULE, True),
        (IncidentType.OUTBOUND_SPAM, True),
        # by phone only, as the catalogue says, or with a ticket that somebody must look up
        (IncidentType.STOLEN_SESSION, False),
        (IncidentType.MFA_FATIGUE, False),
        (IncidentType.NEW_MFA_METHOD, False),
        (IncidentType.ROLE_ELEVATION, False),
        (IncidentType.APP_SECRET, False),
        (IncidentType.DEVICE_JOIN, False),
        (IncidentType.PAYMENT_FRAUD, False),
    ],
)
def test_it_is_offered_where_it_may_do_something(kind: IncidentType, offered: bool) -> None:
    case = Online(CONTOSO).reported(told_of(kind, CARLA, Severity.LOW))

    assert bool(case.state.verifications) is offered


# --- what it must show ----------------------------------------------------------------------------


def test_a_fresh_strong_sign_in_of_the_right_person_passes() -> None:
    case = passed()

    assert accepted(case.verdict)
    assert case.verification.state is VerificationState.PASSED
    assert case.card(CARLA).verification == "v1", "until her answer has come"
    assert case.says_on_the_page("mine").card(CARLA).verification is None


def test_who_passed_and_whose_answer_never_came_begins_once_more() -> None:
    case = passed().starts()

    assert accepted(case.verdict)
    assert refusal(case.says_on_the_page("mine").verdict) == "refused.verification_over"
    assert accepted(case.signs_in().says_on_the_page("mine").verdict)
    assert refusal(case.starts().verdict) == "refused.verification_over"


def test_a_sign_in_of_an_earlier_attempt_confirms_nothing_in_a_later_one() -> None:
    """Its code was kept back, by whoever relays it."""
    case = asked().starts()
    earlier = case.now + timedelta(minutes=1)
    case.starts(after=5).signs_in(at=earlier)

    assert (case.verification.state, case.verification.why) == (
        VerificationState.FAILED,
        "not_fresh",
    )
    case.starts().signs_in(at=case.now + timedelta(seconds=30))
    assert case.verification.state is VerificationState.PASSED, "clocks differ a little"


LONG_AGO = TEN_PAST_TEN - timedelta(hours=1)


@pytest.mark.parametrize(
    ("otherwise", "why"),
    [
        ({"object_id": DAN.object_id}, "wrong_person"),
        ({"tenant_id": "9" * 8 + "-1111-2222-3333-444444444444"}, "wrong_tenant"),
        ({"at": LONG_AGO}, "not_fresh"),
        ({"at": None}, "not_fresh"),
        ({"at": LONG_AGO + timedelta(days=1)}, "not_fresh"),
        ({"contexts": ()}, "no_context"),
        ({"contexts": ("c2",)}, "no_context"),
        ({"methods": ("pwd",)}, "weak"),
        ({"methods": ("pwd", "mfa")}, "weak"),
        ({"methods": ()}, "weak"),
    ],
)
def test_what_falls_short_confirms_nothing(otherwise: dict[str, Any], why: str) -> None:
    case = asked()
    before = case.log_odds

    case.starts().signs_in(**otherwise)

    assert (case.verification.state, case.verification.why) == (VerificationState.FAILED, why)
    assert case.log_odds == before
    assert refusal(case.says_on_the_page("mine").verdict) == "refused.verification_over"
    assert case.log_odds == before
    assert case.question().state.state == "open", "and somebody still calls"


def test_several_factors_are_enough_where_the_customer_says_so() -> None:
    mfa = replace(STEP_UP, strength=Strength.MFA)
    case = asked(contoso(step_up=mfa)).starts().signs_in(methods=("pwd", "mfa"))

    assert case.verification.state is VerificationState.PASSED


@pytest.mark.parametrize(
    "otherwise", [{"object_id": DAN.object_id}, {"tenant_id": "9" * 36}], ids=str
)
def test_that_somebody_else_signed_in_is_told_to_analysts(otherwise: dict[str, str]) -> None:
    who: dict[str, Any] = dict(otherwise)
    case = asked().starts().signs_in(**who)

    assert case.told("analyst") == ["why.verify_failed"]
    assert case.state.handed_over is not None


@pytest.mark.parametrize("why", ["denied", "unavailable", "forged"])
def test_a_sign_in_that_did_not_happen_suppresses_nothing(why: str) -> None:
    case = asked().starts()
    case.happens(SignInFailed("v1", why))

    assert case.verification.why == why
    assert case.question().state.state == "open"
    assert case.card(CARLA).verification == "v1", "it may be tried again"
    case.until_due("question")
    assert case.open_calls == [CARLA.name]


def test_after_five_tries_the_card_names_the_service_desk_alone() -> None:
    case = asked()
    for _ in range(5):
        case.starts()
        case.happens(SignInFailed("v1", "denied"))

    assert refusal(case.starts().verdict) == "refused.verification_over"
    assert case.card(CARLA).verification is None


def test_after_the_question_s_time_nobody_signs_in_for_it() -> None:
    case = asked().starts()
    case.until_due("verify")

    assert case.verification.state is VerificationState.EXPIRED
    assert refusal(case.signs_in().verdict) == "refused.verification_over"
    assert refusal(case.starts().verdict) == "refused.verification_over"


# --- what it may do -------------------------------------------------------------------------------


def test_mine_after_a_fresh_sign_in_lowers_by_its_verified_weight() -> None:
    case = passed()
    before = case.log_odds

    case.says_on_the_page("mine")

    assert round(case.log_odds - before, 3) == -3.0
    assert case.question().answer == Reply(
        CARLA.object_id, case.now, Standing.COUNTED, "mine", assurance=Assurance.L2
    )
    assert [p.key for q in case.desk().questions for p in q.checked] == [
        "level.L2",
        "verification.passed",
    ]


def test_not_mine_after_it_raises() -> None:
    case = passed()
    before = case.log_odds

    assert case.says_on_the_page("not_mine").log_odds > before


def test_a_word_alone_closes_no_case_about_an_account() -> None:
    opted_in = contoso(step_up=STEP_UP, auto_close=frozenset({IncidentType.UNFAMILIAR_SIGN_IN}))
    case = asked(opted_in).starts().signs_in().says_on_the_page("mine")

    assert (case.score < 0.02, case.band) == (True, Band.PROPOSE)


def test_the_answer_is_given_at_once_or_not_here() -> None:
    case = passed()

    assert refusal(case.says_on_the_page("mine", after=11).verdict) == "refused.verification_over"


def test_a_button_in_teams_is_no_answer_after_a_sign_in() -> None:
    case = passed().answers("mine")

    assert refusal(case.verdict) == "refused.unknown_choice"


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (IncidentType.STOLEN_SESSION, "stolen_session"),
        (IncidentType.NEW_MFA_METHOD, "authenticators_changed"),
        (IncidentType.DEVICE_JOIN, "authenticators_changed"),
        (IncidentType.SCRIPT, "device_suspect"),
    ],
)
def test_what_comes_to_light_voids_it_before_and_after_the_answer(
    kind: IncidentType, why: str
) -> None:
    evidence = told_of(kind, CARLA, Severity.LOW)
    offered = asked().reported(evidence, after=1)
    assert offered.state.verifications[0].why == why
    assert offered.card(CARLA).verification is None

    answered = passed().says_on_the_page("mine").reported(evidence, after=1)

    weights = [
        r.weight
        for r in answered.state.decision.reasons  # type: ignore[union-attr]
        if r.rule == "answer.sign_in_mine.mine"
    ]
    assert weights == [0.0]
    assert answered.state.verifications[0].state is VerificationState.VOID


def test_ways_to_sign_in_that_changed_long_ago_void_nothing() -> None:
    case = Case().reported(told_of(IncidentType.NEW_MFA_METHOD, CARLA, Severity.LOW))
    week = case.now + timedelta(days=7)

    assert assurance.void(case.state, CARLA.object_id, case.now) == "authenticators_changed"
    assert assurance.void(case.state, CARLA.object_id, week) is None


def test_an_account_under_suspicion_confirms_nothing_by_signing_in() -> None:
    case = passed()
    case.at_risk = frozenset({CARLA.object_id})
    before = case.log_odds

    case.says_on_the_page("mine")

    assert case.log_odds == before
    assert case.verification.why == "account_suspect"


def test_the_end_of_the_case_ends_the_offer() -> None:
    case = asked()
    case.closes(disposition="falsePositive", comment="test")

    assert case.verification.state is VerificationState.EXPIRED


# --- levels ---------------------------------------------------------------------------------------

_ANSWERS = [(spec.kind, answer) for spec in QUESTIONS.values() for answer in spec.answers]


@given(st.sampled_from(_ANSWERS), st.sampled_from(Assurance), st.sampled_from(list(PLAYBOOKS)))
def test_no_reply_below_its_level_lowers_by_a_verified_weight(
    which: tuple[QuestionKind, Any], level: Assurance, kind: IncidentType
) -> None:
    """Weights marked V stand from the level on that the type asks for, and never below."""
    _, answer = which
    incident = Case().reported(malware_ran()).state.changed(types=(kind,))
    weight = weight_of(answer, incident, level)

    if answer.verified_weight is None or level < answer.least:
        assert weight in (answer.weight, answer.interactive_weight)
        assert answer.verified_weight is None or weight >= 0
    else:
        assert weight == answer.verified_weight
    assert answer.least > Assurance.L0


def test_questions_a_sign_in_can_do_something_for_have_words_for_the_page() -> None:
    from cards.sentences import SENTENCES

    for kind in filter(takes_sign_in, QuestionKind):
        assert {f"web_happened.{kind}", f"web_ask.{kind}"} <= SENTENCES.keys()

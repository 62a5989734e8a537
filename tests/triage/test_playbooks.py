"""Every question of every playbook can change a decision; every answer can be said."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from cards.wording import faults
from tests.triage.kinds import example, told_of
from tests.triage.triage_script import (
    BOB,
    CONTOSO,
    TEN_PAST_TEN,
    Case,
    malware_blocked,
    malware_ran,
)
from triage.assess import assess, change_by, could_change, log_odds, what_ifs
from triage.incident import (
    Incident,
    IncidentType,
    Open,
    Question,
    QuestionKind,
    Reason,
    Reply,
    Route,
    SourceRef,
    Standing,
    SuspectFile,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import (
    FOLLOW_UPS,
    PLAYBOOKS,
    QUESTIONS,
    Answer,
    Channel,
    first_questions,
    is_about_accounts,
    offered,
    route_of,
)
from triage.recognising import PRIORS, Detector, detector_of
from triage.report import Severity

ASKING = [t for t in IncidentType if PLAYBOOKS[t].asks]
OF_PLAYBOOKS = [kind for kind in QuestionKind if kind is not QuestionKind.FREE]
"""An analyst's own question belongs to none, and weighs nothing."""
EVERY_ANSWER = [(kind, answer) for kind in OF_PLAYBOOKS for answer in QUESTIONS[kind].answers]
BY_ACCOUNT = [t for t in IncidentType if PLAYBOOKS[t].channel is Channel.TAINTED]

# --- the walk: every question, at every prior that can lead to it --------------------------------

SIGNS: dict[str, tuple[tuple[str, float], ...]] = {
    "nothing more": (),
    "suspicious": (("sign.verdict_suspicious", 0.5),),
    "malicious": (("sign.verdict_malicious", 2.0),),
    "clean": (("sign.verdict_clean", -1.5),),
    "second product": (("sign.second_product.x", 1.5),),
}
"""What telemetry plausibly adds to any prior."""

ENDPOINT_SIGNS = SIGNS | {
    "stopped": (("sign.prevented", -1.5),),
    "by hand": (("sign.executed", 1.0),),
}
ACCOUNT_SIGNS = SIGNS | {
    "hidden": (("sign.anonymous_network", 1.0),),
    "known device": (("sign.known_device", -1.5),),
    "known network and device": (("sign.known_egress", -1.5), ("sign.known_device", -1.5)),
}


def _signs(type_: IncidentType) -> dict[str, tuple[tuple[str, float], ...]]:
    return ACCOUNT_SIGNS if type_ in BY_ACCOUNT else ENDPOINT_SIGNS


def _detectors(type_: IncidentType) -> set[Detector]:
    """The classes whose alerts make a case of that kind, attack disruption among them."""
    alerts = [example(type_, severity=severity) for severity in Severity]
    if type_ is IncidentType.MALICIOUS_FILE:
        alerts += [*malware_blocked().alerts, *malware_ran().alerts]
    return {detector_of(a, disrupted=disrupted) for a in alerts for disrupted in (False, True)}


def _incident(
    type_: IncidentType, prior: float, signs: tuple[tuple[str, float], ...] = ()
) -> Incident:
    state = Case().reported(malware_ran()).state
    telemetry = (
        Reason("prior.x", log_odds(prior), "test", phrase("x")),
        *(Reason(rule, weight, "test", phrase("x")) for rule, weight in signs),
    )
    ref = SourceRef(state.refs[0].source, "1", TEN_PAST_TEN, "d", telemetry=telemetry)
    return replace(state, types=(type_,), refs=(ref,), questions=(), taints=(), approvals=())


def _question(kind: QuestionKind, route: Route) -> Question:
    due = Open(TEN_PAST_TEN + timedelta(minutes=15))
    return Question("q1", kind, BOB, route, TEN_PAST_TEN, due)


def _kinds(type_: IncidentType) -> set[QuestionKind]:
    """First questions, for every state of the files, and all that follow from them."""
    state = _incident(type_, 0.5)
    file = SuspectFile("a.docm")
    asked = {
        kind
        for ran in (True, False)
        for kind in first_questions(replace(state, files=(replace(file, ran=ran),)))
    }
    return asked | {a.then for k in asked for a in QUESTIONS[k].answers if a.then}


def _matters(kind: QuestionKind, type_: IncidentType, detector: Detector) -> list[str]:
    """In which plausible states some answer to this question changes the decision, or adds an
    action that the playbook does not order anyway."""
    incidents = {
        name: _incident(type_, PRIORS[detector], signs) for name, signs in _signs(type_).items()
    }
    return [name for name, incident in incidents.items() if _changes(incident, kind)]


def _changes(incident: Incident, kind: QuestionKind) -> bool:
    question = _question(kind, route_of(incident, tainted=False))
    present = assess(incident, CONTOSO, TEN_PAST_TEN).band
    return any(
        (s.answer.contains and s.answer.contains not in PLAYBOOKS[incident.type].contains)
        or s.band is not present
        or (s.answer.then and _changes(incident, s.answer.then))
        for s in what_ifs(incident, CONTOSO, TEN_PAST_TEN, question)
    )


@pytest.mark.parametrize("type_", ASKING)
def test_what_a_reply_changes_is_what_the_score_differs_by(type_: IncidentType) -> None:
    for kind in _kinds(type_):
        question = _question(kind, Route.CARD)
        for signs in _signs(type_).values():
            asked = replace(_incident(type_, 0.5, signs), questions=(question,))
            before = assess(asked, CONTOSO, TEN_PAST_TEN).log_odds
            for answer in QUESTIONS[kind].answers:
                reply = Reply(BOB.object_id, TEN_PAST_TEN, Standing.COUNTED, answer.id)
                told = replace(asked, questions=(replace(question, replies=(reply,)),))
                after = assess(told, CONTOSO, TEN_PAST_TEN).log_odds
                assert change_by(asked, question, reply) == pytest.approx(after - before)


@pytest.mark.parametrize("type_", ASKING)
def test_every_question_matters_at_every_prior_that_can_lead_to_it(type_: IncidentType) -> None:
    for kind in _kinds(type_):
        for detector in _detectors(type_):
            assert _matters(kind, type_, detector), f"{kind} is useless at {detector}"


@pytest.mark.parametrize("type_", ASKING)
@pytest.mark.parametrize("detector", list(Detector))
def test_every_question_matters_also_where_an_alert_of_another_class_sets_the_prior(
    type_: IncidentType, detector: Detector
) -> None:
    for kind in _kinds(type_):
        assert _matters(kind, type_, detector), f"{kind} is useless at {detector}"


@pytest.mark.parametrize("type_", ASKING)
def test_most_questions_matter_where_nothing_else_is_known(type_: IncidentType) -> None:
    """With its own priors and no sign at all, at least one severity has something to ask."""
    kinds = _kinds(type_) - FOLLOW_UPS

    assert all(
        any(_changes(_incident(type_, PRIORS[d]), kind) for d in _detectors(type_))
        for kind in kinds
    )


def test_what_would_change_nothing_is_not_asked() -> None:
    """A reported password spray at low risk: no answer lifts it over the next threshold."""
    case = Case().reported(told_of(IncidentType.PASSWORD_SPRAY, severity=Severity.LOW))
    question = _question(QuestionKind.PROMPTS_UNEXPECTED, Route.NEUTRAL)

    assert not could_change(case.state, CONTOSO, TEN_PAST_TEN, question)
    assert case.state.questions == ()
    assert "why.no_answer_matters" in case.noted()


def test_every_question_is_asked_by_some_playbook_or_follows_from_one() -> None:
    assert {kind for type_ in ASKING for kind in _kinds(type_)} == set(OF_PLAYBOOKS)


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "answer"), EVERY_ANSWER)
def test_every_answer_is_needed(kind: QuestionKind, answer: Answer) -> None:
    """It weighs, leads on, contains, or brings a person; or it is the honest nothing."""
    honest = {
        (QuestionKind.FILE_AFTERMATH, "neither"),
        (QuestionKind.LINK_ENTERED, "only_opened"),
        (QuestionKind.PROMPTS_UNEXPECTED, "none"),
        (QuestionKind.APP_APPROVED, "mine"),
    }
    acts = answer.weight or answer.verified_weight or answer.then or answer.contains
    assert acts or answer.unsure or answer.call or (kind, answer.id) in honest


@pytest.mark.parametrize(("kind", "answer"), EVERY_ANSWER)
def test_every_answer_has_a_phrase_of_its_own(kind: QuestionKind, answer: Answer) -> None:
    says = answer.says(kind)

    assert re.fullmatch(r"choice\.[a-z_]+\.[a-z_]+", says.key)
    assert says == Phrase(f"choice.{kind}.{answer.id}")
    assert faults(says) == []


@pytest.mark.parametrize("kind", OF_PLAYBOOKS)
def test_a_question_has_at_most_five_answers_each_once_and_one_not_sure(kind: QuestionKind) -> None:
    ids = [a.id for a in QUESTIONS[kind].answers]

    assert len(ids) == len(set(ids)) <= 5
    assert "not_sure" in ids


ON_CARDS = {
    *(book.asks for book in PLAYBOOKS.values() if book.asks and book.channel is Channel.TEAMS),
    QuestionKind.FILE_EXPECTED,
    *FOLLOW_UPS,
}
"""What can be asked on a card; all else is asked by phone, or by a card that says nothing."""


@pytest.mark.parametrize("kind", sorted(ON_CARDS))
def test_a_card_has_at_most_four_buttons(kind: QuestionKind) -> None:
    assert len(offered(_question(kind, Route.CARD))) <= 4


def test_nothing_is_offered_in_teams_to_whom_is_asked_by_phone() -> None:
    assert offered(_question(QuestionKind.SIGN_IN_MINE, Route.PHONE)) == ()


@pytest.mark.parametrize("kind", list(QuestionKind))
def test_a_neutral_card_only_asks_to_be_called(kind: QuestionKind) -> None:
    assert {a.id for a in offered(_question(kind, Route.NEUTRAL))} <= {"call_me"}


@pytest.mark.parametrize("type_", BY_ACCOUNT)
def test_whoever_is_asked_of_a_suspect_account_lowers_only_when_we_know_who_answers(
    type_: IncidentType,
) -> None:
    kind = PLAYBOOKS[type_].asks
    answers = QUESTIONS[kind].answers if kind else ()

    assert all(a.weight >= 0 for a in answers)


def test_a_way_to_say_that_a_secret_was_given_away_revokes_and_makes_the_account_suspect() -> None:
    taints = {(kind, a.id): a.contains for kind, a in EVERY_ANSWER if a.taints}

    assert set(taints) == {
        (QuestionKind.FILE_AFTERMATH, "typed_password"),
        (QuestionKind.LINK_ENTERED, "entered"),
        (QuestionKind.CALLER_TOLD, "gave"),
        (QuestionKind.CODE_TYPED, "typed"),
    }
    assert set(taints.values()) == {"revoke_sessions"}


# --- playbooks -----------------------------------------------------------------------------------


def test_every_type_has_a_playbook_and_every_kind_a_question() -> None:
    assert set(PLAYBOOKS) == set(IncidentType)
    assert set(QUESTIONS) == set(QuestionKind)


def test_a_case_asks_for_each_kind_it_is_and_nothing_twice() -> None:
    state = _incident(IncidentType.SCRIPT, 0.5)
    two = replace(state, types=(IncidentType.SCRIPT, IncidentType.USB_DEVICE))
    same = replace(state, types=(IncidentType.STOLEN_SESSION, IncidentType.UNFAMILIAR_SIGN_IN))

    assert first_questions(two) == (QuestionKind.SCRIPT_RUN, QuestionKind.USB_CONNECTED)
    assert first_questions(same) == (QuestionKind.SIGN_IN_MINE,)


def test_nobody_is_told_that_a_file_was_stopped_where_no_file_is_known() -> None:
    told = replace(_incident(IncidentType.MALICIOUS_FILE, 0.5), files=())

    assert first_questions(told) == (QuestionKind.FILE_OPENED,)


@pytest.mark.parametrize("type_", list(IncidentType))
@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("tainted", [True, False])
def test_a_suspect_account_gets_a_card_that_asks_at_no_severity(
    type_: IncidentType, severity: Severity, tainted: bool
) -> None:
    told = replace(_incident(type_, 0.5), severity=severity)
    route = route_of(told, tainted=tainted)

    if tainted:
        assert route is Route.PHONE
    elif is_about_accounts(told):
        quiet = severity.rank < Severity.MEDIUM.rank and type_ is not IncidentType.REMOTE_TOOL
        assert route is (Route.NEUTRAL if quiet else Route.PHONE)
    else:
        assert route is (Route.PHONE if type_ is IncidentType.REMOTE_TOOL else Route.CARD)


def test_a_device_that_may_be_watched_is_never_asked_on_whatever_else_the_case_is() -> None:
    types = (IncidentType.REMOTE_TOOL, IncidentType.PHISH_CLICK)
    watched = replace(_incident(IncidentType.REMOTE_TOOL, 0.5), types=types)

    assert route_of(watched, tainted=False) is Route.PHONE

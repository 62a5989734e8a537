"""Every question of every playbook can change a decision; every answer can be said."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cards.wording import faults
from tests.triage.triage_script import BOB, CONTOSO, TEN_PAST_TEN, Case, alert, malware_ran, report
from triage.assess import could_change, log_odds
from triage.incident import (
    Incident,
    IncidentType,
    Open,
    Question,
    QuestionKind,
    Reason,
    Route,
    SourceRef,
    SuspectFile,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import (
    PLAYBOOKS,
    PRIORS,
    QUESTIONS,
    Answer,
    Channel,
    Detector,
    detector_of,
    first_question,
    offered,
    recognise,
    route_of,
)
from triage.report import Product, Severity

ASKING = [t for t in IncidentType if PLAYBOOKS[t].channel is not Channel.NOBODY]
EVERY_ANSWER = [(spec.kind, answer) for spec in QUESTIONS.values() for answer in spec.answers]

EXPECTED_DETECTORS = {
    IncidentType.MALICIOUS_FILE: {Detector.MALWARE_RAN, Detector.MALWARE_PREVENTED},
    IncidentType.UNFAMILIAR_SIGN_IN: {
        Detector.IDENTITY_LOW,
        Detector.IDENTITY_MEDIUM,
        Detector.IDENTITY_HIGH,
    },
    IncidentType.REMOTE_TOOL: {Detector.SCRIPT_OR_TOOL},
}
"""The classes whose alerts make an incident of that type."""

SIGNS = {
    "nothing more": (),
    "suspicious": (("sign.verdict_suspicious", 0.5),),
    "malicious": (("sign.verdict_malicious", 2.0),),
    "clean": (("sign.verdict_clean", -1.5),),
    "stopped": (("sign.prevented", -1.5),),
    "by hand": (("sign.executed", 1.0),),
}
"""What telemetry plausibly adds to a prior."""


def _incident(type_: IncidentType, prior: float, signs: tuple[tuple[str, float], ...]) -> Incident:
    state = Case().reported(malware_ran()).state
    telemetry = (
        Reason("prior.x", log_odds(prior), "test", phrase("x")),
        *(Reason(rule, weight, "test", phrase("x")) for rule, weight in signs),
    )
    ref = SourceRef(state.refs[0].source, "1", TEN_PAST_TEN, "d", telemetry=telemetry)
    return replace(state, type=type_, refs=(ref,), questions=(), taints=(), approvals=())


def _question(kind: QuestionKind, route: Route) -> Question:
    due = Open(TEN_PAST_TEN + timedelta(minutes=15))
    return Question("q1", kind, BOB, route, TEN_PAST_TEN, due)


def _kinds(type_: IncidentType) -> set[QuestionKind]:
    """First questions, for every state of the files, and all that follow from them."""
    state = _incident(type_, 0.5, ())
    file = SuspectFile("a.docm")
    firsts = {
        first_question(replace(state, files=(replace(file, ran=ran),))) for ran in (True, False)
    }
    asked = {kind for kind in firsts if kind is not None}
    return asked | {a.then for k in asked for a in QUESTIONS[k].answers if a.then}


def _changes(kind: QuestionKind, type_: IncidentType, prior: float) -> list[str]:
    """In which plausible states some answer to this question changes the decision."""
    route = route_of(_incident(type_, prior, ()), tainted=False)
    return [
        name
        for name, signs in SIGNS.items()
        if could_change(
            _incident(type_, prior, signs), CONTOSO, TEN_PAST_TEN, _question(kind, route)
        )
    ]


@pytest.mark.parametrize("type_", ASKING)
def test_every_question_of_a_playbook_changes_a_decision_at_every_prior_it_meets(
    type_: IncidentType,
) -> None:
    for kind in _kinds(type_):
        for detector in EXPECTED_DETECTORS[type_]:
            assert _changes(kind, type_, PRIORS[detector]), f"{kind} is useless at {detector}"


@pytest.mark.parametrize("type_", ASKING)
@pytest.mark.parametrize("detector", list(Detector))
def test_every_first_question_changes_a_decision_at_every_default_prior(
    type_: IncidentType, detector: Detector
) -> None:
    """Also where a joined alert of another class sets the prior."""
    for kind in _kinds(type_):
        assert _changes(kind, type_, PRIORS[detector]), f"{kind} is useless at {detector}"


@pytest.mark.parametrize(("kind", "answer"), EVERY_ANSWER)
def test_every_answer_is_needed(kind: QuestionKind, answer: Answer) -> None:
    """It weighs, leads on, contains, or brings a person; or it is the honest nothing."""
    honest = {(QuestionKind.FILE_AFTERMATH, "neither")}
    acts = answer.weight or answer.verified_weight or answer.then or answer.contains
    assert acts or answer.unsure or answer.call or (kind, answer.id) in honest


@pytest.mark.parametrize(("kind", "answer"), EVERY_ANSWER)
def test_every_answer_has_a_phrase_of_its_own(kind: QuestionKind, answer: Answer) -> None:
    says = answer.says(kind)

    assert re.fullmatch(r"choice\.[a-z_]+\.[a-z_]+", says.key)
    assert says == Phrase(f"choice.{kind}.{answer.id}")
    assert faults(says) == []


@pytest.mark.parametrize("kind", list(QuestionKind))
def test_a_question_has_at_most_five_answers_each_once_and_one_not_sure(kind: QuestionKind) -> None:
    ids = [a.id for a in QUESTIONS[kind].answers]

    assert len(ids) == len(set(ids)) <= 5
    assert "not_sure" in ids


@pytest.mark.parametrize("kind", [QuestionKind.FILE_OPENED, QuestionKind.FILE_EXPECTED])
def test_a_card_has_at_most_four_buttons(kind: QuestionKind) -> None:
    assert len(offered(_question(kind, Route.CARD))) <= 4


def test_nothing_is_offered_in_teams_to_whom_is_asked_by_phone() -> None:
    assert offered(_question(QuestionKind.SIGN_IN_MINE, Route.PHONE)) == ()


def test_every_type_has_a_playbook_and_every_kind_a_question() -> None:
    assert set(PLAYBOOKS) == set(IncidentType)
    assert set(QUESTIONS) == set(QuestionKind)
    assert set(PRIORS) == set(Detector)


# --- recognising ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "product", "detail", "type_"),
    [
        ("x", Product.DLP, {}, IncidentType.RESTRICTED),
        ("x", Product.INSIDER, {}, IncidentType.RESTRICTED),
        ("DLP policy matched", Product.SENTINEL, {}, IncidentType.RESTRICTED),
        ("x", Product.ENDPOINT, {"techniques": ("T1219",)}, IncidentType.REMOTE_TOOL),
        ("TeamViewer was seen", Product.XDR, {}, IncidentType.REMOTE_TOOL),
        ("x", Product.ENTRA, {"detector": "unlikelyTravel"}, IncidentType.UNFAMILIAR_SIGN_IN),
        ("Atypical travel", Product.SENTINEL, {}, IncidentType.UNFAMILIAR_SIGN_IN),
        ("x", Product.ENDPOINT, {"category": "Malware"}, IncidentType.MALICIOUS_FILE),
        ("x", Product.ENDPOINT, {"techniques": ("T1204.002",)}, IncidentType.MALICIOUS_FILE),
        ("Malware in e-mail", Product.OFFICE, {}, IncidentType.UNKNOWN),
        ("x", Product.ENTRA, {"detector": "leakedCredentials"}, IncidentType.UNKNOWN),
        ("x", Product.ENDPOINT, {}, IncidentType.UNKNOWN),
    ],
)
def test_a_type_is_recognised_by_product_detector_technique_and_title(
    title: str, product: Product, detail: dict[str, Any], type_: IncidentType
) -> None:
    assert recognise(report(alert(title, product, Severity.HIGH, **detail))) is type_


def test_one_restricted_alert_makes_the_whole_case_restricted() -> None:
    told = report(*malware_ran().alerts, alert("x", Product.DLP))

    assert recognise(told) is IncidentType.RESTRICTED


@pytest.mark.parametrize(
    ("title", "product", "detail", "detector"),
    [
        ("New inbox rule", Product.OFFICE, {}, Detector.FOOTHOLD),
        ("x", Product.ENDPOINT, {"techniques": ("T1059.001",)}, Detector.SCRIPT_OR_TOOL),
        ("x", Product.ENDPOINT, {"techniques": ("T1219",)}, Detector.SCRIPT_OR_TOOL),
        ("x", Product.ENTRA, {}, Detector.IDENTITY_HIGH),
        ("malware", Product.ENDPOINT, {}, Detector.MALWARE_RAN),
        ("x", Product.CLOUD, {}, Detector.UNKNOWN),
    ],
)
def test_an_alert_has_the_prior_of_its_class(
    title: str, product: Product, detail: dict[str, Any], detector: Detector
) -> None:
    told = alert(title, product, Severity.HIGH, **detail)

    assert detector_of(told, disrupted=False) is detector
    assert detector_of(told, disrupted=True) is Detector.DISRUPTED

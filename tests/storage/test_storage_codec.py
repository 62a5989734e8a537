"""Values to JSON and back: nothing is lost, and what an older version stored can still be read."""

import json
import subprocess
import sys
from typing import Any

import pytest

from storage import codec
from storage.upcasters import UPCASTERS, lift
from tests.storage.records import GOLDEN, filled
from triage.customer import Customer, Provider
from triage.decide import Accepted
from triage.effects import (
    ChangeShift,
    Contain,
    KeepRetention,
    LookForAbsence,
    Page,
    PostDigest,
    PostHandover,
    ReadRoster,
    Relay,
    Say,
    TellAnalysts,
    Wake,
)
from triage.events import Answered, Event, Facts, Match, Reported, WishedCall
from triage.incident import STATE_VERSION, Incident
from triage.report import Alert
from triage.views import CustomerThread, PersonCard

INCIDENT: Incident = filled(Incident)


def test_an_incident_with_everything_in_it_comes_back_whole() -> None:
    assert codec.incident_from_json(codec.incident_to_json(INCIDENT)) == INCIDENT


@pytest.mark.parametrize("kind", Event.__args__, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_whole(kind: Any) -> None:
    event = filled(kind)

    assert codec.event_from_json(codec.event_to_json(event)) == event


@pytest.mark.parametrize(
    "kind",
    [
        Say,
        Contain,
        Wake,
        PostDigest,
        ReadRoster,
        LookForAbsence,
        Relay,
        TellAnalysts,
        KeepRetention,
        ChangeShift,
        PostHandover,
        Page,
    ],
)
def test_every_effect_comes_back_whole(kind: Any) -> None:
    effect = filled(kind)

    assert codec.effect_from_json(codec.effect_to_json(effect)) == effect


def test_facts_alerts_profiles_and_verdicts_come_back_whole() -> None:
    facts = Facts(matches={"upn:bob": filled(Match)}, at_risk=frozenset("abc"))
    assert codec.facts_from_json(codec.facts_to_json(facts)) == facts
    alert: Alert = filled(Alert)
    assert codec.alert_from_json(codec.alert_to_json(alert)) == alert
    verdict = Accepted()
    assert codec.verdict_from_json(codec.verdict_to_json(verdict)) == verdict


def test_an_event_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind"):
        codec.event_from_json('{"kind":"other"}')


def test_the_text_of_a_value_is_the_same_in_every_process() -> None:
    program = (
        "from storage.codec import facts_to_json; from triage.events import Facts; "
        "print(facts_to_json(Facts(at_risk=frozenset('abcdefgh'))), end='')"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert texts == {codec.facts_to_json(Facts(at_risk=frozenset("abcdefgh")))}


def test_equal_views_have_one_digest() -> None:
    card, thread = filled(PersonCard), filled(CustomerThread)

    assert codec.digest(card) == codec.digest(filled(PersonCard))
    assert codec.digest(card) != codec.digest(thread)


# --- states of older versions --------------------------------------------------------------------


@pytest.mark.parametrize(
    "file", sorted(GOLDEN.parent.glob("incident-v*.json")), ids=lambda f: f.stem
)
def test_a_state_of_every_released_version_can_be_read(file: Any) -> None:
    incident = codec.incident_from_json(file.read_text(encoding="utf-8"))

    assert incident.state_version == STATE_VERSION


def test_the_shape_of_this_versions_state_has_not_changed() -> None:
    """If it must: raise STATE_VERSION, write an upcaster, and run records.py for the new golden
    file. Only a version that was never released may have its file written anew."""
    unchanged = codec.incident_to_json(INCIDENT) + "\n" == GOLDEN.read_text(encoding="utf-8")
    assert unchanged, "the shape has changed; python -m tests.storage.records writes it anew"


def test_every_version_can_be_lifted_to_todays() -> None:
    assert set(UPCASTERS) == set(range(1, STATE_VERSION))


def test_a_state_of_today_is_known_by_its_end() -> None:
    """What spares every click a second parsing; it needs `state_version` as the last field."""
    assert codec.incident_to_json(INCIDENT).endswith(codec._OF_TODAY)


def test_states_are_lifted_step_by_step() -> None:
    steps = {
        1: lambda state: {**state, "title": state["name"]},
        2: lambda state: {**state, "title": state["title"].upper()},
    }

    lifted = lift({"state_version": 1, "name": "a"}, to=3, upcasters=steps)

    assert lifted == {"state_version": 3, "name": "a", "title": "A"}


def test_a_state_of_a_newer_vouch_is_refused_by_name() -> None:
    state = json.loads(codec.incident_to_json(INCIDENT)) | {"state_version": STATE_VERSION + 1}

    with pytest.raises(codec.UnreadableStateError, match="newer"):
        codec.incident_from_json(json.dumps(state))


def test_a_state_is_read_whatever_the_order_of_its_fields() -> None:
    state = json.loads(codec.incident_to_json(INCIDENT))

    assert codec.incident_from_json(json.dumps(dict(reversed(state.items())))) == INCIDENT


@pytest.mark.parametrize(
    ("to_json", "from_json", "cls"),
    [
        (codec.customer_to_json, codec.customer_from_json, Customer),
        (codec.provider_to_json, codec.provider_from_json, Provider),
    ],
)
def test_profiles_come_back_whole(to_json: Any, from_json: Any, cls: Any) -> None:
    profile = filled(cls)

    assert from_json(to_json(profile)) == profile


def test_a_report_with_every_kind_of_evidence_comes_back_whole() -> None:
    reported: Reported = filled(Reported)
    kinds = {evidence.kind for alert in reported.report.alerts for evidence in alert.evidence}

    assert len(kinds) > 10
    assert codec.event_from_json(codec.event_to_json(reported)) == reported


def test_a_wish_to_be_called_that_was_an_answer_to_no_question_is_read_as_one() -> None:
    before = codec.event_to_json(Answered("", "bob", "call_me"))

    assert codec.event_from_json(before) == WishedCall("bob")
    other = Answered("", "bob", "mine")
    assert codec.event_from_json(codec.event_to_json(other)) == other


def test_an_answer_keeps_the_words_it_was_given() -> None:
    answered = Answered("q", "bob", None, 'I "did" it\n— ü\u2028 <b>')

    assert codec.event_from_json(codec.event_to_json(answered)) == answered

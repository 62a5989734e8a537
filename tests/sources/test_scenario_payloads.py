"""The demo's incidents are what Graph would write of the people in the demo's world."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.scenariofile import Moment, Report, filled, read_scenarios
from simulator.worldfile import read_world
from sources import PARSERS
from tests.sources.graph_payloads import SCHEMA
from triage.report import (
    DoneKind,
    FileEvidence,
    IncidentReport,
    ProcessEvidence,
    Product,
    Severity,
    SignInEvidence,
    Source,
    UserEvidence,
    Verdict,
)

SIMULATOR = Path(__file__).parents[2] / "simulator"
WORLD = read_world(SIMULATOR / "worlds" / "demo.json")
SCENARIOS = read_scenarios(SIMULATOR / "scenarios")

NOW = datetime(2025, 11, 24, 10, 10, tzinfo=UTC)
MOMENT = Moment(now=NOW, start=NOW, run="1001")


def told(scenario: str, step: str = "start") -> list[tuple[str, IncidentReport]]:
    """The incidents of a step, each with its customer, as the intake would read them."""
    played = SCENARIOS[scenario]
    deeds = played.start if step == "start" else next(s.do for s in played.steps if s.id == step)
    return [_read(deed) for deed in deeds if isinstance(deed, Report)]


def _read(deed: Report) -> tuple[str, IncidentReport]:
    (parsed,) = PARSERS[Source(deed.source)](filled(deed.payload, MOMENT))

    assert isinstance(parsed, IncidentReport), parsed
    return deed.customer, parsed


def steps() -> list[tuple[str, str]]:
    return [
        (s.id, step) for s in SCENARIOS.values() for step in ("start", *(x.id for x in s.steps))
    ]


@pytest.mark.parametrize(("scenario", "step"), steps())
def test_every_incident_names_its_own_tenant_and_people_of_it(scenario: str, step: str) -> None:
    for customer, report in told(scenario, step):
        tenant = next(tenant for tenant in WORLD.tenants if tenant.customer == customer)
        known = {(person.id, person.sid, person.upn) for person in tenant.users}
        users = [
            piece.account
            for alert in report.alerts
            for piece in alert.evidence
            if isinstance(piece, UserEvidence)
        ]

        assert report.tenant_id == tenant.id
        assert users or scenario == "forty-alerts", "only a kiosk has nobody"
        assert {(user.object_id, user.sid, user.upn) for user in users} <= known


@pytest.mark.parametrize(("scenario", "step"), steps())
def test_nothing_happened_after_it_was_told(scenario: str, step: str) -> None:
    for _, report in told(scenario, step):
        assert report.created <= report.updated <= NOW
        for alert in report.alerts:
            assert alert.first_activity
            assert alert.first_activity <= NOW


def test_the_late_quarantine_ran_was_suspicious_and_is_quarantined() -> None:
    ((customer, report),) = told("late-quarantine")
    (alert,) = report.alerts
    verdicts = {piece.verdict for piece in alert.evidence}
    (file,) = (piece for piece in alert.evidence if isinstance(piece, FileEvidence))
    (process,) = (piece for piece in alert.evidence if isinstance(piece, ProcessEvidence))

    assert customer == "contoso"
    assert "T1204.002" in alert.techniques
    assert verdicts == {Verdict.UNKNOWN, Verdict.SUSPICIOUS}
    assert alert.threat_family is None
    assert file.detection == "detected"
    assert (process.parent_name, process.name) == ("WINWORD.EXE", "powershell.exe")
    assert [done.kind for done in report.already_done] == [DoneKind.QUARANTINED]


def test_the_thiefs_sign_in_is_a_high_risk_of_entra() -> None:
    ((_, report),) = told("the-thief-answers")
    (alert,) = report.alerts
    (sign_in,) = (piece for piece in alert.evidence if isinstance(piece, SignInEvidence))

    assert report.severity is Severity.HIGH
    assert alert.product is Product.ENTRA
    assert alert.detector == "unfamiliarFeatures"
    assert sign_in.account
    assert sign_in.account.upn == "carla@contoso.example"
    assert sign_in.ip
    assert sign_in.app
    assert sign_in.device_name


def test_the_mail_rule_is_the_same_incident_with_a_second_product() -> None:
    ((_, first),) = told("the-thief-answers")
    ((_, then),) = told("the-thief-answers", "mail-rule")

    assert then.source_id == first.source_id
    assert then.updated > first.updated
    assert then.digest != first.digest
    assert then.alerts[0] == first.alerts[0]
    assert then.alerts[1].product is Product.CLOUD_APPS
    assert "T1564.008" in then.alerts[1].techniques


def test_two_customers_get_the_same_alert_of_different_weight() -> None:
    (_, contoso), (_, fabrikam) = told("same-alert-two-customers")

    assert contoso.alerts[0].title == fabrikam.alerts[0].title
    assert contoso.alerts[0].detector == fabrikam.alerts[0].detector
    assert contoso.alerts[0].techniques == ("T1219",)
    assert "T1543.003" in fabrikam.alerts[0].techniques
    assert Verdict.SUSPICIOUS not in {piece.verdict for piece in contoso.alerts[0].evidence}
    assert Verdict.SUSPICIOUS in {piece.verdict for piece in fabrikam.alerts[0].evidence}


def test_a_scenario_is_told_in_one_sentence_and_says_who_one_is() -> None:
    for scenario in SCENARIOS.values():
        assert re.fullmatch(r"[^.]+\.", scenario.summary)
        assert scenario.hint.startswith("You are ")


@pytest.mark.shared
def test_every_field_is_one_that_graph_has() -> None:
    if not SCHEMA.is_file():
        pytest.skip(f"Graph's schema is read from {SCHEMA}, which is absent")
    types = json.loads(SCHEMA.read_text())["types"]

    for scenario in SCENARIOS.values():
        for deed in (*scenario.start, *(deed for step in scenario.steps for deed in step.do)):
            if isinstance(deed, Report):
                assert not set(_strange(deed.payload, "incident", types))


Types = dict[str, dict[str, dict[str, str] | str | None]]


def _fields(name: str, types: Types) -> dict[str, str]:
    found = types.get(name)
    if found is None:
        return {"id": "String"}
    props, base = found["props"], found["base"]
    inherited = _fields(base, types) if isinstance(base, str) else {}
    return inherited | (props if isinstance(props, dict) else {})


def _strange(value: object, kind: str, types: Types) -> Iterator[str]:
    """Paths of fields, all the way down, that Graph's type of that name does not have."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and (kind in types or "@odata.type" in item):
            named = str(item.get("@odata.type", kind)).rpartition(".")[2]
            fields = _fields(named, types)
            for field, inner in item.items():
                if field != "@odata.type" and field not in fields:
                    yield f"{named}.{field}"
                inside = fields.get(field, "").removeprefix("Collection(").removesuffix(")")
                yield from _strange(inner, inside, types)

"""Our own JSON: what native.md shows is read; what it does not is refused by name."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources import native
from sources.native import parse
from sources.parsed import Malformed
from tests.sources.any_json import ANY_JSON, unhurried
from triage import report as reports
from triage.report import Account, IncidentReport, SignInEvidence, Source, UserEvidence

Json = dict[str, object]

DOCUMENT = Path(native.__file__).with_suffix(".md").read_text()


def example(**changed: object) -> Json:
    found = re.search(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    shown: Json = json.loads(found[1])
    return shown | changed


def read(body: object) -> IncidentReport:
    (parsed,) = parse(body)

    assert isinstance(parsed, IncidentReport), parsed
    return parsed


def refused(body: object) -> Malformed:
    (parsed,) = parse(body)

    assert isinstance(parsed, Malformed)
    return parsed


def with_evidence(**piece: object) -> Json:
    alert = {"id": "1", "title": "t", "product": "other", "severity": "low", "evidence": [piece]}
    return example(alerts=[alert])


def test_the_documented_example_is_read_whole() -> None:
    report = read(example())
    evidence = report.alerts[0].evidence
    kinds = [piece.kind for piece in evidence]

    assert report.source is Source.NATIVE
    assert report.source_id == "HD-20931"
    assert report.mirrors == ((Source.NATIVE, "HD-20930"),)
    assert len(kinds) == len(set(kinds)) == 11
    assert isinstance(evidence[0], UserEvidence)
    assert evidence[0].account.upn == "carla@contoso.example"
    assert isinstance(evidence[1], SignInEvidence)
    assert evidence[1].account == Account(upn="carla@contoso.example")
    assert evidence[1].phishing_resistant is False


def test_the_example_shows_every_field_there_is() -> None:
    shown = set(re.findall(r'"(\w+)":', DOCUMENT))

    for shape in native.Shape.__subclasses__() + native.EvidenceShape.__subclasses__():
        assert set(shape.model_fields) <= shown


@pytest.mark.parametrize(
    ("shape", "target"),
    [
        (native.AccountShape, reports.Account),
        (native.AlertShape, reports.Alert),
        (native.DoneShape, reports.AlreadyDone),
        (native.UserShape, reports.UserEvidence),
        (native.DeviceShape, reports.DeviceEvidence),
        (native.FileShape, reports.FileEvidence),
        (native.ProcessShape, reports.ProcessEvidence),
        (native.SignInShape, reports.SignInEvidence),
        (native.IpShape, reports.IpEvidence),
        (native.UrlShape, reports.UrlEvidence),
        (native.MessageShape, reports.MessageEvidence),
        (native.MailboxShape, reports.MailboxEvidence),
        (native.AppShape, reports.AppEvidence),
        (native.OtherShape, reports.OtherEvidence),
    ],
)
def test_shapes_have_the_reports_own_fields(shape: type[native.Shape], target: type) -> None:
    assert set(shape.model_fields) == {field.name for field in fields(target)}


def test_an_incident_has_every_field_of_a_report_but_what_we_say_ourselves() -> None:
    ours = {field.name for field in fields(IncidentReport)} - {"source", "source_id", "digest"}

    assert set(native.IncidentShape.model_fields) == ours | {"id"}


def test_a_list_gives_a_result_for_each() -> None:
    first, second = parse([example(), {}])

    assert isinstance(first, IncidentReport)
    assert isinstance(second, Malformed)


def test_the_least_there_is_to_say_is_enough() -> None:
    report = read(
        {
            "id": "1",
            "title": "Lost laptop",
            "severity": "low",
            "created": "2025-11-24T09:00:00Z",
            "updated": "2025-11-24T09:00:00Z",
        }
    )

    assert report.status == "active"
    assert report.alerts == ()


@pytest.mark.parametrize("field", ["id", "title", "severity", "created", "updated"])
def test_a_missing_field_is_named(field: str) -> None:
    body = example()
    del body[field]

    fault = refused(body)

    assert fault.field == field
    assert "required" in fault.reason


def test_an_unknown_field_is_refused_by_name() -> None:
    fault = refused(example(serverity="high"))

    assert fault.field == "serverity"
    assert "unknown" in fault.reason


def test_an_unknown_field_deep_inside_is_refused_by_its_path() -> None:
    fault = refused(with_evidence(kind="user", account={"upn": "bob@contoso.example", "mail": "x"}))

    assert fault.field == "alerts[0].evidence[0].account.mail"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (example(severity="urgent"), "severity"),
        (example(severity="High"), "severity"),
        (example(updated="2025-11-24T09:00:00"), "updated"),
        (example(updated="yesterday"), "updated"),
        (example(updated=1732438800), "updated"),
        (example(title=""), "title"),
        (example(title=7), "title"),
        (example(id="x" * 201), "id"),
        (example(disrupted="yes"), "disrupted"),
        (example(tags="finance"), "tags"),
        (with_evidence(kind="phone"), "alerts[0].evidence[0]"),
        (with_evidence(kind="ip", address="0.0.0.0"), "alerts[0].evidence[0].address"),
        (with_evidence(kind="file", sha256="abc"), "alerts[0].evidence[0].sha256"),
        (with_evidence(kind="url"), "alerts[0].evidence[0].url"),
        (7, "body"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(body: object, field: str) -> None:
    fault = refused(body)

    assert fault.field == field
    assert fault.status == 422
    assert fault.reason


def test_several_faults_are_told_at_once() -> None:
    fault = refused(example(serverity="high", title=7))

    assert {"title", "serverity"} == {fault.field, *re.findall(r"Also wrong: (\w+)", fault.reason)}


def test_texts_are_cut_and_cleaned() -> None:
    report = read(example(title="t\x00" + "x" * 400))

    assert len(report.title) == 300
    assert "\x00" not in report.title


def test_the_order_of_things_does_not_change_the_digest() -> None:
    assert read(example(tags=["a", "b"])).digest == read(example(tags=["b", "a"])).digest
    assert read(example(tags=["a"])).digest != read(example(tags=["b"])).digest


@unhurried
@given(ANY_JSON)
def test_any_json_is_read_or_refused_and_never_raises(body: object) -> None:
    assert all(isinstance(parsed, IncidentReport | Malformed) for parsed in parse(body))


@unhurried
@given(st.sampled_from(sorted(native.IncidentShape.model_fields)), ANY_JSON)
def test_any_value_in_any_field_never_raises(field: str, value: object) -> None:
    assert len(parse(example(**{field: value}))) == 1


@unhurried
@given(st.sampled_from(["kind", "account", "url", "roles"]), ANY_JSON)
def test_any_value_in_evidence_never_raises(field: str, value: object) -> None:
    assert len(parse(with_evidence(**({"kind": "user"} | {field: value})))) == 1


def test_which_of_microsofts_incidents_are_one_is_not_for_our_shape_to_say() -> None:
    """Its key is the weakest: a mirror of 4711 would be Defender's case from then on."""
    named = [{"source": source, "id": "4711"} for source in ("native", "defender", "sentinel")]

    assert read(example(mirrors=named)).mirrors == ((Source.NATIVE, "4711"),)

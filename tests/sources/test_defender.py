"""What Graph writes, in all its spellings, becomes one report; what is no incident is refused."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.defender import DETERMINATIONS, comment_post, parse, status_patch
from sources.parsed import Malformed, not_json
from tests.sources.any_json import ANY_JSON, unhurried
from tests.sources.graph_payloads import (
    SCHEMA,
    TYPE,
    Json,
    graph_alert,
    graph_incident,
    only,
    piece,
    read,
    real,
    refused,
)
from triage.incident import Disposition
from triage.report import (
    DeviceEvidence,
    FileEvidence,
    IncidentReport,
    ProcessEvidence,
    Product,
    Remediation,
    Severity,
    Source,
    UserEvidence,
    Verdict,
)

# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda incident: incident,
        lambda incident: [incident],
        lambda incident: {"value": [incident], "@odata.nextLink": "https://graph.example/more"},
        lambda incident: {"body": incident},
        lambda incident: {"body": {"value": [incident]}},
        lambda incident: {"body": {"body": incident}},
    ],
    ids=["bare", "list", "page", "body", "page-in-body", "body-in-body"],
)
def test_an_incident_is_found_however_it_is_wrapped(wrapped: object) -> None:
    assert callable(wrapped)

    assert read(wrapped(graph_incident())).source_id == "42"


def test_each_incident_of_a_page_is_its_own_result() -> None:
    page = {"value": [graph_incident(id="1"), graph_incident(id=None), graph_incident(id="3")]}

    first, second, third = parse(page)

    assert isinstance(first, IncidentReport)
    assert isinstance(second, Malformed)
    assert isinstance(third, IncidentReport)


def test_an_empty_page_holds_no_incident_and_no_fault() -> None:
    assert parse({"value": []}) == []


@pytest.mark.parametrize("body", [None, 7, "incident", True, {}, {"value": "x"}])
def test_what_is_no_incident_is_refused(body: object) -> None:
    assert refused(body).status == 422


def test_a_body_that_is_not_json_is_a_400() -> None:
    assert not_json(b"<html>").status == 400


# --- what is required ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", ""),
        ("id", "null"),
        ("id", ["42"]),
        ("id", "x" * 201),
        ("displayName", None),
        ("displayName", " \x00 "),
        ("displayName", {"text": "x"}),
        ("createdDateTime", None),
        ("createdDateTime", "yesterday"),
        ("createdDateTime", "0001-01-01T00:00:00Z"),
        ("createdDateTime", 1732438800),
        ("lastUpdateDateTime", "yesterday"),
        ("lastUpdateDateTime", 1732438800),
        ("lastUpdateDateTime", ["2025-11-24T09:05:00Z"]),
        ("alerts", "none"),
        ("alerts", {"id": "da1"}),
    ],
)
def test_a_required_field_that_is_missing_or_crooked_is_named(field: str, value: object) -> None:
    fault = refused(graph_incident(**{field: value}))

    assert fault.field == field
    assert fault.status == 422
    assert fault.reason


def test_the_fault_keeps_what_was_sent() -> None:
    sent = graph_incident(id=None)

    assert refused(sent).raw is sent


def test_an_alert_without_any_id_is_named() -> None:
    crooked = graph_alert(id=None, providerAlertId="")

    assert refused(graph_incident(alerts=[graph_alert(), crooked])).field == "alerts[1].id"


@pytest.mark.parametrize(
    ("alerts", "field"),
    [
        (["da1"], "alerts[0]"),
        ([graph_alert(evidence="[]")], "alerts[0].evidence"),
        ([graph_alert(evidence=[piece("user"), 7])], "alerts[0].evidence[1]"),
    ],
)
def test_a_list_that_holds_no_objects_is_named(alerts: object, field: str) -> None:
    assert refused(graph_incident(alerts=alerts)).field == field


@pytest.mark.parametrize("alerts", [None, [], [None]])
def test_an_incident_may_come_without_alerts(alerts: object) -> None:
    assert read(graph_incident(alerts=alerts)).alerts == ()


@pytest.mark.parametrize("evidence", [None, [], [None]])
def test_an_alert_may_come_without_evidence(evidence: object) -> None:
    alert = graph_alert(evidence=evidence)

    assert read(graph_incident(alerts=[alert])).alerts[0].evidence == ()


def test_an_alert_is_known_by_its_providers_id_where_it_has_no_other() -> None:
    alert = graph_alert(id=None, providerAlertId="p1", title=None)

    assert read(graph_incident(alerts=[alert])).alerts[0].id == "p1"


@pytest.mark.parametrize("updated", [None, "", "null", "0001-01-01T00:00:00Z"])
def test_an_incident_never_updated_counts_as_updated_when_created(updated: object) -> None:
    report = read(graph_incident(lastUpdateDateTime=updated))

    assert report.updated == report.created


def test_title_stands_in_for_display_name() -> None:
    assert read(graph_incident(displayName=None, title="Phish")).title == "Phish"


def test_a_number_may_be_an_id() -> None:
    assert read(graph_incident(id=264)).source_id == "264"


# --- spellings -----------------------------------------------------------------------------------


def test_seven_decimals_are_cut_to_six() -> None:
    report = read(graph_incident())

    assert report.created == datetime(2025, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2025-11-24T09:05:00", "2025-11-24T10:05:00+01:00"])
def test_times_are_in_utc_with_or_without_an_offset(written: str) -> None:
    report = read(graph_incident(lastUpdateDateTime=written))

    assert report.updated == datetime(2025, 11, 24, 9, 5, tzinfo=UTC)
    assert report.updated.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "written",
    ["0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "null", "", None],
)
def test_never_is_no_time(written: object) -> None:
    alert = graph_alert(firstActivityDateTime=written)

    assert read(graph_incident(alerts=[alert])).alerts[0].first_activity is None


@pytest.mark.parametrize("written", ["high", "High", "HIGH"])
def test_enums_read_in_either_case(written: str) -> None:
    assert read(graph_incident(severity=written)).severity is Severity.HIGH


@pytest.mark.parametrize("written", [None, "UnSpecified", "unknownFutureValue", "null", 3])
def test_without_a_severity_it_takes_the_highest_of_its_alerts(written: object) -> None:
    alerts = [graph_alert(severity="low"), graph_alert(id="da2", severity="High")]

    assert read(graph_incident(severity=written, alerts=alerts)).severity is Severity.HIGH


def test_without_any_severity_it_is_medium() -> None:
    assert read(graph_incident(severity=None, alerts=[])).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("written", "product"),
    [
        ("microsoftDefenderForEndpoint", Product.ENDPOINT),
        ("MicrosoftDefenderForEndpoint", Product.ENDPOINT),
        ("azureAdIdentityProtection", Product.ENTRA),
        ("microsoftAppGovernance", Product.CLOUD_APPS),
        ("microsoftThreatIntelligence", Product.OTHER),
        ("somethingNew", Product.OTHER),
        (None, Product.OTHER),
    ],
)
def test_products_read_and_unknown_ones_are_other(written: object, product: Product) -> None:
    alert = graph_alert(serviceSource=written)

    assert read(graph_incident(alerts=[alert])).alerts[0].product is product


@pytest.mark.parametrize(
    ("written", "remediation"),
    [
        ("Remediated", Remediation.REMEDIATED),
        ("pendingApproval", Remediation.PENDING),
        ("running", Remediation.PENDING),
        ("partiallyRemediated", Remediation.UNREMEDIATED),
        ("declined", Remediation.UNREMEDIATED),
        ("notFound", Remediation.NONE),
        ("unknownFutureValue", Remediation.NONE),
        (None, Remediation.NONE),
    ],
)
def test_remediations_read_and_unknown_ones_are_none(
    written: object, remediation: Remediation
) -> None:
    assert only(piece("url", url="u", remediationStatus=written)).remediation is remediation


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ("Malicious", Verdict.MALICIOUS),
        ("noThreatsFound", Verdict.CLEAN),
        ("unknownFutureValue", Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ],
)
def test_verdicts_read_and_new_ones_are_unknown(written: object, verdict: Verdict) -> None:
    assert only(piece("url", url="u", verdict=written)).verdict is verdict


def test_tags_are_read_in_both_spellings_and_once() -> None:
    report = read(graph_incident(customTags=["a", "b"], tags=["b", "c"], systemTags=["d", None]))

    assert report.tags == ("a", "b", "c", "d")


@pytest.mark.parametrize("written", ["unknown", "Unknown", "NotAvailable", "null", None])
def test_a_classification_nobody_gave_is_none(written: object) -> None:
    assert read(graph_incident(classification=written)).classification is None


def test_a_determination_we_do_not_know_is_kept() -> None:
    assert read(graph_incident(determination="compromisedUser")).determination == "compromisedUser"


@pytest.mark.parametrize(
    ("written", "status"),
    [("Resolved", "resolved"), ("InProgress", "inProgress"), (None, "active"), ("new", "new")],
)
def test_the_status_is_the_sources_own_in_one_spelling(written: object, status: str) -> None:
    assert read(graph_incident(status=written)).status == status


@pytest.mark.parametrize("target", ["261", 261])
def test_a_merged_incident_says_where_it_went(target: object) -> None:
    report = read(graph_incident(status="Redirected", redirectIncidentId=target, severity=None))

    assert report.redirected_to == "261"
    assert report.status == "redirected"


@pytest.mark.parametrize(
    "marked",
    [
        {"displayName": "BEC financial fraud (attack disruption)"},
        {"systemTags": ["Attack Disruption"]},
        {"customTags": ["AttackDisruption"]},
        {"alerts": [graph_alert(systemTags=["attack disruption"])]},
    ],
)
def test_attack_disruption_is_seen_in_title_and_tags(marked: Json) -> None:
    assert read(graph_incident(**marked)).disrupted


def test_an_ordinary_incident_is_not_disrupted() -> None:
    assert not read(graph_incident(customTags=["Disruption of service"])).disrupted


@pytest.mark.parametrize(
    ("fields", "detector"),
    [
        ({"detectorId": "UnfamiliarFeatures"}, "unfamiliarFeatures"),
        ({"detectorId": None, "title": "Atypical travel"}, "unlikelyTravel"),
        ({"detectorId": "MaliciousIP", "title": "Malicious IP address"}, "maliciousIPAddress"),
        ({"detectorId": "NewRisk", "title": "Something new"}, "NewRisk"),
    ],
)
def test_an_entra_alert_is_known_by_its_risk_event_type(fields: Json, detector: str) -> None:
    alert = graph_alert(serviceSource="azureAdIdentityProtection", **fields)

    assert read(graph_incident(alerts=[alert])).alerts[0].detector == detector


def test_only_entra_titles_name_detectors() -> None:
    alert = graph_alert(title="Password spray", detectorId=None)

    assert read(graph_incident(alerts=[alert])).alerts[0].detector is None


# --- texts ---------------------------------------------------------------------------------------


def test_texts_are_cut() -> None:
    report = read(
        graph_incident(
            piece("process", processCommandLine="c" * 9000),
            displayName="t" * 900,
            description="d" * 9000,
        )
    )
    process = report.alerts[0].evidence[0]

    assert isinstance(process, ProcessEvidence)
    assert len(process.command_line or "") == 2000
    assert len(report.title) == 300
    assert report.title.endswith("…")
    assert len(report.description) == 4000


def test_control_characters_and_lone_surrogates_are_gone() -> None:
    report = read(
        graph_incident(displayName="a\x00b\x1b[31m\ud800c\r\nd", description="x\r\ny\x07")
    )

    assert report.title == "ab[31mc d"
    assert report.description == "x\ny"


# --- any JSON ------------------------------------------------------------------------------------

INCIDENT_FIELDS = [
    "id",
    "displayName",
    "createdDateTime",
    "lastUpdateDateTime",
    "severity",
    "status",
    "classification",
    "tenantId",
    "description",
    "redirectIncidentId",
    "customTags",
    "tags",
    "systemTags",
    "alerts",
    "title",
]
EVIDENCE_FIELDS = [
    "userAccount",
    "fileDetails",
    "imageFile",
    "parentProcessImageFile",
    "processCommandLine",
    "loggedOnUsers",
    "hostName",
    "mdeDeviceId",
    "ipAddress",
    "location",
    "url",
    "networkMessageIds",
    "networkMessageId",
    "p2Sender",
    "primaryAddress",
    "appId",
    "displayName",
    "sessionId",
    "requestId",
    "account",
    "startUtcDateTime",
    "registryKey",
    "verdict",
    "remediationStatus",
    "remediationStatusDetails",
    "roles",
    "detectionStatus",
    "@odata.type",
]
KINDS = [
    "user",
    "device",
    "file",
    "process",
    "cloudLogonRequest",
    "cloudLogonSession",
    "ip",
    "url",
    "analyzedMessage",
    "mailCluster",
    "submissionMail",
    "mailbox",
    "cloudApplication",
    "oauthApplication",
    "servicePrincipal",
    "registryValue",
]


@unhurried
@given(ANY_JSON)
def test_any_json_is_read_or_refused_and_never_raises(body: object) -> None:
    assert all(isinstance(parsed, IncidentReport | Malformed) for parsed in parse(body))


@unhurried
@given(st.sampled_from(INCIDENT_FIELDS), ANY_JSON)
def test_any_value_in_any_field_never_raises(field: str, value: object) -> None:
    assert len(parse(graph_incident(**{field: value}))) == 1


@unhurried
@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(EVIDENCE_FIELDS), ANY_JSON))
def test_any_value_in_any_piece_of_evidence_never_raises(kind: str, fields: Json) -> None:
    incident = graph_incident({"@odata.type": f"{TYPE}{kind}Evidence"} | fields)

    report = read(incident)

    assert json.dumps(report.digest)


# --- what is refused, and what to post instead ---------------------------------------------------


@pytest.mark.parametrize(
    ("other", "instead"),
    [
        (graph_alert(), "incidents/{id}?$expand=alerts"),
        ({"id": "da1", "title": "x", "evidence": []}, "incidents/{id}?$expand=alerts"),
        ({"id": "r", "riskEventType": "unfamiliarFeatures"}, "risk detection"),
        ({"properties": {"title": "x"}, "etag": "1"}, "/api/incidents/sentinel"),
        ({"object": {"properties": {"title": "x"}}}, "/api/incidents/sentinel"),
        ({"SecurityIncident": {}, "SecurityAlert": []}, "/api/incidents/sentinel"),
        ({"SystemAlertId": "x", "AlertName": "y"}, "SecurityIncident row"),
    ],
)
def test_what_is_no_incident_is_told_what_to_post_instead(other: Json, instead: str) -> None:
    fault = refused(other)

    assert fault.field == "body"
    assert instead in fault.reason


def test_in_a_page_the_refused_one_is_named_by_its_place() -> None:
    _, second = parse({"value": [graph_incident(), graph_alert()]})

    assert isinstance(second, Malformed)
    assert second.field == "value[1]"


# --- writing back --------------------------------------------------------------------------------


def test_resolving_carries_the_comment() -> None:
    patch = status_patch("truePositive", "malware", "resolved", "It was malware.")

    assert patch == {
        "status": "resolved",
        "classification": "truePositive",
        "determination": "malware",
        "resolvingComment": "It was malware.",
    }


def test_an_open_incident_gets_its_comment_by_another_call() -> None:
    assert "resolvingComment" not in status_patch("unknown", "unknown", "inProgress", "Asking Bob.")
    assert comment_post("Asking Bob.") == {
        "@odata.type": "microsoft.graph.security.alertComment",
        "comment": "Asking Bob.",
    }


@pytest.mark.parametrize(
    ("disposition", "determination", "written"),
    [
        ("truePositive", "notMalicious", "other"),
        ("informationalExpectedActivity", "lineOfBusinessApplication", "lineOfBusinessApplication"),
        ("falsePositive", "malware", "other"),
        ("unknown", "malware", "unknown"),
    ],
)
def test_a_determination_goes_with_its_classification(
    disposition: str, determination: str, written: str
) -> None:
    patch = status_patch(disposition, determination, "resolved", "")

    assert patch["determination"] == written


def test_every_disposition_can_be_written_back() -> None:
    assert set(DETERMINATIONS) == {disposition.value for disposition in Disposition}


@pytest.mark.shared
def test_what_we_write_are_graphs_own_words() -> None:
    if not SCHEMA.is_file():
        pytest.skip(f"Graph's schema is read from {SCHEMA}, which is absent")
    enums = json.loads(SCHEMA.read_text())["enums"]

    assert set(DETERMINATIONS) <= set(enums["alertClassification"])
    assert set().union(*DETERMINATIONS.values()) <= set(enums["alertDetermination"])


# --- real incidents ------------------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "users", "devices", "files"),
    [
        ("secrl_34_graph_incident.json", 1, 1, 7),
        ("secrl_38_graph_incident.json", 1, 1, 3),
        ("secrl_55_graph_incident.json", 6, 5, 22),
        ("secrl_134_graph_incident.json", 1, 0, 0),
    ],
)
def test_real_incidents_give_their_people_devices_and_files(
    name: str, users: int, devices: int, files: int
) -> None:
    report = read(real(name))
    pieces = [piece for alert in report.alerts for piece in alert.evidence]

    assert len({p.account.key for p in pieces if isinstance(p, UserEvidence)}) == users
    assert len({(p.device_id, p.name) for p in pieces if isinstance(p, DeviceEvidence)}) == devices
    assert len({(p.name, p.sha256) for p in pieces if isinstance(p, FileEvidence)}) == files


@pytest.mark.shared
def test_a_real_disrupted_fraud_is_recognised() -> None:
    report = read(real("secrl_134_graph_incident.json"))
    kinds = Counter(piece.kind for alert in report.alerts for piece in alert.evidence)

    assert report.source is Source.DEFENDER
    assert report.disrupted
    assert kinds["signIn"] == 4
    assert report.alerts[0].detector == "maliciousIPAddress"

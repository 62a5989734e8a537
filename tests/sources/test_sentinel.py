"""What Sentinel tells, in each of its shapes, becomes one report; what is no incident is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.parsed import Malformed
from sources.sentinel import CLOSINGS, AlertProperties, Properties, parse, status_patch
from sources.writing import body_of
from tests.sources.any_json import ANY_JSON, unhurried
from tests.sources.graph_payloads import graph_alert, graph_incident
from tests.sources.sentinel_payloads import (
    NAME,
    WORKSPACE,
    Json,
    alert,
    entity,
    incident,
    incident_row,
    read,
    refused,
    tables,
)
from triage.incident import Disposition
from triage.phrases import phrase
from triage.report import (
    Account,
    IncidentReport,
    IpEvidence,
    Product,
    Severity,
    Source,
    UserEvidence,
)
from triage.views import SourceStatus

BOB = entity("Account", accountName="bob", uPNSuffix="contoso.example", aadUserId="b0b")
ADDRESS = entity("Ip", address="203.0.113.77")

# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda body: body,
        lambda body: {"object": body, "objectSchemaType": "Incident", "workspaceId": "w"},
        lambda body: {"object": {"object": body}},
        lambda body: {"body": {"object": body}},
        lambda body: {"headers": {}, "body": {"body": {"object": {"object": body}}}},
        lambda body: [body],
        lambda body: [{"object": body}],
        lambda body: {"value": [body], "nextLink": "https://management.example/more"},
        lambda body: {"body": {"value": [{"object": body}]}},
    ],
)
def test_an_incident_is_found_however_it_is_wrapped(wrapped: Any) -> None:
    assert read(wrapped(incident())).source_id == NAME


def test_each_incident_of_a_page_is_its_own_result() -> None:
    first, second = parse({"value": [incident(), {"properties": {}}]})

    assert isinstance(first, IncidentReport)
    assert isinstance(second, Malformed)


def test_an_empty_page_holds_no_incident_and_no_fault() -> None:
    assert parse({"value": []}) == parse([]) == []


def test_an_incident_says_who_what_and_when() -> None:
    report = read(incident(alert(), status="Active", classification="BenignPositive"))
    (told,) = report.alerts

    assert report.source is Source.SENTINEL
    assert report.severity is Severity.MEDIUM
    assert (report.status, report.classification) == ("inProgress", "informationalExpectedActivity")
    assert report.created == datetime(2025, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
    assert report.updated == datetime(2025, 11, 24, 9, 5, tzinfo=UTC)
    assert report.tags == ("finance",)
    assert (told.id, told.product, told.detector) == ("p1", Product.ENTRA, "unlikelyTravel")
    assert told.category == "InitialAccess"
    assert told.first_activity == datetime(2025, 11, 24, 8, 50, tzinfo=UTC)


def test_an_incident_may_come_with_nothing_but_what_it_must_have() -> None:
    least = {"name": "1505", "properties": {"title": "t", "createdTimeUtc": "2025-11-24T09:00:00Z"}}
    report = read(least)

    assert report.updated == report.created
    assert (report.severity, report.status) == (Severity.MEDIUM, "active")
    assert (report.alerts, report.mirrors, report.tags) == ((), (), ())


@pytest.mark.parametrize("field", ["alerts", "relatedEntities", "labels", "additionalData"])
def test_what_an_incident_lacks_may_be_null(field: str) -> None:
    assert read(incident(**{field: None})).source_id == NAME


def test_the_id_may_be_the_end_of_a_path_alone() -> None:
    assert read(incident() | {"name": None}).source_id == NAME


@pytest.mark.parametrize("written", [None, "", "0001-01-01T00:00:00Z"])
def test_an_incident_never_changed_counts_as_changed_when_created(written: object) -> None:
    report = read(incident(lastModifiedTimeUtc=written))

    assert report.updated == report.created


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": None}, "properties.title"),
        ({"createdTimeUtc": "yesterday"}, "properties.createdTimeUtc"),
        ({"lastModifiedTimeUtc": "yesterday"}, "properties.lastModifiedTimeUtc"),
        ({"alerts": "[]"}, "properties.alerts"),
        ({"alerts": [7]}, "properties.alerts[0]"),
        ({"relatedEntities": {"0": {}}}, "properties.relatedEntities"),
        (
            {"alerts": [alert(), alert(systemAlertId=None, providerAlertId="")]},
            "properties.alerts[1]",
        ),
    ],
)
def test_a_required_field_that_is_missing_or_crooked_is_named(changed: Json, field: str) -> None:
    fault = refused(incident(**changed))

    assert (fault.field, fault.status) == (field, 422)
    assert fault.reason


def test_an_incident_without_a_name_is_refused() -> None:
    assert refused(incident() | {"name": None, "id": None}).field == "name"
    assert refused({"name": "1", "properties": "none"}).field == "properties.title"


@pytest.mark.parametrize(
    ("said", "product"),
    [
        ("Microsoft Defender Advanced Threat Protection", Product.ENDPOINT),
        ("Microsoft Defender for Endpoint", Product.ENDPOINT),
        ("Office 365 Advanced Threat Protection", Product.OFFICE),
        ("Azure Advanced Threat Protection", Product.IDENTITY),
        ("Microsoft Cloud App Security", Product.CLOUD_APPS),
        ("microsoft 365 defender", Product.XDR),
        ("Azure Sentinel", Product.SENTINEL),
        ("Acme Firewall", Product.OTHER),
        (None, Product.OTHER),
    ],
)
def test_products_read_by_their_old_names_and_their_new(said: object, product: Product) -> None:
    assert read(incident(alert(productName=said))).alerts[0].product is product


def test_a_rule_is_known_by_its_id_and_a_product_is_none() -> None:
    endpoint = {"productName": "Microsoft Defender for Endpoint", "alertType": "WindowsDefenderAtp"}
    named = alert(**endpoint, additionalData={"DetectorId": "d1", "Category": "Malware"})

    assert read(incident(named)).alerts[0].detector == "d1"
    assert read(incident(named)).alerts[0].category == "Malware"
    assert read(incident(alert(**endpoint))).alerts[0].detector is None


def test_attack_disruption_is_seen_in_the_title() -> None:
    assert read(incident(title="Fraud (attack disruption)")).disrupted
    assert not read(incident()).disrupted


# --- the entities of a whole incident --------------------------------------------------------------


def test_the_gravest_alert_carries_what_the_incident_names_as_a_whole() -> None:
    low, high = alert(severity="Low"), alert(severity="High", providerAlertId="p2")
    report = read(
        incident(low, high, relatedEntities=[BOB], additionalData={"techniques": ["T1078.004"]})
    )
    first, second = report.alerts

    assert (first.evidence, first.techniques) == ((), ())
    assert second.techniques == ("T1078.004",)
    assert second.evidence == (
        UserEvidence(account=Account(object_id="b0b", upn="bob@contoso.example", name="bob")),
    )


def test_techniques_an_alert_names_are_not_taken_for_anothers() -> None:
    knows = alert(techniques=["T1059"])
    report = read(incident(knows, alert(severity="High"), additionalData={"techniques": ["T1486"]}))

    assert [one.techniques for one in report.alerts] == [("T1059",), ()]


def test_entities_without_an_alert_are_an_alert_themselves() -> None:
    report = read(incident(relatedEntities=[ADDRESS]))
    (told,) = report.alerts

    assert (told.id, told.title, told.product) == (NAME, report.title, Product.SENTINEL)
    assert told.evidence == (IpEvidence(address="203.0.113.77"),)


# --- the incident it mirrors -----------------------------------------------------------------------

DEFENDER = ((Source.DEFENDER, "483"),)
LINK = "https://security.microsoft.com/incidents/483?tid=7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"


@pytest.mark.parametrize(
    "provider", ["Microsoft 365 Defender", "Microsoft XDR", "microsoft defender xdr", "MTP"]
)
def test_an_incident_of_defenders_mirrors_it(provider: str) -> None:
    body = incident(providerName=provider, providerIncidentId="483")

    assert read(body).mirrors == DEFENDER


@pytest.mark.parametrize(
    "linked",
    [
        {"additionalData": {"providerIncidentUrl": LINK}},
        {"additionalData": f'{{"providerIncidentUrl": "{LINK}"}}'},
        {"incidentUrl": LINK},
        {"incidentUrl": "https://security.microsoft.com/incident2/483/overview"},
        {"providerName": None, "providerIncidentId": None, "incidentUrl": LINK},
    ],
)
def test_a_link_into_the_portal_names_the_incident_too(linked: Json) -> None:
    assert read(incident(**linked)).mirrors == DEFENDER


@pytest.mark.parametrize(
    "linked",
    [
        {},
        {"providerName": "Microsoft XDR", "providerIncidentId": None},
        {"incidentUrl": f"https://portal.azure.com/#asset{WORKSPACE}/Incidents/{NAME}"},
        {"incidentUrl": "https://security.microsoft.com.evil.example/incidents/483"},
        {"incidentUrl": "http://security.microsoft.com/incidents/483"},
        {"incidentUrl": "https://security.microsoft.com/incidents/../483"},
        {"incidentUrl": "https://[security.microsoft.com/incidents/483"},
        {"incidentUrl": ["https://security.microsoft.com/incidents/483"]},
    ],
)
def test_an_incident_of_sentinels_own_mirrors_none(linked: Json) -> None:
    assert read(incident(**linked)).mirrors == ()


# --- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "instead"),
    [
        (graph_incident(), "/api/incidents/defender"),
        (graph_alert(), "/api/incidents/defender"),
        ({"incidentId": 1, "incidentName": "x"}, "/api/incidents/defender"),
        (alert(), "incident trigger"),
        ({"riskEventType": "unfamiliarFeatures"}, "risk detection"),
        ({"id": "HD-1", "title": "x"}, "incident trigger"),
    ],
)
def test_what_is_no_incident_is_told_what_to_post_instead(other: Json, instead: str) -> None:
    fault = refused(other)

    assert fault.field == "body"
    assert instead in fault.reason


@pytest.mark.parametrize("body", [None, 7, "incident", True, {}, {"value": "x"}, {"object": 7}])
def test_what_is_no_object_is_refused(body: object) -> None:
    assert refused(body).status == 422


# --- any JSON --------------------------------------------------------------------------------------

PROPERTIES = [*Properties.model_json_schema()["properties"]]
ALERT_PROPERTIES = [*AlertProperties.model_json_schema()["properties"]]
COLUMNS = sorted(incident_row())


@unhurried
@given(ANY_JSON)
def test_any_json_is_read_or_refused_and_never_raises(body: object) -> None:
    assert all(isinstance(parsed, IncidentReport | Malformed) for parsed in parse(body))


@unhurried
@given(st.sampled_from(PROPERTIES), ANY_JSON)
def test_any_value_in_any_property_never_raises(field: str, value: object) -> None:
    assert len(parse(incident(alert(), **{field: value}))) == 1


@unhurried
@given(st.dictionaries(st.sampled_from(ALERT_PROPERTIES), ANY_JSON))
def test_any_value_in_an_alert_never_raises(fields: Json) -> None:
    assert len(parse(incident(alert(**fields)))) == 1


@unhurried
@given(st.sampled_from(COLUMNS), ANY_JSON)
def test_any_value_in_any_column_never_raises(column: str, value: object) -> None:
    assert parse(tables(BOB, **{column: value}))


@unhurried
@given(ANY_JSON, ANY_JSON)
def test_any_tables_never_raise(first: object, second: object) -> None:
    assert isinstance(parse({"SecurityIncident": first, "SecurityAlert": second}), list)


# --- writing back ----------------------------------------------------------------------------------


def test_closing_says_what_it_was_and_why() -> None:
    assert status_patch("truePositive", "resolved", "It was malware.") == {
        "status": "Closed",
        "classification": "TruePositive",
        "classificationReason": "SuspiciousActivity",
        "classificationComment": "It was malware.",
    }


def test_an_undecided_case_closes_without_a_reason() -> None:
    assert status_patch("unknown", "resolved", "") == {
        "status": "Closed",
        "classification": "Undetermined",
    }


def test_an_open_case_says_nothing_of_what_it_was() -> None:
    assert status_patch("unknown", "inProgress", "Asking Bob.") == {"status": "Active"}


def test_every_disposition_can_be_written_back() -> None:
    assert set(CLOSINGS) == {disposition.value for disposition in Disposition}


@pytest.mark.parametrize(
    ("source", "status"),
    [
        (Source.DEFENDER, "resolved"),
        (Source.SENTINEL, "Closed"),
        (Source.NATIVE, "resolved"),
    ],
)
def test_each_source_is_told_in_its_own_words(source: Source, status: str) -> None:
    told = SourceStatus(
        source=source,
        source_id="1",
        status="resolved",
        disposition=Disposition.FALSE_POSITIVE,
        determination="notMalicious",
        comment=phrase("source.closed"),
    )

    assert body_of(told, "A drill.")["status"] == status

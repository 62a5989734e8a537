"""Rows of a workspace: JSON in strings, states of the same thing, and whose alert is whose."""

import json

import pytest

from sources.parsed import Malformed
from sources.sentinel import parse
from tests.sources.sentinel_payloads import (
    NAME,
    Json,
    alert_row,
    incident_row,
    read,
    refused,
    tables,
)
from triage.report import Account, IncidentReport, Source, UserEvidence

BOB: Json = {"$id": "2", "Name": "bob", "UPNSuffix": "contoso.example", "Type": "account"}
IS_BOB = UserEvidence(account=Account(upn="bob@contoso.example", name="bob"))


def test_rows_of_both_tables_are_one_incident() -> None:
    report = read(tables(BOB))
    (told,) = report.alerts

    assert (report.source, report.source_id, report.tags) == (Source.SENTINEL, NAME, ("finance",))
    assert report.tenant_id is None
    assert (told.id, told.title, told.detector) == ("p1", "Atypical travel", "unlikelyTravel")
    assert told.evidence == (IS_BOB,)


@pytest.mark.parametrize(
    "told",
    [
        {"SecurityIncident": [incident_row()], "SecurityAlert": [alert_row(BOB)]},
        {"SecurityIncident": incident_row(), "SecurityAlert": alert_row(BOB)},
        {"SecurityIncident": incident_row(), "SecurityAlert": [alert_row(Entities=[BOB])]},
        [incident_row(), alert_row(BOB)],
        {"value": [alert_row(BOB), incident_row()]},
        {"body": {"value": [incident_row(), alert_row(BOB)]}},
        [tables(BOB)],
    ],
)
def test_rows_are_found_however_they_are_put_together(told: object) -> None:
    assert read(told) == read(tables(BOB))


def test_an_incident_may_come_without_its_alerts() -> None:
    assert read(incident_row()).alerts == ()
    assert read({"SecurityIncident": incident_row()}).alerts == ()


def test_of_several_states_the_latest_counts() -> None:
    first = incident_row(Status="New")
    last = incident_row(Status="Closed", LastModifiedTime="2025-11-24 11:00:00+00:00")
    old, new = alert_row(), alert_row(BOB, TimeGenerated="2025-11-24 10:00:00+00:00")

    for incidents, alerts in (([first, last], [old, new]), ([last, first], [new, old])):
        report = read({"SecurityIncident": incidents, "SecurityAlert": alerts})
        assert report.status == "resolved"
        assert [one.evidence for one in report.alerts] == [(IS_BOB,)]


def test_alerts_go_to_the_incident_that_names_them() -> None:
    other = incident_row(IncidentName="other", AlertIds='["a2"]', ProviderIncidentId="18")
    rows = [incident_row(), other, alert_row(), alert_row(SystemAlertId="a2", DisplayName="Other")]
    reports = [one for one in parse(rows) if isinstance(one, IncidentReport)]

    assert [[a.title for a in one.alerts] for one in reports] == [["Atypical travel"], ["Other"]]


def test_an_alert_that_names_its_defender_incident_goes_there() -> None:
    mirror = incident_row(ProviderName="Microsoft XDR", ProviderIncidentId="483")
    late = alert_row(SystemAlertId="a9", ExtendedProperties='{"IncidentId": "483"}')

    assert len(read([mirror, late]).alerts) == 1


def test_where_an_incident_names_no_alert_all_are_its_own() -> None:
    assert len(read([incident_row(AlertIds="[]"), alert_row()]).alerts) == 1


def test_an_alert_that_belongs_to_none_is_refused_beside_the_incident() -> None:
    report, stray = parse([incident_row(), alert_row(SystemAlertId="a7")])

    assert isinstance(report, IncidentReport)
    assert report.alerts == ()
    assert isinstance(stray, Malformed)
    assert stray.field == "[1]"
    assert "SecurityIncident" in stray.reason


def test_alerts_alone_are_refused_each() -> None:
    faults = parse([alert_row(), alert_row(SystemAlertId="a2")])

    assert [fault.field for fault in faults if isinstance(fault, Malformed)] == ["[0]", "[1]"]


@pytest.mark.parametrize("said", ["", "null", None, [], "[]"])
def test_an_alert_may_name_nothing(said: object) -> None:
    assert read([incident_row(), alert_row(Entities=said)]).alerts[0].evidence == ()


@pytest.mark.parametrize("said", ["[{", '{"Type": "account"}', {"Type": "account"}, "bob"])
def test_entities_that_cannot_be_read_are_refused_by_name(said: object) -> None:
    rows = {"SecurityIncident": incident_row(), "SecurityAlert": [alert_row(Entities=said)]}

    assert refused(rows).field == "SecurityAlert[0].Entities"


def test_what_else_cannot_be_read_is_left_out() -> None:
    crooked = incident_row(Labels="[{", AdditionalData="{", AlertIds="[", Owner="{")

    assert read([crooked, alert_row(BOB, ExtendedProperties="{")]).alerts[0].evidence == (IS_BOB,)


def test_techniques_come_with_their_sub_techniques() -> None:
    row = alert_row(Techniques='["T1564"]', SubTechniques='["T1564.008"]')
    spelled = alert_row(Techniques="T1564, t1114")

    assert read([incident_row(), row]).alerts[0].techniques == ("T1564", "T1564.008")
    assert read([incident_row(), spelled]).alerts[0].techniques == ("T1564", "T1114")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"IncidentName": None}, "SecurityIncident.IncidentName"),
        ({"Title": ""}, "SecurityIncident.Title"),
        ({"CreatedTime": "yesterday"}, "SecurityIncident.CreatedTime"),
        ({"LastModifiedTime": "yesterday"}, "SecurityIncident.LastModifiedTime"),
    ],
)
def test_a_column_that_is_missing_or_crooked_is_named(changed: Json, field: str) -> None:
    assert refused(tables(**changed)).field == field


def test_a_row_that_is_none_is_refused_beside_its_neighbours() -> None:
    fault, report = parse({"SecurityIncident": [7, incident_row()]})

    assert isinstance(fault, Malformed)
    assert fault.field == "SecurityIncident[0]"
    assert isinstance(report, IncidentReport)


def test_a_mirror_is_known_by_its_columns() -> None:
    link = "https://security.microsoft.com/incidents/483?tid=x"
    by_id = tables(ProviderName="Microsoft XDR", ProviderIncidentId="483")
    by_link = tables(AdditionalData=json.dumps({"providerIncidentUrl": link}))

    assert read(by_id).mirrors == read(by_link).mirrors == ((Source.DEFENDER, "483"),)

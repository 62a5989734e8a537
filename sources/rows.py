"""Rows of a Log Analytics workspace, put into the shape of Sentinel's API; `sentinel.py` reads that.

    {"SecurityIncident": row or rows, "SecurityAlert": rows}

or a list or page of such rows, told apart by the columns only one of the tables has. Both tables
keep a row for every change of the same thing: the latest one counts. An alert belongs to the
incident whose `AlertIds` name it, or whose Defender id it carries; where there is one incident and
it names none, all belong to it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sources import texts
from sources.graph import Json
from sources.parsed import Malformed

TABLES = frozenset({"SecurityIncident", "SecurityAlert"})

_INCIDENT = {
    "Title": "title",
    "Description": "description",
    "Severity": "severity",
    "Status": "status",
    "Classification": "classification",
    "ClassificationReason": "classificationReason",
    "ProviderName": "providerName",
    "ProviderIncidentId": "providerIncidentId",
    "IncidentUrl": "incidentUrl",
    "IncidentNumber": "incidentNumber",
    "CreatedTime": "createdTimeUtc",
    "LastModifiedTime": "lastModifiedTimeUtc",
}
_ALERT = {
    "SystemAlertId": "systemAlertId",
    "VendorOriginalId": "providerAlertId",
    "DisplayName": "alertDisplayName",
    "AlertName": "friendlyName",
    "AlertSeverity": "severity",
    "ProductName": "productName",
    "ProviderName": "providerName",
    "AlertType": "alertType",
    "StartTime": "startTimeUtc",
    "EndTime": "endTimeUtc",
    "ProcessingEndTime": "processingEndTime",
    "TimeGenerated": "timeGenerated",
    "AlertLink": "alertLink",
    "Tactics": "tactics",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row and where it stands in what was sent."""

    place: str
    raw: Json

    def said(self, column: str) -> str | None:
        return texts.text(self.raw.get(column))

    def unpacked(self, column: str) -> object:
        return texts.unpacked(self.raw.get(column))


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident in the API's shape, and the rows it was told by."""

    place: str
    body: Json
    raw: object


def is_row(raw: object) -> bool:
    return isinstance(raw, dict) and (_is_incident(raw) or "SystemAlertId" in raw)


def _is_incident(raw: Json) -> bool:
    return bool({"IncidentName", "IncidentNumber"} & raw.keys())


def as_sent(field: str) -> str:
    """The column that one of the API's fields was read from."""
    columns = {ours: theirs for theirs, ours in _INCIDENT.items()} | {"name": "IncidentName"}
    return columns.get(field, field)


def of_tables(raw: Json) -> Iterator[Incident | Malformed]:
    """What both tables tell."""
    incidents, alerts = _rows(raw, "SecurityIncident"), _rows(raw, "SecurityAlert")
    yield from (one for one in (*incidents, *alerts) if isinstance(one, Malformed))
    yield from _joined(_sound(incidents), _sound(alerts))


def of_rows(rows: Sequence[Row]) -> Iterator[Incident | Malformed]:
    """What rows of both tables tell, in any order."""
    incidents = [row for row in rows if _is_incident(row.raw)]
    yield from _joined(incidents, [row for row in rows if not _is_incident(row.raw)])


def _rows(raw: Json, table: str) -> list[Row | Malformed]:
    value = raw.get(table)
    if isinstance(value, list):
        return [_row(f"{table}[{at}]", one) for at, one in enumerate(value)]
    return [] if value is None else [_row(table, value)]


def _row(place: str, raw: object) -> Row | Malformed:
    if isinstance(raw, dict):
        return Row(place, raw)
    return Malformed(place, "A row must be a JSON object, with its columns as fields.", raw)


def _sound(rows: Sequence[Row | Malformed]) -> list[Row]:
    return [row for row in rows if isinstance(row, Row)]


def _joined(incidents: Sequence[Row], alerts: Sequence[Row]) -> Iterator[Incident | Malformed]:
    """Each incident with its alerts; and each alert that belongs to none of them."""
    owners = _latest(incidents, lambda row: row.said("IncidentName") or row.said("IncidentNumber"))
    members = _latest(alerts, lambda row: row.said("SystemAlertId"))
    housed: set[str] = set()
    for owner in owners:
        own = [row for row in members if _belongs(row, owner, is_only=len(owners) == 1)]
        housed |= {row.place for row in own}
        yield _incident(owner, own)
    yield from (_without_incident(row) for row in members if row.place not in housed)


def _latest(rows: Sequence[Row], key: Callable[[Row], str | None]) -> list[Row]:
    """The last state of each thing, in order of first sight; what names nothing stands alone."""
    latest: dict[str, Row] = {}
    for row in rows:
        name = key(row) or row.place
        known = latest.get(name)
        latest[name] = row if known is None or _when(row) >= _when(known) else known
    return list(latest.values())


def _when(row: Row) -> str:
    times = (texts.moment(row.raw.get(name)) for name in ("LastModifiedTime", "TimeGenerated"))
    return next((time.isoformat() for time in times if time), "")


def _belongs(alert: Row, incident: Row, *, is_only: bool) -> bool:
    named = incident.unpacked("AlertIds")
    if not isinstance(named, list) or not named:
        return is_only
    mirrored = incident.said("ProviderIncidentId")
    return alert.said("SystemAlertId") in named or (
        mirrored is not None and _defender_incident(alert) == mirrored
    )


def _defender_incident(alert: Row) -> str | None:
    more = alert.unpacked("ExtendedProperties")
    return texts.text(more.get("IncidentId")) if isinstance(more, dict) else None


def _without_incident(row: Row) -> Malformed:
    reason = (
        "This alert belongs to no incident among these rows."
        " Send the SecurityIncident row whose AlertIds name it along with it."
    )
    return Malformed(row.place, reason, row.raw)


# --- in the API's shape --------------------------------------------------------------------------


def _incident(row: Row, members: Sequence[Row]) -> Incident | Malformed:
    alerts: list[Json] = []
    for member in members:
        entities = _entities(member)
        if isinstance(entities, Malformed):
            return entities
        alerts.append(_alert(member, entities))
    properties = _renamed(row, _INCIDENT) | {
        "labels": row.unpacked("Labels"),
        "additionalData": row.unpacked("AdditionalData"),
        "alerts": alerts,
    }
    sent = {"SecurityIncident": row.raw, "SecurityAlert": [member.raw for member in members]}
    body = {"name": row.raw.get("IncidentName"), "properties": properties}
    return Incident(row.place, body, sent)


def _renamed(row: Row, names: dict[str, str]) -> dict[str, object]:
    return {ours: row.raw.get(column) for column, ours in names.items()}


def _entities(row: Row) -> object:
    """Empty means none. What cannot be read is refused: it is who and what the alert is about."""
    said = row.raw.get("Entities")
    read = row.unpacked("Entities")
    if texts.text(said) is None and not isinstance(said, list | dict):
        return []
    if isinstance(read, list):
        return read
    return Malformed(
        f"{row.place}.Entities", "This must be a list, or a text that holds one as JSON.", row.raw
    )


def _alert(row: Row, entities: object) -> Json:
    properties = _renamed(row, _ALERT) | {
        "techniques": [*_words(row, "Techniques"), *_words(row, "SubTechniques")],
        "additionalData": row.unpacked("ExtendedProperties"),
        "entities": entities,
    }
    return {"kind": "SecurityAlert", "properties": properties}


def _words(row: Row, column: str) -> list[object]:
    """A list in JSON, or words with commas between them."""
    read = row.unpacked(column)
    if isinstance(read, list):
        return read
    return [word.strip() for word in (row.said(column) or "").split(",")]

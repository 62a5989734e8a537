"""A Graph incident in the smallest true shape, and the places of real payloads."""

import json
from pathlib import Path

import pytest

from sources.defender import parse
from sources.parsed import Malformed
from triage.report import Account, AlreadyDone, Evidence, IncidentReport

TYPE = "#microsoft.graph.security."

INCIDENTS = Path(__file__).parents[2].parent / "shared" / "data" / "incidents"
SCHEMA = INCIDENTS.parent / "schema" / "graph_security_v1_types.json"

Json = dict[str, object]

SHA1 = "48b351661ae5b88b97d37803dbde0379edf8d277"
SHA256 = "f793d78fd2e30828aca4d1a2b0fecd1a1bf562ee0353f1a106a8691f0b3f77b5"
MACHINE = "0869547d71711ecf8f896ced548d34727787e8ef"
BOB = {"accountName": "bob", "domainName": "CONTOSO", "userSid": "S-1-5-21-1-2-3-1104"}
BOB_ACCOUNT = Account(name="bob", domain="CONTOSO", sid="S-1-5-21-1-2-3-1104")


def real(name: str) -> object:
    """A real payload, read in place; skips where there are none."""
    if not INCIDENTS.is_dir():
        pytest.skip(f"real payloads are read from {INCIDENTS}, which is absent")
    return json.loads((INCIDENTS / name).read_text())


def graph_incident(*evidence: Json, **changed: object) -> Json:
    return {
        "@odata.type": TYPE + "incident",
        "id": "42",
        "displayName": "Malware on one endpoint",
        "createdDateTime": "2025-11-24T09:00:00.1234567Z",
        "lastUpdateDateTime": "2025-11-24T09:05:00Z",
        "severity": "high",
        "status": "active",
        "alerts": [graph_alert(*evidence)],
    } | changed


def graph_alert(*evidence: Json, **changed: object) -> Json:
    return {
        "@odata.type": TYPE + "alert",
        "id": "da1",
        "title": "Malware ran",
        "serviceSource": "microsoftDefenderForEndpoint",
        "severity": "medium",
        "evidence": list(evidence),
    } | changed


def piece(kind: str, **fields: object) -> Json:
    return {"@odata.type": f"{TYPE}{kind}Evidence", **fields}


def read(body: object) -> IncidentReport:
    """The one report in a body; fails with the reason where it was refused."""
    (parsed,) = parse(body)

    assert isinstance(parsed, IncidentReport), parsed
    return parsed


def refused(body: object) -> Malformed:
    (parsed,) = parse(body)

    assert isinstance(parsed, Malformed)
    return parsed


def only(*pieces: Json) -> Evidence:
    """The one piece of evidence these become."""
    (found,) = read(graph_incident(*pieces)).alerts[0].evidence
    return found


def none_of(*pieces: Json) -> bool:
    return read(graph_incident(*pieces)).alerts[0].evidence == ()


def done(*pieces: Json) -> tuple[AlreadyDone, ...]:
    return read(graph_incident(*pieces)).already_done

"""One real incident, told in each of its shapes, is about the same people, things and detectors.

Two derived shapes say less than the captured one; every difference is listed with its reason.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cache

import pytest

from sources import PARSERS
from tests.sources.graph_payloads import real
from triage.recognising import detector_of
from triage.report import (
    DeviceEvidence,
    Evidence,
    FileEvidence,
    IncidentReport,
    IpEvidence,
    MessageEvidence,
    Source,
    UrlEvidence,
    UserEvidence,
)

pytestmark = pytest.mark.shared

ROUTES = {
    "graph_incident": Source.DEFENDER,
    "loganalytics": Source.SENTINEL,
    "sentinel_trigger": Source.SENTINEL,
}


@cache
def told(incident: str, shape: str) -> IncidentReport:
    (parsed,) = PARSERS[ROUTES[shape]](real(f"secrl_{incident}_{shape}.json"))

    assert isinstance(parsed, IncidentReport), parsed
    return parsed


def _pieces(report: IncidentReport) -> list[Evidence]:
    return [piece for alert in report.alerts for piece in alert.evidence]


KINDS: dict[str, Callable[[IncidentReport], AbstractSet[object]]] = {
    "alerts": lambda r: {(a.id, a.title, a.product, a.severity) for a in r.alerts},
    "detectors": lambda r: {a.detector for a in r.alerts},
    "classes": lambda r: {detector_of(a, disrupted=r.disrupted) for a in r.alerts},
    "accounts": lambda r: {p.account.key for p in _pieces(r) if isinstance(p, UserEvidence)},
    "devices": lambda r: {
        (p.device_id, (p.name or "").lower()) for p in _pieces(r) if isinstance(p, DeviceEvidence)
    },
    "file names": lambda r: {p.name for p in _pieces(r) if isinstance(p, FileEvidence)},
    "hashes": lambda r: {
        (p.name, p.sha1, p.sha256) for p in _pieces(r) if isinstance(p, FileEvidence)
    },
    "addresses": lambda r: {p.address for p in _pieces(r) if isinstance(p, IpEvidence)},
    "links": lambda r: {p.url for p in _pieces(r) if isinstance(p, UrlEvidence)},
    "messages": lambda r: (
        {p.message_id for p in _pieces(r) if isinstance(p, MessageEvidence)} - {None}
    ),
    "clusters": lambda r: {p.cluster for p in _pieces(r) if isinstance(p, MessageEvidence)},
    "severity, title, disruption": lambda r: {(r.severity, r.title, r.disrupted)},
    "tags": lambda r: set(r.tags),
}

DIFFERENT: dict[tuple[str, str, str], str] = {
    ("55", "sentinel_trigger", "hashes"): "its File entities carry no hashes at all",
    ("55", "sentinel_trigger", "clusters"): "its MailCluster entities name no messages",
    ("55", "sentinel_trigger", "classes"): "it names techniques of the whole incident only; the"
    " alert that T1534 belongs to has no other mark of its kind",
}
"""What a shape does not say: (incident, shape, kind of thing) and why."""

CASES = [
    (incident, shape, kind)
    for incident, shapes in {
        "34": ["loganalytics"],
        "38": ["loganalytics"],
        "55": ["loganalytics", "sentinel_trigger"],
        "134": ["loganalytics", "sentinel_trigger"],
    }.items()
    for shape in shapes
    for kind in KINDS
]


@pytest.mark.parametrize(("incident", "shape", "kind"), CASES)
def test_each_shape_tells_the_same(incident: str, shape: str, kind: str) -> None:
    """Or less, where it is listed, and never anything of its own."""
    graphs, others = (KINDS[kind](told(incident, s)) for s in ("graph_incident", shape))

    if (incident, shape, kind) in DIFFERENT:
        assert others != graphs
    else:
        assert others == graphs


def test_what_is_listed_as_different_is_compared() -> None:
    assert set(DIFFERENT) <= set(CASES)


@pytest.mark.parametrize("incident", ["34", "38", "55", "134"])
def test_each_shape_of_sentinel_mirrors_the_graph_incident(incident: str) -> None:
    graph = told(incident, "graph_incident")

    for shape in {shape for which, shape, _ in CASES if which == incident}:
        assert told(incident, shape).mirrors == ((Source.DEFENDER, graph.source_id),)

"""Every real payload and every route: what is accepted and what is refused, held by a table."""

import json
import tomllib
from pathlib import Path
from typing import TypedDict

import pytest

from sources import PARSERS, Malformed
from sources.parsed import not_json
from tests.sources.graph_payloads import INCIDENTS
from triage.report import Source

pytestmark = pytest.mark.shared


class Outcome(TypedDict, total=False):
    accepted: int
    refused: int
    reason: str
    status: int


TABLE: dict[str, dict[str, Outcome]] = tomllib.loads(
    Path(__file__).with_name("payloads.toml").read_text()
)
CASES = [(file, route) for file, routes in TABLE.items() for route in routes]


@pytest.fixture(autouse=True)
def _payloads_are_here() -> None:
    if not INCIDENTS.is_dir():
        pytest.skip(f"real payloads are read from {INCIDENTS}, which is absent")


def test_the_table_names_every_payload_and_no_other() -> None:
    assert set(TABLE) == {file.name for file in INCIDENTS.iterdir()}


def test_the_table_has_every_route_for_every_payload() -> None:
    assert {frozenset(routes) for routes in TABLE.values()} == {frozenset(PARSERS)}


@pytest.mark.parametrize(("file", "route"), CASES)
def test_a_payload_has_the_outcome_in_the_table(file: str, route: str) -> None:
    expected = TABLE[file][route]
    parsed = _parsed(INCIDENTS / file, Source(route))
    faults = [one for one in parsed if isinstance(one, Malformed)]

    assert len(parsed) - len(faults) == expected.get("accepted", 0)
    assert len(faults) == expected.get("refused", 0)
    assert all(expected["reason"] in f"{fault.field}: {fault.reason}" for fault in faults)
    assert {fault.status for fault in faults} <= {expected.get("status", 422)}


def _parsed(file: Path, route: Source) -> list[object]:
    text = file.read_text()
    try:
        body = json.loads(text)
    except ValueError:
        return [not_json(text)]
    return list(PARSERS[route](body))

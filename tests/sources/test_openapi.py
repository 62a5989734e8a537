"""What /api/openapi.json promises: sound schemas, examples that are taken, every route there is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from sources import PARSERS
from sources.openapi import DIALECT, document
from tests.sources.graph_payloads import INCIDENTS, real
from tests.sources.test_payloads import TABLE
from triage.report import IncidentReport, Source

Json = dict[str, Any]

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
POSTS: dict[Source, Json] = {
    source: DOCUMENT["paths"][f"/api/incidents/{source}"]["post"] for source in PARSERS
}


def validator(schema: Json) -> Draft202012Validator:
    """For a schema of the document; its references lead into the document's components."""
    whole = {"$schema": DIALECT, "components": {"schemas": SCHEMAS}, **schema}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def body_of(source: Source) -> Json:
    found: Json = POSTS[source]["requestBody"]["content"]["application/json"]
    return found


def _nodes(node: object) -> Iterator[Json]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)


EXAMPLES = [
    (source, name, told["value"])
    for source in PARSERS
    for name, told in body_of(source)["examples"].items()
]


def test_it_is_openapi_3_1_in_plain_json() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["jsonSchemaDialect"] == DIALECT
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert {"title", "version"} <= set(DOCUMENT["info"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_every_reference_leads_somewhere_and_no_schema_is_left_over() -> None:
    references = {node["$ref"] for node in _nodes(DOCUMENT) if "$ref" in node}

    assert references == {f"#/components/schemas/{name}" for name in SCHEMAS}


def test_every_source_has_its_path_and_no_other_is_named() -> None:
    routes = {f"/api/incidents/{source}" for source in PARSERS}

    assert set(DOCUMENT["paths"]) == routes | {"/api/openapi.json"}


def test_operations_have_names_of_their_own_and_say_what_they_answer() -> None:
    operations = [o for path in DOCUMENT["paths"].values() for o in path.values()]
    names = [operation["operationId"] for operation in operations]

    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["summary"]
        assert all(answer["description"] for answer in operation["responses"].values())


@pytest.mark.parametrize(("source", "name", "body"), EXAMPLES)
def test_an_example_is_valid_and_is_taken(source: Source, name: str, body: object) -> None:
    validator(body_of(source)["schema"]).validate(body)

    parsed = PARSERS[source](body)
    assert parsed
    assert all(isinstance(one, IncidentReport) for one in parsed), parsed


@pytest.mark.parametrize("source", PARSERS)
@pytest.mark.parametrize("body", [7, "incident", {}, [{}], {"value": [{}]}])
def test_what_is_no_incident_is_invalid_too(source: Source, body: object) -> None:
    assert not validator(body_of(source)["schema"]).is_valid(body)


ACCEPTED = [
    (file, Source(route))
    for file, routes in TABLE.items()
    for route, outcome in routes.items()
    if outcome.get("accepted") and not outcome.get("refused")
]


@pytest.mark.shared
@pytest.mark.parametrize(("file", "source"), ACCEPTED)
def test_a_real_payload_that_is_taken_is_valid(file: str, source: Source) -> None:
    if not INCIDENTS.is_dir():
        pytest.skip(f"real payloads are read from {INCIDENTS}, which is absent")

    validator(body_of(source)["schema"]).validate(real(file))

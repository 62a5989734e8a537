"""A digest tells a change from a touch."""

import pytest

from tests.sources.graph_payloads import BOB, Json, graph_alert, graph_incident, piece, read

USER = piece("user", userAccount=BOB, roles=["compromised", "attacked"])
LINK = piece("url", url="https://x.example")


def test_the_order_of_things_does_not_change_the_digest() -> None:
    one, two = graph_alert(USER, LINK), graph_alert(LINK, id="da2")
    other = graph_alert(LINK, USER | {"roles": ["attacked", "compromised"]})

    first = read(graph_incident(alerts=[one, two], customTags=["a", "b"]))
    second = read(graph_incident(alerts=[two, other], customTags=["b", "a"]))

    assert first.digest == second.digest


def test_a_touch_alone_does_not_change_the_digest() -> None:
    touched = read(graph_incident(lastUpdateDateTime="2025-11-25T00:00:00Z"))

    assert touched.digest == read(graph_incident()).digest


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "43"},
        {"displayName": "Other"},
        {"severity": "low"},
        {"status": "resolved"},
        {"classification": "truePositive"},
        {"customTags": ["x"]},
        {"redirectIncidentId": "7"},
        {"alerts": [graph_alert(USER, LINK)]},
        {"alerts": [graph_alert(USER | {"verdict": "malicious"})]},
        {"alerts": [graph_alert(USER, title="Other")]},
        {"alerts": []},
    ],
)
def test_every_other_change_changes_the_digest(changed: Json) -> None:
    assert read(graph_incident(USER, **changed)).digest != read(graph_incident(USER)).digest


def test_a_digest_is_a_sha_256() -> None:
    assert len(bytes.fromhex(read(graph_incident()).digest)) == 32

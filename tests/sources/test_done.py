"""What the source already did is read from its evidence, and only where it says so."""

import pytest

from tests.sources.graph_payloads import (
    BOB,
    MACHINE,
    SHA256,
    Json,
    done,
    graph_alert,
    graph_incident,
    piece,
    read,
)
from triage.report import AlreadyDone, DoneKind


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ({"remediationStatus": "remediated", "detectionStatus": "detected"}, DoneKind.QUARANTINED),
        ({"remediationStatus": "prevented"}, DoneKind.BLOCKED),
        ({"remediationStatus": "none", "detectionStatus": "Blocked"}, DoneKind.BLOCKED),
    ],
)
def test_a_file_the_source_stopped_is_already_done(file: Json, kind: DoneKind) -> None:
    details = {"fileName": "invoice.docm", "sha256": SHA256}

    assert done(piece("file", fileDetails=details, **file)) == (
        AlreadyDone(kind, "invoice.docm", SHA256),
    )


@pytest.mark.parametrize("status", ["active", "pendingApproval", "running", "declined", "none"])
def test_what_is_not_finished_is_not_done(status: str) -> None:
    device = piece(
        "device",
        hostName="LAPTOP-7",
        remediationStatus=status,
        remediationStatusDetails="Device isolated",
    )

    assert done(device) == ()


def test_a_device_is_isolated_where_the_details_say_so() -> None:
    device = piece(
        "device",
        hostName="LAPTOP-7",
        mdeDeviceId=MACHINE,
        remediationStatus="remediated",
        remediationStatusDetails="The device was isolated by attack disruption.",
    )

    assert done(device) == (AlreadyDone(DoneKind.ISOLATED, "LAPTOP-7", MACHINE),)


def test_an_account_is_disabled_where_the_details_say_so() -> None:
    user = piece(
        "user",
        userAccount=BOB,
        remediationStatus="remediated",
        remediationStatusDetails="User suspended",
    )

    assert done(user) == (AlreadyDone(DoneKind.DISABLED, "bob", None),)


@pytest.mark.parametrize(
    "details", [None, "Session revoked", "User could not be disabled", "Failed: disabled"]
)
def test_an_account_is_not_disabled_by_a_status_alone(details: object) -> None:
    user = piece(
        "user", userAccount=BOB, remediationStatus="remediated", remediationStatusDetails=details
    )

    assert done(user) == ()


def test_emails_and_links_the_source_dealt_with_are_done_once() -> None:
    message = piece("mailCluster", networkMessageIds=["m1", "m2"], remediationStatus="remediated")
    link = piece("url", url="https://x.example", remediationStatus="blocked")
    incident = graph_incident(
        alerts=[graph_alert(message, link), graph_alert(message, link, id="da2")]
    )

    assert read(incident).already_done == (
        AlreadyDone(DoneKind.REMOVED, "e-mail (2)"),
        AlreadyDone(DoneKind.BLOCKED, "https://x.example"),
    )

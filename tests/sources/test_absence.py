"""What Graph's answers say of somebody's absence, whatever they hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sources.absence import FURTHEST, of_presence, of_replies
from triage.incident import Absence, AwayBy

NOW = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)


def scheduled(start: str, end: str, zone: str = "UTC") -> dict[str, Any]:
    return {
        "status": "scheduled",
        "scheduledStartDateTime": {"dateTime": start, "timeZone": zone},
        "scheduledEndDateTime": {"dateTime": end, "timeZone": zone},
        "internalReplyMessage": "anybody's text",
    }


def test_a_schedule_counts_from_its_start_to_its_end() -> None:
    found = of_replies(
        scheduled("2026-11-24T10:10:00.0000000", "2026-11-30T08:00:00.0000000"), "p", NOW
    )

    end = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert found == Absence("p", AwayBy.AUTOMATIC_REPLIES, NOW, NOW, end)
    over = scheduled("2026-11-20T08:00:00.0000000", "2026-11-24T10:10:00.0000000")
    assert of_replies(over, "p", NOW) is None


@pytest.mark.parametrize(("zone", "away"), [("Europe/Berlin", True), ("America/Chicago", False)])
def test_a_schedule_is_read_in_its_zone(zone: str, away: bool) -> None:
    found = of_replies(scheduled("2026-11-24T11:00:00", "2026-11-25T11:00:00", zone), "p", NOW)

    assert (found is not None) is away


def test_an_end_out_of_all_reckoning_is_none() -> None:
    end = f"{NOW + FURTHEST + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    found = of_replies(scheduled("2026-11-24T08:00:00", end), "p", NOW)

    assert found is not None
    assert found.until is None


def test_replies_that_are_always_on_know_no_end() -> None:
    assert of_replies({"status": "alwaysEnabled"}, "p", NOW) == Absence(
        "p", AwayBy.AUTOMATIC_REPLIES, NOW
    )


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"status": "disabled"},
        {"status": ["scheduled"]},
        {"status": "scheduled"},
        scheduled("never", "2026-11-30T08:00:00"),
        scheduled("2026-11-24T08:00:00", "2026-11-30T08:00:00", "W. Europe Standard Time"),
        scheduled("2026-11-24T08:00:00", "2026-11-30T08:00:00", "../../etc/passwd"),
    ],
)
def test_what_cannot_be_read_is_no_absence(body: Any) -> None:
    assert of_replies(body, "p", NOW) is None


@pytest.mark.parametrize(
    ("body", "away"),
    [({"activity": "OutOfOffice"}, True), ({"activity": "Offline"}, False), (None, False)],
)
def test_of_presence_out_of_office_alone_counts(body: Any, away: bool) -> None:
    assert (of_presence(body, "p", NOW) is not None) is away

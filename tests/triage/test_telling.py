"""How the customer hears of a case: thread, digest, or both."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from tests.triage.triage_script import Case, contoso, malware_blocked, malware_ran
from triage.customer import Customer, Tells, Threads
from triage.effects import PostDigest
from triage.report import Severity
from triage.surfaces.digest import digest
from triage.telling import digest_window

QUIET = contoso(
    zone="Europe/Berlin", threads=Threads(medium=Tells.DIGEST, low=Tells.DIGEST, high=Tells.BOTH)
)


def _digests(case: Case) -> list[PostDigest]:
    return [e for e in case.ordered if isinstance(e, PostDigest)]


def test_a_quiet_case_gets_a_line_in_the_digest_and_no_thread() -> None:
    case = Case(QUIET).reported(malware_blocked(severity=Severity.MEDIUM))

    assert "customer" not in case.views()
    assert len(_digests(case)) == 1
    view = digest([case.state], QUIET, _digests(case)[0].at)
    assert [line.has_thread for line in view.lines] == [False]


def test_a_quiet_case_that_turns_grave_gets_its_thread_after_all_and_keeps_it() -> None:
    case = Case(QUIET).reported(replace(malware_ran(), severity=Severity.MEDIUM))

    assert "customer" in case.views()


def test_both_means_both() -> None:
    case = Case(QUIET).reported(replace(malware_ran(), severity=Severity.HIGH))

    assert "customer" in case.views()
    assert len(_digests(case)) == 1
    assert digest([case.state], QUIET, _digests(case)[0].at).lines[0].has_thread


def test_threads_are_the_default_and_stand_in_no_digest() -> None:
    case = Case(contoso()).reported(malware_blocked())

    assert not _digests(case)
    assert digest([case.state], contoso(), case.now).lines == ()


@pytest.mark.parametrize(
    ("within", "since", "at"),
    [
        ("2026-11-24T06:00", "2026-11-23T07:00", "2026-11-24T07:00"),
        ("2026-11-24T07:00", "2026-11-23T07:00", "2026-11-24T07:00"),
        ("2026-11-24T07:01", "2026-11-24T07:00", "2026-11-25T07:00"),
        # The clocks go back on 25 October: that digest covers 25 hours.
        ("2026-10-25T05:00", "2026-10-24T06:00", "2026-10-25T07:00"),
    ],
)
def test_every_moment_belongs_to_one_digest(within: str, since: str, at: str) -> None:
    customer: Customer = contoso(zone="Europe/Berlin", threads=Threads(digest_at=time(8)))
    window = digest_window(customer, datetime.fromisoformat(within).replace(tzinfo=UTC))

    assert window == tuple(datetime.fromisoformat(t).replace(tzinfo=UTC) for t in (since, at))

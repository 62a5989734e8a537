"""Evidence that vanishes, deadlines that lapse on a Sunday, failures that nobody hears of."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.bot.test_faults import BrokenHand, a_conductor
from tests.story.graph_incident import malware_ran
from tests.story.house import house
from tests.triage.triage_script import Case, contoso, malware_blocked
from triage.customer import Deadlines, QuietHours, WorkingHours
from triage.incident import ActionState

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("answer", ["opened", "not_me", None])
async def test_whatever_bob_says_or_does_not_say_the_evidence_stays(
    tmp_path: Path, answer: str | None
) -> None:
    """The securitybot fork deleted alert, status and answer once a task was over."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        if answer:
            await h.press("Bob Meyer", await h.card("Bob Meyer"), f"answer.q1.{answer}")
        else:
            await h.later(hours=1)
        inputs = {"disposition": "falsePositive", "comment": "Nothing."}
        await h.press("Mia Lindqvist", await h.soc(), "close_as", inputs)
        await h.later(days=3)

        told = [e.event.kind for e in await h.history("4711")]
        incident = await h.incident("4711")
        assert told[0] == "reported"
        assert "close_ordered" in told
        assert incident.closed is not None
        assert () not in (incident.alerts, incident.devices, incident.files)
        said = [r.choice for q in incident.questions[:1] for r in q.replies]
        assert said == ([answer] if answer else [])


def test_two_hours_asked_for_on_friday_evening_end_on_monday_morning() -> None:
    """securitybot's ended on Sunday at 10:37: its zone was seven minutes off, its week had no end."""
    friday = datetime(2026, 11, 27, 17, 30, tzinfo=BERLIN)
    office = contoso(
        zone="Europe/Berlin",
        hours=WorkingHours(frozenset(range(5)), time(8), time(18)),
        quiet=QuietHours(time(0), time(0)),
        deadlines=Deadlines(low=120),
    )

    case = Case(office, now=friday.astimezone(UTC)).reported(malware_blocked())

    (asked,) = case.open_questions
    assert asked.state.state == "open"
    due = asked.state.due.astimezone(BERLIN)
    assert due == datetime(2026, 11, 30, 9, 30, tzinfo=BERLIN)
    assert due - friday > timedelta(days=2)


async def test_a_response_that_fails_is_not_repeated_for_ever_and_a_person_hears_of_it(
    tmp_path: Path,
) -> None:
    """Sentinel's playbooks crashed for weeks before anybody saw that nothing was isolated."""
    hand = BrokenHand()
    async with a_conductor(tmp_path, hand) as run:
        case = await run()

    assert {a.state for a in case.actions} <= {ActionState.FAILED, ActionState.PROPOSED}
    assert case.handed_over is not None
    assert 0 < max(hand.tried.values()) < 10


async def test_a_case_that_waits_for_bob_holds_nobody_up(tmp_path: Path) -> None:
    """Dispatch polls in its handler for up to 300 seconds."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        for number in range(5):
            status, _ = await h.post(malware_ran(id_=f"48{number}"))
            assert status in (200, 201)
        await h.settle()

        await h.press("Mia Lindqvist", await h.soc(), "take")
        assert (await h.incident("4711")).owner is not None

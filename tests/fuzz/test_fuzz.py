"""The short version of `make fuzz`."""

from pathlib import Path

import pytest

from bot.teams import windows
from tests.fuzz.run import PLENTY, Outcome, fuzz
from tests.fuzz.sender import Sent

pytestmark = [pytest.mark.sqlite, pytest.mark.long]


async def test_no_request_is_answered_500_and_no_refused_one_leaves_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOUCH_INTAKE_BURST", "1000000")
    monkeypatch.setattr(windows, "THREAD", PLENTY)
    monkeypatch.setattr(windows, "TENANT", PLENTY)
    outcome = await fuzz(tmp_path, requests=2_000, seconds=300, seed=1)

    assert not outcome.wrong(2_000), str(outcome)
    assert outcome.sent.refused > 500


def test_a_run_that_shows_too_little_fails() -> None:
    sent = Sent({"/": {"200": 10}}, trusted=4, refused=0, faults=["a trace"], seconds=1)

    assert len(Outcome(sent, ["an error"]).wrong(20)) == 4

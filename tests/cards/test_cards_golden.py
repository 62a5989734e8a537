"""The cards as they were last looked at. After looking at a wanted change, renew them with

VOUCH_RENEW_GOLDEN=1 pytest tests/cards/test_cards_golden.py
"""

import json
import os
from pathlib import Path

import pytest

from tests.cards.cards_at_hand import all_cards

GOLDEN = Path(__file__).parent / "golden"
KEPT = (
    "person.asking.en",
    "person.follow_up.de",
    "person.link_entered_promised.en",
    "person.script_run_asked.de",
    "person.software_needed_asked.pt",
    "customer.closed.en",
    "approval.open.en",
    "task.open.en",
    "analyst.waiting.en",
    "digest.day.en",
    "handover.evening.en",
)


@pytest.mark.parametrize("name", KEPT)
def test_a_card_is_what_it_was_when_last_looked_at(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    now = json.dumps(all_cards()[name], indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("VOUCH_RENEW_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")

    assert now == path.read_text(encoding="utf-8"), f"look at it, then renew {path.name}"

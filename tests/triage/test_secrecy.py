"""What people write asks for a secret, or only speaks of one."""

from pathlib import Path

import pytest

from triage.secrecy import asks_for_one, reminder

HERE = Path(__file__).parent
ASKS = (HERE / "asks_for_secrets.txt").read_text(encoding="utf-8").splitlines()
SPEAKS = (HERE / "speaks_of_secrets.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("written", ASKS)
def test_who_asks_for_a_secret_is_found_out(written: str) -> None:
    assert asks_for_one(written)


def test_neither_unseen_characters_nor_other_forms_of_a_letter_hide_it() -> None:
    assert asks_for_one("What is your pass\u200bword?")
    assert asks_for_one("What is your \uff50assword?")


@pytest.mark.parametrize("written", SPEAKS)
def test_of_secrets_may_be_spoken(written: str) -> None:
    assert not asks_for_one(written)


def test_whoever_speaks_of_a_secret_is_reminded_also_where_they_ask_for_none_plainly() -> None:
    assert reminder("Bob, you gave me only half of the code. What is the rest?")
    assert not reminder("We have it under control. Please leave the laptop on.")

"""A key is shown once and known by its hash."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.signature import matches, new_key


def test_a_new_key_matches_its_own_hash_and_no_other() -> None:
    key, stored = new_key()
    other, _ = new_key()

    assert matches(key, stored)
    assert not matches(other, stored)


def test_a_key_is_recognised_by_its_prefix_and_is_long() -> None:
    key, stored = new_key()

    assert key.startswith("vk_")
    assert len(key) >= 40
    assert stored == hashlib.sha256(key.encode()).hexdigest()


def test_the_hash_itself_is_no_key() -> None:
    _, stored = new_key()

    assert not matches(stored, stored)


def test_the_stored_hash_may_be_in_capitals() -> None:
    key, stored = new_key()

    assert matches(key, stored.upper())


@pytest.mark.parametrize("presented", ["", "vk_", "\ud800", "ключ", "vk_\x00"])
def test_no_odd_header_raises_or_matches(presented: str) -> None:
    _, stored = new_key()

    assert not matches(presented, stored)


@given(st.text(), st.text())
def test_nothing_matches_what_is_no_hash(presented: str, stored: str) -> None:
    assert not matches(presented, stored)

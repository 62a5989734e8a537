"""A key is shown once and known by its hash."""

import hashlib

from sources.signature import new_key


def test_no_two_keys_are_the_same() -> None:
    assert new_key() != new_key()


def test_a_key_is_recognised_by_its_prefix_and_is_long() -> None:
    key, stored = new_key()

    assert key.startswith("vk_")
    assert len(key) >= 40
    assert stored == hashlib.sha256(key.encode()).hexdigest()

"""Sliding windows: never overfilled, and nobody waits longer than they make him."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from storage.windows import Window, free_at, recent, within

WINDOWS = st.lists(
    st.builds(Window, st.integers(3, 12), st.integers(1, 5_000)), min_size=1, max_size=4
)
WISHES = st.lists(st.integers(0, 2_000), max_size=60)
"""When somebody wants to, each so many milliseconds after the one before."""


def wanted_and_done(wishes: Sequence[int], windows: Sequence[Window]) -> list[tuple[int, int]]:
    """Each as soon as it is wanted and has room."""
    told: list[tuple[int, int]] = []
    for wish in wishes:
        wanted = (told[-1][1] if told else 0) + wish
        told.append((wanted, max(wanted, free_at([done for _, done in told], windows))))
    return told


@given(WINDOWS, WISHES)
def test_no_window_is_ever_overfilled(windows: list[Window], wishes: list[int]) -> None:
    done = [at for _, at in wanted_and_done(wishes, windows)]

    for window in windows:
        for first, too_many in zip(done, done[window.most :], strict=False):
            assert too_many - first >= window.length


@given(WINDOWS, WISHES)
def test_nothing_waits_longer_than_it_must(windows: list[Window], wishes: list[int]) -> None:
    told = wanted_and_done(wishes, windows)
    done = [at for _, at in told]

    for number, (wanted, at) in enumerate(told):
        if at > wanted:
            a_moment_ago = at - 1
            assert any(
                sum(before > a_moment_ago - window.length for before in done[:number])
                >= window.most
                for window in windows
            )


@given(WINDOWS, WISHES, st.integers(1, 3))
def test_many_at_once_wait_until_all_of_them_fit(
    windows: list[Window], wishes: list[int], more: int
) -> None:
    done = [at for _, at in wanted_and_done(wishes, windows)]
    at = max(free_at(done, windows, more), done[-1] if done else 0)

    for window in windows:
        assert sum(before > at - window.length for before in done) + more <= window.most


@given(WINDOWS, WISHES, st.integers(0, 10_000))
def test_what_is_forgotten_does_not_matter(
    windows: list[Window], wishes: list[int], later: int
) -> None:
    done = [at for _, at in wanted_and_done(wishes, windows)]
    now = (done[-1] if done else 0) + later

    kept = recent(done, windows, now)

    assert max(now, free_at(kept, windows)) == max(now, free_at(done, windows))


def test_what_is_under_way_takes_room_until_it_is_over() -> None:
    two_a_second = [within(2, seconds=1)]

    assert free_at([0, 60_000], two_a_second) == 1_000
    assert free_at([60_000, 60_000], two_a_second) == 61_000

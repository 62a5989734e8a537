"""Any JSON value there can be, with those that have broken parsers among the likely ones."""

from hypothesis import settings
from hypothesis import strategies as st

TEXTS = st.text(st.characters(), max_size=20) | st.sampled_from(
    [
        "null",
        "",
        "high",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "2025-11-24T09:00:00Z",
        "\ud800",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)

unhurried = settings(deadline=None)
"""No example fails for the time it took on a busy machine."""

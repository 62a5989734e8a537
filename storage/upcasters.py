"""Lifts the state of an incident, step by step, from the version it was stored in to today's.

`UPCASTERS[n]` takes the JSON of version n and returns that of version n + 1. A version that was
ever released stays readable: `tests/storage/golden` keeps a state of each.
"""

from collections.abc import Callable
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: dict[int, Upcaster] = {}


def lift(
    state: dict[str, Any], to: int, upcasters: dict[int, Upcaster] = UPCASTERS
) -> dict[str, Any]:
    version = state["state_version"]
    while version < to:
        state = upcasters[version](state)
        version += 1
        state["state_version"] = version
    return state

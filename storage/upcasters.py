"""Lifts what older Vouches wrote to today's form: states of incidents, events, and profiles.

An incident's state goes step by step, from the version it was stored in to today's.

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


def lift_event(written: dict[str, Any]) -> dict[str, Any]:
    """The wish to be called, from the card of a suspect account, was an answer to no question."""
    if (written.get("kind"), written.get("question"), written.get("choice")) == _A_WISH:
        return {"kind": "wished_call", "by": written["by"]}
    return written


_A_WISH = ("answered", "", "call_me")

_CONSENTS = {"automatic": "authorize", "approval": "collaborate"}
_ON_SILENCE = {"act": True, "hand_over": False}


def lift_profile(written: dict[str, Any]) -> dict[str, Any]:
    """A customer's profile with its rules in today's words (decision page 11): as they were written,
    where they are in none of those of before."""
    rules = written.get("rules")
    if not isinstance(rules, list):
        return written
    return written | {"rules": [_lift_rule(r) if isinstance(r, dict) else r for r in rules]}


def _lift_rule(rule: dict[str, Any]) -> dict[str, Any]:
    lifted = dict(rule)
    consent, on_silence = rule.get("consent"), rule.get("on_silence")
    if isinstance(consent, str) and consent in _CONSENTS:
        lifted["consent"] = _CONSENTS[consent]
    if isinstance(on_silence, str) and on_silence in _ON_SILENCE:
        del lifted["on_silence"]
        lifted["act_if_unreachable"] = _ON_SILENCE[on_silence]
    return lifted

"""docs/security.md, the mutants and the tests tell one story."""

import ast
import re
from functools import cache

import pytest

from tests.attacks.mutants import TREE, declared

PAGE = (TREE / "docs" / "security.md").read_text(encoding="utf-8")
CONTROLS = re.findall(r"^\| (.+) \| `([a-z0-9-]+)` \| `(tests/.+)` \|$", PAGE, re.MULTILINE)
ANSWERED = re.findall(r"^\| ([^|]+) \| (`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*) \|$", PAGE, re.MULTILINE)

ANSWERS = (
    "made up",
    "played back",
    "Another tenant",
    "wrong person",
    "rewritten",
    "poses as an analyst",
    "poses as a user",
    "binds a channel",
    "Outsiders",
    "hands are used against",
    "denial of service",
    "Secrets in logs",
    "link, a mention, markup",
    "token is led astray",
    "what is the customer's",
    "wrong feed",
    "prompt injection",
    "privacy",
    "trusted too early",
    "silenced further questions",
    "Evidence was deleted",
    "deadline lapsed",
    "Anybody could answer",
    "only looked at answered",
    "framed or cached",
    "looked like the attacker",
    "One tenant's address",
    "no longer held",
    "`stop`",
    "first answer won",
    "waited for the user",
)
"""The threats and the failures of others that the page must have an answer to."""


@cache
def names_in(file: str) -> frozenset[str]:
    """The functions of a file, and its classes: a state machine is one."""
    tree = ast.parse((TREE / file).read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


@pytest.mark.parametrize(("control", "mutant", "test"), CONTROLS, ids=[c[1] for c in CONTROLS])
def test_a_control_names_a_test_that_is_there(control: str, mutant: str, test: str) -> None:
    file, _, name = test.partition("::")

    assert control
    assert re.split(r"\[|::", name)[0] in names_in(file), f"the test of {mutant}"


def test_every_control_has_its_mutant_and_every_mutant_its_control() -> None:
    named = {(mutant, test) for _, mutant, test in CONTROLS}

    assert named == {(m.name, m.test) for m in declared()}
    assert len(CONTROLS) == len(named)


def test_every_threat_and_every_failure_of_others_is_answered_by_a_control() -> None:
    mutants = {m.name for m in declared()}
    by = {threat: set(re.findall(r"`([a-z0-9-]+)`", names)) for threat, names in ANSWERED}

    assert [word for word in ANSWERS if not any(word in threat for threat in by)] == []
    assert {threat: names - mutants for threat, names in by.items() if names - mutants} == {}

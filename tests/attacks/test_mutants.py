"""The mutants of `make mutants` apply to this tree, and its runner tells a kill from an accident."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.mutants import DECLARED, TREE, Copy, Mutant, declared

GATE = """
def may_pass(name: str) -> bool:
    if name == "mallory":
        return False
    return True
"""
TESTS = """
import time
import gate

def test_mallory_stays_outside():
    assert not gate.may_pass("mallory")

def test_alice_passes():
    assert gate.may_pass("alice")

def test_breaks_by_accident():
    if gate.may_pass("mallory"):
        raise KeyError("no assertion")

def test_that_fails_anyway():
    assert not gate.may_pass("alice")
"""
REMOVED = "file = 'gate.py'\nfind = '''    if name == \"mallory\":\n        return False\n'''\n"


RUNNER = (sys.executable, "-m", "tests.attacks.mutants")


@pytest.mark.parametrize("mutant", declared(), ids=lambda mutant: mutant.name)
def test_it_still_applies(mutant: Mutant) -> None:
    assert mutant.files(TREE)


def test_no_two_mutants_are_the_same() -> None:
    made = [(m.edits, m.test) for m in declared()]

    assert len(set(made)) == len(made)


def planted(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "gate.py").write_text(GATE, encoding="utf-8")
    (tree / "test_gate.py").write_text(TESTS, encoding="utf-8")
    return tree


def run(tmp_path: Path, declared: str) -> tuple[int, str]:
    """The runner over a tree of two files; how it ended, and what it said."""
    tree = planted(tmp_path)
    toml = tmp_path / "mutants.toml"
    toml.write_text(declared, encoding="utf-8")
    ended = subprocess.run(
        [*RUNNER, "--tree", str(tree), "--declared", str(toml)],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def mutant(test: str, how: str = REMOVED) -> str:
    return f"[{test}]\ntest = 'test_gate.py::test_{test}'\n{how}\n"


@pytest.mark.long
def test_a_control_whose_test_notices_is_no_trouble(tmp_path: Path) -> None:
    ended, said = run(tmp_path, mutant("mallory_stays_outside"))

    assert (ended, "survived=0" in said) == (0, True), said


@pytest.mark.long
def test_whatever_no_test_notices_is_told_and_fails(tmp_path: Path) -> None:
    """One run for all of them: starting pytest takes longer than these tests."""
    syntax = "file = 'gate.py'\nfind = 'return True'\nreplace = 'return True)'\n"
    gone = "file = 'gate.py'\nfind = 'if name == \"eve\"'\n"
    twice = "file = 'gate.py'\nfind = 'return'\n"
    mutants = [
        mutant("alice_passes"),
        mutant("breaks_by_accident"),
        mutant("mallory_stays_outside", syntax),
        mutant("alice_passes", gone).replace("[alice", "[gone"),
        mutant("alice_passes", twice).replace("[alice", "[twice"),
        mutant("that_fails_anyway"),
        mutant("is_not_there"),
    ]
    ended, said = run(tmp_path, "\n".join(mutants))

    assert (ended, f"survived={len(mutants)}" in said) == (1, True), said
    for line in (
        "alice_passes: survived",
        "breaks_by_accident: broke something else: call: KeyError",
        "mallory_stays_outside: broke something else: its test did not run to an end",
        "gone_passes: no longer applies: gate.py holds its text 0 times",
        "twice_passes: no longer applies: gate.py holds its text 2 times",
        "that_fails_anyway: its test fails unmutated",
        "is_not_there: its test fails unmutated",
    ):
        assert line in said, said


@pytest.mark.long
def test_of_a_test_that_runs_out_of_time_nothing_is_known(tmp_path: Path) -> None:
    copy = Copy(planted(tmp_path), tmp_path / "copy", patience=0.01)

    assert copy.run(["test_gate.py::test_mallory_stays_outside"]) == []


def test_the_mutants_are_where_the_runner_looks() -> None:
    assert len(declared(DECLARED)) > 30

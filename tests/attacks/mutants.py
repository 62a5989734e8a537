"""`make mutants`: takes away one control after the other, and looks whether its test notices.

Each mutant of `mutants.toml` removes one control of docs/security.md. It is made in a copy of the
tree, and the one test that is named for it runs there. It is killed when an assertion of that test
fails: a test that cannot be imported, breaks in a fixture or runs out of time has noticed nothing. A
mutant whose text is not found exactly once no longer applies, and that is a fault as well. First
every named test must pass where nothing is removed.

Ends with 1 unless every mutant was killed.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

TREE = Path(__file__).parents[2]
DECLARED = Path(__file__).with_name("mutants.toml")
LEFT_OUT = (
    ".git",
    ".venv*",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "*.egg-info",
)
WORKERS = 2
PATIENCE = 180.0
"""Seconds for one test, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Edit:
    file: str
    find: str
    replace: str

    def applied(self, text: str) -> str:
        """Raises ValueError where the text is not there exactly once."""
        found = text.count(self.find)
        if found != 1:
            raise ValueError(f"{self.file} holds its text {found} times")
        return text.replace(self.find, self.replace)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One control taken away, and the test that must notice."""

    name: str
    test: str
    edits: tuple[Edit, ...]

    def files(self, tree: Path) -> dict[str, str]:
        """What is in its files once it is made. Raises ValueError where it no longer applies."""
        made: dict[str, str] = {}
        for edit in self.edits:
            text = made.get(edit.file) or (tree / edit.file).read_text(encoding="utf-8")
            made[edit.file] = edit.applied(text)
        return made


@dataclass(frozen=True, slots=True)
class Outcome:
    mutant: Mutant
    verdict: str
    seconds: float

    @property
    def is_killed(self) -> bool:
        return self.verdict == "killed"


def declared(file: Path = DECLARED) -> list[Mutant]:
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    return [Mutant(name, m["test"], tuple(_edits(m))) for name, m in told.items()]


def _edits(told: dict[str, Any]) -> Iterator[Edit]:
    for edit in (told, *told.get("also", ())):
        yield Edit(edit["file"], edit["find"], edit.get("replace", ""))


# --- a copy of the tree --------------------------------------------------------------------------

_LATER = itertools.count(int(time.time()) + 86_400)
"""Each changed file gets a time of its own, or Python would take the byte code of the last one."""


@dataclass(frozen=True, slots=True)
class Ended:
    test: str
    how: str

    def is_of(self, named: str) -> bool:
        """Whether it is the test of that name, or that test with one of its parameters."""
        return self.test == named or self.test.startswith(f"{named}[")


class Copy:
    """A tree of its own to break."""

    def __init__(self, tree: Path, at: Path, patience: float) -> None:
        self._tree = tree
        self._at = at
        self._patience = patience
        shutil.copytree(tree, at, ignore=shutil.ignore_patterns(*LEFT_OUT))

    @contextmanager
    def with_files(self, files: dict[str, str]) -> Iterator[None]:
        for name, text in files.items():
            changed = self._at / name
            changed.write_text(text, encoding="utf-8")
            os.utime(changed, times=(next(_LATER),) * 2)
        try:
            yield
        finally:
            for name in files:
                shutil.copy2(self._tree / name, self._at / name)

    def run(self, tests: Sequence[str], *options: str) -> list[Ended]:
        """How the tests ended, in the words of `verdict.py`; nothing of those that did not run."""
        verdicts = self._at.with_suffix(".verdict")
        verdicts.write_text("", encoding="utf-8")
        path = os.pathsep.join([str(self._at), str(Path(__file__).parent)])
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "verdict", *options, *tests],
                cwd=self._at,
                env={**os.environ, "PYTHONPATH": path, "MUTANT_VERDICT": str(verdicts)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self._patience * len(tests),
                check=False,
            )
        lines = verdicts.read_text(encoding="utf-8").splitlines()
        return [Ended(*line.split("\t", 1)) for line in lines]


# --- the run -------------------------------------------------------------------------------------


def run(tree: Path, mutants: Sequence[Mutant], patience: float) -> Iterator[Outcome]:
    """Every mutant's outcome, as it comes."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        idle: SimpleQueue[Copy] = SimpleQueue()
        for number in range(WORKERS):
            idle.put(Copy(tree, Path(scratch) / f"tree{number}", patience))
        with ThreadPoolExecutor(WORKERS) as workers:
            passing = _passing(workers, idle, mutants)
            yield from workers.map(lambda m: _outcome(tree, idle, m, m.test in passing), mutants)


def _passing(
    workers: ThreadPoolExecutor, idle: SimpleQueue[Copy], mutants: Sequence[Mutant]
) -> frozenset[str]:
    """The tests that pass where nothing is removed, with all their parameters."""
    tests = list(dict.fromkeys(m.test for m in mutants))
    shares = [share for share in (tests[n::WORKERS] for n in range(WORKERS)) if share]
    ended = [one for found in workers.map(lambda share: _run(idle, share), shares) for one in found]
    return frozenset(t for t in tests if {e.how for e in ended if e.is_of(t)} == {"passed"})


def _run(idle: SimpleQueue[Copy], tests: Sequence[str]) -> list[Ended]:
    """One by one where together none ran: pytest begins nothing when one of them is not there."""
    copy = idle.get()
    try:
        return copy.run(tests) or [ended for test in tests for ended in copy.run([test])]
    finally:
        idle.put(copy)


def _outcome(tree: Path, idle: SimpleQueue[Copy], mutant: Mutant, passes: bool) -> Outcome:
    began = time.monotonic()
    copy = idle.get()
    try:
        verdict = _verdict(copy, mutant, tree) if passes else "its test fails unmutated"
    finally:
        idle.put(copy)
    return Outcome(mutant, verdict, time.monotonic() - began)


def _verdict(copy: Copy, mutant: Mutant, tree: Path) -> str:
    try:
        files = mutant.files(tree)
    except (ValueError, OSError) as error:
        return f"no longer applies: {error}"
    with copy.with_files(files):
        ended = copy.run([mutant.test], "-x")
    if not ended:
        return "broke something else: its test did not run to an end"
    match ended[-1].how:
        case "asserted":
            return "killed"
        case "passed":
            return "survived"
        case how:
            return f"broke something else: {how}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.mutants", description=__doc__)
    parser.add_argument("only", nargs="*", help="names of mutants, or how they begin")
    parser.add_argument("--tree", type=Path, default=TREE)
    parser.add_argument("--declared", type=Path, default=DECLARED)
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for one test")
    told = parser.parse_args(arguments)
    mutants = [m for m in declared(told.declared) if _is_wanted(m, told.only)]
    began, survived = time.monotonic(), 0
    for outcome in run(told.tree, mutants, told.patience):
        survived += not outcome.is_killed
        print(f"{outcome.mutant.name}: {outcome.verdict} ({outcome.seconds:.0f} s)", flush=True)
    print(f"mutants={len(mutants)} survived={survived} seconds={time.monotonic() - began:.0f}")
    return 1 if survived or not mutants else 0


def _is_wanted(mutant: Mutant, only: Sequence[str]) -> bool:
    return not only or any(mutant.name.startswith(name) for name in only)


if __name__ == "__main__":
    sys.exit(main())

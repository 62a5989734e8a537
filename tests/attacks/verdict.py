"""A pytest plugin for `mutants.py`: writes down how each test ended, and through what.

It is loaded by its own name from its own folder, so that a tree without it can be tested too.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

PYTEST = Path(pytest.__file__).parent.parent / "_pytest"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if report.passed and report.when == "call":
        _write(item, "passed")
    elif report.failed and call.excinfo is not None:
        asserted = report.when == "call" and _asserted(call.excinfo.value, item.path)
        _write(item, "asserted" if asserted else f"{report.when}: {call.excinfo.exconly()}")
    elif report.skipped:
        _write(item, "skipped")
    return report


def _write(item: pytest.Item, verdict: str) -> None:
    first_line = verdict.splitlines()[0][:200]
    with Path(os.environ["MUTANT_VERDICT"]).open("a", encoding="utf-8") as file:
        file.write(f"{item.nodeid}\t{first_line}\n")


def _asserted(error: BaseException, test: Path) -> bool:
    """Whether it was an assertion in the test's own file that failed, or several of them."""
    return all(
        isinstance(leaf, AssertionError | pytest.fail.Exception)
        and _raised_in(leaf.__traceback__) == test
        for leaf in _leaves(error)
    )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for one in error.exceptions:
        yield from _leaves(one)


def _raised_in(traceback: TracebackType | None) -> Path | None:
    """The file it was raised in; pytest's own (`raises` that saw nothing raised) count as the test's."""
    where = None
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if PYTEST not in file.parents:
            where = file
        traceback = traceback.tb_next
    return where

"""A line of the log is JSON, names a fault by its kind and place, and repeats nobody's words."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

FAULTS = """
import asyncio, logging, sqlite3, structlog
from bot import logs
from storage.engine import StoreError

logs.configure(as_json=True)
log = structlog.get_logger("test")

def deep():
    raise ValueError("xyzzy: what Bob said")

def chained():
    try:
        deep()
    except ValueError as error:
        raise KeyError("xyzzy") from error

for name, fault in {
    "chained": chained,
    "file": lambda: open("/nowhere/at/all"),
    "sqlite": lambda: sqlite3.connect(":memory:").execute("SELECT * FROM nowhere"),
}.items():
    try:
        fault()
    except Exception:
        log.exception(name, customer="contoso", effect=7)

try:
    chained()
except KeyError:
    logging.getLogger("aiohttp.server").exception("Error handling request from %s", "xyzzy")
logging.getLogger("chatty").info("xyzzy")

async def unawaited():
    logs.note_what_nobody_awaits()
    task = asyncio.create_task(asyncio.to_thread(deep))
    await asyncio.sleep(0.1)
    del task
    import gc
    gc.collect()

asyncio.run(unawaited())
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """In a process of its own: a configured log stays."""
    ended = subprocess.run(
        [sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "xyzzy" not in ended.stderr + ended.stdout
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_a_fault_is_told_by_kind_and_place(lines: list[dict[str, Any]]) -> None:
    line = lines[0]

    assert (line["event"], line["level"]) == ("chained", "error")
    assert (line["customer"], line["effect"]) == ("contoso", 7)
    assert line["fault"] == "KeyError < ValueError"
    assert [frame.rpartition(" ")[2] for frame in line["trace"]] == [
        "<module>",
        "chained",
        "chained",
        "deep",
    ]


def test_what_a_file_or_the_database_says_of_itself_is_told(lines: list[dict[str, Any]]) -> None:
    assert lines[1]["fault"] == (
        "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'"
    )
    assert lines[2]["fault"] == "OperationalError: no such table: nowhere"


def test_a_librarys_line_is_one_of_ours(lines: list[dict[str, Any]]) -> None:
    line = lines[3]

    assert (line["event"], line["logger"]) == ("library_said", "aiohttp.server")
    assert line["says"] == "Error handling request from %s"
    assert line["fault"] == "KeyError < ValueError"


def test_a_fault_that_nobody_waits_for_is_told(lines: list[dict[str, Any]]) -> None:
    assert (lines[4]["event"], lines[4]["fault"]) == ("fault_in_the_event_loop", "ValueError")
    assert len(lines) == 5

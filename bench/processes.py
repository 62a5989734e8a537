"""The measuring side: child processes that are asked one JSON line at a time."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
STARTS_WITHIN = 60
ANSWERS_WITHIN = 300
LONGEST_LINE = 256 * 1024 * 1024

_MINE = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
MEASURED, OTHERS = (set(_MINE[:1]), set(_MINE[1:])) if len(_MINE) > 1 else (None, None)
"""Cores for the server that is measured, and for whatever only serves the measuring. Python runs
one thread of a process at a time: where its threads wander between cores, each hand-over costs."""


class Child:
    """One process. `ready` is what it said when it was."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name
        self.ready: Any = None

    async def ask(self, do: str, **what: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self.heard(ANSWERS_WITHIN)

    async def heard(self, patience: float) -> Any:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), patience)
        if not line:
            raise RuntimeError(f"{self._name} ended")
        return json.loads(line)


@asynccontextmanager
async def child(
    module: str,
    *arguments: str,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    cores: set[int] | None = None,
) -> AsyncIterator[Child]:
    """`python -m module`, ready to be asked; ended when the block is left. Runs on any core where
    none are named."""
    with (log or Path(os.devnull)).open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            python,
            "-m",
            module,
            *arguments,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LONGEST_LINE,
        )
    if cores is not None:
        os.sched_setaffinity(process.pid, cores)
    try:
        started = Child(process, module)
        started.ready = await started.heard(STARTS_WITHIN)
        yield started
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()

"""The measured side of a measurement: a process that answers its measurer, one JSON line at a time.

Standard library only: the peers' environment imports this too. The lines come in through standard
input and are answered on what was standard output; whatever else prints goes to standard error.
When the measurer is gone, so is this process.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

Command = Callable[..., Any]
"""Answers with JSON, or with a coroutine of it, which runs in the loop."""


class Answering:
    """Take it before anything prints; `start` when the process is ready."""

    def __init__(self) -> None:
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def start(self, ready: Any, commands: Mapping[str, Command] | None = None) -> None:
        """Say `ready`, then answer; call it inside the loop that commands are to run in."""
        known = {"spent": spent, **(commands or {})}
        loop = asyncio.get_running_loop()
        self._say(ready)
        Thread(target=self._answer, args=(known, loop), daemon=True, name="answering").start()

    def _answer(self, known: Mapping[str, Command], loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            asked: dict[str, Any] = json.loads(line)
            answer = known[asked.pop("do")](**asked)
            if asyncio.iscoroutine(answer):
                answer = asyncio.run_coroutine_threadsafe(answer, loop).result()
            self._say(answer)
        os._exit(0)

    def _say(self, value: Any) -> None:
        self._out.write(json.dumps(value) + "\n")
        self._out.flush()


def spent() -> dict[str, float]:
    """CPU of this process in all its threads, in seconds, and its memory in MB."""
    return {"cpu": time.process_time(), "rss": _rss()}


def _rss() -> float:
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)

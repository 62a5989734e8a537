"""Starts Vouch in processes of its own, quickly, and kills them; run as a program, it is the parent.

Importing everything takes seconds: one parent does it once, and forks what is asked of it. A line
of JSON in, a line with the process id out:

    {"serve": {"VOUCH_PORT": "3978", ...}, "log": "vouch.log"}    -> the pid of a `vouch serve`
    {"demo": ["--port", "0", ...], "log": "demo.log"}             -> the pid of a `vouch demo`
    {"kill": 4711}                                                -> 4711, which is dead by then
    {"stop": 4711}                                                -> the exit code of 4711
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any


class Nursery:
    def __init__(self, parent: "subprocess.Popen[str]") -> None:
        self._parent = parent

    def serve(self, environment: Mapping[str, str], log: Path) -> int:
        return self._ask({"serve": dict(environment), "log": str(log)})

    def demo(self, options: Sequence[str], log: Path) -> int:
        return self._ask({"demo": list(options), "log": str(log)})

    def kill(self, pid: int) -> None:
        """SIGKILL, and its end awaited."""
        self._ask({"kill": pid})

    def stop(self, pid: int) -> int:
        """SIGTERM, and its end awaited; how it ended."""
        return self._ask({"stop": pid})

    def _ask(self, what: dict[str, Any]) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(what) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


@contextmanager
def nursery(build: str = "") -> Iterator[Nursery]:
    """`build` is a module that makes another build of Vouch by being imported."""
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, __file__, build],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    with parent:
        yield Nursery(parent)


def _be_the_parent(build: str) -> None:
    from bot.__main__ import app

    if build:
        import_module(build)
    for line in sys.stdin:
        what = json.loads(line)
        if "kill" in what:
            answer = int(what["kill"])
            _end(answer, signal.SIGKILL)
        elif "stop" in what:
            answer = _end(int(what["stop"]), signal.SIGTERM)
        else:
            answer = os.fork()
            if answer == 0:
                _become(what.get("serve", {}), what["log"])
                app(["demo", *what["demo"]] if "demo" in what else ["serve"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _end(pid: int, how: signal.Signals) -> int:
    os.kill(pid, how)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _become(environment: Mapping[str, str], log: str) -> None:
    """A child has its own surroundings, and leaves the parent's pipes alone."""
    os.environ.update(environment)
    to_log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(to_log, 1)
    os.dup2(to_log, 2)


if __name__ == "__main__":
    _be_the_parent(sys.argv[1])

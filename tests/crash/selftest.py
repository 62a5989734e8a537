"""`make crash-selftest`: the harness passes Vouch as it is, and finds out two broken builds."""

import asyncio
import sys
from time import monotonic

from tests.crash.__main__ import report
from tests.crash.harness import Plan, run

BROKEN = ("tests.crash.acknowledges_early", "tests.crash.unfenced")
KILLS, SEED = 8, 7
LIVES = (1.0, 3.0)
"""Long enough for the second process to do something."""


def main() -> int:
    began = monotonic()
    as_expected = [_holds(build) is (build == "") for build in ("", *BROKEN)]
    caught = sum(as_expected[1:])
    print(f"{caught} of {len(BROKEN)} broken builds found out in {monotonic() - began:.0f} s")
    return 0 if all(as_expected) else 1


def _holds(build: str) -> bool:
    """In every life somebody starts a second process, which is let in where nothing fences."""
    plan = Plan("sqlite", SEED, KILLS, build, rivals=1.0, lives=LIVES)
    print(f"--- {build or 'Vouch as it is'}", flush=True)
    result = asyncio.run(run(plan, lambda line: print(line, flush=True)))
    report(plan, result)
    return result.counts.hold


if __name__ == "__main__":
    sys.exit(main())

"""`make fuzz`: real reports and activities, changed here and there, to every route of a running server.

    make fuzz                               # 100,000 requests, in at most 340 s; prints its seed
    make fuzz REQUESTS=5000 SEED=7          # the same again

16 requests are under way at a time. Eight of ten carry a credential that is good for their route:
Teams' token, a source's key, a signature, or a token of Entra for a playbook; the others carry one
that is forged, another's or none. Printed is how often each route answered which status.

It fails where anything is answered 500 or not at all, where the log holds an error, and where a refused
request has left a trace: each batch's refused requests are sent once more by themselves, and the
database counts, by triggers, the rows that change meanwhile. The quarantine, in which refused
reports are kept for a person to look at, does not count.
"""

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
from os import environ
from pathlib import Path

from bot.teams import windows
from tests.fuzz.run import PLENTY, fuzz


def main() -> None:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=340)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    asked = parser.parse_args()
    environ["VOUCH_INTAKE_BURST"] = environ["VOUCH_INTAKE_PER_SECOND"] = "1000000"
    windows.THREAD = windows.TENANT = PLENTY
    # It tells of each body that does not unpack, after it was answered 400.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="vouch-fuzz-") as folder:
        outcome = asyncio.run(fuzz(Path(folder), asked.requests, asked.seconds, asked.seed))
    print(f"seed={asked.seed}\n{outcome}")
    if wrong := outcome.wrong(asked.requests):
        sys.exit(f"FAILED: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()

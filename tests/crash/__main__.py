"""`make crash`: kills Vouch at random points under load, and counts what came of it.

    make crash                            # 200 kills on each engine; prints its seeds
    make crash KILLS=10 SEED=7            # the same moments of dying again
    make crash ENGINE=postgres            # one of them: two replicas, and a server of its own

Real `vouch serve` processes over real HTTP with real tokens, beside a simulated Teams that answers
in 20 to 80 ms and loses one answer in a hundred. Incidents of four kinds arrive, five a second on
SQLite and half as many on PostgreSQL; the people concerned, the customer's approver and an analyst
press the buttons of the cards they see. Whoever gets no answer asks again, as sources and people
do. A process is killed (SIGKILL) at a random moment, while it starts or up to 1.6 s after it is ready, and another one is started at
once. In one life of ten somebody starts a second process beside the first, as an overlapping
deployment does.

Everything is counted at the simulator, and by what was acknowledged; nothing is read from Vouch's
own tables but in the second line's `record`. The first incident of each kind runs its course while
nobody is killed: as it ended, all others of its kind must end.

lost
    An incident acknowledged with 2xx that has no thread in the customer's channel; a press answered
    with 200 that no version of the analysts' card ever told of.
undone
    Whatever differs in the end from the undisturbed case, apart from names, numbers and times: no
    thread for the analysts, nobody asked, a card that does not show the end, a sentence never said,
    an action not shown as done, a status never written to the source.
duplicate_threads
    Threads of one incident in one channel beyond the first.
creates_in_flight
    Calls to open a thread that Teams had received and whose answer the bot may not have written
    down: a kill fell, or the answer was lost on its way, before the answer left or within
    `WRITES_DOWN` after it. The bot commits a result within that time, and nobody outside can see
    whether it has.
repeated
    Messages posted again into the same conversation: the same sentence, or a card of the same
    surface.
in_flight
    Messages posted whose answer the bot may not have written down, likewise.

Each duplicate and each repetition is listed with the kill or the lost answer that excuses *it*; one
that nothing excuses fails the run, whatever the sums. A kill excuses what the very process had asked
that died, and only what was asked again after it.

with_work
    The share of kills at which a call of the bot's was open at the simulator, or a request of ours
    at the bot. At least 80 % are asked for.
record
    "ok" where the file passed SQLite's integrity check, as killed processes left it, and where all
    chains of events verify and every incident follows from its events: after the last kill, and
    again in the end.

Starting `vouch serve` takes 2.4 s, nearly all of it imports. `tests/story/nursery.py` imports once
and forks, so that the next process listens some 0.1 s after a kill. Opening the database, and
everything after it, happens in the new process.
"""

import argparse
import asyncio
import secrets
import sys

from tests.crash.harness import Plan, Result, run


def main() -> int:
    asked = argparse.ArgumentParser(prog="make crash")
    asked.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=None)
    given = asked.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    print(f"{given.engine}: {given.kills} kills, SEED={seed}", flush=True)
    plan = Plan(given.engine, seed, given.kills)
    result = asyncio.run(run(plan, lambda line: print(line, flush=True)))
    report(plan, result)
    return 0 if result.holds else 1


MOST_LISTED = 10


def report(plan: Plan, result: Result) -> None:
    counts = result.counts
    for fault in [*counts.lost, *counts.undone][:MOST_LISTED]:
        print(f"  {fault}")
    for again in [*counts.duplicate_threads, *counts.repeated]:
        print(f"  {again}")
    print(f"{plan.engine}: {counts}")
    print(
        f"{plan.engine}: kills={len(result.deaths)} with_work={result.with_work:.0%} "
        f"incidents={result.cases} record={result.record} "
        f"seconds={result.seconds:.0f} SEED={plan.seed}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())

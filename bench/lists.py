"""(xi): how long an analyst waits for a list, a case and its story, among many stored incidents."""

import itertools
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.copies import LISTED_AFTER
from bench.measuring import PROVIDER_TENANT, Bench, Block, at, house, tell

UPN, OBJECT_ID = "mia@nordwall.example", "d04f6abf-55b7-4ba7-99b6-c5828196dbcc"
"""The analyst who asks, of the simulator's provider."""

LIST, SHOW, STORY = "Cases", "show CONTOSO-{}", "show {} story"
QUESTIONS = {
    "incidents": LIST,
    "incidents contoso high": LIST,
    "incidents mine page 3": LIST,
    "incidents unowned": LIST,
    "incidents resolved": LIST,
    SHOW: "Owner: ",
    STORY: "Received from ",
}
"""What is written, and what every answer to it holds."""
GOAL_MS = 300
WARM = 8


@dataclass(frozen=True, slots=True)
class Answers:
    """What one question costs."""

    block: Block
    """Until the door has answered, which it does once the Connector has taken what is said."""
    rows: float
    """Added to any table, a question."""


@dataclass(frozen=True, slots=True)
class Lists:
    stored: int
    answers: dict[str, Answers]
    """By what was asked."""


async def measure_lists(
    bench: Bench, people: Sequence[Any], name: str, key: str, times: int
) -> Lists:
    """An analyst asks in her chat, one question after another, while the whole of Vouch serves."""
    database = bench.data / f"{name}.sqlite3"
    found: dict[str, Answers] = {}
    async with house(bench, people, dispatch=True, name=name, key=key, hurried=True) as server:
        await server.ask("unpaced")
        for question, holds in QUESTIONS.items():
            tell(f"{times} times `{question.format('n')}`")
            words = _words(database, question, WARM + times)
            bodies = await bench.cloud.ask("written", tenant=PROVIDER_TENANT, upn=UPN, words=words)
            await bench.turns(server, bodies[:WARM], 1, PROVIDER_TENANT)
            before = _rows(database)
            block = await bench.turns(server, bodies[WARM:], 1, PROVIDER_TENANT)
            found[question] = Answers(block, (_rows(database) - before) / times)
            answers = await bench.cloud.ask("answers", tenant=PROVIDER_TENANT, upn=UPN)
            _check(question, holds, answers, len(words))
    with closing(sqlite3.connect(database)) as db:
        (stored,) = db.execute("SELECT count(*) FROM incident").fetchone()
    return Lists(stored, found)


def _words(database: Path, question: str, count: int) -> list[str]:
    """Another case each time. A story is that of an original: of copies the log keeps no text."""
    if question not in (SHOW, STORY):
        return [question] * count
    wanted = "<=" if question == STORY else ">"
    with closing(sqlite3.connect(database)) as db:
        found = db.execute(
            "SELECT CAST(substr(name, length('CONTOSO-') + 1) AS INTEGER) AS number FROM incident"
            " WHERE customer_id = 'contoso' AND status != 'resolved'"
            f" AND number {wanted} ? ORDER BY random() LIMIT ?",
            (LISTED_AFTER, count),
        ).fetchall()
    return [question.format(n) for (n,) in itertools.islice(itertools.cycle(found), count)]


def _rows(database: Path) -> int:
    with closing(sqlite3.connect(database)) as db:
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        counts = (db.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in tables)
        return sum(count for (count,) in counts)


def _check(question: str, holds: str, answers: Sequence[Any], count: int) -> None:
    """An answer that is none is fast."""
    told = [json.dumps(answer) for answer in answers]
    if len(told) != count or not all(holds in it for it in told):
        raise RuntimeError(f"{question!r} was answered {len(told)} times of {count}: {told[:1]}")


def lists_rows(it: Lists) -> list[str]:
    every = [ms for of in it.answers.values() for ms in of.block.latencies]
    slowest = max(it.answers, key=lambda question: at(it.answers[question].block.latencies, 95))
    worst = it.answers[slowest].block.latencies
    among = f"among {it.stored:,} incidents"
    return [
        f"| (xi) list and show, {among}, p50 / p95 | {at(every, 50):.0f} / {at(every, 95):.0f} ms"
        f" | ≤ {GOAL_MS} ms |",
        f"| (xi) the slowest, `{slowest.format('n')}`, p50 / p95 |"
        f" {at(worst, 50):.0f} / {at(worst, 95):.0f} ms | ≤ {GOAL_MS} ms |",
    ]


def lists_table(it: Lists) -> list[str]:
    return [
        f"**(xi) An analyst's questions** among {it.stored:,} incidents, one after another:",
        "",
        "| | CPU ms | ms p50 / p95 | rows added |",
        "|---|---|---|---|",
        *(
            f"| `{question.format('n')}` | {of.block.cpu:.1f} | {at(of.block.latencies, 50):.1f}"
            f" / {at(of.block.latencies, 95):.1f} | {of.rows:g} |"
            for question, of in it.answers.items()
        ),
    ]

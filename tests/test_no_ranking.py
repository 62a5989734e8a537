"""Nobody is ranked: no statement counts or orders by a person, and no metric names one.

What counts answers, silences or cases by person is a tool to monitor staff with, whatever it was
made for (domain.md section 3, privacy).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.metrics import Metrics

ROOT = Path(__file__).parents[1]

PERSONAL = {"actor", "author", "person", "object_id", "upn", "whose", "owner", "by", "answered_by"}
"""Columns and labels that stand for one person."""
COMPARES = {"group_by", "order_by", "partition_by", "Counter", "groupby"}


def compared(source: str) -> Iterator[str]:
    """What a source groups, counts or orders by, where that is a person."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if called == "over":
            arguments = [k.value for k in node.keywords]
        elif called in COMPARES:
            arguments = [*node.args, *(k.value for k in node.keywords)]
        else:
            continue
        for argument in arguments:
            for part in ast.walk(argument):
                name = part.attr if isinstance(part, ast.Attribute) else None
                if name in PERSONAL:
                    yield f"{called}: {name}"


LOAD = ("storage/across.py", "group_by: owner")
"""How many cases an analyst has open, so that whoever has fewest gets the next. Kept with the case that
is given, so that its log decides again as it did; told to analysts alone, and added up nowhere."""


@pytest.mark.parametrize(
    "planted",
    [
        "select(func.count()).group_by(col(EventRow.actor))",
        "rows.order_by(col(PersonRow.upn))",
        "func.rank().over(partition_by=col(MessageRow.author))",
        "Counter(reply.by for reply in replies)",
    ],
)
def test_a_planted_ranking_is_found(planted: str) -> None:
    assert list(compared(planted))


@pytest.mark.parametrize("room", ["storage", "bot", "triage", "cards", "dialogs"])
def test_nothing_counts_or_orders_by_a_person(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        here = str(path.relative_to(ROOT))
        found = [it for it in compared(path.read_text(encoding="utf-8")) if (here, it) != LOAD]
        assert not found, f"{here}: {found}"


def test_no_metric_names_a_person() -> None:
    metrics = vars(Metrics()).values()
    labels = {label for metric in metrics for label in getattr(metric, "_labelnames", ())}

    assert {"kind", "status", "severity"} <= labels
    assert not labels & PERSONAL

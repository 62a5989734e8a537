"""The audit on the command line: what was tampered with is named, also in a file, and the end is 1."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from storage import incidents
from storage.engine import Tx
from tests.databases import url
from tests.storage.records import CONTOSO, FABRIKAM, NOW, begin, go_on, opened
from tests.story.graph_incident import malware_ran
from tests.story.house import house

pytestmark = pytest.mark.sqlite  # they spoil the file

ONE = f"{CONTOSO}-incident-1"


def vouch(folder: Path, *words: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["audit", *words, "--database", url(folder)])
    return ended.exit_code, ended.output


async def typed(folder: Path, *words: str) -> tuple[int, str]:
    """As `vouch`, in a thread: a test's own loop is in this one."""
    return await asyncio.to_thread(vouch, folder, *words)


def change(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "vouch.sqlite3")) as file:
        for statement in statements:
            assert file.execute(statement).rowcount != 0, statement
        file.commit()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        await store.write(CONTOSO, begin(2))
        for number in range(3):
            await store.write(CONTOSO, go_on(ONE, f"click:{number}"))
            await store.write(CONTOSO, on_the_desk(number))
        await store.write(FABRIKAM, begin())
    return tmp_path


def on_the_desk(number: int) -> Callable[[Tx], bool]:
    return lambda tx: incidents.record_desk(
        tx, key=f"k{number}", kind="installed", payload={"n": number}, at=NOW, actor=None
    )


def test_a_log_that_is_whole_is_said_to_be(folder: Path) -> None:
    code, said = vouch(folder, "verify")

    assert code == 0
    assert "2 with records, 4 streams, 9 events" in said


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE event SET payload = '{{}}' WHERE stream = '{ONE}' AND seq = 2",
        f"UPDATE event SET effect_keys = '[1]' WHERE stream = '{ONE}' AND seq = 2",
        f"DELETE FROM event WHERE stream = '{ONE}' AND seq = 4",
        "DELETE FROM event WHERE stream = 'desk:contoso' AND seq = 3",
        "DELETE FROM event WHERE stream = 'desk:contoso'",
    ],
)
def test_tampering_ends_with_1_and_says_where(folder: Path, statement: str) -> None:
    change(folder, statement)

    code, said = vouch(folder, "verify")

    assert code == 1
    assert "contoso, " in said


def test_a_customer_or_a_case_is_looked_at_alone(folder: Path) -> None:
    change(folder, "UPDATE event SET payload = '{}' WHERE customer_id = 'fabrikam'")

    assert vouch(folder, "verify", CONTOSO)[0] == 0
    assert vouch(folder, "verify", CONTOSO, "--case", "CONTOSO-1") == (
        0,
        "ok: the log is whole. 1 with records, 1 streams, 4 events\n",
    )
    assert vouch(folder, "verify", FABRIKAM)[0] == 1


@pytest.mark.parametrize(
    "words", [["nobody"], [CONTOSO, "--case", "CONTOSO-99"], ["--case", "CONTOSO-1"]]
)
def test_what_is_not_there_is_not_whole(folder: Path, words: list[str]) -> None:
    code, said = vouch(folder, "verify", *words)

    assert code == 1
    assert "whole" not in said


FORGED = {
    "the end of a desk, with its count": [
        "DELETE FROM event WHERE stream = 'desk:contoso' AND seq = 3",
        "UPDATE counter SET value = 2 WHERE customer_id = 'contoso' AND name = 'desk'",
    ],
    "the whole of a case": [
        f"DELETE FROM event WHERE stream = '{ONE}'",
        f"DELETE FROM incident WHERE id = '{ONE}'",
    ],
    "the end of a case, with its state": [
        f"DELETE FROM event WHERE stream = '{ONE}' AND seq = 4",
        "UPDATE incident SET version = 3, chain = (SELECT hash FROM event"  # noqa: ISC004
        f" WHERE stream = '{ONE}' AND seq = 3) WHERE id = '{ONE}'",
    ],
    "everything of a customer": [
        "DELETE FROM event WHERE customer_id = 'fabrikam'",
        "DELETE FROM incident WHERE customer_id = 'fabrikam'",
    ],
}


@pytest.mark.parametrize("what", FORGED)
@pytest.mark.parametrize("how", ["anchor", "export"])
def test_what_leaves_no_trace_in_the_database_does_in_what_was_kept_elsewhere(
    folder: Path, tmp_path: Path, what: str, how: str
) -> None:
    kept = tmp_path / "kept"
    customer = FABRIKAM if "customer" in what else CONTOSO
    assert (
        vouch(folder, *(["anchor"] if how == "anchor" else ["export", customer]), str(kept))[0] == 0
    )
    assert vouch(folder, "verify", "--against", str(kept))[0] == 0
    change(folder, *FORGED[what])
    assert vouch(folder, "verify")[0] == 0

    code, said = vouch(folder, "verify", "--against", str(kept))

    assert code == 1
    assert "is not the stream that was anchored" in said


async def test_what_comes_after_the_anchor_does_it_no_harm(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    await typed(folder, "anchor", str(kept))
    async with opened(folder) as store:
        await store.write(CONTOSO, go_on(ONE, "later"))

    assert (await typed(folder, "verify", "--against", str(kept)))[0] == 0


# --- exports ---


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_an_export_verifies_without_the_database(folder: Path, tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "log.jsonl", tmp_path / "elsewhere"
    assert vouch(folder, "export", CONTOSO, str(file)) == (
        0,
        f"{file}: 3 streams, 8 events. It holds people's words.\n",
    )

    code, said = vouch(elsewhere, "verify", "--file", str(file))

    assert (code, not elsewhere.exists()) == (0, True)
    assert "contoso: 3 streams, 8 events" in said
    assert file.stat().st_mode & 0o077 == 0


def test_an_export_of_one_case_holds_that_case(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    vouch(folder, "export", CONTOSO, str(file), "--case", "CONTOSO-1")

    assert {line["stream"] for line in lines(file) if line["line"] == "event"} == {ONE}
    assert vouch(folder, "verify", "--file", str(file))[0] == 0


def _edited(what: str, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    second = next(i for i, line in enumerate(told) if line.get("seq") == 2)
    match what:
        case "a word":
            told[second]["payload"] = "{}"
        case "an event":
            del told[second]
        case "an end":
            told = [line for line in told if line["line"] != "end"]
        case "the rest":
            told = told[: second + 1]
        case "a stream":
            told = [line for line in told if line.get("stream") != ONE]
    return told


@pytest.mark.parametrize("what", ["a word", "an event", "an end", "the rest", "a stream"])
def test_an_export_that_was_changed_is_broken(folder: Path, tmp_path: Path, what: str) -> None:
    file = tmp_path / "log.jsonl"
    vouch(folder, "export", CONTOSO, str(file))
    changed = _edited(what, lines(file))
    file.write_text("".join(f"{json.dumps(line)}\n" for line in changed), encoding="utf-8")

    assert vouch(folder, "verify", "--file", str(file))[0] == 1


def test_what_is_no_export_is_said_to_be_none(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("notes", encoding="utf-8")

    assert vouch(folder, "verify", "--file", str(file)) == (1, "line 1 is not JSON\n")


def test_a_file_that_is_there_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text("mine", encoding="utf-8")

    assert vouch(folder, "export", CONTOSO, str(file))[0] == 1
    assert file.read_text(encoding="utf-8") == "mine"


# --- replay ---


async def test_a_state_that_its_events_did_not_make_is_found(tmp_path: Path) -> None:
    """No hash covers the state: whoever changes it is found by deciding once more."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
    _, said = await typed(tmp_path, "verify", "--replay")
    assert "1 cases replayed" in said

    change(tmp_path, "UPDATE incident SET state = replace(state, '\"opened\"', '\"not_me\"')")

    assert (await typed(tmp_path, "verify"))[0] == 0
    code, said = await typed(tmp_path, "verify", "--replay")
    assert code == 1
    assert "CONTOSO-1: its state is not what its events make of it" in said

"""The privacy commands, typed beside a running Vouch."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from tests.databases import url
from tests.story.graph_incident import malware_ran
from tests.story.house import house

BOB = "bob@contoso.example"


async def vouch(folder: Path, *words: str) -> tuple[int, str]:
    typed = ["privacy", *words, "--database", url(folder)]
    ended = await asyncio.to_thread(CliRunner().invoke, app, typed)
    return ended.exit_code, ended.output


async def test_what_is_kept_of_bob_is_written_for_him_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        file = tmp_path / "bob.json"

        assert (await vouch(tmp_path, "export", "contoso", BOB, str(file)))[0] == 0

        told = await asyncio.to_thread(file.read_text, encoding="utf-8")
        assert [case["name"] for case in json.loads(told)["cases"]] == ["CONTOSO-1"]
        assert (await asyncio.to_thread(file.stat)).st_mode & 0o077 == 0


async def test_what_stands_against_an_erasure_is_said(tmp_path: Path) -> None:
    async with house(tmp_path):
        code, said = await vouch(tmp_path, "erase", "contoso", BOB, "--why", "request 17")

        assert code == 1
        assert "Take them out of it first" in said


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "How Vouch handles your data"), ("de", "Wie Vouch mit Ihren Daten umgeht")],
)
async def test_the_notice_says_for_how_long_and_whom_to_ask(
    tmp_path: Path, language: str, title: str
) -> None:
    async with house(tmp_path):
        code, said = await vouch(tmp_path, "notice", "contoso", "--language", language)

        assert code == 0
        assert said.startswith(title)
        assert "365" in said
        assert "?" not in said

"""Commands beside a running Vouch: carried out by it, recorded, for its own account alone."""

import asyncio
import os
import re
import socket
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col
from typer.testing import CliRunner

from bot import control, rota
from bot.__main__ import app
from bot.commands import AddKey
from bot.control import NobodyAnswersError, hand_over, socket_of
from bot.demo import PROFILES
from storage.engine import Store, Tx
from storage.tables import EffectRow
from tests.databases import ON_POSTGRES, url
from tests.story.graph_incident import malware_ran
from tests.story.house import House, house, onboard
from tests.story.test_onboarding import CONTOSO_GENERAL, says
from triage.effects import PostHandover
from triage.report import Source

ACME = "5a5a5a5a-2c1b-4b53-9b1e-0c5a3f2e9a10"
TENANT = re.compile(r'tenant_id = "([^"]+)"')


async def typed(*words: str, database: Path) -> Any:
    """As on the command line, in a thread: the house is in this one."""
    return await asyncio.to_thread(CliRunner().invoke, app, [*words, "--database", url(database)])


async def vouch(tmp_path: Path, *words: str) -> str:
    ended = await typed(*words, database=tmp_path)
    assert ended.exit_code == 0, ended.output
    return str(ended.output)


@pytest.fixture
async def h(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        opened.accepts_trouble = True
        yield opened


async def with_a_failure(h: House) -> int:
    """Bob has blocked the bot, and his card failed; he has unblocked it since."""
    await h.app("Bob Meyer", "block")
    await h.report(malware_ran())
    await h.app("Bob Meyer", "unblock")
    (effect,) = [e for e in await h.stuck() if (e.kind, e.status) == ("show", "failed")]
    return effect.effect_id


async def a_moment_later(h: House) -> None:
    """Where the command line does it itself, it goes by this machine's clock; the house's stands."""
    await h.later(minutes=1)


# --- onboarding ---


async def test_a_code_is_shown_once_and_binds_a_channel(h: House, tmp_path: Path) -> None:
    said = await vouch(tmp_path, "customer", "invite", "contoso")

    assert "It works once, until " in said
    code = re.search(r"^\w{5}(-\w{4}){3}$", said, re.MULTILINE)
    assert code
    words = f"setup {code[0]}"
    assert "connected to Contoso" in await says(h, "Jon Park", CONTOSO_GENERAL, words)
    made = [payload for kind, payload in await h.desk("contoso") if kind == "invited"]
    assert code[0] not in str(made)
    assert {"by", "expires"} == made[0].keys()


async def test_a_customer_is_removed_when_it_is_confirmed(h: House, tmp_path: Path) -> None:
    await h.report(malware_ran())

    asked = await typed("customer", "remove", "contoso", database=tmp_path)
    assert asked.exit_code == 1
    assert "Remove contoso, and cancel everything that waits there?" in asked.output
    assert "contoso" in await vouch(tmp_path, "customer", "list")

    said = await vouch(tmp_path, "customer", "remove", "contoso", "--yes")

    assert re.search(r"contoso is removed; [1-9]\d* effects were cancelled", said)
    assert "contoso" not in await vouch(tmp_path, "customer", "list")
    assert (await h.post(malware_ran(id_="2")))[0] == 401


@pytest.mark.parametrize("order", ["invite", "remove"])
async def test_who_is_not_there_is_neither_invited_nor_removed(
    h: House, tmp_path: Path, order: str
) -> None:
    more = ["--yes"] if order == "remove" else []

    ended = await typed("customer", order, "acme", *more, database=tmp_path)

    assert ended.exit_code == 1
    assert "There is no customer 'acme'" in ended.output


# --- retry ---


@pytest.mark.parametrize("how", ["effect", "incident", "failed"])
async def test_what_failed_is_tried_again_while_vouch_runs(
    h: House, tmp_path: Path, how: str
) -> None:
    effect = await with_a_failure(h)
    assert [m for m in await h.chat("Bob Meyer") if m.card] == []
    words = {
        "effect": ["--effect", str(effect)],
        "incident": ["--incident", "CONTOSO-1"],
        "failed": ["--failed"],
    }

    said = await vouch(tmp_path, "retry", *words[how], "--why", "he unblocked it")
    await a_moment_later(h)

    assert f"effect {effect}: tried again (CONTOSO-1, show person:" in said
    assert "Did you open it?" in (await h.card("Bob Meyer")).text
    assert effect not in [e.effect_id for e in await h.stuck() if e.status == "failed"]


async def test_who_asked_for_it_and_why_is_recorded(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "mia")
    effect = await with_a_failure(h)

    await vouch(tmp_path, "retry", "--effect", str(effect), "--why", "he unblocked it")

    kind, payload = (await h.desk("contoso"))[-1]
    assert (kind, payload["by"], payload["why"]) == ("effects_retried", "mia", "he unblocked it")
    (kept,) = payload["effects"]
    assert (kept["id"], kept["was"]) == (effect, "failed")
    assert "ConversationBlockedByUser" in kept["error"]


async def test_a_retry_has_its_tries_anew_and_is_no_first_one(h: House, tmp_path: Path) -> None:
    effect = await with_a_failure(h)
    await h.app("Bob Meyer", "block")

    await vouch(tmp_path, "retry", "--effect", str(effect))
    (waiting,) = [e for e in await h.stuck() if e.effect_id == effect]
    await a_moment_later(h)

    assert (waiting.status, waiting.attempts) == ("waiting", 1)
    (again,) = [e for e in await h.stuck() if e.effect_id == effect]
    assert (again.status, again.attempts) == ("failed", 2)


async def test_what_waits_for_an_installation_can_be_tried_by_name(
    h: House, tmp_path: Path
) -> None:
    await h.app("Bob Meyer", "uninstall")
    await h.report(malware_ran())

    nothing = await typed("retry", "--failed", database=tmp_path)
    said = await vouch(tmp_path, "retry", "--incident", "CONTOSO-1")
    await a_moment_later(h)

    assert nothing.exit_code == 1
    assert "Nothing has failed" in nothing.output
    assert "tried again" in said
    assert [e.status for e in await h.stuck()] == ["blocked"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Say what: --effect ID, --incident NAME or --failed."),
        (["--failed", "--effect", "1"], "Say what: "),
        (["--effect", "1"], "Effect 1 has neither failed nor is it blocked; `vouch doctor` names"),
        (["--incident", "NOBODY-1"], "Nothing of NOBODY-1 has failed or is blocked"),
    ],
)
async def test_a_retry_of_nothing_says_where_to_look(
    h: House, tmp_path: Path, words: list[str], why: str
) -> None:
    ended = await typed("retry", *words, database=tmp_path)

    assert ended.exit_code == 1
    assert why in ended.output


async def test_a_response_action_that_failed_is_left_to_the_analysts(
    h: House, tmp_path: Path
) -> None:
    await h.report(malware_ran())
    await h.vouch.store.write("contoso", fail_the_scan)

    said = await vouch(tmp_path, "retry", "--incident", "CONTOSO-1")

    assert "left alone (CONTOSO-1, contain)" in said
    assert "order it again on the case in Teams" in said
    assert [kind for kind, _ in await h.desk("contoso") if kind == "effects_retried"] == []

    await h.vouch.store.write("nordwall", a_failed_handover)
    assert "left alone (nordwall, post_handover)" in await vouch(tmp_path, "retry", "--failed")


def a_failed_handover(tx: Tx) -> None:
    now = datetime.now(UTC)
    rota.order(tx, PostHandover("handover:a", "oid", "Mia", now, cases=()), now)
    handovers = update(EffectRow).where(col(EffectRow.kind) == "post_handover")
    tx.session.run(handovers.values(status="failed", done_at=now), {})


def fail_the_scan(tx: Tx) -> None:
    tx.session.execute(
        update(EffectRow)
        .where(col(EffectRow.kind) == "contain")
        .values(status="failed")
        .execution_options(synchronize_session=False)
    )


async def test_without_a_running_vouch_the_command_line_does_it_itself(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        h.accepts_trouble = True
        effect = await with_a_failure(h)

    assert f"effect {effect}: tried again" in await vouch(tmp_path, "retry", "--failed")


# --- onboarding ---


async def test_a_customer_is_added_and_given_a_key_while_vouch_runs(
    h: House, tmp_path: Path
) -> None:
    text = (PROFILES / "fabrikam.toml").read_text(encoding="utf-8")
    file = tmp_path / "acme.toml"
    file.write_text(
        text.replace('id = "fabrikam"', 'id = "acme"')
        .replace('prefix = "FABRIKAM"', 'prefix = "ACME"')
        .replace(TENANT.search(text)[1], ACME)  # type: ignore[index]
    )

    added = await vouch(tmp_path, "customer", "add", str(file))
    key = (await vouch(tmp_path, "customer", "key", "acme", "defender")).split()[-1]
    listed = await vouch(tmp_path, "customer", "list")

    assert added.endswith("customer acme, version 1\n")
    assert "acme\tcustomer\tversion 1" in listed
    status, answer = await h.post(malware_ran() | {"tenantId": ACME}, key=key)
    assert (status, answer["results"][0]["incident"]) == (201, "ACME-1")


@pytest.mark.skipif(ON_POSTGRES, reason="replicas read it anew every two seconds")
async def test_the_providers_new_profile_counts_at_once(h: House, tmp_path: Path) -> None:
    text = (PROFILES / "nordwall.toml").read_text(encoding="utf-8")
    file = tmp_path / "nordwall.toml"
    file.write_text(text.replace("Mia Lindqvist", "Mia L. Lindqvist"))

    await vouch(tmp_path, "customer", "add", str(file))
    await h.report(malware_ran())

    assert (await h.history("4711"))[0].provider_version == 2


async def test_a_profile_with_a_fault_is_refused_with_its_line(h: House, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('role = "customer"\nid = "x"\nnonsense = 1\n')

    ended = await typed("customer", "add", str(file), database=tmp_path)

    assert ended.exit_code == 1
    assert f"{file}:3: nonsense" in ended.output


# --- the socket ---

needs_a_socket = pytest.mark.skipif(ON_POSTGRES, reason="the command line writes to it itself")


@needs_a_socket
async def test_the_socket_is_its_own_accounts_alone_and_gone_at_the_end(tmp_path: Path) -> None:
    place = socket_of(tmp_path / "vouch.sqlite3")
    async with house(tmp_path):
        mode = place.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not place.exists()


@needs_a_socket
async def test_another_account_is_refused(
    h: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel tells it: this process is somebody else from the server's point of view."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(control, "_ROOT", 54321)

    ended = await typed("customer", "key", "contoso", "native", database=tmp_path)

    assert ended.exit_code == 1
    assert "for the account that Vouch runs as" in ended.output


@needs_a_socket
async def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    place = socket_of(tmp_path / "vouch.sqlite3")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))

    async with house(tmp_path):
        assert "contoso" in await vouch(tmp_path, "customer", "list")
        assert await vouch(tmp_path, "customer", "key", "contoso", "native")


@needs_a_socket
async def test_a_path_too_long_for_a_socket_is_no_hindrance(tmp_path: Path) -> None:
    deep = tmp_path / ("a-folder-with-a-long-name" * 4)
    deep.mkdir()
    async with house(deep):
        assert len(str(socket_of(deep / "vouch.sqlite3"))) > 107
        assert await vouch(deep, "customer", "key", "contoso", "native")


@needs_a_socket
async def test_a_file_in_its_place_is_left_alone_and_vouch_runs(tmp_path: Path) -> None:
    place = socket_of(tmp_path / "vouch.sqlite3")
    place.write_text("somebody's notes")

    async with house(tmp_path) as h:
        assert await h.report(malware_ran()) == "CONTOSO-1"
        ended = await typed("customer", "key", "contoso", "native", database=tmp_path)

    assert ended.exit_code == 1
    assert "does not answer at" in ended.output
    assert place.read_text() == "somebody's notes"


@needs_a_socket
async def test_another_commands_hold_of_the_database_is_told(tmp_path: Path) -> None:
    await onboard(tmp_path / "vouch.sqlite3")
    database = f"sqlite:///{tmp_path / 'vouch.sqlite3'}"
    store = Store.open(database)
    try:
        with pytest.raises(NobodyAnswersError, match="if it is another command, wait for it"):
            await hand_over(database, AddKey("contoso", Source.NATIVE))
    finally:
        await store.close()

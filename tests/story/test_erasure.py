"""A person can be erased, and is: from every table, from the file, and from what stands beside it.
The log still verifies."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bot.commands import perform
from bot.demo import PROFILES
from bot.privacy import CannotEraseError, ErasePerson, ExportPerson
from bot.setup import NoSuchCustomerError, add_profile
from cards.sentences import SENTENCES
from storage import effects
from storage.checking import Scope, check
from storage.tables import IncidentRow
from tests.databases import ON_POSTGRES, url
from tests.story.graph_incident import BOB, malware_ran
from tests.story.house import Changed, House, house, swap, words
from triage.effects import CUSTOMER_THREAD, Say
from triage.incident import Disposition, IncidentType, Status
from triage.phrases import phrase

BOB_UPN, BOB_NAME = "bob@contoso.example", "Bob Meyer"
WORDS = "a very peculiar zebra sent it"
NEEDLES = (BOB, BOB_UPN, BOB_NAME, "zebra", "Zebra")

NOT_IN_PROFILE: Changed = {"contoso": swap(BOB_UPN, "somebody.else@contoso.example")}


async def a_closed_case(h: House) -> None:
    """Bob answers, writes, guesses a code and sends us nonsense; an analyst closes."""
    await h.report(malware_ran())
    soc = await h.soc()
    await h.press(BOB_NAME, await h.card(BOB_NAME), "answer.q1.opened")
    await h.write(BOB_NAME, WORDS)
    await h.write(BOB_NAME, "verify ZZZ9")
    await h.later(hours=2)
    await h.post(b'{"who": "bob@contoso.example", "b\\u006fb": ')
    soc = next(m for m in await h.thread("Nordwall MXDR") if m.conversation == soc.conversation)
    await h.press("Mia Lindqvist", soc, "take")
    soc = next(m for m in await h.thread("Nordwall MXDR") if m.conversation == soc.conversation)
    how = {"disposition": "truePositive", "comment": "Bob Meyer opened it"}
    await h.press("Mia Lindqvist", soc, "close_as", how)
    assert (await h.incident("4711")).status is Status.RESOLVED


async def erase(h: House, upn: str = BOB_UPN, why: str = "request 17") -> list[str]:
    return await perform(h.vouch.store, ErasePerson("contoso", upn, "mia", why), h.clock.now())


def found_in_files(folder: Path, needles: tuple[str, ...] = NEEDLES) -> Iterator[tuple[str, str]]:
    """In the database, in the log that is written ahead, and in its index."""
    for file in (folder / f"vouch.sqlite3{suffix}" for suffix in ("", "-wal", "-shm")):
        content = file.read_bytes().lower()
        for needle in needles:
            if needle.lower().encode() in content:
                yield file.name, needle


@pytest.mark.sqlite  # PostgreSQL keeps its files to itself
async def test_after_erasure_the_whole_file_knows_neither_name_nor_words(tmp_path: Path) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)
        chat = (await h.card(BOB_NAME)).conversation
        needles = (*NEEDLES, chat)
        assert {needle for _, needle in found_in_files(tmp_path, needles)} == set(needles)

        await erase(h)

        assert list(found_in_files(tmp_path, needles)) == []


async def test_what_is_left_verifies_and_tells_that_it_was_done(tmp_path: Path) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)
        before = len(await h.history("4711"))

        said = await erase(h)

        found = await check(url(tmp_path), Scope(replay=True))
        assert found.damages == ()
        assert found.not_replayed == ("contoso, CONTOSO-1: its words were erased",)
        assert len(await h.history("4711")) == before
        left = await h.incident("4711")
        assert (left.name, left.status) == ("CONTOSO-1", Status.RESOLVED)
        assert left.closed
        assert left.closed.disposition is Disposition.TRUE_POSITIVE
        assert "Cases that were erased for it: CONTOSO-1." in said
        kind, payload = (await h.desk("contoso"))[-1]
        assert (kind, payload) == (
            "person_erased",
            {"by": "mia", "why": "request 17", "cases": ["CONTOSO-1"]},
        )


async def test_nobody_is_erased_while_a_case_needs_to_know_them(tmp_path: Path) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await h.report(malware_ran())

        with pytest.raises(CannotEraseError, match="CONTOSO-1 is open"):
            await erase(h)

        assert (await h.incident("4711")).affected
        assert "person_erased" not in {kind for kind, _ in await h.desk("contoso")}


async def test_nobody_is_erased_while_something_of_their_case_is_to_be_carried_out(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)
        case, later = (await h.incident("4711")).id, h.clock.now() + timedelta(hours=1)
        says = [Say("late", CUSTOMER_THREAD, phrase("contained"))]
        await h.vouch.store.write("contoso", lambda tx: effects.order(tx, case, says, later))

        with pytest.raises(CannotEraseError, match="CONTOSO-1 is still to be carried out"):
            await erase(h)

        await h.later(hours=2)
        await h.press("Jon Park", await h.root(), "accept")
        with pytest.raises(CannotEraseError, match="CONTOSO-1 is open, has an open task"):
            await erase(h)

        (task,) = [m for m in await h.thread() if "task.t1.done" in m.actions]
        await h.press("Ines Costa", task, "task.t1.done")
        await erase(h)


async def test_who_stands_in_the_profile_is_taken_out_of_it_first(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        with pytest.raises(CannotEraseError, match="The profile of contoso names"):
            await erase(h)

        text = (PROFILES / "contoso.toml").read_text(encoding="utf-8")
        text = NOT_IN_PROFILE["contoso"](text)
        await add_profile(h.vouch.store, text, "x")
        await erase(h)

        if not ON_POSTGRES:
            assert list(found_in_files(tmp_path)) == []


@pytest.mark.parametrize("why", ["", "Bob Meyer asked", f"mail of {BOB_UPN}"])
async def test_the_reason_does_not_name_whom_it_erases(tmp_path: Path, why: str) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        with pytest.raises(CannotEraseError, match="--why"):
            await erase(h, why=why)


async def test_nobody_is_erased_at_a_customer_that_is_not_there(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        with pytest.raises(NoSuchCustomerError):
            await perform(h.vouch.store, ErasePerson("nobody", BOB_UPN, "mia", "r"), h.clock.now())


async def test_others_stay_as_they_are(tmp_path: Path) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)

        await erase(h, "new.here@contoso.example")

        assert [e.actor for e in await h.history("4711") if e.actor == BOB]
        assert (await h.incident("4711")).affected


async def test_an_erased_case_that_is_told_of_again_goes_on(tmp_path: Path) -> None:
    """Its source is recognised; who it is about is learnt anew."""
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        h.accepts_trouble = True
        await a_closed_case(h)
        await erase(h)

        assert await h.report(malware_ran(title="It came back")) == "CONTOSO-1"


async def test_a_card_of_an_erased_case_is_no_longer_understood(tmp_path: Path) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)
        card = await h.card(BOB_NAME)
        await erase(h)

        answer = await h.press(BOB_NAME, card, "Change my answer")

        assert words(answer) == SENTENCES["refused.unknown_card"]
        assert [e.actor for e in await h.history("4711") if e.actor] == []


# --- retention ---


async def test_a_closed_case_is_erased_when_its_time_is_over(tmp_path: Path) -> None:
    changed = {
        "contoso": swap("[service_desk]", "[privacy]\nretention_days = 30\n\n[service_desk]")
    }
    async with house(tmp_path, changed) as h:
        await a_closed_case(h)

        await h.later(days=29)
        assert (await h.incident("4711")).affected

        await h.later(days=2)
        left = await h.incident("4711")
        assert (left.affected, left.title, left.status) == ((), "(erased)", Status.RESOLVED)
        assert [e.actor for e in await h.history("4711") if e.actor] == []
        assert (await check(url(tmp_path))).damages == ()
        told = [payload for kind, payload in await h.desk("contoso") if kind == "cases_erased"]
        assert told == [{"cases": ["CONTOSO-1"], "why": "closed more than 30 days ago"}]
        assert all(
            payload is None for kind, payload in await h.desk("contoso") if kind == "unknown_code"
        )

        await h.later(days=30)
        assert [k for k, _ in await h.desk("contoso")].count("cases_erased") == 1


async def test_an_open_case_is_kept_however_old_it_is(tmp_path: Path) -> None:
    changed = {
        "contoso": swap("[service_desk]", "[privacy]\nretention_days = 30\n\n[service_desk]")
    }
    async with house(tmp_path, changed) as h:
        h.accepts_trouble = True
        await h.report(malware_ran())

        await h.later(days=40)

        assert (await h.incident("4711")).affected


# --- what is kept of somebody ---


async def kept(h: House, upn: str = BOB_UPN) -> dict[str, Any]:
    (line,) = await perform(h.vouch.store, ExportPerson("contoso", upn, "mia"), h.clock.now())
    loaded: dict[str, Any] = json.loads(line)
    return loaded


async def test_a_person_reads_what_is_kept_of_them(tmp_path: Path) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)

        told = await kept(h)

        (person,) = told["person"]
        assert (person["name"], person["upn"]) == (BOB_NAME, BOB_UPN)
        (case,) = told["cases"]
        assert case["name"] == "CONTOSO-1"
        assert next(a["choice"] for q in case["asked"] for a in q["answers"]) == "opened"
        assert [w["text"] for w in told["wrote"]] == [WORDS]
        assert "answered" in {d["what"] for d in told["did"]}
        assert "Mia" not in json.dumps(told)
        kind, payload = (await h.desk("contoso"))[-1]
        assert (kind, payload) == ("person_exported", {"by": "mia", "cases": ["CONTOSO-1"]})


async def test_somebody_of_whom_nothing_is_kept_reads_that(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        told = await kept(h, "nobody@contoso.example")

        assert [told[part] for part in ("person", "cases", "did", "wrote")] == [[], [], [], []]


async def test_what_was_done_in_a_restricted_case_is_read_by_nobody_concerned(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, NOT_IN_PROFILE) as h:
        await a_closed_case(h)
        restricted = update(IncidentRow).values(type=IncidentType.RESTRICTED)
        await h.vouch.store.write("contoso", lambda tx: tx.session.run(restricted))

        told = await kept(h)

        assert (told["cases"], told["wrote"]) == ([], [])
        assert {d["stream"] for d in told["did"]} == {"desk:contoso"}

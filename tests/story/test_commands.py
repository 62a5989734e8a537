"""Analysts command by message: in their channel with the case's name, in its thread without it."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from bot.demo import PROVIDER_TENANT
from storage import across
from tests.story.graph_incident import malware_ran
from tests.story.house import House, Seen, house, words
from tests.story.test_remote_access import on_payroll
from triage.events import (
    Assigned,
    CloseOrdered,
    ContainOrdered,
    Escalated,
    Noted,
    Taken,
    UndoOrdered,
)
from triage.incident import Disposition

MIA, PROVIDER = "Mia Lindqvist", "Nordwall MXDR"


async def writes(h: House, who: str, words: str, *, in_thread: bool = False) -> str:
    """Somebody mentions us in the analysts' channel, or in the newest thread there; our answer."""
    await said(h, who, words, in_thread=in_thread)
    await h.settle()
    return await last_answer(h)


async def said(h: House, who: str, words: str, *, in_thread: bool = False) -> None:
    user = await h.person(who)
    thread = (await h.soc()).conversation
    place = thread if in_thread else thread.partition(";")[0]
    body = {"from": user["id"], "text": words, "mentionBot": True}
    told = await h._api("POST", f"/conversations/{quote(place, safe='')}/messages", body)
    assert told["status"] == 200, told


async def last_answer(h: House) -> str:
    texts = [s for s in h.sent if not s.edit and "text" in s.activity]
    return str(texts[-1].activity["text"])


async def offered(h: House) -> Seen:
    """The newest card whose buttons each carry a whole command."""
    return [m for m in await h.thread(PROVIDER) if "run.1" in m.actions][-1]


async def test_mia_takes_a_case_by_its_number_and_sees_how_it_stands(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        assert await writes(h, MIA, "take 1") == "CONTOSO-1: The case is yours."

        shown = await writes(h, MIA, "show CONTOSO-1")
        assert "CONTOSO-1, High, " in shown
        assert f"Owner: {MIA}" in shown
        assert "Next: " in shown
        (taken,) = [e for e in await h.history("4711") if isinstance(e.event, Taken)]
        assert taken.actor == taken.event.by  # type: ignore[union-attr]


async def test_in_the_thread_of_a_case_that_case_is_meant(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        told = await writes(h, MIA, "note invoice.docm came from a supplier", in_thread=True)

        assert told == "CONTOSO-1: Noted."
        assert f"Note by {MIA}: invoice.docm came from a supplier" in (await h.soc()).text
        (noted,) = [e.event for e in await h.history("4711") if isinstance(e.event, Noted)]
        assert noted.text == "invoice.docm came from a supplier"


async def test_a_note_never_leaves_the_analysts(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await writes(h, MIA, "note the marker is for us", in_thread=True)
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")
        await writes(h, MIA, "take", in_thread=True)

        seen_by = {s.tenant for s in h.sent if "the marker is for us" in str(s.activity)}
        provider = (await h.soc()).conversation
        assert seen_by == {s.tenant for s in h.sent if s.conversation == provider}


async def test_what_is_no_command_is_answered_with_what_might_be_meant(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        assert "Did you mean: take?" in await writes(h, MIA, "tkae CONTOSO-1")
        assert "Write help" in await writes(h, MIA, "what is the weather like")
        assert "There is no case CONTOSO-99" in await writes(h, MIA, "show CONTOSO-99")
        assert "Which case?" in await writes(h, MIA, "take")
        assert "is written like this" in await writes(h, MIA, "merge CONTOSO-1")
        assert "No approval is open" in await writes(h, MIA, "approve CONTOSO-1")
        assert "There is no case CONTOSO-9" in await writes(h, MIA, "merge 1 into 9")
        assert "Nobody of this customer is called Zaphod" in await writes(h, MIA, "ask 1 Zaphod")
        assert "assign CONTOSO-42" in await writes(h, MIA, "assign")
        assert "Nobody on the roster is called Zaphod" in await writes(h, MIA, "assign 1 @Zaphod")
        assert await writes(h, MIA, "note ACME-7 hi") == "There is no case ACME-7."
        assert "no page 99; the last one is 1" in await writes(h, MIA, "incidents page 99")
        assert "no page 9; the last one is" in await writes(h, MIA, "show 1 story 9")
        await h.write(MIA, "tkae 1")
        assert "Did you mean: take?" in await last_answer(h)
        helped = await writes(h, MIA, "help")
        assert all(word in helped for word in ("show", "take", "assign", "note", "escalate"))


async def test_a_number_that_two_customers_have_is_asked_back(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(on_payroll(), "fabrikam")

        await writes(h, MIA, "take 1")
        card = await offered(h)
        assert card.text == "Which case?\nCONTOSO-1\nFABRIKAM-1"
        assert (await h.incident("4711")).owner is None

        told = await h.press("Sam Okafor", card, "run.1")
        assert "Only whoever wrote the command" in words(told)
        answers = await asyncio.gather(*(h.press_only(MIA, card, "run.1") for _ in range(2)))
        assert [words(a) for a in answers] == ["CONTOSO-1: The case is yours."] * 2


async def test_escalating_gives_the_case_back_and_rings(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await writes(h, MIA, "take 1")

        told = await writes(h, MIA, "escalate CONTOSO-1 needs a reverser")

        assert told.startswith("CONTOSO-1: Escalated")
        case = await h.incident("4711")
        assert case.owner is None
        assert case.paged_at is not None
        assert "needs a reverser" in (await h.soc()).text
        assert any(isinstance(e.event, Escalated) for e in await h.history("4711"))


async def test_who_is_no_analyst_commands_nothing(tmp_path: Path) -> None:
    """Neither somebody of the provider's who is not on the roster, nor a customer's own people."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        tenant = next(t for t in await h._api("GET", "/tenants") if t["name"] == PROVIDER)
        await h._api(
            "POST",
            f"/tenants/{tenant['id']}/users",
            {"name": "Temp Orary", "upn": "temp@nordwall.example"},
        )

        told = await writes(h, "Temp Orary", "take CONTOSO-1")
        assert told == "Only an analyst on the roster can do this."

        await h.write("Jon Park", "take CONTOSO-1")
        assert (await h.incident("4711")).owner is None


async def test_two_who_take_it_at_once_both_hear_how_it_ended(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await asyncio.gather(*(said(h, MIA, "take 1") for _ in range(3)))
        await h.settle()

        told = [str(s.activity.get("text")) for s in h.sent if not s.edit]
        assert told.count("CONTOSO-1: The case is yours.") == 1
        assert told.count("CONTOSO-1: It is yours already.") == 2


async def test_mia_gives_the_case_to_herself_by_her_first_name(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        told = await writes(h, MIA, "assign CONTOSO-1 to @mia")

        assert told == f"CONTOSO-1: The case is given to {MIA}."
        (given,) = [e.event for e in await h.history("4711") if isinstance(e.event, Assigned)]
        assert given.to == given.by


async def test_the_open_cases_of_all_customers_are_listed_and_narrowed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(on_payroll(), "fabrikam")
        await writes(h, MIA, "take CONTOSO-1")

        await writes(h, MIA, "incidents")
        everything = await offered(h)
        assert everything.text.startswith("Cases: 2, the gravest first")
        assert "FABRIKAM-1" in everything.text
        assert f" · {MIA}" in everything.text

        shown = await h.press(MIA, everything, "run.1")
        assert "-1, High, " in words(shown)
        again = await h.press(MIA, everything, "Back to the list")
        assert words(again).startswith("Cases: 2, ")

        await writes(h, MIA, "incidents mine")
        mine = (await offered(h)).text
        assert ("CONTOSO-1" in mine, "FABRIKAM-1" in mine) == (True, False)
        await writes(h, MIA, "incidents unowned fabrikam")
        nobodys = (await offered(h)).text
        assert ("CONTOSO-1" in nobodys, "FABRIKAM-1" in nobodys) == (False, True)
        assert await writes(h, MIA, "incidents closed") == "No case matches."
        assert "purple is no customer" in await writes(h, MIA, "incidents purple")


async def asked_first(h: House) -> Seen:
    """The newest card that asks an analyst before it does something."""
    return [m for m in await h.thread(PROVIDER) if "do_it" in m.actions][-1]


async def closes(h: House) -> Seen:
    await writes(h, MIA, "close CONTOSO-1 false positive: a known macro")
    return await asked_first(h)


async def test_closing_shows_first_what_will_happen_and_then_happens_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await closes(h)
        assert "Close CONTOSO-1 as: False alarm (false positive)?" in card.text
        assert "Why: a known macro" in card.text
        assert (await h.incident("4711")).closed is None

        answers = await asyncio.gather(*(h.press_only(MIA, card, "do_it") for _ in range(2)))
        await h.settle()

        assert [words(a) for a in answers] == ["CONTOSO-1: The case is closed."] * 2
        closed = (await h.incident("4711")).closed
        assert closed is not None
        assert closed.disposition is Disposition.FALSE_POSITIVE
        log = await h.history("4711")
        assert len([e for e in log if isinstance(e.event, CloseOrdered)]) == 1


async def test_only_its_writer_confirms_and_not_for_long(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await closes(h)

        told = await h.press("Sam Okafor", card, "do_it")
        assert "Only whoever wrote the command" in words(told)
        await h.later(minutes=11)
        late = await h.press(MIA, card, "do_it")
        assert "no longer in use" in words(late)

        assert (await h.incident("4711")).closed is None


async def test_what_is_cancelled_stays_undone(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        card = await closes(h)

        assert words(await h.press(MIA, card, "cancel")) == "Cancelled. Nothing was done."
        token = card.data("do_it")["handle"]
        mia = (await h.person(MIA))["id"]
        press = await h.vouch.store.read_across(
            lambda tx: across.find_press(tx, PROVIDER_TENANT, token, mia)
        )
        assert press is not None
        assert press.handle.expires <= h.clock.now()
        assert (await h.incident("4711")).closed is None


async def test_a_containment_is_named_shown_and_asked_for_by_the_customers_rule(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await writes(h, MIA, "contain CONTOSO-1")
        card = await offered(h)
        assert card.text.startswith("Which response action?")
        isolate = next(a for a in card.actions if "isolate" in str(card.data(a)).lower())
        asked = await h.press(MIA, card, isolate)
        assert "goes offline for its user" in words(asked)

        done = words(await h.press(MIA, card, "do_it"))

        assert done == "CONTOSO-1: An approver of Contoso Security is asked: Isolate LAPTOP-7."
        assert any(isinstance(e.event, ContainOrdered) for e in await h.history("4711"))
        assert (await h.incident("4711")).approvals
        told = await writes(h, MIA, "approve CONTOSO-1 isolate by jon")
        assert "have Jon Park tap there" in told
        told = await writes(h, MIA, "undo CONTOSO-1 isolate")
        assert told.startswith("None can be undone now. There are: Scan LAPTOP-7 (done), ")
        await h.press("Jon Park", await h.approval(), "approve.p1")
        await writes(h, MIA, "undo CONTOSO-1 isolate")
        card = await asked_first(h)
        assert card.text.startswith("CONTOSO-1: undo this? Isolate LAPTOP-7\n")
        assert not any(isinstance(e.event, UndoOrdered) for e in await h.history("4711"))
        done = words(await h.press(MIA, card, "do_it"))
        assert done == "CONTOSO-1: Undo ordered: Isolate LAPTOP-7."
        (undone,) = [e.event for e in await h.history("4711") if isinstance(e.event, UndoOrdered)]
        assert undone.by_name == MIA

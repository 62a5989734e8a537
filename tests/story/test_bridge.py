"""The bridge: what the customer's people write in the thread of a case, analysts read in theirs."""

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot.commands import AddProfile, perform
from bot.demo import PROFILES, PROVIDER_TENANT
from simulator.journal import Journal
from tests.story.activity import click
from tests.story.graph_incident import BOB, CARLA, malware_ran, unfamiliar_sign_in
from tests.story.house import (
    House,
    Json,
    Seen,
    card_of,
    house,
    swap,
    without_shifts,
    words,
)
from tests.story.test_commands import asked_first, writes
from tests.story.test_remote_access import on_payroll
from tests.story.test_suspect_account import carla_reads

SOC = "Nordwall MXDR"
CONTOSO = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
FABRIKAM = "3b8c9d52-6f0e-4c1d-a7d4-5e2f1a6b8c21"
NORDWALL = PROVIDER_TENANT


async def says(h: House, who: str, text: str, **more: Any) -> Json:
    """Somebody writes in the newest thread of their tenant; what they wrote."""
    user = await h.person(who)
    tenant = next(t["name"] for t in await h._api("GET", "/tenants") if user in t["users"])
    place = quote((await h.root(tenant)).conversation, safe="")
    body = {"from": user["id"], "text": text} | more
    told: Json = await h._api("POST", f"/conversations/{place}/messages", body)
    assert told["status"] == 200, told
    return told


def path(told: Json) -> str:
    return f"/conversations/{quote(told['conversation'], safe='')}/messages/{told['message']['id']}"


async def bridged(h: House) -> list[str]:
    """What the analysts read of others' words, line by line."""
    lines = [line for text in await h.told(SOC) for line in text.splitlines()]
    return [line for line in lines if "(Contoso" in line or "(Fabrikam" in line]


async def test_what_is_written_in_the_thread_analysts_read_under_its_author_s_name(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        await says(h, "Jon Park", "does anybody know this file?")
        await h.settle()
        await says(h, "Ines Costa", "it came |by| the newsletter", files=["news.eml"])
        await h.settle()

        assert await bridged(h) == [
            "Jon Park (Contoso Security): does anybody know this file?",
            "Ines Costa (Contoso Security): it came ¦by¦ the newsletter",
            "Ines Costa (Contoso Security) attached: news.eml",
        ]
        assert not [t for t in await h.told("Contoso") if "newsletter" in t]


async def test_what_could_not_be_posted_comes_with_what_is_written_next(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        h.accepts_trouble = True
        await h.fault(kind="blocked", conversation=(await h.soc()).conversation)
        await says(h, "Jon Park", "one")
        await h.settle()
        assert await bridged(h) == []

        await h._api("DELETE", "/faults")
        await says(h, "Jon Park", "two")
        await h.settle()

        lines = await bridged(h)
        assert lines == [f"Jon Park (Contoso Security): {word}" for word in ("one", "two")]


async def test_what_waits_is_joined_in_one_post_and_its_authors_are_kept(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        before = len(await h.told(SOC))

        for i in range(4):
            await says(h, ("Jon Park", "Ines Costa")[i % 2], f"word {i}")
        await h.settle()

        told = (await h.told(SOC))[before:]
        assert len(told) == 1
        assert told[0].splitlines() == [
            "Jon Park (Contoso Security): word 0",
            "Ines Costa (Contoso Security): word 1",
            "Jon Park (Contoso Security): word 2",
            "Ines Costa (Contoso Security): word 3",
        ]


async def test_what_teams_delivers_twice_is_read_once(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        told = await says(h, "Jon Park", "only once")
        await h.settle()
        await h.send(told["message"]["activity"])
        await h.settle()

        assert await bridged(h) == ["Jon Park (Contoso Security): only once"]


async def test_edits_and_deletions_are_followed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        first = await says(h, "Jon Park", "the server is ours")
        second = await says(h, "Jon Park", "my secret is hunter2")
        await h.settle()

        await h._api("PUT", path(first), {"text": "the server is theirs"})
        await h._api("DELETE", path(second))
        await h.settle()

        assert await bridged(h) == [
            "Jon Park (Contoso Security), edited: the server is theirs",
            "Jon Park (Contoso Security) deleted a message.",
        ]


async def test_what_is_deleted_before_anybody_read_it_is_never_read(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        told = await says(h, "Jon Park", "my secret is hunter2")

        await h._api("DELETE", path(told))
        await h.settle()

        assert "hunter2" not in str([s.activity for s in h.sent])
        assert await bridged(h) == []


async def test_a_suspect_account_s_words_are_marked(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())

        await says(h, "Carla Duarte", "all is well, close it")
        await h.settle()

        (line,) = await bridged(h)
        assert line == (
            "This account may be in an attacker's hands. "
            "Carla Duarte (Contoso Security): all is well, close it"
        )


# --- the way back ---

MARKER = "marker-7f3a"


async def drafted(h: House, words_: str, who: str = "Mia Lindqvist", **more: str) -> Seen:
    """The preview, as the analyst sees it where the case's card stands."""
    root = await h.soc()
    answer = await h.press(who, root, "draft", {"words": words_} | more)
    return replace(card_of(answer), conversation=root.conversation, id=root.id)


def sends(preview: Seen) -> str:
    return next(a for a in preview.actions if a.startswith("send."))


def reached(h: House, tenant: str, marker: str) -> list[Json]:
    """Everything that went to a tenant with these words in it."""
    return [s.activity for s in h.sent if s.tenant == tenant and marker in str(s.activity)]


async def test_words_cross_to_the_customer_only_once_the_preview_is_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        preview = await drafted(h, f"please keep it switched on {MARKER}")

        line = f"Mia Lindqvist (Nordwall MXDR): please keep it switched on {MARKER}"
        assert line in preview.text.splitlines()
        assert "Contoso Security" in preview.text
        assert not reached(h, CONTOSO, MARKER)

        await h.press("Mia Lindqvist", preview, sends(preview))

        assert (await h.told("Contoso"))[-1] == line
        assert len(reached(h, CONTOSO, MARKER)) == 1


async def test_a_preview_that_is_discarded_was_never_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        preview = await drafted(h, MARKER)

        answer = await h.press("Mia Lindqvist", preview, "discard")

        assert card_of(answer).actions == (await h.soc()).actions
        assert not reached(h, CONTOSO, MARKER)
        assert MARKER not in str(await h.history("4711"))


async def test_a_preview_is_sent_once_however_often_it_is_pressed(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        preview = await drafted(h, MARKER)
        data = preview.data(sends(preview))

        for i in range(3):
            await h.send(await click(h, "Mia Lindqvist", await h.soc(), data, id_=f"f:press-{i}"))
        await h.settle()

        assert len(reached(h, CONTOSO, MARKER)) == 1


async def test_what_analysts_write_in_their_own_thread_stays_inside(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())

        await says(h, "Mia Lindqvist", f"I think Jon did it {MARKER}")
        await h.later(hours=2)

        assert not [s for s in h.sent if s.tenant != NORDWALL and MARKER in str(s.activity)]


async def test_nothing_is_sent_where_a_suspect_account_reads_the_thread(tmp_path: Path) -> None:
    async with house(tmp_path, {"world": carla_reads}) as h:
        await h.report(unfamiliar_sign_in())
        root = await h.soc()

        assert not [a for a in root.actions if a.startswith("draft")]
        data = {"handle": root.data("take")["handle"], "words": MARKER}
        for pressed in ("draft", "send"):
            sent = data | {"button": pressed, "on": "x"}
            answer = await h.send(await click(h, "Mia Lindqvist", root, sent, id_=f"f:{pressed}"))
            assert "Phone a contact" in str(answer["body"])
        await h.settle()

        assert not reached(h, CONTOSO, MARKER)


async def test_an_analyst_who_was_removed_has_no_voice_not_even_on_a_preview_of_before(
    tmp_path: Path,
) -> None:
    """Neither by a button, nor by a command that was shown, nor by another one."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        preview = await drafted(h, MARKER, who="Sam Okafor")
        await writes(h, "Sam Okafor", f"send {MARKER}", in_thread=True)
        asked = await asked_first(h)

        text = (PROFILES / "nordwall.toml").read_text(encoding="utf-8")
        sam = '[[analysts]]\nobject_id = "64696f23-1efb-4152-a3a6-1b0855bf3127"\n'
        sam += 'name = "Sam Okafor"\nupn = "sam@nordwall.example"\n'
        left = AddProfile(swap(sam, "")(without_shifts(text)), "nordwall.toml")
        await perform(h.vouch.store, left, h.clock.now())
        for shown, pressed in ((preview, sends(preview)), (asked, "do_it")):
            answer = await h.press("Sam Okafor", shown, pressed)
            assert "Only an analyst on the roster" in words(answer)
        told = await writes(h, "Sam Okafor", f"send {MARKER}", in_thread=True)

        assert "Only an analyst on the roster" in told
        assert not reached(h, CONTOSO, MARKER)


async def test_bob_asks_for_an_analyst_and_they_talk_and_nobody_else_of_the_customer_reads_it(
    tmp_path: Path,
) -> None:
    """By the button and by writing; the analyst answers by command and by the card."""
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        assert "talk" not in (await h.card("Bob Meyer")).actions
        await h.press("Bob Meyer", await h.card("Bob Meyer"), "answer.q1.opened")

        answer = await h.press("Bob Meyer", await h.card("Bob Meyer"), "talk")

        assert "Write here, an analyst answers." in words(answer)
        assert "talk" not in (await h.card("Bob Meyer")).actions
        assert "Bob Meyer wants to talk to an analyst" in await h.told(SOC)

        chat = (await h.chat("Bob Meyer"))[-1].conversation
        first = await in_chat(h, chat, "it was in my mail")
        again = await in_chat(h, chat, "wait, my password is hunter2", files=["invoice.docm"])
        assert (await h.told("Bob Meyer"))[-1].endswith("An analyst is reading this now.")
        await h.settle()
        await h._api("PUT", path(first), {"text": "it was in our mail"})
        await h._api("DELETE", path(again))
        await h.later(seconds=9)

        (post,) = [m for m in await h.told(SOC) if "own chat" in m]
        assert post.splitlines() == [
            "Bob Meyer (Contoso Security, own chat), edited: it was in our mail",
            "Bob Meyer (Contoso Security, own chat) deleted a message.",
            "To answer in that chat, mention Vouch here and write: send to Bob Meyer: and your words",
        ]

        await writes(h, "Mia Lindqvist", f"send to bob: of course {MARKER}", in_thread=True)
        asked = await asked_first(h)
        line = f"Mia Lindqvist (Nordwall MXDR): of course {MARKER}"
        assert line in asked.text.splitlines()
        assert "Send to Bob Meyer, CONTOSO-1?" in asked.text
        assert not reached(h, CONTOSO, MARKER)
        for _ in range(2):
            await h.press("Mia Lindqvist", asked, "do_it")

        assert (await h.told("Bob Meyer"))[-1] == line
        assert f"Mia Lindqvist to Bob Meyer: of course {MARKER}" in await h.told(SOC)
        assert len(reached(h, CONTOSO, MARKER)) == 1
        preview = await drafted(h, f"anything else? {MARKER}", to=BOB)
        await h.press("Mia Lindqvist", preview, sends(preview))
        assert [s["conversation"]["id"] for s in reached(h, CONTOSO, MARKER)] == [chat] * 2


async def in_chat(h: House, chat: str, text: str, **more: Any) -> Json:
    bob = await h.person("Bob Meyer")
    body = {"from": bob["id"], "text": text} | more
    place = f"/conversations/{quote(chat, safe='')}/messages"
    told: Json = await h._api("POST", place, body)
    return told


async def test_a_command_says_why_nothing_is_sent(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(unfamiliar_sign_in())

        async def told(text: str) -> str:
            return await writes(h, "Mia Lindqvist", f"send {text}")

        assert "Which case?" in await told("hello")
        nobody = await told("CONTOSO-1 to Zaphod: hello")
        assert nobody.startswith(
            "Nobody in this case is called Zaphod. You can write to: the customer, Bob Meyer."
        )
        assert "Write what is to be sent" in await told("CONTOSO-1 to Bob:")
        suspect = await told("CONTOSO-2 to Carla Duarte: hello")
        assert suspect.startswith("The account of Carla Duarte is suspect")
        assert "Too long" in await told("CONTOSO-1 to customer " + "hello " * 150)
        assert not reached(h, CONTOSO, "hello")


async def test_nobody_writes_to_a_suspect_account(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        await h.report(unfamiliar_sign_in())

        root = await h.soc()
        answer = await h.press("Mia Lindqvist", root, "draft", {"words": MARKER, "to": CARLA})

        assert "Phone them" in words(answer)
        assert not reached(h, CONTOSO, MARKER)


@pytest.fixture
def payloads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, str]]:
    """Every body that reaches the simulated world from us, also one that is refused: its tenant,
    where it is spoken to one, and what it says."""
    taken: list[tuple[str | None, str]] = []
    record = Journal.record

    @web.middleware
    async def tapped(self: Journal, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            taken.append((request.match_info.get("tenant"), await request.text()))
        return await record(self, request, handler)

    monkeypatch.setattr(Journal, "record", tapped)
    return taken


async def test_of_many_words_in_two_threads_none_is_lost_doubled_or_out_of_order(
    tmp_path: Path, payloads: list[tuple[str | None, str]]
) -> None:
    """Refusals, outages, lost answers all along; what waits meanwhile is joined. What analysts say
    to each other, note, and did not send is in nothing that left for anybody else; nor is what one
    customer wrote in anything that went to the other."""
    each = 50
    async with house(tmp_path) as h:
        await h.report(malware_ran())
        await h.report(on_payroll(), customer="fabrikam")
        await writes(h, "Mia Lindqvist", f"note the laptop is bait {MARKER}", in_thread=True)
        await writes(h, "Sam Okafor", f"send not yet {MARKER}", in_thread=True)
        await h.press("Sam Okafor", await asked_first(h), "cancel")
        before = len(await h.told(SOC))

        for i in range(each):
            await says(h, ("Jon Park", "Ines Costa")[i % 2], f"contoso {i}")
            await says(h, "Amira Haddad", f"fabrikam {i}")
            if i % 5 == 0:
                kind = ("throttle", "bad_gateway", "lost_answer")[i // 5 % 3]
                await h.fault(kind=kind, times=2, method="POST", tenant=NORDWALL)
                await analysts_talk(h, i)
                await h.later(seconds=9)
        await h.later(minutes=10)

        leaked = [text for tenant, text in payloads if tenant != NORDWALL and MARKER in text]
        assert leaked == []
        assert [text for tenant, text in payloads if tenant == NORDWALL and MARKER in text]
        assert {t for t, text in payloads if "said to Amira" in text} == {NORDWALL, FABRIKAM}
        assert not [text for t, text in payloads if t == FABRIKAM and "Contoso" in text]
        assert not [text for t, text in payloads if t == CONTOSO and "Fabrikam" in text]
        assert await read_of(h, "contoso") == [f"contoso {i}" for i in range(each)]
        assert await read_of(h, "fabrikam") == [f"fabrikam {i}" for i in range(each)]
        assert len(await h.told(SOC)) - before < each


async def analysts_talk(h: House, turn: int) -> None:
    """Among themselves in Fabrikam's thread; in every fourth turn something is sent as well."""
    await says(h, "Mia Lindqvist", f"I think Amira did it {MARKER}")
    preview = await drafted(h, f"nobody must read this {MARKER}", who="Sam Okafor")
    await h.press("Sam Okafor", preview, "discard")
    if turn % 4 == 0:
        await h.fault(kind="lost_answer", times=1, method="POST", tenant=FABRIKAM)
        preview = await drafted(h, f"said to Amira {turn}")
        await h.press("Mia Lindqvist", preview, sends(preview))


async def read_of(h: House, customer: str) -> list[str]:
    """What analysts read in the one thread that has this customer's words, in order. A post whose
    answer was lost stands there twice, one after the other: no Connector lists what it took."""
    threads: dict[str, list[str]] = {}
    said = [(m.conversation, m.text) for m in await h.thread(SOC) if not m.card]
    for (conversation, text), _ in groupby(sorted(said, key=lambda each: each[0])):
        threads.setdefault(conversation, []).extend(text.splitlines())
    (of,) = [t for t in threads.values() if any(f": {customer} 0" in line for line in t)]
    return [line.partition("): ")[2] for line in of if "): " in line and customer in line]

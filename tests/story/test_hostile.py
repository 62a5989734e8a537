"""Incidents that are too much, and incidents that say next to nothing: each is one case people can read."""

import json
from pathlib import Path
from typing import Any

import pytest

from cards.elements import MAX_BYTES
from cards.layout import MOST_ROWS
from tests.story.graph_incident import malware_ran
from tests.story.hostile_incident import READS, storm
from tests.story.house import House, Json, Seen, Sent, house
from triage.report import Source


async def opened(h: House) -> tuple[Seen, Seen, Seen]:
    """The case of 500 hostile alerts, as the customer, Bob and the analysts see it."""
    status, answer = await h.post(storm())
    assert (status, answer["results"][0]["outcome"]) == (201, "opened")
    await h.settle()
    return await h.root(), await h.card("Bob Meyer"), await h.soc()


def lines(seen: Seen) -> list[str]:
    return seen.text.splitlines()


def size(sent: Sent) -> int:
    return len(json.dumps(sent.activity, ensure_ascii=False).encode("utf-16-le"))


def mentions(sent: Sent) -> list[Any]:
    cards = [a["content"] for a in sent.activity.get("attachments") or []]
    named = [c["msteams"]["entities"] for c in cards if "entities" in c.get("msteams", {})]
    return [*(sent.activity.get("entities") or []), *named]


# --- too much ------------------------------------------------------------------------------------


async def test_five_hundred_hostile_alerts_are_one_case_with_one_thread_for_each_side(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await opened(h)

        assert (await h.incident("4711")).alert_count == 500
        assert len(await h.conversations("Contoso")) == 1
        assert len(await h.conversations("Nordwall MXDR")) == 1
        assert len([m for m in await h.chat("Bob Meyer") if m.card]) == 1


async def test_whatever_is_said_of_them_is_small_and_text_and_mentions_nobody(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        await opened(h)

        assert len(h.sent) >= 3
        assert [mention for sent in h.sent for mention in mentions(sent)] == []
        for sent in h.sent:
            said = json.dumps(sent.activity, ensure_ascii=False)
            assert size(sent) <= MAX_BYTES
            for mark in (
                "](",
                "https://evil",
                "evil.example",
                "**",
                "<at>",
                "\u202e",
                "{{",
                "\\n#",
            ):
                assert mark not in said, mark


async def test_only_who_must_decide_is_mentioned_whatever_the_alerts_are_called(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        _, card, _ = await opened(h)
        await h.press("Bob Meyer", card, "answer.q1.not_me")

        asked = (await h.approval()).card
        assert asked is not None
        mentioned = [m["mentioned"]["id"] for m in asked["msteams"]["entities"]]
        assert mentioned == ["jon@contoso.example"]
        assert json.dumps(asked["body"]).count("<at>") == 1


async def test_bob_reads_a_short_card_and_can_answer_it(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        _, card, _ = await opened(h)

        [happened] = [line for line in lines(card) if " was opened on HOST-0 at " in line]
        assert happened.startswith("0 (pay)(hxxps://evil[.]example)")
        assert max(map(len, lines(card))) <= 160
        await h.press("Bob Meyer", card, "answer.q1.not_me")
        assert "Thank you" in (await h.card("Bob Meyer")).text


async def test_the_analysts_read_the_score_what_to_do_and_how_much_is_left_out(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as h:
        _, _, soc = await opened(h)
        case = await h.incident("4711")
        unknown = len([a for a in case.affected if a.why_not])
        left_out = [
            "More people or machines are affected than are listed here",
            "Not every machine or account of this case can be acted on from here; look at the rest",
        ]
        facts = len(left_out) + unknown + len(case.already_done)

        assert {"66%", "escalate", "Wait for the answer of Bob Meyer"} <= set(lines(soc))
        assert set(left_out) <= set(lines(soc)), "what matters is not crowded out"
        assert sum(" is already in quarantine" in line for line in lines(soc)) < MOST_ROWS
        assert f"and {facts - MOST_ROWS} more" in lines(soc)
        assert len(lines(soc)) < 140, "with what opens by a tap, such as the choices of More"
        assert max(map(len, lines(soc))) <= 400


async def test_both_sides_read_how_many_alerts_there_are(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        root, _, soc = await opened(h)

        assert any("497 more" in line for line in lines(root))
        assert any("497 more" in line for line in lines(soc))


async def test_the_headline_names_what_and_where_and_is_not_a_wall(tmp_path: Path) -> None:
    async with house(tmp_path) as h:
        root, _, _ = await opened(h)
        [headline] = [line for line in lines(root) if line.startswith("Malware: ")]

        assert READS[:40] in headline
        assert " on HOST-0 (Bob Meyer), " in headline
        assert len(headline) <= 120
        assert len(root.activity["summary"]) < 200


# --- next to nothing ------------------------------------------------------------------------------

NOTHING: dict[str, Any] = {"null": None, "empty": "", "blank": " \u200b ", "absent": ...}

NEEDED = {
    "@odata.type",
    "id",
    "tenantId",
    "displayName",
    "severity",
    "createdDateTime",
    "lastUpdateDateTime",
}


def emptied(node: Any, nothing: Any) -> Any:
    """Whatever may be missing is: null, empty or not there; lists keep their length."""
    if isinstance(node, list):
        return [emptied(item, nothing) for item in node]
    if not isinstance(node, dict):
        return nothing
    kept = {key: value if key in NEEDED else emptied(value, nothing) for key, value in node.items()}
    return {key: value for key, value in kept.items() if value is not ...}


@pytest.mark.parametrize("nothing", NOTHING)
async def test_an_incident_of_empty_fields_is_a_case_an_analyst_can_take(
    tmp_path: Path, nothing: str
) -> None:
    async with house(tmp_path) as h:
        await h.report(emptied(malware_ran(), NOTHING[nothing]))
        root, soc = await h.root(), await h.soc()

        assert len(await h.conversations("Contoso")) == 1
        assert "High · CONTOSO-1" in lines(root)
        assert "Take it" in lines(soc)
        for said in (*lines(root), *lines(soc)):
            assert said.strip()
            assert not {"None", "null", "nan"} & set(said.split()), said
        await h.press("Mia Lindqvist", soc, "take")
        assert "Mia Lindqvist" in (await h.soc()).text


MINIMAL = {
    "id": "1",
    "title": "Something",
    "severity": "high",
    "created": "2026-01-05T09:00:00Z",
    "updated": "2026-01-05T09:00:00Z",
}
"""What `sources/native.md` requires, and no more."""


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"alerts": []},
        {"alerts": [{"id": "a", "title": "x", "product": "other", "severity": "high"}]},
        {"alerts": [], "description": None, "tags": [], "mirrors": [], "tenant_id": None},
    ],
)
async def test_the_least_our_own_shape_allows_is_a_case_an_analyst_can_take(
    tmp_path: Path, more: Json
) -> None:
    async with house(tmp_path) as h:
        assert await h.report(MINIMAL | more, source="native") == "CONTOSO-1"

        assert (await h.incident("1", source=Source.NATIVE)).decision is not None
        assert "Something" in (await h.root()).text
        assert "Take it" in lines(await h.soc())

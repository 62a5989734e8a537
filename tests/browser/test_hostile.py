"""Text from outside in Microsoft's renderer: what each attack does as it is, and what a card makes of it.

The page is the most obliging client there could be: it draws Markdown, HTML and images, and links
whatever looks like an address. VOUCH_SHOTS=some/folder keeps pictures to look at.
"""

# ruff: noqa: RUF001 - the look-alikes are what is tested

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from cards import analyst_thread, approval, customer_thread, digest, question
from cards.elements import MAX_BYTES, Card
from cards.sentences import SENTENCES
from cards.wording import placeholders
from dialogs.messenger import Conversation, Mention
from dialogs.thread import say
from tests.cards import card_views as views
from tests.cards.card_page import Seen, card_page, look, needs_browser
from tests.cards.cards_at_hand import READERS
from tests.dialogs.pinboard import Pinboard
from triage.phrases import Phrase

pytestmark = needs_browser

PHONE = 320
"""What is left for a card on a phone 375 points wide."""

EN = READERS["en"]
WORD = "Quux"
"""What nobody could take for anything else."""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with card_page() as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Innocent:
    cards: dict[str, Card]
    seen: dict[str, Seen]


@pytest.fixture(scope="module")
def innocent(page: Page) -> Innocent:
    """Every card with nothing but a word in it, and how it is drawn."""
    cards = _all_saying(WORD)
    return Innocent(cards, look(page, cards, PHONE))


# --- the attacks ---------------------------------------------------------------------------------

Does = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class Attack:
    text: str
    does: Does
    """What the reader of the unescaped text would see."""
    reads: str
    """What everybody reads instead."""


def links(address: str) -> Does:
    return lambda seen: address in seen.links


def draws(element: str) -> Does:
    return lambda seen: element in seen.elements


def reads(text: str) -> Does:
    return lambda seen: seen.text == text


def hides(character: str) -> Does:
    return lambda seen: character in seen.text


def reorders(seen: Seen) -> bool:
    return bool(seen.reordered)


ATTACKS = {
    # links
    "Markdown link": Attack(
        "[pay](https://evil.example)",
        links("https://evil.example"),
        "(pay)(hxxps://evil[.]example)",
    ),
    "link to a call": Attack("[IT](tel:+1900555)", links("tel:+1900555"), "(IT)(tel[:]+1900555)"),
    "link by reference": Attack(
        "[pay][1]\n\n[1]: //evil.com", links("//evil.com"), "(pay)(1) (1): //evil[.]com"
    ),
    "autolink": Attack(
        "<https://evil.example>", links("https://evil.example"), "‹hxxps://evil[.]example›"
    ),
    "bare address": Attack(
        "https://evil.example/a", links("https://evil.example/a"), "hxxps://evil[.]example/a"
    ),
    "bare domain": Attack("evil.com", links("http://evil.com"), "evil[.]com"),
    "domain of a country": Attack(
        "contoso-help.pl", links("http://contoso-help.pl"), "contoso-help[.]pl"
    ),
    "domain like a file name": Attack("README.md", links("http://README.md"), "README[.]md"),
    "www": Attack("www.evil.org/a", links("http://www.evil.org/a"), "www[.]evil[.]org/a"),
    "domain in another script": Attack(
        "пример.рф", links("http://xn--e1afmkfd.xn--p1ai"), "пример[.]рф"
    ),
    "email address": Attack("ceo@evil.com", links("mailto:ceo@evil.com"), "ceo@evil[.]com"),
    "HTML link": Attack(
        '<a href="//evil.com">pay</a>', links("//evil.com"), '‹a href="//evil[.]com"›pay‹/a›'
    ),
    # images
    "Markdown image": Attack(
        "![x](//evil.com/x.gif)",
        lambda seen: "//evil.com/x.gif" in seen.images,
        "!(x)(//evil[.]com/x.gif)",
    ),
    "HTML image": Attack(
        '<img src="//evil.com/x.gif">', draws("img"), '‹img src="//evil[.]com/x.gif"›'
    ),
    # emphasis and structure
    "bold": Attack("**urgent**", draws("strong"), "∗∗urgent∗∗"),
    "bold with underscores": Attack("__urgent__", draws("strong"), "ˍˍurgentˍˍ"),
    "italics": Attack("*urgent*", draws("em"), "∗urgent∗"),
    "struck out": Attack("~~malware~~", draws("s"), "∼∼malware∼∼"),
    "code": Attack("`urgent`", draws("code"), "'urgent'"),
    "heading": Attack("# All clear", draws("h1"), "＃ All clear"),
    "list": Attack("- All clear", draws("ul"), "– All clear"),
    "numbered list": Attack("1. All clear", draws("ol"), "1․ All clear"),
    "quote": Attack("> All clear", draws("blockquote"), "› All clear"),
    "rule": Attack("---", draws("hr"), "–––"),
    "table": Attack("|a|b|\n|-|-|\n|1|2|", draws("table"), "¦a¦b¦ ¦-¦-¦ ¦1¦2¦"),
    "escape": Attack("a\\.exe", reads("a.exe"), "a∖.exe"),
    "HTML bold": Attack("<b>urgent</b>", draws("b"), "‹b›urgent‹/b›"),
    "HTML script": Attack("<script>x()</script>", draws("script"), "‹script›x()‹/script›"),
    "entities": Attack("&lt;b&gt;", reads("<b>"), "＆lt;b＆gt;"),
    # people
    "mention": Attack("<at>Ana Lima</at>", draws("at"), "‹at›Ana Lima‹/at›"),
    # what cards and templates compute
    "date of a card": Attack(
        "{{DATE(2017-02-14T06:08:39Z)}}",
        lambda seen: "DATE" not in seen.text,
        "{ {DATE(2017-02-14T06:08:39Z)} }",
    ),
    "time of a card": Attack(
        "{{TIME(2017-02-14T06:08:39Z)}}",
        lambda seen: "TIME" not in seen.text,
        "{ {TIME(2017-02-14T06:08:39Z)} }",
    ),
    # what is not seen, or not seen where it was written
    "override of the direction": Attack("inv\u202efdp.exe", reorders, "invfdp.exe"),
    "override as an entity": Attack("inv&#8238;fdp.exe", reorders, "inv＆#8238;fdp.exe"),
    "isolate": Attack("inv.\u2067exe.\u2066pdf\u2069\u2069", reorders, "inv.exe.pdf"),
    "mark of the direction": Attack("1\u200f(2).exe", reorders, "1(2).exe"),
    "zero width": Attack("in\u200bvo\u2060ice\ufeff.docm", hides("\u200b"), "invoice.docm"),
    "soft hyphen": Attack("in\u00advoice.docm", hides("\u00ad"), "invoice.docm"),
    "tag characters": Attack("a\U000e0041\U000e0042.docm", hides("\U000e0041"), "a.docm"),
    "blank letters": Attack("a\u3164\u2800b.docm", hides("\u3164"), "ab.docm"),
    "control characters": Attack("a\x07\x1b[31mb.docm", hides("\x1b"), "a(31mb.docm"),
    "half a surrogate": Attack("a\ud83d.docm", lambda seen: seen.text != "a.docm", "a.docm"),
    "stacked marks": Attack("e" + "\u0301" * 40, hides("\u0301" * 39), "é\u0301\u0301"),
    "nothing to see": Attack("\u200b\u2060", hides("\u2060"), "?"),
    "lines of its own": Attack(
        "a.docm by IT.\n\nAll clear.",
        lambda seen: seen.elements.count("p") > 1,
        "a.docm by IT. All clear.",
    ),
    "a line break": Attack("a.docm\\\nAll clear", draws("br"), "a.docm∖ All clear"),
}

AS_IT_IS = {
    "template": "${evil}",
    "accents": "Müller & Söhne, O'Neil",
    "Chinese": "发票 2026.docx",
    "Hindi": "चालान.docm",
    "emoji": "🧾 invoice 🇩🇪 👍🏽",
    "Hebrew": "חשבונית 12.docm",
    "Arabic": "فاتورة (3).exe",
    "both directions": "PDF של דוד 7",
}
"""What is no attack, or none that a client of cards could fall for: it reads as it was written."""


# --- what each does ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_that_nobody_escapes_works(page: Page, name: str) -> None:
    attack = ATTACKS[name]
    card = {"type": "AdaptiveCard", "version": "1.5", "body": [_text_block(attack.text)]}

    assert attack.does(look(page, {"card": card})["card"])


@pytest.mark.parametrize("name", ATTACKS)
def test_on_every_card_the_attack_is_a_word_like_any_other(
    page: Page, innocent: Innocent, name: str
) -> None:
    attack = ATTACKS[name]
    cards = _all_saying(attack.text)
    seen = look(page, cards, PHONE)

    for card in cards:
        assert seen[card].events == [], card
        assert seen[card].elements == innocent.seen[card].elements, card
        assert (seen[card].links, seen[card].images) == ([], []), card
        assert seen[card].reordered == [], card
        assert _lines(seen[card]) == _lines(innocent.seen[card], attack.reads), card
        assert seen[card].fits, card
        assert _mentioned(cards[card]) == _mentioned(innocent.cards[card]), card
        assert _aside(cards[card]) == _aside(innocent.cards[card], attack.reads), card


@pytest.mark.parametrize("name", AS_IT_IS)
def test_what_is_no_attack_stays_as_it_was_written_and_in_its_place(
    page: Page, innocent: Innocent, name: str
) -> None:
    text = AS_IT_IS[name]
    seen = look(page, _all_saying(text), PHONE)

    for card in seen:
        assert seen[card].elements == innocent.seen[card].elements, card
        assert _lines(seen[card]) == _lines(innocent.seen[card], text), card
        assert [jump for jump in seen[card].reordered if not _is_inside(jump)] == [], card


_PIECES = st.sampled_from(
    [a.text for a in ATTACKS.values()]
    + list(AS_IT_IS.values())
    + [" ", "\n", "\n\n", ".", "x" * 150]
)
_MIXTURES = st.lists(_PIECES | st.text(max_size=8), min_size=1, max_size=7).map("".join)


@settings(
    max_examples=int(os.environ.get("VOUCH_HOSTILE_MIXTURES", "12")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(text=_MIXTURES.filter(bool))
def test_no_mixture_of_attacks_and_anything_else_is_more_than_words(
    page: Page, innocent: Innocent, text: str
) -> None:
    cards = _all_saying(text)
    seen = look(page, cards, PHONE)

    for card in cards:
        assert seen[card].events == [], card
        assert seen[card].elements == innocent.seen[card].elements, card
        assert (seen[card].links, seen[card].images) == ([], []), card
        assert [jump for jump in seen[card].reordered if not _is_inside(jump)] == [], card
        assert _mentioned(cards[card]) == _mentioned(innocent.cards[card]), card
        assert seen[card].fits, card


WALLS = {
    "one word": "W" * 10_000,
    "many words": "all is well, nothing to do here " * 312,
    "everything": (
        "[pay](https://evil.example) **now** <at>Jon</at> \u202egpj.exe חשבונית 7 # x " * 150
    ),
}


@pytest.mark.parametrize(("name", "width"), [*((name, PHONE) for name in WALLS), ("one word", 560)])
def test_ten_thousand_characters_are_a_line_or_two_on_every_card(
    page: Page, name: str, width: int
) -> None:
    wall = {"type": "AdaptiveCard", "version": "1.5", "body": [_text_block(WALLS[name])]}
    assert look(page, {"wall": wall}, width)["wall"].height > 1_000

    cards = _all_saying(WALLS[name])
    seen = look(page, cards, width)

    for card in cards:
        longest = LONGEST.get(card.partition(".")[0], LONGEST_LINE)
        assert max(map(len, _lines(seen[card]))) <= longest, card
        assert seen[card].fits, card
        if not card.startswith("messages."):
            assert len(json.dumps(cards[card]).encode("utf-16-le")) <= MAX_BYTES, card
    assert max(seen[c].height for c in seen if c.startswith("person.")) <= PHONE_SCREEN
    _shot(page, {card: cards[card] for card in PICTURED}, width, name)


LONGEST_LINE = 500
LONGEST = {"messages": 5 * 600 + 100, "analyst": 4 * 200 + 50}
"""So many texts from outside, or of an analyst's own, and our words between them."""
PHONE_SCREEN = 667


PICTURED = (
    "person.asking",
    "customer.approval",
    "customer.closed",
    "approval.open",
    "analyst.call",
)


def _shot(page: Page, cards: dict[str, Card], width: int, name: str) -> None:
    if folder := os.environ.get("VOUCH_SHOTS"):
        look(page, cards, width)
        page.screenshot(
            path=f"{folder}/hostile_{name.replace(' ', '_')}_{width}.png", full_page=True
        )


def _lines(seen: Seen, word: str = WORD) -> list[str]:
    text = seen.text.replace(ISOLATE, "").replace(ISOLATED, "")
    return text.replace(WORD, word).splitlines()


def _aside(card: Card, word: str = WORD) -> list[str]:
    """What is spoken, and what a client shows that draws no cards."""
    return [card.get(said, "").replace(WORD, word) for said in ("speak", "fallbackText")]


ISOLATE, ISOLATED = "\u2068", "\u2069"


def _is_inside(jump: tuple[str, str]) -> bool:
    """Whether reading goes to the left inside a text from outside, which may run that way."""
    before, _ = jump
    return before.count(ISOLATE) > before.count(ISOLATED)


# --- every card, with the same text wherever text comes from outside ------------------------------


def _all_saying(text: str) -> dict[str, Card]:
    person = ("asking", "follow_up", "changing", "thanks")
    return {
        **{f"person.{n}": _question(_saying(views.PERSON_CARDS[n], text)) for n in person},
        **{
            f"customer.{n}": customer_thread.render(_saying(view, text), views.HANDLE, EN)
            for n, view in _CUSTOMER_THREADS.items()
        },
        **{
            f"approval.{n}": approval.render(_saying(view, text), views.HANDLE, EN)
            for n, view in views.APPROVAL_CARDS.items()
        },
        **{
            f"analyst.{n}": analyst_thread.render(_saying(view, text), views.HANDLE, EN)
            for n, view in views.ANALYST_THREADS.items()
        },
        "digest": digest.render(_saying(views.DIGESTS["day"], text), EN),
        **{f"messages.{language}": _messages(text, language) for language in READERS},
    }


_CUSTOMER_THREADS = views.CUSTOMER_THREADS | {
    "discussed": replace(views.CUSTOMER_CLOSED, recommendation_discussed_by="Jon Berg")
}


def _question(view: Any) -> Card:
    return question.render(view, views.HANDLE, EN)


OURS = {
    "id",
    "code",
    "question",
    "change",
    "approval",
    "action",
    "stage",
    "surface",
    "zone",
    "language",
}
"""Fields nobody outside has a hand in."""


def _saying(node: Any, text: str) -> Any:
    """The view with this text for every text in it that comes from outside."""
    match node:
        case Enum():
            return node
        case str():
            return text
        case (str() as id_, str()) if not isinstance(id_, Enum):
            return (id_, text)
        case tuple():
            return tuple(_saying(item, text) for item in node)
        case Phrase():
            return Phrase(node.key, {name: _saying(v, text) for name, v in node.args.items()})
        case _ if is_dataclass(node) and not isinstance(node, type):
            kept = {f.name: getattr(node, f.name) for f in fields(node) if f.name not in OURS}
            return replace(node, **{name: _saying(value, text) for name, value in kept.items()})
        case _:
            return node


def _messages(text: str, language: str) -> Card:
    """Every sentence with a place for text from outside, as it is said in a thread or a chat."""
    with ThreadPoolExecutor(1) as hands:  # the browser's loop runs in this thread
        told = hands.submit(asyncio.run, _told(text, language)).result()
    return {"type": "AdaptiveCard", "version": "1.5", "body": [_text_block(each) for each in told]}


async def _told(text: str, language: str) -> list[str]:
    board = Pinboard()
    chat = Conversation("contoso", "a:bob", "https://teams.example/")
    for key, sentence in SENTENCES.items():
        names = [name for name, _ in placeholders(sentence)]
        phrase = Phrase(key, {name: 10_000 if _is_count(name) else text for name in names})
        if names:
            await say(board, chat, phrase, READERS[language], (Mention("29:bob", text),))
    return [message.text for message in board.standing.values() if message.text]


def _is_count(name: str) -> bool:
    """Numbers that we count ourselves, where `_minutes` or `_taps` says so: never a text."""
    return name.endswith(("_minutes", "_taps"))


def _text_block(text: str) -> dict[str, object]:
    return {"type": "TextBlock", "text": text, "wrap": True}


def _mentioned(card: Card) -> int:
    return len(card.get("msteams", {}).get("entities", []))

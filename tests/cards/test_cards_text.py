import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cards.text import LIMIT, outside

_PIECES = st.sampled_from(
    [
        "[text](https://evil.example)",
        "![i](//x.y/z)",
        "<at>CEO</at>",
        "<b>",
        "&lt;at&gt;",
        "&#60;",
        "**",
        "__",
        "_",
        "`",
        "~~",
        "# ",
        "- ",
        "+ ",
        "1. ",
        "> ",
        "| a | b |",
        "---",
        "\\",
        "\\[",
        "http://",
        "hxxp://",
        "www.",
        "evil.com",
        "evil[.]com",
        "[.]",
        "(.)",
        "javascript:",
        "data:",
        "mailto:a@b.de",
        "{{DATE(2017-02-14T06:08:39Z,LONG)}}",
        "\u202e",
        "\u200b",
        "\u2060",
        "\u00ad",
        "\x00",
        "\n",
        "\t",
        "\ud800",
        "e\u0301\u0301\u0301\u0301",
        "file_name_v2.docm",
        "C:\\Users\\bob\\",
        "\\\\server\\share",
        "203.0.113.7",
        "חשבונית 12",
        "ف",
        "\u2068",
        "\u2069",
    ]
)
HOSTILE = st.lists(st.one_of(_PIECES, st.text(max_size=12)), max_size=12).map("".join)

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@given(HOSTILE)
def test_outside_text_has_no_meaning_in_markdown_or_html(text: str) -> None:
    shown = outside(text)
    tokens = MARKDOWN.parse(shown)
    inline = [child for token in tokens for child in token.children or []]

    assert {t.type for t in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    assert {t.type for t in inline} <= {"text"}
    assert "".join(t.content for t in inline) == shown


@given(HOSTILE, HOSTILE)
def test_two_outside_texts_in_one_sentence_do_not_join_into_markup(one: str, other: str) -> None:
    sentence = f"Was {outside(one)} seen with {outside(other)}? Case 7KQ2."
    [_, inline, _] = MARKDOWN.parse(sentence)

    assert [t.type for t in inline.children or []] == ["text"]


@given(HOSTILE)
def test_outside_text_mentions_nobody_and_holds_nothing_unseen(text: str) -> None:
    shown = outside(text)

    assert "<" not in shown
    assert "{{" not in shown
    if shown[0:1] == ISOLATE:
        shown = shown[1:].removesuffix(ISOLATE_ENDS)
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn") for c in shown)
    assert shown == " ".join(shown.split())


@given(HOSTILE, st.integers(min_value=10, max_value=300))
def test_outside_text_is_never_longer_than_allowed(text: str, limit: int) -> None:
    assert len(outside(text, limit)) <= limit


ISOLATE, ISOLATE_ENDS = "\u2068", "\u2069"


@given(HOSTILE, st.integers(min_value=10, max_value=300))
def test_what_runs_from_right_to_left_is_closed_off(text: str, limit: int) -> None:
    shown = outside(text, limit)

    assert shown.startswith(ISOLATE) == shown.endswith(ISOLATE_ENDS)
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in shown):
        assert shown.startswith(ISOLATE)
    if text.isascii():
        assert not shown.startswith(ISOLATE)


@given(HOSTILE)
def test_outside_text_holds_no_link(text: str) -> None:
    shown = outside(text).lower()

    assert "http://" not in shown
    assert "https://" not in shown
    assert "](" not in shown
    assert "javascript:a" not in shown


@given(HOSTILE, st.integers(min_value=10, max_value=300))
def test_making_harmless_twice_is_making_harmless_once(text: str, limit: int) -> None:
    assert outside(outside(text, limit), limit) == outside(text, limit)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("invoice.docm", "invoice.docm"),
        ("setup_final_v2.zip", "setup_final_v2.zip"),
        ("LAPTOP-7", "LAPTOP-7"),
        ("Trojan:Win32/Wacatac.B!ml", "Trojan:Win32/Wacatac.B!ml"),
        ("C:\\Users\\bob\\x.exe", "C:\\Users\\bob\\x.exe"),
        ("10.0.19045.2", "10.0.19045.2"),
        ("+49 30 5550100", "+49 30 5550100"),
        ("Müller & Söhne", "Müller & Söhne"),
        ("R&D, 3 < 5", "R&D, 3 \u2039 5"),
        ("inv-8841.ps1, run.js, all.tar.gz", "inv-8841.ps1, run.js, all.tar.gz"),
        ("发票 2026.docx", "发票 2026.docx"),
    ],
)
def test_what_people_know_stays_as_they_know_it(text: str, shown: str) -> None:
    assert outside(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://evil.com/a?b=c", "hxxp://evil[.]com/a?b=c"),
        ("HTTPS://Evil.zip/x", "hxxps://Evil[.]zip/x"),
        ("hxxps://evil[.]com", "hxxps://evil[.]com"),
        ("1http://x.y/", "1hxxp://x[.]y/"),
        ("www.foo.zip", "www[.]foo[.]zip"),
        ("evil。com", "evil[.]com"),
        ("bob@contoso.com", "bob@contoso[.]com"),
        ("203.0.113.7:80", "203.0.113[.]7:80"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("ftp://host.example/x", "ftp[:]//host[.]example/x"),
        ("contoso-help.pl", "contoso-help[.]pl"),
        ("login.contoso.ai", "login[.]contoso[.]ai"),
        ("README.md", "README[.]md"),
    ],
)
def test_links_are_defanged(text: str, shown: str) -> None:
    assert outside(text) == shown


@pytest.mark.parametrize("text", ["\u200b", "\u202e\u2066", " \t", "\x00", "\ufe0f", "\u3164"])
def test_a_text_that_shows_nothing_reads_as_a_question_mark(text: str) -> None:
    assert outside(text) == "?"
    assert outside("") == ""


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert outside("x" * 500) == "x" * (LIMIT - 1) + "…"
    assert outside("a " + "evil.com " * 100).endswith("…")


def test_a_cut_never_leaves_the_address_of_another_site() -> None:
    for limit in range(10, 40):
        shown = outside("have a look at evil.com.invoice", limit)
        assert not re.search(r"evil\.com(?!\.\w)", shown), shown


@pytest.mark.parametrize("text", ["é", "_", "a.", "a+", "http:", "W.W ", "[.]", "א "])
def test_ten_thousand_characters_cost_no_more_than_a_moment(text: str) -> None:
    began = time.process_time()
    outside(text * (10_000 // len(text)))

    assert time.process_time() - began < 0.05


def test_a_cut_never_leaves_half_a_mark() -> None:
    for limit in range(5, 30):
        shown = outside("see evil.com and evil.com", limit)
        assert shown.count("[") == shown.count("]")

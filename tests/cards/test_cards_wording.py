import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from cards.sentences import SENTENCES
from cards.wording import (
    LANGUAGES,
    LOCALES,
    Reader,
    day_and_clock,
    faults,
    label,
    name_of,
    percent,
    placeholders,
    say,
    signed,
)
from tests.cards.kind_cards import asked_on_cards
from triage.actions import ActionKind
from triage.customer import AssetKind, Criticality
from triage.incident import (
    ActionState,
    ApprovalState,
    Band,
    Disposition,
    IncidentType,
    QuestionKind,
    QuestionState,
    Standing,
    Status,
)
from triage.paging import Need
from triage.phrases import phrase
from triage.playbooks import FOLLOW_UPS, PLAYBOOKS, QUESTIONS, Channel
from triage.recognising import Detector
from triage.report import DoneKind, Product, Severity, Source
from triage.views import Button

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 24, 9, 2, tzinfo=UTC)
EN, DE, PT = Reader("en", "Europe/Berlin"), Reader("de", "Europe/Berlin"), Reader("pt", "UTC")
TRANSLATED = [locale for locale in LANGUAGES.values() if locale != "en_GB"]


QUESTION_STATES = [
    state.default
    for kind in get_args(QuestionState)
    for state in fields(kind)
    if state.name == "state"
]


# --- keys that are used --------------------------------------------------------------------------

FAMILIES = {key.split(".")[0] for key in SENTENCES} | {
    *[
        "happened",
        "ask",
        "choice",
        "follow",
        "thanks",
        "reason",
        "status",
        "turn",
        "needed",
        "doing",
        "known",
        "action",
        "done",
    ],
    *[
        "approval",
        "timeline",
        "recommend",
        "headline",
        "next",
        "notice",
        "band",
        "disposition",
        "script",
        "why",
    ],
}
LOOKED_UP = {spec for s in SENTENCES.values() for _, spec in placeholders(s)} | {
    "severity",
    "status",
    "state",
    "approval_state",
    "task_state",
    "band",
    "disposition",
    "determination",
    "product",
}
"""Families whose members are named by a value: `name_of`, or a placeholder's own word for it."""

_KEY = re.compile(r"[a-z_]+(\.[A-Za-z0-9_]+)+")


def _trees(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            if path.name != "sentences.py":
                yield f"{room}/{path.name}", ast.parse(path.read_text(encoding="utf-8"))


def _named(node: ast.AST) -> str | None:
    """A key as a regular expression: an f-string's holes are any word, and so is what follows the
    beginning of a key."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found = re.escape(node.value) if _KEY.fullmatch(node.value) else None
        found = f"{found}[A-Za-z0-9_]*" if found and found.endswith("_") else found
    elif isinstance(node, ast.JoinedStr):
        found = "".join(
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[A-Za-z0-9_]*"
            for part in node.values
        )
    else:
        return None
    family = (found or "").split(r"\.")[0]
    return found if family in FAMILIES and r"\." in (found or "") else None


@cache
def _used() -> dict[str, str]:
    """Every key, or pattern of keys, in the code, with where it stands."""
    return {
        pattern: place
        for place, tree in _trees("triage", "cards", "bot")
        for node in _whole_strings(tree)
        if (pattern := _named(node))
    }


def _whole_strings(tree: ast.Module) -> Iterator[ast.AST]:
    """Strings and f-strings, but not the pieces f-strings are made of."""
    pieces = {id(p) for f in ast.walk(tree) if isinstance(f, ast.JoinedStr) for p in f.values}
    return (node for node in ast.walk(tree) if id(node) not in pieces)


def _matching(pattern: str) -> list[str]:
    return [key for key in SENTENCES if re.fullmatch(pattern, key)]


def test_every_key_in_the_code_has_a_sentence() -> None:
    missing = {p: place for p, place in _used().items() if not _matching(p)}

    assert missing == {}


def test_every_sentence_is_used() -> None:
    used = {key for pattern in _used() for key in _matching(pattern)}
    unused = {k for k in SENTENCES if k not in used and k.rsplit(".", 1)[0] not in LOOKED_UP}

    assert unused == set()


def test_a_phrase_is_given_what_its_sentence_needs() -> None:
    lacking = [
        f"{place}:{call.lineno} {key} lacks {name}"
        for place, tree in _trees("triage", "bot")
        for call, given in _phrase_calls(tree)
        for pattern in _keys_of(call.args[0])
        for key in _meant_by(pattern)
        for name, spec in placeholders(SENTENCES[key])
        if name not in given and spec != "also"
    ]

    assert lacking == []


def _meant_by(pattern: str) -> list[str]:
    """What an f-string can mean, without what the code names in full elsewhere."""
    if re.escape(pattern.replace("\\", "")) == pattern:
        return _matching(pattern)
    return [key for key in _matching(pattern) if re.escape(key) not in _used()]


def _phrase_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, set[str]]]:
    """Calls of `phrase` with every argument by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = {k.arg for k in node.keywords}
            if node.func.id == "phrase" and node.args and None not in given:
                yield node, {name for name in given if name}


def _keys_of(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return _keys_of(node.body) + _keys_of(node.orelse)
    found = _named(node)
    return [found] if found else []


def test_every_value_that_becomes_part_of_a_key_has_a_sentence() -> None:
    wanted = {
        *(f"choice.{kind}.{a.id}" for kind, spec in QUESTIONS.items() for a in spec.answers),
        *(f"happened.{kind}" for kind in asked_on_cards() if kind not in FOLLOW_UPS),
        *(f"ask.{kind}" for kind in asked_on_cards()),
        *(f"{family}.{kind}" for kind in QuestionKind for family in ("label.question", "script")),
        *(f"reason.prior.{detector}" for detector in Detector),
        *(f"reason.sign.{name}" for name in _signs()),
        *(f"{family}.{kind}" for kind in ActionKind for family in ("action", "consequence")),
        *(f"known.already_{kind}" for kind in DoneKind),
        *(f"known.asset_{kind}" for kind in AssetKind),
        *(f"criticality.{level}" for level in Criticality),
        *(f"headline.{type_}" for type_ in IncidentType),
        *(f"{family}.{d}" for d in Disposition for family in ("disposition", "over")),
        *(f"approval.{state}" for state in ApprovalState if state is not ApprovalState.OPEN),
        *(f"approval_state.{state}" for state in ApprovalState),
        *(f"timeline.reply_{standing}" for standing in Standing),
        *(f"why.band_{band}" for band in Band),
        *(f"band.{band}" for band in Band),
        *(f"status.{status}" for status in Status),
        *(f"severity.{severity}" for severity in Severity),
        *(f"state.{state}" for state in ActionState),
        *(f"product.{product}" for product in Product),
        *(f"label.source.{source}" for source in Source),
        *(f"page.{need}" for need in Need),
        *(
            f"determination.{name}"
            for book in PLAYBOOKS.values()
            for name in (book.determination, book.expected)
        ),
        *(f"button.{button}" for button in _PLAINLY_LABELLED),
        *(key for b in PLAYBOOKS.values() for key in (b.prevents, b.by_hand) if key),
        *(f"question.{state}" for state in QUESTION_STATES),
        *(f"unreachable.{c}" for c in ("gone", "not_installed", "blocked", "too_large", "other")),
    }

    assert wanted - SENTENCES.keys() == set()


_PLAINLY_LABELLED = set(Button) - {
    Button.ANSWER,
    Button.ATTEST,
    Button.RECORD_CALL,
    Button.CALL_HELD,
    Button.TASK,
    Button.CONTAIN,
    Button.UNDO,
}
"""Buttons called by their own name; the others are called by what they answer or do."""


def _signs() -> set[str]:
    """The signs `triage/assess.py` can find."""
    tree = ast.parse((ROOT / "triage/assess.py").read_text(encoding="utf-8"))
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "_sign"
        and isinstance(node.args[0], ast.Constant)
    }


# --- sentences and their translations ------------------------------------------------------------


def _catalog(locale: str) -> Catalog:
    path = LOCALES / locale / "LC_MESSAGES" / "vouch.po"
    with path.open("rb") as source:
        return read_po(source, locale=locale)


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_is_translated_with_the_same_placeholders(locale: str) -> None:
    catalog = _catalog(locale)
    for key, sentence in SENTENCES.items():
        message = catalog.get(sentence, context=key)

        assert message is not None, f"{key} has no entry in {locale}"
        assert message.string, f"{key} is not translated in {locale}"
        assert not message.fuzzy, f"{key} is fuzzy in {locale}"
        assert placeholders(str(message.string)) == placeholders(sentence), f"{key} in {locale}"


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_translation_is_left_of_a_sentence_that_is_no_more(locale: str) -> None:
    left = {m.context for m in _catalog(locale) if m.id and SENTENCES.get(str(m.context)) != m.id}

    assert left == set()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_german_and_portuguese_address_people_politely(locale: str) -> None:
    familiar = {"de": r"\b(du|dich|dir|dein\w*)\b", "pt_BR": r"\b(tu|teu|tua|vós)\b"}[locale]
    for message in _catalog(locale):
        assert not re.search(familiar, str(message.string), re.IGNORECASE), message.context


def test_sentences_hold_no_markup_and_no_link() -> None:
    every = [*SENTENCES.values()]
    every += [str(m.string) for locale in TRANSLATED for m in _catalog(locale) if m.id]
    for sentence in every:
        plain = re.sub(r"\{[a-z_]+(:[a-z_.]+)?\}", "x", sentence)
        assert not re.search(r"[\\*_`\[\]<>#|~{}]|://|^[-+]|^\d+\.", plain), sentence


# --- saying --------------------------------------------------------------------------------------


def test_a_sentence_is_said_in_the_readers_language_and_on_the_readers_clock() -> None:
    happened = phrase("happened.file_opened", file="invoice.docm", device="LAPTOP-7", at=AT)

    assert say(happened, EN) == "invoice.docm was opened on LAPTOP-7 at 10:02."
    assert say(happened, DE) == "invoice.docm wurde um 10:02 auf LAPTOP-7 geöffnet."
    assert say(happened, PT) == "invoice.docm foi aberto em LAPTOP-7 às 09:02."


@pytest.mark.parametrize("language", ["fr", "", None, "x-klingon", "??"])
def test_a_missing_language_reads_english(language: str | None) -> None:
    assert say(phrase("button.take"), Reader(language)) == "Take"


@pytest.mark.parametrize("language", ["pt", "pt-BR", "pt_PT", "PT-br"])
def test_a_language_is_known_by_any_of_its_names(language: str) -> None:
    assert say(phrase("button.take"), Reader(language)) == "Assumir"


def test_a_zone_nobody_knows_reads_utc() -> None:
    assert day_and_clock(AT, Reader("en", "Mars/Olympus")) == "Tue 24 Nov, 09:02"


def test_text_from_outside_is_made_harmless_when_said() -> None:
    wrote = phrase("story.wrote", person="<at>CEO</at>", text="see [this](https://evil.example)")
    said = say(wrote, EN)

    assert "<" not in said
    assert "](" not in said
    assert "hxxps://evil[.]example" in said


def test_a_phrase_inside_a_phrase_is_said_in_the_same_language() -> None:
    done = phrase("timeline.done", action=phrase("action.isolate_device", target="LAPTOP-7"))

    assert say(done, DE) == "Erledigt: LAPTOP-7 isolieren"


def test_a_sentence_that_begins_with_a_phrase_begins_with_a_capital() -> None:
    happened = phrase("happened.file_opened", file=phrase("label.a_file"), device="LAPTOP-7", at=AT)

    assert say(happened, EN).startswith("A file was opened")


def test_a_value_of_triage_is_called_by_its_name_and_else_by_itself() -> None:
    assert name_of("status", "waiting", EN) == "Waiting"
    assert name_of("determination", "somethingNew", EN) == "somethingNew"
    second = phrase("reason.sign.second_product", product="azureAdIdentityProtection")
    assert say(second, EN) == "A second product alerts: Entra ID Protection"


def test_what_may_be_missing_is_left_out() -> None:
    high = phrase("criticality.high")
    bare = phrase("known.asset_server", device="SRV-1", criticality=high)
    full = phrase("known.asset_server", device="SRV-1", criticality=high, purpose="payroll")

    assert say(bare, EN) == "SRV-1: server, criticality high"
    assert say(full, EN) == "SRV-1: server, criticality high, payroll"
    assert faults(bare) == []


def test_a_card_is_shown_even_where_words_are_missing() -> None:
    assert say(phrase("bogus.key"), EN) == "bogus.key"
    assert say(phrase("story.wrote", text="hello"), EN) == "? wrote: hello"


def test_what_is_missing_is_told_to_the_tests() -> None:
    nested = phrase("timeline.ordered", action=phrase("action.bogus"))

    assert faults(nested) == ["timeline.ordered: by is missing", "action.bogus: no such sentence"]
    assert faults(phrase("button.take")) == []


def test_numbers_and_days_read_as_the_reader_writes_them() -> None:
    assert (percent(0.624, EN), percent(0.624, DE)) == ("62%", "62\N{NO-BREAK SPACE}%")
    assert (percent(0.9999, EN), percent(0.0001, EN)) == ("99%", "1%")
    assert (signed(2, EN), signed(-1.5, DE)) == ("+2.0", "\N{MINUS SIGN}1,5")
    assert day_and_clock(AT, DE) == "Di., 24. Nov., 10:02"
    fact = phrase("reason.sign.expected_fact", statement="x", approver="y", expires="2026-12-15")
    assert say(fact, EN).endswith("until 15 Dec 2026)")
    assert label("label.more", EN, count=1200) == "and 1,200 more"


# --- what goes by phone --------------------------------------------------------------------------


def test_what_is_never_asked_on_a_card_has_no_sentence_for_one() -> None:
    spoken = set(QuestionKind) - asked_on_cards().keys()
    left = {f"{family}.{kind}" for kind in spoken for family in ("ask", "happened")}

    assert left & SENTENCES.keys() == set()


@pytest.mark.parametrize("kind", list(QuestionKind))
def test_a_script_says_who_calls_and_asks_for_no_secret(kind: QuestionKind) -> None:
    script = SENTENCES[f"script.{kind}"]

    assert script.startswith('"{person}, security here')
    assert "?" in script
    assert "Never ask for a" in script or "Never ask for the" in script
    assert placeholders(script) == {("person", "")}


BY_ACCOUNT = {b.asks for b in PLAYBOOKS.values() if b.asks and b.channel is Channel.TAINTED}


@pytest.mark.parametrize("kind", sorted(BY_ACCOUNT))
def test_a_script_about_an_account_is_compared_with_what_is_known(kind: QuestionKind) -> None:
    assert "Compare" in SENTENCES[f"script.{kind}"]


def test_no_question_and_no_script_names_a_place() -> None:
    spoken = [s for key, s in SENTENCES.items() if key.startswith(("script.", "ask.", "happened."))]

    assert not any(
        name in {"country", "place", "ip"} for s in spoken for name, _ in placeholders(s)
    )

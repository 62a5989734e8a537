"""Bob reads every card of his at once: short sentences, plain words, in all three languages."""

import re

import pytest

from cards.elements import Card
from cards.sentences import SENTENCES
from cards.wording import Argument, say
from tests.cards.cards_at_hand import READERS, buttons, parts, person_cards, read_aloud
from tests.cards.kind_cards import asked_on_cards
from tests.cards.readability import reading_ease, sentence_length, sentences, syllables, words
from tests.triage.triage_script import TEN_PAST_TEN
from triage.incident import QuestionKind
from triage.phrases import Moment, Phrase
from triage.playbooks import FOLLOW_UPS, QUESTIONS

MOST_WORDS = {"en": 60, "de": 75, "pt": 75}
"""German and Portuguese say the same in more words than English does."""

JARGON = {
    "en": (
        "macros? credentials? authenticat\\w+ authoris\\w+ authoriz\\w+ phish\\w* kits? sessions? tokens? "
        "mfa 2fa oauth consent scripts? powershell endpoints? payloads? tenants? exploits? breach\\w* "
        "compromis\\w+ incidents? alerts? quarantin\\w* isolat\\w* remediat\\w+ mitigat\\w+ vectors? "
        "ip url urls domains? hash\\w* ransomware spoof\\w* lateral persistence telemetry detect\\w* "
        "deploy\\w* provision\\w* enrol\\w* prompts? revok\\w+ inbox mailbox edr siem soc iocs? c2 "
        "suspicious malicious anomal\\w+ unauthori\\w+ verif\\w+ validat\\w+ threats? attack\\w*"
    ),
    "de": (
        "makros? credentials? phish\\w* sessions? tokens? mfa account\\w* login\\w* alert\\w* case "
        "incident\\w* endpoint\\w* tenant\\w* malware script\\w* tools? user\\w* security helpdesk "
        "download\\w* upload\\w* share\\w* mail update\\w* check\\w* support"
    ),
    "pt": (
        "macros? credenciais phish\\w* sess\\w+ tokens? mfa login\\w* alerta\\w* endpoint\\w* tenant\\w* "
        "malware script\\w* incidente\\w* password account user\\w* security download\\w* upload\\w* "
        "helpdesk pendrive deletad\\w+ printad\\w+ support"
    ),
}
"""What people who work on security say to one another; in German and Portuguese also English for
which the language has a word. "Malware" stands in one English sentence that tells the end."""


def _prose(card: Card) -> str:
    """The sentences of a card, without its header and its buttons."""
    shown = [part["text"] for part in parts(card) if part["type"] == "TextBlock"]
    return " ".join(text for text in shown if text.endswith((".", "?", "!", ":")))


OURS = ("web.", "web_happened.", "web_ask.", "hello.", "privacy.short", "contained.")
"""What people read of us beside their cards: our pages, the introduction, and news of colleagues."""

TYPED = {"en": "Write verify and", "de": "Schreiben Sie prüfen und", "pt": "Escreva verificar e"}
"""A word to write to us is what it is."""


def _beside_cards(language: str) -> dict[str, str]:
    """Each sentence of ours as it is read, its blanks filled with something short."""
    texts: dict[str, Argument] = {
        "sender": "Contoso", "code": "7KQ2", "days": 90, "contact": "Ines",
        "person": "Bob Meyer", "device": "LAPTOP-7", "app": "Outlook",
        "at": Moment(TEN_PAST_TEN),
    }  # fmt: skip
    said = {
        key: say(Phrase(key, texts), READERS[language]).replace(TYPED[language], "")
        for key in SENTENCES
        if key.startswith(OURS)
    }
    assert len(said) >= 25
    return said


# --- English -------------------------------------------------------------------------------------


def test_a_sentence_on_a_persons_card_has_fourteen_words_at_most_on_average() -> None:
    for name, card in person_cards(READERS["en"]).items():
        assert sentence_length(_prose(card)) <= 14, name


def test_no_single_sentence_is_much_longer() -> None:
    for name, card in person_cards(READERS["en"]).items():
        longest = max(sentences(_prose(card)), key=lambda s: len(words(s)))
        assert len(words(longest)) <= 18, f"{name}: {longest}"


def test_every_persons_card_is_plain_english() -> None:
    for name, card in person_cards(READERS["en"]).items():
        assert reading_ease(_prose(card)) >= 60, f"{name}: {reading_ease(_prose(card)):.0f}"


def test_what_people_read_beside_their_cards_is_plain_english() -> None:
    for key, said in _beside_cards("en").items():
        longest = max(map(len, map(words, sentences(said))))
        assert longest <= 21, f"{key}: {longest}"
    assert sentence_length(" ".join(_beside_cards("en").values())) <= 14
    assert reading_ease(" ".join(_beside_cards("en").values())) >= 60


# --- every language ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(READERS))
def test_a_persons_card_is_short(language: str) -> None:
    for name, card in person_cards(READERS[language]).items():
        count = len(read_aloud(card).split())
        assert count <= MOST_WORDS[language], f"{name}: {count}"


@pytest.mark.parametrize("language", list(READERS))
def test_a_persons_card_holds_no_jargon(language: str) -> None:
    jargon = re.compile(rf"\b({'|'.join(JARGON[language].split())})\b", re.IGNORECASE)
    for name, card in person_cards(READERS[language]).items():
        found = jargon.findall(" ".join([_prose(card), *(b["title"] for b in buttons(card))]))
        assert not found, f"{name}: {found}"


@pytest.mark.parametrize("language", list(READERS))
def test_what_people_read_beside_their_cards_holds_no_jargon(language: str) -> None:
    jargon = re.compile(rf"\b(?<!E-)({'|'.join(JARGON[language].split())})\b", re.IGNORECASE)
    for key, said in _beside_cards(language).items():
        assert not jargon.findall(said), f"{key}: {said}"


@pytest.mark.parametrize("language", list(READERS))
def test_every_question_that_is_asked_on_a_card_is_a_question(language: str) -> None:
    cards = person_cards(READERS[language])
    for kind in asked_on_cards():
        assert "?" in _prose(cards[f"{kind}_asked"]), kind


@pytest.mark.parametrize("language", list(READERS))
def test_a_button_is_read_at_a_glance_and_no_two_read_alike(language: str) -> None:
    for name, card in person_cards(READERS[language]).items():
        titles = [b["title"] for b in buttons(card)]
        assert len(titles) == len(set(titles)), name
        assert all(len(title) <= 26 for title in titles), f"{name}: {titles}"


def test_every_kind_is_shown_at_every_stage() -> None:
    shown = person_cards(READERS["en"])
    stages = {"asked", "answered", "changing", "over_true_positive", "over_false_positive"}

    assert {f"{kind}_{stage}" for kind in asked_on_cards() for stage in stages} <= shown.keys()
    assert "sign_in_mine_neutral" in shown


@pytest.mark.parametrize("language", list(READERS))
def test_each_kind_tells_something_of_its_own(language: str) -> None:
    cards = person_cards(READERS[language])
    told = [_prose(cards[f"{kind}_asked"]) for kind in asked_on_cards()]

    assert len(told) == len(set(told)) == 13


@pytest.mark.parametrize("kind", sorted(set(QuestionKind)))
def test_a_card_that_asks_always_calms(kind: QuestionKind) -> None:
    if kind not in asked_on_cards():
        return
    card = read_aloud(person_cards(READERS["en"])[f"{kind}_asked"])

    assert "You are not in trouble." in card
    assert "We never ask for passwords." in card
    assert kind in FOLLOW_UPS or "10:02" in card or "11:02" in card
    assert len(QUESTIONS[kind].answers) == 4


# --- the measure itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("you", 1),
        ("trouble", 2),
        ("asked", 1),
        ("opened", 2),
        ("reported", 3),
        ("service", 2),
        ("password", 2),
        ("passwords.", 2),
        ("code", 1),
        ("unsure?", 2),
        ("phone", 1),
        ("company", 3),
        ("It's", 1),
        ("LAPTOP-7", 1),
        ("invoice.docm", 1),
        ("10:02.", 1),
    ],
)
def test_syllables_are_counted_as_they_are_spoken(word: str, count: int) -> None:
    assert syllables(word) == count


def test_what_is_hard_to_read_is_found_to_be_hard() -> None:
    plain = "Did you open it? You are not in trouble."
    hard = (
        "Unauthorised authentication activity originating from an unmanaged endpoint necessitates "
        "immediate verification of your organisational credentials."
    )

    assert reading_ease(plain) > 90
    assert reading_ease(hard) < 0
    assert sentence_length(plain) == 4.5


def test_names_and_times_end_no_sentence() -> None:
    assert len(sentences("invoice.docm was opened on LAPTOP-7 at 10:02. Did you open it?")) == 2

"""No card, button or message asks anybody for a secret: that is what forgers do."""

import pytest
from babel.messages.pofile import read_po

from cards.sentences import SENTENCES
from cards.wording import LANGUAGES, LOCALES
from tests.cards.cards_at_hand import READERS, all_cards, parts, person_cards, texts
from triage.secrecy import asks_for_a_secret

PLANTED = {
    "en": [
        "Please enter your password to go on.",
        "Reply with the code we have just sent you.",
        "What is your PIN?",
        "To confirm, approve the sign-in request on your phone.",
        "We need your recovery key.",
        "Read out the one-time number. Thank you.",
        "Scan this QR code.",
        "Tell us the answer to your security question.",
        "You are not in trouble. Confirm your credentials here.",
    ],
    "de": [
        "Bitte geben Sie Ihr Passwort ein.",
        "Wie lautet Ihre PIN?",
        "Nennen Sie uns den Code aus der App.",
        "Bestätigen Sie die Anmeldeanfrage auf Ihrem Telefon.",
        "Senden Sie uns Ihre Zugangsdaten.",
        "Wir brauchen Ihren Wiederherstellungsschlüssel.",
        "Ihnen wird nichts vorgeworfen. Tippen Sie hier Ihr Kennwort.",
    ],
    "pt": [
        "Digite sua senha para continuar.",
        "Qual é o seu PIN?",
        "Responda com o código que enviamos.",
        "Aprove o pedido de acesso no seu telefone.",
        "Envie suas credenciais.",
        "Precisamos da sua chave de recuperação.",
        "Você não fez nada de errado. Informe o código do autenticador.",
    ],
}


def sentences(language: str) -> dict[str, str]:
    if language == "en":
        return SENTENCES
    path = LOCALES / LANGUAGES[language] / "LC_MESSAGES" / "vouch.po"
    with path.open("rb") as file:
        return {str(m.context): str(m.string) for m in read_po(file) if m.id}


@pytest.mark.parametrize(("language", "planted"), [(k, t) for k, ts in PLANTED.items() for t in ts])
def test_a_planted_request_is_found(language: str, planted: str) -> None:
    assert asks_for_a_secret(planted, language) != []


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_no_sentence_asks_for_a_secret(language: str) -> None:
    asking = {
        k: found
        for k, t in sentences(language).items()
        if (found := asks_for_a_secret(t, language))
    }

    assert asking == {}


def test_no_card_asks_for_a_secret() -> None:
    for name, card in all_cards().items():
        language = name.rpartition(".")[2]
        assert asks_for_a_secret("\n".join(texts(card)), language) == [], name


@pytest.mark.parametrize("language", list(READERS))
def test_a_persons_card_has_nothing_to_type_into(language: str) -> None:
    for name, card in person_cards(READERS[language]).items():
        assert [p for p in parts(card) if p["type"].startswith("Input.")] == [], name


@pytest.mark.parametrize("language", list(READERS))
def test_a_persons_card_leads_nowhere_but_back_to_us(language: str) -> None:
    for name, card in person_cards(READERS[language]).items():
        leading = {p["type"] for p in parts(card) if p["type"].startswith("Action.")}
        allowed = {"Action.Execute", "Action.ToggleVisibility"}
        own_page = {"Action.OpenUrl"} if name == "neutral_sign_in" else set[str]()
        assert leading <= allowed | own_page, name

"""No card, button or message asks anybody for a secret: that is what forgers do."""

import pytest
from babel.messages.pofile import read_po

from cards.sentences import SENTENCES
from cards.wording import LANGUAGES, LOCALES
from tests.cards.cards_at_hand import READERS, all_cards, parts, person_cards, texts
from triage.secrecy import asks_for_a_secret, asks_for_one

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


ASKS = (
    "Please read me the code, no rush",
    "No problem, send the code",
    "Do not tell anybody, just give me the code",
    "Have you a minute, then tell me your password",
    "Geben Sie mir den Code, es kostet nichts, keine Sorge",
    "Leia o código, não demora",
    "Which code did you give them?",
    "Please send me your password.",
    "What is your password?",
    "Tell me the code you got.",
    "Did you get the code, and what is it?",
    "Read me the six-digit code.",
    "Please approve the sign-in request now.",
    "Please accept the prompt on your phone.",
    "Reply with the code we sent you.",
    "Give us your MFA code so that we can verify you.",
    "Could you share the password of the admin account?",
    "The code, please.",
    "Your password?",
    "We need your recovery code to unlock the account.",
    "Type your password here.",
    "Please enter the code at microsoft.com/devicelogin.",
    "Send it to me: the one-time code.",
    "Which code do you see?",
    "Confirm your PIN.",
    "I need the token from your authenticator.",
    "Forward the code to this chat.",
    "When the code arrives, send it here.",
    "You will get a code. Please send it to us.",
    "Do not tell anybody else, but send me the password.",
    "Scan this QR code with your phone.",
    "Please paste the token here.",
    "Bitte nennen Sie mir das Passwort.",
    "Können Sie mir den Code nennen?",
    "Wie lautet Ihr Kennwort?",
    "Me passe o código que chegou.",
    "Qual é a sua senha?",
)
TELLS = (
    "Which MFA prompts did you approve?",
    "Did you enter your password on that page?",
    "Please do not share the code with anybody",
    "Bitte geben Sie den Code niemandem",
    "Não informe o código a ninguém",
    "Haben Sie Ihr Passwort eingegeben?",
    "We have it under control. Please leave the laptop on.",
    "We reset Bob's password; please tell him by phone.",
    "Please reset Bob's password and tell him by phone.",
    "Bob's password was reset at 10:30. Please have him sign in again.",
    "Please ask Bob to change his password at the office.",
    "We have revoked Bob's sessions. He will be asked for his password again.",
    "Please confirm that MFA is on for Carla.",
    "Which accounts have no MFA yet?",
    "Please do not approve any sign-in prompt you did not start.",
    "Did Carla approve a prompt at 07:40?",
    "Did anybody type a password into that page?",
    "What did Bob do after he typed his password?",
    "Please tell your users never to give a code to anybody who calls.",
    "Please turn on number matching for MFA and tell us when it is done.",
    "The attacker wants codes: please warn finance by phone.",
    "Please rotate the client secret of the app Payroll-Sync and confirm here.",
    "We need you to revoke the app's secrets.",
    "Please send us the sign-in logs of Carla since Monday.",
    "Your service desk may reset the password only in person.",
    "Please verify with Carla by phone that she enrolled the authenticator.",
    "Jon, what is the status of the password reset?",
    "Please check which devices have recovery keys in AD.",
    "Please replace the token-signing certificate.",
    "Update: the password spray has stopped.",
    "Please provide the serial number of LAPTOP-7.",
    "Who owns the QR code poster in the lobby?",
    "We need the code review of deploy.ps1 by Friday.",
    "Please type up who was at the keyboard.",
)


@pytest.mark.parametrize("written", ASKS)
def test_who_asks_for_a_secret_is_found_out(written: str) -> None:
    assert asks_for_one(written)


@pytest.mark.parametrize("written", TELLS)
def test_of_secrets_may_be_spoken(written: str) -> None:
    assert not asks_for_one(written)

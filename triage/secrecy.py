"""Finding a request for a secret in what is asked of people, in the three languages we speak.

A helper's fake card asks for what only the owner may know, or for an act that gives it away:
that is what is looked for, word by word and verb by verb. To be asked whether one *has* given it
away is no request, and neither is a promise never to ask.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Language:
    thing: str
    request: str
    harmless: str
    """How a sentence begins, or what stands in it, that asks nobody for anything."""


_LANGUAGES = {
    "en": _Language(
        thing=r"passwords?|passcodes?|passphrases?|pins?|codes?|one-time \w+|otps?|secrets?|tokens?"
        r"|credentials?|recovery \w+|security (?:answer|question)s?|mfa|2fa|authenticators?|qr"
        r"|sign-in requests?|prompts?",
        request=r"enter|type|tell|send|give|share|reply|write|provide|confirm|say|submit|read|forward"
        r"|paste|scan|approve|accept|needs?|want|what|which|verify|repeat|update|reset your",
        harmless=r"^\W*(?:did|have|had|has|was|were|may have) |never|\bnot\b|\bno\b|someone may"
        r"|^\W*block|^\W*require",
    ),
    "de": _Language(
        thing=r"passw(?:o|ö)rt\w*|kennw(?:o|ö)rt\w*|pins?|codes?|einmal\w+|tan|geheim\w*|tokens?"
        r"|zugangsdaten|anmeldedaten|wiederherstellungs\w+|mfa|authenticator|qr|anmeldeanfrage\w*",
        request=r"geben|gib|eingeben|tippen|nennen|nenne|senden|sende|schicken|teilen sie|schreiben"
        r"|bestätigen|sagen|vorlesen|weiterleiten|scannen|genehmigen|brauchen|wie lautet|welche\w*"
        r"|mitteilen|verraten|wiederholen",
        harmless=r"^\W*(?:haben|hatten|wurden|hat) |\bnie\b|niemals|\bkein\w*|\bnicht\b|womöglich"
        r"|eingegeben\?$|weitergegeben\?$",
    ),
    "pt": _Language(
        thing=r"senhas?|pins?|códigos?|segredos?|tokens?|credencia\w+|recuperação|mfa|autenticador"
        r"|qr|pedidos? de (?:entrada|acesso)",
        request=r"digite|insira|informe|diga|envie|mande|dê|compartilhe|responda|escreva|forneça"
        r"|confirme|repita|leia|encaminhe|cole|escaneie|aprove|aceite|precisamos|qual é|quais são"
        r"|passe",
        harmless=r"^\W*(?:você \w+(?:ou|eu|iu)|digitou|deu|habilitou|alguém) |nunca|\bnão\b"
        r"|\bnenhum\b|pode ter|^\W*bloquear",
    ),
}

_OURS = re.compile(
    r"\{code\}|case code|código do caso|this code is ours|dieser code ist von uns|este código é nosso"
    r"|given the code|der code \S+ genannt|recebeu o código",
    re.IGNORECASE,
)
"""What a case is called by is told to everybody."""


def asks_for_a_secret(text: str, language: str) -> list[str]:
    """The sentences in a text that ask somebody for a secret, or to let somebody in with one."""
    words = _LANGUAGES[language]
    secret = re.compile(rf"\b(?:{words.thing})\b", re.IGNORECASE)
    request = re.compile(rf"\b(?:{words.request})\b", re.IGNORECASE)
    harmless = re.compile(words.harmless, re.IGNORECASE)
    return [
        sentence
        for sentence in re.split(r"(?<=[.?!:;])\s+|\n+", _OURS.sub("", text))
        if secret.search(sentence) and request.search(sentence) and not harmless.search(sentence)
    ]


def asks_for_one(text: str) -> bool:
    """In any of the languages: whoever writes may write in each."""
    return any(asks_for_a_secret(text, language) for language in _LANGUAGES)

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
    excuse: str
    """How a clause begins that asks nobody for anything, whatever else a stranger writes in it."""


_LANGUAGES = {
    "en": _Language(
        thing=r"passwords?|passcodes?|passphrases?|pins?|codes?|one-time \w+|otps?|secrets?|tokens?"
        r"|credentials?|recovery \w+|security (?:answer|question)s?|mfa|2fa|authenticators?|qr"
        r"|sign-in requests?|prompts?",
        request=r"enter|type|tell|send|give|share|reply|write|provide|confirm|say|submit|read|forward"
        r"|paste|scan|approve|accept|needs?|want|what|which|verify|repeat|update|reset your",
        harmless=r"^\W*(?:did|have|had|has|was|were|may have) |never|\bnot\b|\bno\b|someone may"
        r"|^\W*block|^\W*require",
        excuse=r"(?:did|have|had|has|was|were) |block|require"
        r"|(?:which|what|how many) (?:\w+ )?(?:prompts|sign-in requests) (?:did|have|had|were) "
        r"|(?:please )?(?:do not|don't|never) (?:enter|type|tell|send|give|share|reply|confirm|read"
        r"|forward|scan|approve|accept) ",
    ),
    "de": _Language(
        thing=r"passw(?:o|ö)rt\w*|kennw(?:o|ö)rt\w*|pins?|codes?|einmal\w+|tan|geheim\w*|tokens?"
        r"|zugangsdaten|anmeldedaten|wiederherstellungs\w+|mfa|authenticator|qr|anmeldeanfrage\w*",
        request=r"geben|gib|eingeben|tippen|nennen|nenne|senden|sende|schicken|teilen sie|schreiben"
        r"|bestätigen|sagen|vorlesen|weiterleiten|scannen|genehmigen|brauchen|wie lautet|welche\w*"
        r"|mitteilen|verraten|wiederholen",
        harmless=r"^\W*(?:haben|hatten|wurden|hat) |\bnie\b|niemals|\bkein\w*|\bnicht\b|womöglich"
        r"|eingegeben\?$|weitergegeben\?$",
        excuse=r"(?:haben|hatten|wurden|hat) |(?:bitte )?\w+ sie [^,]*\b(?:nie\w*|nicht(?! nur)|kein\w*)\b",
    ),
    "pt": _Language(
        thing=r"senhas?|pins?|códigos?|segredos?|tokens?|credencia\w+|recuperação|mfa|autenticador"
        r"|qr|pedidos? de (?:entrada|acesso)",
        request=r"digite|insira|informe|diga|envie|mande|dê|compartilhe|responda|escreva|forneça"
        r"|confirme|repita|leia|encaminhe|cole|escaneie|aprove|aceite|precisamos|qual é|quais são"
        r"|passe",
        harmless=r"^\W*(?:você \w+(?:ou|eu|iu)|digitou|deu|habilitou|alguém) |nunca|\bnão\b"
        r"|\bnenhum\b|pode ter|^\W*bloquear",
        excuse=r"você \w+(?:ou|eu|iu) |digitou|deu |habilitou|bloquear|(?:não|nunca) (?:digite|informe"
        r"|diga|envie|compartilhe|responda|confirme|leia|aprove|aceite|passe) ",
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
    harmless = re.compile(words.harmless, re.IGNORECASE)
    return [s for s in _sentences(text) if _asks(s, words) and not harmless.search(s)]


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!:;])\s+|\n+", _OURS.sub("", text))


def _asks(said: str, words: _Language) -> bool:
    """Both the thing and an act that gives it away."""
    named = (rf"\b(?:{each})\b" for each in (words.thing, words.request))
    return all(re.search(each, said, re.IGNORECASE) for each in named)


def asks_for_one(text: str) -> bool:
    """What people write, in any of the languages: whoever writes may write in each. Only how they
    begin excuses them: "read me the code, no rush" does ask."""
    return any(_is_asked_for(s, w) for w in _LANGUAGES.values() for s in _sentences(text))


def _is_asked_for(sentence: str, words: _Language) -> bool:
    return any(
        _asks(said, words) and not re.match(rf"\W*(?:{words.excuse})", said, re.IGNORECASE)
        for said in (sentence, *sentence.split(","))
    )

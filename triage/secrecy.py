"""Finding a request for a secret in what is asked of people, in the three languages we speak.

A helper's fake card asks for what only the owner may know, or for an act that gives it away:
that is what is looked for, word by word and verb by verb. To be asked whether one *has* given it
away is no request, and neither is a promise never to ask.
"""

import re
from dataclasses import dataclass

from triage.phrases import Phrase, phrase


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
    harmless = re.compile(words.harmless, re.IGNORECASE)
    return [s for s in _sentences(text) if _asks(s, words) and not harmless.search(s)]


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!:;])\s+|\n+", _OURS.sub("", text))


def _asks(said: str, words: _Language) -> bool:
    """Both the thing and an act that gives it away."""
    named = (rf"\b(?:{each})\b" for each in (words.thing, words.request))
    return all(re.search(each, said, re.IGNORECASE) for each in named)


# --- what people write ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asking:
    """How somebody asks for a secret in a language. A password is spoken of more often than it is
    asked for: what counts is which words stand beside each other."""

    thing: str
    asks: tuple[str, ...]
    """In one clause, with the thing where it says THING."""
    asks_for_it: tuple[str, ...]
    """Where the thing is named anywhere else in the text."""
    excuse: str
    """How a clause begins that asks nobody for anything."""

    def is_in(self, text: str) -> bool:
        sentences = _sentences(text)
        clauses = [clause for sentence in sentences for clause in sentence.split(",")]
        at_once = (c for c in clauses if not re.match(rf"\W*(?:{self.excuse})", c, re.IGNORECASE))
        return (
            any(self._finds(form, clause) for clause in at_once for form in self.asks)
            or any(self._finds(rf"^\W*{_OWN}THING\W*{_PLEASE}?\W*$", s) for s in sentences)
            or (self.names(text) and any(self._finds(form, text) for form in self.asks_for_it))
        )

    def names(self, text: str) -> bool:
        return self._finds("THING", text)

    def _finds(self, form: str, text: str) -> bool:
        thing = rf"\b(?:{self.thing})\b"
        return re.search(form.replace("THING", thing), text, re.IGNORECASE) is not None


_PLEASE = "(?:please|bitte|por favor)"
_OWN = r"(?:(?:the|your|den|das|die|ihr\w*|dein\w*|[oa]|seu|sua) )(?:[\w-]+ )?"

_UNWARNED = (
    r"(?<!do not )(?<!must not )(?<!should not )(?<!will not )(?<!not to )(?<!cannot )(?<!n't )"
    r"(?<!never )(?<!never to )"
)
"""No warning stands right before the act."""

_EN = _Asking(
    thing=r"passwords?|passcodes?|passphrases?|pins?|codes?|one-time \w+|otps?|secrets?|tokens?"
    r"|credentials?|recovery keys?|access pass|security (?:answer|question)s?|qr|cookies?"
    r"|sign-in requests?|prompts?|your (?:mfa|2fa|authenticator)",
    asks=(
        _UNWARNED + r"\b(?:enter|type|tell|send|give|share|sharing|reply|write|provide|confirm|say"
        r"|submit|read|forward|paste|copy|upload|scan|approve|accept|needs?|want|verify|repeat"
        r"|update)\s+"
        r"(?:(?!(?:that|if|whether|when|for|who|and|to|not|never|no|until|after|before|by|about)\b)"
        r"[\w'-]+\s+){0,5}?THING(?!'s\b|\s+(?:reset|review|spray|polic\w+|change|manager|rotation"
        r"|expir\w+|was|is|were|has|had|will)\b)",
        (
            r"\b(?:what|which)(?:'s| is| are)?\s+(?:(?:the|your|this|that)\s+)?"
            r"(?:(?:sms|mfa|2fa|one-time|(?:six|eight|\d)[ -]digit|new|current|old|admin|sign-in)\s+)*"
            r"THING(?!'s\b|\s+(?:reset|review|spray|polic\w+|change|was|were|has|had|will)\b)"
        ),
        r"THING\s+please\b",
    ),
    asks_for_it=(
        r"\bwhat (?:is|was|are) (?:it|they)\W*$",
        _UNWARNED + r"\b(?:send|tell|give|read|forward|share|paste|type|enter|say|write|pass|need)"
        r" (?:(?:me|us) (?:it|yours|the number)|(?:it|them|yours|one|the (?:number|new one|digits))"
        r"(?: \w+)?(?: \w+)? (?:me|us|here|below|in this chat))\b",
        _UNWARNED + r"\b(?:approve|accept|confirm) it\b|\b(?:tap|press|hit)(?: on)? (?:approve|yes"
        r"|allow|accept)\b",
    ),
    excuse=r"(?:and |or )?(?:did|have|had|has|was|were) |block|require"
    r"|(?:which|what|how many) (?:\w+ )?(?:prompts|sign-in requests) (?:did|have|had|were) ",
)

_DE = _Asking(
    thing=r"passw(?:o|ö)rt(?:er|es?|s)?|kennw(?:o|ö)rt(?:er|es?|s)?|pins?|codes?|einmalcodes?|tans?"
    r"|wiederherstellungs(?:code|schlüssel)s?|geheimnis\w*|client secrets?|tokens?|zugangsdaten"
    r"|anmeldedaten|qr|anmeldeanfrage\w*|ihre[nm]? (?:mfa|authenticator)",
    asks=(
        (
            r"\b(?:geben|gib|tippen|nennen?|sagen?|senden?|schicken?|schreiben?|teilen|bestätigen?|lesen"
            r"|genehmigen?|scannen?|brauchen?|benötigen?|verraten?|leiten?|wiederholen)\s+"
            r"(?:(?!(?:dass|ob|wenn|weil|für|und|nicht|nie|niemals|wer|was|zu|über)\b)[\w-]+\s+){0,5}?"
            r"THING(?!\s+(?:wurde|war|wird|zurück\w*|nie\w*|nicht|kein\w*)\b)"
        ),
        r"\b(?:wie lautet|wie ist|was ist|welche\w*)\s+(?:(?:der|das|die|ihr\w*|dein\w*)\s+)?THING",
        (
            r"\b(?:den|das|die|ihr\w*|dein\w*|einen?)\s+(?:[\w-]+\s+)?THING\s+(?:(?!(?:nie|nicht)\b)"
            r"[\w-]+\s+){0,3}?(?:nennen|geben|mitteilen|schicken|senden|eingeben|eintippen|durchgeben"
            r"|sagen|vorlesen|verraten|weiterleiten|bestätigen|scannen|genehmigen|zukommen)\b"
        ),
    ),
    asks_for_it=(
        r"\b(?:geben|nennen|sagen|senden|schicken|lesen|schreiben) sie (?:mir|uns) (?:ihn|es)\b",
        r"\b(?:mir|uns) (?:ihn|es|einen davon) (?:\w+ )?(?:nennen|geben|sagen|senden|schicken)\b",
        r"\b(?:geben|nennen|sagen|senden|schicken) sie (?:ihn|es) (?:mir|uns|hier)\b",
    ),
    excuse=r"(?:haben|hatten|wurden|hat) ",
)

_PT = _Asking(
    thing=r"senhas?|pins?|códigos?|segredos?|tokens?|credencia\w+|chaves? de recuperação|qr"
    r"|pedidos? de (?:entrada|acesso)|(?:seu|sua) (?:mfa|autenticador)",
    asks=(
        (
            r"(?<!não )(?<!nunca )(?<!nem )(?<!precisa )\b(?:digite|insira|informe|diga|envie|manda|mande"
            r"|dê|compartilhe|responda|escreva|forneça|confirme|repita|leia|ler|encaminhe|cole|escaneie"
            r"|aprove|aceite|precis[oa]|precisamos|passa|passe)\s+"
            r"(?:(?!(?:que|se|quando|para|e|não|nunca|sobre)\b)[\w-]+\s+){0,5}?"
            r"THING(?!\s+(?:foi|foram|está|expir\w+)\b)"
        ),
        r"\b(?:qual (?:é|foi)|quais (?:são|foram))\s+(?:[oa]s? )?(?:(?:seu|sua)s? )?THING",
    ),
    asks_for_it=(
        r"\bme (?:manda|mande|passa|passe|envia|envie|diz|diga) (?:ele|ela|isso)?\s*(?:aqui|agora)\b",
        r"\b(?:envie|mande|diga|informe|passe)(?:-?[oa]|-?l[oa])? (?:para (?:mim|nós)|aqui)\b",
        r"\bdigitá-l[oa] aqui\b",
    ),
    excuse=r"você \w+(?:ou|eu|iu) |digitou|deu |habilitou|bloquear",
)


def asks_for_one(text: str) -> bool:
    """What people write plainly, in any of the languages: whoever writes may write in each. Only how
    a clause begins excuses it: "read me the code, no rush" does ask."""
    return any(language.is_in(_plain(text)) for language in (_EN, _DE, _PT))


def reminder(text: str) -> tuple[Phrase, ...]:
    """For whoever is about to say it, where it speaks of a secret at all: what asks for one in a
    roundabout way is not found above."""
    speaks = any(language.names(_plain(text)) for language in (_EN, _DE, _PT))
    return (phrase("confirm.speaks_of_secret"),) if speaks else ()


def _plain(text: str) -> str:
    return _OURS.sub("", text.replace(chr(0x2019), "'"))

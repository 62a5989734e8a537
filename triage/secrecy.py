"""Finding a request for a secret in what is asked of people, in the three languages we speak.

A helper's fake card asks for what only the owner may know, or for an act that gives it away:
that is what is looked for, word by word and verb by verb. To be asked whether one *has* given it
away is no request, and neither is a promise never to ask.
"""

import re
import unicodedata
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
    door: str
    """What lets somebody in who has no secret, where it is approved."""
    asks: tuple[str, ...]
    """THING and DOOR are these, NEAR some words before one that begin no other thought."""
    asks_for_it: tuple[str, ...]
    """Where either is named anywhere else in the text."""
    elsewhere: str
    """Words that begin another thought."""
    excuse: str
    """How a clause begins that asks nobody for anything."""

    def is_in(self, text: str) -> bool:
        sentences = _sentences(text)
        return (
            any(self._asks(sentence) for sentence in sentences)
            or any(self._form(_NAMED_ALONE).fullmatch(sentence) for sentence in sentences)
            or (self.names(text) and any(self._form(it).search(text) for it in self.asks_for_it))
        )

    def names(self, text: str) -> bool:
        return self._form("THING|DOOR").search(text) is not None

    def _asks(self, sentence: str) -> bool:
        """In a clause that nothing excuses, and on from there."""
        excuse = self._form(rf"\W*(?:and |or |und |ou )?(?:{self.excuse})")
        return any(
            found.start() < clause.end()
            for clause in re.finditer("[^,]+", sentence)
            if not excuse.match(clause[0])
            for form in self.asks
            for found in self._form(form).finditer(sentence, clause.start())
        )

    def _form(self, form: str) -> re.Pattern[str]:
        near = rf",?\s+(?:(?!(?:{self.elsewhere})\b)[\w'-]+,?\s+){{0,6}}?"
        for name, means in (("THING", self.thing), ("DOOR", self.door)):
            form = form.replace(name, rf"\b(?:{means})\b")
        return re.compile(form.replace("NEAR", near), re.IGNORECASE)


_NAMED_ALONE = (
    r"\W*(?:(?:and|the|your|den|das|die|ihr\w*|dein\w*|[oa]|seu|sua) )*(?:[\w-]+ )?THING"
    r"\W*(?:please|bitte|por favor)?\W*"
)
"""The code, please. Your password?"""

_UNWARNED = "".join(
    rf"(?<!{no} )"
    for no in (
        *("do not", "do not ever", "must not", "should not", "will not", "not to", "n't", "cannot"),
        *("never", "never to", "will ever"),
    )
)
"""No warning stands right before the act."""

_IS_TOLD = (
    r"(?!'s\b|,?\s+(?:reset|review|spray|polic\w+|change|manager|rotation|expir\w+|issuer|lifetime|theft"
    r"|replay|protection|was|is|were|has|had|will)\b)"
)
"""Nothing is told of the thing, and it is not part of another one."""

_EN = _Asking(
    thing=r"passwords?|passcodes?|passphrases?|pins?|(?<!source )(?<!exit )(?<!error )(?<!postal )codes?"
    r"|one-time \w+|otps?|secrets?|tokens?|credentials?|recovery keys?|access pass|cookies?|qr"
    r"|security (?:answer|question)s?|your (?:mfa|2fa|authenticator)",
    door="prompts?|logins?|sign-ins?|sign-in requests?|push|pop-?ups?",
    asks=(
        _UNWARNED
        + r"\b(?:enter|type|tell|text|send|give|share|sharing|reply|write|provide|say|submit|read"
        r"|forward|paste|post|copy|upload|scan|needs?|want|want to see|let (?:me|us) know"
        r"|(?:can|could|may) (?:i|we) (?:have|get|see)|(?:confirm|verify|update|repeat)(?= your))"
        r"NEARTHING" + _IS_TOLD,
        _UNWARNED + r"\b(?:approve|accept|confirm|allow)NEARDOOR" + _IS_TOLD,
        r"\b(?:what|which)(?:'s| is| are)?\s+(?:(?:the|your|this|that)\s+)?"
        r"(?:(?:sms|mfa|2fa|one-time|(?:six|eight|\d)[ -]digit|new|current|old|admin|sign-in)\s+)*"
        r"THING" + _IS_TOLD,
        r"THING\s+please\b",
    ),
    asks_for_it=(
        r"\bwhat (?:is|was|are) (?:it|they)\W*$",
        _UNWARNED
        + r"\b(?:send|tell|give|read|forward|share|paste|type|enter|say|write|pass|need|post) "
        r"(?:(?:me|us) (?:it|yours|the number)|(?:it|them|yours|one|the (?:number|new one|digits))"
        r"(?: \w+){0,2} (?:me|us|here|below|chat))\b",
        _UNWARNED + r"\b(?:send|type|enter|paste|text|post) it\W*$",
        _UNWARNED + r"\b(?:approve|accept|confirm) it\b",
        r"\b(?:tap|press|hit)(?: on)? (?:approve|yes|allow|accept)\b",
    ),
    elsewhere="that|if|whether|when|for(?! verification)|who|to|not|never|no|until|after|before|by|about",
    excuse=r"(?:did|have|had|has|was|were) |block|require|nobody|no one|none |attackers?\b|the attacker"
    r"|(?:from |on |to )?(?:where|when|why|how|who|whom|(?:which|what|how many) "
    r"(?:(?!passw|pass|pin|code|token|secret)[\w-]+ ){1,3}?)\s*(?:did|have|had|has|was|were) ",
)

_DE = _Asking(
    thing=r"passw(?:o|ö)rt(?:er|es?|s)?|kennw(?:o|ö)rt(?:er|es?|s)?|pins?|codes?|einmalcodes?|tans?"
    r"|wiederherstellungs(?:code|schlüssel)s?|geheimnis\w*|client secrets?|tokens?|zugangsdaten"
    r"|anmeldedaten|qr|ihre[nm]? (?:mfa|authenticator)",
    door=r"anmeldeanfrage\w*|anmeldung (?:auf|am|in)",
    asks=(
        (
            r"\b(?:geben|gib|tippen|nennen?|sagen?|senden?|schicken?|schreiben?|teilen|bestätigen?|lesen"
            r"|scannen?|brauchen?|benötigen?|verraten?|leiten?|wiederholen)NEARTHING"
            r"(?!\s+(?:wurde|war|wird|zurück\w*|nie\w*|nicht|kein\w*)\b)"
        ),
        r"\b(?:genehmigen?|bestätigen?)NEARDOOR",
        r"\b(?:wie lautet|wie ist|was ist|welche\w*)\s+(?:(?:der|das|die|ihr\w*|dein\w*)\s+)?THING",
        (
            r"\b(?:den|das|die|ihr\w*|dein\w*|einen?)\s+(?:[\w-]+\s+)?THING\s+(?:haben\b"
            r"|(?:(?!(?:nie|nicht)\b)[\w-]+\s+){0,3}?(?:nennen|geben|mitteilen|schicken|senden|eingeben"
            r"|eintippen|durchgeben|sagen|vorlesen|verraten|weiterleiten|scannen|zukommen)\b)"
        ),
    ),
    asks_for_it=(
        r"\b(?:geben|nennen|sagen|senden|schicken|lesen|schreiben) sie (?:mir|uns) (?:ihn|es)\b",
        r"\b(?:mir|uns) (?:ihn|es|einen davon) (?:\w+ )?(?:nennen|geben|sagen|senden|schicken)\b",
        r"\b(?:geben|nennen|sagen|senden|schicken) sie (?:ihn|es) (?:mir|uns|hier)\b",
    ),
    elsewhere="dass|ob|wenn|weil|für|nicht|nie|niemals|wer|was|zu|über",
    excuse=r"(?:haben|hatten|wurden|hat) |niemand|keiner"
    r"|(?:wo|wann|warum|wem|wie|welche\w* (?!code|passw|kennw|pin)[\w-]+) (?:haben|hat|hatten) ",
)

_PT = _Asking(
    thing=r"senhas?|pins?|códigos?(?! de erro|-fonte)|segredos?|tokens?|credencia\w+|qr"
    r"|chaves? de recuperação|(?:seu|sua) (?:mfa|autenticador)",
    door=r"pedidos? de (?:entrada|acesso)|solicitaç\w+ que",
    asks=(
        (
            r"(?<!não )(?<!nunca )(?<!nem )(?<!precisa )(?<!preciso )(?<!não é )"
            r"\b(?:digite|insira|informe|diga|dizer|envia|envie|enviar|manda|mande|dê|compartilhe|responda"
            r"|escreva|forneça|confirme|repita|leia|ler|encaminhe|cole|escaneie|aprove|aceite|precis[oa]"
            r"|precisamos|passa|passe)NEAR(?:THING|DOOR)(?!\s+(?:foi|foram|está|expir\w+)\b)"
        ),
        r"\b(?:qual(?: é| foi)?|quais (?:são|foram))\s+(?:[oa]s? )?(?:(?:seu|sua)s? )?THING",
    ),
    asks_for_it=(
        r"\bme (?:manda|mande|passa|passe|envia|envie|diz|diga) (?:ele|ela|isso)?\s*(?:aqui|agora)\b",
        r"\b(?:envie|mande|diga|informe|passe)(?:-?[oa]|-?l[oa])? (?:para (?:mim|nós)|aqui)\b",
        r"\bdigitá-l[oa] aqui\b",
    ),
    elsewhere="que|se|quando|para|não|nunca|sobre",
    excuse=r"você \w+(?:ou|eu|iu) |digitou|deu |habilitou|bloquear|ninguém|(?:onde|quando|por que) ",
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
    """Without what only looks otherwise: other forms of a letter, and characters that nobody sees."""
    seen = unicodedata.normalize("NFKC", text).replace(chr(0x2019), "'")
    return _OURS.sub("", "".join(c for c in seen if unicodedata.category(c) != "Cf"))

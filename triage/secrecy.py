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
    """How somebody asks for a secret in a language: what must stand beside what, for a password is
    spoken of more often than it is asked for."""

    thing: str
    act: str
    """What hands a secret over, or lets somebody in."""
    unless: str
    """What stands right before an act that is warned of."""
    elsewhere: str
    """Words between act and thing after which another thought begins."""
    asked: str
    own: str
    kind: str
    goes_on: str
    """What stands right behind a thing of which something is told."""
    last: str
    """The act, where it ends the clause."""
    it: str
    """An act on what was named before or will be."""
    excuse: str
    """How a clause begins that asks nobody for anything."""

    def asks(self, clause: str) -> bool:
        if re.match(rf"\W*(?:{self.excuse})", clause, re.IGNORECASE):
            return False
        near = rf"(?:(?!(?:{self.elsewhere})\b)[\w'-]+\s+){{0,4}}?"
        named = rf"(?:(?:{self.own})\s+)?(?:(?:{self.kind})\s+)*(?:{self.thing})\b"
        forms = (
            rf"{self.unless}\b(?:{self.act})\s+{near}(?:{self.thing})\b(?!{self.goes_on})",
            rf"\b(?:{self.asked})\s+{named}(?!{self.goes_on})",
            rf"\b{named}\s+(?:{self.last})\b",
        )
        return any(re.search(form, clause, re.IGNORECASE) for form in forms)

    def asks_for_it(self, text: str) -> bool:
        names = re.search(rf"\b(?:{self.thing})\b", text, re.IGNORECASE)
        return bool(names and re.search(rf"\b(?:{self.it})", text, re.IGNORECASE))

    def only_names(self, sentence: str) -> bool:
        """The code, please. Your password?"""
        alone = rf"\W*(?:{self.own})\s+(?:(?:{self.kind})\s+)*(?:{self.thing})\W*(?:{_PLEASE})?\W*"
        return re.fullmatch(alone, sentence, re.IGNORECASE) is not None


_PLEASE = "please|bitte|por favor"

_PEOPLES = (
    _Asking(
        thing=r"passwords?|passcodes?|passphrases?|pins?|codes?|one-time \w+|otps?|secrets?|tokens?"
        r"|credentials?|recovery keys?|security (?:answer|question)s?|qr|sign-in requests?|prompts?"
        r"|your (?:mfa|2fa|authenticator)",
        act=r"enter|type(?: in)?|tell|send|give|share|reply|write|provide|confirm|say|submit|read"
        r"|forward|paste|scan|approve|accept|needs?|want|verify|repeat|update",
        unless="".join(
            rf"(?<!{no} )"
            for no in ("do not", "must not", "should not", "will not", "may not", "not to")
        )
        + r"(?<!n't )(?<!cannot )(?<!never )(?<!never to )",
        elsewhere="that|if|whether|when|for|who|and|to|not|never|no|until|after|before|by|about",
        asked=r"(?:what|which)(?:'s| is| are| was| were)?",
        own="the|your|my|our|this|that|a|an|any|each",
        kind="sms|mfa|2fa|one-time|six-digit|6-digit|new|current|old|admin|login|sign-in|security",
        goes_on=r"'s\b|\s+(?:reset|review|spray|polic\w+|change|manager|rotation|expir\w+|was|is"
        r"|were|has|had|will)\b",
        last="please",
        it=r"what (?:is|was) it\W*$|(?:send|tell|give|read|forward|share|paste|type|enter|say|write)"
        r" (?:(?:me|us) it|(?:it|them) (?:to (?:me|us)|with (?:me|us)|back|here))\b",
        excuse=r"(?:and |or )?(?:did|have|had|has|was|were) |block|require"
        r"|(?:which|what|how many) (?:\w+ )?(?:prompts|sign-in requests) (?:did|have|had|were) ",
    ),
    _Asking(
        thing=r"passw(?:o|ö)rt(?:er|es?|s)?|kennw(?:o|ö)rt(?:er|es?|s)?|pins?|codes?|einmalcodes?|tans?"
        r"|geheimnis\w*|tokens?|zugangsdaten|anmeldedaten|qr|anmeldeanfrage\w*"
        r"|ihre[nm]? (?:mfa|authenticator)",
        act=r"geben|gib|tippen|nennen?|sagen?|senden?|schicken?|schreiben?|teilen|bestätigen?|lesen"
        r"|genehmigen?|scannen?|brauchen?|benötigen|verraten|leiten|wiederholen",
        unless="",
        elsewhere="dass|ob|wenn|weil|für|und|nicht|nie|niemals|wer|was|zu|über",
        asked=r"wie lautet|wie ist|was ist|welche\w*",
        own=r"den|das|die|dem|ihren?|ihr|dein\w*|einen?|diese\w*",
        kind=r"neue\w*|sechsstellige\w*|aktuelle\w*|alte\w*",
        goes_on=r"\s+(?:wurde|war|wird|zurück\w*|nie\w*|nicht|kein\w*)\b",
        last=r"(?:bitte )?(?:nennen|geben|mitteilen|schicken|senden|eingeben|durchgeben|sagen"
        r"|vorlesen|verraten|weiterleiten|bestätigen|scannen|genehmigen)",
        it=r"(?:geben|nennen|sagen|senden|schicken|lesen|schreiben) sie (?:(?:mir|uns) )?(?:ihn|es)"
        r"(?: (?:mir|uns|hier|her))\b|(?:mir|uns) (?:ihn|es)\b",
        excuse=r"(?:haben|hatten|wurden|hat) ",
    ),
    _Asking(
        thing=r"senhas?|pins?|códigos?|segredos?|tokens?|credencia\w+|chaves? de recuperação|qr"
        r"|pedidos? de (?:entrada|acesso)|(?:seu|sua) (?:mfa|autenticador)",
        act=r"digite|insira|informe|diga|envie|mande|dê|compartilhe|responda|escreva|forneça"
        r"|confirme|repita|leia|encaminhe|cole|escaneie|aprove|aceite|preciso|precisamos|passe",
        unless="(?<!não )(?<!nunca )(?<!nem )",
        elsewhere="que|se|quando|para|e|não|nunca|sobre",
        asked=r"qual (?:é|foi)|quais (?:são|foram)|que",
        own=r"[oa]s?|[oa]s? (?:seu|sua)s?|(?:seu|sua)s?|um|uma|este|esse|esta|essa",
        kind="novo|nova|atual",
        goes_on=r"\s+(?:foi|foram|está|expir\w+)\b",
        last="por favor",
        it=r"(?:envie|mande|diga|informe|passe)(?: |-)(?:ele|ela|[ao]|l[ao])? ?(?:para (?:mim|nós)|aqui)\b",
        excuse=r"você \w+(?:ou|eu|iu) |digitou|deu |habilitou|bloquear",
    ),
)


def asks_for_one(text: str) -> bool:
    """What people write, in any of the languages: whoever writes may write in each. Of a password
    much may be told; what asks for one, or for an act that gives it away, is found clause by clause:
    "read me the code, no rush" does ask."""
    sentences = _sentences(text.replace(chr(0x2019), "'"))
    clauses = [clause for sentence in sentences for clause in sentence.split(",")]
    return any(
        any(map(each.asks, clauses))
        or any(map(each.only_names, sentences))
        or each.asks_for_it(_OURS.sub("", text))
        for each in _PEOPLES
    )

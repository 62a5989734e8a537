"""Reading "verify 7KQ2": somebody asks whether a case code is ours.

People write it in their own language, in any case, with blanks and dashes in the code. A word that
may begin an ordinary sentence ("check the file") asks for a code only with what looks like one.
"""

import re

LONGEST = 80
"""Characters of a message that asks for nothing but a code."""

_POLITE = r"(?:(?:please|can you|could you|bitte|könnt ihr|können sie|por favor|pode)\b\W*)?"
_SURELY = r"(?:verify|verifizieren?|verifiziere|überprüfen?|verificar?|verifique|autenticar)"
_PERHAPS = r"(?:check|pr(?:ü|ue)fen?|checar|cheque|conferir|confira|confere)"
_CODE_WORD = (
    r"(?:(?:the|my|this|den|diesen|meinen|o|este|meu)\s+)?"
    r"(?:case\s+code|fall-?code|code|case|fall|vorgang|código\s+do\s+caso|código|codigo|caso)\W+"
)
_SURE = re.compile(rf"\W*{_POLITE}{_SURELY}\b\W*(?:{_CODE_WORD})?(?P<code>.+)", re.IGNORECASE)
_SAYS_CODE = re.compile(rf"\W*{_POLITE}{_PERHAPS}\b\W*{_CODE_WORD}(?P<code>.+)", re.IGNORECASE)
_LOOKS_LIKE_CODE = re.compile(rf"\W*{_POLITE}{_PERHAPS}\b\W*(?P<code>\S*\d.*)", re.IGNORECASE)

_WRITTEN = re.compile(r"[A-Za-z0-9]{2,12}")
"""A code as it was written, without what stands between: a forger's need not look like ours."""


def code_in(text: str) -> str | None:
    """The code somebody wants checked, in capitals; None where the words ask for something else."""
    if len(text) > LONGEST:
        return None
    for asks in (_SURE, _SAYS_CODE, _LOOKS_LIKE_CODE):
        if (found := asks.fullmatch(text.strip())) and (code := _bare(found["code"])):
            return code
    return None


def _bare(written: str) -> str | None:
    """One word, or single characters and short groups: "7 K Q 2", "7K-Q2"."""
    parts = re.split(r"[\s\W_]+", written.strip(" \t\r\n.,;:!?\"'()[]„“”"))
    joined = "".join(parts)
    grouped = len(parts) == 1 or all(len(part) <= 4 for part in parts)
    return joined.upper() if grouped and _WRITTEN.fullmatch(joined) else None

"""Text from outside, made harmless: no link, no markup, no mention, nothing unseen.

Nothing is escaped with backslashes or entities: Teams on a phone shows both as they are written
(AdaptiveCards issues 5590 and 7474, msteams-docs issue 10997). What has a meaning in Markdown, HTML
or a card is replaced by a character that looks like it and has none, so the same text may stand in
a card, on a button, in a message and on a lock screen.
"""

import re
import unicodedata

LIMIT = 140
"""Longer texts are cut: a card says what happened, the source system holds the whole."""


def outside(text: str, limit: int = LIMIT) -> str:
    """Text from outside as one harmless line of at most `limit` characters.

    - controls, zero-width, bidirectional and other unseen characters go; white space becomes one
      blank
    - Markdown, HTML, `<at>` and the date macros of cards lose their meaning
    - links read hxxp and [.]; file names stay as people know them, unless they could be a site's
      (README.md)
    - what is too long ends in an ellipsis; what shows nothing reads as a question mark
    - what runs from right to left does so by itself: our words beside it keep their places
    """
    read = text[:_READ]
    if _PLAIN.fullmatch(read):
        return shortened(read, limit)
    bare = _without_marks(_fanged(_seen(read)))
    shown = _without_start(_defanged_within(bare, limit))
    return _by_itself(shown, limit) or ("?" if text else "")


_READ = 2_000
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9',-]| (?=[A-Za-z0-9]))*")
"""Words and numbers alone, as most names are: nothing in them has a meaning anywhere."""


# --- what cannot be seen -------------------------------------------------------------------------

_BLANK_LETTERS = dict.fromkeys(map(ord, "\u115f\u1160\u3164\uffa0\u2800"))
_SELECTORS = re.compile("[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff]")
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_STACKED = re.compile(f"({_MARKS}{{2}}){_MARKS}+")


def _seen(text: str) -> str:
    """Only what a reader sees, on one line."""
    text = "".join(" " if c.isspace() else c for c in text)
    text = _SELECTORS.sub("", text.translate(_BLANK_LETTERS))
    text = "".join(filter(str.isprintable, text))
    return _STACKED.sub(r"\1", " ".join(unicodedata.normalize("NFC", text).split()))


# --- markup --------------------------------------------------------------------------------------

_LOOKS_LIKE = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "[": "(",
        "]": ")",
        "*": "\N{ASTERISK OPERATOR}",
        "`": "'",
        "|": "\N{BROKEN BAR}",
    }
)
_ENTITY = re.compile(r"&(?=#|[0-9A-Za-z]+;)")
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore that is not inside a word."""
_STRUCK = re.compile(r"~(?=~)|(?<=~)~")
_MACRO = re.compile(r"(?<=\{)(?=\{)|(?<=\})(?=\})")
_ESCAPE = re.compile(r"\\(?![0-9A-Za-z])")


def _without_marks(text: str) -> str:
    """No emphasis, code, links, images, tables, tags, entities, card macros or escapes."""
    text = text.translate(_LOOKS_LIKE)
    text = _ENTITY.sub("\N{FULLWIDTH AMPERSAND}", text)
    text = _EMPHASIS.sub("\N{MODIFIER LETTER LOW MACRON}", text)
    text = _STRUCK.sub("\N{TILDE OPERATOR}", text)
    text = _MACRO.sub(" ", text)
    return _ESCAPE.sub("\N{SET MINUS}", text)


_START = re.compile(r"^(?:[-+](?=\s|$)|-{2,}|#+(?=\s|$)|\d+[.)](?=\s|$))")
_START_LOOKS_LIKE = str.maketrans(
    {
        "-": "\N{EN DASH}",
        "+": "\N{FULLWIDTH PLUS SIGN}",
        "#": "\N{FULLWIDTH NUMBER SIGN}",
        ".": "\N{ONE DOT LEADER}",
        ")": "\N{FULLWIDTH RIGHT PARENTHESIS}",
    }
)


def _without_start(text: str) -> str:
    """No heading, list or rule, should the text stand first on its line."""
    return _START.sub(lambda found: found[0].translate(_START_LOOKS_LIKE), text)


# --- direction -----------------------------------------------------------------------------------

_LEFTWARD = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def _by_itself(text: str, limit: int) -> str:
    """Hebrew and Arabic would pull the numbers and signs beside them to their other side."""
    if not _LEFTWARD.search(text):
        return text
    text = _defanged_within(_fanged(text), limit - 2)
    return f"{_ISOLATE}{text}{_END}" if _LEFTWARD.search(text) else text


# --- links ---------------------------------------------------------------------------------------

_DEAD_DOT = re.compile(r"\[\.\]|\(\.\)|\[dot\]", re.IGNORECASE)
_DEAD_COLON = re.compile(r"(?:\[:\]|\(:\))(?=\S)")
_DEAD_HTTP = re.compile(r"hxxp(?=s?://)", re.IGNORECASE)


def _fanged(text: str) -> str:
    """What others have defanged, as it was: so that everything is defanged once, our way."""
    text = _DEAD_COLON.sub(":", _DEAD_DOT.sub(".", text))
    return _DEAD_HTTP.sub("http", text)


_DOT = re.compile("[.\u3002\uff0e\uff61\u2024]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BARE_SCHEME = re.compile(
    r"(?<![a-z0-9])(javascript|vbscript|data|file|mailto|tel|sms|sip|im|callto|msteams|ms-[a-z-]+"
    r"|search-ms|blob):(?=[\w/%+])",
    re.IGNORECASE,
)
_HOST = re.compile(
    rf"(?P<before>@|//)?(?P<name>[^\W_](?:[\w-]*\w)?(?:{_DOT.pattern}[^\W_](?:[\w-]*\w)?)+)"
    r"(?P<after>:\d|/\w|\?\w+=|@)?"
)
_ADDRESS = re.compile(r"(?<![0-9.])((?:\d{1,3}\.){2}\d{1,3})\.(?=\d{1,3}(?![0-9.]))")


def _defanged_within(text: str, limit: int) -> str:
    """Cut first: it is less to search, and a cut may leave the address of another site."""
    text = _defanged(shortened(text, limit))
    while len(text) > limit:
        text = _defanged(_fanged(shortened(text, limit)))
    return text


def _defanged(text: str) -> str:
    text = _SCHEME.sub(_dead_scheme, text)
    text = _BARE_SCHEME.sub(r"\1[:]", text)
    text = _HOST.sub(_dead_host, text)
    return _ADDRESS.sub(r"\1[.]", text)


def _dead_scheme(found: re.Match[str]) -> str:
    head, http, rest = found[1].lower().rpartition("http")
    if http and rest in ("", "s"):
        return f"{head}hxxp{rest}://"
    return f"{found[1]}[:]//"


def _dead_host(found: re.Match[str]) -> str:
    if _is_host(found["name"], linked=bool(found["before"] or found["after"])):
        return found[0].replace(found["name"], _DOT.sub("[.]", found["name"]))
    return found[0]


def _is_host(name: str, *, linked: bool) -> bool:
    """Whether a client may take a name with dots in it for the address of a site.

    - it stands after @ or //, before a port or a path, or begins with www
    - or it ends in a top-level domain that no file is known by
    - never where it ends in digits: that is a version or an IP address
    """
    first, *_, last = _DOT.split(name.lower())
    if last.isdigit():
        return False
    if linked or first == "www" or last.startswith("xn--") or last in _TOP_LEVEL:
        return True
    return len(last) == 2 and last.isalpha() and last not in _FILE_ENDINGS


_TOP_LEVEL = frozenset(
    re.findall(
        r"\w+",
        "com net org edu gov mil int biz info name pro mobi asia jobs tel travel cat coop museum aero arpa "
        "xyz top online site store tech space website live shop club icu vip win work link click cloud "
        "digital download loan men party racing review science stream trade bid date faith host press fun "
        "buzz rest life world today news email support center company agency solutions services systems "
        "network group team finance bank money credit global app dev page web wiki blog art design media "
        "video photo photos games game bet casino poker sex porn adult monster quest cyou sbs cfd bond autos "
        "lol beauty hair skin makeup security zone software foundation onion",
    )
)
_FILE_ENDINGS = frozenset(re.findall(r"\w+", "cs gz hs jl js kt rb ts vb xz"))
"""Two letters people know from file names, and no country has; README.md and run.sh are in Moldova
and on Saint Helena."""


# --- length --------------------------------------------------------------------------------------

_CUT_MARK = re.compile(r"(?:\[[.:]?|[_\\])$")
"""Half of a mark of ours, or what had no meaning only inside a word."""


def shortened(text: str, limit: int) -> str:
    """Harmless text, no longer than `limit`, and as harmless."""
    if len(text) <= limit:
        return text
    return _CUT_MARK.sub("", text[: limit - 1]).rstrip() + "…"

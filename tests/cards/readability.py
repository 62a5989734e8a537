"""How easily English is read: words in a sentence, syllables in a word, Flesch's reading ease.

Syllables are counted by rule, not from a dictionary: groups of vowels, without a silent e at the
end, at least one. That is off by one in some words in twenty ("area", "being"), and right enough
for an average. What stands for a name or a time (LAPTOP-7, invoice.docm, 10:02, 7KQ2) is left out
of the syllables and counts as one, as a reader takes it in at a glance.
"""

import re

_SENTENCE_ENDS = re.compile(r"(?<=[.!?:])\s+")
_WORD = re.compile(r"\S*[^\W_]\S*")
_VOWELS = re.compile(r"[aeiouy]+")
_SILENT = re.compile(r"(?<![aeiouy])(?:e|es|ed)$")
_SPOKEN = re.compile(r"(?:[^aeiouy]le|[td]ed|(?:[sxz]|ch|sh|[cg])es)$")


def sentences(text: str) -> list[str]:
    """Each with its end: "Unsure? Call us." is two. File names and times end nothing."""
    return [s for s in _SENTENCE_ENDS.split(text.strip()) if _WORD.search(s)]


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def syllables(word: str) -> int:
    bare = re.sub(r"[^a-z]", "", word.lower().removesuffix("'s"))
    if not bare or re.search(r"\d", word) or re.search(r"\w[.:]\w", word):
        return 1
    silent = bool(_SILENT.search(bare)) and not _SPOKEN.search(bare)
    return max(1, len(_VOWELS.findall(bare)) - silent)


def sentence_length(text: str) -> float:
    """Words in a sentence, on average."""
    return len(words(text)) / len(sentences(text))


def reading_ease(text: str) -> float:
    """Flesch: 60 to 70 is plain English, 90 is easily read by an eleven-year-old."""
    spoken = words(text)
    per_word = sum(map(syllables, spoken)) / len(spoken)
    return 206.835 - 1.015 * sentence_length(text) - 84.6 * per_word

"""Saying a phrase: its sentence, in the reader's language, with times on the reader's clock.

`cards/sentences.py` holds every sentence in English; `locales/*/LC_MESSAGES/vouch.po` holds the
translations, read as they are when first needed. In a sentence

    {person}            is text from outside, made harmless; a number; or a phrase, said in turn
    {at}                is a time: 10:02
    {at:moment}         is a time with its day: Tue 24 Nov, 10:02
    {at:day}            is a day alone: 24 Nov
    {expires:date}      is a day of any year, given as 2026-11-24: 24 Nov 2026
    {product:product}   is a name of ours, `product.<value>`; the value itself where there is none
    {purpose:also}      is added after a comma, or left out where there is none

A missing language reads English. A missing key or argument never keeps a card from being shown: it
reads as a question mark, and `faults` tells the tests.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_skeleton, get_timezone_location
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import NullTranslations, Translations

from cards.sentences import SENTENCES
from cards.text import LIMIT, outside
from triage.phrases import Moment, Phrase

LOCALES = Path(__file__).parent / "locales"
LANGUAGES = {"en": "en_GB", "de": "de", "pt": "pt_BR"}
"""What we speak, and the locale whose numbers, days and translations go with it."""

Argument = str | int | Moment | Phrase


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: a language as Teams or a profile names it ("de-DE"), and a time zone."""

    language: str | None = None
    zone: str = "UTC"

    @property
    def locale(self) -> Locale:
        return _locale_of(self.language)


@lru_cache(maxsize=64)
def _locale_of(language: str | None) -> Locale:
    """Of a language as a client names it, and a client may name anything."""
    first = (language or "").replace("_", "-").split("-")[0].lower()
    return _locale(LANGUAGES.get(first, LANGUAGES["en"]))


@cache
def _locale(tag: str) -> Locale:
    return Locale.parse(tag)


def say(phrase: Phrase, reader: Reader, limit: int = LIMIT) -> str:
    """The phrase as one harmless line; `limit` caps each text from outside in it."""
    sentence = SENTENCES.get(phrase.key)
    if sentence is None:
        return outside(phrase.key)
    parts = _parts(_catalog(reader.locale).upgettext(phrase.key, sentence))
    said = "".join(
        literal + ("" if name is None else _said(phrase.args.get(name), spec, reader, limit))
        for literal, name, spec in parts
    )
    literal, first, _ = parts[0]
    begins_with_phrase = not literal and isinstance(phrase.args.get(first or ""), Phrase)
    return said[:1].upper() + said[1:] if begins_with_phrase else said


def label(key: str, reader: Reader, **args: Argument) -> str:
    """A piece of the cards' own furniture; most of it reads the same on every card."""
    return say(Phrase(key, args), reader) if args else _furniture(key, reader.locale)


@cache
def _furniture(key: str, locale: Locale) -> str:
    return say(Phrase(key), Reader(locale.language))


def name_of(family: str, value: str, reader: Reader) -> str:
    """What we call a value of triage; the value itself where we have no name for it."""
    key = f"{family}.{value}"
    return _furniture(key, reader.locale) if key in SENTENCES else outside(value)


def faults(phrase: Phrase) -> list[str]:
    """What is wrong with a phrase and those inside it: an unknown key, a missing argument."""
    found = [f"{phrase.key}: no such sentence"] if phrase.key not in SENTENCES else []
    wanted = {n for n, spec in placeholders(SENTENCES.get(phrase.key, "")) if spec != "also"}
    found += [f"{phrase.key}: {name} is missing" for name in sorted(wanted - phrase.args.keys())]
    for value in phrase.args.values():
        found += faults(value) if isinstance(value, Phrase) else []
    return found


def placeholders(sentence: str) -> set[tuple[str, str]]:
    """The names that stand in a sentence, each with how it is to be said."""
    return {(name, spec) for _, name, spec in _parts(sentence) if name is not None}


# --- what stands in a sentence -------------------------------------------------------------------


@cache
def _parts(sentence: str) -> tuple[tuple[str, str | None, str], ...]:
    parsed = Formatter().parse(sentence)
    return tuple((literal, name, spec or "") for literal, name, spec, _ in parsed)


def _said(value: Argument | None, spec: str, reader: Reader, limit: int) -> str:
    if spec == "also":
        return f", {_said(value, '', reader, limit)}" if value else ""
    match value:
        case None | "":
            return "?"
        case Moment(at):
            return _timed(at, spec, reader)
        case Phrase():
            return say(value, reader, limit)
        case int():
            return format_decimal(value, locale=reader.locale)
        case str() if spec == "date":
            return _date_of(value, reader)
        case str():
            return name_of(spec, value, reader) if spec else outside(value, limit)


def _timed(at: datetime, spec: str, reader: Reader) -> str:
    if spec == "moment":
        return day_and_clock(at, reader)
    return day(at, reader) if spec == "day" else clock(at, reader)


def _date_of(text: str, reader: Reader) -> str:
    try:
        when = date.fromisoformat(text)
    except ValueError:
        return outside(text)
    noon = datetime(when.year, when.month, when.day, 12, tzinfo=UTC)
    return str(format_skeleton("yMMMd", noon, tzinfo=UTC, locale=reader.locale))


# --- times and numbers ---------------------------------------------------------------------------


def clock(at: datetime, reader: Reader) -> str:
    """10:02"""
    return f"{at.astimezone(_zone(reader)):%H:%M}"


def day_and_clock(at: datetime, reader: Reader) -> str:
    """Tue 24 Nov, 10:02"""
    shown = format_skeleton("MMMEd", at, tzinfo=_zone(reader), locale=reader.locale)
    return f"{shown}, {clock(at, reader)}"


def local_day(at: datetime, reader: Reader) -> date:
    return at.astimezone(_zone(reader)).date()


def day(at: datetime, reader: Reader) -> str:
    """24 Nov"""
    return str(format_skeleton("MMMd", at, tzinfo=_zone(reader), locale=reader.locale))


def place_of(reader: Reader) -> str:
    """The city whose clock the times are on, as the reader calls it."""
    return str(get_timezone_location(_zone(reader), locale=reader.locale, return_city=True))


def percent(probability: float, reader: Reader) -> str:
    """62%; cut, not rounded, so that 84.6% never reads as the 85% at which we contain; and never
    0% or 100%, for nothing is certain."""
    cut = int(probability * 100) / 100
    return str(format_percent(min(max(cut, 0.01), 0.99), locale=reader.locale))


def decimal(number: float, reader: Reader) -> str:
    """1.25"""
    return str(format_decimal(number, locale=reader.locale))


def signed(weight: float, reader: Reader) -> str:
    """+2.0"""
    sign = "\N{MINUS SIGN}" if round(weight, 1) < 0 else "+"
    return sign + format_decimal(abs(weight), format="0.0", locale=reader.locale)


@cache
def _zone_named(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _zone(reader: Reader) -> ZoneInfo:
    return _zone_named(reader.zone)


# --- translations --------------------------------------------------------------------------------


@cache
def _catalog(locale: Locale) -> NullTranslations:
    path = LOCALES / str(locale) / "LC_MESSAGES" / "vouch.po"
    if not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=locale))
    compiled.seek(0)
    return Translations(compiled)

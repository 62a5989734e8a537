"""Which of the provider's analysts somebody means."""

from collections.abc import Sequence

from bot.replies import MOST_NAMED
from triage.customer import Analyst
from triage.phrases import Phrase, phrase


def meant(written: str, roster: Sequence[Analyst], by: Analyst) -> Analyst | Phrase:
    """The one, or what to answer."""
    match called(written, roster, by):
        case [one]:
            return one
        case []:
            return phrase("command.nobody", written=written, names=_names(roster))
        case several:
            return phrase("command.several_people", written=written, names=_names(several))


def called(written: str, roster: Sequence[Analyst], by: Analyst) -> list[Analyst]:
    """By full name or address, else by part of the name; `by` where they mean themselves."""
    wanted = written.lower()
    if wanted in ("me", "mich", "mir", "mim"):
        return [by]
    exact = [a for a in roster if wanted in (a.name.lower(), a.upn.lower())]
    found = exact or [a for a in roster if wanted in a.name.lower().split()]
    return found or [a for a in roster if wanted in a.name.lower()]


def _names(people: Sequence[Analyst]) -> str:
    return ", ".join(person.name for person in people[:MOST_NAMED])

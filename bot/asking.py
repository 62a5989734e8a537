"""`ask`: whom an analyst means, what is to be asked, and how it will be asked.

What is shown first is what would become of it at this moment; whether it may be, `triage` says.
"""

import re
from collections.abc import Iterable

from bot.cases import case_of
from bot.conductor import Conductor
from bot.gathering import ProviderDesk
from bot.replies import MOST_NAMED, AskFirst, Choose, Reply
from cards.choosing import Option
from cards.wording import Reader, say
from dialogs.commands import Word
from storage import people
from storage.across import NamedCase
from storage.engine import Store, Tx
from triage.customer import Analyst
from triage.decide import Accepted
from triage.events import AskOrdered
from triage.incident import Held, Incident, Person, Question, QuestionKind, Route, Unreachable
from triage.phrases import Phrase, phrase
from triage.playbooks import QUESTIONS, first_questions
from triage.secrecy import reminder

LONGEST_NAME = 5
"""Words of a name that stand before a question."""


class Asking:
    def __init__(self, store: Store, conductor: Conductor, desk: ProviderDesk) -> None:
        self._store = store
        self._conductor = conductor
        self._desk = desk

    @property
    def _reader(self) -> Reader:
        return Reader(self._desk.profile.language, self._desk.profile.zone)

    async def reply(self, on: NamedCase, text: str, by: Analyst) -> Reply:
        incident, candidates = await self._store.read(
            on.customer_id, lambda tx: _case_and_people(tx, on.incident_id, text)
        )
        found, question = whom(text, incident, candidates)
        match found:
            case []:
                return [
                    phrase(
                        "command.no_person", written=text.split(maxsplit=1)[0], name=incident.name
                    )
                ]
            case [person] if question:
                return await self._ask_first(incident, person, question, by)
            case [person]:
                return self._which_question(incident, person)
            case several:
                options = tuple(
                    Option(p.name, f"{Word.ASK} {incident.name} {p.upn} {question}".strip())
                    for p in several[:MOST_NAMED]
                )
                return Choose(phrase("choose.person", written=text.split(maxsplit=1)[0]), options)

    def _which_question(self, incident: Incident, person: Person) -> Reply:
        """What the playbooks of the case ask, and what follows from it."""
        first = first_questions(incident)
        then = (a.then for kind in first for a in QUESTIONS[kind].answers if a.then)
        kinds = list(dict.fromkeys((*first, *then)))[:MOST_NAMED]
        if not kinds:
            return [phrase("command.incomplete"), phrase(f"form.{Word.ASK}")]
        options = tuple(
            Option(phrase(f"label.question.{k}"), f"{Word.ASK} {incident.name} {person.upn} {k}")
            for k in kinds
        )
        return Choose(phrase("choose.question", person=person.name), options)

    async def _ask_first(
        self, incident: Incident, person: Person, question: str, by: Analyst
    ) -> Reply:
        kind = kind_of(question, self._reader)
        words = question if kind is QuestionKind.FREE else None
        event = AskOrdered(person.upn, kind, by.object_id, by.name, words)
        foreseen = await self._conductor.foresee(incident.customer, event, incident.id)
        if not isinstance(foreseen.verdict, Accepted):
            return [foreseen.verdict.says]
        asked = next(
            q
            for q in reversed(foreseen.incident.questions)
            if incident.question(q.id) is None and q.kind is kind and q.words == words
        )
        return AskFirst(
            (
                phrase("confirm.ask", name=incident.name, person=person.name),
                asked.named,
                *reminder(words or ""),
                _how(asked, foreseen.incident, person),
            ),
            event,
        )


def _case_and_people(tx: Tx, incident_id: str, text: str) -> tuple[Incident, list[Person]]:
    incident, customer = case_of(tx, incident_id)
    words = [word.strip(",:") for word in text.split()[:LONGEST_NAME]]
    return incident, people.called(tx, words, customer)


def whom(text: str, incident: Incident, roster: Iterable[Person]) -> tuple[list[Person], str]:
    """Who is meant by the longest name at the head of the text, and the rest of it. Whoever is
    concerned is meant before others of the same name."""
    words = text.split()
    known = {p.object_id: p for p in roster} | {p.object_id: p for p in incident.people}
    for count in range(min(LONGEST_NAME, len(words)), 0, -1):
        name = " ".join(words[:count]).strip(",:").lower()
        found = [p for p in known.values() if _goes_by(p, name)]
        concerned = [p for p in found if incident.affects(p.object_id, p.upn)]
        if found:
            return concerned or found, " ".join(words[count:]).strip(" ,:")
    return [], text


def _goes_by(person: Person, name: str) -> bool:
    whole = (person.name.lower(), person.upn.lower(), person.upn.lower().partition("@")[0])
    return name in whole or name in person.name.lower().split()


def kind_of(question: str, reader: Reader) -> QuestionKind:
    """A question of the playbooks, as analysts see it called or with its words in any order; else
    one in their own words."""
    wanted = _bare(question)
    for kind in (k for k in QuestionKind if k is not QuestionKind.FREE):
        label = phrase(f"label.question.{kind}")
        names = (kind.replace("_", " "), say(label, reader), say(label, Reader("en")))
        if wanted in map(_bare, names):
            return kind
    return QuestionKind.FREE


_IDLE = {"the", "a", "an"}


def _bare(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower().replace("_", " "))) - _IDLE


def _how(asked: Question, foreseen: Incident, person: Person) -> Phrase:
    """By which way it reaches them, and when."""
    match asked.state:
        case Held(until):
            return phrase("confirm.ask_later", until=until)
        case Unreachable():
            return phrase("confirm.ask_nowhere")
        case _ if asked.route is Route.CARD:
            return phrase("confirm.ask_card")
        case _ if asked.route is Route.NEUTRAL:
            return phrase("confirm.ask_neutral")
        case _:
            suspect = foreseen.is_tainted(person.object_id)
            return phrase("confirm.ask_suspect" if suspect else "confirm.ask_phone")

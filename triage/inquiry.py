"""What an analyst has somebody asked, beyond what the playbooks ask by themselves.

| asked | who may be asked | the answer |
|---|---|---|
| a question of the playbooks | whoever is concerned by the case | weighs as it always does |
| one in the analyst's words | anybody in the customer's roster | is relayed, and weighs nothing |

All that holds for questions holds for these: a suspect account is not asked in Teams, quiet hours
and the budget of cards count, and no card asks for a secret.
"""

from triage import asking, secrecy
from triage.authority import may_command, over
from triage.draft import Draft
from triage.events import AskOrdered
from triage.incident import (
    Held,
    IncidentType,
    Person,
    Question,
    QuestionKind,
    Route,
    Unreachable,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import Channel, books, route_of

MOST_WORDS = 40
"""Of a question in an analyst's words: with what stands around it, a card stays short enough."""


def may_ask(draft: Draft, event: AskOrdered) -> Phrase | None:
    """Why this question may not be asked; None when it may.

    - they may command, and the case is at work
    - somebody of this kind of case may be asked at all, and the customer hears of it
    - the person is in the customer's roster, and of the customer
    - a question of the playbooks is about what happened to them
    - words are few, and ask for no secret
    """
    refused = may_command(draft.incident, draft.known.provider, event.by)
    if refused is not None:
        return refused
    if draft.incident.is_over:
        return over(draft.incident)
    if draft.incident.type is IncidentType.RESTRICTED:
        return phrase("refused.restricted")
    if _nobody_is_asked(draft):
        return phrase("why.nobody_to_ask")
    if draft.customer.shadow:
        return phrase("refused.shadow")
    person = whom(draft, event)
    if person is None:
        return phrase("refused.not_in_roster", person=event.person)
    if person.outside:
        return phrase("refused.from_outside", person=person.name)
    if event.asks is not QuestionKind.FREE:
        concerned = draft.incident.affects(person.object_id, person.upn)
        return None if concerned else phrase("refused.only_concerned", person=person.name)
    return _fault_of(event.words or "")


def _nobody_is_asked(draft: Draft) -> bool:
    """Of what is unknown an analyst makes up their mind; while files are being encrypted nobody is
    asked anything."""
    nobody = [b.type for b in books(draft.incident) if b.channel is Channel.NOBODY]
    return any(type_ is not IncidentType.UNKNOWN for type_ in nobody)


def _fault_of(words: str) -> Phrase | None:
    if not 0 < len(words.split()) <= MOST_WORDS:
        return phrase("refused.question_length", most=MOST_WORDS)
    return phrase("refused.asks_for_secret") if secrecy.asks_for_one(words) else None


def whom(draft: Draft, event: AskOrdered) -> Person | None:
    """As the case has them, else as the roster does."""
    upn = event.person.lower()
    concerned = next((p for p in draft.incident.people if p.upn.lower() == upn), None)
    return concerned or draft.known.facts.helpers.get(upn)


def ask(draft: Draft, event: AskOrdered, person: Person) -> Question | None:
    """The question as it was sent, or is to be; None where they have been asked this already."""
    route = _route(draft, person, event.asks)
    known = (*draft.incident.heard, *draft.incident.questions)
    same = (q for q in known if q.words == event.words)
    if any(asking.already_asks(q, person, event.asks, route) for q in same):
        return None
    route = asking.allowed(draft, person, route)
    question = asking.new_question(draft, person, event.asks, route, words=event.words)
    asked = phrase(
        "timeline.ask_ordered", by=event.by_name, person=person.name, asks=question.named
    )
    draft.note(asked)
    asking.send(draft, question)
    return draft.incident.question(question.id)


def _route(draft: Draft, person: Person, asks: QuestionKind) -> Route:
    """Whoever is not concerned is asked in Teams, unless their own account is suspect. A card that
    may reveal nothing cannot carry anybody's words."""
    suspect = draft.incident.is_tainted(person.object_id)
    suspect = suspect or person.object_id in draft.known.facts.at_risk
    if not draft.incident.affects(person.object_id, person.upn):
        return Route.PHONE if suspect else Route.CARD
    route = route_of(draft.incident, tainted=suspect)
    return Route.PHONE if asks is QuestionKind.FREE and route is Route.NEUTRAL else route


def thanks(question: Question) -> Phrase:
    """What becomes of it, for whoever had it asked."""
    who = question.person.name
    match question.state:
        case Held(until):
            return phrase("thanks.asked_later", person=who, until=until)
        case Unreachable():
            return phrase("thanks.asked_nowhere", person=who)
        case _:
            by_phone = question.route is Route.PHONE
            return phrase("thanks.asked_by_phone" if by_phone else "thanks.asked", person=who)

"""The card of a person in every kind of case that asks on one, at every stage, as triage shows it."""

from collections.abc import Iterator
from functools import cache

from tests.triage.kinds import told_of
from tests.triage.triage_script import BOB, Case, malware_blocked, malware_ran
from triage.incident import Disposition, IncidentType, QuestionKind, Route
from triage.playbooks import CALL_ME, PLAYBOOKS, QUESTIONS, Channel
from triage.report import Severity
from triage.surfaces.person import person_card
from triage.views import PersonCard


def asked_on_cards() -> dict[QuestionKind, Case]:
    """A case that has just asked it, for every question that is asked on a card."""
    cases = [
        Case().reported(told_of(type_))
        for type_, book in PLAYBOOKS.items()
        if book.channel is Channel.TEAMS
    ]
    cases += [Case().reported(malware_blocked()), Case().reported(malware_ran()).answers("opened")]
    return {case.state.questions[-1].kind: case for case in cases}


@cache
def kind_cards() -> dict[str, PersonCard]:
    """By "{question}_{stage}"."""
    found = {
        f"{kind}_{stage}": card
        for kind in asked_on_cards()
        for stage, card in _stages(kind, asked_on_cards()[kind])
    }
    low = told_of(IncidentType.UNFAMILIAR_SIGN_IN, severity=Severity.LOW)
    return found | {"sign_in_mine_neutral": Case().reported(low).card(BOB)}


def _stages(kind: QuestionKind, case: Case) -> Iterator[tuple[str, PersonCard]]:
    """Asked, a call promised, answered, changing the answer, and over."""
    question = case.state.questions[-1]
    assert question.route is Route.CARD
    yield "asked", case.card(BOB)
    answers = QUESTIONS[kind].answers
    if CALL_ME in answers:
        yield "promised", case.answers(CALL_ME.id, on=question.id).card(BOB)
    harmless = min((a for a in answers if not a.call and not a.taints), key=lambda a: a.weight)
    case.answers(harmless.id, on=question.id)
    yield "answered", case.card(BOB)
    yield "changing", person_card(case.state, case.customer, BOB, changing=question.id)
    for disposition in Disposition:
        closed = Case(now=case.now, current=case.state).closes(disposition=disposition)
        yield f"over_{disposition.name.lower()}", closed.card(BOB)

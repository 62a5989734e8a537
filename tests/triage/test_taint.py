"""What an account under suspicion can do, and what it can learn, over all kinds of cases and all
orders of what is said through it (design.md section 4, rule 6; triage.md section 6).

It may raise and never lower. What it reads depends on nothing but what was said through it: two
cases that differ only in what was seen, asked, done and decided read the same, byte for byte.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards import question as question_card
from cards.wording import LANGUAGES, Reader, say
from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    JON,
    Case,
    contoso,
    malware_blocked,
    malware_ran,
    sign_in,
)
from triage.customer import Customer
from triage.effects import Say
from triage.events import (
    ActionDone,
    Answered,
    ApprovalAnswered,
    Attested,
    CallRecorded,
    CloseOrdered,
    Event,
    FoundAway,
    Reopened,
    Reported,
    WishedCall,
    WishedToTalk,
    Woke,
    Wrote,
)
from triage.incident import Absence, AwayBy, Disposition, Incident, IncidentType, Person
from triage.playbooks import PLAYBOOKS, QUESTIONS, Channel
from triage.report import IncidentReport, Severity
from triage.views import PersonCard

CUSTOMERS = (contoso(), contoso(rules=AUTOMATIC, auto_close=frozenset(IncidentType)))
CHOICES = sorted({a.id for spec in QUESTIONS.values() for a in spec.answers})
WORDS = ("it was me", "who asks?", "")

often = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

# --- what is said through the account ------------------------------------------------------------

SAID: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Answered,
        st.sampled_from(["q1", "q2", "q3"]),
        st.just(BOB.object_id),
        st.sampled_from(CHOICES),
    ),
    st.just(WishedCall(BOB.object_id)),
    st.just(WishedToTalk(BOB.object_id)),
    st.builds(Answered, st.just("q1"), st.just(BOB.object_id), st.none(), st.sampled_from(WORDS)),
    st.builds(Wrote, st.just(BOB.object_id), st.sampled_from(WORDS)),
)

# --- what happens beside it ----------------------------------------------------------------------

ON_CARDS = tuple(t for t, book in PLAYBOOKS.items() if book.channel is Channel.TEAMS)
"""Kinds of cases in which Bob has a card before his account becomes suspect."""

SEEN: st.SearchStrategy[IncidentReport] = st.sampled_from(
    [
        *(told_of(kind, BOB, source_id=f"seen {kind}") for kind in IncidentType),
        malware_ran(BOB, by_hand=True, source_id="hand"),
        malware_blocked(BOB, source_id="blocked"),
        sign_in(BOB, Severity.HIGH, source_id="sign-in"),
    ]
)

_BY = st.just(ANNA.object_id), st.just(ANNA.name)
BESIDE: st.SearchStrategy[Event] = st.one_of(
    SEEN.map(Reported),
    st.builds(
        CallRecorded,
        st.sampled_from(["q1", "q2", "q3"]),
        *_BY,
        st.sampled_from(["opened", "not_mine", "entered", "was_told"]),
    ),
    st.builds(
        Attested,
        st.sampled_from(["q1", "q2", "q3"]),
        st.just(JON.object_id),
        st.just(JON.upn),
        st.just(JON.name),
        st.sampled_from(["opened", "not_mine", "entered", "was_told", None]),
    ),
    st.builds(CloseOrdered, *_BY, st.just(Disposition.TRUE_POSITIVE), st.just("a comment")),
    st.just(Reopened(ANNA.object_id, ANNA.name)),
    st.sampled_from(
        [f"{w}:q{n}" for w in ("remind", "question", "send", "rung") for n in (1, 2)]
    ).map(Woke),
    st.sampled_from(["approval:p1", "call:c1", "close:", "taint:", "readers:"]).map(Woke),
    st.builds(ActionDone, st.sampled_from(["a1", "a2", "a3"]), st.booleans()),
    st.builds(
        ApprovalAnswered,
        st.sampled_from(["p1", "p2"]),
        st.just(JON.object_id),
        st.just(JON.upn),
        st.just(JON.name),
        st.booleans(),
    ),
    st.builds(
        lambda: FoundAway(Absence(BOB.object_id, AwayBy.AUTOMATIC_REPLIES, Case().now)),
    ),
)


@dataclass(frozen=True)
class Story:
    customer: Customer
    kind: IncidentType
    steps: tuple[Event, ...]


STORIES = st.builds(
    Story,
    st.sampled_from(CUSTOMERS),
    st.sampled_from(ON_CARDS),
    st.lists(st.one_of(SAID, BESIDE), max_size=12).map(tuple),
)


def suspected(story: Story, bob: Person = BOB) -> Case:
    """Bob has his card in plain words; then his account is suspect for another case."""
    case = Case(story.customer, (bob, JON)).reported(told_of(story.kind))
    assert case.card(BOB).stage == "asking"
    case.at_risk = frozenset({BOB.object_id})
    return case.wakes("taint:", after=1)


def played(story: Story) -> Iterator[tuple[Case, Incident, Event]]:
    case = suspected(story)
    for event in story.steps:
        before = case.state
        yield case.happens(event, after=2), before, event


def read(case: Case) -> str:
    """Every byte that reaches Bob's chat: his card in every language, whatever was said to him, and
    what the bot answered him."""
    card = case.views().get(f"person:{BOB.object_id}")
    assert isinstance(card, PersonCard)
    drawn = [
        json.dumps(question_card.render(card, "handle", Reader(language)), sort_keys=True)
        for language in LANGUAGES
    ]
    said = [say(e.says, Reader()) for e in told_bob(case)]
    return "\n".join([*drawn, *said])


def told_bob(case: Case) -> list[Say]:
    """What the latest step sent to his chat."""
    place = f"person:{BOB.object_id}"
    return [e for e in case.ordered if isinstance(e, Say) and e.place == place]


# --- raises and never lowers ---------------------------------------------------------------------


@often
@given(STORIES)
def test_whatever_is_said_through_it_in_whatever_order_never_lowers(story: Story) -> None:
    for case, before, event in played(story):
        if isinstance(event, Answered | Wrote) and before.decision is not None:
            assert case.state.decision is not None
            assert case.state.decision.log_odds >= before.decision.log_odds, event


@often
@given(st.sampled_from(ON_CARDS), st.permutations(CHOICES))
def test_all_replies_in_any_order_leave_the_worst_of_them_standing(
    kind: IncidentType, choices: list[str]
) -> None:
    case = suspected(Story(CUSTOMERS[0], kind, ()))
    scores = [case.log_odds]
    for choice in choices:
        case.answers(choice)
        scores.append(case.log_odds)

    assert all(later >= earlier for earlier, later in pairwise(scores))


# --- reads nothing -------------------------------------------------------------------------------


@often
@given(STORIES)
def test_nothing_is_sent_to_it_and_its_card_asks_and_offers_nothing(story: Story) -> None:
    """No reminder, no notice of what is done, no end of the case, no follow-up, no approval."""
    for case, _, _ in played(story):
        assert told_bob(case) == []
        card = case.card(BOB)
        assert (card.stage, card.kind, card.question, card.change) == ("guarded", None, None, None)
        assert [c.id for c in card.choices] == ["call_me"]


@pytest.mark.parametrize("kind", ON_CARDS)
def test_no_deadline_of_what_was_asked_before_reaches_it(kind: IncidentType) -> None:
    case = suspected(Story(CUSTOMERS[0], kind, ()))
    assert [w for w in case.wakes_ordered if w.name.startswith("remind:")]
    for wake in sorted(case.wakes_ordered, key=lambda w: w.at):
        case.now = max(case.now, wake.at)
        case.wakes(wake.name)
        assert told_bob(case) == [], wake.name


@often
@given(
    st.sampled_from(CUSTOMERS),
    st.lists(st.sampled_from(ON_CARDS), min_size=2, max_size=2, unique=True),
    st.lists(
        SAID.filter(lambda e: isinstance(e, Wrote | WishedCall | WishedToTalk)),
        max_size=5,
    ),
    st.data(),
)
def test_two_cases_that_differ_in_all_but_what_is_said_through_it_read_the_same(
    customer: Customer, kinds: list[IncidentType], said: list[Event], data: st.DataObject
) -> None:
    """Non-interference: beside the same words and presses, different things are seen, asked, done
    and decided in each; what reaches the chat is equal after every one of them."""
    one, other = (suspected(Story(customer, kind, ())) for kind in kinds)
    assert read(one) == read(other)
    for event in said:
        for case in (one, other):
            for beside in data.draw(st.lists(BESIDE, max_size=2)):
                case.happens(beside, after=1)
                assert told_bob(case) == []
        both = [case.happens(event, after=1) for case in (one, other)]
        assert both[0].verdict.says == both[1].verdict.says
        assert read(one) == read(other)


@often
@given(STORIES)
def test_the_case_s_thread_tells_nothing_where_it_reads(story: Story) -> None:
    """Bob is in the team: neither the root, nor a card that stood there, nor a sentence."""
    case = suspected(story, replace(BOB, reads_thread=True))
    case.readers = frozenset({BOB.object_id})
    for event in story.steps:
        case.happens(event, after=2)
        shown = [v for n, v in case.views().items() if n == "customer" or n.startswith("approval:")]
        told = repr(shown) + repr(
            [e for e in case.ordered if isinstance(e, Say) and e.place == "customer"]
        )
        secrets = [
            BOB.name,
            *(d.name for d in case.state.devices),
            *(f.name for f in case.state.files),
        ]
        assert [s for s in secrets if s in told] == []

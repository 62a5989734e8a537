"""What always holds, whatever happens in whatever order, nonsense included (design.md section 4)."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cards.wording import faults
from tests.triage.kinds import example, told_of
from tests.triage.triage_script import (
    ANNA,
    APPROVER,
    AUTOMATIC,
    BOB,
    CARLA,
    DAN,
    IT,
    JON,
    LAPTOP,
    PROVIDER,
    STRANGER,
    TENANT,
    Case,
    accepted,
    alert,
    contoso,
    later,
    leak,
    malware_blocked,
    malware_ran,
    mystery,
    remote_tool,
    report,
    rule,
    sign_in,
    user,
)
from triage.actions import ActionKind, TargetKind, Tier
from triage.authority import is_approver, rule_of
from triage.containing import is_protected
from triage.customer import Consent, Contact, Customer, PersonFacts, Role
from triage.decide import AlreadyAnswered, decide
from triage.draft import Known
from triage.effects import Contain, Effect, PageAction, Say
from triage.events import (
    Absorbed,
    ActionDone,
    ActionFailed,
    Answered,
    ApprovalAnswered,
    AskOrdered,
    Assigned,
    Attested,
    CallRecorded,
    CloseOrdered,
    ContainOrdered,
    Escalated,
    Event,
    Facts,
    KeptOpen,
    MergedInto,
    Noted,
    NotMerged,
    NotPaged,
    RecommendationAnswered,
    Reopened,
    Reported,
    SignedIn,
    SignInFailed,
    SourceWritten,
    Taken,
    Undelivered,
    UndoOrdered,
    VerificationStarted,
    WishedToTalk,
    Woke,
    Wrote,
)
from triage.extract import accounts, all_told
from triage.incident import (
    ApprovalState,
    ByApproval,
    ByRule,
    Disposition,
    Incident,
    IncidentType,
    Person,
    Question,
    QuestionKind,
    ResponseAction,
    Status,
    Told,
)
from triage.merging import handed_on
from triage.phrases import Moment, Phrase
from triage.playbooks import FOLLOW_UPS, PLAYBOOKS, QUESTIONS, Channel
from triage.recognising import type_of
from triage.report import (
    AlreadyDone,
    DoneKind,
    IncidentReport,
    Product,
    Severity,
    Source,
    UserEvidence,
)

STATE: TypeAdapter[Incident] = TypeAdapter(Incident)
EVENT: TypeAdapter[Event] = TypeAdapter(Event)

# --- customers, people and events ----------------------------------------------------------------

_SILENT = tuple(rule(k, act_if_unreachable=True) for k in ActionKind)
_LOCKOUT = tuple(rule(k, Consent.AUTHORIZE, privileged=True) for k in ActionKind)
_BOB_APPROVES = Contact(
    upn=BOB.upn, name=BOB.name, roles=frozenset({Role.SECURITY}), delegate=DAN.upn
)

CUSTOMERS = (
    contoso(),
    contoso(rules=AUTOMATIC, auto_close=frozenset(IncidentType)),
    contoso(rules=_SILENT, contacts=(APPROVER, IT, _BOB_APPROVES)),
    contoso(rules=_LOCKOUT, privileged_names=("carla@*",)),
    contoso(rules=_LOCKOUT, people=(PersonFacts(upn=CARLA.upn, break_glass=True),)),
    contoso(contacts=()),
)
TEAM_MEMBER = replace(CARLA, reads_thread=True)
ROSTERS = ((BOB, CARLA, DAN, JON), (BOB, TEAM_MEMBER, JON), (BOB, BOB, CARLA), ())
ACTORS = (BOB, CARLA, DAN, JON, STRANGER, Person(ANNA.object_id, ANNA.name, "Anna", ANNA.upn))

REPORTS = (
    malware_ran(),
    malware_ran(by_hand=True),
    malware_ran(BOB, CARLA, DAN, JON),
    malware_blocked(),
    later(malware_blocked(), status="resolved"),
    later(malware_ran(BOB, JON)),
    later(malware_ran(), already_done=(AlreadyDone(DoneKind.ISOLATED, "LAPTOP-7"),)),
    sign_in(),
    sign_in(severity=Severity.LOW),
    sign_in(BOB, Severity.MEDIUM, source_id="7"),
    remote_tool(),
    leak(),
    mystery(),
    report(source_id="8"),
    *(told_of(kind) for kind in IncidentType),
    *(told_of(kind, CARLA, Severity.LOW, source_id=f"low {kind}") for kind in IncidentType),
)

_BREACH = Case(CUSTOMERS[1]).reported(malware_ran(by_hand=True)).reported(sign_in(BOB), after=2)
PARTS = (
    Case().reported(malware_ran()),
    Case().reported(malware_ran()).answers("opened"),
    Case().reported(malware_ran(by_hand=True)).answers("not_me"),
    Case().reported(malware_blocked()).answers("expected"),
    Case().reported(sign_in(BOB)),
    Case().reported(sign_in(CARLA)).says_on_the_phone("mine").done(),
    Case().reported(sign_in(CARLA)).says_on_the_phone("not_mine").done(),
    Case().reported(told_of(IncidentType.PHISH_CLICK)).answers("entered"),
    Case().reported(leak()),
    Case(CUSTOMERS[1]).reported(told_of(IncidentType.RANSOMWARE, CARLA)).done(),
    _BREACH.done(),
)
"""Cases that become part of another one."""
HANDED_ON = tuple(
    handed_on(replace(part.state, name=f"CONTOSO-{n}")) for n, part in enumerate(PARTS, 1)
)
"""Where their source says so ..."""
TOLD = tuple(
    replace(
        handed,
        told=replace(
            told,
            refs=tuple(replace(r, source_id=f"{handed.name} {r.source_id}") for r in told.refs),
        ),
    )
    for handed, told in zip(HANDED_ON, (all_told(part.state) for part in PARTS), strict=True)
)
"""... and where an analyst does: under a name of its own, as no other case is called."""

_MERGING: st.SearchStrategy[Event] = st.sampled_from(
    [*HANDED_ON, *TOLD, MergedInto("i-2", "CONTOSO-43")]
)

_QUESTIONS = st.sampled_from(["q1", "q1", "q1", "q2", "q3", "q9"])
_ACTIONS = st.sampled_from(["a1", "a2", "a3", "a4", "a9"])
_APPROVALS = st.sampled_from(["p1", "p1", "p2", "p3", "p9"])
_CHOICES = st.sampled_from(sorted({a.id for s in QUESTIONS.values() for a in s.answers}))
_WORDS = st.sampled_from(["it was me", "", "**bold** <a>"])
_ACTORS = st.sampled_from(ACTORS)
_FLAGS = st.booleans()


def _by(make: object) -> st.SearchStrategy[Event]:
    return _ACTORS.map(make)  # type: ignore[arg-type]


_REPORTED: st.SearchStrategy[Event] = st.sampled_from(REPORTS).map(Reported)
_CALLED: st.SearchStrategy[Event] = st.builds(
    CallRecorded, _QUESTIONS, st.just(ANNA.object_id), st.just(ANNA.name), _CHOICES
)

EVENTS: st.SearchStrategy[Event] = st.one_of(
    _REPORTED,
    st.builds(Answered, _QUESTIONS, _ACTORS.map(lambda p: p.object_id), _CHOICES),
    st.builds(Answered, _QUESTIONS, _ACTORS.map(lambda p: p.object_id), st.none(), _WORDS),
    st.builds(Wrote, _ACTORS.map(lambda p: p.object_id), _WORDS),
    st.builds(WishedToTalk, _ACTORS.map(lambda p: p.object_id)),
    st.builds(
        lambda on, p, yes: ApprovalAnswered(on, p.object_id, p.upn, p.name, yes),
        _APPROVALS,
        _ACTORS,
        _FLAGS,
    ),
    _CALLED,
    _by(lambda p: CallRecorded("q1", p.object_id, p.name, "not_mine")),
    _by(lambda p: Attested("q1", p.object_id, p.upn, p.name, "not_me")),
    _by(lambda p: Attested("q1", p.object_id, p.upn, p.name, None)),
    st.just(VerificationStarted("v1")),
    st.builds(
        lambda who, how: SignedIn("v1", TENANT, who.object_id, who.upn, None, ("c1",), how),
        _ACTORS,
        st.sampled_from([("fido",), ("pwd",)]),
    ),
    st.sampled_from(["denied", "forged"]).map(lambda why: SignInFailed("v1", why)),
    _by(lambda p: Answered("q1", p.object_id, "mine", verification="v1")),
    _by(lambda p: Taken(p.object_id, p.name)),
    st.builds(
        lambda by, to: Assigned(by.object_id, by.name, to.object_id, to.name), _ACTORS, _ACTORS
    ),
    st.builds(
        lambda by, who, kind: AskOrdered(
            who.upn,
            kind,
            by.object_id,
            by.name,
            "Who was it?" if kind is QuestionKind.FREE else None,
        ),
        _ACTORS,
        _ACTORS,
        st.sampled_from([QuestionKind.FREE, *QuestionKind]),
    ),
    _by(lambda p: Escalated(p.object_id, p.name, "beyond me")),
    st.builds(lambda p, text: Noted(p.object_id, p.name, text), _ACTORS, _WORDS),
    st.builds(
        CloseOrdered,
        st.just(ANNA.object_id),
        st.just(ANNA.name),
        st.none() | st.sampled_from(Disposition),
        st.just("a comment"),
    ),
    _by(lambda p: KeptOpen(p.object_id, p.upn, p.name)),
    _by(lambda p: Reopened(p.object_id, p.name)),
    st.builds(ContainOrdered, _ACTIONS, st.just(ANNA.object_id), st.just(ANNA.name)),
    st.builds(UndoOrdered, _ACTIONS, st.just(ANNA.object_id), st.just(ANNA.name)),
    st.builds(
        lambda p, yes: RecommendationAnswered(p.object_id, p.upn, p.name, yes), _ACTORS, _FLAGS
    ),
    _MERGING,
    _QUESTIONS.map(lambda q: Woke(f"question:{q}")),
    _APPROVALS.map(lambda p: Woke(f"approval:{p}")),
    st.just(Woke("close:now")),
    st.builds(ActionDone, _ACTIONS, _FLAGS, _FLAGS),
    st.builds(ActionFailed, _ACTIONS, st.just("device offline")),
    st.builds(ActionFailed, _ACTIONS, st.just("refused.cap"), st.just(True)),
    st.builds(
        SourceWritten,
        st.just(Source.DEFENDER),
        st.just("1"),
        st.just("resolved"),
        st.sampled_from(Disposition),
        _FLAGS,
    ),
    st.builds(
        Undelivered,
        st.sampled_from(["customer", "analyst", "person"]),
        st.none() | _ACTORS.map(lambda p: p.object_id),
        st.just("blocked"),
    ),
    st.builds(NotMerged, st.just("CONTOSO-9")),
    st.builds(NotPaged, st.sampled_from(PageAction), st.just("alarm")),
)
Story = tuple[Customer, tuple[Person, ...], object, list[tuple[Event, int, frozenset[str]]]]


def _stories(events: st.SearchStrategy[Event]) -> st.SearchStrategy[Story]:
    steps = st.tuples(
        events,
        st.sampled_from([1, 1, 5, 20, 60, 600]),
        st.sampled_from([frozenset[str]()] * 3 + [frozenset({BOB.object_id, JON.object_id})]),
    )
    return st.tuples(
        st.sampled_from(CUSTOMERS),
        st.sampled_from(ROSTERS),
        st.sampled_from(REPORTS),
        st.lists(steps, max_size=14),
    )


STORIES = _stories(EVENTS)
MERGERS = _stories(
    st.one_of(EVENTS, _MERGING, _QUESTIONS.map(lambda q: Answered(q, BOB.object_id, "opened")))
)
"""In which cases become one more often than in life."""

always = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)


def played(story: Story) -> Iterator[tuple[Case, Incident | None, Event]]:
    """The case after every step, with the state before it and what happened."""
    customer, roster, first, steps = story
    case = Case(customer, roster, by_upn={DAN.upn.lower(): DAN})
    event: Event = Reported(first)  # type: ignore[arg-type]
    yield case.happens(event), None, event
    for event, minutes, at_risk in steps:
        before = case.current
        case.at_risk = at_risk
        yield case.happens(event, after=minutes), before, event


# --- suspicion -----------------------------------------------------------------------------------


@always
@given(STORIES)
def test_a_reply_through_a_suspect_account_never_lowers(story: Story) -> None:
    for case, before, event in played(story):
        if before is None or not isinstance(event, Answered | Wrote):
            continue
        if case.state.is_tainted(event.by):
            assert before.decision is not None
            assert case.log_odds >= before.decision.log_odds


@always
@given(STORIES)
def test_a_suspect_learns_neither_device_nor_file_nor_action_nor_score(story: Story) -> None:
    for case, _, _ in played(story):
        for name, view in case.views().items():
            who = name.removeprefix("person:")
            if name.startswith("person:") and case.state.is_tainted(who):
                _reveals_nothing(case, repr(view))
        if _is_read_by_a_suspect(case):
            _reveals_nothing(case, repr(case.thread()))
            assert not any(name.startswith("approval:") for name in case.views())


def _is_read_by_a_suspect(case: Case) -> bool:
    people = [a.person for a in case.state.affected if a.person]
    return any(p.reads_thread and case.state.is_tainted(p.object_id) for p in people)


def _reveals_nothing(case: Case, shown: str) -> None:
    state = case.state
    secrets = [*(d.name for d in state.devices), *(f.name for f in state.files)]
    secrets += [f"action.{k}" for k in ActionKind] + [f"notice.{k}" for k in ActionKind]
    secrets += ["containing", "contained", "disposition.", "over.", str(case.score)]
    assert [s for s in secrets if s in shown] == []


@always
@given(STORIES)
def test_a_restricted_case_names_nobody_and_asks_nobody(story: Story) -> None:
    for case, _, _ in played(story):
        if case.state.type is IncidentType.RESTRICTED and case.state.closed is None:
            assert case.open_questions == []
            assert case.thread().placeholder
            assert not any(a.account.label in repr(case.thread()) for a in case.state.affected)


# --- who is asked, and whose account is contained -------------------------------------------------

_KINDS = [book.type for book in PLAYBOOKS.values() if book.channel is not Channel.NOBODY]


def _mixed(said: list[tuple[IncidentType, Person | None]]) -> IncidentReport:
    """A report of several kinds, each about somebody, or about a machine alone."""
    alerts = []
    for kind, who in said:
        told = example(kind, who or BOB, Severity.HIGH)
        things = tuple(e for e in told.evidence if who or not isinstance(e, UserEvidence))
        alerts.append(replace(told, evidence=things))
    return report(*alerts, source_id=repr(said))


_MIXED: st.SearchStrategy[Event] = (
    st.lists(
        st.tuples(st.sampled_from(_KINDS), st.sampled_from([BOB, CARLA, DAN, None])),
        min_size=2,
        max_size=3,
    )
    .map(_mixed)
    .map(Reported)
)
Ties = dict[str, set[IncidentType]]


@always
@given(
    _stories(st.one_of(_MIXED, _MIXED, _REPORTED, st.sampled_from([*HANDED_ON, *TOLD]), _CALLED))
)
def test_nobody_is_asked_nor_contained_for_what_only_others_are_named_in(story: Story) -> None:
    ties: Ties = {}
    named: set[tuple[str, ActionKind]] = set()  # also before the case turned out to be restricted
    for case, before, event in played(story):
        if accepted(case.verdict):
            _tie(ties, event)
        if isinstance(event, AskOrdered | ContainOrdered | ApprovalAnswered):
            continue  # a person's word
        about = {who: _about(case.state, ties, who) for who in ties}
        for question in _asked_now(before, case.state):
            kinds = about[question.person.object_id]
            assert question.kind in {q for kind in kinds for q in _questions_of(kind)}
        for who, kinds in about.items():
            named |= {(who, does) for kind in kinds for does in PLAYBOOKS[kind].contains}
        for done in _accounts_contained(case):
            added = _added_by_answers(case.state, done.target.id)
            assert (done.target.id, done.does) in named or done.does in added


def _tie(ties: Ties, event: Event) -> None:
    if isinstance(event, Reported):
        for told in event.report.alerts:
            for account in accounts(replace(event.report, alerts=(told,))):
                ties.setdefault(account.object_id or "", set()).add(type_of(told))
    if isinstance(event, Absorbed):
        for affected in event.affected:
            ties.setdefault(affected.object_id or "", set()).update(affected.kinds)


def _about(state: Incident, ties: Ties, who: str) -> set[IncidentType]:
    types = set(state.types)
    of_others = set().union(*ties.values()) - ties[who] - NOBODY
    return types - of_others if ties[who] & types else types


NOBODY = {book.type for book in PLAYBOOKS.values() if book.channel is Channel.NOBODY}


def _asked_now(before: Incident | None, state: Incident) -> list[Question]:
    """Asked anew by a playbook; not what follows from an answer, nor what goes by phone instead."""
    known = before.questions if before else ()
    asked = {(q.person.object_id, q.kind) for q in known}
    new = [q for q in state.questions[len(known) :] if q.kind not in FOLLOW_UPS]
    return [q for q in new if (q.person.object_id, q.kind) not in asked]


def _accounts_contained(case: Case) -> list[Contain]:
    ordered = [e for e in case.ordered if isinstance(e, Contain) and not e.undo]
    return [e for e in ordered if e.target.kind is TargetKind.ACCOUNT]


def _questions_of(kind: IncidentType) -> set[QuestionKind | None]:
    stopped = {QuestionKind.FILE_EXPECTED} if kind is IncidentType.MALICIOUS_FILE else set()
    return {PLAYBOOKS[kind].asks, *stopped}


def _added_by_answers(state: Incident, who: str) -> set[ActionKind | None]:
    theirs = [q for q in state.answered if q.person.object_id == who and q.answer]
    given = [QUESTIONS[q.kind].answer(q.answer.choice or "") for q in theirs if q.answer]
    return {answer.contains for answer in given if answer}


# --- two cases become one ------------------------------------------------------------------------


@always
@given(MERGERS)
def test_a_case_that_is_over_asks_nobody_and_orders_nothing(story: Story) -> None:
    for case, _, _ in played(story):
        if case.state.is_over:
            assert (case.open_questions, case.open_calls) == ([], [])
            assert not any(isinstance(e, Contain) and not e.undo for e in case.ordered)


@always
@given(MERGERS)
def test_what_is_merged_stays_merged(story: Story) -> None:
    for case, before, _ in played(story):
        if before is not None and before.merged is not None:
            assert case.state.merged == before.merged
            assert case.status is Status.MERGED


@always
@given(MERGERS)
def test_another_case_takes_no_suspicion_away_and_adds_what_it_knows(story: Story) -> None:
    for case, before, event in played(story):
        if before is None or not isinstance(event, Absorbed) or not accepted(case.verdict):
            continue
        assert before.suspects <= case.state.suspects
        own = (t.object_id for t in event.taints if t.why.key != "taint.other_incident")
        assert set(own) <= case.state.suspects
        assert case.state.closed is None


@always
@given(st.sampled_from(PARTS), st.lists(st.sampled_from(TOLD), min_size=1, max_size=3))
def test_merging_any_case_into_any_other_loses_and_lowers_nothing(
    into: Case, parts: list[Absorbed]
) -> None:
    case = Case(into.customer, now=into.now, current=into.state)
    for part in parts:
        before = case.state
        case.happens(part, after=1)
        for told in (all_told(before), part.told):
            assert told is not None
            _still_tells(case, told)
        assert before.suspects <= case.state.suspects
        for affected in (*before.affected, *before.joined, *part.affected):
            assert case.state.affects(affected.object_id or "", affected.upn)


def _still_tells(case: Case, told: Told) -> None:
    """Nothing that either case was told is lost, and nothing of it that raises."""
    state, weights = case.state, {}
    assert state.severity.rank >= told.severity.rank
    assert all(ref in state.refs for ref in told.refs)
    assert state.overflow >= told.overflow
    assert state.reported_by_user >= told.reported_by_user
    if IncidentType.RESTRICTED not in state.types:
        assert set(told.types) <= {*state.types, IncidentType.UNKNOWN}
    assert state.decision is not None
    for reason in state.decision.reasons:
        kind = "prior" if reason.rule.startswith("prior.") else reason.rule
        weights[kind] = reason.weight
    for reason in (r for ref in told.refs for r in ref.telemetry):
        kind = "prior" if reason.rule.startswith("prior.") else reason.rule
        if kind == "prior" or (reason.weight > 0 and kind != "sign.verdict_suspicious"):
            assert weights[kind] >= reason.weight


@always
@given(MERGERS)
def test_what_one_person_said_in_two_cases_about_one_thing_counts_once(story: Story) -> None:
    for case, _, event in played(story):
        if isinstance(event, Absorbed):
            heard = [(q.person.object_id, q.kind) for q in case.state.heard]
            own = {(q.person.object_id, q.kind) for q in case.state.questions if q.answer}
            assert len(heard) == len(set(heard))
            assert own.isdisjoint(heard)


# --- containment ---------------------------------------------------------------------------------


@always
@given(STORIES)
def test_nothing_is_contained_without_a_tier_a_rule_or_a_live_approval(story: Story) -> None:
    for case, _, _ in played(story):
        for effect in case.ordered:
            if isinstance(effect, Contain) and not effect.undo:
                action = case.state.action(effect.action)
                assert action is not None
                _is_entitled(case, action)


def _is_entitled(case: Case, action: ResponseAction) -> None:
    state, customer = case.state, case.customer
    match action.basis:
        case ByApproval(which):
            approval = case.approval(which)
            assert approval.state is ApprovalState.APPROVED
            assert approval.action == action.id
            assert case.now < approval.due
        case ByRule(number):
            assert not is_protected(action.target, state, customer)
            found = rule_of(action, state, customer)
            automatic = found is not None and found.consent is Consent.AUTHORIZE
            silence = any(
                a.action == action.id and a.state is ApprovalState.EXPIRED and a.acts_on_silence
                for a in state.approvals
            )
            assert automatic or silence or (found is None and action.tier is Tier.A)
            assert number == (found.number if found else None)
        case None:
            pytest.fail("ordered on no basis")


@always
@given(STORIES)
def test_only_the_entitled_approve_and_never_the_affected_or_suspect(story: Story) -> None:
    for case, before, event in played(story):
        if isinstance(event, ApprovalAnswered) and accepted(case.verdict):
            assert before is not None
            approval = before.approval(event.approval)
            assert approval is not None
            rule = rule_of(before.action(approval.action), before, case.customer)
            assert is_approver(case.customer, event.by_upn, rule)
            assert event.by != approval.asked_by
            assert not before.affects(event.by, event.by_upn)
            assert event.by not in case.at_risk
            assert not before.is_tainted(event.by)


@always
@given(STORIES)
def test_an_effect_ordered_twice_is_the_same_effect(story: Story) -> None:
    ordered: dict[str, Effect] = {}
    for case, _, _ in played(story):
        for effect in case.ordered:
            assert ordered.setdefault(effect.key, effect) == effect


# --- closing -------------------------------------------------------------------------------------


@always
@given(STORIES)
def test_no_case_is_closed_without_disposition_reasons_and_rules(story: Story) -> None:
    for case, before, event in played(story):
        closed = case.state.closed
        if closed is None:
            continue
        assert closed.disposition in Disposition
        assert closed.determination
        assert closed.rules
        assert closed.reasons
        assert all(r.rule and r.evidence for r in closed.reasons)
        if closed.by is None and (before is None or before.closed is None):
            assert isinstance(event, Woke)
            assert case.state.type not in (IncidentType.UNKNOWN, IncidentType.RESTRICTED)
            assert not case.state.kept_open


# --- the same again ------------------------------------------------------------------------------


@always
@given(STORIES)
def test_what_is_already_so_changes_nothing(story: Story) -> None:
    for case, _, _ in played(story):
        event, known, now = case.log[-1]
        again = decide(case.state, event, replace(known, facts=known.facts), now)
        if isinstance(again.verdict, AlreadyAnswered):
            assert again.incident == case.state
            assert again.effects == ()


@always
@given(STORIES)
def test_settling_twice_changes_nothing(story: Story) -> None:
    for case, _, _ in played(story):
        if not accepted(case.verdict):
            continue
        known = Known(case.customer, PROVIDER, Facts(at_risk=case.at_risk))
        again = decide(case.state, Woke("question:none"), known, case.now)
        assert again.incident == case.state
        assert again.effects == ()


@always
@given(STORIES)
def test_the_recorded_events_rebuild_the_same_state(story: Story) -> None:
    case = [case for case, _, _ in played(story)][-1]
    rebuilt: Incident | None = None
    for event, known, now in case.log:
        recorded = EVENT.validate_json(EVENT.dump_json(event))
        rebuilt = decide(rebuilt, recorded, known, now).incident
    assert rebuilt == case.state


@always
@given(STORIES)
def test_the_state_survives_json_and_stays_small(story: Story) -> None:
    for case, _, _ in played(story):
        stored = STATE.dump_json(case.state)
        assert STATE.validate_json(stored) == case.state
        assert len(stored) <= 64 * 1024


# --- what is shown -------------------------------------------------------------------------------


@always
@given(STORIES)
def test_every_state_can_be_shown_with_absolute_times_and_known_sentences(story: Story) -> None:
    for case, _, _ in played(story):
        shown = [*case.views().values(), *(e for e in case.ordered if isinstance(e, Say))]
        for value in _inside(shown):
            assert not isinstance(value, timedelta)
            if isinstance(value, datetime):
                assert value.tzinfo is not None
            if isinstance(value, Phrase):
                assert faults(value) == []


def _inside(value: object) -> Iterator[object]:
    """The value and everything in it."""
    yield value
    match value:
        case Phrase(args=args):
            for inner in args.values():
                yield from _inside(inner)
        case Moment(at):
            yield at
        case list() | tuple():
            for inner in value:
                yield from _inside(inner)
        case Enum():
            return
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from _inside(getattr(value, field.name))
        case _:
            return


# --- five hundred alerts -------------------------------------------------------------------------


def _storm(first: int, count: int) -> object:
    alerts = [
        alert(
            f"Malware number {n} " + "x" * 280,
            list(Product)[n % 8],
            Severity.HIGH,
            user(replace(BOB, object_id=f"oid-{n}", upn=f"user{n}@" + "c" * 60 + ".com")),
            replace(LAPTOP, name=f"LAPTOP-{n}-" + "y" * 200, device_id=f"{n:040}"),
            threat_family="z" * 300,
        )
        for n in range(first, first + count)
    ]
    return report(*alerts, source_id=f"storm {first}")


@pytest.mark.parametrize("reports", [1, 5, 20])
def test_the_state_stays_under_64_kb_at_500_alerts(reports: int) -> None:
    case, each = Case(), 500 // reports
    for first in range(0, 500, each):
        case.reported(_storm(first, each), after=1)  # type: ignore[arg-type]

    assert case.state.alert_count == 500
    assert len(STATE.dump_json(case.state)) <= 64 * 1024
    assert len(case.state.alerts) <= 20

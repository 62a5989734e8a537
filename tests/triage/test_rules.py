"""The rules of design.md section 4, as far as `decide` holds them, for any order of events.

A machine plays a case: sources tell, people and strangers answer in time, late and twice, analysts
command, deadlines fall due, actions end well and badly, accounts become suspect elsewhere, cases
merge. After every step the rules are looked at; the numbers are those of the design. What rests with
other rooms (that what is answered is committed, that rows are one customer's, that GET changes
nothing) is proven there.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from cards.wording import faults
from tests.triage.kinds import told_of
from tests.triage.test_always import (
    ACTORS,
    EVENT,
    HANDED_ON,
    REPORTS,
    ROSTERS,
    _inside,
    _is_read_by_a_suspect,
    _reveals_nothing,
)
from tests.triage.triage_script import (
    ANNA,
    BOB,
    CARLA,
    JON,
    PEOPLE,
    PROVIDER,
    STRANGER,
    TENANT,
    accepted,
    later,
    malware_blocked,
    malware_ran,
    remote_tool,
    sign_in,
)
from tests.triage.worlds import (
    ANALYST,
    CONTEXT,
    MANAGERS,
    SILENCE_ACTS,
    TWO_APPROVE,
    UPNS,
    WORLDS,
    Played,
    World,
)
from triage.actions import ActionKind, Target, Tier
from triage.containing import is_reversible
from triage.customer import Consent
from triage.decide import AlreadyAnswered, decide
from triage.draft import Known
from triage.effects import ANALYST_THREAD, Contain, Effect, PageAction, Say
from triage.events import (
    Absorbed,
    ActionDone,
    ActionFailed,
    Answered,
    ApprovalAnswered,
    Attested,
    CallRecorded,
    ClearanceRecorded,
    CloseOrdered,
    ConsentRecorded,
    ContainOrdered,
    Event,
    Facts,
    FoundAway,
    KeptOpen,
    MergedInto,
    NotPaged,
    RecommendationAnswered,
    Reopened,
    Reported,
    SignedIn,
    SignInFailed,
    Taken,
    Undelivered,
    UndoOrdered,
    VerificationStarted,
    WishedToTalk,
    Woke,
    Wrote,
)
from triage.incident import (
    Absence,
    ActionState,
    Approval,
    ApprovalState,
    Assurance,
    AwayBy,
    ByApproval,
    ByRule,
    Clearance,
    Disposition,
    Incident,
    IncidentType,
    Open,
    Person,
    Question,
    Reply,
    ResponseAction,
    Route,
    Standing,
    Verification,
    VerificationState,
)
from triage.phrases import Phrase
from triage.playbooks import QUESTIONS, offered
from triage.report import IncidentReport, Product, Severity
from triage.views import ApprovalCard

SECRET = "between us analysts"
MINUTES = st.sampled_from([0, 1, 5, 20, 60, 600])
WHO = st.sampled_from(ACTORS)
TOLD = st.sampled_from(REPORTS)
ASKED = st.sampled_from(
    (
        malware_ran(),
        malware_ran(by_hand=True),
        malware_ran(BOB, JON, by_hand=True),
        malware_blocked(),
        remote_tool(),
        sign_in(CARLA, Severity.LOW),
        sign_in(CARLA, Severity.LOW),
        sign_in(JON),
    )
)
"""What somebody is asked about on a card, or by a page of ours, or by phone."""
CHOICES = sorted({a.id for s in QUESTIONS.values() for a in s.answers})
UNREACHED = st.sampled_from(["customer", "analyst", "person"])


YES = st.lists(st.sampled_from([True, True, True, False]), min_size=1, max_size=3)
WRONG = st.sampled_from(
    ["", "", "", "", "person", "tenant", "old", "ahead", "context", "weak", "declined"]
)
"""One thing about a sign-in that is not as it should be."""

REACHED: Counter[str] = Counter()
"""How often each guarded branch let something through."""

RUNS_OUT = timedelta(minutes=15)
CONFIRMS_FOR = timedelta(minutes=10)


class AnyOrder(RuleBasedStateMachine):
    world: World
    case: Played
    before: Incident | None = None
    effects: dict[str, Effect]

    # --- what may happen ---

    @initialize(
        data=st.data(),
        world=st.sampled_from(WORLDS),
        roster=st.sampled_from((PEOPLE,) * 6 + ROSTERS),
        told=ASKED | TOLD,
        scene=st.sampled_from(["sign in", "two", "silence", "safe", "order", "phone", ""]),
    )
    def begins(
        self,
        data: Any,
        world: World,
        roster: tuple[Person, ...],
        told: IncidentReport,
        scene: str,
    ) -> None:
        """Anyhow; or where one of the rules is soon put to the test."""
        if scene:
            roster = PEOPLE
        match scene:
            case "sign in":
                told = sign_in(CARLA, Severity.LOW)
            case "two":
                world, told = TWO_APPROVE, told_of(IncidentType.NEW_MFA_METHOD, CARLA)
            case "phone":
                world, told = TWO_APPROVE, sign_in(JON)
            case "safe":
                told = sign_in(CARLA)
            case "silence":
                world, told = SILENCE_ACTS, malware_ran(by_hand=True)
            case _:
                pass
        self.world, self.effects = world, {}
        self.case = Played(world.customer, roster)
        self.happens(Reported(told), 0)
        self._goes_on(data, scene)

    def _goes_on(self, data: Any, scene: str) -> None:
        if scene == "sign in" and self._usable():
            self._signs_in_anew(data, data.draw(WRONG), data.draw(st.sampled_from([0, 1, 9, 11])))
        elif scene == "phone" and self._open_approvals():
            self._decides_by_phone(data, ANALYST, approve=True)
        elif scene == "safe" and self._suspects():
            parts = data.draw(st.sampled_from([*([*Clearance],) * 3, [*Clearance][:2]]))
            self._makes_safe(data, ANALYST, parts, data.draw(st.sampled_from([5, 16, 16])))
        elif scene == "silence" and self._open_approvals():
            on = self._open_approvals()[-1]
            self.case.now = on.due
            self.happens(Woke(f"approval:{on.id}"), 0)
        elif scene in ("two", "order"):
            self._wants_what_is_proposed()
            if scene == "two":
                self._everybody_says_yes(data)
            elif self._open_approvals():
                self._decide(data, data.draw(YES), data.draw(st.sampled_from([0, 1, 20])))

    @rule(told=TOLD, after=MINUTES)
    def a_source_tells(self, told: IncidentReport, after: int) -> None:
        self.happens(Reported(told), after)

    @precondition(lambda self: self._pressable())
    @rule(data=st.data(), after=MINUTES)
    def the_asked_answers(self, data: Any, after: int) -> None:
        asked = data.draw(st.sampled_from(self._pressable()))
        choice = data.draw(st.sampled_from([a.id for a in offered(asked)]))
        self.happens(Answered(asked.id, asked.person.object_id, choice), after)

    def _pressable(self) -> list[Question]:
        """What stands on a card, first what waits."""
        sent = [q for q in self.state.questions if q.route is Route.CARD and q.was_sent]
        return sorted(sent, key=lambda q: not isinstance(q.state, Open))

    @rule(data=st.data(), by=WHO, choice=st.sampled_from(CHOICES), after=MINUTES)
    def somebody_presses(self, data: Any, by: Person, choice: str, after: int) -> None:
        on = data.draw(st.sampled_from([*(q.id for q in self.state.questions), "q9"]))
        self.happens(Answered(on, by.object_id, choice), after)

    @precondition(lambda self: self.state.answered)
    @rule(data=st.data(), after=MINUTES)
    def somebody_corrects_an_answer(self, data: Any, after: int) -> None:
        asked = data.draw(st.sampled_from(self.state.answered))
        choice = data.draw(st.sampled_from([a.id for a in QUESTIONS[asked.kind].answers]))
        self.happens(Answered(asked.id, asked.person.object_id, choice), after)

    @rule(by=WHO, on=st.sampled_from(["", "q1", "q2"]), after=MINUTES)
    def somebody_writes(self, by: Person, on: str, after: int) -> None:
        words = Answered(on, by.object_id, None, "it was me") if on else None
        self.happens(words or Wrote(by.object_id, "it was me"), after)

    @rule(by=WHO, after=MINUTES)
    def somebody_asks_for_an_analyst(self, by: Person, after: int) -> None:
        self.happens(WishedToTalk(by.object_id), after)

    @precondition(lambda self: self.state.approvals)
    @rule(data=st.data(), yes=YES, after=st.sampled_from([0, 1, 2, 20]))
    def some_decide(self, data: Any, yes: list[bool], after: int) -> None:
        self._decide(data, yes, after)

    def _decide(self, data: Any, yes: list[bool], after: int) -> None:
        """Who may, and who may not: affected, suspect, the requester, or nobody at all."""
        on = data.draw(st.sampled_from(self._open_approvals() or list(self.state.approvals)))
        might = [*self.world.approve * 3, *self.state.people, ANALYST, STRANGER]
        for approve in yes:
            by = data.draw(st.sampled_from(might))
            self.happens(ApprovalAnswered(on.id, by.object_id, by.upn, by.name, approve), after)

    @precondition(lambda self: self._open_approvals())
    @rule(data=st.data(), seconds=st.just(0))
    def everybody_who_may_says_yes(self, data: Any, seconds: int) -> None:
        self._everybody_says_yes(data, seconds)

    def _everybody_says_yes(self, data: Any, seconds: int = 0) -> None:
        for on in self._open_approvals():
            for by in data.draw(st.permutations(self.world.approve)):
                event = ApprovalAnswered(on.id, by.object_id, by.upn, by.name, True)
                self.happens(event, seconds)

    @precondition(lambda self: self._open_approvals())
    @rule(data=st.data())
    def nobody_decides_in_time(self, data: Any) -> None:
        on = data.draw(st.sampled_from(self._open_approvals()))
        self.case.now = max(self.case.now, on.due)
        self.happens(Woke(f"approval:{on.id}"), 0)

    def _open_approvals(self) -> list[Approval]:
        return [a for a in self.state.approvals if a.state is ApprovalState.OPEN]

    @precondition(lambda self: self._open_approvals())
    @rule(data=st.data(), by=st.sampled_from((ANALYST, ANALYST, JON)), approve=st.booleans())
    def a_contact_decides_by_phone(self, data: Any, by: Person, approve: bool) -> None:
        self._decides_by_phone(data, by, approve=approve)

    def _decides_by_phone(self, data: Any, by: Person, *, approve: bool) -> None:
        on = data.draw(st.sampled_from(self._open_approvals()))
        free = [p for p in self.world.approve if not self.state.affects(p.object_id)]
        whose = data.draw(st.sampled_from([*free, *free, *self.world.approve, CARLA, STRANGER]))
        self.happens(ConsentRecorded(on.id, whose.upn, approve, by.object_id, by.name), 1)

    @precondition(lambda self: self._proposed())
    @rule()
    def an_analyst_wants_what_is_proposed(self) -> None:
        self._wants_what_is_proposed()

    def _wants_what_is_proposed(self) -> None:
        for on in self._proposed():
            self.happens(ContainOrdered(on, ANNA.object_id, ANNA.name), 0)

    def _proposed(self) -> list[str]:
        asked = {a.action for a in self._open_approvals()}
        able = (a for a in self.state.actions if a.state is ActionState.PROPOSED)
        return [a.id for a in able if a.id not in asked]

    # --- people confirm who they are ---

    @precondition(lambda self: self._usable())
    @rule(
        data=st.data(),
        wrong=WRONG,
        then=st.sampled_from([0, 1, 9, 11]),
    )
    def somebody_signs_in_anew(self, data: Any, wrong: str, then: int) -> None:
        self._signs_in_anew(data, wrong, then)

    def _signs_in_anew(self, data: Any, wrong: str, then: int) -> None:
        """As they should, or with one thing wrong; then they answer on the page."""
        chosen = data.draw(st.sampled_from(self._usable()))
        asked = self.state.question(chosen.question)
        assert asked is not None
        self.happens(VerificationStarted(chosen.id), 1)
        if wrong == "declined":
            self.happens(SignInFailed(chosen.id, "denied"), 1)
        else:
            self.happens(self._signed_in(chosen, asked, wrong), 1)
        choice = data.draw(
            st.sampled_from([a.id for a in QUESTIONS[asked.kind].answers if not a.call])
        )
        by = asked.person.object_id
        self.happens(Answered(asked.id, by, choice, verification=chosen.id), then)

    def _signed_in(self, chosen: Verification, asked: Question, wrong: str) -> SignedIn:
        at = {
            "old": asked.asked_at - timedelta(minutes=1),
            "ahead": self.case.now + timedelta(minutes=20),
        }.get(wrong, self.case.now + timedelta(seconds=30))
        who = STRANGER if wrong == "person" else asked.person
        return SignedIn(
            chosen.id,
            "0c0c0c0c-1111-2222-3333-444444444444" if wrong == "tenant" else TENANT,
            who.object_id,
            who.upn,
            at,
            () if wrong == "context" else (CONTEXT,),
            ("pwd", "rsa") if wrong == "weak" else ("fido", "mfa"),
        )

    def _usable(self) -> list[Verification]:
        able = (
            VerificationState.OFFERED,
            VerificationState.STARTED,
            VerificationState.FAILED,
        )
        return [v for v in self.state.verifications if v.state in able]

    @precondition(lambda self: self.state.verifications)
    @rule(data=st.data(), after=MINUTES)
    def a_sign_in_comes_to_light_as_void(self, data: Any, after: int) -> None:
        """New evidence between the sign-in and the answer."""
        who = self.state.verifications[-1].person
        told = sign_in(next(p for p in PEOPLE if p.object_id == who), source_id="9")
        self.happens(Reported(later(told, minutes=after)), after)

    @precondition(lambda self: self.state.questions)
    @rule(data=st.data(), by=st.sampled_from(PEOPLE), after=MINUTES)
    def a_manager_tells(self, data: Any, by: Person, after: int) -> None:
        for question in self.state.questions:
            if isinstance(question.state, Open):
                self.case.now = max(self.case.now, question.state.due)
                self.happens(Woke(f"question:{question.id}"), 0)
        climbing = [q for q in self.state.questions if q.steps] or list(self.state.questions)
        asked = data.draw(st.sampled_from(climbing))
        named = next((p for p in PEOPLE if p.object_id == MANAGERS.get(asked.person.object_id)), by)
        who = data.draw(st.sampled_from((named, named, by)))
        known = [None, *(a.id for a in QUESTIONS[asked.kind].answers)]
        choice = data.draw(st.sampled_from(known))
        self.happens(Attested(asked.id, who.object_id, who.upn, who.name, choice), after)

    @precondition(lambda self: self._suspects())
    @rule(
        data=st.data(),
        by=st.sampled_from((ANALYST, ANALYST, ANALYST, JON)),
        parts=st.lists(st.sampled_from(Clearance), min_size=1, max_size=3, unique=True),
        after=st.sampled_from([0, 5, 16]),
    )
    def an_account_is_made_safe(
        self, data: Any, by: Person, parts: list[Clearance], after: int
    ) -> None:
        self._makes_safe(data, by, parts, after)

    def _makes_safe(self, data: Any, by: Person, parts: list[Clearance], after: int) -> None:
        who = data.draw(st.sampled_from(self._suspects()))
        for part in parts:
            self.happens(ClearanceRecorded(who, part, "in person", by.object_id, by.name), 0)
        self.happens(Woke(f"taint:{who}"), after)

    def _suspects(self) -> list[str]:
        return sorted({t.object_id for t in self.state.taints if t.lifted_at is None})

    @rule(
        who=st.sampled_from((BOB, CARLA, JON)),
        by=st.sampled_from(AwayBy),
        does=st.sampled_from(PageAction),
    )
    def other_systems_tell(self, who: Person, by: AwayBy, does: PageAction) -> None:
        self.happens(FoundAway(Absence(who.object_id, by, self.case.now)), 1)
        self.happens(NotPaged(does, "alarm"), 1)

    @rule(by=WHO, accept=st.booleans())
    def a_contact_speaks(self, by: Person, accept: bool) -> None:
        self.happens(RecommendationAnswered(by.object_id, by.upn, by.name, accept), 1)
        self.happens(KeptOpen(by.object_id, by.upn, by.name), 0)

    @rule(data=st.data(), anna=st.booleans(), by=WHO)
    def somebody_takes_down_a_call(self, data: Any, anna: bool, by: Person) -> None:
        asked = data.draw(st.sampled_from([*self.state.questions, None]))
        known = [a.id for a in QUESTIONS[asked.kind].answers] if asked else CHOICES
        choice, who = data.draw(st.sampled_from(known)), ANNA if anna else by
        self.happens(CallRecorded(asked.id if asked else "q9", who.object_id, who.name, choice), 5)

    @rule(data=st.data(), anna=st.booleans(), by=WHO, after=MINUTES)
    def somebody_commands(self, data: Any, anna: bool, by: Person, after: int) -> None:
        who = ANNA if anna else by
        on = data.draw(st.sampled_from([*(a.id for a in self.state.actions), "a9"]))
        how = data.draw(st.none() | st.sampled_from(Disposition))
        commands: list[Event] = [
            Taken(who.object_id, who.name),
            ContainOrdered(on, who.object_id, who.name),
            UndoOrdered(on, who.object_id, who.name),
            Reopened(who.object_id, who.name),
            CloseOrdered(who.object_id, who.name, how, SECRET),
        ]
        self.happens(data.draw(st.sampled_from(commands)), after)

    @rule(
        data=st.data(), ended=st.sampled_from(["done", "failed", "refused"]), undone=st.booleans()
    )
    def an_action_ends(self, data: Any, ended: str, undone: bool) -> None:
        under_way = (ActionState.ORDERED, ActionState.UNDOING)
        on = [a.id for a in self.state.actions if a.state in under_way] or ["a1", "a9"]
        which = data.draw(st.sampled_from(on))
        if ended == "done":
            self.happens(ActionDone(which, rehearsed=False, undone=undone), 1)
        else:
            self._fails(which, refused=ended == "refused")

    def _fails(self, which: str, *, refused: bool) -> None:
        """We refuse by a sentence of ours; the other side fails in words of its own."""
        why = "refused.protected" if refused else "device offline"
        self.happens(ActionFailed(which, why, refused), 1)

    @precondition(lambda self: self.case.wakes_ordered)
    @rule(data=st.data())
    def a_deadline_falls_due(self, data: Any) -> None:
        wake = data.draw(st.sampled_from(self.case.wakes_ordered))
        self.case.now = max(self.case.now, wake.at)
        self.happens(Woke(wake.name), 0)

    @rule(who=st.sets(st.sampled_from([BOB.object_id, CARLA.object_id, JON.object_id])))
    def accounts_are_suspect_elsewhere(self, who: set[str]) -> None:
        self.case.at_risk = frozenset(who)

    @rule(merger=st.sampled_from([*HANDED_ON, MergedInto("i-2", "CONTOSO-43")]))
    def two_cases_become_one(self, merger: Event) -> None:
        self.happens(merger, 5)

    @rule(place=UNREACHED, by=WHO)
    def somebody_is_not_reached(self, place: str, by: Person) -> None:
        whom = by.object_id if place == "person" else None
        self.happens(Undelivered(place, whom, "blocked"), 1)

    # --- the rules, step by step ---

    @property
    def state(self) -> Incident:
        return self.case.state

    def happens(self, event: Event, after: int) -> None:
        before = self.case.current
        self.case.happens(event, after=after)
        for effect in self.case.ordered:
            self._may_be_ordered(effect)
        if before is None:
            return
        self._answers_count_as_they_may(before, event)
        if accepted(self.case.verdict):
            self._was_entitled(before, event)
        self._trusts_again_with_reasons(before, event)
        self._closes_with_reasons(before, event)

    def _answers_count_as_they_may(self, before: Incident, event: Event) -> None:
        match event:
            case Answered():
                self._answers_are_the_asked_ones(before, event)
                self._a_suspect_lowers_nothing(before, event.by)
                self._is_confirmed(before, event)
            case Wrote():
                self._a_suspect_lowers_nothing(before, event.by)
            case FoundAway() | SignInFailed() | VerificationStarted():
                self._lowers_nothing(before)
            case _:
                pass

    def _was_entitled(self, before: Incident, event: Event) -> None:
        match event:
            case ApprovalAnswered(by=by, by_upn=upn):
                self._is_entitled_to_decide(before, event.approval, by, upn, approve=event.approve)
            case ConsentRecorded(contact=upn):
                assert event.by == ANNA.object_id
                ids = {p.upn: p.object_id for p in (*PEOPLE, ANALYST)}
                by = ids[upn]
                self._is_entitled_to_decide(before, event.approval, by, upn, approve=event.approve)
                REACHED["consent by phone"] += 1
            case SignedIn():
                self._is_the_person(before, event)
            case Attested():
                self._is_the_manager(before, event)
            case ClearanceRecorded():
                assert event.by == ANNA.object_id
                assert event.person in {t.object_id for t in before.taints}
                REACHED["clearance"] += 1
            case ActionFailed():
                assert self.state.handed_over is not None, "rule 11: a person knows"
            case NotPaged(does=PageAction.TRIGGER) if not self.state.is_over:
                assert self.state.handed_over is not None, "rule 11: a person knows"
            case _:
                pass

    def _may_be_ordered(self, effect: Effect) -> None:
        assert self.effects.setdefault(effect.key, effect) == effect, "rule 2"
        if isinstance(effect, Contain) and not effect.undo:
            action = self.state.action(effect.action)
            assert action is not None
            self._is_entitled(action)  # rule 4
        if isinstance(effect, Say) and effect.place != ANALYST_THREAD:
            assert SECRET not in repr(effect), "rule 11: a comment crossed"
            self._is_silent_to_suspects(effect)

    def _is_silent_to_suspects(self, said: Say) -> None:
        who = said.place.removeprefix("person:")
        if said.place.startswith("person:") and self.state.is_tainted(who):
            _reveals_nothing(self.case, repr(said.says))  # rule 6

    def _answers_are_the_asked_ones(self, before: Incident, event: Answered) -> None:
        """Rule 5; and rule 1: what was accepted is there."""
        asked, now = before.question(event.question), self.state.question(event.question)
        if asked is None or now is None:
            return
        if asked.person.object_id != event.by:
            assert now.replies == asked.replies
            assert not accepted(self.case.verdict)
            return
        new = now.replies[len(asked.replies) :]
        if accepted(self.case.verdict) and len(now.replies) > len(asked.replies):
            assert [(r.by, r.choice) for r in new] == [(event.by, event.choice)]
        for reply in new:
            in_time = isinstance(asked.state, Open) and self.case.now < asked.state.due
            if not in_time or asked.answer is not None or before.is_over:
                self._counts_only_if_it_does_not_lower(before, reply)

    def _counts_only_if_it_does_not_lower(self, before: Incident, reply: Reply) -> None:
        if reply.standing is Standing.COUNTED and before.decision and self.state.decision:
            assert self.state.decision.log_odds >= before.decision.log_odds

    def _a_suspect_lowers_nothing(self, before: Incident, by: str) -> None:
        if self.state.is_tainted(by) and before.decision and self.state.decision:
            assert self.state.decision.log_odds >= before.decision.log_odds, "rule 6"

    def _is_entitled(self, action: ResponseAction) -> None:
        """Rule 4, by what the profile says of the target and of the people."""
        match action.basis:
            case ByApproval(which):
                approval = self.case.approval(which)
                assert approval.state is ApprovalState.APPROVED
                assert approval.action == action.id
                assert self.case.now < approval.due
                if action.tier is Tier.D:
                    assert len({s.by for s in approval.signed}) == 2
                    REACHED["two approved"] += 1
                REACHED["ordered by approval"] += 1
            case ByRule(number):
                assert _names(action.target).isdisjoint(self.world.protected)
                assert self.world.customer.consent is not Consent.NOTIFY
                self._rule_says_so(action, number)
                REACHED["ordered by rule"] += 1
            case None:
                pytest.fail("ordered on no basis")

    def _rule_says_so(self, action: ResponseAction, number: int | None) -> None:
        rules = [r for r in self.world.customer.rules if r.action is action.kind]
        if not rules:
            assert number is None
            assert action.tier is Tier.A or action.kind is ActionKind.REVOKE_SESSIONS
            return
        assert number in {r.number for r in rules}
        waited = any(
            a.action == action.id and a.state is ApprovalState.EXPIRED and a.acts_on_silence
            for a in self.state.approvals
        )
        assert waited or any(r.consent is Consent.AUTHORIZE for r in rules)
        REACHED["silence"] += waited

    def _is_entitled_to_decide(
        self, before: Incident, on: str, by: str, upn: str, *, approve: bool
    ) -> None:
        """Rule 4: whom the profile names, and never the affected, the suspect or the requester."""
        approval = before.approval(on)
        assert approval is not None
        assert upn in {p.upn for p in self.world.approve}
        assert by not in {a.person.object_id for a in before.affected if a.person}
        assert by not in {t.object_id for t in before.taints if t.lifted_at is None}
        assert by not in self.case.at_risk
        assert by != approval.asked_by
        assert not approve or self.case.now < approval.due
        REACHED["approved" if approve else "denied"] += 1

    def _is_the_person(self, before: Incident, event: SignedIn) -> None:
        """A sign-in confirms the person asked, freshly, in their tenant, with a strong factor."""
        now = self.state.verification(event.verification)
        asked = before.question(now.question) if now else None
        assert now is not None
        assert asked is not None
        if now.state is not VerificationState.PASSED:
            return
        assert (event.tenant_id, event.object_id) == (TENANT, asked.person.object_id)
        assert event.at is not None
        assert asked.asked_at.replace(microsecond=0) <= event.at
        assert event.at <= self.case.now + timedelta(minutes=5)
        assert CONTEXT in event.contexts
        assert "fido" in event.methods
        REACHED["signed in"] += 1

    def _is_confirmed(self, before: Incident, event: Answered) -> None:
        """An answer of level L2 follows a sign-in that was passed, within ten minutes."""
        if event.verification is None or not accepted(self.case.verdict):
            return
        passed = before.verification(event.verification)
        assert passed is not None
        assert passed.state is VerificationState.PASSED
        assert (passed.question, passed.person) == (event.question, event.by)
        assert self.case.now < passed.at + CONFIRMS_FOR
        now = self.state.question(event.question)
        assert now is not None
        assert now.replies[-1].assurance is Assurance.L2
        REACHED["confirmed"] += 1

    def _is_the_manager(self, before: Incident, event: Attested) -> None:
        asked = before.question(event.question)
        assert asked is not None
        assert MANAGERS[asked.person.object_id] == event.by
        assert event.by in {s.person.object_id for s in asked.steps if s.person}
        assert event.by not in {t.object_id for t in before.taints if t.lifted_at is None}
        assert event.by not in self.case.at_risk
        REACHED["attested"] += 1

    def _lowers_nothing(self, before: Incident) -> None:
        if before.decision and self.state.decision:
            assert self.state.decision.log_odds >= before.decision.log_odds

    def _trusts_again_with_reasons(self, before: Incident, event: Event) -> None:
        """Rule 6: an account is trusted again when everything was done for it, or by a person."""
        were = {(t.object_id, t.since) for t in before.taints if t.lifted_at is not None}
        for mark in self.state.taints:
            if mark.lifted_at is None or (mark.object_id, mark.since) in were:
                continue
            if mark.lifted != "cleared":
                assert isinstance(event, CloseOrdered | Absorbed)
                continue
            if isinstance(event, Absorbed):
                continue
            assert {c.part for c in mark.cleared} == set(Clearance)
            revoked = max(c.at for c in mark.cleared if c.part is Clearance.REVOKED)
            assert self.case.now >= revoked + RUNS_OUT
            REACHED["trusted again"] += 1

    def _closes_with_reasons(self, before: Incident, event: Event) -> None:
        """Rule 3; and by itself only when its time has come."""
        closed = self.state.closed
        if closed is None or before.closed is not None:
            return
        assert isinstance(event, CloseOrdered | Woke)
        assert closed.disposition in Disposition
        assert closed.determination
        assert closed.rules
        assert closed.reasons
        assert all(r.rule and r.evidence for r in closed.reasons)

    # --- the rules, whatever has happened ---

    @invariant()
    def every_reply_that_counts_is_of_whoever_was_asked(self) -> None:
        for question in self.state.questions:
            for reply in question.replies:
                assert reply.by == question.person.object_id

    @invariant()
    def no_sign_in_counts_that_an_intruder_may_have_made(self) -> None:
        if self.state.is_over:
            return
        relayed = IncidentType.STOLEN_SESSION in self.state.types
        watched = any(Product.ENDPOINT in ref.products for ref in self.state.refs)
        suspects = {t.object_id for t in self.state.taints if t.lifted_at is None}
        for tried in self.state.verifications:
            if tried.state in (VerificationState.PASSED, VerificationState.STARTED):
                assert not relayed
                assert not watched
                assert tried.person not in suspects

    @invariant()
    def nobody_hears_of_it_whom_the_customer_left_out(self) -> None:
        """Shadow mode asks nobody; a pilot writes to its group alone."""
        on_cards = [q for q in self.state.questions if q.route is not Route.PHONE and q.was_sent]
        if self.world.asks_nobody:
            assert (self.state.approvals, on_cards) == ((), [])
        if self.world.writes_to:
            assert {q.person.upn for q in on_cards} <= set(self.world.writes_to)

    @invariant()
    def a_suspect_is_shown_nothing(self) -> None:
        views = self.case.views()
        for name, view in views.items():
            who = name.removeprefix("person:")
            if name.startswith("person:") and self.state.is_tainted(who):
                _reveals_nothing(self.case, repr(view))
        if _is_read_by_a_suspect(self.case):
            _reveals_nothing(self.case, repr(self.case.thread()))
            assert all(v.hidden for v in views.values() if isinstance(v, ApprovalCard))

    @invariant()
    def it_stays_the_customers_and_in_words_we_have(self) -> None:
        """Rule 7; rule 8: what is said is a sentence of ours, with texts in it as data; rule 11:
        what an analyst noted is shown to analysts alone."""
        assert self.state.customer == self.case.customer.id
        views = self.case.views()
        for value in _inside(list(views.values())):
            assert not isinstance(value, Phrase) or faults(value) == []
        for name, view in views.items():
            assert name in ("analyst", "source") or SECRET not in repr(view), name

    @invariant()
    def showing_it_changes_nothing(self) -> None:
        assert self.case.views() == self.case.views()  # rule 9

    @invariant()
    def a_person_can_always_take_over(self) -> None:
        """Rule 11: closing, reopening and undoing are one event away, whatever was decided."""
        if self.state.merged is not None or self.state.affects(ANNA.object_id):
            return
        who = (ANNA.object_id, ANNA.name)
        if self.state.closed is None:
            closing = self._if(CloseOrdered(*who, Disposition.FALSE_POSITIVE, "No."))
            assert closing.closed is not None
        else:
            assert self._if(Reopened(*who)).closed is None
        for action in self.state.actions:
            if action.state is ActionState.DONE and is_reversible(action):
                undone = self._if(UndoOrdered(action.id, *who)).action(action.id)
                assert undone is not None
                assert undone.state is ActionState.UNDOING

    def _if(self, event: Event) -> Incident:
        return decide(self.state, event, self._known(), self.case.now).incident

    def _known(self) -> Known:
        return Known(self.case.customer, PROVIDER, Facts(at_risk=self.case.at_risk, pages=True))

    @invariant()
    def what_is_already_so_changes_nothing(self) -> None:
        """Rule 2, where somebody says again what stands."""
        event, known, now = self.case.log[-1]
        again = decide(self.state, event, replace(known), now)
        if isinstance(again.verdict, AlreadyAnswered):
            assert (again.incident, again.effects) == (self.state, ())

    def teardown(self) -> None:
        """Rule 10: the recorded events alone give the same case."""
        if not hasattr(self, "case"):
            return
        rebuilt: Incident | None = None
        for event, known, now in self.case.log:
            recorded = EVENT.validate_json(EVENT.dump_json(event))
            rebuilt = decide(rebuilt, recorded, known, now).incident
        assert rebuilt == self.state


def _names(target: Target) -> set[str]:
    """What a profile calls it."""
    return {target.label, UPNS.get(target.id, target.id)}


LEAST = {
    "approved": 10,
    "denied": 3,
    "two approved": 1,
    "ordered by approval": 8,
    "ordered by rule": 30,
    "silence": 1,
    "signed in": 3,
    "confirmed": 2,
    "attested": 1,
    "clearance": 20,
    "trusted again": 5,
}
"""What a run must have let through, so that the rules above were put to the test."""


@pytest.mark.long
class TestAnyOrder(AnyOrder.TestCase):  # type: ignore[misc,valid-type]
    def runTest(self) -> None:  # noqa: N802 - unittest's name
        REACHED.clear()
        super().runTest()
        assert {what: n for what, n in LEAST.items() if REACHED[what] < n} == {}, REACHED


TestAnyOrder.settings = settings(
    max_examples=int(os.environ.get("VOUCH_RULES_CASES", "120")),
    stateful_step_count=25,
    deadline=None,
    derandomize="VOUCH_RULES_CASES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

"""The rules of design.md section 4, as far as `decide` holds them, for any order of events.

A machine plays a case: sources tell, people and strangers answer in time, late and twice, analysts
command, deadlines fall due, actions end well and badly, accounts become suspect elsewhere, cases
merge. After every step the rules are looked at; the numbers are those of the design. What rests with
other rooms (that what is answered is committed, that rows are one customer's, that GET changes
nothing) is proven there.
"""

import os
from dataclasses import replace
from typing import Any

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
from tests.triage.test_always import (
    ACTORS,
    CUSTOMERS,
    EVENT,
    HANDED_ON,
    REPORTS,
    ROSTERS,
    _inside,
    _is_entitled,
    _is_read_by_a_suspect,
    _reveals_nothing,
)
from tests.triage.triage_script import (
    ANNA,
    BOB,
    CARLA,
    JON,
    PROVIDER,
    TENANT,
    Case,
    accepted,
    malware_blocked,
    malware_ran,
    remote_tool,
)
from triage.authority import is_approver, rule_of
from triage.containing import is_reversible
from triage.customer import Customer
from triage.decide import AlreadyAnswered, decide
from triage.draft import Known
from triage.effects import ANALYST_THREAD, Contain, Effect, Say
from triage.events import (
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
    KeptOpen,
    MergedInto,
    RecommendationAnswered,
    Reopened,
    Reported,
    SignedIn,
    Taken,
    Undelivered,
    UndoOrdered,
    VerificationStarted,
    Woke,
    Wrote,
)
from triage.incident import (
    ActionState,
    Clearance,
    Disposition,
    Incident,
    Open,
    Person,
    Question,
    Reply,
    Route,
    Standing,
)
from triage.phrases import Phrase
from triage.playbooks import QUESTIONS, offered
from triage.report import IncidentReport
from triage.views import ApprovalCard

SECRET = "between us analysts"
MINUTES = st.sampled_from([0, 1, 5, 20, 60, 600])
WHO = st.sampled_from(ACTORS)
TOLD = st.sampled_from(REPORTS)
ASKED = st.sampled_from(
    (malware_ran(), malware_ran(by_hand=True), malware_blocked(), remote_tool())
)
"""What somebody is asked about on a card."""
CHOICES = sorted({a.id for s in QUESTIONS.values() for a in s.answers})
UNREACHED = st.sampled_from(["customer", "analyst", "person"])


class AnyOrder(RuleBasedStateMachine):
    case: Case
    before: Incident | None = None
    effects: dict[str, Effect]

    # --- what may happen ---

    @initialize(
        customer=st.sampled_from(CUSTOMERS),
        roster=st.sampled_from((*ROSTERS[:1] * 4, *ROSTERS)),
        told=ASKED | TOLD,
    )
    def begins(self, customer: Customer, roster: tuple[Person, ...], told: IncidentReport) -> None:
        self.case, self.effects = Case(customer, roster), {}
        self.happens(Reported(told), 0)

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

    @rule(data=st.data(), by=WHO, approve=st.booleans(), after=MINUTES)
    def somebody_decides(self, data: Any, by: Person, approve: bool, after: int) -> None:
        on = data.draw(st.sampled_from([*(a.id for a in self.state.approvals), "p9"]))
        self.happens(ApprovalAnswered(on, by.object_id, by.upn, by.name, approve), after)

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

    @rule(data=st.data(), by=WHO, heard=st.booleans())
    def somebody_attests(self, data: Any, by: Person, heard: bool) -> None:
        asked = data.draw(st.sampled_from([*self.state.questions, None]))
        said = [a.id for a in QUESTIONS[asked.kind].answers] if asked else CHOICES
        choice = data.draw(st.sampled_from(said)) if heard else None
        on = asked.id if asked else "q9"
        self.happens(Attested(on, by.object_id, by.upn, by.name, choice), 5)

    @rule(data=st.data(), who=WHO, approve=st.booleans(), anna=st.booleans())
    def somebody_takes_down_a_consent(
        self, data: Any, who: Person, approve: bool, anna: bool
    ) -> None:
        on = data.draw(st.sampled_from([*(a.id for a in self.state.approvals), "p9"]))
        by = ANNA if anna else who
        self.happens(ConsentRecorded(on, who.upn, approve, by.object_id, by.name), 5)
        if accepted(self.case.verdict):
            assert anna
            assert is_approver(self.case.customer, who.upn)

    @rule(part=st.sampled_from(Clearance), whose=WHO, anna=st.booleans(), by=WHO)
    def somebody_clears_an_account(
        self, part: Clearance, whose: Person, anna: bool, by: Person
    ) -> None:
        who = ANNA if anna else by
        self.happens(
            ClearanceRecorded(whose.object_id, part, "in person", who.object_id, who.name), 20
        )

    @rule(by=WHO, how=st.sampled_from(["fido", "pwd"]), choice=st.sampled_from(CHOICES))
    def somebody_signs_in(self, by: Person, how: str, choice: str) -> None:
        """With the link on a card, whoever that is; and answers on the page, allowed or not."""
        self.happens(VerificationStarted("v1"), 1)
        at = self.case.now
        self.happens(SignedIn("v1", TENANT, by.object_id, by.upn, at, ("c1",), (how,)), after=0)
        self.happens(Answered("q1", by.object_id, choice, verification="v1"), 1)

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
        match event:
            case Answered():
                self._answers_are_the_asked_ones(before, event)
                self._a_suspect_lowers_nothing(before, event.by)
            case Wrote():
                self._a_suspect_lowers_nothing(before, event.by)
            case ApprovalAnswered() if accepted(self.case.verdict):
                self._is_entitled_to_decide(before, event)
            case ActionFailed() if accepted(self.case.verdict):
                assert self.state.handed_over is not None, "rule 11: a person knows"
            case _:
                pass
        self._closes_with_reasons(before, event)

    def _may_be_ordered(self, effect: Effect) -> None:
        assert self.effects.setdefault(effect.key, effect) == effect, "rule 2"
        if isinstance(effect, Contain) and not effect.undo:
            action = self.state.action(effect.action)
            assert action is not None
            _is_entitled(self.case, action)  # rule 4
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

    def _is_entitled_to_decide(self, before: Incident, event: ApprovalAnswered) -> None:
        """Rule 4: somebody entitled, and never whoever is affected or suspect."""
        approval = before.approval(event.approval)
        assert approval is not None
        limits = rule_of(before.action(approval.action), before, self.case.customer)
        assert is_approver(self.case.customer, event.by_upn, limits)
        assert not before.affects(event.by, event.by_upn)
        assert not before.is_tainted(event.by)
        assert event.by not in self.case.at_risk
        assert not event.approve or self.case.now < approval.due

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
        return Known(self.case.customer, PROVIDER, Facts(at_risk=self.case.at_risk))

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


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=int(os.environ.get("VOUCH_RULES_CASES", "120")),
    stateful_step_count=25,
    deadline=None,
    derandomize="VOUCH_RULES_CASES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

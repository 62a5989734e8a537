"""Approvals and containment: who may allow what, until when, and what silence means."""

from dataclasses import replace
from typing import Any

import pytest

from tests.triage.triage_script import (
    ANNA,
    APPROVER,
    AUTOMATIC,
    BOB,
    DAN,
    INES,
    IT,
    JON,
    LAPTOP,
    STRANGER,
    Case,
    accepted,
    alert,
    already,
    contoso,
    keys,
    later,
    malware_ran,
    refusal,
    remote_tool,
    report,
    rule,
    user,
)
from triage.actions import ActionKind
from triage.containing import is_rehearsed, recheck
from triage.customer import Asset, Consent, Contact, Customer, Role
from triage.decide import Accepted
from triage.effects import ANALYST_THREAD, Contain
from triage.events import ActionDone, ActionFailed, ContainOrdered, UndoOrdered
from triage.incident import (
    ActionState,
    ApprovalState,
    ByApproval,
    ByRule,
    Disposition,
    Person,
    Status,
    Taint,
)
from triage.phrases import phrase
from triage.report import Account, AlreadyDone, DoneKind, IncidentReport, Product, Severity, Source
from triage.views import Button

ISOLATE = ActionKind.ISOLATE_DEVICE


def asked(*, act_if_unreachable: bool = False) -> Case:
    """Jon is asked whether to isolate Bob's device."""
    case = Case(contoso(rules=(rule(ISOLATE, act_if_unreachable=act_if_unreachable),)))
    return case.reported(remote_tool()).says_on_the_phone("caller")


def asked_about(*people: Person, contacts: tuple[Contact, ...]) -> Case:
    """Malware that ran on the devices of people who may themselves approve."""
    case = Case(contoso(contacts=contacts))
    return case.reported(malware_ran(*people, by_hand=True))


def orders(action: str = "a2") -> ContainOrdered:
    return ContainOrdered(action, ANNA.object_id, ANNA.name)


def undoes(action: str) -> UndoOrdered:
    return UndoOrdered(action, ANNA.object_id, ANNA.name)


# --- asking --------------------------------------------------------------------------------------


def test_an_approval_says_what_it_means_and_what_silence_does() -> None:
    case = asked(act_if_unreachable=True)

    card = case.approval_card()
    assert card.on_silence.key == "silence.act"
    assert card.mention == ((JON.upn, JON.name),)
    assert case.thread().turn.key == "turn.customer"
    assert case.thread().needed.key == "needed.approval"
    assert case.thread().until == case.approval().due


def test_where_nobody_may_approve_an_analyst_is_told() -> None:
    case = Case(contoso(contacts=(IT,))).reported(malware_ran(by_hand=True))

    assert case.state.approvals == ()
    assert "why.nobody_may_approve" in case.noted()


def test_whoever_orders_an_action_hears_what_became_of_it() -> None:
    def ordered(customer: Customer) -> str:
        case = Case(customer).reported(remote_tool()).happens(orders())
        assert isinstance(case.verdict, Accepted)
        assert case.verdict.says is not None
        return case.verdict.says.key

    assert ordered(contoso()) == "thanks.approval_asked"
    assert ordered(contoso(rules=(rule(ISOLATE, Consent.AUTHORIZE),))) == "thanks.ordered"
    assert ordered(contoso(contacts=(IT,))) == "thanks.nobody_to_approve"
    assert ordered(contoso(shadow=True)) == "thanks.nobody_to_approve"


# --- answering -----------------------------------------------------------------------------------


def test_approved_the_device_is_isolated_on_the_strength_of_that_approval() -> None:
    case = asked().approves()

    assert accepted(case.verdict)
    assert case.contained() == {ISOLATE}
    assert case.action(ISOLATE).basis == ByApproval("p1")
    assert case.status is Status.CONTAINING
    assert recheck(case.state, case.action(ISOLATE), case.customer, case.now) is None


def test_denied_nothing_is_done_and_an_analyst_looks() -> None:
    case = asked().denies()

    assert case.contained() == set()
    assert case.action(ISOLATE).state is ActionState.PROPOSED
    assert "why.denied" in case.noted()


def test_what_was_denied_is_not_done_by_a_rule_later() -> None:
    case = asked().denies()
    case.customer = contoso(rules=AUTOMATIC)
    case.reported(later(remote_tool()), after=5)

    assert ISOLATE not in case.ever_contained()


def test_denied_it_is_not_contained_and_an_analyst_says_how_it_ends() -> None:
    case = asked().denies().done()

    assert case.state.closing is None
    assert case.desk().proposal is None
    assert Button.CLOSE_AS in case.desk().buttons


def test_silence_acts_where_the_rule_says_so() -> None:
    case = asked(act_if_unreachable=True).until_due("approval")

    assert case.approval().state == "expired"
    assert case.contained() == {ISOLATE}
    assert case.action(ISOLATE).basis == ByRule(4)
    assert recheck(case.state, case.action(ISOLATE), case.customer, case.now) is None


def test_silence_hands_over_where_the_rule_says_so() -> None:
    case = asked().until_due("approval")

    assert case.contained() == set()
    assert case.told(ANALYST_THREAD) == ["why.approval_expired"]


def test_what_the_score_no_longer_asks_for_is_asked_no_more() -> None:
    case = asked(act_if_unreachable=True).says_on_the_phone("it_confirmed")

    assert case.approval().state == "withdrawn"
    assert case.until_due("approval").contained() == set()


def test_what_was_withdrawn_is_asked_again_when_the_score_rises_again() -> None:
    case = asked().says_on_the_phone("it_confirmed").says_on_the_phone("nobody")

    assert [(a.id, a.state) for a in case.state.approvals] == [("p1", "withdrawn"), ("p2", "open")]


def test_an_approval_counts_once() -> None:
    case = asked().approves()
    before = case.state
    case.approves()

    assert already(case.verdict) == "refused.approval_over"
    assert case.state == before
    assert case.ordered == ()


@pytest.mark.parametrize("by", [STRANGER, DAN, INES])
def test_who_is_no_approver_does_not_approve(by: Person) -> None:
    case = asked().approves(by)

    assert refusal(case.verdict) == "refused.not_approver"
    assert case.approval().state == "open"
    assert case.contained() == set()


def test_a_delegate_approves_for_the_one_who_is_away() -> None:
    away = Contact(upn=JON.upn, name=JON.name, roles=frozenset({Role.APPROVER}), delegate=DAN.upn)
    case = Case(contoso(contacts=(away,))).reported(remote_tool()).says_on_the_phone("caller")

    assert accepted(case.approves(DAN).verdict)
    assert case.contained() == {ISOLATE}


def test_the_affected_person_never_approves() -> None:
    bob = Contact(upn=BOB.upn, name=BOB.name, roles=frozenset({Role.APPROVER}))
    case = asked_about(BOB, contacts=(bob, APPROVER))

    assert refusal(case.approves(BOB).verdict) == "refused.affected_never_approves"
    assert case.approval().state == "open"
    assert (BOB.upn, BOB.name) not in case.approval_card().mention


def test_the_affected_never_approve_not_even_as_delegates() -> None:
    away = Contact(upn=JON.upn, name=JON.name, roles=frozenset({Role.APPROVER}), delegate=BOB.upn)
    case = asked_about(BOB, contacts=(away,))

    assert refusal(case.approves(BOB).verdict) == "refused.affected_never_approves"


def test_an_affected_account_the_roster_does_not_know_never_approves() -> None:
    bob = Contact(upn=BOB.upn, name=BOB.name, roles=frozenset({Role.APPROVER}))
    case = Case(contoso(contacts=(bob, APPROVER)), roster=()).reported(malware_ran(by_hand=True))

    assert refusal(case.approves(BOB).verdict) == "refused.affected_never_approves"


def test_an_affected_account_known_by_upn_only_never_approves() -> None:
    bob = Contact(upn=BOB.upn.upper(), name=BOB.name, roles=frozenset({Role.APPROVER}))
    bobs = alert("AnyDesk", Product.ENDPOINT, Severity.HIGH, user(Account(upn=BOB.upn)), LAPTOP)
    case = Case(contoso(contacts=(bob, APPROVER)), roster=()).reported(report(bobs))
    case.happens(orders())

    assert refusal(case.approves(BOB).verdict) == "refused.affected_never_approves"
    assert case.approval_card().mention == ((JON.upn, JON.name),)


def test_an_approver_whose_own_account_is_suspect_does_not_approve() -> None:
    case = asked()
    case.at_risk = frozenset({JON.object_id})

    assert refusal(case.approves().verdict) == "refused.account_suspect"


def test_an_approval_after_its_time_does_not_count() -> None:
    case = asked().until_due("approval").approves()

    assert already(case.verdict) == "refused.approval_over"
    assert case.contained() == set()


def test_an_approval_after_its_time_does_not_count_even_before_the_wake_came() -> None:
    case = asked().approves(after=14)

    assert refusal(case.verdict) == "refused.unknown_approval"
    assert case.contained() == set()


def test_a_no_counts_as_long_as_nothing_was_done() -> None:
    assert accepted(asked(act_if_unreachable=True).denies(after=14).verdict)


def test_an_approval_that_was_never_asked_is_refused() -> None:
    assert refusal(asked().approves(on="p9").verdict) == "refused.unknown_approval"


def test_closing_withdraws_what_was_asked() -> None:
    case = asked().closes(disposition=Disposition.FALSE_POSITIVE)

    assert case.approval().state == "withdrawn"
    assert already(case.approves().verdict) == "refused.approval_over"


# --- analysts ------------------------------------------------------------------------------------


def test_an_analyst_asks_for_containment_and_the_customers_consent_still_rules() -> None:
    case = Case().reported(remote_tool()).happens(orders())

    assert accepted(case.verdict)
    assert case.contained() == set()
    assert case.approval().action == "a2"
    assert already(case.happens(orders()).verdict) == "refused.action_running"


def test_an_analyst_contains_at_once_where_a_rule_allows_it() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(remote_tool()).happens(orders())

    assert case.contained() == {ISOLATE}


def test_silence_on_what_only_an_analyst_asked_for_hands_over() -> None:
    act = rule(ISOLATE, act_if_unreachable=True)
    case = Case(contoso(rules=(act,))).reported(remote_tool()).happens(orders())

    assert case.until_due("approval").contained() == set()
    assert case.told(ANALYST_THREAD) == ["why.approval_expired"]


def test_silence_overrides_no_human_no() -> None:
    case = asked(act_if_unreachable=True).denies().happens(orders(), after=1)
    again = case.approval("p2")
    assert not again.acts_on_silence
    assert case.approval_card("p2").on_silence.key != "silence.act"

    assert case.until_due("approval").contained() == set()
    assert case.told(ANALYST_THREAD) == ["why.approval_expired"]


def test_what_silence_ordered_is_not_carried_out_over_a_human_no() -> None:
    case = asked(act_if_unreachable=True).until_due("approval")
    denied = replace(case.approval(), id="p2", state=ApprovalState.DENIED)
    state = case.state.changed(approvals=(*case.state.approvals, denied))

    found = recheck(state, case.action(ISOLATE), case.customer, case.now)

    assert found is not None
    assert found.key == "refused.denied"


def test_an_approval_lapses_with_the_right_of_whoever_gave_it() -> None:
    case = asked().approves()
    isolate = case.action(ISOLATE)
    gone = contoso(contacts=(IT,))
    acts_themselves = contoso(rules=(rule(ISOLATE, Consent.NOTIFY),))
    suspected = case.state.changed(
        taints=(Taint(JON.object_id, case.now, phrase("taint.own_answer")),)
    )

    for state, customer in (
        (case.state, gone),
        (case.state, acts_themselves),
        (suspected, case.customer),
    ):
        found = recheck(state, isolate, customer, case.now)
        assert found is not None
        assert found.key == "refused.approval_lapsed"


def test_what_an_analyst_asked_for_and_the_customer_allowed_is_done_where_they_act_themselves() -> (
    None
):
    case = Case(contoso(consent=Consent.NOTIFY)).reported(remote_tool())
    case.happens(orders()).approves()

    assert case.contained() == {ISOLATE}
    assert recheck(case.state, case.action(ISOLATE), case.customer, case.now) is None


def test_who_is_no_analyst_contains_and_undoes_nothing() -> None:
    case = Case().reported(remote_tool())

    case.happens(ContainOrdered("a2", JON.object_id, JON.name))
    assert refusal(case.verdict) == "refused.not_analyst"
    case.happens(UndoOrdered("a2", JON.object_id, JON.name))
    assert refusal(case.verdict) == "refused.not_analyst"


def test_an_unknown_action_is_refused() -> None:
    assert refusal(Case().reported(remote_tool()).happens(orders("a9")).verdict) == (
        "refused.unknown_action"
    )


def test_what_was_done_is_undone_by_one_tap() -> None:
    case = asked().approves().done()
    isolate = case.action(ISOLATE).id
    assert [c.action for c in case.desk().containable if c.undo] == [isolate]

    case.happens(undoes(isolate))
    assert [e.undo for e in case.ordered if isinstance(e, Contain)] == [True]
    assert case.action(ISOLATE).state is ActionState.UNDOING
    case.happens(ActionDone(isolate, rehearsed=False, undone=True))
    assert case.action(ISOLATE).state is ActionState.UNDONE
    assert case.state.closing is None


def test_what_could_not_be_undone_is_still_done_and_may_be_tried_again() -> None:
    case = asked().approves().done()
    isolate = case.action(ISOLATE).id
    case.happens(undoes(isolate), after=1).happens(ActionFailed(isolate, "offline"), after=1)

    assert case.action(ISOLATE).state is ActionState.DONE
    assert "why.action_failed" in case.told(ANALYST_THREAD)
    case.happens(undoes(isolate), after=1)
    undone = [e.key for e in case.ever if isinstance(e, Contain) and e.undo]
    assert len(set(undone)) == 2


def test_a_scan_cannot_be_undone() -> None:
    case = asked().done()

    scan = case.action(ActionKind.SCAN_DEVICE).id
    assert refusal(case.happens(undoes(scan)).verdict) == "refused.irreversible"


def test_what_was_not_done_cannot_be_undone() -> None:
    assert refusal(asked().happens(undoes("a2")).verdict) == "refused.unknown_action"


# --- what the world answers ----------------------------------------------------------------------


def test_a_failed_action_ends_with_a_person_who_knows() -> None:
    case = asked().approves().fails("a2")

    assert case.action(ISOLATE).state is ActionState.FAILED
    assert case.action(ISOLATE).why == "device offline"
    assert case.told(ANALYST_THREAD) == ["why.action_failed"]
    assert case.desk().next_action.key == "next.action_failed"


def test_a_refused_action_is_shown_as_refused() -> None:
    case = asked().approves().happens(ActionFailed("a2", "refused.protected", refused=True))

    assert case.action(ISOLATE).state is ActionState.REFUSED


def test_a_result_of_what_nobody_ordered_changes_nothing() -> None:
    case = asked()
    before = case.state

    case.happens(ActionDone("a2", rehearsed=False))
    assert already(case.verdict) == "refused.no_longer_ordered"
    case.happens(ActionFailed("a2", "odd"))
    assert already(case.verdict) == "refused.no_longer_ordered"
    assert case.state == before


def test_a_rehearsed_action_is_shown_as_rehearsed() -> None:
    case = asked().approves().happens(ActionDone("a2", rehearsed=True))

    assert [a.rehearsed for a in case.thread().actions if a.id == "a2"] == [True]


# --- what the source did -------------------------------------------------------------------------

ISOLATED = AlreadyDone(DoneKind.ISOLATED, "LAPTOP-7", "d" * 40)


def test_what_the_source_did_is_shown_and_not_repeated() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(remote_tool(already_done=(ISOLATED,)))
    case.says_on_the_phone("caller").done()

    assert ISOLATE not in case.ever_contained()
    assert case.action(ISOLATE).state is ActionState.ALREADY_DONE
    assert [c for c in case.desk().containable if c.action == case.action(ISOLATE).id] == []
    assert "known.already_isolated" in keys(case.thread().known)


def test_what_the_source_did_meanwhile_is_not_asked_for_any_more() -> None:
    case = asked(act_if_unreachable=True).reported(
        later(remote_tool(), already_done=(ISOLATED,)), after=1
    )

    assert case.action(ISOLATE).state is ActionState.ALREADY_DONE
    assert case.approval().state == "withdrawn"
    assert case.until_due("approval").contained() == set()


def natively(told: IncidentReport, **changes: Any) -> IncidentReport:
    """The same, as a source of our own shape tells it."""
    return later(told, source=Source.NATIVE, source_id="n1", **changes)


def test_what_our_own_shape_says_was_done_keeps_nothing_of_defenders_from_being_contained() -> None:
    told = natively(remote_tool(), already_done=(ISOLATED,))
    first = Case(contoso(rules=AUTOMATIC)).reported(told)
    assert first.action(ISOLATE).state is ActionState.ALREADY_DONE

    second = Case(contoso(rules=AUTOMATIC)).reported(remote_tool()).reported(told)
    for case in (first.reported(remote_tool()), second):
        assert case.state.already_done == ()
        assert case.action(ISOLATE).state is not ActionState.ALREADY_DONE
    first.reported(later(remote_tool(), already_done=(ISOLATED,)))
    assert first.state.already_done == (ISOLATED,)


# --- carrying it out -----------------------------------------------------------------------------


def test_an_order_is_refused_when_the_case_closed_meanwhile() -> None:
    case = asked().approves().closes(disposition=Disposition.FALSE_POSITIVE)

    found = recheck(case.state, case.action(ISOLATE), case.customer, case.now)
    assert found is not None
    assert found.key == "refused.no_longer_ordered"


def test_an_order_by_rule_is_refused_when_its_target_came_to_be_protected() -> None:
    protected = (Asset(name="LAPTOP-*", protected=True),)
    by_rule = Case(contoso(rules=AUTOMATIC)).reported(remote_tool()).happens(orders())
    by_silence = asked(act_if_unreachable=True).until_due("approval")

    for case in (by_rule, by_silence):
        isolate = case.action(ISOLATE)
        assert recheck(case.state, isolate, case.customer, case.now) is None
        found = recheck(case.state, isolate, contoso(assets=protected), case.now)
        assert found is not None
        assert found.key == "refused.protected"


def test_what_is_to_be_undone_may_be_undone_whatever_happened() -> None:
    case = asked().approves().done()
    case.happens(undoes("a2")).closes(disposition=Disposition.FALSE_POSITIVE)

    assert recheck(case.state, case.action(ISOLATE), case.customer, case.now) is None


@pytest.mark.parametrize("rehearsed", [True, False])
@pytest.mark.parametrize("shadow", [True, False])
def test_what_was_rehearsed_is_undone_as_rehearsed_and_what_was_done_really(
    rehearsed: bool, shadow: bool
) -> None:
    case = asked().approves()
    now = contoso(shadow=shadow)
    assert is_rehearsed(case.action(ISOLATE), now) is shadow

    case.happens(ActionDone("a2", rehearsed=rehearsed)).happens(undoes("a2"))

    assert is_rehearsed(case.action(ISOLATE), now) is rehearsed


def test_tier_a_waits_where_the_customer_wants_to_be_asked() -> None:
    careful = contoso(rules=(rule(ActionKind.SCAN_DEVICE, Consent.COLLABORATE),))
    case = Case(careful).reported(remote_tool()).says_on_the_phone("caller")

    assert ActionKind.SCAN_DEVICE not in case.ever_contained()


def test_what_a_second_try_was_refused_may_have_been_done_by_the_first_and_is_undone() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(remote_tool()).happens(orders())
    isolate = case.action(ISOLATE)
    failed = ActionFailed(isolate.id, "refused.stopped", refused=True, maybe_done=True)
    case.happens(failed)

    assert "why.action_maybe_done" in case.told("analyst")
    offered = {(c.action, c.undo) for c in case.desk().containable}
    assert (isolate.id, True) in offered
    assert accepted(case.happens(undoes(isolate.id)).verdict)
    assert case.action(ISOLATE).state is ActionState.UNDOING


def test_what_was_refused_before_any_try_is_not_undone() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(remote_tool()).happens(orders())
    isolate = case.action(ISOLATE)
    case.happens(ActionFailed(isolate.id, "refused.stopped", refused=True))

    assert refusal(case.happens(undoes(isolate.id)).verdict) == "refused.unknown_action"

"""Who may approve and command, by whose consent, and what two people must approve."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    APPROVER,
    BOB,
    CARLA,
    DAN,
    EVE,
    INES,
    IT,
    JON,
    STRANGER,
    Case,
    accepted,
    already,
    contoso,
    later,
    malware_blocked,
    malware_ran,
    person,
    refusal,
    remote_tool,
    rule,
    sign_in,
)
from triage.actions import ActionKind, Tier
from triage.containing import Lately, recheck
from triage.customer import Analyst, Asset, Consent, Contact, PersonFacts, Role, Stop
from triage.decide import AlreadyAnswered
from triage.effects import CUSTOMER_THREAD, Page
from triage.events import (
    ApprovalAnswered,
    Assigned,
    CloseOrdered,
    ContainOrdered,
    Escalated,
    Noted,
    Taken,
    UndoOrdered,
)
from triage.incident import ActionState, ApprovalState, ByApproval, ByRule, IncidentType, Person
from triage.phrases import phrase

ISOLATE, DISABLE = ActionKind.ISOLATE_DEVICE, ActionKind.DISABLE_ACCOUNT
REMOVE = ActionKind.REMOVE_MFA_METHOD
SECOND = Contact(upn=INES.upn, name=INES.name, roles=frozenset({Role.SECURITY}))
CARLA_IS_A_VIP = (PersonFacts(upn=CARLA.upn, vip=True),)


def grave(**changes: object) -> Case:
    """Somebody else set up Carla's new sign-in method, and Carla is a VIP: removing it is tier D."""
    customer = contoso(
        **{"contacts": (APPROVER, SECOND), "people": CARLA_IS_A_VIP, "auto_close": frozenset()}
        | changes
    )
    case = Case(customer).reported(told_of(IncidentType.NEW_MFA_METHOD, CARLA))
    return case.says_on_the_phone("not_mine")


def asked_for(case: Case, kind: ActionKind) -> str:
    """The id of the approval that was asked for it."""
    action = case.action(kind).id
    return next(a.id for a in case.state.approvals if a.action == action)


# --- consent -------------------------------------------------------------------------------------


def test_a_customer_who_only_wants_notice_is_told_what_to_do_and_nothing_is_done() -> None:
    case = Case(contoso(consent=Consent.NOTIFY)).reported(malware_ran(by_hand=True))

    assert case.ever_contained() == set()
    assert case.state.approvals == ()
    assert case.thread().needed.key == "needed.acts"
    assert case.thread().turn.key == "turn.customer"
    assert "why.customer_acts" in case.noted()


def test_what_to_do_is_told_once() -> None:
    case = Case(contoso(consent=Consent.NOTIFY)).reported(remote_tool())

    case.says_on_the_phone("caller")
    assert "say.advised" in case.told(CUSTOMER_THREAD)

    case.reported(later(remote_tool(), title="Seen again"), after=5)
    assert "say.advised" not in case.told(CUSTOMER_THREAD)


def test_an_analyst_may_still_ask_a_customer_who_only_wants_notice() -> None:
    case = Case(contoso(consent=Consent.NOTIFY)).reported(malware_ran(by_hand=True))

    case.happens(ContainOrdered(case.action(ISOLATE).id, ANNA.object_id, ANNA.name))

    assert case.contained() == set()
    assert case.approves().contained() == {ISOLATE}


def test_standing_authority_acts_at_once_on_what_is_not_grave() -> None:
    case = Case(contoso(consent=Consent.AUTHORIZE)).reported(malware_ran(by_hand=True))

    assert ISOLATE in case.ever_contained()
    assert case.action(ISOLATE).basis == ByRule(None)
    assert recheck(case.state, case.action(ISOLATE), case.customer, case.now) is None
    assert recheck(case.state, case.action(ISOLATE), contoso(), case.now) is not None


def test_standing_authority_still_asks_before_a_server_is_isolated() -> None:
    servers = (Asset(name="LAPTOP-*", tier_0=True),)
    case = Case(contoso(consent=Consent.AUTHORIZE, assets=servers))
    case.reported(malware_ran(by_hand=True))

    assert case.action(ISOLATE).tier is Tier.C
    assert ISOLATE not in case.ever_contained()
    assert case.approval().state is ApprovalState.OPEN


def test_where_nobody_can_be_reached_we_act_if_the_customer_said_so() -> None:
    for allowed in (True, False):
        case = Case(contoso(act_if_unreachable=allowed)).reported(malware_ran(by_hand=True))
        case.until_due("approval")

        assert (ISOLATE in case.ever_contained()) is allowed


def test_where_nobody_can_be_reached_a_server_waits_for_somebody() -> None:
    servers = (Asset(name="LAPTOP-*", tier_0=True),)
    case = Case(contoso(act_if_unreachable=True, assets=servers))
    case.reported(malware_ran(by_hand=True)).until_due("approval")

    assert ISOLATE not in case.ever_contained()
    assert "why.approval_expired" in case.noted()


def test_a_rule_goes_before_the_customers_general_consent() -> None:
    rules = (rule(ISOLATE, Consent.NOTIFY),)
    case = Case(contoso(consent=Consent.AUTHORIZE, rules=rules))
    case.reported(malware_ran(by_hand=True))

    assert ISOLATE not in case.ever_contained()
    assert case.thread().needed.key == "needed.act"


def test_a_general_rule_and_one_for_privileged_accounts_stand_side_by_side() -> None:
    rules = (
        rule(DISABLE, Consent.COLLABORATE, number=3),
        rule(DISABLE, Consent.AUTHORIZE, number=4, privileged=True),
    )
    people = (PersonFacts(upn=CARLA.upn, tier_0=True),)
    for order in (rules, rules[::-1]):
        carla, dan = (
            Case(contoso(rules=order, people=people)).reported(sign_in(who)) for who in (CARLA, DAN)
        )
        carla.says_on_the_phone("not_mine")
        dan.says_on_the_phone("not_mine")

        assert carla.action(DISABLE).basis == ByRule(4)
        assert dan.action(DISABLE).state is ActionState.PROPOSED
        assert dan.approval().rule == 3


# --- who may approve -----------------------------------------------------------------------------


def test_a_rule_names_who_alone_may_approve() -> None:
    narrowed = (rule(ISOLATE, approvers=(INES.upn,)),)
    case = Case(contoso(contacts=(APPROVER, SECOND), rules=narrowed))
    case.reported(malware_ran(by_hand=True))
    which = asked_for(case, ISOLATE)

    assert case.approval_card(which).mention == ((INES.upn, INES.name),)
    assert refusal(case.approves(JON, on=which).verdict) == "refused.not_approver"
    assert accepted(case.approves(INES, on=which).verdict)


def test_whoever_asked_for_it_does_not_approve_it() -> None:
    """Where the provider is its own customer, one person could be both."""
    anna = Contact(upn="anna@contoso.com", name="Anna", roles=frozenset({Role.APPROVER}))
    case = Case(contoso(contacts=(APPROVER, anna))).reported(malware_blocked())
    case.happens(ContainOrdered(case.action(ISOLATE).id, ANNA.object_id, ANNA.name))
    which = case.approval().id

    itself = ApprovalAnswered(which, ANNA.object_id, anna.upn, anna.name, approve=True)
    assert refusal(case.happens(itself).verdict) == "refused.requester_never_approves"
    assert case.approval_card().asked_by.key == "asked_by.analyst"
    assert case.approves(JON, on=which).contained() == {ISOLATE}


def test_an_analyst_who_is_affected_commands_nothing() -> None:
    anna = replace(person("Anna"), object_id=ANNA.object_id)
    case = Case(roster=(anna,)).reported(malware_ran(anna))
    by = (ANNA.object_id, ANNA.name)

    for event in (Taken(*by), ContainOrdered("a1", *by), CloseOrdered(*by)):
        assert refusal(case.happens(event).verdict) == "refused.affected_never_commands"


# --- two people ----------------------------------------------------------------------------------


def test_the_gravest_takes_two_different_people() -> None:
    case = grave()
    which = asked_for(case, REMOVE)
    assert case.action(REMOVE).tier is Tier.D

    case.approves(JON, on=which)
    assert case.contained() == set()
    assert case.approval(which).state is ApprovalState.OPEN
    assert already(case.approves(JON, on=which).verdict) == "refused.second_person"
    assert case.contained() == set()

    case.approves(INES, on=which)
    assert case.contained() == {REMOVE}
    assert case.action(REMOVE).basis == ByApproval(which)
    assert case.approval(which).by_name == "Jon Jansen, Ines Ito"


def test_one_of_two_may_take_back_what_they_approved() -> None:
    case = grave()
    which = asked_for(case, REMOVE)

    case.approves(JON, on=which).denies(JON, on=which)

    assert case.approval(which).state is ApprovalState.DENIED
    assert already(case.approves(INES, on=which).verdict) == "refused.approval_over"


def test_the_first_of_two_does_not_count_any_more_once_their_account_is_suspect() -> None:
    case = grave()
    which = asked_for(case, REMOVE)
    case.approves(JON, on=which)

    case.at_risk = frozenset({JON.object_id})
    case.approves(INES, on=which)

    assert case.contained() == set()
    assert [s.by for s in case.approval(which).signed] == [INES.object_id]


def test_a_yes_counts_no_more_once_its_giver_may_not_give_it() -> None:
    case = grave()
    which = asked_for(case, REMOVE)
    case.approves(JON, on=which)

    case.customer = contoso(contacts=(SECOND,), people=CARLA_IS_A_VIP)
    case.approves(INES, on=which)

    assert case.contained() == set()
    assert [s.by for s in case.approval(which).signed] == [INES.object_id]


def test_two_approvers_are_never_replaced_by_silence() -> None:
    rules = tuple(rule(k, act_if_unreachable=True) for k in (REMOVE,))
    case = grave(rules=rules)
    which = asked_for(case, REMOVE)

    case.approves(JON, on=which)
    case.now = case.approval(which).due
    case.wakes(f"approval:{which}")

    assert case.approval(which).state is ApprovalState.EXPIRED
    assert REMOVE not in case.ever_contained()


def test_where_only_one_may_approve_an_analyst_arranges_it() -> None:
    case = grave(contacts=(APPROVER, IT))

    assert all(a.action != case.action(REMOVE).id for a in case.state.approvals)
    assert "why.too_few_approvers" in case.noted()


PEOPLE = st.sampled_from([JON, INES, BOB, CARLA, EVE, STRANGER])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PEOPLE, st.sampled_from([True, True, False])), max_size=8))
def test_no_order_of_presses_does_the_gravest_without_two_who_may(
    presses: list[tuple[Person, bool]],
) -> None:
    case = grave()
    which = asked_for(case, REMOVE)
    yes: set[str] = set()
    over = False
    for who, approve in presses:
        press = case.approves if approve else case.denies
        press(who, on=which)
        if who in (JON, INES) and not over:
            yes |= {who.object_id} if approve else set()
            over = not approve or len(yes) == 2

    assert (REMOVE in case.ever_contained()) is (len(yes) == 2 and over)


def test_the_card_says_how_many_must_approve_and_how_far_it_has_come() -> None:
    case = grave()
    which = asked_for(case, REMOVE)
    assert case.approval_card(which).signed == phrase("signed.nobody", needs=2)
    assert case.approval_card(which).mention == ((JON.upn, JON.name), (INES.upn, INES.name))

    card = case.approves(JON, on=which).approval_card(which)

    assert card.signed == phrase("signed.some", count=1, needs=2, by=JON.name)
    assert card.mention == ((INES.upn, INES.name),)
    assert Case().reported(malware_ran(by_hand=True)).approval_card().signed is None


# --- the last checks -----------------------------------------------------------------------------


def _ordered(**changes: object) -> Case:
    return Case(contoso(consent=Consent.AUTHORIZE, **changes)).reported(malware_ran(by_hand=True))


def _refused(case: Case, lately: Lately) -> str | None:
    found = recheck(case.state, case.action(ISOLATE), case.customer, case.now, lately)
    return found.key if found else None


def test_nothing_is_begun_while_response_actions_are_stopped() -> None:
    case = _ordered()

    assert _refused(case, Lately()) is None
    assert _refused(case, Lately(stopped=Stop(case.now, "drill", "olga"))) == "refused.stopped"


def test_a_cap_holds_for_what_was_approved_too() -> None:
    by_rule, by_approval = _ordered(), Case().reported(malware_ran(by_hand=True))
    by_approval.approves(on=asked_for(by_approval, ISOLATE))

    for case in (by_rule, by_approval):
        assert _refused(case, Lately(reached=4)) is None
        assert _refused(case, Lately(reached=5)) == "refused.cap"


def test_what_gives_back_is_neither_stopped_nor_capped() -> None:
    case = _ordered().done()
    case.happens(UndoOrdered(case.action(ISOLATE).id, ANNA.object_id, ANNA.name))

    assert _refused(case, Lately(reached=99, stopped=Stop(case.now, "drill", "olga"))) is None


def test_break_glass_and_protected_are_touched_by_no_consent_and_no_silence() -> None:
    protected = (Asset(name="LAPTOP-*", protected=True),)
    for consent in (Consent.AUTHORIZE, Consent.COLLABORATE):
        customer = contoso(
            consent=consent,
            act_if_unreachable=consent is Consent.COLLABORATE,
            assets=protected,
            rules=(rule(ISOLATE, consent, number=9),),
        )
        case = Case(customer).reported(malware_ran(by_hand=True))
        case.until_due("approval")

        assert ISOLATE not in case.ever_contained()


# --- among analysts ------------------------------------------------------------------------------

BO = Analyst(object_id="oid-bo", name="Bo", upn="bo@provider.example")


def test_a_case_is_given_to_somebody_of_the_roster_only() -> None:
    case = Case().reported(malware_ran())

    case.happens(Assigned(ANNA.object_id, ANNA.name, ANNA.object_id, ANNA.name))
    assert case.state.owner == ANNA.object_id

    strange = Assigned(ANNA.object_id, ANNA.name, BO.object_id, BO.name)
    assert refusal(case.happens(strange).verdict) == "refused.assignee"
    theirs = Assigned(JON.object_id, JON.name, ANNA.object_id, ANNA.name)
    assert refusal(case.happens(theirs).verdict) == "refused.not_analyst"


def test_who_escalates_gives_the_case_back_and_it_rings_once() -> None:
    case = Case().reported(malware_ran()).happens(Taken(ANNA.object_id, ANNA.name))

    case.happens(Escalated(ANNA.object_id, ANNA.name, "beyond me"))

    assert case.state.owner is None
    assert len([e for e in case.ordered if isinstance(e, Page)]) == 1
    case.happens(Escalated(ANNA.object_id, ANNA.name, "still"))
    assert [e for e in case.ordered if isinstance(e, Page)] == []
    case.happens(Taken(ANNA.object_id, ANNA.name))
    assert case.state.paged_at is None


def test_a_note_stays_among_analysts() -> None:
    case = Case().reported(malware_ran()).happens(Noted(ANNA.object_id, ANNA.name, "MARKER-9"))

    showing = {name for name, view in case.views().items() if "MARKER-9" in str(view)}
    assert showing == {"analyst"}


def test_a_note_that_is_pressed_twice_stands_once() -> None:
    case = Case().reported(malware_ran())
    note = Noted(ANNA.object_id, ANNA.name, "seen before")

    case.happens(note).happens(note, after=0.1)
    assert isinstance(case.verdict, AlreadyAnswered)
    case.happens(note, after=5)

    assert [e.says.key for e in case.state.timeline].count("timeline.noted") == 2

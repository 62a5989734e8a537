"""How an account comes under suspicion, and what it takes to be trusted again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ABE,
    ANNA,
    APPROVER,
    AUTOMATIC,
    BOB,
    CARLA,
    DAN,
    INES,
    IT,
    JON,
    Case,
    accepted,
    alert,
    already,
    contoso,
    keys,
    malware_blocked,
    malware_ran,
    refusal,
    remote_tool,
    report,
    sign_in,
    user,
)
from triage import suspicion
from triage.actions import ActionKind
from triage.assess import may_auto_close
from triage.customer import Analyst, Contact, PersonFacts, Role
from triage.decide import Accepted, Refused
from triage.effects import ANALYST_THREAD
from triage.events import (
    ActionDone,
    ClearanceRecorded,
    ConsentRecorded,
    ContainOrdered,
    Reopened,
)
from triage.incident import (
    KEPT,
    ApprovalState,
    Assurance,
    Clearance,
    Disposition,
    IncidentType,
    Person,
    Route,
    Standing,
)
from triage.phrases import phrase
from triage.report import Product, Severity


def records(case: Case, part: Clearance, who: Person = CARLA, **more: Any) -> Case:
    by = more.pop("by", ANNA.object_id)
    event = ClearanceRecorded(who.object_id, part, "ticket 4711", by, ANNA.name)
    return case.happens(event, after=more.pop("after", 1))


def suspect(severity: Severity = Severity.MEDIUM) -> Case:
    return Case().reported(sign_in(severity=severity))


def safe(case: Case) -> Case:
    """Everything but the time that access may last."""
    for part in Clearance:
        records(case, part)
    return case


# --- what ends it --------------------------------------------------------------------------------


def test_reset_revocation_and_a_check_make_an_account_trusted_again_when_access_ran_out() -> None:
    case = safe(suspect())
    assert case.state.is_tainted(CARLA.object_id)
    assert keys(case.desk().suspicions[0].says)[-1] == "suspicion.ends"

    case.until_due("taint:")

    revoked = case.state.taints[0].part(Clearance.REVOKED)
    assert revoked is not None
    assert case.now - revoked.at == timedelta(minutes=15)
    assert not case.state.is_tainted(CARLA.object_id)
    assert "timeline.taint_lifted" in case.noted()
    assert case.told(ANALYST_THREAD) == ["timeline.taint_lifted"]
    assert case.desk().suspicions == ()


@pytest.mark.parametrize("missing", list(Clearance))
def test_none_of_the_three_may_be_missing(missing: Clearance) -> None:
    case = suspect()
    for part in (p for p in Clearance if p is not missing):
        records(case, part)
    case.wakes("taint:", after=600)

    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == (missing,)


def test_a_revocation_before_the_reset_locks_nobody_out() -> None:
    case = records(suspect(), Clearance.REVOKED)
    for part in (Clearance.RESET, Clearance.CHECKED):
        records(case, part)
    case.wakes("taint:", after=600)
    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == (Clearance.REVOKED,)

    records(case, Clearance.REVOKED).until_due("taint:")

    assert not case.state.is_tainted(CARLA.object_id)


def test_our_own_revocation_before_the_reset_counts_no_more() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(told_of(IncidentType.MFA_FATIGUE, CARLA))
    case.done()
    assert case.state.taints[0].part(Clearance.REVOKED)

    records(case, Clearance.RESET)

    assert case.state.taints[0].part(Clearance.REVOKED) is None
    before = case.state.taints
    assert case.wakes("taint:", after=1).state.taints == before


def test_each_part_is_shown_with_its_time_and_its_proof() -> None:
    case = records(suspect(), Clearance.RESET)

    since, reset, revoked, checked = case.desk().suspicions[0].says
    assert (since.key, reset.key) == ("suspicion.since", "suspicion.done")
    assert (revoked.key, checked.key) == ("suspicion.missing", "suspicion.missing")
    assert "4711" in repr(reset)


def test_what_we_did_ourselves_counts_and_who_was_phoned_is_known() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(told_of(IncidentType.MFA_FATIGUE, CARLA))
    case.says_on_the_phone("not_mine").done()

    mark = case.state.taints[0]
    assert {c.part for c in mark.cleared} >= {Clearance.REVOKED, Clearance.CHECKED}


def test_what_was_only_rehearsed_makes_nobody_safe() -> None:
    case = suspect()
    for action in case.state.actions:
        case.happens(ActionDone(action.id, rehearsed=True))

    assert case.state.taints[0].cleared == ()


def test_only_an_analyst_records_and_only_what_is_missing() -> None:
    case = records(suspect(), Clearance.RESET, by=JON.object_id)
    assert refusal(case.verdict) == "refused.not_analyst"
    assert refusal(records(case, Clearance.RESET, BOB).verdict) == "refused.not_suspect"
    records(case, Clearance.RESET)
    assert already(records(case, Clearance.RESET).verdict) == "thanks.already"


def test_new_evidence_begins_it_anew_and_voids_what_was_done_before() -> None:
    case = safe(suspect()).until_due("taint:")
    case.reported(sign_in(severity=Severity.MEDIUM, source_id="9"), after=5)
    assert not case.state.is_tainted(CARLA.object_id), "the same alert, told again"

    again = report(*told_of(IncidentType.INBOX_RULE, CARLA).alerts, source_id="10")
    case.reported(again, after=5)

    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == tuple(Clearance)


def test_an_alert_that_the_state_lists_no_more_is_no_new_evidence() -> None:
    first, malware = sign_in().alerts[0], malware_ran(CARLA).alerts[0]
    many = (first, *(replace(malware, id=f"{n}") for n in range(KEPT + 1)))
    case = safe(Case().reported(report(*many, source_id="2"))).until_due("taint:")
    assert first.id not in {note.id for note in case.state.alerts}

    case.reported(report(*many, malware, source_id="2"), after=5)
    assert not case.state.is_tainted(CARLA.object_id)

    anew = replace(first, id="anew", first_activity=case.now)
    case.reported(report(*many, malware, anew, source_id="2"), after=5)
    assert case.state.is_tainted(CARLA.object_id)


def test_new_evidence_before_the_end_voids_what_was_done_before() -> None:
    case = safe(suspect())
    case.reported(report(*told_of(IncidentType.INBOX_RULE, CARLA).alerts, source_id="10"), after=1)
    case.wakes("taint:", after=600)

    assert case.state.is_tainted(CARLA.object_id)
    assert case.desk().suspicions[0].missing == tuple(Clearance)


def test_another_matter_s_evidence_leaves_a_cleared_account_trusted() -> None:
    case = safe(suspect()).until_due("taint:")
    case.reported(malware_ran(CARLA, source_id="11"), after=5)

    assert not case.state.is_tainted(CARLA.object_id)


@pytest.mark.parametrize("harmless", [Disposition.EXPECTED, Disposition.FALSE_POSITIVE])
def test_closed_as_harmless_by_a_person_ends_it(harmless: Disposition) -> None:
    assert suspect().closes(disposition=harmless).state.suspects == frozenset()


@pytest.mark.parametrize("grave", [Disposition.TRUE_POSITIVE, Disposition.UNDECIDED])
def test_any_other_closing_leaves_the_account_under_suspicion_until_it_is_safe(
    grave: Disposition,
) -> None:
    case = suspect().closes(disposition=grave)
    assert case.state.suspects == {CARLA.object_id}

    safe(case).until_due("taint:")

    assert case.state.suspects == frozenset()


def test_an_account_that_is_trusted_again_stands_in_the_way_of_no_closing() -> None:
    opted_in = contoso(auto_close=frozenset({IncidentType.UNFAMILIAR_SIGN_IN}))
    case = safe(Case(opted_in).reported(sign_in(severity=Severity.MEDIUM)))
    assert not may_auto_close(case.state, opted_in)

    case.until_due("taint:")

    assert may_auto_close(case.state, opted_in)


def test_reopened_it_is_suspect_again() -> None:
    case = suspect().closes(disposition=Disposition.EXPECTED)
    case.happens(Reopened(ANNA.object_id, ANNA.name), after=5)

    assert case.state.suspects == {CARLA.object_id}


# --- where it comes from -------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [Severity.INFORMATIONAL, Severity.LOW])
def test_a_low_identity_risk_makes_nobody_suspect(severity: Severity) -> None:
    assert suspect(severity).state.taints == ()


def test_what_another_case_lends_ends_with_it() -> None:
    case = Case(at_risk=frozenset({BOB.object_id})).reported(malware_blocked())
    assert case.state.is_tainted(BOB.object_id)
    assert case.state.suspects == frozenset(), "it is not passed on"
    assert case.desk().suspicions[0].missing == ()

    case.at_risk = frozenset()
    case.wakes("taint:", after=5)

    assert case.state.taints == ()
    assert "timeline.taint_over_elsewhere" in case.noted()


def test_evidence_of_its_own_outlives_what_was_lent() -> None:
    case = Case(at_risk=frozenset({BOB.object_id})).reported(malware_blocked())
    case.reported(sign_in(BOB), after=1)
    case.at_risk = frozenset()
    case.wakes("taint:", after=5)

    assert case.state.suspects == {BOB.object_id}


def test_what_was_done_while_it_was_only_lent_clears_no_evidence_of_its_own() -> None:
    case = Case(at_risk=frozenset({CARLA.object_id})).reported(remote_tool(CARLA))
    case.says_on_the_phone("caller")
    case.reported(sign_in(), after=5)

    mark = suspicion.own_mark(case.state, CARLA.object_id)
    assert mark is not None
    assert mark.since < case.now, "since when the account may have been somebody else's"
    assert mark.cleared == ()


def test_an_account_that_the_roster_does_not_know_is_suspect_all_the_same() -> None:
    case = Case(roster=()).reported(sign_in())
    assert case.state.suspects == {CARLA.object_id}
    assert case.desk().suspicions[0].name == CARLA.upn

    safe(case).until_due("taint:")

    assert case.state.suspects == frozenset()


def test_an_unknown_account_that_administers_teams_reads_every_thread() -> None:
    admin = PersonFacts(upn=CARLA.upn, teams_admin=True)

    assert Case(contoso(people=(admin,)), roster=()).reported(sign_in()).thread().placeholder


def test_a_password_that_was_typed_makes_the_account_suspect() -> None:
    case = Case().reported(malware_ran()).answers("opened").answers("typed_password", on="q2")

    assert case.state.suspects == {BOB.object_id}


@pytest.mark.parametrize("product", [Product.ENTRA, Product.IDENTITY])
def test_a_medium_alert_of_an_identity_product_makes_its_accounts_suspect(product: Product) -> None:
    told = alert("Odd", product, Severity.MEDIUM, user(BOB))

    assert Case().reported(report(told)).state.suspects == {BOB.object_id}


def test_a_call_on_no_vouched_number_makes_nobody_trusted() -> None:
    case = Case().reported(told_of(IncidentType.NEW_MFA_METHOD, DAN)).says_on_the_phone("mine")

    (mark,) = case.state.taints
    assert mark.part(Clearance.CHECKED) is None
    said = case.question().replies[-1]
    assert (said.assurance, said.standing) == (Assurance.L0, Standing.TAINTED)
    assert keys(case.desk().questions[0].checked)[0] == "level.unvouched"


def test_the_same_call_on_no_vouched_number_is_taken_down_once() -> None:
    case = Case().reported(told_of(IncidentType.NEW_MFA_METHOD, DAN)).says_on_the_phone("mine")
    before = case.state

    assert already(case.says_on_the_phone("mine").verdict) == "thanks.already"
    assert case.state == before


def test_cleared_here_and_still_suspect_there_it_is_not_trusted() -> None:
    case = safe(suspect())
    case.at_risk = frozenset({CARLA.object_id})
    case.until_due("taint:")

    assert case.state.suspects == frozenset()
    assert case.state.is_tainted(CARLA.object_id)


def test_whoever_gives_it_away_again_is_suspect_again() -> None:
    case = Case().reported(told_of(IncidentType.PHISH_CLICK)).answers("entered")
    for part in Clearance:
        records(case, part, BOB)
    case.until_due("taint:")
    assert not case.state.is_tainted(BOB.object_id)
    case.wakes("taint:", after=5)
    assert not case.state.is_tainted(BOB.object_id), "the same answer gives nothing away twice"

    case.reported(told_of(IncidentType.HELPDESK_CALL), after=5)
    (asked,) = case.open_questions
    assert asked.route is Route.CARD, "a trusted account is asked in Teams again"
    case.answers("gave", on=asked.id)

    assert case.state.is_tainted(BOB.object_id)


# --- how far it reaches: the customer's thread ------------------------------------------------------

CAROL_READS = replace(CARLA, reads_thread=True)
VOUCHED = replace(APPROVER, phone="+49 30 9999", phone_source="contract of 2026-01")
ROSTER = (BOB, CAROL_READS, JON)


def guarded(**more: Any) -> Case:
    """Carla reads the thread, and Jon may be phoned."""
    told = {"contacts": (VOUCHED,), **more}
    case = Case(contoso(**told), roster=ROSTER).reported(sign_in(CARLA))
    return case.says_on_the_phone("not_mine")


def consents(
    case: Case,
    *,
    approve: bool = True,
    contact: str = JON.upn,
    on: str = "p1",
    by: Analyst = ANNA,
    known: tuple[Person, ...] = (BOB, CARLA, JON, INES),
) -> Case:
    event = ConsentRecorded(on, contact, approve, by.object_id, by.name)
    case.by_upn = {p.upn: p for p in known}
    return case.happens(event, after=1)


INES_DECIDES = Contact(
    upn=INES.upn,
    name=INES.name,
    roles=frozenset({Role.SECURITY}),
    phone="+49 30 7777",
    phone_source="contract of 2026-01",
)


def guarded_and_grave() -> tuple[Case, str]:
    """Two people must approve what the thread hides: Carla reads it, and is a VIP."""
    vip = PersonFacts(upn=CARLA.upn, vip=True, phone="+49 30 5678", phone_source="HR record")
    customer = contoso(contacts=(VOUCHED, INES_DECIDES), people=(vip,))
    case = Case(customer, roster=(*ROSTER, INES))
    case.reported(told_of(IncidentType.NEW_MFA_METHOD, CAROL_READS)).says_on_the_phone("not_mine")
    action = case.action(ActionKind.REMOVE_MFA_METHOD).id
    return case, next(a.id for a in case.state.approvals if a.action == action)


def test_where_the_thread_tells_nothing_an_analyst_phones_a_contact_with_a_vouched_number() -> None:
    case = guarded()

    assert case.thread().placeholder
    (tell,) = case.desk().by_phone
    assert tell.args == {
        "person": JON.name,
        "number": "+49 30 9999",
        "source": "contract of 2026-01",
    }
    assert "why.tell_by_phone" in keys(case.state.handed_reasons)
    assert guarded(contacts=(APPROVER,)).desk().by_phone[0].key == "why.nobody_to_tell"


def test_what_the_thread_cannot_ask_is_decided_by_phone_and_taken_down() -> None:
    case = guarded()
    assert not any(name.startswith("approval:") for name in case.views())
    asked = {(c.approval, c.upn) for c in case.desk().consents}
    assert ("p1", JON.upn) in asked

    consents(case)

    assert accepted(case.verdict)
    assert case.approval().state is ApprovalState.APPROVED
    assert case.approval().by == JON.object_id
    assert "timeline.consent_recorded" in case.noted()


def test_no_by_phone_stays_a_no() -> None:
    assert consents(guarded(), approve=False).approval().state is ApprovalState.DENIED


def test_by_phone_nobody_decides_who_could_not_in_the_thread() -> None:
    carla = replace(VOUCHED, upn=CARLA.upn, name=CARLA.name)
    affected = guarded(contacts=(VOUCHED, carla))
    assert CARLA.upn not in {c.upn for c in affected.desk().consents}
    refused = refusal(consents(affected, contact=CARLA.upn).verdict)
    assert refused == "refused.affected_never_approves"

    suspect_ = guarded()
    suspect_.at_risk = frozenset({JON.object_id})
    assert refusal(consents(suspect_).verdict) == "refused.account_suspect"
    assert refusal(consents(guarded(contacts=(APPROVER,))).verdict) == "refused.no_number"
    ines = replace(IT, phone="+49 30 1", phone_source="contract")
    assert (
        refusal(consents(guarded(contacts=(VOUCHED, ines)), contact=INES.upn).verdict)
        == "refused.not_approver"
    )


def test_by_phone_nothing_is_decided_that_the_thread_asks() -> None:
    case = Case(contoso(contacts=(VOUCHED,))).reported(malware_ran(by_hand=True))

    refused = phrase("refused.decided_in_thread", people=JON.name)
    assert consents(case).verdict == Refused(refused)
    assert case.approval().state is ApprovalState.OPEN


def test_whoever_asked_for_it_takes_down_no_consent_to_it() -> None:
    case = guarded()
    asked = case.action(ActionKind.DISABLE_ACCOUNT).id
    case.denies(on=_asked(case, asked))
    case.happens(ContainOrdered(asked, ANNA.object_id, ANNA.name), after=1)
    assert isinstance(case.verdict, Accepted)
    assert case.verdict.says is not None
    assert case.verdict.says.key == "thanks.approval_by_phone"
    which = _asked(case, asked)

    assert refusal(consents(case, on=which).verdict) == "refused.requester_never_approves"
    assert accepted(consents(case, on=which, by=ABE).verdict)


def _asked(case: Case, action: str) -> str:
    return [a.id for a in case.state.approvals if a.action == action][-1]


def test_no_analyst_alone_is_two_people_s_consent() -> None:
    case, which = guarded_and_grave()
    assert accepted(consents(case, on=which).verdict)

    refused = consents(case, on=which, contact=INES.upn)
    assert refusal(refused.verdict) == "refused.second_analyst"
    assert case.approval(which).state is ApprovalState.OPEN
    assert accepted(consents(case, on=which, contact=INES.upn, by=ABE).verdict)
    assert case.approval(which).state is ApprovalState.APPROVED


def test_one_person_by_phone_and_by_card_is_one_person() -> None:
    case, which = guarded_and_grave()
    consents(case, on=which)
    stale = replace(JON, object_id="oid-jon-by-another-name")

    assert already(case.approves(JON, on=which).verdict) == "refused.second_person"
    assert already(case.approves(stale, on=which).verdict) == "refused.second_person"
    assert case.approval(which).state is ApprovalState.OPEN


def test_by_phone_only_one_known_person_of_the_customer_decides() -> None:
    case = guarded()
    assert refusal(consents(case, known=()).verdict) == "refused.contact_unknown"
    guest = replace(JON, outside=True)
    assert refusal(consents(case, known=(guest,)).verdict) == "refused.contact_unknown"
    assert case.approval().state is ApprovalState.OPEN


def test_a_card_that_stands_in_the_thread_tells_nothing_once_a_suspect_reads_there() -> None:
    case = Case(contoso(contacts=(VOUCHED,)), roster=ROSTER).reported(malware_ran(CAROL_READS))
    case.answers("opened")
    shown = case.approval_card()
    assert shown.mention

    case.reported(sign_in(CARLA), after=1)

    hidden = case.approval_card()
    assert hidden.hidden
    assert hidden.mention == ()
    assert not any(
        secret in repr(hidden) for secret in ("LAPTOP-7", "invoice", "isolate", CARLA.name)
    )
    assert case.thread().placeholder


def test_the_thread_tells_again_when_the_account_is_trusted_again() -> None:
    case = guarded()
    assert f"approval:{case.approval().id}" not in case.views()
    for part in (Clearance.RESET, Clearance.REVOKED):
        records(case, part)
    case.until_due("taint:")

    assert not case.thread().placeholder
    assert case.desk().by_phone == ()


def test_whoever_joins_the_team_reads_the_thread_from_then_on() -> None:
    case = Case().reported(sign_in(CARLA))
    assert not case.thread().placeholder

    case.readers = frozenset({CARLA.object_id})
    case.wakes("readers:", after=5)
    assert case.thread().placeholder

    case.readers = frozenset()
    case.wakes("readers:", after=5)
    assert not case.thread().placeholder


def test_whoever_administers_teams_reads_every_thread() -> None:
    admin = PersonFacts(upn=CARLA.upn, teams_admin=True)

    assert Case(contoso(people=(admin,))).reported(sign_in(CARLA)).thread().placeholder


def test_a_delegate_under_suspicion_elsewhere_approves_in_no_case() -> None:
    deputised = replace(APPROVER, delegate=DAN.upn)
    case = Case(contoso(contacts=(deputised,))).reported(malware_ran()).answers("opened")
    case.at_risk = frozenset({DAN.object_id})

    assert refusal(case.approves(DAN).verdict) == "refused.account_suspect"

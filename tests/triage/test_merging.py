"""Two cases that turn out to be one: the other goes on with what was learnt and done."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    CARLA,
    CONTOSO,
    EVE,
    INES,
    IT,
    JON,
    LAPTOP,
    Case,
    alert,
    already,
    contoso,
    later,
    leak,
    malware_blocked,
    malware_ran,
    mystery,
    refusal,
    remote_tool,
    report,
    rule,
    sign_in,
    user,
)
from triage.actions import ActionKind
from triage.calling import name_of
from triage.containing import recheck
from triage.customer import Consent
from triage.decide import Accepted, AlreadyAnswered, Refused
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD, Page, PageAction
from triage.events import (
    Absorbed,
    ActionDone,
    AskOrdered,
    ClearanceRecorded,
    Escalated,
    KeptOpen,
    MergedInto,
    NotMerged,
    Taken,
    TaskGiven,
    UndoOrdered,
    WishedCall,
    WishedToTalk,
    Wrote,
)
from triage.extract import all_told
from triage.incident import (
    KEPT,
    MOST_REFS,
    ActionState,
    ApprovalState,
    Band,
    Clearance,
    Incident,
    IncidentType,
    Person,
    QuestionKind,
    Route,
    Status,
)
from triage.merging import (
    MOST_HEARD,
    MOST_JOINED,
    given_up,
    handed_on,
    has_room,
    told_later,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import QUESTIONS
from triage.report import Alert, AlreadyDone, DoneKind, IncidentReport, Product, Severity
from triage.surfaces import surfaces
from triage.views import AnalystThread, PersonCard

INTO = MergedInto("i-2", "CONTOSO-43")


def merged(part: Case, into: Case) -> Case:
    handed = handed_on(part.state)
    part.happens(INTO)
    return into.happens(handed)


def pages(of: Case) -> list[PageAction]:
    return [e.does for e in of.ever if isinstance(e, Page)]


def rules(of: Incident) -> set[str]:
    return {r.rule for r in of.decision.reasons} if of.decision else set()


def test_nothing_is_asked_or_approved_in_a_merged_case() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE),))
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened")
    assert any(a.state is ApprovalState.OPEN for a in part.state.approvals)

    part.happens(INTO)

    assert part.status is Status.MERGED
    assert all(q.state.state != "open" for q in part.state.questions)
    assert all(a.state is ApprovalState.WITHDRAWN for a in part.state.approvals)
    assert not any(name.startswith("source:") for name in surfaces(part.state, customer))
    thread = surfaces(part.state, customer)["analyst"]
    assert isinstance(thread, AnalystThread)
    assert thread.buttons == ()
    assert thread.next_action == phrase("outcome.merged", name="CONTOSO-43")


def test_a_case_that_rings_rings_on_in_the_other_until_somebody_takes_that() -> None:
    part = Case().reported(malware_ran()).answers("not_sure").until_due("clock:acknowledge")
    into = Case(now=part.now).reported(sign_in(CARLA))
    assert pages(part) == [PageAction.TRIGGER]
    assert pages(into) == []

    part.happens(INTO)
    into.happens(handed_on(part.state)).happens(handed_on(part.state), after=1)
    assert pages(part) == [PageAction.TRIGGER, PageAction.RESOLVE]
    assert pages(into) == [PageAction.TRIGGER]

    into.happens(Taken(ANNA.object_id, ANNA.name)).happens(handed_on(part.state), after=1)
    assert pages(into) == [PageAction.TRIGGER, PageAction.ACKNOWLEDGE, PageAction.RESOLVE]


def test_whoever_gave_the_merged_case_away_gave_the_other_away_until_another_shift() -> None:
    part = Case().reported(malware_ran()).happens(Escalated(ANNA.object_id, ANNA.name))
    into = Case(now=part.now).reported(sign_in(CARLA))

    into.happens(handed_on(part.state))

    assert into.state.escalated_by == (ANNA.object_id,)
    assert told_later(part.state).escalated_by == (), "that was then"


def test_a_case_that_rings_is_quiet_when_somebody_has_the_other() -> None:
    rings = Case().reported(malware_ran()).answers("not_sure").until_due("clock:acknowledge")
    part = Case(now=rings.now).reported(sign_in(CARLA)).happens(Taken(ANNA.object_id, ANNA.name))

    rings.happens(handed_on(part.happens(INTO).state))

    assert rings.state.owner == ANNA.object_id
    assert pages(rings)[-1] is PageAction.RESOLVE


def test_whoever_had_the_merged_case_gets_the_other_no_more_for_what_is_told_later() -> None:
    part = Case().reported(sign_in(CARLA)).happens(Taken(ANNA.object_id, ANNA.name))
    into = Case(now=part.now).reported(malware_ran()).answers("not_sure")
    into.happens(handed_on(part.happens(INTO).state))
    assert into.state.holder == ANNA.object_id
    into.happens(Escalated(ANNA.object_id, ANNA.name), after=1)

    into.happens(told_later(part.state), after=1)

    assert (into.state.owner, pages(into)[-1]) == (None, PageAction.TRIGGER)


def test_it_is_merged_once() -> None:
    part = Case().reported(malware_ran()).happens(INTO)

    assert isinstance(part.happens(INTO).verdict, AlreadyAnswered)
    assert isinstance(part.closes().verdict, AlreadyAnswered)


def test_an_answer_given_there_counts_here_and_is_not_asked_again() -> None:
    part = Case().reported(malware_ran()).answers("opened")
    into = Case().reported(remote_tool())
    before = into.log_odds

    merged(part, into).reported(later(malware_ran(source_id="9")))

    assert into.log_odds > before
    assert "answer.file_opened.opened" in rules(into.state)
    assert not any(q.kind == "file_opened" for q in into.state.questions)


def test_a_follow_up_that_was_open_there_is_asked_here() -> None:
    part = Case().reported(malware_ran()).answers("opened")
    follow_up = part.state.questions[-1].kind
    assert follow_up is not part.state.questions[0].kind

    into = merged(part, Case().reported(remote_tool()))

    assert [q.kind for q in into.state.questions if q.state.state == "open"].count(follow_up) == 1


def test_later_evidence_of_the_merged_case_voids_what_was_done_before_it() -> None:
    into = Case().reported(sign_in())
    for part in (Clearance.RESET, Clearance.REVOKED):
        cleared = ClearanceRecorded(CARLA.object_id, part, "ticket", ANNA.object_id, ANNA.name)
        into.happens(cleared, after=1)
    part_ = Case(now=into.now + timedelta(minutes=5)).reported(sign_in(source_id="9"))
    into.now = part_.now

    merged(part_, into)
    (mark,) = into.state.taints

    assert mark.cleared == ()
    assert mark.counts_from == part_.state.taints[0].since
    before = into.state
    assert into.happens(handed_on(part_.state)).state.taints == before.taints


def test_earlier_evidence_of_the_merged_case_voids_nothing() -> None:
    part = Case().reported(sign_in(source_id="9"))
    into = Case(now=part.now + timedelta(minutes=5)).reported(sign_in())
    cleared = ClearanceRecorded(
        CARLA.object_id, Clearance.RESET, "ticket", ANNA.object_id, ANNA.name
    )
    into.happens(cleared, after=1)

    (mark,) = merged(part, into).state.taints

    assert mark.part(Clearance.RESET)
    assert mark.counts_from is None


def test_a_suspect_account_stays_suspect() -> None:
    part = Case().reported(sign_in(BOB))
    into = Case().reported(malware_ran())
    assert not into.state.is_tainted(BOB.object_id)

    merged(part, into)

    assert into.state.suspects == {BOB.object_id}


def test_what_was_done_there_is_done_here_and_undone_from_here() -> None:
    customer = contoso(rules=AUTOMATIC)
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened").done()
    isolated = next(a for a in part.state.actions if a.kind is ActionKind.ISOLATE_DEVICE)
    into = Case(contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, Consent.COLLABORATE),)))
    into.reported(malware_ran(source_id="9"))

    merged(part, into)

    known = [a for a in into.state.actions if a.kind is ActionKind.ISOLATE_DEVICE]
    assert [(a.target, a.state) for a in known] == [(isolated.target, ActionState.DONE)]
    undo = UndoOrdered(isolated.id, ANNA.object_id, ANNA.name)
    goes_on = phrase("refused.reopen_merged", name="CONTOSO-43")
    assert part.happens(undo).verdict == Refused(goes_on)
    into.happens(UndoOrdered(known[0].id, ANNA.object_id, ANNA.name))
    assert into.state.action(known[0].id) is not None
    assert [e for e in into.ordered if e.kind == "contain"]


def test_a_restricted_case_makes_the_whole_restricted() -> None:
    into = merged(Case().reported(leak()), Case().reported(malware_ran()))

    assert into.state.type == "restricted"
    assert not [q for q in into.state.questions if q.state.state == "open"]


def test_an_answer_that_raises_after_the_merge_goes_to_the_analysts() -> None:
    part = Case().reported(malware_ran()).answers("not_opened").happens(INTO)

    part.answers("opened")

    assert part.status is Status.MERGED
    assert any("CONTOSO-43" in str(e) for e in part.ordered)


def test_whoever_was_asked_and_did_not_answer_is_left_in_peace() -> None:
    part = Case().reported(malware_ran()).happens(INTO)

    card = surfaces(part.state, CONTOSO)[f"person:{BOB.object_id}"]

    assert isinstance(card, PersonCard)
    assert (card.stage, card.says) == ("over", (phrase("over.merged"),))


def test_a_merged_case_reopens_a_closed_one_when_it_says_worse() -> None:
    into = Case().reported(remote_tool()).answers("nobody").closes(disposition="falsePositive")
    assert into.status is Status.RESOLVED

    merged(Case().reported(malware_ran()).answers("opened"), into)

    assert into.state.reopened == 1


def test_a_mirror_told_of_after_the_end_is_no_new_evidence() -> None:
    told = malware_ran()
    case = Case().reported(told).closes(disposition="falsePositive")
    mirror = report(
        *told.alerts,
        source_id="s-1",
        mirrors=((told.source, told.source_id),),
    )

    case.reported(mirror)

    assert case.status is Status.RESOLVED
    assert case.state.alert_count == 1


def test_everything_handed_on_has_a_name_of_its_own() -> None:
    part = Case().reported(malware_ran()).answers("opened")
    handed = handed_on(part.state)
    again = handed_on(merged(part, Case().reported(remote_tool())).state)

    assert isinstance(handed, Absorbed)
    assert [q.id for q in handed.questions] == ["CONTOSO-42/q1"]
    assert [q.id for q in again.questions] == ["CONTOSO-42/q1"]
    assert handed.questions[0].kind in QUESTIONS


# --- what is asked in both -----------------------------------------------------------------------


def _ran(choice: str | None = None, source_id: str = "9", name: str = "CONTOSO-42") -> Case:
    """Malware of Bob's, and what he says of it."""
    case = Case().reported(malware_ran(source_id=source_id))
    case.current = replace(case.state, name=name)
    return case.answers(choice) if choice else case


def test_a_question_that_was_answered_there_waits_no_more_here() -> None:
    into = merged(_ran("not_me"), _ran(name="CONTOSO-43"))

    assert into.question().state.state == "withdrawn"
    assert into.open_questions == []
    assert into.card(BOB).stage == "thanks"


def test_a_call_about_what_was_answered_there_is_not_made() -> None:
    part = Case().reported(sign_in(CARLA)).says_on_the_phone("mine").done()
    into = Case().reported(sign_in(CARLA, source_id="9"))
    assert into.open_calls == ["Carla Chen"]

    merged(part, into)

    assert into.open_calls == []


@pytest.mark.parametrize(
    ("there", "here", "stands"),
    [("opened", "not_me", 1.0), ("not_me", "opened", 1.0), ("opened", "opened", 1.0)],
)
def test_what_one_person_said_twice_of_one_thing_counts_once_and_as_the_worse(
    there: str, here: str, stands: float
) -> None:
    into = _ran(here, name="CONTOSO-43")

    merged(_ran(there), into)

    assert into.log_odds == pytest.approx(_ran().log_odds + stands)


def test_of_two_answers_the_later_one_stands_where_we_know_who_gave_it() -> None:
    part = Case().reported(sign_in(CARLA)).says_on_the_phone("not_mine")
    into = Case().reported(sign_in(CARLA, source_id="9")).says_on_the_phone("mine", after=30).done()
    before = into.log_odds

    merged(part, into)

    assert into.log_odds == before


def test_an_answer_that_outweighs_one_given_here_leads_to_its_follow_up() -> None:
    into = merged(_ran("opened"), _ran("not_me", name="CONTOSO-43"))

    assert [q.kind for q in into.open_questions] == [QuestionKind.FILE_AFTERMATH]


def test_a_case_told_of_twice_is_heard_once() -> None:
    handed = handed_on(_ran("opened").state)
    into = Case().reported(remote_tool()).happens(handed)
    before = into.log_odds

    into.happens(handed)

    assert into.log_odds == before
    assert len(into.state.heard) == 1


def test_of_many_answers_those_that_speak_for_harm_are_kept() -> None:
    told, *_ = handed_on(_ran("opened").state).questions
    blocked = Case().reported(malware_blocked()).answers("expected").state
    mild, *_ = handed_on(blocked).questions
    crowd = tuple(
        replace(mild, id=f"q{n}", person=replace(BOB, object_id=f"oid-{n}"))
        for n in range(MOST_HEARD)
    )
    into = Case().reported(remote_tool())

    into.happens(replace(handed_on(_ran("opened").state), questions=(told, *crowd)))

    assert len(into.state.heard) == MOST_HEARD
    assert told in into.state.heard


# --- nobody is asked -----------------------------------------------------------------------------


def test_a_restricted_case_asks_and_says_nothing_of_what_another_one_left_open() -> None:
    into = merged(_ran("opened"), Case().reported(leak()))

    assert into.open_questions == []
    assert into.open_calls == []
    assert into.told(f"person:{BOB.object_id}") == []
    assert into.told("customer") == []


def test_amid_ransomware_nobody_is_asked_what_another_case_left_open() -> None:
    into = merged(_ran("opened"), Case().reported(told_of(IncidentType.RANSOMWARE)))

    assert into.open_questions == []
    assert "answer.file_opened.opened" in into.rules


# --- suspicion -----------------------------------------------------------------------------------


def test_a_suspicion_that_came_from_the_case_that_ends_is_the_others_own() -> None:
    into = Case(at_risk=frozenset({BOB.object_id})).reported(malware_ran())
    assert into.state.is_tainted(BOB.object_id)
    assert into.state.suspects == frozenset()

    into.at_risk = frozenset()
    merged(Case().reported(sign_in(BOB)), into)

    assert into.state.suspects == {BOB.object_id}


def test_a_card_of_whoever_comes_under_suspicion_is_withdrawn() -> None:
    into = Case().reported(malware_ran())
    assert into.question().route is Route.CARD

    merged(Case().reported(told_of(IncidentType.PHISH_CLICK)).answers("entered"), into)

    assert into.question().state.state == "withdrawn"
    assert {q.route for q in into.open_questions} == {Route.PHONE}


def test_in_a_case_with_a_stolen_session_no_answer_of_another_one_lowers() -> None:
    part = Case().reported(malware_blocked()).answers("expected")
    into = Case().reported(told_of(IncidentType.STOLEN_SESSION, severity=Severity.HIGH))
    before = into.log_odds

    merged(part, into)

    assert into.log_odds == before


# --- closed, held, handed over -------------------------------------------------------------------


def test_what_was_open_is_not_lost_in_a_case_that_is_closed() -> None:
    into = Case().reported(remote_tool()).answers("nobody").closes(disposition="falsePositive")

    merged(_ran(), into)

    assert into.state.closed is None
    assert into.state.handed_over is not None


def test_a_merged_case_takes_in_no_other() -> None:
    part = Case().reported(remote_tool()).happens(INTO)

    part.happens(handed_on(_ran("opened").state))

    assert isinstance(part.verdict, Refused)
    assert part.status is Status.MERGED
    assert part.ordered == ()


def test_whoever_was_to_look_at_the_other_case_looks_at_this_one() -> None:
    part, into = _ran("not_sure"), Case().reported(malware_blocked(CARLA)).answers("expected")
    reasons = [part.state.handed_over, into.state.handed_over]
    assert reasons == [phrase("why.band_contain"), None]

    merged(part, into)

    assert into.state.handed_over == reasons[0]
    assert into.state.closing is None


def test_a_closing_that_is_held_begins_anew_so_that_somebody_may_object() -> None:
    into = Case(contoso(rules=AUTOMATIC)).reported(malware_ran(by_hand=True)).answers("opened")
    into.answers("enabled_content", on="q2").done()
    held = into.state.closing
    assert held is not None
    into.now += timedelta(minutes=20)

    merged(Case().reported(malware_ran(source_id="9")), into)

    assert into.state.closing is not None
    assert into.state.closing.until >= held.until + timedelta(minutes=20)


def test_an_objection_to_closing_the_other_case_holds_for_this_one() -> None:
    customer = contoso(rules=AUTOMATIC)
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened")
    part.answers("enabled_content", on="q2").done()
    assert part.state.closing is not None
    part.happens(KeptOpen(JON.object_id, JON.upn, JON.name))
    into = Case(customer).reported(malware_ran(source_id="9", by_hand=True)).answers("opened")

    merged(part, into).done()

    assert into.state.kept_open
    assert into.state.closing is None


# --- what was done -------------------------------------------------------------------------------


def test_what_was_undone_here_later_is_not_done_again_by_what_the_other_case_did_before() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, Consent.AUTHORIZE),))
    part, into = (
        Case(customer).reported(malware_ran(by_hand=True, source_id=i)).answers("opened").done()
        for i in ("1", "9")
    )
    isolated = into.action(ActionKind.ISOLATE_DEVICE)
    into.happens(UndoOrdered(isolated.id, ANNA.object_id, ANNA.name), after=30)
    into.happens(ActionDone(isolated.id, rehearsed=False, undone=True), after=1)

    merged(part, into)

    assert into.action(ActionKind.ISOLATE_DEVICE).state is ActionState.UNDONE


def test_what_somebody_undid_there_is_not_ordered_again_here() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, Consent.AUTHORIZE),))
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened").done()
    isolated = part.action(ActionKind.ISOLATE_DEVICE)
    part.happens(UndoOrdered(isolated.id, ANNA.object_id, ANNA.name), after=1)
    part.happens(ActionDone(isolated.id, rehearsed=False, undone=True), after=1)
    into = Case(customer).reported(remote_tool())

    merged(part, into).says_on_the_phone("caller")

    assert into.band is Band.CONTAIN
    assert into.action(ActionKind.ISOLATE_DEVICE).state is ActionState.UNDONE
    assert ActionKind.ISOLATE_DEVICE not in into.ever_contained()


def test_what_is_ordered_here_and_done_there_is_done() -> None:
    into = Case().reported(sign_in(CARLA, source_id="9"))
    revoke = into.action(ActionKind.REVOKE_SESSIONS)
    assert (revoke.state, into.status) == (ActionState.ORDERED, Status.CONTAINING)

    merged(Case().reported(sign_in(CARLA)).done(after=5), into)

    assert into.state.action(revoke.id) != revoke
    assert into.status is not Status.CONTAINING
    into.happens(ActionDone(revoke.id, rehearsed=False))
    assert isinstance(into.verdict, AlreadyAnswered)


def test_what_is_done_there_is_not_asked_for_here() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE),))
    part, into = (
        Case(customer)
        .reported(malware_ran(by_hand=True, source_id=i))
        .answers("opened")
        .answers("enabled_content", on="q2")
        for i in ("1", "9")
    )
    isolate = part.action(ActionKind.ISOLATE_DEVICE).id
    part.approves(on=next(a.id for a in part.state.approvals if a.action == isolate)).done()

    merged(part, into)

    open_ = [a.action for a in into.state.approvals if a.state is ApprovalState.OPEN]
    assert into.action(ActionKind.ISOLATE_DEVICE).id not in open_


# --- what is still on its way ---------------------------------------------------------------------


def _ordered_there() -> tuple[Case, Case]:
    customer = contoso(rules=AUTOMATIC)
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened")
    assert part.action(ActionKind.ISOLATE_DEVICE).state is ActionState.ORDERED
    return part, Case(customer).reported(malware_blocked(source_id="9"))


def test_what_is_on_its_way_there_is_not_ordered_again_and_ends_here_too() -> None:
    part, into = _ordered_there()

    merged(part, into)
    assert into.action(ActionKind.ISOLATE_DEVICE).state is ActionState.ORDERED
    assert ActionKind.ISOLATE_DEVICE not in into.ever_contained()

    part.done(part.action(ActionKind.ISOLATE_DEVICE).id)
    into.happens(handed_on(part.state))
    assert into.action(ActionKind.ISOLATE_DEVICE).state is ActionState.DONE


def test_what_fails_on_its_way_there_is_for_a_person_here() -> None:
    part, into = _ordered_there()
    merged(part, into)

    part.fails(part.action(ActionKind.ISOLATE_DEVICE).id)
    into.happens(handed_on(part.state))

    assert into.action(ActionKind.ISOLATE_DEVICE).state is ActionState.FAILED
    assert into.state.handed_over is not None


def test_what_is_ordered_may_still_be_carried_out_in_a_merged_case_and_not_in_a_closed_one() -> (
    None
):
    part, _ = _ordered_there()
    ordered = part.action(ActionKind.ISOLATE_DEVICE)
    part.happens(INTO)
    assert recheck(part.state, ordered, part.customer, part.now) is None

    closed, _ = _ordered_there()
    closed.closes(disposition="falsePositive")
    assert recheck(closed.state, ordered, closed.customer, closed.now) is not None


def test_being_told_twice_changes_nothing() -> None:
    part, into = _ordered_there()
    merged(part, into)
    before = into.state

    into.happens(handed_on(part.state))

    assert replace(into.state, decision=None) == replace(before, decision=None)


def test_a_no_of_the_customer_stands_here_too() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE),))
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened")
    part.answers("enabled_content", on="q2")
    isolate = part.action(ActionKind.ISOLATE_DEVICE).id
    part.denies(on=next(p.id for p in part.state.approvals if p.action == isolate))

    into = merged(part, Case(contoso(rules=AUTOMATIC)).reported(malware_blocked(source_id="9")))

    assert into.action(ActionKind.ISOLATE_DEVICE).denied
    assert ActionKind.ISOLATE_DEVICE not in into.ever_contained()


def test_nobody_is_asked_about_somebody_elses_file() -> None:
    into = merged(
        Case().reported(malware_ran()), Case().reported(remote_tool(CARLA, source_id="9"))
    )

    assert {(q.person, q.kind) for q in into.state.questions} == {
        (CARLA, QuestionKind.REMOTE_TOOL_ASKED_BY)
    }


# --- what an analyst merges -----------------------------------------------------------------------

BY_ANNA = MergedInto("i-2", "CONTOSO-43", ANNA.object_id, ANNA.name)
CARLA_READS = replace(CARLA, reads_thread=True)


def by_anna(part: Case, into: Case) -> Case:
    part.happens(BY_ANNA)
    assert isinstance(part.verdict, Accepted)
    return into.happens(handed_on(part.state))


def _merged_by_anna() -> tuple[Case, Case]:
    part = Case(roster=(CARLA_READS,)).reported(sign_in(CARLA_READS))
    assert part.thread().placeholder
    into = Case(now=part.now).reported(malware_blocked(source_id="9"))
    assert not into.thread().placeholder
    return part, by_anna(part, into)


def test_what_a_suspect_reads_is_covered_in_the_other_case_too() -> None:
    _, into = _merged_by_anna()

    assert into.thread().placeholder


def test_whoever_was_affected_there_is_heard_here() -> None:
    _, into = _merged_by_anna()

    into.happens(Wrote(CARLA.object_id, "I was in Lisbon."))

    assert isinstance(into.verdict, Accepted)
    assert into.state.affects(CARLA.object_id)


def test_closing_the_other_tells_every_source_what_an_analyst_merged() -> None:
    part, into = _merged_by_anna()

    sources = {name for name in surfaces(into.state, into.customer) if name.startswith("source:")}

    told = (*part.state.refs, *into.state.refs)
    assert sources == {f"source:{ref.source}:{ref.source_id}" for ref in told}
    assert len(sources) == 2


def test_what_a_source_merged_is_told_by_the_source() -> None:
    part = Case().reported(sign_in(CARLA)).happens(INTO)
    into = Case(now=part.now).reported(malware_blocked(source_id="9"))

    assert into.happens(handed_on(part.state)).state.refs == into.state.refs
    assert handed_on(part.state).told is None


def test_what_an_analyst_merged_goes_along_when_a_source_merges_the_whole() -> None:
    high = Case().reported(malware_ran())
    part = by_anna(high, Case().reported(remote_tool(CARLA)))
    into = Case().reported(malware_blocked(CARLA, source_id="9", severity=Severity.LOW))

    part.happens(INTO)
    into.happens(handed_on(part.state))

    assert into.state.severity is Severity.HIGH
    assert high.state.refs[0] in into.state.refs


def test_what_an_analyst_merged_is_handed_on_once() -> None:
    part, into = _merged_by_anna()
    before = into.state

    into.happens(handed_on(part.state))

    assert replace(into.state, decision=None) == replace(before, decision=None)


def test_whoever_came_along_and_is_suspect_elsewhere_is_written_to_no_more() -> None:
    reads = replace(BOB, reads_thread=True)
    into = Case(roster=(CARLA,)).reported(remote_tool(CARLA))
    merged(Case(roster=(reads,)).reported(malware_ran()), into)
    assert into.state.joined
    assert BOB.object_id in dict(into.desk().hearers)
    into.at_risk = frozenset({BOB.object_id})

    into.wakes("taint:i-3", after=1)

    assert BOB.object_id not in dict(into.desk().hearers)
    assert into.thread().placeholder
    assert into.state.suspects == frozenset()


def test_whoever_came_along_and_gave_a_password_away_there_is_suspect_here() -> None:
    part = Case().reported(told_of(IncidentType.PHISH_CLICK))
    into = merged(part, Case().reported(remote_tool(CARLA)))
    part.answers("entered")

    into.happens(told_later(part.state), after=1)

    assert into.state.suspects == {BOB.object_id}


# --- what its sources told goes along -------------------------------------------------------------


def test_a_high_case_makes_a_low_one_high_and_suspect() -> None:
    into = Case().reported(malware_blocked(severity=Severity.LOW))

    by_anna(Case().reported(sign_in(CARLA, Severity.HIGH)), into)

    assert into.state.severity is Severity.HIGH
    assert into.state.type is IncidentType.UNFAMILIAR_SIGN_IN
    assert CARLA.object_id in into.state.suspects


def test_it_is_of_the_kinds_of_both_and_whoever_reported_a_prompt_has_done_so() -> None:
    reported = told_of(IncidentType.MFA_FATIGUE, detector="userReportedSuspiciousActivity")

    for one, other in ((reported, remote_tool()), (remote_tool(), reported)):
        into = by_anna(Case().reported(one), Case().reported(other))

        assert into.state.types == (IncidentType.MFA_FATIGUE, IncidentType.REMOTE_TOOL)
        assert into.state.reported_by_user


@pytest.mark.parametrize("first", [remote_tool(CARLA), malware_blocked(source_id="9"), leak()])
@pytest.mark.parametrize("other", [malware_ran(by_hand=True), sign_in(BOB), mystery()])
def test_it_knows_what_it_would_if_it_had_been_told_itself(
    first: IncidentReport, other: IncidentReport
) -> None:
    told = Case().reported(first).reported(other)

    into = by_anna(Case().reported(other), Case().reported(first))

    assert all_told(into.state) == all_told(told.state)
    assert into.log_odds == told.log_odds
    assert {(a.kind, a.target) for a in into.state.actions} >= {
        (a.kind, a.target) for a in told.state.actions
    }


def test_whoever_was_affected_there_is_asked_here_unless_they_answered() -> None:
    into = by_anna(Case().reported(malware_ran(BOB)), Case().reported(remote_tool(CARLA)))
    asked = {(q.person, q.kind) for q in into.open_questions}
    assert (BOB, QuestionKind.FILE_OPENED) in asked
    assert into.state.joined == (), "they are among its own"

    into = by_anna(_ran("opened"), Case().reported(remote_tool(CARLA)))
    asked = {(q.person, q.kind) for q in into.open_questions}
    assert (BOB, QuestionKind.FILE_OPENED) not in asked
    assert (BOB, QuestionKind.FILE_AFTERMATH) in asked


def test_of_two_merged_cases_each_person_is_asked_and_contained_for_their_own() -> None:
    customer = contoso(rules=AUTOMATIC)
    part = Case(customer).reported(sign_in(CARLA, source_id="9"))

    into = by_anna(part, Case(customer).reported(malware_ran(BOB, by_hand=True)))

    assert _asks(into) == {
        (BOB, QuestionKind.FILE_OPENED),
        (CARLA, QuestionKind.SIGN_IN_MINE),
    }
    assert into.state.suspects == {BOB.object_id, CARLA.object_id}
    assert _signed_out(into) == {CARLA.object_id}


def test_what_a_source_merged_stays_with_whom_it_was_about_there() -> None:
    """Of kinds that stand for the whole case the other one has the kind, and not yet the alert."""
    stolen = told_of(IncidentType.STOLEN_SESSION, CARLA, source_id="9")
    into = merged(Case().reported(stolen), Case().reported(malware_ran(BOB)))

    assert into.state.types == (IncidentType.STOLEN_SESSION, IncidentType.MALICIOUS_FILE)
    assert _asks(into) == {(BOB, QuestionKind.FILE_OPENED)}
    assert _signed_out(into) == {CARLA.object_id}
    assert into.thread().headline.args["person"] == CARLA.name


@pytest.mark.parametrize("first", [True, False], ids=["theirs before", "theirs after"])
def test_whoever_is_affected_in_both_is_so_for_the_kinds_of_both(first: bool) -> None:
    stolen = told_of(IncidentType.STOLEN_SESSION, CARLA, source_id="9")
    told = malware_ran(BOB), malware_blocked(CARLA, source_id="8")
    into = Case().reported(report(*(a for r in told[: 1 + first] for a in r.alerts)))

    merged(Case().reported(stolen), into).reported(told[1])

    assert (CARLA, QuestionKind.SIGN_IN_MINE) in _asks(into)
    assert (BOB, QuestionKind.SIGN_IN_MINE) not in _asks(into)
    assert _signed_out(into) == {CARLA.object_id}


def _asks(case: Case) -> set[tuple[Person, QuestionKind]]:
    return {(q.person, q.kind) for q in case.open_questions}


def _signed_out(case: Case) -> set[str]:
    """Whose sessions are to be revoked, were it proposed or done."""
    revoke = ActionKind.REVOKE_SESSIONS
    return {a.target.id for a in case.state.actions if a.kind is revoke}


def test_the_same_report_again_changes_nothing_and_a_newer_one_is_applied() -> None:
    told = malware_ran()
    into = by_anna(Case().reported(told), Case().reported(remote_tool(CARLA)))
    before = into.state

    assert already(into.reported(told).verdict) == "report.unchanged"
    assert into.state == before
    into.reported(later(told, already_done=(AlreadyDone(DoneKind.ISOLATED, "LAPTOP-7"),)))
    assert into.action(ActionKind.ISOLATE_DEVICE).state is ActionState.ALREADY_DONE


def test_what_is_still_wanted_is_asked_of_the_customer_anew_and_the_old_card_says_so() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE),))
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened")
    part.answers("enabled_content", on="q2")
    assert part.approval_card().state is ApprovalState.OPEN

    into = by_anna(part, Case(customer).reported(remote_tool(CARLA)))

    says = part.approval_card().outcome
    assert says == phrase("approval.merged", name="CONTOSO-43", at=part.now)
    wants = {into.state.action(a.action) for a in into.state.approvals}
    assert into.action(ActionKind.ISOLATE_DEVICE) in wants


def test_what_was_open_when_a_source_merged_is_withdrawn_without_a_promise() -> None:
    customer = contoso(rules=(rule(ActionKind.ISOLATE_DEVICE),))
    part = Case(customer).reported(malware_ran(by_hand=True)).answers("opened")
    part.answers("enabled_content", on="q2").denies().happens(INTO)

    says = {a.id: part.approval_card(a.id).outcome for a in part.state.approvals}

    part_of = phrase("approval.part_of", name="CONTOSO-43", at=part.now)
    assert part_of in says.values()
    assert says["p1"] == phrase("approval.denied", by=JON.name, at=part.approval().at)


def test_that_one_case_has_no_room_for_two_is_an_analysts_to_know() -> None:
    case = Case().reported(malware_blocked()).happens(NotMerged("CONTOSO-43"))

    assert case.told(ANALYST_THREAD) == ["why.not_merged"]
    assert case.told(CUSTOMER_THREAD) == []
    assert case.state.handed_over is not None


def test_why_it_cannot_be_merged_is_said() -> None:
    def refused(case: Case, event: MergedInto = BY_ANNA) -> str:
        case.reported(malware_ran()).happens(event)
        assert case.state.merged is None
        return refusal(case.verdict)

    assert refused(Case(), replace(BY_ANNA, into="i-1")) == "refused.merge_itself"
    assert refused(Case(unmergeable="over")) == "refused.merge_over"
    assert refused(Case(unmergeable="own")) == "refused.merge_own"


def test_where_there_is_no_room_for_what_sources_call_both_nothing_is_merged() -> None:
    part, into = Case().reported(malware_ran()).state, Case().reported(remote_tool()).state
    (ref,) = into.refs
    many = tuple(replace(ref, source_id=f"{n}") for n in range(100, 100 + MOST_REFS - 1))
    assert has_room(into.changed(refs=many), part)
    assert has_room(into.changed(refs=(*many, *part.refs)), part)
    assert not has_room(into.changed(refs=(*many, ref)), part)

    case = Case(unmergeable="room").reported(malware_ran())
    assert refusal(case.happens(BY_ANNA).verdict) == "refused.merge_room"
    assert case.state.merged is None


def test_what_has_to_be_asked_or_given_anew_is_said_before() -> None:
    assert _given_up(Case().reported(malware_blocked())) == ()
    odd = Case().reported(mystery())
    odd.happens(AskOrdered(BOB.upn, QuestionKind.USB_CONNECTED, ANNA.object_id, ANNA.name))
    assert _given_up(odd) == (phrase("confirm.merge_questions", count=1, people=BOB.name),)

    case = Case(by_upn={BOB.upn: BOB, IT.upn: INES}).reported(malware_ran(by_hand=True))
    case.answers("opened")
    case.happens(AskOrdered(BOB.upn, QuestionKind.FREE, ANNA.object_id, ANNA.name, "Whose?"))
    due = case.now + timedelta(days=1)
    case.happens(TaskGiven(IT.upn, None, "replace LAPTOP-7", due, ANNA.object_id, ANNA.name))
    approvals = [a for a in case.state.approvals if a.state is ApprovalState.OPEN]

    assert _given_up(case) == (
        phrase("confirm.merge_questions", count=1, people=BOB.name),
        phrase("confirm.merge_tasks", count=1, people=INES.name),
        phrase("confirm.merge_approvals", count=len(approvals), into="CONTOSO-43"),
    )


def _given_up(part: Case) -> tuple[Phrase, ...]:
    before, into = part.state, Case().reported(remote_tool(CARLA, source_id="9"))
    into.current = replace(into.state, name="CONTOSO-43")
    return given_up(before, by_anna(part, into).state)


def test_two_full_cases_are_one_that_stays_small() -> None:
    part, into = (Case().reported(_crowd(first)) for first in (0, 100))

    by_anna(part, into)

    assert len(TypeAdapter(Incident).dump_json(into.state)) <= 64 * 1024
    assert into.state.overflow
    assert len(into.state.affected) == len(into.state.devices) == KEPT
    assert len(into.state.joined) == KEPT


def test_of_the_alerts_of_both_the_latest_are_kept() -> None:
    first, second = (
        [
            alert(f"Malware {half} {n}", Product.ENDPOINT, Severity.HIGH, user(BOB))
            for n in range(KEPT)
        ]
        for half in ("one", "two")
    )
    into = Case().reported(report(*first))

    by_anna(Case().reported(report(*second, source_id="9")), into)

    assert [n.title for n in into.state.alerts] == [a.title for a in second]


def test_of_many_that_a_source_merged_suspects_are_listed_and_a_person_decides() -> None:
    into = Case().reported(malware_ran())
    for first in (0, 100):
        merged(Case().reported(_crowd(first)), into)
        assert into.state.overflow == (first > 0)

    merged(Case().reported(sign_in(CARLA, source_id="9")), into)

    assert len(into.state.joined) == MOST_JOINED
    assert into.state.affects(CARLA.object_id)


def test_a_case_that_lists_not_everybody_makes_the_one_such_a_case() -> None:
    part, into = Case().reported(_crowd(0, KEPT + 1)), Case().reported(_crowd(0, 1))

    by_anna(part, into)

    assert into.state.overflow


def _crowd(first: int, count: int = KEPT) -> IncidentReport:
    people = (
        replace(BOB, object_id=f"oid-{n}", upn=f"{n}@contoso.com")
        for n in range(first, first + count)
    )
    seen = [
        e
        for n, who in enumerate(people, first)
        for e in (user(who), replace(LAPTOP, name=f"L-{n}", device_id=f"{n}" * 9))
    ]
    told = alert("Malware " + "x" * 190, Product.ENDPOINT, Severity.HIGH, *seen)
    return report(told, source_id=f"{first}:{count}")


# --- suspicion that was settled -------------------------------------------------------------------


def _cleared() -> Case:
    """Carla's account was suspect, and is trusted again."""
    case = Case().reported(sign_in(CARLA)).says_on_the_phone("mine").done()
    for part in (Clearance.RESET, Clearance.REVOKED):
        done = ClearanceRecorded(CARLA.object_id, part, "ticket", ANNA.object_id, ANNA.name)
        case.happens(done, after=1)
    case.wakes("taint:", after=20)
    assert case.state.suspects == frozenset()
    return case


def test_whoever_was_made_safe_there_is_not_suspect_here() -> None:
    part = _cleared()
    into = Case(now=part.now).reported(malware_ran(BOB))

    by_anna(part, into)

    assert not into.state.is_tainted(CARLA.object_id)


def test_a_merge_alone_makes_nobody_suspect_who_was_made_safe() -> None:
    part = _cleared()
    into = Case(now=part.now).reported(malware_ran(CARLA))
    assert CARLA.object_id not in by_anna(part, into).state.suspects

    again = _cleared()
    again.now += timedelta(minutes=1)
    seen = replace(_low_sign_in(again), first_activity=again.now - timedelta(hours=1))
    malware = replace(malware_ran(CARLA).alerts[0], first_activity=again.now)
    part = Case(now=again.now).reported(report(seen, malware, source_id="9"))
    part.current = replace(part.state, taints=())  # it had been settled there as well
    assert CARLA.object_id not in by_anna(part, again).state.suspects


def test_of_two_that_were_settled_the_later_one_counts() -> None:
    part, into = _cleared(), _cleared()
    part.now += timedelta(minutes=1)
    part.reported(report(_low_sign_in(part), source_id="9"))
    (mark,) = part.state.taints
    part.now += timedelta(minutes=1)
    part.current = replace(part.state, taints=(replace(mark, lifted_at=part.now),))
    into.now = part.now

    assert by_anna(part, into).state.suspects == frozenset()


def test_what_was_seen_here_since_they_were_made_safe_there_makes_them_suspect() -> None:
    part = _cleared()
    into = Case(now=part.now + timedelta(minutes=1))
    into.reported(report(_low_sign_in(into), source_id="9"))
    assert into.state.suspects == frozenset()
    part.now = into.now

    assert by_anna(part, into).state.suspects == {CARLA.object_id}


def _low_sign_in(of: Case) -> Alert:
    """That makes nobody suspect by itself, seen now."""
    seen = alert("Unfamiliar sign-in properties", Product.ENTRA, Severity.LOW, user(CARLA))
    return replace(seen, id="later", first_activity=of.now)


def test_whoever_was_made_safe_is_suspect_anew_for_what_the_other_case_saw_since() -> None:
    into = _cleared()
    into.now += timedelta(minutes=1)
    part = Case(now=into.now).reported(report(_low_sign_in(into), source_id="9"))
    assert part.state.suspects == frozenset()

    by_anna(part, into)

    assert into.state.suspects == {CARLA.object_id}


# --- the card of a case that was merged -----------------------------------------------------------


def _wishes_to_talk(part: Case, into: Case) -> Case:
    part.happens(WishedToTalk(BOB.object_id), after=1)
    return into.happens(told_later(part.state), after=1)


def test_whoever_wants_to_talk_on_the_old_card_is_heard_where_the_case_goes_on() -> None:
    part, into = _ran("opened"), Case().reported(remote_tool(CARLA))
    by_anna(part, into)
    assert part.card(BOB).talk

    _wishes_to_talk(part, into)

    assert isinstance(part.verdict, Accepted)
    assert not part.card(BOB).talk
    assert into.told(ANALYST_THREAD)[-1] == "why.talk"
    assert BOB.object_id in dict(into.desk().hearers)


def test_whoever_waits_for_a_call_when_two_become_one_is_not_forgotten() -> None:
    part = Case().reported(malware_ran()).answers("call_me")
    assert part.open_calls == [BOB.name]

    into = by_anna(part, Case().reported(malware_blocked(CARLA, source_id="9")))

    assert part.open_calls == []
    assert into.told(ANALYST_THREAD)[-1] == "why.call_me"
    (question,) = [q for q in into.open_questions if q.person == BOB]
    assert question.route is Route.PHONE
    assert into.open_calls == [BOB.name]
    assert handed_on(into.state).to_call[0].person == BOB, "if it becomes part of a third one"
    due = into.state.calls[-1].due
    into.happens(told_later(part.state), after=1)
    assert into.open_calls == [BOB.name]
    assert into.until_due("call:").state.calls[-1].paged_at == due
    into.says_on_the_phone("not_me", on=question.id)
    assert into.happens(told_later(part.state), after=1).open_calls == []


def test_whoever_was_only_asked_in_words_is_called_too() -> None:
    part = Case(by_upn={EVE.upn: EVE}).reported(malware_ran())
    part.happens(AskOrdered(EVE.upn, QuestionKind.FREE, ANNA.object_id, ANNA.name, "Whose?"))
    part.answers("call_me", on=part.state.questions[-1].id)

    into = by_anna(part, Case().reported(malware_blocked(CARLA, source_id="9")))

    assert into.open_calls == [EVE.name]
    assert into.question(into.state.calls[-1].question).words == "Whose?"
    assert name_of(into.state, CONTOSO, EVE.upn) == EVE.name


def test_whoever_came_along_may_be_called_in_teams() -> None:
    into = merged(_ran(), Case().reported(remote_tool(CARLA)))

    assert BOB.upn in {c.upn for c in into.desk().callees}


def test_a_call_that_is_wished_on_the_old_card_is_heard_where_the_case_goes_on() -> None:
    part, into = _ran("opened"), Case().reported(malware_blocked(CARLA, source_id="9"))
    by_anna(part, into)

    before = into.log_odds
    part.happens(WishedCall(BOB.object_id), after=1)
    into.happens(told_later(part.state), after=1)

    assert part.told(ANALYST_THREAD) == [], "it is heard where the case goes on"
    assert into.told(ANALYST_THREAD)[-1] == "why.call_me"
    assert into.open_calls == [BOB.name]
    assert into.log_odds == before


def test_what_was_answered_there_and_is_asked_again_on_the_phone_counts_once() -> None:
    part = _ran("not_me")
    into = merged(part, Case().reported(malware_blocked(CARLA, source_id="9")))
    part.happens(WishedCall(BOB.object_id), after=1)
    into.happens(told_later(part.state), after=1)

    into.says_on_the_phone("opened", on=into.state.calls[-1].question)

    assert [(q.person, q.kind) for q in into.state.answered] == [(BOB, QuestionKind.FILE_OPENED)]


@pytest.mark.parametrize("wish", [WishedCall(BOB.object_id), WishedToTalk(BOB.object_id)])
def test_whoever_wants_to_speak_to_us_reopens_nothing(wish: WishedCall | WishedToTalk) -> None:
    part, into = _ran("opened"), Case().reported(remote_tool(CARLA))
    by_anna(part, into).closes(disposition="falsePositive", comment="a drill")
    part.goes_on = False
    part.at_risk = frozenset({BOB.object_id})

    into.happens(told_later(part.happens(wish, after=1).state), after=1)

    assert into.status is Status.RESOLVED
    assert into.told(CUSTOMER_THREAD) == []
    assert into.told(ANALYST_THREAD)[-1].startswith(("why.call_me", "why.talk"))
    assert into.state.handed_over is not None


def test_what_raises_or_fails_there_later_reopens_it() -> None:
    def closed(part: Case) -> Case:
        into = by_anna(part, Case().reported(remote_tool(CARLA)))
        return into.closes(disposition="falsePositive", comment="a drill")

    part = _ran("not_me")
    into = closed(part)
    part.answers("opened")
    assert into.happens(told_later(part.state)).state.closed is None

    part, _ = _ordered_there()
    into = closed(part)
    part.fails(part.action(ActionKind.ISOLATE_DEVICE).id)
    assert into.happens(told_later(part.state)).state.closed is None


def test_through_a_suspect_account_the_old_card_tells_nothing() -> None:
    part, into = _ran("opened"), Case().reported(remote_tool(CARLA))
    by_anna(part, into)
    part.at_risk = frozenset({BOB.object_id})

    _wishes_to_talk(part, into)

    assert part.verdict == Accepted(phrase("thanks.received"))
    assert (part.card(BOB).stage, part.card(BOB).talk) == ("guarded", False)
    assert into.told(ANALYST_THREAD)[-1] == "why.talk_tainted"


def test_the_old_card_is_told_that_the_case_is_closed() -> None:
    part = _ran("opened")
    by_anna(part, Case().reported(remote_tool(CARLA)))
    part.goes_on = False

    assert refusal(part.happens(WishedToTalk(BOB.object_id)).verdict) == "refused.closed"

"""Two cases that turn out to be one: the other goes on with what was learnt and done."""

from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    CONTOSO,
    Case,
    contoso,
    later,
    leak,
    malware_ran,
    remote_tool,
    report,
    rule,
    sign_in,
)
from triage.actions import ActionKind
from triage.customer import Consent
from triage.decide import AlreadyAnswered, Refused
from triage.events import Absorbed, MergedInto, UndoOrdered
from triage.incident import ActionState, ApprovalState, Incident, Status
from triage.merging import handed_on
from triage.phrases import phrase
from triage.playbooks import QUESTIONS
from triage.surfaces import surfaces
from triage.views import AnalystThread, PersonCard

INTO = MergedInto("i-2", "CONTOSO-43")


def merged(part: Case, into: Case) -> Case:
    handed = handed_on(part.state)
    part.happens(INTO)
    return into.happens(handed)


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
    into = Case(contoso(rules=(rule(ActionKind.ISOLATE_DEVICE, Consent.APPROVAL),)))
    into.reported(malware_ran(source_id="9"))

    merged(part, into)

    known = [a for a in into.state.actions if a.kind is ActionKind.ISOLATE_DEVICE]
    assert [(a.target, a.state) for a in known] == [(isolated.target, ActionState.DONE)]
    undo = UndoOrdered(isolated.id, ANNA.object_id, ANNA.name)
    assert isinstance(part.happens(undo).verdict, Refused)
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

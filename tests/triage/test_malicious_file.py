"""Malicious files: one that ran, one that was stopped. Given, this arrives, these effects follow."""

from typing import Any

import pytest

from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    BOBS_PHONE,
    CARLA,
    CONTOSO,
    DAN,
    EVE,
    INVOICE,
    JON,
    LAPTOP,
    TEN_PAST_TEN,
    Case,
    accepted,
    alert,
    already,
    contoso,
    keys,
    later,
    malware_blocked,
    malware_ran,
    refusal,
    report,
    rule,
    user,
)
from triage.actions import ActionKind
from triage.customer import Asset, AssetKind, Criticality, PersonFacts
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD, Contain, Say
from triage.events import (
    CloseOrdered,
    KeptOpen,
    Reopened,
    Taken,
    Undelivered,
    WishedToTalk,
    Wrote,
)
from triage.incident import (
    ActionState,
    Band,
    Disposition,
    IncidentType,
    QuestionKind,
    Route,
    Standing,
    Status,
)
from triage.phrases import phrase
from triage.report import Account, FileEvidence, Product, Severity, Verdict
from triage.views import AnalystThread, CustomerThread


def ran(**customer: Any) -> Case:
    return Case(contoso(**customer)).reported(malware_ran())


def suspicious(**customer: Any) -> Case:
    """A file that ran, with no verdict yet: what Bob says decides."""
    file = alert(
        "Malware was detected", Product.ENDPOINT, Severity.HIGH, user(BOB), LAPTOP, _UNCLEAR
    )
    return Case(contoso(**customer)).reported(report(file))


_UNCLEAR = FileEvidence(name="invoice.docm", sha1="1" * 40, sha256="2" * 64)


def blocked(**customer: Any) -> Case:
    return Case(contoso(**customer)).reported(malware_blocked())


def closable() -> Case:
    return blocked(auto_close=frozenset({IncidentType.MALICIOUS_FILE}))


# --- the worked examples of triage.md section 4 --------------------------------------------------


def test_a_malicious_file_started_by_hand_scores_096_and_is_contained() -> None:
    case = Case().reported(malware_ran(by_hand=True))

    assert round(case.score, 2) == 0.96
    assert case.band is Band.CONTAIN
    assert case.rules == {"prior.malware_ran", "sign.verdict_malicious", "sign.executed"}


def test_a_stopped_file_bob_expected_scores_0011_and_is_a_candidate_for_closing() -> None:
    case = closable().answers("expected")

    assert round(case.score, 3) == 0.011
    assert case.band is Band.CLOSE
    assert case.status is Status.CLOSING


def test_a_stopped_file_bob_did_not_expect_goes_to_an_analyst_at_005() -> None:
    case = closable().answers("unexpected")

    assert round(case.score, 2) == 0.05
    assert case.band is Band.ANALYST
    assert case.state.closing is None


# --- a file that ran -----------------------------------------------------------------------------


def test_bob_is_asked_whether_he_opened_the_file_that_ran() -> None:
    case = ran()

    question = case.question()
    assert (question.kind, question.person, question.route) == (
        QuestionKind.FILE_OPENED,
        BOB,
        Route.CARD,
    )
    [until] = [w.at for w in case.wakes_ordered if w.name == "question:q1"]
    assert until == TEN_PAST_TEN.replace(minute=25)
    assert case.card(BOB).stage == "asking"
    assert keys(case.card(BOB).says) == ["happened.file_opened", "ask.file_opened"]
    assert [c.id for c in case.card(BOB).choices] == ["opened", "not_me", "not_sure", "call_me"]


def test_a_file_that_ran_in_one_alert_has_run_whatever_another_says() -> None:
    stopped = malware_blocked(source_id="9").alerts[0]
    case = Case().reported(report(*malware_ran().alerts, stopped))

    assert case.question().kind is QuestionKind.FILE_OPENED
    assert all(f.ran for f in case.state.files)


def test_bob_opened_it_and_is_asked_what_he_did_then() -> None:
    case = ran().answers("opened")

    assert accepted(case.verdict)
    assert case.question("q1").state.state == "answered"
    assert case.question("q2").kind is QuestionKind.FILE_AFTERMATH
    assert case.card(BOB).question == "q2"
    assert case.card(BOB).change


@pytest.mark.parametrize(
    ("choice", "weight", "stage"),
    [
        ("enabled_content", 1.0, "thanks"),
        ("typed_password", 3.0, "guarded"),
        ("neither", 0.0, "thanks"),
    ],
)
def test_what_bob_did_then_weighs(choice: str, weight: float, stage: str) -> None:
    before = ran().answers("opened")
    after = ran().answers("opened").answers(choice, on="q2")

    assert after.log_odds == pytest.approx(before.log_odds + weight)
    assert after.card(BOB).stage == stage


def test_a_typed_password_has_bobs_sessions_revoked() -> None:
    case = ran().answers("opened").answers("typed_password", on="q2")

    assert ActionKind.REVOKE_SESSIONS in case.contained()
    assert case.action(ActionKind.REVOKE_SESSIONS).target.id == BOB.object_id


def test_a_typed_password_cuts_off_nobody_else_and_nobody_else_hears_of_it() -> None:
    case = Case().reported(malware_ran(BOB, CARLA)).answers("not_me", on="q1")
    case.answers("opened", on="q2").answers("typed_password", on="q3")

    revoked = [a.target.id for a in case.state.actions if a.kind is ActionKind.REVOKE_SESSIONS]
    assert revoked == [CARLA.object_id]
    assert "notice.revoke_sessions" not in keys(case.card(BOB).says)
    assert case.card(CARLA).stage == "guarded", "whoever has her password may read her card"
    assert "notice.revoke_sessions" not in keys(case.card(CARLA).says)


def test_a_no_weighs_little_because_people_deny_from_fear() -> None:
    assert ran().answers("not_me").log_odds - ran().log_odds == pytest.approx(0.5)


def test_a_no_weighs_much_where_the_process_tree_shows_that_somebody_opened_it() -> None:
    seen = Case().reported(malware_ran(by_hand=True))
    told = Case().reported(malware_ran(by_hand=True)).answers("not_me")

    assert told.log_odds - seen.log_odds == pytest.approx(2.0)


def test_not_sure_raises_a_little_and_brings_an_analyst() -> None:
    case = suspicious().answers("not_sure")

    assert case.log_odds - suspicious().log_odds == pytest.approx(0.5)
    assert "why.not_sure" in case.noted()


def test_call_me_gives_an_analyst_the_call_and_is_no_answer_yet() -> None:
    case = suspicious().answers("call_me")

    assert case.open_calls == ["Bob Baker"]
    assert case.question().state.state == "open"
    assert case.log_odds == suspicious().log_odds
    assert "why.call_me" in case.told(ANALYST_THREAD)
    assert not any(key.startswith("known.said") for key in keys(case.thread().known))


def test_an_answer_after_call_me_counts_and_ends_the_call() -> None:
    case = blocked().answers("call_me").answers("expected")

    assert case.question().replies[-1].standing is Standing.COUNTED
    assert case.open_calls == []
    assert case.band is Band.PROPOSE


def test_a_number_without_a_source_is_not_called() -> None:
    case = suspicious().answers("call_me")

    assert case.state.calls[0].number is None


def test_free_text_is_for_an_analyst_and_the_buttons_stay() -> None:
    case = suspicious().writes("it was a strange invoice")

    assert case.question().replies[-1].standing is Standing.FOR_ANALYST
    assert case.log_odds == suspicious().log_odds
    assert "timeline.wrote" in case.noted()
    assert case.told(CUSTOMER_THREAD) == []
    assert case.state.handed_over is not None
    assert len(case.card(BOB).choices) == 4


def test_silence_weighs_nothing_and_an_analyst_calls() -> None:
    case = suspicious().until_due("question")

    assert case.question().state.state == "silent"
    assert case.log_odds == suspicious().log_odds
    assert case.open_calls == ["Bob Baker"]
    assert "why.silence" in case.told(ANALYST_THREAD)
    assert case.card(BOB).stage == "asking"  # a late answer still tells something


def test_a_deadline_that_comes_too_early_does_nothing() -> None:
    case = suspicious().wakes("question:q1", after=1)

    assert case.question().state.state == "open"


def test_a_deadline_after_the_answer_does_nothing() -> None:
    case = suspicious().answers("opened").wakes("question:q1", after=30)

    assert case.question().state.state == "answered"
    assert case.open_calls == []


def test_a_late_answer_that_raises_counts_and_ends_the_call() -> None:
    case = suspicious().until_due("question").answers("opened")

    assert case.question().replies[-1].standing is Standing.COUNTED
    assert case.log_odds - suspicious().log_odds == pytest.approx(1.0)
    assert case.open_calls == []


def test_a_late_answer_that_lowers_goes_to_an_analyst() -> None:
    case = blocked().until_due("question").answers("expected")

    assert case.question().replies[-1].standing is Standing.FOR_ANALYST
    assert case.log_odds == blocked().log_odds
    assert case.told(ANALYST_THREAD) == ["why.correction_lowers"]


def test_an_answer_after_the_deadline_is_late_even_before_the_wake_came() -> None:
    case = blocked().answers("expected", after=24 * 60)

    assert case.question().replies[-1].standing is Standing.FOR_ANALYST


def test_a_correction_that_raises_counts_at_once() -> None:
    case = blocked().answers("expected").answers("unexpected")

    assert case.question().answer == case.question().replies[-1]
    assert case.band is Band.ANALYST


def test_a_correction_that_lowers_goes_to_an_analyst_and_leaves_the_score() -> None:
    case = suspicious().answers("opened").answers("not_me")

    assert case.question().replies[-1].standing is Standing.FOR_ANALYST
    assert case.log_odds - suspicious().log_odds == pytest.approx(1.0)
    assert case.told(ANALYST_THREAD) == ["why.correction_lowers"]


def test_a_correction_withdraws_the_follow_up_it_no_longer_leads_to() -> None:
    case = Case().reported(malware_ran(by_hand=True)).answers("opened").answers("not_me")

    assert case.question("q2").state.state == "withdrawn"


def test_the_same_answer_twice_changes_nothing() -> None:
    once = suspicious().answers("opened")
    before = once.state
    twice = once.answers("opened")

    assert already(twice.verdict) == "thanks.already"
    assert twice.state == before
    assert twice.ordered == ()


def test_somebody_else_cannot_answer_for_bob() -> None:
    case = suspicious().answers("opened", by=JON)

    assert refusal(case.verdict) == "refused.not_addressee"
    assert case.question().replies == ()
    assert "timeline.wrong_person" in case.noted()


def test_an_answer_that_was_never_offered_is_refused() -> None:
    assert refusal(suspicious().answers("typed_password").verdict) == "refused.unknown_choice"


def test_an_answer_to_a_question_nobody_asked_is_refused() -> None:
    case = suspicious().answers("opened", on="q9", by=BOB)

    assert refusal(case.verdict) == "refused.unknown_question"


def test_bob_cannot_be_reached_and_an_analyst_calls_at_once() -> None:
    case = suspicious().happens(Undelivered("person", BOB.object_id, "blocked"))

    assert case.question().state.state == "unreachable"
    assert case.open_calls == ["Bob Baker"]


def test_a_thread_that_cannot_be_reached_is_told_to_the_analysts() -> None:
    case = suspicious().happens(Undelivered(CUSTOMER_THREAD, None, "gone"))

    assert case.told(ANALYST_THREAD) == ["why.undelivered"]


def test_words_with_no_question_open_are_read_by_an_analyst() -> None:
    case = suspicious().answers("not_me").happens(Wrote(BOB.object_id, "are you sure?"))

    assert "timeline.wrote" in case.noted()
    assert refusal(case.happens(Wrote(JON.object_id, "hello")).verdict) == "refused.not_addressee"


def test_whoever_asks_for_an_analyst_is_promised_one_and_the_analysts_hear_it_once() -> None:
    case = suspicious().answers("not_me")
    assert case.card(BOB).talk

    case.happens(WishedToTalk(BOB.object_id))

    assert case.told(ANALYST_THREAD) == ["why.talk"]
    assert case.state.handed_over is not None
    assert (case.card(BOB).talk, case.card(BOB).says[-1].key) == (False, "card.talking")
    assert case.happens(WishedToTalk(BOB.object_id)).told(ANALYST_THREAD) == []
    assert already(case.verdict) == "thanks.analyst_reads"
    stranger = case.happens(WishedToTalk(JON.object_id))
    assert refusal(stranger.verdict) == "refused.not_addressee"


def test_no_analyst_is_offered_where_none_could_answer() -> None:
    """While something is asked, through a suspect account, or in a case for its named lead."""
    assert not suspicious().card(BOB).talk
    suspect = suspicious().answers("opened").answers("typed_password", on="q2")
    assert not suspect.card(BOB).talk
    suspect.happens(WishedToTalk(BOB.object_id))
    assert suspect.told(ANALYST_THREAD) == ["why.talk_tainted"]
    assert "card.talking" not in keys(suspect.card(BOB).says)
    over = suspicious().answers("not_me").closes(disposition=Disposition.EXPECTED, comment="ours")
    assert not over.card(BOB).talk
    assert refusal(over.happens(WishedToTalk(BOB.object_id)).verdict) == "refused.closed"


def test_whoever_has_the_case_is_mentioned_when_bob_wants_to_talk() -> None:
    case = suspicious().answers("not_me").happens(Taken(ANNA.object_id, ANNA.name))

    case = case.happens(WishedToTalk(BOB.object_id))

    (said,) = [e for e in case.ordered if isinstance(e, Say) and e.place == ANALYST_THREAD]
    assert said.mentions == ((ANNA.object_id, ANNA.name),)


def test_what_bob_says_on_the_phone_counts_and_leads_to_the_follow_up_by_phone() -> None:
    case = suspicious().until_due("question").says_on_the_phone("opened")

    assert case.question("q1").state.state == "answered"
    assert case.question("q2").route is Route.PHONE
    assert case.open_calls == ["Bob Baker"]
    assert case.says_on_the_phone("neither", on="q2").open_calls == []


@pytest.mark.parametrize("people", [CONTOSO.people, (*CONTOSO.people, BOBS_PHONE)])
def test_the_same_call_recorded_twice_changes_nothing(people: tuple[PersonFacts, ...]) -> None:
    case = suspicious(people=people).until_due("question")
    once = case.says_on_the_phone("not_me")
    before = once.state

    assert already(once.says_on_the_phone("not_me").verdict) == "thanks.already"
    assert once.state == before


def test_nobody_is_asked_where_nobody_is_known() -> None:
    ghost = Account(upn="ghost@elsewhere.example")
    told = alert(
        "Malware was detected", Product.ENDPOINT, Severity.HIGH, user(ghost), LAPTOP, INVOICE
    )
    case = Case().reported(report(told))

    assert case.state.questions == ()
    assert "why.person_no_match" in case.noted()


def test_an_ambiguous_person_is_not_asked() -> None:
    case = Case(roster=(BOB, BOB)).reported(malware_ran())

    assert case.state.questions == ()
    assert "why.person_ambiguous" in case.noted()
    assert "why.person_ambiguous" in keys(case.desk().facts)


def test_a_person_who_comes_to_be_known_is_asked_and_no_longer_unknown() -> None:
    by_name = user(Account(upn=BOB.upn))
    told = alert("Malware was detected", Product.ENDPOINT, Severity.HIGH, by_name, LAPTOP, INVOICE)
    case = Case(roster=()).reported(report(told))
    case.roster = (BOB,)
    case.reported(later(report(told)), after=5)

    assert [q.person for q in case.state.questions] == [BOB]
    assert [a.why_not for a in case.state.affected] == [None]


def test_at_most_three_people_are_asked_at_once() -> None:
    case = Case().reported(malware_ran(BOB, CARLA, DAN, EVE))

    assert [q.person for q in case.state.questions] == [BOB, CARLA, DAN]
    assert "why.many_people" in case.noted()


# --- a file that was stopped ---------------------------------------------------------------------


def test_a_stopped_file_asks_whether_it_was_expected() -> None:
    case = blocked()

    assert case.question().kind is QuestionKind.FILE_EXPECTED
    assert keys(case.card(BOB).says)[0] == "happened.file_expected"
    assert case.ever_contained() == set()


def test_expected_and_not_opted_in_is_proposed_for_one_tap() -> None:
    case = blocked().answers("expected")

    proposal = case.desk().proposal
    assert case.band is Band.PROPOSE
    assert case.state.closing is None
    assert proposal is not None
    assert proposal.determination == "confirmedActivity"
    closed = case.closes().state.closed
    assert closed is not None
    assert closed.by_name == ANNA.name


def test_telemetry_that_contradicts_expected_voids_it_and_adds_one() -> None:
    case = blocked().answers("expected")
    seen = malware_blocked().alerts[0].evidence
    run_key = alert(
        "Malware made a run key",
        Product.ENDPOINT,
        Severity.MEDIUM,
        *seen,
        techniques=("T1547.001",),
    )
    before = case.log_odds
    case.reported(report(run_key, source_id="8"), after=5)

    assert "answer.contradicted" in case.rules
    assert case.log_odds - before == pytest.approx(1.5 + 1 + 1)  # persistence, +1 for -1


# --- closing by itself ---------------------------------------------------------------------------


def test_an_opted_in_type_closes_after_the_hold_with_disposition_reasons_and_rules() -> None:
    case = closable().answers("expected").until_due("close")

    closed = case.state.closed
    assert closed is not None
    assert case.status is Status.RESOLVED
    assert (closed.by, closed.disposition) == (None, "informationalExpectedActivity")
    assert closed.reasons
    assert closed.rules
    assert case.told(CUSTOMER_THREAD) == ["say.closed"]
    assert case.told(f"person:{BOB.object_id}") == ["over.informationalExpectedActivity"]
    assert case.card(BOB).stage == "over"


def test_the_hold_is_half_an_hour() -> None:
    case = closable().answers("expected")

    assert case.state.closing is not None
    assert (case.state.closing.until - case.now).total_seconds() == 30 * 60
    assert case.wakes(case.wakes_ordered[-1].name, after=29).state.closed is None


def test_an_objection_keeps_it_open_until_a_person_closes_it() -> None:
    case = closable().answers("expected")
    case.happens(KeptOpen(JON.object_id, JON.upn, JON.name), after=5)
    case.until_due("close")

    assert accepted(case.verdict)
    assert case.state.kept_open
    assert case.state.closed is None
    assert case.closes().status is Status.RESOLVED


def test_the_affected_person_cannot_object_as_the_customer() -> None:
    case = closable().answers("expected").happens(KeptOpen(BOB.object_id, BOB.upn, BOB.name))

    assert case.state.closing is not None
    assert refusal(case.verdict) == "refused.not_analyst"


def test_unread_words_stop_a_case_from_closing_by_itself() -> None:
    case = (
        closable().answers("expected").happens(Wrote(BOB.object_id, "I typed my password"), after=5)
    )

    assert case.state.closing is None
    assert case.until_due("close").state.closed is None


def test_suspicion_elsewhere_stops_a_closing_even_at_its_last_moment() -> None:
    case = closable().answers("expected")
    case.at_risk = frozenset({BOB.object_id})

    assert case.until_due("close").state.closed is None
    assert case.state.closing is None


def test_new_evidence_stops_a_closing_that_is_held() -> None:
    case = closable().answers("expected").reported(malware_ran(source_id="8"), after=5)

    assert case.state.closing is None
    assert case.until_due("close").state.closed is None


def test_high_severity_never_closes_by_itself() -> None:
    customer = contoso(auto_close=frozenset({IncidentType.MALICIOUS_FILE}))
    case = Case(customer).reported(malware_blocked(severity=Severity.HIGH)).answers("expected")

    assert case.band is Band.PROPOSE


@pytest.mark.parametrize(
    "changes",
    [
        {"privileged_names": ("bob@*",)},
        {"assets": (Asset(name="LAPTOP-*", kind=AssetKind.SERVER),)},
        {"assets": (Asset(name="LAPTOP-*", criticality=Criticality.CROWN_JEWEL),)},
    ],
)
def test_tier_zero_never_closes_by_itself(changes: dict[str, Any]) -> None:
    customer = contoso(auto_close=frozenset({IncidentType.MALICIOUS_FILE}), **changes)

    assert Case(customer).reported(malware_blocked()).answers("expected").band is Band.PROPOSE


# --- a true positive, from containment to its end ------------------------------------------------


def test_a_contained_true_positive_closes_after_the_hold_with_one_recommendation() -> None:
    case = ran(rules=AUTOMATIC).answers("opened").answers("enabled_content", on="q2")
    case.done()

    assert case.status is Status.CLOSING
    case.until_due("close")
    closed = case.state.closed
    assert closed is not None
    assert (closed.disposition, closed.determination) == ("truePositive", "malware")
    assert closed.recommendation is not None
    assert closed.recommendation.args["owner"] == "Ines Ito"
    assert "outcome.contained" in keys(case.thread().outcome)


def test_a_true_positive_with_something_failed_waits_for_an_analyst() -> None:
    case = ran(rules=AUTOMATIC).answers("opened").answers("enabled_content", on="q2")
    case.fails(case.action(ActionKind.ISOLATE_DEVICE).id).done()

    assert case.state.closing is None
    assert case.desk().next_action.key == "next.action_failed"


def test_without_rules_only_tier_a_runs_and_the_rest_is_asked() -> None:
    case = Case().reported(malware_ran(by_hand=True))

    assert case.contained() == {ActionKind.SCAN_DEVICE}
    asked = {case.state.action(a.action) for a in case.state.approvals}
    assert {a.kind for a in asked if a} == {ActionKind.QUARANTINE_FILE, ActionKind.ISOLATE_DEVICE}


def test_below_contain_approval_waits_for_the_answer_that_is_still_open() -> None:
    case = suspicious()
    assert case.band is Band.ESCALATE
    assert case.state.approvals == ()

    assert case.answers("not_me").state.approvals != ()


def test_a_rise_to_contain_uses_the_standing_rule_and_withdraws_the_approval() -> None:
    case = suspicious()
    case.customer = contoso(rules=AUTOMATIC)
    case.answers("not_me")
    assert case.approval().state == "open"

    case.reported(malware_ran(by_hand=True, source_id="8"), after=1)
    assert {ActionKind.ISOLATE_DEVICE, ActionKind.QUARANTINE_FILE} <= case.ever_contained()
    assert {a.state for a in case.state.approvals} == {"withdrawn"}


def test_bob_is_told_before_his_device_goes_offline() -> None:
    case = ran(rules=AUTOMATIC).answers("opened").answers("enabled_content", on="q2")

    told = [
        e.place if isinstance(e, Say) else e.does for e in case.ever if isinstance(e, Say | Contain)
    ]
    assert told.index(f"person:{BOB.object_id}") < told.index(ActionKind.ISOLATE_DEVICE)


def test_only_whoever_answered_is_thanked_for_the_answer() -> None:
    silent = Case().reported(malware_ran()).until_due("question")
    silent.closes(disposition=Disposition.TRUE_POSITIVE)
    assert silent.told(f"person:{BOB.object_id}") == ["over.malware"]
    assert "over.malware" in keys(silent.card(BOB).says)

    heard = Case().reported(malware_ran()).answers("opened")
    heard.closes(disposition=Disposition.TRUE_POSITIVE)
    assert heard.told(f"person:{BOB.object_id}") == ["over.helped.malware"]
    assert "over.helped.malware" in keys(heard.card(BOB).says)


def test_what_it_was_is_told_to_customers_in_plain_words_and_to_analysts_in_theirs() -> None:
    closed = Case().reported(malware_ran()).closes(disposition=Disposition.TRUE_POSITIVE)

    views = closed.views()
    customer, analyst = views["customer"], views["analyst"]

    assert isinstance(customer, CustomerThread)
    assert isinstance(analyst, AnalystThread)
    (plain,) = [p.args["disposition"] for p in customer.outcome if p.key == "outcome.closed"]
    (ours,) = [p.args["disposition"] for p in analyst.outcome if p.key == "outcome.closed"]
    assert plain == phrase("determination.malware")
    assert ours == phrase("verdict.harmful", what=plain)


# --- after the end -------------------------------------------------------------------------------


def _closed_before_bob_answered() -> Case:
    return blocked().closes(disposition=Disposition.FALSE_POSITIVE, comment="known tool")


def test_a_click_after_closing_that_raises_reopens() -> None:
    case = _closed_before_bob_answered().answers("unexpected", after=60)

    assert case.state.closed is None
    assert case.state.reopened == 1
    assert "say.reopened" in case.told(CUSTOMER_THREAD)
    assert case.status is not Status.RESOLVED


def test_a_click_after_closing_that_lowers_goes_to_an_analyst() -> None:
    case = _closed_before_bob_answered().answers("expected", after=60)

    assert case.status is Status.RESOLVED
    assert case.told(ANALYST_THREAD) == ["why.correction_lowers"]


def test_a_click_after_closing_that_says_nothing_new_leaves_it_closed() -> None:
    case = suspicious().answers("opened").closes(disposition=Disposition.TRUE_POSITIVE)
    case.answers("neither", on="q2", after=60)

    assert case.status is Status.RESOLVED


def test_a_call_recorded_after_closing_that_raises_reopens() -> None:
    case = _closed_before_bob_answered().says_on_the_phone("unexpected")

    assert case.state.reopened == 1
    assert case.status is not Status.RESOLVED


def test_an_analyst_reopens_and_then_only_a_person_closes() -> None:
    case = closable().answers("expected").until_due("close")
    case.happens(Reopened(ANNA.object_id, ANNA.name))

    assert case.state.kept_open
    assert case.state.closing is None
    assert (
        already(case.happens(Reopened(ANNA.object_id, ANNA.name)).verdict) == "refused.not_closed"
    )


def test_a_question_withdrawn_by_a_closing_is_asked_again_when_it_reopens() -> None:
    case = _closed_before_bob_answered().happens(Reopened(ANNA.object_id, ANNA.name))

    assert [q.person for q in case.open_questions] == [BOB]


def test_silence_then_acts_only_where_the_score_still_asks_for_it() -> None:
    act = rule(ActionKind.ISOLATE_DEVICE, act_if_unreachable=True)
    case = Case(contoso(rules=(act,))).reported(malware_ran(by_hand=True))
    case.until_due("approval")

    assert case.action(ActionKind.ISOLATE_DEVICE).state is ActionState.ORDERED


def test_who_is_no_analyst_can_neither_close_nor_reopen() -> None:
    case = blocked()
    assert (
        refusal(case.happens(CloseOrdered(JON.object_id, JON.name)).verdict)
        == "refused.not_analyst"
    )
    assert refusal(case.happens(Reopened(JON.object_id, JON.name)).verdict) == "refused.not_analyst"


def test_closing_as_proposed_needs_a_proposal() -> None:
    assert refusal(blocked().closes().verdict) == "refused.say_how"


def test_a_verdict_of_nothing_found_lowers() -> None:
    clean = FileEvidence(name="a.docm", verdict=Verdict.CLEAN)
    told = alert("Malware was detected", Product.ENDPOINT, Severity.LOW, user(BOB), LAPTOP, clean)

    assert "sign.verdict_clean" in Case().reported(report(told)).rules

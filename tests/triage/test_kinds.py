"""What happens in cases of every kind, and in cases that are of several."""

from dataclasses import replace
from datetime import date

import pytest

from tests.triage.kinds import APP, MACHINE, MAIL, PAGE, example, told_of
from tests.triage.triage_script import (
    ANNA,
    AUTOMATIC,
    BOB,
    CARLA,
    DAN,
    EVE,
    LAPTOP,
    Case,
    alert,
    contoso,
    expected,
    keys,
    later,
    malware_blocked,
    malware_ran,
    mystery,
    report,
    rule,
    sign_in,
    user,
)
from triage.actions import ACTIONS, ActionKind, Target, TargetKind, Tier
from triage.containing import is_reversible, left_out, targets, tier_of
from triage.customer import Asset, AssetKind, Consent, PersonFacts
from triage.effects import CUSTOMER_THREAD, Contain
from triage.events import Answered, AskOrdered, ContainOrdered, UndoOrdered, Woke, Wrote
from triage.incident import (
    ActionState,
    Band,
    Disposition,
    IncidentType,
    Person,
    QuestionKind,
    Route,
    Standing,
)
from triage.phrases import Phrase, phrase
from triage.playbooks import PLAYBOOKS, QUESTIONS
from triage.report import Account, IncidentReport, Product, Severity

T = IncidentType
REVOKE = ActionKind.REVOKE_SESSIONS
GIVES_AWAY = [
    (T.PHISH_CLICK, "entered"),
    (T.HELPDESK_CALL, "gave"),
    (T.DEVICE_CODE, "typed"),
]


def asked(type_: IncidentType, severity: Severity = Severity.MEDIUM) -> Case:
    return Case().reported(told_of(type_, severity=severity))


# --- every kind ----------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", [t for t in T if PLAYBOOKS[t].asks])
def test_the_first_question_is_the_one_its_playbook_names(type_: IncidentType) -> None:
    case = asked(type_)

    assert case.state.types == (type_,)
    assert [q.kind for q in case.state.questions] == [PLAYBOOKS[type_].asks]


@pytest.mark.parametrize("type_", [t for t in T if PLAYBOOKS[t].channel == "teams"])
def test_a_card_tells_what_happened_and_asks(type_: IncidentType) -> None:
    case = asked(type_)
    card, kind = case.card(BOB), PLAYBOOKS[type_].asks

    assert card.stage == "asking"
    assert keys(card.says) == [f"happened.{kind}", f"ask.{kind}"]
    assert len(card.choices) == 4


def test_an_email_without_a_subject_is_still_told_of() -> None:
    bare = replace(example(T.PHISH_CLICK), evidence=(user(BOB), replace(MAIL, subject=None), PAGE))
    happened, _ = Case().reported(report(bare)).card(BOB).says

    assert happened.args["subject"] == phrase("label.an_email")


@pytest.mark.parametrize("type_", [t for t in T if PLAYBOOKS[t].channel == "tainted"])
@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.HIGH])
def test_a_suspect_account_is_cut_off_first_and_gets_no_card(
    type_: IncidentType, severity: Severity
) -> None:
    case = asked(type_, severity)

    assert case.state.is_tainted(BOB.object_id)
    assert {q.route for q in case.state.questions} <= {Route.PHONE}
    assert f"person:{BOB.object_id}" not in case.views()
    first = {k for k in PLAYBOOKS[type_].contains if ACTIONS[k].tier is Tier.A}
    assert case.contained() == first


@pytest.mark.parametrize("type_", [t for t in T if PLAYBOOKS[t].channel == "tainted"])
def test_at_low_risk_a_suspect_account_gets_a_card_that_says_nothing_or_none(
    type_: IncidentType,
) -> None:
    case = asked(type_, Severity.LOW)

    assert {q.route for q in case.state.questions} <= {Route.NEUTRAL}
    if case.state.questions:
        assert keys(case.card(BOB).says) == ["card.neutral"]
        assert {c.id for c in case.card(BOB).choices} <= {"call_me"}


@pytest.mark.parametrize("type_", [t for t in T if PLAYBOOKS[t].asks])
def test_closed_as_harmful_it_is_called_by_its_own_name_and_one_thing_would_prevent_it(
    type_: IncidentType,
) -> None:
    case = asked(type_).closes(disposition=Disposition.TRUE_POSITIVE)
    closed = case.state.closed
    assert closed is not None
    assert closed.determination == PLAYBOOKS[type_].determination
    assert closed.recommendation is not None
    what = closed.recommendation.args["what"]
    assert getattr(what, "key", None) == PLAYBOOKS[type_].prevents


# --- whoever gave something away -----------------------------------------------------------------


@pytest.mark.parametrize(("type_", "choice"), GIVES_AWAY)
def test_whoever_gave_a_secret_away_is_cut_off_and_the_account_is_suspect(
    type_: IncidentType, choice: str
) -> None:
    case = asked(type_).answers(choice)

    assert REVOKE in case.contained()
    assert case.action(REVOKE).target.id == BOB.object_id
    assert case.state.is_tainted(BOB.object_id)
    assert "taint.own_answer" in case.noted()
    assert case.state.suspects == {BOB.object_id}
    assert case.question().replies[-1].standing is Standing.COUNTED


@pytest.mark.parametrize(("type_", "choice"), GIVES_AWAY)
def test_what_is_said_through_that_account_later_lowers_nothing_and_learns_nothing(
    type_: IncidentType, choice: str
) -> None:
    lowest = min(QUESTIONS[asked(type_).question().kind].answers, key=lambda a: a.weight)
    case = asked(type_).answers(choice)
    before = case.log_odds
    case.answers(lowest.id)
    assert case.log_odds == before
    case.happens(Wrote(BOB.object_id, "all fine"), after=1)

    assert case.log_odds == before
    assert "timeline.wrote_tainted" in case.noted()
    card = case.card(BOB)
    assert (card.stage, keys(card.says)) == ("guarded", ["thanks.received", "card.guarded"])
    assert ([c.id for c in card.choices], card.change) == (["call_me"], None)


def test_bob_who_typed_his_password_gets_no_more_cards_but_a_call() -> None:
    case = asked(T.PHISH_CLICK).answers("entered")
    case.reported(malware_ran(), after=5)

    joined = case.question("q2")
    assert (joined.kind, joined.route) == (QuestionKind.FILE_OPENED, Route.PHONE)
    assert case.open_calls == [BOB.name]
    assert case.told(f"person:{BOB.object_id}") == []


def test_a_card_that_is_open_when_a_password_was_typed_is_withdrawn_and_becomes_a_call() -> None:
    case = Case().reported(report(example(T.PHISH_CLICK), example(T.MALICIOUS_FILE)))
    kinds = {q.kind: q.id for q in case.state.questions}
    case.answers("entered", on=kinds[QuestionKind.LINK_ENTERED])

    assert case.question(kinds[QuestionKind.FILE_OPENED]).state.state == "withdrawn"
    assert [q.route for q in case.open_questions] == [Route.PHONE]
    assert case.open_calls == [BOB.name]


def test_a_password_bob_typed_cuts_off_bob_alone() -> None:
    told = report(
        replace(example(T.PHISH_CLICK), id="a1"), replace(example(T.PHISH_CLICK, CARLA), id="a2")
    )
    case = Case().reported(told).answers("entered", on="q1")

    assert [a.target.id for a in case.state.actions if a.kind is REVOKE] == [BOB.object_id]
    assert not case.state.is_tainted(CARLA.object_id)
    assert case.card(CARLA).stage == "asking"


def test_only_looking_at_the_page_leaves_the_account_as_it_was() -> None:
    case = asked(T.PHISH_CLICK).answers("only_opened")

    assert case.state.taints == ()
    assert REVOKE not in {a.kind for a in case.state.actions}


# --- nobody is asked -----------------------------------------------------------------------------


def test_whoever_reported_a_prompt_has_answered_already() -> None:
    own = report(example(T.MFA_FATIGUE, detector="userReportedSuspiciousActivity"))
    case = Case().reported(own)

    assert case.state.reported_by_user
    assert case.state.questions == ()
    assert case.open_calls == []
    assert case.contained() == {REVOKE}
    assert "why.nobody_to_ask" in case.noted()
    assert case.state.handed_over is not None


def test_a_prompt_nobody_reported_is_asked_about_by_phone() -> None:
    assert asked(T.MFA_FATIGUE).question().kind is QuestionKind.MFA_STARTED


def test_a_leaked_password_is_reset_without_asking_anybody() -> None:
    case = asked(T.LEAKED_PASSWORD, Severity.HIGH)

    assert (case.state.questions, case.open_calls) == ((), [])
    assert case.contained() == {REVOKE}
    reset = case.action(ActionKind.RESET_PASSWORD)
    assert [a.action for a in case.state.approvals if a.state == "open"] == [reset.id]


def test_ransomware_is_contained_at_once_and_nobody_is_asked() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(told_of(T.RANSOMWARE, severity=Severity.HIGH))

    assert case.band is Band.CONTAIN
    assert case.contained() == {ActionKind.ISOLATE_DEVICE, REVOKE, ActionKind.DISABLE_ACCOUNT}
    assert (case.state.questions, case.open_calls) == ((), [])
    assert "why.nobody_to_ask" in case.noted()


def test_a_restricted_alert_that_joins_ends_every_other_question() -> None:
    case = asked(T.SCRIPT).reported(told_of(T.RESTRICTED), after=5)

    assert case.state.types == (T.RESTRICTED,)
    assert case.open_questions == []
    assert case.thread().placeholder


# --- several kinds in one case -------------------------------------------------------------------


def breach(**customer: object) -> Case:
    """Somebody signs in as Bob, and malware runs on his machine."""
    case = Case(contoso(**customer)).reported(sign_in(BOB, Severity.HIGH))
    return case.reported(malware_ran(BOB, by_hand=True), after=2)


def test_identity_and_endpoint_make_one_case_of_two_kinds_with_one_thread() -> None:
    case = breach()

    assert case.state.types == (T.UNFAMILIAR_SIGN_IN, T.MALICIOUS_FILE)
    assert case.state.type is T.UNFAMILIAR_SIGN_IN
    assert [name for name in case.views() if name == CUSTOMER_THREAD] == [CUSTOMER_THREAD]
    assert keys([case.thread().headline]) == ["headline.unfamiliar_sign_in"]
    assert {q.kind for q in case.open_questions} == {
        QuestionKind.SIGN_IN_MINE,
        QuestionKind.FILE_OPENED,
    }
    assert {q.route for q in case.open_questions} == {Route.PHONE}


def test_whoever_is_phoned_about_two_things_is_told_of_once_in_the_thread() -> None:
    case = breach()

    assert len([c for c in case.state.calls if c.done_at is None]) == 2
    assert keys(case.thread().doing) == ["doing.calling"]


def test_a_breach_locks_out_and_isolates_and_escalates_at_once_where_rules_allow() -> None:
    case = breach(rules=AUTOMATIC)

    assert case.band is Band.CONTAIN
    assert {ActionKind.DISABLE_ACCOUNT, ActionKind.ISOLATE_DEVICE} <= case.ever_contained()
    assert REVOKE in case.ever_contained()
    assert case.state.handed_over is not None


def test_a_privileged_breach_locks_out_by_the_rule_that_names_privileged_accounts() -> None:
    rules = tuple(rule(k, Consent.AUTHORIZE, privileged=True) for k in ActionKind)
    case = breach(rules=rules, privileged_names=("bob@*",))

    assert {ActionKind.DISABLE_ACCOUNT, ActionKind.ISOLATE_DEVICE} <= case.ever_contained()


def test_without_rules_both_lockout_and_isolation_are_asked_for() -> None:
    case = breach()
    proposed = {
        action.kind
        for approval in case.state.approvals
        if approval.state == "open" and (action := case.state.action(approval.action))
    }

    assert {ActionKind.DISABLE_ACCOUNT, ActionKind.ISOLATE_DEVICE} <= proposed


def test_what_several_playbooks_name_is_proposed_once() -> None:
    case = Case().reported(report(example(T.SCRIPT), example(T.USB_DEVICE)))
    wanted = [(a.kind, a.target.id) for a in case.state.actions]

    assert len(wanted) == len(set(wanted))
    assert (ActionKind.SCAN_DEVICE, LAPTOP.device_id) in wanted


# --- each kind is about somebody -----------------------------------------------------------------

MALWARE = malware_ran(BOB, by_hand=True)
SIGNED_IN = sign_in(CARLA)
BOTH = report(*MALWARE.alerts, *SIGNED_IN.alerts)
OWN_QUESTIONS = {(BOB, QuestionKind.FILE_OPENED), (CARLA, QuestionKind.SIGN_IN_MINE)}
LOST = report(alert("Lost laptop", Product.OTHER, Severity.HIGH, LAPTOP), source_id="lost")
"""It names a machine and nobody."""


def asks(case: Case) -> set[tuple[Person, QuestionKind]]:
    return {(q.person, q.kind) for q in case.open_questions}


def accounts_contained(case: Case) -> set[str]:
    """Whose account anything was ever ordered for."""
    ordered = (e.target for e in case.ever if isinstance(e, Contain) and not e.undo)
    return {target.label for target in ordered if target.kind is TargetKind.ACCOUNT}


def named(phrase_: Phrase) -> object:
    return phrase_.args["person"]


@pytest.mark.parametrize("reports", [(BOTH,), (MALWARE, SIGNED_IN), (SIGNED_IN, MALWARE)])
def test_each_person_is_asked_and_contained_for_what_is_about_them(
    reports: tuple[IncidentReport, ...],
) -> None:
    case = Case(contoso(rules=AUTOMATIC))
    for told in reports:
        case.reported(told)

    assert case.band is Band.CONTAIN
    assert asks(case) == OWN_QUESTIONS
    assert accounts_contained(case) == {CARLA.name}
    assert ActionKind.ISOLATE_DEVICE in case.ever_contained()
    assert not left_out(case.state)
    assert case.thread().headline.key == "headline.unfamiliar_sign_in"
    assert named(case.thread().headline) == named(case.desk().headline) == CARLA.name


def test_whoever_is_suspect_for_another_s_sign_in_is_phoned_about_their_own_file() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(MALWARE)
    assert [q.route for q in case.open_questions] == [Route.CARD]

    case.reported(SIGNED_IN, after=5)

    assert case.state.suspects == {BOB.object_id, CARLA.object_id}
    assert asks(case) == OWN_QUESTIONS
    assert {q.route for q in case.open_questions} == {Route.PHONE}
    assert accounts_contained(case) == {CARLA.name}


def test_what_an_answer_adds_is_done_for_whoever_gave_it() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(BOTH)
    (about_file,) = (q.id for q in case.open_questions if q.person == BOB)
    case.says_on_the_phone("opened", on=about_file)
    (then,) = (q.id for q in case.open_questions if q.kind is QuestionKind.FILE_AFTERMATH)

    case.says_on_the_phone("typed_password", on=then)

    assert accounts_contained(case) == {BOB.name, CARLA.name}


def test_a_later_report_adds_a_kind_and_takes_none_away() -> None:
    case = Case().reported(BOTH)
    case.reported(later(BOTH, alerts=SIGNED_IN.alerts))
    case.reported(sign_in(BOB, source_id="9"))

    assert (BOB, QuestionKind.FILE_OPENED) in asks(case)
    assert (BOB, QuestionKind.SIGN_IN_MINE) in asks(case)
    assert (CARLA, QuestionKind.FILE_OPENED) not in asks(case)


def test_an_account_whose_owner_comes_to_be_known_keeps_its_kinds() -> None:
    by_name = (user(Account(upn=BOB.upn)), LAPTOP)
    malware = alert("Malware", Product.ENDPOINT, Severity.HIGH, *by_name)
    usb = alert("A USB device was connected", Product.ENDPOINT, Severity.HIGH, *by_name)
    case = Case(roster=(CARLA,)).reported(report(malware)).reported(SIGNED_IN)

    case.roster = (BOB, CARLA)
    case.reported(report(usb, source_id="9"))

    assert asks(case) == {*OWN_QUESTIONS, (BOB, QuestionKind.USB_CONNECTED)}


def test_what_no_alert_ties_to_anybody_is_about_everybody() -> None:
    case = Case().reported(malware_blocked()).reported(LOST)

    assert asks(case) == {(BOB, QuestionKind.FILE_EXPECTED), (BOB, QuestionKind.DEVICE_LOCKED)}
    assert case.action(REVOKE).target.id == BOB.object_id


def test_unless_more_are_affected_than_the_state_lists() -> None:
    case = Case().reported(malware_blocked())
    case.current = replace(case.state, overflow=True)

    case.reported(LOST)

    assert asks(case) == {(BOB, QuestionKind.FILE_EXPECTED)}
    assert all(a.kind is not REVOKE for a in case.state.actions)


def test_what_was_proposed_before_it_was_known_whose_it_is_is_left() -> None:
    """Nothing is done by itself; an analyst may still ask for it."""
    case = Case(contoso(rules=AUTOMATIC)).reported(report(*malware_blocked().alerts, *LOST.alerts))
    assert [a.target.label for a in case.state.actions if a.kind is REVOKE] == [BOB.name]
    assert accounts_contained(case) == set()

    case.reported(told_of(T.LOST_DEVICE, CARLA)).reported(later(MALWARE, source_id="9"))

    assert case.band is Band.CONTAIN
    assert accounts_contained(case) == {CARLA.name}
    bobs = next(a for a in case.state.actions if a.target.label == BOB.name)
    case.happens(ContainOrdered(bobs.id, ANNA.object_id, ANNA.name)).approves()
    assert accounts_contained(case) == {BOB.name, CARLA.name}


def test_whoever_an_unknown_alert_names_is_asked_as_all_are() -> None:
    case = Case().reported(report(*MALWARE.alerts, *mystery(DAN).alerts))

    assert asks(case) == {(who, QuestionKind.FILE_OPENED) for who in (BOB, DAN)}


def test_ransomware_stands_for_the_whole_case() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(MALWARE)
    case.reported(told_of(T.RANSOMWARE, CARLA, Severity.HIGH))

    assert asks(case) == set()
    assert accounts_contained(case) == {BOB.name, CARLA.name}


def test_of_many_people_those_are_asked_who_have_something_to_say() -> None:
    leaked = tuple(example(T.LEAKED_PASSWORD, who) for who in (CARLA, DAN, EVE))
    case = Case().reported(report(*leaked, *MALWARE.alerts))

    assert asks(case) == {(BOB, QuestionKind.FILE_OPENED)}
    assert "why.many_people" not in case.noted()


def test_an_older_state_knows_no_kinds_and_is_asked_as_the_case() -> None:
    case = Case().reported(BOTH)
    known = tuple(replace(a, kinds=()) for a in case.state.affected)

    case.current = replace(case.state, affected=known)
    case.happens(Woke("question:none"))

    kinds = (QuestionKind.SIGN_IN_MINE, QuestionKind.FILE_OPENED)
    assert asks(case) == {(who, kind) for who in (BOB, CARLA) for kind in kinds}


def test_an_analyst_may_ask_anybody_concerned_about_any_of_it() -> None:
    case = Case().reported(BOTH)

    case.happens(AskOrdered(BOB.upn, QuestionKind.SIGN_IN_MINE, ANNA.object_id, ANNA.name))

    assert asks(case) == {*OWN_QUESTIONS, (BOB, QuestionKind.SIGN_IN_MINE)}


@pytest.mark.parametrize("who", [BOB, CARLA], ids=["of a kind that asks", "of none"])
def test_what_an_analyst_asked_in_teams_is_asked_by_phone_once_they_are_suspect(
    who: Person,
) -> None:
    leaked = example(T.LEAKED_PASSWORD, CARLA, Severity.LOW)
    case = Case().reported(report(*malware_blocked(severity=Severity.LOW).alerts, leaked))
    case.happens(AskOrdered(who.upn, QuestionKind.SIGN_IN_MINE, ANNA.object_id, ANNA.name))
    assert {q.route for q in case.open_questions} == {Route.NEUTRAL}

    case.reported(sign_in(DAN), after=5)

    assert (who, QuestionKind.SIGN_IN_MINE) in asks(case)
    assert {q.route for q in case.open_questions} == {Route.PHONE}


# --- bundling ------------------------------------------------------------------------------------


def test_two_questions_of_one_report_stand_on_one_card_one_after_the_other() -> None:
    case = Case().reported(report(example(T.SCRIPT), example(T.USB_DEVICE)))

    assert [q.kind for q in case.open_questions] == [
        QuestionKind.SCRIPT_RUN,
        QuestionKind.USB_CONNECTED,
    ]
    assert case.told(f"person:{BOB.object_id}") == []
    assert keys(case.card(BOB).says) == ["happened.script_run", "ask.script_run"]
    case.answers("not_me", on="q1")
    assert keys(case.card(BOB).says) == ["happened.usb_connected", "ask.usb_connected"]
    assert case.card(BOB).change == "q1"
    case.answers("found", on="q2")
    assert case.card(BOB).stage == "thanks"


def test_a_question_that_joins_an_open_card_says_so_in_one_short_message() -> None:
    case = asked(T.SCRIPT)
    case.reported(told_of(T.USB_DEVICE), after=5)

    assert case.told(f"person:{BOB.object_id}") == ["notice.one_more"]
    assert [n for n in case.views() if n.startswith("person:")] == [f"person:{BOB.object_id}"]
    assert case.card(BOB).question == "q1"
    case.reported(later(told_of(T.USB_DEVICE)), after=5)
    assert case.told(f"person:{BOB.object_id}") == []


def test_a_question_that_comes_when_all_is_answered_needs_no_such_message() -> None:
    case = asked(T.SCRIPT).answers("my_work")
    case.reported(told_of(T.USB_DEVICE), after=5)

    assert case.told(f"person:{BOB.object_id}") == []
    assert case.card(BOB).question == "q2"


# --- facts ---------------------------------------------------------------------------------------


def test_a_fact_covers_a_case_that_is_of_its_kind_alone() -> None:
    customer = expected(T.SCRIPT, date(2026, 12, 31), devices=("LAPTOP-*",))
    case = Case(customer).reported(told_of(T.SCRIPT))
    assert "sign.expected_fact" in case.rules
    assert case.state.questions == ()

    case.reported(told_of(T.USB_DEVICE), after=5)
    assert "sign.expected_fact" not in case.rules
    assert {q.kind for q in case.open_questions} == {
        QuestionKind.SCRIPT_RUN,
        QuestionKind.USB_CONNECTED,
    }


def test_a_case_closes_by_itself_only_where_every_kind_of_it_is_opted_in() -> None:
    stopped = malware_blocked(severity=Severity.LOW)
    both = report(*stopped.alerts, *told_of(T.SOFTWARE, severity=Severity.LOW).alerts)
    one = frozenset({T.MALICIOUS_FILE})
    two = frozenset({T.MALICIOUS_FILE, T.SOFTWARE})

    assert closable(both, one).state.closing is None
    assert closable(both, two).band is closable(both, one).band is Band.PROPOSE


def closable(told: object, opted_in: frozenset[IncidentType]) -> Case:
    case = Case(contoso(auto_close=opted_in)).reported(told)  # type: ignore[arg-type]
    for question in case.open_questions:
        best = min(QUESTIONS[question.kind].answers, key=lambda a: a.weight)
        case.answers(best.id, on=question.id)
    return case


# --- response actions ----------------------------------------------------------------------------

EVERYTHING = report(
    example(T.PHISH_CLICK),
    example(T.APP_CONSENT),
    example(T.DEVICE_JOIN),
    example(T.MALICIOUS_FILE),
)


@pytest.mark.parametrize(
    ("kind", "target", "tier", "undone"),
    [
        (ActionKind.RESET_PASSWORD, BOB.object_id, Tier.B, False),
        (ActionKind.REMOVE_MFA_METHOD, BOB.object_id, Tier.C, False),
        (ActionKind.DISABLE_INBOX_RULE, BOB.object_id, Tier.A, True),
        (ActionKind.DISABLE_APP, APP.app_id, Tier.C, True),
        (ActionKind.DISABLE_DEVICE, MACHINE.entra_id, Tier.B, True),
        (ActionKind.COLLECT_PACKAGE, MACHINE.device_id, Tier.B, False),
        (ActionKind.BLOCK_URL, PAGE.url, Tier.C, True),
        (ActionKind.DELETE_MAIL, MAIL.message_id, Tier.B, True),
    ],
)
def test_an_action_has_its_tier_its_target_and_its_undo(
    kind: ActionKind, target: str, tier: Tier, undone: bool
) -> None:
    state = Case().reported(EVERYTHING).state
    [found] = {t.id: t for t in targets(state, kind, state.affected)}.values()

    assert found.id == target
    assert tier_of(kind, found, state, contoso()) is tier
    assert ACTIONS[kind].reversible is undone


def test_a_machine_is_disabled_by_its_entra_id_and_isolated_by_its_defender_id() -> None:
    state = Case().reported(told_of(T.DEVICE_JOIN)).state
    bare = replace(state, devices=tuple(replace(d, entra_id=None) for d in state.devices))

    assert [t.id for t in targets(state, ActionKind.ISOLATE_DEVICE, state.affected)] == [
        MACHINE.device_id
    ]
    assert targets(bare, ActionKind.DISABLE_DEVICE, bare.affected) == ()


@pytest.mark.parametrize("kind", list(ActionKind))
def test_a_vip_raises_what_touches_the_person_and_a_server_what_touches_the_machine(
    kind: ActionKind,
) -> None:
    grave = contoso(
        people=(PersonFacts(upn=BOB.upn, vip=True),),
        assets=(Asset(name="LAPTOP-7", kind=AssetKind.SERVER),),
    )
    state = Case(grave).reported(EVERYTHING).state
    facts = ACTIONS[kind]
    for target in targets(state, kind, state.affected):
        raised = tier_of(kind, target, state, grave) is not facts.tier
        assert raised == facts.uplift


def test_what_cuts_nobody_off_never_goes_up_a_tier() -> None:
    never = {kind for kind, facts in ACTIONS.items() if not facts.uplift}

    assert {REVOKE, ActionKind.DISABLE_INBOX_RULE, ActionKind.SCAN_DEVICE} <= never
    assert never.isdisjoint({ActionKind.DISABLE_ACCOUNT, ActionKind.RESET_PASSWORD})


def test_a_rule_in_the_mailbox_is_disabled_at_once_and_can_be_put_back() -> None:
    case = asked(T.INBOX_RULE).done()

    action = case.action(ActionKind.DISABLE_INBOX_RULE)
    assert (action.state, is_reversible(action)) == (ActionState.DONE, True)
    case.happens(UndoOrdered(action.id, "oid-anna", "Anna"), after=1)
    assert case.action(ActionKind.DISABLE_INBOX_RULE).state is ActionState.UNDOING


def test_an_app_is_disabled_only_with_an_approval() -> None:
    case = Case(contoso(rules=AUTOMATIC)).reported(told_of(T.APP_CONSENT, severity=Severity.HIGH))
    case.says_on_the_phone("not_mine")
    approval = case.approval()
    assert case.state.action(approval.action) == case.action(ActionKind.DISABLE_APP)
    case.approves()

    assert case.contained() == {ActionKind.DISABLE_APP}


def test_what_lacks_the_id_its_api_takes_is_proposed_for_nothing() -> None:
    case = asked(T.PHISH_REPORTED)
    assert [a.target for a in case.state.actions] == [
        Target(TargetKind.MESSAGE, "mail-1", "Invoice 4711 overdue")
    ]

    nothing = Case().reported(report(replace(example(T.PHISH_REPORTED), evidence=())))
    assert nothing.state.actions == ()


# --- by hand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "worst"),
    [
        (T.ROLE_ELEVATION, "not_mine"),
        (T.APP_SECRET, "not_mine"),
        (T.SHARING, "not_mine"),
        (T.LOST_DEVICE, "unlocked"),
        (T.HELPDESK_CALL, "gave"),
        (T.PAYMENT_FRAUD, "not_mine"),
    ],
)
def test_a_step_nobody_may_automate_is_shown_while_the_case_is_grave(
    type_: IncidentType, worst: str
) -> None:
    step = PLAYBOOKS[type_].by_hand
    case = asked(type_)
    if case.question().route is Route.PHONE:
        case.says_on_the_phone(worst)
    else:
        case.answers(worst)
    if case.band not in (Band.CONTAIN, Band.ESCALATE):
        pytest.fail("the worst answer should be grave")

    assert step in keys(case.desk().facts)
    assert step not in keys(case.thread().known)
    case.closes(disposition=Disposition.TRUE_POSITIVE)
    assert step not in keys(case.desk().facts)


def test_a_step_by_hand_is_not_shown_where_nothing_is_grave() -> None:
    assert PLAYBOOKS[T.SHARING].by_hand not in keys(asked(T.SHARING).desk().facts)


def test_a_wrong_person_learns_nothing_of_a_question() -> None:
    case = asked(T.SHARING).happens(Answered("q1", CARLA.object_id, "intended"))

    assert case.question().replies == ()

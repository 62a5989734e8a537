"""Unfamiliar sign-ins: the account may be in an attacker's hands, so Teams is no place to ask."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    APPROVER,
    AUTOMATIC,
    BOB,
    CARLA,
    IT,
    JON,
    PROVIDER,
    TEN_PAST_TEN,
    Case,
    alert,
    contoso,
    expected,
    keys,
    later,
    malware_blocked,
    malware_ran,
    person,
    refusal,
    report,
    rule,
    sign_in,
    user,
)
from triage.actions import ActionKind, Tier
from triage.customer import Consent, PersonFacts
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD
from triage.events import Answered, CallRecorded, Wrote
from triage.incident import ActionState, Band, Disposition, IncidentType, Route, Standing, Status
from triage.report import (
    Account,
    AlreadyDone,
    DoneKind,
    IpEvidence,
    Product,
    Severity,
    SignInEvidence,
    Source,
    UserEvidence,
)


def medium(**customer: Any) -> Case:
    return Case(contoso(**customer)).reported(sign_in(severity=Severity.MEDIUM))


def low(**told: Any) -> Case:
    return Case().reported(sign_in(severity=Severity.LOW, **told))


# --- medium and above ----------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.HIGH])
def test_a_suspect_account_is_contained_first_and_asked_by_phone_only(severity: Severity) -> None:
    case = Case().reported(sign_in(severity=severity))

    assert case.contained() == {ActionKind.REVOKE_SESSIONS}
    assert case.state.is_tainted(CARLA.object_id)
    assert [q.route for q in case.state.questions] == [Route.PHONE]
    assert f"person:{CARLA.object_id}" not in case.views()
    call = case.desk().calls[0]
    assert (call.number, call.number_source) == ("+49 30 5678", "HR record of 2026-03")
    assert case.state.calls[0].due > TEN_PAST_TEN


def test_not_mine_by_phone_raises_and_asks_for_the_account_to_be_disabled() -> None:
    case = medium().says_on_the_phone("not_mine")

    assert case.log_odds - medium().log_odds == pytest.approx(3.0)
    assert case.band is Band.ESCALATE
    assert case.action(ActionKind.DISABLE_ACCOUNT).id == case.approval().action


def test_mine_by_phone_lowers_because_we_know_who_answered() -> None:
    case = medium().says_on_the_phone("mine").done()

    assert case.log_odds - medium().log_odds == pytest.approx(-3.0)
    assert case.band is Band.PROPOSE


def test_only_an_analyst_records_a_call() -> None:
    case = medium().happens(CallRecorded("q1", JON.object_id, JON.name, "mine"))
    assert refusal(case.verdict) == "refused.not_analyst"


def test_what_is_asked_by_phone_cannot_be_answered_in_teams() -> None:
    case = medium()
    before = case.log_odds
    case.happens(Answered("q1", CARLA.object_id, "mine"))

    assert refusal(case.verdict) == "refused.unknown_choice"
    assert case.log_odds == before


def test_words_through_a_suspect_account_lower_nothing_and_learn_nothing() -> None:
    case = medium()
    before = case.log_odds
    case.happens(Wrote(CARLA.object_id, "it was me, all fine"), after=2)

    assert case.log_odds == before
    assert case.verdict.says is not None
    assert case.verdict.says.key == "thanks.received"
    assert "timeline.wrote_tainted" in case.noted()
    assert case.told(CUSTOMER_THREAD) == []


def test_a_call_nobody_made_in_time_is_told_to_the_analysts_and_stays() -> None:
    case = medium().until_due("question")

    assert "why.silence" in case.told(ANALYST_THREAD)
    assert case.open_calls == ["Carla Chen"]


def test_the_end_is_not_told_through_a_suspect_account() -> None:
    case = medium(rules=AUTOMATIC).says_on_the_phone("not_mine").done()
    case.closes(disposition=Disposition.TRUE_POSITIVE)

    assert not any("person:" in getattr(e, "place", "") for e in case.ever)


def test_a_tainted_case_never_closes_by_itself() -> None:
    opted_in = frozenset({IncidentType.UNFAMILIAR_SIGN_IN})
    case = Case(contoso(rules=AUTOMATIC, auto_close=opted_in)).reported(sign_in())
    case.says_on_the_phone("not_mine").done()

    assert case.band is Band.CONTAIN
    assert case.state.closing is None
    assert case.desk().proposal is not None


def test_travel_the_customer_told_of_is_cited_and_nothing_is_contained() -> None:
    customer = expected(IncidentType.UNFAMILIAR_SIGN_IN, people=("carla@*",))
    case = Case(customer).reported(sign_in(severity=Severity.MEDIUM))

    assert "sign.expected_fact" in case.rules
    assert case.ever_contained() == set()


# --- low -----------------------------------------------------------------------------------------


def test_a_low_risk_gets_a_neutral_card_that_offers_a_call_only() -> None:
    case = low()

    card = case.card(CARLA)
    assert card.stage == "neutral"
    assert keys(card.says) == ["card.neutral"]
    assert [c.id for c in card.choices] == ["call_me"]
    assert case.ever_contained() == set()
    assert card.service_desk is not None


def test_an_analyst_sees_what_a_verified_answer_would_change() -> None:
    would = {w.choice.key: w.probability for w in low().desk().questions[0].what_ifs}

    assert would["choice.sign_in_mine.mine"] < low().score < would["choice.sign_in_mine.not_mine"]


def test_it_was_me_cannot_be_said_on_a_neutral_card() -> None:
    case = low().happens(Answered("q1", CARLA.object_id, "mine"))

    assert refusal(case.verdict) == "refused.unknown_choice"
    assert case.question().state.state == "open"


def test_call_me_on_a_neutral_card_brings_the_call() -> None:
    assert low().answers("call_me").open_calls == ["Carla Chen"]


def test_mine_by_phone_makes_a_low_risk_closable() -> None:
    opted_in = contoso(auto_close=frozenset({IncidentType.UNFAMILIAR_SIGN_IN}))
    case = Case(opted_in).reported(sign_in(severity=Severity.LOW)).answers("call_me")

    # "Call me" asked for a person: that person closes.
    assert case.says_on_the_phone("mine").band is Band.CLOSE
    assert case.state.closing is None


def test_a_neutral_card_reveals_nothing_at_the_end_either() -> None:
    case = low().answers("call_me").says_on_the_phone("not_mine")
    case.closes(disposition=Disposition.TRUE_POSITIVE)

    assert keys(case.card(CARLA).says) == ["thanks.received"]
    assert case.card(CARLA).change is None
    assert case.told(f"person:{CARLA.object_id}") == []


@pytest.mark.parametrize(
    ("told", "sign"),
    [
        ({"compliant": True}, "sign.known_device"),
        ({"ip": "203.0.113.7"}, "sign.known_egress"),
        ({"ip": "not an address"}, None),
        ({"ip": "198.51.100.1"}, None),
    ],
)
def test_a_known_device_or_network_speaks_for_a_sign_in(told: Any, sign: str | None) -> None:
    case = Case(contoso(egress=("203.0.113.0/24",))).reported(sign_in(**told))

    found = {r for r in case.rules if r.startswith("sign.")}
    assert found == ({sign} if sign else set())


OWN, FOREIGN = IpEvidence(address="203.0.113.7"), IpEvidence(address="198.51.100.1")


def by_address(title: str, *addresses: IpEvidence) -> Case:
    """As Cloud Apps tells it: no sign-in, but the addresses somebody came from."""
    told = alert(title, Product.CLOUD_APPS, Severity.MEDIUM, user(CARLA), *addresses)
    return Case(contoso(egress=("203.0.113.0/24",))).reported(report(told))


@pytest.mark.parametrize(
    ("title", "addresses", "known"),
    [
        ("Activity from suspicious IP addresses", (OWN,), True),
        ("Activity from suspicious IP addresses", (OWN, FOREIGN), False),
        ("Activity from suspicious IP addresses", (FOREIGN,), False),
        ("Activity from suspicious IP addresses", (), False),
        ("Unusual file download", (OWN,), False),
    ],
)
def test_where_only_addresses_are_told_all_of_them_must_be_the_customers_own(
    title: str, addresses: tuple[IpEvidence, ...], known: bool
) -> None:
    assert ("sign.known_egress" in by_address(title, *addresses).rules) is known


def test_a_foreign_address_counts_beside_a_sign_in_from_the_own_network() -> None:
    own = sign_in(ip=OWN.address)
    foreign = alert(
        "Activity from suspicious IP addresses",
        Product.CLOUD_APPS,
        Severity.MEDIUM,
        user(CARLA),
        FOREIGN,
    )
    case = Case(contoso(egress=("203.0.113.0/24",))).reported(report(*own.alerts, foreign))

    assert "sign.known_egress" not in case.rules


def test_the_customers_own_network_closes_no_case_by_itself() -> None:
    case = by_address("Activity from suspicious IP addresses", OWN)

    assert case.band is Band.ANALYST
    assert case.open_calls == [CARLA.name]
    assert case.says_on_the_phone("mine").band is Band.PROPOSE


@pytest.mark.parametrize("product", [Product.ENTRA, Product.CLOUD_APPS, Product.SENTINEL])
def test_an_anonymous_network_speaks_for_harm_whichever_product_tells_of_it(
    product: Product,
) -> None:
    told = alert("Activity from anonymous IP address", product, Severity.MEDIUM, user(CARLA))

    assert "sign.anonymous_network" in Case().reported(report(told)).rules


def test_an_identity_alert_of_another_product_has_an_identity_prior() -> None:
    told = sign_in(severity=Severity.LOW)
    other = report(replace(told.alerts[0], product=Product.CLOUD_APPS), source_id="2")
    assert "prior.identity_low" in Case().reported(other).rules


# --- what is weighed once, and for good ----------------------------------------------------------

ELSEWHERE = "198.51.100.1"


def seen_from(*addresses: str, customer: Any = ("203.0.113.0/24",), **more: Any) -> Case:
    """Sign-ins of one person, each reported by itself."""
    case = Case(contoso(egress=customer))
    for n, ip in enumerate(addresses):
        case.reported(sign_in(ip=ip, source_id=f"s{n}", **more), after=1)
    return case


@pytest.mark.parametrize(
    "addresses", [(OWN.address, ELSEWHERE), (ELSEWHERE, OWN.address)], ids=["after", "before"]
)
def test_a_sign_in_from_elsewhere_in_another_report_takes_the_own_network_s_word_away(
    addresses: tuple[str, ...],
) -> None:
    assert "sign.known_egress" in seen_from(OWN.address, OWN.address).rules
    assert "sign.known_egress" not in seen_from(*addresses).rules


def test_a_cloud_alert_from_elsewhere_counts_beside_a_sign_in_from_the_own_network() -> None:
    download = alert(
        "Unusual file download", Product.CLOUD_APPS, Severity.MEDIUM, user(CARLA), FOREIGN
    )
    case = seen_from(OWN.address).reported(report(download, source_id="9"), after=1)

    assert "sign.known_egress" not in case.rules


def test_an_address_of_a_machine_says_nothing_of_where_somebody_signed_in_from() -> None:
    beacon = alert("Malware was detected", Product.ENDPOINT, Severity.HIGH, user(CARLA), FOREIGN)
    case = seen_from(OWN.address).reported(report(beacon, source_id="9"), after=1)

    assert "sign.known_egress" in case.rules


def test_an_unknown_device_in_another_report_takes_the_known_one_s_word_away() -> None:
    known = sign_in(compliant=True)
    case = Case().reported(known)
    assert "sign.known_device" in case.rules
    case.reported(sign_in(compliant=None, source_id="8"), after=1)
    assert "sign.known_device" in case.rules, "of this one the source does not know"
    case.reported(sign_in(compliant=False, source_id="9"), after=1)

    assert "sign.known_device" not in case.rules


def test_a_stolen_session_stays_stolen_whoever_corrects_what() -> None:
    case = Case().reported(told_of(IncidentType.STOLEN_SESSION, CARLA))
    unsaid = case.log_odds
    denied = case.says_on_the_phone("not_mine").log_odds
    assert denied - unsaid == pytest.approx(3.0)

    case.says_on_the_phone("mine", after=5)

    assert case.log_odds == denied
    assert not [w for w in case.desk().questions[0].what_ifs if w.probability < case.score]


def test_where_a_session_may_be_mine_a_correction_by_phone_still_counts() -> None:
    case = medium().says_on_the_phone("not_mine").says_on_the_phone("mine", after=5)

    assert case.log_odds - medium().log_odds == pytest.approx(-3.0)


@pytest.mark.parametrize("phone_first", [True, False])
def test_a_late_press_on_a_withdrawn_card_and_the_phone_weigh_once(phone_first: bool) -> None:
    case = Case().reported(malware_ran())
    case.at_risk = frozenset({BOB.object_id})
    case.reported(later(malware_ran()), after=5)
    unsaid = case.log_odds
    if phone_first:
        case.says_on_the_phone("opened", on="q2").answers("opened")
    else:
        case.answers("opened").says_on_the_phone("opened", on="q2")

    assert case.log_odds - unsaid == pytest.approx(1.0)
    assert [r for r in case.rules if r.startswith("answer.")] == ["answer.file_opened.opened"]


# --- taint from elsewhere ------------------------------------------------------------------------


def test_an_identity_case_elsewhere_withdraws_the_card_and_makes_it_a_call() -> None:
    case = Case().reported(malware_blocked())
    assert case.question("q1").route is Route.CARD

    case.at_risk = frozenset({BOB.object_id})
    case.reported(later(malware_blocked()), after=5)
    assert case.question("q1").state.state == "withdrawn"
    assert (case.question("q2").route, case.question("q2").state.state) == (Route.PHONE, "open")
    assert case.open_calls == ["Bob Baker"]
    assert keys(case.card(BOB).says) == ["card.guarded"]


def test_a_follow_up_that_was_withdrawn_for_suspicion_is_asked_by_phone() -> None:
    case = Case().reported(malware_ran()).answers("opened")
    assert [q.id for q in case.open_questions] == ["q2"]

    case.at_risk = frozenset({BOB.object_id})
    case.reported(later(malware_ran()), after=5)

    assert case.question("q2").state.state == "withdrawn"
    assert [(q.kind, q.route) for q in case.open_questions] == [
        (case.question("q2").kind, Route.PHONE)
    ]


def test_a_tainted_answer_leads_to_no_follow_up() -> None:
    case = Case().reported(malware_ran())
    case.at_risk = frozenset({BOB.object_id})
    case.answers("opened")

    assert case.question("q1").replies[-1].standing is Standing.TAINTED
    assert (case.open_questions, case.open_calls) == ([], [])


def test_an_answer_is_tainted_by_an_identity_case_that_opened_before_it() -> None:
    case = Case().reported(malware_blocked())
    before = case.log_odds
    case.at_risk = frozenset({BOB.object_id})
    case.answers("expected")

    assert case.question("q1").replies[-1].standing is Standing.TAINTED
    assert case.log_odds == before
    assert case.band is Band.ANALYST
    assert case.verdict.says is not None
    assert case.verdict.says.key == "thanks.received"
    assert case.open_calls == []  # what was said, was said: floored, and no reason to phone


def test_a_tainted_answer_may_raise() -> None:
    case = Case().reported(malware_blocked())
    before = case.log_odds
    case.at_risk = frozenset({BOB.object_id})

    assert case.answers("unexpected").log_odds - before == pytest.approx(0.5)


def test_a_tainted_answer_never_displaces_a_worse_one() -> None:
    case = Case().reported(malware_blocked()).answers("unexpected")
    before = case.log_odds
    case.at_risk = frozenset({BOB.object_id})
    case.answers("expected")

    assert case.log_odds == before
    assert case.question("q1").replies[-1].standing is Standing.FOR_ANALYST


def test_an_identity_alert_that_joins_taints_the_person_of_a_malware_case() -> None:
    case = Case().reported(malware_ran()).reported(sign_in(BOB, Severity.HIGH), after=3)

    assert case.state.is_tainted(BOB.object_id)
    assert case.question("q1").state.state == "withdrawn"


# --- the thread the suspect reads ----------------------------------------------------------------


def _reader(name: str = "Jon Jansen") -> Any:
    return person(name, reads_thread=True)


def test_a_thread_the_suspect_reads_says_nothing() -> None:
    reader = _reader("Carla Chen")
    case = Case(roster=(reader,)).reported(sign_in(reader)).says_on_the_phone("not_mine")

    thread = case.thread()
    assert thread.placeholder
    assert (thread.known, thread.doing, thread.actions, thread.buttons) == ((), (), (), ())
    assert thread.headline.args == {}
    assert thread.status is Status.TRIAGING
    assert not any(name.startswith("approval:") for name in case.views())
    case.closes(disposition=Disposition.TRUE_POSITIVE)
    assert case.told(CUSTOMER_THREAD) == []
    assert keys(case.thread().outcome) == ["outcome.placeholder"]


def test_a_suspect_who_may_approve_has_the_thread_guarded_too() -> None:
    customer = contoso(contacts=(APPROVER, IT))
    outsider = person("Jon Jansen")
    case = Case(customer, roster=(outsider,)).reported(sign_in(outsider))

    assert case.thread().placeholder


def test_a_thread_the_suspect_cannot_read_tells_all() -> None:
    case = medium()

    assert not case.thread().placeholder
    assert case.thread().headline.args["person"] == CARLA.name


# --- VIPs, privileged accounts and break-glass ---------------------------------------------------


def _privileged(**more: Any) -> Case:
    return Case(contoso(privileged_names=("carla@*",), **more)).reported(sign_in())


def test_a_vip_goes_up_one_tier_and_is_never_disabled_by_a_plain_rule() -> None:
    vip = (PersonFacts(upn=CARLA.upn, vip=True),)
    case = Case(contoso(people=vip, rules=AUTOMATIC)).reported(sign_in())
    case.says_on_the_phone("not_mine")

    assert case.action(ActionKind.DISABLE_ACCOUNT).tier is Tier.C
    assert case.action(ActionKind.DISABLE_ACCOUNT).state is ActionState.PROPOSED
    assert case.approval().state == "open"


def test_session_revocation_stays_tier_a_for_everyone() -> None:
    assert _privileged().contained() == {ActionKind.REVOKE_SESSIONS}


def test_a_rule_for_privileged_accounts_locks_them_out_at_once() -> None:
    lockout = rule(ActionKind.DISABLE_ACCOUNT, Consent.AUTHORIZE, privileged=True)
    case = _privileged(rules=(lockout,)).says_on_the_phone("not_mine")

    assert case.contained() == {ActionKind.DISABLE_ACCOUNT}
    assert case.state.handed_over is not None  # escalated at the same time


def test_a_rule_that_does_not_name_privileged_accounts_only_asks() -> None:
    plain = rule(ActionKind.DISABLE_ACCOUNT, Consent.AUTHORIZE)
    case = _privileged(rules=(plain,)).says_on_the_phone("not_mine")

    assert case.contained() == set()
    assert case.approval().state == "open"


def test_break_glass_is_never_touched_automatically_not_even_by_a_lockout_rule() -> None:
    everything = tuple(rule(k, Consent.AUTHORIZE, privileged=True) for k in ActionKind)
    glass = (PersonFacts(upn=CARLA.upn, privileged=True, break_glass=True),)
    case = Case(contoso(people=glass, rules=everything)).reported(sign_in())
    case.says_on_the_phone("not_mine")

    assert case.ever_contained() == set()
    assert {a.state for a in case.state.approvals} == {"open"}


def test_silence_never_acts_on_break_glass() -> None:
    silent = tuple(rule(k, act_if_unreachable=True) for k in ActionKind)
    glass = (PersonFacts(upn=CARLA.upn, break_glass=True),)
    case = Case(contoso(people=glass, rules=silent)).reported(sign_in())
    case.says_on_the_phone("not_mine").until_due("approval")

    assert case.ever_contained() == set()
    assert "why.approval_expired" in case.told(ANALYST_THREAD)


def test_an_account_without_a_known_upn_may_be_break_glass_and_is_not_touched() -> None:
    nameless = Account(object_id="oid-nameless", name="svc1")
    told = sign_in(severity=Severity.HIGH)
    seen = SignInEvidence(account=nameless)
    bare = report(replace(told.alerts[0], evidence=(UserEvidence(account=nameless), seen)))

    assert Case(contoso(rules=AUTOMATIC)).reported(bare).ever_contained() == set()


def test_an_account_the_source_disabled_is_not_disabled_again() -> None:
    told = sign_in(already_done=(AlreadyDone(DoneKind.DISABLED, CARLA.upn, CARLA.object_id),))
    case = Case(contoso(rules=AUTOMATIC)).reported(told).says_on_the_phone("not_mine")

    assert case.action(ActionKind.DISABLE_ACCOUNT).state is ActionState.ALREADY_DONE
    assert ActionKind.DISABLE_ACCOUNT not in case.ever_contained()
    assert "known.already_disabled" in keys(case.thread().known)


def test_what_our_own_shape_says_for_somebody_weighs_nothing_beside_defenders_word() -> None:
    calm = later(sign_in(compliant=True), source=Source.NATIVE, source_id="n1")
    grave = replace(calm, alerts=sign_in(techniques=("T1098",)).alerts)

    assert "sign.known_device" in Case().reported(calm).rules
    assert "sign.known_device" not in Case().reported(sign_in()).reported(calm).rules
    assert "sign.known_device" not in Case().reported(calm).reported(sign_in()).rules
    assert "sign.known_device" in Case().reported(sign_in(compliant=True)).rules
    assert "sign.persistence" in Case().reported(sign_in()).reported(grave).rules


def test_expired_travel_is_ignored() -> None:
    gone = expected(IncidentType.UNFAMILIAR_SIGN_IN, date(2026, 11, 23))
    case = Case(gone).reported(sign_in(severity=Severity.MEDIUM))

    assert "sign.expected_fact" not in case.rules
    assert case.contained() == {ActionKind.REVOKE_SESSIONS}


def test_the_provider_knows_its_analyst_by_object_id() -> None:
    assert PROVIDER.analyst(ANNA.object_id.upper()) == ANNA

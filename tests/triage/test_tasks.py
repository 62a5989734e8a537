"""Tasks of the customer's IT and application owners: whose they are, what they say, what follows."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.triage.kinds import told_of
from tests.triage.triage_script import (
    ANNA,
    BOB,
    CARLA,
    EVE,
    INES,
    IT,
    JON,
    TEN_PAST_TEN,
    Case,
    accepted,
    already,
    contoso,
    leak,
    malware_blocked,
    malware_ran,
    refusal,
    report,
    sign_in,
)
from triage.clocks import waits_for_customer
from triage.customer import Contact, Customer, Role, Tells, Threads
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD, Say
from triage.events import (
    MergedInto,
    RecommendationAnswered,
    TaskAnswered,
    TaskGiven,
    TaskWithdrawn,
    Undelivered,
)
from triage.incident import (
    Device,
    Disposition,
    IncidentType,
    Party,
    Person,
    Promise,
    Status,
    SuspectApp,
    TaskAnswer,
    TaskState,
)
from triage.phrases import phrase
from triage.surfaces import surfaces
from triage.tasking import MOST_TASKS, about, owner_of
from triage.views import TaskCard

FRIDAY = TEN_PAST_TEN + timedelta(days=3)
OWNER = Contact(
    upn=EVE.upn,
    name=EVE.name,
    roles=frozenset({Role.APPLICATION_OWNER}),
    owns=("Contoso CRM", "LAPTOP-*"),
)
OTHER_IT = Contact(upn=CARLA.upn, name=CARLA.name, roles=frozenset({Role.IT}))
KNOWN = {p.upn: p for p in (INES, EVE, JON, BOB)}


def case(**changes: object) -> Case:
    return Case(contoso(**changes), by_upn=KNOWN).reported(malware_ran())


def gives(
    it: Case,
    to: Person = INES,
    *,
    due: datetime = FRIDAY,
    role: Role | None = Role.IT,
    by: str = ANNA.object_id,
    what: str = "replace LAPTOP-7",
) -> Case:
    return it.happens(TaskGiven(to.upn, role, what, due, by, ANNA.name, "LAPTOP-7"), after=1)


def says(
    it: Case, answer: TaskAnswer, by: Person = INES, words: str | None = None, on: str = "t1"
) -> Case:
    return it.happens(TaskAnswered(on, answer, by.object_id, by.upn, by.name, words), after=1)


def card(it: Case, name: str = "task:t1") -> TaskCard:
    view = it.views()[name]
    assert isinstance(view, TaskCard)
    return view


# --- whose it is ---------------------------------------------------------------------------------


def test_a_case_about_an_app_is_its_owners_and_any_other_is_its() -> None:
    customer = contoso(contacts=(IT, OWNER))
    consent = Case(customer).reported(told_of(IncidentType.APP_CONSENT)).state
    consent = consent.changed(apps=(SuspectApp("app-1", "Contoso CRM"),))
    mail = Case(customer).reported(sign_in()).state

    assert owner_of(consent, customer) == OWNER
    assert owner_of(mail, customer) == IT


def test_a_device_is_its_owners_whatever_role_they_have() -> None:
    customer = contoso(contacts=(IT, OWNER))

    assert owner_of(case().state, customer) == OWNER
    assert owner_of(case().state, customer, Role.IT) == IT
    assert owner_of(case().state, customer, Role.MANAGER) is None


def test_nobody_affected_is_given_the_task() -> None:
    customer = contoso(contacts=(IT,))
    affected = Case(customer).reported(malware_ran(INES)).state

    assert owner_of(affected, customer) is None


def test_a_task_is_about_what_it_names_or_the_only_thing_there_is() -> None:
    state = case().state

    assert about(state, "replace laptop-7") == "LAPTOP-7"
    two = state.changed(devices=tuple(Device(n) for n in ("LAPTOP-7", "LAPTOP-77")))
    assert about(two, "replace LAPTOP-77, then wipe it") == "LAPTOP-77"
    assert about(two, "replace laptop-7.") == "LAPTOP-7"
    assert about(two, "replace it") is None
    assert about(state, "call the vendor") == "LAPTOP-7"
    assert about(state.changed(devices=()), "call the vendor") is None


# --- given ---------------------------------------------------------------------------------------


def test_whoever_reads_the_thread_is_mentioned_there_and_both_roots_tell_it() -> None:
    it = gives(case())

    shown = card(it)
    assert shown.owner == (INES.upn, INES.name)
    assert shown.person is None
    assert shown.choices == (TaskAnswer.DONE, TaskAnswer.CANNOT, TaskAnswer.DISCUSS)
    assert [p.key for p in it.thread().tasks] == ["task.stands_open"]
    assert it.desk().tasks == it.thread().tasks


def test_whoever_does_not_read_it_is_written_to_directly() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)

    assert card(it, f"owner:{EVE.object_id}:t1").person == EVE.object_id
    assert "task:t1" not in it.views()


def test_the_case_waits_for_them_once_nothing_else_is_open() -> None:
    it = gives(case()).answers("opened").answers("neither", on="q2")
    for approval in it.state.approvals:
        it.denies(on=approval.id)
    it.done()

    assert it.state.steps.turn is not None
    assert it.state.steps.turn.whose is Party.CUSTOMER
    assert it.thread().needed == phrase(
        "needed.task", person=INES.name, what=it.state.tasks[0].what
    )
    assert it.status is Status.WAITING
    assert it.state.closing is None


def test_a_case_of_the_digest_gets_a_thread_for_it() -> None:
    customer = contoso(threads=Threads(medium=Tells.DIGEST))
    it = Case(customer, by_upn=KNOWN).reported(malware_blocked())
    before = it.state.threaded

    gives(it)

    assert (before, it.state.threaded) == (False, True)
    assert {"customer", "task:t1"} <= set(it.views())


def test_whoever_has_a_task_may_be_called_and_where_it_is_in_their_chat_written_to() -> None:
    in_thread = gives(case())
    in_chat = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)

    assert INES.upn in {c.upn for c in in_thread.desk().callees}
    assert EVE.object_id in dict(in_chat.desk().hearers)


@pytest.mark.parametrize(
    ("it", "why"),
    [
        (gives(case(), by=JON.object_id), "refused.not_analyst"),
        (gives(case(), CARLA), "refused.task_no_contact"),
        (gives(case(), due=TEN_PAST_TEN), "refused.task_past"),
        (gives(case(), due=TEN_PAST_TEN + timedelta(days=400)), "refused.task_far"),
        (gives(case(), what="send me the admin's password"), "refused.asks_for_secret"),
        (gives(case(shadow=True)), "refused.shadow"),
        (gives(Case(by_upn=KNOWN).reported(leak())), "refused.restricted"),
        (gives(Case(by_upn=KNOWN).reported(malware_ran(INES))), "refused.task_affected"),
        (gives(Case().reported(malware_ran())), "refused.task_unreachable"),
        (gives(case(contacts=(OWNER,), pilot=(BOB.upn,)), EVE), "refused.task_unreachable"),
        (
            gives(Case(by_upn=KNOWN, at_risk=frozenset({INES.object_id})).reported(malware_ran())),
            "refused.task_affected",
        ),
    ],
)
def test_who_may_not_give_or_get_a_task(it: Case, why: str) -> None:
    assert refusal(it.verdict) == why
    assert it.state.tasks == ()


def test_a_case_holds_so_many_tasks() -> None:
    it = case()
    for _ in range(MOST_TASKS):
        gives(it)

    assert refusal(gives(it).verdict) == "refused.task_many"


# --- answered ------------------------------------------------------------------------------------


def test_done_is_on_both_roots_and_the_analysts_hear_it() -> None:
    it = says(gives(case()), TaskAnswer.DONE)

    assert it.told(ANALYST_THREAD) == ["timeline.task_done"]
    assert [p.key for p in it.thread().tasks] == ["task.stands_done"]
    assert it.noted()[-1] == "timeline.task_done"
    assert card(it).choices == (TaskAnswer.CANNOT,)
    assert already(says(it, TaskAnswer.DONE).verdict) == "thanks.already"


def test_whoever_cannot_says_why_and_an_analyst_looks() -> None:
    it = gives(case())

    assert refusal(says(it, TaskAnswer.CANNOT).verdict) == "refused.task_say_why"
    says(it, TaskAnswer.CANNOT, words="the laptop is abroad")

    assert it.state.tasks[0].state is TaskState.CANNOT
    assert it.state.tasks[0].why == "the laptop is abroad"
    assert it.told(ANALYST_THREAD) == ["timeline.task_cannot"]
    assert says(it, TaskAnswer.DONE).state.tasks[0].state is TaskState.DONE


def test_what_is_discussed_stays_open_and_its_words_reach_the_analysts() -> None:
    it = says(gives(case()), TaskAnswer.DISCUSS, words="which model?")

    (told,) = [e for e in it.ordered if isinstance(e, Say) and e.place == ANALYST_THREAD]
    assert told.says.args["text"] == "which model?"
    assert it.state.open_tasks
    assert it.told(CUSTOMER_THREAD) == []


@pytest.mark.parametrize(
    ("by", "may"),
    [(INES, True), (CARLA, True), (JON, False), (BOB, False), (EVE, False)],
)
def test_only_its_owner_or_somebody_with_the_role_answers(by: Person, may: bool) -> None:
    owner = Contact(upn=EVE.upn, name=EVE.name, roles=frozenset({Role.APPLICATION_OWNER}))
    it = gives(case(contacts=(IT, OTHER_IT, owner)))

    assert accepted(says(it, TaskAnswer.DONE, by).verdict) is may


def test_a_suspect_account_answers_no_task() -> None:
    it = gives(case())
    it.at_risk = frozenset({INES.object_id})

    assert refusal(says(it, TaskAnswer.DONE).verdict) == "refused.account_suspect"


# --- recommended ---------------------------------------------------------------------------------


def closed(it: Case) -> Case:
    return it.closes(disposition=Disposition.TRUE_POSITIVE, comment="malware")


def test_the_recommendation_reaches_its_owner_and_becomes_a_task_once_accepted() -> None:
    it = closed(case())

    (task,) = it.state.tasks
    assert (task.person, task.state) == (INES, TaskState.SUGGESTED)
    assert card(it).choices == (TaskAnswer.ACCEPT, TaskAnswer.CANNOT, TaskAnswer.DISCUSS)
    assert it.thread().tasks == ()

    says(it, TaskAnswer.ACCEPT)

    assert it.state.recommendation_accepted_by == INES.name
    assert [p.key for p in it.thread().tasks] == ["task.stands_open"]
    assert it.status is Status.RESOLVED


def test_what_is_recommended_of_an_app_reaches_its_owner_in_their_own_chat() -> None:
    owner = replace(OWNER, owns=("bad-app",))
    it = Case(contoso(contacts=(IT, owner)), by_upn=KNOWN)
    it.reported(told_of(IncidentType.APP_CONSENT))
    it.current = it.state.changed(apps=(SuspectApp("bad-app", "Bad App"),), threaded=True)
    it = closed(it)

    assert it.state.closed is not None
    assert it.state.closed.recommendation is not None
    assert it.state.closed.recommendation.args["owner"] == EVE.name
    assert card(it, f"owner:{EVE.object_id}:t1").state is TaskState.SUGGESTED


def test_whoever_accepts_late_or_after_all_has_time_anew_and_is_reminded_of_it() -> None:
    it = closed(case())
    says(it, TaskAnswer.CANNOT, words="no time")
    it.now += timedelta(days=60)
    assert TaskAnswer.ACCEPT in card(it).choices
    says(it, TaskAnswer.ACCEPT)

    (task,) = it.state.tasks
    assert (task.state, task.why, task.due > it.now) == (TaskState.OPEN, None, True)
    assert it.told(ANALYST_THREAD) == ["timeline.task_will_do"]
    assert it.until_due("task:t1:due").told(CUSTOMER_THREAD) == ["say.task_due"]


def test_a_recommendation_that_reaches_its_owner_by_no_card_is_told_to_the_analysts() -> None:
    it = closed(Case(contoso()).reported(malware_ran()))

    assert it.state.tasks == ()
    assert "say.task_not_suggested" in it.told(ANALYST_THREAD)


def test_accepted_for_them_it_is_their_task_and_reopened_it_is_recommended_no_more() -> None:
    it = closed(case())
    it.happens(RecommendationAnswered(JON.object_id, JON.upn, JON.name, accept=True))
    assert it.state.tasks[0].state is TaskState.OPEN

    other = closed(case()).reported(report(), after=1)
    assert other.state.tasks[0].state in (TaskState.SUGGESTED, TaskState.WITHDRAWN)
    assert accepted(closed(it).verdict) is False


# --- not answered --------------------------------------------------------------------------------


def test_there_is_one_reminder_and_then_the_analysts_are_told() -> None:
    it = gives(case()).until_due("task:t1:due")

    (reminder,) = [e for e in it.ordered if isinstance(e, Say) and e.place == CUSTOMER_THREAD]
    assert (reminder.says.key, reminder.mentions) == (
        "say.task_due",
        ((INES.object_id, INES.name),),
    )
    assert "why.task_overdue" not in it.told(ANALYST_THREAD)

    it.until_due("task:t1:overdue")

    assert it.now == FRIDAY + timedelta(days=1)
    assert it.told(ANALYST_THREAD) == ["why.task_overdue"]
    assert [p.key for p in it.desk().tasks] == ["task.stands_overdue"]
    assert it.wakes("task:t1:overdue", after=60).told(ANALYST_THREAD) == []


def test_what_is_done_is_not_reminded_of() -> None:
    it = says(gives(case()), TaskAnswer.DONE).until_due("task:t1:due")

    assert it.now == FRIDAY
    assert it.told(CUSTOMER_THREAD) == []
    assert not {"why.task_overdue", "why.task_not_reminded"} & set(it.told(ANALYST_THREAD))


def test_where_no_reminder_may_be_read_the_analysts_are_told_at_once() -> None:
    it = gives(case()).reported(sign_in(JON), after=1)
    assert card(it).hidden

    it.until_due("task:t1:due")

    assert it.told(CUSTOMER_THREAD) == []
    assert "why.task_not_reminded" in it.told(ANALYST_THREAD)


def test_an_owner_whose_account_another_case_makes_suspect_reads_and_gets_no_more() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)
    it.at_risk = frozenset({EVE.object_id})
    it.wakes("taint:i-2", after=1)

    assert card(it, f"owner:{EVE.object_id}:t1").hidden
    assert EVE.object_id not in dict(it.desk().hearers)
    assert EVE.upn not in {c.upn for c in it.desk().callees}
    assert [p.key for s in it.desk().suspicions for p in s.says] == ["suspicion.since"]
    it.until_due("task:t1:due")
    assert it.told(f"person:{EVE.object_id}") == []
    assert "why.task_not_reminded" in it.told(ANALYST_THREAD)

    it.at_risk = frozenset()
    it.wakes("taint:i-2", after=1)
    assert not card(it, f"owner:{EVE.object_id}:t1").hidden


def test_a_case_that_turns_restricted_has_no_tasks_any_more() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)
    it.reported(leak(), after=1)

    assert it.state.tasks[0].state is TaskState.WITHDRAWN
    assert card(it, f"owner:{EVE.object_id}:t1").hidden
    assert it.told(f"person:{EVE.object_id}") == []
    assert refusal(says(it, TaskAnswer.DONE, EVE).verdict) == "refused.task_over"


def test_an_analyst_takes_a_task_back_and_its_owner_hears_it() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)
    it.happens(TaskWithdrawn("t1", JON.object_id, JON.name), after=1)
    assert refusal(it.verdict) == "refused.not_analyst"
    it.happens(TaskWithdrawn("t1", ANNA.object_id, ANNA.name), after=1)

    assert accepted(it.verdict)
    assert it.told(f"person:{EVE.object_id}") == ["say.task_withdrawn"]
    assert it.noted()[-1] == "timeline.task_withdrawn_by"
    assert card(it, f"owner:{EVE.object_id}:t1").choices == ()
    again = it.happens(TaskWithdrawn("t1", ANNA.object_id, ANNA.name), after=1)
    assert refusal(again.verdict) == "refused.task_over"


def test_what_is_merged_withdraws_its_tasks_and_tells_their_owners() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)
    it.happens(MergedInto("i-2", "CONTOSO-41"), after=1)

    assert it.state.tasks[0].state is TaskState.WITHDRAWN
    assert it.told(f"person:{EVE.object_id}") == ["say.task_withdrawn"]
    assert "timeline.task_withdrawn" in it.told(ANALYST_THREAD)


def test_the_time_to_resolve_stands_still_for_a_task_until_it_is_overdue() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)
    waits = waits_for_customer(
        it.state.changed(approvals=(), questions=(), actions=()), it.customer, Promise.RESOLVE
    )
    it.until_due("task:t1:due").until_due("task:t1:overdue")
    still = waits_for_customer(
        it.state.changed(approvals=(), questions=(), actions=()), it.customer, Promise.RESOLVE
    )

    assert (waits, still) == (True, False)


def test_a_card_that_reaches_nobody_is_told_to_the_analysts() -> None:
    it = gives(case(contacts=(OWNER,)), EVE, role=Role.APPLICATION_OWNER)
    it.happens(Undelivered(f"owner:{EVE.object_id}:t1", EVE.object_id, "blocked"))

    assert it.told(ANALYST_THREAD) == ["why.task_undelivered"]


def test_every_task_surface_is_named_by_where_it_stands() -> None:
    customer: Customer = contoso(contacts=(IT, OWNER))
    it = gives(gives(Case(customer, by_upn=KNOWN).reported(malware_ran())), EVE)

    names = set(surfaces(it.state, customer))
    assert {"task:t1", f"owner:{EVE.object_id}:t2"} <= names

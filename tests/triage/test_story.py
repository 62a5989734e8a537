"""A case is told from its event log: who did what, when and why, and what is the provider's own."""

from datetime import timedelta

from cards.story import pages, text
from cards.wording import Reader, faults
from tests.triage.test_verifying import CONTOSO, LOW_SIGN_IN, Online
from tests.triage.triage_script import ANNA, BOB, EVE, JON, TEN_PAST_TEN, Case, malware_ran
from triage.decide import decide
from triage.effects import PageAction
from triage.events import (
    AskOrdered,
    CloseOrdered,
    Escalated,
    FoundAway,
    NotMerged,
    NotPaged,
    NotPermitted,
    SignInFailed,
    SourceWritten,
    Taken,
    Undelivered,
    VerificationStarted,
    Wrote,
)
from triage.incident import Absence, AwayBy, Disposition, QuestionKind
from triage.report import Source
from triage.story import Happened, Line, story

EN = Reader("en", "Europe/Berlin")


def log_of(case: Case) -> list[Happened]:
    """The log as it is stored: each event with what was answered, and what spoke for harm."""
    incident, found = None, []
    for event, known, at in case.log:
        decided = decide(incident, event, known, at)
        incident = decided.incident
        reasons = incident.decision.reasons if incident.decision else ()
        found.append(Happened(at, event, decided.verdict, reasons))
    return found


def lines_of(case: Case) -> tuple[Line, ...]:
    return story(case.state, log_of(case))


def told(case: Case, *, internal: bool = True) -> str:
    return "\n".join(text(case.state, case.customer, lines_of(case), EN, internal=internal))


def a_case() -> Case:
    return (
        Case()
        .reported(malware_ran())
        .answers("opened")
        .answers("enabled_content", on="q2")
        .happens(Wrote("oid-bob", "Dana sent it to me"), after=1)
        .approves(JON)
        .done()
        .happens(Taken(ANNA.object_id, ANNA.name), after=1)
        .happens(
            CloseOrdered(ANNA.object_id, ANNA.name, Disposition.TRUE_POSITIVE, "Emotet, as usual"),
            after=1,
        )
    )


def test_a_case_is_told_in_order_with_who_when_and_why() -> None:
    said = told(a_case())

    order = [
        "11:10 Received from Defender XDR",
        "Bob Baker was asked in Teams: Opened the file?",
        "11:11 Bob Baker answered: I opened it",
        "11:12 Bob Baker answered: I enabled content",
        "Jon Jansen approved: Quarantine invoice.docm",
        "Done: Quarantine invoice.docm (approved by Jon Jansen)",
        "Taken by Anna",
        "Closed by Anna: harmful",
    ]
    assert [said.index(part) for part in order] == sorted(said.index(part) for part in order)
    assert "Speaks for harm: Malware ran before it was stopped" in said
    assert "Times: Berlin" in said
    assert "From arrival to closing:" in said


def test_every_line_has_its_sentence_and_what_that_needs() -> None:
    assert [faults(line.says) for line in lines_of(a_case()) if faults(line.says)] == []


def test_what_is_internal_is_marked_and_left_out_for_the_customer() -> None:
    case, secrets = a_case(), ("Dana sent it to me", "Emotet, as usual", "Speaks for harm")
    inside, outside = told(case), told(case, internal=False)

    for secret in secrets:
        assert secret not in outside
        assert "(internal)" in next(line for line in inside.splitlines() if secret in line)
    assert "(internal)" not in outside
    assert "Closed by Anna: harmful" in outside


def test_an_answer_that_does_not_count_is_not_told_to_the_customer() -> None:
    case = Case().reported(malware_ran()).answers("opened", by=JON)

    assert "did not count" in told(case)
    assert "did not count" not in told(case, internal=False)
    assert "I opened it" not in told(case, internal=False)


def test_an_analyst_s_words_are_not_told_where_they_only_became_a_call() -> None:
    case = Case(at_risk=frozenset({EVE.object_id}), by_upn={EVE.upn.lower(): EVE})
    case = case.reported(malware_ran())
    words = "Who gave you the stick?"
    order = AskOrdered(EVE.upn, QuestionKind.FREE, ANNA.object_id, ANNA.name, words)
    case = case.happens(order).happens(Wrote(EVE.object_id, "who asks?"))

    assert words in told(case)
    assert words not in told(case, internal=False)
    assert f"{EVE.name} wrote: who asks?" in told(case)


def test_silence_is_told() -> None:
    case = Case().reported(malware_ran()).until_due("question")

    assert "No answer from Bob Baker in time" in told(case)


def test_what_did_not_reach_its_place_is_told_with_the_reason() -> None:
    case = Case().reported(malware_ran()).happens(Undelivered("customer", None, "not_installed"))

    assert "A message did not reach the customer's thread" in told(case)


def test_what_only_the_desk_knows_of_is_told_there_and_not_to_the_customer() -> None:
    case = Case().reported(malware_ran())
    case.happens(Escalated(ANNA.object_id, ANNA.name, "needs a reverser"), after=1)
    case.happens(NotPermitted(("User.Read.All",)), after=1).happens(NotPermitted(()), after=1)
    away = Absence(BOB.object_id, AwayBy.AUTOMATIC_REPLIES, case.now)
    case.happens(FoundAway(away), after=1)
    case.happens(Undelivered(f"person:{BOB.object_id}", BOB.object_id, "blocked"), after=1)
    case.happens(NotPaged(PageAction.RESOLVE, "alarm"), after=1)
    case.happens(NotMerged("CONTOSO-9"), after=1)
    case.happens(
        SourceWritten(Source.DEFENDER, "1", "inProgress", Disposition.UNDECIDED, rehearsed=True),
        after=1,
    )
    inside, outside = told(case), told(case, internal=False)

    for line in (
        "Anna asks for another analyst, needs a reverser",
        "Vouch lacks User.Read.All",
        "The source says that CONTOSO-9 is the same case.",
        "Vouch has again what it lacked",
        "Bob Baker: automatic replies say away",
        "Bob Baker cannot be reached in Teams: this person has blocked the bot",
        "The pager could not be told that this alarm is over",
        "Defender XDR would now say: in progress",
    ):
        assert f"(internal) {line}" in inside
        assert line not in outside


def test_a_sign_in_that_fails_is_told_to_the_desk() -> None:
    case = Online(CONTOSO).reported(LOW_SIGN_IN)
    case.happens(VerificationStarted("v1"), after=1).happens(SignInFailed("v1", "denied"))

    assert "(internal) Carla Chen: a sign-in was begun from the card" in told(case)
    assert "(internal) Carla Chen is not confirmed: the sign-in was declined" in told(case)


def test_what_the_source_was_really_told_the_customer_reads_as_well() -> None:
    written = SourceWritten(
        Source.DEFENDER, "1", "resolved", Disposition.UNDECIDED, rehearsed=False
    )
    case = Case().reported(malware_ran()).happens(written)

    assert "Defender XDR now says: resolved" in told(case, internal=False)


def test_an_event_whose_words_were_erased_leaves_its_place() -> None:
    case = a_case()
    log = [Happened(it.at, None, None, ()) for it in log_of(case)]

    assert story(case.state, log)[0].says.key in {"story.erased", "story.asked"}


def test_a_story_of_several_days_names_each() -> None:
    case = Case().reported(malware_ran()).answers("opened", after=60 * 24)
    said = told(case).splitlines()

    assert "Tue 24 Nov" in said
    assert "Wed 25 Nov" in said
    assert case.now - TEN_PAST_TEN == timedelta(days=1)


def test_long_stories_are_paged_at_the_end_of_a_line() -> None:
    lines = [f"line {number}" for number in range(1_000)]
    found = pages(lines, 500)

    assert max(map(len, found)) <= 500
    assert "\n".join(found).split("\n") == lines

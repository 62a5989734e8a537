"""What analysts write is read as a command: the forms, what is missing, and anything at all."""

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.commands import (
    Ask,
    Assign,
    CaseName,
    Close,
    Command,
    Contain,
    Decide,
    Escalate,
    Forget,
    GiveTask,
    HandOver,
    Help,
    Incomplete,
    Join,
    ListCases,
    Merge,
    Note,
    Recall,
    Remember,
    Reopen,
    Send,
    Show,
    Take,
    Tell,
    Undo,
    Unknown,
    WhoIsOn,
    WithdrawTask,
    Word,
    of_case,
    page,
    read,
)
from dialogs.dates import InDays, Weekday
from triage.incident import Disposition

CONTOSO_42 = CaseName(42, "CONTOSO")
_FALSE = Disposition.FALSE_POSITIVE


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("show 42", Show(CaseName(42))),
        ("show #42", Show(CaseName(42))),
        ("Show contoso-42.", Show(CONTOSO_42)),
        ("show", Show(None)),
        ("42", Show(CaseName(42))),
        ("CONTOSO-42", Show(CONTOSO_42)),
        ("incidents", ListCases()),
        ("list mine HIGH page 3", ListCases(mine=True, words=("HIGH",), page=3)),
        ("cases open unowned contoso", ListCases(unowned=True, words=("contoso",))),
        ("incidents page 0", ListCases(page=1)),
        ("incidents page", ListCases(words=("page",))),
        ("show 42 story", Tell(CaseName(42))),
        ("show CONTOSO-42 story customer", Tell(CONTOSO_42, for_customer=True)),
        ("show 42 Story for customer 2", Tell(CaseName(42), for_customer=True, page=2)),
        ("show story 3", Tell(None, page=3)),
        ("show me a story", Incomplete(Word.SHOW)),
        ("show my story", Incomplete(Word.SHOW)),
        ("take", Take(None)),
        ("take, please", Take(None)),
        ("show CONTOSO-42, please!", Show(CONTOSO_42)),
        ("TAKE  CONTOSO-42", Take(CONTOSO_42)),
        ("take the bus", Incomplete(Word.TAKE)),
        ("reopen north-west-7", Reopen(CaseName(7, "NORTH-WEST"))),
        ("assign 42 @Mia Lindqvist", Assign(CaseName(42), "Mia Lindqvist")),
        ("assign CONTOSO-42 to <at>Mia</at>", Assign(CONTOSO_42, "Mia")),
        ("shift", WhoIsOn()),
        ("Shift ON", Join()),
        ("shift off", HandOver()),
        ("leave", HandOver()),
        ("handover", HandOver()),
        ("handover to <at>Sam Okafor</at>", HandOver("Sam Okafor")),
        ("handover @Sam", HandOver("Sam")),
        ("handover @", Incomplete(Word.HANDOVER)),
        ("shift happens", Incomplete(Word.SHIFT)),
        ("assign me", Assign(None, "me")),
        ("assign 42", Incomplete(Word.ASSIGN)),
        ("assign", Incomplete(Word.ASSIGN)),
        ("note the host is a test", Note(None, "the host is a test")),
        ("note 42 machines are hit", Note(None, "42 machines are hit")),
        ("note #42: all are hit", Note(CaseName(42), "all are hit")),
        ("note CONTOSO-42", Incomplete(Word.NOTE)),
        ("send keep it on", Send(None, "keep it on")),
        ("send CONTOSO-42: keep it on", Send(CONTOSO_42, "keep it on")),
        ("send #42 to Bob: keep it on", Send(CaseName(42), "Bob: keep it on", addressed=True)),
        ("send To @Bob please", Send(None, "Bob please", addressed=True)),
        ("send towels", Send(None, "towels")),
        ("send to <at>Bob</at> yes", Send(None, "Bob yes", addressed=True)),
        ("send CONTOSO-42", Incomplete(Word.SEND)),
        ("send to", Incomplete(Word.SEND)),
        ("escalate", Escalate(None, None)),
        ("escalate CONTOSO-42 beyond me", Escalate(CONTOSO_42, "beyond me")),
        (
            "close 42 false positive: a known tool",
            Close(CaseName(42), Disposition.FALSE_POSITIVE, "a known tool"),
        ),
        ("close TP stolen session", Close(None, Disposition.TRUE_POSITIVE, "stolen session")),
        ("close CONTOSO-42 expected", Incomplete(Word.CLOSE)),
        ("close #42 Falsch positiv, bekannt", Close(CaseName(42), _FALSE, "bekannt")),
        ("close because I say so", Incomplete(Word.CLOSE)),
        ("contain isolate LAPTOP-7", Contain(None, "isolate LAPTOP-7")),
        ("contain", Contain(None, "")),
        ("undo CONTOSO-42 isolate", Undo(CONTOSO_42, "isolate")),
        ("ask Bob Meyer opened file", Ask(None, "Bob Meyer opened file")),
        ("ask 42 <at>Bob Meyer</at> did it run?", Ask(CaseName(42), "Bob Meyer did it run?")),
        ("ask @bob@contoso.example who?", Ask(None, "bob@contoso.example who?")),
        ("assign 42 mia@nordwall.example", Assign(CaseName(42), "mia@nordwall.example")),
        ("ask CONTOSO-42", Incomplete(Word.ASK)),
        ("approve CONTOSO-42", Decide(CONTOSO_42, approve=True, action="")),
        (
            "deny 42 isolate the desk by door by Jon Park",
            Decide(CaseName(42), approve=False, action="isolate the desk by door", by="Jon Park"),
        ),
        ("approve by @Jon", Decide(None, approve=True, action="", by="Jon")),
        ("merge CONTOSO-42 into 41", Merge(CONTOSO_42, CaseName(41))),
        ("merge into #41", Merge(None, CaseName(41))),
        ("merge 42", Incomplete(Word.MERGE)),
        ("merge this into that", Incomplete(Word.MERGE)),
        ("remember", Recall(None)),
        ("remember CONTOSO-42", Recall(CONTOSO_42)),
        ("remember Manila is theirs", Remember(None, "Manila is theirs")),
        (
            "remember #42 Manila is theirs, until 2027-03-01.",
            Remember(CaseName(42), "Manila is theirs", date(2027, 3, 1)),
        ),
        ("remember Manila until 2027-02-30", Incomplete(Word.REMEMBER)),
        ("forget 3", Forget(None, 3)),
        ("forget CONTOSO-42 #3", Forget(CONTOSO_42, 3)),
        ("forget it all", Incomplete(Word.FORGET)),
        (
            "task @ines replace LAPTOP-7 by friday",
            GiveTask(None, "ines", "replace LAPTOP-7", Weekday(4)),
        ),
        ("task CONTOSO-42 it reset it", GiveTask(CONTOSO_42, "it", "reset it")),
        (
            "task Ines Costa: see that it is replaced by the vendor",
            GiveTask(None, "Ines", "Costa: see that it is replaced by the vendor"),
        ),
        (
            "task @ines have it wiped by IT by friday",
            GiveTask(None, "ines", "have it wiped by IT", Weekday(4)),
        ),
        (
            "task @ines replace disk: model X",
            GiveTask(None, "ines", "replace disk: model X"),
        ),
        ("task 42 @ines replace it", GiveTask(CaseName(42), "ines", "replace it")),
        (
            "task #42 owner, revoke it, by friday",
            GiveTask(CaseName(42), "owner", "revoke it", Weekday(4)),
        ),
        ("task it wipe it by yesterday", GiveTask(None, "it", "wipe it", InDays(-1))),
        ("task withdraw", WithdrawTask(None)),
        ("task #42 withdraw 2", WithdrawTask(CaseName(42), 2)),
        ("task ines", Incomplete(Word.TASK)),
        ("task", Incomplete(Word.TASK)),
        ("help", Help()),
        ("help take", Help(Word.TAKE)),
        ("Hilfe", Help()),
        ("help tkae", Unknown((Word.TAKE,))),
        ("?", Help()),
        ("tkae 42", Unknown((Word.TAKE,))),
        ("", Unknown()),
        ("hello there", Unknown()),
    ],
)
def test_a_command_is_read_as_it_is_meant(text: str, command: Command) -> None:
    assert read(text) == command


def test_what_begins_as_no_customers_cases_do_is_text() -> None:
    ours = {"CONTOSO"}

    assert read("note CVE-2026-1234 is used", ours) == Note(None, "CVE-2026-1234 is used")
    assert read("note contoso-42 is ours", ours) == Note(CONTOSO_42, "is ours")
    assert read("remember T-1000 is a test host", ours) == Remember(None, "T-1000 is a test host")


@pytest.mark.parametrize(
    ("text", "named", "whole"),
    [
        ("42", CaseName(42), "show CONTOSO-42"),
        ("take", None, "take CONTOSO-42"),
        ("escalate beyond me", None, "escalate CONTOSO-42 beyond me"),
        ("close 42 fp: known", CaseName(42), "close CONTOSO-42 fp: known"),
        ("merge into 41", None, "merge CONTOSO-42 into 41"),
    ],
)
def test_a_command_is_completed_by_its_case(text: str, named: CaseName | None, whole: str) -> None:
    assert of_case(text, named, "CONTOSO-42") == whole


def test_a_page_of_a_list_is_the_same_list() -> None:
    asked = read("incidents mine HIGH contoso page 2")

    assert isinstance(asked, ListCases)
    assert read(page(asked, 3)) == ListCases(mine=True, words=("HIGH", "contoso"), page=3)


@given(st.text() | st.builds("{} {}".format, st.sampled_from([*Word]), st.text()))
def test_anything_at_all_is_read(text: str) -> None:
    assert read(text) is not None


@given(st.builds("{}{}".format, st.sampled_from([*Word]), st.text(max_size=1)))
def test_no_command_is_longer_than_what_is_kept(text: str) -> None:
    command = read(f"{text} {'x' * 10_000}")
    assert len(str(command)) < 1_000


# --- the analysts' page ---------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^\| `([^`]+)` \|(.+)\|$", PAGE, re.MULTILINE)
QUOTED = [*(first for first, _ in SHOWN), *re.findall(r"`([^`]+)`", " ".join(r for _, r in SHOWN))]
SAID = [quoted for quoted in QUOTED if quoted.split()[0] in set(Word)]


@pytest.mark.parametrize("written", SAID)
def test_what_the_page_shows_is_understood(written: str) -> None:
    assert not isinstance(read(written), Unknown | Incomplete)


def test_the_page_shows_every_command() -> None:
    assert {written.split()[0] for written in SAID} == set(Word)

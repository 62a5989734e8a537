"""What analysts write is read as a command: the forms, what is missing, and anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.commands import (
    Assign,
    CaseName,
    Close,
    Command,
    Contain,
    Escalate,
    GiveTask,
    HandOver,
    Help,
    Incomplete,
    Join,
    ListCases,
    Note,
    Reopen,
    Send,
    Show,
    Take,
    Tell,
    Undo,
    Unknown,
    WhoIsOn,
    Word,
    read,
)
from dialogs.dates import Weekday
from triage.incident import Disposition

CONTOSO_42 = CaseName(42, "CONTOSO")


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
        ("close because I say so", Incomplete(Word.CLOSE)),
        ("contain isolate LAPTOP-7", Contain(None, "isolate LAPTOP-7")),
        ("contain", Contain(None, "")),
        ("undo CONTOSO-42 isolate", Undo(CONTOSO_42, "isolate")),
        (
            "task @ines replace LAPTOP-7 by friday",
            GiveTask(None, "ines", "replace LAPTOP-7", Weekday(4)),
        ),
        ("task CONTOSO-42 it reset it", GiveTask(CONTOSO_42, "it", "reset it")),
        (
            "task Ines Costa: see that it is replaced by the vendor",
            GiveTask(None, "Ines Costa", "see that it is replaced by the vendor"),
        ),
        (
            "task #42 owner, revoke it, by friday",
            GiveTask(CaseName(42), "owner", "revoke it", Weekday(4)),
        ),
        ("task ines", Incomplete(Word.TASK)),
        ("task", Incomplete(Word.TASK)),
        ("help", Help()),
        ("help take", Help(Word.TAKE)),
        ("Hilfe", Help()),
        ("?", Help()),
        ("tkae 42", Unknown((Word.TAKE,))),
        ("", Unknown()),
        ("hello there", Unknown()),
    ],
)
def test_a_command_is_read_as_it_is_meant(text: str, command: Command) -> None:
    assert read(text) == command


@given(st.text() | st.builds("{} {}".format, st.sampled_from([*Word]), st.text()))
def test_anything_at_all_is_read(text: str) -> None:
    assert read(text) is not None


@given(st.builds("{}{}".format, st.sampled_from([*Word]), st.text(max_size=1)))
def test_no_command_is_longer_than_what_is_kept(text: str) -> None:
    command = read(f"{text} {'x' * 10_000}")
    assert len(str(command)) < 1_000

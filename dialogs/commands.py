"""What an analyst writes to us, read: words become a command.

    take CONTOSO-42          the case by its name, or by its number alone
    note the host is a test  in the analysts' thread of a case, that case is meant

Reading is pure and never fails: what is no command says what might have been meant, and what lacks
something says how it is written. Whether somebody may do it is decided where everything is decided.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum

from dialogs import dates
from triage.incident import Disposition

LONGEST = 500
"""Characters kept of what is written to a command."""


LONGEST_FACT = 200
"""Characters of what is remembered: it stands whole on every card of the customer."""
LONGEST_COMMAND = 1_000
"""Characters of a whole command."""

LONGEST_SENT = 800
"""Characters of what is sent, with a name before it, noted or remembered: more than may be, so that
too much can be told."""


class Word(StrEnum):
    """What a command begins with; its form and what it does are `form.` and `does.` sentences."""

    INCIDENTS = "incidents"
    SHOW = "show"
    TAKE = "take"
    ASSIGN = "assign"
    NOTE = "note"
    SEND = "send"
    ESCALATE = "escalate"
    CLOSE = "close"
    CONTAIN = "contain"
    UNDO = "undo"
    TASK = "task"
    REOPEN = "reopen"
    ASK = "ask"
    APPROVE = "approve"
    DENY = "deny"
    MERGE = "merge"
    REMEMBER = "remember"
    FORGET = "forget"
    SHIFT = "shift"
    HANDOVER = "handover"
    HELP = "help"


ALSO = {
    "list": Word.INCIDENTS,
    "cases": Word.INCIDENTS,
    "incident": Word.SHOW,
    "case": Word.SHOW,
    "shifts": Word.SHIFT,
    "duty": Word.SHIFT,
    "leave": Word.HANDOVER,
    "hilfe": Word.HELP,
    "ajuda": Word.HELP,
    "commands": Word.HELP,
    "?": Word.HELP,
}
"""What people write instead."""


@dataclass(frozen=True, slots=True)
class CaseName:
    """How a case was named: CONTOSO-42, or 42, which several customers may have."""

    number: int
    prefix: str | None = None

    @property
    def written(self) -> str:
        return f"{self.prefix}-{self.number}" if self.prefix else str(self.number)


@dataclass(frozen=True, slots=True)
class ListCases:
    """Open cases; the asker's, nobody's, or what the words say."""

    mine: bool = False
    unowned: bool = False
    words: tuple[str, ...] = ()
    """Customers, states, severities and kinds of case: which is which, the reader knows."""
    page: int = 1


@dataclass(frozen=True, slots=True)
class Show:
    case: CaseName | None


@dataclass(frozen=True, slots=True)
class Tell:
    """`show 42 story`: its whole story; `story customer` leaves out what is internal."""

    case: CaseName | None
    for_customer: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class Take:
    case: CaseName | None


@dataclass(frozen=True, slots=True)
class Assign:
    case: CaseName | None
    to: str
    """As written: a name, part of one, or a UPN; "me" for the writer."""


@dataclass(frozen=True, slots=True)
class Note:
    case: CaseName | None
    text: str


@dataclass(frozen=True, slots=True)
class Send:
    """Words to the customer."""

    case: CaseName | None
    text: str
    addressed: bool = False
    """It was written to somebody, whose name `text` begins with."""


@dataclass(frozen=True, slots=True)
class Escalate:
    case: CaseName | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Reopen:
    case: CaseName | None


@dataclass(frozen=True, slots=True)
class Close:
    case: CaseName | None
    disposition: Disposition
    comment: str


@dataclass(frozen=True, slots=True)
class Contain:
    """Ask for a response action."""

    case: CaseName | None
    action: str
    """As written: words of what it is called. Empty where none was named."""


@dataclass(frozen=True, slots=True)
class Undo:
    """Reverse a response action."""

    case: CaseName | None
    action: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Have somebody of the customer asked."""

    case: CaseName | None
    text: str
    """As written: who, then a kind of question or a question in words. Where the name ends, the
    roster says."""


@dataclass(frozen=True, slots=True)
class Decide:
    """Take down what a contact of the customer decided on the phone."""

    case: CaseName | None
    approve: bool
    action: str
    """As written, as the contact is; both may be left out where there is but one."""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    case: CaseName | None
    """The one that ends."""
    into: CaseName


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep a fact about the customer for later cases."""

    case: CaseName | None
    fact: str
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """`remember` without a fact: what is kept."""

    case: CaseName | None


@dataclass(frozen=True, slots=True)
class Forget:
    case: CaseName | None
    number: int


@dataclass(frozen=True, slots=True)
class GiveTask:
    """Give one of the customer's people something to do."""

    case: CaseName | None
    whom: str
    """As written: a name, an address, or a role."""
    text: str
    by: dates.By | None = None


@dataclass(frozen=True, slots=True)
class WithdrawTask:
    """`task withdraw 1`: it is needed no more."""

    case: CaseName | None
    number: int | None = None
    """Without it, the only one that is open."""


@dataclass(frozen=True, slots=True)
class WhoIsOn:
    """`shift`: who is on duty, and who comes next."""


@dataclass(frozen=True, slots=True)
class Join:
    """`shift on`: the writer is on duty from now on."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """`shift off`, `leave`, `handover`: the writer's shift is over."""

    to: str | None = None
    """As written: whoever gets their open cases; None leaves that to the rule."""


@dataclass(frozen=True, slots=True)
class Help:
    about: Word | None = None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A command that lacks something: how it is written is the answer."""

    of: Word


@dataclass(frozen=True, slots=True)
class Unknown:
    """No command begins so; `near` may have been meant."""

    near: tuple[Word, ...] = ()


OnCase = (
    Show
    | Take
    | Assign
    | Note
    | Send
    | Escalate
    | Reopen
    | Close
    | Contain
    | Undo
    | GiveTask
    | WithdrawTask
    | Ask
    | Decide
    | Merge
    | Remember
    | Recall
    | Forget
)
"""What is about one case: named, or that of the thread it was written in."""

OnDuty = WhoIsOn | Join | HandOver
"""What is about the writer's own shift, and about no case."""

Command = ListCases | OnDuty | OnCase | Tell | Help | Incomplete | Unknown


def read(text: str, prefixes: Collection[str] | None = None) -> Command:  # noqa: C901, PLR0912 - an arm for each word
    """The command in what somebody wrote to us. At the head of free text only what begins as a
    customer's cases do, by `prefixes`, is taken for a case: CVE-2026-1234 is none. Without them,
    anything may be."""
    first, _, more = " ".join(text.split()).partition(" ")
    more = more.strip()
    word = _word(first)
    match word:
        case None:
            return _unknown(first)
        case Word.INCIDENTS:
            return _list(more)
        case Word.HELP:
            return _help(more.partition(" ")[0])
        case Word.SHOW:
            return _story(more) or _alone(Word.SHOW, more, Show)
        case Word.TAKE:
            return _alone(Word.TAKE, more, Take)
        case Word.REOPEN:
            return _alone(Word.REOPEN, more, Reopen)
        case Word.ASSIGN:
            return _assign(more)
        case Word.SHIFT:
            return _SHIFTS.get(more.lower(), Incomplete(Word.SHIFT))
        case Word.HANDOVER:
            to = _person(more)
            return HandOver(to or None) if to or not more else Incomplete(Word.HANDOVER)
        case Word.NOTE:
            case, note = _case_first(more, prefixes)
            return Note(case, note[:LONGEST_SENT]) if note else Incomplete(Word.NOTE)
        case Word.SEND:
            return _send(more, prefixes)
        case Word.CLOSE:
            return _close(more, prefixes)
        case Word.CONTAIN:
            return Contain(*_case_first(more[:LONGEST], prefixes))
        case Word.UNDO:
            return Undo(*_case_first(more[:LONGEST], prefixes))
        case Word.TASK:
            return _task(more, prefixes)
        case Word.ESCALATE:
            case, why = _case_first(more, prefixes)
            return Escalate(case, why[:LONGEST] or None)
        case Word.ASK:
            return _ask(more)
        case Word.APPROVE | Word.DENY:
            return _decide(more, approve=word is Word.APPROVE)
        case Word.MERGE:
            return _merge(more)
        case Word.REMEMBER:
            return _remember(more, prefixes)
        case Word.FORGET:
            return _forget(more)


def of_case(text: str, written: CaseName | None, name: str) -> str:
    """The same command, of the case of this name; `written` is how it named one before."""
    first, _, more = " ".join(text.split()).partition(" ")
    if _word(first) is None:
        return f"{Word.SHOW} {name}"
    if written is not None:
        more = more.partition(" ")[2]
    return f"{first} {name} {more}".strip()


def _word(written: str) -> Word | None:
    bare = written.strip(".,;:!/").lower()
    return next((w for w in Word if w == bare), None) or ALSO.get(bare)


def named_in(text: str) -> CaseName | None:
    """The case that stands behind the word of a command, whosever it is."""
    case = _case(" ".join(text.split()[1:2]))
    return case if case and case.prefix else None


def _help(about: str) -> Command:
    word = _word(about)
    return Help(word) if word or not about else _near(about)


def _unknown(first: str) -> Command:
    named = _case(first)
    return Show(named) if named is not None else _near(first)


def _near(first: str) -> Unknown:
    near = get_close_matches(first.lower()[:20], [*Word, *ALSO], n=3, cutoff=0.7)
    return Unknown(tuple(dict.fromkeys(w for n in near if (w := _word(n)))))


# --- cases ---------------------------------------------------------------------------------------

_NAME = re.compile(r"(?P<prefix>[A-Za-z][A-Za-z0-9-]{0,30})-(?P<number>[0-9]{1,9})", re.ASCII)
_NUMBER = re.compile(r"#?(?P<number>[0-9]{1,9})", re.ASCII)


def _case(written: str) -> CaseName | None:
    bare = written.strip(".,;:")
    if named := _NAME.fullmatch(bare):
        return CaseName(int(named["number"]), named["prefix"].upper())
    if numbered := _NUMBER.fullmatch(bare):
        return CaseName(int(numbered["number"]))
    return None


def _case_first(more: str, prefixes: Collection[str] | None) -> tuple[CaseName | None, str]:
    """The case at the head of what is free text: "42 machines" in a thread is none, so that a number
    alone counts only as #42."""
    first, _, rest = more.partition(" ")
    case = _case(first)
    if case is None or (case.prefix is None and not first.startswith("#")):
        return None, more
    if case.prefix is not None and prefixes is not None and case.prefix not in prefixes:
        return None, more
    return case, rest.strip(" :")


def _case_or_number_first(more: str) -> tuple[CaseName | None, str]:
    """The case at the head of what begins with a name otherwise: no person is called 42."""
    first, _, rest = more.partition(" ")
    case = _case(first)
    return (case, rest.strip(" :")) if case else (None, more)


def _alone(word: Word, more: str, made: type[Show] | type[Take] | type[Reopen]) -> Command:
    """Nothing but a case, or nothing at all."""
    said = _PLEASE.sub("", more)
    case = _case(said) if said else None
    return made(case) if case or not said else Incomplete(word)


_PLEASE = re.compile(r"(?:^|[ ,]+)(?:please|bitte|por favor)[.!]*$", re.IGNORECASE)


_STORY = re.compile(
    r"(?:(?P<case>\S+) )?story(?: (?:for )?(?P<customer>customer))?(?: (?P<page>[1-9][0-9]{0,3}))?",
    re.IGNORECASE | re.ASCII,
)


def _story(more: str) -> Tell | Incomplete | None:
    """None where no story is wanted."""
    asked = _STORY.fullmatch(more)
    if asked is None:
        return None
    case = _case(asked["case"]) if asked["case"] else None
    if asked["case"] and case is None:
        return Incomplete(Word.SHOW)
    return Tell(case, bool(asked["customer"]), int(asked["page"] or 1))


_SHIFTS: dict[str, Command] = {
    "": WhoIsOn(),
    "on": Join(),
    "off": HandOver(),
}


def _assign(more: str) -> Command:
    case, rest = _case_or_number_first(more)
    to = _person(rest)
    return Assign(case, to) if to else Incomplete(Word.ASSIGN)


_TO = re.compile(r"(?:to|an|para)\s+", re.IGNORECASE)
_MENTION = re.compile(r"(?<!\S)@")
"""Before a name; inside an address it stays."""
_AT = re.compile(r"</?at(?:\s[^>]{0,100})?>", re.IGNORECASE)


def _person(written: str) -> str:
    """A name without the signs of a mention."""
    bare = _AT.sub("", _TO.sub("", written, count=1) if _TO.match(written) else written)
    return " ".join(_MENTION.sub("", bare).split())[:100] if bare.strip("@ ") else ""


# --- sending, asking, deciding, merging, remembering -----------------------------------------------------


def _send(more: str, prefixes: Collection[str] | None) -> Command:
    case, said = _case_first(more, prefixes)
    said = _AT.sub("", said)
    addressed = said[:3].lower() in ("to", "to ")
    text = said[3:].lstrip("@ ") if addressed else said.strip()
    return Send(case, text[:LONGEST_SENT], addressed) if text else Incomplete(Word.SEND)


def _ask(more: str) -> Command:
    case, text = _case_or_number_first(more)
    text = " ".join(_MENTION.sub("", _AT.sub(" ", text)).split())
    return Ask(case, text[:LONGEST]) if text else Incomplete(Word.ASK)


_BY = re.compile(r"(?:(?P<action>.*) )?(?:by|von|durch|por) (?P<by>.+)", re.IGNORECASE)


def _decide(more: str, *, approve: bool) -> Command:
    case, text = _case_or_number_first(more[:LONGEST])
    said = _BY.fullmatch(text)
    if said is None:
        return Decide(case, approve, text)
    return Decide(case, approve, said["action"] or "", _person(said["by"]))


_INTO = re.compile(r"(?:(?P<part>\S+) )?(?:into|in|em) (?P<into>\S+)", re.IGNORECASE)


def _merge(more: str) -> Command:
    named = _INTO.fullmatch(more)
    part = _case(named["part"]) if named and named["part"] else None
    into = _case(named["into"]) if named else None
    if named is None or into is None or (named["part"] and part is None):
        return Incomplete(Word.MERGE)
    return Merge(part, into)


_UNTIL = re.compile(
    r"(?P<fact>.+?)[ ,]+(?:until|bis|até) (?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2})\.?", re.IGNORECASE
)


def _remember(more: str, prefixes: Collection[str] | None) -> Command:
    case, fact = _case_first(more, prefixes)
    if not fact:
        return Recall(case)
    dated = _UNTIL.fullmatch(fact)
    if dated is None:
        return Remember(case, fact[:LONGEST_SENT])
    try:
        until = date.fromisoformat(dated["until"])
    except ValueError:
        return Incomplete(Word.REMEMBER)
    return Remember(case, dated["fact"][:LONGEST_SENT], until)


def _forget(more: str) -> Command:
    *named, number = more.split() or [""]
    case = _case(named[0]) if len(named) == 1 else None
    if len(named) > 1 or (named and case is None) or not _NUMBER.fullmatch(number):
        return Incomplete(Word.FORGET)
    return Forget(case, int(number.removeprefix("#")))


# --- closing -------------------------------------------------------------------------------------

_DISPOSITIONS = {
    "true positive": Disposition.TRUE_POSITIVE,
    "harmful": Disposition.TRUE_POSITIVE,
    "tp": Disposition.TRUE_POSITIVE,
    "benign positive": Disposition.EXPECTED,
    "expected": Disposition.EXPECTED,
    "benign": Disposition.EXPECTED,
    "bp": Disposition.EXPECTED,
    "false positive": Disposition.FALSE_POSITIVE,
    "false alarm": Disposition.FALSE_POSITIVE,
    "fp": Disposition.FALSE_POSITIVE,
    "undecided": Disposition.UNDECIDED,
    "schädlich": Disposition.TRUE_POSITIVE,
    "erwartet": Disposition.EXPECTED,
    "falsch positiv": Disposition.FALSE_POSITIVE,
    "fehlalarm": Disposition.FALSE_POSITIVE,
    "unentschieden": Disposition.UNDECIDED,
    "malicioso": Disposition.TRUE_POSITIVE,
    "esperado": Disposition.EXPECTED,
    "falso positivo": Disposition.FALSE_POSITIVE,
    "alarme falso": Disposition.FALSE_POSITIVE,
    "indefinido": Disposition.UNDECIDED,
}
"""How analysts say what a case was."""


def _close(more: str, prefixes: Collection[str] | None) -> Command:
    """Nothing closes without what it was, and why (design.md section 4, rule 3)."""
    case, said = _case_first(more, prefixes)
    if case is None and (first := _case(said.partition(" ")[0])):
        case, said = first, said.partition(" ")[2]
    for name, disposition in _DISPOSITIONS.items():
        head, comment = said[: len(name)].lower(), said[len(name) :]
        if head == name and comment[:1] in ("", " ", ":", ",") and comment.strip(" :,"):
            return Close(case, disposition, comment.strip(" :,")[:LONGEST])
    return Incomplete(Word.CLOSE)


# --- tasks ---------------------------------------------------------------------------------------

_DUE = re.compile(r"(?P<what>.+)[ ,]+(?:by|bis|até) (?P<by>[^,;]{2,30})", re.IGNORECASE)


_WITHDRAW = re.compile(r"withdraw(?: (?:task )?#?t?([0-9]{1,2}))?", re.IGNORECASE | re.ASCII)


def _task(more: str, prefixes: Collection[str] | None) -> Command:
    """`task @ines replace LAPTOP-7 by friday`: whatever follows the last "by" and names no day is of
    the task, and so is, till we know who is called what, the rest of a name."""
    case, rest = _case_or_number_first(more) if more[:1].isdigit() else _case_first(more, prefixes)
    if withdrawn := _WITHDRAW.fullmatch(rest):
        return WithdrawTask(case, int(withdrawn[1]) if withdrawn[1] else None)
    first, _, text = rest.partition(" ")
    whom, text = _person(first.strip(",:")), text.strip(" :,")
    due = _DUE.fullmatch(text)
    by = dates.read(due["by"]) if due else None
    said = due["what"] if due and by else text
    said = said.strip(" ,")[:LONGEST]
    return GiveTask(case, whom, said, by) if whom and said else Incomplete(Word.TASK)


# --- the list ------------------------------------------------------------------------------------


def _list(more: str) -> ListCases:
    words = more.split()[:10]
    lower = [w.lower() for w in words]
    page = 1
    if len(words) >= 2 and lower[-2] == "page" and re.fullmatch("[0-9]{1,4}", lower[-1], re.ASCII):
        page = max(1, int(lower[-1]))
        words, lower = words[:-2], lower[:-2]
    kept = tuple(w[:60] for w in words if w.lower() not in _FLAGS)
    return ListCases(
        mine="mine" in lower,
        unowned="unowned" in lower,
        words=kept,
        page=page,
    )


_FLAGS = {"mine", "unowned", "open", "all"}
"""Open ones are what is listed without a word."""


def page(of: ListCases, number: int) -> str:
    """The command for another page of a list."""
    flags = [name for name, wanted in (("mine", of.mine), ("unowned", of.unowned)) if wanted]
    return " ".join([Word.INCIDENTS, *flags, *of.words, "page", str(number)])

"""Microsoft's own advice on when an anomaly alert is true, benign or false, held against `decide`.

The advice says what an analyst may find out and what then follows. Here every such condition
becomes what Vouch can know: a fact of the customer's profile, an answer in Teams or on the phone,
words Bob writes. `guidance.toml` lists each with what the advice says and what Vouch does; where
the two part, it says why. What only the logs can tell stands there too, and must reach a person.

Steps for which Vouch has no response action (marking an account as compromised, taking back a
share, undoing a change in a cloud) are a person's and are not compared.
"""

import json
import tomllib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

import pytest

from tests.sources.graph_payloads import graph_alert, graph_incident, piece, read
from tests.triage.triage_script import BOB, BOBS_PHONE, CONTOSO, JON, Case
from triage.actions import LOOKING, ActionKind
from triage.customer import Customer, ExpectedFact
from triage.events import Wrote
from triage.incident import ApprovalState, Disposition, IncidentType
from triage.recognising import recognise
from triage.report import IncidentReport

GUIDANCE = Path(__file__).parents[2].parent / "shared/data/guidance"

Difference = Literal["grade", "action", "does"]


class Given(TypedDict, total=False):
    """How a condition is told to Vouch; the alert is of medium severity unless told otherwise."""

    severity: str
    technique: str
    """A MITRE technique that the alert names."""
    fact: str
    """The kind of case that an approved, unexpired fact about Bob covers."""
    egress: str
    """A network that the customer's own people come from; the alert's address is in it."""
    card: str
    """What Bob answers in Teams."""
    phone: str
    """What Bob says to an analyst who called him, on the number that the profile vouches for."""
    writes: str
    """What Bob writes to the bot with no question open."""


class Advice(TypedDict):
    action: str
    """`contain`, `close`, `ask` (contact the user), or `none` where the advice names nothing."""
    does: NotRequired[list[str]]
    """The containment it names, as far as Vouch has a response action for it."""


class Outcome(TypedDict):
    grade: str
    """The proposed disposition, or `none`."""
    action: str
    """`contain`, `close`, `ask`, `person` (handed over, or to be called), or `waits`: it stands in
    the analysts' list, and nobody was told why."""
    does: NotRequired[list[str]]
    """Every response action that was ordered, or asked for and approved, on the way."""


class Row(TypedDict):
    means: str
    """The condition, in our words."""
    given: NotRequired[Given]
    cannot: NotRequired[str]
    """Instead of `given`: why it can be made neither a fact nor a reply."""
    advice: Advice
    vouch: Outcome
    agrees: bool
    because: NotRequired[dict[str, str]]
    """For each difference, which of the reasons."""


class Entry(TypedDict):
    kind: str
    """What kind of case Vouch takes the alert for."""
    TP: list[Row]
    FP: NotRequired[list[Row]]


_TOLD = tomllib.loads(Path(__file__).with_name("guidance.toml").read_text())
REASONS = cast("dict[str, str]", _TOLD["reasons"])
TABLE = cast("dict[str, Entry]", _TOLD["alerts"])

GRADES = {
    "TP": Disposition.TRUE_POSITIVE,
    "B-TP": Disposition.EXPECTED,
    "FP": Disposition.FALSE_POSITIVE,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row, and where in the table it stands."""

    alert: str
    condition: str
    number: int
    row: Row

    @property
    def name(self) -> str:
        return f"{self.alert} / {self.condition} / {self.number}"

    @property
    def given(self) -> Given:
        return self.row.get("given", {})


def _rows(entry: Entry, condition: str) -> list[Row]:
    return cast("dict[str, list[Row]]", entry).get(condition, [])


LINES = [
    Line(alert, condition, number, row)
    for alert, entry in TABLE.items()
    for condition in GRADES
    for number, row in enumerate(_rows(entry, condition), 1)
]

UNTOLD = [line for line in LINES if "cannot" in line.row]
"""What only an analyst can find out."""

every_line = pytest.mark.parametrize("line", LINES, ids=[line.name for line in LINES])


# --- what the advice says ------------------------------------------------------------------------

STEPS = {
    "suspend the user": ActionKind.DISABLE_ACCOUNT,
    "disable the user": ActionKind.DISABLE_ACCOUNT,
    "reset their password": ActionKind.RESET_PASSWORD,
    "scan all devices": ActionKind.SCAN_DEVICE,
    "forwarding rule": ActionKind.DISABLE_INBOX_RULE,
    "ban access": ActionKind.DISABLE_APP,
    "revoke all the access tokens": ActionKind.DISABLE_APP,
}
"""Words by which a step is known that Vouch has a response action for."""

Finding = dict[str, str | None]


def _guidance() -> dict[str, dict[str, Finding]]:
    """The advice by alert and condition, read in place; skips where there is none."""
    file = GUIDANCE / "mdca_anomaly_triage_guidance.json"
    if not file.is_file():
        pytest.skip(f"the guidance is read from {file}, which is absent")
    return {
        entry["alert"]: {key: value for key, value in entry.items() if isinstance(value, dict)}
        for entry in json.loads(file.read_text())
    }


def _advised(finding: Finding) -> Advice:
    says = (finding["recommended_action"] or "").lower()
    does = sorted({action for words, action in STEPS.items() if words in says})
    if does:
        return {"action": "contain", "does": [*does]}
    if "dismiss" in says:
        return {"action": "close"}
    return {"action": "ask" if "contact the user" in says else "none"}


@pytest.mark.shared
def test_the_table_has_every_alert_and_condition_of_the_guidance_and_no_other() -> None:
    advised = {(alert, which) for alert, found in _guidance().items() for which in found}

    assert {(line.alert, line.condition) for line in LINES} == advised


@pytest.mark.shared
@every_line
def test_a_row_states_what_the_guidance_advises(line: Line) -> None:
    assert line.row["advice"] == _advised(_guidance()[line.alert][line.condition])


# --- what Vouch does -----------------------------------------------------------------------------


def _report(line: Line) -> IncidentReport:
    """The alert as Defender for Cloud Apps tells it: Bob, an address and an app."""
    app = "oauthApplication" if "OAuth" in line.alert else "cloudApplication"
    account = {"azureAdUserId": BOB.object_id, "userPrincipalName": BOB.upn}
    severity = line.given.get("severity", "medium")
    alert = graph_alert(
        piece("user", userAccount=account),
        piece("ip", ipAddress="203.0.113.7"),
        piece(app, appId="0c0c0c0c-1111-2222-3333-444444444444", displayName="Mail Helper"),
        title=line.alert,
        serviceSource="microsoftDefenderForCloudApps",
        severity=severity,
        mitreTechniques=[line.given["technique"]] if "technique" in line.given else [],
    )
    return read(graph_incident(displayName=line.alert, severity=severity, alerts=[alert]))


def _customer(given: Given) -> Customer:
    fact = ExpectedFact(
        id="f1",
        statement="Bob does this in the scope of his duties",
        covers=given.get("fact", ""),
        people=(BOB.upn,),
        approver=JON.name,
        expires=date(2026, 12, 31),
    )
    return replace(
        CONTOSO,
        facts=(fact,) if "fact" in given else (),
        egress=(given["egress"],) if "egress" in given else (),
        people=(*CONTOSO.people, BOBS_PHONE),
    )


def _played(line: Line) -> Case:
    """The condition comes to be known; what Vouch then asks for is approved, and all is done."""
    given = line.given
    case = Case(_customer(given)).reported(_report(line))
    if "card" in given:
        case.answers(given["card"])
    if "phone" in given:
        case.says_on_the_phone(given["phone"])
    if "writes" in given:
        case.happens(Wrote(BOB.object_id, given["writes"]), after=1)
    for approval in case.state.approvals:
        if approval.state is ApprovalState.OPEN:
            case.approves(on=approval.id)
    return case.done()


def _outcome(case: Case) -> Outcome:
    does = sorted(case.ever_contained())
    found: Outcome = {"grade": _grade(case), "action": _action(case)}
    return {**found, "does": [*does]} if does else found


def _grade(case: Case) -> str:
    proposal = case.state.decision.proposal if case.state.decision else None
    return proposal.disposition.value if proposal else "none"


def _action(case: Case) -> str:
    if _grade(case) in (Disposition.EXPECTED, Disposition.FALSE_POSITIVE):
        return "close"
    if case.ever_contained() - LOOKING:
        return "contain"
    if case.open_calls or case.state.handed_over is not None:
        return "person"
    return "ask" if case.open_questions else "waits"


@every_line
def test_a_row_states_what_vouch_does(line: Line) -> None:
    assert _outcome(_played(line)) == line.row["vouch"]


@pytest.mark.parametrize("alert", TABLE)
def test_the_table_states_what_kind_of_case_an_alert_is(alert: str) -> None:
    kinds = {recognise(_report(line)) for line in LINES if line.alert == alert}

    assert kinds == {(IncidentType(TABLE[alert]["kind"]),)}


@every_line
def test_a_row_gives_a_fact_or_a_reply_or_says_why_it_cannot(line: Line) -> None:
    assert bool(line.given) != ("cannot" in line.row)


@pytest.mark.parametrize("line", UNTOLD, ids=[line.name for line in UNTOLD])
def test_what_no_fact_or_reply_can_tell_reaches_a_person_and_is_not_closed(line: Line) -> None:
    """By what was played, not by what the row says."""
    case = _played(line)

    assert case.state.handed_over or case.open_calls or case.open_questions
    assert _action(case) != "close"
    assert (case.state.closing, case.state.closed) == (None, None)


# --- whether they agree --------------------------------------------------------------------------


def _differences(line: Line) -> set[str]:
    """Where the two part.

    - the grade is another one
    - the action is another one, where the advice names any
    - both contain, and Vouch leaves out a step that is advised; or both close, and Vouch has
      contained before
    """
    advice, vouch = line.row["advice"], line.row["vouch"]
    left_out = set(advice.get("does", [])) - set(vouch.get("does", []))
    too_much = set(vouch.get("does", [])) if advice["action"] == "close" else set()
    found: dict[Difference, bool] = {
        "grade": vouch["grade"] != GRADES[line.condition],
        "action": advice["action"] not in ("none", vouch["action"]),
        "does": advice["action"] == vouch["action"] and bool(left_out or too_much),
    }
    return {name for name, differs in found.items() if differs}


@every_line
def test_a_row_says_that_it_agrees_exactly_where_it_does(line: Line) -> None:
    assert line.row["agrees"] == (not _differences(line))


@every_line
def test_every_disagreement_has_a_reason(line: Line) -> None:
    """One for each difference; what cannot be told to Vouch differs for that reason in all."""
    differences = _differences(line)
    cannot = line.row.get("cannot")
    because = dict.fromkeys(differences, cannot) if cannot else line.row.get("because", {})

    assert set(because) == differences
    assert all(REASONS[reason].strip() for reason in because.values())


def test_every_reason_is_given_somewhere() -> None:
    rows = [line.row for line in LINES]
    given = {reason for row in rows for reason in row.get("because", {}).values()}

    assert given | {row["cannot"] for row in rows if "cannot" in row} == set(REASONS)

"""The analysts' list of cases: which ones are wanted, and a page of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.replies import MOST_NAMED
from cards.choosing import Option, Row
from dialogs import commands
from dialogs.commands import Word
from storage import across
from triage.authority import may_command
from triage.customer import Analyst, Customer, Provider
from triage.handover import waits
from triage.incident import Assignment, Incident, IncidentType, Status
from triage.phrases import Phrase, phrase
from triage.report import Severity
from triage.surfaces.threads import headline
from triage.views import CaseLine

PAGE = 10
"""Cases a page shows: they fit on a phone."""


@dataclass(frozen=True, slots=True)
class Page:
    counted: Phrase
    rows: tuple[Row, ...]
    pages: tuple[Option, ...]
    """The ones before and after it."""


def wanted(
    command: commands.ListCases, called: Mapping[str, str], by: Analyst
) -> across.Listing | Phrase:
    """Each word says of which customer, state, severity or kind the cases are to be."""
    of: dict[str, list[str]] = {"customer": [], "status": [], "severity": [], "type": []}
    for written in command.words:
        word = written.lower().strip(".,;")
        if word in called:
            of["customer"].append(called[word])
        elif (known := STATUSES.get(word)) or word in [*Status]:
            of["status"].append(known or word)
        elif word in [*Severity]:
            of["severity"].append(word)
        elif word.replace("-", "_") in [*IncidentType]:
            of["type"].append(word.replace("-", "_"))
        else:
            return phrase("list.unknown_word", word=written, customers=_some(called))
    return across.Listing(
        statuses=tuple(map(Status, of["status"])),
        customers=tuple(of["customer"]),
        severities=tuple(map(Severity, of["severity"])),
        types=tuple(map(IncidentType, of["type"])),
        owner=by.object_id if command.mine else None,
        unowned=command.unowned,
    )


STATUSES = {"closed": Status.RESOLVED}
"""What people call a state, where we call it otherwise."""


def _some(called: Mapping[str, str]) -> str:
    return ", ".join(sorted(set(called.values()))[:MOST_NAMED])


def page(
    command: commands.ListCases, found: across.Listed, provider: Provider, by: Analyst
) -> Page:
    number = command.page
    first = (number - 1) * PAGE
    last = first + len(found.cases)
    counts = {"first": first + 1, "last": last, "count": found.count}
    here = commands.page(command, number)
    before = [Option(phrase("button.page_before"), commands.page(command, number - 1))]
    after = [Option(phrase("button.page_after"), commands.page(command, number + 1))]
    return Page(
        phrase("list.all" if found.count <= PAGE else "list.count", **counts),
        tuple(
            Row(_line(*case, provider, by), Option(name, f"{Word.SHOW} {name}", here))
            for case in found.cases
            if (name := case[0].name)
        ),
        (*(before if number > 1 else []), *(after if last < found.count else [])),
    )


def _line(incident: Incident, customer: Customer, provider: Provider, by: Analyst) -> CaseLine:
    """A case about the reader's own account is named, and nothing of it told."""
    hidden = may_command(incident, provider, by.object_id) is not None
    stands = phrase(f"status.{incident.status}")
    return CaseLine(
        name=incident.name,
        severity=incident.severity,
        customer=customer.name,
        headline=phrase("list.hidden") if hidden else headline(incident),
        waits=stands if incident.is_over or hidden else waits(incident, customer),
        whose=incident.owner_name or _given(incident) or phrase("label.nobody"),
    )


def _given(incident: Incident) -> Phrase | None:
    """A case that was given to somebody, and is not taken yet."""
    given = incident.assignment
    return phrase("list.given", to=given.to_name) if isinstance(given, Assignment) else None

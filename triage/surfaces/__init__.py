"""What every surface should show, computed from the state after every event.

No code orders "update that card": a surface is shown again when its view differs from the one it
last asked for. The views are in `triage/views.py`; words come later, in `cards`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from triage import authority
from triage.customer import Customer
from triage.effects import ANALYST_THREAD, CUSTOMER_THREAD
from triage.incident import Disposition, Incident, SourceRef
from triage.ladder import managers
from triage.phrases import phrase
from triage.surfaces.analyst import analyst_thread
from triage.surfaces.approval import approval_card, hidden_approval
from triage.surfaces.customer import customer_thread
from triage.surfaces.person import asked_in_teams, manager_card, person_card
from triage.surfaces.task import task_card
from triage.views import SourceStatus, View


class Surfaces(Mapping[str, View]):
    """Views by the name of their surface, each made when it is first looked at."""

    def __init__(self, makes: Mapping[str, Callable[[], View]]) -> None:
        self._makes = makes
        self._made: dict[str, View] = {}

    def __getitem__(self, name: str) -> View:
        if name not in self._made:
            self._made[name] = self._makes[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makes)

    def __len__(self) -> int:
        return len(self._makes)


def surfaces(incident: Incident, customer: Customer) -> Surfaces:
    """Every surface of an incident by name, as it should stand.

    Names: "customer", "analyst", "person:{object id}", "manager:{object id}:{question}",
    "approval:{id}", "task:{id}" in the thread or "owner:{object id}:{id}" in its owner's chat,
    "source:{source}:{id}".
    A restricted case has no approvals and no cards; in a placeholder thread an approval that stands
    there already tells nothing, and no other is shown.
    """
    makes: dict[str, Callable[[], View]] = {
        ANALYST_THREAD: partial(analyst_thread, incident, customer)
    }
    if incident.threaded:
        makes[CUSTOMER_THREAD] = partial(customer_thread, incident, customer)
    for person in asked_in_teams(incident):
        makes[f"person:{person.object_id}"] = partial(person_card, incident, customer, person)
    for question, step, manager in managers(incident):
        name = f"manager:{manager.object_id}:{question.id}"
        makes[name] = partial(manager_card, incident, customer, question, step)
    guarded = authority.is_thread_guarded(incident, customer)
    for approval in incident.approvals:
        if approval.in_thread:  # what was never shown there needs no hiding
            makes[f"approval:{approval.id}"] = (
                partial(hidden_approval, incident, approval)
                if guarded
                else partial(approval_card, incident, customer, approval)
            )
    for task in incident.tasks:
        name = f"task:{task.id}" if task.in_thread else f"owner:{task.person.object_id}:{task.id}"
        makes[name] = partial(task_card, incident, customer, task)
    if incident.merged is None:  # of a merged case, the other one tells the sources
        for ref in incident.refs:
            makes[f"source:{ref.source}:{ref.source_id}"] = partial(source_status, incident, ref)
    return Surfaces(makes)


def source_status(incident: Incident, ref: SourceRef) -> SourceStatus:
    """In progress without a verdict until it closes: Defender does not merge incidents whose
    classification or owner differ, so nothing is written early (domain.md section 5)."""
    closed = incident.closed
    return SourceStatus(
        source=ref.source,
        source_id=ref.source_id,
        status="resolved" if closed else "inProgress",
        disposition=closed.disposition if closed else Disposition.UNDECIDED,
        determination=closed.determination if closed else "other",
        comment=phrase(
            "source.closed" if closed else "source.working",
            name=incident.name,
            by=closed.by_name if closed else None,
        ),
    )

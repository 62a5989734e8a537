"""The story of an incident, read from the log whenever somebody asks for it; nothing is changed."""

from cards import story as text
from cards.wording import Reader
from storage import across, incidents, profiles
from storage.codec import verdict_from_json
from storage.engine import Store, StoreError, Tx
from triage.customer import Customer
from triage.incident import Incident, IncidentType
from triage.story import Happened, story

PAGE = 8_000
"""Characters of a story in one message: Teams takes some 28 KB, whatever the script."""


class NotForCustomersError(Exception):
    """The case is not for the customer's people at large; the message says who is told instead."""


def told(tx: Tx, incident_id: str, *, internal: bool, language: str | None = None) -> list[str]:
    """Line by line, on the customer's clock. Raises NotForCustomersError, and LookupError where
    there is no such incident."""
    incident = incidents.load(tx, incident_id)
    customer = profiles.current(tx)
    if incident is None or not isinstance(customer, Customer):
        raise LookupError(f"no incident {incident_id} of {tx.customer}")
    if is_for_named_lead(incident) and not internal:
        raise NotForCustomersError(
            f"{incident.name} is restricted: tell the named lead yourself, and nobody else."
        )
    log = [_happened(stored) for stored in incidents.history(tx, incident_id)]
    reader = Reader(language or customer.language, customer.zone)
    return text.text(incident, customer, story(incident, log), reader, internal=internal)


def is_for_named_lead(incident: Incident) -> bool:
    """Whether nobody else of the customer is to hear of it."""
    return incident.type is IncidentType.RESTRICTED


def _happened(stored: incidents.StoredEvent) -> Happened:
    event = None if isinstance(stored.event, incidents.Erased) else stored.event
    verdict = verdict_from_json(stored.answer) if stored.answer else None
    return Happened(stored.at, event, verdict, stored.reasons)


async def by_name(
    database: str, name: str, *, internal: bool, customer: str | None, language: str | None
) -> list[str]:
    """The story of the case of this name. Raises StoreError for a name that none has, or several."""
    store = Store.look(database)
    try:
        whose = [customer] if customer else await store.read_across(across.whose)
        found = [
            (of, case)
            for of in whose
            if (case := await store.read(of, lambda tx: incidents.named(tx, name))) is not None
        ]
        if not found:
            raise StoreError(f"there is no case {name!r}; it is written as on its card: CONTOSO-42")
        if len(found) > 1:
            customers = ", ".join(of for of, _ in found)
            raise StoreError(f"{name} is a case of {customers}: say whose with --customer")
        ((of, case),) = found
        return await store.read(of, lambda tx: told(tx, case, internal=internal, language=language))
    finally:
        await store.close()

"""What the records hold of a person, and erasing it: because they ask, and an operator sees to it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.setup import NoSuchCustomerError
from storage import across, erasing, incidents, profiles
from storage.engine import Store, Tx, Urgency
from triage.customer import Customer


@dataclass(frozen=True, slots=True)
class ExportPerson:
    """Everything kept of somebody, as JSON."""

    customer: str
    upn: str
    by: str
    kind: Literal["export_person"] = "export_person"


@dataclass(frozen=True, slots=True)
class ErasePerson:
    customer: str
    upn: str
    by: str
    why: str
    kind: Literal["erase_person"] = "erase_person"


class CannotEraseError(Exception):
    """Something stands against it; the message says what to do first."""


async def export(store: Store, command: ExportPerson, now: datetime) -> list[str]:
    """One line of JSON; that it was made is recorded, not of whom."""

    def unit(tx: Tx) -> dict[str, Any]:
        _customer(tx)
        who = erasing.subject(tx, command.upn)
        cases = [c for c in erasing.cases_of(tx, who) if not c.is_restricted]
        kept = erasing.kept_of(tx, who, cases)
        _record(tx, "person_exported", now, by=command.by, cases=[c.name for c in cases])
        return kept

    kept = await store.write(command.customer, unit, Urgency.PEOPLE)
    return [json.dumps({"of": command.upn, "at": now, **kept}, ensure_ascii=False, default=str)]


async def erase(store: Store, command: ErasePerson, now: datetime) -> list[str]:
    """Remove a person from the records of a customer, and from what the provider's desk recorded.

    Raises CannotEraseError. Doing it twice is harmless.
    """
    who = await store.read(command.customer, lambda tx: _erasable(tx, command))
    provider = await store.read_across(across.provider)
    if provider is not None:  # first: afterwards nobody knows any more whom a UPN belonged to
        await store.write(provider.id, lambda tx: erasing.erase_at_desk(tx, who), Urgency.PEOPLE)

    def unit(tx: Tx) -> list[str]:
        cases = erasing.erase_person(tx, _erasable(tx, command))
        _record(tx, "person_erased", now, by=command.by, why=command.why, cases=cases)
        return cases

    cases = await store.write(command.customer, unit, Urgency.PEOPLE)
    await store.forget()
    return [
        f"{command.upn} is erased from the records of {command.customer}.",
        f"Cases that were erased for it: {', '.join(cases) or 'none'}.",
        "Backups hold the person until you delete them; so do exports, and Teams its own messages.",
    ]


def _erasable(tx: Tx, command: ErasePerson) -> erasing.Subject:
    """Whom it is about, where nothing stands against it."""
    _customer(tx)
    who = erasing.subject(tx, command.upn)
    if not command.why.strip() or erasing.mentions(command.why, who):
        raise CannotEraseError(
            "--why stays in the record for good: give a reason that does not name the person, "
            "such as the number of their request."
        )
    if erasing.in_profile(tx, who):
        raise CannotEraseError(
            f"The profile of {command.customer} names {command.upn}. Take them out of it first, and "
            "add it again with `vouch customer add`."
        )
    cases = erasing.cases_of(tx, who)
    running = [case.name for case in cases if not case.is_over]
    if running:
        raise CannotEraseError(
            f"{', '.join(running)} is open, has an open task or keeps an account suspect, and needs "
            f"what is known of {command.upn}: end that first."
        )
    at_work = [case.name for case in cases if case.is_at_work]
    if at_work:
        raise CannotEraseError(
            f"Something of {', '.join(at_work)} is still to be carried out; nothing has been erased. "
            "Try again in a few minutes."
        )
    return who


def _customer(tx: Tx) -> Customer:
    profile = profiles.find(tx)
    if not isinstance(profile, Customer):
        raise NoSuchCustomerError(
            f"There is no customer {tx.customer!r}; `vouch customer list` says who there is."
        )
    return profile


def _record(tx: Tx, kind: str, now: datetime, **payload: Any) -> None:
    incidents.record_desk(
        tx,
        key=f"{kind}:{now.isoformat()}",
        kind=kind,
        payload=payload,
        at=now,
        actor=f"operator:{payload['by']}",
    )

"""The kill switch of response actions: pulled and released at a running Vouch, for one or for all.

What is stopped is a row, read in the transaction that claims a response action: it holds for every
replica from the COMMIT on. A call that was under way by then is not called back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.setup import NoSuchCustomerError
from storage import across, effects, incidents, profiles, reach
from storage import surfaces as surface_rows
from storage.engine import Store, Tx, Urgency
from triage.customer import Customer, Stop
from triage.effects import ANALYST_THREAD, TellAnalysts
from triage.phrases import phrase


@dataclass(frozen=True, slots=True)
class StopContainment:
    """No response action is begun, of one customer or of all, until it is allowed."""

    by: str
    why: str
    customer: str | None = None
    """None for all, also those who come later."""
    kind: Literal["stop_containment"] = "stop_containment"


@dataclass(frozen=True, slots=True)
class AllowContainment:
    """What the kill switch, or the circuit breaker, stopped may go on."""

    by: str
    why: str
    customer: str | None = None
    """None for what was stopped for all at once."""
    kind: Literal["allow_containment"] = "allow_containment"


Switch = StopContainment | AllowContainment


class NothingStoppedError(Exception):
    """Response actions are allowed as it is."""


async def switch(store: Store, command: Switch, now: datetime) -> list[str]:
    """Carry it out; what there is to say, line by line.

    Raises NoSuchCustomerError, or NothingStoppedError where there is nothing to allow.
    """
    known = await store.read_across(across.customers)
    provider = next((one.id for one in known if one.role == "provider"), None)
    meant = [one for one in known if command.customer in (None, one.id)]
    if not meant:
        raise NoSuchCustomerError(
            f"There is no customer {command.customer!r}; `vouch customer list` says who there is."
        )
    # The provider's row first: from then on it holds for all, however long the rest takes.
    meant.sort(key=lambda one: one.role != "provider")
    said = [
        await store.write(one.id, lambda tx: _switched(tx, command, provider, now), Urgency.PEOPLE)
        for one in meant
    ]
    lines = [line for line in said if line]
    if not lines:
        raise NothingStoppedError("Nothing is stopped there; `vouch doctor` says what is.")
    return lines


def _switched(tx: Tx, command: Switch, provider: str | None, now: datetime) -> str | None:
    everywhere = command.customer is None
    reach.hold(tx)
    standing = reach.stopped(tx)
    match command:
        case StopContainment(by, why):
            if not (everywhere and standing):  # one's own stop outlives that of all
                reach.stop(tx, Stop(now, why, by, everywhere))
            _tell(tx, "say.stopped", command, provider, now)
            return f"{tx.customer}: no response action is begun until you allow it"
        case AllowContainment(by, why):
            if standing is None or standing.everywhere is not everywhere:
                return None
            reach.allow(tx, by, why, now)
            _tell(tx, "say.allowed", command, provider, now)
            return f"{tx.customer}: response actions are allowed; order again what was refused"


def _tell(tx: Tx, key: str, command: Switch, provider: str | None, now: datetime) -> None:
    """Analysts hear it in their channel, and read it on the card of every open case."""
    customer = profiles.find(tx)
    if not isinstance(customer, Customer):
        return
    says = phrase(key, customer=customer.name, by=command.by, why=command.why)
    told = TellAnalysts(f"{key}:{now.isoformat()}", says)
    effects.order(tx, incidents.desk(tx.customer), [told], now, analysts=provider)
    show_analysts_anew(tx, f"{key}:{now.isoformat()}", provider, now)


def show_analysts_anew(tx: Tx, mark: str, provider: str | None, now: datetime) -> None:
    """What stands on the analysts' cards follows from the profile too; `mark` names what is new."""
    for incident_id in incidents.open_ids(tx):
        for name, revision in surface_rows.want(tx, incident_id, {ANALYST_THREAD: mark}).items():
            show = effects.Show(name, effects.place_lane(incident_id, name), revision)
            effects.order(tx, incident_id, [show], now, analysts=provider)

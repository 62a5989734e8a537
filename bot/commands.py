"""What an operator may order of the records, at a running Vouch or beside a stopped one.

A command is a value: the command line carries it out itself where nobody has the database, and
hands it to `vouch serve` where that has it (`bot/control.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal, assert_never

from bot import privacy
from bot.privacy import CannotEraseError, ErasePerson, ExportPerson
from bot.setup import NoSuchCustomerError, add_intake_key, add_profile
from storage import across, effects, incidents
from storage.across import Stuck
from storage.engine import Store, Tx, Urgency
from storage.profiles import ProfileError
from triage.report import Source

EVER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class AddProfile:
    text: str
    origin: str
    """The file's name, for what is said of its faults."""
    kind: Literal["add_profile"] = "add_profile"


@dataclass(frozen=True, slots=True)
class AddKey:
    customer: str
    source: Source
    kind: Literal["add_key"] = "add_key"


@dataclass(frozen=True, slots=True)
class Retry:
    """One effect by its id, an incident's by its name, or with neither everything that failed in
    the last days."""

    by: str
    why: str
    effect: int | None = None
    incident: str | None = None
    kind: Literal["retry"] = "retry"


Command = AddProfile | AddKey | Retry | ExportPerson | ErasePerson


class NothingToRetryError(Exception):
    """Nothing of what was named has failed or is blocked."""


REFUSALS = (ProfileError, NoSuchCustomerError, NothingToRetryError, CannotEraseError)
"""How a command says no: the message is for whoever gave it."""


async def perform(store: Store, command: Command, now: datetime) -> list[str]:
    """Carry it out; what there is to say, line by line. Raises one of REFUSALS."""
    match command:
        case AddProfile(text, origin):
            added = await add_profile(store, text, origin)
            return [f"{added.role} {added.id}, version {added.version}"]
        case AddKey(customer, source):
            return [await add_intake_key(store, customer, source)]
        case Retry():
            return await _retry(store, command, now)
        case ExportPerson():
            return await privacy.export(store, command, now)
        case ErasePerson():
            return await privacy.erase(store, command, now)
    assert_never(command)


# --- retry ---------------------------------------------------------------------------------------


async def _retry(store: Store, command: Retry, now: datetime) -> list[str]:
    back = EVER if command.effect or command.incident else across.LOOKS_BACK
    stuck = await store.read_across(lambda tx: across.stuck(tx, now, back=back))
    wanted = [effect for effect in stuck if _is_meant(effect, command)]
    if not wanted:
        raise NothingToRetryError(_nothing(command))
    told: list[str] = []
    for customer, of_customer in groupby(
        sorted(wanted, key=lambda e: (e.customer_id, e.effect_id)), lambda e: e.customer_id
    ):
        told += await _retry_of(store, customer, list(of_customer), command, now)
    return told


def _is_meant(effect: Stuck, command: Retry) -> bool:
    if command.effect is not None:
        return effect.effect_id == command.effect and effect.status in {"failed", "blocked"}
    if command.incident is not None:
        return effect.incident == command.incident and effect.status in {"failed", "blocked"}
    return effect.status == "failed"


def _nothing(command: Retry) -> str:
    if command.effect is not None:
        return (
            f"Effect {command.effect} has neither failed nor is it blocked; "
            "`vouch doctor` names what has."
        )
    if command.incident is not None:
        return f"Nothing of {command.incident} has failed or is blocked; `vouch doctor` names what has."
    return "Nothing has failed in the last 7 days. What waits for an installation is not failed."


async def _retry_of(
    store: Store, customer: str, stuck: list[Stuck], command: Retry, now: datetime
) -> list[str]:
    """In one transaction with the record of who asked for it and why, at the customer's desk."""
    may, may_not = [e for e in stuck if _may_repeat(e)], [e for e in stuck if not _may_repeat(e)]

    def put_back(tx: Tx) -> list[int]:
        done = effects.put_back(tx, [e.effect_id for e in may], now)
        if done:
            incidents.record_desk(
                tx,
                key=f"retried:{done[0]}:{now.isoformat()}",
                kind="effects_retried",
                payload={
                    "effects": [_kept(e) for e in may if e.effect_id in done],
                    "by": command.by,
                    "why": command.why,
                },
                at=now,
                actor=f"operator:{command.by}",
            )
        return done

    done = await store.write(customer, put_back, Urgency.PEOPLE)
    return [
        *(f"effect {e.effect_id}: tried again ({described(e)})" for e in _in(may, done)),
        *(f"effect {e.effect_id}: left alone ({described(e)}). {REPEATED}" for e in may_not),
    ]


REPEATED = (
    "A response action that failed is not repeated behind the analysts' backs: order it again on "
    "the case in Teams."
)


def _may_repeat(effect: Stuck) -> bool:
    return effect.kind != "contain"


def _kept(effect: Stuck) -> dict[str, str | int | None]:
    return {
        "id": effect.effect_id,
        "stream": effect.stream,
        "kind": effect.kind,
        "was": effect.status,
        "error": effect.last_error,
    }


def _in(stuck: Iterable[Stuck], ids: list[int]) -> Iterable[Stuck]:
    return (effect for effect in stuck if effect.effect_id in ids)


def described(effect: Stuck) -> str:
    """What an effect is, for whoever reads a list of them."""
    what = f"{effect.kind} {effect.surface}" if effect.surface else effect.kind
    return f"{effect.incident or effect.customer_id}, {what}"

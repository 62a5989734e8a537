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
from bot.secretrefs import SecretError
from bot.setup import (
    SETUP,
    IdentityError,
    NoSuchCredentialError,
    NoSuchCustomerError,
    ProviderStaysError,
    add_identity,
    add_intake_key,
    add_profile,
    add_signing_secret,
    invite,
    remove_customer,
    revoke,
)
from bot.switch import AllowContainment, NothingStoppedError, StopContainment, switch
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
    by: str = SETUP
    kind: Literal["add_key"] = "add_key"


@dataclass(frozen=True, slots=True)
class AddSecret:
    customer: str
    source: Source
    reference: str
    by: str = SETUP
    kind: Literal["add_secret"] = "add_secret"


@dataclass(frozen=True, slots=True)
class AddIdentity:
    customer: str
    source: Source
    object_id: str
    by: str = SETUP
    kind: Literal["add_identity"] = "add_identity"


@dataclass(frozen=True, slots=True)
class RevokeKey:
    customer: str
    id: int
    by: str = SETUP
    kind: Literal["revoke_key"] = "revoke_key"


@dataclass(frozen=True, slots=True)
class Invite:
    customer: str
    by: str
    days: int
    kind: Literal["invite"] = "invite"


@dataclass(frozen=True, slots=True)
class Remove:
    customer: str
    by: str
    kind: Literal["remove"] = "remove"


@dataclass(frozen=True, slots=True)
class Retry:
    """One effect by its id, an incident's by its name, or with neither everything that failed in
    the last days."""

    by: str
    why: str
    effect: int | None = None
    incident: str | None = None
    kind: Literal["retry"] = "retry"


Command = (
    AddProfile
    | AddKey
    | AddSecret
    | AddIdentity
    | RevokeKey
    | Invite
    | Remove
    | Retry
    | ExportPerson
    | ErasePerson
    | StopContainment
    | AllowContainment
)


class NothingToRetryError(Exception):
    """Nothing of what was named has failed or is blocked."""


REFUSALS = (
    ProfileError,
    NoSuchCustomerError,
    NoSuchCredentialError,
    IdentityError,
    SecretError,
    ProviderStaysError,
    NothingToRetryError,
    CannotEraseError,
    NothingStoppedError,
)
"""How a command says no: the message is for whoever gave it."""


async def perform(store: Store, command: Command, now: datetime) -> list[str]:
    """Carry it out; what there is to say, line by line. Raises one of REFUSALS."""
    match command:
        case AddProfile(text, origin):
            added = await add_profile(store, text, origin)
            return [f"{added.role} {added.id}, version {added.version}"]
        case AddKey(customer, source, by):
            return [await add_intake_key(store, customer, source, by)]
        case AddSecret(customer, source, reference, by):
            new = await add_signing_secret(store, customer, source, reference, by)
            return _signs(customer, source, reference, new)
        case AddIdentity(customer, source, object_id, by):
            await add_identity(store, customer, source, object_id, by)
            return [f"{customer} {source}: known by the identity {object_id}; by no key any more"]
        case RevokeKey(customer, id_, by):
            it = await revoke(store, customer, id_, by)
            return [f"{customer} {it.source}: {it.kind} {it.id} opens nothing any more"]
        case Invite(customer, by, days):
            code = await invite(store, customer, by, now, timedelta(days=days))
            return [code, f"{HOW_TO_USE} It works once, until {_until(now, days)}."]
        case Remove(customer, by):
            cancelled = await remove_customer(store, customer, by, now)
            return [f"{customer} is removed; {cancelled} effects were cancelled. Its records stay."]
        case Retry():
            return await _retry(store, command, now)
        case ExportPerson():
            return await privacy.export(store, command, now)
        case ErasePerson():
            return await privacy.erase(store, command, now)
        case StopContainment() | AllowContainment():
            return await switch(store, command, now)
    assert_never(command)


def _signs(customer: str, source: Source, reference: str, new: str | None) -> list[str]:
    post_to = f"/api/incidents/{source}?customer={customer}"
    told = f"{customer} {source}: signs with {reference}, and posts to {post_to}; no key any more"
    if new is None:
        return [told]
    return [new, told, f"Put this secret where {reference} says, and into the source. Shown once."]


HOW_TO_USE = (
    "Somebody of theirs adds Vouch to the team and writes `@Vouch setup` and this code in the channel "
    "where incidents shall stand."
)


def _until(now: datetime, days: int) -> str:
    return f"{now + timedelta(days=days):%Y-%m-%d %H:%M} UTC"


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
        *(
            f"effect {e.effect_id}: left alone ({described(e)}). {_NOT_REPEATED[e.kind]}"
            for e in may_not
        ),
    ]


_NOT_REPEATED = {
    "contain": "A response action that failed is not repeated behind the analysts' backs: order it "
    "again on the case in Teams.",
    "post_handover": "Each of its cases has called whoever got it, in its own thread.",
}


def _may_repeat(effect: Stuck) -> bool:
    return effect.kind not in _NOT_REPEATED


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

"""Setting up and taking down: profiles, intake keys, codes, as the command line and the demo do it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot import retention, rota
from bot.secretrefs import SecretError, check_reference, is_set, signing_secret
from sources.signature import new_key, new_secret
from storage import across, credentials, effects, homes, incidents, invitations, people, profiles
from storage.credentials import Credential, Kind
from storage.engine import AcrossTx, Store, Tx, Urgency
from triage.customer import Customer, Provider
from triage.report import Source

SETUP = "setup"
"""Who did it, where nobody says."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Added:
    id: str
    role: Literal["customer", "provider"]
    version: int


async def add_profile(store: Store, text: str, origin: str) -> Added:
    """A customer's or the provider's profile from its TOML; unchanged text makes no new version.

    Raises ProfileError, which names every fault with its line in `origin` and the reason.
    """
    profile = profiles.read(text, origin)
    now = datetime.now(UTC)

    def save(tx: Tx, shared: AcrossTx) -> profiles.Profile:
        saved = profiles.save(tx, text, origin, now)
        match saved:
            case Customer():
                retention.order_next(tx, now)
            case Provider():
                rota.order_next(tx, shared, saved, now)
                rota.order_at_once(tx, saved, now)
        return saved

    saved = await store.write_both(profile.id, save, Urgency.PEOPLE)
    role: Literal["customer", "provider"] = (
        "provider" if isinstance(profile, Provider) else "customer"
    )
    return Added(saved.id, role, saved.version)


async def add_intake_key(store: Store, customer: str, source: Source, by: str = SETUP) -> str:
    """A new bearer key for one source of one customer. Only its hash is kept: show it once.

    Raises NoSuchCustomerError.
    """
    key, sha256 = new_key()
    await _add(store, customer, source, Kind.BEARER, sha256, by)
    return key


async def add_signing_secret(
    store: Store, customer: str, source: Source, reference: str, by: str = SETUP
) -> str | None:
    """Have a source sign its requests with the secret that stands at `reference`; its keys are void
    from then on. Where nothing stands there yet, a new secret to put there.

    Raises NoSuchCustomerError and SecretError.
    """
    check_reference(reference)
    new = None if is_set(reference) else new_secret()
    if new is None:
        signing_secret(reference)
    owner = await store.read_across(lambda tx: across.whose_secret(tx, reference))
    if owner not in (None, (customer, source)):
        raise SecretError(f"{reference} is another source's already: each has a secret of its own.")
    await _add(store, customer, source, Kind.SIGNATURE, reference, by)
    return new


async def add_identity(
    store: Store, customer: str, source: Source, object_id: str, by: str = SETUP
) -> None:
    """Know a source by an identity of the customer's tenant; its keys are void from then on.

    Raises NoSuchCustomerError and IdentityError.
    """
    if not _GUID.fullmatch(object_id):
        raise IdentityError(
            "An identity is named by its object id, as Entra and the Logic App's page *Identity* "
            "show it: 8-4-4-4-12 hexadecimal digits."
        )
    await _add(store, customer, source, Kind.IDENTITY, object_id.lower(), by)


async def revoke(store: Store, customer: str, id_: int, by: str = SETUP) -> Credential:
    """What has this number opens nothing from now on. Raises NoSuchCredentialError."""
    now = datetime.now(UTC)

    def remove(tx: Tx) -> Credential:
        found = credentials.remove(tx, id_)
        if found is None:
            raise NoSuchCredentialError(
                f"{customer} has no intake key {id_}; `vouch customer key {customer}` lists them."
            )
        _record(tx, "intake_key_revoked", found, by, now)
        return found

    return await store.write(customer, remove, Urgency.PEOPLE)


async def _add(  # noqa: PLR0917
    store: Store, customer: str, source: Source, kind: Kind, value: str, by: str
) -> None:
    now = datetime.now(UTC)

    def add(tx: Tx) -> None:
        _known(tx)
        _record(tx, "intake_key_added", credentials.add(tx, source, kind, value, now), by, now)
        if kind is not Kind.BEARER:
            for key in credentials.withdraw_keys(tx, source):
                _record(tx, "intake_key_revoked", key, by, now)

    await store.write(customer, add, Urgency.PEOPLE)


def _record(tx: Tx, kind: str, it: Credential, by: str, now: datetime) -> None:
    """At the customer's desk: who let whom in, and who shut them out."""
    told = {"id": it.id, "source": it.source, "kind": it.kind}
    if it.kind is not Kind.BEARER:
        told["value"] = it.value
    incidents.record_desk(
        tx,
        key=f"{kind}:{it.id}:{now.isoformat()}",
        kind=kind,
        payload=told,
        at=now,
        actor=f"operator:{by}",
    )


async def invite(store: Store, customer: str, by: str, now: datetime, valid: timedelta) -> str:
    """A new code by which a channel of the customer's, or of the provider's, is bound: once, and in
    time. Only its hash is kept: show it once. Codes that were not used before are void.

    Raises NoSuchCustomerError.
    """
    code, sha256 = invitations.new_code()

    def add(tx: Tx) -> None:
        _known(tx)
        invitations.add(tx, sha256, by, now, now + valid)
        incidents.record_desk(
            tx,
            key=f"invited:{sha256}",
            kind="invited",
            payload={"by": by, "expires": (now + valid).isoformat()},
            at=now,
            actor=f"operator:{by}",
        )

    await store.write(customer, add, Urgency.PEOPLE)
    return code


REMOVED = "the customer was removed"


async def remove_customer(store: Store, customer: str, by: str, now: datetime) -> int:
    """Offboard a customer, all at once: nothing is taken in any more and nothing said, keys and
    codes are void, and what waits is cancelled; how much that was. The records stay.

    Raises NoSuchCustomerError and ProviderStaysError.
    """

    def remove(tx: Tx) -> int:
        if isinstance(_known(tx), Provider):
            raise ProviderStaysError(
                f"{customer} is the provider: without it there is nobody to work on incidents. "
                "Correct its profile and add it again."
            )
        cancelled = effects.cancel_open(tx, REMOVED, now)
        credentials.void(tx)
        invitations.void(tx)
        homes.unbind(tx)
        people.leave(tx)
        profiles.end(tx)
        incidents.record_desk(
            tx,
            key=f"customer_removed:{now.isoformat()}",
            kind="customer_removed",
            payload={"by": by, "cancelled": cancelled},
            at=now,
            actor=f"operator:{by}",
        )
        return cancelled

    return await store.write(customer, remove, Urgency.PEOPLE)


def _known(tx: Tx) -> profiles.Profile:
    profile = profiles.find(tx)
    if profile is None:
        raise NoSuchCustomerError(
            f"There is no customer {tx.customer!r}; `vouch customer list` says who there is."
        )
    return profile


class NoSuchCustomerError(Exception):
    """Nobody was onboarded under this id."""


class NoSuchCredentialError(Exception):
    """The customer has no key, secret or identity of this number."""


class IdentityError(Exception):
    """Not the object id of an identity."""


class ProviderStaysError(Exception):
    """The provider cannot be removed."""

"""Setting up and taking down: profiles, intake keys, codes, as the command line and the demo do it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sources.signature import new_key
from storage import effects, homes, incidents, invitations, people, profiles
from storage.engine import Store, Tx, Urgency
from triage.customer import Provider
from triage.report import Source


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
    saved = await store.write(
        profile.id, lambda tx: profiles.save(tx, text, origin, now), Urgency.PEOPLE
    )
    role: Literal["customer", "provider"] = (
        "provider" if isinstance(profile, Provider) else "customer"
    )
    return Added(saved.id, role, saved.version)


async def add_intake_key(store: Store, customer: str, source: Source) -> str:
    """A new bearer key for one source of one customer. Only its hash is kept: show it once.

    Raises NoSuchCustomerError.
    """
    key, sha256 = new_key()
    now = datetime.now(UTC)

    def add(tx: Tx) -> None:
        _known(tx)
        profiles.add_intake_key(tx, source, sha256, now)

    await store.write(customer, add, Urgency.PEOPLE)
    return key


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
        profiles.void_intake_keys(tx)
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


class ProviderStaysError(Exception):
    """The provider cannot be removed."""

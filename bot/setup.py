"""Setting up: profiles and intake keys, as the command line and the demo add them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bot import retention
from sources.signature import new_key
from storage import profiles
from storage.engine import Store, Tx, Urgency
from triage.customer import Customer, Provider
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

    def save(tx: Tx) -> profiles.Profile:
        saved = profiles.save(tx, text, origin, now)
        if isinstance(saved, Customer):
            retention.order_next(tx, now)
        return saved

    saved = await store.write(profile.id, save, Urgency.PEOPLE)
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
        if profiles.find(tx) is None:
            raise NoSuchCustomerError(
                f"There is no customer {customer!r}; `vouch customer list` says who there is."
            )
        profiles.add_intake_key(tx, source, sha256, now)

    await store.write(customer, add, Urgency.PEOPLE)
    return key


class NoSuchCustomerError(Exception):
    """Nobody was onboarded under this id."""

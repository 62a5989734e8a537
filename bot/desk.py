"""The provider's desk as this process knows it, kept as the rows have it.

Of several replicas one hears that the app was installed at the provider's, and a new version of the
profile may be added while all of them run.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.gathering import ProviderDesk
from dialogs.messenger import Channel
from storage import across, homes, people, profiles
from storage.engine import Store, Tx

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0


class NoProviderError(Exception):
    """Nobody is there to work on incidents: the provider's profile must be added first."""


async def read_desk(store: Store) -> ProviderDesk:
    provider = await store.read_across(across.provider)
    if provider is None:
        raise NoProviderError(
            "No provider profile yet. Add one with `vouch customer add provider.toml`; "
            "storage/profile.md shows how to write it."
        )
    return ProviderDesk(provider, await store.read(provider.id, channel_of))


def channel_of(tx: Tx) -> Channel | None:
    """The provider's channel, once the app is there."""
    home, profile = homes.home(tx), profiles.find(tx)
    if home is None or profile is None:
        return None
    known = people.channel(tx, profile.tenant_id, home.channel_id)
    return Channel(known.tenant_id, known.whose, known.service_url) if known else None


async def customers_of(store: Store, desk: ProviderDesk, tenant_id: str) -> list[str]:
    """The customers whose tenant it is: subsidiaries share one, and the provider may be a customer
    in its own."""
    found = await store.read_across(lambda tx: across.find_customers_by_tenant(tx, tenant_id))
    return [customer for customer in found if customer != desk.profile.id]


async def keep_desk(store: Store, desk: ProviderDesk, now: Callable[[], datetime]) -> None:
    """Look again and again, until cancelled. What we held back because we knew of no channel is
    released, at the next look too: it may have been in our hands at this one."""
    news = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            fresh = await read_desk(store)
            opened = fresh.channel is not None and fresh.channel != desk.channel
            desk.profile, desk.channel = fresh.profile, fresh.channel
            if opened or news:
                await release(store, desk, now())
            news = opened
        except Exception:
            log.exception("desk_not_read")


async def release(store: Store, desk: ProviderDesk, now: datetime) -> None:
    """What waited for the provider's channel, at every customer, can be tried again."""
    waits_for = homes.waits_for(desk.profile.id)
    await store.write_across(lambda tx: across.release_blocked(tx, waits_for, now))

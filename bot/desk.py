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
from storage import across, people
from storage.engine import Store

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
    known = await store.read(
        provider.id, lambda tx: people.channel(tx, provider.tenant_id, provider.channel_id)
    )
    channel = Channel(provider.tenant_id, provider.channel_id, known.service_url) if known else None
    return ProviderDesk(provider, channel)


async def keep_desk(store: Store, desk: ProviderDesk, now: Callable[[], datetime]) -> None:
    """Look again and again, until cancelled. What we held back because we knew of no channel is
    released, at the next look too: it may have been in our hands at this one."""
    news = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            fresh = await read_desk(store)
            opened = desk.channel is None and fresh.channel is not None
            desk.profile, desk.channel = fresh.profile, fresh.channel
            if opened or news:
                await _release(store, desk, now())
            news = opened
        except Exception:
            log.exception("desk_not_read")


async def _release(store: Store, desk: ProviderDesk, now: datetime) -> None:
    waits_for = f"team:{desk.profile.team_id}"
    await store.write_across(lambda tx: across.release_blocked(tx, waits_for, now))

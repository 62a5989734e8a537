"""The gateway as one object: built once, opened inside the running loop, closed at the end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from bot.inbound import Hears, Says
from bot.settings import Settings
from bot.teams.auth import Guard
from bot.teams.connector import Connector
from bot.teams.credentials import Credentials
from bot.teams.door import Door
from bot.teams.entra import METADATA, Identities
from bot.teams.graphtokens import GraphTokens
from bot.teams.keys import Keys
from bot.teams.network import Network
from dialogs.messenger import Messenger

PATH = "/api/messages"


class Gateway:
    """Teams, both ways."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._network = Network(settings.ca_file)
        self._credentials = Credentials(settings, clock)
        self.graph_tokens = GraphTokens(settings, clock)
        self._keys = Keys(self._network, settings.openid_metadata_url, clock)
        self._guard = Guard(
            self._keys,
            app_id=settings.app_id,
            issuer=settings.token_issuer,
            hosts=settings.service_hosts,
            clock=clock,
        )
        self._entra_keys = Keys(self._network, f"{settings.login_url}/{METADATA}", clock)
        self.identities = Identities(
            self._entra_keys, app_id=settings.app_id, login_url=settings.login_url, clock=clock
        )
        self.messenger: Messenger = Connector(
            self._network,
            self._credentials,
            app_id=settings.app_id,
            hosts=settings.service_hosts,
            clock=clock,
        )
        self._fetching: asyncio.Task[None] | None = None

    @property
    def network(self) -> Network:
        """The one client session, for whoever else calls out."""
        return self._network

    async def start(self) -> None:
        """Asks nothing of anybody yet: keys and token are fetched by the first who needs them."""
        await self._network.open()

    def is_well(self) -> bool:
        """Whether Teams' tokens can be checked, and one of ours was had.

        An outage at Entra later on is no reason to take nothing in. What is not there yet is asked
        for meanwhile, no oftener than by anybody else.
        """
        well = self._keys.are_known() and self._credentials.were_had()
        if not well and (self._fetching is None or self._fetching.done()):
            self._fetching = asyncio.create_task(self._fetch())
        return well

    async def _fetch(self) -> None:
        await asyncio.gather(self._keys.fetch(), self._credentials.fetch())

    def routes(self, hears: Hears, says: Says) -> list[web.RouteDef]:
        door = Door(self._guard, hears, says, bot_id=f"28:{self._settings.app_id}")
        return [web.post(PATH, door.receive)]

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            with suppress(asyncio.CancelledError):
                await self._fetching
        await self._keys.close()
        await self._entra_keys.close()
        await self._credentials.close()
        await self.graph_tokens.close()
        await self._network.close()

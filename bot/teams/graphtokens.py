"""The bot's tokens for Microsoft Graph: one of each customer's own tenant.

The Connector's token is of the provider's tenant and serves all customers; Graph tells of a tenant
only to who has a token of that tenant, in which an administrator has consented.
"""

import asyncio
from collections.abc import Callable

from bot.settings import Settings
from bot.teams.credentials import Credentials
from bot.teams.proofs import Grant
from dialogs.messenger import TryLaterError
from sources.absence import NotReadError


class GraphTokens:
    """Nothing is fetched before somebody asks for it."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._of: dict[str, Credentials] = {}

    async def token(self, tenant_id: str) -> str:
        try:
            return await self._credentials(tenant_id).token()
        except TryLaterError as error:
            raise NotReadError(error.reason) from error

    def _credentials(self, tenant_id: str) -> Credentials:
        if tenant_id not in self._of:
            grant = Grant(tenant_id, self._settings.graph_url)
            self._of[tenant_id] = Credentials(self._settings, self._clock, grant)
        return self._of[tenant_id]

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._of.values()))

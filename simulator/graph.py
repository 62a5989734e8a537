"""The simulated Microsoft Graph: whether somebody is away. Their mailbox and their presence tell.

What is imitated: a token of the very tenant, the application permission that each call needs, and
the answers' shapes (automaticRepliesSetting, presence).
"""

from aiohttp import web

from simulator.entra import Entra
from simulator.errors import Json, RefusedError
from simulator.world import User, World

REPLIES = "MailboxSettings.Read"
PRESENCE = "Presence.Read.All"


class Graph:
    def __init__(self, world: World, entra: Entra) -> None:
        self.granted: frozenset[str] = frozenset({REPLIES, PRESENCE})
        """What the tenants' administrators have consented to."""
        self._world = world
        self._entra = entra

    def routes(self) -> list[web.RouteDef]:
        user = "/v1.0/users/{user}"
        return [
            web.get(f"{user}/mailboxSettings/automaticRepliesSetting", self.replies),
            web.get(f"{user}/presence", self.presence),
        ]

    async def replies(self, request: web.Request) -> web.Response:
        user = self._user(request, REPLIES)
        absence = user.absence
        return web.json_response(
            {
                "status": absence.status,
                "externalAudience": "all",
                "scheduledStartDateTime": _moment(absence.start),
                "scheduledEndDateTime": _moment(absence.end),
                "internalReplyMessage": f"<html><body>{absence.message}</body></html>",
                "externalReplyMessage": "",
            }
        )

    async def presence(self, request: web.Request) -> web.Response:
        user = self._user(request, PRESENCE)
        activity = user.absence.activity
        availability = "Away" if activity == "OutOfOffice" else activity
        answer = {"id": user.id, "availability": availability, "activity": activity}
        return web.json_response(answer)

    def _user(self, request: web.Request, permission: str) -> User:
        """Whom the caller may read of, in the tenant its token is of."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        audience = str(request.url.origin())
        tenant = self._entra.tenant_of(token, audience) if scheme.lower() == "bearer" else None
        if tenant is None:
            raise RefusedError(401, "InvalidAuthenticationToken", "Access token is not valid.")
        if permission not in self.granted:
            raise RefusedError(403, "ErrorAccessDenied", f"It needs {permission}.")
        user = self._world.tenants[tenant].users.get(request.match_info["user"])
        if user is None:
            raise RefusedError(404, "ErrorInvalidUser", "The user is not of this tenant.")
        return user


def _moment(local: str) -> Json:
    return {"dateTime": local, "timeZone": "UTC"}

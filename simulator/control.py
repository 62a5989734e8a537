"""The control API: what the page and the tests read, play and break; bodies are checked here."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Literal, TypeVar

from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from simulator.botclock import Advance, BotClock
from simulator.botframework import ISSUER, Algorithm, BotFramework, Forgery, KeyName
from simulator.cards import Manner
from simulator.changes import Change
from simulator.errors import Json, RefusedError
from simulator.faults import Fault, Faults
from simulator.faults import Kind as FaultKind
from simulator.graph import Graph
from simulator.journal import Journal
from simulator.pager import Pager
from simulator.people import People, Press
from simulator.scenarios import Scenarios
from simulator.to_bot import ToBot
from simulator.views import (
    conversation_view,
    message_view,
    state_view,
    tenant_view,
    user_view,
)
from simulator.windows import Windows
from simulator.world import (
    Absence,
    Chat,
    Closed,
    Message,
    Place,
    Root,
    Team,
    Tenant,
    Thread,
    User,
    World,
    utc_now,
)
from simulator.worldfile import PersonFile

HEARTBEAT = 15.0
LOCAL_HOSTS = {"127.0.0.1", "localhost"}


class Body(BaseModel):
    """Camel case on the wire, and nothing that is not known."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class NewUser(Body):
    """Somebody joins a tenant."""

    name: str = Field(min_length=1, pattern=r"\S")
    upn: str = Field(min_length=1)
    given_name: str = ""
    role: str = "user"
    locale: str = "en-GB"
    sid: str = ""


CLOSINGS: dict[str, Closed | None] = {
    "archive": "archived",
    "delete": "deleted",
    "restore": None,
}


class NewMessage(Body):
    """Somebody writes."""

    from_: str = Field(alias="from")
    text: str
    mention_bot: bool = False
    files: list[str] = []


class NewWords(Body):
    """Somebody edits what they wrote."""

    text: str


class NewChat(Body):
    """Somebody opens their chat with the bot."""

    user: str


class Click(Body):
    """Somebody presses a button."""

    user: str
    action: str | int
    inputs: Json = {}
    as_: Manner | None = Field(default=None, alias="as")


class NewFault(Body):
    """Trouble is ordered."""

    kind: FaultKind
    times: int = Field(default=1, ge=1)
    tenant: str | None = None
    conversation: str | None = None
    method: Literal["GET", "POST", "PUT", "DELETE"] | None = None
    path: str | None = None
    retry_after: int = Field(default=1, ge=0)
    seconds: float = Field(default=2, ge=0, le=120)


class NewAbsence(Body):
    """Somebody goes on leave, or comes back."""

    status: Literal["disabled", "alwaysEnabled", "scheduled"] = "disabled"
    start: str = Absence().start
    end: str = Absence().end
    message: str = ""
    activity: str = Absence().activity


class Granted(Body):
    """Graph's application permissions that the tenants' administrators have consented to."""

    permissions: frozenset[str]


class HeldWindows(Body):
    """Whether Teams' limits are held."""

    enforced: bool


class NewToken(Body):
    """A token is ordered, honest unless told otherwise; a null claim is left out."""

    tenant: str
    service_url: str | None = None
    issuer: str = ISSUER
    audience: str | None = None
    expires_in: int = 3600
    not_before: int = -300
    key: KeyName = "connector"
    algorithm: Algorithm = "RS256"
    claims: Json = {}


class RawActivity(Body):
    """An activity to send as it is; without `token` honestly signed, with "" unsigned."""

    activity: Json
    token: str | None = None


Checked = TypeVar("Checked", bound=BaseModel)


@web.middleware
async def only_from_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps other sites open in the same browser from playing, by form or by rebound name."""
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.host}"
    if request.url.host not in LOCAL_HOSTS or origin not in {None, own}:
        raise RefusedError(400, "ForeignOrigin", "Only this machine's own page may call this.")
    return await handler(request)


class Control:
    """One method per call, each reading its body, doing one thing, and answering with a view."""

    def __init__(
        self,
        *,
        app_id: str,
        world: World,
        people: People,
        bot: ToBot,
        framework: BotFramework,
        faults: Faults,
        windows: Windows,
        journal: Journal,
        scenarios: Scenarios,
        service_url: Mapping[str, str],
        clock: BotClock,
        pager: Pager,
        graph: Graph,
    ) -> None:
        self._app_id = app_id
        self._world = world
        self._people = people
        self._bot = bot
        self._framework = framework
        self._faults = faults
        self._windows = windows
        self._journal = journal
        self._scenarios = scenarios
        self._service_url = service_url
        self._clock = clock
        self._pager = pager
        self._graph = graph

    def routes(self) -> list[web.RouteDef]:
        conversation = "/api/conversations/{conversation}/messages"
        return [
            web.get("/api/state", self.state),
            web.get("/api/events", self.events),
            web.get("/api/tenants", self.tenants),
            web.get("/api/conversations", self.conversations),
            web.get(conversation, self.messages),
            web.post(conversation, self.write),
            web.put(f"{conversation}/{{activity}}", self.edit),
            web.delete(f"{conversation}/{{activity}}", self.delete),
            web.post(f"{conversation}/{{activity}}/click", self.click),
            web.post("/api/chats", self.open_chat),
            web.post("/api/tenants/{tenant}/users", self.add_user),
            web.post("/api/teams/{team}/{change:install|uninstall}", self.install_team),
            web.post("/api/channels/{channel}/{change:archive|delete|restore}", self.close_channel),
            web.post("/api/users/{user}/{change:install|uninstall}", self.install_user),
            web.post("/api/users/{user}/{change:block|unblock}", self.block),
            web.put("/api/users/{user}/absence", self.leave),
            web.put("/api/graph", self.grant),
            web.post("/api/install-all", self.install_all),
            web.get("/api/pager", self.pager),
            web.get("/api/faults", self.faults),
            web.post("/api/faults", self.order_fault),
            web.delete("/api/faults", self.clear_faults),
            web.get("/api/windows", self.windows),
            web.put("/api/windows", self.hold_windows),
            web.get("/api/requests", self.requests),
            web.post("/api/keys/rotate", self.rotate),
            web.post("/api/tokens", self.token),
            web.post("/api/activities", self.raw_activity),
            web.get("/api/scenarios", self.list_scenarios),
            web.post("/api/scenarios/{scenario}/start", self.start_scenario),
            web.post("/api/scenarios/{scenario}/steps/{step}", self.play_step),
            web.post("/api/clock", self.move_clock),
        ]

    # Watching

    async def state(self, _: web.Request) -> web.Response:
        return web.json_response(
            state_view(self._world, self._bot.url, self._clock.view(), self._pager.view())
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Says what changed as it changes; a browser that was cut off goes on where it was."""
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        changes = self._world.changes
        seen = _last_seen(request, changes.revision)
        with suppress(ClientConnectionResetError):  # the browser has gone: nothing is lost by it
            await stream.write(_event(Change(changes.revision, "hello")))
            while not changes.closed:
                await changes.wait(seen, HEARTBEAT)
                news = changes.since(seen)
                seen = changes.revision
                await stream.write(b"".join(map(_event, news)) or b": still here\n\n")
        return stream

    async def tenants(self, _: web.Request) -> web.Response:
        listed = [tenant_view(self._world, tenant) for tenant in self._world.tenants.values()]
        return web.json_response(listed)

    async def conversations(self, request: web.Request) -> web.Response:
        tenant = request.query.get("tenant")
        listed = [
            conversation_view(self._world, conversation)
            for conversation in self._world.conversations.values()
            if tenant in {None, conversation.tenant}
        ]
        return web.json_response(listed)

    async def messages(self, request: web.Request) -> web.Response:
        place = self._place(request)
        if isinstance(place, Root):
            raise RefusedError(404, "ConversationNotFound", "A channel has threads; read those.")
        messages = place.conversation.messages.values()
        return web.json_response([message_view(message) for message in messages])

    # Playing people

    async def write(self, request: web.Request) -> web.Response:
        body = await _read(request, NewMessage)
        place, user = self._place(request), self._user(body.from_)
        written = await self._people.write(place, user, body.text, body.mention_bot, body.files)
        return web.json_response(
            {
                "conversation": written.place.id,
                "message": message_view(written.message),
                "delivered": written.reply is not None and written.reply.reached,
                "status": written.reply.status if written.reply else None,
            }
        )

    async def edit(self, request: web.Request) -> web.Response:
        body = await _read(request, NewWords)
        return await self._revise(request, body.text)

    async def delete(self, request: web.Request) -> web.Response:
        return await self._revise(request, None)

    async def _revise(self, request: web.Request, text: str | None) -> web.Response:
        reply = await self._people.revise(*self._message(request), text)
        return web.json_response({"status": reply.status if reply else None})

    async def open_chat(self, request: web.Request) -> web.Response:
        body = await _read(request, NewChat)
        chat = self._world.open_chat(self._user(body.user))
        return web.json_response(conversation_view(self._world, chat.conversation))

    async def click(self, request: web.Request) -> web.Response:
        body = await _read(request, Click)
        (place, message), user = self._message(request), self._user(body.user)
        press = Press(body.action, body.inputs, body.as_)
        reply = await self._people.click(place, message, user, press)
        return web.json_response({"status": reply.status, "body": reply.body})

    async def add_user(self, request: web.Request) -> web.Response:
        body = await _read(request, NewUser)
        person = PersonFile.model_validate(body.model_dump())
        user = await self._people.add_user(self._tenant(request), person)
        return web.json_response(user_view(self._world, user))

    async def install_team(self, request: web.Request) -> web.Response:
        installed = request.match_info["change"] == "install"
        told = await self._people.install_team(self._team(request), installed)
        return web.json_response({"sent": [asdict(it) for it in told]})

    async def close_channel(self, request: web.Request) -> web.Response:
        place = self._world.place(request.match_info["channel"])
        if not isinstance(place, Root):
            raise RefusedError(404, "ChannelNotFound", "There is no such channel.")
        self._world.close(place.channel, CLOSINGS[request.match_info["change"]])
        return web.json_response({})

    async def install_user(self, request: web.Request) -> web.Response:
        installed = request.match_info["change"] == "install"
        user = self._user(request.match_info["user"])
        told = await self._people.install_user(user, installed)
        return web.json_response({"sent": [asdict(it) for it in told]})

    async def install_all(self, _: web.Request) -> web.Response:
        told = await self._people.install_all()
        return web.json_response({"sent": [asdict(it) for it in told]})

    async def block(self, request: web.Request) -> web.Response:
        user = self._user(request.match_info["user"])
        self._world.block(user, request.match_info["change"] == "block")
        return web.json_response(user_view(self._world, user))

    async def leave(self, request: web.Request) -> web.Response:
        user = self._user(request.match_info["user"])
        body = await _read(request, NewAbsence)
        self._world.leave(user, Absence(**body.model_dump()))
        return web.json_response(user_view(self._world, user))

    # Breaking and looking behind

    async def grant(self, request: web.Request) -> web.Response:
        body = await _read(request, Granted)
        self._graph.granted = body.permissions
        return web.json_response({"permissions": sorted(self._graph.granted)})

    async def pager(self, _: web.Request) -> web.Response:
        return web.json_response(self._pager.view())

    async def faults(self, _: web.Request) -> web.Response:
        return web.json_response([_fault_view(fault) for fault in self._faults])

    async def order_fault(self, request: web.Request) -> web.Response:
        body = await _read(request, NewFault)
        fault = self._faults.order(Fault(**body.model_dump()))
        self._world.changes.note("faults")
        return web.json_response(_fault_view(fault))

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        self._world.changes.note("faults")
        return web.json_response([])

    async def windows(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"enforced": self._windows.enforced, "refused": self._windows.refused}
        )

    async def hold_windows(self, request: web.Request) -> web.Response:
        body = await _read(request, HeldWindows)
        self._windows.enforce(body.enforced)
        return await self.windows(request)

    async def requests(self, request: web.Request) -> web.Response:
        since = _number(request.query.get("since", "0"))
        return web.json_response([asdict(call) for call in self._journal.since(since)])

    async def rotate(self, _: web.Request) -> web.Response:
        kid = self._framework.rotate()
        self._world.changes.note("keys")
        return web.json_response({"kid": kid})

    async def token(self, request: web.Request) -> web.Response:
        body = await _read(request, NewToken)
        service_url = body.service_url or self._service_url.get(body.tenant)
        if service_url is None:
            raise RefusedError(404, "TenantNotFound", f"There is no tenant {body.tenant}.")
        forgery = Forgery(
            service_url=service_url,
            issuer=body.issuer,
            audience=self._app_id if body.audience is None else body.audience,
            expires_in=body.expires_in,
            not_before=body.not_before,
            key=body.key,
            algorithm=body.algorithm,
            claims=body.claims,
        )
        return web.json_response({"token": self._framework.forge(forgery, utc_now())})

    async def raw_activity(self, request: web.Request) -> web.Response:
        body = await _read(request, RawActivity)
        reply = await self._bot.send(body.activity, body.token)
        return web.json_response({"status": reply.status, "body": reply.body})

    # Scenarios

    async def list_scenarios(self, _: web.Request) -> web.Response:
        return web.json_response(self._scenarios.listed())

    async def start_scenario(self, request: web.Request) -> web.Response:
        done = await self._scenarios.start(request.match_info["scenario"])
        return web.json_response({"done": [asdict(it) for it in done]})

    async def play_step(self, request: web.Request) -> web.Response:
        names = request.match_info
        done = await self._scenarios.step(names["scenario"], names["step"])
        return web.json_response({"done": [asdict(it) for it in done]})

    # Time

    async def move_clock(self, request: web.Request) -> web.Response:
        body = await _read(request, Advance)
        if (body.minutes is None) == (body.to is None):
            raise RefusedError(400, "BadRequest", 'Say either "minutes" or "to": "next".')
        await self._clock.advance(body)
        return web.json_response(self._clock.view())

    # What a call refers to

    def _place(self, request: web.Request) -> Place:
        place = self._world.place(request.match_info["conversation"])
        if place is None:
            raise RefusedError(404, "ConversationNotFound", "There is no such conversation.")
        return place

    def _message(self, request: web.Request) -> tuple[Thread | Chat, Message]:
        place, message_id = self._place(request), request.match_info["activity"]
        if isinstance(place, Root) or message_id not in place.conversation.messages:
            raise RefusedError(404, "MessageNotFound", "There is no such message here.")
        return place, place.conversation.messages[message_id]

    def _user(self, reference: str) -> User:
        user = self._world.user(reference)
        if user is None:
            raise RefusedError(404, "UserNotFound", f"There is no user {reference}.")
        return user

    def _team(self, request: web.Request) -> Team:
        team = self._world.team(request.match_info["team"])
        if team is None:
            raise RefusedError(404, "TeamNotFound", "There is no such team.")
        return team

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._world.tenants.get(request.match_info["tenant"])
        if tenant is None:
            raise RefusedError(404, "TenantNotFound", "There is no such tenant.")
        return tenant


async def _read(request: web.Request, shape: type[Checked]) -> Checked:
    try:
        return shape.model_validate_json(await request.read())
    except ValidationError as error:
        raise RefusedError(400, "BadRequest", _complaint(error)) from error


def _complaint(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, it['loc'])) or 'body'}: {it['msg']}" for it in error.errors()
    )


def _last_seen(request: web.Request, otherwise: int) -> int:
    header = request.headers.get("Last-Event-ID", "")
    return _number(header) if header else otherwise


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RefusedError(400, "BadRequest", f"{text!r} is not a number.")
    return int(text)


def _event(change: Change) -> bytes:
    data: dict[str, Any] = {"revision": change.revision, "kind": change.kind}
    if change.conversation is not None:
        data["conversation"] = change.conversation
    return f"id: {change.revision}\ndata: {json.dumps(data)}\n\n".encode()


def _fault_view(fault: Fault) -> Json:
    return {to_camel(name): value for name, value in asdict(fault).items()}

"""The door: a request becomes an activity of the SDK, a typed event, and an answer.

The SDK's adapter and activity handler run every turn. Through their public extension points they
are kept from what they do badly in 4.17.1, the last version: reading a body before its sender is
known, fetching signing keys on the event loop, building HTTP clients per turn, and serialising an
invoke's answer twice.
"""

from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from botbuilder.core import InvokeResponse, TurnContext
from botbuilder.core.teams import TeamsActivityHandler
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity, ActivityTypes
from botframework.connector.auth import (
    AuthenticateRequestResult,
    BotFrameworkAuthentication,
    ClaimsIdentity,
    ConnectorFactory,
)

from bot.inbound import (
    Hears,
    Nothing,
    Posted,
    Says,
    ShowCard,
    ShowText,
    Texted,
    TryAgainLaterError,
)
from bot.teams.auth import Guard, RefusedError
from bot.teams.incoming import (
    LARGEST,
    BadActivityError,
    activity_of,
    execution_of,
    installation_of,
    message_of,
    parse,
    removal_of,
    revision_of,
    roster_change_of,
)
from bot.teams.keys import KeysUnavailableError
from bot.teams.network import TooLargeError, read_at_most
from bot.teams.outgoing import CARD
from cards.wording import Reader, label

MESSAGE = "application/vnd.microsoft.activity.message"
ERROR = "application/vnd.microsoft.error"

log = structlog.get_logger(__name__)


class Door:
    """Answers `POST /api/messages`; what was answered 2xx is committed."""

    def __init__(self, guard: Guard, hears: Hears, says: Says, bot_id: str) -> None:
        self._adapter = _Adapter(guard)
        self._bot = _Handler(hears, says, bot_id)

    async def receive(self, request: web.Request) -> web.Response:
        """Refusals tell a stranger nothing; Teams delivers again what gets a 5xx."""
        try:
            return await self._adapter.process(request, self._bot)
        except RefusedError as error:
            log.warning("activity_refused", reason=str(error), remote=request.remote)
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        except TooLargeError:
            return web.Response(status=413)
        except BadActivityError as error:
            log.warning("activity_unreadable", reason=str(error))
            return web.Response(status=400)
        except KeysUnavailableError:
            return _later()
        except Exception:
            log.exception("activity_not_taken_in")
            return _later()


class _Adapter(CloudAdapter):
    """The SDK's adapter, with its order turned round: token, then body, then objects."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(_Authentication())
        self._guard = guard
        self._admitted = _admitted()

    async def process(
        self, request: web.Request, bot: "_Handler", ws_response: Any = None
    ) -> web.Response:
        del ws_response  # streaming over web sockets is not offered
        token = await self._guard.token(request.headers.get("Authorization", ""))
        raw = parse(await _body(request))
        activity = activity_of(raw, self._guard.tenant(raw, token))
        return await self._turn(activity, bot)

    async def _turn(self, activity: Any, bot: "_Handler") -> web.Response:
        try:
            answer = await self.process_activity(self._admitted, activity, bot.on_turn)
        except BadActivityError:
            raise
        except TryAgainLaterError:
            return _later()
        except Exception:
            log.exception("turn_failed", activity=activity.id, type=activity.type)
            return _later()
        return web.Response() if answer is None else _invoke_response(answer)


class _Handler(TeamsActivityHandler):
    """The SDK picks the method by the activity's type; each tells the house what happened."""

    def __init__(self, hears: Hears, says: Says, bot_id: str) -> None:
        super().__init__()
        self._hears = hears
        self._says = says
        self._bot_id = bot_id

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        event = message_of(turn_context.activity, self._bot_id)
        if event is None:
            return
        response = await self._hears.hear(event)
        match response:
            case ShowText():
                await self._says.say(event.place, response)
            case Posted(says):
                await self._says.say(event.place, says)
            case ShowCard() if isinstance(event, Texted):  # after a click the card itself changes
                await self._says.say(event.place, response)
            case _:
                pass

    async def on_invoke_activity(self, turn_context: TurnContext) -> None:
        """The SDK's own reading of an invoke answers 500 to an action it does not expect."""
        await turn_context.send_activity(_InvokeAnswer(await self._invoked(turn_context)))

    async def _invoked(self, turn_context: TurnContext) -> InvokeResponse:
        if turn_context.activity.name != "adaptiveCard/action":
            return InvokeResponse(status=int(HTTPStatus.NOT_IMPLEMENTED))
        event = execution_of(turn_context.activity)
        if event is None:
            says = label("refused.unreadable", _reader(turn_context))
            return _error(HTTPStatus.BAD_REQUEST, "BadRequest", says)
        try:
            response = await self._hears.hear(event)
            if isinstance(response, Posted):
                self._says.say_afterwards(event.place, response.says)
                response = Nothing()
            return _shown(response)
        except TryAgainLaterError:
            says = label("refused.busy", _reader(turn_context))
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", says)

    async def on_installation_update_add(self, turn_context: TurnContext) -> None:
        await self._hears.hear(installation_of(turn_context.activity))

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        await self._hears.hear(removal_of(turn_context.activity))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """The bot's own coming and going, and others' in a team; the SDK's version asks Teams about
        every member."""
        activity = turn_context.activity
        if self._is_among(activity.members_added):
            await self._hears.hear(installation_of(activity))
        if self._is_among(activity.members_removed):
            await self._hears.hear(removal_of(activity))
        if self._are_others_among([*activity.members_added, *activity.members_removed]):
            await self._hears.hear(roster_change_of(activity))

    async def on_message_update_activity(self, turn_context: TurnContext) -> None:
        """To whoever reads it elsewhere; as an answer, what was said first is what counts."""
        await self._revised(turn_context.activity, deleted=False)

    async def on_message_delete_activity(self, turn_context: TurnContext) -> None:
        await self._revised(turn_context.activity, deleted=True)

    async def _revised(self, activity: Any, *, deleted: bool) -> None:
        event = revision_of(activity, self._bot_id, deleted=deleted)
        if event is not None:
            await self._hears.hear(event)

    async def on_event_activity(self, turn_context: TurnContext) -> None:
        """Acknowledged: read receipts, meetings."""

    def _are_others_among(self, members: list[Any]) -> bool:
        return any(member.id != self._bot_id for member in members)

    def _is_among(self, members: list[Any]) -> bool:
        return any(member.id == self._bot_id for member in members)


class _InvokeAnswer(Activity):
    """An invoke's answer on its way through the turn. The SDK copies it deeply; it need not."""

    def __init__(self, answer: InvokeResponse) -> None:
        super().__init__(type=ActivityTypes.invoke_response, value=answer)

    def __deepcopy__(self, memo: object) -> "_InvokeAnswer":
        return self


class _Authentication(BotFrameworkAuthentication):
    """The adapter hands in who was admitted; whoever asks the SDK to decide that, is refused."""

    async def authenticate_request(self, *_: Any) -> Any:
        raise PermissionError

    async def authenticate_streaming_request(self, *_: Any) -> Any:
        raise PermissionError

    def create_connector_factory(self, *_: Any) -> "_NoClients":
        return _NoClients()

    async def create_user_token_client(self, *_: Any) -> None:
        """Nobody signs in through the bot."""


class _NoClients(ConnectorFactory):
    """The adapter wants a client in every turn. Nothing here uses it: we speak as the Messenger."""

    CLIENT: Final = object()

    async def create(self, *_: Any) -> object:
        return self.CLIENT


def _admitted() -> Any:
    """Who speaks in every turn: the Bot Connector, for Teams."""
    result = AuthenticateRequestResult()
    result.claims_identity = ClaimsIdentity({}, True)
    result.connector_factory = _NoClients()
    return result


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > LARGEST:
        raise TooLargeError
    try:
        return await read_at_most(request.content, LARGEST)
    except web.RequestPayloadError as error:
        raise BadActivityError("the body breaks off") from error


def _reader(turn_context: TurnContext) -> Reader:
    return Reader(turn_context.activity.locale)


def _shown(response: ShowCard | ShowText | Nothing) -> InvokeResponse:
    match response:
        case ShowCard(card):
            return _action_response(HTTPStatus.OK, CARD, card)
        case ShowText(text):
            return _action_response(HTTPStatus.OK, MESSAGE, text)
        case Nothing():
            return _action_response(HTTPStatus.OK, MESSAGE, "")


def _error(status: HTTPStatus, code: str, message: str) -> InvokeResponse:
    return _action_response(status, ERROR, {"code": code, "message": message})


def _action_response(status: HTTPStatus, kind: str, value: Any) -> InvokeResponse:
    """The universal action model: HTTP 200 says the bot was reached, `statusCode` how it went."""
    body = {"statusCode": int(status), "type": kind, "value": value}
    return InvokeResponse(status=int(HTTPStatus.OK), body=body)


def _invoke_response(answer: Any) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status)
    return web.json_response(answer.body, status=answer.status)


def _later() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": "5"})

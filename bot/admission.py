"""Who may hand in incidents, and how many: each request is shown to be a source of one customer.

A source shows it by its key, by signing the request, or by a token of its identity that Entra
issued. What it says of a customer is a claim until then.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass

import structlog
from aiohttp import web

from bot.clock import Clock
from bot.limits import Buckets
from bot.secretrefs import SecretError, signing_secret
from bot.teams.auth import RefusedError
from bot.teams.entra import Identities
from bot.teams.keys import KeysUnavailableError
from sources.signature import PREFIX, WINDOW, is_signed, signed
from storage import across, credentials
from storage.credentials import Delivery
from storage.engine import Store, Urgency
from triage.report import Source

log = structlog.get_logger(__name__)

_CUSTOMER = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
REMEMBERED = 3 * WINDOW
"""How long a signed message's answer is kept: longer than its signature can be taken."""
FAILURES, FAILURES_PER_SECOND = 30.0, 0.5
"""Of one address: how many refusals are told apart and logged at once, and how many more in time."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A source of a customer, as it has shown."""

    customer: str
    source: Source
    message_id: str | None = None
    """Of a signed message: the same one again has the same."""


class NotAdmittedError(Exception):
    """Nobody we know; `wait` seconds, where this address tries too often."""

    def __init__(self, wait: float = 0.0) -> None:
        super().__init__(f"not admitted; wait {wait} s")
        self.wait = wait


class TooManyError(Exception):
    """More of this source than is taken; come again after `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"too many; wait {wait} s")
        self.wait = wait


class CannotTellError(Exception):
    """What the sender shows cannot be checked now, which is our trouble."""


class DifferentMessageError(Exception):
    """The same id was given to another message."""


class Admission:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        identities: Identities,
        sources: Buckets,
        strangers: Buckets,
    ) -> None:
        self._store = store
        self._clock = clock
        self._identities = identities
        self._sources = sources
        self._strangers = strangers

    async def admit(self, source: Source, request: web.Request) -> Sender:
        """Raises NotAdmittedError, TooManyError or CannotTellError.

        Whoever shows who they are is never turned away for what others do from the same address:
        behind a proxy all have that one.
        """
        try:
            sender = await self._sender(source, request)
        except RefusedError as error:
            raise self._refused(source, request, str(error)) from error
        except KeysUnavailableError as error:
            raise CannotTellError from error
        if wait := self._sources.take(f"{sender.customer}:{source}"):
            raise TooManyError(wait)
        return sender

    async def earlier(self, sender: Sender, body: bytes) -> Delivery | None:
        """How this very message was answered before. Raises DifferentMessageError."""
        message = sender.message_id
        if message is None:
            return None
        found = await self._store.read(
            sender.customer, lambda tx: credentials.delivered(tx, sender.source, message)
        )
        if found is not None and found.sha256 != _sha256(body):
            raise DifferentMessageError
        return found

    async def remember(self, sender: Sender, body: bytes, status: int, answer: str) -> None:
        """The same message again is answered the same."""
        if sender.message_id is None:
            return
        told = Delivery(sender.message_id, _sha256(body), status, answer)
        now = self._clock.now()
        await self._store.write(
            sender.customer,
            lambda tx: credentials.keep_delivery(tx, sender.source, told, now, REMEMBERED),
            Urgency.INTAKE,
        )

    def _refused(self, source: Source, request: web.Request, reason: str) -> NotAdmittedError:
        remote = request.remote or ""
        wait = self._strangers.take(remote)
        if not wait:
            log.warning("intake_not_admitted", source=source, reason=reason[:200], remote=remote)
        return NotAdmittedError(wait)

    async def _sender(self, source: Source, request: web.Request) -> Sender:
        if is_signed(request.headers):
            return await self._signer(source, request)
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        presented = presented.strip()
        if scheme.lower() != "bearer" or not presented:
            raise RefusedError("nothing is shown")
        if presented.startswith(PREFIX):
            return await self._bearer(source, presented)
        return await self._identity(source, presented)

    async def _bearer(self, source: Source, key: str) -> Sender:
        hashed = _sha256(key.encode(errors="replace"))
        customer = await self._store.read_across(
            lambda tx: across.customer_of_key(tx, source, hashed)
        )
        if customer is None:
            raise RefusedError("an unknown key, another source's, or one of a source that signs")
        return Sender(customer, source)

    async def _identity(self, source: Source, token: str) -> Sender:
        it = await self._identities.identity(token)
        customer = await self._store.read_across(
            lambda tx: across.customer_of_identity(tx, source, it.tenant_id, it.object_id)
        )
        if customer is None:
            raise RefusedError("an identity that is not registered for this source and tenant")
        return Sender(customer, source)

    async def _signer(self, source: Source, request: web.Request) -> Sender:
        """Signed with a secret of the customer that the address names, within five minutes."""
        message, customer = signed(request.headers), request.query.get("customer", "")
        if message is None:
            raise RefusedError("the headers of a signed message are not in the form")
        if not message.is_fresh(self._clock.now()):
            raise RefusedError("signed too long ago, or ahead of time")
        if not _CUSTOMER.fullmatch(customer):
            raise RefusedError("the address names no customer")
        references = await self._store.read(
            customer, lambda tx: credentials.signing_secrets(tx, source)
        )
        if not references:
            raise RefusedError("no secret is registered for this source")
        body = await request.read()
        known = await asyncio.to_thread(_secrets, customer, source, references)
        if not await asyncio.to_thread(message.holds, body, known):
            raise RefusedError("the signature does not hold")
        return Sender(customer, source, message.id)


def _secrets(customer: str, source: Source, references: list[str]) -> list[bytes]:
    """Read anew each time, so that a file may be replaced. One that cannot be read leaves the others
    their use."""
    found = []
    for reference in references:
        try:
            found.append(signing_secret(reference))
        except SecretError as error:
            log.warning(
                "intake_secret_not_read", customer=customer, source=source, reason=str(error)
            )
    if not found:
        raise CannotTellError
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

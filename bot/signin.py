"""Our own pages: somebody confirms by a fresh sign-in that it is them, and answers one question.

    GET  /confirm/{link}      who asks and why; changes nothing
    POST /confirm/{link}      the sign-in is begun, and the browser is sent to Entra
    POST /signed-in           Entra's page sends the browser back; the sign-in is judged
    POST /signed-in/answer    the answer

A link is a secret bound to one person and one question. What a browser brings back from Entra, and
from the page with the question, is good once. Before the sign-in a page says nothing of the case.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import structlog
from aiohttp import web

from bot import ids, pages
from bot.clock import Clock
from bot.conductor import Conductor, Occurrence, Outcome
from bot.links import ANSWER, CALLBACK, PATH, SURFACE
from bot.teams.network import TooLargeError, read_at_most
from bot.teams.signins import NotSignedInError, SignIns
from cards.wording import Reader
from storage import across, incidents, profiles, signins
from storage.engine import Store, StoreBusyError, Tx
from storage.signins import SignInStep
from triage.customer import Customer
from triage.decide import Refused
from triage.events import Answered, Event, SignedIn, SignInFailed, VerificationStarted
from triage.incident import Incident, Question, Verification, VerificationState
from triage.phrases import phrase
from triage.verifying import ANSWER_WITHIN, may_start

SIGN_IN_WITHIN = timedelta(minutes=15)
"""From the button on our page to the way back from Entra."""

LONGEST = 4_000
"""Characters of a code or token that a browser brings."""

LARGEST_FORM = 64 * 1024
"""Bytes: a code, a state, and what Entra sends beside them."""
_LINK = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Databases refuse some of what an address may hold."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A verification with what it is about, as it stands."""

    customer: Customer
    incident: Incident
    verification: Verification
    question: Question

    @property
    def reader(self) -> Reader:
        person = self.question.person
        return Reader(person.language or self.customer.language, person.zone or self.customer.zone)

    @property
    def about(self) -> pages.About:
        return pages.About(self.customer.name, self.incident.code)


class SignInPages:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        conductor: Conductor,
        entra: SignIns,
        public_url: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._conductor = conductor
        self._entra = entra
        self._public_url = public_url

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{PATH}{{link}}", self.show),
            web.post(f"{PATH}{{link}}", self.begin),
            web.post(CALLBACK, self.come_back),
            web.post(ANSWER, self.answer),
        ]

    async def show(self, request: web.Request) -> web.Response:
        asked = await self._asked(request.match_info["link"])
        if asked is None or not self._may_start(asked):
            return pages.gone(_reader(request, asked))
        return pages.confirm(asked.about, asked.reader)

    async def begin(self, request: web.Request) -> web.Response:
        """The attempt is recorded before Entra is asked: it counts, whatever becomes of it."""
        asked = await self._asked(request.match_info["link"])
        if asked is None:
            return pages.gone(_reader(request, None))
        if not self._is_own(request):
            return pages.foreign(asked.reader)
        step_up = asked.customer.step_up
        if step_up is None:
            return pages.gone(asked.reader)
        state = ids.card_token()
        started = VerificationStarted(asked.verification.id)
        outcome = await self._receive(asked, f"begin:{_hash(state)}", started, None)
        if outcome is None:
            return pages.busy(asked.reader)
        if isinstance(outcome.verdict, Refused):
            return pages.said(asked.about, outcome.verdict.says, asked.reader)
        try:
            flow = await self._entra.begin(
                asked.customer.tenant_id,
                step_up.authentication_context,
                f"{self._public_url}{CALLBACK}",
                state,
                asked.question.person.upn,
            )
        except NotSignedInError as error:
            failed = SignInFailed(asked.verification.id, error.why)
            await self._receive(asked, f"end:{_hash(state)}", failed, None)
            return pages.unavailable(asked.about, asked.reader)
        if not await self._keep(asked, state, flow.kept, SIGN_IN_WITHIN):
            return pages.busy(asked.reader)
        return pages.going(asked.about, flow.url, asked.reader)

    async def come_back(self, request: web.Request) -> web.Response:
        """From Entra's page, by whoever signed in there: the state is what proves that we sent them.
        Never a failure that the browser could repeat: what was brought is used up."""
        form = await _form(request)
        state = form.get("state", "")[:LONGEST]
        step, asked = await self._taken(state)
        if asked is None or step is None or step.flow is None:
            return pages.gone(_reader(request, None))
        event = await self._exchanged(asked, step.flow, state, form)
        by = event.object_id if isinstance(event, SignedIn) else None
        outcome = await self._receive(asked, f"end:{_hash(state)}", event, by)
        if outcome is None:
            return pages.busy(asked.reader)
        says = outcome.verdict.says or phrase("thanks.not_confirmed")
        now = outcome.incident.verification(asked.verification.id)
        if isinstance(outcome.verdict, Refused) or now is None:
            return pages.said(asked.about, says, asked.reader)
        if now.state is not VerificationState.PASSED:
            return pages.said(asked.about, says, asked.reader)
        token = ids.card_token()
        if not await self._keep(asked, token, None, ANSWER_WITHIN):
            return pages.busy(asked.reader)  # the card's link begins it once more
        return pages.asks(asked.about, outcome.incident, asked.question, token, asked.reader)

    async def _exchanged(
        self, asked: Asked, flow: str, state: str, form: pages.Form
    ) -> SignedIn | SignInFailed:
        """Entra's page says `error` where somebody declined, or was refused."""
        code = form.get("code")
        if code is None or "error" in form:
            return SignInFailed(asked.verification.id, "denied")
        try:
            claims = await self._entra.complete(
                asked.customer.tenant_id, flow, state, code[:LONGEST]
            )
        except NotSignedInError as error:
            return SignInFailed(asked.verification.id, error.why)
        return SignedIn(
            asked.verification.id,
            claims.tenant_id,
            claims.object_id,
            claims.username,
            claims.at,
            claims.contexts,
            claims.methods,
        )

    async def answer(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if not self._is_own(request):
            return pages.foreign(_reader(request, None))
        token = form.get(pages.TOKEN, "")[:LONGEST]
        step, asked = await self._looked_up(token)
        if asked is None or step is None or step.flow is not None:
            return pages.gone(_reader(request, None))
        by = asked.question.person.object_id
        choice = form.get(pages.CHOICE, "")[:LONGEST]
        answered = Answered(asked.question.id, by, choice, verification=asked.verification.id)
        outcome = await self._receive(asked, f"answer:{_hash(token)}", answered, by)
        if outcome is None:
            return pages.busy(asked.reader)
        await self._taken(token)
        says = outcome.verdict.says or phrase("thanks.received")
        return pages.said(asked.about, says, asked.reader)

    # --- what is known ---

    async def _asked(self, link: str) -> Asked | None:
        """What a link stands for, while it lives."""
        if not _LINK.fullmatch(link):
            return None
        handle = await self._store.read_across(lambda tx: across.find_link(tx, link))
        if handle is None or handle.expires <= self._clock.now():
            return None
        which = handle.surface.removeprefix(SURFACE)
        return await self._store.read(
            handle.customer_id, lambda tx: _load(tx, handle.incident_id, which)
        )

    async def _taken(self, brought: str) -> tuple[SignInStep | None, Asked | None]:
        """What a browser brought back, used up by looking."""
        sha256, now = _hash(brought), self._clock.now()
        customer = await self._store.read_across(lambda tx: across.customer_of_sign_in(tx, sha256))
        if customer is None:
            return None, None
        try:
            return await self._store.write(customer, lambda tx: _take(tx, sha256, now))
        except StoreBusyError:
            return None, None

    async def _looked_up(self, brought: str) -> tuple[SignInStep | None, Asked | None]:
        """What a browser brought back, as it stands: an answer's key makes it count once, and what
        is used up before the answer is recorded would be lost where there is no room for it."""
        sha256, now = _hash(brought), self._clock.now()
        customer = await self._store.read_across(lambda tx: across.customer_of_sign_in(tx, sha256))
        if customer is None:
            return None, None
        return await self._store.read(customer, lambda tx: _look(tx, sha256, now))

    async def _keep(self, asked: Asked, secret: str, flow: str | None, within: timedelta) -> bool:
        """False where there is no room now."""
        step = SignInStep(asked.incident.id, asked.verification.id, flow)
        now = self._clock.now()
        try:
            await self._store.write(
                asked.customer.id,
                lambda tx: signins.keep(tx, _hash(secret), step, now + within, now),
            )
        except StoreBusyError:
            return False
        return True

    async def _receive(
        self, asked: Asked, key: str, event: Event, actor: str | None
    ) -> Outcome | None:
        """None where there is no room now."""
        occurrence = Occurrence(f"sign-in:{key}", event, asked.incident.id, actor)
        try:
            return await self._conductor.receive(asked.customer.id, occurrence)
        except StoreBusyError:
            return None

    def _may_start(self, asked: Asked) -> bool:
        return may_start(asked.incident, asked.verification, self._clock.now())

    def _is_own(self, request: web.Request) -> bool:
        """A form of our own page sent it. Browsers say so in a header that no page can forge."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        return request.headers.get("Origin") == _origin(self._public_url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _load(tx: Tx, incident_id: str, verification_id: str) -> Asked | None:
    incident = incidents.load(tx, incident_id)
    verification = incident.verification(verification_id) if incident else None
    question = incident.question(verification.question) if incident and verification else None
    if incident is None or verification is None or question is None:
        return None
    return Asked(profiles.current(tx), incident, verification, question)


def _look(tx: Tx, sha256: str, now: datetime) -> tuple[SignInStep | None, Asked | None]:
    step = signins.look(tx, sha256, now)
    return step, _load(tx, step.incident_id, step.verification) if step else None


def _take(tx: Tx, sha256: str, now: datetime) -> tuple[SignInStep | None, Asked | None]:
    step = signins.take(tx, sha256, now)
    return step, _load(tx, step.incident_id, step.verification) if step else None


def _reader(request: web.Request, asked: Asked | None) -> Reader:
    """Who is not known reads what their browser asks for."""
    if asked is not None:
        return asked.reader
    return Reader(request.headers.get("Accept-Language", "")[:35].split(",")[0] or None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


async def _form(request: web.Request) -> pages.Form:
    """What a form of ours, or of Entra's, holds; nothing, where it is no such form."""
    try:
        body = await read_at_most(request.content, LARGEST_FORM)
        told = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=50)
    except (TooLargeError, ValueError, web.RequestPayloadError):
        return {}
    return {name: value.replace("\0", "") for name, value in told}

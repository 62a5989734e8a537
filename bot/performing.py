"""Carrying out a job: one remote call, and every failure of the other side as a result."""

import random
from datetime import timedelta
from urllib.parse import quote

import structlog

from bot.gathering import (
    Chat,
    ContainJob,
    DigestJob,
    HandoverJob,
    Job,
    LookJob,
    PageJob,
    RelayJob,
    RosterJob,
    SayJob,
    Settled,
    ShowJob,
    TellJob,
    WriteJob,
    person_at,
)
from bot.results import Blocked, Done, Failed, Later, Opened, Result, Roster, Unusable
from cards.wording import Reader, say
from containment.actions import Hand, HandGaveUpError, HandTryLaterError
from dialogs import approval, manager, question, task, thread
from dialogs.messenger import (
    Channel,
    Conversation,
    GaveUpError,
    Mention,
    Messenger,
    Posted,
    TryLaterError,
)
from paging.pager import Pager, PagerGaveUpError, PagerTryLaterError, Ring
from sources.absence import Looker, NotReadError
from sources.writing import SourceGaveUpError, SourceTryLaterError, SourceWriter
from storage.surfaces import Place
from triage.effects import ANALYST_THREAD, Say
from triage.events import (
    ActionDone,
    ActionFailed,
    Event,
    FoundAway,
    NotPaged,
    NotPermitted,
    SourceWritten,
    Undelivered,
)
from triage.views import (
    AnalystThread,
    ApprovalCard,
    CustomerThread,
    ManagerCard,
    PersonCard,
    TaskCard,
)

log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 8
MOST_PAGES = 30
"""Attempts to page: two hours, for it is the last resort."""
LONGEST_PAUSE = timedelta(minutes=5)


Spoken = ShowJob | SayJob | RelayJob | DigestJob | HandoverJob | TellJob | RosterJob
"""The jobs that speak to Teams."""


class Performer:
    """The remote calls. Every failure comes back as a result."""

    def __init__(
        self,
        messenger: Messenger,
        hand: Hand,
        writer: SourceWriter,
        pager: Pager,
        looker: Looker,
    ) -> None:
        self._messenger = messenger
        self._hand = hand
        self._writer = writer
        self._pager = pager
        self._looker = looker

    async def carry_out(self, job: Job, attempt: int) -> Result:
        """`attempt` is 1 the first time."""
        match job:
            case Settled(result):
                return result
            case (
                ShowJob()
                | SayJob()
                | RelayJob()
                | DigestJob()
                | HandoverJob()
                | TellJob()
                | RosterJob()
            ):
                return await self._speak(job, attempt)
            case ContainJob():
                return await self._contain(job, attempt)
            case WriteJob():
                return await self._write(job, attempt)
            case PageJob():
                return await self._page(job, attempt)
            case LookJob():
                return await self._look(job)

    async def _speak(self, job: Spoken, attempt: int) -> Result:
        try:
            match job:
                case ShowJob():
                    return await self._show(job)
                case SayJob():
                    return await self._say(job)
                case RelayJob(says, target, post, _, reader):
                    standing = await thread.relay(self._messenger, target, post, says, reader)
                    return Done(remote_id=standing.activity_id)
                case DigestJob(view, channel, reader):
                    posted = await thread.post_digest(self._messenger, channel, view, reader)
                    return Done(remote_id=posted.activity_id)
                case HandoverJob(handed, channel, reader):
                    posted = await thread.post_handover(self._messenger, channel, handed, reader)
                    return Done(remote_id=posted.activity_id)
                case TellJob(says, channel, reader):
                    posted = await thread.open_with(self._messenger, channel, says, reader)
                    return Done(remote_id=posted.activity_id)
                case RosterJob():
                    return await self._read_roster(job)
        except TryLaterError as error:
            return _later(error.reason, error.after, attempt) or Failed(
                error.reason, _undelivered(job, error.reason)
            )
        except GaveUpError as error:
            return _gave_up(job, error)

    async def _show(self, job: ShowJob) -> Result:
        where: Channel | Conversation
        if isinstance(job.target, Channel):
            where, opened = job.target, None
        else:
            where, opened = await self._open(job.target)
        posted = await self._post(job, where)
        place = Place(
            where.tenant_id, posted.conversation_id, posted.activity_id, where.service_url
        )
        return Done(
            remote_id=posted.activity_id,
            revision=job.revision,
            place=place,
            handle=job.handle,
            opened=opened,
        )

    async def _post(self, job: ShowJob, where: Channel | Conversation) -> Posted:
        """Each kind of view has its own dialog; a card that stands is updated, else posted."""
        teams, standing, handle, reader = self._messenger, job.activity_id, job.handle, job.reader
        match job.view, where:
            case CustomerThread() as view, _:
                return await thread.show_customer_thread(
                    teams, where, standing, view, handle=handle, reader=reader
                )
            case AnalystThread() as view, _:
                return await thread.show_analyst_thread(
                    teams, where, standing, view, handle=handle, reader=reader
                )
            case PersonCard() as view, Conversation():
                return await question.show_person_card(
                    teams, where, standing, view, handle=handle, reader=reader, link=job.link
                )
            case ManagerCard() as view, Conversation():
                return await manager.show_manager_card(
                    teams, where, standing, view, handle=handle, reader=reader
                )
            case ApprovalCard() as view, Conversation():
                return await approval.show_approval(
                    teams, where, standing, view, handle=handle, reader=reader
                )
            case TaskCard() as view, Conversation():
                return await task.show_task(
                    teams, where, standing, view, handle=handle, reader=reader
                )
            case _:
                raise ValueError(f"{job.surface} cannot be shown at {where}")

    async def _say(self, job: SayJob) -> Result:
        where, opened = await self._open(job.target)
        called = tuple(Mention(object_id, name) for object_id, name in job.say.mentions)
        posted = await thread.say(self._messenger, where, job.say.says, job.reader, called)
        return Done(remote_id=posted.activity_id, opened=opened)

    async def _open(self, target: Conversation | Chat) -> tuple[Conversation, Opened | None]:
        """A conversation to speak in; a chat that was never opened is opened on the way."""
        if isinstance(target, Conversation):
            return target, None
        if target.conversation_id is not None:
            return Conversation(target.tenant_id, target.conversation_id, target.service_url), None
        id_ = await self._messenger.open_direct(target.tenant_id, target.service_url, target.person)
        where = Conversation(target.tenant_id, id_, target.service_url)
        return where, Opened(target.person, where)

    async def _read_roster(self, job: RosterJob) -> Result:
        read = await self._messenger.roster(job.tenant_id, job.service_url, job.conversation_id)
        roster = Roster(job.tenant_id, job.conversation_id, read.members)
        return Done(roster=roster, calls=read.pages)

    async def _contain(self, job: ContainJob, attempt: int) -> Result:
        try:
            receipt = await self._hand.carry_out(job.order)
        except HandTryLaterError as error:
            failed = Failed(error.reason, ActionFailed(job.action, error.reason))
            return _later(error.reason, error.after, attempt) or failed
        except HandGaveUpError as error:
            why = str(error)
            return Failed(why, ActionFailed(job.action, why, permission=error.permission))
        done = ActionDone(job.action, receipt.rehearsed, undone=job.order.undo)
        return Done(remote_id=receipt.remote_id, event=done)

    async def _write(self, job: WriteJob, attempt: int) -> Result:
        comment = say(job.status.comment, Reader("en", job.customer.zone))
        try:
            written = await self._writer.write(job.customer.id, job.status, comment)
        except SourceTryLaterError as error:
            return _later(error.reason, error.after, attempt) or self._unwritten(job, error.reason)
        except SourceGaveUpError as error:
            return self._unwritten(job, str(error))
        event = SourceWritten(
            job.status.source,
            job.status.source_id,
            job.status.status,
            job.status.disposition,
            written.rehearsed,
        )
        return Done(remote_id=written.remote_id, event=event, revision=job.revision)

    async def _page(self, job: PageJob, attempt: int) -> Result:
        try:
            receipt = await self._pager.ring(_ring(job))
        except PagerTryLaterError as error:
            later = _later(error.reason, error.after, attempt, most=MOST_PAGES)
            return later or _nobody_rung(job, error.reason)
        except PagerGaveUpError as error:
            return _nobody_rung(job, str(error))
        return Done(remote_id=receipt.remote_id)

    async def _look(self, job: LookJob) -> Result:
        """Tried once: the question has gone out, and the ladder climbs by the clock without it."""
        try:
            absence = await self._looker.absence(job.tenant_id, job.person, job.at)
        except NotReadError as error:
            log.warning("absence_not_read", tenant=job.tenant_id, reason=str(error))
            return Done(event=NotPermitted(error.permissions) if error.permissions else None)
        if absence is not None:
            return Done(event=FoundAway(absence))
        return Done(event=NotPermitted(()) if job.lacked else None)

    def _unwritten(self, job: WriteJob, why: str) -> Failed:
        return Failed(why, Undelivered(job.surface, None, why))


def _ring(job: PageJob) -> Ring:
    page = job.page
    return Ring(
        key=page.key,
        does=page.does,
        alarm=page.alarm,
        severity=page.severity,
        summary=say(page.says, job.reader),
        source=job.customer.name,
        incident=page.incident,
        at=page.at,
        link=_link(job.thread) if job.thread else None,
    )


def _link(thread: Conversation) -> str | None:
    """Opens the thread in Teams (Microsoft's "Deep link to navigate to channel conversation")."""
    channel, _, root = thread.conversation_id.partition(";messageid=")
    if not root:
        return None
    place = f"{quote(channel, safe='')}/{quote(root, safe='')}"
    tenant, parent = quote(thread.tenant_id, safe=""), quote(root, safe="")
    return (
        f"https://teams.microsoft.com/l/message/{place}?tenantId={tenant}&parentMessageId={parent}"
    )


def _nobody_rung(job: PageJob, why: str) -> Failed:
    log.error("page_failed", customer=job.customer.id, alarm=job.page.alarm, why=why)
    return Failed(why, _not_paged(job))


def _not_paged(job: PageJob) -> NotPaged:
    return NotPaged(job.page.does, job.page.alarm)


def crashed(job: Job, attempt: int, fault: Exception) -> Result:
    """A fault of ours while carrying it out: tried again as any failure, and then given up."""
    reason = f"fault: {type(fault).__name__}"
    match job:
        case ContainJob(action=action):
            event: Event | None = ActionFailed(action, reason)
        case (
            ShowJob()
            | SayJob()
            | RelayJob()
            | DigestJob()
            | HandoverJob()
            | TellJob()
            | RosterJob()
        ):
            event = _undelivered(job, reason)
        case WriteJob(surface=surface):
            event = Undelivered(surface, None, reason)
        case PageJob():
            event = _not_paged(job)
        case LookJob() | Settled():
            event = None
    return _later(reason, None, attempt) or Failed(reason, event)


def _later(
    reason: str, after: float | None, attempt: int, most: int = MOST_ATTEMPTS
) -> Later | None:
    """Patience asked for costs no attempt; otherwise wait longer each time, up to an end."""
    if after is not None:
        return Later(timedelta(seconds=after), reason, counts=False)
    if attempt >= most:
        return None
    pause = min(timedelta(seconds=2 ** (attempt - 1)), LONGEST_PAUSE)
    return Later(pause * _jitter(), reason, counts=True)


def _undelivered(job: Spoken, why: str) -> Undelivered | None:
    match job:
        case ShowJob(surface=place) | SayJob(say=Say(place=place)):
            return Undelivered(place, person_at(place), why)
        case RelayJob():
            return Undelivered(ANALYST_THREAD, None, why)
        case DigestJob():
            return Undelivered("digest", None, why)
        case HandoverJob() | TellJob() | RosterJob():
            return None


def _gave_up(job: Spoken, error: GaveUpError) -> Result:
    """People are told why by its code, which has a sentence; the reason stays with the effect."""
    given_up = _for_good(job, error)
    channel = _channel_of(job)
    if channel is not None and error.code in NOBODY_POSTS:
        return Unusable(channel, error.reason, given_up)
    return given_up


NOBODY_POSTS = {
    GaveUpError.GONE,
    GaveUpError.NOT_INSTALLED,
    GaveUpError.BLOCKED,
    GaveUpError.FORBIDDEN,
}
"""How Teams refuses a thread in a channel that was deleted, is archived, or the app is not in."""


def _channel_of(job: Spoken) -> str | None:
    """The customer's channel that a thread was to stand in, or stands in."""
    match job:
        case ShowJob(view=CustomerThread(), target=Channel(channel_id=channel_id)):
            return channel_id
        case ShowJob(view=CustomerThread(), target=Conversation(conversation_id=thread_id)):
            return thread_id.partition(";")[0]
        case DigestJob(target=Channel(channel_id=channel_id)):
            return channel_id
        case _:
            return None


def _for_good(job: Spoken, error: GaveUpError) -> Blocked | Failed:
    event = _undelivered(job, error.code)
    if error.code == GaveUpError.NOT_INSTALLED and not isinstance(job, RosterJob):
        return Blocked(job.waits_for, error.reason, event)
    blocked_by = event.person if event and error.code == GaveUpError.BLOCKED else None
    return Failed(error.reason, event, blocked_by)


def _jitter() -> float:
    """So that what failed together does not come back together."""
    return random.uniform(0.75, 1.25)  # noqa: S311 - nothing depends on its being unguessable

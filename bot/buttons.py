"""What a button on a card means, and on which cards it stands.

Whether the person who pressed it may, is decided where everything is decided.
"""

from dataclasses import dataclass

from cards import analyst_thread, clicks, manager, sending, task
from cards.wording import Reader
from triage.events import (
    Answered,
    ApprovalAnswered,
    Attested,
    CallHeld,
    CallRecorded,
    ClearanceRecorded,
    CloseOrdered,
    ConsentRecorded,
    ContainOrdered,
    Event,
    KeptOpen,
    RecommendationAnswered,
    Reopened,
    SentToCustomer,
    Taken,
    TaskAnswered,
    UndoOrdered,
    WishedCall,
    WishedToTalk,
)
from triage.incident import CallOutcome
from triage.playbooks import CALL_ME
from triage.views import Button


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever pressed, as our own records call them."""

    object_id: str
    upn: str
    name: str
    reader: Reader


BUTTONS: dict[str, frozenset[Button]] = {
    "person": frozenset({Button.ANSWER, Button.CHANGE, Button.TALK}),
    "customer": frozenset({Button.KEEP_OPEN, Button.ACCEPT, Button.DISCUSS}),
    "approval": frozenset({Button.APPROVE, Button.DENY}),
    "manager": frozenset({Button.ATTEST}),
    "task": frozenset({Button.TASK}),
    "owner": frozenset({Button.TASK}),
    "analyst": frozenset(
        {
            Button.TAKE,
            Button.CLOSE,
            Button.CLOSE_AS,
            Button.KEEP_OPEN,
            Button.REOPEN,
            Button.CLEAR,
            Button.CONTAIN,
            Button.UNDO,
            Button.DRAFT,
            Button.SEND,
            Button.DISCARD,
            Button.COMMAND,
            Button.RECORD_CALL,
            Button.RECORD_CONSENT,
            Button.CALL_HELD,
        }
    ),
}
"""By kind of surface: a handle of Bob's card closes no case, whoever holds it."""


def belongs(pressed: clicks.Click, surface: str) -> bool:
    """The button stands on such a card, and the card of an approval, or a task, is for that alone."""
    kind, _, which = surface.partition(":")
    of_one = kind in ("approval", "manager", "task", "owner")
    on_this = not of_one or pressed.on == which.rpartition(":")[2]
    return on_this and pressed.button in BUTTONS.get(kind, frozenset())


def event_of(  # noqa: C901, PLR0912 - an arm for each button
    pressed: clicks.Click, who: Who
) -> Event | clicks.Unreadable:
    """What a button means. Whether this person may, is decided where everything is decided."""
    on, by, name = pressed.on or "", who.object_id, who.name
    match pressed.button:
        case Button.ANSWER if not on and pressed.choice == CALL_ME.id:
            return WishedCall(by)
        case Button.ANSWER | Button.CHANGE:
            return Answered(on, by, pressed.choice or "")
        case Button.TALK:
            return WishedToTalk(by)
        case Button.APPROVE | Button.DENY:
            approve = pressed.button is Button.APPROVE
            return ApprovalAnswered(on, by, who.upn, name, approve)
        case Button.TAKE:
            return Taken(by, name)
        case Button.CLOSE:
            return CloseOrdered(by, name)
        case Button.CLOSE_AS:
            return _close_as(pressed, who)
        case Button.CLEAR:
            return _clear(pressed, who)
        case Button.RECORD_CONSENT:
            return _consent(pressed, who)
        case Button.SEND:
            return _send(pressed, who)
        case Button.DRAFT | Button.DISCARD:
            return clicks.Unreadable("looks only")
        case Button.KEEP_OPEN:
            return KeptOpen(by, who.upn, name)
        case Button.REOPEN:
            return Reopened(by, name)
        case Button.CONTAIN:
            return ContainOrdered(on, by, name)
        case Button.UNDO:
            return UndoOrdered(on, by, name)
        case Button.RECORD_CALL:
            return CallRecorded(on, by, name, pressed.choice or "")
        case Button.CALL_HELD:
            return _call_held(pressed, who)
        case Button.ATTEST:
            choice = None if pressed.choice == manager.NO_VOICE else pressed.choice or ""
            return Attested(on, by, who.upn, name, choice)
        case Button.ACCEPT | Button.DISCUSS:
            return RecommendationAnswered(by, who.upn, name, pressed.button is Button.ACCEPT)
        case Button.TASK:
            return _task_answered(pressed, who)
        case Button.DO_IT | Button.CANCEL | Button.RUN | Button.COMMAND:
            return clicks.Unreadable("stands on a card that answers an analyst's command")


def _call_held(pressed: clicks.Click, who: Who) -> CallHeld | clicks.Unreadable:
    outcome = next((o for o in CallOutcome if o == pressed.choice), None)
    if outcome is None or not pressed.on:
        return clicks.Unreadable("no outcome of ours")
    return CallHeld(pressed.on, outcome, who.object_id, who.name)


def _task_answered(pressed: clicks.Click, who: Who) -> TaskAnswered | clicks.Unreadable:
    read = task.read(pressed)
    if isinstance(read, clicks.Unreadable):
        return read
    on, by = pressed.on or "", who.object_id
    return TaskAnswered(on, read.answer, by, who.upn, who.name, read.words)


def _close_as(pressed: clicks.Click, who: Who) -> CloseOrdered | clicks.Unreadable:
    """Nothing closes without saying what it was, and why (design.md section 4, rule 3)."""
    read = analyst_thread.read_close_as(pressed)
    if isinstance(read, clicks.Unreadable):
        return read
    return CloseOrdered(who.object_id, who.name, read.disposition, read.comment)


def _clear(pressed: clicks.Click, who: Who) -> ClearanceRecorded | clicks.Unreadable:
    """Nothing is done by being ticked: who says so, and how they know, stands in the record."""
    read = analyst_thread.read_clear(pressed)
    if isinstance(read, clicks.Unreadable):
        return read
    return ClearanceRecorded(read.person, read.part, read.proof, who.object_id, who.name)


def _consent(pressed: clicks.Click, who: Who) -> ConsentRecorded | clicks.Unreadable:
    read = analyst_thread.read_consent(pressed)
    if isinstance(read, clicks.Unreadable):
        return read
    return ConsentRecorded(read.approval, read.contact, read.approve, who.object_id, who.name)


def _send(pressed: clicks.Click, who: Who) -> SentToCustomer | clicks.Unreadable:
    read = sending.read(pressed)
    if isinstance(read, clicks.Unreadable):
        return read
    return SentToCustomer(pressed.on or "", read.words, who.object_id, who.name, read.to)

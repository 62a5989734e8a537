"""Ringing for an analyst where nobody acts: what for, and when it ends.

A page reaches a phone's lock screen and a third party's servers: it names the case, what must be
done and until when, and nobody.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from triage.draft import Draft
from triage.effects import PageAction
from triage.phrases import phrase


class Need(StrEnum):
    """What must be done by somebody."""

    TAKE = "take"
    """Nobody has taken the case."""
    CALL = "call"
    """A person has to be called, and nobody does."""
    DECIDE = "decide"
    """The decision is an analyst's, and none is made."""
    CONTAIN = "contain"
    """A containment failed, or is late: it must be done by hand."""


RING_WITHIN = timedelta(minutes=15)
"""What whoever is rung has to act."""


def ring(draft: Draft, need: Need, which: str = "", why: str | None = None) -> None:
    """Rings once for each need, and for `which` of several, until the case is reopened. What ends
    the alarm says the same. `why` names a sentence that says more than the need does."""
    says = phrase(
        f"page.{why or need}",
        incident=draft.incident.name,
        severity=draft.incident.severity,
        by=draft.now + RING_WITHIN,
    )
    draft.page(PageAction.TRIGGER, need + which, says)


def acknowledge(draft: Draft, need: Need, which: str = "") -> None:
    """Somebody is at work. Order it only after `ring`: pagers drop what they know no alarm for."""
    taken = phrase("page.taken", incident=draft.incident.name)
    draft.page(PageAction.ACKNOWLEDGE, need + which, taken)


def resolve(draft: Draft, need: Need, which: str = "") -> None:
    """It is done, or no longer needed."""
    draft.page(PageAction.RESOLVE, need + which, phrase("page.over", incident=draft.incident.name))


def nobody_took_it(draft: Draft) -> None:
    """The case was handed over, its time to be taken is over, and it is nobody's."""
    incident = draft.incident
    waits = incident.handed_over is not None and incident.owner is None and not incident.is_over
    if waits and incident.paged_at is None:
        draft.note(phrase("timeline.paged_take"))
        ring_now(draft)


def nobody_on_duty(draft: Draft) -> None:
    """There is nobody whom the case could be given to."""
    draft.note(phrase("timeline.nobody_on_duty"))
    draft.tell_analysts(f"nobody_on_duty:{draft.now.isoformat()}", phrase("say.nobody_on_duty"))
    ring_now(draft, "nobody_on_duty")


def ring_now(draft: Draft, why: str | None = None) -> None:
    """For somebody to take the case; where it rings already, it goes on."""
    if draft.incident.paged_at is None:
        draft.set(paged_at=draft.now)
        ring(draft, Need.TAKE, _rung(draft.now), why)


def taken(draft: Draft) -> None:
    """Somebody is at work, or the case is over: the alarm for it ends. Of a case that was merged it
    has ended, and rings on in the other one."""
    at = draft.incident.paged_at
    if at is not None and draft.incident.merged is None:
        draft.set(paged_at=None)
        acknowledge(draft, Need.TAKE, _rung(at))
        resolve(draft, Need.TAKE, _rung(at))


def rings_elsewhere(draft: Draft) -> None:
    """The case goes on in another one, which rings on; that this one rang is handed on to it."""
    if draft.incident.paged_at is not None:
        resolve(draft, Need.TAKE, _rung(draft.incident.paged_at))


def _rung(at: datetime) -> str:
    """A case that is nobody's once more rings once more: each alarm is named after its time."""
    return f"@{at.isoformat()}"

"""Ringing for an analyst where nobody acts: what for, and when it ends.

A page reaches a phone's lock screen and a third party's servers: it names the case, what must be
done and until when, and nobody.
"""

from datetime import datetime
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


def ring(draft: Draft, need: Need, by: datetime) -> None:
    """Rings once for each need, until the case is reopened."""
    says = phrase(
        f"page.{need}", incident=draft.incident.name, severity=draft.incident.severity, by=by
    )
    draft.page(PageAction.TRIGGER, need, says)


def acknowledge(draft: Draft, need: Need) -> None:
    """Somebody is at work. Order it only after `ring`: pagers drop what they know no alarm for."""
    draft.page(PageAction.ACKNOWLEDGE, need, phrase("page.taken", incident=draft.incident.name))


def resolve(draft: Draft, need: Need) -> None:
    """It is done, or no longer needed."""
    draft.page(PageAction.RESOLVE, need, phrase("page.over", incident=draft.incident.name))

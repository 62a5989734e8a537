"""What every pager can do: ring for whoever is on duty, and stop."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from triage.effects import PageAction
from triage.report import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One thing done to an alarm. `key` is the same for every attempt, `alarm` for all that is
    ever done to the alarm: a pager that has rung for it does not ring again."""

    key: str
    does: PageAction
    alarm: str
    severity: Severity
    summary: str
    """What a lock screen shows."""
    source: str
    """Whose incident it is: the customer's name."""
    incident: str
    at: datetime
    link: str | None = None
    """Where the work is done; built by us."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The pager has taken it; that somebody's phone rang is the pager's to prove."""

    remote_id: str


class PagerTryLaterError(Exception):
    """The pager cannot take it now; `after` in seconds, where patience was asked for."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class PagerGaveUpError(Exception):
    """The pager will not take it, however often it is sent; the message says why and what helps."""


class Pager(Protocol):
    async def ring(self, ring: Ring) -> Receipt:
        """Raises PagerTryLaterError or PagerGaveUpError, and nothing else."""


class NoPager:
    """None is set up: every page fails, so that it is seen that nobody was rung."""

    async def ring(self, ring: Ring) -> Receipt:
        raise PagerGaveUpError(
            f"nobody was rung for {ring.incident}: no pager is set up; set VOUCH_PAGERDUTY_KEY or "
            "VOUCH_PAGE_WEBHOOK_URL"
        )

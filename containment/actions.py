"""What every hand can do: carry out a response action, and undo it.

Which actions exist, their tiers and what is reversible stand in `triage/actions.py`. An
implementation names the endpoint and the permission of each action it knows (domain.md section 4).
"""

from dataclasses import dataclass
from typing import Protocol

from triage.actions import ActionKind, Target


@dataclass(frozen=True, slots=True)
class Order:
    """One action on one target of one customer. `key` is the same for every attempt."""

    key: str
    customer: str
    tenant_id: str
    action: ActionKind
    target: Target
    undo: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the hand can prove: the remote id of what was done, or that it was only rehearsed."""

    remote_id: str
    rehearsed: bool


class HandTryLaterError(Exception):
    """The API asks for patience; `after` in seconds, where it said so."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class HandGaveUpError(Exception):
    """It cannot be done, however often it is tried; the message says why and what helps.
    `permission` is the one that is missing in the customer's tenant, where that is why."""

    def __init__(self, reason: str, permission: str | None = None) -> None:
        super().__init__(reason)
        self.permission = permission


class Hand(Protocol):
    async def carry_out(self, order: Order) -> Receipt:
        """Raises HandTryLaterError or HandGaveUpError, and nothing else."""

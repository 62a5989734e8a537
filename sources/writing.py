"""Writing the present status back to the source system, and the harmless version of it.

The rehearsal builds exactly what would be sent, records it, and sends nothing.
"""

from dataclasses import dataclass
from typing import Protocol

import structlog

from sources import defender, sentinel
from triage.report import Source
from triage.views import SourceStatus

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    remote_id: str
    rehearsed: bool


class SourceTryLaterError(Exception):
    """The source asks for patience; `after` in seconds, where it said so."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class SourceGaveUpError(Exception):
    """The source will not take it, however often it is sent; the message says why."""


class SourceWriter(Protocol):
    async def write(self, customer: str, status: SourceStatus, comment: str) -> Written:
        """Raises SourceTryLaterError or SourceGaveUpError, and nothing else."""


class RehearsedWriter:
    async def write(self, customer: str, status: SourceStatus, comment: str) -> Written:
        log.info(
            "source_write_rehearsed",
            customer=customer,
            source=status.source,
            source_id=status.source_id,
            status=status.status,
            # what is in them is the record's, not the log's
            fields=sorted(body_of(status, comment)),
        )
        return Written(f"rehearsal:{status.source_id}:{status.status}", rehearsed=True)


def body_of(status: SourceStatus, comment: str) -> dict[str, str]:
    """What is sent: Defender's and Sentinel's own names for it, ours for a native source."""
    match status.source:
        case Source.DEFENDER:
            return defender.status_patch(
                status.disposition, status.determination, status.status, comment
            )
        case Source.SENTINEL:
            return sentinel.status_patch(status.disposition, status.status, comment)
        case Source.NATIVE:
            return {
                "status": status.status,
                "disposition": status.disposition,
                "determination": status.determination,
                "comment": comment,
            }

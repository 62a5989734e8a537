"""Input that was refused, kept for a person to look at."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import col

from storage.engine import Tx
from storage.tables import QuarantineRow
from triage.report import Source

LARGEST = 256 * 1024
"""Characters kept of a refused body."""


@dataclass(frozen=True, slots=True)
class Refused:
    id: int
    source: Source
    at: datetime
    reason: str
    field: str | None
    raw: str


def keep(  # noqa: PLR0917
    tx: Tx, source: Source, reason: str, field: str | None, raw: str, at: datetime
) -> None:
    """Keep what came, cut to a bound, and which field was wrong with it."""
    tx.session.add(
        QuarantineRow(
            customer_id=tx.customer,
            source=source,
            at=at,
            reason=reason,
            field=field,
            raw=raw[:LARGEST],
        )
    )


_LATEST = select(QuarantineRow).order_by(col(QuarantineRow.id).desc()).limit(bindparam("limit"))


def latest(tx: Tx, limit: int = 100) -> list[Refused]:
    """The newest first."""
    return [
        Refused(row.id, Source(row.source), row.at, row.reason, row.field, row.raw)
        for row in tx.session.scalars(_LATEST, {"limit": limit})
    ]

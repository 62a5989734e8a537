"""What analysts have said of themselves: that they are on duty, or not any more.

It is the provider's, and read by everybody's cases: `across.marks`.
"""

from datetime import datetime

from storage.engine import Tx
from storage.tables import DutyRow
from triage.duty import Mark


def mark(tx: Tx, object_id: str, says: Mark, now: datetime) -> None:
    """It holds instead of what they said before; `tx` is the provider's."""
    row = tx.session.get(DutyRow, (tx.customer, object_id.lower()))
    if row is None:
        row = DutyRow(
            customer_id=tx.customer,
            object_id=object_id.lower(),
            on_duty=says.on,
            until=says.until,
            at=now,
        )
        tx.session.add(row)
    row.on_duty, row.until, row.at = says.on, says.until, now
    tx.session.flush()

"""What analysts remember of a customer from one case to the next, until its day."""

from datetime import date

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import col

from storage.engine import Tx
from storage.tables import CounterRow, RememberedRow
from triage.remembering import Remembered

MOST = 50
"""Facts shown or counted of a customer; more are not kept."""

_CURRENT = (
    select(RememberedRow)
    .where(col(RememberedRow.until) >= bindparam("today"))
    .order_by(col(RememberedRow.number).desc())
    .limit(MOST)
)
_FORGET = (
    delete(RememberedRow)
    .where(col(RememberedRow.number) == bindparam("which"))
    .returning(col(RememberedRow.number))
    .execution_options(synchronize_session=False)
)
_PAST = (
    delete(RememberedRow)
    .where(col(RememberedRow.until) < bindparam("today"))
    .execution_options(synchronize_session=False)
)
_COUNT_UP = (
    update(CounterRow)
    .where(col(CounterRow.name) == "remembered")
    .values(value=col(CounterRow.value) + 1)
    .returning(col(CounterRow.value))
    .execution_options(synchronize_session=False)
)


def current(tx: Tx, today: date) -> list[Remembered]:
    """What holds today, the latest first."""
    return [
        Remembered(row.number, row.fact, row.by_name, row.case, row.until)
        for row in tx.session.scalars(_CURRENT, {"today": today})
    ]


def keep(tx: Tx, fact: str, by_name: str, case: str, until: date) -> Remembered:
    number = tx.session.run(_COUNT_UP).scalar()
    if number is None:
        number = 1
        tx.session.add(CounterRow(customer_id=tx.customer, name="remembered", value=number))
    tx.session.add(
        RememberedRow(
            customer_id=tx.customer,
            number=number,
            fact=fact,
            by_name=by_name,
            case=case,
            until=until,
        )
    )
    tx.session.flush()
    return Remembered(number, fact, by_name, case, until)


def forget(tx: Tx, number: int) -> bool:
    """False where there is no such fact."""
    return tx.session.run(_FORGET, {"which": number}).scalar() is not None


def drop_past(tx: Tx, today: date) -> None:
    """Erase what holds no longer."""
    tx.session.run(_PAST, {"today": today})

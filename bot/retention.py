"""Retention: once a day and customer, what its time is over for is erased.

An effect of the customer's desk does it and orders the next one, so that it waits in a row as every
timer does. `begin` orders the first one; ordered twice, it is done once.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.context import today
from storage import across, effects, erasing, incidents, profiles, remembered
from storage.engine import Store, Tx
from triage.customer import Customer
from triage.effects import KeepRetention

AT = time(3)
"""By the customer's clock: when least is going on."""


async def begin(store: Store, now: datetime) -> None:
    """For every customer; where it has begun already, nothing changes."""
    for each in await store.read_across(across.customers):
        if each.role == "customer":
            await store.write(each.id, lambda tx: order_next(tx, now))


def order_next(tx: Tx, now: datetime) -> None:
    _order(tx, _next(profiles.current(tx), now), now)


def keep(tx: Tx, now: datetime) -> None:
    """Erase what the customer keeps no longer; at once again where there may be more of it."""
    customer = profiles.current(tx)
    days = customer.privacy.retention_days
    erased = erasing.erase_past(tx, now - timedelta(days=days))
    remembered.drop_past(tx, today(customer, now))
    if erased:
        incidents.record_desk(
            tx,
            key=f"cases_erased:{now.isoformat()}",
            kind="cases_erased",
            payload={"cases": erased, "why": f"closed more than {days} days ago"},
            at=now,
            actor=None,
        )
    more = len(erased) == erasing.MOST_AT_ONCE
    _order(tx, now + AGAIN if more else _next(customer, now), now)


AGAIN = timedelta(seconds=10)


def _next(customer: Customer, now: datetime) -> datetime:
    zone = ZoneInfo(customer.zone)
    today = datetime.combine(now.astimezone(zone).date(), AT, zone)
    return today if today > now else today + timedelta(days=1)


def _order(tx: Tx, at: datetime, now: datetime) -> None:
    wanted = KeepRetention(f"retention:{at.isoformat()}", at)
    effects.order(tx, incidents.desk(tx.customer), [wanted], now)

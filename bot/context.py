"""What stands on an analyst's card beside the case itself: what is remembered of its customer.

It is no part of the case, so that nobody's answer but an analyst's waits for it to be read.
"""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from storage import profiles, remembered
from storage.engine import Tx
from triage.customer import Customer
from triage.remembering import context
from triage.views import AnalystThread


def with_context(tx: Tx, view: AnalystThread, now: datetime) -> AnalystThread:
    known = remembered.current(tx, today(profiles.current(tx), now))
    return replace(view, remembered=context(known)) if known else view


def today(customer: Customer, now: datetime) -> date:
    """By the customer's clock."""
    return now.astimezone(ZoneInfo(customer.zone)).date()

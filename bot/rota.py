"""Shifts as they pass: who is on duty is read for a case, and as a shift ends, what is open of whoever
leaves is listed and given to those who stay.

An effect of the provider's desk comes at every change and orders the next one, so that it waits in
a row as every timer does.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from storage import across, effects, incidents
from storage.engine import AcrossTx, Store, Tx
from triage import duty
from triage.assigning import ASSIGN, HANDOVER, WAKES, candidates, choose
from triage.customer import Provider
from triage.duty import AtWork, Duty
from triage.effects import ChangeShift, Handed, PostHandover, Wake
from triage.events import Event, Woke
from triage.incident import Incident

MOST_HANDED = 200
"""Cases that one handover gives away at once; what is left follows with a card of its own."""
AGAIN = timedelta(seconds=10)

# --- who is on duty ------------------------------------------------------------------------------


def asks(event: Event, provider: Provider) -> bool:
    """Whether whoever decides on it must know who is on duty: nothing that waits for an answer."""
    woken = isinstance(event, Woke) and event.name.partition(":")[0] in WAKES
    return woken and bool(provider.shifts)


def read(shared: AcrossTx, provider: Provider, now: datetime) -> Duty:
    """Who is on duty, and what is open of each."""
    working = duty.on_duty(provider, across.marks(shared, provider.id), now)
    counts = _counts(shared, [analyst.object_id for analyst, _ in working])
    at_work = {
        analyst.object_id.lower(): AtWork(end, counts.get(analyst.object_id.lower(), 0))
        for analyst, end in working
    }
    if at_work:
        return Duty(at_work)
    following = duty.next_start(provider, now)
    return Duty(next=following[1] if following else None)


def _counts(shared: AcrossTx, analysts: Iterable[str]) -> dict[str, int]:
    """By object id in lower case; Teams and the roster may write them otherwise."""
    written = [form for each in analysts for form in dict.fromkeys((each, each.lower()))]
    counts: dict[str, int] = {}
    for holder, count in (across.open_cases(shared, written) if written else {}).items():
        counts[holder.lower()] = counts.get(holder.lower(), 0) + count
    return counts


# --- the change of shifts ------------------------------------------------------------------------


async def begin(store: Store, provider: Provider, now: datetime) -> None:
    """Have the next change come; ordered twice, it comes once."""
    await store.write_both(provider.id, lambda tx, shared: order_next(tx, shared, provider, now))


def order_next(tx: Tx, shared: AcrossTx, provider: Provider, now: datetime) -> None:
    at = duty.next_change(provider, across.marks(shared, provider.id), now)
    if at is not None and provider.shifts:
        order(tx, ChangeShift(f"change_shift:{at.isoformat()}", at), now)


def order(tx: Tx, wanted: ChangeShift | PostHandover, now: datetime) -> None:
    """At the provider's desk; `tx` is the provider's."""
    effects.order(
        tx,
        incidents.desk(tx.customer),
        [wanted],
        now,
        urgency=effects.Urgency.PEOPLE,
        analysts=tx.customer,
    )


def change(tx: Tx, shared: AcrossTx, provider: Provider, due: ChangeShift, now: datetime) -> None:
    """Whoever has open cases and is not on duty hands them over: one card each, and every case
    looks for whom it is given to. Where it is one analyst who leaves, only theirs."""
    on = read(shared, provider, now)
    for holder in across.holders(shared):
        leaves = not on.has(holder)
        if due.leaving is not None:
            leaves = holder.lower() == due.leaving.lower()
        cases = across.held_by(shared, holder, MOST_HANDED) if leaves else []
        if cases:
            suggested, on = _suggested(cases, due, provider, on, now)
            order(tx, _card(holder, provider, due, suggested, now), now)
            wakes = [
                (case, Wake(f"{case.id}:{HANDOVER}:{due.key}", now, f"{HANDOVER}:{to or ''}"))
                for case, to in suggested
            ]
            across.wake(shared, wakes, now)
        if len(cases) == MOST_HANDED:
            key = f"change_shift:{holder}:{now.isoformat()}"
            order(tx, ChangeShift(key, now + AGAIN, holder, due.to), now)
    if due.leaving is None:
        order_next(tx, shared, provider, now)


Suggested = list[tuple[Incident, str | None]]
"""Cases, each with the object id of who gets it."""


def _suggested(
    cases: list[Incident], due: ChangeShift, provider: Provider, on: Duty, now: datetime
) -> tuple[Suggested, Duty]:
    """Whom each is for, one after the other; and who is on duty, with what they get counted."""
    suggested: Suggested = []
    for case in cases:
        to = due.to or _whom(case, provider, on, now)
        suggested.append((case, to))
        on = _with_one_more(on, to)
    return suggested, on


def _card(
    holder: str, provider: Provider, due: ChangeShift, suggested: Suggested, now: datetime
) -> PostHandover:
    known = provider.analyst(holder)
    names = (case.owner_name for case, _ in suggested if case.owner_name)
    return PostHandover(
        key=f"handover:{holder}:{due.key}",
        analyst=holder,
        name=known.name if known else next(names, holder),
        at=now,
        cases=tuple(Handed(case.customer, case.id, to) for case, to in suggested),
    )


def _whom(case: Incident, provider: Provider, on: Duty, now: datetime) -> str | None:
    choice = choose(candidates(case, provider, on), now)
    return choice.candidate.analyst.object_id if choice else None


def _with_one_more(on: Duty, to: str | None) -> Duty:
    at_work = on.at_work.get((to or "").lower())
    if to is None or at_work is None:
        return on
    more = replace(at_work, open_cases=at_work.open_cases + 1)
    return Duty({**on.at_work, to.lower(): more}, on.next)


def look_for_everybody(shared: AcrossTx, now: datetime) -> None:
    """Somebody has come where nobody was on duty: what is nobody's looks again."""
    cases = across.held_by_nobody(shared, MOST_HANDED)
    name = f"{ASSIGN}:{now.isoformat()}"
    across.wake(shared, [(case, Wake(f"{case.id}:{name}", now, name)) for case in cases], now)

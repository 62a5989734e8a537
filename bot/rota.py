"""Shifts as they pass: who is on duty is read for a case, and as a shift ends, what is open of whoever
leaves is listed and given to those who stay.

An effect of the provider's desk comes at every change and orders the next one, so that it waits in
a row as every timer does.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from cards.handover import MOST_LINES
from storage import across, effects, incidents
from storage.engine import AcrossTx, Store, Tx
from triage import duty
from triage.assigning import ASSIGN, HANDOVER, WAKES, candidates, choose
from triage.customer import Provider
from triage.duty import AtWork, Duty
from triage.effects import ChangeShift, Handed, PostHandover, Wake
from triage.events import Event, Woke
from triage.incident import Assignment, Incident

MOST_HANDED = MOST_LINES
"""Cases that one handover gives away at once: all of them stand on its card. What is left follows
with a card of its own."""
MOST_SOUGHT = 1000
"""Cases that look at once for whoever has come."""
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
    return Duty(at_work)


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


def order_at_once(tx: Tx, saved: Provider, now: datetime) -> None:
    """The roster or its shifts may be others now: whoever left them hands over."""
    if saved.version > 1 and saved.shifts:
        order(tx, ChangeShift(f"change_shift:v{saved.version}", now), now)


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
    """Whoever has open cases and is not on duty hands them over, each by a change of their own, so
    that what fails of one holds up nobody else; and what nobody has looks for somebody."""
    if not provider.shifts:
        return
    if due.leaving is not None:
        for holder in across.holders(shared):
            if holder.lower() == due.leaving.lower():
                _hand_over(tx, shared, provider, replace(due, leaving=holder), now)
        return
    order_next(tx, shared, provider, now)
    on = read(shared, provider, now)
    for holder in across.holders(shared):
        if not on.has(holder):
            order(tx, ChangeShift(f"{due.key}:{holder}", now, holder), now)
    if on.at_work:
        look_for_everybody(shared, now)


def _hand_over(
    tx: Tx, shared: AcrossTx, provider: Provider, due: ChangeShift, now: datetime
) -> None:
    """One card, and every case looks for whom it is given to; nothing of whoever is on duty."""
    holder = due.leaving or ""
    on = read(shared, provider, now)
    cases = [] if on.has(holder) else across.held_by(shared, holder, MOST_HANDED)
    if not cases:
        return
    suggested = _suggested(cases, due, provider, on, now)
    order(tx, _card(holder, provider, due, suggested, now), now)
    wakes = [
        (case.customer, case.id, _wake(case, due.key, holder, to, now)) for case, to in suggested
    ]
    across.wake(shared, wakes, now)
    if len(cases) == MOST_HANDED:
        key = f"change_shift:{holder}:{now.isoformat()}"
        order(tx, ChangeShift(key, now + AGAIN, holder, due.to), now)


def _wake(case: Incident, key: str, holder: str, to: str | None, now: datetime) -> Wake:
    return Wake(f"{case.id}:{HANDOVER}:{key}", now, f"{HANDOVER}:{holder}:{to or ''}")


Suggested = list[tuple[Incident, str | None]]
"""Cases, each with the object id of who gets it."""


def _suggested(
    cases: list[Incident], due: ChangeShift, provider: Provider, on: Duty, now: datetime
) -> Suggested:
    """Whom each is for, one after the other, with what they get counted."""
    suggested: Suggested = []
    for case in cases:
        to = _whom(case, due.to, provider, on, now)
        suggested.append((case, to))
        on = _with_one_more(on, to)
    return suggested


def _card(
    holder: str, provider: Provider, due: ChangeShift, suggested: Suggested, now: datetime
) -> PostHandover:
    known = provider.analyst(holder)
    names = (name for case, _ in suggested if (name := _name(case)))
    return PostHandover(
        key=f"handover:{holder}:{due.key}",
        analyst=holder,
        name=known.name if known else next(names, holder),
        at=now,
        cases=tuple(Handed(case.customer, case.id, to) for case, to in suggested),
    )


def _name(case: Incident) -> str | None:
    """Of whoever has taken it, or was given it: they may have left the roster."""
    given = case.assignment
    return case.owner_name or (given.to_name if isinstance(given, Assignment) else None)


def _whom(
    case: Incident, named: str | None, provider: Provider, on: Duty, now: datetime
) -> str | None:
    able = candidates(case, provider, on)
    if any(c.analyst.object_id == named for c in able):
        return named
    choice = choose(able, now)
    return choice.candidate.analyst.object_id if choice else None


def _with_one_more(on: Duty, to: str | None) -> Duty:
    at_work = on.at_work.get((to or "").lower())
    if to is None or at_work is None:
        return on
    more = replace(at_work, open_cases=at_work.open_cases + 1)
    return Duty({**on.at_work, to.lower(): more})


def look_for_everybody(shared: AcrossTx, now: datetime) -> None:
    """Somebody may have come: every case that an analyst is sought for looks again."""
    name = f"{ASSIGN}:{now.isoformat()}"
    found = across.sought(shared, MOST_SOUGHT)
    across.wake(shared, [(c, case, Wake(f"{case}:{name}", now, name)) for c, case in found], now)

"""Shifts as they pass: who is on duty is read for a case, and as a shift ends, what is open of whoever
leaves is listed and given to those who stay.

An effect of the provider's desk comes at every change and orders the next one, so that it waits in
a row as every timer does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cards.handover import MOST_LINES
from storage import across, effects, incidents
from storage.across import NamedCase
from storage.engine import AcrossTx, Store, Tx
from triage import duty
from triage.assigning import ASSIGN, HANDOVER, UNTOLD, WAKES, candidates, choose
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
    on = read(shared, provider, now)
    if due.leaving is not None:
        if not on.has(due.leaving):
            gives = leaving(shared, provider, due.leaving, due.to, now)
            hand_over(tx, shared, gives, due.key, now)
        return
    order_next(tx, shared, provider, now)
    for holder in across.holders(shared):
        if not on.has(holder):
            order(tx, ChangeShift(f"{due.key}:{holder}", now, holder), now)
    if on.at_work:
        look_for_everybody(shared, now)
    else:  # whoever gave one away is asked again when they are back
        _look(shared, across.refused(shared, MOST_SOUGHT), now)


@dataclass(frozen=True, slots=True)
class Leaving:
    """An analyst whose shift is over, and what changes hands by it."""

    analyst: str
    """Object id."""
    name: str
    to: str | None
    """The object id of whom they hand over to; None leaves that to the rule."""
    cases: tuple[tuple[NamedCase, str | None], ...]
    """Each with the object id of who gets it; None where nobody can."""
    more: int
    """How many follow: they did not fit."""


def leaving(
    shared: AcrossTx, provider: Provider, analyst: str, to: str | None, now: datetime
) -> Leaving:
    """As things stand: among the others on duty, one case after the other, with what they get
    counted."""
    working = read(shared, provider, now).at_work
    others = Duty({who: at_work for who, at_work in working.items() if who != analyst.lower()})
    holders = [h for h in across.holders(shared) if h.lower() == analyst.lower()]
    held = across.held_by(shared, holders, MOST_HANDED)
    cases = []
    for case in held:
        gets = _whom(case, to, provider, others, now)
        cases.append((NamedCase(case.customer, case.id, case.name), gets))
        others = _with_one_more(others, gets)
    fits = len(held) < MOST_HANDED
    return Leaving(
        analyst=analyst,
        name=_name(analyst, provider, held),
        to=to,
        cases=tuple(cases),
        more=0 if fits else across.held_in_all(shared, holders) - len(held),
    )


def hand_over(tx: Tx, shared: AcrossTx, gives: Leaving, key: str, now: datetime) -> None:
    """One card, and every case looks for whom it is given to."""
    if not gives.cases:
        return
    card = PostHandover(
        key=f"handover:{gives.analyst}:{key}",
        analyst=gives.analyst,
        name=gives.name,
        at=now,
        cases=tuple(Handed(case.customer_id, case.incident_id, to) for case, to in gives.cases),
    )
    order(tx, card, now)
    _wake(shared, card.cases, f"{HANDOVER}:{key}", f"{HANDOVER}:{gives.analyst}", now)
    if gives.more:
        look_again(tx, gives, now)


def look_again(tx: Tx, gives: Leaving, now: datetime) -> None:
    """For what did not fit, and what came to them while they left."""
    key = f"change_shift:{gives.analyst}:{now.isoformat()}"
    order(tx, ChangeShift(key, now + AGAIN, gives.analyst, gives.to), now)


def not_posted(shared: AcrossTx, card: PostHandover, now: datetime) -> None:
    """Nobody sees the card, which was to call whoever gets a case: the case itself calls them."""
    key = f"{UNTOLD}:{card.key.removeprefix(HANDOVER)}"  # it changes hands no second time
    _wake(shared, card.cases, key, f"{UNTOLD}:{card.analyst}:{card.at.isoformat()}", now)


def _wake(shared: AcrossTx, cases: Iterable[Handed], key: str, name: str, now: datetime) -> None:
    wakes = [
        (h.customer, h.incident, Wake(f"{h.incident}:{key}", now, f"{name}:{h.to or ''}"))
        for h in cases
    ]
    across.wake(shared, wakes, now)


def _name(analyst: str, provider: Provider, held: Iterable[Incident]) -> str:
    """Whoever has taken a case, or was given it, may have left the roster."""
    known = provider.analyst(analyst)
    return known.name if known else next(filter(None, map(_holder_name, held)), analyst)


def _holder_name(case: Incident) -> str | None:
    given = case.assignment
    return case.owner_name or (given.to_name if isinstance(given, Assignment) else None)


def _whom(
    case: Incident, named: str | None, provider: Provider, on: Duty, now: datetime
) -> str | None:
    able = candidates(case, provider, on, () if case.owner else case.escalated_by)
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
    _look(shared, across.sought(shared, MOST_SOUGHT), now)


def _look(shared: AcrossTx, cases: Iterable[tuple[str, str]], now: datetime) -> None:
    name = f"{ASSIGN}:{now.isoformat()}"
    across.wake(shared, [(c, case, Wake(f"{case}:{name}", now, name)) for c, case in cases], now)

"""What an analyst says of their own shift: that they join, leave, or want to know who is there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bot import rota
from bot.clock import Clock
from bot.conductor import Conductor
from bot.gathering import ProviderDesk
from bot.replies import AskFirst
from bot.roster import meant
from bot.rota import Leaving
from dialogs import commands
from storage import across, incidents
from storage import duty as marks
from storage.engine import AcrossTx, Store, Tx, Urgency
from triage import duty
from triage.customer import Analyst, Provider
from triage.duty import Duty, Mark
from triage.incident import Incident
from triage.phrases import Phrase, phrase


@dataclass(frozen=True, slots=True)
class _Said:
    """What an analyst wrote of themselves: who, as what delivery, and when."""

    by: Analyst
    key: str
    at: datetime


class Shifts:
    """Answers what is about somebody's own shift, and about no case."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor

    async def answer(
        self, by: Analyst, command: commands.WhoIsOn | commands.Join, key: str
    ) -> list[Phrase]:
        """What is said to the analyst; `key` is that of what they wrote."""
        provider, said = self._desk.profile, _Said(by, key, self._clock.now())
        if not provider.shifts:
            return [phrase("duty.no_shifts")]
        match command:
            case commands.WhoIsOn():
                return await self._store.read_across(lambda tx: _on_duty(tx, provider, said.at))
            case commands.Join():
                return await self._write(lambda tx, shared: _join(tx, shared, provider, said))
            case _:
                assert_never(command)

    async def leaving(self, by: Analyst, command: commands.HandOver) -> list[Phrase] | Leaving:
        """What changes hands if the analyst leaves now, or why they cannot."""
        provider, now = self._desk.profile, self._clock.now()
        if not provider.shifts:
            return [phrase("duty.no_shifts")]
        to = meant(command.to, provider.analysts, by) if command.to else None
        if isinstance(to, Phrase):
            return [to]
        return await self._store.read_across(lambda tx: _leaving(tx, provider, by, to, now))

    async def leave(self, by: Analyst, gives: Leaving, key: str) -> Phrase | None:
        """What was shown is given away, and nothing else; None where it is another by now."""
        provider, said = self._desk.profile, _Said(by, key, self._clock.now())
        says = await self._write(lambda tx, shared: _leave(tx, shared, provider, said, gives))
        return next(iter(says), None)

    async def has_left(self, key: str) -> bool:
        """Whether what has this key was done."""
        seen = await self._store.read(self._desk.profile.id, lambda tx: incidents.seen(tx, key))
        return seen is not None

    async def with_duty(self, says: Phrase, case: Incident) -> Phrase:
        """What was said of a case, and what follows where whoever has it is not on duty."""
        provider = self._desk.profile
        analyst = provider.analyst(case.owner) if case.owner else None
        if not provider.shifts or analyst is None:
            return says
        marked = await self._store.read_across(lambda tx: across.marks(tx, provider.id))
        if duty.until(provider, analyst, marked, self._clock.now()) is not None:
            return says
        return phrase("duty.off", says=says, analyst=analyst.name)

    async def _write(self, unit: Callable[[Tx, AcrossTx], list[Phrase]]) -> list[Phrase]:
        says = await self._store.write_both(self._desk.profile.id, unit, Urgency.PEOPLE)
        self._conductor.on_work()
        return says


NAMES_ON_A_LINE = 10
"""Of cases: a line that holds more than its card shows would be cut."""


def shown_first(gives: Leaving, provider: Provider) -> AskFirst:
    """How many cases change hands, and which go to whom."""
    names: dict[str | None, list[str]] = {}
    for case, to in gives.cases:
        names.setdefault(to, []).append(case.name)
    says = [phrase("confirm.leave", count=len(gives.cases) + gives.more)]
    says += [
        _goes(", ".join(theirs[at : at + NAMES_ON_A_LINE]), provider.analyst(to or ""))
        for to, theirs in names.items()
        for at in range(0, len(theirs), NAMES_ON_A_LINE)
    ]
    if gives.more:
        says.append(phrase("confirm.leave_more", count=gives.more))
    return AskFirst(tuple(says), gives)


def _goes(cases: str, to: Analyst | None) -> Phrase:
    if to is None:
        return phrase("confirm.leave_nobody", cases=cases)
    return phrase("confirm.leave_to", analyst=to.name, cases=cases)


def _on_duty(shared: AcrossTx, provider: Provider, now: datetime) -> list[Phrase]:
    return [*_now(provider, rota.read(shared, provider, now)), *_next(provider, now)]


def _now(provider: Provider, on: Duty) -> list[Phrase]:
    lines = [
        phrase("duty.line", analyst=a.name, count=at_work.open_cases, until=at_work.until)
        for a in provider.analysts
        if (at_work := on.at_work.get(a.object_id.lower())) is not None
    ]
    return [phrase("duty.now"), *lines] if lines else [phrase("duty.nobody")]


def _next(provider: Provider, now: datetime) -> list[Phrase]:
    found = duty.next_start(provider, now)
    if found is None:
        return []
    shift, start = found
    upns = {upn.lower() for upn in shift.analysts}
    names = ", ".join(a.name for a in provider.analysts if a.upn.lower() in upns)
    return [phrase("duty.next", shift=shift.name, at=start, names=names)]


def _join(tx: Tx, shared: AcrossTx, provider: Provider, said: _Said) -> list[Phrase]:
    """As long as those of the latest shift that runs; whoever is on duty already stays on."""
    on = rota.read(shared, provider, said.at)
    there, end = on.at_work.get(said.by.object_id.lower()), duty.end_of_joining(provider, said.at)
    if there is not None:
        end = max(end, said.at + duty.BY_COMMAND)
        if there.until >= end:
            return [phrase("duty.already_on", until=there.until)]
    if not _keep(tx, said, Mark(True, end)):
        return [phrase("thanks.already")]
    rota.order_next(tx, shared, provider, said.at)
    rota.look_for_everybody(shared, said.at)
    stays = duty.until(provider, said.by, {said.by.object_id.lower(): Mark(True, end)}, said.at)
    return [phrase("duty.joined", until=stays)]


def _leaving(
    shared: AcrossTx, provider: Provider, by: Analyst, to: Analyst | None, now: datetime
) -> list[Phrase] | Leaving:
    """Also for whoever was not on duty, and worked all the same."""
    on = rota.read(shared, provider, now)
    named = to.object_id if to is not None else None
    gives = rota.leaving(shared, provider, by.object_id, named, now)
    if not on.has(by.object_id) and not gives.cases:
        return [phrase("duty.not_on")]
    if to is not None and (to == by or not on.has(to.object_id)):
        return [phrase("duty.not_there", analyst=to.name), *_now(provider, on)]
    return gives


def _leave(
    tx: Tx, shared: AcrossTx, provider: Provider, said: _Said, gives: Leaving
) -> list[Phrase]:
    if incidents.seen(tx, said.key) is not None:
        return [phrase("thanks.already")]
    if rota.leaving(shared, provider, gives.analyst, gives.to, said.at) != gives:
        return []
    there = rota.read(shared, provider, said.at).at_work.get(said.by.object_id.lower())
    end = there.until if there is not None else said.at
    if not _keep(tx, said, Mark(False, end), gives.to):
        return [phrase("thanks.already")]
    rota.hand_over(tx, shared, gives, said.key, said.at)
    rota.look_again(tx, gives, said.at)
    return [phrase("duty.left", count=len(gives.cases) + gives.more)]


def _keep(tx: Tx, said: _Said, mark: Mark, to: str | None = None) -> bool:
    """Kept, and written down at the provider's desk, with who gets the cases; False where it was
    heard before."""
    by = said.by.object_id
    payload = {"on": mark.on, "until": mark.until.isoformat(), "to": to}
    heard = incidents.record_desk(
        tx, key=said.key, kind="shift", payload=payload, at=said.at, actor=by
    )
    if heard:
        marks.mark(tx, by, mark, said.at)
    return heard

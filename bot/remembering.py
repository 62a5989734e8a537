"""`remember` and `forget`: what analysts keep of a customer for later cases, and where it is shown."""

from dataclasses import dataclass
from datetime import datetime

from bot.cases import case_of
from bot.clock import Clock
from bot.conductor import Conductor
from bot.context import today
from bot.gathering import ProviderDesk
from bot.switch import show_analysts_anew
from dialogs.commands import LONGEST_FACT, Forget, Recall, Remember
from storage import incidents, profiles, remembered
from storage.across import NamedCase
from storage.engine import Store, Tx, Urgency
from triage.authority import may_command
from triage.customer import Analyst
from triage.phrases import Phrase, phrase
from triage.remembering import AT_MOST, context, last_day


@dataclass(frozen=True, slots=True)
class _Order:
    on: NamedCase
    by: Analyst
    key: str
    """It happens once."""
    now: datetime


class Memory:
    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, conductor: Conductor
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._conductor = conductor

    async def answer(
        self, command: Remember | Recall | Forget, on: NamedCase, by: Analyst, key: str
    ) -> list[Phrase]:
        """What was kept or ended, or is known."""
        order = _Order(on, by, key, self._clock.now())
        if isinstance(command, Recall):
            return await self._store.read(on.customer_id, lambda tx: self._recalled(tx, order))
        says = await self._store.write(
            on.customer_id, lambda tx: self._changed(tx, command, order), Urgency.PEOPLE
        )
        self._conductor.on_work()
        return says

    def _recalled(self, tx: Tx, order: _Order) -> list[Phrase]:
        refused = self._refused(tx, order)
        if refused is not None:
            return [refused]
        known = context(remembered.current(tx, today(profiles.current(tx), order.now)))
        return [phrase("remember.known"), *known] if known else [phrase("remember.nothing")]

    def _changed(self, tx: Tx, command: Remember | Forget, order: _Order) -> list[Phrase]:
        refused = self._refused(tx, order)
        if refused is not None:
            return [refused]
        if incidents.seen(tx, order.key):
            return [phrase("thanks.already")]
        if isinstance(command, Forget):
            return self._forgotten(tx, command.number, order)
        return self._kept(tx, command, order)

    def _refused(self, tx: Tx, order: _Order) -> Phrase | None:
        incident, _ = case_of(tx, order.on.incident_id)
        return may_command(incident, self._desk.profile, order.by.object_id)

    def _kept(self, tx: Tx, command: Remember, order: _Order) -> list[Phrase]:
        if len(command.fact) > LONGEST_FACT:
            return [phrase("refused.too_long_kept", most=LONGEST_FACT)]
        customer = profiles.current(tx)
        day, case = today(customer, order.now), order.on.name
        until = last_day(command.until, day)
        if until is None:
            return [phrase("remember.until", days=AT_MOST.days)]
        if len(remembered.current(tx, day)) >= remembered.MOST:
            return [phrase("remember.full", most=remembered.MOST)]
        fact = remembered.keep(tx, command.fact, order.by.name, case, until)
        last = until.isoformat()
        self._record(
            tx,
            "remembered",
            {"number": fact.number, "fact": fact.fact, "until": last, "case": case},
            order,
        )
        kept = phrase("remember.kept", number=fact.number, customer=customer.name, until=last)
        return [kept, phrase("remember.weighs_nothing")]

    def _forgotten(self, tx: Tx, number: int, order: _Order) -> list[Phrase]:
        if not remembered.forget(tx, number):
            return [phrase("remember.no_such", number=number)]
        self._record(tx, "forgotten", {"number": number}, order)
        return [phrase("remember.forgotten", number=number)]

    def _record(self, tx: Tx, kind: str, payload: dict[str, int | str], order: _Order) -> None:
        """At the customer's desk; the cards of its open cases show it from now on."""
        key, by, now = order.key, order.by.object_id, order.now
        incidents.record_desk(tx, key=key, kind=kind, payload=payload, at=now, actor=by)
        show_analysts_anew(tx, f"{kind}:{key}", self._desk.profile.id, now)

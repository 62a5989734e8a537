"""Whether a case code is genuine: asked by the person a card is for, by the customer's security
team in its channel, and by analysts.

A code that is not ours was given to somebody by somebody else: it is recorded at the customer's
desk, and the analysts are told. Whoever tries several is told nothing more for an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import ids
from bot.clock import Clock
from bot.gathering import ProviderDesk
from bot.inbound import Texted
from bot.telling import tell_analysts
from storage import across, incidents, people, profiles
from storage.engine import Store, Tx, Urgency
from triage.authenticity import vouched_to_person, vouched_to_team
from triage.phrases import Phrase, phrase

MOST_WRONG = 5
"""Codes that are not ours, in an hour and from one person, until no more are looked up."""
WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """A code to check, and who asks where."""

    code: str
    text: Texted


class CodeDesk:
    """Answers "verify CODE". A right code changes nothing; a wrong one is recorded."""

    def __init__(
        self, store: Store, clock: Clock, desk: ProviderDesk, on_work: Callable[[], None]
    ) -> None:
        """`on_work` is called once there is something to be told."""
        self._store = store
        self._clock = clock
        self._desk = desk
        self._on_work = on_work

    async def by_analyst(self, code: str) -> Phrase:
        """For whoever is on the provider's roster, across customers."""
        found = await self._store.read_across(lambda tx: across.with_code(tx, code))
        if not found:
            return phrase("code.unknown_to_all", code=code)
        newest = found[0]
        return phrase("code.team", name=newest.name, at=newest.received)

    async def by_customer(self, customer: str, check: CodeCheck) -> Phrase:
        """For the person in their own chat, and for the team in its channel."""
        now = self._clock.now()
        says = await self._store.write(
            customer, lambda tx: self._check(tx, check, now), Urgency.PEOPLE
        )
        self._on_work()
        return says

    def _check(self, tx: Tx, check: CodeCheck, now: datetime) -> Phrase:
        by, profile = check.text.actor.object_id, profiles.current(tx)
        if incidents.count_desk(tx, "unknown_code", by, now - WITHIN) >= MOST_WRONG:
            return phrase("code.too_many")
        found = incidents.with_code(tx, check.code)
        personal = check.text.place.personal
        says = vouched_to_person(found, profile, by) if personal else vouched_to_team(found)
        if says is not None:
            return says
        self._record(tx, check, now)
        desk = profile.service_desk
        return phrase("code.unknown_call", phone=desk.phone) if desk else phrase("code.unknown")

    def _record(self, tx: Tx, check: CodeCheck, now: datetime) -> None:
        text, customer = check.text, profiles.current(tx)
        by = text.actor.object_id
        new = incidents.record_desk(
            tx,
            key=ids.arrival_key("unknown_code", text.place.conversation_id, text.activity_id),
            kind="unknown_code",
            payload={"code": check.code, "by": by, "personal": text.place.personal},
            at=now,
            actor=by,
        )
        if not new:
            return
        known = people.get(tx, customer.tenant_id, by)
        name = known.name if known and known.name else text.actor.name
        says = phrase("tell.unknown_code", customer=customer.name, person=name, code=check.code)
        key = f"unknown_code:{by}:{now:%Y-%m-%dT%H}"
        tell_analysts(tx, key, says, self._desk.profile.id, now)

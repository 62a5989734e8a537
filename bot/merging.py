"""`merge`: which case another one becomes part of, and what follows, shown before it happens."""

from bot.cases import case_of
from bot.conductor import Conductor
from bot.gathering import ProviderDesk
from bot.replies import MOST_NAMED, AskFirst, Reply
from cards.wording import Reader, say
from dialogs.commands import CaseName
from storage import across
from storage.across import NamedCase
from storage.engine import Store
from triage.containing import describe
from triage.customer import Analyst, Customer
from triage.decide import Accepted, Decided
from triage.effects import Contain
from triage.events import MergedInto
from triage.incident import Approval, ApprovalState, Incident
from triage.merging import given_up, handed_on
from triage.phrases import Phrase, phrase


class Merging:
    def __init__(self, store: Store, conductor: Conductor, desk: ProviderDesk) -> None:
        self._store = store
        self._conductor = conductor
        self._desk = desk

    async def reply(self, on: NamedCase, into: CaseName, by: Analyst) -> Reply:
        """Of the same customer: what was learnt at one is no other's."""
        named = CaseName(into.number, into.prefix or on.name.rpartition("-")[0])
        found = await self._store.read_across(
            lambda tx: across.cases_named(tx, named.number, named.prefix, MOST_NAMED)
        )
        target = next((c for c in found if c.customer_id == on.customer_id), None)
        if target is None:
            why = "command.other_customer" if found else "command.no_case"
            return [phrase(why, name=named.written)]
        event = MergedInto(target.incident_id, target.name, by.object_id, by.name)
        foreseen = await self._conductor.foresee(on.customer_id, event, on.incident_id)
        if not isinstance(foreseen.verdict, Accepted):
            return [foreseen.verdict.says]
        goes_on = await self._conductor.foresee(
            target.customer_id, handed_on(foreseen.incident), target.incident_id
        )
        part, _ = await self._case(on)
        says = (
            phrase("confirm.merge", name=on.name, into=target.name),
            *given_up(part, goes_on.incident),
            *await self._follows(target, goes_on),
            phrase("confirm.merge_then", into=target.name),
        )
        return AskFirst(says, event)

    async def _follows(self, target: NamedCase, goes_on: Decided) -> list[Phrase]:
        """What is ordered, and what the customer is asked to approve, once the two are one."""
        before, customer = await self._case(target)
        known = {a.id for a in before.approvals}
        asked = [
            a
            for a in goes_on.incident.approvals
            if a.id not in known and a.state is ApprovalState.OPEN
        ]
        unless = [a for a in asked if a.acts_on_silence]
        lines = (
            ("confirm.merge_contains", _ordered(goes_on)),
            ("confirm.merge_asks", _of(asked)),
            ("confirm.merge_unless", _of(unless)),
        )
        return [
            phrase(key, into=target.name, customer=customer.name, actions=named)
            for key, actions in lines
            if (named := self._named(goes_on.incident, actions))
        ]

    def _named(self, incident: Incident, actions: set[str]) -> str:
        reader = Reader(self._desk.profile.language, self._desk.profile.zone)
        return ", ".join(say(describe(a), reader) for a in incident.actions if a.id in actions)

    async def _case(self, of: NamedCase) -> tuple[Incident, Customer]:
        return await self._store.read(of.customer_id, lambda tx: case_of(tx, of.incident_id))


def _ordered(decided: Decided) -> set[str]:
    return {e.action for e in decided.effects if isinstance(e, Contain)}


def _of(approvals: list[Approval]) -> set[str]:
    return {a.action for a in approvals}

"""Which case comes first: harm × probability × criticality × privilege × exposure.

Source: triage.md section 4. It orders work and explains itself; it never moves the probability.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import prod

from triage.customer import Criticality, Customer
from triage.incident import Decision, Incident
from triage.phrases import Phrase, phrase
from triage.report import Severity


class Level(StrEnum):
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


@dataclass(frozen=True, slots=True)
class Factor:
    """One term of the product; 1.0 changes nothing and is not shown."""

    times: float
    says: Phrase


@dataclass(frozen=True, slots=True)
class Priority:
    level: Level
    score: float
    factors: tuple[Factor, ...]


HARM = {
    Severity.INFORMATIONAL: 0.5,
    Severity.LOW: 1.0,
    Severity.MEDIUM: 2.0,
    Severity.HIGH: 4.0,
}
"""How bad it can be, as the source's severity says."""

CRITICALITY = {
    Criticality.LOW: 0.75,
    Criticality.NORMAL: 1.0,
    Criticality.HIGH: 1.5,
    Criticality.CROWN_JEWEL: 2.0,
}

VIP, PRIVILEGED, EXPOSED = 1.25, 1.5, 1.25

FLOORS = {Level.P1: 2.4, Level.P2: 1.0, Level.P3: 0.3}
"""The score from which each level starts; below is P4."""


def priority(incident: Incident, customer: Customer, decision: Decision) -> Priority:
    gravest = _gravest(incident, customer)
    factors = (
        Factor(HARM[incident.severity], phrase("factor.harm", severity=incident.severity)),
        Factor(decision.probability, phrase("factor.probability")),
        Factor(CRITICALITY[gravest], phrase("factor.criticality", criticality=gravest)),
        Factor(*_privilege(incident, customer)),
        Factor(_exposure(incident, customer), phrase("factor.exposed")),
    )
    told = tuple(f for f in factors if f.times != 1.0)
    score = _score(incident, customer, decision)
    return Priority(_level(score), score, told)


def level(incident: Incident, customer: Customer, decision: Decision) -> Level:
    """The priority's level alone."""
    return _level(_score(incident, customer, decision))


def _score(incident: Incident, customer: Customer, decision: Decision) -> float:
    times = (
        HARM[incident.severity],
        decision.probability,
        CRITICALITY[_gravest(incident, customer)],
        _privilege(incident, customer)[0],
        _exposure(incident, customer),
    )
    return round(prod(times), 2)


def _level(score: float) -> Level:
    return next((level for level, floor in FLOORS.items() if score >= floor), Level.P4)


def _gravest(incident: Incident, customer: Customer) -> Criticality:
    """The most critical machine decides; what the customer does not name is normal."""
    assets = [a.criticality for d in incident.devices if (a := customer.asset(d.name))]
    return max(assets, key=CRITICALITY.__getitem__, default=Criticality.NORMAL)


_PRIVILEGED = (PRIVILEGED, phrase("factor.privileged"))
_VIP, _NOBODY = (VIP, phrase("factor.vip")), (1.0, phrase("factor.vip"))


def _privilege(incident: Incident, customer: Customer) -> tuple[float, Phrase]:
    upns = [a.person.upn if a.person else a.account.upn for a in incident.affected]
    if any(customer.is_privileged(upn) for upn in upns):
        return _PRIVILEGED
    facts = [customer.facts_about(upn) for upn in upns]
    return _VIP if any(f and f.vip for f in facts) else _NOBODY


def _exposure(incident: Incident, customer: Customer) -> float:
    assets = [customer.asset(d.name) for d in incident.devices]
    return EXPOSED if any(a and a.exposed for a in assets) else 1.0

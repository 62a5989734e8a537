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
    factors = (
        Factor(HARM[incident.severity], phrase("factor.harm", severity=incident.severity)),
        Factor(decision.probability, phrase("factor.probability")),
        _criticality(incident, customer),
        _privilege(incident, customer),
        _exposure(incident, customer),
    )
    score = round(prod(f.times for f in factors), 2)
    level = next((level for level, floor in FLOORS.items() if score >= floor), Level.P4)
    told = tuple(f for f in factors if f.times != 1.0)
    return Priority(level, score, told)


def _criticality(incident: Incident, customer: Customer) -> Factor:
    """The most critical machine decides."""
    assets = [a for a in (customer.asset(d.name) for d in incident.devices) if a]
    gravest = max(assets, key=lambda a: CRITICALITY[a.criticality], default=None)
    if gravest is None:
        return Factor(1.0, phrase("factor.criticality", criticality=Criticality.NORMAL))
    says = phrase("factor.criticality", criticality=gravest.criticality)
    return Factor(CRITICALITY[gravest.criticality], says)


def _privilege(incident: Incident, customer: Customer) -> Factor:
    upns = [a.person.upn if a.person else a.account.upn for a in incident.affected]
    if any(customer.is_privileged(upn) for upn in upns):
        return Factor(PRIVILEGED, phrase("factor.privileged"))
    facts = [customer.facts_about(upn) for upn in upns]
    return Factor(VIP if any(f and f.vip for f in facts) else 1.0, phrase("factor.vip"))


def _exposure(incident: Incident, customer: Customer) -> Factor:
    assets = [customer.asset(d.name) for d in incident.devices]
    exposed = any(a and a.exposed for a in assets)
    return Factor(EXPOSED if exposed else 1.0, phrase("factor.exposed"))

"""Customers for the rules in any order, each with what its profile means for who may do what: names
written down beside it, so that a test asks none of the code it tests."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from tests.triage.triage_script import (
    ANNA,
    APPROVER,
    AUTOMATIC,
    BOB,
    CARLA,
    DAN,
    EVE,
    INES,
    IT,
    JON,
    PEOPLE,
    Case,
    contoso,
    rule,
)
from triage.actions import ActionKind
from triage.customer import Asset, Consent, Contact, Customer, PersonFacts, Role, StepUp
from triage.events import Facts
from triage.incident import Person

CONTEXT = "c1"
_STEP_UP = StepUp(authentication_context=CONTEXT, probed=date(2026, 11, 20))
_VOICE: dict[str, Any] = {"phone": "+49 30 9999", "phone_source": "HR record of 2026-03"}


@dataclass(frozen=True, slots=True)
class World:
    customer: Customer
    approve: tuple[Person, ...] = (JON,)
    """Who may decide for the customer, as long as they are neither affected nor suspect."""
    protected: tuple[str, ...] = ("root@contoso.com",)
    """UPNs and devices that nothing is done to without a person's yes."""
    asks_nobody: bool = False
    """Shadow: no approval and no question leaves us."""
    writes_to: tuple[str, ...] = ()
    """The pilot group; empty where there is none."""


def _contact(person: Person, role: Role = Role.APPROVER, **more: Any) -> Contact:
    return Contact(upn=person.upn, name=person.name, roles=frozenset({role}), **more)


def _facts(person: Person, **facts: Any) -> PersonFacts:
    return PersonFacts(upn=person.upn, **facts)


ANALYST = Person(ANNA.object_id, ANNA.name, "Anna", ANNA.upn)
"""Who in one world is also a contact of the customer."""
_PEOPLE = (_facts(BOB, manager=DAN.upn), _facts(CARLA, manager=EVE.upn, **_VOICE))
_SILENT = tuple(rule(k, act_if_unreachable=True) for k in ActionKind)
_LOCKOUT = tuple(rule(k, Consent.AUTHORIZE, privileged=True) for k in ActionKind)
_ROOT = PersonFacts(upn="root@contoso.com", break_glass=True, privileged=True)


def _customer(**changes: Any) -> Customer:
    return contoso(**{"step_up": _STEP_UP, "people": (*_PEOPLE, _ROOT), **changes})


WORLDS = (
    World(_customer()),
    World(
        _customer(rules=AUTOMATIC, assets=(Asset(name="LAPTOP-7", protected=True),)),
        protected=("LAPTOP-7", "root@contoso.com"),
    ),
    World(
        _customer(
            rules=_SILENT,
            contacts=(APPROVER, IT, _contact(BOB, Role.SECURITY, delegate=DAN.upn)),
        ),
        approve=(JON, BOB, DAN),
    ),
    World(
        _customer(
            rules=_LOCKOUT,
            privileged_names=("carla@*",),
            people=(*_PEOPLE[:1], _facts(CARLA, break_glass=True), _facts(DAN, break_glass=True)),
        ),
        protected=(CARLA.upn, DAN.upn),
    ),
    World(  # Identities hang on the laptop, and Carla holds the directory: two people approve.
        _customer(
            consent=Consent.COLLABORATE,
            contacts=(_contact(JON, **_VOICE), _contact(INES, **_VOICE), _contact(ANALYST)),
            assets=(Asset(name="LAPTOP-7", tier_0=True),),
            people=(*_PEOPLE[:1], _facts(CARLA, privileged=True, tier_0=True), _ROOT),
        ),
        approve=(JON, INES, ANALYST),
    ),
    World(_customer(consent=Consent.NOTIFY)),
    World(_customer(shadow=True), asks_nobody=True),
    World(_customer(pilot=(CARLA.upn,)), writes_to=(CARLA.upn,)),
    World(_customer(contacts=()), approve=()),
)

SILENCE_ACTS, TWO_APPROVE = WORLDS[2], WORLDS[4]

UPNS = {p.object_id: p.upn for p in PEOPLE}
MANAGERS = {BOB.object_id: DAN.object_id, CARLA.object_id: EVE.object_id}


class Played(Case):
    """A case of a customer whose people can open our pages, and whose helpers the roster knows."""

    def _facts(self, event: Any) -> Facts:
        helpers = {p.upn: p for p in PEOPLE}
        return replace(super()._facts(event), pages=True, helpers=helpers)

"""The load: incidents of several kinds, each of a person of its own, and what people do about them.

Nothing ties one incident to another, so each must end as the undisturbed one of its kind did.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import Any, Literal
from uuid import UUID

from tests.story import graph_incident
from tests.story.graph_incident import BOB, CARLA, CONTOSO

Json = dict[str, Any]
Place = Literal["chat", "thread", "analysts"]


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody presses a button of the newest card in a place that has it."""

    place: Place
    action: str
    leaves: str
    """What the analysts' card says from then on; `{name}` is the person concerned."""
    by: str | None = None
    """A UPN; None is the person concerned."""
    once: str = ""
    """What the card says before they press: it matters to how the case ends what came first."""


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    report: Callable[[str], Json]
    acts: tuple[Act, ...]


JON, MIA = "jon@contoso.example", "mia@nordwall.example"

KINDS = (
    Kind(
        "malware ran",
        graph_incident.malware_ran,
        (
            Act("chat", "answer.q1.opened", "{name} answered: I opened it"),
            Act("chat", "answer.q2.enabled_content", "{name} answered: I enabled content"),
            Act("thread", "approve.p1", "Jon Park approved: Isolate", JON),
        ),
    ),
    Kind(
        "malware blocked",
        graph_incident.malware_blocked,
        (
            Act("chat", "answer.q1.expected", "{name} answered: I expected it"),
            Act("analysts", "close", "Closed by Mia Lindqvist", MIA),
        ),
    ),
    Kind(
        "unfamiliar sign-in",
        graph_incident.unfamiliar_sign_in,
        (
            Act("thread", "approve.p1", "Jon Park approved: Disable", JON),
            Act(
                "analysts",
                "record_call.q1.not_mine",
                "{name} by phone: It was not me",
                MIA,
                once="Undo: Disable the account",
            ),
        ),
    ),
    Kind(
        "remote tool",
        graph_incident.remote_tool,
        (Act("analysts", "record_call.q1.it_confirmed", "{name} by phone: Our IT did", MIA),),
    ),
)


@dataclass(frozen=True, slots=True)
class Person:
    number: int

    @property
    def name(self) -> str:
        return f"Person {self.number:04}"

    @property
    def upn(self) -> str:
        return f"person{self.number:04}@contoso.example"

    @property
    def id(self) -> str:
        return str(UUID(bytes=sha256(self.name.encode()).digest()[:16], version=4))

    def told(self) -> Json:
        """As the simulated world's file tells of somebody, who has not got the app yet."""
        return {
            "id": self.id,
            "sid": f"S-1-5-21-2240804092-2960877856-2164731090-{20000 + self.number}",
            "name": self.name,
            "givenName": "Person",
            "upn": self.upn,
            "locale": "en-GB",
            "timeZone": "Europe/London",
            "role": "user",
            "installed": False,
            "teams": [],
        }


@dataclass(frozen=True, slots=True)
class Case:
    """One incident: its kind, and whom it concerns."""

    kind: Kind
    person: Person

    @property
    def id(self) -> str:
        return str(700_000 + self.person.number)

    def report(self) -> Json:
        """As its source tells of it: with a person, a device and files that no other one has."""
        name = self.person.upn.partition("@")[0]
        text = json.dumps(self.kind.report(self.id))
        for known, own in (
            (BOB, self.person.id),
            (CARLA, self.person.id),
            ("bob@contoso.example", self.person.upn),
            ("carla@contoso.example", self.person.upn),
            ('"bob"', f'"{name}"'),
            ('"carla"', f'"{name}"'),
            ("laptop-7", f"laptop-{name}"),
            ("a" * 40, sha1(name.encode()).hexdigest()),
            ("1" * 40, sha1(f"file of {name}".encode()).hexdigest()),
            ("2" * 64, sha256(name.encode()).hexdigest()),
        ):
            text = text.replace(known, own)
        told: Json = json.loads(text)
        return told


def case(number: int) -> Case:
    return Case(KINDS[number % len(KINDS)], Person(number))


def peopled(people: int) -> Callable[[str], str]:
    """The demo's world, with so many more people at Contoso."""

    def changed(world: str) -> str:
        told = json.loads(world)
        contoso = next(tenant for tenant in told["tenants"] if tenant["id"] == CONTOSO)
        contoso["users"] += [Person(number).told() for number in range(people)]
        return json.dumps(told)

    return changed

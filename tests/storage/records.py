"""What the tests of storage put in: a store on a real file, incidents, events, profiles.

Run as a program, it writes the golden state of today's version, once, when a version is released.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from storage import across, effects, incidents, surfaces
from storage.codec import incident_to_json
from storage.engine import Store, Tx
from tests.databases import url
from triage.effects import CUSTOMER_THREAD, Effect, Say, Wake
from triage.events import Event, Facts, Woke
from triage.incident import STATE_VERSION, Incident, IncidentType, Reason, SourceRef, Status
from triage.phrases import phrase
from triage.report import Severity, Source

T = TypeVar("T")

NOW = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
LEASE = timedelta(seconds=60)
ME, OTHER = "process-1", "process-2"

CONTOSO, FABRIKAM = "contoso", "fabrikam"
TENANT = "11111111-1111-4111-8111-111111111111"

WOKE = Woke("question:1")

GOLDEN = Path(__file__).parent / "golden" / f"incident-v{STATE_VERSION}.json"


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = Store.open(url(folder))
    try:
        yield store
    finally:
        await store.close()


# --- incidents -----------------------------------------------------------------------------------


def an_incident(number: int = 1, customer: str = CONTOSO, **changes: Any) -> Incident:
    incident = Incident(
        id=f"{customer}-incident-{number}",
        customer=customer,
        name=f"{customer.upper()}-{number}",
        code="7KQ4",
        status=Status.TRIAGING,
        received=NOW,
        title="A file that should not be there",
        severity=Severity.HIGH,
        types=(IncidentType.MALICIOUS_FILE,),
        refs=(SourceRef(Source.DEFENDER, str(number), NOW, "digest"),),
    )
    return replace(incident, **changes)


def record(
    tx: Tx,
    incident: Incident,
    key: str,
    event: Event = WOKE,
    *,
    at: datetime = NOW,
    ordered: Sequence[Effect] = (),
) -> None:
    incidents.record(
        tx,
        incident=incident,
        event=event,
        key=key,
        at=at,
        actor="bob",
        facts=Facts(),
        profile_version=1,
        provider_version=1,
        rules="rules-1",
        answer='{"answer":"accepted"}',
        reasons=[Reason("prior.malware_ran", 1.5, "alert-1", phrase("reason.ran"))],
        effect_keys=[effect.key for effect in ordered],
    )


def begin(number: int = 1, **changes: Any) -> Callable[[Tx], str]:
    """A unit that records the first event of an incident; gives its id."""

    def unit(tx: Tx) -> str:
        incident = an_incident(number, tx.customer, **changes)
        record(tx, incident, f"begin:{number}")
        return incident.id

    return unit


def go_on(incident_id: str, key: str, **changes: Any) -> Callable[[Tx], None]:
    """A unit that records one more event of an incident."""

    def unit(tx: Tx) -> None:
        incident = incidents.load(tx, incident_id)
        assert incident
        record(tx, replace(incident, **changes), key)

    return unit


# --- effects -------------------------------------------------------------------------------------


def a_say(key: str, place: str = CUSTOMER_THREAD) -> Say:
    return Say(key, place, phrase("contained"))


def a_wake(key: str, at: datetime) -> Wake:
    return Wake(key, at, "question:1")


async def ordered(store: Store, *wanted: Effect, customer: str = CONTOSO) -> list[int]:
    """Order effects of incident 1; the ids of what can be claimed now."""
    await store.write(customer, lambda tx: effects.order(tx, f"{customer}-incident-1", wanted, NOW))
    return [id_ for _, id_ in await due(store)]


async def due(store: Store, now: datetime = NOW) -> list[tuple[str, int]]:
    found = await store.read_across(lambda tx: across.due(tx, now, 100))
    return [(it.customer_id, it.effect_id) for it in found]


async def claim(
    store: Store, effect_id: int | None, owner: str = ME, now: datetime = NOW
) -> effects.ClaimedEffect | None:
    return await store.write(CONTOSO, lambda tx: effects.claim(tx, effect_id, owner, now, LEASE))


async def finish(store: Store, effect_id: int, owner: str = ME) -> bool:
    return await store.write(CONTOSO, lambda tx: effects.finish(tx, effect_id, owner, "r1", NOW))


def show(incident_id: str, digest: str) -> Callable[[Tx], dict[str, int]]:
    """A unit that wants the customer's thread to show a view, as the conductor does."""

    def unit(tx: Tx) -> dict[str, int]:
        changed = surfaces.want(tx, incident_id, {CUSTOMER_THREAD: digest})
        shows = [
            effects.Show(name, effects.place_lane(incident_id, name), revision)
            for name, revision in changed.items()
        ]
        effects.order(tx, incident_id, shows, NOW)
        return changed

    return unit


# --- a value with everything in it ---------------------------------------------------------------


def filled(hint: Any, name: str = "") -> Any:
    """A value of a type with every field filled, and every alternative of a union where there is
    room for all of them."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return filled(next(arg for arg in args if arg is not NoneType), name)
    if origin is Literal:
        return args[0]
    if origin is tuple and args[1:] == (...,):
        alternatives = get_args(args[0]) if get_origin(args[0]) is UnionType else args[:1]
        return tuple(filled(each, name) for each in alternatives)
    if origin is tuple:
        return tuple(filled(each, name) for each in args)
    if origin is frozenset:
        return frozenset({filled(args[0], name)})
    if origin is not None and issubclass(origin, Mapping):
        return {"words": "it's <b>", "number": 3, "nested": phrase("x", at=NOW, of=phrase("y"))}
    return _plain(hint, name)


def _plain(hint: Any, name: str) -> Any:
    if name == "state_version":
        return STATE_VERSION
    if hasattr(hint, "__members__"):
        return list(hint)[-1]
    samples = {
        str: f"{name} ü",
        int: 7,
        float: -0.25,
        bool: True,
        datetime: NOW,
        date: NOW.date(),
        time: time(8, 30),
    }
    if hint in samples:
        return samples[hint]
    hints = get_type_hints(hint)
    return hint(**{field.name: filled(hints[field.name], field.name) for field in fields(hint)})


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(incident_to_json(filled(Incident)) + "\n", encoding="utf-8")

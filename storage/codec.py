"""The domain's values to JSON text, and back.

The text of a value is the same every time: sets are sorted, fields keep the order of their class.
"""

import json
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import Field, TypeAdapter
from pydantic_core import from_json

from storage.upcasters import lift, lift_event, lift_profile
from triage.customer import Customer, Provider, Stop
from triage.decide import Verdict
from triage.effects import Effect
from triage.events import Event, Facts
from triage.incident import STATE_VERSION, Incident, Reason
from triage.report import Alert
from triage.views import View

T = TypeVar("T")


class UnreadableStateError(Exception):
    """The state was stored by a newer Vouch than this one."""


class _Codec(Generic[T]):
    def __init__(self, adapter: TypeAdapter[T]) -> None:
        self._adapter = adapter

    def to_json(self, value: T) -> str:
        return self._adapter.dump_json(value).decode()

    def from_json(self, text: str) -> T:
        return self._adapter.validate_json(text)


class _SetCodec(_Codec[T]):
    """For values with sets in them, whose order differs from one process to the next."""

    def to_json(self, value: T) -> str:
        plain = self._adapter.dump_python(value)
        return json.dumps(plain, default=_plain, ensure_ascii=False, separators=(",", ":"))


class _CustomerCodec(_SetCodec[Customer]):
    def from_json(self, text: str) -> Customer:
        return self._adapter.validate_json(json.dumps(lift_profile(from_json(text))))


class _EventCodec(_Codec[Event]):
    def from_json(self, text: str) -> Event:
        if _ASKS_NOTHING not in text:
            return self._adapter.validate_json(text)
        return self._adapter.validate_json(json.dumps(lift_event(from_json(text))))


_ASKS_NOTHING = '"question":""'


class _IncidentCodec(_Codec[Incident]):
    def from_json(self, text: str) -> Incident:
        return self._known(text)

    @lru_cache(maxsize=64)  # noqa: B019 - there is one codec of incidents, and it lives as long
    def _known(self, text: str) -> Incident:
        """What follows from one event reads the same state again and again; it is frozen."""
        if text.endswith(_OF_TODAY):
            return self._adapter.validate_json(text)
        state: dict[str, Any] = from_json(text)
        version = state["state_version"]
        if version > STATE_VERSION:
            raise UnreadableStateError(f"state version {version} is newer than {STATE_VERSION}")
        return self._adapter.validate_json(json.dumps(lift(state, STATE_VERSION)))


_OF_TODAY = f'"state_version":{STATE_VERSION}}}'
"""How a state of today's version ends: it is the last field of Incident."""


def _plain(value: object) -> object:
    match value:
        case AbstractSet():
            return sorted(value)
        case datetime() | date() | time():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in stored JSON")


def _by_kind(union: Any, field: str = "kind") -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[union, Field(discriminator=field)])


_incident = _IncidentCodec(TypeAdapter(Incident))
incident_to_json, incident_from_json = _incident.to_json, _incident.from_json

_event = _EventCodec(_by_kind(Event))
event_to_json, event_from_json = _event.to_json, _event.from_json

_facts = _SetCodec(TypeAdapter(Facts))
facts_to_json, facts_from_json = _facts.to_json, _facts.from_json

_verdict: _Codec[Verdict] = _Codec(_by_kind(Verdict, "answer"))
verdict_to_json, verdict_from_json = _verdict.to_json, _verdict.from_json

_reasons: _Codec[tuple[Reason, ...]] = _Codec(TypeAdapter(tuple[Reason, ...]))
reasons_to_json, reasons_from_json = _reasons.to_json, _reasons.from_json

_effect: _Codec[Effect] = _Codec(_by_kind(Effect))
effect_to_json, effect_from_json = _effect.to_json, _effect.from_json

_alert = _Codec(TypeAdapter(Alert))
alert_to_json, alert_from_json = _alert.to_json, _alert.from_json

_customer = _CustomerCodec(TypeAdapter(Customer))
customer_to_json, customer_from_json = _customer.to_json, _customer.from_json

_stop: _Codec[Stop] = _Codec(TypeAdapter(Stop))
stop_to_json, stop_from_json = _stop.to_json, _stop.from_json

_provider = _SetCodec(TypeAdapter(Provider))
provider_to_json, provider_from_json = _provider.to_json, _provider.from_json

_views: dict[type[View], TypeAdapter[Any]] = {view: TypeAdapter(view) for view in get_args(View)}


def digest(view: View) -> str:
    """Equal for equal views: it tells whether a surface has something new to show."""
    return sha256(_views[type(view)].dump_json(view)).hexdigest()

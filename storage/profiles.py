"""The profiles: from a TOML file written by hand to a `Customer` or `Provider`, version by version.

`storage/profile.md` shows how to write one. All faults of form are named at once, then all
contradictions, each with its line, field and reason; a profile with a fault changes nothing.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import bindparam, select, update
from sqlmodel import col

from storage import incidents
from storage.codec import (
    customer_from_json,
    customer_to_json,
    provider_from_json,
    provider_to_json,
    stop_from_json,
)
from storage.engine import Tx
from storage.profilechecks import check
from storage.tables import CustomerRow
from storage.tomllines import Lines, Place
from storage.upcasters import lift_profile
from triage.customer import Customer, Due, Provider

Profile = Customer | Provider

OURS = ("version", "stopped")
"""What a profile has and no file says."""

REACH = "reach"
"""What is held by whoever stops response actions, or begins one, and by whoever copies a stop."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Fault:
    line: int | None
    field: str
    reason: str


class ProfileError(Exception):
    """A profile cannot be taken; every fault is named."""

    def __init__(self, origin: str, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(_sentence(origin, fault) for fault in faults))


def _sentence(origin: str, fault: Fault) -> str:
    where = f"{origin}:{fault.line}" if fault.line else origin
    return ": ".join(part for part in (where, fault.field, fault.reason) if part)


# --- kept ----------------------------------------------------------------------------------------

_CURRENT = select(CustomerRow).where(col(CustomerRow.current))
_CURRENT_DOCUMENT = select(
    col(CustomerRow.role), col(CustomerRow.document), col(CustomerRow.stopped)
).where(col(CustomerRow.current))
_LAST = select(CustomerRow).order_by(col(CustomerRow.version).desc()).limit(1)
"""Also of a customer who was removed, and comes back."""
_END = (
    update(CustomerRow)
    .where(col(CustomerRow.current))
    .values(current=False)
    .execution_options(synchronize_session=False)
)
_DOCUMENT = select(col(CustomerRow.role), col(CustomerRow.document)).where(
    col(CustomerRow.version) == bindparam("version")
)


def current(tx: Tx) -> Customer:
    """The customer's profile as it is now."""
    profile = find(tx)
    if isinstance(profile, Customer):
        return profile
    raise LookupError(f"{tx.customer} has no customer profile")


def find(tx: Tx) -> Profile | None:
    """The profile of the customer, or of the provider, if there is one."""
    known = tx.profiles.get(tx.customer)
    if known is None:
        row = tx.session.run(_CURRENT_DOCUMENT).one_or_none()
        if row is None:
            return None
        known = tx.profiles[tx.customer] = decoded(row.role, row.document, row.stopped)
    return known


def of_version(tx: Tx, version: int) -> Profile:
    """The profile an event was decided by."""
    row = tx.session.run(_DOCUMENT, {"version": version}).one()
    return decoded(row.role, row.document)


ERASED = ""
"""The text of a version of which somebody was erased."""

_TEXT = select(col(CustomerRow.toml)).where(col(CustomerRow.version) == bindparam("version"))


def is_complete(tx: Tx, version: int) -> bool:
    """Whether a version still says what it said when events were decided by it."""
    return tx.session.run(_TEXT, {"version": version}).scalar() != ERASED


@lru_cache(maxsize=512)
def decoded(role: str, document: str, stopped: str | None = None) -> Profile:
    """A profile as its row holds it."""
    if role == "provider":
        return provider_from_json(document)
    customer = customer_from_json(document)
    return replace(customer, stopped=stop_from_json(stopped)) if stopped else customer


def save(tx: Tx, text: str, origin: str, now: datetime) -> Profile:
    """Take a profile; a new version, unless it says what the current one says. What was stopped
    stays so, also where the customer was removed meanwhile."""
    profile = read(text, origin)
    tx.hold(REACH)
    row = tx.session.scalars(_CURRENT).one_or_none()
    _refuse_other(tx, profile, row, origin)
    if row is not None and replace(profile, version=row.version) == decoded(row.role, row.document):
        return replace(profile, version=row.version)
    last = row or tx.session.scalars(_LAST).one_or_none()
    saved = replace(profile, version=last.version + 1 if last else 1)
    if row is not None:
        row.current = False
        tx.session.flush()  # one row at most may be current, at any moment
    tx.session.add(
        CustomerRow(
            customer_id=tx.customer,
            version=saved.version,
            current=True,
            role=_role(saved),
            tenant_id=saved.tenant_id,
            document=_document(saved),
            toml=text,
            added_at=now,
            stopped=last.stopped if last else None,
        )
    )
    tx.profiles.pop(tx.customer, None)  # what is read next is the new one, stopped as it was
    incidents.record_desk(
        tx,
        key=f"profile:{saved.version}",
        kind="profile_saved",
        payload={"version": saved.version, "sha256": sha256(text.encode()).hexdigest()},
        at=now,
        actor=None,
    )
    return saved


def end(tx: Tx) -> None:
    """No version is current any more: nobody is onboarded under this id. The versions stay, for
    events name theirs."""
    tx.session.run(_END)
    tx.profiles.pop(tx.customer, None)


def _refuse_other(tx: Tx, profile: Profile, row: CustomerRow | None, origin: str) -> None:
    if profile.id != tx.customer:
        raise ProfileError(origin, [Fault(None, "id", f"{profile.id!r} is not {tx.customer!r}")])
    if row is not None and row.role != _role(profile):
        reason = f"{profile.id!r} is a {row.role} already, and stays one"
        raise ProfileError(origin, [Fault(None, "role", reason)])


def _role(profile: Profile) -> str:
    return "provider" if isinstance(profile, Provider) else "customer"


def _document(profile: Profile) -> str:
    if isinstance(profile, Provider):
        return provider_to_json(profile)
    return customer_to_json(profile)


def objections(profile: Profile) -> list[str]:
    """What today's checks say against a profile that was taken in earlier."""
    return [f"{_dotted(place)}: {reason}" for place, reason in check(profile)]


# --- read ----------------------------------------------------------------------------------------

Found = tuple[Place, str]
"""What is wrong, and where."""

_CUSTOMER: TypeAdapter[Profile] = TypeAdapter(Customer)
_PROVIDER: TypeAdapter[Profile] = TypeAdapter(Provider)


def read(text: str, origin: str) -> Profile:
    """A profile from its TOML text, as version 0; `origin` is what the faults call the file."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(origin, [_no_toml(error)]) from error
    lines = Lines(text)
    written = lift_profile(written)
    match written.pop("role", None):
        case "customer":
            profile, found = _validated(Customer, _CUSTOMER, written)
        case "provider":
            profile, found = _validated(Provider, _PROVIDER, written)
        case other:
            reason = f'must be "customer" or "provider", not {other!r}'
            raise ProfileError(origin, [Fault(lines.of(("role",)), "role", reason)])
    if profile is None or found:
        faults = [Fault(lines.of(place), _dotted(place), reason) for place, reason in found]
        raise ProfileError(origin, sorted(faults, key=lambda fault: (fault.line or 0, fault.field)))
    return replace(profile, tenant_id=profile.tenant_id.lower())


def _no_toml(error: tomllib.TOMLDecodeError) -> Fault:
    at = re.search(r"\(at line (\d+)", str(error))
    return Fault(int(at[1]) if at else None, "", f"this is not TOML: {error}")


def _validated(
    cls: type, adapter: TypeAdapter[Profile], written: dict[str, Any]
) -> tuple[Profile | None, list[Found]]:
    unknown = list(_unknown_keys(cls, written, ()))
    try:
        profile = adapter.validate_python(_with_days(written) | {"version": 0})
    except ValidationError as error:
        found = dict.fromkeys((_place(each), _reason(each)) for each in error.errors())
        return None, unknown + list(found)
    return profile, unknown + list(check(profile))


def _unknown_keys(cls: type, written: dict[str, Any], place: Place) -> Iterator[Found]:
    """Keys no field answers to: a misspelt setting must not pass for an absent one."""
    known = get_type_hints(cls).items()
    inner = {name: _dataclass_in(hint) for name, hint in known if name not in OURS}
    for key, value in written.items():
        here = (*place, key)
        if key not in inner:
            near = get_close_matches(key, inner, n=1)
            yield here, "there is no such setting" + (f"; {near[0]}?" if near else "")
        elif (nested := inner[key]) and isinstance(value, dict):
            yield from _unknown_keys(nested, value, here)
        elif nested and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _unknown_keys(nested, item, (*here, index))


def _dataclass_in(hint: Any) -> type | None:
    """The dataclass of `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    return next((found for arg in get_args(hint) if (found := _dataclass_in(arg))), None)


def _with_days(written: dict[str, Any]) -> dict[str, Any]:
    """`days = "mon-fri"`, or a list of days, as the numbers the profile keeps."""
    lifted = dict(written)
    if "hours" in written:
        lifted["hours"] = _numbered(written["hours"])
    if isinstance(written.get("shifts"), list):
        lifted["shifts"] = [_numbered(shift) for shift in written["shifts"]]
    return lifted


def _numbered(hours: Any) -> Any:
    if not isinstance(hours, dict) or "days" not in hours:
        return hours
    return hours | {"days": _days(hours["days"])}


def _days(written: Any) -> Any:
    first, dash, last = written.partition("-") if isinstance(written, str) else ("", "", "")
    if dash and first in DAYS and last in DAYS:
        start, end = DAYS.index(first), DAYS.index(last)
        return [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]
    names = [written] if isinstance(written, str) else written
    if not isinstance(names, list):
        return written
    return [DAYS.index(name) if name in DAYS else name for name in names]


_TARGET = 3
"""How deep a target stands: sla.high.contact. Below it pydantic names each type that it tried."""


def _place(error: ErrorDetails) -> Place:
    place = error["loc"]
    return place[:_TARGET] if place[0] == "sla" else place


def _reason(error: ErrorDetails) -> str:
    given, kind = error["input"], error["type"]
    if kind == "missing":
        return "is missing"
    if len(error["loc"]) > _TARGET and error["loc"][0] == "sla":
        return f"{given!r} is neither a number of minutes nor one of {', '.join(Due)}"
    if kind in {"enum", "literal_error"}:
        return f"{given!r} is not one of {error['ctx']['expected']}"
    if "days" in error["loc"]:
        return f"{given!r} is not one of {', '.join(DAYS)}, nor two of them with a dash"
    if isinstance(given, dict | list):
        return error["msg"]
    return f"{given!r} will not do: {error['msg']}"


def _dotted(place: Place) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")

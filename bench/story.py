"""Whom the measured stories concern, and the incidents: the demo's, told of many Bobs."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from pathlib import Path
from uuid import UUID

from bench.processes import ROOT
from triage.actions import ActionKind

CUSTOMER, TENANT = "contoso", "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
ANSWER = "answer.q1.opened"

DEMO_WORLD = ROOT / "simulator" / "worlds" / "demo.json"
SCENARIO = ROOT / "simulator" / "scenarios" / "01-late-quarantine.json"

BOB = {
    "object_id": "dc20cef7-a9fe-4773-b652-5efb74d750af",
    "upn": "bob@contoso.example",
    "sid": "S-1-5-21-2240804092-2960877856-2164731090-1104",
    "name": "Bob Meyer",
}
_TIME = re.compile(r"@start-(\d+)([mhd])")
_HASH = re.compile(r'"([0-9a-f]{64}|[0-9a-f]{40})"')
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def world(file: Path, people: int) -> None:
    """The demo's world, with so many more people at Contoso."""
    told = json.loads(DEMO_WORLD.read_text(encoding="utf-8"))
    contoso = next(it for it in told["tenants"] if it["id"] == TENANT)
    contoso["users"] += [_person(number) for number in range(people)]
    file.write_text(json.dumps(told), encoding="utf-8")


def _person(number: int) -> dict[str, object]:
    return {
        "id": str(UUID(bytes=sha256(f"person {number}".encode()).digest()[:16], version=4)),
        "sid": f"S-1-5-21-2240804092-2960877856-2164731090-{20000 + number}",
        "name": f"Person {number:04}",
        "givenName": "Person",
        "upn": f"person{number:04}@contoso.example",
        "locale": "en-GB",
        "timeZone": "Europe/London",
        "installed": True,
        "teams": [],
    }


def incident(person: Mapping[str, str]) -> str:
    """The late quarantine, on this person's laptop and with files of its own: nothing ties it to
    another case."""
    scenario = json.loads(SCENARIO.read_text(encoding="utf-8"))
    name = person["upn"].partition("@")[0]
    text = json.dumps(scenario["start"][0]["payload"]).replace("{@run}", str(_number(name)))
    for field, value in BOB.items():
        text = text.replace(value, person[field])
    text = text.replace('"bob"', f'"{name}"').replace("LAPTOP-7", f"LAPTOP-{name}".upper())
    text = text.replace("laptop-7", f"laptop-{name}")
    text = _HASH.sub(lambda found: f'"{_another(found[1], name)}"', text)
    return _TIME.sub(_moment, text)


def _number(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:6])


def _another(known: str, name: str) -> str:
    digest = sha256 if len(known) == 64 else sha1
    return digest(f"{known} {name}".encode()).hexdigest()


def _moment(found: re.Match[str]) -> str:
    ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return (datetime.now(UTC) - ago).isoformat().replace("+00:00", "Z")


def uncapped(profile: str) -> str:
    """A customer's profile with room for more response actions than any real hour should see: a load
    is no attack, and each case is to end as it would alone."""
    return f"{profile}\n[caps]\n" + "".join(f"{kind} = 100000\n" for kind in ActionKind)

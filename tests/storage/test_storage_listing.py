"""The analysts' list: the gravest and newest first, page by page, of onboarded customers alone."""

from datetime import timedelta
from pathlib import Path

from storage import across, profiles
from storage.across import Listing
from storage.engine import Store
from tests.storage.records import CONTOSO, NOW, TENANT, begin, opened
from triage.incident import Status
from triage.report import Severity

PROFILE = f"""
role = "customer"
id = "{CONTOSO}"
name = "Contoso"
prefix = "CONTOSO"
tenant_id = "{TENANT}"
"""


async def _some_cases(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: profiles.save(tx, PROFILE, "contoso.toml", NOW))
    for number in range(1, 13):
        grave = Severity.HIGH if number == 3 else Severity.LOW
        new = {
            "name": f"CONTOSO-{number}",
            "severity": grave,
            "received": NOW + timedelta(minutes=number),
            "owner": "mia" if number % 2 else None,
            "status": Status.RESOLVED if number == 12 else Status.WAITING,
        }
        await store.write(CONTOSO, begin(number, **new))


async def _names(store: Store, wanted: Listing, limit: int = 10, offset: int = 0) -> list[str]:
    found = await store.read_across(lambda tx: across.listed(tx, wanted, limit, offset))
    return [case.name for case, _ in found.cases]


async def test_the_gravest_come_first_then_the_newest_and_pages_go_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _some_cases(store)

        assert await _names(store, Listing(), 3) == ["CONTOSO-3", "CONTOSO-11", "CONTOSO-10"]
        assert await _names(store, Listing(), 10, 10) == ["CONTOSO-1"]
        assert await _names(store, Listing(), 10, 20) == []


async def test_a_list_is_narrowed_by_owner_severity_and_state(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await _some_cases(store)

        high = Listing(severities=(Severity.HIGH,))
        assert await _names(store, high) == ["CONTOSO-3"]
        mine = await _names(store, Listing(owner="mia"))
        assert set(mine) == {f"CONTOSO-{n}" for n in (1, 3, 5, 7, 9, 11)}
        nobodys = await _names(store, Listing(unowned=True))
        assert set(nobodys) == {f"CONTOSO-{n}" for n in (2, 4, 6, 8, 10)}
        assert await _names(store, Listing(statuses=(Status.RESOLVED,))) == ["CONTOSO-12"]
        assert await _names(store, Listing(customers=("fabrikam",))) == []

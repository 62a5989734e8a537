"""What analysts remember of a customer: until its day, by numbers that are used once."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from storage import erasing, remembered
from storage.engine import Tx
from tests.storage.records import CONTOSO, FABRIKAM, opened
from triage.remembering import Remembered

TODAY = date(2026, 12, 1)


def keep(fact: str, until: date = TODAY) -> Callable[[Tx], Remembered]:
    return lambda tx: remembered.keep(tx, fact, "Mia Lindqvist", "CONTOSO-1", until)


def facts(tx: Tx) -> list[tuple[int, str]]:
    return [(known.number, known.fact) for known in remembered.current(tx, TODAY)]


async def test_it_is_the_customers_own_and_ends_with_its_day(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, keep("Manila is theirs"))
        await store.write(CONTOSO, keep("over", date(2026, 11, 30)))

        assert await store.read(CONTOSO, facts) == [(1, "Manila is theirs")]
        assert await store.read(FABRIKAM, facts) == []


async def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, keep("a"))
        assert await store.write(CONTOSO, lambda tx: remembered.forget(tx, 1))
        assert not await store.write(CONTOSO, lambda tx: remembered.forget(tx, 1))
        await store.write(CONTOSO, keep("b"))

        assert await store.read(CONTOSO, facts) == [(2, "b")]


async def test_what_names_somebody_goes_with_them(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, keep("bob@contoso.example travels"))
        await store.write(CONTOSO, keep("Manila is theirs"))
        who = erasing.Subject("bob@contoso.example")
        await store.write(CONTOSO, lambda tx: erasing.erase_person(tx, who))

        assert await store.read(CONTOSO, facts) == [(2, "Manila is theirs")]

"""Surfaces: what an incident wants to show, and what stands where."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from storage import surfaces
from storage.engine import Store, Tx
from storage.surfaces import Place, Surface
from tests.storage.records import CONTOSO, FABRIKAM, NOW, TENANT, begin, opened

ONE = f"{CONTOSO}-incident-1"
THREAD = Place(TENANT, "19:abc@thread.tacv2;messageid=1", "1", "https://smba.example/emea/")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
        yield store


def want(**digests: str) -> Callable[[Tx], dict[str, int]]:
    return lambda tx: surfaces.want(tx, ONE, digests)


def shown(revision: int, place: Place | None = THREAD) -> Callable[[Tx], None]:
    return lambda tx: surfaces.shown(tx, ONE, "customer", revision=revision, place=place, at=NOW)


async def get(store: Store, name: str = "customer") -> Surface | None:
    return await store.read(CONTOSO, lambda tx: surfaces.get(tx, ONE, name))


async def test_a_view_that_changed_is_wanted_anew(store: Store) -> None:
    assert await store.write(CONTOSO, want(customer="a", analyst="b")) == {
        "customer": 1,
        "analyst": 1,
    }
    assert await store.write(CONTOSO, want(customer="a", analyst="b")) == {}
    assert await store.write(CONTOSO, want(customer="c", analyst="b")) == {"customer": 2}


async def test_a_view_that_is_gone_leaves_its_surface_standing(store: Store) -> None:
    await store.write(CONTOSO, want(customer="a"))
    await store.write(CONTOSO, shown(1))

    assert await store.write(CONTOSO, want()) == {}
    surface = await get(store)
    assert surface
    assert surface.place == THREAD


async def test_what_was_shown_is_known_with_its_place(store: Store) -> None:
    await store.write(CONTOSO, want(customer="a"))
    assert await get(store) == Surface("customer", 1, 0, None, None)

    await store.write(CONTOSO, shown(1))

    assert await get(store) == Surface("customer", 1, 1, NOW, THREAD)
    assert await store.read(CONTOSO, lambda tx: surfaces.place_of(tx, ONE, "customer")) == THREAD


async def test_an_older_revision_shown_late_does_not_count_back(store: Store) -> None:
    for digest in "abc":
        await store.write(CONTOSO, want(customer=digest))
    for revision in (3, 2):
        await store.write(CONTOSO, shown(revision))

    surface = await get(store)
    assert surface
    assert surface.shown_revision == 3


async def test_a_source_stands_in_no_conversation(store: Store) -> None:
    await store.write(CONTOSO, want(customer="a"))
    await store.write(CONTOSO, shown(1, place=None))

    assert await get(store) == Surface("customer", 1, 1, NOW, None)


async def test_what_was_never_wanted_is_nowhere(store: Store) -> None:
    assert await get(store) is None
    assert await store.read(CONTOSO, lambda tx: surfaces.place_of(tx, ONE, "customer")) is None
    with pytest.raises(LookupError):
        await store.write(CONTOSO, shown(1))


async def test_another_customers_surface_is_not_there(store: Store) -> None:
    await store.write(CONTOSO, want(customer="a"))

    assert await store.read(FABRIKAM, lambda tx: surfaces.get(tx, ONE, "customer")) is None

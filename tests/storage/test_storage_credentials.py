"""How sources are known: each for its customer and source alone, until it is withdrawn."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage import across, credentials
from storage.credentials import Credential, Delivery, Kind
from storage.engine import Store, Tx
from storage.profiles import save
from tests.storage.records import CONTOSO, FABRIKAM, opened
from triage.report import Source

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
IDENTITY = "0e1d2c3b-4a59-4687-9768-5a4b3c2d1e0f"
TENANT = "7d1f6a0e-2c1b-4b53-9b1e-0c5a3f2e9a10"
PROFILE = Path(__file__).parents[2] / "simulator" / "profiles" / "contoso.toml"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


def adding(
    kind: Kind, value: str, source: Source = Source.NATIVE, at: datetime = NOW
) -> Callable[[Tx], Credential]:
    return lambda tx: credentials.add(tx, source, kind, value, at)


async def whose(store: Store, source: Source, sha256: str) -> str | None:
    return await store.read_across(lambda tx: across.customer_of_key(tx, source, sha256))


async def whose_identity(store: Store, source: Source, tenant: str) -> str | None:
    return await store.read_across(
        lambda tx: across.customer_of_identity(tx, source, tenant, IDENTITY)
    )


async def test_a_key_speaks_for_its_customer_and_source_alone(store: Store) -> None:
    await store.write(CONTOSO, adding(Kind.BEARER, "hash", Source.DEFENDER))

    assert await whose(store, Source.DEFENDER, "hash") == CONTOSO
    assert await whose(store, Source.NATIVE, "hash") is None
    assert await whose(store, Source.DEFENDER, "other") is None


async def test_an_older_key_stays_valid(store: Store) -> None:
    for number, key in enumerate(("old", "new")):
        await store.write(CONTOSO, adding(Kind.BEARER, key, at=NOW + timedelta(days=number)))

    assert await whose(store, Source.NATIVE, "old") == CONTOSO
    assert await whose(store, Source.NATIVE, "new") == CONTOSO


@pytest.mark.parametrize("stronger", [Kind.SIGNATURE, Kind.IDENTITY])
async def test_a_key_opens_nothing_where_its_source_has_something_stronger(
    store: Store, stronger: Kind
) -> None:
    for customer in (CONTOSO, FABRIKAM):
        await store.write(customer, adding(Kind.BEARER, f"key of {customer}"))
    await store.write(CONTOSO, adding(Kind.BEARER, "defender's", Source.DEFENDER))
    added = await store.write(CONTOSO, adding(stronger, "env:SECRET"))

    assert await whose(store, Source.NATIVE, f"key of {CONTOSO}") is None
    assert await whose(store, Source.NATIVE, f"key of {FABRIKAM}") == FABRIKAM
    assert await whose(store, Source.DEFENDER, "defender's") == CONTOSO
    await store.write(CONTOSO, lambda tx: credentials.remove(tx, added.id))
    assert await whose(store, Source.NATIVE, f"key of {CONTOSO}") == CONTOSO


async def test_an_identity_speaks_for_its_source_in_its_customers_tenant_alone(
    store: Store,
) -> None:
    text = PROFILE.read_text(encoding="utf-8")
    await store.write(CONTOSO, lambda tx: save(tx, text, "contoso.toml", NOW))
    await store.write(CONTOSO, adding(Kind.IDENTITY, IDENTITY, Source.SENTINEL))

    assert await whose_identity(store, Source.SENTINEL, TENANT) == CONTOSO
    assert await whose_identity(store, Source.NATIVE, TENANT) is None
    assert await whose_identity(store, Source.SENTINEL, IDENTITY) is None


async def test_what_is_withdrawn_opens_nothing_and_nobody_withdraws_anothers(store: Store) -> None:
    added = await store.write(CONTOSO, adding(Kind.BEARER, "hash"))

    assert await store.write(FABRIKAM, lambda tx: credentials.remove(tx, added.id)) is None
    assert await whose(store, Source.NATIVE, "hash") == CONTOSO
    assert await store.write(CONTOSO, lambda tx: credentials.remove(tx, added.id)) == added
    assert await whose(store, Source.NATIVE, "hash") is None


async def test_the_same_again_is_no_second_one(store: Store) -> None:
    first = await store.write(CONTOSO, adding(Kind.SIGNATURE, "env:SECRET"))
    again = await store.write(CONTOSO, adding(Kind.SIGNATURE, "env:SECRET", at=NOW + timedelta(1)))

    assert (again.id, await store.read(CONTOSO, credentials.listed)) == (first.id, [first])
    assert await store.read(FABRIKAM, credentials.listed) == []


async def test_the_newest_secret_is_tried_first(store: Store) -> None:
    for name in ("env:OLD", "env:NEW"):
        await store.write(CONTOSO, adding(Kind.SIGNATURE, name))

    assert await store.read(CONTOSO, lambda tx: credentials.signing_secrets(tx, Source.NATIVE)) == [
        "env:NEW",
        "env:OLD",
    ]


async def test_a_delivery_is_known_while_its_signature_could_be_taken(store: Store) -> None:
    told = Delivery("msg_1", "digest", 201, "{}")
    window = timedelta(minutes=15)

    def keep(one: Delivery, at: datetime) -> Callable[[Tx], None]:
        return lambda tx: credentials.keep_delivery(tx, Source.NATIVE, one, at, window)

    async def known(customer: str = CONTOSO, source: Source = Source.NATIVE) -> Delivery | None:
        return await store.read(customer, lambda tx: credentials.delivered(tx, source, "msg_1"))

    await store.write(CONTOSO, keep(told, NOW))
    await store.write(CONTOSO, keep(Delivery("msg_1", "other", 200, ""), NOW))
    assert await known() == told
    assert await known(FABRIKAM) is None
    assert await known(source=Source.DEFENDER) is None

    await store.write(CONTOSO, keep(Delivery("msg_2", "d", 200, ""), NOW + window / 2))
    assert await known() == told
    await store.write(CONTOSO, keep(Delivery("msg_3", "d", 200, ""), NOW + 2 * window))
    assert await known() is None

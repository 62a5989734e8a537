"""Handles, threads and quarantine: what comes in is found by its tenant, and only by it."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from storage import across, handles, quarantine, surfaces
from storage.across import FoundConversation, Handle, Press
from storage.codec import customer_to_json
from storage.engine import AcrossTx, Store, Tx
from storage.surfaces import Place
from storage.tables import CustomerRow, PersonRow
from tests.storage.records import CONTOSO, FABRIKAM, NOW, TENANT, begin, filled, opened
from triage.customer import Customer
from triage.report import Source

ONE = f"{CONTOSO}-incident-1"
LATER = NOW + timedelta(days=90)
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"
_LET_GO = update(CustomerRow).values(current=False)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, onboard)
        await store.write(CONTOSO, begin())
        yield store


def onboard(tx: Tx) -> None:
    tx.session.add(
        CustomerRow(
            customer_id=CONTOSO,
            version=1,
            current=True,
            role="customer",
            tenant_id=TENANT,
            document=customer_to_json(filled(Customer)),
            toml="",
            added_at=NOW,
        )
    )


def mint(token: str, surface: str = "customer", days: int = 90) -> Callable[[Tx], None]:
    return lambda tx: handles.mint(
        tx,
        token,
        tenant_id=TENANT,
        incident_id=ONE,
        surface=surface,
        person=None,
        expires=NOW + timedelta(days=days),
    )


async def find(store: Store, token: str, tenant_id: str = TENANT) -> Handle | None:
    press = await store.read_across(lambda tx: across.find_press(tx, tenant_id, token, "bob"))
    return press.handle if press else None


async def test_a_token_is_found_with_its_tenant_and_says_what_it_stands_for(store: Store) -> None:
    await store.write(CONTOSO, mint("token"))

    assert await find(store, "token") == Handle(
        "token", CONTOSO, ONE, "customer", None, None, LATER
    )
    assert await find(store, "token", OTHER_TENANT) is None
    assert await find(store, "other") is None


async def test_who_presses_is_called_what_our_records_call_them(store: Store) -> None:
    await store.write(CONTOSO, mint("token"))
    known = PersonRow(
        customer_id=CONTOSO,
        tenant_id=TENANT,
        object_id="bob",
        upn="bob@contoso.example",
        name="Bob Meyer",
        seen_at=NOW,
    )
    await store.write(CONTOSO, lambda tx: tx.session.add(known))

    def press(by: str) -> Callable[[AcrossTx], Press | None]:
        return lambda tx: across.find_press(tx, TENANT, "token", by)

    bob = await store.read_across(press("BOB"))
    stranger = await store.read_across(press("mallory"))
    assert bob
    assert stranger
    assert (bob.upn, bob.name) == ("bob@contoso.example", "Bob Meyer")
    assert (stranger.upn, stranger.name) == (None, None)
    assert bob.handle == stranger.handle


async def test_a_tenant_that_nobody_onboards_any_more_finds_nothing(store: Store) -> None:
    await store.write(CONTOSO, mint("token"))
    await store.write(CONTOSO, lambda tx: tx.session.execute(_LET_GO))

    assert await find(store, "token") is None


async def test_a_token_is_bound_to_the_conversation_its_card_stands_in(store: Store) -> None:
    await store.write(CONTOSO, mint("token"))
    await store.write(CONTOSO, lambda tx: handles.bind_conversation(tx, "token", "a:chat"))

    found = await find(store, "token")
    assert found
    assert found.conversation_id == "a:chat"
    with pytest.raises(LookupError):
        await store.write(FABRIKAM, lambda tx: handles.bind_conversation(tx, "token", "a:chat"))


async def test_a_token_whose_time_is_over_is_forgotten_in_its_own_case_and_customer(
    store: Store,
) -> None:
    await store.write(CONTOSO, mint("lives", days=9))
    await store.write(CONTOSO, mint("over", surface="choose", days=1))
    two_days_on = NOW + timedelta(days=2)

    await store.write(FABRIKAM, lambda tx: handles.drop_past(tx, ONE, two_days_on))
    assert await find(store, "over")

    await store.write(CONTOSO, lambda tx: handles.drop_past(tx, ONE, two_days_on))
    assert await find(store, "over") is None
    assert await find(store, "lives")


async def test_a_surfaces_token_is_the_one_that_lives_longest(store: Store) -> None:
    await store.write(CONTOSO, mint("long", days=9))
    await store.write(CONTOSO, mint("short", days=1))

    def look(tx: Tx) -> list[str | None]:
        return [
            handles.of_surface(tx, ONE, "customer", NOW),
            handles.of_surface(tx, ONE, "analyst", NOW),
        ]

    assert await store.read(CONTOSO, look) == ["long", None]
    assert await store.read(FABRIKAM, look) == [None, None]


async def test_a_thread_leads_to_its_incident_by_tenant_and_id(store: Store) -> None:
    thread = Place(TENANT, "19:abc@thread.tacv2;messageid=1", "1", "https://smba.example/emea/")

    def stand(tx: Tx) -> None:
        for name in ("approval:1", "customer", "task:t1"):
            surfaces.want(tx, ONE, {name: "digest"})
            surfaces.shown(tx, ONE, name, revision=1, place=thread, at=NOW)

    await store.write(CONTOSO, stand)

    async def found(tenant_id: str) -> FoundConversation | None:
        return await store.read_across(
            lambda tx: across.find_conversation(tx, tenant_id, thread.conversation_id)
        )

    assert await found(TENANT) == FoundConversation(CONTOSO, "thread", ONE, "customer")
    assert await found(OTHER_TENANT) is None


async def test_what_was_refused_is_kept_up_to_a_bound_for_its_customer(store: Store) -> None:
    raw = "x" * (quarantine.LARGEST + 1)
    for reason in ("no title", "no alerts"):
        await store.write(CONTOSO, refuse(reason, raw))

    newest, _ = await store.read(CONTOSO, quarantine.latest)
    assert (newest.source, newest.reason, newest.field) == (Source.NATIVE, "no alerts", "title")
    assert len(newest.raw) == quarantine.LARGEST
    assert await store.read(FABRIKAM, quarantine.latest) == []


def refuse(reason: str, raw: str) -> Callable[[Tx], None]:
    return lambda tx: quarantine.keep(tx, Source.NATIVE, reason, "title", raw, NOW)

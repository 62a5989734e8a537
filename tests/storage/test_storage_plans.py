"""No statement of the daily path walks through a table: each finds its rows by an index."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from storage import across, effects, handles, incidents, people, relays, surfaces
from storage.across import Listing
from storage.engine import AcrossTx, Store, Tx
from storage.surfaces import Place
from tests.storage.records import (
    CONTOSO,
    ME,
    NOW,
    SOON,
    TENANT,
    a_say,
    a_wake,
    begin,
    claim,
    due,
    filled,
    finish,
    go_on,
    opened,
    ordered,
    show,
)
from triage.incident import Status
from triage.report import Alert, Severity, Source

pytestmark = pytest.mark.sqlite


ONE = f"{CONTOSO}-incident-1"
THREAD = Place(TENANT, "19:abc@thread.tacv2;messageid=1", "1", "https://smba.example/emea/")

Statement = tuple[str, Any]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as store:
        yield store


async def a_day(store: Store) -> None:
    await store.write(CONTOSO, begin())
    await store.write(CONTOSO, everything_about_an_incident)
    await store.write(CONTOSO, go_on(ONE, "click:1"))
    await store.write(CONTOSO, show(ONE, "digest"))
    await ordered(store, a_say("a", "person:bob"), a_wake("w", SOON))
    await store.write(
        CONTOSO,
        lambda tx: effects.order(tx, ONE, [a_say("urgent")], NOW, urgency=effects.Urgency.PEOPLE),
    )
    await claim(store, 1)
    await finish(store, 1)
    await claim(store, 2)
    await store.write(
        CONTOSO, lambda tx: effects.block(tx, 2, ME, waits_for="person:bob", error="403")
    )
    await store.write(CONTOSO, lambda tx: effects.release_blocked(tx, "person:bob", NOW))
    await store.write_across(lambda tx: across.release_blocked(tx, "team:1", NOW))
    await due(store)
    await store.write(CONTOSO, lambda tx: effects.put_back(tx, [2], NOW))
    await store.read_across(across.next_due)
    await store.read_across(lambda tx: across.backlog(tx, NOW))
    await store.read_across(lambda tx: across.find_press(tx, TENANT, "token", "bob"))
    await store.read_across(lambda tx: across.find_conversation(tx, TENANT, "a:none"))
    await store.read_across(lambda tx: across.customer_of_key(tx, Source.NATIVE, "hash"))
    await store.read_across(lambda tx: across.find_customers_by_tenant(tx, TENANT))
    await store.read_across(lambda tx: across.marks(tx, "nordwall"))
    await store.read_across(lambda tx: across.open_cases(tx, ["mia", "sam"]))
    await store.read_across(across.holders)
    await store.read_across(lambda tx: across.held_by(tx, "mia", 10))
    await store.read_across(lambda tx: across.sought(tx, 10))
    await store.read_across(lambda tx: across.refused(tx, 10))
    await store.read_across(lambda tx: across.held_in_all(tx, ["somebody"]))
    await store.read_across(lambda tx: across.case_of(tx, CONTOSO, ONE))
    await store.read_across(what_analysts_ask)


def what_analysts_ask(tx: AcrossTx) -> None:
    for wanted in (
        Listing(),
        Listing(customers=(CONTOSO,), severities=(Severity.HIGH,)),
        Listing(owner="mia"),
        Listing(unowned=True),
        Listing(statuses=(Status.RESOLVED,)),
    ):
        across.listed(tx, wanted, 10, 20)
    across.customers_called(tx)
    across.cases_named(tx, 1, None, 6)
    across.case_of_thread(tx, TENANT, THREAD.conversation_id)


def everything_about_an_incident(tx: Tx) -> None:
    incidents.next_number(tx)
    incidents.seen(tx, "key")
    incidents.add_ref(tx, ONE, Source.DEFENDER, "29")
    incidents.find_by_ref(tx, Source.DEFENDER, "29")
    incidents.remember_keys(tx, ONE, {"oid:bob"}, NOW)
    incidents.find_related(tx, ["oid:bob"], NOW)
    incidents.at_risk(tx, ["bob"], None)
    incidents.suspect(tx, ONE, ["bob"], ["eve"], NOW)
    incidents.open_about(tx, "bob")
    incidents.suspecting(tx, "bob")
    incidents.remember_alerts(tx, ONE, Source.DEFENDER, [filled(Alert)])
    incidents.alerts(tx, ONE)
    incidents.messages(tx, ONE)
    incidents.record_desk(tx, key="installed", kind="installed", payload={}, at=NOW, actor=None)
    incidents.history(tx, ONE)
    incidents.verify(tx, ONE)
    surfaces.want(tx, ONE, {"customer": "digest 0"})
    surfaces.shown(tx, ONE, "customer", revision=1, place=THREAD, at=NOW)
    handles.of_surface(tx, ONE, "customer", NOW)
    people.meet(tx, TENANT, "bob", "29:bob", "Bob", None, None, NOW)
    people.get(tx, TENANT, "bob")
    people.by_upn(tx, TENANT, "bob@contoso.com")
    people.chat(tx, TENANT, "bob")
    people.conversation(tx, "a:chat")
    relays.case_of(tx, relays.Origin("a:chat", "1"))


async def test_every_statement_of_a_day_goes_by_an_index(store: Store) -> None:
    seen: dict[str, Any] = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, *more: Any) -> None:
        first = parameters[0] if isinstance(parameters, list) else parameters
        seen.setdefault(statement, first)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await a_day(store)
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    walks = await store.read_across(
        lambda tx: [
            (step, statement)
            for statement, parameters in seen.items()
            for *_, step in tx.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            if _walks(step)
        ]
    )
    assert len(seen) > 30
    assert walks == []


FOUND = re.compile(r"SCAN (CONSTANT ROW|head|begun|waiting|ready|\(subquery-\d+\))$")
"""What the sweep has found already is gone through."""
FIRST = re.compile(r"SCAN effect_\d USING INDEX ix_effect_head$")
"""The first row of an index, and no more."""


FEW = re.compile("ix_customer_current|sqlite_autoindex_duty_1")
"""An index of the few rows that matter: one profile a customer is current, one mark an analyst."""


def _walks(step: str) -> bool:
    """Through all rows, or through all of a customer's; of a profile, one version is current."""
    found = FOUND.match(step) or FIRST.match(step) or FEW.search(step)
    everything = step.startswith("SCAN ") and not found
    return everything or (step.endswith("(customer_id=?)") and not FEW.search(step))

"""A customer's session finds its own rows and no others, however a statement is written."""

import ast
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Executable,
    Result,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

import storage
from storage import incidents
from storage.engine import Store, Tx
from storage.isolation import CustomerSession, IsolationError
from storage.tables import EffectRow, IncidentRow, MessageRow, SourceRefRow
from tests.databases import ON_POSTGRES
from tests.storage.records import CONTOSO, FABRIKAM, NOW, a_say, begin, opened, ordered
from triage.report import Source


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Two customers with an incident each, known to a source by the same id."""
    async with opened(tmp_path) as store:
        for customer in (CONTOSO, FABRIKAM):
            await store.write(customer, begin())
            await store.write(
                customer,
                lambda tx: incidents.add_ref(tx, f"{tx.customer}-incident-1", Source.NATIVE, "1"),
            )
        yield store


other = aliased(IncidentRow)
ids = select(col(IncidentRow.id))
by_subquery = ids.subquery()
by_cte = ids.cte()
everything = union_all(ids, select(col(SourceRefRow.incident_id))).subquery()

SELECTS: dict[str, Executable] = {
    "rows": select(IncidentRow),
    "columns": ids,
    "an alias": select(col(other.id)),
    "an outer join": select(col(SourceRefRow.incident_id)).outerjoin(IncidentRow, true()),
    "a join of itself": select(col(IncidentRow.id), col(other.id)).join(other, true()),
    "an outer join of itself": select(col(IncidentRow.id), col(other.id)).outerjoin(other, true()),
    "a subquery": select(by_subquery.c.id),
    "a common table expression": select(by_cte.c.id),
    "a scalar subquery": select(select(func.max(other.id)).scalar_subquery()),
    "a subquery beside": select(
        col(IncidentRow.id), select(func.max(SourceRefRow.incident_id)).scalar_subquery()
    ),
    "a union inside": select(everything.c[0]),
    "one in a subquery": ids.where(col(IncidentRow.id).in_(select(col(other.id)))),
    "one that exists": ids.where(exists().where(col(other.id) == f"{FABRIKAM}-incident-1")),
    "an aggregate": select(func.max(IncidentRow.id)),
    "an update": update(IncidentRow).values(status="seen").returning(col(IncidentRow.id)),
    "an update from a subquery": update(SourceRefRow)
    .values(incident_id=select(func.max(other.id)).scalar_subquery())
    .returning(col(SourceRefRow.incident_id)),
    "a delete": delete(SourceRefRow).returning(col(SourceRefRow.incident_id)),
}


WAYS: dict[str, Callable[[CustomerSession, Executable], Result[Any]]] = {
    "as objects": lambda session, statement: session.execute(statement),
    "as columns": lambda session, statement: session.run(statement),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", SELECTS)
async def test_another_customers_row_is_never_found(store: Store, shape: str, way: str) -> None:
    def look(tx: Tx) -> str:
        found = WAYS[way](tx.session, SELECTS[shape])
        return repr([tuple(row) for row in found])  # never cut short

    found = await store.write(CONTOSO, look)

    assert FABRIKAM not in found
    assert CONTOSO in found or shape == "one that exists"


async def test_what_one_customer_changes_stays_its_own(store: Store) -> None:
    await store.write(CONTOSO, lambda tx: tx.session.execute(delete(SourceRefRow)))

    theirs = await store.read(FABRIKAM, lambda tx: incidents.find_by_ref(tx, Source.NATIVE, "1"))
    assert theirs == f"{FABRIKAM}-incident-1"


async def test_a_row_is_got_by_its_key_only_by_its_customer(store: Store) -> None:
    def get(tx: Tx) -> tuple[object, object]:
        rows = tx.session
        mine = rows.get(IncidentRow, (CONTOSO, f"{CONTOSO}-incident-1"))
        theirs = rows.get(IncidentRow, (FABRIKAM, f"{FABRIKAM}-incident-1"))
        assert mine
        rows.refresh(mine)
        rows.expire(mine)
        return mine.id, theirs

    assert await store.read(CONTOSO, get) == (f"{CONTOSO}-incident-1", None)


async def test_a_row_with_a_key_of_its_own_is_found_only_by_its_customer(store: Store) -> None:
    def say(tx: Tx) -> int:
        row = MessageRow(
            customer_id=tx.customer,
            incident_id=f"{tx.customer}-incident-1",
            author="bob",
            text="it was me",
            at=NOW,
        )
        tx.session.add(row)
        tx.session.flush()
        return row.id

    id_ = await store.write(FABRIKAM, say)

    assert await store.read(CONTOSO, lambda tx: tx.session.get(MessageRow, id_)) is None


a_bare_table: Any = EffectRow.__table__  # type: ignore[attr-defined]

REFUSED: dict[str, Executable] = {
    "SQL as text": text("SELECT id FROM incident"),
    "text in a condition": ids.where(text("1 = 1 OR 1 = 1")),
    "text as the source": select(IncidentRow).from_statement(text("SELECT * FROM incident")),
    "text as a column": select(literal_column("id")).select_from(IncidentRow),
    "a bare table": select(a_bare_table),
    "a bare table in a subquery": ids.where(exists().where(a_bare_table.c.id == "x")),
    "a bare table joined": select(col(SourceRefRow.incident_id)).join(a_bare_table, true()),
    "a bare table updated": update(a_bare_table).values(status="seen"),
    "a table by name": select(table("incident")),
    "a union at the top": union_all(ids, ids),
    "no rows at all": select(func.count()),
    "an update from another table": update(IncidentRow)
    .values(status="seen")
    .where(col(IncidentRow.id) == col(SourceRefRow.incident_id)),
    "inserted values": insert(SourceRefRow).values(
        customer_id=CONTOSO, source="native", source_id="2", incident_id="x"
    ),
    "an insert from a select": insert(SourceRefRow).from_select(["customer_id"], ids),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", REFUSED)
async def test_a_statement_that_cannot_be_held_to_a_customer_is_refused(
    store: Store, shape: str, way: str
) -> None:
    with pytest.raises(IsolationError):
        await store.write(CONTOSO, lambda tx: WAYS[way](tx.session, REFUSED[shape]))


@pytest.mark.parametrize("way", ["execute", "run"])
async def test_no_parameter_names_another_customer(store: Store, way: str) -> None:
    theirs = {"customer_of_this_session": FABRIKAM}

    def look(tx: Tx) -> list[str]:
        return list(getattr(tx.session, way)(ids, theirs).scalars())

    assert await store.read(CONTOSO, look) == [f"{CONTOSO}-incident-1"]


async def test_an_update_of_many_rows_reaches_its_own_customers_alone(store: Store) -> None:
    rename = (
        update(IncidentRow)
        .where(col(IncidentRow.id) == bindparam("which"))
        .values(severity=bindparam("new"))
        .execution_options(synchronize_session=False)
    )
    everyone = [
        {"which": f"{customer}-incident-1", "new": "changed"} for customer in (CONTOSO, FABRIKAM)
    ]
    await store.write(CONTOSO, lambda tx: tx.session.run(rename, everyone))

    def severities(tx: Tx) -> set[str]:
        return set(tx.session.scalars(select(col(IncidentRow.severity))))

    assert await store.read(CONTOSO, severities) == {"changed"}
    assert "changed" not in await store.read(FABRIKAM, severities)


def a_ref(customer: str, source_id: str = "2") -> dict[str, str]:
    return {
        "customer_id": customer,
        "source": "native",
        "source_id": source_id,
        "incident_id": f"{customer}-incident-1",
    }


async def test_a_row_for_another_customer_is_refused(store: Store) -> None:
    def add(tx: Tx) -> None:
        tx.session.add(SourceRefRow(**a_ref(FABRIKAM)))

    def add_many(tx: Tx) -> None:
        tx.session.add_all([SourceRefRow(**a_ref(CONTOSO)), SourceRefRow(**a_ref(FABRIKAM, "3"))])

    def insert_one(tx: Tx) -> None:
        tx.session.execute(insert(SourceRefRow), a_ref(FABRIKAM))

    def insert_many(tx: Tx) -> None:
        tx.session.execute(insert(SourceRefRow), [a_ref(CONTOSO), a_ref(FABRIKAM, "3")])

    def insert_nobodys(tx: Tx) -> None:
        tx.session.execute(insert(SourceRefRow), {"source": "native", "source_id": "2"})

    def run_one(tx: Tx) -> None:
        tx.session.run(insert(SourceRefRow), a_ref(FABRIKAM))

    def run_many(tx: Tx) -> None:
        tx.session.run(insert(SourceRefRow), [a_ref(CONTOSO), a_ref(FABRIKAM, "3")])

    def run_nobodys(tx: Tx) -> None:
        tx.session.run(insert(SourceRefRow), {"source": "native", "source_id": "2"})

    def run_nothing(tx: Tx) -> None:
        tx.session.run(insert(SourceRefRow))

    def move(tx: Tx) -> None:
        row = tx.session.scalars(select(SourceRefRow)).one()
        row.customer_id = FABRIKAM

    def update_many(tx: Tx) -> None:
        tx.session.execute(update(SourceRefRow), [a_ref(FABRIKAM, "1")])

    inserts = (insert_one, insert_many, insert_nobodys)
    runs = (run_one, run_many, run_nobodys, run_nothing)
    for unit in (add, add_many, *inserts, *runs, move, update_many):
        with pytest.raises(IsolationError):
            await store.write(CONTOSO, unit)

    assert (
        await store.read(CONTOSO, lambda tx: len(tx.session.scalars(select(SourceRefRow)).all()))
        == 1
    )


async def test_an_upsert_of_its_own_rows_is_taken(store: Store) -> None:
    upsert = postgresql.insert if ON_POSTGRES else sqlite.insert
    statement = upsert(SourceRefRow).on_conflict_do_nothing()
    for _ in range(2):
        await store.write(CONTOSO, lambda tx: tx.session.execute(statement, a_ref(CONTOSO)))

    found = await store.read(CONTOSO, lambda tx: incidents.find_by_ref(tx, Source.NATIVE, "2"))
    assert found == f"{CONTOSO}-incident-1"


@pytest.mark.parametrize("cls", [SourceRefRow, EffectRow])
async def test_a_row_loaded_elsewhere_cannot_be_attached(
    store: Store, cls: type[SourceRefRow] | type[EffectRow]
) -> None:
    await ordered(store, a_say("a"), customer=FABRIKAM)
    theirs = await store.read(FABRIKAM, lambda tx: tx.session.scalars(select(cls)).one())

    def attach(tx: Tx) -> None:
        tx.session.add(theirs)

    with pytest.raises(IsolationError):
        await store.write(CONTOSO, attach)
    theirs.customer_id = CONTOSO
    with pytest.raises(IsolationError):
        await store.write(CONTOSO, attach)


async def test_there_is_no_way_round_the_session(store: Store) -> None:
    ways: dict[str, tuple[object, ...]] = {
        "connection": (),
        "bulk_save_objects": ([],),
        "bulk_insert_mappings": (EffectRow, []),
        "bulk_update_mappings": (EffectRow, []),
    }
    for way, given in ways.items():
        assert hasattr(Session, way)

        def take(tx: Tx, way: str = way, given: tuple[object, ...] = given) -> None:
            getattr(tx.session, way)(*given)

        with pytest.raises(IsolationError):
            await store.write(CONTOSO, take)


async def test_a_foreign_key_cannot_point_into_another_customer(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.write(
            CONTOSO,
            lambda tx: incidents.add_ref(tx, f"{FABRIKAM}-incident-1", Source.NATIVE, "2"),
        )


def test_only_across_takes_a_transaction_without_a_customer() -> None:
    for file in Path(storage.__file__).parent.glob("*.py"):
        names = {
            node.id if isinstance(node, ast.Name) else node.name
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Name | ast.alias)
        }
        assert "AcrossTx" not in names or file.name in {
            "across.py",
            "engine.py",
            "pace.py",
        }, file.name

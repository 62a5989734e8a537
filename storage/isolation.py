"""Sessions that see one customer's rows and no others.

It is the session that holds the wall, not the habit of writing `WHERE customer_id`:

- every SELECT, UPDATE and DELETE of rows gets the customer's criterion, subqueries included;
- a row of another customer cannot be inserted, attached or moved here;
- a statement the criterion cannot reach (SQL as text, bare tables) is refused.

A session lives for one unit of work and never ends a transaction: the engine does.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Alias, Connection, Delete, Executable, Insert, Select, Update, bindparam, event
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, UOWTransaction, with_loader_criteria
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.expression import ColumnClause, TableClause, TextClause
from sqlalchemy.sql.visitors import iterate
from sqlmodel import col

from storage.tables import Row

_CUSTOMER = "the_customer_of_this_session"


class IsolationError(Exception):
    """A statement or row would have crossed from one customer to another."""


class UnitSession(Session):
    """A session inside a unit of work: all of the unit is committed, or none of it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, expire_on_commit=False)

    def commit(self) -> NoReturn:
        raise RuntimeError("the engine commits, when the unit returns")

    def rollback(self) -> NoReturn:
        raise RuntimeError("a unit is all or nothing: let its error out instead")

    def begin_nested(self) -> NoReturn:
        raise RuntimeError("a unit is all or nothing: it has no parts to roll back")


class CustomerSession(UnitSession):
    def __init__(self, connection: Connection, customer: str) -> None:
        super().__init__(connection)
        self.customer = customer

    def connection(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("a customer's session gives no bare connection")

    def bulk_save_objects(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("bulk_save_objects goes round the wall; use add_all")

    def bulk_insert_mappings(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("bulk_insert_mappings goes round the wall; use execute(insert(...))")

    def bulk_update_mappings(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("bulk_update_mappings goes round the wall; use execute(update(...))")


@event.listens_for(CustomerSession, "do_orm_execute")
def _hold_statement(execution: ORMExecuteState) -> None:
    session, statement = execution.session, execution.statement
    assert isinstance(session, CustomerSession)
    rows = execution.parameters
    if isinstance(statement, Insert):
        _hold_rows(session, statement, rows)
        return
    if not isinstance(rows, Mapping | None):
        raise IsolationError("rows are updated one statement at a time: each says which customer")
    execution.statement = _held(statement)
    execution.parameters = {**(rows or {}), _CUSTOMER: session.customer}



def _hold_rows(session: CustomerSession, statement: Insert, rows: Any) -> None:
    for row in rows if isinstance(rows, Sequence) else [rows or {}]:
        if row.get("customer_id") != session.customer:
            raise IsolationError(
                f"a row of customer {row.get('customer_id')!r} cannot be written for {session.customer!r}"
            )


_CRITERIA = {}
_HELD: WeakKeyDictionary[Executable, Executable] = WeakKeyDictionary()


def _held(statement: Executable) -> Executable:
    held = _HELD.get(statement)
    if held is None:
        mappers = _entities(statement)
        if not mappers: raise IsolationError("no rows")
        held = _HELD[statement] = statement.options(*(criterion(m) for m in mappers))
    return held

def criterion(m):
    if m not in _CRITERIA:
        _CRITERIA[m]=with_loader_criteria(m.class_, m.class_.customer_id == bindparam(_CUSTOMER), include_aliases=True)
    return _CRITERIA[m]

def _entities(statement):
    if not isinstance(statement, Select|Update|Delete): raise IsolationError("kind")
    mapped=set(); bare=set(); known=set()
    for e in iterate(statement):
        if isinstance(e, TextClause) or (isinstance(e, ColumnClause) and e.is_literal and e.name!="*"): raise IsolationError("text")
        m=e._annotations.get("parententity")
        if m is not None:
            mapped.add(m.mapper); known.add(m.selectable); known.add(m.mapper.local_table)
        elif isinstance(e, Column) and isinstance(e.table, TableClause|Alias): bare.add(e.table)
        elif isinstance(e, TableClause|Alias): bare.add(e)
    if bare-known: raise IsolationError(f"bare {[(str(b),type(b)) for b in bare-known]} {known}")
    return mapped

"""Sessions that see one customer's rows and no others.

It is the session that holds the wall, not the habit of writing `WHERE customer_id`:

- every SELECT, UPDATE and DELETE of rows gets the customer's criterion, subqueries included;
- a row of another customer cannot be inserted, attached or moved here;
- a statement the criterion cannot reach (SQL as text, bare tables) is refused.

A session lives for one unit of work and never ends a transaction: the engine does. `execute` and
its kin make objects of rows; `run` asks for columns, or changes rows, at a third of the cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn, TypeVarTuple, overload
from weakref import WeakKeyDictionary

from sqlalchemy import (
    Alias,
    BindParameter,
    Column,
    ColumnClause,
    Connection,
    CursorResult,
    Delete,
    Executable,
    FromClause,
    Insert,
    Select,
    SelectBase,
    TableClause,
    TextClause,
    Update,
    bindparam,
    event,
    inspect,
)
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlalchemy.sql.visitors import ExternallyTraversible, iterate

from storage.tables import Row

Columns = TypeVarTuple("Columns")

_CUSTOMER = "customer_of_this_session"

Given = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""A statement's parameters; several of them run it as often."""


class IsolationError(Exception):
    """A statement or row would have crossed from one customer to another."""


class UnitSession(Session):
    """A session inside a unit of work: all of the unit is committed, or none of it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, expire_on_commit=False)
        self._bare = connection

    def commit(self) -> NoReturn:
        raise RuntimeError("the engine commits, once the unit has returned")

    def rollback(self) -> NoReturn:
        raise RuntimeError("a unit is all or nothing: let its error out instead")

    def begin_nested(self) -> NoReturn:
        raise RuntimeError("a unit is all or nothing: it has no part to roll back")

    @overload
    def run(
        self, statement: TypedReturnsRows[*Columns], given: Given = None
    ) -> CursorResult[*Columns]: ...

    @overload
    def run(self, statement: Executable, given: Given = None) -> CursorResult[*tuple[Any, ...]]: ...

    def run(self, statement: Executable, given: Given = None) -> CursorResult[*tuple[Any, ...]]:
        """A statement that needs no objects: it goes to the connection, held all the same."""
        self.flush()
        return self._bare.execute(*self.held(statement, given))

    def held(self, statement: Executable, given: Given) -> tuple[Executable, Given]:
        """The statement as it may run here, and its parameters."""
        return statement, given


class CustomerSession(UnitSession):
    def __init__(self, connection: Connection, customer: str) -> None:
        super().__init__(connection)
        self.customer = customer

    def held(self, statement: Executable, given: Given) -> tuple[Executable, Given]:
        if isinstance(statement, Insert):
            _take_rows_as_parameters_only(statement)
            for row in [given] if isinstance(given, Mapping) else given or [{}]:
                self.hold(row.get("customer_id"))
            return statement, given
        mine = {_CUSTOMER: self.customer}
        if given is None or isinstance(given, Mapping):
            return _with_criterion(statement), {**(given or {}), **mine}
        return _with_criterion(statement), [{**row, **mine} for row in given]

    def connection(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("a bare connection knows no customers; use the session's execute")

    def bulk_save_objects(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("bulk_save_objects is not looked through; use add_all")

    def bulk_insert_mappings(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("bulk_insert_mappings is not looked through; execute an insert()")

    def bulk_update_mappings(self, *_: Any, **__: Any) -> NoReturn:
        raise IsolationError("bulk_update_mappings is not looked through; execute an update()")

    def hold(self, customer_id: object) -> None:
        if customer_id != self.customer:
            raise IsolationError(
                f"a row of customer {customer_id!r} has no place in a session of {self.customer!r}"
            )

    def hold_row(self, row: Row) -> None:
        """By the customer it has, and by the one it was loaded with."""
        for customer_id in (row.customer_id, *inspect(row).attrs.customer_id.history.non_added()):
            self.hold(customer_id)


@event.listens_for(CustomerSession, "do_orm_execute")
def _hold_statement(execution: ORMExecuteState) -> None:
    session = execution.session
    assert isinstance(session, CustomerSession)  # noqa: S101 - narrows; the event is only on these
    if isinstance(execution.parameters, list) and not isinstance(execution.statement, Insert):
        raise IsolationError("`execute` cannot hold UPDATE with a list of rows; use `run`")
    held, execution.parameters = session.held(execution.statement, execution.parameters)
    execution.statement = held


@event.listens_for(CustomerSession, "before_attach")
def _hold_attached(session: CustomerSession, row: Row) -> None:
    session.hold_row(row)


@event.listens_for(CustomerSession, "before_flush")
def _hold_flushed(session: CustomerSession, *_: object) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        session.hold_row(row)


_HELD: WeakKeyDictionary[Executable, Executable] = WeakKeyDictionary()
"""Statements that have been looked through; those made once, at import, cost nothing again."""


def _with_criterion(statement: Executable) -> Executable:
    held = _HELD.get(statement)
    if held is None:
        criteria = [_criterion(mapper) for mapper in sorted(_mappers(statement), key=str)]
        held = _HELD[statement] = statement.options(*criteria)
    return held


@cache
def _criterion(mapper: Mapper[Any]) -> ORMOption:
    # As a function of the entity, not as an expression: only so is it adapted to aliases in joins.
    # The parameter's name is written out: a name from outside the lambda would be tracked as a value.
    return with_loader_criteria(
        mapper.class_,
        lambda entity: entity.customer_id == bindparam("customer_of_this_session"),
        include_aliases=True,
    )


def _mappers(statement: Executable) -> set[Mapper[Any]]:
    """The rows a statement speaks of; refuses it when it also speaks of something else."""
    if not isinstance(statement, Select | Update | Delete):
        raise IsolationError(
            f"{type(statement).__name__} cannot be held to a customer; select, update or delete rows"
        )
    mappers: set[Mapper[Any]] = set()
    sources: set[FromClause] = set()
    held: set[FromClause] = set()
    for element in iterate(statement):
        _refuse_text(element)
        if entity := _entity(element):
            mappers.add(entity.mapper)
            held |= {entity.selectable, entity.mapper.local_table}
        elif isinstance(element, TableClause | Alias):
            sources.add(element)
        elif isinstance(element, Column) and isinstance(element.table, TableClause | Alias):
            sources.add(element.table)
    if sources - held:
        bare = ", ".join(sorted(str(source) for source in sources - held))
        raise IsolationError(
            f"the bare table {bare} cannot be held to a customer; use its row class"
        )
    if not mappers:
        raise IsolationError(f"no row class, no customer: {statement}")
    if not isinstance(statement, Select):
        _refuse_second_table(statement)
    return mappers


def _refuse_text(element: ExternallyTraversible) -> None:
    literal = isinstance(element, ColumnClause) and element.is_literal and element.name != "*"
    if literal or isinstance(element, TextClause):
        raise IsolationError(f"SQL as text cannot be held to a customer: {element}")


def _refuse_second_table(statement: Update | Delete) -> None:
    """SQLAlchemy adds no criterion to what follows FROM in an UPDATE, or USING in a DELETE."""
    entities = {_entity(element) for element in _outside_selects(statement)} - {None}
    if len(entities) > 1:
        raise IsolationError("UPDATE and DELETE name one row class; ask others in a subquery")


def _outside_selects(element: ExternallyTraversible) -> Iterator[ExternallyTraversible]:
    yield element
    for child in element.get_children():
        if not isinstance(child, SelectBase):
            yield from _outside_selects(child)


def _entity(element: ExternallyTraversible) -> Any:
    """The mapper, or alias of one, that an element was made from."""
    return element._annotations.get("parententity")  # noqa: SLF001 - it is kept nowhere else


_LOOKED_THROUGH: WeakKeyDictionary[Insert, bool] = WeakKeyDictionary()


def _take_rows_as_parameters_only(statement: Insert) -> None:
    if statement in _LOOKED_THROUGH:
        return
    if any(isinstance(e, BindParameter | SelectBase | TextClause) for e in iterate(statement)):
        raise IsolationError("rows to insert are given as parameters, where they can be looked at")
    _LOOKED_THROUGH[statement] = True

"""Migrations: from an empty file to today's tables, without a difference."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine

from storage import incidents
from storage.engine import StoreError, migrate
from storage.tables import Row
from tests.databases import url
from tests.storage.records import CONTOSO, an_incident, begin, opened

pytestmark = pytest.mark.sqlite

CASE_CODES = import_module("storage.migrations.versions.0003_case_codes")


def connected(folder: Path) -> Connection:
    return create_engine(url(folder)).connect()


def test_the_migrations_make_the_tables_the_code_expects(tmp_path: Path) -> None:
    migrate(url(tmp_path))

    with connected(tmp_path) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Row.metadata) == []


def test_the_migrations_make_every_index_and_constraint_the_code_expects(tmp_path: Path) -> None:
    """Alembic compares neither conditions nor checks: the text of the schema does."""
    expected = create_engine("sqlite://").connect()
    Row.metadata.create_all(expected)
    migrate(url(tmp_path))

    with connected(tmp_path) as migrated:
        assert _schema(migrated) == _schema(expected)
    expected.close()


def _schema(connection: Connection) -> list[list[str]]:
    """Every statement as its words: constraints may stand in any order."""
    found = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
    )
    return sorted(sorted(re.findall(r"[\w']+", sql)) for (sql,) in found)


def test_a_database_that_is_up_to_date_stays_as_it_is(tmp_path: Path) -> None:
    for _ in range(2):
        migrate(url(tmp_path))

    with connected(tmp_path) as connection:
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    assert len(versions) == 1


def test_a_database_of_a_newer_vouch_is_refused_and_left_alone(tmp_path: Path) -> None:
    migrate(url(tmp_path))
    with connected(tmp_path) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from-the-future'")
        connection.commit()

    with pytest.raises(StoreError, match="newer"):
        migrate(url(tmp_path))


def test_a_migration_that_fails_leaves_nothing_half_done(tmp_path: Path) -> None:
    with connected(tmp_path) as connection:
        connection.exec_driver_sql("CREATE TABLE surface (id)")
        connection.commit()

    with pytest.raises(Exception, match="surface already exists"):
        migrate(url(tmp_path))

    with connected(tmp_path) as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").all()
    assert [name for (name,) in tables] == ["surface"]


async def test_incidents_of_before_are_found_by_their_code_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.write(CONTOSO, begin())
    with connected(tmp_path) as connection:
        connection.exec_driver_sql("DELETE FROM entity_key")
        connection.exec_driver_sql(CASE_CODES.ON_SQLITE)
        connection.commit()

    async with opened(tmp_path) as store:
        code = an_incident().code.lower()
        found = await store.read(CONTOSO, lambda tx: incidents.with_code(tx, code))

    assert [i.name for i in found] == ["CONTOSO-1"]

"""Every promise of the store and its dispatcher, on both engines."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.engine import Store
from tests import databases
from tests.postgres import VARIABLE

NO_SERVER = f"{VARIABLE} names no server: `make test-postgres` starts one"


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of this test's own, on each engine."""
    if request.param == "sqlite":
        return databases.sqlite_url(tmp_path)
    if VARIABLE not in os.environ:
        pytest.skip(NO_SERVER)
    return databases.postgres_url(tmp_path)


@pytest.fixture
def on_postgres(tmp_path: Path) -> str:
    """A database that several may have at once."""
    if VARIABLE not in os.environ:
        pytest.skip(NO_SERVER)
    return databases.postgres_url(tmp_path)


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    store = Store.open(address)
    yield store
    await store.close()

"""For every test: its databases on PostgreSQL go with it; what cannot run there is left out."""

from collections.abc import Iterator

import pytest

from tests import databases


@pytest.fixture(autouse=True)
def _databases_of_its_own() -> Iterator[None]:
    yield
    databases.release()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if databases.ON_POSTGRES:
        why = pytest.mark.skip(reason="of SQLite alone")
        for item in items:
            if item.get_closest_marker("sqlite"):
                item.add_marker(why)

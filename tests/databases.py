"""Where tests keep their records: SQLite, or PostgreSQL where VOUCH_TEST_POSTGRES names a server.

Each folder has a database of its own. On PostgreSQL making one takes a second: it is emptied when
its test is over (tests/conftest.py) and given to the next.
"""

import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from storage.engine import migrate
from tests.postgres import VARIABLE

ON_POSTGRES = VARIABLE in os.environ

_numbers = count(1)
_given: dict[Path, str] = {}
_free: list[str] = []


def url(folder: Path) -> str:
    """The address of a folder's database."""
    return postgres_url(folder) if ON_POSTGRES else sqlite_url(folder)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/vouch.sqlite3"


def postgres_url(folder: Path) -> str:
    if folder not in _given:
        _given[folder] = _free.pop() if _free else _make()
    return f"{os.environ[VARIABLE]}/{_given[folder]}"


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds, past our own engine."""
    if url.startswith("sqlite"):
        file = url.replace("sqlite:///", "file:")
        with closing(sqlite3.connect(f"{file}?mode=ro", uri=True)) as reading:
            return reading.execute(query).fetchall()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def await_last_words(url: str, pid: int) -> None:
    """Of a process that was killed: PostgreSQL still commits what it had been told to."""
    living = f"SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'vouch %:{pid}'"
    while not url.startswith("sqlite") and rows(url, living):
        sleep(0.005)


def release() -> None:
    """Nobody uses the databases that were given any more: whoever still does is thrown out."""
    while _given:
        _, name = _given.popitem()
        _empty(name)
        _free.append(name)


def _make() -> str:
    name = f"tests_{os.getpid()}_{next(_numbers)}"
    new_database(name)
    migrating = Thread(target=migrate, args=[f"{os.environ[VARIABLE]}/{name}"])  # has its own loop
    migrating.start()
    migrating.join()
    return name


def new_database(name: str) -> str:
    """One without tables, which nobody empties."""
    with _connected("postgres") as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return f"{os.environ[VARIABLE]}/{name}"


_OTHERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_TABLES = """SELECT relname FROM pg_class WHERE relkind = 'r'
    AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"""


def _empty(name: str) -> None:
    with _connected(name) as connection:
        connection.execute(_OTHERS)
        tables = [Identifier(table) for (table,) in connection.execute(_TABLES)]
        connection.execute(SQL("TRUNCATE {} RESTART IDENTITY").format(SQL(", ").join(tables)))


def _connected(database: str) -> "psycopg.Connection[tuple[str]]":
    address = os.environ[VARIABLE].replace("+psycopg", "")
    return psycopg.connect(f"{address}/{database}", autocommit=True)

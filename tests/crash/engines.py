"""The databases that Vouch runs on here: made afresh, and looked at when a process was killed."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def replicas(self) -> int:
        """How many processes share the database."""

    @property
    def lease_seconds(self) -> float:
        """What a dead process had claimed is another one's after so long."""

    @property
    def per_second(self) -> float:
        """How many incidents arrive."""

    def integrity(self) -> str:
        """ "ok", or what is wrong with the file that a killed process left."""


@dataclass(frozen=True, slots=True)
class Sqlite:
    file: Path
    name: str = "sqlite"
    replicas: int = 1
    lease_seconds: float = 20.0
    per_second: float = 5.0

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def integrity(self) -> str:
        """Of a copy of the file and its log, as the killed process left them: SQLite's recovery
        runs on the copy."""
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / self.file.name
            for suffix in ("", "-wal"):
                shutil.copy(f"{self.file}{suffix}", f"{copy}{suffix}")
            with closing(sqlite3.connect(copy)) as file:
                return "; ".join(row[0] for row in file.execute("PRAGMA integrity_check"))


@dataclass(frozen=True, slots=True)
class Postgres:
    url: str
    name: str = "postgres"
    replicas: int = 2
    lease_seconds: float = 2.0
    per_second: float = 2.5
    """Replicas, server and simulator share the cores: at five a second one result in 100 took
    longer than `WRITES_DOWN` to be written down."""

    def integrity(self) -> str:
        """Its server was not killed."""
        return "ok"


@contextmanager
def engine(name: str, folder: Path) -> Iterator[Engine]:
    if name == "sqlite":
        yield Sqlite(folder / "vouch.sqlite3")
        return
    with _database(os.environ["VOUCH_TEST_POSTGRES"]) as url:
        yield Postgres(url)


@contextmanager
def _database(server: str) -> Iterator[str]:
    """A database of its own on a server that may make some, dropped at the end."""
    made = f"vouch_crash_{uuid4().hex[:12]}"
    url = make_url(server)
    plain = url.set(drivername="postgresql", database="postgres").render_as_string(
        hide_password=False
    )
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made)))
        try:
            yield url.set(database=made).render_as_string(hide_password=False)
        finally:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(made))
            )

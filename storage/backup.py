"""A copy of an SQLite database while it is used, and a database from a copy.

SQLite's own backup copies what is committed at one moment; the writer is not held up. A copy is one
file without a journal beside it, readable by its owner alone. PostgreSQL has `pg_dump`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from storage.database import StoreError
from storage.engine import file_of
from storage.looking import PATIENCE_SECONDS
from storage.sqlite import owned

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database. Left beside another one, it would spoil that."""


def back_up(url: str, target: Path) -> None:
    """Copy the database to a new file, whoever may be using it. Raises StoreError."""
    source = _file(url)
    if not source.exists():
        raise StoreError(f"{source} does not exist: there is nothing to back up")
    if target.exists():
        raise StoreError(f"{target} exists already: name a new file")
    _copy(source, target)


def restore(source: Path, url: str) -> None:
    """Make the database from a copy. Nothing that stands there is overwritten. Raises StoreError."""
    target = _file(url)
    with owned(target):
        standing = [str(path) for path in (target, *_beside(target)) if path.exists()]
        if standing:
            raise StoreError(
                f"{' and '.join(standing)} would be lost: move it elsewhere, all of it together, "
                "then restore again"
            )
        _copy(source, target)


def _file(url: str) -> Path:
    file = file_of(url)
    if file is None:
        raise StoreError("this is for SQLite; PostgreSQL is backed up with pg_dump")
    return file


def _beside(path: Path) -> list[Path]:
    return [Path(f"{path}{suffix}") for suffix in BESIDE]


def _copy(source: Path, target: Path) -> None:
    """Under another name until it is whole and on the disk."""
    partial = Path(f"{target}.partial")
    try:
        with _fresh(partial), closing(_opened(source, "ro")) as reads:
            with closing(_opened(partial, "rw")) as writes:
                reads.backup(writes)
                writes.execute("PRAGMA journal_mode = DELETE")
            _to_disk(partial)
            partial.rename(target)
            _to_disk(target.parent)
    except sqlite3.Error as error:
        raise StoreError(f"{source} was not copied to {target}: {error}") from error
    except OSError as error:
        raise StoreError(f"{target} was not written: {error.strerror}") from error


@contextmanager
def _fresh(partial: Path) -> Iterator[None]:
    """What a former try left is no use; nor is what this one leaves when it fails."""
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield
    finally:
        for path in (partial, *_beside(partial)):
            path.unlink(missing_ok=True)


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=PATIENCE_SECONDS, isolation_level=None)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A PostgreSQL for tests: private, on loopback, in a folder of its own, gone at the end.

    python -m tests.postgres pytest tests/conformance    # the command finds it in VOUCH_TEST_POSTGRES

PostgreSQL does not run as root: as root it becomes `postgres`, or `nobody` where there is none.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "VOUCH_TEST_POSTGRES"

FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""A test kills our processes, never the machine."""


def binaries() -> Path | None:
    """Where `initdb` and `pg_ctl` are: on the path, or where Debian keeps its newest version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


@contextmanager
def server(port: int | None = None, *, forgetful: bool = True) -> Iterator[str]:
    """Its address, with no database in it: `postgresql+psycopg://vouch@127.0.0.1:port`."""
    where = binaries()
    if where is None:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="vouch-postgres-") as scratch:
        folder = Path(scratch)
        _give_away(folder)
        data, port = folder / "data", port or free_port()
        _run(where / "initdb", "-D", data, "-U", "vouch", "-A", "trust", "-N", "-E", "UTF8")
        settings = (
            f"port={port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={folder}",
            "max_connections=200",
            *(FORGETFUL if forgetful else ()),
        )
        options = " ".join(f"-c {setting}" for setting in settings)
        ctl = (where / "pg_ctl", "-D", data, "-w", "-l", folder / "log")
        _run(*ctl, "-o", options, "start")
        try:
            yield f"postgresql+psycopg://vouch@127.0.0.1:{port}"
        finally:
            _run(*ctl, "-m", "immediate", "stop")


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        user = _somebody()
        os.chown(folder, user.pw_uid, user.pw_gid)


def _somebody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _run(program: Path, *arguments: Path | str) -> None:
    user = _somebody() if os.geteuid() == 0 else None
    command: Sequence[Path | str] = (program, *arguments)
    done = subprocess.run(
        command,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        # pg_ctl's server inherits what it is given: a pipe would never end.
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{program.name} failed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    with server() as address:
        ended = subprocess.run(sys.argv[1:], env=os.environ | {VARIABLE: address}, check=False)
    sys.exit(ended.returncode)

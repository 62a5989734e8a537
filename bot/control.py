"""The control socket: how the command line reaches a Vouch that has the database.

A Unix socket beside the SQLite file, opened by whoever has that file's lock and readable by the
same account alone: who may speak here could read and write the file as well. The kernel says which
account the other end is; it is checked again. docs/decisions/8-operating.md says why no port.
"""

import errno
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from bot.clock import Clock
from bot.commands import REFUSALS, Command, perform
from storage.engine import Store, StoreError, file_of

log = structlog.get_logger(__name__)

LONGEST_PATH = 100
"""Bytes of a socket's path: Linux takes 107, others 103."""
PATIENCE = aiohttp.ClientTimeout(total=60, connect=5)

_ROOT = 0
_COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class NobodyAnswersError(Exception):
    """A Vouch has the database, and cannot be reached for a command."""


class RefusedCommandError(Exception):
    """The running Vouch said no; the message is its reason."""


def socket_of(database: Path) -> Path:
    return Path(f"{database}.control")


# --- in the server -------------------------------------------------------------------------------


@asynccontextmanager
async def controlled(
    database_url: str, store: Store, clock: Clock, afterwards: Callable[[Command], Awaitable[None]]
) -> AsyncIterator[None]:
    """Commands are taken while the block runs. A database without a file has no socket: the command
    line speaks to it itself."""
    file = file_of(database_url)
    if file is None:
        yield
        return
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.add_routes([web.post("/", _Control(store, clock, afterwards).receive)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
    with _bound_if_possible(socket_of(file)) as listening:
        try:
            if listening is not None:
                await runner.setup()
                await web.SockSite(runner, listening).start()
            yield
        finally:
            await runner.cleanup()


class _Control:
    def __init__(
        self, store: Store, clock: Clock, afterwards: Callable[[Command], Awaitable[None]]
    ) -> None:
        self._store = store
        self._clock = clock
        self._afterwards = afterwards

    async def receive(self, request: web.Request) -> web.Response:
        if not _is_us(request):
            log.warning("command_refused", reason="another account")
            return _answer(403, "this socket is for the account that Vouch runs as")
        try:
            command = _COMMAND.validate_json(await request.read())
        except ValidationError:
            return _answer(400, "the running Vouch does not know this command; is it older?")
        try:
            lines = await perform(self._store, command, self._clock.now())
        except REFUSALS as error:
            return _answer(422, str(error))
        except StoreError as error:
            return _answer(503, str(error))
        await self._afterwards(command)
        log.info("command_carried_out", kind=command.kind)
        return _answer(200, *lines)


def _answer(status: int, *lines: str) -> web.Response:
    return web.json_response({"lines": lines}, status=status)


def _is_us(request: web.Request) -> bool:
    """By the kernel's word, where it gives one; the file's permissions hold everywhere."""
    transport = request.transport
    peer = transport.get_extra_info("socket") if transport else None
    if peer is None or not hasattr(socket, "SO_PEERCRED"):
        return peer is not None
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid in {os.geteuid(), _ROOT}


@contextmanager
def _bound_if_possible(path: Path) -> Iterator[socket.socket | None]:
    """Work goes on without it: a file system that knows no sockets takes the database all the same."""
    with socket.socket(socket.AF_UNIX) as listening:
        try:
            _bind(listening, path)
        except OSError as error:
            log.warning("control_socket_not_opened", path=str(path), reason=error.strerror)
            yield None
            return
        try:
            yield listening
        finally:
            _clear(path)


def _bind(listening: socket.socket, path: Path) -> None:
    """Whoever has the database's lock may clear away what a killed process has left here."""
    _clear(path)
    before = os.umask(0o177)
    try:
        with _short(path) as short:
            listening.bind(short)
    finally:
        os.umask(before)


def _clear(path: Path) -> None:
    """A socket alone: what else stands there is not ours."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A path that fits into a socket's address, by way of the open folder where it is too long."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


# --- on the command line -------------------------------------------------------------------------


async def hand_over(database_url: str, command: Command) -> list[str]:
    """Have the Vouch that has this database carry it out.

    Raises RefusedCommandError with its reason, NobodyAnswersError where it cannot be asked.
    """
    file = file_of(database_url)
    if file is None:
        raise NobodyAnswersError("This database has no control socket.")
    path = socket_of(file)
    with _short(path) as short:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(short), timeout=PATIENCE
                ) as session,
                session.post("http://vouch/", data=_COMMAND.dump_json(command)) as response,
            ):
                told = await response.json()
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            raise NobodyAnswersError(_unanswered(path, error)) from error
    lines = [str(line) for line in told["lines"]]
    if response.status != 200:
        raise RefusedCommandError("\n".join(lines))
    return lines


def _unanswered(path: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM}:
        return f"{path} is another account's: run this as the account that `vouch serve` runs as."
    return (
        f"A process has the database and does not answer at {path} ({type(error).__name__}). "
        "If it is `vouch serve` that starts or stops, try again; if it is another command, wait for it."
    )

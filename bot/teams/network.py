"""One client session and one idea of whom to trust, for every outbound call."""

import ssl
from pathlib import Path

import aiohttp

PATIENCE = aiohttp.ClientTimeout(total=12, connect=4, sock_read=10)
"""Less than the 15 s for which the Bot Connector itself waits for us."""


class TooLargeError(Exception):
    """A body is larger than anybody honest would send."""


class Network:
    """Opened inside a running loop, closed once; proxies and cookies are never taken up."""

    def __init__(self, ca_file: Path | None) -> None:
        self._tls = tls_context(ca_file)
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The gateway is not started.")
        return self._session

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=100, limit_per_host=64),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=PATIENCE,
            trust_env=False,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, and one more where the operator names it."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def read_at_most(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """The whole body, unpacked; a body that grows past the limit is not read to its end."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > limit:
            raise TooLargeError
    return bytes(body)

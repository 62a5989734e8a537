"""Several real processes on one PostgreSQL: one case is one case, and the dead are replaced."""

import asyncio
import json
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.demo import PROVIDER_TENANT
from simulator.server import Simulator
from storage import incidents
from storage.engine import Store, migrate, standing
from tests.databases import new_database, rows
from tests.postgres import free_port, server
from tests.story.graph_incident import malware_ran
from tests.story.house import APP_ID, APP_SECRET, Seen, onboard_at, seen_in, simulated
from tests.story.nursery import Nursery, nursery
from tests.story.record import check_records

PATIENCE = 40.0
LEASE = 2.0


@pytest.fixture(scope="module")
def cradle() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


class Replicas:
    """Processes beside a simulated Teams, whose messages go to the first that lives."""

    def __init__(  # noqa: PLR0917
        self,
        cradle: Nursery,
        sim: Simulator,
        control: aiohttp.ClientSession,
        database: str,
        folder: Path,
        key: str,
    ) -> None:
        self._cradle = cradle
        self.sim = sim
        self.control = control
        self.database = database
        self._folder = folder
        self._key = key
        self.living: dict[int, str] = {}
        """Where each listens, by its process id."""

    async def start(self, count: int) -> None:
        """At once, in no order."""
        for _ in range(count):
            url = f"http://127.0.0.1:{free_port()}"
            self.living[self._cradle.serve(self._environment(url), self._folder / "log")] = url
        for url in self.living.values():
            await self.until(lambda url=url: self._is_ready(url))  # type: ignore[misc]
        self.sim.bot_url = next(iter(self.living.values()))

    def kill(self, pid: int) -> None:
        del self.living[pid]
        self._cradle.kill(pid)
        self.sim.bot_url = next(iter(self.living.values()), "")

    async def _is_ready(self, url: str) -> bool:
        try:
            async with self.control.get(f"{url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    def _environment(self, url: str) -> dict[str, str]:
        api = self.sim.api_url
        return {
            "VOUCH_PORT": str(urlsplit(url).port),
            "VOUCH_DATABASE_URL": self.database,
            "VOUCH_APP_ID": APP_ID,
            "VOUCH_APP_TENANT": PROVIDER_TENANT,
            "VOUCH_APP_SECRET": APP_SECRET,
            "VOUCH_LOGIN_URL": api,
            "VOUCH_OPENID_METADATA_URL": f"{api}/botframework/v1/.well-known/openidconfiguration",
            "VOUCH_SERVICE_HOSTS": json.dumps([urlsplit(api).netloc]),
            "VOUCH_CA_FILE": str(self.sim.ca_file),
            "VOUCH_LEASE_SECONDS": str(LEASE),
            "VOUCH_DISPATCH_SECONDS": "0.1",
        }

    async def report(self, url: str, incident: dict[str, Any]) -> int:
        headers = {"Authorization": f"Bearer {self._key}"}
        place = f"{url}/api/incidents/defender"
        async with self.control.post(place, json=incident, headers=headers) as response:
            return response.status

    async def install(self) -> None:
        async with self.control.post("/api/install-all", json={}) as response:
            assert response.status == 200

    def said(self) -> list[Seen]:
        return [m for c in self.sim.world.conversations.values() for m in seen_in(c)]

    def owner(self, place: str) -> int:
        """Which process is carrying out an effect in a lane that holds these words."""
        claimed = (
            "SELECT owner FROM effect WHERE status = 'claimed' AND lane LIKE '%" + place + "%'"
        )
        [(owner,)] = rows(self.database, claimed)
        return int(owner.split(":")[1])

    async def rest(self) -> None:
        left = (
            "SELECT id FROM effect WHERE status IN ('waiting', 'claimed')"
            " AND (kind NOT IN ('wake', 'keep_retention', 'change_shift') OR due <= now())"
        )

        async def idle() -> bool:
            return not await asyncio.to_thread(rows, self.database, left)

        await self.until(idle)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await holds():  # noqa: ASYNC110 - no other process can set an event here
                await asyncio.sleep(0.02)


@pytest.fixture
async def replicas(tmp_path: Path, on_postgres: str, cradle: Nursery) -> AsyncIterator[Replicas]:
    async with _replicas(tmp_path, on_postgres, cradle) as opened:
        yield opened


@asynccontextmanager
async def _replicas(tmp_path: Path, database: str, cradle: Nursery) -> AsyncIterator[Replicas]:
    keys = await onboard_at(database)
    store = Store.open(database)
    await store.write("contoso", incidents.next_number)  # not the first one, which is seldom
    await store.close()
    async with (
        Simulator(simulated(tmp_path, keys)) as sim,
        aiohttp.ClientSession(sim.page_url) as control,
    ):
        opened = Replicas(cradle, sim, control, database, tmp_path, keys["contoso"]["defender"])
        try:
            await opened.start(2)
            await opened.install()
            await opened.rest()
            yield opened
        finally:
            for pid in list(opened.living):
                opened.kill(pid)


async def recorded(database: str) -> int:
    store = Store.open(database)
    try:
        return await check_records(store)
    finally:
        await store.close()


async def test_one_report_that_reaches_two_replicas_at_once_opens_one_case(
    replicas: Replicas,
) -> None:
    told = malware_ran()
    answers = await asyncio.gather(
        *(replicas.report(url, told) for _ in range(4) for url in replicas.living.values())
    )
    await replicas.rest()

    assert Counter(answers) == {201: 1, 200: 7}
    assert await recorded(replicas.database) == 1
    texts = [m.text for m in replicas.said() if m.card]
    assert len(texts) == len({m.conversation for m in replicas.said() if m.card})


async def test_reports_of_one_case_by_other_names_open_one_case_as_well(
    replicas: Replicas,
) -> None:
    """Only the person and the device they tell of say that it is one."""
    urls = list(replicas.living.values())
    told = [malware_ran() | {"id": f"other-{n}"} for n in range(8)]
    for n, one in enumerate(told):
        for alert in one["alerts"]:
            alert["id"] = f"{alert['id']}-{n}"
    answers = await asyncio.gather(
        *(replicas.report(urls[n % 2], one) for n, one in enumerate(told))
    )
    await replicas.rest()

    assert Counter(answers) == {201: 1, 200: 7}
    assert await recorded(replicas.database) == 1


async def test_a_replica_that_is_killed_in_a_call_is_replaced_within_its_lease(
    replicas: Replicas,
) -> None:
    """What it had in hand is done by the other; what Teams had taken by then may come again, and
    nothing else does."""
    post = replicas.sim.world.post
    killed: list[tuple[float, str]] = []

    def posted(place: Any, message_id: str, sender: Any, activity: Any) -> Any:
        message = post(place, message_id, sender, activity)
        if not killed and place.id.startswith("a:"):
            killed.append((monotonic(), message_id))
            replicas.kill(replicas.owner("chat:"))
        return message

    replicas.sim.world.post = posted  # type: ignore[method-assign]
    await replicas.report(next(iter(replicas.living.values())), malware_ran())
    await replicas.rest()
    took = monotonic() - killed[0][0]

    assert len(replicas.living) == 1
    assert took < LEASE + 4
    cards = [m for m in replicas.said() if m.card and m.id != killed[0][1]]
    assert len(cards) == len({m.conversation for m in cards})
    assert await recorded(replicas.database) == 1


async def test_either_replica_answers_whoever_presses_and_one_may_go_at_any_time(
    replicas: Replicas,
) -> None:
    first, second = replicas.living
    await replicas.report(replicas.living[first], malware_ran())
    os.kill(first, signal.SIGTERM)
    replicas.living.pop(first)
    replicas.sim.bot_url = replicas.living[second]

    assert await replicas.report(replicas.living[second], malware_ran()) == 200
    await replicas.rest()

    assert await recorded(replicas.database) == 1
    assert standing(replicas.database).used_by == f"{socket.gethostname()}:{second}"


def test_replicas_that_start_together_bring_the_tables_up_to_date_once(on_postgres: str) -> None:
    empty = new_database(f"empty_{os.getpid()}")

    async def together() -> None:
        await asyncio.gather(*(asyncio.to_thread(migrate, empty) for _ in range(4)))

    assert standing(empty).tables == "none"
    asyncio.run(together())

    assert standing(empty).tables == "current"
    assert len(rows(empty, "SELECT version_num FROM alembic_version")) == 1


async def test_whoever_starts_before_the_database_waits_for_it(on_postgres: str) -> None:
    port = free_port()
    address = f"postgresql+psycopg://vouch@127.0.0.1:{port}/postgres"
    early = asyncio.create_task(asyncio.to_thread(Store.open, address))
    await asyncio.sleep(0.2)
    assert not early.done()

    with server(port):
        store = await early
        assert await store.read("contoso", lambda tx: tx.customer) == "contoso"
        await store.close()

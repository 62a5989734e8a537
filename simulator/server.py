"""The simulator as one object: both listeners, wired by hand, started and ended together."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.activities import Activities
from simulator.botclock import BotClock, ClockControl
from simulator.botframework import BotFramework
from simulator.certificates import server_context
from simulator.changes import Changes
from simulator.connector import Connector
from simulator.control import Control, only_from_here
from simulator.entra import Entra
from simulator.errors import MAX_BODY, answer_errors
from simulator.faults import Faults
from simulator.graph import Graph
from simulator.journal import Journal
from simulator.keys import KeySource, new_key
from simulator.pager import Pager, PagerKeys
from simulator.people import People
from simulator.scenariofile import read_scenarios
from simulator.scenarios import Scenarios
from simulator.signins import SignIns
from simulator.to_bot import ToBot
from simulator.windows import Windows
from simulator.world import World
from simulator.worldfile import read_world

HERE = Path(__file__).parent
PAGE = HERE / "page"
DEMO_WORLD = HERE / "worlds" / "demo.json"
SCENARIOS = HERE / "scenarios"
LOOPBACK = "127.0.0.1"

PAGE_POLICY = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Cards hold other people's words: the page runs nothing and loads nothing but its own files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """What a simulator needs to know; port 0 takes any free one."""

    app_id: str
    app_secret: str
    data: Path
    bot_url: str = ""
    page_port: int = 0
    api_port: int = 0
    world: Path = DEMO_WORLD
    scenarios: Path = SCENARIOS
    intake_keys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    bot_clock: ClockControl | None = None
    windows: bool = False
    """Whether a bot that calls too often is refused, as Teams does it."""
    pager: PagerKeys = field(default_factory=PagerKeys)
    key_source: KeySource = new_key


class Simulator:
    """Use as `async with Simulator(config) as sim`; the addresses are there from then on."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.ca_file = config.data / "ca.pem"
        self.api_url = ""
        self.page_url = ""
        self._config = config
        self._file = read_world(config.world)
        self._changes = Changes()
        self._clock = BotClock(config.bot_clock, self._changes)
        self.world = World(self._file, config.app_id, self._changes, self._clock.now)
        self.sign_ins = SignIns(config.app_id, self.world, self._clock.now)
        self.entra = Entra(
            config.app_id,
            config.app_secret,
            self.world.tenants,
            config.key_source(),
            self.sign_ins,
        )
        self.graph = Graph(self.world, self.entra)
        self._framework = BotFramework(config.app_id, self.entra.key, config.key_source)
        self.pager = Pager(config.pager, self._changes, self._clock.now)
        self.windows = Windows()
        self.windows.enforce(config.windows)
        self._faults = Faults()
        self._journal = Journal()
        self._service_urls: dict[str, str] = {}
        self._bot: ToBot | None = None
        self._ending = AsyncExitStack()

    @property
    def bot_url(self) -> str:
        return self._bot.url if self._bot else self._config.bot_url

    @bot_url.setter
    def bot_url(self, url: str) -> None:
        """A bot that needs our addresses to start tells us its own afterwards."""
        if self._bot is None:
            raise RuntimeError("Start the simulator first, or give bot_url in its configuration.")
        self._bot.url = url

    def service_url(self, tenant: str) -> str:
        return self._service_urls[tenant]

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._ending.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._changes.close()
        await self._ending.aclose()

    async def _start(self) -> None:
        session = await self._ending.enter_async_context(aiohttp.ClientSession())
        self._bot = ToBot(session, self._framework, self._config.bot_url)
        tls = server_context(self.ca_file)
        port = await self._listen(self._microsoft(), self._config.api_port, tls)
        self.api_url = f"https://localhost:{port}"
        self._service_urls |= {it: f"{self.api_url}/emea/{it}/" for it in self.world.tenants}
        port = await self._listen(self._page(self._bot), self._config.page_port, None)
        self.page_url = f"http://{LOOPBACK}:{port}"
        self.entra.sign_in_url = self.page_url

    async def _listen(self, app: web.Application, port: int, tls: SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        self._ending.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=tls).start()
        bound: int = runner.addresses[0][1]
        return bound

    def _microsoft(self) -> web.Application:
        connector = Connector(self.world, self.entra)
        app = web.Application(
            client_max_size=MAX_BODY,
            middlewares=[
                self._journal.record,
                answer_errors,
                self._faults.strike,
                connector.guard,
                self.windows.hold,
            ],
        )
        app.add_routes(self.entra.routes())
        app.add_routes(self._framework.routes())
        app.add_routes(connector.routes())
        app.add_routes(self.pager.routes())
        app.add_routes(self.graph.routes())
        return app

    def _page(self, bot: ToBot) -> web.Application:
        app = web.Application(
            client_max_size=MAX_BODY, middlewares=[answer_errors, only_from_here, _page_policy]
        )
        app.add_routes(self._control(bot).routes())
        app.add_routes(self.sign_ins.routes())
        if PAGE.is_dir():
            app.router.add_get("/", _index)
            app.router.add_static("/static", PAGE)
        return app

    def _control(self, bot: ToBot) -> Control:
        activities = Activities(self.world.bot, self.service_url, self._clock.now)
        people = People(self.world, activities, bot)
        intake_keys = {**self._file.intake_keys, **self._config.intake_keys}
        scenarios = read_scenarios(self._config.scenarios)
        return Control(
            app_id=self._config.app_id,
            world=self.world,
            people=people,
            bot=bot,
            framework=self._framework,
            faults=self._faults,
            windows=self.windows,
            journal=self._journal,
            scenarios=Scenarios(scenarios, self.world, people, bot, intake_keys),
            service_url=self._service_urls,
            clock=self._clock,
            pager=self.pager,
            graph=self.graph,
        )


async def _index(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


@web.middleware
async def _page_policy(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if not response.prepared:
        for name, value in PAGE_POLICY.items():
            response.headers.setdefault(name, value)
    return response

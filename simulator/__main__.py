"""The simulator as its own process: `python -m simulator`; one JSON line when it is ready."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from pydantic import TypeAdapter

from simulator.botclock import ClockControl
from simulator.pager import PagerKeys
from simulator.server import DEMO_WORLD, SCENARIOS, Simulator, SimulatorConfig

_INTAKE_KEYS = TypeAdapter(dict[str, dict[str, str]])


def main() -> None:
    asyncio.run(_serve(_config()))


def _config() -> SimulatorConfig:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the page and the control API")
    parser.add_argument("--api-port", type=int, default=0, help="of what Microsoft answers")
    parser.add_argument("--bot-url", required=True, help="where the bot listens")
    parser.add_argument("--app-id", required=True)
    parser.add_argument("--app-secret", required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder for ca.pem")
    parser.add_argument("--world", type=Path, default=DEMO_WORLD)
    parser.add_argument("--scenarios", type=Path, default=SCENARIOS)
    parser.add_argument("--intake-keys", type=Path, help="JSON: customer, source, key")
    parser.add_argument("--windows", action="store_true", help="refuse a bot that calls too often")
    parser.add_argument("--bot-clock", type=Path, help="JSON: url, token; moves the bot's time")
    parser.add_argument("--pager", type=Path, help="JSON: what the bot must show to ring")
    given = parser.parse_args()
    keys = _INTAKE_KEYS.validate_json(given.intake_keys.read_bytes()) if given.intake_keys else {}
    clock = given.bot_clock and ClockControl.model_validate_json(given.bot_clock.read_bytes())
    pager = given.pager and PagerKeys.model_validate_json(given.pager.read_bytes())
    return SimulatorConfig(
        app_id=given.app_id,
        app_secret=given.app_secret,
        data=given.data,
        bot_url=given.bot_url,
        page_port=given.port,
        api_port=given.api_port,
        world=given.world,
        scenarios=given.scenarios,
        intake_keys=keys,
        bot_clock=clock,
        windows=given.windows,
        pager=pager or PagerKeys(),
    )


async def _serve(config: SimulatorConfig) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with Simulator(config) as simulator:
        sys.stdout.write(json.dumps(_addresses(simulator)) + "\n")
        sys.stdout.flush()
        await ended.wait()


def _addresses(simulator: Simulator) -> dict[str, object]:
    tenants = simulator.world.tenants
    return {
        "page": simulator.page_url,
        "api": simulator.api_url,
        "ca": str(simulator.ca_file),
        "serviceUrls": {it.customer: simulator.service_url(it.id) for it in tenants.values()},
    }


if __name__ == "__main__":
    main()

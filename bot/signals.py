"""Ending well: SIGTERM and Ctrl-C as an event to wait for."""

import asyncio
import signal


def stop_signal() -> asyncio.Event:
    """Set when somebody wants this process to end. Call it inside the running loop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    return stopped

"""Logs: event names with fields, to standard error; as JSON where a machine reads them.

People's words and secrets stay out. A trace says where and what kind of fault it was, not what the
fault says of itself: that text may repeat what somebody wrote. What libraries log goes the same
way, as one line each.
"""

import asyncio
import logging
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

from storage.database import StoreError

SPEAKS_FOR_ITSELF = (OSError, sqlite3.Error, StoreError)
"""Faults whose text names files, hosts and tables, and nothing that people wrote."""
ROOT = Path(__file__).parents[1]

log = structlog.get_logger(__name__)


def configure(*, as_json: bool, level: int = logging.INFO) -> None:
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    common: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
    ]
    structlog.configure(
        processors=[*common, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_library_said, *common],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def note_what_nobody_awaits() -> None:
    """A task's fault that nobody waits for is logged like any other. Call it in the running loop."""
    asyncio.get_running_loop().set_exception_handler(_unawaited)


def _unawaited(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("fault_in_the_event_loop", exc_info=context.get("exception"))


def _library_said(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """The sentence as the library wrote it, without what it would fill in."""
    record: logging.LogRecord = event["_record"]
    event.update(event="library_said", logger=record.name, says=str(record.msg)[:200])
    event["exc_info"] = record.exc_info
    record.exc_info = record.exc_text = None
    return event


def _trace(_: Any, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    given = event.pop("exc_info", None)
    fault = _fault(given)
    if fault is not None:
        event["fault"] = " < ".join(_named(each) for each in _causes(fault))
        event["trace"] = [frame for each in _causes(fault) for frame in _frames(each.__traceback__)]
    return event


def _fault(given: Any) -> BaseException | None:
    match given:
        case BaseException():
            return given
        case (_, BaseException() as fault, _):
            return fault
        case None | False | (None, None, None):
            return None
    return sys.exc_info()[1]


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The fault, and what it came from."""
    met: set[int] = set()
    following: BaseException | None = fault
    while following is not None and id(following) not in met:
        met.add(id(following))
        yield following
        inner = following.exceptions[0] if isinstance(following, BaseExceptionGroup) else None
        following = inner or following.__cause__ or following.__context__


def _named(fault: BaseException) -> str:
    name = type(fault).__name__
    return f"{name}: {fault}" if isinstance(fault, SPEAKS_FOR_ITSELF) else name


def _frames(where: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(where):
        file = Path(frame.filename)
        place = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file.name
        yield f"{place}:{frame.lineno} {frame.name}"

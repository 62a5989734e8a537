"""procrastinate's tables, and effects as jobs in them.

A job says only which effect to run, and whom it concerns. Its lock is the effect's lane, its queueing
lock lets one job wait for an effect (and one Show for a surface), its priority is the effect's
urgency. Jobs are few: no more wait than there is room for (`dispatch.has_room`), so that nobody's
stand before everybody else's. They are thrown away when they are done, and made anew when they are
lost: what is to be done stands in our rows.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from procrastinate.sync_psycopg_connector import SyncPsycopgConnector
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from storage.due import Due

log = structlog.get_logger(__name__)

QUEUE = "effects"
TASK = "run_effect"


Admit = Callable[[Sequence[Due], Sequence[Due]], Sequence[Due]]
"""Of what is due, and what waits as jobs already: for which there is room."""

# --- jobs ----------------------------------------------------------------------------------------

_JOBS = JobManager(SyncPsycopgConnector())
"""Never opened: it works on our connections alone."""


def defer(connection: Connection, ready: Sequence[Due], admit: Admit) -> None:
    """Make a job of each that is admitted, in the transaction of this connection. What waits as
    a job already needs no other, for that one goes on with whatever is next in its lane; but where
    it has become more urgent, its job is made anew."""
    waiting = _without_the_slow(connection, ready, _waiting(connection))
    known = {job.waits_as for job in waiting}
    new = [effect for effect in ready if _waits_as(effect) not in known]
    admitted = admit(new, [job.of for job in waiting])
    try:
        _make_jobs(connection, admitted)
    except AlreadyEnqueued:  # by somebody else, just now
        for effect in admitted:
            with suppress(AlreadyEnqueued):
                _make_jobs(connection, [effect])


def _make_jobs(connection: Connection, effects: Sequence[Due]) -> None:
    """All of them or none; the transaction can go on either way."""
    jobs = [_job(effect) for effect in effects]
    if jobs:
        with connection.begin_nested():
            _JOBS.batch_defer_jobs(jobs, connection=driver(connection))


def try_to_defer(connection: Connection, ready: Sequence[Due], admit: Admit) -> None:
    """As `defer`, but where procrastinate cannot, the transaction goes on without."""
    try:
        with connection.begin_nested():
            defer(connection, ready, admit)
    except (ConnectorException, DBAPIError):
        log.warning("not_deferred", exc_info=True)


@dataclass(frozen=True, slots=True)
class _Waiting:
    id: int
    waits_as: str
    priority: int
    of: Due


_TODO = text(
    "SELECT id, queueing_lock, priority, args FROM procrastinate_jobs"
    " WHERE status = 'todo' AND queue_name = :queue"
)
_TAKE_BACK = text(
    "DELETE FROM procrastinate_jobs WHERE id = ANY(:ids) AND status = 'todo' RETURNING id"
)


def _waiting(connection: Connection) -> list[_Waiting]:
    found = connection.execute(_TODO, {"queue": QUEUE})
    return [_Waiting(row.id, row.queueing_lock, row.priority, Due(**row.args)) for row in found]


def _without_the_slow(
    connection: Connection, ready: Sequence[Due], waiting: list[_Waiting]
) -> list[_Waiting]:
    """Without the jobs of what has become more urgent since they were made. A new job tells the
    workers of itself; one whose priority was changed would not."""
    urgency = {_waits_as(effect): effect.urgency for effect in ready}
    slow = [it.id for it in waiting if it.priority < -urgency.get(it.waits_as, -it.priority)]
    if not slow:
        return waiting
    gone = connection.scalars(_TAKE_BACK, {"ids": slow}).all()
    return [it for it in waiting if it.id not in gone]


def _job(effect: Due) -> Job:
    return Job(
        queue=QUEUE,
        task_name=TASK,
        priority=-effect.urgency,
        lock=f"{effect.customer_id}:{effect.lane}" if effect.lane else None,
        queueing_lock=_waits_as(effect),
        task_kwargs=asdict(effect),
    )


def _waits_as(effect: Due) -> str:
    """`WAITS_AS` says the same to the database."""
    if effect.surface is None:
        return f"effect:{effect.effect_id}"
    return f"show:{effect.customer_id}:{effect.stream}:{effect.surface}"


WAITS_AS = (
    "CASE WHEN effect.surface IS NULL THEN 'effect:' || effect.id"
    " ELSE 'show:' || effect.customer_id || ':' || effect.stream || ':' || effect.surface END"
)
HAS_NO_JOB = text(
    "NOT EXISTS (SELECT FROM procrastinate_jobs AS job WHERE job.status IN ('todo', 'doing')"
    f" AND job.queueing_lock = {WAITS_AS})"
)

# --- the sweep -----------------------------------------------------------------------------------

_ALONE = text(
    "SELECT pg_try_advisory_xact_lock(7226321650), set_config('enable_nestloop', 'off', true)"
)


def sweep_alone(connection: Connection) -> bool:
    """Whether no other replica sweeps now; none does before this transaction ends.

    Of a table that has just filled the planner believes that it is small, and would compare every
    row with every other; joined by hash they take as long as there are rows.
    """
    return bool(connection.scalar(_ALONE))


_DROP_ABANDONED = text(
    """
    DELETE FROM procrastinate_jobs AS job
    WHERE job.status = 'doing' AND job.queue_name = :queue
      AND NOT EXISTS (
          SELECT FROM procrastinate_events AS event
          WHERE event.job_id = job.id AND event.type = 'started' AND event.at > now() - :lease)
      AND NOT EXISTS (
          SELECT FROM effect
          WHERE effect.status = 'claimed' AND effect.lease_until > :now
            AND (effect.id = CAST(job.args ->> 'effect_id' AS integer)
                 OR effect.customer_id || ':' || effect.lane = job.lock))
    """
)


def drop_abandoned(connection: Connection, now: datetime, lease: timedelta) -> None:
    """Throw away jobs that were begun longer than a lease ago and whose effect nobody holds: a
    replica died with them. They would keep their lane closed for ever."""
    connection.execute(_DROP_ABANDONED, {"queue": QUEUE, "lease": lease, "now": now})


def driver(connection: Connection) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", connection.connection.dbapi_connection)


# --- tables --------------------------------------------------------------------------------------

_APPLIED = "SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"
"""The last of procrastinate's migrations that was applied, kept as the comment on its table."""


def upgrade(connection: Connection) -> None:
    """Bring procrastinate's tables to those of the installed version, in this transaction."""
    known = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    if connection.exec_driver_sql("SELECT to_regclass('procrastinate_jobs')").scalar() is None:
        scripts = [SchemaManager.get_schema()]
    else:
        applied = connection.exec_driver_sql(_APPLIED).scalar() or ""
        scripts = [file.read_text(encoding="utf-8") for file in known if file.name > applied]
    for script in scripts:
        driver(connection).execute(script)
    if scripts:
        connection.exec_driver_sql(f"COMMENT ON TABLE procrastinate_jobs IS '{known[-1].name}'")

"""A build of Vouch without fencing: a second process is let in beside the first, a claim keeps
nobody from claiming the same, and a result is written down by whoever has one, however late.
Importing it makes it so; the harness must find it out."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage import effects, sqlite
from storage.engine import Tx
from storage.tables import EffectRow

_SEIZE = (
    update(EffectRow)
    .where(col(EffectRow.id) == bindparam("effect_id"))
    .values(status="claimed", owner=bindparam("by"))
    .execution_options(synchronize_session=False)
)
_FREE = (
    update(EffectRow)
    .where(col(EffectRow.id) == bindparam("effect_id"), col(EffectRow.status) == "claimed")
    .values(status="waiting", owner=None)
    .execution_options(synchronize_session=False)
)
_settled, _claim = effects._settled, effects.claim


def _owned_by_everybody(path: Path) -> sqlite._Ownership:
    return sqlite._Ownership(os.open(sqlite.lock_of(path), os.O_RDWR | os.O_CREAT, 0o600))


def _claimed_by_anybody(
    tx: Tx, effect_id: int | None, owner: str, now: datetime, lease: timedelta
) -> effects.ClaimedEffect | None:
    tx.session.execute(_FREE, {"effect_id": effect_id})
    return _claim(tx, effect_id, owner, now, lease)


def _settled_by_anybody(
    tx: Tx, statement: ReturningUpdate[int], effect_id: int, owner: str, **values: Any
) -> bool:
    tx.session.execute(_SEIZE, {"effect_id": effect_id, "by": owner})
    return _settled(tx, statement, effect_id, owner, **values)


sqlite._Ownership.take = staticmethod(_owned_by_everybody)  # type: ignore[method-assign]
effects.claim = _claimed_by_anybody
effects._settled = _settled_by_anybody

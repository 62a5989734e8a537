"""Codes by which a channel is bound, each once: `vouch customer invite`, `@Vouch setup CODE`.

A code is 80 random bits, so that a fast hash is enough and nobody guesses one.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import col

from storage.engine import Tx
from storage.tables import InvitationRow

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without 0/O, 1/I/L and U: read out over the phone without a mistake."""
_LETTERS = 17
"""Of 30 each: 83 bits."""
_NOISE = re.compile(r"[\s-]+")


def new_code() -> tuple[str, str]:
    """A new code, to be shown once, and the hash to store."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    code = "-".join((letters[:5], letters[5:9], letters[9:13], letters[13:]))
    return code, digest(code)


def digest(code: str) -> str:
    """Of a code as somebody wrote it: case, dashes and spaces do not matter."""
    return hashlib.sha256(_NOISE.sub("", code).upper().encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Invitation:
    expires: datetime
    used_at: datetime | None


_UNUSED = col(InvitationRow.used_at).is_(None)
_NEWEST = select(InvitationRow).order_by(col(InvitationRow.made_at).desc()).limit(1)
_VOID = delete(InvitationRow).where(_UNUSED).execution_options(synchronize_session=False)
_USE = (
    update(InvitationRow)
    .where(
        col(InvitationRow.sha256) == bindparam("code"),
        col(InvitationRow.expires) > bindparam("now"),
        _UNUSED,
    )
    .values(used_at=bindparam("now"), used_in=bindparam("channel_id"))
    .returning(col(InvitationRow.sha256))
    .execution_options(synchronize_session=False)
)


def add(tx: Tx, sha256: str, by: str, now: datetime, expires: datetime) -> None:
    """Invite a customer; what was handed out before and not used is void."""
    void(tx)
    row = InvitationRow(
        customer_id=tx.customer, sha256=sha256, made_by=by, made_at=now, expires=expires
    )
    tx.session.add(row)


def use(tx: Tx, sha256: str, channel_id: str, now: datetime) -> bool:
    """Whether this is the one time it is used, and in time."""
    wanted = {"code": sha256, "channel_id": channel_id, "now": now}
    return tx.session.run(_USE, wanted).scalar() is not None


def void(tx: Tx) -> None:
    tx.session.run(_VOID)


def newest(tx: Tx) -> Invitation | None:
    row = tx.session.scalars(_NEWEST).one_or_none()
    return Invitation(row.expires, row.used_at) if row else None

"""Card tokens: opaque on the card, looked up here for what they stand for."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import col

from storage.engine import Tx
from storage.tables import HandleRow

_OF_SURFACE = (
    select(col(HandleRow.token))
    .where(
        col(HandleRow.incident_id) == bindparam("incident_id"),
        col(HandleRow.surface) == bindparam("surface"),
    )
    .order_by(col(HandleRow.expires).desc())
    .limit(1)
)
_ONE = select(HandleRow).where(col(HandleRow.token) == bindparam("token"))


def mint(
    tx: Tx,
    token: str,
    *,
    tenant_id: str,
    incident_id: str,
    surface: str,
    person: str | None,
    expires: datetime,
    conversation_id: str | None = None,
) -> None:
    """Let a token stand for a surface; `person` is whom it was made for, where it was for one."""
    tx.session.add(
        HandleRow(
            customer_id=tx.customer,
            token=token,
            tenant_id=tenant_id,
            incident_id=incident_id,
            surface=surface,
            person=person,
            conversation_id=conversation_id,
            expires=expires,
        )
    )


def of_surface(tx: Tx, incident_id: str, surface: str) -> str | None:
    """The token a surface's card carries: the one that lives longest, expired or not."""
    return tx.session.scalar(_OF_SURFACE, {"incident_id": incident_id, "surface": surface})


def bind_conversation(tx: Tx, token: str, conversation_id: str) -> None:
    """The card now stands in this conversation, and is pressed in no other."""
    row = tx.session.scalars(_ONE, {"token": token}).one_or_none()
    if row is None:
        raise LookupError("no such handle")
    row.conversation_id = conversation_id

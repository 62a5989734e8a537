"""Card tokens: opaque on the card, looked up here for what they stand for."""

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import col

from storage.engine import Tx
from storage.tables import HandleRow

_OF_SURFACE = (
    select(col(HandleRow.token))
    .where(
        col(HandleRow.incident_id) == bindparam("incident_id"),
        col(HandleRow.surface) == bindparam("surface"),
        col(HandleRow.expires) > bindparam("until"),
    )
    .order_by(col(HandleRow.expires).desc())
    .limit(1)
)
_INSERT = insert(HandleRow)
_BIND = (
    update(HandleRow)
    .where(col(HandleRow.token) == bindparam("known_as"))
    .values(conversation_id=bindparam("stands_in"))
    .returning(col(HandleRow.token))
    .execution_options(synchronize_session=False)
)


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
    handle = {
        "customer_id": tx.customer,
        "token": token,
        "tenant_id": tenant_id,
        "incident_id": incident_id,
        "surface": surface,
        "person": person,
        "conversation_id": conversation_id,
        "expires": expires,
    }
    tx.session.run(_INSERT, handle)


def of_surface(tx: Tx, incident_id: str, surface: str, until: datetime) -> str | None:
    """The token a surface's card carries, if it lives beyond `until`: the one that lives longest."""
    wanted = {"incident_id": incident_id, "surface": surface, "until": until}
    return tx.session.run(_OF_SURFACE, wanted).scalar()


def bind_conversation(tx: Tx, token: str, conversation_id: str) -> None:
    """The card now stands in this conversation, and is pressed in no other."""
    bound = {"known_as": token, "stands_in": conversation_id}
    if tx.session.run(_BIND, bound).scalar() is None:
        raise LookupError("no such handle")


_DROP = (
    delete(HandleRow)
    .where(
        col(HandleRow.incident_id) == bindparam("incident_id"),
        col(HandleRow.expires) <= bindparam("now"),
    )
    .execution_options(synchronize_session=False)
)


def drop_past(tx: Tx, incident_id: str, now: datetime) -> None:
    """Forget what is understood by nobody any more: every list and every preview leaves a handle."""
    tx.session.run(_DROP, {"incident_id": incident_id, "now": now})


_END = (
    update(HandleRow)
    .where(col(HandleRow.token) == bindparam("known_as"))
    .values(expires=bindparam("ends"))
    .execution_options(synchronize_session=False)
)


def end(tx: Tx, token: str, now: datetime) -> None:
    """Nothing is understood by it from now on."""
    tx.session.run(_END, {"known_as": token, "ends": now})

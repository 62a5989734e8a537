"""Where a customer's incidents stand, and the provider's threads: the channel that was bound by a
code, else the one that the profile names.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlmodel import col

from storage import profiles
from storage.engine import Tx
from storage.tables import BindingRow, ConversationRow


@dataclass(frozen=True, slots=True)
class Home:
    """A channel, in its team."""

    team_id: str
    channel_id: str


_BINDING = select(BindingRow)
_FORGET = delete(BindingRow).execution_options(synchronize_session=False)
_UNUSABLE = select(col(ConversationRow.unusable)).where(
    col(ConversationRow.tenant_id) == bindparam("tenant_id"),
    col(ConversationRow.kind) == "channel",
    col(ConversationRow.whose) == bindparam("channel_id"),
)


def waits_for(customer: str) -> str:
    """What an effect waits for that needs the channel of a customer, or of the provider."""
    return f"channel:{customer}"


def home(tx: Tx) -> Home | None:
    """The channel that is spoken to now. None while none is bound, and the profile names none."""
    wanted = chosen(tx)
    if wanted is None or why_unusable(tx, wanted.channel_id) is None:
        return wanted
    return Home(wanted.team_id, general(wanted.team_id))


def chosen(tx: Tx) -> Home | None:
    """The channel somebody chose, whether or not it can be used."""
    profile = profiles.find(tx)
    if profile is None:
        return None
    bound = tx.session.scalars(_BINDING).one_or_none()
    if bound is not None and bound.tenant_id == profile.tenant_id:
        return Home(bound.team_id, bound.channel_id)
    if profile.team_id is None or profile.channel_id is None:
        return None
    return Home(profile.team_id, profile.channel_id)


def general(team_id: str) -> str:
    """The channel every team has, and every member of it reads: its id is the team's."""
    return team_id


def why_unusable(tx: Tx, channel_id: str) -> str | None:
    """Why nobody can post in a channel, in Teams' words; None where nothing is known against it."""
    profile = profiles.find(tx)
    wanted = {"tenant_id": profile.tenant_id if profile else "", "channel_id": channel_id}
    return tx.session.run(_UNUSABLE, wanted).scalar()


def bind(tx: Tx, at_home: Home, by: str, now: datetime) -> None:
    """From now on incidents stand there. What stands elsewhere stays; `by` is an object id."""
    unbind(tx)
    tx.session.add(
        BindingRow(
            customer_id=tx.customer,
            tenant_id=_tenant(tx),
            team_id=at_home.team_id,
            channel_id=at_home.channel_id,
            bound_by=by,
            bound_at=now,
        )
    )


def unbind(tx: Tx) -> None:
    tx.session.run(_FORGET)


def _tenant(tx: Tx) -> str:
    profile = profiles.find(tx)
    if profile is None:
        raise LookupError(f"{tx.customer} has no profile")
    return profile.tenant_id

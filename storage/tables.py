"""The tables, as SQLModel rows without behaviour.

Every row belongs to one customer (`customer_id`), nearly always as the first part of its primary
key, so that a foreign key cannot point into another customer's rows either. The provider has an id
and rows of its own: its profile, its desk, its channel.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time: stored in UTC, and aware again when it comes back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} says no time zone; storage takes aware times only")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: Any,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime | None:
        if value is None:
            return None
        known: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return known


class Row(SQLModel):
    """What every table has; `storage/isolation.py` holds each statement to it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    customer_id: str = Field(primary_key=True)


def _of_an_incident() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["customer_id", "incident_id"], ["incident.customer_id", "incident.id"]
    )


class IncidentRow(Row, table=True):
    """The state as JSON, beside what is searched by."""

    __tablename__ = "incident"
    __table_args__ = (
        UniqueConstraint("customer_id", "name"),
        Index(None, "status", "severity"),
        Index(
            "ix_incident_listed",
            *("status", "received", "severity", "owner", "type", "customer_id", "id"),
        ),
        Index(
            "ix_incident_held",
            "owner",
            "status",
            sqlite_where=text("owner IS NOT NULL"),
            postgresql_where=text("owner IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    name: str
    status: str
    type: str
    severity: str
    owner: str | None = None
    """The object id of the analyst who has taken it, or was given it."""
    version: int
    """How many events made it: the sequence of its last one."""
    chain: str
    """The hash of its last event: shows when the end of its stream is cut off."""
    state: str = Field(sa_type=Text)
    received: datetime = Field(sa_type=UtcDateTime)
    updated: datetime = Field(sa_type=UtcDateTime)


class AlertRow(Row, table=True):
    """A whole alert; the incident's state keeps a short note of it."""

    __tablename__ = "alert"
    __table_args__ = (
        _of_an_incident(),
        Index("ix_alert_of_incident", "customer_id", "incident_id", "source", "alert_id"),
    )

    source: str = Field(primary_key=True)
    alert_id: str = Field(primary_key=True)
    incident_id: str
    document: str = Field(sa_type=Text)


class MessageRow(Row, table=True):
    """Free text somebody wrote about an incident: kept out of the state, and erasable."""

    __tablename__ = "message"
    __table_args__ = (_of_an_incident(), Index(None, "customer_id", "incident_id"))

    customer_id: str
    id: int = Field(default=None, primary_key=True)
    incident_id: str
    author: str
    text: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)


class RelayRow(Row, table=True):
    """What somebody wrote in a customer's thread, or in their own chat with us, on its way to the
    analysts' thread."""

    __tablename__ = "relay"
    __table_args__ = (
        _of_an_incident(),
        UniqueConstraint("customer_id", "conversation_id", "activity_id"),
        Index(None, "customer_id", "incident_id", "carried_by"),
    )

    customer_id: str
    id: int = Field(default=None, primary_key=True)
    """In the order in which it was heard."""
    incident_id: str
    conversation_id: str
    activity_id: str
    author: str
    """Object id."""
    name: str
    text: str | None = Field(sa_type=Text)
    """None once it was deleted."""
    files: str = Field(sa_type=Text)
    """Their names, as JSON."""
    at: datetime = Field(sa_type=UtcDateTime)
    revised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    carried_by: str | None = None
    """The key of the effect that posts it, with others."""


class EventRow(Row, table=True):
    """One thing that happened, with all that `decide` was given, chained to the one before.

    Erasure empties payload, facts, actor, answer, reasons and salt; the hashes stay.
    """

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("customer_id", "key"),)

    stream: str = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    key: str
    kind: str
    at: datetime = Field(sa_type=UtcDateTime)
    profile_version: int | None = None
    provider_version: int | None = None
    rules: str | None = None
    effect_keys: str = Field(default="[]", sa_type=Text)
    payload: str | None = Field(sa_type=Text)
    facts: str | None = Field(default=None, sa_type=Text)
    actor: str | None = None
    answer: str | None = Field(default=None, sa_type=Text)
    reasons: str | None = Field(default=None, sa_type=Text)
    salt: str | None = None
    payload_hash: str = ""
    prev_hash: str = ""
    hash: str = ""


IN_A_LANE = "lane IS NOT NULL AND done_at IS NULL"
"""What is not over, in a lane: few rows beside those that are done. Who asks in these words finds
the index, on SQLite too."""


class EffectRow(Row, table=True):
    """Something to be done in the world; within a lane, in the order of the ids."""

    __tablename__ = "effect"
    __table_args__ = (
        UniqueConstraint("customer_id", "key"),
        CheckConstraint(
            "status IN ('waiting', 'claimed', 'done', 'failed', 'blocked', 'cancelled')", "status"
        ),
        CheckConstraint(
            "(done_at IS NULL) = (status IN ('waiting', 'claimed', 'blocked'))", "not_over"
        ),
        Index("ix_effect_due", "status", "due"),
        Index("ix_effect_stream", "customer_id", "stream", "surface"),
        Index(
            "ix_effect_head",
            "customer_id",
            "lane",
            "id",
            sqlite_where=text(IN_A_LANE),
            postgresql_where=text(IN_A_LANE),
        ),
        Index(
            "ix_effect_in_no_lane",
            "status",
            "due",
            sqlite_where=text("lane IS NULL"),
            postgresql_where=text("lane IS NULL"),
        ),
        Index(
            "ix_effect_waits_for",
            "waits_for",
            sqlite_where=text("waits_for IS NOT NULL"),
            postgresql_where=text("waits_for IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    customer_id: str
    id: int = Field(default=None, primary_key=True)
    stream: str
    key: str
    kind: str
    surface: str | None = None
    """Which surface a Show shows."""
    lane: str | None
    spoken_to: str | None = None
    """Whose tenant hears it: the provider's in the analysts' threads; None where Teams does not."""
    urgency: int
    opens: bool = False
    """Whether carrying it out creates a conversation: a thread's first Show, or what was found to
    when it was claimed."""
    payload: str = Field(sa_type=Text)
    status: str = "waiting"
    due: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    owner: str | None = None
    waits_for: str | None = None
    """What a blocked one is waiting for: "person:" and an object id, or "channel:" and whose: the
    customer's or the provider's id."""
    last_error: str | None = None
    remote_id: str | None = None
    ordered_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was over: done, or given up."""


class PaceRow(Row, table=True):
    """When Teams was spoken to lately: in a lane, or in the whole of somebody's tenant."""

    __tablename__ = "pace"
    __table_args__ = (Index(None, "at"),)

    bucket: str = Field(primary_key=True)
    done: str = Field(sa_type=Text)
    """Milliseconds since 1970, in order, as JSON; those in the future are under way."""
    free_at: datetime = Field(sa_type=UtcDateTime)
    """When the next call has room in the windows."""
    refused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """For how long the last refusal wanted to be left alone."""
    held_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """For how long the whole tenant is, after a second one."""
    at: datetime = Field(sa_type=UtcDateTime)
    """When this was written; later than now where the clock was set back since."""


class SurfaceRow(Row, table=True):
    """What an incident wants to show under a name, and what stands where."""

    __tablename__ = "surface"
    __table_args__ = (
        _of_an_incident(),
        Index(None, "conversation_id"),
        Index(None, "customer_id", "name", "posted_at"),
    )

    incident_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    wanted_digest: str
    wanted_revision: int = 1
    shown_revision: int = 0
    shown_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was first shown: a card that notified somebody."""
    tenant_id: str | None = None
    conversation_id: str | None = None
    activity_id: str | None = None
    service_url: str | None = None


class HandleRow(Row, table=True):
    """What an opaque token on a card stands for."""

    __tablename__ = "handle"
    __table_args__ = (_of_an_incident(), Index(None, "customer_id", "incident_id", "surface"))

    customer_id: str
    token: str = Field(primary_key=True)
    tenant_id: str
    incident_id: str
    surface: str
    person: str | None
    conversation_id: str | None
    expires: datetime = Field(sa_type=UtcDateTime)


class SignInRow(Row, table=True):
    """What our pages remember between two steps of a fresh sign-in; each is taken up once."""

    __tablename__ = "sign_in"
    __table_args__ = (_of_an_incident(),)

    customer_id: str
    sha256: str = Field(primary_key=True)
    """Of what the browser brings back: the `state` of a flow, or the token of the answer's page."""
    incident_id: str
    verification: str
    flow: str | None = Field(default=None, sa_type=Text)
    """Until somebody has signed in: nonce, PKCE verifier and what else the exchange needs."""
    expires: datetime = Field(sa_type=UtcDateTime)


class SourceRefRow(Row, table=True):
    """What a source calls an incident; several ids may lead to one."""

    __tablename__ = "source_ref"
    __table_args__ = (_of_an_incident(),)

    source: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    incident_id: str


class EntityKeyRow(Row, table=True):
    """Who and what an incident is about, as keys strong enough to recognise it by."""

    __tablename__ = "entity_key"
    __table_args__ = (_of_an_incident(),)

    key: str = Field(primary_key=True)
    incident_id: str = Field(primary_key=True)
    last_seen: datetime = Field(sa_type=UtcDateTime)


class CustomerRow(Row, table=True):
    """A profile, of a customer or of the provider. Every version is kept: events name theirs."""

    __tablename__ = "customer"
    __table_args__ = (
        Index(
            "ix_customer_current",
            "customer_id",
            unique=True,
            sqlite_where=text("current = 1"),  # as SQLAlchemy asks for it
            postgresql_where=text("current"),
        ),
        Index(None, "tenant_id"),
    )

    version: int = Field(primary_key=True)
    current: bool
    role: str
    tenant_id: str
    document: str = Field(sa_type=Text)
    toml: str = Field(sa_type=Text)
    added_at: datetime = Field(sa_type=UtcDateTime)
    stopped: str | None = Field(default=None, sa_type=Text)
    """Of the current version: who stopped the response actions, when and why, as JSON. The
    provider's is for all customers."""


class IntakeCredentialRow(Row, table=True):
    """How a source shows that it speaks for its customer: `storage/credentials.py`."""

    __tablename__ = "intake_credential"
    __table_args__ = (
        CheckConstraint("kind IN ('bearer', 'signature', 'identity')", "kind"),
        UniqueConstraint("value", "source", "kind"),
        Index(None, "customer_id", "source"),
    )

    customer_id: str
    id: int = Field(default=None, primary_key=True)
    source: str
    kind: str
    value: str
    """A key's SHA-256, a reference to a secret, or an object id: never what opens the door."""
    added_at: datetime = Field(sa_type=UtcDateTime)


class DeliveryRow(Row, table=True):
    """A signed message that was taken: the same again gets the same answer."""

    __tablename__ = "intake_delivery"
    __table_args__ = (Index(None, "customer_id", "at"),)

    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    sha256: str
    status: int
    answer: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=UtcDateTime)


class InvitationRow(Row, table=True):
    """A code by which a channel is bound, once. Only its hash is kept."""

    __tablename__ = "invitation"
    __table_args__ = (Index(None, "customer_id"),)

    customer_id: str
    sha256: str = Field(primary_key=True)
    made_by: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_in: str | None = None
    """The channel that was bound by it."""


class BindingRow(Row, table=True):
    """The channel that was bound by a code: it goes before the one that the profile names."""

    __tablename__ = "binding"

    tenant_id: str
    team_id: str
    channel_id: str
    bound_by: str
    bound_at: datetime = Field(sa_type=UtcDateTime)


class PersonRow(Row, table=True):
    """Somebody of the customer, as Teams and the sources have named them."""

    __tablename__ = "person"
    __table_args__ = (Index(None, "customer_id", "upn"), Index(None, "customer_id", "sid"))

    tenant_id: str = Field(primary_key=True)
    object_id: str = Field(primary_key=True)
    mri: str | None = None
    upn: str | None = None
    """In lower case, as is the SID: compared, never shown."""
    sid: str | None = None
    name: str = ""
    given_name: str = ""
    locale: str | None = None
    zone: str | None = None
    in_team: bool = False
    outside: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """A guest, or of another tenant: reads what the team reads, and is nobody of the customer."""
    installed: bool | None = None
    """Whether the app is there for this person; None while nothing was heard of it."""
    blocked: bool = False
    seen_at: datetime = Field(sa_type=UtcDateTime)


class ConversationRow(Row, table=True):
    """Where a person or a channel is spoken to."""

    __tablename__ = "conversation"
    __table_args__ = (
        CheckConstraint("kind IN ('personal', 'channel')", "kind"),
        Index(None, "conversation_id", "customer_id"),
    )

    tenant_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    whose: str = Field(primary_key=True)
    """The person's object id, or the channel's id."""
    conversation_id: str
    service_url: str
    removed: bool = False
    unusable: str | None = None
    """Why Teams lets nobody post in this channel, although the app is in its team."""
    installed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the app last came there, as far as Teams told."""


class DutyRow(Row, table=True):
    """What an analyst of the provider's last said of themselves: that they are on duty, or not."""

    __tablename__ = "duty"

    object_id: str = Field(primary_key=True)
    """In lower case."""
    on_duty: bool
    until: datetime = Field(sa_type=UtcDateTime)
    at: datetime = Field(sa_type=UtcDateTime)


class ReachRow(Row, table=True):
    """A response action that was begun, failed or was refused lately: what the caps and the circuit
    breaker count."""

    __tablename__ = "reach"
    __table_args__ = (Index(None, "customer_id", "at"),)

    key: str = Field(primary_key=True)
    """The effect's."""
    action: str
    at: datetime = Field(sa_type=UtcDateTime)
    """When it was last begun, or refused."""
    begun: bool
    trouble: bool
    """It failed, or went over a cap, and nobody has allowed response actions anew since."""


class RememberedRow(Row, table=True):
    """A fact about the customer that an analyst keeps for later cases."""

    __tablename__ = "remembered"

    number: int = Field(primary_key=True)
    fact: str = Field(sa_type=Text)
    by_name: str
    """The analyst."""
    case: str
    """Where it was learnt: CONTOSO-42."""
    until: date
    """The last day on which it is shown, by the customer's clock."""


class QuarantineRow(Row, table=True):
    """Input that was refused, for a person to look at."""

    __tablename__ = "quarantine"
    __table_args__ = (Index(None, "customer_id", "at"),)

    customer_id: str
    id: int = Field(default=None, primary_key=True)
    source: str
    at: datetime = Field(sa_type=UtcDateTime)
    reason: str
    field: str | None
    raw: str = Field(sa_type=Text)


class CounterRow(Row, table=True):
    """A number that only goes up: the customer's incidents are numbered by it."""

    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    value: int

"""The first tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "conversation",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("whose", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("service_url", sa.String(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('personal', 'channel')", name=op.f("ck_conversation_kind")),
        sa.PrimaryKeyConstraint(
            "customer_id", "tenant_id", "kind", "whose", name=op.f("pk_conversation")
        ),
    )
    op.create_index(
        op.f("ix_conversation_conversation_id_customer_id"),
        "conversation",
        ["conversation_id", "customer_id"],
        unique=False,
    )
    op.create_table(
        "counter",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "name", name=op.f("pk_counter")),
    )
    op.create_table(
        "customer",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("toml", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "version", name=op.f("pk_customer")),
    )
    op.create_index(
        "ix_customer_current",
        "customer",
        ["customer_id"],
        unique=True,
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )
    op.create_index(op.f("ix_customer_tenant_id"), "customer", ["tenant_id"], unique=False)
    op.create_table(
        "effect",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("surface", sa.String(), nullable=True),
        sa.Column("lane", sa.String(), nullable=True),
        sa.Column("spoken_to", sa.String(), nullable=True),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'claimed', 'done', 'failed', 'blocked', 'cancelled')",
            name=op.f("ck_effect_status"),
        ),
        sa.CheckConstraint(
            "(done_at IS NULL) = (status IN ('waiting', 'claimed', 'blocked'))",
            name=op.f("ck_effect_not_over"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effect")),
        sa.UniqueConstraint("customer_id", "key", name=op.f("uq_effect_customer_id_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_effect_due", "effect", ["status", "due"], unique=False)
    op.create_index(
        "ix_effect_head",
        "effect",
        ["customer_id", "lane", "id"],
        unique=False,
        sqlite_where=sa.text("lane IS NOT NULL AND done_at IS NULL"),
        postgresql_where=sa.text(
            "lane IS NOT NULL AND status IN ('waiting', 'claimed', 'blocked')"
        ),
    )
    op.create_index(
        "ix_effect_in_no_lane",
        "effect",
        ["status", "due"],
        unique=False,
        sqlite_where=sa.text("lane IS NULL"),
        postgresql_where=sa.text("lane IS NULL"),
    )
    op.create_index(
        "ix_effect_stream", "effect", ["customer_id", "stream", "surface"], unique=False
    )
    op.create_index(
        "ix_effect_waits_for",
        "effect",
        ["waits_for"],
        unique=False,
        sqlite_where=sa.text("waits_for IS NOT NULL"),
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_table(
        "event",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("profile_version", sa.Integer(), nullable=True),
        sa.Column("provider_version", sa.Integer(), nullable=True),
        sa.Column("rules", sa.String(), nullable=True),
        sa.Column("effect_keys", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("salt", sa.String(), nullable=True),
        sa.Column("payload_hash", sa.String(), nullable=False),
        sa.Column("prev_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "stream", "seq", name=op.f("pk_event")),
        sa.UniqueConstraint("customer_id", "key", name=op.f("uq_event_customer_id_key")),
    )
    op.create_table(
        "incident",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id", name=op.f("pk_incident")),
        sa.UniqueConstraint("customer_id", "name", name=op.f("uq_incident_customer_id_name")),
    )
    op.create_table(
        "intake_key",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "sha256", name=op.f("pk_intake_key")),
    )
    op.create_table(
        "pace",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "bucket", name=op.f("pk_pace")),
    )
    op.create_index(op.f("ix_pace_at"), "pace", ["at"], unique=False)
    op.create_table(
        "person",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("mri", sa.String(), nullable=True),
        sa.Column("upn", sa.String(), nullable=True),
        sa.Column("sid", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=True),
        sa.Column("zone", sa.String(), nullable=True),
        sa.Column("in_team", sa.Boolean(), nullable=False),
        sa.Column("installed", sa.Boolean(), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "tenant_id", "object_id", name=op.f("pk_person")),
    )
    op.create_index(
        op.f("ix_person_customer_id_sid"), "person", ["customer_id", "sid"], unique=False
    )
    op.create_index(
        op.f("ix_person_customer_id_upn"), "person", ["customer_id", "upn"], unique=False
    )
    op.create_table(
        "quarantine",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index(
        op.f("ix_quarantine_customer_id_at"), "quarantine", ["customer_id", "at"], unique=False
    )
    op.create_table(
        "alert",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_alert_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("customer_id", "source", "alert_id", name=op.f("pk_alert")),
    )
    op.create_index(
        "ix_alert_of_incident",
        "alert",
        ["customer_id", "incident_id", "source", "alert_id"],
        unique=False,
    )
    op.create_table(
        "entity_key",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_entity_key_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("customer_id", "key", "incident_id", name=op.f("pk_entity_key")),
    )
    op.create_table(
        "handle",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("surface", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_handle_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_handle")),
    )
    op.create_index(
        op.f("ix_handle_customer_id_incident_id_surface"),
        "handle",
        ["customer_id", "incident_id", "surface"],
        unique=False,
    )
    op.create_table(
        "message",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_message_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(
        op.f("ix_message_customer_id_incident_id"),
        "message",
        ["customer_id", "incident_id"],
        unique=False,
    )
    op.create_table(
        "source_ref",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_source_ref_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("customer_id", "source", "source_id", name=op.f("pk_source_ref")),
    )
    op.create_table(
        "surface",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("wanted_digest", sa.String(), nullable=False),
        sa.Column("wanted_revision", sa.Integer(), nullable=False),
        sa.Column("shown_revision", sa.Integer(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("activity_id", sa.String(), nullable=True),
        sa.Column("service_url", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_surface_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("customer_id", "incident_id", "name", name=op.f("pk_surface")),
    )
    op.create_index(
        op.f("ix_surface_customer_id_name_posted_at"),
        "surface",
        ["customer_id", "name", "posted_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_surface_conversation_id"), "surface", ["conversation_id"], unique=False
    )

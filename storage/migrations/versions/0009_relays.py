"""What people write in a customer's thread, on its way to the analysts'"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "relay",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("activity_id", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("carried_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_relay_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relay")),
        sa.UniqueConstraint(
            "customer_id",
            "conversation_id",
            "activity_id",
            name=op.f("uq_relay_customer_id_conversation_id_activity_id"),
        ),
    )
    op.create_index(
        op.f("ix_relay_customer_id_incident_id_carried_by"),
        "relay",
        ["customer_id", "incident_id", "carried_by"],
    )

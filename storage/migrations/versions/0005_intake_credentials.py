"""Sources may sign, or be an identity of Entra, beside sending a key"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "intake_credential",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('bearer', 'signature', 'identity')", name=op.f("ck_intake_credential_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_credential")),
        sa.UniqueConstraint(
            "value", "source", "kind", name=op.f("uq_intake_credential_value_source_kind")
        ),
    )
    op.create_index(
        op.f("ix_intake_credential_customer_id_source"),
        "intake_credential",
        ["customer_id", "source"],
    )
    op.execute(
        "INSERT INTO intake_credential (customer_id, source, kind, value, added_at)"
        " SELECT customer_id, source, 'bearer', sha256, added_at FROM intake_key ORDER BY added_at"
    )
    op.drop_table("intake_key")
    op.create_table(
        "intake_delivery",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "source", "id", name=op.f("pk_intake_delivery")),
    )
    op.create_index(
        op.f("ix_intake_delivery_customer_id_at"), "intake_delivery", ["customer_id", "at"]
    )

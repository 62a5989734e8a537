"""What the caps and the circuit breaker of response actions count, and who stopped them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("customer", sa.Column("stopped", sa.Text(), nullable=True))
    op.create_table(
        "reach",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("trouble", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "key", name=op.f("pk_reach")),
    )
    op.create_index(op.f("ix_reach_customer_id_at"), "reach", ["customer_id", "at"])

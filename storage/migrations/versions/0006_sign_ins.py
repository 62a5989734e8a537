"""What our pages remember between two steps of a fresh sign-in"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sign_in",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("verification", sa.String(), nullable=False),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "incident_id"],
            ["incident.customer_id", "incident.id"],
            name=op.f("fk_sign_in_customer_id_incident_id"),
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_sign_in")),
    )

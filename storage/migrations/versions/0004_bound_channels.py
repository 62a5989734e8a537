"""Channels are bound by a code; guests and unusable channels are known"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "invitation",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_in", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_invitation")),
    )
    op.create_index(op.f("ix_invitation_customer_id"), "invitation", ["customer_id"])
    op.create_table(
        "binding",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("bound_by", sa.String(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_binding")),
    )
    op.add_column(
        "person",
        sa.Column("outside", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.add_column("conversation", sa.Column("unusable", sa.String(), nullable=True))
    # What waits for a team waits for "channel:" and whose from now on: it is tried, and waits anew.
    op.execute(
        "UPDATE effect SET status = 'waiting', waits_for = NULL "
        "WHERE status = 'blocked' AND waits_for LIKE 'team:%'"
    )

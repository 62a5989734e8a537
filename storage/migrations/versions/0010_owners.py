"""Whose case it is, for the analysts' list"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("incident", sa.Column("owner", sa.String(), nullable=True))
    postgres = op.get_bind().dialect.name == "postgresql"
    owner = "state::json ->> 'owner'" if postgres else "json_extract(state, '$.owner')"
    op.execute(f"UPDATE incident SET owner = {owner}")  # noqa: S608 - nothing from outside
    op.create_index(
        "ix_incident_listed",
        "incident",
        ["status", "received", "severity", "owner", "type", "customer_id", "id"],
    )

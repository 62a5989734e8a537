"""What a closed case once suspected is settled"""

from collections.abc import Sequence

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """From now on a key stands for as long as the account is suspect, closed or not. Those of cases
    that were closed when closing ended it are gone."""
    op.execute(
        "DELETE FROM entity_key WHERE key LIKE 'suspect:%' AND incident_id IN "
        "(SELECT id FROM incident WHERE status IN ('resolved', 'merged'))"
    )

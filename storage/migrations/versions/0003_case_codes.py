"""Incidents are found by their case code"""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


ON_SQLITE = """
INSERT INTO entity_key (customer_id, key, incident_id, last_seen)
SELECT customer_id, 'code:' || upper(json_extract(state, '$.code')), id, received
FROM incident WHERE json_extract(state, '$.code') IS NOT NULL
"""
ON_POSTGRES = """
INSERT INTO entity_key (customer_id, key, incident_id, last_seen)
SELECT customer_id, 'code:' || upper((state::json)->>'code'), id, received
FROM incident WHERE (state::json)->>'code' IS NOT NULL
"""


def upgrade() -> None:
    """The code of every incident that is there, as `incidents.code_key` would have kept it."""
    op.execute(ON_POSTGRES if op.get_bind().dialect.name == "postgresql" else ON_SQLITE)

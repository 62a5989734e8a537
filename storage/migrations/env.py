"""Runs migrations on the connection, and in the transaction, it is handed."""

from typing import Any, Literal

from alembic import context

from storage.tables import Row, UtcDateTime


def _plain(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Write migrations in SQLAlchemy's own types: ours may change, a migration may not."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and type(item).__name__ == "AutoString":
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_item=_plain,
    transactional_ddl=True,  # all missing migrations, or none
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()

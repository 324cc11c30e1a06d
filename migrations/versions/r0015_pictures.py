"""The pictures that a team's diagrams show, by the hash of their content: on PostgreSQL only."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

from migrations.guards import guard, on_postgres

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    statements = (files("migrations") / "sync" / "pictures.sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
    for table in ("picture", "picture_piece"):
        guard(f"sync.{table}")

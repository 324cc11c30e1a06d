"""When an install that judges said last that no device answers it: on PostgreSQL only."""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute("ALTER TABLE sync.line ADD COLUMN blind_us bigint NOT NULL DEFAULT 0")

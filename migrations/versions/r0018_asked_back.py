"""Since when a slot is asked back from who holds it: on PostgreSQL only."""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute("ALTER TABLE sync.slot ADD COLUMN back_us bigint NOT NULL DEFAULT 0")

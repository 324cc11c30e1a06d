"""Which version an install runs, how far its clock is ahead, and how much it has not told yet: on PostgreSQL only."""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0014"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    op.execute(
        "ALTER TABLE identity.install ADD COLUMN version text NOT NULL DEFAULT '' CHECK (length(version) <= 60)"
    )
    op.execute("GRANT UPDATE (version) ON identity.install TO heliograph_requests")
    op.execute("ALTER TABLE sync.line ADD COLUMN ahead_us bigint, ADD COLUMN untold integer")

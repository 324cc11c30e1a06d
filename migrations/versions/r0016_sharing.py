"""Since when a secret is the one that it is, and whether it is to be sealed under another key: on PostgreSQL only.

`entered_us`: since when it is this one, under whatever key; of older ones nobody knows, so that whoever ever held
one and was revoked is told of. `renew`: somebody had its key who may hold it no longer.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0016"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    op.execute("ALTER TABLE identity.secret ADD COLUMN IF NOT EXISTS entered_us bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE identity.secret ALTER COLUMN entered_us DROP DEFAULT")
    op.execute("ALTER TABLE identity.secret ADD COLUMN IF NOT EXISTS renew boolean NOT NULL DEFAULT false")
    op.execute("GRANT UPDATE (entered_us, renew) ON identity.secret TO heliograph_requests")

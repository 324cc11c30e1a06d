"""Who polls each device: what people chose, and what the team's installs hold."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

from engine.storage.types import Id
from migrations.guards import guard, on_postgres

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("device", sa.Column("polled_by", Id))
    if on_postgres():
        statements = (files("migrations") / "sync" / "polling.sql").read_text("utf-8")
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
        guard("sync.poller", "sync.slot")

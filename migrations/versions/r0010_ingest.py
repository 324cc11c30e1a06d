"""What other systems push: keys of devices, messages that were not stored, what devices reported of themselves."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

from migrations.guards import on_postgres

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        statements = (files("migrations") / "identity" / "push.sql").read_text("utf-8")
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})

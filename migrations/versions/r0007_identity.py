"""Who may use a server: accounts, memberships, sessions, keys, installs, the audit; a schema of their own, on PostgreSQL only."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

from migrations.guards import on_postgres

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FILES = ("tables", "functions", "people", "policies")


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    op.execute("CREATE SCHEMA identity; SET LOCAL search_path TO identity, public")
    for name in _FILES:
        statements = (files("migrations") / "identity" / f"{name}.sql").read_text("utf-8")
        op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
    op.execute("SET LOCAL search_path TO DEFAULT")

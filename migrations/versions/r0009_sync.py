"""What a team's installs are told, and what they told: a schema of its own, on PostgreSQL only."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

from migrations.guards import guard, on_postgres

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# What is there already is touched by now. The owner sees a tenant's rows as anybody does: once the tenant is set.
_FILL = """
    DO $$
    DECLARE t record; name text;
    BEGIN
        FOR t IN SELECT id, greatest(revision, 1) AS revision FROM tenant LOOP
            PERFORM set_config('heliograph.tenant', t.id::text, true);
            UPDATE tenant SET revision = t.revision WHERE id = t.id;
            FOREACH name IN ARRAY ARRAY['site', 'credential', 'device', 'link', 'rule', 'maintenance', 'ignored', 'diagram',
                'spot', 'drawing', 'alert'] LOOP
                EXECUTE format('INSERT INTO sync.touched SELECT tenant_id, %L, id, $1 FROM %I', name, name) USING t.revision;
            END LOOP;
            INSERT INTO sync.touched SELECT DISTINCT tenant_id, 'health', device_id, t.revision FROM health;
            INSERT INTO sync.touched SELECT DISTINCT tenant_id, 'fact', subject, t.revision FROM fact;
            INSERT INTO sync.touched SELECT tenant_id, 'link_state', link_id, t.revision FROM link_state;
        END LOOP;
        PERFORM set_config('heliograph.tenant', '', true);
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    op.execute("CREATE SCHEMA sync")
    statements = (files("migrations") / "sync" / "tables.sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
    for table in ("touched", "received", "outcome", "lease", "line"):
        guard(f"sync.{table}")
    op.execute(_FILL)

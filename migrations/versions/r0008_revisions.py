"""The order of a tenant's changes; who reaches some sites sees what stands there; hooks for foreign monitors."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

from migrations.guards import on_postgres

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What an account or key is limited to is set beside its tenant. Null: all sites. The function runs as who sees all sites of
# the tenant that is set, since the policy on sites asks it.
_REACH = """
    CREATE OR REPLACE FUNCTION reached_sites() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        named CONSTANT uuid[] := nullif(current_setting('heliograph.sites', true), '')::uuid[];
        reached uuid[];
    BEGIN
        IF named IS NULL THEN RETURN NULL; END IF;
        WITH RECURSIVE below AS (
            SELECT s.id FROM site s WHERE s.tenant_id = current_tenant() AND s.id = ANY (named)
            UNION SELECT s.id FROM site s JOIN below b ON s.pop_id = b.id WHERE s.tenant_id = current_tenant()
        ) SELECT array_agg(id) INTO reached FROM below;
        RETURN coalesce(reached, '{}');
    END $$;
    GRANT SELECT (pop_id) ON site TO heliograph_lookup;
    GRANT CREATE ON SCHEMA public TO heliograph_lookup;
    ALTER FUNCTION reached_sites OWNER TO heliograph_lookup;
    REVOKE CREATE ON SCHEMA public FROM heliograph_lookup;

    CREATE OR REPLACE FUNCTION is_reached(thing uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
    BEGIN
        RETURN EXISTS (SELECT FROM device d WHERE d.id = thing) OR EXISTS (SELECT FROM link l WHERE l.id = thing)
            OR EXISTS (SELECT FROM site s WHERE s.id = thing);
    END $$;

    CREATE POLICY within_reach ON site AS RESTRICTIVE TO heliograph_requests
        USING ((SELECT reached_sites()) IS NULL OR id = ANY ((SELECT reached_sites())::uuid[]))
        WITH CHECK ((SELECT reached_sites()) IS NULL OR id = ANY ((SELECT reached_sites())::uuid[])
            OR pop_id = ANY ((SELECT reached_sites())::uuid[]));
    CREATE POLICY within_reach ON device AS RESTRICTIVE TO heliograph_requests
        USING ((SELECT reached_sites()) IS NULL OR site_id = ANY ((SELECT reached_sites())::uuid[]));
    CREATE POLICY within_reach ON link AS RESTRICTIVE TO heliograph_requests
        USING ((SELECT reached_sites()) IS NULL OR EXISTS (SELECT FROM device d WHERE d.id IN (a_id, b_id)))
        WITH CHECK ((SELECT reached_sites()) IS NULL OR (EXISTS (SELECT FROM device d WHERE d.id = a_id)
            AND EXISTS (SELECT FROM device d WHERE d.id = b_id)));
    CREATE POLICY within_reach ON alert AS RESTRICTIVE TO heliograph_requests
        USING ((SELECT reached_sites()) IS NULL OR is_reached(subject));
    CREATE POLICY within_reach ON journal AS RESTRICTIVE FOR SELECT TO heliograph_requests
        USING ((SELECT reached_sites()) IS NULL OR is_reached(subject));
    CREATE POLICY within_reach ON edit AS RESTRICTIVE FOR SELECT TO heliograph_requests
        USING ((SELECT reached_sites()) IS NULL)
"""


def upgrade() -> None:
    """Go to this revision."""
    op.add_column("tenant", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
    if not on_postgres():
        return
    op.execute(_REACH)
    hooks = (files("migrations") / "identity" / "hooks.sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(hooks, execution_options={"no_parameters": True})

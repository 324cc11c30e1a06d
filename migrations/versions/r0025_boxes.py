"""What stands in a box is found in the order of names, from the index of boxes alone: on PostgreSQL only.

A list of a box is a page by name, so a look-up gives no more than that many. The box and the cap are not known when it is
planned, and need not be: the index of boxes is right for any.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_INDEXES = """
    DROP INDEX ix_device_place, ix_site_place;
    CREATE INDEX ix_device_place ON device USING gist (tenant_id, st_envelope(place)) INCLUDE (id, place, name);
    CREATE INDEX ix_site_place ON site USING gist (tenant_id, st_envelope(place)) INCLUDE (id, place, name)
"""

# OFFSET 0 keeps the order and the cap out of how a box is looked up: or the index of names would be walked for a small cap.
_LOOKUP = """
    DROP FUNCTION devices_in_box, sites_in_box;
    CREATE FUNCTION devices_in_box(west float8, south float8, east float8, north float8, after_name text, after_id uuid,
        cap integer) RETURNS TABLE (id uuid, name text) LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
    DECLARE
        own CONSTANT uuid := current_tenant();
        box CONSTANT geometry := ST_MakeEnvelope(west, south, east, north, 4326);
    BEGIN
        RETURN QUERY SELECT f.id, f.name FROM (
            SELECT d.id, d.name FROM device d WHERE d.tenant_id = own AND ST_Envelope(d.place) && box
            UNION ALL
            SELECT d.id, d.name FROM (
                SELECT s.id FROM site s WHERE s.tenant_id = own AND ST_Envelope(s.place) && box OFFSET 0
            ) s CROSS JOIN LATERAL (
                SELECT d.id, d.name FROM device d WHERE d.tenant_id = own AND d.site_id = s.id AND d.place IS NULL OFFSET 0
            ) d
            OFFSET 0
        ) f WHERE after_name IS NULL OR (f.name, f.id) > (after_name, after_id) ORDER BY f.name, f.id LIMIT cap;
    END $$;
    CREATE FUNCTION sites_in_box(west float8, south float8, east float8, north float8, after_name text, after_id uuid,
        cap integer) RETURNS TABLE (id uuid, name text) LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
    DECLARE
        own CONSTANT uuid := current_tenant();
        box CONSTANT geometry := ST_MakeEnvelope(west, south, east, north, 4326);
    BEGIN
        RETURN QUERY SELECT f.id, f.name FROM (
            SELECT s.id, s.name FROM site s WHERE s.tenant_id = own AND ST_Envelope(s.place) && box OFFSET 0
        ) f WHERE after_name IS NULL OR (f.name, f.id) > (after_name, after_id) ORDER BY f.name, f.id LIMIT cap;
    END $$;
    GRANT SELECT (site_id) ON device TO heliograph_lookup;
    GRANT CREATE ON SCHEMA public TO heliograph_lookup;
    ALTER FUNCTION devices_in_box OWNER TO heliograph_lookup;
    ALTER FUNCTION sites_in_box OWNER TO heliograph_lookup;
    REVOKE CREATE ON SCHEMA public FROM heliograph_lookup
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_INDEXES)
        op.execute(_LOOKUP)

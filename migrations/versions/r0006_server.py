"""What a server's database has more than a laptop's: roles, and row-level security on every tenant table."""

from __future__ import annotations

from alembic import op

from migrations.guards import grant, guard, on_postgres

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TENANT_TABLES = (
    "site",
    "credential",
    "device",
    "link",
    "rule",
    "maintenance",
    "ignored",
    "diagram",
    "spot",
    "drawing",
    "edit",
    "fact",
    "health",
    "link_state",
    "alert",
    "journal",
    "keyframe",
    "find",
    "sample_source",
    "sample_schema",
    "secret",
    "secret_wrap",
)
_SAMPLE_TABLES = ("sample", "sample_hour")
_ROLES = """
    DO $$
    DECLARE name text;
    BEGIN
        FOREACH name IN ARRAY ARRAY['heliograph_requests', 'heliograph_lookup'] LOOP
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', name);
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END LOOP;
    END $$
"""
"""Roles belong to the cluster and not to the database: another database's migration may have made them, or just be at it."""

_TENANT = """
    CREATE OR REPLACE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('heliograph.tenant', true), '')::uuid $$;
    CREATE OR REPLACE FUNCTION current_tenant_key() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT key FROM tenant WHERE id = current_tenant() $$
"""

# Looking up. PostGIS' and pg_trgm's operators are not leakproof, so under row-level security their indexes are not used. These
# functions run as a role that sees all rows of two tables, by a policy of its own, and they ask for the tenant that is set.
# An index of boxes answers from itself: the place of a point is also beside its box, for what GIST keeps of a key is rounded.
_LOOKUP = """
    CREATE OR REPLACE FUNCTION things_text(name text, address text, note text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lower(name || ' ' || address || ' ' || note) $$;
    DROP INDEX ix_device_place, ix_site_place;
    CREATE INDEX ix_device_place ON device USING gist (tenant_id, st_envelope(place)) INCLUDE (id, place);
    CREATE INDEX ix_site_place ON site USING gist (tenant_id, st_envelope(place)) INCLUDE (id, place);
    CREATE INDEX ix_device_words ON device USING gin (things_text(name, address, note) gin_trgm_ops);
    CREATE INDEX ix_site_words ON site USING gin (things_text(name, region, note) gin_trgm_ops);
    CREATE INDEX ix_device_name ON device (tenant_id, name, id);
    CREATE INDEX ix_site_name ON site (tenant_id, name, id);
    CREATE POLICY lookup ON device FOR SELECT TO heliograph_lookup USING (true);
    CREATE POLICY lookup ON site FOR SELECT TO heliograph_lookup USING (true);
    CREATE POLICY lookup ON sample_source FOR SELECT TO heliograph_lookup USING (true);
    CREATE POLICY lookup ON health FOR SELECT TO heliograph_lookup USING (true);
    CREATE POLICY lookup ON alert FOR SELECT TO heliograph_lookup USING (true);
    GRANT SELECT (tenant_id, status) ON health TO heliograph_lookup;
    GRANT SELECT (tenant_id, severity, opened_us, cleared_us) ON alert TO heliograph_lookup;
    GRANT SELECT (tenant_id, id, place, name, address, note, paused) ON device TO heliograph_lookup;
    GRANT SELECT (tenant_id, id, place, name, region, note) ON site TO heliograph_lookup;
    GRANT SELECT (tenant_id, rolled_us) ON sample_source TO heliograph_lookup;

    CREATE OR REPLACE FUNCTION devices_in_box(west float8, south float8, east float8, north float8, cap integer)
    RETURNS TABLE (id uuid, lng float8, lat float8)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        own CONSTANT uuid := current_tenant();
        box CONSTANT geometry := ST_MakeEnvelope(west, south, east, north, 4326);
    BEGIN
        RETURN QUERY SELECT d.id, ST_X(d.place), ST_Y(d.place) FROM device d
            WHERE d.tenant_id = own AND ST_Envelope(d.place) && box LIMIT cap;
    END $$;
    CREATE OR REPLACE FUNCTION sites_in_box(west float8, south float8, east float8, north float8, cap integer)
    RETURNS TABLE (id uuid, lng float8, lat float8)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        own CONSTANT uuid := current_tenant();
        box CONSTANT geometry := ST_MakeEnvelope(west, south, east, north, 4326);
    BEGIN
        RETURN QUERY SELECT s.id, ST_X(s.place), ST_Y(s.place) FROM site s
            WHERE s.tenant_id = own AND ST_Envelope(s.place) && box LIMIT cap;
    END $$;
    CREATE OR REPLACE FUNCTION devices_with_words(patterns text[], cap integer) RETURNS TABLE (id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE own CONSTANT uuid := current_tenant();
    BEGIN
        RETURN QUERY SELECT d.id FROM device d
            WHERE d.tenant_id = own AND things_text(d.name, d.address, d.note) LIKE patterns[1]
                AND things_text(d.name, d.address, d.note) LIKE ALL (patterns) LIMIT cap;
    END $$;
    CREATE OR REPLACE FUNCTION sites_with_words(patterns text[], cap integer) RETURNS TABLE (id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE own CONSTANT uuid := current_tenant();
    BEGIN
        RETURN QUERY SELECT s.id FROM site s
            WHERE s.tenant_id = own AND things_text(s.name, s.region, s.note) LIKE patterns[1]
                AND things_text(s.name, s.region, s.note) LIKE ALL (patterns) LIMIT cap;
    END $$;
    CREATE OR REPLACE FUNCTION oldest_roll_us() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
    $$ SELECT min(rolled_us) FROM sample_source $$;

    CREATE OR REPLACE FUNCTION tenants_behind(before_us bigint) RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
    $$ SELECT DISTINCT s.tenant_id FROM sample_source s WHERE s.rolled_us < before_us $$;

    CREATE OR REPLACE FUNCTION platform_figures() RETURNS TABLE (figure text, label text, amount bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT 'devices', CASE WHEN paused THEN 'paused' ELSE 'active' END, count(*) FROM device GROUP BY paused
        UNION ALL SELECT 'status', status, count(*) FROM health GROUP BY status
        UNION ALL SELECT 'alerts', severity, count(*) FROM alert GROUP BY severity
        UNION ALL SELECT 'alerts_open', severity, count(*) FROM alert WHERE cleared_us IS NULL GROUP BY severity
        UNION ALL SELECT 'alerts_hour', severity, count(*) FROM alert
            WHERE opened_us > (extract(epoch FROM now()) * 1000000)::bigint - 3600000000 GROUP BY severity
    $$;

    CREATE OR REPLACE FUNCTION devices_of_all() RETURNS TABLE (tenant_id uuid, devices bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
        SELECT d.tenant_id, count(*) FROM device d WHERE current_setting('heliograph.platform', true) = 'yes' GROUP BY d.tenant_id
    $$;

    GRANT CREATE ON SCHEMA public TO heliograph_lookup;
    ALTER FUNCTION devices_of_all OWNER TO heliograph_lookup;
    ALTER FUNCTION platform_figures OWNER TO heliograph_lookup;
    ALTER FUNCTION tenants_behind OWNER TO heliograph_lookup;
    ALTER FUNCTION devices_in_box OWNER TO heliograph_lookup;
    ALTER FUNCTION sites_in_box OWNER TO heliograph_lookup;
    ALTER FUNCTION devices_with_words OWNER TO heliograph_lookup;
    ALTER FUNCTION sites_with_words OWNER TO heliograph_lookup;
    ALTER FUNCTION oldest_roll_us OWNER TO heliograph_lookup;
    REVOKE CREATE ON SCHEMA public FROM heliograph_lookup
"""

# Partitions: a day of samples, a month (of 30 days) of hours. Made apart and then attached, so that nobody waits for a lock.
_PARTITIONS = """
    ALTER TABLE sample ALTER data SET STORAGE EXTERNAL;
    CREATE OR REPLACE FUNCTION keep_partitions_of(parent text, rows_of text, from_us bigint, to_us bigint, width_us bigint)
    RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE
        start_us bigint := from_us - from_us % width_us;
        name text;
        made integer := 0;
    BEGIN
        WHILE start_us <= to_us LOOP
            name := parent || '_' || start_us / 86400000000;
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE)', name, parent);
                EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
                EXECUTE format('CREATE POLICY own_rows ON %I USING (%s) WITH CHECK (%s)', name, rows_of, rows_of);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                    parent, name, start_us, start_us + width_us);
                made := made + 1;
            END IF;
            start_us := start_us + width_us;
        END LOOP;
        RETURN made;
    END $$;
    CREATE OR REPLACE FUNCTION drop_partitions_of(parent text, before_us bigint, width_us bigint)
    RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
    DECLARE
        old record;
        dropped integer := 0;
    BEGIN
        FOR old IN
            SELECT c.oid::regclass AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = parent::regclass
                AND substring(c.relname FROM '[0-9]+$')::bigint * 86400000000 + width_us <= before_us
            ORDER BY c.relname
        LOOP
            BEGIN
                EXECUTE format('DROP TABLE %s', old.name);
                dropped := dropped + 1;
            EXCEPTION WHEN lock_not_available THEN EXIT;
            END;
        END LOOP;
        RETURN dropped;
    END $$;
    CREATE OR REPLACE FUNCTION keep_partitions(now_us bigint, raw_days integer, hour_days integer, ahead_days integer)
    RETURNS TABLE (made integer, dropped integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        day_us CONSTANT bigint := 86400000000;
        month_us CONSTANT bigint := 30 * day_us;
        rows_of CONSTANT text := 'tenant_key = (SELECT current_tenant_key())';
        today_us bigint;
        last_us bigint;
    BEGIN
        IF raw_days < 1 OR hour_days < raw_days OR ahead_days NOT BETWEEN 1 AND 30 OR hour_days > 4000 THEN
            RAISE invalid_parameter_value USING MESSAGE = 'keep_partitions: days out of range';
        END IF;
        IF NOT pg_try_advisory_xact_lock(310844543567) THEN
            made := 0; dropped := 0; RETURN NEXT; RETURN;
        END IF;
        today_us := least(now_us, (extract(epoch FROM now()) * 1000000)::bigint);
        made := keep_partitions_of('sample', rows_of, today_us - raw_days * day_us, today_us + ahead_days * day_us, day_us)
            + keep_partitions_of('sample_hour', rows_of, today_us - hour_days * day_us, today_us + ahead_days * day_us, month_us);
        SELECT (1 + max(substring(c.relname FROM '[0-9]+$')::bigint)) * day_us INTO last_us
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'sample'::regclass AND pg_relation_size(c.oid) > 0;
        last_us := least(today_us, last_us);
        dropped := drop_partitions_of('sample', least(last_us - raw_days * day_us, oldest_roll_us()), day_us)
            + drop_partitions_of('sample_hour', last_us - hour_days * day_us, month_us);
        RETURN NEXT;
    END $$;
    REVOKE EXECUTE ON FUNCTION keep_partitions_of, drop_partitions_of, keep_partitions FROM public;
    GRANT EXECUTE ON FUNCTION keep_partitions TO heliograph_requests
"""


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    op.execute(_ROLES)
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(_TENANT)
    grant("SELECT", "meta", "alembic_version")
    guard("tenant", rows="id = (SELECT current_tenant())")
    guard(*_TENANT_TABLES)
    guard(*_SAMPLE_TABLES, rows="tenant_key = (SELECT current_tenant_key())")
    op.execute(_LOOKUP)
    op.execute(_PARTITIONS)

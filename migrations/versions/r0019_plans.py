"""What every request asks is planned once a connection, and lists by name walk their index: on PostgreSQL only.

A function in SQL that runs as its owner is planned anew at each call, one in PL/pgSQL keeps its plans. `reached_sites() IS
NULL` was believed to hold for one row in two hundred: a tenant was thought so small that it was read whole and sorted for a page.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ADMISSION = """
    CREATE OR REPLACE FUNCTION identity.admit_user(account uuid, session uuid, token uuid, org uuid)
    RETURNS TABLE (name text, role text, sites uuid[], is_guest boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY SELECT coalesce(m.name, a.name), coalesce(a.platform_role, m.role),
            CASE WHEN a.platform_role IS NULL THEN m.sites END, org IS NOT NULL AND m.account_id IS NULL
        FROM session s
        JOIN account a ON a.id = s.account_id
        LEFT JOIN membership m
            ON m.tenant_id = org AND m.account_id = a.id AND m.accepted_us IS NOT NULL AND m.off_us IS NULL
        LEFT JOIN tenant_state t ON t.tenant_id = org
        WHERE s.id = session AND a.id = account AND s.ended_us IS NULL AND s.until_us > now_us() AND a.off_us IS NULL
            AND NOT EXISTS (SELECT FROM revoked_token r WHERE r.jti = token)
            AND (t.off_us IS NULL OR a.platform_role IS NOT NULL)
            AND (m.account_id IS NOT NULL OR a.platform_role IS NOT NULL);
    END $$;
    CREATE OR REPLACE FUNCTION identity.admit_key(key_hash bytea)
    RETURNS TABLE (id uuid, tenant_id uuid, name text, scopes text[], sites uuid[], maker_role text, maker_sites uuid[])
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY SELECT k.id, k.tenant_id, k.name, k.scopes, k.sites, coalesce(a.platform_role, m.role),
            CASE WHEN a.platform_role IS NULL THEN m.sites END
        FROM api_key k
        JOIN account a ON a.id = k.maker AND a.off_us IS NULL
        LEFT JOIN membership m
            ON m.tenant_id = k.tenant_id AND m.account_id = a.id AND m.accepted_us IS NOT NULL AND m.off_us IS NULL
        LEFT JOIN tenant_state t ON t.tenant_id = k.tenant_id
        WHERE k.hash = key_hash AND k.ended_us IS NULL AND (k.until_us IS NULL OR k.until_us > now_us())
            AND t.off_us IS NULL AND (m.account_id IS NOT NULL OR a.platform_role IS NOT NULL);
    END $$;
    CREATE OR REPLACE FUNCTION identity.audit_hash(previous bytea, a identity.audit) RETURNS bytea
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    BEGIN
        RETURN sha256(previous || convert_to(jsonb_build_array(a.tenant_id, a.seq, a.at_us, a.actor_kind, a.actor,
            a.actor_name, a.act, a.subject_kind, a.subject, a.detail, a.address, a.agent, a.request)::text, 'UTF8'));
    END $$;
    CREATE OR REPLACE FUNCTION current_tenant_key() RETURNS integer LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
    BEGIN
        RETURN (SELECT key FROM tenant WHERE id = current_tenant());
    END $$
"""

# The plan for any devices is as good as the one for these: which partitions are read is chosen when it runs.
_NEWEST = """
    CREATE OR REPLACE FUNCTION newest_samples(devices uuid[], since_us bigint)
    RETURNS TABLE (device_id uuid, at_us bigint, schema_key integer, data bytea)
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY SELECT s.device_id, newest.at_us, newest.schema_key, newest.data FROM sample_source s
        CROSS JOIN LATERAL (
            SELECT at_us, schema_key, data FROM sample WHERE source_key = s.key AND at_us > since_us
            ORDER BY at_us DESC LIMIT 1
        ) AS newest
        WHERE s.device_id = ANY (devices) ORDER BY newest.at_us DESC;
    END $$
"""

_ALL = "(SELECT reached_sites() IS NULL)"
_SITES = "ANY ((SELECT reached_sites())::uuid[])"
_ENDS = "EXISTS (SELECT FROM device d WHERE d.id = a_id) AND EXISTS (SELECT FROM device d WHERE d.id = b_id)"
_REACH = f"""
    ALTER POLICY within_reach ON site USING ({_ALL} OR id = {_SITES})
        WITH CHECK ({_ALL} OR id = {_SITES} OR pop_id = {_SITES});
    ALTER POLICY within_reach ON device USING ({_ALL} OR site_id = {_SITES});
    ALTER POLICY within_reach ON link USING ({_ALL} OR EXISTS (SELECT FROM device d WHERE d.id IN (a_id, b_id)))
        WITH CHECK ({_ALL} OR ({_ENDS}));
    ALTER POLICY within_reach ON alert USING ({_ALL} OR is_reached(subject));
    ALTER POLICY within_reach ON journal USING ({_ALL} OR is_reached(subject));
    ALTER POLICY within_reach ON edit USING ({_ALL})
"""


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    for statements in (_ADMISSION, _NEWEST, _REACH):
        op.execute(statements)

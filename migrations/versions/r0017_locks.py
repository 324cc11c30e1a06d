"""Forgetting locks installs before their wraps; pictures are dropped a tenant and a batch at a time: on PostgreSQL only."""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Forget what is over. Whose wraps go is locked first, in the order of ids, as whoever writes wraps does.
_FORGET = """
    CREATE OR REPLACE FUNCTION identity.forget(kept_us bigint) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    DECLARE at_us CONSTANT bigint := now_us();
    BEGIN
        FOR i IN 1 .. 50 LOOP
            DELETE FROM bucket WHERE key IN (SELECT key FROM bucket WHERE until_us < at_us LIMIT 10000 FOR UPDATE SKIP LOCKED);
            EXIT WHEN NOT FOUND;
        END LOOP;
        DELETE FROM usage WHERE day < at_us / 86400000000 - 400;
        DELETE FROM stream_token WHERE until_us < at_us;
        DELETE FROM revoked_token WHERE until_us < at_us;
        DELETE FROM one_time_link WHERE until_us < at_us - kept_us;
        DELETE FROM session WHERE until_us < at_us - kept_us OR ended_us < at_us - kept_us;
        DELETE FROM refresh_token WHERE used_us < at_us - kept_us;
        PERFORM FROM install i WHERE EXISTS (SELECT FROM wrap w JOIN secret s USING (tenant_id, credential_id)
            WHERE (w.tenant_id, w.install_id) = (i.tenant_id, i.id) AND s.gone_us < at_us - kept_us)
            ORDER BY i.tenant_id, i.id FOR SHARE;
        WITH gone AS (DELETE FROM secret WHERE gone_us < at_us - kept_us RETURNING tenant_id, credential_id)
            UPDATE wrap w SET wrapped = NULL FROM gone g WHERE (w.tenant_id, w.credential_id) = (g.tenant_id, g.credential_id);
    END $$
"""
# Of the first tenant behind `past` that has pictures: those that diagrams show are noted as used, then those are dropped that
# none showed for `kept_us`, and parts of which nothing came for `part_us`; `at_most` of either. `org` null: no such tenant.
_PRUNE = """
    DROP FUNCTION sync.prune_pictures(bigint, bigint, bigint);
    CREATE FUNCTION sync.prune_pictures(past uuid, at_us bigint, kept_us bigint, part_us bigint, at_most integer,
        OUT org uuid, OUT dropped integer, OUT is_more boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = sync, public, pg_temp AS $$
    DECLARE noted integer;
    BEGIN
        dropped := 0;
        SELECT tenant_id INTO org FROM picture WHERE tenant_id > past ORDER BY tenant_id LIMIT 1;
        IF NOT FOUND THEN RETURN; END IF;
        PERFORM set_config('heliograph.tenant', org::text, true);
        UPDATE picture SET used_us = at_us WHERE (tenant_id, digest) IN (SELECT p.tenant_id, p.digest FROM picture p
            WHERE p.tenant_id = org AND p.is_whole AND p.used_us NOT BETWEEN at_us - 86400000000 AND at_us
            AND EXISTS (SELECT FROM diagram g WHERE g.background = p.digest) LIMIT at_most FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS noted = ROW_COUNT;
        IF noted < at_most THEN
            DELETE FROM picture WHERE (tenant_id, digest) IN (SELECT p.tenant_id, p.digest FROM picture p
                WHERE p.tenant_id = org AND p.used_us < at_us - CASE WHEN p.is_whole THEN kept_us ELSE part_us END
                AND NOT EXISTS (SELECT FROM diagram g WHERE p.is_whole AND g.background = p.digest)
                LIMIT at_most FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS dropped = ROW_COUNT;
        END IF;
        is_more := at_most IN (noted, dropped);
        PERFORM set_config('heliograph.tenant', '', true);
    END $$;
    REVOKE ALL ON FUNCTION sync.prune_pictures FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION sync.prune_pictures TO heliograph_requests
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_FORGET)
        op.execute(_PRUNE)

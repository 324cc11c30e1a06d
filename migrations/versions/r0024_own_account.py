"""Who asks for a password or sets one gets his own account's; a key says whether its maker is a guest; many are spent at once.

On PostgreSQL only.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_ACCOUNT = """
    DROP FUNCTION identity.find_account(uuid);
    CREATE FUNCTION identity.find_account()
    RETURNS TABLE (login text, password text, totp bytea, totp_on boolean, totp_step bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
        SELECT login, password, totp, totp_on, totp_step FROM account
        WHERE id = (SELECT current_account()) AND off_us IS NULL
    $$;
    REVOKE ALL ON FUNCTION identity.find_account FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.find_account TO heliograph_requests;
    REVOKE EXECUTE ON FUNCTION identity.set_password FROM heliograph_requests;
    CREATE FUNCTION identity.change_password(new_password text, kept_session uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    BEGIN
        PERFORM set_password(current_account(), new_password, kept_session);
    END $$;
    REVOKE ALL ON FUNCTION identity.change_password FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.change_password TO heliograph_requests
"""
_KEY = """
    DROP FUNCTION identity.admit_key(bytea);
    CREATE FUNCTION identity.admit_key(key_hash bytea)
    RETURNS TABLE (id uuid, tenant_id uuid, name text, scopes text[], sites uuid[], maker_role text, maker_sites uuid[],
        is_guest boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    #variable_conflict use_column
    BEGIN
        RETURN QUERY SELECT k.id, k.tenant_id, k.name, k.scopes, k.sites, coalesce(a.platform_role, m.role),
            CASE WHEN a.platform_role IS NULL THEN m.sites END, m.account_id IS NULL
        FROM api_key k
        JOIN account a ON a.id = k.maker AND a.off_us IS NULL
        LEFT JOIN membership m
            ON m.tenant_id = k.tenant_id AND m.account_id = a.id AND m.accepted_us IS NOT NULL AND m.off_us IS NULL
        LEFT JOIN tenant_state t ON t.tenant_id = k.tenant_id
        WHERE k.hash = key_hash AND k.ended_us IS NULL AND (k.until_us IS NULL OR k.until_us > now_us())
            AND t.off_us IS NULL AND (m.account_id IS NOT NULL OR a.platform_role IS NOT NULL);
    END $$;
    REVOKE ALL ON FUNCTION identity.admit_key FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.admit_key TO heliograph_requests
"""

_SPEND = """
    -- Take up to so many from each budget, as many as there is room for; return how many. As `identity.spend` counts.
    CREATE FUNCTION identity.spend_ahead(keys text[], caps integer[], windows_us bigint[], counts integer[]) RETURNS integer[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    DECLARE
        at_us CONSTANT bigint := now_us();
        span bigint; this bigint; part double precision; b bucket; given integer[] := '{}';
    BEGIN
        FOR i IN 1 .. cardinality(keys) LOOP
            span := windows_us[i]; this := at_us / span; part := 1 - (at_us % span)::double precision / span;
            INSERT INTO bucket AS old VALUES (keys[i], this, 0, 0, (this + 2) * span)
            ON CONFLICT (key) DO UPDATE SET slot = this, until_us = (this + 2) * span,
                lately = CASE WHEN old.slot = this THEN old.lately ELSE 0 END,
                before = CASE WHEN old.slot = this THEN old.before WHEN old.slot = this - 1 THEN old.lately ELSE 0 END
            RETURNING * INTO b;
            given[i] := greatest(0, least(counts[i], floor(caps[i] - b.before * part - b.lately)));
            UPDATE bucket SET lately = lately + given[i] WHERE key = keys[i];
        END LOOP;
        RETURN given;
    END $$;
    REVOKE ALL ON FUNCTION identity.spend_ahead FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.spend_ahead TO heliograph_requests
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_ACCOUNT)
        op.execute(_KEY)
        op.execute(_SPEND)

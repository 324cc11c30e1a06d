"""A session knows the installs that worked by it, and ends with any of them: who holds a lost computer acts no more.

On PostgreSQL only.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_LOST = """
    ALTER TABLE identity.session ADD COLUMN installs uuid[] NOT NULL DEFAULT '{}';
    CREATE FUNCTION identity.work_as(of_session uuid, which uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
        UPDATE session SET installs = installs || which
        WHERE id = of_session AND account_id = (SELECT current_account()) AND which <> ALL (installs)
            AND EXISTS (SELECT FROM install i WHERE i.tenant_id = current_tenant() AND i.id = which
                AND i.account_id = session.account_id AND i.ended_us IS NULL)
    $$;
    REVOKE ALL ON FUNCTION identity.work_as(uuid, uuid) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.work_as(uuid, uuid) TO heliograph_requests;
    CREATE OR REPLACE FUNCTION identity.end_install(which uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    DECLARE org CONSTANT uuid := current_tenant(); at_us CONSTANT bigint := now_us(); owner uuid; raised integer;
    BEGIN
        UPDATE install SET ended_us = at_us WHERE tenant_id = org AND id = which AND ended_us IS NULL
            RETURNING account_id INTO owner;
        IF NOT FOUND THEN RETURN NULL; END IF;
        UPDATE session SET ended_us = at_us, ended_why = 'the install was revoked'
            WHERE account_id = owner AND ended_us IS NULL AND which = ANY (installs);
        UPDATE wrap SET wrapped = NULL, until_us = least(until_us, at_us) WHERE tenant_id = org AND install_id = which;
        INSERT INTO tenant_state AS s (tenant_id, made_us, key_epoch) VALUES (org, at_us, 2)
            ON CONFLICT (tenant_id) DO UPDATE SET key_epoch = s.key_epoch + 1 RETURNING key_epoch INTO raised;
        RETURN raised;
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_LOST)

"""How long a session lasts depends on what it was opened for, and not on how its refresh token is brought.

On PostgreSQL only.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_ROTATE = """
    DROP FUNCTION identity.rotate_refresh(bytea, bytea, bigint, bigint);
    CREATE FUNCTION identity.rotate_refresh(old bytea, new bytea, browser_us bigint, program_us bigint, grace_us bigint,
        OUT verdict text, OUT session uuid, OUT account uuid, OUT org uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
    DECLARE at_us CONSTANT bigint := now_us(); held refresh_token; s session;
    BEGIN
        verdict := 'unknown';
        SELECT * INTO held FROM refresh_token r WHERE r.hash = old FOR UPDATE;
        IF held.hash IS NULL THEN RETURN; END IF;
        SELECT * INTO s FROM session WHERE id = held.session_id FOR UPDATE;
        session := s.id; account := s.account_id; org := s.tenant_id;
        IF s.ended_us IS NOT NULL OR s.until_us <= at_us THEN verdict := 'ended'; RETURN; END IF;
        IF held.used_us > at_us - grace_us AND held.used_us <= at_us THEN
            SELECT * INTO held FROM refresh_token r WHERE r.session_id = s.id AND r.made_us = held.used_us;
        END IF;
        IF held.hash IS NULL OR held.used_us IS NOT NULL THEN
            UPDATE session SET ended_us = at_us, ended_why = 'a refresh token was used twice' WHERE id = s.id;
            verdict := 'reused'; RETURN;
        END IF;
        UPDATE refresh_token SET used_us = at_us WHERE hash = held.hash;
        INSERT INTO refresh_token VALUES (new, s.id, at_us);
        UPDATE session SET seen_us = at_us,
            until_us = at_us + CASE s.kind WHEN 'program' THEN program_us ELSE browser_us END WHERE id = s.id;
        verdict := 'rotated';
    END $$;
    REVOKE ALL ON FUNCTION identity.rotate_refresh FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.rotate_refresh TO heliograph_requests
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_ROTATE)

"""A refresh token that was taken in what is the future by now has no grace: after a clock went back, any of the last hour had it.

On PostgreSQL only.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ROTATE = """
    CREATE OR REPLACE FUNCTION identity.rotate_refresh(old bytea, new bytea, life_us bigint, grace_us bigint, OUT verdict text,
        OUT session uuid, OUT account uuid, OUT org uuid)
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
        UPDATE session SET seen_us = at_us, until_us = at_us + life_us WHERE id = s.id;
        verdict := 'rotated';
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_ROTATE)

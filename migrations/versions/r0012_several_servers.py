"""Several servers on one database: what a transaction says is heard by who wrote it too, and which of them does what one does."""

from __future__ import annotations

from alembic import op

from migrations.guards import grant, on_postgres

revision = "0012"
down_revision = "0014"
branch_labels = None
depends_on = None

# A notice for who listens at the database; and for the server that writes, which carries it to the others by another way.
_SAY = """
    CREATE FUNCTION sync.say(channel text, what text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify(channel, what); RAISE INFO USING MESSAGE = channel, DETAIL = what; END $$;
    CREATE OR REPLACE FUNCTION sync.tell_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM sync.say('heliograph_access', OLD.account_id::text); RETURN NULL; END $$;
    CREATE OR REPLACE FUNCTION sync.tell_of_tenant() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM sync.say('heliograph_access', OLD.tenant_id::text); RETURN NULL; END $$;
"""
_TURN = """
    CREATE TABLE sync.turn (name text PRIMARY KEY, holder uuid NOT NULL, until_us bigint NOT NULL)
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_SAY)
        op.execute(_TURN)
        grant("SELECT, INSERT, UPDATE", "sync.turn")

"""How often a message of the broker came that servers ended with, and usage by the day it is of: on PostgreSQL only."""

from __future__ import annotations

from alembic import op

from migrations.guards import grant, on_postgres

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_DELIVERY = """
    CREATE TABLE sync.delivery
        (digest bytea PRIMARY KEY, deliveries integer NOT NULL, holder uuid NOT NULL, at_us bigint NOT NULL)
"""
_USAGE = """
    DROP FUNCTION identity.count_usage(uuid[], bigint[], bigint[], bigint[], bigint[]);
    CREATE FUNCTION identity.count_usage(tenants uuid[], days integer[], requests bigint[], polls bigint[], numbers bigint[],
        bytes bigint[])
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = identity, public, pg_temp AS $$
        INSERT INTO usage AS u
        SELECT t.id, n.day, n.requests, n.polls, n.numbers, n.bytes
        FROM unnest(tenants, days, requests, polls, numbers, bytes) AS n (id, day, requests, polls, numbers, bytes)
            JOIN tenant t USING (id)
        ORDER BY 1, 2
        ON CONFLICT (tenant_id, day) DO UPDATE SET requests = u.requests + excluded.requests, polls = u.polls + excluded.polls,
            numbers = u.numbers + excluded.numbers, bytes = u.bytes + excluded.bytes
    $$;
    REVOKE ALL ON FUNCTION identity.count_usage FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION identity.count_usage TO heliograph_requests
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_DELIVERY)
        grant("SELECT, INSERT, UPDATE, DELETE", "sync.delivery")
        op.execute(_USAGE)

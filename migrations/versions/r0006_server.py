"""What a server's database has more than a laptop's: roles, and row-level security on every tenant table."""

from __future__ import annotations

from alembic import op

from migrations.guards import REQUESTS, grant, guard, on_postgres

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
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
            CREATE ROLE {role} NOLOGIN;
        END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
"""
"""Roles belong to the cluster and not to the database: another database's migration may have made them, or just be at it."""
_CURRENT = """
    CREATE OR REPLACE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('heliograph.tenant', true), '')::uuid $$;
    CREATE OR REPLACE FUNCTION current_tenant_key() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT key FROM tenant WHERE id = current_tenant() $$
"""


def upgrade() -> None:
    """Go to this revision."""
    if not on_postgres():
        return
    op.execute(_ROLES.format(role=REQUESTS))
    op.execute(_CURRENT)
    grant("SELECT", "meta", "alembic_version")
    guard("tenant", rows="id = (SELECT current_tenant())")
    guard(*_TENANT_TABLES)
    guard(*_SAMPLE_TABLES, rows="tenant_key = (SELECT current_tenant_key())")

"""Many are proven by one call, each with the version that the tenant is of: on PostgreSQL only.

A version is the revision, which each change of a tenant takes, and the epoch, which is another after a restore: what was read of
one version is what there is while the tenant is of it.
"""

from __future__ import annotations

from alembic import op

from migrations.guards import on_postgres

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# They run as who asks: a tenant's row is seen once that tenant is set. What is set ends with the statement.
_PROOFS = """
    CREATE FUNCTION sync.version_of(own uuid) RETURNS text LANGUAGE plpgsql STABLE AS $$
    DECLARE done text;
    BEGIN
        done := set_config('heliograph.tenant', own::text, true);
        RETURN (SELECT t.revision || ' ' || e.epoch FROM public.tenant t, sync.epoch e WHERE t.id = own);
    END $$;
    CREATE FUNCTION sync.prove_users(accounts uuid[], sessions uuid[], tokens uuid[], orgs uuid[], said text[],
        tenants uuid[]) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
    DECLARE found text[] := '{}';
    BEGIN
        FOR i IN 1 .. cardinality(said) LOOP
            found[i] := (SELECT sync.version_of(tenants[i])
                FROM identity.admit_user(accounts[i], sessions[i], tokens[i], orgs[i]) a WHERE a::text = said[i]);
        END LOOP;
        RETURN found;
    END $$;
    CREATE FUNCTION sync.prove_keys(hashes bytea[], said text[], tenants uuid[]) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
    DECLARE found text[] := '{}';
    BEGIN
        FOR i IN 1 .. cardinality(said) LOOP
            found[i] := (SELECT sync.version_of(tenants[i]) FROM identity.admit_key(hashes[i]) a WHERE a::text = said[i]);
        END LOOP;
        RETURN found;
    END $$
"""


def upgrade() -> None:
    """Go to this revision."""
    if on_postgres():
        op.execute(_PROOFS)

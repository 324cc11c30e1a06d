"""Row-level security as revisions write it: nobody sees a row whose tenant is not the transaction's. Counterpart: `building.py`.

Theory: the requests' role owns nothing and may not bypass; each tenant table, and each of its partitions, has row-level
security enabled and forced and one policy for everybody. `current_tenant()` is what the transaction has set, NULL where it
has set nothing, and NULL equals no tenant. A test walks PostgreSQL's own catalogue and finds what lacks its guard.
One rule: a revision that makes a tenant table guards it in the same revision; on SQLite, which holds one tenant, nothing happens.
"""

from __future__ import annotations

from alembic import op

OWNER, REQUESTS, LOOKUP = "heliograph_owner", "heliograph_requests", "heliograph_lookup"
OWN_ROWS = "tenant_id = (SELECT current_tenant())"


def on_postgres() -> bool:
    """Tell whether this is a server's database."""
    return op.get_bind().dialect.name == "postgresql"


def guard(*tables: str, rows: str = OWN_ROWS, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Let the requests' role do `rights` with those rows of some tables for which `rows` holds, before and after."""
    if on_postgres():
        op.execute(
            ";".join(
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
                f"CREATE POLICY own_rows ON {table} USING ({rows}) WITH CHECK ({rows})"
                for table in tables
            )
        )
        grant(rights, *tables)


def grant(rights: str, *tables: str) -> None:
    """Give the requests' role rights on tables, and where it may insert on the sequences of their keys."""
    if on_postgres():
        op.execute(f"GRANT {rights} ON {', '.join(tables)} TO {REQUESTS}")
        if "INSERT" in rights:
            op.execute(_SEQUENCES.format(tables=", ".join(f"'{table}'::regclass" for table in tables)))


_SEQUENCES = """
    DO $$
    DECLARE owned regclass;
    BEGIN
        FOR owned IN SELECT c.oid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
            WHERE d.refobjid IN ({tables}) AND d.deptype IN ('a', 'i')
        LOOP EXECUTE format('GRANT USAGE ON SEQUENCE %s TO heliograph_requests', owned); END LOOP;
    END $$
"""

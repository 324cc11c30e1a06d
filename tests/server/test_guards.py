"""Nothing of a server's database is without the guard of its tenant; and each guard that is taken away is missed."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from migrations.guards import LOOKUP, OWNER, REQUESTS
from tests.server.conftest import ServerDatabase
from tests.server.guards import REACHED, holes_in, holes_in_tables

MUTATIONS = {
    "DROP POLICY own_rows ON device": "device: no policy holds rows to the tenant",
    "DROP POLICY within_reach ON alert": "alert: no policy holds rows to the sites within reach",
    "ALTER POLICY within_reach ON edit USING (true)": "edit: no policy holds rows to the sites within reach",
    "ALTER TABLE site NO FORCE ROW LEVEL SECURITY": "site: row-level security is not forced",
    "ALTER TABLE link DISABLE ROW LEVEL SECURITY": "link: row-level security is not enabled",
    "ALTER POLICY own_rows ON alert USING (true)": "alert: no policy holds rows to the tenant",
    "ALTER POLICY own_rows ON alert WITH CHECK (true)": "alert: no policy holds rows to the tenant",
    "CREATE POLICY also ON journal USING (true)": "journal: policies that let other rows through: ['also']",
    "ALTER POLICY lookup ON device TO PUBLIC": "device: policies that let other rows through: ['lookup']",
    "GRANT SELECT ON {partition} TO " + REQUESTS: "{partition}: a partition that is reached directly",
    "GRANT SELECT ON {partition} TO PUBLIC": "{partition}: a partition that is reached directly",
    "GRANT SELECT (data) ON {partition} TO " + REQUESTS: "{partition}: rights on single columns",
    "DROP POLICY own_rows ON {partition}": "{partition}: no policy holds rows to the tenant",
    "ALTER TABLE {partition} NO FORCE ROW LEVEL SECURITY": "{partition}: row-level security is not forced",
    "GRANT TRUNCATE ON fact TO " + REQUESTS: "fact: may",
    "GRANT INSERT ON meta TO " + REQUESTS: "meta: may",
    "CREATE TABLE more (tenant_id uuid)": "more: row-level security is not enabled",
    "CREATE TABLE sample_more PARTITION OF sample FOR VALUES FROM (1) TO (2)": "sample_more: row-level security is not enabled",
    "CREATE VIEW names AS SELECT name FROM device": "names: a view that runs as its owner",
    "CREATE MATERIALIZED VIEW names AS SELECT name FROM device": "names: holds rows that no policy guards",
    "CREATE FUNCTION names() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT min(name) FROM device'": "names(): runs as",
    "ALTER FUNCTION devices_in_box RESET search_path": "devices_in_box(): finds its tables by the caller's search_path",
    "ALTER FUNCTION devices_in_box OWNER TO postgres": "devices_in_box(): runs as postgres",
    "ALTER POLICY own_rows ON identity.api_key USING (true)": "identity.api_key: no policy holds rows to the tenant",
    "ALTER POLICY acquainted ON identity.account USING (true)": "identity.account: no policy holds rows to the tenant",
    "ALTER POLICY platform_reads ON tenant USING (true)": "tenant: policies that let other rows through: ['platform_reads']",
    "ALTER TABLE identity.bucket NO FORCE ROW LEVEL SECURITY": "identity.bucket: row-level security is not forced",
    "GRANT SELECT ON identity.one_time_link TO " + REQUESTS: "identity.one_time_link: shows ['hash']",
    "GRANT SELECT (password) ON identity.account TO " + REQUESTS: "identity.account: shows ['password']",
    "GRANT DELETE ON identity.founding TO "
    + REQUESTS: "identity.founding: no policy holds rows to the tenant",
    "CREATE TABLE identity.more (id uuid)": "identity.more: row-level security is not enabled",
    "GRANT EXECUTE ON FUNCTION identity.set_password TO PUBLIC": "identity.set_password(): everybody may call it",
    "ALTER FUNCTION identity.invite SET search_path = public": "identity.invite(): finds its tables by the caller's search_path",
    "CREATE FUNCTION identity.more() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'": "identity.more(): runs as",
    "CREATE SCHEMA more CREATE TABLE things (tenant_id uuid)": "more.things: row-level security is not enabled",
    "ALTER TABLE site OWNER TO " + REQUESTS: "site: belongs to",
    "ALTER TABLE site OWNER TO postgres": "site: belongs to postgres",
    "ALTER ROLE " + REQUESTS + " BYPASSRLS": "heliograph_requests: has rights over other roles",
    "GRANT " + OWNER + " TO " + REQUESTS: "heliograph_requests: is a member of another role",
    "GRANT " + REQUESTS + " TO " + LOOKUP: "heliograph_lookup: is a member of another role",
}
"""A statement that opens a hole, and how the catalogue's walk says it."""


@pytest.fixture
def with_partitions(server_database: ServerDatabase) -> ServerDatabase:
    """A server's database with partitions of some days."""
    with server_database.engine(server_database.requests).begin() as connection:
        now_us = time.time_ns() // 1000
        made = connection.execute(
            text("SELECT made FROM keep_partitions(:now_us, 1, 40, 1)"), {"now_us": now_us}
        )
        assert made.scalar_one() >= 4
    return server_database


def test_every_table_partition_view_and_function_has_its_guard(with_partitions: ServerDatabase) -> None:
    with with_partitions.engine(with_partitions.admin).connect() as connection:
        assert holes_in(connection) == []


def test_a_view_that_runs_as_who_asks_is_no_hole(with_partitions: ServerDatabase) -> None:
    with with_partitions.engine(with_partitions.admin).connect() as connection:
        connection.execute(
            text("CREATE VIEW names WITH (security_invoker = true) AS SELECT name FROM device")
        )
        assert holes_in(connection) == []


def test_each_guard_that_is_taken_away_is_missed(with_partitions: ServerDatabase) -> None:
    with with_partitions.engine(with_partitions.admin).connect() as connection:
        newest = "SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = CAST('sample' AS regclass)"
        partition = connection.execute(text(newest)).scalar_one()
        connection.rollback()
        missed = []
        for statement, said in MUTATIONS.items():
            connection.execute(text(statement.format(partition=partition)))
            holes = holes_in(connection)
            connection.rollback()
            if not any(hole.startswith(said.format(partition=partition)) for hole in holes):
                missed.append((statement, holes))
        assert missed == []
        assert holes_in(connection) == []


_WRITTEN = """
    SELECT CASE c.relnamespace::regnamespace::text WHEN 'public' THEN '' ELSE c.relnamespace::regnamespace || '.' END
            || c.relname AS table_name, polname AS name, polcmd AS command, pg_get_expr(polqual, polrelid) AS rows,
        coalesce(pg_get_expr(polwithcheck, polrelid), pg_get_expr(polqual, polrelid)) AS check_rows
    FROM pg_policy p JOIN pg_class c ON c.oid = polrelid
    WHERE NOT polroles <@ ARRAY[CAST(:owner AS regrole)::oid, CAST(:lookup AS regrole)::oid]
        AND (NOT c.relispartition OR c.oid = CAST(:partition AS regclass))
    ORDER BY 1, 2
"""


def weakened(policy: dict[str, str]) -> list[str]:
    """Return statements that each take something of what a policy holds to."""
    on = f"{policy['name']} ON {policy['table_name']}"
    made = [f"DROP POLICY {on}", f"ALTER POLICY {on} TO {LOOKUP}", f"ALTER POLICY {on} USING (true)"]
    made.append(f"ALTER POLICY {on} USING ({policy['rows']} OR true)")
    if policy["command"] != "r":
        made += [
            f"ALTER POLICY {on} WITH CHECK ({rows})" for rows in ("true", f"{policy['check_rows']} OR true")
        ]
    return made


def test_each_policy_that_is_weakened_is_missed(with_partitions: ServerDatabase) -> None:
    with with_partitions.engine(with_partitions.admin).connect() as connection:
        newest = "SELECT max(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = CAST('sample' AS regclass)"
        partition = connection.execute(text(newest)).scalar_one()
        names = {"owner": OWNER, "lookup": LOOKUP, "partition": partition}
        policies = [dict(row) for row in connection.execute(text(_WRITTEN), names).mappings()]
        connection.rollback()
        missed = []
        for policy in policies:
            for statement in weakened(policy):
                connection.exec_driver_sql(statement.replace("%", "%%"))
                if not holes_in_tables(connection, policy["table_name"]):
                    missed.append(statement)
                connection.rollback()
        assert missed == [], "\n".join(missed)
        assert len(policies) > 40
        assert {policy["table_name"] for policy in policies if policy["name"] == "within_reach"} == set(
            REACHED
        )

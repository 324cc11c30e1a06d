"""What a backup held, so that what comes back can be held against it. Counterpart: `backing_up.py`, which makes both.

Theory: with a backup goes a manifest of the same moment (one snapshot): the revision, how many rows each table has, and how
each is guarded. Counts and names of tables are no secret of a tenant's, so it is not sealed.
One rule: what is looked for is what is there, table by table, and never what somebody thinks should be.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from migrations.guards import REQUESTS

_TABLES = """
    SELECT n.nspname, c.relname, c.relkind = 'r', c.relrowsecurity, c.relforcerowsecurity,
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('tenant_id', 'tenant_key')),
        ARRAY(SELECT p.polname || ' ' || p.polcmd::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'identity', 'sync')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1, 2
"""
_SAID_CAP = 10
"""So many differences are said, then how many more there are."""


class Manifest(msgspec.Struct, frozen=True):
    """A moment of a server's database: rows by table, and by table its guard: row security on, forced, its policies."""

    revision: str
    tenants: int
    rows: dict[str, int]
    guards: dict[str, list[str]]


def manifest_of(connection: psycopg.Connection) -> Manifest:
    """Return what is in a database, as the transaction of the connection sees it."""
    rows: dict[str, int] = {}
    guards: dict[str, list[str]] = {}
    for schema, table, has_rows, is_on, is_forced, _, policies in connection.execute(_TABLES).fetchall():
        name = f"{schema}.{table}"
        guards[name] = [*(["on"] if is_on else []), *(["forced"] if is_forced else []), *policies]
        if has_rows:
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
            rows[name] = _one(connection.execute(count).fetchone())
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return Manifest(str(revision[0]) if revision else "", rows.get("public.tenant", 0), rows, guards)


def path_of(backup: Path) -> Path:
    """Return where the manifest of a backup lies: beside it."""
    return backup.with_name(backup.name + ".manifest")


def read_manifest(backup: Path) -> Manifest | None:
    """Return the manifest of a backup, None where it has none. Raises ValueError where it is broken, OSError."""
    try:
        data = path_of(backup).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path_of(backup)} is no manifest of a backup: {error}") from None


def differences(expected: Manifest | None, connection: psycopg.Connection) -> list[str]:
    """Return in words what of a database is not as a backup's manifest says, and which guard is missing in any case."""
    found = manifest_of(connection)
    said = _unguarded(connection)
    if expected is not None:
        if found.revision != expected.revision:
            said.append(f"revision {found.revision or 'none'}, {expected.revision} expected")
        for name in sorted({*expected.rows, *found.rows}):
            if found.rows.get(name) != (wanted := expected.rows.get(name)):
                said.append(
                    f"{name} has {found.rows.get(name, 'no')} rows, {wanted if wanted is not None else 'no'} expected"
                )
        for name, guard in sorted(expected.guards.items()):
            if name in found.guards and found.guards[name] != guard:
                said.append(f"{name} is guarded by {found.guards[name] or 'nothing'}, {guard} expected")
    more = len(said) - _SAID_CAP
    return [*said[:_SAID_CAP], f"and {more} more"] if more > 0 else said


def _unguarded(connection: psycopg.Connection) -> list[str]:
    """Return which tables of tenants have no guard, and whether the requests' role could pass them all."""
    said = [
        f"{schema}.{table} has no row-level security"
        for schema, table, _, is_on, is_forced, is_of_tenants, _ in connection.execute(_TABLES).fetchall()
        if is_of_tenants and not (is_on and is_forced)
    ]
    passes = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s"
    if connection.execute(passes, [REQUESTS]).fetchone() != (False,):
        said.append(f"the role {REQUESTS} is missing or passes row-level security")
    return said


def _one(row: tuple[int, ...] | None) -> int:
    assert row is not None
    return row[0]

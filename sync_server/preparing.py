"""What only a superuser may do, once: roles, the database, its extensions. Counterpart: `migrating.py`, what the owner does.

    heliograph_owner      owns the schema, migrates; it inherits nothing, so that row-level security holds it too
    heliograph_requests   what the server logs in as: owns nothing, may not bypass
    heliograph_lookup     nobody logs in as it: it owns the functions that look up by box and words

One rule: everything here may be run again and then changes nothing but passwords.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import DuplicateDatabase, UniqueViolation

from domain.vault import Secret
from migrations.guards import LOOKUP, OWNER, REQUESTS
from sync_server.settings import SettingRefused

HELD = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "jit": "off",
}
"""What holds for connections of the requests' role, set here since PgBouncer takes none of it: the locks of one whose server is
gone or hangs end, and no plan is compiled, which takes a quarter of a second where a request takes a millisecond."""
EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")
_MAKES_GROUND = 0x48656C696F


def prepare(admin: Secret, owner: Secret, requests: Secret) -> str:
    """Make all of it as the superuser of `admin`; the two others tell passwords and the database, whose name is returned.

    Raises SettingRefused where they do not fit together, psycopg.Error where the database says no.
    """
    asked = {OWNER: conninfo_to_dict(owner.value), REQUESTS: conninfo_to_dict(requests.value)}
    for role, address in asked.items():
        if address.get("user") != role:
            raise SettingRefused(f"the address of {role} names the user {address.get('user')!r}")
    names = {str(address.get("dbname", "")) for address in asked.values()}
    if len(names) != 1 or "" in names:
        raise SettingRefused(f"one database expected in both addresses, got {', '.join(sorted(names))}")
    (name,) = names
    with psycopg.connect(admin.value, autocommit=True) as connection:
        with connection.transaction():
            make_roles(connection)
            for role, address in asked.items():
                allow_login(connection, role, address.get("password"))
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall():
            made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
            with suppress(
                DuplicateDatabase, UniqueViolation
            ):  # no lock can be held: somebody else made it just now
                connection.execute(made.format(sql.Identifier(name), sql.Identifier(OWNER)))
    with psycopg.connect(admin.value, dbname=name) as connection:
        make_ground(connection)
    return name


def make_roles(connection: Connection) -> None:
    """Make the roles that are missing, with no right to log in, in the caller's transaction: of two who change a cluster's roles
    at a time PostgreSQL refuses one, so the second waits; what is locked is the cluster's, whichever database they come from."""
    connection.execute("LOCK TABLE pg_catalog.pg_authid IN SHARE UPDATE EXCLUSIVE MODE")
    for role in (OWNER, REQUESTS, LOOKUP):
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchall():
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    plain = "NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION NOINHERIT"
    for role in (OWNER, REQUESTS, LOOKUP):
        connection.execute(sql.SQL(f"ALTER ROLE {{}} {plain}").format(sql.Identifier(role)))
    for name, value in HELD.items():
        held = sql.SQL("ALTER ROLE {} SET {} = {}")
        connection.execute(held.format(sql.Identifier(REQUESTS), sql.Identifier(name), sql.Literal(value)))
    connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(LOOKUP), sql.Identifier(OWNER)))


def allow_login(connection: Connection, role: str, password: str | int | None) -> None:
    """Let a role log in, with a password where there is one; it leaves this process hashed, for PostgreSQL logs statements."""
    secret: sql.Composable = sql.SQL("")
    if password is not None:
        hashed = connection.pgconn.encrypt_password(str(password).encode(), role.encode())
        secret = sql.SQL(" PASSWORD {}").format(sql.Literal(hashed.decode()))
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)) + secret)


def make_ground(connection: Connection) -> None:
    """Put in what the schema stands on, and give the room for it to its owner, in the caller's transaction: a second waits."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKES_GROUND])
    connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(OWNER)))
    for extension in EXTENSIONS:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))

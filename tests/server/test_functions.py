"""Functions that run past row-level security hold to who asks: each is called with another tenant's ids, each check is missed.

Counterpart: `guards.py`, which knows the functions by name; `migrations/identity/*.sql`, their bodies.
Theory: a function of `LOOKUPS` or `OWNERS` sees all rows, so its own conditions are all that holds it to a tenant. Each has lines
here: a call with the other tenant's ids, or with a wrong secret, that gives and changes nothing, and the same call by whom it is
for. Then its body is taken from the catalogue, one condition after the other is made true, and some line has to notice.
One rule: a function without a line is a hole; what is open to everybody is told in `OPEN` with the reason.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from migrations.guards import REQUESTS
from sync_server.security.tokens import opaque_hash
from tests.server.clients import serving
from tests.server.conftest import ServerDatabase
from tests.server.function_lines import EQUAL, LINES, NOTHING, OPEN, Line
from tests.server.guards import LOOKUPS, OWNERS
from tests.server.things import device, hook, operator, side_of

LOOSER = (
    (r"NOT is_platform\(\)", "false"),
    (r"(?<!NOT )(?<!SELECT )(?<!\.)\bis_platform\(\)", "true"),
    (r"\(SELECT is_platform\(\)\)", "true"),
    (r"current_setting\('heliograph\.platform', true\) = 'yes'", "true"),
    (r"\b(\w+\.)?tenant_id = (org|own|owner|current_tenant\(\))", "true"),
    (r"\b(\w+\.)?tenant_id (<>|IS DISTINCT FROM) (org|current_tenant\(\))", "false"),
    (r"org IS DISTINCT FROM current_tenant\(\)", "false"),
    (r"(?<!\.)\bid = \(SELECT current_account\(\)\)", "true"),
    (r"\b(m\.)?account_id = \(SELECT current_account\(\)\)", "true"),
    (r"\bid = who\b(?= AND NOT totp_on)", "true"),
    (r"(\w+\.)?\bhash = (key_hash|link_hash|old|token|code|ANY \(hashes\))", "true"),
    (r"a\.id = account\b", "true"),
    (r"is_off IS NOT NULL\)", "false)"),
    (r"EXISTS \(SELECT FROM account WHERE id = who AND platform_role IS NOT NULL\)(?=\n)", "false"),
)
"""What is taken from a function's body, and what stands there then."""


def settings(values: Mapping[str, Any], by: Mapping[str, str]) -> dict[str, str]:
    """Return a transaction's settings: of the first tenant's administrator, unless told otherwise."""
    said = {"tenant": "north", "user": "own", "platform": "", "sites": f"{{{values['site']}}}", **by}
    return {name: str(values.get(word, word)) for name, word in said.items()}


def state_of(connection: Connection, values: Mapping[str, Any]) -> Any:
    """Return a digest of everything that belongs to the other tenant, its people and the platform's."""
    columns = connection.execute(text(_TABLES)).scalars()
    parts = [
        f"SELECT '{table}' AS name, t::text AS row FROM {table} t WHERE t.tenant_id = :south"
        for table in columns
    ]
    people = ":admin, :shared, :invited, :operator"
    parts += [
        f"SELECT 'account', a::text FROM identity.account a WHERE id IN ({people})",
        f"SELECT 'session', s::text FROM identity.session s WHERE tenant_id IS DISTINCT FROM :north AND account_id IN ({people})",
        f"SELECT 'code', c::text FROM identity.recovery_code c WHERE account_id IN ({people})",
        f"SELECT 'link', l::text FROM identity.one_time_link l WHERE tenant_id IS NULL AND account_id IN ({people}, :own)",
        "SELECT 'tenant', t::text FROM tenant t WHERE id = :south",
        "SELECT 'founding', f::text FROM identity.founding f",
    ]
    digest = (
        f"SELECT md5(string_agg(name || row, '|' ORDER BY name, row)) FROM ({' UNION ALL '.join(parts)}) AS x"
    )
    return connection.execute(text(digest), values).scalar_one()


_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""


def done(
    connection: Connection, line: Line, values: Mapping[str, Any], by: Mapping[str, str]
) -> tuple[Any, bool]:
    """Return what a call gives, None where it is refused, and whether something is another after it. Changes nothing."""
    point = connection.begin_nested()
    for statement in filter(None, line.before.split(";")):
        connection.execute(text(statement.replace("::", "\\:\\:")), values)
    before = state_of(connection, values)
    for name, value in settings(values, by).items():
        connection.execute(text(f"SELECT set_config('heliograph.{name}', :value, true)"), {"value": value})
    connection.execute(text(f"SET LOCAL ROLE {REQUESTS}"))
    try:
        inner = connection.begin_nested()
        given = [value for row in connection.execute(text(line.call), values) for value in row]
        inner.commit()
        connection.execute(text("RESET ROLE"))
        return [one for one in given if one not in NOTHING], before != state_of(connection, values)
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        return None, False
    finally:
        point.rollback()


def wrong_in(connection: Connection, name: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Go over what a function's lines find wrong."""
    for line in LINES[name]:
        theirs = {key: "own" if word == "admin" else "south" for key, word in line.values.items()}
        theirs |= {"hash": "wrong", **line.first}
        given, is_changed = done(
            connection, line, {**values, **{key: values[word] for key, word in theirs.items()}}, line.as_
        )
        is_right = {"refused": given is None, "nothing": given == [], "unchanged": given is not None}[
            line.fate
        ]
        if not is_right or is_changed:
            yield f"{line.call}: {line.fate} expected, got {given}{', and something is another' * is_changed}"


@dataclass(frozen=True)
class World:
    """A database with two tenants, and the names of what is in them."""

    database: ServerDatabase
    values: dict[str, Any]


@pytest.fixture
def world(server_database: ServerDatabase) -> World:
    """Return a database with two tenants."""
    return World(server_database, asyncio.run(_filled(server_database)))


async def _filled(database: ServerDatabase) -> dict[str, Any]:
    async with serving(database) as server:
        root = await server.found()
        north = await side_of(server, root)
        shared = await server.member(north.admin, "viewer", "both@example.org")
        south = await side_of(server, root)
        place = {"lng": 10.0, "lat": 47.0}
        site = (await south.admin.post("/sites", {"name": "Zuid", **place}, expect=201))["id"]
        beneath = (await south.admin.post("/sites", {"name": "Zuid B", "pop": site}, expect=201))["id"]
        await device(south, note="zuid", site=site, **place)
        body = {"login": "both@example.org", "name": "Both", "role": "viewer"}
        again = (await south.admin.post("/users", body, expect=201))["link"].partition("#")[2]
        await server.somebody().post(
            "/auth/link/take", {"token": again, "password": "a good long password"}, expect=204
        )
        pending = {"login": "late@example.org", "name": "Late", "role": "viewer"}
        invited = await south.admin.post("/users", pending, expect=201)
        key = await south.admin.post("/keys", {"name": "K", "scopes": ["read"]}, expect=201)
        push = await south.admin.post("/push-keys", {"name": "P"}, expect=201)
        await hook(south)
        sessions = "SELECT id FROM identity.session WHERE account_id = $1 ORDER BY made_us DESC LIMIT 1"
        people = {"own": north.admin.opened["user"]["id"], "admin": south.admin.opened["user"]["id"]}
        return {
            "north": UUID(north.tenant),
            "south": UUID(south.tenant),
            **{name: UUID(id) for name, id in people.items()},
            "own_session": await server.owner.fetchval(sessions, people["own"]),
            "session": await server.owner.fetchval(sessions, people["admin"]),
            "site": UUID(site),
            "beneath": UUID(beneath),
            "install": UUID(south.install),
            "operator": UUID(await operator(south)),
            "shared": UUID(shared.opened["user"]["id"]),
            "invited": UUID(invited["user"]["id"]),
            "made": uuid4(),
            "key": opaque_hash(key["secret"]),
            "push": opaque_hash(push["secret"]),
            "link": opaque_hash(invited["link"].partition("#")[2]),
            "refresh": opaque_hash(south.admin.opened["refresh_token"]),
            "wrong": opaque_hash("nothing"),
        }


def test_every_function_that_sees_all_rows_has_a_line_or_a_reason() -> None:
    assert set(LINES) | set(OPEN) == LOOKUPS | OWNERS
    assert not set(LINES) & set(OPEN)


def test_another_tenants_ids_and_wrong_secrets_give_and_change_nothing(world: World) -> None:
    with world.database.engine(world.database.admin).connect() as connection:
        wrong = [wrong for name in LINES for wrong in wrong_in(connection, name, world.values)]
        assert wrong == [], "\n".join(wrong)
        idle = []
        for lines in LINES.values():
            for line in lines:
                values = {**world.values, **{key: world.values[word] for key, word in line.values.items()}}
                given, is_changed = done(connection, line, values, line.by)
                if given is None or not (given or is_changed or line.fate == "refused"):
                    idle.append((line.call, given))
        assert idle == [], "calls that do nothing for whom they are for either"


def test_who_asks_for_a_tenant_sets_nobody_elses_password(world: World) -> None:
    call = "SELECT identity.set_password(:admin, 'stolen', NULL)"
    with world.database.engine(world.database.admin).connect() as connection:
        for by in ({}, {"tenant": "south"}, {"tenant": "south", "user": "admin"}, {"platform": "yes"}):
            assert done(connection, Line(call, "refused"), world.values, by) == (None, False), by


def test_each_condition_that_is_taken_from_a_function_is_missed(world: World) -> None:
    survived = []
    tried = 0
    bodies = "SELECT pg_get_functiondef(CAST(:name AS regproc))"
    with world.database.engine(world.database.admin).connect() as connection:
        for name in LINES:
            body = connection.execute(text(bodies), {"name": name}).scalar_one()
            for pattern, looser in LOOSER:
                for found in re.finditer(pattern, body):
                    point = connection.begin_nested()
                    mutant = body[: found.start()] + looser + body[found.end() :]
                    try:
                        connection.exec_driver_sql(mutant.replace("%", "%%"))
                    except DBAPIError:  # no condition, but what is written
                        point.rollback()
                        continue
                    tried += 1
                    try:
                        if not list(wrong_in(connection, name, world.values)):
                            survived.append((name, found[0]))
                    except DBAPIError:  # it fails now: that is noticed too
                        pass
                    point.rollback()
    left = [one for one in survived if one not in EQUAL]
    assert left == [], "\n".join(map(str, left))
    assert set(survived) == set(EQUAL), "these are missed by now"
    assert tried > 30

"""A plain change is judged before its tenant is held and written by one call: as it would be under the lock, or not at all.

Counterparts: `things.alter_at_once`, `sync.change_thing`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from sync_server.database import Asking, Database
from tests.server.clients import Person, Server, serving
from tests.server.conftest import ServerDatabase
from tests.server.test_devices import ANY, a_device, an_engineer

CHANGES: dict[str, list[dict[str, Any]]] = {
    "devices": [
        {"note": 'key at the baker\'s \U0001f511 "x" \\'},
        {"tags": ["core", "x"], "interval_s": 12.25, "subscribers": 7, "role": "pop"},
        {"lng": -0.1, "lat": 1e-7},
        {"lng": None, "lat": None},
        {"paused": True},
    ],
    "sites": [{"region": "North", "note": "up"}, {"lng": 11.5, "lat": 47.5}],
    "links": [{"capacity_bps": 2_000_000, "note": "over the hill"}],
}
NEWEST = {
    "edit": "SELECT body, origin, state FROM edit ORDER BY seq DESC LIMIT 1",
    "journal": "SELECT kind, subject, body, origin FROM journal ORDER BY seq DESC LIMIT 1",
    "audit": "SELECT actor_kind, actor, actor_name, act, subject_kind, subject, detail, address, agent"
    " FROM identity.audit WHERE tenant_id = current_tenant() ORDER BY seq DESC LIMIT 1",
    "touched": "SELECT kind, id FROM sync.touched WHERE revision = (SELECT max(revision) FROM tenant) ORDER BY 1, 2",
    "order": "SELECT (SELECT max(seq) FROM journal) = revision AND (SELECT max(seq) FROM edit) = revision AS is_whole"
    " FROM tenant",
}
BY_CHANCE = {"id", "edit", "at_us", "revision", "title"}
Wrote = Callable[[], Awaitable[Any]]


class Asked:
    """How often each way to the database was taken for somebody; `before` is done instead of a call that writes at once."""

    def __init__(self) -> None:
        self.reads = self.writes = self.transactions = 0
        self.before: Callable[[Wrote], Awaitable[Any]] | None = None

    def taken(self) -> tuple[int, int, int]:
        """Return reads, calls that write, and transactions since it was asked last."""
        counts = self.reads, self.writes, self.transactions
        self.reads = self.writes = self.transactions = 0
        return counts


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Count what is asked of the database."""
    asked = Asked()
    read, write, transaction = Database.read, Database.write, Database.transaction

    async def reading(self: Database, *given: Any) -> Any:
        asked.reads += 1
        return await read(self, *given)

    async def writing(self: Database, *given: Any) -> Any:
        asked.writes += 1
        if asked.before is not None:
            return await asked.before(lambda: write(self, *given))
        return await write(self, *given)

    @asynccontextmanager
    async def transacting(self: Database, who: Asking, **options: Any) -> AsyncIterator[Any]:
        asked.transactions += who.id != UUID(int=0)  # the server's own work is beside
        async with transaction(self, who, **options) as held:
            yield held

    monkeypatch.setattr(Database, "read", reading)
    monkeypatch.setattr(Database, "write", writing)
    monkeypatch.setattr(Database, "transaction", transacting)
    return asked


async def under_the_lock(_: Wrote) -> bool:
    """Write nothing, as if the tenant were another by now."""
    return False


async def twins(engineer: Person, number: int) -> dict[str, str]:
    """Make a site, two devices and a link; return the id of one of each."""
    site = (await engineer.post("/sites", {"name": f"Tal {number}", "lng": 11, "lat": 47}, expect=201))["id"]
    one = (await a_device(engineer, f"R{number}", f"10.0.0.{number}", site=site))["id"]
    other = (await a_device(engineer, f"S{number}", f"10.0.1.{number}"))["id"]
    link = await engineer.post("/links", {"a": one, "b": other, "kind": "fibre"}, expect=201)
    return {"sites": site, "devices": one, "links": link["id"]}


async def written(server: Server, tenant: str, made: dict[str, str]) -> dict[str, Any]:
    """Return what was written last, without what is by chance or another twin's."""
    await server.owner.execute("SELECT set_config('heliograph.tenant', $1, false)", tenant)
    found: dict[str, Any] = {}
    for name, statement in NEWEST.items():
        rows = [dict(row) for row in await server.owner.fetch(statement)]
        said = json.dumps(rows, default=str, sort_keys=True)
        for kind, id in made.items():
            said = said.replace(id, kind)
        found[name] = without_chance(json.loads(said))
    return found


def without_chance(value: Any) -> Any:
    if isinstance(value, str) and value[:1] == "{":
        value = json.loads(value)  # a column of JSON
    if isinstance(value, dict):
        return {key: without_chance(one) for key, one in value.items() if key not in BY_CHANCE}
    return [without_chance(one) for one in value] if isinstance(value, list) else value


async def test_a_change_at_once_is_what_it_is_under_the_lock(
    server_database: ServerDatabase, asked: Asked
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        tenant = str(await server.owner.fetchval("SELECT id FROM tenant"))
        quick, slow = await twins(engineer, 1), await twins(engineer, 2)
        await engineer.get("/devices")
        for kind, bodies in CHANGES.items():
            for body in bodies:
                asked.before = None
                asked.taken()
                path = f"/{kind}/{quick[kind]}"
                now = await engineer.ask("PATCH", path, json=body, **ANY, expect=200)
                assert asked.taken() == ({"sites": 1, "devices": 2, "links": 2}[kind], 1, 0), (kind, body)
                at_once = await written(server, tenant, quick)
                assert now.json()["data"] == await engineer.get(path)
                assert now.headers["ETag"] == now.json()["data"]["etag"]
                asked.before = under_the_lock
                later = await engineer.ask("PATCH", f"/{kind}/{slow[kind]}", json=body, **ANY, expect=200)
                assert asked.transactions == 1
                held = await written(server, tenant, slow)
                assert at_once == held, (kind, body)
                assert at_once["order"] == [{"is_whole": True}]
                for field in body:
                    assert now.json()["data"][field] == later.json()["data"][field] == body[field]
        assert await server.owner.fetchval("SELECT identity.first_broken_audit()") is None


async def test_what_somebody_changed_meanwhile_is_seen_under_the_lock(
    server_database: ServerDatabase, asked: Asked
) -> None:
    async with serving(server_database) as server, serving(server_database) as second:
        engineer = await an_engineer(server)
        other = second.somebody(engineer.token)
        device = await a_device(engineer, "R1", "10.0.0.1")
        path = f"/devices/{device['id']}"

        names = iter(("R2", "R3"))

        async def overtaken(write: Wrote) -> Any:
            asked.before = None
            await other.ask("PATCH", path, json={"name": next(names)}, **ANY, expect=200)
            done = await write()
            assert done is False
            return done

        asked.before = overtaken
        said = await engineer.ask("PATCH", path, json={"note": "mine"}, headers={"If-Match": device["etag"]})
        assert (said.status_code, said.json()["error"]["code"]) == (412, "VERSION_STALE")
        asked.before = overtaken
        await engineer.ask("PATCH", path, json={"note": "any"}, **ANY, expect=200)
        now = await engineer.get(path)
        assert (now["name"], now["note"]) == ("R3", "any")
        assert [row["revision"] for row in await engineer.get("/edits")] == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({"note": "x"}, {}, (428, "VERSION_REQUIRED")),
        ({"note": "x"}, {"If-Match": '"stale"'}, (412, "VERSION_STALE")),
        ({"name": ""}, {"If-Match": "*"}, (422, "MISSING_REQUIRED_FIELD")),
        ({"interval_s": 0.001}, {"If-Match": "*"}, (422, "INVALID_INPUT")),
        ({"note": 5}, {"If-Match": "*"}, (422, "INVALID_INPUT")),
        ({"polled_by": "00000000-0000-0000-0000-00000000000a"}, {"If-Match": "*"}, (422, "INVALID_INPUT")),
        ({"site": "00000000-0000-0000-0000-00000000000a"}, {"If-Match": "*"}, None),
    ],
)
async def test_what_is_refused_is_refused_as_ever_and_nothing_is_written_at_once(
    server_database: ServerDatabase,
    asked: Asked,
    body: dict[str, Any],
    headers: dict[str, str],
    expected: tuple[int, str] | None,
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R1", "10.0.0.1")
        path = f"/devices/{device['id']}"
        asked.taken()
        said = await engineer.ask("PATCH", path, json=body, headers=headers)
        assert asked.writes == 0
        assert said.status_code >= 400
        if expected is not None:
            assert (said.status_code, said.json()["error"]["code"]) == expected
        assert await engineer.get(path) == device


@pytest.mark.parametrize("ends", ["session", "membership"])
async def test_who_is_nobody_any_more_changes_nothing_at_once(
    server_database: ServerDatabase, asked: Asked, ends: str
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        device = await a_device(engineer, "R1", "10.0.0.1")
        path = f"/devices/{device['id']}"
        assert await engineer.get(path) == device
        ended = {
            "session": "UPDATE identity.session SET ended_us = 1 WHERE account_id = $1",
            "membership": "UPDATE identity.membership SET off_us = 1 WHERE account_id = $1",
        }[ends]
        await server.owner.execute(ended, UUID(engineer.opened["user"]["id"]))
        asked.taken()
        said = await engineer.ask("PATCH", path, json={"note": "mine"}, **ANY)
        assert said.status_code == 401
        assert asked.taken() == (1, 0, 0)
        assert await server.owner.fetchval("SELECT note FROM device WHERE id = $1", UUID(device["id"])) == ""


async def test_many_who_change_one_tenant_at_a_server_are_judged_once_each(
    server_database: ServerDatabase, asked: Asked
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        devices = [await a_device(engineer, f"R{n}", f"10.0.0.{n}") for n in range(1, 9)]
        await engineer.get("/devices")
        asked.taken()
        bodies = [{"note": f"of {one['name']}"} for one in devices]
        await asyncio.gather(
            *(
                engineer.ask("PATCH", f"/devices/{one['id']}", json=body, **ANY, expect=200)
                for one, body in zip(devices, bodies, strict=True)
            )
        )
        assert asked.taken() == (8, 8, 0)
        assert [one["note"] for one in await engineer.get("/devices")] == [body["note"] for body in bodies]
        assert server.services.queues._queues == {}

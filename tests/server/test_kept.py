"""A list is given again while it holds: to whom it may be given, and never once anything of it is another.

Counterparts: `api/kept.py`, `proofs.py`, `sync.prove_users` and `prove_keys`.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.health import Health
from domain.load import LinkState
from sync_server.api.kept import HOLDS_S, Answers
from sync_server.api.pages import Shown
from sync_server.database import Database, Standing
from sync_server.proofs import MOST
from tests.server.clients import Person, serving
from tests.server.conftest import ServerDatabase
from tests.server.live_clients import AT_US, an_edit, living, making
from tests.server.test_alone import a_reader
from tests.server.test_at_once import twins
from tests.server.test_devices import ANY, a_device, an_engineer, names
from tests.server.test_keys import make_key
from tests.server.test_live import a_team
from tests.server.test_live_telling import a_device as told_of_device
from tests.server.test_reach import SEEN, a_valley, seen

LISTS = ("/devices", "/sites", "/links")


class Counted:
    """How often rows were read, and how many were asked about at once."""

    def __init__(self) -> None:
        self.reads = 0
        self.proven: list[int] = []


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Count what is asked of the database."""
    counted = Counted()
    read, ask = Database.read, Database.ask

    async def reading(self: Database, *given: Any) -> Any:
        counted.reads += 1
        return await read(self, *given)

    async def asking(self: Database, statement: str, *given: Any) -> Any:
        if "sync.prove_" in statement:
            counted.proven.append(len(given[0]))
        return await ask(self, statement, *given)

    monkeypatch.setattr(Database, "read", reading)
    monkeypatch.setattr(Database, "ask", asking)
    return counted


async def test_what_is_asked_again_is_given_again_and_read_once(
    server_database: ServerDatabase, counted: Counted
) -> None:
    async with serving(server_database) as server:
        engineer = await an_engineer(server)
        await twins(engineer, 1)
        await engineer.get("/devices")
        for path in (*LISTS, "/devices?limit=1", "/devices?role=pop"):
            first = await engineer.ask("GET", path, expect=200)
            counted.reads = 0
            again = await engineer.ask("GET", path, expect=200)
            # an empty list proves nobody, and is not kept
            assert counted.reads == (0 if first.json()["data"] else 1), path
            assert again.json()["data"] == first.json()["data"]
            assert again.json()["meta"].get("page") == first.json()["meta"].get("page")
            assert again.json()["meta"]["request_id"] != first.json()["meta"]["request_id"]
        page = (await engineer.ask("GET", "/devices?limit=1")).json()["meta"]["page"]
        assert await names(engineer, f"/devices?limit=1&cursor={page['next']}") == ["S1"]


async def test_another_of_the_same_reach_is_given_what_one_has_read(
    server_database: ServerDatabase, counted: Counted
) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server, "tenant_admin")
        made: Any = await make_key(person, scopes=["read"])
        holder = Person(server.somebody().http, made["secret"])
        for one in (person, holder, holder):
            assert await names(one, "/devices") == ["R1"]
        counted.reads, counted.proven = 0, []
        for one in (person, holder):
            assert await names(one, "/devices") == ["R1"]
        assert (counted.reads, counted.proven) == (0, [1, 1])


@pytest.mark.parametrize("path", LISTS)
async def test_a_change_is_seen_by_the_next_request_at_every_server(
    server_database: ServerDatabase, path: str
) -> None:
    async with serving(server_database) as server, serving(server_database) as other:
        engineer = await an_engineer(server)
        made = await twins(engineer, 1)
        there = other.somebody(engineer.token)
        for number in range(3):
            before = [await one.get(path) for one in (engineer, engineer, there, there)]
            assert all(one == before[0] for one in before)
            where = f"{path}/{made[path[1:]]}"
            writer, reader = (engineer, there) if number % 2 else (there, engineer)
            await writer.ask("PATCH", where, json={"note": f"new {number}"}, **ANY, expect=200)
            for one in (reader, writer):
                assert f"new {number}" in [thing["note"] for thing in await one.get(path)]
        await engineer.ask("DELETE", f"/links/{made['links']}", expect=204)
        assert await engineer.get("/links") == await there.get("/links") == []


async def test_what_is_told_of_devices_and_links_is_seen_by_the_next_request(
    server_database: ServerDatabase,
) -> None:
    async with living(server_database) as live:
        anna, _ = await a_team(live, "engineer")
        hers = await live.join(anna)
        fence = (await hers.led()).fence
        device, end, link = await told_of_device(hers), await told_of_device(hers, "10.0.0.2"), uuid4()
        await hers.push(an_edit(making("link", link, a=str(device), b=str(end))))
        for status in ("down", "up"):
            for _ in range(2):
                assert status not in {one["status"] for one in await anna.get("/devices")}
                assert status not in {one["status"] for one in await anna.get("/links")}
            health = Health(device, hers.install or uuid4(), status, AT_US, AT_US)  # type: ignore[arg-type]
            state = LinkState(link, status, AT_US, AT_US)  # type: ignore[arg-type]
            await hers.tell(health=(health,), link_states=(state,), fence=fence)
            assert status in {one["status"] for one in await anna.get("/devices")}
            assert status in {one["status"] for one in await anna.get("/links")}


async def test_nobody_is_given_what_was_read_for_another_reach_or_tenant(
    server_database: ServerDatabase,
) -> None:
    async with serving(server_database) as server:
        valley = await a_valley(server)
        key = await valley.admin.post(
            "/keys", {"name": "K", "scopes": ["read"], "sites": [valley.ids["north"]]}, expect=201
        )
        root = await server.log_in("root@platform")
        await server.tenant(root)
        stranger = await server.member(root, "engineer")
        await a_device(stranger, "R1", "10.0.0.1")
        for _ in range(3):
            assert len((await seen(valley.admin))["devices"]) == 4
            assert await seen(valley.local) == SEEN
            assert await seen(server.somebody(key["secret"])) == SEEN
            assert (await seen(stranger))["devices"] == {"R1"}
        account = UUID(valley.local.opened["user"]["id"])
        south = [UUID(valley.ids["south"])]
        limit = "UPDATE identity.membership SET sites = $1 WHERE account_id = $2"
        await server.owner.execute(limit, south, account)
        assert await names(valley.local, "/devices") == ["R south"]
        body = {"pop": valley.ids["north"]}
        await valley.admin.ask("PATCH", f"/sites/{valley.ids['south']}", json=body, **ANY, expect=200)
        assert len(await names(server.somebody(key["secret"]), "/devices")) == 3


async def test_what_was_read_before_a_restore_is_not_given_after_it(server_database: ServerDatabase) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server)
        assert [await names(person, "/devices") for _ in range(2)] == [["R1"]] * 2
        await server.owner.execute("UPDATE device SET name = 'R0'")
        await server.owner.execute("UPDATE sync.epoch SET epoch = gen_random_uuid()")
        assert await names(person, "/devices") == ["R0"]


async def test_many_are_proven_at_once_and_each_for_himself(
    server_database: ServerDatabase, counted: Counted
) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server)
        root = await server.log_in("root@platform")
        await server.tenant(root)
        stranger = await server.member(root, "engineer")
        await a_device(stranger, "R9", "10.0.0.9")
        ended = await server.log_in(person.opened["user"]["login"])
        for one in (person, person, stranger, stranger, ended, ended):
            await one.get("/devices")
        session = server.services.admission._tokens.verify(ended.token, server.services.now_s()).sid
        await server.owner.execute("UPDATE identity.session SET ended_us = 1 WHERE id = $1", session)
        counted.proven = []
        askers = [person, stranger, ended] * 6
        said = await asyncio.gather(*(one.ask("GET", "/devices") for one in askers))
        for one, answer in zip(askers, said, strict=True):
            if one is ended:
                assert answer.status_code == 401
            else:
                assert [row["name"] for row in answer.json()["data"]] == ["R1" if one is person else "R9"]
        assert max(counted.proven) > 1 and sum(counted.proven) == len(askers)


async def test_a_proof_is_asked_for_after_it_is_wanted_and_goes_to_whom_it_is_of(
    server_database: ServerDatabase, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(server_database) as server:
        person, _, _ = await a_reader(server)
        await person.get("/devices")
        (who,) = (one for one in server.services.admission._remembered.values() if one.name == "One viewer")
        assert who.standing is not None and who.tenant is not None
        proofs, true = server.services.proofs, who.standing
        false = Standing(true.call, true.arguments, true.said + " ")
        versions = await asyncio.gather(
            *(proofs.version(who.tenant, one) for one in [true, false] * (MOST + 1))
        )
        assert versions[1::2] == [None] * (MOST + 1)
        (version,) = set(versions[::2])
        revision = await server.owner.fetchval("SELECT max(revision) FROM tenant")
        epoch = await server.owner.fetchval("SELECT epoch FROM sync.epoch")
        assert version == f"{revision} {epoch}"
        assert max(counted.proven) == MOST

        async def broken(*_: object) -> None:
            raise ConnectionResetError("gone")

        with monkeypatch.context() as patched:
            patched.setattr(Database, "ask", broken)
            told = await asyncio.gather(
                *(proofs.version(who.tenant, true) for _ in range(3)), return_exceptions=True
            )
            assert [type(one) for one in told] == [ConnectionResetError] * 3
        assert await proofs.version(who.tenant, true) == version


def test_so_much_is_kept_and_for_so_long() -> None:
    now_s = 0.0
    answers = Answers(cap_bytes=10, clock=lambda: now_s)
    for name in "abc":
        answers.put(name, "1", b"1234", Shown(50))
    assert answers.get("a") is None
    assert answers.get("b") is not None
    answers.put("d", "1", b"1234", None)
    assert answers.get("c") is None, "b was asked for last"
    answers.put("b", "2", b"12", None)
    kept = answers.get("b")
    assert kept is not None and kept.data == b"12"
    answers.put("e", "1", b"1234", None)
    assert [answers.get(name) is None for name in "bde"] == [False] * 3
    now_s = HOLDS_S + 1
    assert [answers.get(name) for name in "bde"] == [None] * 3
    answers.put("f", "1", b"12345678901", None)
    assert answers.get("f") is None

"""What goes wrong between engines and a server: lines that lose half, a restore, a full disk, a copied folder; nothing is lost.

Counterpart: `test_kills.py`, where processes are killed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import psycopg

from domain.edit import change, creation
from domain.inventory import Device, Probe, Site
from domain.vault import Secret
from engine.compose import new_id
from migrations.guards import OWNER, REQUESTS
from sync_server.backing_up import back_up, restore
from tests.postgres import drop
from tests.server.conftest import ServerDatabase
from tests.team.engines import WAIT_S, Joined, all_until, join, running, team
from tests.team.proxy import Proxy, passing
from tests.team.servers import Reached, listening
from tools.cluster import url_of

ROUTER = Device(new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay")
STARTED = "SELECT count(*) FROM journal WHERE kind = 'engine_started'"
EDITS = 12


def noted(note: str) -> Device:
    """Return the router with a note."""
    return msgspec.structs.replace(ROUTER, note=note)


def by(server: Reached, line: Proxy) -> Reached:
    """Return a server as it is reached over a line."""
    return Reached(server.app, server.database, server.owner, line.url)


def again(*engines: Joined) -> None:
    """Have them try to connect at once."""
    for engine in engines:
        assert engine.engine._team.desk is not None
        engine.engine._team.desk.client.try_now()


def tray(engine: Joined) -> set[str]:
    """Return the ids of the edits that were not applied, or not whole."""
    assert engine.engine._team.desk is not None
    return {str(entry.edit.id) for entry in engine.engine._team.desk.ledger.tray}


async def note(engine: Joined, text: str) -> UUID:
    """Write a note on the router; return the edit's id."""
    step = change("device", engine.state.inventory.device(ROUTER.id), noted(text))
    assert step is not None
    return (await engine.edit(f"note {text}", step)).id


async def applied(server: Reached) -> list[str]:
    """Return the ids of the edits that the server has."""
    return [str(row["id"]) for row in await server.owner.fetch("SELECT id FROM edit")]


async def test_over_lines_that_lose_half_and_are_cut_all_comes_to_be_the_same_and_nothing_twice(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        async with passing(port, 1) as first, passing(port, 2) as second:
            folders = await team(by(server, first), tmp_path, "mara")
            root = await server.log_in("mara@example.org")
            admin = await server.log_in("root@platform")
            tenant = (await root.get("/auth/me"))["tenant"]
            admin.token = (await admin.post("/auth/switch", {"tenant": tenant}))["access_token"]
            await server.member(admin, "engineer", "joe@example.org")
            folders.append(await join(tmp_path / "joe", by(server, second), "joe@example.org"))
            async with running(folders[0]) as mara, running(folders[1]) as joe:
                await all_until((mara, joe), lambda one: one.team.reachability == "online")
                made: set[str] = set()
                for line in (first, second):
                    line.loss = 0.5
                for number in range(EDITS):
                    for engine, line in ((mara, first), (joe, second)):
                        site = Site(new_id(), f"{engine.team.name} {number}", "", 9.0, 47.0)
                        made.add(str((await engine.edit("a site", creation("site", site))).id))
                        if number % 4 == 3:
                            line.cut()
                            line.mend()
                    await asyncio.sleep(0.02)
                for line in (first, second):
                    line.loss = 0.0
                again(mara, joe)
                await all_until(
                    (mara, joe),
                    lambda one: (
                        one.team.pending == 0 and len(one.state.inventory.tables["site"]) == 2 * EDITS
                    ),
                )
                assert mara.state.inventory == joe.state.inventory
                ids = await applied(server)
                assert sorted(ids) == sorted(made)
                assert first.connections > 4


async def test_after_a_restore_of_an_older_backup_both_bring_back_what_they_did(
    tmp_path: Path, server_database: ServerDatabase, postgres_sockets: Path
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        folders = await team(server, tmp_path, "mara", "joe")
        admin = Secret(url_of(postgres_sockets, "postgres"))
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await mara.edit("add", creation("device", ROUTER))
            await all_until((mara, joe), lambda one: one.state.inventory.device(ROUTER.id) == ROUTER)
            await mara.until(lambda: mara.team.pending == 0)
            backup = tmp_path / "older.dump"
            await asyncio.to_thread(back_up, admin, Secret(server_database.requests), backup)
            sites = [Site(new_id(), name, "", 9.0, 47.0) for name in ("by mara", "by joe")]
            lost = {
                (await mara.edit("a site", creation("site", sites[0]))).id,
                (await joe.edit("a site", creation("site", sites[1]))).id,
                await note(joe, "by joe"),
            }
            await all_until((mara, joe), lambda one: one.state.inventory.device(ROUTER.id) == noted("by joe"))
            await all_until((mara, joe), lambda one: len(one.state.inventory.tables["site"]) == 2)
            await joe.until(lambda: joe.team.pending == 0)
    name = f"test_{uuid4().hex}"
    try:
        requests, owner = (url_of(postgres_sockets, name, role) for role in (REQUESTS, OWNER))
        await asyncio.to_thread(restore, admin, Secret(owner), Secret(requests), backup)
        older = ServerDatabase(name, requests, owner, url_of(postgres_sockets, name, "postgres"))
        with psycopg.connect(older.admin) as restored:
            there = {str(row[0]) for row in restored.execute("SELECT id FROM edit")}
        assert not {str(one) for one in lost} & there
        async with running(folders[0]) as mara:
            assert mara.state.inventory.device(ROUTER.id) == noted("by joe"), "shown whatever the server has"
            late = await note(mara, "by mara, while the server was away")
            async with listening(older, port=port) as server, running(folders[1]) as joe:
                again(mara)
                await all_until((mara, joe), lambda one: one.team.reachability == "online")
                await all_until((mara, joe), lambda one: one.team.pending == 0)
                await all_until(
                    (mara, joe), lambda one: set(one.state.inventory.tables["site"]) == {s.id for s in sites}
                )
                ids = await applied(server)
                assert len(ids) == len(set(ids))
                assert {str(one) for one in {*lost, late}} <= set(ids) | tray(mara) | tray(joe)
                await all_until((mara, joe), lambda one: one.state.inventory.device(ROUTER.id).note != "")
                await joe.until(lambda: joe.state.inventory == mara.state.inventory)
    finally:
        drop(postgres_sockets, name)


async def test_a_copied_folder_loses_nothing_of_either_and_takes_no_row_for_another(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.reachability == "online")
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        made: set[str] = set()
        async with running(folder) as mara:
            for number in range(3):
                site = Site(new_id(), f"first {number}", "", 9.0, 47.0)
                made.add(str((await mara.edit("a site", creation("site", site))).id))
            await mara.until(lambda: mara.team.pending == 0 and mara.team.untold == 0)
            async with running(copy) as twin:
                site = Site(new_id(), "of the copy", "", 9.0, 47.0)
                made.add(str((await twin.edit("a site", creation("site", site))).id))
                await twin.until(lambda: len(twin.state.inventory.tables["site"]) == 4)
                await twin.until(lambda: twin.team.pending == 0)
        async with running(folder) as mara:
            await mara.until(lambda: len(mara.state.inventory.tables["site"]) == 4)
            await mara.until(lambda: mara.team.untold == 0)
            async with asyncio.timeout(WAIT_S):
                while await server.owner.fetchval(STARTED) < 3:  # noqa: ASYNC110 it is another's database
                    await asyncio.sleep(0.1)
        assert sorted(await applied(server)) == sorted(made)
        rows = await server.owner.fetch(
            "SELECT seq FROM journal WHERE origin = $1 ORDER BY seq", mara.team.install
        )
        assert len({row["seq"] for row in rows}) == len(rows), "no row stands under another's number"
        assert await server.owner.fetchval(STARTED) == 3, (
            "the copy began under a number that was used: that is not told"
        )

"""An engine of a team without its server: what is done stays, is seen, survives a kill, and is merged."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from domain.edit import Edit, change, creation, inverse
from domain.inventory import Device, Probe
from domain.team import DropFromTray, LeaveTeam, QueryTray
from domain.wire import SubmitEdit
from engine.compose import new_id, now_us
from engine.storage import Store
from engine.storage.team import TeamStore
from tests.engine.client import TestClient
from tests.server.conftest import ServerDatabase
from tests.team.engines import all_until, running, team
from tests.team.servers import listening

ROUTER = Device(new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay")


def _noted(note: str) -> Device:
    return Device(ROUTER.id, "router", "127.0.0.1", (Probe("icmp"),), "relay", note=note)


async def test_what_is_edited_while_cut_off_is_merged_and_what_lost_is_in_the_tray(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        port = int(server.url.rpartition(":")[2])
        folders = await team(server, tmp_path, "mara", "joe")
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await mara.edit("add", creation("device", ROUTER))
            await all_until((mara, joe), lambda one: one.state.inventory.device(ROUTER.id) == ROUTER)
            await mara.until(lambda: mara.team.pending == 0)
    async with running(folders[0]) as mara:  # nobody answers where the server was
        await mara.until(lambda: mara.team.reachability == "offline")
        noted, other = _noted("by mara"), Device(new_id(), "b", "127.0.0.2", (Probe("icmp"),), "relay")
        step = change("device", ROUTER, noted)
        assert step is not None
        await mara.edit("note", step)
        added = await mara.edit("add b", creation("device", other))
        await mara.ask(SubmitEdit(1, inverse(added, new_id(), now_us(), "mara")))
        assert mara.state.inventory.device(other.id) is None, "what is pending is undone as anything"
        assert mara.team.pending == 3
        assert set(mara.team.pending_things) == {("device", ROUTER.id), ("device", other.id)}
    async with listening(server_database, port=port), running(folders[1]) as joe:
        await joe.until(lambda: joe.team.reachability == "online")
        step = change("device", ROUTER, _noted("by joe"))
        assert step is not None
        await joe.edit("note", step)
        await joe.until(lambda: joe.team.pending == 0)
        async with running(folders[0]) as mara:
            assert mara.state.inventory.device(ROUTER.id) == noted, (
                "shown from the start, before anybody answers"
            )
            await mara.until(lambda: mara.team.pending == 0 and mara.team.tray)
            await all_until(
                (mara, joe), lambda one: one.state.inventory.device(ROUTER.id) == _noted("by joe")
            )
            entries = (await mara.ask(QueryTray(1))).result["tray"]
            fields = [field for entry in entries for one in entry["clashes"] for field in one["fields"]]
            assert [(one["name"], one["theirs"], one["mine"]) for one in fields] == [
                ("note", "by joe", "by mara")
            ]
            await mara.ask(DropFromTray(1, UUID(entries[0]["edit"]["id"])))
            await mara.until(lambda: mara.team.tray == 0)


async def test_an_engine_that_is_killed_keeps_its_pending_edits(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", "--profile", str(folder)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"endpoint_open" not in await process.stderr.readline():
        pass
    client = await asyncio.to_thread(TestClient.of_profile, folder)
    edits = [Edit(new_id(), now_us(), "mara", "add", (creation("device", _numbered(n)),)) for n in range(20)]
    for edit in edits:
        reply = await asyncio.to_thread(client.ask, lambda number, edit=edit: SubmitEdit(number, edit))
        assert not reply.refusals
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    client.close()
    store = Store.open(folder / "heliograph.db", now_us=now_us(), new_id=new_id)
    kept = TeamStore(store).read()
    store.close()
    assert [own.edit.id for own in kept.edits] == [edit.id for edit in edits]


def _numbered(number: int) -> Device:
    return Device(new_id(), f"d{number}", f"127.0.1.{number}", (Probe("icmp"),), "relay")


async def test_whoever_leaves_keeps_what_is_shown_and_is_asked_before_edits_are_lost(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        async with running(folder) as mara:
            await mara.edit("add", creation("device", ROUTER))
            await mara.until(lambda: mara.team.pending == 0)
    async with running(folder) as mara:
        another = _numbered(1)
        await mara.edit("add another", creation("device", another))
        asked = await mara.ask(LeaveTeam(1, keep=True))
        assert [one.code for one in asked.refusals] == ["PENDING_EDITS"]
        assert not (await mara.ask(LeaveTeam(1, keep=True, lose_pending=True))).refusals
    async with running(folder) as alone:
        assert alone.engine._team.desk is None and alone.state.team is None
        assert set(alone.state.inventory.tables["device"]) == {ROUTER.id, another.id}
        await alone.edit("change", creation("device", _numbered(2)))

"""Engines and a real server: what one does the others see, online, cut off, and after."""

from __future__ import annotations

from pathlib import Path

from domain.edit import change, creation
from domain.inventory import Device, Probe
from domain.team import QueryTray
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.team.engines import all_until, join, running
from tests.team.servers import listening


async def test_a_router_moved_in_one_engine_is_moved_in_the_other_and_in_no_other_tenant(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        root = await server.found()
        await server.tenant(root, "South net")
        await server.member(root, "engineer", "other@example.org")
        await server.tenant(root, "North net")
        for login in ("mara@example.org", "joe@example.org"):
            await server.member(root, "engineer", login)
        folders = [
            await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe", "other")
        ]
        async with running(folders[0]) as mara, running(folders[1]) as joe, running(folders[2]) as other:
            await all_until((mara, joe, other), lambda one: one.team.reachability == "online")
            router = Device(new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay")
            await mara.edit("add", creation("device", router))
            found = await joe.until(lambda: joe.state.inventory.device(router.id))
            assert found == router
            moved = Device(router.id, "router", "127.0.0.1", (Probe("icmp"),), "relay", lng=7.0, lat=46.0)
            step = change("device", router, moved)
            assert step is not None
            await joe.edit("move", step)
            await mara.until(lambda: mara.state.inventory.device(router.id) == moved)
            await all_until((mara, joe), lambda one: one.team.pending == 0)
            assert not other.state.inventory.tables["device"]
            assert len(await joe.until(lambda: joe.team.people)) == 2
            await mara.until(lambda: {one.team.lease for one in (mara, joe)} == {"here", "elsewhere"})
            tray = (await joe.ask(QueryTray(1))).result
            assert tray == {"pending": [], "tray": [], "more": 0}

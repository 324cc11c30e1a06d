"""A device that nobody asks and that pushes what it measures, to a real server: who judges hears of it, and misses it."""

from __future__ import annotations

from pathlib import Path

from domain.edit import creation
from domain.inventory import Device
from engine.compose import new_id
from tests.server.conftest import ServerDatabase
from tests.server.pushing import pusher
from tests.team.engines import Joined, all_until, join, running
from tests.team.servers import listening


async def test_what_pushes_is_up_for_all_and_stale_when_nothing_comes(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database, ingest_flush_ms=5) as server:
        root = await server.found()
        await server.tenant(root)
        for who in ("mara", "joe"):
            await server.member(root, "engineer", f"{who}@example.org")
        folders = [await join(tmp_path / who, server, f"{who}@example.org") for who in ("mara", "joe")]
        mast = Device(new_id(), "mast", "192.0.2.1", (), "other", interval_s=1.0)
        async with running(folders[0]) as mara, running(folders[1]) as joe:
            await all_until((mara, joe), lambda one: one.team.reachability == "online")
            await joe.edit("add", creation("device", mast))
            await joe.until(lambda: joe.team.pending == 0)
            made = await pusher(server, root, str(mast.id))
            assert mast.id not in mara.state.health
            await made.push({"values": {"battery_pct": 88.5}})
            await all_until((mara, joe), lambda one: status(one, mast) == "up")
            await all_until((mara, joe), lambda one: status(one, mast) == "stale")
            await made.push({"values": {"battery_pct": 88.0}})
            await all_until((mara, joe), lambda one: status(one, mast) == "up")


def status(one: Joined, device: Device) -> str:
    health = one.state.health.get(device.id)
    return "" if health is None else str(health.status)

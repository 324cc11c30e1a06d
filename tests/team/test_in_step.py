"""How old what a window shows is: it moves on while all is calm, and a snapshot that still comes is no step."""

from __future__ import annotations

from pathlib import Path

from app.team.words import stand_of
from domain.edit import creation
from domain.inventory import Device, Probe
from engine.compose import new_id, now_us
from tests.server.conftest import ServerDatabase
from tests.team.engines import join, running, team
from tests.team.proxy import passing
from tests.team.servers import listening

DEVICES = 400


async def test_a_cut_after_a_calm_while_is_as_old_as_the_last_heartbeat(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        (folder,) = await team(server, tmp_path, "mara")
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.is_synced)
            first_us = mara.team.synced_us
            await mara.until(lambda: mara.team.synced_us > first_us + 1_000_000)
            calm_us = mara.team.synced_us
        async with running(folder) as mara:
            assert mara.team.synced_us >= calm_us, "it is kept"


async def test_while_a_snapshot_comes_it_is_said_how_much_of_it_is_here(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server:
        (first,) = await team(server, tmp_path, "mara")
        async with running(first) as mara:
            made = [
                Device(
                    new_id(),
                    f"d{n}",
                    f"10.0.{n // 250}.{n % 250 + 1}",
                    (Probe("icmp"),),
                    "relay",
                    paused=True,
                    note="x" * 2_000,
                )
                for n in range(DEVICES)
            ]
            await mara.edit("add", *(creation("device", one) for one in made[: DEVICES // 2]))
            await mara.edit("add", *(creation("device", one) for one in made[DEVICES // 2 :]))
            await mara.until(lambda: mara.team.pending == 0 and mara.team.is_synced)
        async with passing(int(server.url.rpartition(":")[2])) as line:
            server.url = line.url
            other = await join(tmp_path / "other", server, "mara@example.org")
            line.bytes_per_s = 20_000
            async with running(other) as fresh:
                await fresh.until(lambda: fresh.team.reachability == "online")
                state = fresh.team
                assert not state.is_synced and state.to_come >= DEVICES and state.synced_us == 0
                assert stand_of(state, now_us()).short == "Catching up"
                line.bytes_per_s = 0
                await fresh.until(lambda: fresh.team.is_synced)
                assert fresh.team.synced_us and stand_of(fresh.team, now_us()).short == "Synced"
                assert len(fresh.state.inventory.tables["device"]) == DEVICES

"""A server that stands still with its connections open: its engines notice, and what their windows say of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from app.team.words import stand_of
from domain.edit import creation
from domain.inventory import Device, Probe
from domain.sync import DEAD_AFTER_S
from engine.compose import new_id, now_us
from engine.sync.desk import LOOK_EVERY_S
from tests.server.conftest import ServerDatabase
from tests.team.engines import running, team
from tests.team.processes import an_office
from tests.team.proxy import passing
from tests.team.servers import listening

NOTICED_S = 15.0
"""Within that it is known: what has to be heard of a server meanwhile, and a look at it."""


def test_a_server_that_is_stopped_is_noticed_within_fifteen_seconds_and_heard_again_when_it_goes_on(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    with an_office(server_database.settings.database_url.value) as office:
        root = office.found()
        office.tenant(root, "North")
        mara = office.join(root, tmp_path, "engineer", "mara")
        try:
            mara.start()
            mara.online()
            assert stand_of(mara.team, now_us()).short == "Synced"
            server = office.server.program.pid
            os.kill(server, signal.SIGSTOP)
            try:
                mara.until(lambda: mara.team.reachability != "online")
                assert DEAD_AFTER_S + LOOK_EVERY_S < NOTICED_S
                assert f"for {DEAD_AFTER_S:g} s" in mara.team.why
                assert stand_of(mara.team, now_us()).level in ("waiting", "cut")
                assert "nothing was heard of the server" in mara.team.why
            finally:
                os.kill(server, signal.SIGCONT)
            mara.online()
        finally:
            mara.stop()


@pytest.fixture
def soon_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends hear a beat each half second, and hang up on who says nothing for three."""
    for name, limit_s in (
        ("engine.sync.socket.DEAD_AFTER_S", 3.0),
        ("sync_server.live.line.DEAD_AFTER_S", 3.0),
        ("sync_server.live.room.HEARTBEAT_S", 0.5),
        ("sync_server.live.room.TICK_S", 0.5),
        ("engine.sync.client.BEAT_S", 0.5),
    ):
        monkeypatch.setattr(name, limit_s)


@pytest.mark.usefixtures("soon_dead")
@pytest.mark.parametrize("ways", [("up",), ("down",), ("up", "down")], ids="-".join)
async def test_a_route_that_goes_silent_is_noticed_at_both_ends_and_what_waits_goes_up_by_another(
    tmp_path: Path, server_database: ServerDatabase, ways: tuple[str, ...]
) -> None:
    async with listening(server_database) as server, passing(int(server.url.rpartition(":")[2])) as route:
        server.url = route.url
        (folder,) = await team(server, tmp_path, "mara")
        hub = server.app.state.hub
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.is_synced)
            await mara.until(lambda: len(hub.rooms) == 1)
            route.hold(*ways)
            await mara.until(lambda: mara.team.reachability != "online")
            await mara.until(lambda: not hub.rooms)
            device = Device(new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay", paused=True)
            await mara.edit("add", creation("device", device))
            assert mara.team.pending == 1
            route.release()
            await mara.until(lambda: mara.team.pending == 0 and mara.team.is_synced)
            assert await server.owner.fetchval("SELECT count(*) FROM edit") == 1


@pytest.mark.usefixtures("soon_dead")
async def test_a_connection_that_swallows_all_is_given_up_for_another_by_which_what_waits_goes_up(
    tmp_path: Path, server_database: ServerDatabase
) -> None:
    async with listening(server_database) as server, passing(int(server.url.rpartition(":")[2])) as route:
        server.url = route.url
        (folder,) = await team(server, tmp_path, "mara")
        async with running(folder) as mara:
            await mara.until(lambda: mara.team.is_synced and mara.team.reachability == "online")
            desk = mara.engine._team.desk
            assert desk is not None
            swallowed = desk.client._line
            route.swallow()
            device = Device(new_id(), "router", "127.0.0.1", (Probe("icmp"),), "relay", paused=True)
            await mara.edit("add", creation("device", device))
            await mara.until(lambda: mara.team.pending == 0 and mara.team.reachability == "online")
            await mara.until(lambda: desk.client._line not in (None, swallowed))
            assert await server.owner.fetchval("SELECT count(*) FROM edit") == 1
